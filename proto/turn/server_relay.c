/* Data. Nothing here takes memory, and nothing refreshes anything (RFC 8656 sections 9 and 12).
 *
 * From a client: the 5-tuple and the channel's number are one look-up, and the data is sent on from where it came. From a
 * peer: the relay is the socket's owner, the peer's channel is one look-up, and the data is copied once, behind its new
 * header. Headers of packets are treated as server.h says. That something was relayed goes with it to the host, which says
 * so only when it takes it: nobody shall find in the journal that it was relayed, and then dropped. */
#include "proto/turn/server_private.h"

/* What one datagram of a client costs and needs before it is sent. */
struct passage {
    struct turn_allocation *allocation;
    struct endpoint peer;
    struct span data;
    uint16_t channel;
    bool dont_fragment; /* the client has asked for it */
};

/* --- headers ----------------------------------------------------------------------------------------------------- */

/* Section 14, the preferred behaviours; what the host can't tell is sent as its default. Zero is the default, too: so a host
 * that has to be told has less to do. */
static void
copy_marks(struct io_datagram *to, const struct io_datagram *from)
{
    if (from->dscp > 0)
        to->dscp = from->dscp;
    if (from->ecn > 0)
        to->ecn = from->ecn;
}

static void
copy_dont_fragment(struct io_datagram *to, const struct io_datagram *from)
{
    if (address_is_ipv4(to->peer.address) && address_is_ipv4(from->peer.address))
        to->dont_fragment = from->dont_fragment > 0;
}

/* What becomes of data by what the host says to it. */
static enum drop_reason
reason_of(enum io_result result)
{
    switch (result) {
    case IO_OK:
        return DROP_NONE;
    case IO_TOO_BIG:
        return DROP_TOO_BIG;
    default:
        return DROP_UNSENT;
    }
}

/* --- from the client --------------------------------------------------------------------------------------------- */

static void
drop(const struct turn_arrival *arrival, const struct turn_allocation *allocation, enum drop_reason reason)
{
    struct flow flow = turn_flow_of_client(&arrival->tuple);

    turn_server_drop(arrival->server, &flow, arrival->datagram->packet, allocation, reason);
}

static struct record
record_to_peer(const struct turn_arrival *arrival, const struct passage *passage, const struct turn_relay *relay)
{
    struct record record = turn_record_of(&turn_kind_to_peer, passage->allocation);

    record.packet = arrival->datagram->packet;
    record.verdict = VERDICT_MINE;
    record.subject[1] = passage->channel;
    record.detail = (int64_t)passage->data.length;
    record.after = (struct flow){ relay->relayed.address, passage->peer.address, relay->relayed.port,
                                  passage->peer.port, PROTOCOL_UDP };
    return record;
}

static enum drop_reason
send_to_peer(const struct turn_arrival *arrival, const struct passage *passage, const struct turn_relay *relay,
             struct io_datagram *datagram)
{
    struct io_udp *udp = relay->socket;
    struct record record;

    if (turn_server_tells_data(arrival->server)) {
        record = record_to_peer(arrival, passage, relay);
        datagram->told = &record;
    }
    return reason_of(udp->ops->send(udp, datagram));
}

static enum drop_reason
judge_passage(const struct turn_arrival *arrival, const struct passage *passage, struct turn_relay **relay)
{
    struct turn_allocation *allocation = passage->allocation;

    *relay = turn_allocation_relay(allocation, address_family(passage->peer.address));
    if (!*relay || (*relay)->expires <= arrival->now)
        return DROP_PEER_FAMILY;
    if (!turn_may_send(arrival->server, passage->peer, arrival->now))
        return DROP_PEER_REFUSED;
    return turn_budget_spend(allocation, passage->data.length, arrival->now) ? DROP_NONE : DROP_OVER_BANDWIDTH;
}

static void
pass_on(const struct turn_arrival *arrival, const struct passage *passage)
{
    struct turn_server *server = arrival->server;
    struct turn_allocation *allocation = passage->allocation;
    struct io_datagram datagram = IO_DATAGRAM_TO(turn_inward(server, passage->peer), passage->data);
    struct turn_relay *relay;
    enum drop_reason reason = judge_passage(arrival, passage, &relay);

    if (reason != DROP_NONE) {
        drop(arrival, allocation, reason);
        return;
    }
    if (arrival->tuple.protocol == PROTOCOL_UDP)
        copy_marks(&datagram, arrival->datagram);
    copy_dont_fragment(&datagram, arrival->datagram);
    if (passage->dont_fragment && address_is_ipv4(datagram.peer.address))
        datagram.dont_fragment = 1;
    reason = send_to_peer(arrival, passage, relay, &datagram);
    if (reason != DROP_NONE) {
        drop(arrival, allocation, reason);
        return;
    }
    allocation->datagrams_to_peers++;
    allocation->bytes_to_peers += passage->data.length;
    server->counters.datagrams_to_peers++;
    server->counters.bytes_to_peers += passage->data.length;
}

