/* Our TURN client on a real socket, for what it does with other people's servers:
 *
 *     turn udp|tcp SERVER USER PASSWORD PEER [BYTES]    PEER echoes datagrams, of so many bytes
 *     turn connect SERVER USER PASSWORD PEER            PEER echoes a stream (RFC 6062)
 *
 * It allocates; then permits the peer and has datagrams echoed by indications; then binds a channel and has as many
 * echoed by that; then releases the allocation. Or it has the server connect, and a stream echoed. One line a step:
 *
 *     allocated 198.51.100.20:50000, seen as 198.51.100.2:40000
 *     indications 100 of 100
 *     channel 100 of 100
 *     released
 *
 * or "connected" and "stream 100000 of 100000". Ends with 0 when all of it came; what fails is the last line. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/live/live.h"
#include "proto/turn/client.h"

enum { DATAGRAMS = 100, WINDOW = 8, LEAST = 16, MOST = 4000, STREAM_BYTES = 100000 };
enum step { STEP_INDICATIONS, STEP_CHANNEL, STEP_STREAM, STEP_COUNT };

static const char *const steps[] = { "indications", "channel", "stream" };

G_STATIC_ASSERT(G_N_ELEMENTS(steps) == STEP_COUNT);

struct trial {
    GMainLoop *loop;
    struct turn_client *client;
    struct endpoint peer;
    enum step step;
    unsigned bytes; /* of a datagram */
    unsigned sent, received;
    struct io_tcp *tcp;
    bool good;
};

static void
stop(struct trial *trial, const char *why)
{
    if (why)
        printf("%s\n", why);
    g_main_loop_quit(trial->loop);
}

static void
fail(struct trial *trial, const char *what, const struct turn_client_failure *failure)
{
    printf("%s: %s %u\n", what, turn_client_why_word(failure->why), failure->code);
    stop(trial, NULL);
}

/* --- datagrams -------------------------------------------------------------------------------------------------- */

/* Each says which it is, so that one that comes twice is no second one. */
static struct span
make_datagram(const struct trial *trial, unsigned n, char text[MOST])
{
    memset(text, '.', trial->bytes);
    snprintf(text, LEAST, "%d %u", (int)trial->step, n);
    return span_of(text, trial->bytes);
}

static void
send_some(struct trial *trial)
{
    struct io_udp *relay = turn_client_relay(trial->client);

    for (; trial->sent < DATAGRAMS && trial->sent < trial->received + WINDOW; trial->sent++) {
        char text[MOST];
        struct io_datagram datagram = IO_DATAGRAM_TO(trial->peer, make_datagram(trial, trial->sent, text));

        if (relay->ops->send(relay, &datagram) != IO_OK) {
            stop(trial, "not sent");
            return;
        }
    }
}

static void
on_granted(void *owner, struct turn_client *client, struct endpoint peer, const struct turn_client_failure *failure)
{
    struct trial *trial = owner;

    (void)client, (void)peer;
    if (failure)
        fail(trial, steps[trial->step], failure);
    else
        send_some(trial);
}

static void
begin(struct trial *trial, enum step step)
{
    trial->step = step;
    trial->sent = trial->received = 0;
    if (step == STEP_INDICATIONS)
        turn_client_permit(trial->client, trial->peer.address, on_granted, trial);
    else
        turn_client_channel(trial->client, trial->peer, on_granted, trial);
}

/* Whether all went the way that the step is about. */
static bool
went_right(const struct trial *trial)
{
    const struct turn_client_counters *counters = turn_client_counters(trial->client);

    if (trial->step == STEP_INDICATIONS)
        return counters->sent_indication == DATAGRAMS && counters->received_indication == DATAGRAMS;
    return counters->sent_channel == DATAGRAMS && counters->received_channel == DATAGRAMS;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct trial *trial = owner;
    char text[MOST];

    (void)udp;
    if (!endpoint_equal(datagram->peer, trial->peer) ||
        !span_equal(datagram->data, make_datagram(trial, trial->received, text)))
        return;
    trial->received++;
    send_some(trial);
    if (trial->received < DATAGRAMS)
        return;
    printf("%s %u of %u%s\n", steps[trial->step], trial->received, DATAGRAMS, went_right(trial) ? "" : ", another way");
    if (trial->step == STEP_INDICATIONS)
        begin(trial, STEP_CHANNEL);
    else
        turn_client_release(trial->client);
}

/* --- streams ---------------------------------------------------------------------------------------------------- */

static uint8_t
byte_at(unsigned at)
{
    return (uint8_t)(at * 31 >> 3);
}

