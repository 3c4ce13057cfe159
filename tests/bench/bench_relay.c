/* `punchlab serve turn` beside coturn's turnserver, on loopback, under the same load: datagrams relayed a second of the
 * server's own CPU time, both ways at once, by channels and by indications; and what ten thousand allocations take of our
 * process's memory. Both are told to log nothing and to ask for no passwords.
 *
 * Datagrams come in bursts of four, as the packets of a video frame do, or one at a time, as voice does. A burst is handed
 * over as one, which a server may take whole or not, or else datagram by datagram (support_load.h). The rounds of the two
 * take turns, and their processor time is counted, not the wall's, so that what else the machine does weighs on both. */
#include <fcntl.h>
#include <glib.h>
#include <glib/gstdio.h>
#include <netinet/in.h>
#include <math.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/live/sockaddr.h"
#include "proto/stun/attributes.h"
#include "proto/turn/channel_data.h"
#include "tests/bench/bench.h"
#include "tests/bench/support_load.h"
#include "tests/bench/support_server.h"
#include "tests/bench/support_turn.h"

enum { CLIENTS = 16, LANES = 2 * CLIENTS, RUNS = 9, PAYLOAD = 160, ALLOCATIONS = 10000 };
static const double run_seconds = 0.6, warm_up_seconds = 0.2;

/* How data goes between client and server. */
enum way { WAY_CHANNEL, WAY_INDICATION };

static const struct load {
    const char *figure;
    enum way way;
    unsigned window; /* under way in a lane */
    bool joined;     /* a burst is handed over as one */
    double reach;    /* times theirs; 0: no aim was set */
} loads[] = {
    { "relayed a CPU second beside turnserver, channels, bursts", WAY_CHANNEL, 4, true, 1.5 },
    { "indications, bursts", WAY_INDICATION, 4, true, 1.5 },
    { "channels, bursts datagram by datagram", WAY_CHANNEL, 4, false, 0 },
    { "indications, bursts datagram by datagram", WAY_INDICATION, 4, false, 0 },
    { "channels, one at a time", WAY_CHANNEL, 1, false, 0 },
    { "indications, one at a time", WAY_INDICATION, 1, false, 0 },
};

/* One client and its peer: a lane each way. */
struct pair {
    int client, peer;
    uint8_t wrapped[LOAD_MESSAGE];
};

struct rival {
    struct server_process *server;
    struct pair pairs[CLIENTS];
    struct load_lane lanes[LANES];
    struct load_result all; /* of all runs */
};

static const uint8_t payload[PAYLOAD];

/* --- lanes ------------------------------------------------------------------------------------------------------ */

static struct endpoint
name_of(int fd)
{
    union live_sockaddr name;
    socklen_t length = sizeof name;

    getsockname(fd, &name.any, &length);
    return live_sockaddr_read(&name.any);
}

/* What the client sends so that the peer gets the payload. */
static struct span
wrap(enum way way, struct endpoint peer, uint8_t buffer[LOAD_MESSAGE])
{
    struct stun_header header = { STUN_INDICATION, STUN_SEND, STUN_COOKIE, { { 1 } } };
    struct span data = span_of(payload, sizeof payload);
    struct stun_builder builder;

    if (way == WAY_CHANNEL)
        return turn_channel_data_write(TURN_LOAD_CHANNEL, data, buffer, LOAD_MESSAGE);
    stun_builder_begin(&builder, buffer, LOAD_MESSAGE, &header);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, peer);
    stun_builder_raw(&builder, STUN_DATA_ATTRIBUTE, data);
    return stun_builder_finish(&builder);
}

/* Where the payload stands in what the client gets: servers order the attributes of a Data indication as they like. */
static size_t
place_in(struct span message)
{
    struct stun_message decoded;
    struct stun_value value;

    if (turn_looks_like_channel_data(message))
        return TURN_CHANNEL_HEADER_BYTES;
    if (stun_message_decode(message, &decoded) != STUN_FAULT_NONE ||
        stun_message_get(&decoded, STUN_DATA_ATTRIBUTE, &value) != STUN_PRESENT)
        return 0;
    return (size_t)(value.bytes.bytes - message.bytes);
}

