/* The Port Control Protocol, version 2 (RFC 6887): its messages as plain values.
 *
 * Pure: bytes in, struct out, and back. A decoder says which result code a server owes for what it could not read, so
 * that the order of the checks (section 8.2) is in one place. Addresses are 128 bits on the wire, IPv4 in its mapped
 * form; "any IPv4 address" is ::ffff:0.0.0.0 and "any IPv6 address" is ::, which is no address here (section 5). */
#ifndef PROTO_PORTMAP_PCP_H
#define PROTO_PORTMAP_PCP_H

#include "core/base/cursor.h"
#include "proto/portmap/control.h"

#define PCP_VERSION 2
#define PCP_PORT 5351        /* servers */
#define PCP_CLIENT_PORT 5350 /* clients, for announcements */
#define PCP_BYTES 1100       /* the longest message (section 7) */
#define PCP_HEADER 24
#define PCP_NONCE 12
#define PCP_LIFETIME_MIN 120 /* what servers grant, seconds (section 15) */
#define PCP_LIFETIME_MAX (24 * 3600)

enum pcp_opcode { PCP_ANNOUNCE = 0, PCP_MAP = 1, PCP_PEER = 2 };

/* clang-format off */
/* Section 7.4.  code, word, seconds for which a client shall not ask the same again */
#define PCP_RESULTS(X) \
    X(SUCCESS,                   0, "success",                     0) \
    X(UNSUPP_VERSION,            1, "unsupported-version",      1800) \
    X(NOT_AUTHORIZED,            2, "not-authorized",           1800) \
    X(MALFORMED_REQUEST,         3, "malformed-request",        1800) \
    X(UNSUPP_OPCODE,             4, "unsupported-opcode",       1800) \
    X(UNSUPP_OPTION,             5, "unsupported-option",       1800) \
    X(MALFORMED_OPTION,          6, "malformed-option",         1800) \
    X(NETWORK_FAILURE,           7, "network-failure",            30) \
    X(NO_RESOURCES,              8, "no-resources",               30) \
    X(UNSUPP_PROTOCOL,           9, "unsupported-protocol",     1800) \
    X(USER_EX_QUOTA,            10, "user-exceeded-quota",        30) \
    X(CANNOT_PROVIDE_EXTERNAL,  11, "cannot-provide-external",  1800) \
    X(ADDRESS_MISMATCH,         12, "address-mismatch",         1800) \
    X(EXCESSIVE_REMOTE_PEERS,   13, "excessive-remote-peers",   1800)

enum pcp_result {
#define X(name, code, word, lifetime) PCP_##name = code,
    PCP_RESULTS(X)
#undef X
    PCP_RESULT_COUNT
};
/* clang-format on */

/* "cannot-provide-external"; "unknown" for a code that has no name here. */
const char *pcp_result_word(unsigned result);
/* Seconds; an unknown error counts as a long one. */
uint32_t pcp_result_lifetime(unsigned result);
enum pcp_result pcp_result_of(enum portmap_result result);

/* Options (section 13). Codes below 128 must be understood. */
enum pcp_option { PCP_THIRD_PARTY = 1, PCP_PREFER_FAILURE = 2, PCP_FILTER = 3 };

struct pcp_options {
    bool third_party, prefer_failure;
    struct address third; /* of THIRD_PARTY */
    size_t filters;
    struct portmap_filter filter[PORTMAP_FILTERS];
    bool too_many_filters;
};

/* MAP and PEER (sections 11.1 and 12.1) in both directions; in requests `external` is what is suggested. */
struct pcp_map {
    uint8_t nonce[PCP_NONCE];
    uint8_t protocol; /* 0: all */
    uint16_t internal_port;
    struct endpoint external;
    struct endpoint remote; /* PEER's */
};

struct pcp_request {
    uint8_t version, opcode;
    uint32_t lifetime;     /* seconds */
    struct address client; /* the address that the client believes to have */
    struct pcp_map map;    /* of MAP and PEER */
    struct pcp_options options;
};

/* What to do with a datagram at a server's port. */
enum pcp_reading {
    PCP_READ,   /* `*request` is good */
    PCP_ANSWER, /* it is not: answer with `*result` */
    PCP_IGNORE, /* too short to be answered, or a response */
};

/* Reads a request in the order of section 8.2. `version` and `opcode` are filled in on PCP_ANSWER too. */
enum pcp_reading pcp_request_decode(struct span datagram, struct pcp_request *request, enum pcp_result *result);
void pcp_request_encode(struct writer *writer, const struct pcp_request *request);

struct pcp_response {
    uint8_t version, opcode, result;
    uint32_t lifetime, epoch; /* seconds */
    bool has_map;             /* MAP or PEER, and long enough */
    struct pcp_map map;
    struct pcp_options options; /* those that were processed */
};

/* False when it is no PCP response, or malformed. One of another version is read as far as its header, which has the
 * same places in NAT-PMP's 8 bytes (section 9 and RFC 6886 section 3.5). */
bool pcp_response_decode(struct span datagram, struct pcp_response *response);
void pcp_response_encode(struct writer *writer, const struct pcp_response *response);

/* The error that answers a request which may have been unreadable: the request comes back, cut to what a message may
 * hold and padded, with the header of a response (section 8.2). */
void pcp_refusal_encode(struct writer *writer, struct span request, enum pcp_result result, uint32_t epoch);

#endif
