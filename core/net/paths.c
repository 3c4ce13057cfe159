#include "core/net/paths.h"

#include <glib.h>

#include "core/base/hash.h"
#include "core/net/ipv6.h"

struct path {
    struct address peer;
    uint32_t mtu;
    int64_t until;
};

struct paths {
    struct hash_index index; /* peer -> place in `list`, from 1 */
    GArray *list;            /* struct path */
    guint next;              /* the place to be used again, once all are in use */
};

static struct path *
path_at(const struct paths *paths, uint32_t place)
{
    return &g_array_index(paths->list, struct path, place - 1);
}

static struct path *
find(const struct paths *paths, struct address peer)
{
    uint32_t hash = (uint32_t)address_hash(peer), place, i;

    for (i = hash_index_first(&paths->index, hash); (place = hash_index_value(&paths->index, i));
         i = hash_index_next(&paths->index, i, hash))
        if (address_equal(path_at(paths, place)->peer, peer))
            return path_at(paths, place);
    return NULL;
}

static struct path *
add(struct paths *paths, struct address peer)
{
    uint32_t place;

    if (paths->list->len < PATHS_MAX) {
        g_array_set_size(paths->list, paths->list->len + 1);
        place = paths->list->len;
    } else {
        place = paths->next + 1;
        paths->next = place % PATHS_MAX;
        hash_index_remove(&paths->index, (uint32_t)address_hash(path_at(paths, place)->peer), place);
    }
    *path_at(paths, place) = (struct path){ .peer = peer };
    hash_index_insert(&paths->index, (uint32_t)address_hash(peer), place);
    return path_at(paths, place);
}

void
paths_learn(struct paths **paths, struct address peer, uint32_t mtu, int64_t now)
{
    struct path *path;

    if (mtu < IPV6_MTU_MIN || mtu >= paths_mtu(*paths, peer, now))
        return;
    if (!*paths) {
        *paths = g_new0(struct paths, 1);
        (*paths)->list = g_array_new(FALSE, FALSE, sizeof(struct path));
    }
    path = find(*paths, peer);
    if (!path)
        path = add(*paths, peer);
    path->mtu = mtu;
    path->until = time_add(now, PATHS_TIME);
}

uint32_t
paths_mtu(const struct paths *paths, struct address peer, int64_t now)
{
    const struct path *path = paths ? find(paths, peer) : NULL;

    return path && path->until > now ? path->mtu : UINT32_MAX;
}

void
paths_free(struct paths *paths)
{
    if (!paths)
        return;
    hash_index_clear(&paths->index);
    g_array_free(paths->list, TRUE);
    g_free(paths);
}
