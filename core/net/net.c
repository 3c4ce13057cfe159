#include "core/net/net.h"

#include "core/net/icmp.h"
#include "core/net/node.h"
#include "core/net/tcp_kinds.h"

/* Objects of these sizes hold a struct packet and its buffer: for signalling, for a full Ethernet frame, for the
 * largest datagram there is. */
/* A size of buffer: what packets it is for, and what they may grow by at their end, as when an ALG puts a longer address
 * in the place of a shorter one. Little data rarely holds an address, and seldom several. */
static const struct {
    size_t length, tailroom;
} packet_sizes[PACKET_SIZE_CLASSES] = {
    { 512 - sizeof(struct packet) - PACKET_HEADROOM - 64, 64 },
    { 1552, 512 },
    { PACKET_MAX + 41, 512 },
};

static size_t
room_of(unsigned size_class)
{
    return PACKET_HEADROOM + packet_sizes[size_class].length + packet_sizes[size_class].tailroom;
}

static void
net_free(gpointer data)
{
    struct net *net = data;

    for (guint i = net->list->len; i > 0; i--)
        if (net->list->pdata[i - 1])
            node_free(net->list->pdata[i - 1]);
    g_ptr_array_free(net->list, TRUE);
    g_ptr_array_free(net->ports_by_interface, TRUE);
    g_ptr_array_free(net->plain_options, TRUE);
    g_ptr_array_free(net->gateways, TRUE);
    hash_index_clear(&net->gateway_index);
    for (int i = 0; i < PACKET_SIZE_CLASSES; i++)
        slab_clear(&net->packets[i]);
    slab_clear(&net->nodes);
    slab_clear(&net->ports);
    slab_clear(&net->links);
    g_string_chunk_free(net->names);
    g_free(net);
}

static void
init_slab(struct world *world, struct slab *slab, size_t size)
{
    slab_init(slab, size);
    slab_count_in(slab, &world->memory, MEMORY_NODES);
}

struct net *
world_net(struct world *world)
{
    struct net *net = world->net;

    if (net)
        return net;
    net = world->net = g_new0(struct net, 1);
    for (int i = 0; i < PACKET_SIZE_CLASSES; i++) {
        slab_init(&net->packets[i], sizeof(struct packet) + room_of((unsigned)i));
        slab_count_in(&net->packets[i], &world->memory, MEMORY_PACKETS);
    }
    init_slab(world, &net->nodes, sizeof(struct node));
    init_slab(world, &net->ports, sizeof(struct port));
    init_slab(world, &net->links, sizeof(struct link));
    net->list = g_ptr_array_new();
    g_ptr_array_add(net->list, NULL);
    net->ports_by_interface = g_ptr_array_new();
    g_ptr_array_add(net->ports_by_interface, NULL);
    net->plain_options = g_ptr_array_new_with_free_func(g_free);
    net->gateways = g_ptr_array_new_with_free_func(g_free);
    net->names = g_string_chunk_new(4096);
    world_own(world, net, net_free);
    return net;
}

struct node *
net_node(const struct world *world, uint32_t number)
{
    return world->net && number < world->net->list->len ? world->net->list->pdata[number] : NULL;
}

struct packet *
packet_new(struct world *world, size_t length)
{
    struct net *net = world_net(world);
    unsigned size_class = 0;
    struct packet *packet;

    while (length > packet_sizes[size_class].length) {
        size_class++;
        g_assert(size_class < PACKET_SIZE_CLASSES);
    }

    packet = slab_take(&net->packets[size_class]);
    memset(packet, 0, sizeof *packet);
    packet->size_class = (uint8_t)size_class;
    packet->data = packet->buffer + PACKET_HEADROOM;
    packet->length = (uint32_t)length;
    world->counts.sent++;
    world->packets_alive++;
    return packet;
}

size_t
packet_tailroom(const struct packet *packet)
{
    const uint8_t *end = packet->buffer + room_of(packet->size_class);

    return (size_t)(end - (packet->data + packet->length));
}

struct packet *
packet_copy(struct world *world, const struct packet *packet)
{
    return packet_copy_larger(world, packet, packet->length);
}

struct packet *
packet_copy_larger(struct world *world, const struct packet *packet, size_t length)
{
    struct packet *copy = packet_new(world, length);
    uint8_t *data = copy->data;
    uint8_t size_class = copy->size_class;

    memcpy(data, packet->data, packet->length);
    *copy = *packet;
    memset(&copy->event, 0, sizeof copy->event);
    copy->next = copy->previous = NULL;
    copy->wire = NULL;
    copy->data = data;
    copy->size_class = size_class;
    return copy;
}

static void
packet_free(struct world *world, struct packet *packet)
{
    g_assert(!event_pending(&packet->event));
    world->packets_alive--;
    slab_return(&world->net->packets[packet->size_class], packet);
}

void
packet_deliver(struct world *world, struct packet *packet)
{
    world->counts.delivered++;
    packet_free(world, packet);
}

void
packet_end(struct world *world, struct node *node, struct packet *packet, enum drop_reason reason)
{
    world->counts.dropped[reason]++;
    if (node) {
        if (!node->counts.dropped)
            node->counts.dropped = g_new0(uint64_t, DROP_REASON_COUNT);
        node->counts.dropped[reason]++;
    }
    packet_free(world, packet);
}

struct record
packet_record(const struct packet *packet, const struct record_kind *kind, const struct node *node)
{
    return (struct record){
        .at = node->world->now,
        .packet = packet->name,
        .cause = packet->cause,
        .kind = kind,
        .node = node->number,
        .before = packet->flow,
        .size = (uint16_t)MIN(packet->length, UINT16_MAX),
        .ttl = packet->ttl,
    };
}

void
packet_note_content(const struct packet *packet, struct record *record)
{
    if (packet->flow.protocol != PROTOCOL_TCP)
        record->detail = icmp_record_detail(packet);
    else if (!packet_is(packet, PACKET_LATER_FRAGMENT))
        tcp_note_content(packet_transport(packet), record);
}

void
packet_note_drop(struct node *node, const struct packet *packet, enum drop_reason reason)
{
    struct world *world = node->world;
    struct record record;

    if (!world->journal)
        return;
    record = packet_record(packet, &packet_dropped_kind, node);
    record.verdict = VERDICT_DROP;
    record.reason = (uint8_t)reason;
    journal_take(world->journal, &record);
}

void
packet_drop(struct node *node, struct packet *packet, enum drop_reason reason)
{
    packet_note_drop(node, packet, reason);
    packet_end(node->world, node, packet, reason);
}

bool
net_balanced(const struct world *world)
{
    const struct packet_counts *counts = &world->counts;
    uint64_t live = 0;

    for (int i = 0; world->net && i < PACKET_SIZE_CLASSES; i++)
        live += world->net->packets[i].live;
    return live == world->packets_alive &&
           counts->sent == counts->delivered + packet_counts_dropped(counts) + world->packets_alive;
}
