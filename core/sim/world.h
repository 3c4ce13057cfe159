/* A world: virtual time, the events in it, and all that was given to it.
 *
 * Worlds share nothing, so many of them run side by side, one a thread. A world is single-threaded. Its time moves only
 * in world_step, to the time of the event that fires next.
 *
 * The world owns what `world_own` hands it and frees it, newest first, when it is freed itself. */
#ifndef CORE_SIM_WORLD_H
#define CORE_SIM_WORLD_H

#include "core/base/journal.h"
#include "core/base/random.h"
#include "core/sim/memory.h"
#include "core/sim/queue.h"
#include "core/sim/slab.h"

struct net; /* core/net/net.h */

/* What became of packets, over all nodes. sent = delivered + sum of dropped + under way, always: `sent` counts every
 * packet that was made, by hosts and boxes, duplicates and extra fragments included. */
struct packet_counts {
    uint64_t sent, delivered;
    uint64_t dropped[DROP_REASON_COUNT];
};

struct world {
    int64_t now;
    struct journal *journal; /* NULL when nobody listens */
    struct queue *queue;
    packet_name handling;    /* the packet being handled: the cause of what is sent meanwhile; 0 for none */
    uint64_t busy;           /* armed busy timers: while there are any, a run goes on */
    uint64_t packets_alive;  /* packets under way or held */
    bool begun;              /* it runs: until then it is being built, and nothing leaves a node; nor when it ends */
    bool touched;            /* set by whatever a script can see, and by a full memory; the script's scheduler clears it */
    struct memory memory;    /* what all of the world holds; without a limit unless somebody sets one */
    uint64_t work;           /* about how many steps of going through lists building has cost since somebody, who bounds
                                what a script may do, set it to 0 */
    uint64_t seed;
    uint64_t fired;          /* events fired so far */
    struct packet_counts counts;
    struct net *net;         /* the net layer's slabs and nodes; made at its first use, owned like all else */
    GPtrArray *owned;
    GHashTable *rooms;       /* one object a module may keep here: see world_room */
};

struct world *world_new(uint64_t seed);
void world_free(struct world *world);
typedef struct world world;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(world, world_free)

/* Takes over `object`: `free_object` is called with it when the world is freed. */
void world_own(struct world *world, void *object, GDestroyNotify free_object);

/* The object that a module keeps once a world, made by `make` at the first call and owned by the world. `key` is the
 * address of a constant of the module's. */
void *world_room(struct world *world, const void *key, void *(*make)(struct world *), GDestroyNotify free_object);

static inline void
world_schedule(struct world *world, struct event *event, int64_t at)
{
    queue_schedule(world->queue, event, at < world->now ? world->now : at);
}

static inline void
world_cancel(struct world *world, struct event *event)
{
    queue_cancel(world->queue, event);
}

/* The world is built and begins to run. The first event to fire says so too. */
static inline void
world_begin(struct world *world)
{
    world->begun = true;
}

/* Fires the next event if there is one not after `until`, and moves time to it. False when there is none: time then
 * stays where it is. */
static inline bool
world_step(struct world *world, int64_t until)
{
    struct event *event = queue_pop(world->queue, until);

    if (!event)
        return false;
    world->now = event->at;
    world->fired++;
    event->fire(event);
    return true;
}

/* Fires everything up to and at `until`, then moves time there. */
void world_run(struct world *world, int64_t until);

/* No busy timer is armed and no packet is alive: nothing but idle timers is left to happen. */
static inline bool
world_quiet(const struct world *world)
{
    return world->busy == 0 && world->packets_alive == 0;
}

/* Packets dropped so far, for whatever reason. */
uint64_t packet_counts_dropped(const struct packet_counts *counts);

#endif
