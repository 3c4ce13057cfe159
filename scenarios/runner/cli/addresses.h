/* Addresses on the command line: of servers and of sockets. */
#ifndef SCENARIOS_RUNNER_CLI_ADDRESSES_H
#define SCENARIOS_RUNNER_CLI_ADDRESSES_H

#include <glib.h>

#include "core/base/address.h"
#include "proto/turn/uri.h"

#define ADDRESSES_ERROR (addresses_error_quark())
GQuark addresses_error_quark(void);

/* Where to listen: "198.51.100.1", "198.51.100.1:3478", "[2001:db8::1]:3478", ":3478" or "*:3478" (all addresses of both
 * families), "0.0.0.0". `what` names it in the error: "--listen". */
bool addresses_listen(const char *what, const char *text, uint16_t port, struct endpoint *endpoint, GError **error);

/* Where a server is: of a name the first address of each family, IPv4 first. */
struct places {
    size_t count;
    struct endpoint at[2];
};

/* A STUN server: a stun: URI, a host name or an address, with a port or without. Names are resolved; that may take a
 * while. */
bool addresses_stun(const char *text, uint16_t port, struct places *places, GError **error);
/* The first of these. */
bool addresses_server(const char *text, uint16_t port, struct endpoint *endpoint, GError **error);

/* A TURN server by its turn: URI (RFC 7065). */
bool addresses_turn(const char *text, struct places *places, enum turn_uri_transport *transport, GError **error);

/* A server by a URL without a path, "http://HOST[:PORT]", or without a scheme; `port` where neither is written. */
bool addresses_http(const char *text, uint16_t port, struct endpoint *endpoint, GError **error);

#endif
