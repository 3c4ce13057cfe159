/* What follows selection: consent (RFC 7675), keepalives (RFC 8445 section 11), restart (section 9), and the wire's
 * side of generations (section 7.3). */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define OWN "10.0.0.2:5000"
#define P1 "198.51.100.1:6001"
#define P2 "198.51.100.2:6002"

static struct ice_bench bench;

static void
tear_down(void)
{
    ice_bench_close(&bench);
}

/* Selects the pair to P1 at 70 ms. */
static void
open_selected(bool consent)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;

    options.consent = consent;
    ice_bench_open(&bench, &options);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, 20 * TIME_MS, NULL);
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    ice_bench_success(&bench, 70 * TIME_MS, NULL);
    g_assert(ice_session_selected(bench.session, 0, 1));
}

/* The next order that is a consent check; its time. */
static int64_t
next_consent(void)
{
    for (;;) {
        int64_t at = ice_session_deadline(bench.session);

        if (at == TIME_NEVER)
            return TIME_NEVER;
        if (ice_bench_next(&bench, at) == ICE_ORDER_CONSENT)
            return at;
    }
}

/* RFC 7675 section 5.1: every 4 to 6 seconds, a new transaction each, one transmission. */
static void
test_interval(void)
{
    int64_t before = 70 * TIME_MS, least = TIME_NEVER, most = 0;
    struct stun_id last = { { 0 } };

    open_selected(true);
    for (int i = 0; i < 200; i++) {
        int64_t at = next_consent();

        least = MIN(least, at - before);
        most = MAX(most, at - before);
        before = at;
        CHECK_ROW("a new transaction", !stun_id_equal(&last, &bench.order.check.id));
        last = bench.order.check.id;
        CHECK_ROW("no USE-CANDIDATE", !bench.order.check.use_candidate);
        ice_bench_success(&bench, at + 20 * TIME_MS, NULL);
    }
    CHECK_ROW("at least 4 s", least >= 4 * TIME_S);
    CHECK_ROW("at most 6 s", most <= 6 * TIME_S);
    CHECK_ROW("spread", most - least > 3 * TIME_S / 2);
    CHECK_ROW_INT("alive", ice_session_state(bench.session), ICE_COMPLETED);
}

