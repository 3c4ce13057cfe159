/* What the records of ICE say to a student. */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define OWN "10.0.0.2:5000"
#define P1 "198.51.100.1:6001"
#define MAPPED "203.0.113.1:40000"

static struct ice_bench bench;

static void
tear_down(void)
{
    ice_bench_close(&bench);
}

static void
check_says(enum ice_event_type type, const char *expected)
{
    const struct ice_noted *last = ice_bench_last(&bench, type);
    g_autoptr(GString) said = g_string_new(NULL);

    if (last)
        last->record.kind->say(&last->record, NULL, said);
    CHECK_ROW_TEXT(NULL, said->str, expected);
}

static void
test_story(void)
{
    ice_bench_open(&bench, NULL);
    ice_bench_start(&bench, OWN, P1, NULL);
    check_says(ICE_EVENT_LOCAL,
               "new local candidate host 10.0.0.2:5000 (UDP, component 1, priority 2130706431), because "
               "it was gathered");
    check_says(ICE_EVENT_REMOTE, "new remote candidate host 198.51.100.1:6001 (UDP, component 1, priority 2130706175), "
                                 "because the peer has signalled it");
    check_says(ICE_EVENT_SESSION, "ICE is Running, because both sides' credentials are known");
    check_says(ICE_EVENT_PAIR,
               "pair 1 (host 10.0.0.2:5000 -> host 198.51.100.1:6001) goes from Frozen to Waiting, because "
               "it is the first of its foundation");
    (void)ice_bench_next(&bench, 0);
    check_says(ICE_EVENT_CHECK,
               "check 1 on pair 1 (host 10.0.0.2:5000 -> host 198.51.100.1:6001), because of those that "
               "wait it has the highest priority");
    ice_bench_success(&bench, 20 * TIME_MS, MAPPED);
    check_says(ICE_EVENT_LOCAL, "new local candidate peer-reflexive 203.0.113.1:40000 with base 10.0.0.2:5000 (UDP, "
                                "component 1, priority 1862270975), because the peer saw a check come from there");
    check_says(ICE_EVENT_VALID,
               "pair 2 (peer-reflexive 203.0.113.1:40000 -> host 198.51.100.1:6001) is valid: the peer "
               "sees this agent as 203.0.113.1:40000, and answered after 20ms");
    (void)ice_bench_next(&bench, 50 * TIME_MS);
    check_says(ICE_EVENT_CHECK, "check 1 on pair 1 (host 10.0.0.2:5000 -> host 198.51.100.1:6001) with USE-CANDIDATE, "
                                "because it is to be nominated");
    ice_bench_success(&bench, 70 * TIME_MS, MAPPED);
    check_says(ICE_EVENT_NOMINATED, "pair 2 (peer-reflexive 203.0.113.1:40000 -> host 198.51.100.1:6001) is nominated, "
                                    "because the check that nominated it was answered");
    check_says(ICE_EVENT_SELECTED,
               "pair 2 (peer-reflexive 203.0.113.1:40000 -> host 198.51.100.1:6001) is selected for "
               "component 1 of stream 1, 70ms after the start, because no pair of higher priority can "
               "still succeed");
    check_says(ICE_EVENT_CHECKLIST,
               "the checklist of stream 1 is Completed, because each component has a nominated pair");
    check_says(ICE_EVENT_SESSION, "ICE is Completed 70ms after the start, because each component has a nominated pair");
    while (ice_session_selected(bench.session, 0, 1))
        (void)ice_bench_next(&bench, ice_session_deadline(bench.session));
    check_says(ICE_EVENT_RELEASED,
               "stream 1: candidates that no selected pair uses may be freed, because three seconds "
               "have passed since the last pair was selected");
    check_says(ICE_EVENT_CONSENT,
               "nothing more is sent on 10.0.0.2:5000 -> 198.51.100.1:6001, because the peer has not "
               "answered for thirty seconds");
    ice_session_restart(bench.session, 60 * TIME_S);
    check_says(ICE_EVENT_RESTARTED,
               "ICE restarts: generation 1, with new credentials; pairs that were selected stay in "
               "use until new ones are");
}

static void
test_trouble(void)
{
    struct ice_arrival arrival = { 0, ice_at(P1) };
    struct ice_check check = { .priority = 1, .has_role = true, .controlling = true };
    struct ice_candidate own = ice_host(OWN);

    ice_bench_open(&bench, NULL);
    ice_bench_start(&bench, OWN, P1, NULL);
    (void)ice_session_add_local(bench.session, &own, 0);
    check_says(ICE_EVENT_LOCAL,
               "local candidate host 10.0.0.2:5000 is not taken, because the end of candidates has been "
               "declared");
    (void)ice_session_request(bench.session, 0, &arrival, &check);
    check_says(ICE_EVENT_ROLE,
               "this agent stays controlling and answers 487 Role Conflict, because a check showed the same "
               "role and no larger tiebreaker");
    check.tiebreaker = UINT64_MAX;
    (void)ice_session_request(bench.session, 0, &arrival, &check);
    check_says(ICE_EVENT_ROLE, "this agent becomes controlled, because a check showed the same role and a larger "
                               "tiebreaker");
    (void)ice_bench_next(&bench, 0);
    ice_bench_error(&bench, 1, 400);
    check_says(ICE_EVENT_PAIR, "pair 1 (host 10.0.0.2:5000 -> host 198.51.100.1:6001) goes from In-Progress to Failed, "
                               "because the peer has answered with an error: 400 Bad Request");
    ice_session_remove_local(bench.session, 2, 0);
    check_says(ICE_EVENT_LOCAL, "local candidate host 10.0.0.2:5000 is gone");
}

/* Each kind has a name of its own, an action and a source. */
static void
test_names(void)
{
    static const struct record_kind *const kinds[] = {
        &ice_kind_local,           &ice_kind_remote,           &ice_kind_pair,      &ice_kind_check,
        &ice_kind_valid,           &ice_kind_nominated,        &ice_kind_selected,  &ice_kind_checklist,
        &ice_kind_session,         &ice_kind_released,         &ice_kind_role,      &ice_kind_consent_lost,
        &ice_kind_request_refused, &ice_kind_response_ignored, &ice_kind_restarted,
    };

    CHECK_ROW_INT("kinds", G_N_ELEMENTS(kinds), ICE_EVENT_TYPES);
    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        CHECK_ROW(kinds[i]->name, unit_is_word(kinds[i]->name) && unit_is_word(kinds[i]->action));
        CHECK_ROW(kinds[i]->name, g_str_has_prefix(kinds[i]->source, "RFC "));
        CHECK_ROW(kinds[i]->name, kinds[i]->say && kinds[i]->fields);
        for (size_t k = 0; k < i; k++)
            CHECK_ROW(kinds[i]->name, strcmp(kinds[i]->name, kinds[k]->name) != 0);
    }
}

void
suite_ice_kinds(void)
{
    UNIT_SUITE("ice_kinds", NULL, tear_down, { "a story", test_story }, { "trouble", test_trouble },
               { "names", test_names });
}
