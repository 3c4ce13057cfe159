#include "proto/sip/dialog.h"

static char *
text_of(struct span span)
{
    return span.length ? g_strndup((const char *)span.bytes, span.length) : g_strdup("");
}

/* ---- reading */

/* The values of Record-Route; NULL when one cannot be read, or there are too many. */
static GPtrArray *
read_routes(const struct sip_message *message, bool reversed)
{
    GPtrArray *routes = g_ptr_array_new_with_free_func(g_free);
    struct sip_values values = sip_values_of(message, SIP_HEADER_RECORD_ROUTE);
    struct span value;

    while (sip_values_next(&values, &value)) {
        struct sip_name_addr address;

        if (routes->len >= SIP_ROUTES_MOST || !sip_name_addr_decode(value, &address) || address.star) {
            g_ptr_array_unref(routes);
            return NULL;
        }
        g_ptr_array_insert(routes, reversed ? 0 : -1, text_of(value));
    }
    return routes;
}

/* The URI of the first Contact; NULL without one. */
static char *
read_target(const struct sip_message *message)
{
    struct sip_values values = sip_values_of(message, SIP_HEADER_CONTACT);
    struct sip_name_addr address;
    struct span value;

    if (!sip_values_next(&values, &value) || !sip_name_addr_decode(value, &address) || address.star)
        return NULL;
    return text_of(address.uri.text);
}

static void
refresh(struct sip_dialog *dialog, const struct sip_message *message)
{
    char *target = read_target(message);

    if (!target)
        return;
    g_free(dialog->target);
    dialog->target = target;
}

static bool
read_address(const struct sip_message *message, enum sip_header_name name, struct sip_name_addr *address)
{
    return sip_name_addr_decode(sip_message_value(message, name), address) && !address->star;
}

/* ---- life */

/* `message` has the peer's Contact and the Record-Route; `mine` and `peers` are From and To, as the side is. */
static struct sip_dialog *
dialog_new(const struct sip_message *message, bool server, enum sip_header_name peers)
{
    struct sip_name_addr peer;
    GPtrArray *routes = read_routes(message, !server);
    struct sip_dialog *dialog;

    if (!routes)
        return NULL;
    if (!read_address(message, peers, &peer)) {
        g_ptr_array_unref(routes);
        return NULL;
    }
    dialog = g_new0(struct sip_dialog, 1);
    dialog->server = server;
    dialog->routes = routes;
    dialog->call_id = text_of(sip_message_value(message, SIP_HEADER_CALL_ID));
    dialog->remote_tag = text_of(peer.tag);
    dialog->remote = text_of(sip_message_value(message, peers));
    dialog->target = read_target(message);
    if (!dialog->target)
        dialog->target = text_of(peer.uri.text);
    return dialog;
}

struct sip_dialog *
sip_dialog_of_response(const struct sip_message *request, const struct sip_message *response)
{
    struct sip_name_addr from, to;
    struct sip_dialog *dialog;

    if (!read_address(request, SIP_HEADER_FROM, &from) || !read_address(response, SIP_HEADER_TO, &to))
        return NULL;
    if (to.tag.length == 0 && response->status < 200)
        return NULL;
    dialog = dialog_new(response, false, SIP_HEADER_TO);
    if (!dialog)
        return NULL;
    dialog->confirmed = response->status >= 200;
    dialog->local_tag = text_of(from.tag);
    dialog->local = text_of(sip_message_value(request, SIP_HEADER_FROM));
    dialog->local_cseq = request->cseq;
    return dialog;
}

struct sip_dialog *
sip_dialog_of_request(const struct sip_message *request, const char *tag)
{
    struct span to = sip_message_value(request, SIP_HEADER_TO);
    struct sip_dialog *dialog = dialog_new(request, true, SIP_HEADER_FROM);

    if (!dialog)
        return NULL;
    dialog->local_tag = g_strdup(tag);
    dialog->local = g_strdup_printf("%.*s;tag=%s", (int)to.length, (const char *)to.bytes, tag);
    dialog->remote_cseq = request->cseq;
    dialog->has_remote_cseq = true;
    return dialog;
}

void
sip_dialog_free(struct sip_dialog *dialog)
{
    if (!dialog)
        return;
    g_free(dialog->call_id);
    g_free(dialog->local_tag);
    g_free(dialog->remote_tag);
    g_free(dialog->local);
    g_free(dialog->remote);
    g_free(dialog->target);
    g_ptr_array_unref(dialog->routes);
    g_free(dialog);
}