/* No answer for 30 s, to the nanosecond; then nothing is sent on that path, and only a restart mends it. */
static void
test_expiry(void)
{
    struct ice_path path;
    int64_t answered;

    open_selected(true);
    answered = next_consent() + 20 * TIME_MS;
    ice_bench_success(&bench, answered, NULL);
    while (ice_session_deadline(bench.session) < answered + 30 * TIME_S)
        (void)ice_bench_next(&bench, ice_session_deadline(bench.session));
    CHECK_ROW("until then", ice_session_path(bench.session, 0, 1, &path));
    CHECK_ROW_INT("when", ice_session_deadline(bench.session), answered + 30 * TIME_S);
    (void)ice_bench_next(&bench, answered + 30 * TIME_S - 1);
    CHECK_ROW("not before", ice_session_selected(bench.session, 0, 1) != NULL);
    (void)ice_bench_next(&bench, answered + 30 * TIME_S);
    CHECK_ROW("then", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW("no path", !ice_session_path(bench.session, 0, 1, &path));
    CHECK_ROW_INT("why", ice_bench_last(&bench, ICE_EVENT_CONSENT)->event.why, ICE_WHY_CONSENT_EXPIRED);
    CHECK_ROW_INT("state", ice_session_state(bench.session), ICE_FAILED);
    (void)ice_bench_request(&bench, answered + 31 * TIME_S, 0, P1, false);
    CHECK_ROW_INT("the same credentials regain nothing", ice_bench_next(&bench, answered + 32 * TIME_S),
                  ICE_ORDER_NONE);
}

/* RFC 7675 section 5.1 holds for whatever is sent: before the selection the best valid pair has the consent of its check,
 * asks for more, and carries nothing without. */
static void
test_early(void)
{
    static const struct {
        const char *name;
        unsigned answers; /* to so many requests for consent */
        int64_t until;    /* data goes so long */
    } rows[] = { { "never answered", 0, 30020 }, { "once", 1, 35040 }, { "for two minutes", 24, 150500 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        struct ice_path path;
        unsigned asked = 0;
        int64_t at = 0, until = 0;

        options.controlling = false;
        ice_bench_open(&bench, &options);
        ice_bench_start(&bench, OWN, P1, NULL);
        (void)ice_bench_next(&bench, 0);
        CHECK_ROW(rows[i].name, !ice_session_path(bench.session, 0, 1, &path));
        ice_bench_success(&bench, 20 * TIME_MS, NULL);
        while (ice_session_path(bench.session, 0, 1, &path) && at < 10 * TIME_MIN) {
            CHECK_ROW(rows[i].name, !path.selected);
            at = ice_session_deadline(bench.session);
            if (ice_bench_next(&bench, at) == ICE_ORDER_CONSENT && asked++ < rows[i].answers) {
                ice_bench_success(&bench, at + 20 * TIME_MS, NULL);
                until = at + 20 * TIME_MS + 30 * TIME_S;
            }
        }
        CHECK_ROW_INT(rows[i].name, at, rows[i].answers ? until : rows[i].until * TIME_MS);
        CHECK_ROW(rows[i].name, at <= (rows[i].until + 1000 * rows[i].answers) * TIME_MS);
        CHECK_ROW_INT(rows[i].name, ice_session_state(bench.session), ICE_RUNNING);
        CHECK_ROW_INT(rows[i].name, (int64_t)ice_bench_count(&bench, ICE_EVENT_CONSENT), 0);
        CHECK_ROW_INT("and the peer may nominate it still", ice_bench_request(&bench, at + 1, 0, P1, true), 0);
        CHECK_ROW(rows[i].name, ice_session_path(bench.session, 0, 1, &path) && path.selected);
        ice_bench_close(&bench);
    }
}

/* 403: the pair is of no use any more. */
static void
test_early_revoked(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_path path;

    options.controlling = false;
    ice_bench_open(&bench, &options);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_bench_next(&bench, 0);
    ice_bench_success(&bench, 20 * TIME_MS, NULL);
    CHECK(next_consent() < 6 * TIME_S);
    ice_bench_error(&bench, 6 * TIME_S, 403);
    CHECK_ROW("no path", !ice_session_path(bench.session, 0, 1, &path));
    CHECK_ROW_INT("the pair", ice_bench_state(&bench, 0, P1), ICE_PAIR_FAILED);
    (void)ice_bench_request(&bench, 7 * TIME_S, 0, P1, true);
    CHECK_ROW("not to be had again", !ice_session_path(bench.session, 0, 1, &path));
}

/* The better pair takes over; without consent in the options nothing of this. */
static void
test_early_better(void)
{
    struct ice_session_options options = ICE_SESSION_DEFAULTS;
    struct ice_path path;
    struct ice_order first;

    for (int consent = 0; consent < 2; consent++) {
        options.controlling = false;
        options.consent = consent;
        ice_bench_open(&bench, &options);
        ice_bench_start(&bench, OWN, P1, P2, NULL);
        (void)ice_bench_next(&bench, 0);
        first = bench.order;
        (void)ice_bench_next(&bench, 50 * TIME_MS);
        ice_bench_success(&bench, 70 * TIME_MS, NULL);
        CHECK(ice_session_path(bench.session, 0, 1, &path) && endpoint_equal(path.to, ice_at(P2)));
        ice_bench_answer(&bench, 90 * TIME_MS, &first, 0, P1, OWN);
        CHECK(ice_session_path(bench.session, 0, 1, &path) && endpoint_equal(path.to, ice_at(P1)));
        CHECK(next_consent() == (consent ? 90 * TIME_MS + 5 * TIME_S : TIME_NEVER));
        CHECK(!consent || endpoint_equal(bench.order.to, ice_at(P1)));
        ice_bench_close(&bench);
    }
}

/* A pair that succeeded long before the peer nominated it: consent is of the selection (RFC 7675 section 5.1 has ICE's
 * checks give it), and is asked for at once. */
static void
test_late_nomination(void)
{
    static const int64_t rows[] = { 10, 25, 29, 30, 31, 120 };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_session_options options = ICE_SESSION_DEFAULTS;
        int64_t at = rows[i] * TIME_S;

        options.controlling = false;
        ice_bench_open(&bench, &options);
        ice_bench_start(&bench, OWN, P1, NULL);
        (void)ice_bench_next(&bench, 0);
        ice_bench_success(&bench, 20 * TIME_MS, NULL);
        CHECK_ROW_INT("answered", ice_bench_request(&bench, at, 0, P1, true), 0);
        CHECK_ROW_INT("asked at once", ice_bench_next(&bench, at), ICE_ORDER_CONSENT);
        CHECK_ROW_INT("completed", ice_session_state(bench.session), ICE_COMPLETED);
        while (ice_session_deadline(bench.session) < at + 30 * TIME_S)
            (void)ice_bench_next(&bench, ice_session_deadline(bench.session));
        CHECK_ROW("kept for 30 s", ice_session_selected(bench.session, 0, 1) != NULL);
        (void)ice_bench_next(&bench, at + 30 * TIME_S);
        CHECK_ROW("and no longer", !ice_session_selected(bench.session, 0, 1));
        ice_bench_close(&bench);
    }
}

/* An answer to an earlier request counts too. */
static void
test_late_answer(void)
{
    struct ice_order first;
    int64_t at;

    open_selected(true);
    at = next_consent();
    first = bench.order;
    (void)next_consent();
    (void)next_consent();
    ice_bench_answer(&bench, at + 25 * TIME_S, &first, 0, P1, OWN);
    (void)ice_bench_next(&bench, 40 * TIME_S);
    CHECK_ROW("renewed", ice_session_selected(bench.session, 0, 1) != NULL);
}

/* What renews nothing: other errors, an answer from elsewhere. What revokes: 403 (section 5.2). */
static void
test_answers(void)
{
    static const struct {
        const char *name, *source;
        unsigned code;
        bool lost;
    } rows[] = {
        { "403", P1, 403, true },
        { "500", P1, 500, false },
        { "403 from elsewhere", P2, 403, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct ice_arrival arrival = { 0, ice_at(rows[i].source) };
        struct ice_answer answer = { .kind = ICE_ANSWER_ERROR, .code = (uint16_t)rows[i].code };
        int64_t at;

        open_selected(true);
        at = next_consent();
        (void)ice_session_response(bench.session, at, &arrival, &bench.order.check.id, &answer);
        CHECK_ROW_INT(rows[i].name, !ice_session_selected(bench.session, 0, 1), rows[i].lost);
        if (rows[i].lost)
            CHECK_ROW_INT(rows[i].name, ice_bench_last(&bench, ICE_EVENT_CONSENT)->event.why, ICE_WHY_CONSENT_REVOKED);
        (void)ice_bench_next(&bench, 30070 * TIME_MS);
        CHECK_ROW(rows[i].name, !ice_session_selected(bench.session, 0, 1));
        ice_bench_close(&bench);
    }
}

/* Section 11: an indication when nothing was sent for 15 s; consent takes its place. */
static void
test_keepalive(void)
{
    open_selected(false);
    (void)ice_bench_next(&bench, 4 * TIME_S); /* the release */
    CHECK_ROW_INT("Tr", ice_session_deadline(bench.session), 15070 * TIME_MS);
    CHECK_ROW_INT("not before", ice_bench_next(&bench, 15070 * TIME_MS - 1), ICE_ORDER_NONE);
    CHECK_ROW_INT("then", ice_bench_next(&bench, 15070 * TIME_MS), ICE_ORDER_KEEPALIVE);
    ice_session_sent(bench.session, 20 * TIME_S, 0, 1);
    CHECK_ROW_INT("data counts", ice_session_deadline(bench.session), 35 * TIME_S);
    ice_bench_close(&bench);

    open_selected(true);
    for (int i = 0; i < 20; i++) {
        int64_t at = next_consent();

        ice_bench_success(&bench, at, NULL);
    }
    CHECK_ROW_INT("none beside consent", ice_session_counters(bench.session)->keepalives, 0);
}

/* ---- ICMP and connections */

static void
test_broken(void)
{
    open_selected(true);
    ice_session_broken(bench.session, TIME_S, 0, ice_at(P1), ICE_WHY_ICMP);
    CHECK_ROW("an ICMP error is left to consent", ice_session_selected(bench.session, 0, 1) != NULL);
    ice_session_broken(bench.session, TIME_S, 0, ice_at(P2), ICE_WHY_CONNECTION);
    CHECK_ROW("another path", ice_session_selected(bench.session, 0, 1) != NULL);
    ice_session_broken(bench.session, TIME_S, 0, ice_at(P1), ICE_WHY_CONNECTION);
    CHECK_ROW("a connection that ends is the end", !ice_session_selected(bench.session, 0, 1));
}

/* ---- restart */

static void
restart_to(const char *remote, int64_t now)
{
    struct ice_candidate own = ice_host(OWN), peer = ice_signalled(ICE_HOST, remote, "1");
    struct ice_remote next = { .ufrag = span_of_text("next"),
                               .pwd = span_of_text("nextpasswordnextpassword"),
                               .ice2 = true };

    ice_session_restart(bench.session, now);
    CHECK_ROW_INT("the same number", ice_session_add_local(bench.session, &own, now), 0);
    CHECK_ROW("new credentials", ice_session_set_remote(bench.session, &next));
    (void)ice_session_add_remote(bench.session, &peer, now);
    ice_session_start(bench.session, now);
}

static void
test_restart(void)
{
    g_autofree char *ufrag = NULL, *pwd = NULL;
    struct ice_path path;

    open_selected(true);
    ufrag = g_strdup(ice_session_ufrag(bench.session));
    pwd = g_strdup(ice_session_pwd(bench.session));
    restart_to(P2, TIME_S);
    CHECK_ROW("another ufrag", strcmp(ufrag, ice_session_ufrag(bench.session)) != 0);
    CHECK_ROW("another password", strcmp(pwd, ice_session_pwd(bench.session)) != 0);
    CHECK_ROW("the role is kept", ice_session_is_controlling(bench.session));
    CHECK_ROW_INT("generation", ice_session_generation(bench.session), 1);
    CHECK_ROW("none selected", !ice_session_selected(bench.session, 0, 1));
    CHECK_ROW("data goes on", ice_session_path(bench.session, 0, 1, &path) && endpoint_equal(path.to, ice_at(P1)));

    /* Consent for the old path goes on under the old credentials. */
    (void)ice_bench_next(&bench, TIME_S);
    CHECK_ROW_INT("a check of the new generation", bench.order.generation, 1);
    CHECK_ROW("consent", next_consent() < 7 * TIME_S);
    CHECK_ROW_INT("of the old one", bench.order.generation, 0);
    CHECK_ROW("to the old peer", endpoint_equal(bench.order.to, ice_at(P1)));
    ice_bench_success(&bench, 6 * TIME_S, NULL);

    /* The new pair takes its place. */
    for (int64_t at = 6 * TIME_S; !ice_session_selected(bench.session, 0, 1) && at < 60 * TIME_S;
         at = ice_session_deadline(bench.session))
        while (ice_bench_next(&bench, at) != ICE_ORDER_NONE)
            if (endpoint_equal(bench.order.to, ice_at(P2)))
                ice_bench_success(&bench, at, NULL);
    CHECK_ROW("data has moved", ice_session_path(bench.session, 0, 1, &path) && endpoint_equal(path.to, ice_at(P2)));
    for (int i = 0; i < 3; i++) {
        (void)next_consent();
        CHECK_ROW("no more consent for the old path", endpoint_equal(bench.order.to, ice_at(P2)));
    }
}

/* A restart that comes to nothing leaves the old path in use, until a later one. */
static void
test_restarts(void)
{
    struct ice_path path;

    open_selected(true);
    for (int i = 1; i <= 5; i++) {
        restart_to(P2, i * TIME_S);
        CHECK_ROW("the old path", ice_session_path(bench.session, 0, 1, &path) && endpoint_equal(path.to, ice_at(P1)));
    }
    CHECK_ROW("consent", next_consent() < 9 * TIME_S);
    CHECK_ROW_INT("under its credentials", bench.order.generation, 0);
    CHECK_ROW(
        "which are there",
        ice_session_write(bench.session, &bench.order, (uint8_t[ICE_MESSAGE_BYTES]){ 0 }, ICE_MESSAGE_BYTES).length >
            0);
    CHECK_ROW_INT("locals don't pile up", ice_session_locals(bench.session), 1);
}

static void
test_credentials(void)
{
    struct ice_remote remote = { .ufrag = span_of_text("abc"), .pwd = span_of_text("peerpasswordpeerpassword") };

    ice_bench_open(&bench, NULL);
    CHECK_ROW("own ufrag", ice_is_ice_chars(span_of_text(ice_session_ufrag(bench.session)), 4, ICE_UFRAG_MOST));
    CHECK_ROW("own password", ice_is_ice_chars(span_of_text(ice_session_pwd(bench.session)), 22, ICE_PWD_MOST));
    CHECK_ROW("short ufrag", !ice_session_set_remote(bench.session, &remote));
    remote.ufrag = span_of_text("abcd");
    remote.pwd = span_of_text("only21charactersxxxxx");
    CHECK_ROW("short password", !ice_session_set_remote(bench.session, &remote));
    remote.pwd = span_of_text("only22charactersxxxxxx");
    CHECK_ROW("right", ice_session_set_remote(bench.session, &remote));
    CHECK_ROW("again: that is a restart", !ice_session_set_remote(bench.session, &remote));
}

/* ---- the wire: who is answered how */

static unsigned
answer_code(const char *source, const char *ufrag, const char *pwd)
{
    struct stun_key *key = stun_key_new_short_term(span_of_text(pwd));
    struct ice_check check = { .id = { { 7 } }, .priority = 1, .has_role = true };
    struct ice_arrival arrival = { 0, ice_at(source) };
    uint8_t buffer[ICE_MESSAGE_BYTES];
    struct span bytes = ice_check_write(&check, span_of_text(ufrag), span_of_text("peer"), key, buffer, sizeof buffer);
    struct stun_message message;
    struct stun_value error;
    struct ice_reply reply;
    unsigned code = 0;

    CHECK_ROW_INT("ours", ice_session_datagram(bench.session, 2 * TIME_S, &arrival, bytes, &reply), ICE_INPUT_TAKEN);
    CHECK_ROW_INT("answered", stun_message_decode(span_of(reply.bytes, reply.length), &message), STUN_FAULT_NONE);
    if (message.header.class == STUN_ERROR && stun_message_get(&message, STUN_ERROR_CODE, &error) == STUN_PRESENT)
        code = error.error.code;
    else
        CHECK_ROW_INT("proven", ice_answer_read(&message, key).kind, ICE_ANSWER_SUCCESS);
    stun_key_free(key);
    return code;
}

/* Late checks with the old ufrag get 401, except what the peer asks by the old pair while that is in use. */
static void
test_generations(void)
{
    g_autofree char *ufrag = NULL, *pwd = NULL;

    open_selected(true);
    ufrag = g_strdup(ice_session_ufrag(bench.session));
    pwd = g_strdup(ice_session_pwd(bench.session));
    CHECK_ROW_INT("before", answer_code(P2, ufrag, pwd), 0);
    CHECK_ROW_INT("another's ufrag", answer_code(P2, "somebody", pwd), 401);
    CHECK_ROW_INT("another password", answer_code(P2, ufrag, "x"), 401);
    restart_to(P2, TIME_S);
    CHECK_ROW_INT("old, from elsewhere", answer_code(P2, ufrag, pwd), 401);
    CHECK_ROW_INT("old, by the old pair", answer_code(P1, ufrag, pwd), 0);
    CHECK_ROW_INT("new", answer_code(P2, ice_session_ufrag(bench.session), ice_session_pwd(bench.session)), 0);
    for (int64_t at = 2 * TIME_S; !ice_session_selected(bench.session, 0, 1); at = ice_session_deadline(bench.session))
        while (ice_bench_next(&bench, at) != ICE_ORDER_NONE)
            ice_bench_success(&bench, at, NULL);
    CHECK_ROW_INT("old, after the new pair was selected", answer_code(P1, ufrag, pwd), 401);
}

/* What is not the session's to take. */
static void
test_not_ours(void)
{
    static const struct {
        const char *name, *hex;
        enum ice_input input;
    } rows[] = {
        { "nothing", "", ICE_INPUT_NOT_OURS },
        { "RTP", "8000000000000000000000000000000000000000", ICE_INPUT_NOT_OURS },
        { "a TURN request", "000300002112a442000000000000000000000000", ICE_INPUT_NOT_OURS },
        { "an answer to nobody", "010100002112a442000000000000000000000000", ICE_INPUT_NOT_OURS },
        { "a keepalive", "001100002112a442000000000000000000000000", ICE_INPUT_TAKEN },
        { "a check without FINGERPRINT", "000100002112a442000000000000000000000000", ICE_INPUT_DROPPED },
    };

    open_selected(true);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) bytes = unit_hex(rows[i].hex);
        struct ice_arrival arrival = { 0, ice_at(P1) };
        struct ice_reply reply;

        CHECK_ROW_INT(rows[i].name, ice_session_datagram(bench.session, TIME_S, &arrival, unit_span(bytes), &reply),
                      rows[i].input);
        CHECK_ROW_INT(rows[i].name, reply.length, 0);
    }
}

void
suite_ice_consent(void)
{
    UNIT_SUITE("ice_consent", NULL, tear_down, { "interval", test_interval }, { "expiry", test_expiry },
               { "early", test_early }, { "early, revoked", test_early_revoked },
               { "early, better", test_early_better }, { "late nomination", test_late_nomination },
               { "late answer", test_late_answer }, { "answers", test_answers }, { "keepalive", test_keepalive },
               { "broken", test_broken }, { "restart", test_restart }, { "restarts", test_restarts },
               { "credentials", test_credentials }, { "generations", test_generations }, { "not ours", test_not_ours });
}
