#include "proto/sip/route.h"

#include "proto/sip/lex.h"

/* --- the way ----------------------------------------------------------------------------------------------------- */

static bool
is_self(const struct sip_self *self, const struct sip_uri *uri)
{
    return uri->sip && self->is(self->owner, uri);
}

static bool
is_loose(const struct sip_uri *uri)
{
    struct span value;

    return sip_parameter(uri->parameters, "lr", &value);
}

static bool
decode_route(struct span value, struct sip_name_addr *route)
{
    return sip_name_addr_decode(value, route) && !route->star && route->brackets && route->uri.sip;
}

/* Takes the first Route out when it is ours; a second one with the same token is the other side's of the same dialog (RFC
 * 5658 section 3.1). */
static void
drop_own(struct sip_way *way, const struct sip_self *self)
{
    struct sip_name_addr route;
    bool again = false;

    while (way->count && decode_route(way->routes[0], &route) && is_self(self, &route.uri) &&
           (!again || (way->token.length && span_equal(route.uri.user, way->token)))) {
        way->was_ours = again = true;
        way->token = route.uri.user;
        way->count--;
        memmove(way->routes, way->routes + 1, way->count * sizeof way->routes[0]);
    }
}

static void
undo_strict(struct sip_way *way, const struct sip_self *self)
{
    struct sip_uri uri;
    struct sip_name_addr last;

    if (!way->count || !sip_uri_decode(way->uri, &uri) || !is_loose(&uri) || !is_self(self, &uri) ||
        !decode_route(way->routes[way->count - 1], &last))
        return;
    way->was_ours = true;
    way->token = uri.user;
    way->uri = last.uri.text;
    way->count--;
}

bool
sip_way_begin(struct sip_way *way, const struct sip_message *request, const struct sip_self *self)
{
    struct sip_values walk = sip_values_of(request, SIP_HEADER_ROUTE);
    struct sip_name_addr route;
    struct span value;

    *way = (struct sip_way){ .uri = request->uri };
    while (sip_values_next(&walk, &value)) {
        if (way->count == SIP_ROUTES_MOST || !decode_route(value, &route))
            return false;
        way->routes[way->count++] = value;
    }
    undo_strict(way, self);
    drop_own(way, self);
    return true;
}

/* Parts values at commas as they stand in a Route: all of them are in angle brackets. */
static bool
next_value(struct span *left, struct span *value)
{
    const uint8_t *end = left->length ? memchr(left->bytes, '>', left->length) : NULL;
    size_t length;

    if (!end)
        return false;
    length = (size_t)(end - left->bytes) + 1;
    while (length < left->length && left->bytes[length] != ',')
        length++;
    *value = sip_trim(span_of(left->bytes, length));
    length += length < left->length;
    *left = span_of(left->bytes + length, left->length - length);
    return true;
}

bool
sip_way_push(struct sip_way *way, struct span path, const struct sip_self *self)
{
    struct span values[SIP_ROUTES_MOST], value;
    struct sip_name_addr route;
    unsigned count = 0;

    while (next_value(&path, &value)) {
        if (count + way->count >= SIP_ROUTES_MOST || !decode_route(value, &route))
            return false;
        values[count++] = value;
    }
    memmove(way->routes + count, way->routes, way->count * sizeof way->routes[0]);
    memcpy(way->routes, values, count * sizeof values[0]);
    way->count += count;
    if (count)
        drop_own(way, self);
    return true;
}

