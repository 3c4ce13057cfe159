#include "core/sim/queue.h"

#include "core/base/random.h"
#include "tests/unit/support.h"

/* The model: a plain binary heap by (time, order of scheduling). An entry whose item was moved or cancelled since,
 * which its order tells, is thrown away when it comes up. */
struct entry {
    int64_t at;
    uint64_t order;
    uint32_t item;
};

struct item {
    struct event event;
    uint64_t order; /* in the model; 0 when it does not wait there */
};

struct twin {
    struct queue *queue;
    GArray *heap;
    struct item *items;
    uint32_t item_count;
    uint64_t orders, waiting;
    int64_t last; /* popped */
    struct random_stream dice;
};

static bool
earlier(const struct entry *a, const struct entry *b)
{
    return a->at < b->at || (a->at == b->at && a->order < b->order);
}

static void
swap_entries(struct entry *a, struct entry *b)
{
    struct entry entry = *a;

    *a = *b;
    *b = entry;
}

static void
heap_push(GArray *heap, struct entry entry)
{
    struct entry *entries;
    guint i = heap->len;

    g_array_append_val(heap, entry);
    entries = (struct entry *)(void *)heap->data;
    for (; i > 0 && earlier(&entries[i], &entries[(i - 1) / 2]); i = (i - 1) / 2)
        swap_entries(&entries[i], &entries[(i - 1) / 2]);
}

static void
heap_pop(GArray *heap)
{
    struct entry *entries = (struct entry *)(void *)heap->data;
    guint i = 0, least;

    entries[0] = entries[heap->len - 1];
    g_array_set_size(heap, heap->len - 1);
    for (;; i = least) {
        least = i;
        for (guint child = 2 * i + 1; child <= 2 * i + 2 && child < heap->len; child++) {
            if (earlier(&entries[child], &entries[least]))
                least = child;
        }
        if (least == i)
            return;
        swap_entries(&entries[i], &entries[least]);
    }
}

static const struct entry *
model_first(struct twin *twin)
{
    while (twin->heap->len > 0) {
        const struct entry *first = &g_array_index(twin->heap, struct entry, 0);

        if (twin->items[first->item].order == first->order)
            return first;
        heap_pop(twin->heap);
    }
    return NULL;
}

static void
twin_open(struct twin *twin, uint32_t items, const char *purpose)
{
    *twin = (struct twin){ .queue = queue_new(),
                           .heap = g_array_new(FALSE, FALSE, sizeof(struct entry)),
                           .items = g_new0(struct item, items),
                           .item_count = items,
                           .dice = random_stream_of(1, "queue", purpose) };
}

static void
twin_close(struct twin *twin)
{
    queue_free(twin->queue);
    g_array_unref(twin->heap);
    g_free(twin->items);
}

static void
twin_schedule(struct twin *twin, uint32_t item, int64_t at)
{
    struct item *it = &twin->items[item];

    twin->waiting += it->order == 0;
    it->order = ++twin->orders;
    heap_push(twin->heap, (struct entry){ MAX(at, twin->last), it->order, item });
    queue_schedule(twin->queue, &it->event, at);
}

static void
twin_cancel(struct twin *twin, uint32_t item)
{
    struct item *it = &twin->items[item];

    twin->waiting -= it->order != 0;
    it->order = 0;
    queue_cancel(twin->queue, &it->event);
}

/* Pops from both. False when they differ; `*popped` tells whether there was one. */
static bool
twin_pop(struct twin *twin, int64_t until, bool *popped)
{
    const struct entry *first = model_first(twin);
    struct event *event = queue_pop(twin->queue, until);

    *popped = event != NULL;
    if (!first || first->at > until)
        return event == NULL;
    if (event != &twin->items[first->item].event || event->at != first->at || event_pending(event))
        return false;
    twin->items[first->item].order = 0;
    twin->last = first->at;
    twin->waiting--;
    heap_pop(twin->heap);
    return true;
}

static bool
twin_agrees(struct twin *twin)
{
    const struct entry *first = model_first(twin);

    return queue_next_time(twin->queue) == (first ? first->at : TIME_NEVER);
}

static bool
twin_drain(struct twin *twin)
{
    bool popped = true;

    while (popped) {
        if (!twin_pop(twin, TIME_NEVER, &popped))
            return false;
    }
    return queue_count(twin->queue) == 0 && twin->waiting == 0;
}

