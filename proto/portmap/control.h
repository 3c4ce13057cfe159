/* What servers of port control ask of the box that they run in, and the words that all of them share.
 *
 * Three protocols let a host ask its NAT for a mapping: PCP (RFC 6887), NAT-PMP (RFC 6886) and the Internet Gateway
 * Device of UPnP. Their servers here know messages, lifetimes, owners and errors; the mappings themselves are the box's,
 * which lends the servers a `struct portmap_control`. */
#ifndef PROTO_PORTMAP_CONTROL_H
#define PROTO_PORTMAP_CONTROL_H

#include <glib.h>

#include "core/base/address.h"

#define PORTMAP_LIFETIME_FOREVER UINT32_MAX /* seconds */

enum portmap_via { PORTMAP_PCP, PORTMAP_NAT_PMP, PORTMAP_UPNP, PORTMAP_VIAS };

/* "pcp", "nat-pmp", "upnp"; ends with NULL. */
extern const char *const portmap_via_words[];

/* clang-format off */
/* What the box answers. Each protocol has codes of its own for these.
 *                          word                    sentence */
#define PORTMAP_RESULTS(X) \
    X(OK,                   "ok",                   "the mapping stands") \
    X(NOT_AUTHORIZED,       "not-authorized",       "the mapping is another's, or may not be had") \
    X(NO_NETWORK,           "no-network",           "the box has no external address") \
    X(NO_RESOURCES,         "no-resources",         "no external port is free") \
    X(QUOTA,                "quota",                "the host has as many mappings as it may have") \
    X(NO_PROTOCOL,          "no-protocol",          "the box does not map this protocol") \
    X(TAKEN,                "taken",                "the external endpoint is not to be had, and no other would do")

enum portmap_result {
#define X(name, word, sentence) PORTMAP_##name,
    PORTMAP_RESULTS(X)
#undef X
    PORTMAP_RESULT_COUNT
};
/* clang-format on */

const char *portmap_result_word(enum portmap_result result);
const char *portmap_result_sentence(enum portmap_result result);

#define PORTMAP_FILTERS 8 /* in one request: more are too many (EXCESSIVE_REMOTE_PEERS) */

/* A remote peer that may send through the mapping; port 0: any port. */
struct portmap_filter {
    struct prefix prefix;
    uint16_t port;
};

struct portmap_wish {
    enum portmap_via via;
    uint8_t protocol;
    bool by_external; /* known by its external port, as UPnP has it: one internal endpoint may have several */
    bool exact;       /* nothing but the suggested external endpoint will do */
    struct endpoint internal;
    struct endpoint external; /* suggested; no address, port 0: any */
    uint32_t lifetime;        /* seconds from now; PORTMAP_LIFETIME_FOREVER */
    size_t filters;           /* 0: everybody may send */
    struct portmap_filter filter[PORTMAP_FILTERS];
};

struct portmap_grant {
    struct endpoint external;
    uint32_t lifetime; /* seconds; never more than was wished */
};

/* A mapping to one peer (PCP's PEER): what an outbound packet would make. */
struct portmap_peer_wish {
    uint8_t protocol;
    struct endpoint internal, external, peer;
    uint32_t lifetime;
};

struct portmap_control;

struct portmap_control_ops {
    /* Makes a mapping, or renews the one that `wish->internal` (or, `by_external`, that external port) has. */
    enum portmap_result (*map)(struct portmap_control *control, const struct portmap_wish *wish,
                               struct portmap_grant *grant);
    /* Ends it. One that is not there has ended already. */
    void (*unmap)(struct portmap_control *control, uint8_t protocol, struct endpoint internal,
                  struct endpoint external);
    /* The external address that `internal` has, or would get; none when there is none. */
    struct address (*external_address)(struct portmap_control *control, struct address internal);
    /* NULL: the box has no such thing. */
    enum portmap_result (*peer)(struct portmap_control *control, const struct portmap_peer_wish *wish,
                                struct portmap_grant *grant);
    bool filters; /* it heeds `wish->filter` */
};

struct portmap_control {
    const struct portmap_control_ops *ops;
};

#endif
