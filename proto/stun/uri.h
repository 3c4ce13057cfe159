/* stun: and stuns: URIs (RFC 7064): a scheme, a host, and perhaps a port.
 *
 *     stun:198.51.100.1   stun:[2001:db8::1]:3478   stuns:stun.example.org:5349
 *
 * Host names are left to be resolved by whoever reads them: an engine is made with addresses only. */
#ifndef PROTO_STUN_URI_H
#define PROTO_STUN_URI_H

#include <glib.h>

#include "core/base/address.h"

#define STUN_TLS_PORT 5349 /* RFC 7064 section 3.2 */
#define STUN_HOST_TEXT 256

struct stun_uri {
    bool secure;               /* stuns: */
    char host[STUN_HOST_TEXT]; /* as written, without brackets */
    struct address address;    /* the host, where it is an address; else none */
    uint16_t port;             /* as written, or the scheme's own */
};

/* False with an error of G_CONVERT_ERROR that quotes the text and says what is wrong. RFC 8489 section 8.1: "stuns:"
 * with an address is refused, because no certificate could be checked. */
bool stun_uri_parse(const char *text, struct stun_uri *uri, GError **error);

/* The host and port behind a scheme, for it and for turn: (proto/turn/uri.h): what is wrong with them, as a clause for
 * people, or NULL. */
const char *stun_uri_read_place(const char *text, bool secure, struct stun_uri *uri);

#endif
