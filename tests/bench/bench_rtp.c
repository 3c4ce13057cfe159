/* A thousand calls of thirty seconds: RTP both ways, every 20 ms, through the NATs of both sides, with RTCP; 3 million
 * packets, each measured by its receiver. The bound is the same number of datagrams of the same size by bare sockets,
 * sent by lab traffic and counted by lab sinks, with the same hosts and boxes on the way. */
#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/rtp/session.h"
#include "scenarios/lab/lab.h"
#include "scenarios/lab/traffic.h"
#include "tests/bench/bench.h"

enum { CALLS = 1000, FIRST_PORT = 20000, SECONDS = 30, PACKETS = SECONDS * 50 };

struct party {
    struct node *host;
    struct rtp_session *session;
    struct traffic traffic;
    struct sink sink;
};

struct exchange {
    struct lab *lab;
    struct party parties[2][CALLS];
};

static const char *const outside[2] = { "203.0.113.1", "203.0.113.2" };

static void
build_side(struct exchange *exchange, struct lab_network *internet, int side)
{
    static const char *const lans[2] = { "10.0.0.0/16", "10.1.0.0/16" };
    struct lab_network *lan =
        lab_nat(internet, side ? "natB" : "natA", outside[side], &nat_preset_find("full-cone")->options, "full-cone",
                lans[side], NULL, NULL, NULL);

    for (int i = 0; i < CALLS; i++) {
        char name[16];

        g_snprintf(name, sizeof name, "%c%d", 'A' + side, i);
        exchange->parties[side][i] = (struct party){ .host = lab_host(lan, name, NULL, NULL, NULL) };
    }
}

static struct exchange *
build(void)
{
    struct exchange *exchange = g_new0(struct exchange, 1);
    struct lab_network *internet;

    exchange->lab = lab_new(1);
    internet = lab_internet(exchange->lab, "internet", NULL, NULL, NULL);
    build_side(exchange, internet, 0);
    build_side(exchange, internet, 1);
    return exchange;
}

/* Ports are preserved, so each side knows the other's. */
static struct endpoint
peer_of(int side, int call)
{
    struct endpoint peer = { .port = (uint16_t)(FIRST_PORT + 2 * call) };

    address_parse(outside[1 - side], &peer.address);
    return peer;
}

static void
begin_calls(struct exchange *exchange)
{
    struct rtp_session_options options = RTP_SESSION_DEFAULTS;
    enum io_result why;

    options.duration = SECONDS * TIME_S;
    for (int call = 0; call < CALLS; call++) {
        for (int side = 0; side < 2; side++) {
            struct party *party = &exchange->parties[side][call];

            options.peer = peer_of(side, call);
            options.local.port = options.peer.port;
            party->session = rtp_session_new(node_io(party->host), &options, NULL, NULL, &why);
            g_assert(party->session);
            rtp_session_start(party->session);
        }
    }
}

static void
end_calls(struct exchange *exchange)
{
    for (int call = 0; call < CALLS; call++) {
        for (int side = 0; side < 2; side++) {
            struct rtp_stats stats;

            rtp_session_stats(exchange->parties[side][call].session, &stats);
            g_assert(stats.received.packets == PACKETS && stats.received.lost == 0 && stats.peer.known);
            rtp_session_free(exchange->parties[side][call].session);
        }
    }
}

static double
seconds_of_calls(void *context)
{
    struct exchange *exchange = build();
    double begun;

    (void)context;
    begin_calls(exchange);
    begun = bench_clock();
    world_run(exchange->lab->world, (SECONDS + 1) * TIME_S);
    begun = bench_clock() - begun;
    end_calls(exchange);
    lab_free(exchange->lab);
    g_free(exchange);
    return begun;
}

/* Sinks keep their NAT's mapping open by the traffic of the same port, which is a sink's own only on the other side: so
 * one side sends twice as often. */
static double
seconds_of_datagrams(void *context)
{
    struct exchange *exchange = build();
    double begun;

    (void)context;
    world_run(exchange->lab->world, TIME_MS); /* nothing leaves a node before */
    for (int call = 0; call < CALLS; call++) {
        struct party *from = &exchange->parties[0][call], *to = &exchange->parties[1][call];
        struct traffic_options options = {
            .to = peer_of(0, call), .packets = 2 * PACKETS, .size = 172, .interval = RTP_INTERVAL / 2
        };
        struct io_datagram opening = IO_DATAGRAM_TO(peer_of(1, call), span_of("", 1));

        sink_open(&to->sink, to->host, options.to.port);
        to->sink.socket->ops->send(to->sink.socket, &opening);
        traffic_start(&from->traffic, from->host, &options);
    }
    begun = bench_clock();
    world_run(exchange->lab->world, (SECONDS + 1) * TIME_S);
    begun = bench_clock() - begun;
    for (int call = 0; call < CALLS; call++) {
        g_assert(exchange->parties[1][call].sink.packets > 2 * PACKETS - 10);
        traffic_stop(&exchange->parties[0][call].traffic);
        sink_close(&exchange->parties[1][call].sink);
    }
    lab_free(exchange->lab);
    g_free(exchange);
    return begun;
}

void
bench_rtp(struct bench *bench)
{
    bench_compare(bench, "1,000 calls of 30 s, RTP both ways, two NATs", "s", BENCH_LESS, 6, seconds_of_calls,
                  seconds_of_datagrams, NULL);
}
