#include "nat/pooling.h"

#include "core/base/time.h"
#include "nat/array.h"

static bool
in_pool(const struct local_range *range, const struct port *out, enum family family)
{
    return !range->port->inside && address_family(range->first) == family && (!out || range->port == out);
}

static uint64_t
count_pool(const struct node *node, const struct port *out, enum family family)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < node->local_count; i++)
        if (in_pool(&node->locals[i], out, family))
            size += node->locals[i].count;
    return size;
}

uint64_t
pool_size(const struct node *node, const struct port *out, enum family family)
{
    uint64_t size = count_pool(node, out, family);

    return size ? size : count_pool(node, NULL, family);
}

struct address
pool_address(const struct node *node, const struct port *out, enum family family, uint64_t n)
{
    const struct port *port = count_pool(node, out, family) ? out : NULL;

    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];

        if (!in_pool(range, port, family))
            continue;
        if (n < range->count)
            return address_add(range->first, n);
        n -= range->count;
    }
    return ADDRESS_NONE;
}

bool
pool_index(const struct node *node, struct address address, uint64_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];

        if (!in_pool(range, NULL, FAMILY_IPV4))
            continue;
        if (address_is_ipv4(address) && address.low - range->first.low < range->count) {
            *n += address.low - range->first.low;
            return true;
        }
        *n += range->count;
    }
    return false;
}

/* ---- inside */

static bool
is_inside(const struct local_range *range)
{
    return range->port->inside && address_is_ipv4(range->first);
}

static uint64_t
network_size(const struct local_range *range)
{
    return UINT64_C(1) << (32 - range->prefix_length);
}

static struct address
network_first(const struct local_range *range)
{
    return address_ipv4(address_to_ipv4(range->first) & (uint32_t)~(network_size(range) - 1));
}

uint64_t
inside_size(const struct node *node)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < node->local_count; i++)
        if (is_inside(&node->locals[i]))
            size += network_size(&node->locals[i]);
    return size;
}

struct address
inside_address(const struct node *node, uint64_t n)
{
    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];

        if (!is_inside(range))
            continue;
        if (n < network_size(range))
            return address_add(network_first(range), n);
        n -= network_size(range);
    }
    return ADDRESS_NONE;
}

bool
inside_index(const struct node *node, struct address address, uint64_t *n)
{
    *n = 0;
    for (uint32_t i = 0; i < node->local_count; i++) {
        const struct local_range *range = &node->locals[i];

        if (!is_inside(range))
            continue;
        if (prefix_contains((struct prefix){ range->first, range->prefix_length }, address)) {
            *n += address.low - network_first(range).low;
            return true;
        }
        *n += network_size(range);
    }
    return false;
}

/* ---- hosts */

struct hosts *
hosts_new(void)
{
    return g_new0(struct hosts, 1);
}

void
hosts_free(struct hosts *hosts)
{
    if (!hosts)
        return;
    hash_index_clear(&hosts->by_address);
    g_free(hosts->list);
    g_free(hosts);
}

size_t
hosts_bytes(const struct hosts *hosts)
{
    return sizeof *hosts + hosts->capacity * sizeof *hosts->list + hash_index_bytes(&hosts->by_address);
}

static uint32_t
find(const struct hosts *hosts, struct address internal)
{
    uint32_t hash = (uint32_t)address_hash(internal), i, number;

    for (i = hash_index_first(&hosts->by_address, hash); (number = hash_index_value(&hosts->by_address, i));
         i = hash_index_next(&hosts->by_address, i, hash))
        if (address_equal(hosts->list[number - 1].internal, internal))
            break;
    return number;
}

const struct host *
hosts_find(const struct hosts *hosts, struct address internal)
{
    uint32_t number = find(hosts, internal);

    return number ? &hosts->list[number - 1] : NULL;
}

static uint32_t
add(struct hosts *hosts, struct address internal, struct address external)
{
    uint32_t number = hosts->free;

    if (number) {
        hosts->free = hosts->list[number - 1].next;
    } else {
        if (hosts->slots == hosts->capacity) {
            hosts->capacity = array_room(hosts->capacity);
            hosts->list = g_renew(struct host, hosts->list, hosts->capacity);
        }
        number = ++hosts->slots;
    }
    hosts->list[number - 1] = (struct host){ .internal = internal, .external = external };
    hash_index_insert(&hosts->by_address, (uint32_t)address_hash(internal), number);
    return number;
}

uint32_t
hosts_count(struct hosts *hosts, struct address internal, struct address external, uint8_t protocol)
{
    uint32_t number = find(hosts, internal);
    struct host *host;

    if (!number)
        number = add(hosts, internal, external);
    host = &hosts->list[number - 1];
    host->external = external;
    host->mappings++;
    host->of[nat_protocol_index(protocol)]++;
    return number;
}

void
hosts_note_made(struct hosts *hosts, uint32_t number, int64_t now)
{
    struct host *host = &hosts->list[number - 1];

    host->made = host_made(host, now) + 1;
    if (host->made == 1)
        host->second = now;
}

uint32_t
host_made(const struct host *host, int64_t now)
{
    return now - host->second < TIME_S ? host->made : 0;
}

void
hosts_discount(struct hosts *hosts, uint32_t number, uint8_t protocol)
{
    struct host *host = &hosts->list[number - 1];

    host->of[nat_protocol_index(protocol)]--;
    if (--host->mappings > 0)
        return;
    hash_index_remove(&hosts->by_address, (uint32_t)address_hash(host->internal), number);
    host->next = hosts->free;
    hosts->free = number;
}
