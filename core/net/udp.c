#include "core/net/udp.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"

#define EPHEMERAL_FIRST 49152 /* RFC 6335 section 6: the dynamic ports */

struct udp_socket {
    struct io_udp udp; /* first: an io_udp is its socket */
    struct stack *stack;
    struct endpoint local;
    uint32_t place;    /* in the stack's list, from 1 */
    uint64_t opened;   /* the ordinal of its opening on this host, from 1 */
    GArray *groups;    /* struct address: multicast groups joined; NULL: none */
};

/* Ports that follow each other, as they often do, come to lie side by side. */
static inline uint32_t
port_hash(uint16_t port)
{
    return port * UINT32_C(0x9e3779b1);
}

static struct udp_socket *
socket_at(const struct stack *stack, uint32_t place)
{
    return stack->udp_sockets->pdata[place - 1];
}

/* For each socket on `number`, in no order that shows. */
#define EACH_ON_PORT(stack, number, hash, place, i)                                                                    \
    for (i = hash_index_first(&(stack)->udp_ports, hash); (place = hash_index_value(&(stack)->udp_ports, i));          \
         i = hash_index_next(&(stack)->udp_ports, i, hash))                                                            \
        if (socket_at(stack, place)->local.port == (number))

bool
udp_port_taken(const struct stack *stack, struct endpoint local)
{
    uint32_t hash = port_hash(local.port), place, i;

    EACH_ON_PORT(stack, local.port, hash, place, i)
    {
        struct address own = socket_at(stack, place)->local.address;

        if (address_is_unspecified(own) || address_is_unspecified(local.address) || address_equal(own, local.address))
            return true;
    }
    return false;
}

/* The socket for a datagram to `local`: one bound to that address goes before one bound to any. */
static struct udp_socket *
find_socket(const struct stack *stack, struct endpoint local)
{
    uint32_t hash = port_hash(local.port), place, i;
    struct udp_socket *any = NULL;

    EACH_ON_PORT(stack, local.port, hash, place, i)
    {
        struct udp_socket *socket = socket_at(stack, place);

        if (address_equal(socket->local.address, local.address))
            return socket;
        if (address_is_unspecified(socket->local.address))
            any = socket;
    }
    return any;
}

/* Everybody is in the groups of all nodes (RFC 1112 section 4, RFC 4291 section 2.8). */
static bool
is_for_every_node(struct address group)
{
    static const struct address all_nodes = { UINT64_C(0xff02) << 48, 1 };

    return address_equal(group, all_nodes) || address_equal(group, address_ipv4(0xe0000001)) ||
           address_is_broadcast(group);
}

static bool
has_joined(const struct udp_socket *socket, struct address group)
{
    if (is_for_every_node(group))
        return true;
    for (guint i = 0; socket->groups && i < socket->groups->len; i++)
        if (address_equal(g_array_index(socket->groups, struct address, i), group))
            return true;
    return false;
}

bool
udp_in_group(const struct stack *stack, struct address group)
{
    if (is_for_every_node(group))
        return true;
    for (guint i = 0; stack->udp_sockets && i < stack->udp_sockets->len; i++)
        if (stack->udp_sockets->pdata[i] && has_joined(stack->udp_sockets->pdata[i], group))
            return true;
    return false;
}

static void
read_datagram(const struct packet *packet, struct io_datagram *datagram)
{
    struct reader reader = reader_over(packet_transport(packet));
    uint16_t length;
    struct span data;

    reader_skip(&reader, 4);
    length = reader_u16(&reader);
    reader_skip(&reader, 2);
    data = reader_span(&reader, (size_t)length - UDP_HEADER); /* the header check has seen that it is there */
    *datagram = (struct io_datagram){
        .peer = flow_source(&packet->flow),
        .local = flow_destination(&packet->flow),
        .data = data,
        .ttl = packet->ttl,
        .dscp = packet->tos >> 2,
        .ecn = packet->tos & 3,
        .dont_fragment = packet_is(packet, PACKET_IPV6) ? IO_UNSET : packet_is(packet, PACKET_DONT_FRAGMENT),
        .interface = packet->in ? (int16_t)packet->in->number : IO_UNSET,
        .packet = packet->name,
    };
}

/* The first socket opened after the `after`-th and not after the `last`-th that a datagram to a group is for. Places are
 * used again, so their order tells nothing. */
static struct udp_socket *
next_in_group(const struct stack *stack, const struct flow *flow, uint64_t after, uint64_t last)
{
    struct udp_socket *next = NULL;

    for (guint i = 0; stack->udp_sockets && i < stack->udp_sockets->len; i++) {
        struct udp_socket *socket = stack->udp_sockets->pdata[i];

        if (socket && socket->local.port == flow->destination_port && socket->opened > after && socket->opened <= last &&
            has_joined(socket, flow->destination)) {
            next = socket;
            last = socket->opened;
        }
    }
    return next;
}

/* Every socket on the port that has joined the group gets the datagram, in order of opening. They may close themselves and
 * each other meanwhile, and open new ones, which come too late for this datagram. DROP_NONE when one got it. */