/* One datagram from the peer, to learn that; 0 when it does not come. */
static size_t
probe(const struct pair *pair)
{
    uint8_t bytes[LOAD_MESSAGE];
    ssize_t length = send(pair->peer, payload, sizeof payload, 0);

    if (length >= 0)
        length = recv(pair->client, bytes, sizeof bytes, 0);
    return length > 0 ? place_in(span_of(bytes, (size_t)length)) : 0;
}

static void
unblock(int fd)
{
    int size = 1 << 20;

    fcntl(fd, F_SETFL, O_NONBLOCK);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
}

static bool
open_pair(struct pair *pair, struct load_lane lanes[2], const struct load *load, struct endpoint server)
{
    struct endpoint relayed, peer;
    struct span wrapped;
    size_t at;

    pair->client = turn_load_socket(server, SOCK_DGRAM, 2);
    if (!turn_load_allocate(pair->client, &relayed))
        return false;
    pair->peer = load_socket(relayed);
    peer = name_of(pair->peer);
    if (!(load->way == WAY_CHANNEL ? turn_load_bind(pair->client, peer) : turn_load_permit(pair->client, peer)))
        return false;
    at = probe(pair);
    wrapped = wrap(load->way, peer, pair->wrapped);
    unblock(pair->client);
    lanes[0] = (struct load_lane){ .out = pair->client,
                                   .in = pair->peer,
                                   .message = wrapped,
                                   .sent_at = place_in(wrapped),
                                   .joined = load->joined };
    lanes[1] = (struct load_lane){ .out = pair->peer,
                                   .in = pair->client,
                                   .message = span_of(payload, sizeof payload),
                                   .received_at = at,
                                   .begins = load->way == WAY_CHANNEL ? span_of("\x40\0", 2) : span_of("\0\x17", 2),
                                   .joined = load->joined };
    return at > 0;
}

/* --- the two ---------------------------------------------------------------------------------------------------- */

static void
stop(struct rival *rival)
{
    if (!rival->server)
        return;
    for (int i = 0; i < CLIENTS; i++) {
        close(rival->pairs[i].client);
        close(rival->pairs[i].peer);
    }
    server_process_stop(rival->server);
    rival->server = NULL;
}

static struct server_process *
start_our_process(struct endpoint at)
{
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL), *folder = g_path_get_dirname(self);
    g_autofree char *program = g_build_filename(folder, "punchlab", NULL);
    char text[ENDPOINT_TEXT];
    const char *const argv[] = { program,   "serve",       "turn",    "--listen", endpoint_format(at, text), "--open",
                                 "--allow", "127.0.0.0/8", "--drain", "0",        "--quiet",                 NULL };

    return server_process_start(argv, at);
}

static struct server_process *
start_their_process(struct endpoint at, const char *folder)
{
    g_autofree char *port = g_strdup_printf("%u", at.port);
    g_autofree char *users = g_strdup_printf("--userdb=%s/users", folder);
    g_autofree char *pid = g_strdup_printf("--pidfile=%s/pid", folder);
    const char *const argv[] = { "turnserver", "-n", "-z", "-L", "127.0.0.1", "-p", port, "--allow-loopback-peers",
                                 "--no-cli", "--no-tls", "--no-dtls", "--log-file=stdout", "--simple-log", users, pid,
                                 NULL };

    return server_process_start(argv, at);
}

/* Takes the process over. */
static bool
open_pairs(struct rival *rival, struct server_process *server, const struct load *load, struct endpoint at)
{
    bool good = server != NULL;

    *rival = (struct rival){ .server = server };
    for (int i = 0; i < CLIENTS; i++)
        rival->pairs[i].client = rival->pairs[i].peer = -1;
    for (int i = 0; good && i < CLIENTS; i++)
        good = open_pair(&rival->pairs[i], &rival->lanes[2 * i], load, at);
    return good;
}

/* --- relayed data ----------------------------------------------------------------------------------------------- */

/* Thousands of relayed datagrams a CPU second. */
static double
relayed_per_second(struct rival *rival, unsigned window)
{
    double before = server_process_cpu(rival->server);
    struct load_result result = load_run(rival->lanes, LANES, window, run_seconds);
    double taken = server_process_cpu(rival->server) - before;

    rival->all.answered += result.answered;
    rival->all.lost += result.lost;
    rival->all.wrong += result.wrong;
    return taken > 0 ? (double)result.answered / taken / 1e3 : 0;
}

