#include "proto/portmap/upnp_server.h"

#include <stdio.h>

#include "core/base/journal.h"
#include "proto/http/lex.h"
#include "proto/http/server.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/ssdp.h"

#define PENDING 64 /* responses that wait for their time; more searches are not answered */
#define TTL 2      /* UDA 1.1 section 1.1 */

struct pending {
    int64_t at;
    struct endpoint peer;
    size_t target;
    unsigned version;
};

struct upnp_server {
    struct io *io;
    struct igd igd;
    char *name;
    struct prefix inside[UPNP_SERVER_INSIDE];
    size_t insides;
    uint16_t port;
    struct io_udp *udp;
    struct http_server *http;
    struct io_timer answering, announcing;
    struct pending pending[PENDING];
    size_t waiting;
    struct upnp_server_counters counters;
};

static int64_t
now_of(const struct upnp_server *server)
{
    return server->io->ops->now(server->io);
}

/* The own address on the network that `peer` is on; none when it is not inside. */
static struct address
inside_toward(const struct upnp_server *server, struct address peer)
{
    for (size_t i = 0; i < server->insides; i++) {
        if (prefix_contains(server->inside[i], peer))
            return server->inside[i].address;
    }
    return ADDRESS_NONE;
}

/* --- SSDP -------------------------------------------------------------------------------------------------------- */

static void
send_ssdp(struct upnp_server *server, enum ssdp_kind kind, struct address own, struct endpoint peer, size_t index,
          unsigned version)
{
    char location[ENDPOINT_TEXT + 32], text[ENDPOINT_TEXT];
    uint8_t bytes[SSDP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct igd_target target;

    if (!igd_target_at(&server->igd, index, version, &target))
        return;
    snprintf(location, sizeof location, "http://%s" IGD_PATH_DEVICE,
             endpoint_format((struct endpoint){ own, server->port }, text));
    ssdp_encode(&writer, &(struct ssdp_message){ .kind = kind,
                                                 .target = span_of_text(target.type),
                                                 .name = span_of_text(target.name),
                                                 .location = span_of_text(location) });

    struct io_datagram datagram = IO_DATAGRAM_TO(peer, writer_span(&writer));

    datagram.local.address = own;
    datagram.ttl = kind == SSDP_RESPONSE ? IO_UNSET : TTL;
    if (!writer_failed(&writer))
        (void)server->udp->ops->send(server->udp, &datagram);
}

static void
arm_answers(struct upnp_server *server)
{
    int64_t first = TIME_NEVER;

    for (size_t i = 0; i < server->waiting; i++)
        first = MIN(first, server->pending[i].at);
    if (first != TIME_NEVER)
        server->io->ops->arm(server->io, &server->answering, first, true);
}

static void
on_answering(void *owner, struct io_timer *timer)
{
    struct upnp_server *server = owner;
    int64_t now = now_of(server);

    (void)timer;
    for (size_t i = 0; i < server->waiting;) {
        struct pending due = server->pending[i];

        if (due.at > now) {
            i++;
            continue;
        }
        server->waiting--;
        memmove(&server->pending[i], &server->pending[i + 1], (server->waiting - i) * sizeof due);
        server->counters.responses++;
        send_ssdp(server, SSDP_RESPONSE, inside_toward(server, due.peer.address), due.peer, due.target, due.version);
    }
    arm_answers(server);
}

static int64_t
delay_within(struct upnp_server *server, unsigned seconds)
{
    uint8_t bytes[4];
    struct reader reader;

    server->io->ops->random(server->io, bytes, sizeof bytes);
    reader = reader_over(span_of(bytes, sizeof bytes));
    return (int64_t)(reader_u32(&reader) % 1000) * seconds * TIME_MS;
}

static void
search(struct upnp_server *server, const struct ssdp_message *message, struct endpoint peer)
{
    struct igd_target target;

    server->counters.searches++;
    for (size_t i = 0; igd_target_at(&server->igd, i, 0, &target) && server->waiting < PENDING; i++) {
        unsigned version;
        struct pending *pending = &server->pending[server->waiting];

        if (!igd_target_matches(&server->igd, i, message->target, &version))
            continue;
        *pending = (struct pending){ .peer = peer, .target = i, .version = version };
        pending->at = now_of(server) + delay_within(server, message->wait);
        server->waiting++;
    }
    arm_answers(server);
}

static void
drop(struct upnp_server *server, const struct io_datagram *datagram, enum drop_reason reason)
{
    struct record record = { .kind = &portmap_kind_dropped,
                             .packet = datagram->packet,
                             .verdict = VERDICT_DROP,
                             .reason = (uint8_t)reason,
                             .rule = PORTMAP_UPNP,
                             .before = { datagram->peer.address, datagram->local.address, datagram->peer.port,
                                         datagram->local.port, PROTOCOL_UDP } };

    server->counters.dropped++;
    if (server->io->ops->listening(server->io))
        server->io->ops->note(server->io, &record);
}

/* Only searches are for a device; what other devices announce is none of its business. */
static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct upnp_server *server = owner;
    struct ssdp_message message;

    (void)udp;
    if (address_is_none(inside_toward(server, datagram->peer.address)))
        drop(server, datagram, DROP_POLICY);
    else if (!ssdp_decode(datagram->data, &message))
        drop(server, datagram, DROP_MALFORMED_SSDP);
    else if (message.kind == SSDP_SEARCH)
        search(server, &message, datagram->peer);
}