void
turn_relay_channel_data(const struct turn_arrival *arrival)
{
    struct turn_channel_data message;
    const struct turn_channel *channel;

    if (!turn_channel_data_read_to(arrival->datagram->data, turn_last_channel(arrival->server), &message)) {
        drop(arrival, NULL, DROP_MALFORMED_CHANNEL);
        return;
    }
    channel = turn_channel_of_client(arrival->server->table, &arrival->tuple, message.channel, arrival->now);
    if (!channel) {
        struct turn_allocation *allocation =
            turn_allocation_find(arrival->server->table, &arrival->tuple, arrival->now);

        drop(arrival, allocation, allocation ? DROP_NO_CHANNEL : DROP_NO_ALLOCATION);
        return;
    }

    struct passage passage = { .allocation = channel->allocation, .peer = channel->peer, .data = message.data,
                               .channel = message.channel };

    pass_on(arrival, &passage);
}

/* Section 11.2. */
void
turn_relay_send(const struct turn_arrival *arrival, const struct stun_message *message)
{
    struct turn_server *server = arrival->server;
    struct stun_value peer, data;
    struct passage passage = { .dont_fragment = stun_message_find(message, STUN_DONT_FRAGMENT) != NULL };
    struct stun_types unknown;

    passage.allocation = turn_allocation_find(server->table, &arrival->tuple, arrival->now);
    if (!passage.allocation) {
        drop(arrival, NULL, DROP_NO_ALLOCATION);
        return;
    }
    if (stun_message_unknown(message, STUN_SET_BASE | STUN_SET_TURN, &unknown) ||
        stun_message_get(message, STUN_XOR_PEER_ADDRESS, &peer) != STUN_PRESENT ||
        stun_message_get(message, STUN_DATA_ATTRIBUTE, &data) != STUN_PRESENT ||
        (passage.dont_fragment && server->options.no_dont_fragment) || passage.allocation->protocol != PROTOCOL_UDP) {
        drop(arrival, passage.allocation, DROP_UNEXPECTED_STUN);
        return;
    }
    if (!turn_permission_find(server->table, passage.allocation, peer.endpoint.address, arrival->now)) {
        drop(arrival, passage.allocation, DROP_NO_PERMISSION);
        return;
    }
    passage.peer = peer.endpoint;
    passage.data = data.bytes;
    pass_on(arrival, &passage);
}

/* --- from the peer ----------------------------------------------------------------------------------------------- */

/* A Data indication into the server's buffer, with what `put` appends to the peer's address. */
static void
begin_data(struct turn_server *server, struct stun_builder *builder, struct endpoint peer)
{
    struct stun_header header = { .class = STUN_INDICATION, .method = STUN_DATA, .cookie = STUN_COOKIE };

    server->io->ops->random(server->io, header.id.bytes, sizeof header.id.bytes);
    stun_builder_begin(builder, server->buffer, sizeof server->buffer, &header);
    stun_put_endpoint(builder, STUN_XOR_PEER_ADDRESS, peer);
}

static struct span
wrap(struct turn_server *server, const struct turn_channel *channel, struct endpoint peer, struct span data)
{
    struct stun_builder builder;

    if (channel)
        return turn_channel_data_write(channel->number, data, server->buffer, sizeof server->buffer);
    begin_data(server, &builder, peer);
    stun_builder_raw(&builder, STUN_DATA_ATTRIBUTE, data);
    return stun_builder_finish(&builder);
}

static struct flow
flow_of_peer(const struct turn_relay *relay, struct endpoint peer)
{
    return (struct flow){ peer.address, relay->relayed.address, peer.port, relay->relayed.port, PROTOCOL_UDP };
}

static struct record
record_to_client(const struct record_kind *kind, const struct turn_relay *relay, struct endpoint peer)
{
    struct record record = turn_record_of(kind, relay->allocation);
    const struct turn_tuple *tuple = &relay->allocation->tuple;

    record.verdict = VERDICT_MINE;
    record.before = flow_of_peer(relay, peer);
    record.after = (struct flow){ tuple->server.address, tuple->client.address, tuple->server.port, tuple->client.port,
                                  tuple->protocol };
    return record;
}

/* Section 11.3: the permission first, then the channel. */
static enum drop_reason
judge_peer(struct turn_server *server, const struct turn_relay *relay, struct endpoint peer, size_t length, int64_t now,
           const struct turn_channel **channel)
{
    struct turn_allocation *allocation = relay->allocation;
    bool permitted;

    if (relay->expires <= now)
        return DROP_NO_ALLOCATION;
    *channel = turn_channel_of_peer(server->table, allocation, peer, now, &permitted);
    if (!*channel)
        permitted = turn_permission_find(server->table, allocation, peer.address, now) != NULL;
    if (!permitted)
        return DROP_NO_PERMISSION;
    return turn_budget_spend(relay->allocation, length, now) ? DROP_NONE : DROP_OVER_BANDWIDTH;
}

