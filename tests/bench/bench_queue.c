/* Events a second through the event queue: each fires and schedules itself anew.
 *
 * The bound is the same events with the same delays over a bare calendar: buckets a little apart in time, each a stack.
 * It keeps no order within a bucket, knows nothing but its one scale of time, and cannot cancel. */
#include <string.h>

#include <glib.h>

#include "core/base/random.h"
#include "core/sim/queue.h"
#include "core/sim/slab.h"
#include "tests/bench/bench.h"

struct calendar {
    struct event_link **buckets;
    uint64_t mask, at;
    unsigned shift;
};

struct load {
    const char *figure;
    double reach;
    uint32_t pending, far; /* events that fire; timers from a minute to an hour away that don't */
    int64_t span;          /* the delays of random and constant loads */
    void (*fire)(struct event *event);
    uint64_t events; /* to fire */
    struct queue *queue;
    struct calendar calendar;
    bool bare;
    struct random_stream dice;
};

struct item {
    struct event event; /* first */
    struct load *load;
};

static void
calendar_put(struct calendar *calendar, struct event *event)
{
    struct event_link **bucket = &calendar->buckets[(uint64_t)event->at >> calendar->shift & calendar->mask];

    event->link.next = *bucket;
    *bucket = &event->link;
}

static struct event *
calendar_take(struct calendar *calendar)
{
    while (!calendar->buckets[calendar->at & calendar->mask])
        calendar->at++;

    struct event_link **bucket = &calendar->buckets[calendar->at & calendar->mask];
    struct event *event = (struct event *)*bucket;

    *bucket = event->link.next;
    return event;
}

/* ---- what an event does */

static inline void
again(struct item *item, int64_t delay)
{
    struct load *load = item->load;

    if (load->bare) {
        item->event.at += delay;
        calendar_put(&load->calendar, &item->event);
    } else {
        queue_schedule(load->queue, &item->event, item->event.at + delay);
    }
}

static inline int64_t
draw(struct load *load, int64_t below)
{
    return (int64_t)((random_u64(&load->dice) >> 32) * (uint64_t)below >> 32);
}

static void
fire_constant(struct event *event)
{
    struct item *item = (struct item *)event;

    again(item, item->load->span);
}

static void
fire_random(struct event *event)
{
    struct item *item = (struct item *)event;

    again(item, 1 + draw(item->load, item->load->span));
}

/* A packet's hops: LAN, access link, the internet, access link with a jitter of 1 ms, LAN. */
static void
fire_packet(struct event *event)
{
    static const int64_t hops[] = { 100 * TIME_US, 5 * TIME_MS, 20 * TIME_MS, 5 * TIME_MS, 100 * TIME_US };
    struct item *item = (struct item *)event;
    int64_t delay = hops[event->mark];

    event->mark = event->mark == 4 ? 0 : event->mark + 1;
    again(item, event->mark == 4 ? delay + draw(item->load, TIME_MS) : delay);
}

/* Trains of events 100 ns apart, then a link's 20 ms. */
static void
fire_burst(struct event *event)
{
    struct item *item = (struct item *)event;

    event->mark = (event->mark + 1) % 16;
    again(item, event->mark ? 100 : 20 * TIME_MS);
}

/* ---- the runs */

/* As many buckets as events, two times over, and the events spread over half of them. */
static void
calendar_open(struct load *load)
{
    uint64_t buckets = 2;
    int64_t gap = load->span / load->pending;

    while (buckets < 2 * (uint64_t)load->pending)
        buckets *= 2;
    load->calendar = (struct calendar){ .buckets = g_new0(struct event_link *, buckets), .mask = buckets - 1 };
    while (gap >> load->calendar.shift > 1)
        load->calendar.shift++;
}

static void
start(struct load *load, struct slab *items)
{
    for (uint32_t i = 0; i < load->pending + load->far; i++) {
        struct item *item = slab_take(items);
        bool far = i >= load->pending;

        *item = (struct item){ .event = { .fire = load->fire }, .load = load };
        item->event.at = far ? TIME_MIN + draw(load, 3600 * TIME_S) : draw(load, load->span);
        if (!load->bare)
            queue_schedule(load->queue, &item->event, item->event.at);
        else if (!far)
            calendar_put(&load->calendar, &item->event);
    }
}

static void
fire(struct load *load, uint64_t events)
{
    for (uint64_t i = 0; i < events; i++) {
        struct event *event = load->bare ? calendar_take(&load->calendar) : queue_pop(load->queue, TIME_NEVER);

        event->fire(event);
    }
}

/* Millions of events a second. Objects stand in memory as they do in a world: in a slab. */
static double
run(struct load *load)
{
    struct slab items;

    slab_init(&items, sizeof(struct item));
    load->dice = random_stream_of(1, "bench", load->figure);
    load->queue = queue_new();
    calendar_open(load);
    start(load, &items);
    fire(load, load->events / 4);

    double begun = bench_clock();
    fire(load, load->events);
    double took = bench_clock() - begun;

    g_free(load->calendar.buckets);
    queue_free(load->queue);
    slab_clear(&items);
    return (double)load->events / took / 1e6;
}

static double
run_queue(void *context)
{
    struct load *load = context;

    load->bare = false;
    return run(load);
}

static double
run_calendar(void *context)
{
    struct load *load = context;

    load->bare = true;
    return run(load);
}

void
bench_queue(struct bench *bench)
{
    static const struct load loads[] = {
        { .figure = "events, 1 pending", .reach = 40, .pending = 1,
          .span = TIME_US, .fire = fire_constant, .events = 10000000 },
        { .figure = "events, 1,000 pending", .reach = 25, .pending = 1000,
          .span = TIME_MS, .fire = fire_random, .events = 5000000 },
        { .figure = "events, 100,000 pending at random times", .reach = 7, .pending = 100000,
          .span = TIME_S, .fire = fire_random, .events = 2000000 },
        { .figure = "events, 1,000 pending, 1,000,000 far timers", .pending = 1000, .far = 1000000,
          .span = TIME_MS, .fire = fire_random, .events = 5000000 },
        { .figure = "events, hops of 100 packets", .pending = 100, .far = 1000,
          .span = 30 * TIME_MS, .fire = fire_packet, .events = 5000000 },
        { .figure = "events, hops of 3,000 packets", .pending = 3000, .far = 1000,
          .span = 30 * TIME_MS, .fire = fire_packet, .events = 5000000 },
        { .figure = "events, 1,000 in bursts of 100 ns and 20 ms", .pending = 1000, .far = 10000,
          .span = 20 * TIME_MS, .fire = fire_burst, .events = 5000000 },
        { .figure = "events, 1 pending, an hour apart", .pending = 1,
          .span = INT64_C(3600) * TIME_S, .fire = fire_constant, .events = 1000000 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(loads); i++) {
        struct load load = loads[i];

        bench_compare(bench, load.figure, "M/s", BENCH_MORE, load.reach, run_queue, run_calendar, &load);
    }
}
