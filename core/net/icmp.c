#include "core/net/icmp.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/ipv6.h"
#include "core/net/rewrite.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"
#include "core/net/udp.h"

#define ICMP_ERROR_MAX 576 /* RFC 1812 section 4.3.2.3 */

/* A message without its data. */
struct message {
    uint8_t type, code;
    uint32_t word;
};

/* Writes the 8-byte header and `data` into a packet of that size, with the checksum, which in ICMPv6 covers a
 * pseudo-header (RFC 4443 section 2.3). */
static void
write_icmp(struct packet *packet, const struct ip_template *ip, struct message message, struct span data)
{
    struct writer writer = writer_over(packet->data, packet->length);
    uint64_t sum = 0;

    writer_u8(&writer, message.type);
    writer_u8(&writer, message.code);
    writer_u16(&writer, 0);
    writer_u32(&writer, message.word);
    writer_span_put(&writer, data);
    if (ip->protocol == PROTOCOL_ICMPV6)
        sum = checksum_pseudo(ip->source, ip->destination, PROTOCOL_ICMPV6, packet->length);
    writer_patch_u16(&writer, 2, (uint16_t)~checksum_fold(checksum_add(sum, writer_span(&writer))));
}

/* Builds and sends an ICMP packet of this node's. `ip` has what it shall say but for protocol and identification. */
static enum io_result
send_icmp(struct node *node, struct ip_template ip, struct message message, struct span data, packet_name *name)
{
    struct packet *packet = packet_new(node->world, ICMP_HEADER + data.length);
    struct stack *stack = node_stack(node);

    ip.protocol = address_is_ipv4(ip.destination) ? PROTOCOL_ICMP : PROTOCOL_ICMPV6;
    ip.identification = stack->identification++;
    write_icmp(packet, &ip, message, data);
    ip_build(packet, &ip);
    stack_fit(stack, packet);
    return node_send(node, packet, name);
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

/* About which packets an error is sent besides those that every error is sent about. */
enum also { ALSO_TO_GROUPS = 1, ALSO_LATER_FRAGMENTS = 2 };

/* Whether an error may be sent about a packet (RFC 1122 section 3.2.2, RFC 4443 section 2.4 e). */
static bool
may_answer(const struct packet *packet, unsigned also)
{
    struct address source = packet->flow.source;

    return packet_is(packet, PACKET_CHECKED) && !packet_is(packet, PACKET_ICMP_ERROR) &&
           (also & ALSO_LATER_FRAGMENTS || !packet_is(packet, PACKET_LATER_FRAGMENT)) &&
           (also & ALSO_TO_GROUPS || !address_is_for_all(packet->flow.destination)) && !address_is_for_all(source) &&
           !address_is_unspecified(source);
}

/* The source of an error is the address that the packet was sent to where that is the node's, else one of the port
 * by which it came in, so that traceroute shows the way there. RFC 1812 section 4.3.2.4 asks for the port by which
 * the error leaves; that is another one only where the way back is. */
static struct address
error_source(struct node *node, const struct packet *packet)
{
    enum family family = address_family(packet->flow.source);
    struct address source = ADDRESS_NONE;

    if (node_owns(node, packet->flow.destination) && !(packet->in && packet->in->inside))
        return packet->flow.destination;
    if (packet->in)
        source = port_address(packet->in, family);
    if (address_is_none(source))
        source = node_source_for(node, packet->flow.source);
    return address_is_none(source) ? node_address(node, family) : source;
}

static void
send_error(struct node *node, const struct packet *packet, struct message message, unsigned also)
{
    bool ipv6 = packet_is(packet, PACKET_IPV6);
    size_t most = (ipv6 ? IPV6_MTU_MIN - IPV6_HEADER : ICMP_ERROR_MAX - IPV4_HEADER) - ICMP_HEADER;
    struct world *world = node->world;
    packet_name handling = world->handling;
    struct ip_template ip = { .destination = packet->flow.source, .ttl = IP_TTL_DEFAULT };

    if (!may_answer(packet, also))
        return;
    ip.source = error_source(node, packet);
    if (address_is_none(ip.source))
        return;
    world->handling = packet->name; /* its cause, also where a timer or the sender itself found the fault */
    send_icmp(node, ip, message, span_of(packet->data, MIN(packet->length, most)), NULL);
    world->handling = handling;
}

/* The ICMPv6 error that says what the ICMP error `message` says. */
static struct message
in_ipv6(const struct packet *packet, struct message message)
{
    struct ipv6_chain chain;

    if (message.type == ICMP_TIME_EXCEEDED)
        return (struct message){ ICMP6_TIME_EXCEEDED, message.code, 0 };
    switch (message.code) {
    case ICMP_HOST_UNREACHABLE:
        return (struct message){ ICMP6_UNREACHABLE, ICMP6_ADDRESS_UNREACHABLE, 0 };
    case ICMP_PORT_UNREACHABLE:
        return (struct message){ ICMP6_UNREACHABLE, ICMP6_PORT_UNREACHABLE, 0 };
    case ICMP_ADMINISTRATIVELY_PROHIBITED:
        return (struct message){ ICMP6_UNREACHABLE, ICMP6_ADMINISTRATIVELY_PROHIBITED, 0 };
    case ICMP_FRAGMENTATION_NEEDED:
        return (struct message){ ICMP6_TOO_BIG, 0, message.word };
    case ICMP_PROTOCOL_UNREACHABLE:
        if (packet_is(packet, PACKET_CHECKED) && ipv6_walk(packet_span(packet), &chain))
            return (struct message){ ICMP6_PARAMETER_PROBLEM, ICMP6_UNKNOWN_NEXT_HEADER, chain.next_at };
        return (struct message){ ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0 };
    default:
        return (struct message){ ICMP6_UNREACHABLE, ICMP6_NO_ROUTE, 0 };
    }
}

void
icmp_send_error(struct node *node, const struct packet *packet, uint8_t type, uint8_t code, uint32_t info)
{
    struct message message = { type, code, info };
    unsigned also = 0;

    if (packet_is(packet, PACKET_IPV6)) {
        message = in_ipv6(packet, message);
        also = message.type == ICMP6_TOO_BIG ? ALSO_TO_GROUPS | ALSO_LATER_FRAGMENTS : 0;
    }
    send_error(node, packet, message, also);
}

void
icmp_refuse(struct node *node, struct packet *packet, enum drop_reason reason, uint8_t type, uint8_t code,
            uint32_t info)
{
    packet_note_drop(node, packet, reason);
    icmp_send_error(node, packet, type, code, info);
    packet_end(node->world, node, packet, reason);
}

void
icmp6_refuse_parameter(struct node *node, struct packet *packet, enum drop_reason reason,
                       enum icmp6_parameter_code code, uint32_t pointer, bool to_groups)
{
    packet_note_drop(node, packet, reason);
    send_error(node, packet, (struct message){ ICMP6_PARAMETER_PROBLEM, (uint8_t)code, pointer },
               ALSO_LATER_FRAGMENTS | (to_groups ? ALSO_TO_GROUPS : 0));
    packet_end(node->world, node, packet, reason);
}

/* --- echo ------------------------------------------------------------------------------------------------------- */

static struct echo *
find_echo(const struct stack *stack, uint16_t identifier)
{
    struct echo *echo = stack->echoes;

    while (echo && echo->identifier != identifier)
        echo = echo->next;
    return echo;
}

void
echo_open(struct echo *echo, struct node *node, const struct echo_events *events, void *owner)
{
    struct stack *stack = node_stack(node);
    uint16_t identifier = (uint16_t)random_u32(&stack->ports);

    while (identifier == 0 || find_echo(stack, identifier))
        identifier++;
    *echo = (struct echo){ .events = events, .owner = owner, .node = node, .identifier = identifier, .open = true };
    echo->next = stack->echoes;
    stack->echoes = echo;
}

void
echo_close(struct echo *echo)
{
    struct echo **at;

    if (!echo->open)
        return;
    for (at = &node_stack(echo->node)->echoes; *at != echo; at = &(*at)->next)
        ;
    *at = echo->next;
    echo->open = false;
}

enum io_result
echo_send(struct echo *echo, struct address to, uint16_t sequence, struct span data, int16_t ttl, packet_name *name)
{
    struct ip_template ip = {
        .source = node_source_for(echo->node, to),
        .destination = to,
        .ttl = ttl == IO_UNSET ? IP_TTL_DEFAULT : (uint8_t)MAX(ttl, 1),
    };
    struct message message = { ICMP_ECHO, 0, (uint32_t)echo->identifier << 16 | sequence };

    if (address_is_none(ip.source))
        return IO_NO_ROUTE;
    if (ip_header_size(to) + ICMP_HEADER + data.length > ip_packet_max(to))
        return IO_TOO_BIG;
    if (!address_is_ipv4(to))
        message.type = ICMP6_ECHO;
    return send_icmp(echo->node, ip, message, data, name);
}

/* --- in --------------------------------------------------------------------------------------------------------- */

/* Whether a request is answered: one to a group only in IPv6 (RFC 4443 section 4.2), by those who are in it. */
static bool
may_answer_echo(const struct stack *stack, const struct packet *packet)
{
    if (!address_is_for_all(packet->flow.destination))
        return node_owns(stack->node, packet->flow.destination);
    return packet_is(packet, PACKET_IPV6) && udp_in_group(stack, packet->flow.destination);
}

/* With the request's type of service (RFC 1812 section 4.3.2.5), of which ECN has taken the last two bits since. */
static void
answer_echo(struct stack *stack, const struct packet *packet)
{
    struct reader reader = reader_over(packet_transport(packet));
    struct message message = { packet_is(packet, PACKET_IPV6) ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY, 0, 0 };
    struct ip_template ip = {
        .source = packet->flow.destination,
        .destination = packet->flow.source,
        .ttl = IP_TTL_DEFAULT,
        .tos = packet->tos & 0xfc,
    };

    if (address_is_for_all(ip.source))
        ip.source = node_source_for(stack->node, ip.destination);
    reader_skip(&reader, 4);
    message.word = reader_u32(&reader);
    if (!address_is_none(ip.source))
        send_icmp(stack->node, ip, message, reader_rest(&reader), NULL);
}

static bool
take_echo_reply(struct stack *stack, const struct packet *packet)
{
    struct reader reader = reader_over(packet_transport(packet));
    struct echo *echo = find_echo(stack, packet->flow.destination_port);
    uint16_t sequence;

    if (!echo)
        return false;
    reader_skip(&reader, 6);
    sequence = reader_u16(&reader);
    stack_note_delivered(stack, packet);
    echo->events->reply(echo->owner, echo, packet->flow.source, sequence, reader_rest(&reader), packet->ttl);
    return true;
}

/* A quoted packet from its transport header on: at least 8 bytes, which packet_read_quote has seen. */
static struct reader
quoted_transport(const struct packet *packet, const struct quote *quote)
{
    return reader_over(span_of(packet->data + quote->transport, packet->length - quote->transport));
}

/* The sequence number of a quoted echo request stands behind type, code, checksum and identifier. */
static uint16_t
quoted_sequence(const struct packet *packet, const struct quote *quote)
{
    struct reader reader = quoted_transport(packet, quote);

    reader_skip(&reader, 6);
    return reader_u16(&reader);
}

/* The sequence number of a quoted TCP segment: it stands behind the ports. */
static uint32_t
quoted_tcp_sequence(const struct packet *packet, const struct quote *quote)
{
    struct reader reader = quoted_transport(packet, quote);

    reader_skip(&reader, 4);
    return reader_u32(&reader);
}

/* A link on the way to where an IPv6 packet of ours went carries less (RFC 8201 section 4). */
static void
learn_path(struct stack *stack, const struct quote *quote)
{
    if (!address_is_ipv4(quote->flow.source) && quote->type == ICMP6_TOO_BIG)
        paths_learn(&stack->paths, quote->flow.destination, quote->info, stack->node->world->now);
}

/* An error belongs to the socket whose packet it quotes; errors quote what this node sent, or nobody's. */
static bool
take_error(struct stack *stack, const struct packet *packet, const struct quote *quote)
{
    struct io_icmp icmp = {
        .local = flow_source(&quote->flow),
        .peer = flow_destination(&quote->flow),
        .from = packet->flow.source,
        .type = quote->type,
        .code = quote->code,
        .info = quote->info,
    };
    struct echo *echo;

    if (!node_owns(stack->node, quote->flow.source))
        return false;
    if (quote->later_fragment) { /* its socket isn't known, but the way is */
        stack_note_delivered(stack, packet);
        learn_path(stack, quote);
        return true;
    }
    switch (quote->flow.protocol) {
    case PROTOCOL_UDP:
        if (!udp_port_taken(stack, icmp.local))
            return false;
        stack_note_delivered(stack, packet);
        learn_path(stack, quote);
        return udp_error(stack, &icmp);
    case PROTOCOL_TCP:
        if (!stack->tcp || !tcp_error(stack->tcp, packet, &icmp, quoted_tcp_sequence(packet, quote)))
            return false;
        learn_path(stack, quote);
        return true;
    case PROTOCOL_ICMP:
    case PROTOCOL_ICMPV6:
        echo = find_echo(stack, quote->flow.source_port);
        if (!echo)
            return false;
        stack_note_delivered(stack, packet);
        learn_path(stack, quote);
        echo->events->error(echo->owner, echo, &icmp, quoted_sequence(packet, quote));
        return true;
    default:
        return false;
    }
}

void
icmp_receive(struct stack *stack, struct packet *packet)
{
    struct node *node = stack->node;
    uint8_t type = packet->data[packet->transport];
    struct quote quote;
    enum drop_reason reason = DROP_NONE;

    if (packet_is(packet, PACKET_ICMP_ERROR)) {
        reason = packet_read_quote(packet, &quote);
        if (reason == DROP_NONE && !take_error(stack, packet, &quote))
            reason = DROP_NO_SOCKET;
    } else if (type == (packet_is(packet, PACKET_IPV6) ? ICMP6_ECHO : ICMP_ECHO) && may_answer_echo(stack, packet)) {
        stack_note_delivered(stack, packet);
        answer_echo(stack, packet);
    } else if (type == (packet_is(packet, PACKET_IPV6) ? ICMP6_ECHO_REPLY : ICMP_ECHO_REPLY)) {
        if (!take_echo_reply(stack, packet))
            reason = DROP_NO_SOCKET;
    } else {
        reason = DROP_UNHANDLED_ICMP;
    }
    if (reason == DROP_NONE)
        packet_deliver(node->world, packet);
    else
        packet_drop(node, packet, reason);
}
