/* Nomination, conclusion, failure: RFC 8445 section 8, RFC 5245 section 8.1.1.2, RFC 8863. */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define OWN "10.0.0.2:5000"
#define OWN_2 "10.0.0.2:5001"
#define P1 "198.51.100.1:6001"
#define P2 "198.51.100.2:6002"
#define P3 "198.51.100.3:6003"

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

static bool
selected_is(const char *remote)
{
    const struct ice_pair *pair = ice_session_selected(bench.session, 0, 1);

    return pair && endpoint_equal(ice_session_remote(bench.session, pair->remote)->endpoint, ice_at(remote));
}

/* Takes all orders that are due by `until` and answers those to `remote`. */
static void
play(int64_t until, const char *remote)
{
    for (int64_t at = ice_session_deadline(bench.session); at <= until; at = ice_session_deadline(bench.session)) {
        while (ice_bench_next(&bench, MAX(at, 0)) != ICE_ORDER_NONE)
            if (remote && endpoint_equal(bench.order.to, ice_at(remote)))
                ice_bench_success(&bench, MAX(at, 0), NULL);
    }
}

/* Section 8.1.1: the best one at once when nothing of higher priority is left; USE-CANDIDATE, Completed. */
static void
test_decided(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, 20 * TIME_MS, NULL);
    CHECK_ROW_INT("not before Ta", ice_bench_next(&bench, 49 * TIME_MS), ICE_ORDER_NONE);
    CHECK_ROW_INT("the check again", ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW("with USE-CANDIDATE", bench.order.check.use_candidate && endpoint_equal(bench.order.to, ice_at(P1)));
    CHECK_ROW_INT("still Succeeded", ice_bench_state(&bench, 0, P1), ICE_PAIR_SUCCEEDED);
    CHECK_ROW("not selected yet", !ice_session_selected(bench.session, 0, 1));
    ice_bench_success(&bench, 70 * TIME_MS, NULL);
    CHECK_ROW("selected", selected_is(P1));
    CHECK_ROW_INT("because", ice_bench_last(&bench, ICE_EVENT_SELECTED)->event.why, ICE_WHY_DECIDED);
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
    CHECK_ROW_INT("the other one is gone (8.1.2)", ice_bench_state(&bench, 0, P2), ICE_PAIR_GONE);
    CHECK_ROW("one nomination", ice_bench_count(&bench, ICE_EVENT_NOMINATED) == 1);
}

