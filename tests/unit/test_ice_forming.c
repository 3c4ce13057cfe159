/* Checklists: RFC 8445 section 6.1.2; trickled candidates: RFC 8838 sections 11 to 13. */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

static struct ice_bench bench;

static void
tear_down(void)
{
    ice_bench_close(&bench);
}

static void
open_with(unsigned streams, unsigned components, bool trickle)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;

    options.streams = streams;
    options.components = components;
    options.trickle = trickle;
    ice_bench_open(&bench, &options);
}

static int
add_local(enum ice_type type, enum ice_transport transport, const char *at, const char *base)
{
    struct ice_candidate candidate = ice_host(at);

    candidate.type = type;
    candidate.transport = transport;
    candidate.base = ice_at(base ? base : at);
    candidate.server = type == ICE_SRFLX ? ice_at("192.0.2.1:3478") : candidate.server;
    return ice_session_add_local(bench.session, &candidate, 0);
}

static int
add_remote(enum ice_transport transport, const char *at, const char *foundation, unsigned stream, unsigned component)
{
    struct ice_candidate candidate = ice_signalled(ICE_HOST, at, foundation);

    candidate.transport = transport;
    candidate.stream = (uint8_t)stream;
    candidate.component = (uint16_t)component;
    candidate.priority = ice_candidate_priority(&candidate);
    return ice_session_add_remote(bench.session, &candidate, 0);
}