/* ---- random mixes */

enum scale { FLAT, EQUAL, POWERS, PACKETS, BURSTS, EDGES };

static int64_t
draw_delay(struct twin *twin, enum scale scale, int64_t span)
{
    static const int64_t hops[] = { 100 * TIME_US, TIME_MS, 20 * TIME_MS, 5 * TIME_MS };
    uint64_t choice = random_below(&twin->dice, 16);

    switch (scale) {
    case FLAT:
        break;
    case EQUAL:
        return (int64_t)(choice % 4) * span;
    case POWERS:
        return INT64_C(1) << random_below(&twin->dice, 63);
    case PACKETS:
        return choice == 0 ? 5 * TIME_MIN : hops[choice % 4];
    case BURSTS:
        return choice == 0 ? 5 * TIME_MIN : choice < 4 ? 20 * TIME_MS : (int64_t)random_below(&twin->dice, 100);
    case EDGES:
        return choice < 4 ? TIME_NEVER : choice < 6 ? TIME_NEVER - 1 : (int64_t)choice;
    }
    return (int64_t)random_below(&twin->dice, (uint64_t)span);
}

struct mix {
    const char *name;
    enum scale scale;
    int64_t span;
    uint32_t items;
    unsigned schedule, cancel, peek, limited; /* of 100 steps; the rest pops */
};

static int64_t
draw_time(struct twin *twin, const struct mix *mix)
{
    int64_t delay = draw_delay(twin, mix->scale, mix->span);

    if (random_below(&twin->dice, 50) == 0)
        return twin->last - delay; /* the past */
    return time_add(twin->last, delay);
}

static bool
mix_step(struct twin *twin, const struct mix *mix)
{
    uint64_t dice = random_below(&twin->dice, 100);
    uint32_t item = (uint32_t)random_below(&twin->dice, twin->item_count);
    bool popped;

    if (dice < mix->schedule)
        twin_schedule(twin, item, draw_time(twin, mix));
    else if (dice < mix->schedule + mix->cancel)
        twin_cancel(twin, item);
    else if (dice < mix->schedule + mix->cancel + mix->peek)
        return twin_agrees(twin);
    else if (dice < mix->schedule + mix->cancel + mix->peek + mix->limited)
        return twin_pop(twin, draw_time(twin, mix), &popped);
    else
        return twin_pop(twin, TIME_NEVER, &popped);
    return event_pending(&twin->items[item].event) == (twin->items[item].order != 0);
}

static const struct mix mixes[] = {
    { "a few in nanoseconds", FLAT, 100, 8, 50, 2, 2, 2 },
    { "a few in hours", FLAT, 3600 * TIME_S, 8, 50, 2, 2, 2 },
    { "hundreds in nanoseconds", FLAT, 1000, 500, 55, 2, 2, 2 },
    { "hundreds in milliseconds", FLAT, 20 * TIME_MS, 500, 55, 2, 2, 2 },
    { "thousands in seconds", FLAT, TIME_S, 5000, 60, 2, 2, 2 },
    { "thousands in centuries", FLAT, INT64_MAX / 2, 5000, 60, 2, 2, 2 },
    { "equal times", EQUAL, 1000, 2000, 55, 5, 2, 2 },
    { "equal times far away", EQUAL, TIME_MIN, 2000, 55, 5, 2, 2 },
    { "all at now", EQUAL, 0, 2000, 55, 5, 2, 2 },
    { "every scale", POWERS, 0, 2000, 55, 5, 5, 5 },
    { "packets", PACKETS, 0, 2000, 52, 2, 0, 2 },
    { "bursts, links, timers", BURSTS, 0, 2000, 52, 2, 2, 2 },
    { "the end of time", EDGES, 0, 500, 55, 5, 5, 5 },
    { "moved and moved again", FLAT, TIME_MS, 300, 90, 2, 2, 2 },
    { "scheduled and cancelled", FLAT, TIME_S, 3000, 50, 45, 1, 1 },
    { "looked at and scheduled before", FLAT, TIME_S, 1000, 50, 5, 20, 20 },
    { "looked at, every scale", POWERS, 0, 1000, 45, 5, 20, 25 },
    { "looked at, bursts", BURSTS, 0, 1000, 45, 5, 20, 25 },
    { "looked at, equal", EQUAL, TIME_S, 1000, 45, 5, 20, 25 },
    { "looked at, cancelled", POWERS, 0, 1000, 40, 30, 20, 8 },
};

