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

/* The first of a family. */
static void
take_first(const struct addrinfo *found, int family, uint16_t port, struct places *places)
{
    for (; found; found = found->ai_next) {
        if (found->ai_family != family)
            continue;
        places->at[places->count] = live_sockaddr_read(found->ai_addr);
        places->at[places->count++].port = port;
        return;
    }
}

static bool
resolve(const char *host, uint16_t port, struct places *places, GError **error)
{
    struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_DGRAM }, *found = NULL;
    int failure = getaddrinfo(host, NULL, &hints, &found);

    places->count = 0;
    if (failure == 0) {
        take_first(found, AF_INET, port, places);
        take_first(found, AF_INET6, port, places);
        freeaddrinfo(found);
    }
    if (places->count == 0)
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s' has no address: %s", host, gai_strerror(failure));
    return places->count > 0;
}

static bool
find_places(const struct stun_uri *uri, struct places *places, GError **error)
{
    *places = (struct places){ .count = 1, .at = { { uri->address, uri->port } } };
    return !address_is_none(uri->address) || resolve(uri->host, uri->port, places, error);
}

bool
addresses_stun(const char *text, uint16_t port, struct places *places, GError **error)
{
    bool is_uri = g_ascii_strncasecmp(text, "stun:", 5) == 0 || g_ascii_strncasecmp(text, "stuns:", 6) == 0;
    const char *fault = NULL;
    struct stun_uri uri;

    *places = (struct places){ .count = 1, .at = { { ADDRESS_NONE, port } } };
    if (!is_uri && (endpoint_parse(text, &places->at[0]) || address_parse(text, &places->at[0].address)) &&
        places->at[0].port != 0)
        return true;
    if (is_uri && !stun_uri_parse(text, &uri, error))
        return false;
    if (!is_uri)
        fault = stun_uri_read_place(text, false, &uri);
    if (fault) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s' is no server: %s; accepted: stun:HOST[:PORT], HOST[:PORT]", text, fault);
        return false;
    }
    if (uri.secure) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s': STUN over TLS is not in this version; accepted: stun:", text);
        return false;
    }
    return find_places(&uri, places, error);
}

bool
addresses_server(const char *text, uint16_t port, struct endpoint *endpoint, GError **error)
{
    struct places places;
    bool good = addresses_stun(text, port, &places, error);

    *endpoint = places.at[0];
    return good;
}

bool
addresses_turn(const char *text, struct places *places, enum turn_uri_transport *transport, GError **error)
{
    struct turn_uri uri;

    if (!turn_uri_parse(text, &uri, error))
        return false;
    if (uri.server.secure) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s': TURN over TLS is not in this version; accepted: turn:", text);
        return false;
    }
    *transport = uri.transport;
    return find_places(&uri.server, places, error);
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
    struct places places;
    struct stun_uri uri;
    const char *fault;

    if (g_str_has_suffix(place, "/"))
        place[strlen(place) - 1] = '\0';
    fault = strstr(place, "://") ? "its scheme is not 'http'" : stun_uri_read_place(place, false, &uri);
    if (fault) {
        g_set_error(error, ADDRESSES_ERROR, 0, "'%s' is no server of HTTP: %s; accepted: http://HOST:PORT", text, fault);
        return false;
    }
    if (!has_port(place))
        uri.port = is_url ? HTTP_PORT : port;
    if (!find_places(&uri, &places, error))
        return false;
    *endpoint = places.at[0];
    return true;
}
