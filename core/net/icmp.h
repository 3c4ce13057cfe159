/* ICMP: the errors that nodes make, and echo (RFC 792, RFC 1122 section 3.2.2, RFC 1812 section 4.3), and ICMPv6, which is
 * the same for IPv6 under other numbers (RFC 4443). How many errors a node sends is not limited. */
#ifndef CORE_NET_ICMP_H
#define CORE_NET_ICMP_H

#include "core/base/io.h"
#include "core/net/node.h"

enum icmp_type {
    ICMP_ECHO_REPLY = 0,
    ICMP_UNREACHABLE = 3,
    ICMP_SOURCE_QUENCH = 4,
    ICMP_REDIRECT = 5,
    ICMP_ECHO = 8,
    ICMP_TIME_EXCEEDED = 11,
    ICMP_PARAMETER_PROBLEM = 12,
    ICMP_TIMESTAMP = 13,
    ICMP_TIMESTAMP_REPLY = 14,
};

enum icmp_unreachable_code {
    ICMP_NET_UNREACHABLE = 0,
    ICMP_HOST_UNREACHABLE = 1,
    ICMP_PROTOCOL_UNREACHABLE = 2,
    ICMP_PORT_UNREACHABLE = 3,
    ICMP_FRAGMENTATION_NEEDED = 4, /* with DF set; the next hop's MTU in the low half of the unused word */
    ICMP_ADMINISTRATIVELY_PROHIBITED = 13,
};

enum icmp6_type {
    ICMP6_UNREACHABLE = 1,
    ICMP6_TOO_BIG = 2, /* the MTU is the second header word */
    ICMP6_TIME_EXCEEDED = 3,
    ICMP6_PARAMETER_PROBLEM = 4, /* the second header word points to it */
    ICMP6_ECHO = 128,
    ICMP6_ECHO_REPLY = 129,
};

enum icmp6_unreachable_code {
    ICMP6_NO_ROUTE = 0,
    ICMP6_ADMINISTRATIVELY_PROHIBITED = 1,
    ICMP6_ADDRESS_UNREACHABLE = 3,
    ICMP6_PORT_UNREACHABLE = 4,
};

enum icmp6_parameter_code { ICMP6_BAD_FIELD = 0, ICMP6_UNKNOWN_NEXT_HEADER = 1, ICMP6_UNKNOWN_OPTION = 2 };

/* "time exceeded", "port unreachable", ...: words for a type and code. */
const char *icmp_describe(uint8_t type, uint8_t code);
const char *icmp6_describe(uint8_t type, uint8_t code);

/* Whether the type is an error that quotes a packet, and whether it is a query with an identifier. */
bool icmp_is_error(uint8_t type);
bool icmp6_is_error(uint8_t type);
bool icmp_is_query(uint8_t type);

/* Whether a message of this protocol (PROTOCOL_ICMP or PROTOCOL_ICMPV6) is a query that has an identifier, or the answer
 * to one. */
bool icmp_asks(uint8_t protocol, uint8_t type);
bool icmp_answers(uint8_t protocol, uint8_t type);

/* What the journal keeps of an ICMP message: type << 8 | code. 0 of any other packet. */
int64_t icmp_record_detail(const struct packet *packet);

/* What an error says to who sent the packet, whatever the family. */
enum icmp_meaning {
    ICMP_MEANS_UNREACHABLE,
    ICMP_MEANS_REFUSED, /* by the destination: no such port, no such protocol */
    ICMP_MEANS_TOO_BIG, /* `info` has the MTU, or 0 */
    ICMP_MEANS_TIME_EXCEEDED,
    ICMP_MEANS_OTHER,
};
enum icmp_meaning icmp_meaning(const struct io_icmp *icmp);

/* Sends an error about `packet`, quoting as much of it as fits into 576 bytes (RFC 1812 section 4.3.2.3). Sends none
 * about an ICMP error, a later fragment, or a packet from or to a multicast, broadcast or unspecified address (RFC 1122
 * section 3.2.2). Borrows the packet. `info` is the second header word.
 *
 * `type` and `code` are always those of IPv4. About an IPv6 packet the ICMPv6 error goes that says the same (the table of
 * RFC 7915 section 4.2), quoting as much as fits into 1280 bytes; a "packet too big" also about what was for a group
 * and about later fragments (RFC 4443 sections 2.4 and 3.2). */
void icmp_send_error(struct node *node, const struct packet *packet, uint8_t type, uint8_t code, uint32_t info);

/* Ends a packet and tells its sender: the record of the drop first, then the error, as above. Takes the packet over. */
void icmp_refuse(struct node *node, struct packet *packet, enum drop_reason reason, uint8_t type, uint8_t code,
                 uint32_t info);

/* The same for a parameter problem that only IPv6 has: `pointer` is the place in the packet, which may be a later fragment.
 * An unknown option is told of to those who sent to a group too, where `to_groups` (RFC 4443 section 2.4 e). */
void icmp6_refuse_parameter(struct node *node, struct packet *packet, enum drop_reason reason,
                            enum icmp6_parameter_code code, uint32_t pointer, bool to_groups);

/* An echo socket: one identifier, whose replies and errors come here. Lives in its owner. */
struct echo;

struct echo_events {
    void (*reply)(void *owner, struct echo *echo, struct address from, uint16_t sequence, struct span data,
                  uint8_t ttl);
    void (*error)(void *owner, struct echo *echo, const struct io_icmp *icmp, uint16_t sequence);
};

struct echo {
    const struct echo_events *events;
    void *owner;
    struct node *node;
    uint16_t identifier;
    bool open;
    struct echo *next; /* the stack's */
};

/* Opens with a free identifier drawn from the host's stream. */
void echo_open(struct echo *echo, struct node *node, const struct echo_events *events, void *owner);
/* Sends one request; `ttl` IO_UNSET for the default. `data` follows the 8-byte header. */
enum io_result echo_send(struct echo *echo, struct address to, uint16_t sequence, struct span data, int16_t ttl,
                         packet_name *name);
void echo_close(struct echo *echo);

#endif
