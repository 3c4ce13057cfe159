/* Packets as the probes write and read them: IPv4 byte for byte, with checksums computed whole. It shares nothing with
 * the packets of core/net, so that what is measured isn't also the measure. */
#ifndef SCENARIOS_CONFORMANCE_WIRE_H
#define SCENARIOS_CONFORMANCE_WIRE_H

#include "core/base/address.h"

/* Checksums that are wrong. */
enum wrong { WRONG_IP = 1 << 0, WRONG_TRANSPORT = 1 << 1 };

enum tcp_letter { LETTER_FIN = 1, LETTER_SYN = 2, LETTER_RST = 4, LETTER_ACK = 16 };

enum { FORM_MAX = 2048 }; /* bytes, at most, that form_write writes */

/* A packet. ICMP queries have their identifier as the port of the end that asked. */
struct form {
    struct endpoint from, to;
    uint8_t protocol;
    uint8_t ttl;             /* 0 when written: 64 */
    uint8_t options;         /* bytes of IP options (they do nothing), a multiple of 4 */
    uint8_t wrong;           /* enum wrong: to be written wrong, or found so */
    bool dont_fragment, more_fragments;
    uint16_t identification;
    uint16_t offset;         /* of a fragment: bytes. Fragments have no ports, all behind the IP header is data */
    uint8_t flags;           /* TCP: enum tcp_letter */
    uint32_t sequence, acknowledged;
    uint8_t type, code;      /* ICMP; an error has `word` behind its checksum, and the quote as data */
    uint32_t word;
    struct span data;
};

/* Writes at most FORM_MAX bytes; returns how many. */
size_t form_write(uint8_t *bytes, const struct form *form);

/* Reads a packet, or one that is quoted and may end early (its transport checksum is not looked at then). `data` borrows.
 * False when it is none. */
bool form_read(struct span bytes, bool quoted, struct form *form);

/* The piece of a packet that carries `size` bytes from `offset` behind its IP header. */
size_t form_cut(uint8_t *piece, const uint8_t *whole, size_t length, size_t offset, size_t size);

/* Whether it is an ICMP error, which quotes. */
bool form_is_error(const struct form *form);

#endif
