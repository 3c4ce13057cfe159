/* What a TURN request asks for, read off a decoded message and judged by itself (RFC 8656 sections 7.2 and 8.2, RFC 6062
 * section 5.1). Pure: what is left to check after this needs the server's tables and ports. */
#ifndef PROTO_TURN_REQUEST_H
#define PROTO_TURN_REQUEST_H

#include "proto/stun/attributes.h"

/* What this server can give on the leg where the request came. */
struct turn_offer {
    bool ipv4, ipv6;    /* families of relayed addresses */
    bool tcp;           /* RFC 6062 */
    bool dont_fragment; /* its host can set DF */
    uint8_t leg;        /* the client's transport: PROTOCOL_UDP or PROTOCOL_TCP */
};

struct turn_wish {
    uint8_t protocol;   /* of the relayed address */
    enum family family; /* of the first or only one; FAMILY_NONE with a token, whose port has one */
    bool both;          /* one of each family, as far as there are */
    bool even, pair;    /* an even port; and the next one held */
    bool by_token;
    uint64_t token;
    bool has_lifetime;
    uint64_t lifetime; /* seconds */
};

/* The checks of section 7.2, numbers 3 to 9, in their order; 0, or the code to refuse it with. With 420 `unknown` says what
 * was not understood. Whether a token is good (5) and a port to be had (8, 9) is seen afterwards: a request that is wrong
 * in two ways is told 400 where the RFC would say 508 first, if it asks for EVEN-PORT and an additional IPv4 address while
 * no port is left. */
unsigned turn_wish_read(const struct stun_message *message, const struct turn_offer *offer, struct turn_wish *wish,
                        struct stun_types *unknown);

/* LIFETIME of a request. False when it is malformed. */
bool turn_lifetime_read(const struct stun_message *message, bool *has, uint64_t *seconds);

/* REQUESTED-ADDRESS-FAMILY of a Refresh: FAMILY_NONE when it has none. 0, or the code to refuse it with: 443 for a number
 * that is no family, since no allocation is of that one (section 8.2). */
unsigned turn_family_read(const struct stun_message *message, enum family *family);

#endif
