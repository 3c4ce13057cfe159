#include "core/sim/world.h"

#include "tests/unit/support.h"

/* A timer that writes its name and the time into a log, and may belong to the world. */
struct ticker {
    struct event event; /* first */
    struct world *world;
    GString *log;
    char name;
    int64_t again; /* after so long; 0 for never */
};

static struct world *lab;
static GString *words;

static void
set_up(void)
{
    lab = world_new(42);
    words = g_string_new(NULL);
}

static void
tear_down(void)
{
    world_free(lab);
    g_string_free(words, TRUE);
}

static void
tick(struct event *event)
{
    struct ticker *ticker = (struct ticker *)event;

    g_string_append_printf(ticker->log, "%c%" PRId64 "%s ", ticker->name, ticker->world->now,
                           event_pending(event) ? "!" : "");
    if (ticker->again)
        world_schedule(ticker->world, event, ticker->world->now + ticker->again);
}

static struct ticker *
ticker_new(char name, int64_t again)
{
    struct ticker *ticker = g_new0(struct ticker, 1);

    *ticker = (struct ticker){ .event = { .fire = tick }, .world = lab, .log = words, .name = name, .again = again };
    return ticker;
}

static void
ticker_free(gpointer data)
{
    struct ticker *ticker = data;

    g_string_append_c(ticker->log, ticker->name);
    world_cancel(ticker->world, &ticker->event);
    g_free(ticker);
}

static void
test_steps(void)
{
    struct ticker *a = ticker_new('a', 10), *b = ticker_new('b', 0);

    world_own(lab, a, ticker_free);
    world_own(lab, b, ticker_free);
    CHECK(lab->now == 0 && lab->seed == 42 && lab->fired == 0);
    CHECK(!world_step(lab, TIME_NEVER));
    CHECK_ROW_INT("nothing to happen", lab->now, 0);

    world_schedule(lab, &a->event, 5);
    world_schedule(lab, &b->event, 5);
    CHECK(!world_step(lab, 4));
    CHECK_ROW_INT("not yet", lab->now, 0);
    CHECK(world_step(lab, 5) && world_step(lab, 5) && !world_step(lab, 5));
    CHECK_ROW_INT("moved to the event", lab->now, 5);
    CHECK_ROW_UINT("fired", lab->fired, 2);

    world_run(lab, 32);
    CHECK_ROW_INT("moved on to the end", lab->now, 32);
    CHECK_ROW_TEXT("log", words->str, "a5 b5 a15 a25 ");

    world_run(lab, 20);
    CHECK_ROW_INT("time never goes back", lab->now, 32);
    world_schedule(lab, &b->event, 7);
    world_run(lab, 32);
    CHECK_ROW_TEXT("the past is now", words->str, "a5 b5 a15 a25 b32 ");
    world_run(lab, 35);
    CHECK_ROW_TEXT("up to and at", words->str, "a5 b5 a15 a25 b32 a35 ");
}

/* Owned things end newest first, and may cancel events while they do. */
static void
test_ownership(void)
{
    struct world *other = world_new(1);
    GString *log = g_string_new(NULL);

    for (char name = 'a'; name <= 'e'; name++) {
        struct ticker *ticker = ticker_new(name, 0);

        ticker->world = other;
        ticker->log = log;
        world_schedule(other, &ticker->event, name);
        world_own(other, ticker, ticker_free);
    }
    world_own(other, other, NULL); /* nothing to do for it */
    world_run(other, 'b');
    g_string_truncate(log, 0);
    world_free(other);
    CHECK_ROW_TEXT("newest first", log->str, "edcba");
    g_string_free(log, TRUE);
    world_free(NULL);
}

/* ---- rooms */

static const char outer_key, inner_key;

static void
inner_free(gpointer data)
{
    g_string_append(data, " inner ends");
}

static void *
inner_make(struct world *in)
{
    g_string_append(words, " inner");
    CHECK(in != NULL);
    return words;
}

static void
outer_free(gpointer data)
{
    g_string_append(data, " outer ends");
}

static void *
outer_make(struct world *in)
{
    CHECK(world_room(in, &inner_key, inner_make, inner_free) == words);
    g_string_append(words, " outer");
    return words;
}

static void
owned_free(gpointer data)
{
    CHECK(world_room(data, &outer_key, outer_make, outer_free) == words);
    g_string_append(words, " owned ends");
}

static void
test_rooms(void)
{
    struct world *other = world_new(1);

    world_own(other, other, owned_free);
    for (unsigned i = 0; i < 3; i++)
        CHECK(world_room(other, &outer_key, outer_make, outer_free) == words);
    CHECK(world_room(other, &inner_key, inner_make, inner_free) == words);
    CHECK_ROW_TEXT("made once", words->str, " inner outer");
    world_free(other);
    CHECK_ROW_TEXT("end after what is owned, newest first", words->str,
                   " inner outer owned ends outer ends inner ends");
}

static void
test_quiet(void)
{
    static const struct {
        const char *name;
        uint64_t busy, alive;
        bool quiet;
    } rows[] = { { "nothing", 0, 0, true }, { "a busy timer", 1, 0, false }, { "a packet", 0, 1, false },
                 { "both", 2, 3, false } };
    struct ticker *idle = ticker_new('i', 0);

    world_own(lab, idle, ticker_free);
    world_schedule(lab, &idle->event, 100);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        lab->busy = rows[i].busy;
        lab->packets_alive = rows[i].alive;
        CHECK_ROW(rows[i].name, world_quiet(lab) == rows[i].quiet);
    }
}

static void
test_counts(void)
{
    struct packet_counts counts = { .sent = 1000, .delivered = 100 };
    uint64_t sum = 0;

    CHECK_ROW_UINT("none", packet_counts_dropped(&counts), 0);
    for (unsigned reason = 1; reason < DROP_REASON_COUNT; reason++) {
        counts.dropped[reason] = 1000 + reason;
        sum += 1000 + reason;
        CHECK_ROW_UINT(drop_reason_word(reason), packet_counts_dropped(&counts), sum);
    }
}

void
suite_world(void)
{
    UNIT_SUITE("world", set_up, tear_down, { "steps", test_steps }, { "ownership", test_ownership },
               { "rooms", test_rooms }, { "quiet", test_quiet }, { "counts", test_counts });
}
