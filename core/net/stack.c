/* The stack: where packets for a node end, and the io seam over it. */
#include "core/net/stack.h"

#include "core/net/icmp.h"
#include "core/net/ipv6.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"
#include "core/net/udp.h"

/* --- packets for the node -------------------------------------------------------------------------------------- */

void
stack_note_delivered(struct stack *stack, const struct packet *packet)
{
    struct world *world = stack->node->world;
    struct record record;

    stack->node->counts.delivered++;
    world->touched = true;
    if (!world->journal)
        return;
    record = packet_record(packet, &packet_delivered_kind, stack->node);
    record.verdict = VERDICT_MINE;
    packet_note_content(packet, &record);
    journal_take(world->journal, &record);
}

/* A protocol that no socket here is of. */
static void
refuse_protocol(struct node *node, struct packet *packet)
{
    if (packet->flow.protocol == IPV6_NO_NEXT && packet_is(packet, PACKET_IPV6))
        packet_drop(node, packet, DROP_NO_NEXT_HEADER);
    else
        icmp_refuse(node, packet, DROP_PROTOCOL_UNREACHABLE, ICMP_UNREACHABLE, ICMP_PROTOCOL_UNREACHABLE, 0);
}

void
stack_receive(struct node *node, struct packet *packet)
{
    struct stack *stack = node_stack(node);
    bool ipv6 = packet_is(packet, PACKET_IPV6);

    if (G_UNLIKELY(ipv6 && packet_is(packet, PACKET_OPTIONS)) && !ipv6_accept(node, packet))
        return;
    if (!ip_transport_checksum_ok(packet)) {
        packet_drop(node, packet, ip_lacks_checksum(packet) ? DROP_NO_CHECKSUM : DROP_BAD_CHECKSUM);
        return;
    }
    switch (packet->flow.protocol) {
    case PROTOCOL_UDP:
        udp_receive(stack, packet);
        return;
    case PROTOCOL_TCP:
        tcp_receive(stack_tcp(stack), packet);
        return;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6: /* each family has its own */
        if (ipv6 == (packet->flow.protocol == PROTOCOL_ICMPV6)) {
            icmp_receive(stack, packet);
            return;
        }
        break;
    default:
        break;
    }
    refuse_protocol(node, packet);
}

uint32_t
stack_path_mtu(const struct stack *stack, const struct hop *hop, struct address peer)
{
    uint32_t mtu = hop->port ? hop_mtu(hop) : UINT32_MAX;

    return MIN(mtu, paths_mtu(stack->paths, peer, stack->node->world->now));
}

void
stack_fit_path(const struct stack *stack, struct packet *packet)
{
    uint32_t mtu;

    if (!packet_is(packet, PACKET_IPV6) || packet->length <= IPV6_MTU_MIN)
        return;
    mtu = paths_mtu(stack->paths, packet->flow.destination, stack->node->world->now);
    if (packet->length <= mtu)
        return;
    packet->flags |= PACKET_CUT;
    packet->fragment_size = (uint16_t)mtu;
}

uint32_t
stack_fragment_identification(struct node *node)
{
    struct stack *stack = node_stack(node);

    if (stack->fragmented == 0)
        stack->fragmented = random_u32(&stack->ports);
    return ++stack->fragmented;
}

bool
stack_port_taken(const struct node *node, uint8_t protocol, struct endpoint local)
{
    const struct stack *stack = node->stack;

    if (!stack)
        return false;
    if (protocol == PROTOCOL_UDP)
        return udp_port_taken(stack, local);
    return protocol == PROTOCOL_TCP && stack->tcp && tcp_port_taken(stack->tcp, local);
}

/* --- the seam --------------------------------------------------------------------------------------------------- */

static struct stack *
stack_of(struct io *io)
{
    return (struct stack *)io;
}

static int64_t
stack_now(struct io *io)
{
    return stack_of(io)->node->world->now;
}

static void
stack_random(struct io *io, void *bytes, size_t length)
{
    random_fill(&stack_of(io)->engine, bytes, length);
}

/* What the seat of an io_timer holds. `event.mark` says whether the timer is busy. */
struct timer_seat {
    struct event event;
    struct world *world;
};

G_STATIC_ASSERT(sizeof(struct timer_seat) <= sizeof(((struct io_timer *)NULL)->seat));

static struct timer_seat *
seat_of(struct io_timer *timer)
{
    return (struct timer_seat *)timer->seat;
}

static void
timer_fire(struct event *event)
{
    struct timer_seat *seat = (struct timer_seat *)event;
    struct io_timer *timer = (struct io_timer *)((char *)seat - offsetof(struct io_timer, seat));

    seat->world->busy -= event->mark;
    timer->fire(timer->owner, timer);
}

static void
stack_disarm(struct io *io, struct io_timer *timer)
{
    struct timer_seat *seat = seat_of(timer);
    struct world *world = stack_of(io)->node->world;

    if (!event_pending(&seat->event))
        return;
    world_cancel(world, &seat->event);
    world->busy -= seat->event.mark;
}

static void
stack_arm(struct io *io, struct io_timer *timer, int64_t at, bool busy)
{
    struct timer_seat *seat = seat_of(timer);
    struct world *world = stack_of(io)->node->world;

    stack_disarm(io, timer);
    seat->world = world;
    seat->event.fire = timer_fire;
    seat->event.mark = busy;
    world->busy += busy;
    timer->at = at;
    world_schedule(world, &seat->event, at);
}

