/* The four machines of SIP transactions: RFC 3261 section 17 with RFC 6026, each timer at its time. */
#include "tests/unit/support.h"

#include "proto/sip/transaction.h"

enum { MOST = 16 };

/* What a machine does that is left alone: the steps, and when. `0` ends the list. */
struct due {
    int64_t at_ms;
    unsigned steps;
};

static void
check_dues(const char *row, struct sip_machine *machine, const struct due dues[MOST])
{
    for (size_t i = 0; i < MOST && dues[i].steps; i++) {
        int64_t at = dues[i].at_ms * TIME_MS;

        CHECK_ROW_INT(row, sip_machine_deadline(machine) / TIME_MS, dues[i].at_ms);
        CHECK_ROW_INT(row, sip_machine_fire(machine, at - 1), 0);
        CHECK_ROW_INT(row, sip_machine_fire(machine, at), dues[i].steps);
    }
    CHECK_ROW_INT(row, sip_machine_deadline(machine), TIME_NEVER);
}

#define S SIP_STEP_SEND
#define T SIP_STEP_TRYING
#define END SIP_STEP_END
#define OUT (SIP_STEP_TIMEOUT | SIP_STEP_END)

/* Nobody answers (clients), or the user doesn't (servers). */
static void
test_alone(void)
{
    static const struct {
        const char *name;
        enum sip_machine_kind kind;
        bool reliable;
        struct due dues[MOST];
    } rows[] = {
        { "INVITE over UDP: A, B",
          SIP_INVITE_CLIENT,
          false,
          { { 500, S }, { 1500, S }, { 3500, S }, { 7500, S }, { 15500, S }, { 31500, S }, { 32000, OUT } } },
        { "INVITE over a stream: B", SIP_INVITE_CLIENT, true, { { 32000, OUT } } },
        { "other over UDP: E, F",
          SIP_OTHER_CLIENT,
          false,
          { { 500, S },
            { 1500, S },
            { 3500, S },
            { 7500, S },
            { 11500, S },
            { 15500, S },
            { 19500, S },
            { 23500, S },
            { 27500, S },
            { 31500, S },
            { 32000, OUT } } },
        { "other over a stream: F", SIP_OTHER_CLIENT, true, { { 32000, OUT } } },
        { "INVITE server: 100 after 200 ms", SIP_INVITE_SERVER, false, { { 200, T } } },
        { "INVITE server over a stream", SIP_INVITE_SERVER, true, { { 200, T } } },
        { "other server: 100 when E is T2 (RFC 4320)", SIP_OTHER_SERVER, false, { { 3500, T } } },
        { "other server over a stream", SIP_OTHER_SERVER, true, { { 3500, T } } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_machine machine;
        bool client = rows[i].kind == SIP_INVITE_CLIENT || rows[i].kind == SIP_OTHER_CLIENT;

        CHECK_ROW_INT(rows[i].name,
                      sip_machine_start(&machine, rows[i].kind, &SIP_TIMERS_DEFAULTS, rows[i].reliable, 0),
                      client ? SIP_STEP_SEND : SIP_STEP_TELL);
        check_dues(rows[i].name, &machine, rows[i].dues);
    }
}

/* What happens at 1000 ms (after the timers until then), and everything after it. */
enum what { RESPONSE, ANSWER, ACK, REQUEST, FAILED };

static unsigned
happen(struct sip_machine *machine, enum what what, unsigned status, int64_t now)
{
    switch (what) {
    case RESPONSE:
        return sip_machine_response(machine, status, now);
    case ANSWER:
        return sip_machine_answer(machine, status, now);
    case ACK:
        return sip_machine_ack(machine, now);
    case REQUEST:
        return sip_machine_request(machine, now);
    default:
        return sip_machine_failed(machine);
    }
}

static void
test_moves(void)
{
    enum { TELL = SIP_STEP_TELL, ACKED = SIP_STEP_ACK | SIP_STEP_TELL, FAIL = SIP_STEP_FAILED | SIP_STEP_END };
    static const struct {
        const char *name;
        enum sip_machine_kind kind;
        bool reliable;
        struct {
            enum what what;
            unsigned status, steps;
            enum sip_state state;
        } moves[4]; /* steps 0 and state 0: no more */
        struct due dues[MOST];
    } rows[] = {
        { "INVITE, 180: nothing is sent again",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 180, TELL, SIP_STATE_PROCEEDING } },
          { { 0, 0 } } },
        { "INVITE, 100, 180",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 100, TELL, SIP_STATE_PROCEEDING }, { RESPONSE, 180, TELL, SIP_STATE_PROCEEDING } },
          { { 0, 0 } } },
        { "INVITE, 200: M",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 200, TELL, SIP_STATE_ACCEPTED } },
          { { 33000, END } } },
        { "INVITE, 200 over a stream: M as well",
          SIP_INVITE_CLIENT,
          true,
          { { RESPONSE, 200, TELL, SIP_STATE_ACCEPTED } },
          { { 33000, END } } },
        { "INVITE, 200 twice: both told",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 200, TELL, SIP_STATE_ACCEPTED },
            { RESPONSE, 200, TELL, SIP_STATE_ACCEPTED },
            { RESPONSE, 180, 0, SIP_STATE_ACCEPTED },
            { RESPONSE, 486, 0, SIP_STATE_ACCEPTED } },
          { { 33000, END } } },
        { "INVITE, 486: ACK, D",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 486, ACKED, SIP_STATE_COMPLETED } },
          { { 33000, END } } },
        { "INVITE, 486 twice: ACK twice, told once",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 486, ACKED, SIP_STATE_COMPLETED },
            { RESPONSE, 486, SIP_STEP_ACK, SIP_STATE_COMPLETED },
            { RESPONSE, 180, 0, SIP_STATE_COMPLETED },
            { RESPONSE, 200, 0, SIP_STATE_COMPLETED } },
          { { 33000, END } } },
        { "INVITE, 486 over a stream: D is 0",
          SIP_INVITE_CLIENT,
          true,
          { { RESPONSE, 486, ACKED | END, SIP_STATE_ENDED } },
          { { 0, 0 } } },
        { "INVITE not sent", SIP_INVITE_CLIENT, false, { { FAILED, 0, FAIL, SIP_STATE_ENDED } }, { { 0, 0 } } },
        { "the ACK not sent",
          SIP_INVITE_CLIENT,
          false,
          { { RESPONSE, 486, ACKED, SIP_STATE_COMPLETED }, { FAILED, 0, END, SIP_STATE_ENDED } },
          { { 0, 0 } } },
        { "INVITE accepted, then failed: still takes 2xx",
          SIP_INVITE_CLIENT,
          true,
          { { RESPONSE, 200, TELL, SIP_STATE_ACCEPTED }, { FAILED, 0, 0, SIP_STATE_ACCEPTED } },
          { { 33000, END } } },
        { "other, 100: E is T2, F stays",
          SIP_OTHER_CLIENT,
          false,
          { { RESPONSE, 100, TELL, SIP_STATE_PROCEEDING } },
          { { 1500, S },
            { 5500, S },
            { 9500, S },
            { 13500, S },
            { 17500, S },
            { 21500, S },
            { 25500, S },
            { 29500, S },
            { 32000, OUT } } },
        { "other, 200: K",
          SIP_OTHER_CLIENT,
          false,
          { { RESPONSE, 200, TELL, SIP_STATE_COMPLETED } },
          { { 6000, END } } },
        { "other, 404 twice",
          SIP_OTHER_CLIENT,
          false,
          { { RESPONSE, 404, TELL, SIP_STATE_COMPLETED }, { RESPONSE, 404, 0, SIP_STATE_COMPLETED } },
          { { 6000, END } } },
        { "other, 200 over a stream",
          SIP_OTHER_CLIENT,
          true,
          { { RESPONSE, 200, TELL | END, SIP_STATE_ENDED }, { RESPONSE, 200, 0, SIP_STATE_ENDED } },
          { { 0, 0 } } },
        { "INVITE server, 180, the INVITE again",
          SIP_INVITE_SERVER,
          false,
          { { ANSWER, 180, S, SIP_STATE_PROCEEDING },
            { REQUEST, 0, S, SIP_STATE_PROCEEDING },
            { ACK, 0, 0, SIP_STATE_PROCEEDING } },
          { { 0, 0 } } },
        { "INVITE server, 200: L; the INVITE again is taken, the user's 200 sent again",
          SIP_INVITE_SERVER,
          false,
          { { ANSWER, 200, S, SIP_STATE_ACCEPTED },
            { REQUEST, 0, 0, SIP_STATE_ACCEPTED },
            { ANSWER, 200, S, SIP_STATE_ACCEPTED },
            { ACK, 0, TELL, SIP_STATE_ACCEPTED } },
          { { 33000, END } } },
        { "INVITE server, 486: G, H",
          SIP_INVITE_SERVER,
          false,
          { { ANSWER, 486, S, SIP_STATE_COMPLETED },
            { ANSWER, 200, 0, SIP_STATE_COMPLETED },
            { REQUEST, 0, S, SIP_STATE_COMPLETED } },
          { { 1500, S },
            { 2500, S },
            { 4500, S },
            { 8500, S },
            { 12500, S },
            { 16500, S },
            { 20500, S },
            { 24500, S },
            { 28500, S },
            { 32500, S },
            { 33000, OUT } } },
        { "INVITE server, 486 over a stream: H",
          SIP_INVITE_SERVER,
          true,
          { { ANSWER, 486, S, SIP_STATE_COMPLETED } },
          { { 33000, OUT } } },
        { "INVITE server, 486, ACK: I",
          SIP_INVITE_SERVER,
          false,
          { { ANSWER, 486, S, SIP_STATE_COMPLETED },
            { ACK, 0, 0, SIP_STATE_CONFIRMED },
            { ACK, 0, 0, SIP_STATE_CONFIRMED },
            { REQUEST, 0, 0, SIP_STATE_CONFIRMED } },
          { { 6000, END } } },
        { "INVITE server, 486, ACK over a stream",
          SIP_INVITE_SERVER,
          true,
          { { ANSWER, 486, S, SIP_STATE_COMPLETED }, { ACK, 0, END, SIP_STATE_ENDED } },
          { { 0, 0 } } },
        { "INVITE server, 486 not sent",
          SIP_INVITE_SERVER,
          false,
          { { ANSWER, 486, S, SIP_STATE_COMPLETED }, { FAILED, 0, FAIL, SIP_STATE_ENDED } },
          { { 0, 0 } } },
        { "other server, the request again, nothing to send yet",
          SIP_OTHER_SERVER,
          false,
          { { REQUEST, 0, 0, SIP_STATE_TRYING } },
          { { 3500, T } } },
        { "other server, 100, 200: J",
          SIP_OTHER_SERVER,
          false,
          { { ANSWER, 100, S, SIP_STATE_PROCEEDING },
            { REQUEST, 0, S, SIP_STATE_PROCEEDING },
            { ANSWER, 200, S, SIP_STATE_COMPLETED },
            { REQUEST, 0, S, SIP_STATE_COMPLETED } },
          { { 33000, END } } },
        { "other server, 200 over a stream",
          SIP_OTHER_SERVER,
          true,
          { { ANSWER, 200, S | END, SIP_STATE_ENDED } },
          { { 0, 0 } } },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_machine machine;
        const int64_t now = TIME_S;

        sip_machine_start(&machine, rows[i].kind, &SIP_TIMERS_DEFAULTS, rows[i].reliable, 0);
        while (sip_machine_deadline(&machine) < now)
            sip_machine_fire(&machine, sip_machine_deadline(&machine));
        for (size_t m = 0; m < 4 && (rows[i].moves[m].steps || rows[i].moves[m].state || m == 0); m++) {
            CHECK_ROW_INT(rows[i].name, happen(&machine, rows[i].moves[m].what, rows[i].moves[m].status, now),
                          rows[i].moves[m].steps);
            CHECK_ROW_TEXT(rows[i].name, sip_state_word(machine.state), sip_state_word(rows[i].moves[m].state));
        }
        check_dues(rows[i].name, &machine, rows[i].dues);
    }
}