/* While a pair of higher priority is undecided: a short wait; a longer one before a relayed path is taken. */
static void
test_waited(void)
{
    static const struct {
        const char *name;
        enum ice_type type;
        int64_t at_ms; /* after the answer at 90 ms */
    } rows[] = { { "direct", ICE_HOST, 290 }, { "relayed", ICE_RELAY, 2090 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_candidate own = ice_host(OWN), silent = ice_signalled(ICE_HOST, P1, "1");
        struct ice_candidate works = ice_signalled(rows[i].type, P2, "2");
        int64_t at = 0;

        works.priority -= 256;
        open_as(true);
        (void)ice_session_add_local(bench.session, &own, 0);
        (void)ice_session_add_remote(bench.session, &silent, 0);
        (void)ice_session_add_remote(bench.session, &works, 0);
        ice_bench_remote(&bench, false);
        ice_session_start(bench.session, 0);
        (void)ice_bench_next(&bench, 0);
        (void)ice_bench_next(&bench, 50 * TIME_MS);
        ice_bench_success(&bench, 90 * TIME_MS, NULL);
        do {
            at = ice_session_deadline(bench.session);
            (void)ice_bench_next(&bench, at);
        } while (!bench.order.check.use_candidate);
        CHECK_ROW_INT(rows[i].name, at, rows[i].at_ms * TIME_MS);
        ice_bench_success(&bench, at + 1, NULL);
        CHECK_ROW(rows[i].name, selected_is(P2));
        CHECK_ROW_INT(rows[i].name, ice_bench_last(&bench, ICE_EVENT_SELECTED)->event.why, ICE_WHY_WAITED);
        ice_bench_close(&bench);
    }
}

/* ---- how long a relayed pair waits */

enum hope { NO_HOPE, A_DIRECT_CANDIDATE, A_RELAYED_CANDIDATE, A_CHECK, A_CHECK_FROM_ELSEWHERE, THE_END };

struct hopes {
    int64_t at_ms;
    enum hope what;
};

static void
raise_hope(int64_t now, enum hope what, unsigned index)
{
    g_autofree char *at = g_strdup_printf("198.51.100.77:%u", 7000 + index);
    g_autofree char *foundation = g_strdup_printf("7%u", index);
    struct ice_candidate late = ice_signalled(what == A_RELAYED_CANDIDATE ? ICE_RELAY : ICE_HOST, at, foundation);

    if (what == A_CHECK)
        (void)ice_bench_request(&bench, now, 0, P1, false);
    else if (what == A_CHECK_FROM_ELSEWHERE)
        (void)ice_bench_request(&bench, now, 0, P3, false);
    else if (what == THE_END)
        ice_session_end_remote(bench.session, now);
    else
        (void)ice_session_add_remote(bench.session, &late, now);
}

/* Answers checks to P2 and no others, lets the hopes come, and says when a nomination goes out. */
static int64_t
play_hopes(const struct hopes *hopes, size_t count)
{
    size_t next = 0;
    int64_t at = 0;

    for (;;) {
        int64_t due = MAX(ice_session_deadline(bench.session), at);

        while (next < count && hopes[next].what == NO_HOPE)
            next++;
        if (next < count && hopes[next].at_ms * TIME_MS <= due) {
            at = hopes[next].at_ms * TIME_MS;
            raise_hope(at, hopes[next].what, (unsigned)next);
            next++;
            continue;
        }
        at = due;
        (void)ice_bench_next(&bench, at);
        if (bench.order.type == ICE_ORDER_CHECK && bench.order.check.use_candidate)
            return at;
        if (bench.order.type == ICE_ORDER_CHECK && endpoint_equal(bench.order.to, ice_at(P2)))
            ice_bench_success(&bench, at, NULL);
    }
}

/* RFC 8445 section 8.1.1 leaves it to the agent. P2, over a relay, answers at 50 ms; the direct P1 does not. */
static void
test_hopes(void)
{
    static const struct {
        const char *name;
        struct hopes hopes[5];
        int64_t at_ms; /* of the nomination */
    } rows[] = {
        { "nothing comes", { { 0, NO_HOPE } }, 2050 },
        { "a direct candidate comes late", { { 1000, A_DIRECT_CANDIDATE } }, 3000 },
        { "and another", { { 1000, A_DIRECT_CANDIDATE }, { 2500, A_DIRECT_CANDIDATE } }, 4500 },
        { "too late", { { 2051, A_DIRECT_CANDIDATE } }, 2050 },
        { "one more relay is no hope", { { 1000, A_RELAYED_CANDIDATE } }, 2050 },
        { "the peer's check comes by the direct pair", { { 1500, A_CHECK } }, 3500 },
        { "or from where no candidate is yet", { { 1500, A_CHECK_FROM_ELSEWHERE } }, 3500 },
        { "three times the wait and no more",
          { { 1500, A_CHECK }, { 3000, A_CHECK }, { 4500, A_CHECK }, { 5500, A_CHECK } },
          6050 },
        { "the end of candidates changes nothing while a pair is open", { { 1000, THE_END } }, 2050 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_candidate own = ice_host(OWN), silent = ice_signalled(ICE_HOST, P1, "1");
        struct ice_candidate works = ice_signalled(ICE_RELAY, P2, "2");

        options.trickle = true;
        ice_bench_open(&bench, &options);
        (void)ice_session_add_local(bench.session, &own, 0);
        ice_session_end_local(bench.session, 0);
        (void)ice_session_add_remote(bench.session, &silent, 0);
        (void)ice_session_add_remote(bench.session, &works, 0);
        ice_bench_remote(&bench, true);
        ice_session_start(bench.session, 0);
        CHECK_ROW_INT(rows[i].name, play_hopes(rows[i].hopes, G_N_ELEMENTS(rows[i].hopes)), rows[i].at_ms * TIME_MS);
        ice_bench_close(&bench);
    }
}

/* RFC 8838 lets a check overtake its candidate: until their end is declared the source may be the peer's relay. */
static void
test_perhaps_a_relay(void)
{
    static const struct {
        const char *name;
        bool trickle;
        struct hopes hopes[1];
        int64_t at_ms;
    } rows[] = {
        { "no more can come", false, { { 0, NO_HOPE } }, 200 },
        { "more may come", true, { { 0, NO_HOPE } }, 2000 },
        { "it was none", true, { { 700, THE_END } }, 700 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_candidate own = ice_host(OWN), silent = ice_signalled(ICE_HOST, P1, "1");

        options.trickle = rows[i].trickle;
        ice_bench_open(&bench, &options);
        (void)ice_session_add_local(bench.session, &own, 0);
        ice_session_end_local(bench.session, 0);
        (void)ice_session_add_remote(bench.session, &silent, 0);
        ice_bench_remote(&bench, rows[i].trickle);
        ice_session_start(bench.session, 0);
        (void)ice_bench_request(&bench, 0, 0, P2, false);
        CHECK_ROW_INT(rows[i].name, play_hopes(rows[i].hopes, 1), rows[i].at_ms * TIME_MS);
        ice_bench_close(&bench);
    }
}

/* A way that the peer's check has come by: what is not answered was lost, and the check is repeated at even intervals,
 * for 39.5 s at least. */
static void
test_triggered_at_even_intervals(void)
{
    int64_t at = 0, last = 0;
    unsigned count = 0;

    open_as(false);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    (void)ice_bench_request(&bench, 10 * TIME_MS, 0, P1, false);
    for (at = ice_session_deadline(bench.session); ice_bench_state(&bench, 0, P1) != ICE_PAIR_FAILED;
         at = ice_session_deadline(bench.session)) {
        if (ice_bench_next(&bench, at) == ICE_ORDER_NONE)
            continue;
        CHECK_ROW("every 500 ms", count == 0 || at - last == 500 * TIME_MS);
        last = at;
        count++;
    }
    CHECK_ROW_INT("requests", count, 79);
    CHECK_ROW_INT("and then silence counts", last - 50 * TIME_MS, 78 * 500 * TIME_MS);
}

/* A better pair that succeeds in the meantime is the one. */
static void
test_better_one(void)
{
    struct ice_order first;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    first = bench.order;
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 90 * TIME_MS, NULL);
    ice_bench_answer(&bench, 100 * TIME_MS, &first, 0, P1, OWN);
    (void)ice_bench_next(&bench, 100 * TIME_MS);
    CHECK_ROW("the better", bench.order.check.use_candidate && endpoint_equal(bench.order.to, ice_at(P1)));
}

/* The answer to the nomination is lost: the check is repeated, not the decision. */
static void
test_lost_answer(void)
{
    struct stun_id id;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    id = bench.order.check.id;
    (void)ice_bench_request(&bench, 60 * TIME_MS, 0, P1, false); /* the peer's check doesn't disturb it */
    CHECK_ROW_INT("again", ice_bench_next(&bench, 550 * TIME_MS), ICE_ORDER_RECHECK);
    CHECK_ROW("the same", stun_id_equal(&id, &bench.order.check.id) && bench.order.check.use_candidate);
    ice_bench_success(&bench, 560 * TIME_MS, NULL);
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
}

/* Nobody answers the nomination: it is sent again every RTO, not ever more seldom, and fails as late as other checks. */
static void
test_unanswered_nomination(void)
{
    int64_t at = 50 * TIME_MS, before;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL);
    (void)ice_bench_next(&bench, at);
    CHECK_ROW("it nominates", bench.order.check.use_candidate);
    for (before = at; at < 39500 * TIME_MS && ice_session_state(bench.session) == ICE_RUNNING;) {
        at = ice_session_deadline(bench.session);
        if (ice_bench_next(&bench, at) == ICE_ORDER_NONE)
            continue;
        CHECK_ROW_INT("again, and nothing else", bench.order.type, ICE_ORDER_RECHECK);
        CHECK_ROW_INT("the next request", at - before, 500 * TIME_MS);
        before = at;
    }
    CHECK_ROW("for as long as RFC 8489 section 6.2.1 has it", at >= 39500 * TIME_MS);
    while (ice_session_state(bench.session) == ICE_RUNNING && at < 41 * TIME_S) {
        at = ice_session_deadline(bench.session);
        (void)ice_bench_next(&bench, at);
    }
    CHECK_ROW_INT("then it has failed", ice_session_state(bench.session), ICE_FAILED);
}

/* Section 7.2.5.3.4: the nomination fails, and with it the checklist. */
static void
test_failed_nomination(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_error(&bench, 60 * TIME_MS, 400);
    CHECK_ROW_INT("pair", ice_bench_state(&bench, 0, P1), ICE_PAIR_FAILED);
    CHECK_ROW("not valid", !ice_bench_pair(&bench, 0, P1)->valid);
    CHECK_ROW_INT("checklist", ice_session_checklist(bench.session, 0), ICE_FAILED);
    CHECK_ROW_INT("session", ice_session_state(bench.session), ICE_FAILED);
    CHECK_ROW_INT("nothing more", ice_bench_next(&bench, 40 * TIME_S), ICE_ORDER_NONE);
    ice_bench_close(&bench);

    open_as(true);
    ice_bench_start(&bench, OWN, P2, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 60 * TIME_MS, NULL);
    while (!bench.order.check.use_candidate)
        (void)ice_bench_next(&bench, ice_session_deadline(bench.session));
    ice_bench_error(&bench, 300 * TIME_MS, 400);
    CHECK_ROW_INT("the check under way ends too", ice_bench_state(&bench, 0, P2), ICE_PAIR_FAILED);
    CHECK_ROW_INT("nothing more", ice_session_deadline(bench.session), TIME_NEVER);
}

/* Section 7.3.1.5, at the controlled agent. */
static void
test_controlled(void)
{
    open_as(false);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL);
    CHECK_ROW_INT("it nominates nothing", ice_bench_next(&bench, 4 * TIME_S), ICE_ORDER_NONE);
    (void)ice_bench_request(&bench, 11 * TIME_S, 0, P1, true);
    CHECK_ROW("a pair that has succeeded: at once", selected_is(P1));
    (void)ice_bench_request(&bench, 12 * TIME_S, 0, P1, true);
    CHECK_ROW_INT("the peer's retransmission changes nothing", ice_bench_count(&bench, ICE_EVENT_SELECTED), 1);
    ice_bench_close(&bench);

    open_as(false);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_request(&bench, 0, 0, P1, true);
    CHECK_ROW("another: not yet", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW_INT("when its check", ice_bench_next(&bench, 0), ICE_ORDER_CHECK);
    ice_bench_success(&bench, TIME_MS, NULL);
    CHECK_ROW("has succeeded", selected_is(P1));
    CHECK_ROW_INT("because", ice_bench_last(&bench, ICE_EVENT_SELECTED)->event.why, ICE_WHY_PEER_NOMINATED);
}

/* The role is lost while a nomination is under way: its answer selects nothing, the peer's nomination does. */
static void
test_role_lost(void)
{
    struct ice_arrival arrival = { 0, ice_at(P1) };
    struct ice_check check = { .priority = 1, .has_role = true, .controlling = true, .tiebreaker = UINT64_MAX };
    struct ice_order nomination;

    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    nomination = bench.order;
    CHECK_ROW_INT("accepted", ice_session_request(bench.session, 60 * TIME_MS, &arrival, &check), 0);
    CHECK_ROW("controlled now", !ice_session_is_controlling(bench.session));
    CHECK_ROW_INT("no retransmission", ice_bench_next(&bench, TIME_S), ICE_ORDER_NONE);
    ice_bench_answer(&bench, TIME_S, &nomination, 0, P1, OWN);
    CHECK_ROW("nothing selected", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW_INT("still good", ice_bench_state(&bench, 0, P1), ICE_PAIR_SUCCEEDED);
    CHECK_ROW_INT("not failed", ice_session_state(bench.session), ICE_RUNNING);
    (void)ice_bench_request(&bench, 2 * TIME_S, 0, P1, true);
    CHECK_ROW("the peer's word", selected_is(P1));
}

/* A pair is nominated by another pair's check (which the peer saw come from its address) before the check that should
 * nominate it has gone out. */
static void
test_nominated_twice(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_candidate own = ice_host(OWN), other = ice_host("10.0.0.3:5000");
    struct ice_candidate peer = ice_signalled(ICE_HOST, P1, "1");
    struct ice_arrival arrival = { 0, ice_at(P1) };
    struct ice_check check = { .priority = 1, .has_role = true };

    options.controlling = false;
    options.aggressive = true;
    ice_bench_open(&bench, &options);
    other.local_preference--;
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_local(bench.session, &other, 0);
    (void)ice_session_add_remote(bench.session, &peer, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, NULL); /* of a controlled agent: nominates nothing */
    arrival.base = 1;
    CHECK_ROW_INT("becomes controlling", ice_session_request(bench.session, TIME_MS, &arrival, &check), 0);
    CHECK_ROW_INT("the other pair", ice_bench_next(&bench, 50 * TIME_MS), ICE_ORDER_CHECK);
    CHECK_ROW_INT("its base", bench.order.base, 1);
    ice_bench_answer(&bench, 60 * TIME_MS, &bench.order, 1, P1, OWN);
    CHECK_ROW("selected", selected_is(P1) && ice_session_selected(bench.session, 0, 1)->base == 0);
    CHECK_ROW_INT("nothing more to nominate", ice_bench_next(&bench, 100 * TIME_MS), ICE_ORDER_NONE);
}

/* A controlling agent is not told what to select. */
static void
test_not_told(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P2, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 60 * TIME_MS, NULL);
    (void)ice_bench_request(&bench, 61 * TIME_MS, 0, P1, true);
    CHECK_ROW("nothing", !ice_session_selected(bench.session, 0, 1));
}

/* RFC 5245 section 8.1.1.2: a peer nominates with every check; the highest pair wins, whatever the order. */
static void
test_aggressive_peer(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_remote remote = { .ufrag = span_of_text("peer"), .pwd = span_of_text("peerpasswordpeerpassword") };
    struct ice_candidate own = ice_host(OWN), high = ice_signalled(ICE_HOST, P1, "1");
    struct ice_candidate low = ice_signalled(ICE_SRFLX, P2, "2"), lower = ice_signalled(ICE_RELAY, P3, "3");

    options.controlling = false;
    ice_bench_open(&bench, &options);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_remote(bench.session, &high, 0);
    (void)ice_session_add_remote(bench.session, &low, 0);
    (void)ice_session_add_remote(bench.session, &lower, 0);
    (void)ice_session_set_remote(bench.session, &remote);
    ice_session_start(bench.session, 0);
    (void)ice_bench_request(&bench, 0, 0, P2, true);
    play(10 * TIME_MS, P2);
    CHECK_ROW("the first nominated", selected_is(P2));
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
    (void)ice_bench_request(&bench, 100 * TIME_MS, 0, P3, true);
    play(200 * TIME_MS, P3);
    CHECK_ROW("a lower one doesn't win", selected_is(P2));
    (void)ice_bench_request(&bench, 300 * TIME_MS, 0, P1, true);
    play(400 * TIME_MS, P1);
    CHECK_ROW("a higher one does", selected_is(P1));
    CHECK_ROW_INT("because", ice_bench_last(&bench, ICE_EVENT_SELECTED)->event.why, ICE_WHY_HIGHEST);
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
}

/* Section 8.3.1: three seconds after Completed, and once. */
static void
test_release(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P1, P2, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, 0, NULL);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 100 * TIME_MS, NULL);
    play(3100 * TIME_MS - 1, P1);
    CHECK_ROW_INT("not before", ice_bench_count(&bench, ICE_EVENT_RELEASED), 0);
    CHECK_ROW("in use", ice_session_uses(bench.session, 0));
    play(3100 * TIME_MS, P1);
    CHECK_ROW_INT("then", ice_bench_count(&bench, ICE_EVENT_RELEASED), 1);
    CHECK_ROW("the selected pair's", ice_session_uses(bench.session, 0));
    play(10 * TIME_S, P1);
    CHECK_ROW_INT("once", ice_bench_count(&bench, ICE_EVENT_RELEASED), 1);
}