bool
sip_way_next(struct sip_way *way, struct sip_uri *hop)
{
    struct sip_name_addr first;

    if (!way->count)
        return sip_uri_decode(way->uri, hop);
    if (!decode_route(way->routes[0], &first))
        return false;
    *hop = first.uri;
    if (is_loose(hop))
        return true;
    memmove(way->routes, way->routes + 1, (way->count - 1) * sizeof way->routes[0]);
    way->routes[way->count - 1] = way->uri; /* a bare URI: brackets are put around it where it is written */
    way->uri = hop->text;
    return true;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

unsigned
sip_hops_of(const struct sip_message *request)
{
    uint32_t hops = 70;

    (void)sip_number_decode(sip_message_value(request, SIP_HEADER_MAX_FORWARDS), UINT8_MAX, &hops);
    return hops;
}

static void
put_routes(struct writer *out, const struct sip_way *way)
{
    struct sip_name_addr route;

    for (unsigned i = 0; i < way->count; i++) {
        if (sip_name_addr_decode(way->routes[i], &route) && route.brackets)
            sip_put_header(out, SIP_HEADER_ROUTE, way->routes[i]);
        else
            sip_put_format(out, SIP_HEADER_ROUTE, "<%.*s>", (int)way->routes[i].length,
                           (const char *)way->routes[i].bytes);
    }
}

static bool
is_for_us_alone(const struct sip_header *header, const char *realm)
{
    struct sip_digest_fields fields;

    return realm && header->id == SIP_HEADER_PROXY_AUTHORIZATION && sip_digest_decode(header->value, &fields) &&
           sip_text_is(fields.realm, realm);
}

static void
put_rest(struct writer *out, const struct sip_forwarding *forwarding)
{
    const struct sip_message *request = forwarding->request;

    for (unsigned i = 0; i < request->count; i++) {
        const struct sip_header *header = &request->headers[i];

        switch (header->id) {
        case SIP_HEADER_VIA:
        case SIP_HEADER_ROUTE:
        case SIP_HEADER_MAX_FORWARDS:
        case SIP_HEADER_CONTENT_LENGTH:
            break;
        default:
            if (!is_for_us_alone(header, forwarding->realm))
                writer_span_put(out, header->line);
        }
    }
}

static void
put_body(struct writer *out, const struct sip_message *message)
{
    sip_put_number(out, SIP_HEADER_CONTENT_LENGTH, (uint32_t)message->body.length);
    writer_span_put(out, span_of_text("\r\n"));
    writer_span_put(out, message->body);
}

void
sip_put_forwarded(struct writer *out, const struct sip_forwarding *forwarding)
{
    sip_put_request_line(out, forwarding->request->method, forwarding->way->uri);
    if (forwarding->record_route.length)
        sip_put_header(out, SIP_HEADER_RECORD_ROUTE, forwarding->record_route);
    if (forwarding->path.length)
        sip_put_header(out, SIP_HEADER_PATH, forwarding->path);
    sip_copy_vias(out, forwarding->request, forwarding->source);
    put_routes(out, forwarding->way);
    sip_put_number(out, SIP_HEADER_MAX_FORWARDS, forwarding->hops);
    put_rest(out, forwarding);
    put_body(out, forwarding->request);
}

size_t
sip_forwarded_room(const struct sip_forwarding *forwarding)
{
    size_t routes = 0;

    for (unsigned i = 0; i < forwarding->way->count; i++)
        routes += forwarding->way->routes[i].length + 16;
    return forwarding->request->text.length + forwarding->way->uri.length + routes + forwarding->record_route.length +
           forwarding->path.length + 512;
}

/* --- responses --------------------------------------------------------------------------------------------------- */

/* The line of the first Via without its first value; nothing when it has no other. */
static void
put_rest_of_line(struct writer *out, const struct sip_header *header, struct span first)
{
    const uint8_t *end = header->value.bytes + header->value.length, *at = first.bytes + first.length;
    struct span rest;

    while (at < end && *at != ',')
        at++;
    rest = at < end ? sip_trim(span_of(at + 1, (size_t)(end - at - 1))) : span_of(NULL, 0);
    if (rest.length)
        sip_put_header(out, SIP_HEADER_VIA, rest);
}

bool
sip_put_returned(struct writer *out, const struct sip_message *response)
{
    struct sip_values walk = sip_values_of(response, SIP_HEADER_VIA);
    struct span first, second;
    unsigned line;

    if (!sip_values_next(&walk, &first))
        return false;
    line = walk.line;
    if (!sip_values_next(&walk, &second))
        return false;
    sip_put_status_line(out, response->status, response->phrase);
    for (unsigned i = 0; i < response->count; i++) {
        if (i == line)
            put_rest_of_line(out, &response->headers[i], first);
        else if (response->headers[i].id != SIP_HEADER_CONTENT_LENGTH)
            writer_span_put(out, response->headers[i].line);
    }
    put_body(out, response);
    return true;
}
