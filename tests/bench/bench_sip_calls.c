/* A thousand calls of thirty seconds, as phones make them: callers behind a NAT with the ALG sip call public phones over
 * UDP, the ALG writes its address into the messages and opens ports, RTP goes both ways every 20 ms, with RTCP, and then
 * they hang up. 3 million packets. Checked is that each call was established, that each side heard all of the other, and
 * that each port that was opened closed again. The bound is the same number of datagrams of the same size by bare sockets
 * of the same hosts through the same box. */
#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/rtp/session.h"
#include "proto/sdp/session.h"
#include "proto/sip/agent.h"
#include "scenarios/lab/lab.h"
#include "scenarios/lab/traffic.h"
#include "tests/bench/bench.h"

enum { CALLS = 1000, MEDIA_PORT = 20000, SECONDS = 30, PACKETS = SECONDS * 50 };

struct party {
    struct node *host;
    char address[16];
    struct sip_agent *agent;
    struct sip_call *call;
    struct rtp_session *session;
    struct rtp_stats stats;
    bool answered, ended;
};

struct exchange {
    struct lab *lab;
    struct node *box;
    struct party callers[CALLS], callees[CALLS];
    struct traffic traffic[CALLS];
    struct sink sinks[CALLS];
};

/* ---- the hosts */

static struct exchange *
build(void)
{
    struct exchange *exchange = g_new0(struct exchange, 1);
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    struct lab_network *internet, *lan;

    options.algs = NAT_ALG_SIP;
    exchange->lab = lab_new(1);
    internet = lab_internet(exchange->lab, "internet", NULL, NULL, NULL);
    lan = lab_nat(internet, "nat", "203.0.113.1", &options, "port-restricted-cone", "10.0.0.0/16", NULL, NULL, NULL);
    exchange->box = lab_find(exchange->lab, "nat")->node;
    for (unsigned i = 0; i < CALLS; i++) {
        struct party *caller = &exchange->callers[i], *callee = &exchange->callees[i];
        char name[16];

        g_snprintf(caller->address, sizeof caller->address, "10.0.%u.%u", 1 + i / 250, 1 + i % 250);
        g_snprintf(callee->address, sizeof callee->address, "198.51.%u.%u", 100 + i / 250, 1 + i % 250);
        g_snprintf(name, sizeof name, "A%u", i);
        caller->host = lab_host(lan, name, caller->address, NULL, NULL);
        name[0] = 'B';
        callee->host = lab_host(internet, name, callee->address, NULL, NULL);
        g_assert(caller->host && callee->host);
    }
    return exchange;
}

/* ---- media */

static void *
media_open(void *owner, struct sip_call *call, void *wish)
{
    struct rtp_session_options options = RTP_SESSION_DEFAULTS;
    struct party *party = owner;
    enum io_result why;

    (void)call, (void)wish;
    options.duration = SECONDS * TIME_S;
    options.local.port = MEDIA_PORT;
    party->session = rtp_session_new(node_io(party->host), &options, NULL, NULL, &why);
    g_assert(party->session);
    return party;
}

static enum sip_media_step
media_offer(void *media, GString *out)
{
    struct party *party = media;

    g_string_append_printf(out, "v=0\r\no=- 1 1 IN IP4 %s\r\ns=-\r\nc=IN IP4 %s\r\nt=0 0\r\nm=audio %u RTP/AVP 0\r\n",
                           party->address, party->address, MEDIA_PORT);
    return SIP_MEDIA_READY;
}

static bool
media_take(void *media, struct span description, bool early)
{
    struct party *party = media;
    struct sdp_session session;
    struct sdp_connection connection;
    struct endpoint peer;

    (void)early;
    if (sdp_session_parse(description, &session, NULL) != SDP_FAULT_NONE ||
        !sdp_media_connection(&session, 0, &connection))
        return false;
    peer = (struct endpoint){ connection.to.host.address, sdp_media_line_of(&session, 0).port };
    rtp_session_set_peer(party->session, peer, (struct endpoint){ ADDRESS_NONE, 0 });
    rtp_session_start(party->session);
    return true;
}

static enum sip_media_step
media_answer(void *media, struct span offer, GString *out)
{
    return media_take(media, offer, false) ? media_offer(media, out) : SIP_MEDIA_REFUSED;
}

static void
media_withdraw(void *media)
{
    (void)media;
}