/* The addresses from which the default route of their family leads. */
static bool
is_preferred(const struct node *node, const struct local_range *range)
{
    return range->port == node_default(node, address_family(range->first)).port;
}

static size_t
stack_addresses(struct io *io, struct io_address *addresses, size_t max)
{
    const struct node *node = stack_of(io)->node;
    size_t count = 0;

    for (uint32_t i = 0; i < node->local_count; i++)
        for (uint64_t n = 0; n < node->locals[i].count; n++, count++)
            if (count < max)
                addresses[count] = (struct io_address){
                    .address = address_add(node->locals[i].first, n),
                    .prefix_length = node->locals[i].prefix_length,
                    .interface = (int16_t)node->locals[i].port->number,
                    .preference = is_preferred(node, &node->locals[i]),
                };
    return count;
}

static enum io_result
stack_source(struct io *io, const struct address *peer, struct address *local)
{
    *local = node_source_for(stack_of(io)->node, *peer);
    return address_is_none(*local) ? IO_NO_ROUTE : IO_OK;
}

static void
stack_watch(struct io *io, struct io_watch *watch)
{
    struct io_watch **end = &stack_of(io)->watches;

    while (*end)
        end = &(*end)->next;
    watch->next = NULL;
    *end = watch;
}

static void
stack_unwatch(struct io *io, struct io_watch *watch)
{
    for (struct io_watch **at = &stack_of(io)->watches; *at; at = &(*at)->next)
        if (*at == watch) {
            *at = watch->next;
            return;
        }
}

static struct io_udp *
stack_udp(struct io *io, const struct endpoint *local, const struct io_udp_events *events, void *owner,
          enum io_result *why)
{
    return udp_open(stack_of(io), local, events, owner, why);
}

static struct io_tcp *
stack_listen(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
             enum io_result *why)
{
    return tcp_listen(stack_tcp(stack_of(io)), local, share, ready, owner, why);
}

static struct io_tcp *
stack_connect(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share, io_tcp_ready *ready,
              void *owner, enum io_result *why)
{
    return tcp_connect(stack_tcp(stack_of(io)), local, peer, share, ready, owner, why);
}

static void
stack_note(struct io *io, struct record *record)
{
    struct node *node = stack_of(io)->node;

    record->at = node->world->now;
    record->node = node->number;
    if (node->world->journal)
        journal_take(node->world->journal, record);
}

static bool
stack_listening(struct io *io)
{
    return stack_of(io)->node->world->journal != NULL;
}

static const struct io_ops stack_ops = {
    .now = stack_now,
    .random = stack_random,
    .arm = stack_arm,
    .disarm = stack_disarm,
    .addresses = stack_addresses,
    .source = stack_source,
    .watch = stack_watch,
    .unwatch = stack_unwatch,
    .udp = stack_udp,
    .listen = stack_listen,
    .connect = stack_connect,
    .note = stack_note,
    .listening = stack_listening,
};

/* A watcher may unwatch itself or another one when it is told, so the list is walked from the front each time. */
static void
tell_watchers(struct event *event)
{
    struct stack *stack = (struct stack *)((char *)event - offsetof(struct stack, watchers_due));
    g_autoptr(GPtrArray) told = g_ptr_array_new();
    struct io_watch *watch;

    stack->node->world->busy--;
    do {
        for (watch = stack->watches; watch && g_ptr_array_find(told, watch, NULL); watch = watch->next)
            ;
        if (watch) {
            g_ptr_array_add(told, watch);
            watch->changed(watch->owner);
        }
    } while (watch);
}

void
stack_addresses_changed(struct node *node)
{
    struct stack *stack = node->stack;

    if (!stack || !stack->watches)
        return;
    if (!event_pending(&stack->watchers_due))
        node->world->busy++; /* it is due at once: a run goes on until then */
    stack->watchers_due.fire = tell_watchers;
    world_schedule(node->world, &stack->watchers_due, node->world->now);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

struct stack *
node_stack(struct node *node)
{
    struct stack *stack = node->stack;

    if (stack)
        return stack;
    stack = node->stack = g_new0(struct stack, 1);
    stack->io.ops = &stack_ops;
    stack->node = node;
    stack->ports = random_stream_of(node->world->seed, node->name, "ports");
    stack->engine = random_stream_of(node->world->seed, node->name, "engine");
    stack->identification = (uint16_t)random_u32(&stack->ports);
    return stack;
}

struct tcp_host *
stack_tcp(struct stack *stack)
{
    if (!stack->tcp)
        stack->tcp = tcp_host_new(stack);
    return stack->tcp;
}

struct io *
node_io(struct node *node)
{
    return &node_stack(node)->io;
}

struct node *
io_node(struct io *io)
{
    return stack_of(io)->node;
}

void
stack_free(struct stack *stack)
{
    udp_close_all(stack);
    tcp_host_free(stack->tcp);
    paths_free(stack->paths);
    if (event_pending(&stack->watchers_due))
        stack->node->world->busy--;
    world_cancel(stack->node->world, &stack->watchers_due);
    g_free(stack);
}
