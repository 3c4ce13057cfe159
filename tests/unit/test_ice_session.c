/* Checks and their outcomes: RFC 8445 sections 6.1.4.2, 7.2.5, 7.3 and 14. */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define OWN "10.0.0.2:5000"
#define P1 "198.51.100.1:6001"
#define P2 "198.51.100.2:6002"
#define P3 "198.51.100.3:6003"
#define MAPPED "203.0.113.1:40000"

static struct ice_bench bench;

static void
tear_down(void)
{
    ice_bench_close(&bench);
}

static void
open_as(bool controlling)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;

    options.controlling = controlling;
    ice_bench_open(&bench, &options);
}

/* ---- sending */

/* One new check every Ta, by priority; retransmissions in between by RFC 8489 section 6.2.1. */
static void
test_pacing(void)
{
    static const struct {
        int64_t at_ms;
        const char *to;
        unsigned count;
    } rows[] = {
        { 0, P1, 1 },    { 50, P2, 1 },   { 100, P3, 1 },  { 500, P1, 2 },  { 550, P2, 2 },  { 600, P3, 2 },
        { 1500, P1, 3 }, { 1550, P2, 3 }, { 1600, P3, 3 }, { 3500, P1, 4 }, { 3550, P2, 4 }, { 3600, P3, 4 },
    };

    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, P3, NULL);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = g_strdup_printf("%d ms", (int)rows[i].at_ms);
        int64_t due = rows[i].at_ms * TIME_MS;

        CHECK_ROW_INT(name, MAX(ice_session_deadline(bench.session), 0), due);
        if (due > 0)
            CHECK_ROW_INT(name, ice_bench_next(&bench, due - 1), ICE_ORDER_NONE);
        CHECK_ROW_INT(name, ice_bench_next(&bench, due), rows[i].count == 1 ? ICE_ORDER_CHECK : ICE_ORDER_RECHECK);
        CHECK_ROW(name, endpoint_equal(bench.order.to, ice_at(rows[i].to)));
        CHECK_ROW_INT(name, bench.order.count, rows[i].count);
        CHECK_ROW_INT(name, ice_bench_next(&bench, due), ICE_ORDER_NONE);
    }
}

