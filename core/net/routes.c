#include "core/net/routes.h"

#include "core/base/hash.h"

/* Lengths count in 128 bits here (IPv4 ones are 96 longer), so that one bitmap serves both families; an IPv4 address
 * has the mapped tag in front and never falls into an IPv6 prefix but ::/0, which the family check of the prefix
 * refuses. */
enum { LENGTHS = 129 };

struct routes {
    GArray *routes; /* struct route; a removed one has no port and is used again */
    GArray *free;   /* guint: indices of removed ones */
    struct hash_index index;
    uint32_t of_length[LENGTHS];
    uint64_t lengths[3]; /* bit n: there are routes of length n */
};

static unsigned
full_length(struct prefix prefix)
{
    return address_is_ipv4(prefix.address) ? 96u + prefix.length : prefix.length;
}

static uint32_t
route_hash(struct address network, unsigned length)
{
    return (uint32_t)address_hash(network) + length * 0x9e3779b9u;
}

struct routes *
routes_new(void)
{
    struct routes *routes = g_new0(struct routes, 1);

    routes->routes = g_array_new(FALSE, TRUE, sizeof(struct route));
    routes->free = g_array_new(FALSE, FALSE, sizeof(guint));
    return routes;
}

void
routes_free(struct routes *routes)
{
    if (!routes)
        return;
    g_array_free(routes->routes, TRUE);
    g_array_free(routes->free, TRUE);
    hash_index_clear(&routes->index);
    g_free(routes);
}

static struct route *
route_at(const struct routes *routes, uint32_t number)
{
    return &g_array_index(routes->routes, struct route, number - 1);
}

/* The number of the route to exactly this network, or 0. */
static uint32_t
find_exact(const struct routes *routes, struct address network, unsigned length)
{
    uint32_t hash = route_hash(network, length), number, i;

    for (i = hash_index_first(&routes->index, hash); (number = hash_index_value(&routes->index, i));
         i = hash_index_next(&routes->index, i, hash)) {
        const struct route *route = route_at(routes, number);

        if (full_length(route->prefix) == length && address_equal(route->prefix.address, network))
            return number;
    }
    return 0;
}

void
routes_set(struct routes *routes, const struct route *route)
{
    struct route clean = *route;
    unsigned length = full_length(route->prefix);
    uint32_t number;

    clean.prefix.address = address_network(route->prefix.address, route->prefix.length);
    number = find_exact(routes, clean.prefix.address, length);
    if (number) {
        *route_at(routes, number) = clean;
        return;
    }
    if (routes->free->len > 0) {
        number = g_array_index(routes->free, guint, routes->free->len - 1) + 1;
        g_array_set_size(routes->free, routes->free->len - 1);
        *route_at(routes, number) = clean;
    } else {
        g_array_append_val(routes->routes, clean);
        number = routes->routes->len;
    }
    hash_index_insert(&routes->index, route_hash(clean.prefix.address, length), number);
    if (routes->of_length[length]++ == 0)
        routes->lengths[length / 64] |= UINT64_C(1) << length % 64;
}

static void
remove_number(struct routes *routes, uint32_t number)
{
    struct route *route = route_at(routes, number);
    unsigned length = full_length(route->prefix);
    guint spare = number - 1;

    hash_index_remove(&routes->index, route_hash(route->prefix.address, length), number);
    if (--routes->of_length[length] == 0)
        routes->lengths[length / 64] &= ~(UINT64_C(1) << length % 64);
    route->port = NULL;
    g_array_append_val(routes->free, spare);
}

void
routes_remove(struct routes *routes, struct prefix prefix)
{
    uint32_t number = find_exact(routes, address_network(prefix.address, prefix.length), full_length(prefix));

    if (number)
        remove_number(routes, number);
}

void
routes_remove_port(struct routes *routes, const struct port *port)
{
    for (uint32_t number = 1; number <= routes->routes->len; number++)
        if (route_at(routes, number)->port == port)
            remove_number(routes, number);
}

uint32_t
routes_places(const struct routes *routes)
{
    return routes->routes->len;
}

const struct route *
routes_find(const struct routes *routes, struct address address)
{
    bool ipv4 = address_is_ipv4(address);

    for (int word = 2; word >= 0; word--) {
        uint64_t left = routes->lengths[word];

        while (left) {
            unsigned bit = 63u - (unsigned)__builtin_clzll(left), length = (unsigned)word * 64 + bit;
            struct address mask = address_mask128(length);
            struct address network = { address.high & mask.high, address.low & mask.low };
            uint32_t number = find_exact(routes, network, length);

            if (number && address_is_ipv4(route_at(routes, number)->prefix.address) == ipv4)
                return route_at(routes, number);
            left &= ~(UINT64_C(1) << bit);
        }
    }
    return NULL;
}
