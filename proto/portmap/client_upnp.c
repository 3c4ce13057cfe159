/* UPnP: what a mapping takes is a chain of steps, each begun when the one before has been answered.
 *   SEARCH     M-SEARCH to the group, or to the gateway if its address is known; the first fit response says where the
 *              description is, which has to be at the responder's own address
 *   DESCRIBE   the description names the service and where its actions are called
 *   ADDRESS    GetExternalIPAddress
 *   MAP        AddAnyPortMapping of version 2, AddPortMapping of version 1; or DeletePortMapping
 * A renewal and the end begin at ADDRESS or MAP: the gateway is known then.
 *
 * Version 1 has its ways to say no: a port that is taken (718) is tried again at another, a box that knows only
 * permanent mappings (725) gets one, a box that wants equal ports (724) gets equal ports. */
#include <stdio.h>

#include "proto/http/client.h"
#include "proto/http/lex.h"
#include "proto/portmap/client_private.h"
#include "proto/portmap/igd.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/soap.h"
#include "proto/portmap/ssdp.h"

#define SEARCHES 3
#define SEARCH_WAIT 2 /* MX, seconds */
#define PORT_TRIES 8
#define TEXT 128
#define GATEWAY "urn:schemas-upnp-org:device:InternetGatewayDevice:"

enum step { STEP_NONE, STEP_SEARCH, STEP_DESCRIBE, STEP_ADDRESS, STEP_MAP };

struct upnp_way {
    enum step step;
    struct io_udp *udp; /* while searching */
    unsigned searches;
    int64_t give_up;
    struct http_client *http;
    struct http_call *call;
    struct endpoint device;           /* where it listens for HTTP */
    char target[TEXT], control[TEXT]; /* the description's and the control's paths */
    char service[TEXT];               /* type */
    bool known, version_2;
    struct address external;
    uint16_t port; /* the external one that is asked for */
    unsigned tries;
    bool permanent; /* the box knows no other leases */
};

static void
stop(struct portmap_client *client)
{
    struct upnp_way *way = client->upnp;

    if (!way)
        return;
    if (way->udp)
        way->udp->ops->close(way->udp);
    http_client_free(way->http);
    g_clear_pointer(&client->upnp, g_free);
}

/* Keeps what is known of the gateway; only what is under way goes. */
static void
close_search(struct upnp_way *way)
{
    if (way->udp)
        way->udp->ops->close(way->udp);
    way->udp = NULL;
}

static void
interrupt(struct portmap_client *client)
{
    struct upnp_way *way = client->upnp;

    if (!way)
        return;
    close_search(way);
    if (way->call)
        http_call_cancel(way->call);
    way->call = NULL;
    way->step = STEP_NONE;
}

static void
fail(struct portmap_client *client, enum portmap_failure failure, unsigned code, enum io_result io)
{
    client->upnp->step = STEP_NONE;
    portmap_way_failed(client, failure, code, io);
}

/* --- actions ----------------------------------------------------------------------------------------------------- */

static void on_http(void *owner, struct http_call *call, const struct http_result *result);

static void
call_http(struct portmap_client *client, enum step step, struct http_ask *ask)
{
    struct upnp_way *way = client->upnp;

    if (!way->http)
        way->http = http_client_new(client->io, &HTTP_LIMITS_DEFAULT, "punchlab/1 UPnP/1.1");
    way->step = step;
    client->server = way->device;
    ask->server = way->device;
    ask->timeout = client->request.patience;
    ask->local.address = client->internal.address;
    ask->done = on_http;
    ask->owner = client;
    way->call = http_client_ask(way->http, ask);
    portmap_client_note(client, &portmap_kind_asked, 0, 0, (unsigned)step);
}

static void
call_action(struct portmap_client *client, enum step step, const char *action, const struct soap_argument *arguments)
{
    struct upnp_way *way = client->upnp;
    g_autoptr(GString) body = g_string_new(NULL);
    g_autofree char *field = g_strdup_printf("\"%s#%s\"", way->service, action);
    struct http_pair fields[] = { { SOAP_ACTION_FIELD, field }, { NULL, NULL } };
    struct http_ask ask = {
        .method = "POST", .target = way->control, .type = SOAP_TYPE, .fields = fields, .repeatable = true
    }; /* each of ours says what shall be, not what shall change */

    soap_put_request(body, way->service, action, arguments);
    ask.body = span_of(body->str, body->len);
    call_http(client, step, &ask);
}

