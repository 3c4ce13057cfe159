#include "core/net/segment.h"

#include "core/base/hash.h"
#include "core/net/ipv6.h"

struct member {
    struct address address;
    struct port *port; /* NULL: this place is free */
};

struct segment {
    struct world *world;
    const char *name;
    struct hash_index index; /* address -> place in `members`, from 1 */
    GArray *members;
    struct member last;      /* the one last asked for: most packets go where the one before went */
    GArray *free;            /* guint: places to use again */
    GPtrArray *ports;        /* in the order in which they came */
};

static void
segment_free(gpointer data)
{
    struct segment *segment = data;

    hash_index_clear(&segment->index);
    g_array_free(segment->members, TRUE);
    g_array_free(segment->free, TRUE);
    g_ptr_array_free(segment->ports, TRUE);
    g_free(segment);
}

struct segment *
segment_new(struct world *world, const char *name)
{
    struct segment *segment = g_new0(struct segment, 1);

    segment->world = world;
    segment->name = g_string_chunk_insert(world_net(world)->names, name);
    segment->members = g_array_new(FALSE, FALSE, sizeof(struct member));
    segment->free = g_array_new(FALSE, FALSE, sizeof(guint));
    segment->ports = g_ptr_array_new();
    world_own(world, segment, segment_free);
    return segment;
}

const char *
segment_name(const struct segment *segment)
{
    return segment->name;
}

static uint32_t
find_place(const struct segment *segment, struct address address)
{
    uint32_t hash = (uint32_t)address_hash(address), place, i;

    for (i = hash_index_first(&segment->index, hash); (place = hash_index_value(&segment->index, i));
         i = hash_index_next(&segment->index, i, hash))
        if (address_equal(g_array_index(segment->members, struct member, place - 1).address, address))
            return place;
    return 0;
}

static struct port * G_GNUC_NO_INLINE
find_member(struct segment *segment, struct address address)
{
    uint32_t place = find_place(segment, address);

    if (!place)
        return NULL;
    segment->last = g_array_index(segment->members, struct member, place - 1);
    return segment->last.port;
}

static inline struct port *
member(struct segment *segment, struct address address)
{
    if (segment->last.port && address_equal(segment->last.address, address))
        return segment->last.port;
    return find_member(segment, address);
}

struct port *
segment_member(struct segment *segment, struct address address)
{
    return member(segment, address);
}

bool
segment_add(struct segment *segment, struct address address, struct port *port)
{
    struct member member = { address, port };
    guint place;

    if (find_place(segment, address))
        return false;
    if (segment->free->len > 0) {
        place = g_array_index(segment->free, guint, segment->free->len - 1);
        g_array_set_size(segment->free, segment->free->len - 1);
        g_array_index(segment->members, struct member, place) = member;
    } else {
        place = segment->members->len;
        g_array_append_val(segment->members, member);
    }
    hash_index_insert(&segment->index, (uint32_t)address_hash(address), place + 1);
    return true;
}

void
segment_remove(struct segment *segment, struct address address)
{
    uint32_t place = find_place(segment, address);
    guint spare = place - 1;

    if (!place)
        return;
    hash_index_remove(&segment->index, (uint32_t)address_hash(address), place);
    g_array_index(segment->members, struct member, spare).port = NULL;
    segment->last.port = NULL;
    g_array_append_val(segment->free, spare);
}

void
segment_add_port(struct segment *segment, struct port *port)
{
    g_ptr_array_add(segment->ports, port);
}

void
segment_remove_port(struct segment *segment, struct port *port)
{
    g_ptr_array_remove(segment->ports, port);
}

void
segment_hand(struct port *to, struct packet *packet, struct port *from)
{
    struct wire *wire = segment_wire_to(to);

    if (wire)
        wire_enter(wire, packet, from->node, NULL);
    else
        port_receive(to, packet);
}

/* What a member's link can't carry ends here: layer 2 sends no ICMP. */
static inline void
hand_fitting(struct port *to, struct packet *packet, struct port *from)
{
    uint32_t least = packet_is(packet, PACKET_IPV6) ? IPV6_MTU_MIN : 0; /* of any link (RFC 8200 section 5) */

    if (G_UNLIKELY(packet->length > MAX(segment_mtu_to(to), least)))
        packet_drop(from->node, packet, DROP_TOO_BIG);
    else
        segment_hand(to, packet, from);
}

/* Multicast and broadcast reach every member but the sender. Each member gets a copy of its own, which is counted as
 * sent; the last one gets the packet itself. */
static void
flood(struct segment *segment, struct packet *packet, struct port *from)
{
    struct port *last = NULL;

    for (guint i = 0; i < segment->ports->len; i++) {
        struct port *to = segment->ports->pdata[i];

        if (to == from)
            continue;
        if (last)
            hand_fitting(last, packet_copy(segment->world, packet), from);
        last = to;
    }
    if (last)
        hand_fitting(last, packet, from);
    else
        packet_drop(from->node, packet, DROP_NO_NEIGHBOUR);
}

void
segment_forward(struct segment *segment, struct packet *packet, struct port *from)
{
    struct port *to;

    if (address_is_for_all(packet->next_hop)) {
        flood(segment, packet, from);
        return;
    }
    to = member(segment, packet->next_hop);
    if (!to || to == from) {
        packet_drop(from->node, packet, DROP_NO_NEIGHBOUR);
        return;
    }
    hand_fitting(to, packet, from);
}
