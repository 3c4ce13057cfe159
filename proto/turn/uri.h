/* turn: and turns: URIs (RFC 7065): a scheme, a host, perhaps a port, and perhaps how to get there.
 *
 *     turn:198.51.100.1   turn:turn.example.org:3478?transport=tcp   turns:turn.example.org
 *
 * Host names are left to be resolved by whoever reads them, as those of stun: URIs (proto/stun/uri.h). */
#ifndef PROTO_TURN_URI_H
#define PROTO_TURN_URI_H

#include "proto/stun/uri.h"

/* ANY: the URI leaves it to its reader (RFC 5928 section 3: UDP first, then TCP). */
enum turn_uri_transport { TURN_URI_ANY, TURN_URI_UDP, TURN_URI_TCP };

struct turn_uri {
    struct stun_uri server; /* the ports are STUN's: RFC 7065 section 3.2 */
    enum turn_uri_transport transport;
};

/* False with an error of G_CONVERT_ERROR that quotes the text and says what is wrong. A transport other than udp and tcp,
 * which the RFC leaves to others to define, is refused; so is "turns:" with an address, as "stuns:" is. */
bool turn_uri_parse(const char *text, struct turn_uri *uri, GError **error);

#endif
