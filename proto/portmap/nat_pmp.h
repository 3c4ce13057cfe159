/* NAT-PMP (RFC 6886): its messages as plain values. Pure. IPv4 only. */
#ifndef PROTO_PORTMAP_NAT_PMP_H
#define PROTO_PORTMAP_NAT_PMP_H

#include "core/base/cursor.h"
#include "proto/portmap/control.h"

#define NAT_PMP_VERSION 0
#define NAT_PMP_PORT 5351
#define NAT_PMP_CLIENT_PORT 5350
#define NAT_PMP_LIFETIME 7200 /* recommended, seconds (section 3.3) */
#define NAT_PMP_BYTES 64      /* longer requests are no NAT-PMP */

enum nat_pmp_opcode { NAT_PMP_ADDRESS = 0, NAT_PMP_MAP_UDP = 1, NAT_PMP_MAP_TCP = 2 };

/* clang-format off */
/* Section 3.5. */
#define NAT_PMP_RESULTS(X) \
    X(SUCCESS,              0, "success") \
    X(UNSUPPORTED_VERSION,  1, "unsupported-version") \
    X(NOT_AUTHORIZED,       2, "not-authorized") \
    X(NETWORK_FAILURE,      3, "network-failure") \
    X(OUT_OF_RESOURCES,     4, "out-of-resources") \
    X(UNSUPPORTED_OPCODE,   5, "unsupported-opcode")

enum nat_pmp_result {
#define X(name, code, word) NAT_PMP_##name = code,
    NAT_PMP_RESULTS(X)
#undef X
    NAT_PMP_RESULT_COUNT
};
/* clang-format on */

/* "unknown" for a code that has no name here; such a code is an error (section 3.5). */
const char *nat_pmp_result_word(unsigned result);
enum nat_pmp_result nat_pmp_result_of(enum portmap_result result);

struct nat_pmp_request {
    uint8_t version, opcode;
    uint16_t internal_port, external_port; /* of a mapping; the external one is suggested */
    uint32_t lifetime;                     /* seconds; 0 ends it */
};

enum nat_pmp_reading { NAT_PMP_READ, NAT_PMP_ANSWER, NAT_PMP_IGNORE };

/* NAT_PMP_ANSWER: with `*result`; `version` and `opcode` are filled in. Malformed requests and responses are ignored. */
enum nat_pmp_reading nat_pmp_request_decode(struct span datagram, struct nat_pmp_request *request,
                                            enum nat_pmp_result *result);
void nat_pmp_request_encode(struct writer *writer, const struct nat_pmp_request *request);

struct nat_pmp_response {
    uint8_t version, opcode; /* the opcode of the request */
    uint16_t result;
    uint32_t epoch;         /* seconds since the gateway's table began */
    struct address address; /* of NAT_PMP_ADDRESS */
    uint16_t internal_port, external_port;
    uint32_t lifetime;
};

/* False when it is no response, or cut. One of another version is read as far as its result. */
bool nat_pmp_response_decode(struct span datagram, struct nat_pmp_response *response);
void nat_pmp_response_encode(struct writer *writer, const struct nat_pmp_response *response);

/* The answer to a request with an opcode that is not known: it comes back, with its result (section 3.5). */
void nat_pmp_refusal_encode(struct writer *writer, struct span request, uint32_t epoch);

#endif