static void
test_mixes(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(mixes); i++) {
        struct twin twin;
        bool same = true;

        twin_open(&twin, mixes[i].items, mixes[i].name);
        for (unsigned step = 0; same && step < 60000; step++)
            same = mix_step(&twin, &mixes[i]) && queue_count(twin.queue) == twin.waiting;
        CHECK_ROW(mixes[i].name, same);
        CHECK_ROW(mixes[i].name, twin.orders > 1000);
        CHECK_ROW(mixes[i].name, !same || twin_drain(&twin));
        twin_close(&twin);
    }
}

/* ---- single properties */

/* A crowd of far timers must cost microsecond traffic nothing, nor lose its order. */
static void
test_million_far(void)
{
    enum { FAR = 1000000, NEAR = 100 };
    struct twin twin;
    bool same = true, popped;

    twin_open(&twin, FAR + NEAR, "million");
    for (uint32_t i = 0; i < FAR; i++)
        twin_schedule(&twin, i, TIME_MIN + (int64_t)random_below(&twin.dice, (uint64_t)(3600 * TIME_S)));
    for (uint32_t i = FAR; i < FAR + NEAR; i++)
        twin_schedule(&twin, i, (int64_t)random_below(&twin.dice, 10000));

    for (unsigned step = 0; same && step < 100000; step++) {
        const struct entry *first = model_first(&twin);
        uint32_t near = first->item, far = (uint32_t)random_below(&twin.dice, FAR);

        same = twin_pop(&twin, TIME_S, &popped) && popped;
        twin_schedule(&twin, near, twin.last + (int64_t)random_below(&twin.dice, 10000));
        if (step % 4 == 0)
            twin_schedule(&twin, far, TIME_MIN + (int64_t)random_below(&twin.dice, (uint64_t)(3600 * TIME_S)));
        if (step % 16 == 0)
            twin_cancel(&twin, far);
    }
    CHECK(same);
    CHECK(twin_drain(&twin));
    twin_close(&twin);
}

/* A crowd that waits close together, mostly earlier than all that waits. Some come to a time that has a crowd. */
static void
schedule_crowd(struct twin *twin)
{
    int64_t next = MIN(queue_next_time(twin->queue), twin->last + TIME_MIN), gap = next - twin->last;
    uint64_t spread = 1 + ((uint64_t)gap >> (4 + random_below(&twin->dice, 30)));
    int64_t start = twin->last + gap / (int64_t)(4 + random_below(&twin->dice, 16)) * 4;

    for (uint64_t left = random_below(&twin->dice, 40); left > 0; left--) {
        uint32_t item = (uint32_t)random_below(&twin->dice, twin->item_count);
        int64_t at = start + (int64_t)random_below(&twin->dice, spread);

        if (random_below(&twin->dice, 8) == 0)
            at = twin->items[random_below(&twin->dice, twin->item_count)].event.at;
        if (twin->items[item].order == 0)
            twin_schedule(twin, item, at);
    }
}

/* Crowd before crowd before crowd, each looked at before the next comes: the queue looks ahead many times over before
 * it may forget any of it, and is then overtaken by what happens in between. */
static void
test_crowd_before_crowd(void)
{
    for (unsigned seed = 0; seed < 100; seed++) {
        g_autofree char *name = g_strdup_printf("crowds %u", seed);
        struct twin twin;
        bool same = true, popped;

        twin_open(&twin, 3000, name);
        for (unsigned round = 0; same && round < 100; round++) {
            for (uint64_t crowds = random_below(&twin.dice, 12); same && crowds > 0; crowds--) {
                schedule_crowd(&twin);
                same = twin_agrees(&twin);
            }
            for (uint64_t pops = random_below(&twin.dice, 300); same && pops > 0; pops--)
                same = twin_pop(&twin, TIME_NEVER, &popped);
        }
        CHECK_ROW(name, same);
        CHECK_ROW(name, !same || twin_drain(&twin));
        twin_close(&twin);
    }
}