/* Section 9.1: after a CANCEL the final response has 64*T1; before a provisional response there was none. */
static void
test_cancelled(void)
{
    struct sip_machine machine;

    sip_machine_start(&machine, SIP_INVITE_CLIENT, &SIP_TIMERS_DEFAULTS, false, 0);
    sip_machine_response(&machine, 180, TIME_S);
    sip_machine_cancelled(&machine, 10 * TIME_S);
    CHECK_ROW_INT("after it", sip_machine_fire(&machine, 42 * TIME_S - 1), 0);
    CHECK_ROW_INT("after it", sip_machine_fire(&machine, 42 * TIME_S), OUT);
}

static void
test_options(void)
{
    struct sip_timers timers = { .t1 = 100 * TIME_MS, .t2 = 300 * TIME_MS, .t4 = TIME_S };
    static const struct due other[MOST] = { { 100, S }, { 300, S }, { 600, S } };
    struct sip_machine machine;

    sip_machine_start(&machine, SIP_OTHER_CLIENT, &timers, false, 0);
    for (size_t i = 0; i < 3; i++) {
        CHECK_ROW_INT("T1 100 ms, T2 300 ms", sip_machine_deadline(&machine) / TIME_MS, other[i].at_ms);
        sip_machine_fire(&machine, sip_machine_deadline(&machine));
    }
    CHECK_ROW_INT("T4 1 s", sip_machine_response(&machine, 200, TIME_S), SIP_STEP_TELL);
    CHECK_ROW_INT("T4 1 s", sip_machine_deadline(&machine), 2 * TIME_S);

    sip_machine_start(&machine, SIP_INVITE_CLIENT, &timers, false, 0);
    sip_machine_response(&machine, 404, 0);
    CHECK_ROW_INT("D is at least 32 s", sip_machine_deadline(&machine), 32 * TIME_S);

    sip_machine_start(&machine, SIP_INVITE_SERVER, &timers, false, 0);
    CHECK_ROW_INT("no 100 of its own", sip_machine_deadline(&machine), TIME_NEVER);

    timers.t1 = TIME_NEVER / 2;
    sip_machine_start(&machine, SIP_INVITE_CLIENT, &timers, false, TIME_S);
    sip_machine_fire(&machine, sip_machine_deadline(&machine));
    CHECK_ROW_INT("endless", sip_machine_deadline(&machine), TIME_NEVER);
}

