#include "core/sim/world.h"

struct owned {
    void *object;
    GDestroyNotify free_object;
};

struct room {
    struct owned owned;
    guint ordinal; /* order of making: rooms end newest first too */
};

struct world *
world_new(uint64_t seed)
{
    struct world *world = g_new0(struct world, 1);

    world->seed = seed;
    world->memory = (struct memory){ .limit = UINT64_MAX, .told = &world->touched };
    world->queue = queue_new();
    world->owned = g_ptr_array_new();
    world->rooms = g_hash_table_new(g_direct_hash, g_direct_equal);
    return world;
}

static void
end_owned(struct owned owned)
{
    if (owned.free_object)
        owned.free_object(owned.object);
}

/* What ends may still look at the world, cancel events and use rooms, and even make one; it gives nothing away. A
 * service that ends may still close a connection, whose last words must not go where nothing stands any more: as while
 * the world was being built, they wait for a turn, which never comes. */
static void
free_owned(struct world *world)
{
    world->begun = false;
    world->fired = 0;
    while (world->owned->len > 0) {
        struct owned *last = g_ptr_array_steal_index(world->owned, world->owned->len - 1);
        struct owned owned = *last;

        g_free(last);
        end_owned(owned);
    }
    g_ptr_array_unref(world->owned);
}

static gint
newer_first(gconstpointer a, gconstpointer b)
{
    guint one = ((const struct room *)a)->ordinal, other = ((const struct room *)b)->ordinal;

    return one < other ? 1 : one > other ? -1 : 0;
}

static void
free_rooms(struct world *world)
{
    g_autoptr(GList) rooms = g_list_sort(g_hash_table_get_values(world->rooms), newer_first);

    for (GList *link = rooms; link; link = link->next) {
        struct room *room = link->data;

        end_owned(room->owned);
        g_free(room);
    }
    g_hash_table_unref(world->rooms);
}

void
world_free(struct world *world)
{
    if (!world)
        return;
    free_owned(world);
    free_rooms(world);
    queue_free(world->queue);
    g_free(world);
}

void
world_own(struct world *world, void *object, GDestroyNotify free_object)
{
    struct owned *owned = g_new(struct owned, 1);

    *owned = (struct owned){ object, free_object };
    g_ptr_array_add(world->owned, owned);
}

/* `make` may ask for other rooms: they count as older than the one it makes, and end after it. */
void *
world_room(struct world *world, const void *key, void *(*make)(struct world *), GDestroyNotify free_object)
{
    struct room *room = g_hash_table_lookup(world->rooms, key);

    if (!room) {
        room = g_new(struct room, 1);
        room->owned = (struct owned){ make(world), free_object };
        room->ordinal = g_hash_table_size(world->rooms);
        g_hash_table_insert(world->rooms, (gpointer)key, room);
    }
    return room->owned.object;
}

void
world_run(struct world *world, int64_t until)
{
    while (world_step(world, until))
        ;
    if (world->now < until)
        world->now = until;
}

uint64_t
packet_counts_dropped(const struct packet_counts *counts)
{
    uint64_t dropped = 0;

    for (unsigned reason = 0; reason < DROP_REASON_COUNT; reason++)
        dropped += counts->dropped[reason];
    return dropped;
}