/* RFC 8863: patience of 39.5 s, although there is no pair, or none that could succeed. */
static void
test_patience(void)
{
    static const struct {
        const char *name;
        const char *remote;
        bool fails; /* its pair does, at once */
        bool trickle, ended;
    } rows[] = {
        { "no candidate at all", NULL, false, false, true },
        { "all pairs have failed", P1, true, false, true },
        { "trickle, and the end was declared", NULL, false, true, true },
        { "trickle, and the peer never declares the end", NULL, false, true, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_candidate own = ice_host(OWN);

        options.trickle = rows[i].trickle;
        ice_bench_open(&bench, &options);
        (void)ice_session_add_local(bench.session, &own, 0);
        ice_bench_remote(&bench, rows[i].trickle);
        if (rows[i].remote) {
            struct ice_candidate remote = ice_signalled(ICE_HOST, rows[i].remote, "1");

            (void)ice_session_add_remote(bench.session, &remote, 0);
        }
        ice_session_start(bench.session, TIME_S);
        ice_session_end_local(bench.session, TIME_S);
        if (rows[i].ended)
            ice_session_end_remote(bench.session, TIME_S);
        if (rows[i].fails) {
            (void)ice_bench_next(&bench, TIME_S);
            ice_bench_error(&bench, TIME_S, 400);
        }
        (void)ice_bench_next(&bench, 40500 * TIME_MS - 1);
        CHECK_ROW_INT(rows[i].name, ice_session_state(bench.session), ICE_RUNNING);
        CHECK_ROW_INT(rows[i].name, ice_session_deadline(bench.session), 40500 * TIME_MS);
        (void)ice_bench_next(&bench, 40500 * TIME_MS);
        CHECK_ROW_INT(rows[i].name, ice_session_state(bench.session), ICE_FAILED);
        CHECK_ROW_INT(rows[i].name, ice_session_deadline(bench.session), TIME_NEVER);
        ice_bench_close(&bench);
    }
}

/* A peer that sent no candidates is heard within the time (RFC 8863 section 1). */
static void
test_patience_pays(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, NULL);
    (void)ice_bench_next(&bench, 30 * TIME_S);
    (void)ice_bench_request(&bench, 39 * TIME_S, 0, P1, false);
    (void)ice_bench_next(&bench, 39 * TIME_S);
    (void)ice_bench_next(&bench, 39500 * TIME_MS);
    CHECK_ROW_INT("a check is under way", ice_session_state(bench.session), ICE_RUNNING);
    play(41 * TIME_S, P1);
    CHECK_ROW("selected", selected_is(P1));
}

