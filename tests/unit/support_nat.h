/* A NAT on the bench: a box with one inside and one outside port, packets put into either, and what it does told in
 * words.
 *
 *     nat_bench_open(&bench, "symmetric", NULL);
 *     nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", "198.51.100.1:3478")
 *         -> "out 203.0.113.1:40000 > 198.51.100.1:3478"
 *
 * The words are read off the bytes that left, by a reader of the test's own, which also recomputes every checksum
 * whole. Nobody answers on either side. */
#ifndef TESTS_UNIT_SUPPORT_NAT_H
#define TESTS_UNIT_SUPPORT_NAT_H

#include "core/net/net.h"
#include "core/net/node.h"
#include "nat/nat.h"
#include "nat/presets.h"
#include "tests/unit/support_wire.h"

enum nat_side { NAT_INSIDE, NAT_OUTSIDE };

struct nat_bench {
    struct capture captures[2]; /* by side; first, so that one leads to the bench */
    struct journal journal;
    struct world *world;
    struct node *box, *sinks[2];
    struct port *ports[2]; /* the box's, by side */
    struct nat *nat;
    GArray *records; /* struct record: all that the box decided */
    GString *left;   /* what left since the last packet in */
    GByteArray *last; /* the bytes of the packet that left last */
    bool by_wire;  /* IPv4 is told in the words of wire_say too */
    char told[512];
};

/* A world with a box: inside 10.0.0.1/24, outside 203.0.113.1, behind it everybody else. The options are those of a
 * preset; `change` may alter them before the box is made and may be NULL. */
void nat_bench_open(struct nat_bench *bench, const char *preset, void (*change)(struct nat_options *options));
/* The same with a pool of `count` external addresses, and the options as they are. */
void nat_bench_open_pool(struct nat_bench *bench, const struct nat_options *options, uint64_t count);
/* The same with both families: also 2001:db8:a::1/64 inside, hosts from ::2 on, and 2001:db8:f::1 outside. */
void nat_bench_open_dual(struct nat_bench *bench, const struct nat_options *options);
/* Checks that no packet went astray, and ends the world. */
void nat_bench_close(struct nat_bench *bench);

/* Lets time go on to `at`. */
void nat_bench_until(struct nat_bench *bench, int64_t at);

/* Puts a packet into the box from a side and tells what came of it: "out SOURCE > DESTINATION", "in ..." (both when
 * several left), the word of the reason for which the box dropped it behind " -", or "mine" when its own stack got it.
 * Echo: "out echo SOURCE > DESTINATION id 7"; errors: "in icmp 3/3 SOURCE > DESTINATION [QUOTED SOURCE > DESTINATION]";
 * fragments: "out SOURCE > DESTINATION bytes 0-975+", "+" where more follow.
 * " BAD" follows whatever has a wrong checksum. Good until the next packet. */
const char *nat_bench_udp(struct nat_bench *bench, enum nat_side side, const char *from, const char *to);
const char *nat_bench_udp_ttl(struct nat_bench *bench, enum nat_side side, const char *from, const char *to,
                              uint8_t ttl);
/* A TCP segment: flags as letters of S A F R P. Its sequence number is 1000, the number it acknowledges, where there is an
 * A, 2000; data, a P, is 5 bytes. Segments are told with what they say: "out SOURCE > DESTINATION SA 2000/1001". */
const char *nat_bench_tcp(struct nat_bench *bench, enum nat_side side, const char *flags, const char *from,
                          const char *to);
const char *nat_bench_echo(struct nat_bench *bench, enum nat_side side, bool reply, const char *from, const char *to,
                           uint16_t identifier);
/* An ICMP error that quotes a datagram, or ("10.0.0.2#7") an echo request or reply, or ("tcp 10.0.0.2:80" as the source)
 * a TCP SYN. `quoted` is how much of the quoted packet stands in it, at most all of it. */
const char *nat_bench_error(struct nat_bench *bench, enum nat_side side, uint8_t type, uint8_t code, const char *from,
                            const char *to, const char *quoted_from, const char *quoted_to, size_t quoted);
/* A packet of either family; IPv6 comes out in the words of wire_say. */
const char *nat_bench_wire(struct nat_bench *bench, enum nat_side side, const struct wire_packet *packet);
/* Any bytes from the IP header up. */
const char *nat_bench_bytes(struct nat_bench *bench, enum nat_side side, struct span bytes);

/* A TCP segment as above; returns its length. */
size_t nat_write_tcp(uint8_t *bytes, struct endpoint from, struct endpoint to, const char *flags);

/* A UDP datagram of `length` bytes of data as it stands on the wire; returns its length. */
size_t nat_write_udp(uint8_t *bytes, struct endpoint from, struct endpoint to, uint8_t ttl, size_t length);

/* What has left since the last packet went in, in the same words: what the box sends when time goes on. */
const char *nat_bench_left(struct nat_bench *bench);

/* The bench's last record of a kind, and its sentence; NULL when there is none. The caller frees the sentence. */
const struct record *nat_bench_record(const struct nat_bench *bench, const char *kind);
char *nat_bench_sentence(const struct nat_bench *bench, const char *kind);
/* How many records of a kind there are. */
unsigned nat_bench_records(const struct nat_bench *bench, const char *kind);

/* "udp 10.0.0.2:5000 -> 203.0.113.1:5000 [198.51.100.1:3478, ...]" of each mapping, joined by "; ". The caller frees
 * it. */
char *nat_bench_mappings(struct nat_bench *bench);

struct endpoint nat_endpoint(const char *text);

#endif
