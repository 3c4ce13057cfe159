/* Packets of both families, written and read by a slow and obvious hand of the tests' own: no line is shared with what is
 * tested. */
#ifndef TESTS_UNIT_SUPPORT_WIRE_H
#define TESTS_UNIT_SUPPORT_WIRE_H

#include <glib.h>

#include "core/base/address.h"

enum { WIRE_MAX = 2048 }; /* of those written here */

/* What a packet is written from; the family is that of `from`. Everything else is made right. */
struct wire_packet {
    struct endpoint from, to;
    uint8_t protocol; /* UDP, TCP, or ICMP: of either family, by type */
    uint8_t ttl, tos; /* ttl 0: 64 */
    uint8_t type, code; /* of ICMP */
    uint32_t word;      /* the second word of the ICMP header */
    bool dont_fragment; /* IPv4 */
    bool no_checksum;   /* UDP */
    size_t length;      /* of a pattern behind the transport header, */
    struct span data;   /* or else this */
};

/* Writes a whole packet and returns its length. */
size_t wire_write(uint8_t bytes[WIRE_MAX], const struct wire_packet *packet);

/* Appends what a packet says: "10.0.0.2:5000 > 198.51.100.1:7000", "tcp ...", "echo 2001:db8::1 > 2001:db8::2 id 7",
 * "reply ...", "icmp 3/4 203.0.113.1 > 10.0.0.2 (1480) [what it quotes]" (the second word, unless 0), "icmp6 ...". " BAD"
 * follows whatever is wrong: lengths, and every checksum that is there whole. A quote may be cut short. */
void wire_say(GString *out, struct span bytes);

/* The same as a text of its own. */
char *wire_text(struct span bytes);

#endif