/* One that fires late sends once, and counts on from now. */
static void
test_late(void)
{
    struct sip_machine machine;

    sip_machine_start(&machine, SIP_INVITE_CLIENT, &SIP_TIMERS_DEFAULTS, false, 0);
    CHECK_ROW_INT("late", sip_machine_fire(&machine, 9 * TIME_S), S);
    CHECK_ROW_INT("late", sip_machine_deadline(&machine), 10 * TIME_S);
}

/* RFC 3261 section 26.3.2.4: who is not known yet is challenged once, and has the challenge again when it asks again. Once
 * a 100 has made it wait, timer G is all that there is against loss. */
static void
test_challenge(void)
{
    static const struct {
        const char *row;
        unsigned provisional, status;
        int64_t next_ms; /* G at T1, or H */
    } rows[] = {
        { "401 at once", 0, 401, 32000 },
        { "407 at once", 0, 407, 32000 },
        { "403 at once", 0, 403, 500 },
        { "407 after 100", 100, 407, 500 },
        { "407 after 180", 180, 407, 500 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct sip_machine machine;

        sip_machine_start(&machine, SIP_INVITE_SERVER, &SIP_TIMERS_DEFAULTS, false, 0);
        if (rows[i].provisional)
            sip_machine_answer(&machine, rows[i].provisional, 0);
        CHECK_ROW_INT(rows[i].row, sip_machine_answer(&machine, rows[i].status, 0), S);
        CHECK_ROW_INT(rows[i].row, sip_machine_deadline(&machine) / TIME_MS, rows[i].next_ms);
        CHECK_ROW_INT(rows[i].row, sip_machine_request(&machine, TIME_S), S);
        sip_machine_ack(&machine, TIME_S);
        CHECK_ROW_INT(rows[i].row, sip_machine_deadline(&machine), 6 * TIME_S);
    }
}

static void
test_busy(void)
{
    struct sip_machine machine;

    sip_machine_start(&machine, SIP_INVITE_CLIENT, &SIP_TIMERS_DEFAULTS, false, 0);
    CHECK_ROW("a request waits for its answer", sip_machine_is_busy(&machine));
    sip_machine_response(&machine, 200, 0);
    CHECK_ROW("accepted", !sip_machine_is_busy(&machine));
    sip_machine_start(&machine, SIP_INVITE_SERVER, &SIP_TIMERS_DEFAULTS, false, 0);
    CHECK_ROW("a 100 is to be sent", sip_machine_is_busy(&machine));
    sip_machine_answer(&machine, 180, 0);
    CHECK_ROW("its user thinks", !sip_machine_is_busy(&machine));
    sip_machine_answer(&machine, 486, 0);
    CHECK_ROW("an ACK is owed", sip_machine_is_busy(&machine));
    sip_machine_ack(&machine, 0);
    CHECK_ROW("confirmed", !sip_machine_is_busy(&machine));
}

void
suite_sip_transaction(void)
{
    UNIT_SUITE("sip transaction", NULL, NULL, { "alone", test_alone }, { "moves", test_moves },
               { "cancelled", test_cancelled }, { "options", test_options }, { "late", test_late },
               { "challenge", test_challenge }, { "busy", test_busy });
}