/* Events in no order, from `start` on; enough of them that they can't stand beside what waits already. */
static void
schedule_many(struct twin *twin, int64_t start, int64_t spread)
{
    for (unsigned count = 0; count < 40; count++) {
        uint32_t item = (uint32_t)random_below(&twin->dice, twin->item_count);

        if (twin->items[item].order == 0)
            twin_schedule(twin, item, start + (int64_t)random_below(&twin->dice, (uint64_t)spread));
    }
}

/* Looks ahead at a crowd, is overtaken by an earlier one, gets more for the first, comes to it, looks ahead again, and is
 * overtaken once more: what was put aside is put aside together with what it had put aside. */
static void
test_overtaken_twice(void)
{
    static const int64_t spreads[] = { TIME_US, TIME_MS, TIME_S, TIME_MIN, 60 * TIME_MIN };

    for (unsigned seed = 0; seed < 200; seed++) {
        g_autofree char *name = g_strdup_printf("overtaken %u", seed);
        struct twin twin;
        bool same = true, popped = true;

        twin_open(&twin, 1000, name);
        for (unsigned round = 0; same && round < 20; round++) {
            int64_t spread = spreads[random_below(&twin.dice, G_N_ELEMENTS(spreads))];
            int64_t far = twin.last + spreads[random_below(&twin.dice, G_N_ELEMENTS(spreads))] * 7;

            schedule_many(&twin, far + spread / 3, 1 + spread / 1000);
            same = twin_agrees(&twin);
            schedule_many(&twin, twin.last, 1 + (far - twin.last) / 2);
            same = same && twin_agrees(&twin);
            schedule_many(&twin, far, spread);
            while (same && popped && queue_next_time(twin.queue) < far)
                same = twin_pop(&twin, far - 1, &popped);
            schedule_many(&twin, twin.last, 1 + (far - twin.last));
            same = same && twin_agrees(&twin);
            for (uint64_t pops = random_below(&twin.dice, 150); same && popped && pops > 0; pops--)
                same = twin_pop(&twin, TIME_NEVER, &popped);
            popped = true;
        }
        CHECK_ROW(name, same);
        CHECK_ROW(name, !same || twin_drain(&twin));
        twin_close(&twin);
    }
}

static int64_t
ascending(uint32_t i)
{
    return i;
}

static int64_t
descending(uint32_t i)
{
    return TIME_S - i;
}

static int64_t
one_instant(uint32_t i)
{
    (void)i;
    return 5 * TIME_MIN;
}

static int64_t
two_instants(uint32_t i)
{
    return i % 2 ? TIME_MIN : TIME_MIN + 1;
}

static int64_t
the_end(uint32_t i)
{
    (void)i;
    return TIME_NEVER;
}

static int64_t
zigzag(uint32_t i)
{
    return i % 2 ? TIME_S + i : TIME_S - i;
}

/* Orders of insertion that make lists quadratic: 100,000 each would take minutes then. */
static void
test_unkind_insertions(void)
{
    static const struct {
        const char *name;
        int64_t (*time)(uint32_t i);
    } rows[] = {
        { "ascending", ascending },       { "descending", descending }, { "one instant", one_instant },
        { "two instants", two_instants }, { "the end", the_end },       { "zigzag", zigzag },
    };

    for (size_t row = 0; row < G_N_ELEMENTS(rows); row++) {
        struct twin twin;

        twin_open(&twin, 100000, rows[row].name);
        for (uint32_t i = 0; i < twin.item_count; i++)
            twin_schedule(&twin, i, rows[row].time(i));
        CHECK_ROW_UINT(rows[row].name, queue_count(twin.queue), 100000);
        CHECK_ROW(rows[row].name, twin_agrees(&twin));
        CHECK_ROW(rows[row].name, twin_drain(&twin));
        twin_close(&twin);
    }
}

/* While the first event is far, looking at it over and over and scheduling before it must not go through the far ones
 * each time: with 100,000 of them in one stretch of time that would take minutes. */
static void
test_looking_ahead(void)
{
    enum { FAR = 100000 };
    struct twin twin;
    bool same = true, popped;

    twin_open(&twin, FAR + 1, "ahead");
    for (uint32_t i = 0; i < FAR; i++)
        twin_schedule(&twin, i, 3600 * TIME_S + (int64_t)random_below(&twin.dice, TIME_S));
    for (int64_t step = 1; same && step < 100000; step++) {
        same = twin_agrees(&twin) && twin_pop(&twin, step * TIME_MS, &popped) && !popped;
        twin_schedule(&twin, FAR, step * TIME_MS + 1);
        same = same && twin_pop(&twin, step * TIME_MS + 1, &popped) && popped;
        if (step < FAR)
            twin_cancel(&twin, model_first(&twin)->item);
    }
    CHECK(same);
    CHECK(twin_drain(&twin));
    twin_close(&twin);
}