static void
write_some(struct trial *trial)
{
    uint8_t bytes[4096];
    enum io_result why;
    ssize_t taken = 1;

    while (trial->sent < STREAM_BYTES && taken > 0) {
        unsigned length = MIN(sizeof bytes, STREAM_BYTES - trial->sent);

        for (unsigned i = 0; i < length; i++)
            bytes[i] = byte_at(trial->sent + i);
        taken = trial->tcp->ops->write(trial->tcp, bytes, length, &why);
        trial->sent += taken > 0 ? (unsigned)taken : 0;
    }
}

static void
read_some(struct trial *trial)
{
    uint8_t bytes[4096];
    enum io_result why;
    ssize_t length;

    while ((length = trial->tcp->ops->read(trial->tcp, bytes, sizeof bytes, &why)) > 0)
        for (ssize_t i = 0; i < length; i++, trial->received++)
            if (bytes[i] != byte_at(trial->received)) {
                stop(trial, "another byte came back");
                return;
            }
    if (trial->received < STREAM_BYTES)
        return;
    printf("stream %u of %u\n", trial->received, STREAM_BYTES);
    trial->good = trial->received == STREAM_BYTES;
    stop(trial, NULL);
}

static void
on_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct trial *trial = owner;

    (void)tcp, (void)result;
    if (ready == IO_FAILED) {
        stop(trial, "the stream has failed");
        return;
    }
    write_some(trial);
    read_some(trial);
}

static void
on_connected(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *tcp,
             const struct turn_client_failure *failure)
{
    struct trial *trial = owner;

    (void)client, (void)peer;
    if (failure) {
        fail(trial, "connect", failure);
        return;
    }
    printf("connected\n");
    trial->tcp = tcp;
    tcp->ready = on_ready;
    tcp->owner = trial;
    write_some(trial);
    read_some(trial);
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static void
on_allocated(struct trial *trial, const struct turn_client_news *news)
{
    char relayed[ENDPOINT_TEXT], mapped[ENDPOINT_TEXT];

    printf("allocated %s, seen as %s\n", endpoint_format(news->relayed, relayed), endpoint_format(news->mapped, mapped));
    if (trial->step != STEP_STREAM)
        begin(trial, STEP_INDICATIONS);
    else if (turn_client_connect(trial->client, trial->peer, on_connected, trial) != IO_AGAIN)
        stop(trial, "connect: not asked for");
}

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    struct trial *trial = owner;

    (void)client;
    if (news->event == TURN_CLIENT_ALLOCATED) {
        on_allocated(trial, news);
    } else if (news->event == TURN_CLIENT_RELEASED && news->failure.why == TURN_CLIENT_WHY_NONE) {
        trial->good = true;
        stop(trial, "released");
    } else if (!trial->good) {
        fail(trial, "allocation", &news->failure);
    }
}

static const struct turn_client_events events = { on_told, { on_datagram, NULL } };

int
main(int argc, char **argv)
{
    static const char *const ways[] = { "udp", "tcp", "connect" };
    g_autoptr(live) live = live_new(NULL, NULL);
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct trial trial = { .loop = loop };
    struct turn_client_options options = { .software = "punchlab", .keepalive = TURN_CLIENT_KEEPALIVE };
    unsigned way = 0;

    while (argc >= 6 && way < G_N_ELEMENTS(ways) && strcmp(argv[1], ways[way]) != 0)
        way++;
    trial.bytes = argc == 7 ? (unsigned)atoi(argv[6]) : 100;
    if (!live || argc < 6 || argc > 7 || way == G_N_ELEMENTS(ways) || !endpoint_parse(argv[2], &options.server) ||
        !endpoint_parse(argv[5], &trial.peer) || trial.bytes < LEAST || trial.bytes > MOST) {
        fputs("usage: turn udp|tcp|connect SERVER:PORT USER PASSWORD PEER:PORT [BYTES]\n", stderr);
        return 2;
    }
    options.username = argv[3];
    options.password = argv[4];
    options.transport = way == 0 ? TURN_CLIENT_UDP : TURN_CLIENT_TCP;
    options.protocol = way == 2 ? PROTOCOL_TCP : 0;
    options.family = address_is_ipv4(trial.peer.address) ? FAMILY_NONE : FAMILY_IPV6;
    trial.step = way == 2 ? STEP_STREAM : STEP_INDICATIONS;
    trial.client = turn_client_new(live_io(live), &options, &events, &trial);
    g_main_loop_run(loop);
    if (trial.tcp)
        trial.tcp->ops->close(trial.tcp, false);
    turn_client_free(trial.client);
    return trial.good ? 0 : 1;
}