/* Seconds to ask for: version 2 knows nothing longer than a week, version 1 says 0 for ever. */
static uint32_t
lease_of(const struct portmap_client *client)
{
    if (client->upnp->version_2)
        return MIN(client->asked, IGD_LEASE_MAX);
    return client->upnp->permanent || client->asked == PORTMAP_LIFETIME_FOREVER ? 0 : client->asked;
}

static const char *
protocol_word(const struct portmap_client *client)
{
    return client->request.protocol == PROTOCOL_UDP ? "UDP" : "TCP";
}

static void
call_add(struct portmap_client *client)
{
    struct upnp_way *way = client->upnp;
    char external[8], internal[8], lease[16], own[ADDRESS_TEXT];
    struct soap_argument arguments[] = { { "NewRemoteHost", "" },
                                         { "NewExternalPort", external },
                                         { "NewProtocol", protocol_word(client) },
                                         { "NewInternalPort", internal },
                                         { "NewInternalClient", address_format(client->internal.address, own) },
                                         { "NewEnabled", "1" },
                                         { "NewPortMappingDescription", client->description },
                                         { "NewLeaseDuration", lease },
                                         { NULL, NULL } };

    snprintf(external, sizeof external, "%u", way->port);
    snprintf(internal, sizeof internal, "%u", client->internal.port);
    snprintf(lease, sizeof lease, "%u", lease_of(client));
    call_action(client, STEP_MAP, way->version_2 && !client->request.exact ? "AddAnyPortMapping" : "AddPortMapping",
                arguments);
}

static void
call_delete(struct portmap_client *client)
{
    char external[8];
    struct soap_argument arguments[] = { { "NewRemoteHost", "" },
                                         { "NewExternalPort", external },
                                         { "NewProtocol", protocol_word(client) },
                                         { NULL, NULL } };

    snprintf(external, sizeof external, "%u", client->external.port);
    call_action(client, STEP_MAP, "DeletePortMapping", arguments);
}

static void
call_address(struct portmap_client *client)
{
    static const struct soap_argument none[] = { { NULL, NULL } };

    call_action(client, STEP_ADDRESS, "GetExternalIPAddress", none);
}

