#include "proto/portmap/leases.h"

struct portmap_leases {
    GArray *list; /* struct portmap_lease */
    size_t limit;
    int64_t earliest; /* none ends before */
};

struct portmap_leases *
portmap_leases_new(size_t limit)
{
    struct portmap_leases *leases = g_new0(struct portmap_leases, 1);

    leases->list = g_array_new(FALSE, TRUE, sizeof(struct portmap_lease));
    leases->limit = limit;
    leases->earliest = TIME_NEVER;
    return leases;
}

void
portmap_leases_free(struct portmap_leases *leases)
{
    if (!leases)
        return;
    g_array_unref(leases->list);
    g_free(leases);
}

size_t
portmap_leases_count(const struct portmap_leases *leases)
{
    return leases->list->len;
}

struct portmap_lease *
portmap_leases_at(struct portmap_leases *leases, size_t index)
{
    return &g_array_index(leases->list, struct portmap_lease, index);
}

void
portmap_leases_expire(struct portmap_leases *leases, int64_t now)
{
    if (now < leases->earliest)
        return;
    leases->earliest = TIME_NEVER;
    for (size_t i = leases->list->len; i-- > 0;) {
        int64_t expires = portmap_leases_at(leases, i)->expires;

        if (expires <= now)
            g_array_remove_index(leases->list, (guint)i);
        else
            leases->earliest = MIN(leases->earliest, expires);
    }
}

void
portmap_leases_clear(struct portmap_leases *leases)
{
    g_array_set_size(leases->list, 0);
}

struct portmap_lease *
portmap_leases_internal(struct portmap_leases *leases, uint8_t protocol, struct endpoint internal)
{
    for (size_t i = 0; i < leases->list->len; i++) {
        struct portmap_lease *lease = portmap_leases_at(leases, i);

        if (lease->protocol == protocol && endpoint_equal(lease->internal, internal))
            return lease;
    }
    return NULL;
}

struct portmap_lease *
portmap_leases_external(struct portmap_leases *leases, uint8_t protocol, uint16_t port)
{
    for (size_t i = 0; i < leases->list->len; i++) {
        struct portmap_lease *lease = portmap_leases_at(leases, i);

        if (lease->protocol == protocol && lease->external.port == port)
            return lease;
    }
    return NULL;
}

bool
portmap_leases_full(const struct portmap_leases *leases)
{
    return leases->list->len >= leases->limit;
}

struct portmap_lease *
portmap_leases_add(struct portmap_leases *leases)
{
    struct portmap_lease lease = { .expires = TIME_NEVER };

    g_assert(!portmap_leases_full(leases));
    g_array_append_val(leases->list, lease);
    return portmap_leases_at(leases, leases->list->len - 1);
}

void
portmap_leases_set_end(struct portmap_leases *leases, struct portmap_lease *lease, int64_t expires)
{
    lease->expires = expires;
    leases->earliest = MIN(leases->earliest, expires);
}

void
portmap_leases_remove(struct portmap_leases *leases, struct portmap_lease *lease)
{
    g_array_remove_index(leases->list, (guint)(lease - portmap_leases_at(leases, 0)));
}

int64_t
portmap_lifetime_end(uint32_t lifetime, int64_t now)
{
    return lifetime == PORTMAP_LIFETIME_FOREVER ? TIME_NEVER : time_add(now, lifetime * TIME_S);
}

uint32_t
portmap_lifetime_left(int64_t expires, int64_t now)
{
    if (expires == TIME_NEVER)
        return PORTMAP_LIFETIME_FOREVER;
    return expires > now ? (uint32_t)((expires - now + TIME_S - 1) / TIME_S) : 0;
}