/* Sparse worlds: one event every 20 ms, then every hour, then a leap to the end. */
static void
test_sparse(void)
{
    static const int64_t gaps[] = { 1, 20 * TIME_MS, 3600 * TIME_S, INT64_C(1) << 55 };
    struct queue *queue = queue_new();
    struct event event = { .mark = 7 };
    int64_t at = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(gaps); i++) {
        for (unsigned step = 0; step < 100; step++) {
            at += gaps[i];
            queue_schedule(queue, &event, at);
            CHECK_ROW_INT("next", queue_next_time(queue), at);
            CHECK(queue_pop(queue, at - 1) == NULL);
            CHECK(queue_pop(queue, at) == &event);
        }
    }
    queue_schedule(queue, &event, TIME_NEVER);
    CHECK(queue_pop(queue, TIME_NEVER - 1) == NULL);
    CHECK(queue_pop(queue, TIME_NEVER) == &event);
    CHECK_ROW_INT("the end", event.at, TIME_NEVER);
    CHECK_ROW_UINT("the owner's", event.mark, 7);
    queue_free(queue);
}

static void
test_past(void)
{
    struct queue *queue = queue_new();
    struct event first = { 0 }, late = { 0 }, later = { 0 };

    queue_schedule(queue, &first, -5);
    CHECK_ROW_INT("before the world began", queue_next_time(queue), 0);
    queue_schedule(queue, &first, 1000);
    CHECK(queue_pop(queue, 1000) == &first);
    queue_schedule(queue, &later, 1000);
    queue_schedule(queue, &late, 10);
    CHECK(queue_pop(queue, 999) == NULL);
    CHECK(queue_pop(queue, 1000) == &later);
    CHECK(queue_pop(queue, 1000) == &late);
    CHECK_ROW_INT("taken as the last one's time", late.at, 1000);
    queue_free(queue);
}

static void
test_empty(void)
{
    struct queue *queue = queue_new();
    struct event event = { 0 };

    CHECK(!event_pending(&event));
    CHECK(queue_pop(queue, TIME_NEVER) == NULL);
    CHECK_ROW_INT("empty", queue_next_time(queue), TIME_NEVER);
    queue_cancel(queue, &event);
    CHECK_ROW_UINT("empty", queue_count(queue), 0);
    queue_schedule(queue, &event, 5);
    CHECK(event_pending(&event));
    queue_schedule(queue, &event, 3);
    CHECK_ROW_UINT("moved", queue_count(queue), 1);
    queue_cancel(queue, &event);
    CHECK(!event_pending(&event));
    CHECK(queue_pop(queue, TIME_NEVER) == NULL);
    CHECK_ROW_UINT("cancelled", queue_count(queue), 0);
    queue_schedule(queue, &event, 9);
    queue_free(queue); /* forgotten, not fired */
    queue_free(NULL);
}

/* Moving an event to the time that it has sends it behind the others of that time. */
static void
test_moved_counts_as_now(void)
{
    struct queue *queue = queue_new();
    struct event a = { 0 }, b = { 0 };

    queue_schedule(queue, &a, 50);
    queue_schedule(queue, &b, 50);
    queue_schedule(queue, &a, 50);
    CHECK(queue_pop(queue, 50) == &b);
    CHECK(queue_pop(queue, 50) == &a);
    queue_free(queue);
}

void
suite_queue(void)
{
    UNIT_SUITE("queue", NULL, NULL, { "random mixes against a heap", test_mixes },
               { "a million far timers under microsecond traffic", test_million_far },
               { "unkind insertions", test_unkind_insertions }, { "looking ahead of crowds", test_looking_ahead },
               { "crowd before crowd", test_crowd_before_crowd },
               { "overtaken twice", test_overtaken_twice },
               { "sparse", test_sparse }, { "the past", test_past }, { "empty, cancelled, freed", test_empty },
               { "moved counts as scheduled now", test_moved_counts_as_now });
}