static void
compare(struct bench *bench, const struct load *load, struct rival *ours, struct rival *theirs)
{
    double our_runs[RUNS], their_runs[RUNS], their_median;

    load_run(ours->lanes, LANES, load->window, warm_up_seconds);
    load_run(theirs->lanes, LANES, load->window, warm_up_seconds);
    for (int i = 0; i < RUNS; i++) {
        their_runs[i] = relayed_per_second(theirs, load->window);
        our_runs[i] = relayed_per_second(ours, load->window);
    }
    their_median = bench_median_of(their_runs, RUNS);
    bench_row(bench, load->figure, "k/s", BENCH_MORE, load->reach * their_median, bench_median_of(our_runs, RUNS),
              their_median);
    if (ours->all.lost + ours->all.wrong > 0)
        printf("  of ours %" G_GUINT64_FORMAT " were lost and %" G_GUINT64_FORMAT " wrong, of %" G_GUINT64_FORMAT "\n",
               ours->all.lost, ours->all.wrong, ours->all.answered);
}

static void
bench_load(struct bench *bench, const struct load *load, const char *folder)
{
    g_autofree char *found = g_find_program_in_path("turnserver");
    struct endpoint at = server_process_place(), their_at;
    struct rival ours = { .server = NULL }, theirs = { .server = NULL };

    if (!found) {
        bench_skip(bench, load->figure, "turnserver is not installed");
        return;
    }
    if (!open_pairs(&ours, start_our_process(at), load, at)) {
        bench_skip(bench, load->figure, "punchlab serve turn does not start");
    } else {
        their_at = server_process_place();
        if (open_pairs(&theirs, start_their_process(their_at, folder), load, their_at))
            compare(bench, load, &ours, &theirs);
        else
            bench_skip(bench, load->figure, "turnserver does not start");
    }
    stop(&ours);
    stop(&theirs);
}

/* --- memory ----------------------------------------------------------------------------------------------------- */

/* Descriptors that we, and a server of ours, may have. */
static rlim_t
descriptors(void)
{
    struct rlimit limit;

    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

/* From so many addresses: one alone may not have all the connections that a server takes. */
enum { CLIENT_ADDRESSES = 8 };

/* Each client has an allocation, and a channel with its permission. How many were served. */
static int
allocate_many(struct endpoint server, int type, int *sockets, int count)
{
    struct endpoint peer = { address_ipv4(0xcb007109), 7000 }, relayed;

    for (int i = 0; i < count; i++) {
        sockets[i] = turn_load_socket(server, type, 2 + (unsigned)(i % CLIENT_ADDRESSES));
        if (!turn_load_allocate(sockets[i], &relayed) || !turn_load_bind(sockets[i], peer))
            return i;
    }
    return count;
}

/* For ten thousand, by as many as there are descriptors for: a client over TCP takes the server two. */
static void
bench_memory(struct bench *bench, const char *figure, int type)
{
    int most = ((int)MIN(descriptors(), INT32_MAX) - 500) / (type == SOCK_STREAM ? 2 : 1), served;
    int count = CLAMP(most, 1, ALLOCATIONS);
    g_autofree int *sockets = g_new(int, count);
    struct endpoint at = server_process_place();
    struct server_process *server = start_our_process(at);
    double before;

    if (!server) {
        bench_skip(bench, figure, "punchlab serve turn does not start");
        return;
    }
    for (int i = 0; i < count; i++)
        sockets[i] = -1;
    before = server_process_memory(server);
    served = allocate_many(at, type, sockets, count);
    /* Whatever it takes, a server that refuses some has missed. */
    bench_row(bench, figure, "MiB", BENCH_LESS, 64,
              served == count ? (server_process_memory(server) - before) / (1 << 20) * ALLOCATIONS / count : INFINITY, 0);
    if (served < count)
        printf("  refused after %d\n", served);
    if (served == count && count < ALLOCATIONS)
        printf("  there were descriptors for %d only\n", count);
    for (int i = 0; i < count && sockets[i] >= 0; i++)
        close(sockets[i]);
    server_process_stop(server);
}

void
bench_relay(struct bench *bench)
{
    g_autofree char *folder = bench_folder();

    for (size_t i = 0; i < G_N_ELEMENTS(loads); i++)
        bench_load(bench, &loads[i], folder);
    bench_memory(bench, "10,000 allocations of clients over UDP, live", SOCK_DGRAM);
    bench_memory(bench, "10,000 allocations of clients over TCP, live", SOCK_STREAM);
    bench_folder_remove(folder);
}
