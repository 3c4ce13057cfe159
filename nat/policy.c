#include "nat/policy.h"

struct policy {
    struct nat_options options; /* first */
    unsigned holders;
};

/* ---- one */

/* A copy of a list; NULL for none. */
static gpointer
keep_list(gconstpointer list, uint32_t count, size_t size)
{
    return count > 0 ? g_memdup2(list, count * size) : NULL;
}

const struct nat_options *
policy_take(const struct nat_options *options)
{
    struct policy *policy = g_new0(struct policy, 1);
    struct nat_options *kept = &policy->options;

    *kept = *options;
    kept->rules = keep_list(options->rules, options->rule_count, sizeof *options->rules);
    kept->forwards = keep_list(options->forwards, options->forward_count, sizeof *options->forwards);
    kept->port_timeouts =
        keep_list(options->port_timeouts, options->port_timeout_count, sizeof *options->port_timeouts);
    kept->exempt = keep_list(options->exempt, options->exempt_count, sizeof *options->exempt);
    policy->holders = 1;
    return kept;
}

void
policy_release(const struct nat_options *options)
{
    struct policy *policy = (struct policy *)options;

    if (--policy->holders > 0)
        return;
    g_free((gpointer)options->rules);
    g_free((gpointer)options->forwards);
    g_free((gpointer)options->port_timeouts);
    g_free((gpointer)options->exempt);
    g_free(policy);
}

/* ---- shared */

/* By their bytes: alike are boxes whose options were written alike. Padding that differs costs a copy, no more. */
static guint
hash_options(gconstpointer options)
{
    const uint8_t *bytes = options;
    uint64_t hash = 0;

    for (size_t i = 0; i < sizeof(struct nat_options); i++)
        hash = hash * 31 + bytes[i];
    return (guint)mix64(hash);
}

static gboolean
are_alike(gconstpointer a, gconstpointer b)
{
    return memcmp(a, b, sizeof(struct nat_options)) == 0;
}

static void
release_held(gpointer options)
{
    policy_release(options);
}

static void *
make_shelf(struct world *world)
{
    (void)world;
    return g_hash_table_new_full(hash_options, are_alike, release_held, NULL);
}

static void
free_shelf(gpointer shelf)
{
    g_hash_table_unref(shelf);
}

const struct nat_options *
policy_take_shared(struct world *world, const struct nat_options *options)
{
    static const char key;
    const struct nat_options *taken = policy_take(options), *held;
    GHashTable *shelf;

    if (taken->rules || taken->forwards || taken->port_timeouts || taken->exempt)
        return taken;
    shelf = world_room(world, &key, make_shelf, free_shelf);
    held = g_hash_table_lookup(shelf, taken); /* as it was taken: what an empty list points to is of no account */
    if (!held)
        g_hash_table_add(shelf, (gpointer)taken);
    else
        policy_release(taken);
    held = held ? held : taken;
    ((struct policy *)held)->holders++; /* the shelf is one, and the box */
    return held;
}
