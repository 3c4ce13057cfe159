/* SIP URIs (RFC 3261 section 19.1): "sip:alice@example.com:5070;transport=tcp?Subject=x". Other schemes (tel:, http:)
 * are kept as they are. Pure; spans borrow from the text. */
#ifndef PROTO_SIP_URI_H
#define PROTO_SIP_URI_H

#include "core/base/address.h"
#include "core/base/cursor.h"

enum sip_transport { SIP_UDP, SIP_TCP, SIP_TLS, SIP_TRANSPORT_OTHER };
const char *sip_transport_word(enum sip_transport transport); /* "UDP", as it stands in a Via */

/* Parameters after a ';', as in URIs, Via and the name-addr headers: "name", "name=value", "name=\"quoted\"". */
struct sip_parameters {
    struct span text; /* from the first ';' on, or empty */
};
/* The value of a parameter, without its quotes but with the escapes inside; false when it isn't there. A parameter
 * without a value has an empty one, which stands where its name ends. Names are case-insensitive, and "%6Cr" is "lr". */
bool sip_parameter(struct sip_parameters parameters, const char *name, struct span *value);
/* Walks them; `*left` begins as all of `text`. False at the end, where `*left` is empty, and where the grammar is broken,
 * where it isn't. Blanks and folds may stand around ';' and '='. */
bool sip_parameter_next(struct span *left, struct span *name, struct span *value);
/* Whether all of them are well-formed. */
bool sip_parameters_sound(struct sip_parameters parameters);

/* `host` is a name, an IPv4 address, or an IPv6 reference without its brackets; `address` is set for the latter two.
 * `host_port` is from the host's first byte to the port's last, brackets included: what an ALG replaces. */
struct sip_host {
    struct span host;
    struct span host_port;
    struct address address; /* none for a name */
    uint16_t port;          /* 0: not said */
};
/* `text` is all of "host[:port]"; blanks may stand around the ':', as in a Via. */
bool sip_host_decode(struct span text, struct sip_host *host);
/* An IPv4 address, or an IPv6 one with or without brackets: `received`, `maddr`. */
bool sip_address_decode(struct span text, struct address *address);

struct sip_uri {
    struct span text;   /* all of it */
    struct span scheme; /* "sip", "sips", "tel", ... */
    bool sip;           /* it is sip or sips: what follows is set */
    bool secure;
    struct span user, password; /* with their escapes; `has_user` tells "sip:@" from "sip:" */
    bool has_user;
    struct sip_host at;
    struct sip_parameters parameters;
    struct span headers; /* after the '?' */
};

bool sip_uri_decode(struct span text, struct sip_uri *uri);

/* Equality as section 19.1.4 has it: escapes undone, defaults not assumed, parameters that both have must agree, and
 * user, ttl, method, maddr and transport must be in both or neither; the order doesn't matter. Others: byte for byte,
 * and so are URIs with more than SIP_URI_PARTS parameters or header fields. */
#define SIP_URI_PARTS 64
bool sip_uri_equal(const struct sip_uri *a, const struct sip_uri *b);

enum sip_transport sip_transport_of(struct span word); /* in any case */
/* transport=, or UDP (TLS for sips). */
enum sip_transport sip_uri_transport(const struct sip_uri *uri);
/* Where a request to it goes when host (or maddr) is an address: its port, or 5060 (5061 for TLS). False for a name. */
bool sip_uri_endpoint(const struct sip_uri *uri, struct endpoint *endpoint);

/* Undoes %HH. The writer has failed when it doesn't fit; a malformed escape fails too. */
bool sip_unescape(struct span text, struct writer *out);

#endif