/* Sections 6.1.2.2 and 6.1.2.4; RFC 6544 section 6.2. What becomes of the one pair of two candidates. */
static void
test_pairing(void)
{
    static const struct {
        const char *name, *local, *base, *remote;
        enum ice_type type;
        enum ice_transport own, peer;
        enum ice_pair_state state; /* GONE: none is formed */
        enum ice_why why;          /* of the one that was left out; NONE: there is not even that */
    } rows[] = {
        { "IPv4", "10.0.0.2:1", NULL, "10.0.0.3:1", ICE_HOST, ICE_UDP, ICE_UDP, ICE_PAIR_WAITING, ICE_WHY_NONE },
        { "IPv6", "[2001:db8::2]:1", NULL, "[2001:db8::3]:1", ICE_HOST, ICE_UDP, ICE_UDP, ICE_PAIR_WAITING,
          ICE_WHY_NONE },
        { "two families", "10.0.0.2:1", NULL, "[2001:db8::3]:1", ICE_HOST, ICE_UDP, ICE_UDP, ICE_PAIR_GONE,
          ICE_WHY_NONE },
        { "link-local with global", "[fe80::2]:1", NULL, "[2001:db8::3]:1", ICE_HOST, ICE_UDP, ICE_UDP, ICE_PAIR_GONE,
          ICE_WHY_NONE },
        { "link-local with link-local", "[fe80::2]:1", NULL, "[fe80::3]:1", ICE_HOST, ICE_UDP, ICE_UDP,
          ICE_PAIR_WAITING, ICE_WHY_NONE },
        { "UDP with TCP", "10.0.0.2:1", NULL, "10.0.0.3:1", ICE_HOST, ICE_UDP, ICE_TCP_PASSIVE, ICE_PAIR_GONE,
          ICE_WHY_NONE },
        { "active with passive", "10.0.0.2:9", NULL, "10.0.0.3:1", ICE_HOST, ICE_TCP_ACTIVE, ICE_TCP_PASSIVE,
          ICE_PAIR_WAITING, ICE_WHY_NONE },
        { "active with active", "10.0.0.2:9", NULL, "10.0.0.3:9", ICE_HOST, ICE_TCP_ACTIVE, ICE_TCP_ACTIVE,
          ICE_PAIR_GONE, ICE_WHY_NONE },
        { "passive with active: pruned", "10.0.0.2:1", NULL, "10.0.0.3:9", ICE_HOST, ICE_TCP_PASSIVE, ICE_TCP_ACTIVE,
          ICE_PAIR_GONE, ICE_WHY_PASSIVE },
        { "so with so", "10.0.0.2:1", NULL, "10.0.0.3:1", ICE_HOST, ICE_TCP_SO, ICE_TCP_SO, ICE_PAIR_WAITING,
          ICE_WHY_NONE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const struct ice_noted *last;

        open_with(1, 1, false);
        CHECK_ROW_INT(rows[i].name, add_local(rows[i].type, rows[i].own, rows[i].local, rows[i].base), 0);
        CHECK_ROW_INT(rows[i].name, add_remote(rows[i].peer, rows[i].remote, "1", 0, 1), 0);
        ice_bench_remote(&bench, false);
        ice_session_start(bench.session, 0);
        CHECK_ROW_INT(rows[i].name, ice_bench_state(&bench, 0, rows[i].remote), rows[i].state);
        last = ice_bench_last(&bench, ICE_EVENT_PAIR);
        if (rows[i].state == ICE_PAIR_GONE)
            CHECK_ROW_INT(rows[i].name, last ? last->event.why : ICE_WHY_NONE, rows[i].why);
        ice_bench_close(&bench);
    }
}

/* A reflexive candidate is replaced by its base, and the pair is pruned (section 6.1.2.4). */
static void
test_pruning(void)
{
    open_with(1, 1, false);
    CHECK_ROW_INT("host", add_local(ICE_HOST, ICE_UDP, "10.0.0.2:5000", NULL), 0);
    CHECK_ROW_INT("srflx", add_local(ICE_SRFLX, ICE_UDP, "203.0.113.1:4000", "10.0.0.2:5000"), 1);
    CHECK_ROW_INT("relay", add_local(ICE_RELAY, ICE_UDP, "192.0.2.1:6000", NULL), 2);
    add_remote(ICE_UDP, "198.51.100.7:7000", "1", 0, 1);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    CHECK_ROW_INT("pairs", ice_session_pairs(bench.session), 2);
    CHECK_ROW_INT("of the host", ice_bench_state(&bench, 0, "198.51.100.7:7000"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("of the relay", ice_bench_state(&bench, 2, "198.51.100.7:7000"), ICE_PAIR_WAITING);
}

/* Which candidates are taken (sections 5.1.3 and 5.1). */
static void
test_candidates(void)
{
    static const struct {
        const char *name, *at, *base;
        enum ice_type type;
        unsigned component;
        enum ice_why why; /* GATHERED: it is taken */
    } rows[] = {
        { "a host", "10.0.0.2:5000", NULL, ICE_HOST, 1, ICE_WHY_GATHERED },
        { "the same again", "10.0.0.2:5000", NULL, ICE_HOST, 1, ICE_WHY_REDUNDANT },
        { "no NAT between", "10.0.0.2:5000", "10.0.0.2:5000", ICE_SRFLX, 1, ICE_WHY_REDUNDANT },
        { "reflexive", "203.0.113.1:4000", "10.0.0.2:5000", ICE_SRFLX, 1, ICE_WHY_GATHERED },
        { "without its base", "203.0.113.1:4000", "10.0.0.9:5000", ICE_SRFLX, 1, ICE_WHY_UNUSABLE },
        { "of no component", "10.0.0.2:5001", NULL, ICE_HOST, 3, ICE_WHY_UNUSABLE },
        { "of component 0", "10.0.0.2:5001", NULL, ICE_HOST, 0, ICE_WHY_UNUSABLE },
        { "without an address", "0.0.0.0:5001", NULL, ICE_HOST, 1, ICE_WHY_UNUSABLE },
        { "multicast", "224.0.0.1:5001", NULL, ICE_HOST, 1, ICE_WHY_UNUSABLE },
        { "port 0", "10.0.0.2:0", NULL, ICE_HOST, 1, ICE_WHY_UNUSABLE },
        { "another component", "10.0.0.2:5001", NULL, ICE_HOST, 2, ICE_WHY_GATHERED },
    };

    open_with(1, 2, false);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_candidate candidate = ice_host(rows[i].at);

        candidate.type = rows[i].type;
        candidate.component = (uint16_t)rows[i].component;
        candidate.base = ice_at(rows[i].base ? rows[i].base : rows[i].at);
        CHECK_ROW_INT(rows[i].name, ice_session_add_local(bench.session, &candidate, 0) >= 0,
                      rows[i].why == ICE_WHY_GATHERED);
        CHECK_ROW_INT(rows[i].name, ice_bench_last(&bench, ICE_EVENT_LOCAL)->event.why, rows[i].why);
    }
    /* The peer's: RFC 8838 section 11 ignores what is redundant. */
    CHECK_ROW_INT("remote", add_remote(ICE_UDP, "10.0.1.2:1", "1", 0, 1), 0);
    CHECK_ROW_INT("remote again", add_remote(ICE_UDP, "10.0.1.2:1", "2", 0, 1), -1);
    CHECK_ROW_INT("a foundation of other characters", add_remote(ICE_UDP, "10.0.1.3:1", "~1", 0, 1), -1);
    CHECK_ROW_INT("no foundation", add_remote(ICE_UDP, "10.0.1.3:1", "", 0, 1), -1);
    CHECK_ROW_INT("of no stream", add_remote(ICE_UDP, "10.0.1.3:1", "1", 1, 1), -1);
}

/* Section 6.1.2.6, over two streams of two components: candidates "1" of each exist everywhere, "2" in the second
 * stream alone. Exactly one pair of each foundation waits: the first checklist's, there the lowest component's. */
static void
test_first_states(void)
{
    unsigned waiting = 0;

    open_with(2, 2, false);
    for (unsigned stream = 0; stream < 2; stream++)
        for (unsigned component = 1; component <= 2; component++) {
            g_autofree char *own = g_strdup_printf("10.0.0.2:%u", 5000 + stream * 2 + component);
            g_autofree char *peer = g_strdup_printf("10.0.1.2:%u", 6000 + stream * 2 + component);
            g_autofree char *other = g_strdup_printf("10.0.2.2:%u", 6000 + stream * 2 + component);
            struct ice_candidate candidate = ice_host(own);

            candidate.stream = (uint8_t)stream;
            candidate.component = (uint16_t)component;
            (void)ice_session_add_local(bench.session, &candidate, 0);
            add_remote(ICE_UDP, peer, "1", stream, component);
            if (stream == 1)
                add_remote(ICE_UDP, other, "2", stream, component);
        }
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    CHECK_ROW_INT("pairs", ice_session_pairs(bench.session), 6);
    for (size_t i = 0; i < ice_session_pairs(bench.session); i++)
        waiting += ice_session_pair(bench.session, i)->state == ICE_PAIR_WAITING;
    CHECK_ROW_INT("waiting", waiting, 2);
    CHECK_ROW_INT("foundation 1", ice_bench_state(&bench, 0, "10.0.1.2:6001"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("foundation 2", ice_bench_state(&bench, 2, "10.0.2.2:6003"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("lists", ice_session_checklist(bench.session, 1), ICE_RUNNING);

    /* Section 7.2.5.3.3: the success of one thaws its foundation in all checklists. */
    CHECK_ROW_INT("first check", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    CHECK_ROW_INT("turns: the first list", bench.order.stream, 0);
    ice_bench_success(&bench, 1, NULL);
    CHECK_ROW_INT("its own list", ice_bench_state(&bench, 1, "10.0.1.2:6002"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("the other list", ice_bench_state(&bench, 3, "10.0.1.2:6004"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("another foundation", ice_bench_state(&bench, 3, "10.0.2.2:6004"), ICE_PAIR_FROZEN);
    CHECK_ROW_INT("second check", ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW_INT("turns: the second list", bench.order.stream, 1);
}

/* Section 6.1.4.2, step 2: nothing waits, so what no check of its foundation speaks for thaws. */
static void
test_idle_unfreezing(void)
{
    open_with(1, 2, false);
    for (unsigned component = 1; component <= 2; component++) {
        g_autofree char *own = g_strdup_printf("10.0.0.2:%u", 5000 + component);
        g_autofree char *peer = g_strdup_printf("10.0.1.2:%u", 6000 + component);
        struct ice_candidate candidate = ice_host(own);

        candidate.component = (uint16_t)component;
        (void)ice_session_add_local(bench.session, &candidate, 0);
        add_remote(ICE_UDP, peer, "1", 0, component);
    }
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    CHECK_ROW_INT("component 1", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    CHECK_ROW_INT("in progress: component 2 stays frozen", ice_bench_next(&bench, TIME_S / 4), ICE_ORDER_NONE);
    CHECK_ROW_INT("frozen", ice_bench_state(&bench, 1, "10.0.1.2:6002"), ICE_PAIR_FROZEN);
    ice_bench_error(&bench, TIME_S / 4, 400);
    CHECK_ROW_INT("failed", ice_bench_state(&bench, 0, "10.0.1.2:6001"), ICE_PAIR_FAILED);
    CHECK_ROW_INT("then it thaws", ice_bench_next(&bench, TIME_S / 4), ICE_ORDER_CHECK);
    CHECK_ROW_INT("component 2", bench.order.component, 2);
}

/* Section 6.1.2.5: the set holds 100 pairs, taken away evenly, the lowest first. */
static void
test_limit(void)
{
    size_t counts[2] = { 0, 0 };
    uint64_t least[2] = { UINT64_MAX, UINT64_MAX }, lost = 0;

    open_with(2, 1, false);
    for (unsigned stream = 0; stream < 2; stream++) {
        for (unsigned i = 0; i < 10; i++) {
            g_autofree char *at = g_strdup_printf("10.0.0.%u:%u", i + 2, 5000 + stream);
            struct ice_candidate candidate = ice_host(at);

            candidate.stream = (uint8_t)stream;
            candidate.local_preference = (uint16_t)(60000 - i);
            (void)ice_session_add_local(bench.session, &candidate, 0);
        }
        for (unsigned i = 0; i < (stream ? 4u : 20u); i++) {
            g_autofree char *at = g_strdup_printf("10.0.1.%u:%u", i + 2, 5000 + stream);
            struct ice_candidate candidate = ice_signalled(ICE_HOST, at, "1");

            candidate.stream = (uint8_t)stream;
            candidate.priority -= i << 8;
            (void)ice_session_add_remote(bench.session, &candidate, 0);
        }
    }
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    for (size_t i = 0; i < ice_session_pairs(bench.session); i++) {
        const struct ice_pair *pair = ice_session_pair(bench.session, i);

        counts[pair->stream]++;
        least[pair->stream] = MIN(least[pair->stream], pair->priority);
    }
    CHECK_ROW_INT("in all", counts[0] + counts[1], 100);
    CHECK_ROW_INT("200 lose until they are no more than the limit leaves", counts[0], 60);
    CHECK_ROW_INT("40 lose nothing", counts[1], 40);
    for (size_t i = 0; i < bench.noted; i++) {
        const struct ice_event *event = &bench.notes[i].event;

        if (event->type == ICE_EVENT_PAIR && event->why == ICE_WHY_LIMIT)
            lost = MAX(lost, (uint64_t)bench.notes[i].record.detail);
    }
    CHECK_ROW("the lowest go", lost < least[0]);
    CHECK_ROW_INT("counted", ice_session_counters(bench.session)->limited, 140);
}

/* RFC 8838 section 12: the state of a pair that comes later. */
static void
test_trickle_states(void)
{
    open_with(1, 1, true);
    CHECK_ROW_INT("local", add_local(ICE_HOST, ICE_UDP, "10.0.0.2:5000", NULL), 0);
    ice_bench_remote(&bench, true);
    ice_session_start(bench.session, 0);
    CHECK_ROW_INT("an empty list runs", ice_session_checklist(bench.session, 0), ICE_RUNNING);
    CHECK_ROW_INT("nothing to do", ice_bench_next(&bench, 0), ICE_ORDER_NONE);
    add_remote(ICE_UDP, "10.0.1.2:6000", "1", 0, 1);
    CHECK_ROW_INT("the first of its foundation", ice_bench_state(&bench, 0, "10.0.1.2:6000"), ICE_PAIR_WAITING);
    add_remote(ICE_UDP, "10.0.1.2:6001", "1", 0, 1);
    CHECK_ROW_INT("not the first", ice_bench_state(&bench, 0, "10.0.1.2:6001"), ICE_PAIR_FROZEN);
    CHECK_ROW_INT("check", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    ice_bench_success(&bench, TIME_MS, NULL);
    add_remote(ICE_UDP, "10.0.1.2:6002", "1", 0, 1);
    CHECK_ROW_INT("its foundation works", ice_bench_state(&bench, 0, "10.0.1.2:6002"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("a local one", add_local(ICE_HOST, ICE_UDP, "10.0.0.3:5000", NULL) >= 0, true);
    for (unsigned i = 0; i < 3; i++) {
        g_autofree char *at = g_strdup_printf("10.0.1.2:%u", 6000 + i);

        CHECK_ROW("pairs with all", ice_bench_pair(&bench, 1, at) != NULL);
    }
    ice_session_end_remote(bench.session, TIME_MS);
    CHECK_ROW_INT("none after the end", add_remote(ICE_UDP, "10.0.1.2:6003", "1", 0, 1), -1);
    CHECK_ROW_INT("why", ice_bench_last(&bench, ICE_EVENT_REMOTE)->event.why, ICE_WHY_ENDED);
    ice_session_end_local(bench.session, TIME_MS);
    CHECK_ROW_INT("nor local", add_local(ICE_HOST, ICE_UDP, "10.0.0.4:5000", NULL), -1);
}

/* RFC 8838 section 12: at the limit Failed pairs go first, then a lower one; a lower newcomer stays out. */
static void
test_trickle_limit(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_candidate low = ice_signalled(ICE_RELAY, "10.0.1.9:1", "9");
    struct ice_candidate high = ice_signalled(ICE_HOST, "10.0.1.8:1", "8");

    options.trickle = true;
    options.pairs_most = 2;
    ice_bench_open(&bench, &options);
    add_local(ICE_HOST, ICE_UDP, "10.0.0.2:5000", NULL);
    ice_bench_remote(&bench, true);
    ice_session_start(bench.session, 0);
    add_remote(ICE_UDP, "10.0.1.1:1", "1", 0, 1);
    add_remote(ICE_UDP, "10.0.1.2:1", "2", 0, 1);
    (void)ice_session_add_remote(bench.session, &low, 0);
    CHECK_ROW_INT("a lower one stays out", ice_bench_state(&bench, 0, "10.0.1.9:1"), ICE_PAIR_GONE);
    (void)ice_bench_next(&bench, 0);
    ice_bench_error(&bench, 1, 400);
    CHECK_ROW_INT("failed", ice_bench_state(&bench, 0, "10.0.1.1:1"), ICE_PAIR_FAILED);
    low.endpoint.port++;
    (void)ice_session_add_remote(bench.session, &low, 0);
    CHECK_ROW_INT("a Failed pair makes room", ice_bench_state(&bench, 0, "10.0.1.1:1"), ICE_PAIR_GONE);
    CHECK_ROW_INT("for any", ice_bench_state(&bench, 0, "10.0.1.9:2"), ICE_PAIR_WAITING);
    (void)ice_session_add_remote(bench.session, &high, 0);
    CHECK_ROW_INT("the lower one makes room", ice_bench_state(&bench, 0, "10.0.1.9:2"), ICE_PAIR_GONE);
    CHECK_ROW_INT("for a higher one", ice_bench_state(&bench, 0, "10.0.1.8:1"), ICE_PAIR_WAITING);
    CHECK_ROW_INT("and the other stays", ice_bench_state(&bench, 0, "10.0.1.2:1"), ICE_PAIR_WAITING);
}

/* Over the limit the peer's candidates of highest priority are kept (as RFC 8445 section 6.1.2.5 wants of pairs), in
 * whatever order they come; what has been checked stays. */
static void
test_remote_limit(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_candidate good = ice_signalled(ICE_HOST, "10.0.1.8:1", "good");

    options.trickle = true;
    options.remotes_most = 4;
    ice_bench_open(&bench, &options);
    add_local(ICE_HOST, ICE_UDP, "10.0.0.2:5000", NULL);
    ice_bench_remote(&bench, true);
    for (unsigned i = 1; i <= 40; i++) {
        g_autofree char *foundation = g_strdup_printf("%u", i), *at = g_strdup_printf("203.0.113.9:%u", 1000 + i);
        struct ice_candidate low = ice_signalled(ICE_HOST, at, foundation);

        low.priority = 1 + i % 20;
        (void)ice_session_add_remote(bench.session, &low, 0);
    }
    CHECK_ROW_INT("bounded", ice_session_remotes(bench.session), 4);
    for (unsigned i = 0; i < 4; i++)
        CHECK_ROW("the highest", ice_session_remote(bench.session, i)->priority >= 19);
    CHECK_ROW("a high one is taken", ice_session_add_remote(bench.session, &good, 0) >= 0);
    ice_session_start(bench.session, 0);
    (void)ice_bench_next(&bench, 0);
    CHECK_ROW("and checked first", endpoint_equal(bench.order.to, good.endpoint));
    for (unsigned i = 0; i < 3; i++) {
        good.endpoint.port++;
        good.priority++;
        CHECK_ROW("higher ones", ice_session_add_remote(bench.session, &good, 0) >= 0);
    }
    CHECK_ROW_INT("what is checked stays", ice_bench_state(&bench, 0, "10.0.1.8:1"), ICE_PAIR_IN_PROGRESS);
    CHECK_ROW_INT("the pairs of the lower ones are gone", ice_bench_state(&bench, 0, "203.0.113.9:1019"),
                  ICE_PAIR_GONE);
    CHECK_ROW_INT("one for each", ice_bench_state(&bench, 0, "10.0.1.8:4"), ICE_PAIR_WAITING);
    good.endpoint.port = 9;
    good.priority = 5;
    CHECK_ROW_INT("a lower one stays out", ice_session_add_remote(bench.session, &good, 0), -1);
}

/* A remote candidate learned from a check, and signalled afterwards: one pair, with the signalled priority and
 * foundation (RFC 8838 section 11). */
static void
test_confirmed(void)
{
    struct ice_candidate signalled = ice_signalled(ICE_SRFLX, "203.0.113.7:7000", "5");
    uint64_t before, after;
    uint32_t foundation;

    open_with(1, 1, true);
    add_local(ICE_HOST, ICE_UDP, "10.0.0.2:5000", NULL);
    ice_bench_remote(&bench, true);
    ice_session_start(bench.session, 0);
    CHECK_ROW_INT("check of the peer", ice_bench_request(&bench, 0, 0, "203.0.113.7:7000", false), 0);
    CHECK_ROW_INT("learned", ice_session_remote(bench.session, 0)->type, ICE_PRFLX);
    before = ice_bench_pair(&bench, 0, "203.0.113.7:7000")->priority;
    foundation = ice_bench_pair(&bench, 0, "203.0.113.7:7000")->foundation;
    CHECK_ROW("by PRIORITY", before == ice_pair_priority(2130706431, 1862270975));
    add_remote(ICE_UDP, "10.0.1.1:1", "5", 0, 1);
    CHECK_ROW_INT("confirmed", ice_session_add_remote(bench.session, &signalled, 0), 0);
    CHECK_ROW_INT("why", ice_bench_last(&bench, ICE_EVENT_REMOTE)->event.why, ICE_WHY_CONFIRMED);
    after = ice_bench_pair(&bench, 0, "203.0.113.7:7000")->priority;
    CHECK_ROW("by signalling", after == ice_pair_priority(2130706431, 1694498815));
    CHECK_ROW("foundation", ice_bench_pair(&bench, 0, "203.0.113.7:7000")->foundation != foundation &&
                                ice_bench_pair(&bench, 0, "203.0.113.7:7000")->foundation ==
                                    ice_bench_pair(&bench, 0, "10.0.1.1:1")->foundation);
    CHECK_ROW_INT("type", ice_session_remote(bench.session, 0)->type, ICE_SRFLX);
    CHECK_ROW_INT("one pair each", ice_session_pairs(bench.session), 2);
}

void
suite_ice_forming(void)
{
    UNIT_SUITE("ice_forming", NULL, tear_down, { "pairing", test_pairing }, { "pruning", test_pruning },
               { "candidates", test_candidates }, { "first states", test_first_states },
               { "idle unfreezing", test_idle_unfreezing }, { "limit", test_limit },
               { "trickled states", test_trickle_states }, { "trickled limit", test_trickle_limit },
               { "remote limit", test_remote_limit },
               { "confirmed", test_confirmed });
}