static enum drop_reason
deliver_to_group(struct stack *stack, const struct packet *packet)
{
    uint64_t at = 0, last = stack->udp_opened;
    enum drop_reason why = DROP_NO_SOCKET;
    struct udp_socket *socket;

    while ((socket = next_in_group(stack, &packet->flow, at, last))) {
        struct io_datagram datagram;

        at = socket->opened;
        if (socket->udp.full) {
            why = why == DROP_NONE ? DROP_NONE : DROP_SOCKET_FULL;
            continue;
        }
        read_datagram(packet, &datagram);
        if (why != DROP_NONE)
            stack_note_delivered(stack, packet);
        why = DROP_NONE;
        socket->udp.events->datagram(socket->udp.owner, &socket->udp, &datagram);
    }
    return why;
}

void
udp_receive(struct stack *stack, struct packet *packet)
{
    struct node *node = stack->node;
    struct address destination = packet->flow.destination;
    struct io_datagram datagram;
    struct udp_socket *socket;

    if (address_is_for_all(destination)) {
        enum drop_reason why = deliver_to_group(stack, packet);

        if (why == DROP_NONE)
            packet_deliver(node->world, packet);
        else
            packet_drop(node, packet, why);
        return;
    }
    socket = find_socket(stack, flow_destination(&packet->flow));
    if (!socket) {
        icmp_refuse(node, packet, DROP_PORT_UNREACHABLE, ICMP_UNREACHABLE, ICMP_PORT_UNREACHABLE, 0);
        return;
    }
    if (socket->udp.full) { /* not an ICMP error: RFC 1122 section 4.1.3.1 knows one for a port without a socket only */
        packet_drop(node, packet, DROP_SOCKET_FULL);
        return;
    }
    stack_note_delivered(stack, packet);
    read_datagram(packet, &datagram);
    socket->udp.events->datagram(socket->udp.owner, &socket->udp, &datagram);
    packet_deliver(node->world, packet);
}

