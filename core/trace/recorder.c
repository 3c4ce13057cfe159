#include "core/trace/recorder.h"

#include "core/net/net.h"
#include "core/net/node.h"

enum { CHUNK_BITS = 9, CHUNK = 1 << CHUNK_BITS };

struct listener {
    recorder_listener *listen; /* NULL: gone, and swept when no record is being told */
    void *user;
};

struct world_names {
    struct names names;
    const struct world *world;
    GPtrArray *labels; /* by interface number; NULL where there is none */
};

struct recorder {
    struct journal journal;
    struct world *world;
    struct world_names names;
    GArray *listeners;
    GPtrArray *chunks; /* struct record[CHUNK] */
    size_t count;
    unsigned telling;  /* calls of `take` under way */
    bool keep;
};

/* ---- names */

static const char *
node_name(const struct names *names, uint32_t number)
{
    const struct world *world = ((const struct world_names *)names)->world;
    const struct node *node = number ? net_node(world, number) : NULL;

    return node ? node->name : number == 0 ? "lab" : "?";
}

static const char *
interface_name(const struct names *names, uint32_t interface)
{
    const struct world_names *all = (const struct world_names *)names;
    const struct port *port = NULL;

    if (interface < all->labels->len && all->labels->pdata[interface])
        return all->labels->pdata[interface];
    if (all->world->net && interface < all->world->net->ports_by_interface->len)
        port = all->world->net->ports_by_interface->pdata[interface];
    return port ? port->node->name : "?";
}

const struct names *
recorder_names(const struct recorder *recorder)
{
    return &recorder->names.names;
}

void
recorder_label(struct recorder *recorder, uint32_t interface, const char *label)
{
    GPtrArray *labels = recorder->names.labels;

    if (interface >= labels->len)
        g_ptr_array_set_size(labels, (gint)interface + 1);
    g_free(labels->pdata[interface]);
    labels->pdata[interface] = g_strdup(label);
}

/* ---- records */

static void
keep_record(struct recorder *recorder, const struct record *record)
{
    size_t place = recorder->count % CHUNK;

    if (place == 0)
        g_ptr_array_add(recorder->chunks, g_new(struct record, CHUNK));
    ((struct record *)recorder->chunks->pdata[recorder->chunks->len - 1])[place] = *record;
    recorder->count++;
}

static void
sweep(GArray *listeners)
{
    for (guint i = listeners->len; i-- > 0;)
        if (!g_array_index(listeners, struct listener, i).listen)
            g_array_remove_index(listeners, i);
}

static void
take(struct journal *journal, const struct record *record)
{
    struct recorder *recorder = (struct recorder *)journal;
    guint count = recorder->listeners->len;

    if (recorder->keep)
        keep_record(recorder, record);
    recorder->telling++;
    for (guint i = 0; i < count; i++) {
        struct listener listener = g_array_index(recorder->listeners, struct listener, i);

        if (listener.listen)
            listener.listen(listener.user, record);
    }
    if (--recorder->telling == 0)
        sweep(recorder->listeners);
}

/* Installed exactly while somebody wants records. */
static void
settle(struct recorder *recorder)
{
    bool wanted = recorder->keep;

    for (guint i = 0; i < recorder->listeners->len; i++)
        wanted |= g_array_index(recorder->listeners, struct listener, i).listen != NULL;
    g_assert(!recorder->world->journal || recorder->world->journal == &recorder->journal);
    recorder->world->journal = wanted ? &recorder->journal : NULL;
}

void
recorder_listen(struct recorder *recorder, recorder_listener *listener, void *user)
{
    struct listener entry = { listener, user };

    g_array_append_val(recorder->listeners, entry);
    settle(recorder);
}

void
recorder_unlisten(struct recorder *recorder, recorder_listener *listener, void *user)
{
    for (guint i = 0; i < recorder->listeners->len; i++) {
        struct listener *entry = &g_array_index(recorder->listeners, struct listener, i);

        if (entry->listen == listener && entry->user == user) {
            entry->listen = NULL;
            break;
        }
    }
    if (recorder->telling == 0)
        sweep(recorder->listeners);
    settle(recorder);
}

void
recorder_keep(struct recorder *recorder, bool keep)
{
    recorder->keep = keep;
    settle(recorder);
}

size_t
recorder_count(const struct recorder *recorder)
{
    return recorder->count;
}

const struct record *
recorder_at(const struct recorder *recorder, size_t index)
{
    g_assert(index < recorder->count);
    return (const struct record *)recorder->chunks->pdata[index >> CHUNK_BITS] + index % CHUNK;
}

/* ---- life */

static void *
recorder_make(struct world *world)
{
    struct recorder *recorder = g_new0(struct recorder, 1);

    recorder->journal.take = take;
    recorder->world = world;
    recorder->names.names = (struct names){ node_name, interface_name };
    recorder->names.world = world;
    recorder->names.labels = g_ptr_array_new_with_free_func(g_free);
    recorder->listeners = g_array_new(FALSE, FALSE, sizeof(struct listener));
    recorder->chunks = g_ptr_array_new_with_free_func(g_free);
    return recorder;
}

static void
recorder_end(void *object)
{
    struct recorder *recorder = object;

    if (recorder->world->journal == &recorder->journal)
        recorder->world->journal = NULL;
    g_ptr_array_unref(recorder->names.labels);
    g_array_unref(recorder->listeners);
    g_ptr_array_unref(recorder->chunks);
    g_free(recorder);
}

struct recorder *
world_recorder(struct world *world)
{
    static const char key = 0;

    return world_room(world, &key, recorder_make, recorder_end);
}
