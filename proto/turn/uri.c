#include "proto/turn/uri.h"

/* "transport=udp", the only parameter that there is (RFC 7065 section 3.1). */
static bool
read_transport(const char *query, enum turn_uri_transport *transport)
{
    if (g_ascii_strcasecmp(query, "transport=udp") == 0)
        *transport = TURN_URI_UDP;
    else if (g_ascii_strcasecmp(query, "transport=tcp") == 0)
        *transport = TURN_URI_TCP;
    else
        return false;
    return true;
}

static const char *
read_uri(const char *text, struct turn_uri *uri)
{
    bool secure = g_ascii_strncasecmp(text, "turns:", 6) == 0;
    const char *rest = text + (secure ? 6 : 5), *query, *fault;

    if (!secure && g_ascii_strncasecmp(text, "turn:", 5) != 0)
        return "it begins with neither 'turn:' nor 'turns:'";
    if (strpbrk(rest, "/#@"))
        return "after the scheme there are a host, a port and a transport only (RFC 7065 section 3.1)";
    query = strchr(rest, '?');
    uri->transport = TURN_URI_ANY;
    if (query && !read_transport(query + 1, &uri->transport))
        return "after '?' may stand transport=udp or transport=tcp";

    g_autofree char *place = query ? g_strndup(rest, (gsize)(query - rest)) : g_strdup(rest);

    fault = stun_uri_read_place(place, secure, &uri->server);
    if (!fault && secure && !address_is_none(uri->server.address))
        return "'turns:' needs a host name, for the certificate (RFC 8489 section 8.1)";
    return fault;
}

bool
turn_uri_parse(const char *text, struct turn_uri *uri, GError **error)
{
    const char *fault = read_uri(text, uri);

    if (fault)
        g_set_error(error, G_CONVERT_ERROR, G_CONVERT_ERROR_BAD_URI, "'%s' is no TURN URI: %s", text, fault);
    return !fault;
}