bool
udp_error(struct stack *stack, const struct io_icmp *icmp)
{
    struct udp_socket *socket = find_socket(stack, icmp->local);

    if (!socket)
        return false;
    if (socket->udp.events->icmp)
        socket->udp.events->icmp(socket->udp.owner, &socket->udp, icmp);
    return true;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static struct udp_socket *
socket_of(const struct io_udp *udp)
{
    return (struct udp_socket *)udp;
}

static void
write_datagram(struct packet *packet, const struct ip_template *ip, uint16_t source_port, uint16_t peer_port,
               struct span data)
{
    uint16_t length = (uint16_t)packet->length, checksum;
    struct writer writer = writer_over(packet->data, packet->length);
    uint64_t sum = checksum_pseudo(ip->source, ip->destination, PROTOCOL_UDP, length);

    sum = checksum_add(sum + source_port + peer_port + length, data);
    checksum = (uint16_t)~checksum_fold(sum);
    writer_u16(&writer, source_port);
    writer_u16(&writer, peer_port);
    writer_u16(&writer, length);
    writer_u16(&writer, checksum ? checksum : 0xffff);
    writer_span_put(&writer, data);
}

static inline struct address
either(struct address first, struct address second)
{
    return address_is_unspecified(first) ? second : first;
}

/* The port by which a datagram to a group goes when the sender has a say in it: the one it names, or that of its
 * address. NULL: by route. */
static struct port *
port_to_group(const struct node *node, const struct io_datagram *datagram, struct address source)
{
    const struct local_range *local = node_local(node, source);

    for (struct port *port = node->ports; port && datagram->interface != IO_UNSET; port = port->next)
        if ((int16_t)port->number == datagram->interface)
            return port;
    return local ? local->port : NULL;
}

static enum io_result
udp_send(struct io_udp *udp, struct io_datagram *datagram)
{
    struct udp_socket *socket = socket_of(udp);
    struct stack *stack = socket->stack;
    size_t length = UDP_HEADER + datagram->data.length, header = ip_header_size(datagram->peer.address);
    bool for_all = address_is_for_all(datagram->peer.address);
    struct port *port = NULL;
    enum io_result result;
    struct packet *packet;
    struct hop hop;
    struct ip_template ip = {
        .source = either(datagram->local.address, socket->local.address),
        .destination = datagram->peer.address,
        .protocol = PROTOCOL_UDP,
        .tos = (uint8_t)((datagram->dscp == IO_UNSET ? 0 : datagram->dscp << 2) |
                         (datagram->ecn == IO_UNSET ? 0 : datagram->ecn)),
        .dont_fragment = datagram->dont_fragment == 1,
    };

    if (G_UNLIKELY(for_all))
        port = port_to_group(stack->node, datagram, ip.source);
    result = node_plan_by(stack->node, port, ip.destination, &ip.source, &hop);
    if (result != IO_OK)
        return result;
    if (length + header > PACKET_MAX && length + header > ip_packet_max(ip.destination))
        return IO_TOO_BIG;
    if (ip.dont_fragment && length + header > stack_path_mtu(stack, &hop, ip.destination))
        return IO_TOO_BIG; /* the own link carries less (RFC 1191 section 6.1), or a known path (RFC 8201 section 5.4) */
    if (datagram->ttl != IO_UNSET)
        ip.ttl = (uint8_t)MAX(datagram->ttl, 1);
    else
        ip.ttl = for_all ? 1 : IP_TTL_DEFAULT;
    ip.identification = stack->identification++;
    if (datagram->told)
        stack->io.ops->note(&stack->io, datagram->told);

    packet = packet_new(stack->node->world, length);
    write_datagram(packet, &ip, socket->local.port, datagram->peer.port, datagram->data);
    ip_build(packet, &ip);
    stack_fit(stack, packet);
    return node_send_by(stack->node, packet, &hop, &datagram->packet);
}

static enum io_result
udp_join(struct io_udp *udp, const struct address *group, int interface)
{
    struct udp_socket *socket = socket_of(udp);

    (void)interface; /* every segment a node is on shows it all multicast: membership is the socket's filter */
    if (!address_is_multicast(*group))
        return IO_NO_ADDRESS;
    if (!socket->groups)
        socket->groups = g_array_new(FALSE, FALSE, sizeof(struct address));
    g_array_append_val(socket->groups, *group);
    return IO_OK;
}

static struct endpoint
udp_local(const struct io_udp *udp)
{
    return socket_of(udp)->local;
}

static void
udp_close(struct io_udp *udp)
{
    struct udp_socket *socket = socket_of(udp);
    struct stack *stack = socket->stack;
    guint spare = socket->place - 1;

    hash_index_remove(&stack->udp_ports, port_hash(socket->local.port), socket->place);
    stack->udp_sockets->pdata[spare] = NULL;
    g_array_append_val(stack->udp_free, spare);
    if (socket->groups)
        g_array_free(socket->groups, TRUE);
    g_free(socket);
}

static const struct io_udp_ops udp_ops = {
    .send = udp_send,
    .join = udp_join,
    .local = udp_local,
    .close = udp_close,
};

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* A port that neither a socket nor a mapping of the node's middlebox uses. */
static bool
port_is_free(const struct stack *stack, struct endpoint local)
{
    const struct middlebox *box = stack->node->box;

    if (udp_port_taken(stack, local))
        return false;
    return !box || !box->ops->port_taken || !box->ops->port_taken(stack->node->box, PROTOCOL_UDP, local);
}

/* A free port of the dynamic range (RFC 6056 algorithm 1); 0 when there is none. */
static uint16_t
choose_port(struct stack *stack, struct address address)
{
    uint32_t count = 65536 - EPHEMERAL_FIRST;
    uint32_t start = (uint32_t)random_below(&stack->ports, count);

    for (uint32_t i = 0; i < count; i++) {
        uint16_t port = (uint16_t)(EPHEMERAL_FIRST + (start + i) % count);

        if (port_is_free(stack, (struct endpoint){ address, port }))
            return port;
    }
    return 0;
}

static void
take_place(struct stack *stack, struct udp_socket *socket)
{
    if (!stack->udp_sockets) {
        stack->udp_sockets = g_ptr_array_new();
        stack->udp_free = g_array_new(FALSE, FALSE, sizeof(guint));
    }
    if (stack->udp_free->len > 0) {
        guint spare = g_array_index(stack->udp_free, guint, stack->udp_free->len - 1);

        g_array_set_size(stack->udp_free, stack->udp_free->len - 1);
        stack->udp_sockets->pdata[spare] = socket;
        socket->place = spare + 1;
    } else {
        g_ptr_array_add(stack->udp_sockets, socket);
        socket->place = stack->udp_sockets->len;
    }
    hash_index_insert(&stack->udp_ports, port_hash(socket->local.port), socket->place);
}

struct io_udp *
udp_open(struct stack *stack, const struct endpoint *local, const struct io_udp_events *events, void *owner,
         enum io_result *why)
{
    struct endpoint bound = *local;
    struct udp_socket *socket;

    if (address_is_unspecified(bound.address))
        bound.address = ADDRESS_NONE;
    else if (!node_owns(stack->node, bound.address)) {
        *why = IO_NO_ADDRESS;
        return NULL;
    }
    if (bound.port == 0)
        bound.port = choose_port(stack, bound.address);
    else if (!port_is_free(stack, bound)) {
        *why = IO_IN_USE;
        return NULL;
    }
    if (bound.port == 0) {
        *why = IO_FULL;
        return NULL;
    }
    socket = g_new0(struct udp_socket, 1);
    socket->udp = (struct io_udp){ .ops = &udp_ops, .events = events, .owner = owner };
    socket->stack = stack;
    socket->local = bound;
    socket->opened = ++stack->udp_opened;
    take_place(stack, socket);
    *why = IO_OK;
    return &socket->udp;
}

void
udp_close_all(struct stack *stack)
{
    for (guint i = 0; stack->udp_sockets && i < stack->udp_sockets->len; i++)
        if (stack->udp_sockets->pdata[i])
            udp_close(stack->udp_sockets->pdata[i]);
    if (stack->udp_sockets) {
        g_ptr_array_free(stack->udp_sockets, TRUE);
        g_array_free(stack->udp_free, TRUE);
    }
    hash_index_clear(&stack->udp_ports);
}
