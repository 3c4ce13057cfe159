/* The way to the server: a socket of its own or a shared one, or a connection; and the transactions that go there. */
#include "proto/turn/client_private.h"

#include "proto/stun/stream.h"

#define BACKLOG 262144 /* bytes to the server that TCP has not taken yet */

/* The first wait for an answer by UDP when TCP could be tried: 7.5 s in all. */
#define TIMER_BEFORE_TCP ((struct stun_timer_options){ .rto = 500 * TIME_MS, .rc = 4, .rm = 8 })

static void
on_leg_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    turn_client_own_datagram(owner, udp, datagram);
}

static void
on_leg_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    turn_client_icmp(owner, udp, icmp);
}

/* The server has closed the connection, it has failed, or something came that is no message. With it the allocation is
 * gone: its 5-tuple will not come again. */
static void
on_leg_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    struct turn_client *client = owner;
    bool broken = fault != STUN_FAULT_NONE;

    if (client->phase != PHASE_HOLDING) {
        stun_client_lost(client->stun, udp, broken ? IO_CLOSED : why);
        return;
    }
    turn_client_lose(client, (struct turn_client_failure){
                                 .why = broken ? TURN_CLIENT_WHY_MALFORMED : TURN_CLIENT_WHY_CONNECTION, .io = why });
}

static const struct io_udp_events udp_events = { on_leg_datagram, on_leg_icmp };
static const struct stun_stream_events stream_events = { .udp = { .datagram = on_leg_datagram },
                                                         .ended = on_leg_ended };

static struct io_udp *
open_tcp(struct turn_client *client, enum io_result *why)
{
    static const struct stun_stream_options stream = { .channels = true,
                                                       .most = STUN_HEADER_BYTES + 65535 + 1,
                                                       .backlog = BACKLOG };
    struct io *io = client->io;
    struct io_tcp *tcp = io->ops->connect(io, &client->options.local, &client->attempt.server, false, NULL, NULL, why);

    return tcp ? stun_stream_take(tcp, &stream, &stream_events, client) : NULL;
}

bool
turn_client_open_leg(struct turn_client *client, enum io_result *why)
{
    struct io *io = client->io;

    if (client->leg)
        return true;
    client->leg_is_ours = client->attempt.protocol == PROTOCOL_TCP || !client->options.udp;
    if (!client->leg_is_ours)
        client->leg = client->options.udp;
    else if (client->attempt.protocol == PROTOCOL_TCP)
        client->leg = open_tcp(client, why);
    else
        client->leg = io->ops->udp(io, &client->options.local, &udp_events, client, why);
    return client->leg != NULL;
}

void
turn_client_close_leg(struct turn_client *client)
{
    if (client->leg && client->leg_is_ours)
        client->leg->ops->close(client->leg);
    client->leg = NULL;
}

struct stun_transaction *
turn_client_ask(struct turn_client *client, enum stun_method method, stun_done *done, void *owner)
{
    bool tcp = client->attempt.protocol == PROTOCOL_TCP;
    struct stun_request request = {
        .udp = client->leg,
        .server = client->attempt.server,
        .local.address = client->options.udp ? client->options.local.address : ADDRESS_NONE,
        .timer = tcp ? STUN_TIMER_STREAM : client->options.timer,
        .protocol = client->attempt.protocol,
        .understood = STUN_SET_BASE | STUN_SET_TURN | STUN_SET_TURN_TCP,
        .credentials = client->credentials,
        .done = done,
        .owner = owner,
    };

    if (method == STUN_ALLOCATE && request.timer.rto == 0 && client->options.transport == TURN_CLIENT_UDP_THEN_TCP)
        request.timer = TIMER_BEFORE_TCP;
    client->sent_at = turn_client_now(client); /* it is started at once; when it is sent again does not matter here */
    return stun_transaction_new(client->stun, method, &request);
}