/* RFC 8445 section 6.1.2.2: a stream has as many components as the agent that has less of them, which is known when no
 * more candidates come. */
static void
test_fewer_components(void)
{
    static const struct {
        const char *name;
        bool controlling, trickle, ends;
    } rows[] = {
        { "controlling", true, false, true },
        { "controlled", false, false, true },
        { "trickle", true, true, true },
        { "trickle, and the peer never declares the end", true, true, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_candidate first = ice_host(OWN), second = ice_host(OWN_2), peer = ice_signalled(ICE_HOST, P1, "1");

        options.components = 2;
        options.controlling = rows[i].controlling;
        options.trickle = rows[i].trickle;
        second.component = 2;
        ice_bench_open(&bench, &options);
        (void)ice_session_add_local(bench.session, &first, 0);
        (void)ice_session_add_local(bench.session, &second, 0);
        ice_bench_remote(&bench, rows[i].trickle);
        (void)ice_session_add_remote(bench.session, &peer, 0);
        ice_session_start(bench.session, 0);
        ice_session_end_local(bench.session, 0);
        play(TIME_S, P1);
        if (!rows[i].controlling)
            (void)ice_bench_request(&bench, TIME_S, 0, P1, true);
        CHECK_ROW(rows[i].name, selected_is(P1));
        if (rows[i].trickle)
            CHECK_ROW_INT(rows[i].name, ice_session_state(bench.session), ICE_RUNNING);
        if (rows[i].ends)
            ice_session_end_remote(bench.session, 2 * TIME_S);
        else
            play(41 * TIME_S, P1);
        CHECK_ROW_INT(rows[i].name, ice_session_state(bench.session), ICE_COMPLETED);
        ice_bench_close(&bench);
    }
}

/* A check is answered whatever the state (RFC 8445 section 7.3), and the peer takes that for a path: a checklist that
 * only gave up waiting runs again, as often as the peer asks, in either role. */
static void
test_revival(void)
{
    for (int controlling = 0; controlling < 2; controlling++) {
        open_as(controlling);
        ice_bench_start(&bench, OWN, P1, NULL);
        play(50 * TIME_S, NULL);
        CHECK_ROW_INT("given up", ice_session_state(bench.session), ICE_FAILED);
        CHECK_ROW_INT("answered", ice_bench_request(&bench, 60 * TIME_S, 0, P1, false), 0);
        CHECK_ROW_INT("runs again", ice_session_state(bench.session), ICE_RUNNING);
        CHECK_ROW_INT("why", ice_bench_last(&bench, ICE_EVENT_SESSION)->event.why, ICE_WHY_REVIVED);
        play(110 * TIME_S, NULL);
        CHECK_ROW_INT("in vain", ice_session_state(bench.session), ICE_FAILED);
        CHECK_ROW_INT("answered again", ice_bench_request(&bench, 120 * TIME_S, 0, P1, !controlling), 0);
        play(121 * TIME_S, P1);
        CHECK_ROW_INT("completed", ice_session_state(bench.session), ICE_COMPLETED);
        CHECK_ROW("selected", selected_is(P1));
        ice_bench_close(&bench);
    }
}

/* Section 6.1.3: one checklist of two Completed, the other Failed: the session is Running. */
static void
test_overall(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_candidate own = ice_host(OWN), peer = ice_signalled(ICE_HOST, P1, "1");

    options.streams = 2;
    ice_bench_open(&bench, &options);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_remote(bench.session, &peer, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    play(TIME_S, P1);
    CHECK_ROW_INT("first", ice_session_checklist(bench.session, 0), ICE_COMPLETED);
    CHECK_ROW_INT("session", ice_session_state(bench.session), ICE_RUNNING);
    play(40 * TIME_S, P1);
    CHECK_ROW_INT("second", ice_session_checklist(bench.session, 1), ICE_FAILED);
    CHECK_ROW_INT("session", ice_session_state(bench.session), ICE_RUNNING);
    CHECK_ROW("the first goes on", selected_is(P1));
}

/* ---- lite (sections 6.1.1, 7.3.2, 8.2) */

static void
start_lite(bool controlling, bool lite, bool lite_peer)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_remote remote = {
        .ufrag = span_of_text("peer"), .pwd = span_of_text("peerpasswordpeerpassword"), .ice2 = true, .lite = lite_peer
    };
    struct ice_candidate own = ice_host(OWN), peer = ice_signalled(ICE_HOST, P1, "1");

    options.controlling = controlling;
    options.lite = lite;
    ice_bench_open(&bench, &options);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_remote(bench.session, &peer, 0);
    (void)ice_session_set_remote(bench.session, &remote);
    ice_session_start(bench.session, 0);
}

static void
test_lite(void)
{
    struct ice_arrival arrival = { 0, ice_at(P2) };
    struct ice_check check = { .priority = 1, .has_role = true, .tiebreaker = 0 };

    start_lite(true, true, false);
    CHECK_ROW("the full one controls", !ice_session_is_controlling(bench.session));
    CHECK_ROW_INT("no checks", ice_bench_next(&bench, TIME_S), ICE_ORDER_NONE);
    CHECK_ROW_INT("answers", ice_bench_request(&bench, TIME_S, 0, P2, false), 0);
    CHECK_ROW("nothing yet", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW_INT("a peer that won't control", ice_session_request(bench.session, TIME_S, &arrival, &check), 487);
    CHECK_ROW_INT("patience is the full one's", ice_bench_next(&bench, 50 * TIME_S), ICE_ORDER_NONE);
    CHECK_ROW_INT("running", ice_session_state(bench.session), ICE_RUNNING);
    (void)ice_bench_request(&bench, 51 * TIME_S, 0, P2, true);
    CHECK_ROW("USE-CANDIDATE selects", selected_is(P2));
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
    CHECK_ROW_INT("no consent, a keepalive", ice_bench_next(&bench, 66 * TIME_S), ICE_ORDER_KEEPALIVE);
}

static void
test_lite_peer(void)
{
    start_lite(false, false, true);
    CHECK_ROW("this one controls", ice_session_is_controlling(bench.session));
    play(TIME_S, P1);
    CHECK_ROW("and nominates", selected_is(P1));
}

static void
test_both_lite(void)
{
    start_lite(true, true, true);
    CHECK_ROW("the initiator controls", ice_session_is_controlling(bench.session));
    CHECK_ROW("selected without a check", selected_is(P1));
    CHECK_ROW_INT("because", ice_bench_last(&bench, ICE_EVENT_SELECTED)->event.why, ICE_WHY_LITE);
    CHECK_ROW_INT("Completed", ice_session_state(bench.session), ICE_COMPLETED);
}

/* ---- a network change */

static void
test_removed(void)
{
    struct ice_candidate own = ice_host(OWN), other = ice_host("10.0.0.3:5000");
    struct ice_candidate peer = ice_signalled(ICE_HOST, P1, "1");

    other.local_preference--;
    open_as(true);
    (void)ice_session_add_local(bench.session, &own, 0);
    (void)ice_session_add_local(bench.session, &other, 0);
    (void)ice_session_add_remote(bench.session, &peer, 0);
    ice_bench_remote(&bench, false);
    ice_session_start(bench.session, 0);
    (void)ice_bench_next(&bench, 0);
    ice_session_remove_local(bench.session, TIME_MS, 0);
    CHECK_ROW_INT("its pair", ice_bench_state(&bench, 0, P1), ICE_PAIR_FAILED);
    CHECK_ROW("its socket", !ice_session_uses(bench.session, 0));
    CHECK_ROW("nothing wakes it", ice_bench_request(&bench, 2 * TIME_MS, 0, P1, false) == 0 &&
                                      ice_bench_state(&bench, 0, P1) == ICE_PAIR_FAILED);
    play(TIME_S, P1);
    CHECK_ROW("the other way", selected_is(P1) && ice_session_selected(bench.session, 0, 1)->base == 1);
    ice_session_remove_local(bench.session, 2 * TIME_S, 1);
    CHECK_ROW("the selected pair", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW_INT("told", ice_bench_last(&bench, ICE_EVENT_CONSENT)->event.why, ICE_WHY_REMOVED);
    CHECK_ROW_INT("failed", ice_session_state(bench.session), ICE_FAILED);
}

/* A learned candidate has no socket of its own: it goes with its base, and not alone. */
static void
test_removed_reflexive(void)
{
    open_as(true);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, TIME_MS, "203.0.113.1:40000");
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 60 * TIME_MS, "203.0.113.1:40000");
    CHECK_ROW_INT("selected", ice_session_selected(bench.session, 0, 1)->local, 1);
    ice_session_remove_local(bench.session, TIME_S, 1);
    CHECK_ROW("stays", selected_is(P1) && ice_session_state(bench.session) == ICE_COMPLETED);
    ice_session_remove_local(bench.session, TIME_S, 0);
    CHECK_ROW("goes with its base", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW_INT("both are told", ice_bench_count(&bench, ICE_EVENT_LOCAL), 4);
}

void
suite_ice_conclude(void)
{
    UNIT_SUITE("ice_conclude", NULL, tear_down, { "decided", test_decided }, { "waited", test_waited },
               { "hopes", test_hopes }, { "perhaps a relay", test_perhaps_a_relay },
               { "triggered at even intervals", test_triggered_at_even_intervals }, { "a better one", test_better_one },
               { "lost answer", test_lost_answer }, { "unanswered nomination", test_unanswered_nomination },
               { "failed nomination", test_failed_nomination }, { "controlled", test_controlled },
               { "role lost", test_role_lost }, { "nominated twice", test_nominated_twice },
               { "not told", test_not_told }, { "aggressive peer", test_aggressive_peer }, { "release", test_release },
               { "patience", test_patience }, { "patience pays", test_patience_pays }, { "revival", test_revival },
               { "fewer components", test_fewer_components }, { "overall", test_overall }, { "lite", test_lite },
               { "lite peer", test_lite_peer }, { "both lite", test_both_lite }, { "removed", test_removed },
               { "removed, reflexive", test_removed_reflexive });
}
