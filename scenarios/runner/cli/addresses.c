#include "scenarios/runner/cli/addresses.h"

#include <netdb.h>
#include <string.h>

#include "core/live/sockaddr.h"
#include "proto/stun/uri.h"

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
    if (address_is_none(uri.address))
        return resolve(uri.host, uri.port, endpoint, error);
    *endpoint = (struct endpoint){ uri.address, uri.port };
    return true;
}
