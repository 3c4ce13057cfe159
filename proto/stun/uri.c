#include "proto/stun/uri.h"

#include "proto/stun/message.h"

/* 1 to 65535, in digits only. */
static bool
read_port(const char *text, uint16_t *port)
{
    uint32_t value = 0;

    if (!*text || strlen(text) > 5)
        return false;
    for (; g_ascii_isdigit(*text); text++)
        value = value * 10 + (uint32_t)(*text - '0');
    *port = (uint16_t)value;
    return *text == '\0' && value > 0 && value <= UINT16_MAX;
}

/* A registered name of RFC 3986, without percent-encoding, which no host name needs. */
static bool
is_name(const char *host)
{
    if (!*host)
        return false;
    for (; *host; host++)
        if (!g_ascii_isalnum(*host) && !strchr("-._~", *host))
            return false;
    return true;
}

/* Copies the host without its brackets, and gives where its port begins: "" or ":...". NULL when it is too long, or a
 * bracket is not closed. */
static const char *
read_host(const char *text, char *host)
{
    bool bracket = *text == '[';
    size_t length = bracket ? strcspn(text + 1, "]") : strcspn(text, ":");

    if (length >= STUN_HOST_TEXT || (bracket && text[1 + length] != ']'))
        return NULL;
    memcpy(host, text + bracket, length);
    host[length] = '\0';
    return text + length + (bracket ? 2 : 0);
}

const char *
stun_uri_read_place(const char *text, bool secure, struct stun_uri *uri)
{
    bool bracket = *text == '[';
    const char *port;

    *uri = (struct stun_uri){ .secure = secure, .port = secure ? STUN_TLS_PORT : STUN_PORT };
    port = read_host(text, uri->host);
    if (!port)
        return "its host is too long, or a bracket is missing";
    if (!address_parse(uri->host, &uri->address))
        uri->address = ADDRESS_NONE;
    if (bracket ? address_family(uri->address) != FAMILY_IPV6 : !is_name(uri->host))
        return "its host is neither a name nor an address, or an IPv6 address without brackets";
    if (*port && (*port != ':' || !read_port(port + 1, &uri->port)))
        return "its port is not a number from 1 to 65535";
    return NULL;
}

static const char *
read_uri(const char *text, struct stun_uri *uri)
{
    bool secure = g_ascii_strncasecmp(text, "stuns:", 6) == 0;
    const char *rest = text + (secure ? 6 : 5), *fault;

    if (!secure && g_ascii_strncasecmp(text, "stun:", 5) != 0)
        return "it begins with neither 'stun:' nor 'stuns:'";
    if (strpbrk(rest, "/?#@"))
        return "after the scheme there are a host and a port only (RFC 7064 section 3.1)";
    fault = stun_uri_read_place(rest, secure, uri);
    if (!fault && secure && !address_is_none(uri->address))
        return "'stuns:' needs a host name, for the certificate (RFC 8489 section 8.1)";
    return fault;
}

bool
stun_uri_parse(const char *text, struct stun_uri *uri, GError **error)
{
    const char *fault = read_uri(text, uri);

    if (fault)
        g_set_error(error, G_CONVERT_ERROR, G_CONVERT_ERROR_BAD_URI, "'%s' is no STUN URI: %s", text, fault);
    return !fault;
}