/* The larger Ta of both sides; never below 5 ms (section 14.2). */
static void
test_ta(void)
{
    static const struct {
        const char *name;
        int64_t own, peer, ta;
    } rows[] = {
        { "default", ICE_TA, 0, 50 * TIME_MS },
        { "the peer's is larger", ICE_TA, 80 * TIME_MS, 80 * TIME_MS },
        { "the peer's is smaller", ICE_TA, 20 * TIME_MS, 50 * TIME_MS },
        { "below the floor", TIME_MS, TIME_MS, 5 * TIME_MS },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_candidate own = ice_host(OWN), first = ice_signalled(ICE_HOST, P1, "1");
        struct ice_candidate second = ice_signalled(ICE_HOST, P2, "2");
        struct ice_remote remote = { .ufrag = span_of_text("peer"),
                                     .pwd = span_of_text("peerpasswordpeerpassword"),
                                     .ta = rows[i].peer };

        options.ta = rows[i].own;
        ice_bench_open(&bench, &options);
        (void)ice_session_add_local(bench.session, &own, 0);
        (void)ice_session_add_remote(bench.session, &first, 0);
        (void)ice_session_add_remote(bench.session, &second, 0);
        (void)ice_session_set_remote(bench.session, &remote);
        ice_session_start(bench.session, 0);
        CHECK_ROW_INT(rows[i].name, ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
        CHECK_ROW_INT(rows[i].name, ice_session_deadline(bench.session), rows[i].ta);
        ice_bench_close(&bench);
    }
}

/* Two sessions of one endpoint, each with a check at the same instant: 5 ms lie between (section 14.2). */
static void
test_pacer(void)
{
    static struct ice_bench other;
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_pacer pacer = { 0 };

    options.pacer = &pacer;
    ice_bench_open(&bench, &options);
    ice_bench_open(&other, &options);
    ice_bench_start(&bench, OWN, P1, NULL);
    ice_bench_start(&other, "10.0.0.2:5001", P2, NULL);
    CHECK_ROW_INT("first", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    CHECK_ROW_INT("not yet", ice_bench_next(&other, 5 * TIME_MS - 1), ICE_ORDER_NONE);
    CHECK_ROW_INT("when", ice_session_deadline(other.session), 5 * TIME_MS);
    CHECK_ROW_INT("then", ice_bench_next(&other, 5 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW("for gathering too", !ice_pacer_take(&pacer, 10 * TIME_MS - 1) && ice_pacer_take(&pacer, 10 * TIME_MS));
    ice_bench_close(&other);
}

/* Section 14.3: max(500 ms, Ta x N x (Waiting + In-Progress)), recomputed for each; and its bound. */
static void
test_rto(void)
{
    static const struct {
        const char *name;
        int64_t most, rto_ms;
    } rows[] = {
        { "the formula alone", TIME_NEVER, 50 * 6 * 5 },
        { "bounded at a second", TIME_S, 1000 },
        { "bounded at the least", 0, 500 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;

        options.rto_most = rows[i].most;
        ice_bench_open(&bench, &options);
        ice_bench_start(&bench, OWN, P1, P2, P3, "198.51.100.4:1", "198.51.100.5:1", "198.51.100.6:1", NULL);
        (void)ice_bench_next(&bench, 0);
        ice_bench_error(&bench, 0, 400);
        CHECK_ROW_INT(rows[i].name, ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
        for (int n = 2; n < 6; n++) {
            CHECK_ROW_INT(rows[i].name, ice_bench_next(&bench, n * 50 * TIME_MS), ICE_ORDER_CHECK);
            ice_bench_error(&bench, n * 50 * TIME_MS, 400);
        }
        CHECK_ROW_INT(rows[i].name, ice_session_deadline(bench.session), (50 + rows[i].rto_ms) * TIME_MS);
        ice_bench_close(&bench);
    }
}

/* What a check carries (section 7.1). */
static void
test_contents(void)
{
    uint64_t tiebreaker;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    CHECK_ROW_INT("PRIORITY as prflx", bench.order.check.priority, 1862270975);
    CHECK_ROW("controlling", bench.order.check.controlling && bench.order.check.has_role);
    CHECK_ROW("no USE-CANDIDATE", !bench.order.check.use_candidate);
    tiebreaker = bench.order.check.tiebreaker;
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    CHECK_ROW("one tiebreaker a session", bench.order.check.tiebreaker == tiebreaker);
}

/* The bytes of a retransmission are those of the request (RFC 8489 section 6.2.1), whatever has changed since. */
static void
test_same_bytes(void)
{
    uint8_t first[ICE_MESSAGE_BYTES], again[ICE_MESSAGE_BYTES];
    struct span one, two;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    one = ice_session_write(bench.session, &bench.order, first, sizeof first);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_error(&bench, 60 * TIME_MS, 487);
    CHECK_ROW("controlled now", !ice_session_is_controlling(bench.session));
    CHECK_ROW_INT("the repaired pair", ice_bench_next(&bench, 100 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW_INT("again", ice_bench_next(&bench, 500 * TIME_MS), ICE_ORDER_RECHECK);
    two = ice_session_write(bench.session, &bench.order, again, sizeof again);
    CHECK_ROW_BYTES("same", two, one);
}

/* ---- section 7.2.5 */

enum outcome {
    SUCCESS_OWN,
    SUCCESS_MAPPED,
    WRONG_SOURCE,
    WRONG_BASE,
    ERROR_400,
    ERROR_401,
    ERROR_403,
    MALFORMED,
    UNPROVEN,
    ICMP_ERROR,
    PERMISSION_REFUSED,
    SILENCE
};

static const struct {
    const char *name;
    enum outcome outcome;
    enum ice_pair_state state;
    enum ice_why why;
    bool thaws; /* the frozen pair of the same foundation */
} outcomes[] = {
    { "7.2.5.3: success", SUCCESS_OWN, ICE_PAIR_SUCCEEDED, ICE_WHY_ANSWERED, true },
    { "7.2.5.3: success, mapped", SUCCESS_MAPPED, ICE_PAIR_SUCCEEDED, ICE_WHY_ANSWERED, true },
    { "7.2.5.2.1: from elsewhere", WRONG_SOURCE, ICE_PAIR_FAILED, ICE_WHY_NOT_SYMMETRIC, false },
    { "7.2.5.2.1: to elsewhere", WRONG_BASE, ICE_PAIR_FAILED, ICE_WHY_NOT_SYMMETRIC, false },
    { "7.2.5.2.4: 400", ERROR_400, ICE_PAIR_FAILED, ICE_WHY_ERROR_RESPONSE, false },
    { "7.2.5.2.4: 401", ERROR_401, ICE_PAIR_FAILED, ICE_WHY_ERROR_RESPONSE, false },
    { "7.2.5.2.4: 403", ERROR_403, ICE_PAIR_FAILED, ICE_WHY_ERROR_RESPONSE, false },
    { "no XOR-MAPPED-ADDRESS", MALFORMED, ICE_PAIR_FAILED, ICE_WHY_MALFORMED, false },
    { "RFC 8489 9.1.4: no integrity", UNPROVEN, ICE_PAIR_IN_PROGRESS, ICE_WHY_ORDINARY, false },
    { "7.2.5.2.2: ICMP", ICMP_ERROR, ICE_PAIR_FAILED, ICE_WHY_ICMP, false },
    { "no permission", PERMISSION_REFUSED, ICE_PAIR_FAILED, ICE_WHY_PERMISSION, false },
    { "7.2.5.2.3: silence", SILENCE, ICE_PAIR_FAILED, ICE_WHY_TIMEOUT, false },
};

static void
bring_about(enum outcome outcome)
{
    struct ice_order order = bench.order;
    struct ice_arrival arrival = { order.base, order.to };

    switch (outcome) {
    case SUCCESS_OWN:
        ice_bench_success(&bench, TIME_MS, NULL);
        break;
    case SUCCESS_MAPPED:
        ice_bench_success(&bench, TIME_MS, MAPPED);
        break;
    case WRONG_SOURCE:
        ice_bench_answer(&bench, TIME_MS, &order, order.base, P2, OWN);
        break;
    case WRONG_BASE:
        ice_bench_answer(&bench, TIME_MS, &order, order.base + 1u, P1, OWN);
        break;
    case ERROR_400:
        ice_bench_error(&bench, TIME_MS, 400);
        break;
    case ERROR_401:
        ice_bench_error(&bench, TIME_MS, 401);
        break;
    case ERROR_403:
        ice_bench_error(&bench, TIME_MS, 403);
        break;
    case MALFORMED:
    case UNPROVEN:
        (void)ice_session_response(
            bench.session, TIME_MS, &arrival, &order.check.id,
            &(struct ice_answer){ .kind = outcome == MALFORMED ? ICE_ANSWER_MALFORMED : ICE_ANSWER_UNPROVEN });
        break;
    case ICMP_ERROR:
        ice_session_broken(bench.session, TIME_MS, order.base, order.to, ICE_WHY_ICMP);
        break;
    case PERMISSION_REFUSED:
        ice_session_broken(bench.session, TIME_MS, order.base, order.to, ICE_WHY_PERMISSION);
        break;
    case SILENCE:
        for (int64_t at = 0; at < 39500 * TIME_MS; at = MAX(ice_session_deadline(bench.session), at + 1)) {
            (void)ice_bench_next(&bench, at);
            CHECK_ROW_INT("until 39.5 s", ice_bench_state(&bench, 0, P1), ICE_PAIR_IN_PROGRESS);
        }
        (void)ice_bench_next(&bench, 39500 * TIME_MS);
        break;
    }
}

static void
test_outcomes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(outcomes); i++) {
        struct ice_candidate frozen = ice_signalled(ICE_HOST, P2, "1");
        struct ice_candidate own = ice_host(OWN), peer = ice_signalled(ICE_HOST, P1, "1");
        const struct ice_pair *pair;
        enum ice_pair_state after;

        frozen.priority = 1;
        open_as(true);
        (void)ice_session_add_local(bench.session, &own, 0);
        (void)ice_session_add_remote(bench.session, &peer, 0);
        (void)ice_session_add_remote(bench.session, &frozen, 0);
        ice_bench_remote(&bench, false);
        ice_session_start(bench.session, 0);
        (void)ice_bench_next(&bench, 0);
        bring_about(outcomes[i].outcome);
        pair = ice_bench_pair(&bench, 0, P1);
        if (!CHECK_ROW(outcomes[i].name, pair != NULL))
            continue;
        CHECK_ROW_INT(outcomes[i].name, pair->state, outcomes[i].state);
        for (size_t n = bench.noted; n-- > 0;)
            if (bench.notes[n].event.type == ICE_EVENT_PAIR && bench.notes[n].record.subject[0] == pair->number) {
                CHECK_ROW_INT(outcomes[i].name, bench.notes[n].event.why, outcomes[i].why);
                break;
            }
        after = outcomes[i].thaws ? ICE_PAIR_WAITING : ICE_PAIR_FROZEN;
        if (outcomes[i].outcome != SILENCE) /* where it has had its turn meanwhile */
            CHECK_ROW_INT(outcomes[i].name, ice_bench_state(&bench, 0, P2), after);
        ice_bench_close(&bench);
    }
}

/* Section 7.2.5.3.1 and .2: an address that is not known makes a candidate, and a valid pair that is not in the
 * list. */
static void
test_mapped(void)
{
    const struct ice_candidate *learned;
    const struct ice_pair *checked, *valid;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, 40 * TIME_MS, MAPPED);
    CHECK_ROW_INT("candidates", ice_session_locals(bench.session), 2);
    learned = ice_session_local(bench.session, 1);
    CHECK_ROW_INT("type", learned->type, ICE_PRFLX);
    CHECK_ROW("address", endpoint_equal(learned->endpoint, ice_at(MAPPED)));
    CHECK_ROW("base", endpoint_equal(learned->base, ice_at(OWN)));
    CHECK_ROW_INT("priority", learned->priority, 1862270975);
    checked = ice_bench_pair(&bench, 0, P1);
    valid = ice_session_find_pair(bench.session, checked->made);
    CHECK_ROW("two pairs", valid && valid != checked && !valid->listed && valid->valid && !checked->valid);
    CHECK_ROW_INT("both succeeded", valid->state + checked->state, 2 * ICE_PAIR_SUCCEEDED);
    CHECK_ROW("computed priority",
              valid->priority ==
                  ice_pair_priority(1862270975, ice_session_remote(bench.session, valid->remote)->priority));
    CHECK_ROW_INT("round trip", valid->rtt, 40 * TIME_MS);
    CHECK_ROW_INT("it is not paired further", ice_session_pairs(bench.session), 2);
}

/* A server-reflexive candidate is the one that the peer has seen: no new one. */
static void
test_mapped_known(void)
{
    struct ice_candidate reflexive = ice_host(MAPPED), own = ice_host(OWN);
    struct ice_candidate peer = ice_signalled(ICE_HOST, P1, "1");

    reflexive.type = ICE_SRFLX;
    reflexive.base = ice_at(OWN);
    open_as(true);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_local(bench.session, &reflexive, 0);
    (void)ice_session_add_remote(bench.session, &peer, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, MAPPED);
    CHECK_ROW_INT("candidates", ice_session_locals(bench.session), 2);
    CHECK_ROW_INT("valid", ice_session_find_pair(bench.session, ice_bench_pair(&bench, 0, P1)->made)->local, 1);
}

/* ---- 487 (section 7.2.5.1) */

/* The valid pair was about to be checked because of the peer's check, and another pair's answer has proven it first
 * (section 7.2.5.3.2): then it has Succeeded, and is checked no more. */
static void
test_mapped_queued(void)
{
    struct ice_candidate own = ice_host(OWN), other = ice_host("10.0.0.3:5000");
    struct ice_candidate remote = ice_signalled(ICE_HOST, P1, "1");
    struct ice_order first;

    other.local_preference--;
    ice_bench_open(&bench, NULL);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_local(bench.session, &other, 0);
    (void)ice_session_add_remote(bench.session, &remote, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    (void)ice_bench_next(&bench, 0);
    first = bench.order;
    CHECK_ROW_INT("the first is checked", first.base, 0);
    (void)ice_bench_request(&bench, 10 * TIME_MS, 1, P1, false);
    CHECK_ROW_INT("the second is to be", ice_bench_state(&bench, 1, P1), ICE_PAIR_WAITING);
    ice_bench_answer(&bench, 20 * TIME_MS, &first, 0, P1, "10.0.0.3:5000");
    CHECK_ROW_INT("and is proven", ice_bench_state(&bench, 1, P1), ICE_PAIR_SUCCEEDED);
    for (int64_t at = 50 * TIME_MS; at < TIME_S; at += 50 * TIME_MS) {
        while (ice_bench_next(&bench, at) != ICE_ORDER_NONE)
            CHECK_ROW("checked only to be nominated", bench.order.check.use_candidate);
        CHECK_ROW_INT("it stays so", ice_bench_state(&bench, 1, P1), ICE_PAIR_SUCCEEDED);
    }
}

static void
test_role_told(void)
{
    for (int controlling = 0; controlling < 2; controlling++) {
        const char *name = controlling ? "controlling" : "controlled";
        uint64_t tiebreaker, priority;

        open_as(controlling);
        ice_bench_start(&bench, OWN, P1, P2, NULL);
        (void)ice_bench_next(&bench, 0);
        tiebreaker = bench.order.check.tiebreaker;
        priority = ice_bench_pair(&bench, 0, P1)->priority;
        ice_bench_error(&bench, TIME_MS, 487);
        CHECK_ROW_INT(name, ice_session_is_controlling(bench.session), !controlling);
        CHECK_ROW_INT(name, ice_bench_state(&bench, 0, P1), ICE_PAIR_WAITING);
        CHECK_ROW(name, ice_bench_pair(&bench, 0, P1)->priority != priority);
        CHECK_ROW_INT(name, ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
        CHECK_ROW(name, endpoint_equal(bench.order.to, ice_at(P1))); /* from the triggered-check queue */
        CHECK_ROW_INT(name, bench.order.check.controlling, !controlling);
        CHECK_ROW(name, bench.order.check.tiebreaker != tiebreaker);
        ice_bench_close(&bench);
    }
}

/* Two checks under way, both answered 487: the role changes once. */
static void
test_role_told_twice(void)
{
    struct ice_order first;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    first = bench.order;
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_error(&bench, 60 * TIME_MS, 487);
    bench.order = first;
    ice_bench_error(&bench, 61 * TIME_MS, 487);
    CHECK_ROW("once", !ice_session_is_controlling(bench.session));
    CHECK_ROW_INT("both again", ice_bench_state(&bench, 0, P1) + ice_bench_state(&bench, 0, P2), 2 * ICE_PAIR_WAITING);
}

/* ---- role conflict seen in a request (section 7.3.1.1) */

static void
test_role_conflict(void)
{
    static const struct {
        const char *name;
        bool mine, theirs; /* controlling */
        int difference;    /* their tiebreaker less mine */
        unsigned code;
        bool after;
    } rows[] = {
        { "no conflict: controlling", true, false, 1, 0, true },
        { "no conflict: controlled", false, true, -1, 0, false },
        { "both controlling, mine larger", true, true, -1, 487, true },
        { "both controlling, equal", true, true, 0, 487, true },
        { "both controlling, mine smaller", true, true, 1, 0, false },
        { "both controlled, mine larger", false, false, -1, 0, true },
        { "both controlled, equal", false, false, 0, 0, true },
        { "both controlled, mine smaller", false, false, 1, 487, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_arrival arrival = { 0, ice_at(P1) };
        struct ice_check check = { .priority = 1, .has_role = true, .controlling = rows[i].theirs };

        open_as(rows[i].mine);
        ice_bench_start(&bench, OWN, P1, NULL);
        (void)ice_bench_next(&bench, 0);
        check.tiebreaker = bench.order.check.tiebreaker + (uint64_t)rows[i].difference;
        CHECK_ROW_INT(rows[i].name, ice_session_request(bench.session, 1, &arrival, &check), rows[i].code);
        CHECK_ROW_INT(rows[i].name, ice_session_is_controlling(bench.session), rows[i].after);
        /* A check that is answered 487 has no other effect. */
        CHECK_ROW_INT(rows[i].name, ice_bench_state(&bench, 0, P1),
                      rows[i].code ? ICE_PAIR_IN_PROGRESS : ICE_PAIR_WAITING);
        ice_bench_close(&bench);
    }
}

/* ---- triggered checks (section 7.3.1.4) */

static void
test_triggered(void)
{
    static const struct {
        const char *name;
        enum ice_pair_state before, after;
        bool checks; /* the next check goes there, before those that wait */
    } rows[] = {
        { "Frozen", ICE_PAIR_FROZEN, ICE_PAIR_WAITING, true },
        { "Waiting", ICE_PAIR_WAITING, ICE_PAIR_WAITING, true },
        { "In-Progress", ICE_PAIR_IN_PROGRESS, ICE_PAIR_WAITING, true },
        { "Succeeded", ICE_PAIR_SUCCEEDED, ICE_PAIR_SUCCEEDED, false },
        { "Failed", ICE_PAIR_FAILED, ICE_PAIR_WAITING, true },
        { "not in the list", ICE_PAIR_GONE, ICE_PAIR_WAITING, true },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *source = rows[i].before == ICE_PAIR_GONE ? "203.0.113.9:999" : P1;
        struct ice_candidate own = ice_host(OWN), first = ice_signalled(ICE_HOST, P1, "1");
        struct ice_candidate before = ice_signalled(ICE_HOST, P2, "1"), last = ice_signalled(ICE_HOST, P3, "3");

        /* P1 is behind P2 of the same foundation where it has to be frozen, else before it. */
        first.priority -= rows[i].before == ICE_PAIR_FROZEN ? 1000 : 0;
        before.priority -= 500;
        last.priority -= 700;
        open_as(true);
        (void)ice_session_add_local(bench.session, &own, 0);
        (void)ice_session_add_remote(bench.session, &first, 0);
        (void)ice_session_add_remote(bench.session, &before, 0);
        (void)ice_session_add_remote(bench.session, &last, 0);
        ice_bench_remote(&bench, false);
        ice_session_start(bench.session, 0);
        if (rows[i].before > ICE_PAIR_WAITING && rows[i].before < ICE_PAIR_GONE)
            (void)ice_bench_next(&bench, 0);
        if (rows[i].before == ICE_PAIR_SUCCEEDED)
            ice_bench_success(&bench, 1, NULL);
        if (rows[i].before == ICE_PAIR_FAILED)
            ice_bench_error(&bench, 1, 400);
        CHECK_ROW_INT(rows[i].name, ice_bench_state(&bench, 0, source), rows[i].before);
        CHECK_ROW_INT(rows[i].name, ice_bench_request(&bench, 2, 0, source, false), 0);
        CHECK_ROW_INT(rows[i].name, ice_bench_state(&bench, 0, source), rows[i].after);
        CHECK_ROW_INT(rows[i].name, ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
        CHECK_ROW_INT(rows[i].name, endpoint_equal(bench.order.to, ice_at(source)) && !bench.order.check.use_candidate,
                      rows[i].checks);
        ice_bench_close(&bench);
    }
}

/* The queue is first in, first out, and a pair stands in it once. */
static void
test_queue(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, P3, NULL);
    (void)ice_bench_request(&bench, 0, 0, P3, false);
    (void)ice_bench_request(&bench, 0, 0, P2, false);
    (void)ice_bench_request(&bench, 0, 0, P3, false);
    (void)ice_bench_next(&bench, 0);
    CHECK_ROW("first", endpoint_equal(bench.order.to, ice_at(P3)));
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    CHECK_ROW("second", endpoint_equal(bench.order.to, ice_at(P2)));
    (void)ice_bench_next(&bench, 100 * TIME_MS);
    CHECK_ROW("then in turn", endpoint_equal(bench.order.to, ice_at(P1)));
}

/* A cancelled check: no retransmission, silence is no failure, and a late success counts. */
static void
test_late_success(void)
{
    struct ice_order cancelled;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    cancelled = bench.order;
    (void)ice_bench_request(&bench, TIME_MS, 0, P1, false);
    CHECK_ROW_INT("another check", ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW("another transaction", !stun_id_equal(&cancelled.check.id, &bench.order.check.id));
    CHECK_ROW_INT("no retransmission of the first", ice_bench_next(&bench, 549 * TIME_MS), ICE_ORDER_NONE);
    ice_bench_answer(&bench, 549 * TIME_MS, &cancelled, 0, P1, OWN);
    CHECK_ROW_INT("it counts", ice_bench_state(&bench, 0, P1), ICE_PAIR_SUCCEEDED);
    CHECK_ROW_INT("and ends the second", ice_bench_next(&bench, 550 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW("which nominates now", bench.order.check.use_candidate);
}

/* An error to a cancelled check means nothing; and it is forgotten when its time is over. */
static void
test_late_error(void)
{
    struct ice_order cancelled;
    struct ice_arrival arrival = { 0, ice_at(P1) };
    struct ice_answer answer = { .kind = ICE_ANSWER_SUCCESS, .mapped = ice_at(OWN) };

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    cancelled = bench.order;
    (void)ice_bench_request(&bench, TIME_MS, 0, P1, false);
    bench.order = cancelled;
    ice_bench_error(&bench, 2 * TIME_MS, 400);
    CHECK_ROW_INT("waiting", ice_bench_state(&bench, 0, P1), ICE_PAIR_WAITING);

    (void)ice_bench_next(&bench, 50 * TIME_MS);
    cancelled = bench.order;
    (void)ice_bench_request(&bench, 60 * TIME_MS, 0, P1, false);
    while (ice_session_deadline(bench.session) <= 50 * TIME_MS + 39500 * TIME_MS)
        (void)ice_bench_next(&bench, ice_session_deadline(bench.session));
    CHECK_ROW("forgotten", !ice_session_response(bench.session, 40 * TIME_S, &arrival, &cancelled.check.id, &answer));
}

/* Section 7.3: checks that come before the start are answered at once, and take effect at the start. */
static void
test_early(void)
{
    struct ice_candidate own = ice_host(OWN);

    open_as(false);
    (void)ice_session_add_local(bench.session, &own, 0);
    for (int i = 0; i < 3; i++)
        CHECK_ROW_INT("answered", ice_bench_request(&bench, i, 0, P1, i == 1), 0);
    CHECK_ROW_INT("no more yet", ice_session_remotes(bench.session), 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, TIME_S);
    CHECK_ROW_INT("learned once", ice_session_remotes(bench.session), 1);
    CHECK_ROW_INT("triggered", ice_bench_next(&bench, TIME_S), ICE_ORDER_CHECK);
    ice_bench_success(&bench, TIME_S + 1, NULL);
    CHECK_ROW("and its nomination counts", ice_session_selected(bench.session, 0, 1) != NULL);
}

/* ---- TCP (RFC 6544) */

static void
start_tcp(enum ice_transport own, enum ice_transport peer)
{
    struct ice_candidate local = ice_host(OWN), remote = ice_signalled(ICE_HOST, P1, "1");

    local.transport = own;
    remote.transport = peer;
    open_as(true);
    (void)ice_session_add_local(bench.session, &local, 0);
    (void)ice_session_add_remote(bench.session, &remote, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
}

/* The active side: one request, and Ti instead of retransmissions (RFC 8489 section 6.2.2); what the peer sees of it is
 * a candidate of its transport. */
static void
test_tcp_active(void)
{
    start_tcp(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    CHECK_ROW_INT("check", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    CHECK_ROW_INT("transport", bench.order.transport, ICE_TCP_ACTIVE);
    CHECK_ROW_INT("Ti", ice_session_deadline(bench.session), 39500 * TIME_MS);
    ice_bench_success(&bench, TIME_S, "10.0.0.2:49152");
    CHECK_ROW_INT("learned", ice_session_local(bench.session, 1)->transport, ICE_TCP_ACTIVE);
    CHECK_ROW_INT("succeeded", ice_bench_state(&bench, 0, P1), ICE_PAIR_SUCCEEDED);
    ice_bench_close(&bench);

    start_tcp(ICE_TCP_ACTIVE, ICE_TCP_PASSIVE);
    (void)ice_bench_next(&bench, 0);
    ice_session_broken(bench.session, TIME_S, 0, ice_at(P1), ICE_WHY_CONNECTION);
    CHECK_ROW_INT("no connection", ice_bench_state(&bench, 0, P1), ICE_PAIR_FAILED);
}

/* The passive side waits; the peer's connection makes the pair, and is checked from this side too. */
static void
test_tcp_passive(void)
{
    start_tcp(ICE_TCP_PASSIVE, ICE_TCP_ACTIVE);
    CHECK_ROW_INT("no pair", ice_session_pairs(bench.session), 0);
    CHECK_ROW_INT("waits", ice_bench_next(&bench, 0), ICE_ORDER_NONE);
    (void)ice_bench_request(&bench, TIME_S, 0, "198.51.100.1:49152", false);
    CHECK_ROW_INT("learned", ice_session_remote(bench.session, 1)->transport, ICE_TCP_ACTIVE);
    CHECK_ROW_INT("checked back", ice_bench_next(&bench, TIME_S), ICE_ORDER_CHECK);
    CHECK_ROW("by the same way", endpoint_equal(bench.order.to, ice_at("198.51.100.1:49152")));
    ice_bench_success(&bench, 2 * TIME_S, NULL);
    CHECK_ROW_INT("succeeded", ice_bench_state(&bench, 0, "198.51.100.1:49152"), ICE_PAIR_SUCCEEDED);
}

/* What a peer can make grow has limits. */
static void
test_bounds(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;

    options.remotes_most = 8;
    options.pairs_most = 4;
    ice_bench_open(&bench, &options);
    ice_bench_start(&bench, OWN, P1, NULL);
    for (unsigned i = 0; i < 60; i++) {
        g_autofree char *source = g_strdup_printf("203.0.113.9:%u", 1000 + i);

        CHECK_ROW_INT("answered all the same", ice_bench_request(&bench, i, 0, source, false), 0);
    }
    CHECK_ROW_INT("candidates", ice_session_remotes(bench.session), 8);
    CHECK_ROW("pairs", ice_session_pairs(bench.session) <= 8);
    CHECK_ROW("counted", ice_session_counters(bench.session)->limited >= 52);
}

void
suite_ice_session(void)
{
    UNIT_SUITE("ice_session", NULL, tear_down, { "pacing", test_pacing }, { "Ta", test_ta }, { "pacer", test_pacer },
               { "RTO", test_rto }, { "contents", test_contents }, { "same bytes", test_same_bytes },
               { "outcomes", test_outcomes }, { "mapped", test_mapped }, { "mapped, known", test_mapped_known },
               { "mapped, queued", test_mapped_queued }, { "told of a role conflict", test_role_told },
               { "told twice", test_role_told_twice }, { "role conflict", test_role_conflict },
               { "triggered", test_triggered }, { "queue", test_queue }, { "late success", test_late_success },
               { "late error", test_late_error }, { "early", test_early }, { "TCP, active", test_tcp_active },
               { "TCP, passive", test_tcp_passive }, { "bounds", test_bounds });
}
