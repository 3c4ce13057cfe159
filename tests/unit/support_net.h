/* What the tests of the net layer, and of all that stands on it, share: packets built byte by byte, with whatever is
 * wrong with them; a slow checksum; a journal and a capture that keep everything; sockets that keep what they get; and
 * a small network to put them in.
 *
 *     A 192.0.2.1 ---- router ---- 198.51.100.1 B        each link 10 ms; the router has 192.0.2.254 and 198.51.100.254
 *
 * Whoever tears a world down through net_world_end has checked that it came to rest, that no packet was left alive and
 * that every packet is accounted for. */
#ifndef TESTS_UNIT_SUPPORT_NET_H
#define TESTS_UNIT_SUPPORT_NET_H

#include <glib.h>

#include "core/base/io.h"
#include "core/net/icmp.h"
#include "core/net/net.h"
#include "core/net/node.h"
#include "core/sim/world.h"

/* Text as a value; ends the program when it is none. */
struct address net_address(const char *text);
struct endpoint net_endpoint(const char *text);
struct prefix net_prefix(const char *text);

/* --- worlds ----------------------------------------------------------------------------------------------------- */

/* Fires everything up to and at `now` + `duration`. */
void net_run(struct world *world, int64_t duration);
/* Lets the world come to rest (at most two hours), checks that nothing is left and that the balance holds, frees it. */
void net_world_end(struct world *world);

/* --- packets, byte by byte -------------------------------------------------------------------------------------- */

enum { NET_DF = 0x4000, NET_MF = 0x2000 };

/* An IPv4 packet. Lengths and the header checksum are made right; spoil the bytes afterwards. */
struct net_template {
    struct address source, destination;
    uint8_t protocol, tos;
    uint8_t ttl; /* 0: 64 */
    uint16_t identification;
    uint16_t flags_offset; /* NET_DF, NET_MF, and the offset in units of 8 bytes */
    struct span options;   /* whole words */
    struct span payload;   /* behind the header */
};

GByteArray *net_build(const struct net_template *header);
/* A UDP datagram as the payload of a packet from `source` to `destination`, with its checksum. */
GByteArray *net_udp_payload(struct endpoint source, struct endpoint destination, struct span data);
/* An ICMP message with its checksum. */
GByteArray *net_icmp_payload(uint8_t type, uint8_t code, uint32_t word, struct span data);
/* A segment of 20 bytes and `data`, with its checksum; SYN is set. */
GByteArray *net_tcp_payload(struct endpoint source, struct endpoint destination, struct span data);
/* Whole packets, TTL 64. */
GByteArray *net_udp(struct endpoint source, struct endpoint destination, struct span data);
GByteArray *net_icmp(struct address source, struct address destination, uint8_t type, uint8_t code, uint32_t word,
                     struct span data);

/* Puts the right header checksum in place again; the header must be there as far as it says. */
void net_mend_header(uint8_t *packet);

static inline struct span
net_span(const GByteArray *bytes)
{
    return span_of(bytes->data, bytes->len);
}

/* Bytes 0, 1, 2, ...: a payload in which a misplaced piece shows. */
GByteArray *net_pattern(size_t length);

/* The one's complement sum, word by word as RFC 1071 section 1 words it. */
uint16_t net_slow_sum(uint16_t sum, struct span bytes);
/* Whether the header checksum and, in a packet that is whole, the transport checksum are right (a UDP checksum of 0
 * is). */
bool net_checksums_good(struct span packet);
/* The transport checksum that the packet should carry, computed over the whole of it; as for a UDP sender, 0 is
 * 0xffff. */
uint16_t net_transport_checksum(struct span packet);

/* --- packets in a world ----------------------------------------------------------------------------------------- */

/* A packet with these bytes, counted as sent and named as the experimenter's; unchecked. */
struct packet *net_packet(struct world *world, struct span bytes);
/* The same, and it arrives at `port` now. */
void net_arrive(struct port *port, struct span bytes);

/* --- watching --------------------------------------------------------------------------------------------------- */

struct net_journal {
    struct journal journal;
    GArray *records; /* struct record, in order */
};

void net_journal_start(struct net_journal *journal, struct world *world);
void net_journal_clear(struct net_journal *journal);
void net_journal_end(struct net_journal *journal);
/* How many records of this kind there are; with a reason, how many of those have it (DROP_NONE: any). */
unsigned net_journal_count(const struct net_journal *journal, const struct record_kind *kind, enum drop_reason reason);
/* The last record of this kind; NULL when there is none. */
const struct record *net_journal_last(const struct net_journal *journal, const struct record_kind *kind);

/* What passed one or more ports. */
struct net_seen {
    int64_t at;
    uint32_t interface; /* the number given to net_tap_add */
    enum capture_direction direction;
    packet_name packet;
    GByteArray *bytes;
};

struct net_tap {
    struct capture capture;
    GArray *seen; /* struct net_seen, in order */
};

void net_tap_start(struct net_tap *tap);
void net_tap_add(struct net_tap *tap, struct port *port, uint32_t interface);
void net_tap_clear(struct net_tap *tap);
void net_tap_end(struct net_tap *tap);
unsigned net_tap_count(const struct net_tap *tap, uint32_t interface, enum capture_direction direction);
/* The `n`-th packet, from 0, that passed there; NULL when there were fewer. */
const struct net_seen *net_tap_at(const struct net_tap *tap, uint32_t interface, enum capture_direction direction,
                                  unsigned n);

/* --- sockets ---------------------------------------------------------------------------------------------------- */

struct net_got {
    struct io_datagram datagram; /* without its data, which has gone */
    char *data;                  /* with a NUL behind it */
    size_t length;
    int64_t at;
};

/* A UDP socket that keeps what it gets, and then calls `on_datagram` or `on_icmp` unless NULL. */
struct net_socket {
    struct io *io;
    struct io_udp *udp; /* NULL when closed */
    GArray *got;        /* struct net_got */
    GArray *icmp;       /* struct io_icmp */
    void (*on_datagram)(struct net_socket *socket, const struct io_datagram *datagram);
    void (*on_icmp)(struct net_socket *socket, const struct io_icmp *icmp);
    void *context; /* the test's */
};

/* Opens at "192.0.2.1:5000"; "0.0.0.0:0" is any address and a free port. `socket` is zeroed before. */
enum io_result net_socket_open(struct net_socket *socket, struct io *io, const char *local);
void net_socket_close(struct net_socket *socket); /* the io_udp only; what came stays */
void net_socket_end(struct net_socket *socket);   /* all of it */
enum io_result net_socket_send(struct net_socket *socket, const char *peer, const char *text);
/* The text of the `n`-th datagram, from 0; NULL when fewer came. */
const char *net_socket_text(const struct net_socket *socket, unsigned n);
const struct net_got *net_socket_got(const struct net_socket *socket, unsigned n);
const struct io_icmp *net_socket_icmp(const struct net_socket *socket, unsigned n);

/* --- the small network ------------------------------------------------------------------------------------------ */

enum { TRIO_A = 1, TRIO_ROUTER_A, TRIO_ROUTER_B, TRIO_B }; /* what the tap calls the ports */

struct net_trio {
    struct world *world;
    struct node *a, *router, *b;
    struct port *a_port, *router_a, *router_b, *b_port;
    struct link_options link; /* of all four wires */
    struct net_journal journal;
    struct net_tap tap;
};

void net_trio_start(struct net_trio *trio);
void net_trio_end(struct net_trio *trio);
/* Lets what is under way arrive, 1 s. */
void net_trio_run(struct net_trio *trio);

#endif