/* ---- whose is it */

static struct span
tag_of(const struct sip_message *message, enum sip_header_name name)
{
    struct sip_name_addr address;

    return read_address(message, name, &address) ? address.tag : span_of(NULL, 0);
}

bool
sip_dialog_has_request(const struct sip_dialog *dialog, const struct sip_message *request)
{
    return span_equal(sip_message_value(request, SIP_HEADER_CALL_ID), span_of_text(dialog->call_id)) &&
           span_equal(tag_of(request, SIP_HEADER_TO), span_of_text(dialog->local_tag)) &&
           span_equal(tag_of(request, SIP_HEADER_FROM), span_of_text(dialog->remote_tag));
}

bool
sip_dialog_has_response(const struct sip_dialog *dialog, const struct sip_message *response)
{
    return span_equal(tag_of(response, SIP_HEADER_TO), span_of_text(dialog->remote_tag));
}

/* ---- what happens in it */

void
sip_dialog_confirm(struct sip_dialog *dialog, const struct sip_message *response)
{
    GPtrArray *routes = read_routes(response, true);

    dialog->confirmed = true;
    if (routes) {
        g_ptr_array_unref(dialog->routes);
        dialog->routes = routes;
    }
    refresh(dialog, response);
}

bool
sip_dialog_take_request(struct sip_dialog *dialog, const struct sip_message *request)
{
    if (dialog->has_remote_cseq && request->cseq <= dialog->remote_cseq)
        return false;
    dialog->remote_cseq = request->cseq;
    dialog->has_remote_cseq = true;
    if (request->method_id == SIP_INVITE || request->method_id == SIP_UPDATE)
        refresh(dialog, request);
    return true;
}

void
sip_dialog_take_refresh(struct sip_dialog *dialog, const struct sip_message *response)
{
    refresh(dialog, response);
}

uint32_t
sip_dialog_next(struct sip_dialog *dialog)
{
    return ++dialog->local_cseq;
}

/* ---- requests */

/* The first route's URI, when its router is a strict one: of RFC 2543, without `lr`. */
static bool
strict_router(const struct sip_dialog *dialog, struct sip_name_addr *first)
{
    struct span value;

    return dialog->routes->len > 0 && sip_name_addr_decode(span_of_text(g_ptr_array_index(dialog->routes, 0)), first) &&
           !sip_parameter(first->uri.parameters, "lr", &value);
}

static void
put_routes(const struct sip_dialog *dialog, bool strict, struct writer *out)
{
    for (guint i = strict; i < dialog->routes->len; i++)
        sip_put_header_text(out, SIP_HEADER_ROUTE, g_ptr_array_index(dialog->routes, i));
    if (strict)
        sip_put_format(out, SIP_HEADER_ROUTE, "<%s>", dialog->target);
}

void
sip_dialog_put(const struct sip_dialog *dialog, struct span method, uint32_t cseq, struct writer *out)
{
    struct sip_name_addr router;
    bool strict = strict_router(dialog, &router);

    sip_put_request_line(out, method, strict ? router.uri.text : span_of_text(dialog->target));
    put_routes(dialog, strict, out);
    sip_put_header_text(out, SIP_HEADER_MAX_FORWARDS, "70");
    sip_put_header_text(out, SIP_HEADER_FROM, dialog->local);
    sip_put_header_text(out, SIP_HEADER_TO, dialog->remote);
    sip_put_header_text(out, SIP_HEADER_CALL_ID, dialog->call_id);
    sip_put_format(out, SIP_HEADER_CSEQ, "%u %.*s", cseq, (int)method.length, (const char *)method.bytes);
}

char *
sip_dialog_uri(const struct sip_dialog *dialog)
{
    struct sip_name_addr router;

    return strict_router(dialog, &router) ? text_of(router.uri.text) : g_strdup(dialog->target);
}

bool
sip_dialog_flow(const struct sip_dialog *dialog, const struct sip_names *names, struct sip_flow *flow)
{
    struct sip_name_addr route;
    struct sip_uri uri;

    if (dialog->routes->len > 0)
        return sip_name_addr_decode(span_of_text(g_ptr_array_index(dialog->routes, 0)), &route) &&
               sip_flow_of_uri(&route.uri, names, flow);
    return sip_uri_decode(span_of_text(dialog->target), &uri) && sip_flow_of_uri(&uri, names, flow);
}