static const struct io_udp_events events = { .datagram = on_datagram };

static void
notify_all(struct upnp_server *server, enum ssdp_kind kind)
{
    struct endpoint group = { SSDP_GROUP, SSDP_PORT };
    struct igd_target target;

    for (size_t i = 0; i < server->insides; i++) {
        for (size_t j = 0; igd_target_at(&server->igd, j, 0, &target); j++) {
            send_ssdp(server, kind, server->inside[i].address, group, j, 0);
            server->counters.announcements++;
        }
    }
}

static void
on_announcing(void *owner, struct io_timer *timer)
{
    struct upnp_server *server = owner;

    notify_all(server, SSDP_ALIVE);
    server->io->ops->arm(server->io, timer, now_of(server) + SSDP_MAX_AGE / 2 * TIME_S, false);
}

void
upnp_server_announce(struct upnp_server *server)
{
    server->io->ops->arm(server->io, &server->announcing, now_of(server), false);
}

void
upnp_server_farewell(struct upnp_server *server)
{
    server->io->ops->disarm(server->io, &server->announcing);
    notify_all(server, SSDP_BYEBYE);
}

/* --- HTTP -------------------------------------------------------------------------------------------------------- */

static void
respond(struct http_exchange *exchange, unsigned status, const char *type, const GString *body)
{
    http_exchange_respond(exchange,
                          &(struct http_response){ .status = status,
                                                   .type = type,
                                                   .body = body ? span_of(body->str, body->len) : span_of(NULL, 0) });
}

static void
note_action(struct upnp_server *server, const struct http_request *request, const struct portmap_served *served,
            unsigned error)
{
    struct record record = { .kind = error ? &portmap_kind_refused : &portmap_kind_served,
                             .verdict = VERDICT_MINE,
                             .rule = PORTMAP_UPNP,
                             .before = { request->peer.address, request->local.address, request->peer.port,
                                         request->local.port, PROTOCOL_TCP },
                             .subject = { error },
                             .detail = served->lifetime };

    if (!server->io->ops->listening(server->io))
        return;
    if (!error && served->mapping)
        record.after = (struct flow){ served->internal.address, served->external.address, served->internal.port,
                                      served->external.port, served->protocol };
    server->io->ops->note(server->io, &record);
}

/* The envelope's element and the SOAPAction field have to name the same action: a firewall may look at one only. */
static const struct xml_node *
action_in(const struct xml *xml, struct span action)
{
    const struct xml_node *body = xml ? soap_body(xml) : NULL;

    return body && http_span_is(action, body->name) ? body : NULL;
}

