#include "core/net/icmp.h"

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/rewrite.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"
#include "core/net/udp.h"

#define ICMP_ERROR_MAX 576 /* RFC 1812 section 4.3.2.3 */

const char *
icmp_describe(uint8_t type, uint8_t code)
{
    static const char *const unreachable[] = {
        [ICMP_NET_UNREACHABLE] = "net unreachable",
        [ICMP_HOST_UNREACHABLE] = "host unreachable",
        [ICMP_PROTOCOL_UNREACHABLE] = "protocol unreachable",
        [ICMP_PORT_UNREACHABLE] = "port unreachable",
        [ICMP_FRAGMENTATION_NEEDED] = "fragmentation needed and DF set",
        [5] = "source route failed",
        [ICMP_ADMINISTRATIVELY_PROHIBITED] = "administratively prohibited",
    };

    switch (type) {
    case ICMP_ECHO:
        return "echo request";
    case ICMP_ECHO_REPLY:
        return "echo reply";
    case ICMP_UNREACHABLE:
        return code < G_N_ELEMENTS(unreachable) && unreachable[code] ? unreachable[code] : "destination unreachable";
    case ICMP_TIME_EXCEEDED:
        return code == 0 ? "time exceeded in transit" : "fragment reassembly time exceeded";
    case ICMP_SOURCE_QUENCH:
        return "source quench";
    case ICMP_REDIRECT:
        return "redirect";
    case ICMP_PARAMETER_PROBLEM:
        return "parameter problem";
    case ICMP_TIMESTAMP:
        return "timestamp request";
    case ICMP_TIMESTAMP_REPLY:
        return "timestamp reply";
    default:
        return "message";
    }
}

bool
icmp_is_error(uint8_t type)
{
    return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

bool
icmp_is_query(uint8_t type)
{
    return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMP_REPLY;
}

/* Writes the 8-byte header and `data` into a packet of that size, with the checksum. */
static void
write_icmp(struct packet *packet, uint8_t type, uint8_t code, uint32_t word, struct span data)
{
    struct writer writer = writer_over(packet->data, packet->length);

    writer_u8(&writer, type);
    writer_u8(&writer, code);
    writer_u16(&writer, 0);
    writer_u32(&writer, word);
    writer_span_put(&writer, data);
    writer_patch_u16(&writer, 2, checksum_of(writer_span(&writer)));
}

/* Builds and sends an ICMP packet of this node's. `ip` has what it shall say but for protocol and identification. */
static enum io_result
send_icmp(struct node *node, struct ip_template ip, uint8_t type, uint8_t code, uint32_t word, struct span data,
          packet_name *name)
{
    struct packet *packet = packet_new(node->world, ICMP_HEADER + data.length);

    write_icmp(packet, type, code, word, data);
    ip.protocol = PROTOCOL_ICMP;
    ip.identification = node_stack(node)->identification++;
    ip_build(packet, &ip);
    return node_send(node, packet, name);
}

/* --- errors ----------------------------------------------------------------------------------------------------- */

/* RFC 1122 section 3.2.2: what no error is ever sent about. */
static bool
may_answer(const struct packet *packet)
{
    struct address source = packet->flow.source, destination = packet->flow.destination;

    return packet_is(packet, PACKET_CHECKED) && !packet_is(packet, PACKET_LATER_FRAGMENT | PACKET_ICMP_ERROR) &&
           !address_is_for_all(destination) && !address_is_for_all(source) && !address_is_unspecified(source);
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

void
icmp_send_error(struct node *node, const struct packet *packet, uint8_t type, uint8_t code, uint32_t info)
{
    size_t most = ICMP_ERROR_MAX - IPV4_HEADER - ICMP_HEADER;
    struct world *world = node->world;
    packet_name handling = world->handling;
    struct ip_template ip = { .destination = packet->flow.source, .ttl = IP_TTL_DEFAULT };

    if (!may_answer(packet))
        return;
    ip.source = error_source(node, packet);
    if (address_is_none(ip.source))
        return;
    world->handling = packet->name; /* its cause, also where a timer or the sender itself found the fault */
    send_icmp(node, ip, type, code, info, span_of(packet->data, MIN(packet->length, most)), NULL);
    world->handling = handling;
}

void
icmp_refuse(struct node *node, struct packet *packet, enum drop_reason reason, uint8_t type, uint8_t code,
            uint32_t info)
{
    packet_note_drop(node, packet, reason);
    icmp_send_error(node, packet, type, code, info);
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

    if (address_is_none(ip.source))
        return IO_NO_ROUTE;
    if (IPV4_HEADER + ICMP_HEADER + data.length > PACKET_MAX)
        return IO_TOO_BIG;
    return send_icmp(echo->node, ip, ICMP_ECHO, 0, (uint32_t)echo->identifier << 16 | sequence, data, name);
}

/* --- in --------------------------------------------------------------------------------------------------------- */

/* With the request's type of service (RFC 1812 section 4.3.2.5), of which ECN has taken the last two bits since. */
static void
answer_echo(struct stack *stack, const struct packet *packet)
{
    struct reader reader = reader_over(packet_transport(packet));
    uint32_t word;
    struct ip_template ip = {
        .source = packet->flow.destination,
        .destination = packet->flow.source,
        .ttl = IP_TTL_DEFAULT,
        .tos = packet->tos & 0xfc,
    };

    reader_skip(&reader, 4);
    word = reader_u32(&reader);
    send_icmp(stack->node, ip, ICMP_ECHO_REPLY, 0, word, reader_rest(&reader), NULL);
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
    struct reader reader = reader_over(span_of(packet->data + quote->offset, packet->length - quote->offset));
    unsigned header = (reader_u8(&reader) & 15u) * 4;

    reader_skip(&reader, header - 1);
    return reader;
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
    switch (quote->flow.protocol) {
    case PROTOCOL_UDP:
        if (!udp_port_taken(stack, icmp.local))
            return false;
        stack_note_delivered(stack, packet);
        return udp_error(stack, &icmp);
    case PROTOCOL_TCP:
        return stack->tcp && tcp_error(stack->tcp, packet, &icmp, quoted_tcp_sequence(packet, quote));
    case PROTOCOL_ICMP:
        echo = find_echo(stack, quote->flow.source_port);
        if (!echo)
            return false;
        stack_note_delivered(stack, packet);
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
    } else if (type == ICMP_ECHO && node_owns(node, packet->flow.destination)) {
        stack_note_delivered(stack, packet);
        answer_echo(stack, packet);
    } else if (type == ICMP_ECHO_REPLY) {
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
