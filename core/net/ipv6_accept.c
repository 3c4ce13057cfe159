/* Extension headers where a packet ends (RFC 8200 section 4). */
#include "core/base/cursor.h"
#include "core/net/icmp.h"
#include "core/net/ipv6.h"

enum { OPTION_PAD1 = 0, OPTION_PADN = 1 };

/* The two highest bits of an option's type: what to do with the packet when the option isn't known (section 4.2). */
enum option_action { ACTION_SKIP, ACTION_DISCARD, ACTION_TELL, ACTION_TELL_UNLESS_GROUP };

static bool
refuse_option(struct node *node, struct packet *packet, uint8_t type, uint32_t at)
{
    enum option_action action = type >> 6;

    if (action == ACTION_DISCARD)
        packet_drop(node, packet, DROP_UNKNOWN_OPTION);
    else
        icmp6_refuse_parameter(node, packet, DROP_UNKNOWN_OPTION, ICMP6_UNKNOWN_OPTION, at, action == ACTION_TELL);
    return false;
}

/* The options of the header at `from`, up to `end`. */
static bool
accept_options(struct node *node, struct packet *packet, uint32_t from, uint32_t end)
{
    struct reader reader = reader_over(span_of(packet->data + from, end - from));

    reader_skip(&reader, 2);
    while (reader_left(&reader) > 0) {
        uint32_t at = end - (uint32_t)reader_left(&reader);
        uint8_t type = reader_u8(&reader);

        if (type == OPTION_PAD1)
            continue;
        reader_skip(&reader, reader_u8(&reader));
        if (reader_failed(&reader)) {
            packet_drop(node, packet, DROP_BAD_OPTION);
            return false;
        }
        if (type != OPTION_PADN && type >> 6 != ACTION_SKIP)
            return refuse_option(node, packet, type, at);
    }
    return true;
}

/* No type of routing is known here, so one that isn't at its end is refused (section 4.4); type 0 is to be treated so
 * (RFC 5095 section 3). */
static bool
accept_route(struct node *node, struct packet *packet, uint32_t from)
{
    struct reader reader = reader_over(span_of(packet->data + from, 4));

    reader_skip(&reader, 3);
    if (reader_u8(&reader) == 0)
        return true;
    icmp6_refuse_parameter(node, packet, DROP_SOURCE_ROUTE, ICMP6_BAD_FIELD, from + 2, false);
    return false;
}

static bool
accept_header(struct node *node, struct packet *packet, uint8_t type, uint32_t from, uint32_t end)
{
    switch (type) {
    case IPV6_HOP_BY_HOP:
    case IPV6_DESTINATION:
        return accept_options(node, packet, from, end);
    case IPV6_ROUTING:
        return accept_route(node, packet, from);
    default:
        return true; /* the fragment header of one that is the whole */
    }
}

bool
ipv6_accept(struct node *node, struct packet *packet)
{
    struct reader reader = reader_over(span_of(packet->data + IPV6_HEADER, packet->transport - IPV6_HEADER));
    uint8_t type = packet->data[6];

    while (reader_left(&reader) > 0) {
        uint32_t from = packet->transport - (uint32_t)reader_left(&reader);
        uint8_t next = reader_u8(&reader), length = reader_u8(&reader);
        uint32_t size = type == IPV6_FRAGMENT ? IPV6_FRAGMENT_HEADER : (length + 1u) * 8;

        reader_skip(&reader, size - 2);
        if (!accept_header(node, packet, type, from, from + size))
            return false;
        type = next;
    }
    return true;
}