static void
serve_action(struct upnp_server *server, struct http_exchange *exchange, const struct http_request *request)
{
    g_autoptr(GString) arguments = g_string_new(NULL), body = g_string_new(NULL);
    g_autoptr(xml) xml = xml_parse(request->body);
    struct portmap_served served = { .via = PORTMAP_UPNP };
    const struct xml_node *called;
    const char *service = "";
    struct span field, type, action = { NULL, 0 };
    unsigned error = UPNP_INVALID_ACTION;

    if (http_head_get(request->head, SOAP_ACTION_FIELD, &field) && soap_read_action(field, &type, &action) &&
        (called = action_in(xml, action)))
        error = igd_call(&server->igd, request->head->target, action, called, request->peer.address, now_of(server),
                         arguments, &service, &served);
    server->counters.actions++;
    server->counters.faults += error != UPNP_OK;
    note_action(server, request, &served, error);
    if (error) {
        soap_put_fault(body, error);
    } else {
        g_autofree char *name = g_strndup((const char *)action.bytes, action.length);

        soap_put_response(body, service, name, arguments->str);
    }
    respond(exchange, error ? 500 : 200, SOAP_TYPE, body); /* a fault is a 500: UDA section 3.2.2 */
}

static void
on_request(void *owner, struct http_exchange *exchange)
{
    struct upnp_server *server = owner;
    struct http_request request = http_exchange_request(exchange);
    g_autoptr(GString) body = g_string_new(NULL);

    if (address_is_none(inside_toward(server, request.peer.address))) {
        server->counters.dropped++;
        respond(exchange, 403, NULL, NULL);
    } else if (http_span_is(request.head->method, "POST")) {
        serve_action(server, exchange, &request);
    } else if (!http_span_is(request.head->method, "GET") && !http_span_is(request.head->method, "HEAD")) {
        respond(exchange, 501, NULL, NULL);
    } else if (igd_describe(&server->igd, request.head->target, body)) {
        respond(exchange, 200, SOAP_TYPE, body);
    } else {
        respond(exchange, 404, NULL, NULL);
    }
}

/* --- life -------------------------------------------------------------------------------------------------------- */

/* A random UUID (RFC 9562 section 5.4). */
static void
draw_uuid(struct upnp_server *server)
{
    uint8_t b[16];
    char *uuid = server->igd.uuid;

    server->io->ops->random(server->io, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(uuid, IGD_UUID, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static bool
open_http(struct upnp_server *server, enum io_result *why)
{
    struct http_server_options options = HTTP_SERVER_DEFAULTS;
    struct endpoint listen[UPNP_SERVER_INSIDE];

    for (size_t i = 0; i < server->insides; i++)
        listen[i] = (struct endpoint){ server->inside[i].address, server->port };
    options.listen = listen;
    options.listens = server->insides;
    options.name = "punchlab/1 UPnP/1.1 punchlab/1";
    options.limits.body = 16384;
    options.handler = on_request;
    options.owner = server;
    server->http = http_server_new(server->io, &options, why);
    return server->http != NULL;
}

static bool
open_ssdp(struct upnp_server *server, enum io_result *why)
{
    struct endpoint any = { ADDRESS_NONE, SSDP_PORT };
    struct address group = SSDP_GROUP;

    server->udp = server->io->ops->udp(server->io, &any, &events, server, why);
    if (!server->udp)
        return false;
    *why = server->udp->ops->join(server->udp, &group, IO_UNSET);
    return *why == IO_OK;
}

struct upnp_server *
upnp_server_new(struct io *io, const struct upnp_server_options *options, enum io_result *why)
{
    g_autoptr(upnp_server) server = g_new0(struct upnp_server, 1);

    g_assert(options->insides >= 1 && options->insides <= UPNP_SERVER_INSIDE);
    g_assert(options->version == 1 || options->version == 2);
    server->io = io;
    server->name = g_strdup(options->name);
    server->igd = (struct igd){ .desk = options->desk, .version = options->version, .name = server->name };
    server->insides = options->insides;
    memcpy(server->inside, options->inside, options->insides * sizeof *options->inside);
    server->port = options->port ? options->port : UPNP_HTTP_PORT;
    server->answering = (struct io_timer){ .fire = on_answering, .owner = server };
    server->announcing = (struct io_timer){ .fire = on_announcing, .owner = server };
    draw_uuid(server);
    return open_ssdp(server, why) && open_http(server, why) ? g_steal_pointer(&server) : NULL;
}

void
upnp_server_free(struct upnp_server *server)
{
    if (!server)
        return;
    server->io->ops->disarm(server->io, &server->answering);
    server->io->ops->disarm(server->io, &server->announcing);
    http_server_free(server->http);
    if (server->udp)
        server->udp->ops->close(server->udp);
    g_free(server->name);
    g_free(server);
}

const struct upnp_server_counters *
upnp_server_counters(const struct upnp_server *server)
{
    return &server->counters;
}
