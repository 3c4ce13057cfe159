#include "proto/portmap/ssdp.h"

#include <glib.h>
#include <stdio.h>

#include "proto/http/lex.h"
#include "proto/http/message.h"

#define SERVER "punchlab/1 UPnP/1.1 punchlab/1"

static struct span
text(const char *of)
{
    return span_of_text(of);
}

/* --- requests: M-SEARCH (section 1.3.2) and NOTIFY (section 1.2) ------------------------------------------------ */

static bool
read_search(const struct http_head *head, struct ssdp_message *message)
{
    struct span man, wait;
    uint64_t seconds;

    message->kind = SSDP_SEARCH;
    if (!http_head_get(head, "man", &man) || !http_span_is(man, "\"ssdp:discover\""))
        return false;
    if (!http_head_get(head, "st", &message->target) || message->target.length == 0)
        return false;
    if (!http_head_get(head, "mx", &wait) || !http_decimal(wait, &seconds) || seconds == 0)
        return false;
    message->wait = (unsigned)MIN(seconds, 5);
    return true;
}

static bool
read_notify(const struct http_head *head, struct ssdp_message *message)
{
    struct span what;

    if (!http_head_get(head, "nts", &what) || !http_head_get(head, "nt", &message->target) ||
        !http_head_get(head, "usn", &message->name))
        return false;
    message->kind = http_span_is(what, "ssdp:alive") ? SSDP_ALIVE : SSDP_BYEBYE;
    if (message->kind == SSDP_ALIVE)
        return http_head_get(head, "location", &message->location);
    return http_span_is(what, "ssdp:byebye");
}

static void
put_search(struct writer *writer, const struct ssdp_message *message)
{
    http_put_request_line(writer, "M-SEARCH", text("*"));
    http_put_field(writer, "HOST", text("239.255.255.250:1900"));
    http_put_field(writer, "MAN", text("\"ssdp:discover\""));
    http_put_number(writer, "MX", message->wait);
    http_put_field(writer, "ST", message->target);
}

static void
put_age(struct writer *writer)
{
    http_put_field(writer, "CACHE-CONTROL", text("max-age=" G_STRINGIFY(SSDP_MAX_AGE)));
}

static void
put_notify(struct writer *writer, const struct ssdp_message *message)
{
    http_put_request_line(writer, "NOTIFY", text("*"));
    http_put_field(writer, "HOST", text("239.255.255.250:1900"));
    if (message->kind == SSDP_ALIVE) {
        put_age(writer);
        http_put_field(writer, "LOCATION", message->location);
        http_put_field(writer, "SERVER", text(SERVER));
    }
    http_put_field(writer, "NT", message->target);
    http_put_field(writer, "NTS", text(message->kind == SSDP_ALIVE ? "ssdp:alive" : "ssdp:byebye"));
    http_put_field(writer, "USN", message->name);
}

/* --- responses (section 1.3.3) ----------------------------------------------------------------------------------- */

static bool
read_response(const struct http_head *head, struct ssdp_message *message)
{
    message->kind = SSDP_RESPONSE;
    return head->status == 200 && http_head_get(head, "st", &message->target) &&
           http_head_get(head, "usn", &message->name) && http_head_get(head, "location", &message->location);
}

static void
put_response(struct writer *writer, const struct ssdp_message *message)
{
    http_put_status_line(writer, 200);
    put_age(writer);
    http_put_field(writer, "EXT", text(""));
    http_put_field(writer, "LOCATION", message->location);
    http_put_field(writer, "SERVER", text(SERVER));
    http_put_field(writer, "ST", message->target);
    http_put_field(writer, "USN", message->name);
}

/* --- all of them ------------------------------------------------------------------------------------------------- */

bool
ssdp_decode(struct span datagram, struct ssdp_message *message)
{
    struct http_head head;

    *message = (struct ssdp_message){ 0 };
    if (datagram.length > SSDP_BYTES)
        return false;
    if (http_head_decode(datagram, HTTP_RESPONSE, &head) == HTTP_FAULT_NONE)
        return read_response(&head, message);
    if (http_head_decode(datagram, HTTP_REQUEST, &head) != HTTP_FAULT_NONE || !http_span_is(head.target, "*"))
        return false;
    if (http_span_is(head.method, "M-SEARCH"))
        return read_search(&head, message);
    return http_span_is(head.method, "NOTIFY") && read_notify(&head, message);
}

void
ssdp_encode(struct writer *writer, const struct ssdp_message *message)
{
    if (message->kind == SSDP_SEARCH)
        put_search(writer, message);
    else if (message->kind == SSDP_RESPONSE)
        put_response(writer, message);
    else
        put_notify(writer, message);
    http_put_end(writer);
}

bool
ssdp_url(struct span url, struct endpoint *endpoint, struct span *target)
{
    static const char scheme[] = "http://";
    char host[ENDPOINT_TEXT];
    struct span rest, authority;

    if (!http_span_starts_nocase(url, scheme))
        return false;
    rest = span_of(url.bytes + sizeof scheme - 1, url.length - (sizeof scheme - 1));
    authority = rest;
    authority = http_cut(&authority, '/');
    *target = authority.length < rest.length ? span_of(rest.bytes + authority.length, rest.length - authority.length)
                                             : text("/");
    if (authority.length == 0 || authority.length >= sizeof host || memchr(authority.bytes, 0, authority.length))
        return false;
    memcpy(host, authority.bytes, authority.length);
    host[authority.length] = '\0';
    if (endpoint_parse(host, endpoint))
        return endpoint->port != 0;
    endpoint->port = HTTP_PORT;
    return address_parse(host, &endpoint->address);
}