static enum drop_reason
send_data(struct turn_server *server, const struct turn_relay *relay, struct endpoint peer,
          const struct turn_channel *channel, const struct io_datagram *datagram)
{
    struct span message = wrap(server, channel, peer, datagram->data);
    struct record record;
    bool tells = turn_server_tells_data(server);

    if (message.length == 0)
        return DROP_TOO_BIG;
    if (tells) {
        record = record_to_client(&turn_kind_to_client, relay, peer);
        record.packet = datagram->packet;
        record.subject[1] = channel ? channel->number : 0;
        record.detail = (int64_t)datagram->data.length;
    }
    return reason_of(turn_send_to_client(relay->allocation, message, datagram, tells ? &record : NULL));
}

static void
on_peer_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct turn_relay *relay = owner; /* NULL: the port is only reserved */
    struct turn_server *server = relay ? relay->allocation->home : NULL;
    const struct turn_channel *channel = NULL;
    enum drop_reason reason;
    struct endpoint peer;

    (void)udp;
    if (!relay)
        return;
    peer = turn_outward(server, datagram->peer);
    reason = judge_peer(server, relay, peer, datagram->data.length, server->io->ops->now(server->io), &channel);
    if (reason == DROP_NONE)
        reason = send_data(server, relay, peer, channel, datagram);
    if (reason != DROP_NONE) {
        struct flow flow = flow_of_peer(relay, peer);

        turn_server_drop(server, &flow, datagram->packet, relay->allocation, reason);
        return;
    }
    relay->allocation->datagrams_to_client++;
    relay->allocation->bytes_to_client += datagram->data.length;
    server->counters.datagrams_to_clients++;
    server->counters.bytes_to_clients += datagram->data.length;
}

enum io_result
turn_send_to_client(const struct turn_allocation *allocation, struct span message, const struct io_datagram *marks,
                    struct record *told)
{
    struct turn_server *server = allocation->home;
    struct io_datagram datagram = IO_DATAGRAM_TO(allocation->tuple.client, message);
    struct io_udp *udp = allocation->via;
    bool stream = allocation->tuple.protocol != PROTOCOL_UDP;
    enum io_result result;

    if (!stream) {
        datagram.local = allocation->tuple.server;
        datagram.told = told;
    }
    if (!stream && marks) {
        copy_marks(&datagram, marks);
        copy_dont_fragment(&datagram, marks);
    }
    result = udp->ops->send(udp, &datagram);
    if (stream && told && result == IO_OK)
        server->io->ops->note(server->io, told);
    return result;
}

/* --- ICMP -------------------------------------------------------------------------------------------------------- */

/* Section 11.5: unreachable and time exceeded, and of IPv6 too big. */
static bool
is_told(enum family family, uint8_t type)
{
    return family == FAMILY_IPV4 ? type == 3 || type == 11 : type >= 1 && type <= 3;
}

static enum drop_reason
judge_icmp(const struct turn_server *server, const struct turn_relay *relay, struct endpoint peer, uint8_t type,
           int64_t now)
{
    if (relay->expires <= now)
        return DROP_NO_ALLOCATION;
    if (server->options.no_icmp || !is_told(address_family(peer.address), type))
        return DROP_UNHANDLED_ICMP;
    return turn_permission_find(server->table, relay->allocation, peer.address, now) ? DROP_NONE : DROP_NO_PERMISSION;
}

/* Section 18.13. Its figure has seven bits for the type and nine for the code, of which ICMP has eight each: here they stand
 * in a byte each. */
static uint64_t
icmp_value(const struct io_icmp *icmp)
{
    return (uint64_t)icmp->type << 40 | (uint64_t)icmp->code << 32 | icmp->info;
}

static void
on_peer_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct turn_relay *relay = owner;
    struct turn_server *server = relay ? relay->allocation->home : NULL;
    int64_t now = relay ? server->io->ops->now(server->io) : 0;
    struct endpoint peer;
    struct stun_builder builder;
    struct record record;
    enum drop_reason reason;

    (void)udp;
    if (!relay)
        return;
    peer = turn_outward(server, icmp->peer);
    reason = judge_icmp(server, relay, peer, icmp->type, now);
    if (reason != DROP_NONE) {
        struct flow flow = { icmp->from, relay->relayed.address, 0, 0, PROTOCOL_ICMP };

        turn_server_drop(server, &flow, 0, relay->allocation, reason);
        return;
    }
    begin_data(server, &builder, peer);
    stun_put_number(&builder, STUN_ICMP, icmp_value(icmp));
    record = record_to_client(&turn_kind_icmp, relay, peer);
    record.rule = (uint16_t)(icmp->type << 8 | icmp->code);
    if (turn_send_to_client(relay->allocation, stun_builder_finish(&builder), NULL,
                            turn_server_tells_data(server) ? &record : NULL) == IO_OK)
        server->counters.icmp++;
    else
        server->counters.unsent++;
}

const struct io_udp_events turn_relay_events = { on_peer_datagram, on_peer_icmp };