static void
media_hold(void *media, bool held)
{
    (void)media, (void)held;
}

static void
media_close(void *media)
{
    struct party *party = media;

    rtp_session_stats(party->session, &party->stats);
    rtp_session_free(party->session);
}

static const struct sip_media_policy policy = { media_open,     media_offer, media_answer, media_take,
                                                media_withdraw, media_hold,  media_close };

/* ---- phones */

static void
told(void *owner, struct sip_agent *agent, const struct sip_agent_news *news)
{
    struct party *party = owner;

    (void)agent;
    if (news->event == SIP_CALL_OFFERED) {
        party->call = news->call;
        sip_call_answer(news->call);
    }
    party->answered |= news->event == SIP_CALL_ANSWERED;
    party->ended |= news->event == SIP_CALL_ENDED;
}

static void
open_phone(struct party *party, const char *user)
{
    struct sip_agent_options options = SIP_AGENT_DEFAULTS;
    enum io_result why;

    options.user = user;
    options.domain = "example.com";
    party->agent = sip_agent_new(node_io(party->host), &options, &policy, party, told, party, &why);
    g_assert(party->agent);
}

static void
call_all(struct exchange *exchange)
{
    for (unsigned i = 0; i < CALLS; i++) {
        struct party *caller = &exchange->callers[i];
        char uri[48];

        g_snprintf(uri, sizeof uri, "sip:b@%s", exchange->callees[i].address);
        open_phone(&exchange->callees[i], "b");
        open_phone(caller, "a");
        caller->call = sip_agent_call(caller->agent, uri, NULL);
        g_assert(caller->call);
    }
}

static void
check_party(const struct party *party)
{
    g_assert(party->answered && party->ended);
    g_assert(party->stats.received.packets == PACKETS && party->stats.received.lost == 0);
}

static double
seconds_of_calls(void *context)
{
    struct exchange *exchange = build();
    const struct nat *nat = nat_of(exchange->box);
    double begun = bench_cpu();

    (void)context;
    call_all(exchange);
    world_run(exchange->lab->world, (SECONDS + 2) * TIME_S);
    g_assert(nat_counts(nat).made == 3 * CALLS && nat_counts(nat).removed == 0); /* SIP, RTP, RTCP */
    for (unsigned i = 0; i < CALLS; i++)
        sip_call_hangup(exchange->callers[i].call);
    world_run(exchange->lab->world, (SECONDS + 42) * TIME_S);
    begun = bench_cpu() - begun;
    g_assert(nat_counts(nat).removed == 2 * CALLS);
    for (unsigned i = 0; i < CALLS; i++) {
        check_party(&exchange->callers[i]);
        check_party(&exchange->callees[i]);
        sip_agent_free(exchange->callers[i].agent);
        sip_agent_free(exchange->callees[i].agent);
    }
    lab_free(exchange->lab);
    g_free(exchange);
    return begun;
}

/* ---- the bound */

/* One side sends, twice as often: what comes in by a mapping takes the same way as what goes out. */
static double
seconds_of_datagrams(void *context)
{
    struct exchange *exchange = build();
    double begun;

    (void)context;
    world_run(exchange->lab->world, TIME_MS); /* nothing leaves a node before */
    for (unsigned i = 0; i < CALLS; i++) {
        struct traffic_options options = {
            .to.port = MEDIA_PORT, .packets = 2 * PACKETS, .size = 172, .interval = RTP_INTERVAL / 2
        };

        address_parse(exchange->callees[i].address, &options.to.address);
        sink_open(&exchange->sinks[i], exchange->callees[i].host, MEDIA_PORT);
        traffic_start(&exchange->traffic[i], exchange->callers[i].host, &options);
    }
    begun = bench_cpu();
    world_run(exchange->lab->world, (SECONDS + 1) * TIME_S);
    begun = bench_cpu() - begun;
    for (unsigned i = 0; i < CALLS; i++) {
        g_assert(exchange->sinks[i].packets > 2 * PACKETS - 10);
        traffic_stop(&exchange->traffic[i]);
        sink_close(&exchange->sinks[i]);
    }
    lab_free(exchange->lab);
    g_free(exchange);
    return begun;
}

void
bench_sip_calls(struct bench *bench)
{
    bench_compare(bench, "1,000 SIP calls of 30 s with RTP, through an ALG", "s", BENCH_LESS, 6, seconds_of_calls,
                  seconds_of_datagrams, NULL);
}
