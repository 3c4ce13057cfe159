#include "scenarios/runner/story/alike.h"

/* What is known of one packet: a digest of its records, and its group. */
struct path {
    packet_name packet;
    uint64_t digest;
    int64_t until;
    struct alike_group *group;
    bool rest;
};

struct alike {
    GHashTable *by_packet; /* packet -> struct path * */
    GPtrArray *paths;      /* in order of the packets' first records */
    GHashTable *by_digest; /* digest -> struct alike_group * */
};

static uint64_t
fold(uint64_t digest, uint64_t value)
{
    return mix64(digest ^ value) + UINT64_C(0x9e3779b97f4a7c15);
}

static uint64_t
fold_flow(uint64_t digest, const struct flow *flow)
{
    digest = fold(digest, endpoint_hash(flow_source(flow)));
    digest = fold(digest, endpoint_hash(flow_destination(flow)));
    return fold(digest, flow->protocol);
}

/* Numbers that count up by themselves (subject, detail) and times tell nothing about the way; nor does the size. */
static uint64_t
fold_record(uint64_t digest, const struct record *record)
{
    digest = fold(digest, (uintptr_t)record->kind);
    digest = fold(digest, (uint64_t)record->node << 32 | (uint64_t)record->rule << 16 | record->verdict << 8 |
                              record->reason);
    digest = fold_flow(digest, &record->before);
    return fold_flow(digest, &record->after);
}

static struct path *
path_of(struct alike *alike, packet_name packet)
{
    struct path *path = g_hash_table_lookup(alike->by_packet, &packet);

    if (!path) {
        path = g_new0(struct path, 1);
        path->packet = packet;
        path->digest = PACKET_MAKER(packet);
        g_ptr_array_add(alike->paths, path);
        g_hash_table_insert(alike->by_packet, &path->packet, path);
    }
    return path;
}

static struct alike_group *
group_of(struct alike *alike, const uint64_t *digest)
{
    struct alike_group *group = g_hash_table_lookup(alike->by_digest, digest);

    if (!group) {
        group = g_new0(struct alike_group, 1);
        g_hash_table_insert(alike->by_digest, (gpointer)digest, group);
    }
    return group;
}

static void
add_to_rest(struct alike_group *group, struct path *path)
{
    path->rest = true;
    if (group->rest++ == 0)
        group->first_rest = path->packet;
    group->last_rest = path->packet;
    group->until = MAX(group->until, path->until);
}

static void
make_groups(struct alike *alike, size_t told, size_t least)
{
    for (guint i = 0; i < alike->paths->len; i++) {
        struct path *path = alike->paths->pdata[i];

        path->group = group_of(alike, &path->digest);
        if (++path->group->count <= told)
            path->group->last_told = path->packet;
    }

    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL); /* group -> members so far */
    for (guint i = 0; i < alike->paths->len; i++) {
        struct path *path = alike->paths->pdata[i];
        gsize before = GPOINTER_TO_SIZE(g_hash_table_lookup(seen, path->group));

        g_hash_table_insert(seen, path->group, GSIZE_TO_POINTER(before + 1));
        if (before >= told && path->group->count >= told + least)
            add_to_rest(path->group, path);
    }
}

struct alike *
alike_new(const struct record *const *records, size_t count, size_t told, size_t least)
{
    struct alike *alike = g_new(struct alike, 1);

    alike->by_packet = g_hash_table_new(g_int64_hash, g_int64_equal);
    alike->paths = g_ptr_array_new_with_free_func(g_free);
    alike->by_digest = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free);
    for (size_t i = 0; i < count; i++) {
        if (records[i]->packet) {
            struct path *path = path_of(alike, records[i]->packet);

            path->digest = fold_record(path->digest, records[i]);
            path->until = records[i]->at;
        }
    }
    make_groups(alike, told, least);
    return alike;
}

void
alike_free(struct alike *alike)
{
    g_hash_table_unref(alike->by_digest);
    g_hash_table_unref(alike->by_packet);
    g_ptr_array_unref(alike->paths);
    g_free(alike);
}

const struct alike_group *
alike_rest(const struct alike *alike, packet_name packet)
{
    const struct path *path = packet ? g_hash_table_lookup(alike->by_packet, &packet) : NULL;

    return path && path->rest ? path->group : NULL;
}
