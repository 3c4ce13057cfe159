#include "scenarios/runner/cli/addresses.h"

#include <netdb.h>
#include <string.h>

#include "core/live/sockaddr.h"

#define HTTP_PORT 80

GQuark
addresses_error_quark(void)
{
    return g_quark_from_static_string("addresses");
}

/* An address alone; an IPv6 one may stand in brackets, as it does before a port. */
static bool
parse_alone(const char *text, struct address *address)
{
    bool bracketed = g_str_has_prefix(text, "[") && g_str_has_suffix(text, "]");
    g_autofree char *inside = bracketed ? g_strndup(text + 1, strlen(text) - 2) : g_strdup(text);

    return address_parse(inside, address) && !(bracketed && address_is_ipv4(*address));
}

bool
addresses_listen(const char *what, const char *text, uint16_t port, struct endpoint *endpoint, GError **error)
{
    bool any = *text == ':' || g_str_has_prefix(text, "*:");
    g_autofree char *spelled = any ? g_strconcat("[::]", strchr(text, ':'), NULL) : g_strdup(text);

    if (endpoint_parse(spelled, endpoint))
        return true;
    endpoint->port = port;
    if (parse_alone(text, &endpoint->address))
        return true;
    g_set_error(error, ADDRESSES_ERROR, 0,
                "%s: '%s' is no address; accepted: 198.51.100.1, 198.51.100.1:3478, [2001:db8::1]:3478 or :3478", what,
                text);
    return false;
}

/* The first of IPv4, or else the first. */
static bool
take_resolved(const struct addrinfo *found, uint16_t port, struct endpoint *endpoint)
{
    const struct addrinfo *best = found;

    for (const struct addrinfo *at = found; at; at = at->ai_next)
        if (at->ai_family == AF_INET) {
            best = at;
            break;
        }
    if (!best)
        return false;
    *endpoint = live_sockaddr_read(best->ai_addr);
    endpoint->port = port;
    return true;
}

static bool
resolve(const char *host, uint16_t port, struct endpoint *endpoint, GError **error)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *found = NULL;
    int failure = getaddrinfo(host, NULL, &hints, &found);
    bool good = failure == 0 && take_resolved(found, port, endpoint);

    if (!good)
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s' has no address: %s", host, gai_strerror(failure));
    if (found)
        freeaddrinfo(found);
    return good;
}

static bool
find_place(const struct stun_uri *uri, struct endpoint *endpoint, GError **error)
{
    *endpoint = (struct endpoint){ uri->address, uri->port };
    return !address_is_none(uri->address) || resolve(uri->host, uri->port, endpoint, error);
}

bool
addresses_server(const char *text, uint16_t port, struct endpoint *endpoint, GError **error)
{
    bool is_uri = g_ascii_strncasecmp(text, "stun:", 5) == 0 || g_ascii_strncasecmp(text, "stuns:", 6) == 0;
    g_autofree char *spelled = is_uri ? g_strdup(text) : g_strconcat("stun:", text, NULL);
    struct stun_uri uri;

    endpoint->port = port;
    if (!is_uri && (endpoint_parse(text, endpoint) || address_parse(text, &endpoint->address)))
        return true;
    if (!stun_uri_parse(spelled, &uri, error))
        return false;
    if (uri.secure) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s': STUN over TLS is not in this version; accepted: stun:", text);
        return false;
    }
    return find_place(&uri, endpoint, error);
}

bool
addresses_turn(const char *text, struct endpoint *endpoint, enum turn_uri_transport *transport, GError **error)
{
    struct turn_uri uri;

    if (!turn_uri_parse(text, &uri, error))
        return false;
    if (uri.server.secure) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s': TURN over TLS is not in this version; accepted: turn:", text);
        return false;
    }
    *transport = uri.transport;
    return find_place(&uri.server, endpoint, error);
}

/* Whether one is written behind a host, which may be an address in brackets. */
static bool
has_port(const char *place)
{
    const char *bracket = strrchr(place, ']');

    return strchr(bracket ? bracket : place, ':') != NULL;
}

bool
addresses_http(const char *text, uint16_t port, struct endpoint *endpoint, GError **error)
{
    bool is_url = g_ascii_strncasecmp(text, "http://", 7) == 0;
    g_autofree char *place = g_strdup(is_url ? text + 7 : text);
    struct stun_uri uri;
    const char *fault;

    if (g_str_has_suffix(place, "/"))
        place[strlen(place) - 1] = '\0';
    fault = stun_uri_read_place(place, false, &uri);
    if (fault) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s' is no server of HTTP: %s; accepted: http://HOST:PORT", text, fault);
        return false;
    }
    if (!has_port(place))
        uri.port = is_url ? HTTP_PORT : port;
    return find_place(&uri, endpoint, error);
}