static void
call_describe(struct portmap_client *client)
{
    struct http_ask ask = { .method = "GET", .target = client->upnp->target };

    call_http(client, STEP_DESCRIBE, &ask);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static bool
copy_text(char into[TEXT], struct span text)
{
    if (text.length == 0 || text.length >= TEXT)
        return false;
    memcpy(into, text.bytes, text.length);
    into[text.length] = '\0';
    return true;
}

/* The control's path: a whole URL has to lead to the device itself, another is taken from its root. */
static bool
read_control(struct upnp_way *way, const char *url)
{
    struct endpoint at;
    struct span target;
    struct span text = span_of_text(url);

    if (http_span_starts_nocase(text, "http:"))
        return ssdp_url(text, &at, &target) && endpoint_equal(at, way->device) && copy_text(way->control, target);
    way->control[0] = '/';
    if (url[0] == '/')
        return copy_text(way->control, text);
    return text.length > 0 && text.length < TEXT - 1 && g_strlcpy(way->control + 1, url, TEXT - 1) > 0;
}

/* The connection's service, the best of those that the device has. */
static bool
read_description(struct upnp_way *way, struct span body)
{
    static const char *const wanted[] = { "urn:schemas-upnp-org:service:WANIPConnection:2",
                                          "urn:schemas-upnp-org:service:WANIPConnection:1",
                                          "urn:schemas-upnp-org:service:WANPPPConnection:1" };
    g_autoptr(xml) xml = xml_parse(body);
    GQueue lists = G_QUEUE_INIT;
    size_t best = G_N_ELEMENTS(wanted);

    if (!xml)
        return false;
    g_queue_push_tail(&lists, (void *)xml_root(xml));
    for (const struct xml_node *node; (node = g_queue_pop_head(&lists));) {
        const char *type = xml_child_text(node, "serviceType"), *control = xml_child_text(node, "controlURL");

        for (size_t i = 0; type && control && i < best; i++) {
            if (strcmp(type, wanted[i]) == 0 && read_control(way, control))
                best = i;
        }
        for (const struct xml_node *child = node->child; child; child = child->next)
            g_queue_push_tail(&lists, (void *)child);
    }
    if (best == G_N_ELEMENTS(wanted))
        return false;
    way->known = true;
    way->version_2 = best == 0;
    g_strlcpy(way->service, wanted[best], TEXT);
    return true;
}

static void
described(struct portmap_client *client, struct span body)
{
    if (!read_description(client->upnp, body))
        fail(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
    else if (client->asked == 0)
        call_delete(client);
    else
        call_address(client);
}

static void
addressed(struct portmap_client *client, const struct xml_node *response)
{
    struct upnp_way *way = client->upnp;
    const char *text = xml_child_text(response, "NewExternalIPAddress");

    if (!text || !address_parse(text, &way->external) || address_is_unspecified(way->external)) {
        fail(client, PORTMAP_FAILURE_NO_NETWORK, 0, IO_OK);
        return;
    }
    way->port = client->holds ? client->external.port : client->request.external.port;
    if (way->port == 0)
        way->port = client->internal.port;
    way->tries = 0;
    call_add(client);
}

static void
mapped(struct portmap_client *client, const struct xml_node *response)
{
    struct upnp_way *way = client->upnp;
    const char *reserved = xml_child_text(response, "NewReservedPort");
    uint64_t port = way->port;

    if (reserved && (!http_decimal(span_of_text(reserved), &port) || port == 0 || port > UINT16_MAX)) {
        fail(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
        return;
    }
    way->step = STEP_NONE;
    portmap_way_granted(client, (struct endpoint){ way->external, (uint16_t)port },
                        lease_of(client) ? lease_of(client) : PORTMAP_LIFETIME_FOREVER);
}

/* Whether another request may fare better than the one refused; then it has been begun. */
static bool
try_again(struct portmap_client *client, unsigned code)
{
    struct upnp_way *way = client->upnp;
    bool free_to_choose = !client->request.exact && !client->holds;

    if (client->asked == 0 || ++way->tries > PORT_TRIES)
        return false;
    if (code == UPNP_ONLY_PERMANENT && !way->permanent)
        way->permanent = true;
    else if (code == UPNP_SAME_PORTS_REQUIRED && free_to_choose && way->port != client->internal.port)
        way->port = client->internal.port;
    else if ((code == UPNP_CONFLICT || code == UPNP_CONFLICT_WITH_OTHERS) && free_to_choose)
        way->port = (uint16_t)(1024 + portmap_client_dice(client) % (65536 - 1024));
    else
        return false;
    call_add(client);
    return true;
}

static void
faulted(struct portmap_client *client, unsigned code)
{
    if (client->asked == 0 && code == UPNP_NO_SUCH_ENTRY) /* it has ended already */
        portmap_way_granted(client, client->external, 0);
    else if (client->upnp->step != STEP_MAP || !try_again(client, code))
        fail(client, PORTMAP_FAILURE_REJECTED, code, IO_OK);
}

static void
answered(struct portmap_client *client, const struct http_result *result)
{
    g_autoptr(xml) xml = client->upnp->step == STEP_DESCRIBE ? NULL : xml_parse(result->body);
    const struct xml_node *body = xml ? soap_body(xml) : NULL;
    unsigned code = body ? soap_fault_code(body) : 0;

    if (code)
        faulted(client, code);
    else if (result->head->status != 200)
        fail(client, PORTMAP_FAILURE_REJECTED, result->head->status, IO_OK);
    else if (client->upnp->step == STEP_DESCRIBE)
        described(client, result->body);
    else if (!body || strcmp(body->name, "Fault") == 0)
        fail(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
    else if (client->upnp->step == STEP_ADDRESS)
        addressed(client, body);
    else
        mapped(client, body);
}

static void
on_http(void *owner, struct http_call *call, const struct http_result *result)
{
    struct portmap_client *client = owner;

    (void)call;
    client->upnp->call = NULL;
    switch (result->outcome) {
    case HTTP_OUTCOME_ANSWERED:
        answered(client, result);
        break;
    case HTTP_OUTCOME_TIMEOUT:
        fail(client, PORTMAP_FAILURE_TIMEOUT, 0, IO_OK);
        break;
    case HTTP_OUTCOME_MALFORMED:
    case HTTP_OUTCOME_UNSENDABLE:
        fail(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
        break;
    default:
        fail(client, PORTMAP_FAILURE_UNREACHABLE, 0, result->io);
    }
}

/* --- the search -------------------------------------------------------------------------------------------------- */

static void
send_search(struct portmap_client *client)
{
    struct upnp_way *way = client->upnp;
    struct endpoint to = { client->request.gateway.address, SSDP_PORT };
    uint8_t bytes[SSDP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    int64_t now = portmap_client_now(client);
    enum io_result result;

    if (address_is_unspecified(to.address))
        to.address = SSDP_GROUP;
    ssdp_encode(&writer, &(struct ssdp_message){
                             .kind = SSDP_SEARCH, .target = span_of_text(GATEWAY "1"), .wait = SEARCH_WAIT });

    struct io_datagram datagram = IO_DATAGRAM_TO(to, writer_span(&writer));

    datagram.ttl = 2;
    way->searches++;
    result = way->udp->ops->send(way->udp, &datagram);
    client->server = to;
    portmap_client_note(client, &portmap_kind_asked, result == IO_OK ? datagram.packet : 0, 0, STEP_SEARCH);
    if (result == IO_OK || result == IO_FULL || result == IO_AGAIN)
        portmap_client_arm(client, MIN(time_add(now, (SEARCH_WAIT + 1) * TIME_S), way->give_up), true);
    else
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, result);
}

static void
on_response(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct portmap_client *client = owner;
    struct upnp_way *way = client->upnp;
    struct address gateway = client->request.gateway.address;
    struct ssdp_message message;
    struct span target;

    (void)udp;
    if (way->step != STEP_SEARCH || client->is_lost || !ssdp_decode(datagram->data, &message) ||
        message.kind != SSDP_RESPONSE || !http_span_starts_nocase(message.target, GATEWAY))
        return;
    if (!address_is_unspecified(gateway) && !address_equal(gateway, datagram->peer.address))
        return;
    /* A response could send us anywhere; only where it came from is a gateway. */
    if (!ssdp_url(message.location, &way->device, &target) ||
        !address_equal(way->device.address, datagram->peer.address) || !copy_text(way->target, target))
        return;
    close_search(way);
    client->io->ops->disarm(client->io, &client->alarm);
    call_describe(client);
}

static const struct io_udp_events events = { .datagram = on_response };

static void
begin_search(struct portmap_client *client)
{
    struct upnp_way *way = client->upnp;
    struct endpoint own = { client->internal.address, 0 };
    enum io_result why = IO_OK;

    way->step = STEP_SEARCH;
    way->searches = 0;
    way->give_up = TIME_NEVER;
    if (client->request.patience)
        way->give_up = time_add(portmap_client_now(client), client->request.patience);
    if (!way->udp)
        way->udp = client->io->ops->udp(client->io, &own, &events, client, &why);
    if (way->udp)
        send_search(client);
    else
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, why);
}

static void
begin(struct portmap_client *client)
{
    client->io->ops->disarm(client->io, &client->alarm);
    if (!client->upnp)
        client->upnp = g_new0(struct upnp_way, 1);
    if (!client->upnp->known)
        begin_search(client);
    else if (client->asked == 0)
        call_delete(client);
    else
        call_address(client);
}

static void
fire(struct portmap_client *client)
{
    if (client->upnp->searches < SEARCHES && portmap_client_now(client) < client->upnp->give_up)
        send_search(client);
    else
        fail(client, PORTMAP_FAILURE_TIMEOUT, 0, IO_OK);
}

const struct portmap_way portmap_way_upnp = { begin, fire, interrupt, stop };
