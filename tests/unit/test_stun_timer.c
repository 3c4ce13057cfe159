/* Retransmission: RFC 8489 section 6.2.1, each limit from both sides. */
#include "tests/unit/support.h"

#include "proto/stun/timer.h"

static const struct {
    const char *name;
    int64_t at_ms;
    enum stun_step step;
} rows[] = {
    /* RTO 500 ms, Rc 7, Rm 16 */
    { "second request", 500, STUN_RESEND },  { "third request", 1500, STUN_RESEND },
    { "fourth request", 3500, STUN_RESEND }, { "fifth request", 7500, STUN_RESEND },
    { "sixth request", 15500, STUN_RESEND }, { "seventh request", 31500, STUN_RESEND },
    { "no answer", 39500, STUN_GIVE_UP },
};

static void
test_schedule(void)
{
    static const int64_t starts[] = { 0, 1, 7 * TIME_S + 3 };

    for (size_t s = 0; s < G_N_ELEMENTS(starts); s++) {
        struct stun_timer timer;

        stun_timer_start(&timer, &STUN_TIMER_DEFAULTS, starts[s]);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
            int64_t due = starts[s] + rows[i].at_ms * TIME_MS;

            CHECK_ROW_INT(rows[i].name, timer.deadline, due);
            CHECK_ROW_INT(rows[i].name, timer.sent, i + 1);
            CHECK_ROW_INT(rows[i].name, stun_timer_fire(&timer, due - 1), STUN_WAIT);
            CHECK_ROW_INT(rows[i].name, timer.deadline, due);
            CHECK_ROW_INT(rows[i].name, stun_timer_fire(&timer, due), rows[i].step);
        }
        CHECK_ROW_INT("requests in all", timer.sent, 7);
    }
}

static void
test_options(void)
{
    static const struct {
        const char *name;
        struct stun_timer_options options;
        int64_t second, end; /* when the second request goes out (0: there is none), and the end without an answer */
    } cases[] = {
        { "RTO 1 s", { TIME_S, 7, 16, 0 }, TIME_S, 79 * TIME_S },
        { "RTO 100 ms, Rc 2, Rm 1", { 100 * TIME_MS, 2, 1, 0 }, 100 * TIME_MS, 200 * TIME_MS },
        { "one request", { 500 * TIME_MS, 1, 16, 0 }, 0, 8 * TIME_S },
        { "over a stream, Ti 39.5 s", { 39500 * TIME_MS, 1, 1, 0 }, 0, 39500 * TIME_MS },
        { "no last wait", { 500 * TIME_MS, 2, 0, 0 }, 500 * TIME_MS, 500 * TIME_MS },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stun_timer timer;
        int64_t second = 0;

        stun_timer_start(&timer, &cases[i].options, 0);
        for (;;) {
            int64_t due = timer.deadline;

            if (stun_timer_fire(&timer, due) == STUN_GIVE_UP) {
                CHECK_ROW_INT(cases[i].name, due, cases[i].end);
                break;
            }
            if (timer.sent == 2)
                second = due;
        }
        CHECK_ROW_INT(cases[i].name, second, cases[i].second);
        CHECK_ROW_INT(cases[i].name, timer.sent, cases[i].options.rc);
    }
}

/* Late by more than a whole interval: one request goes out, not two, and the next wait counts from now. */
static void
test_late(void)
{
    struct stun_timer timer;

    stun_timer_start(&timer, &STUN_TIMER_DEFAULTS, 0);
    CHECK(stun_timer_fire(&timer, 2 * TIME_S) == STUN_RESEND);
    CHECK_ROW_INT("requests", timer.sent, 2);
    CHECK_ROW_INT("the next", timer.deadline, 3 * TIME_S);
    CHECK(stun_timer_fire(&timer, 2 * TIME_S) == STUN_WAIT);
}

/* A timeout so long that doubling runs into the end of time. */
static void
test_endless(void)
{
    struct stun_timer timer;
    struct stun_timer_options options = { TIME_NEVER / 2, 7, 16, 0 };

    stun_timer_start(&timer, &options, TIME_S);
    CHECK(stun_timer_fire(&timer, timer.deadline) == STUN_RESEND);
    CHECK_ROW_INT("never", timer.deadline, TIME_NEVER);
}

static void
test_rtt(void)
{
    struct stun_timer timer;

    stun_timer_start(&timer, &STUN_TIMER_DEFAULTS, TIME_S);
    CHECK_ROW_INT("at once", stun_timer_rtt(&timer, TIME_S), 0);
    CHECK_ROW_INT("before the retransmission", stun_timer_rtt(&timer, TIME_S + 499 * TIME_MS), 499 * TIME_MS);
    CHECK(stun_timer_fire(&timer, TIME_S + 500 * TIME_MS) == STUN_RESEND);
    CHECK_ROW_INT("after it", stun_timer_rtt(&timer, TIME_S + 501 * TIME_MS), -1);
}

/* RFC 3489 section 9.3. */
static void
test_classic(void)
{
    static const int64_t at_ms[] = { 100, 300, 700, 1500, 3100, 4700, 6300, 7900 };
    struct stun_timer timer;

    stun_timer_start(&timer, &STUN_TIMER_CLASSIC, 0);
    for (size_t i = 0; i < G_N_ELEMENTS(at_ms); i++) {
        CHECK_ROW_INT("due", timer.deadline, at_ms[i] * TIME_MS);
        CHECK_ROW_INT("again", stun_timer_fire(&timer, timer.deadline), STUN_RESEND);
    }
    CHECK_ROW_INT("end", timer.deadline, 9500 * TIME_MS);
    CHECK_ROW_INT("end", stun_timer_fire(&timer, timer.deadline), STUN_GIVE_UP);
}

void
suite_stun_timer(void)
{
    UNIT_SUITE("stun timer", NULL, NULL, { "schedule", test_schedule }, { "options", test_options },
               { "late", test_late }, { "endless", test_endless }, { "round trip time", test_rtt },
               { "RFC 3489", test_classic });
}
