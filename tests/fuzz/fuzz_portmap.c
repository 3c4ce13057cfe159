/* Port control. The first byte says what the rest is: a datagram or document for a decoder; requests to the servers of
 * PCP, NAT-PMP and UPnP in a box, from several hosts, with time going on; or answers to clients of each kind.
 *
 * What must hold: what is decoded is the same after writing and reading; the box's mappings are those that the servers
 * remember; a client tells one end, and a grant has an endpoint; nothing is left open. */
#include "core/base/cursor.h"
#include "proto/portmap/client.h"
#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"
#include "proto/portmap/server.h"
#include "proto/portmap/soap.h"
#include "proto/portmap/ssdp.h"
#include "proto/portmap/upnp_server.h"
#include "tests/unit/support_io.h"
#include "tests/unit/support_portmap.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define MOST_STEPS 300

/* --- decoders ---------------------------------------------------------------------------------------------------- */

static void
check_pcp(struct span data)
{
    uint8_t first[PCP_BYTES], second[PCP_BYTES];
    struct writer writer = writer_over(first, sizeof first), again = writer_over(second, sizeof second);
    struct pcp_request request;
    struct pcp_response response;
    enum pcp_result result;

    if (pcp_request_decode(data, &request, &result) == PCP_READ) {
        pcp_request_encode(&writer, &request);
        g_assert_cmpint(pcp_request_decode(writer_span(&writer), &request, &result), ==, PCP_READ);
        pcp_request_encode(&again, &request);
        g_assert_true(span_equal(writer_span(&writer), writer_span(&again)));
    }
    writer = writer_over(first, sizeof first);
    pcp_refusal_encode(&writer, data, PCP_MALFORMED_REQUEST, 0);
    g_assert_false(writer_failed(&writer));
    g_assert_cmpuint(writer_length(&writer) % 4, ==, 0);
    if (pcp_response_decode(data, &response) && response.version == PCP_VERSION) {
        writer = writer_over(first, sizeof first);
        pcp_response_encode(&writer, &response);
        g_assert_false(writer_failed(&writer));
    }
}

static void
check_nat_pmp(struct span data)
{
    struct nat_pmp_request request;
    struct nat_pmp_response response;
    enum nat_pmp_result result;
    uint8_t bytes[128];
    struct writer writer = writer_over(bytes, sizeof bytes);

    if (nat_pmp_request_decode(data, &request, &result) == NAT_PMP_READ)
        nat_pmp_request_encode(&writer, &request);
    if (nat_pmp_response_decode(data, &response))
        nat_pmp_response_encode(&writer, &response);
    g_assert_false(writer_failed(&writer));
}

static void
check_text(struct span data)
{
    g_autoptr(xml) xml = xml_parse(data);
    struct ssdp_message message;
    struct endpoint endpoint;
    struct span target, action;
    uint8_t bytes[4096];
    struct writer writer = writer_over(bytes, sizeof bytes);

    if (xml) {
        const struct xml_node *body = soap_body(xml);

        g_assert_nonnull(xml_root(xml)->name);
        (void)xml_find(xml_root(xml), "serviceType");
        if (body)
            (void)soap_fault_code(body);
    }
    if (ssdp_decode(data, &message)) {
        ssdp_encode(&writer, &message);
        g_assert_false(writer_failed(&writer));
        g_assert_true(ssdp_decode(writer_span(&writer), &message));
    }
    (void)ssdp_url(data, &endpoint, &target);
    (void)soap_read_action(data, &target, &action);
}

/* --- servers ----------------------------------------------------------------------------------------------------- */

struct world {
    struct fake_io *host, *gateway;
    struct fake_box box;
    struct portmap_desk desk;
    struct prefix inside;
    struct portmap_server *server;
    struct upnp_server *upnp;
    struct io_tcp *stream;
};

static void
open_world(struct world *world)
{
    world->host = fake_io_new("10.0.0.2");
    world->gateway = fake_io_new("10.0.0.1");
    fake_box_open(&world->box, "203.0.113.1");
    world->desk = (struct portmap_desk){
        .control = &world->box.control, .leases = portmap_leases_new(8), .pcp = true, .nat_pmp = true
    };
    g_assert_true(prefix_parse("10.0.0.1/24", &world->inside));
}

static void
close_world(struct world *world)
{
    portmap_server_free(world->server);
    upnp_server_free(world->upnp);
    if (world->stream)
        world->stream->ops->close(world->stream, true);
    g_assert_true(fake_io_free(world->host));
    g_assert_true(fake_io_free(world->gateway));
    portmap_leases_free(world->desk.leases);
    fake_box_close(&world->box);
}

static void
carry(struct world *world)
{
    size_t moved;

    do {
        fake_io_advance(world->host, 0);
        fake_io_advance(world->gateway, 0);
        moved = fake_io_carry(world->host, world->gateway) + fake_io_carry(world->gateway, world->host);
    } while (fake_io_carry_streams(world->host, world->gateway) || moved);
}

static void
on_raw(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    enum io_result why;
    uint8_t bytes[512];

    (void)result;
    while (ready == IO_READABLE && tcp->ops->read(tcp, bytes, sizeof bytes, &why) > 0)
        ;
    if (ready == IO_FAILED) {
        tcp->ops->close(tcp, true);
        world->stream = NULL;
    }
}

/* Some of the input; short of what its length says at the end. */
static struct span
some(struct reader *input)
{
    size_t length = reader_u8(input);

    return reader_span(input, MIN(length, reader_left(input)));
}

static void
datagram(struct world *world, uint8_t what, struct span data)
{
    struct endpoint from = { address_add(world->host->address, what >> 4), 4000 };
    struct endpoint to = { world->gateway->address, what & 8 ? SSDP_PORT : PCP_PORT };

    fake_io_deliver(world->gateway, to, from, data);
}

static void
write_stream(struct world *world, struct span data)
{
    struct endpoint any = { ADDRESS_NONE, 0 }, http = { world->gateway->address, UPNP_HTTP_PORT };
    enum io_result why;

    if (!world->stream)
        world->stream = world->host->io.ops->connect(&world->host->io, &any, &http, false, on_raw, world, &why);
    carry(world);
    if (world->stream && data.length)
        (void)world->stream->ops->write(world->stream, data.bytes, data.length, &why);
}

/* An action whole, its arguments from the input. */
static void
call_action(struct world *world, struct reader *input)
{
    static const char *const actions[] = { "AddPortMapping",        "AddAnyPortMapping",
                                           "DeletePortMapping",     "DeletePortMappingRange",
                                           "GetListOfPortMappings", "GetGenericPortMappingEntry" };
    uint8_t what = reader_u8(input);
    const char *action = actions[what % G_N_ELEMENTS(actions)];
    uint16_t port = 6000 + reader_u8(input) % 4, internal = 5000 + reader_u8(input) % 4;
    unsigned lease = reader_u8(input);
    g_autofree char *body = g_strdup_printf(
        "<Envelope><Body><%s><NewRemoteHost/><NewExternalPort>%u</NewExternalPort><NewProtocol>%s</NewProtocol>"
        "<NewInternalPort>%u</NewInternalPort><NewInternalClient>10.0.0.2</NewInternalClient><NewEnabled>1</NewEnabled>"
        "<NewPortMappingDescription>x</NewPortMappingDescription><NewLeaseDuration>%u</NewLeaseDuration>"
        "<NewStartPort>%u</NewStartPort><NewEndPort>6009</NewEndPort><NewNumberOfPorts>0</NewNumberOfPorts>"
        "<NewPortMappingIndex>%u</NewPortMappingIndex></%s></Body></Envelope>",
        action, port, what & 64 ? "TCP" : "UDP", internal, lease, port, lease, action);
    g_autofree char *text =
        g_strdup_printf("POST /control/connection HTTP/1.1\r\nHost: h\r\nSOAPAction: urn:x#%s\r\nContent-Length: %zu"
                        "\r\n\r\n%s",
                        action, strlen(body), body);

    write_stream(world, span_of_text(text));
}

/* The box has nothing that the servers have forgotten before its time, and they remember nothing that it has not. */
static void
check_books(struct world *world)
{
    struct portmap_leases *leases = world->desk.leases;

    g_assert_cmpuint(portmap_leases_count(leases), <=, world->box.mappings->len);
    for (size_t i = 0; i < portmap_leases_count(leases); i++) {
        const struct portmap_lease *lease = portmap_leases_at(leases, i);
        bool found = false;

        for (guint j = 0; j < world->box.mappings->len; j++) {
            const struct fake_mapping *mapping = &g_array_index(world->box.mappings, struct fake_mapping, j);

            found |= mapping->protocol == lease->protocol && endpoint_equal(mapping->internal, lease->internal) &&
                     endpoint_equal(mapping->external, lease->external);
        }
        g_assert_true(found);
    }
}

static void
server_step(struct world *world, struct reader *input)
{
    static const enum portmap_result says[] = { PORTMAP_OK, PORTMAP_OK, PORTMAP_NO_RESOURCES, PORTMAP_TAKEN };
    uint8_t what = reader_u8(input);

    switch (what & 7) {
    case 0:
        fake_io_advance(world->gateway, (what >> 3) * TIME_S);
        break;
    case 1:
        world->box.say = says[what >> 6];
        world->box.taken = what & 8 ? 6000 : 0;
        world->desk.third_party = what & 16;
        break;
    case 2:
        write_stream(world, some(input));
        break;
    case 3:
        call_action(world, input);
        break;
    case 4:
        portmap_server_announce(world->server);
        upnp_server_announce(world->upnp);
        break;
    default:
        datagram(world, what, some(input));
    }
    carry(world);
    check_books(world);
}

static void
serve(struct reader *input, unsigned version)
{
    struct world world = { 0 };
    struct portmap_server_options options = { .desk = &world.desk, .inside = &world.inside, .insides = 1 };
    struct upnp_server_options upnp = {
        .desk = &world.desk, .inside = &world.inside, .insides = 1, .version = version, .name = "box"
    };
    enum io_result why;

    open_world(&world);
    world.server = portmap_server_new(&world.gateway->io, &options, &why);
    world.upnp = upnp_server_new(&world.gateway->io, &upnp, &why);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++)
        server_step(&world, input);
    close_world(&world);
}

/* --- clients ----------------------------------------------------------------------------------------------------- */

struct patient {
    struct world *world;
    struct portmap_client *client;
    bool over;
};

static void
on_told(void *owner, struct portmap_client *client, const struct portmap_news *news)
{
    struct patient *patient = owner;

    (void)client;
    g_assert_false(patient->over);
    patient->over = news->event != PORTMAP_GRANTED;
    if (news->event == PORTMAP_GRANTED)
        g_assert_cmpuint(news->lifetime, >, 0);
    else if (news->event == PORTMAP_FAILED)
        g_assert_cmpint(news->failure, !=, PORTMAP_FAILURE_NONE);
}

/* The answer to the request that waits, made of it and of the input: most of what comes must pass the first checks. */
static void
answer(struct world *world, struct reader *input, uint8_t how)
{
    const struct fake_datagram *sent = fake_io_take(world->host);
    uint8_t bytes[PCP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct span data = some(input);

    if (!sent)
        return;
    if (how & 1) { /* a header of the input's before what was sent, as PCP's answers are */
        writer_span_put(&writer, data);
        if (sent->data.length > PCP_HEADER)
            writer_span_put(&writer, span_of(sent->data.bytes + PCP_HEADER, sent->data.length - PCP_HEADER));
    } else {
        writer_span_put(&writer, data);
    }
    fake_io_deliver(world->host, sent->local, (struct endpoint){ world->gateway->address, sent->peer.port },
                    writer_span(&writer));
}

static void
on_device(void *owner, struct io_tcp *listener, enum io_ready ready, enum io_result result)
{
    struct world *world = owner;
    struct io_tcp *stream = listener->ops->accept(listener, on_raw, world);

    (void)ready, (void)result;
    if (world->stream)
        world->stream->ops->close(world->stream, true);
    world->stream = stream;
}

static void
client_step(struct patient *patient, struct reader *input)
{
    struct world *world = patient->world;
    uint8_t what = reader_u8(input);
    struct span data;
    enum io_result why;

    switch (what & 7) {
    case 0:
        fake_io_advance(world->host, what * TIME_S);
        break;
    case 1:
        portmap_client_release(patient->client);
        break;
    case 2:
    case 3:
        data = some(input);
        if (world->stream && data.length)
            (void)world->stream->ops->write(world->stream, data.bytes, data.length, &why);
        break;
    case 4:
        fake_io_deliver_icmp(world->host, (struct endpoint){ world->host->address, 49152 },
                             (struct endpoint){ world->gateway->address, PCP_PORT }, 3, what >> 4);
        break;
    case 5:
        fake_io_deliver(world->host, (struct endpoint){ address_ipv4(0xe0000001), PCP_CLIENT_PORT },
                        (struct endpoint){ world->gateway->address, PCP_PORT }, some(input));
        break;
    default:
        answer(world, input, what >> 3);
    }
    fake_io_advance(world->host, 0);
    while (fake_io_carry_streams(world->host, world->gateway))
        fake_io_advance(world->host, 0);
}

static void
consult(struct reader *input)
{
    struct world world = { 0 };
    struct patient patient = { .world = &world };
    uint8_t how = reader_u8(input);
    struct portmap_request request = { .via = how % PORTMAP_VIAS,
                                       .protocol = how & 64 ? PROTOCOL_TCP : PROTOCOL_UDP,
                                       .port = 5000,
                                       .exact = how & 128,
                                       .external.port = 6000,
                                       .lifetime = 600,
                                       .told = on_told,
                                       .owner = &patient };
    struct endpoint device;
    struct io_tcp *listener;
    enum io_result why;

    open_world(&world);
    device = (struct endpoint){ world.gateway->address, 80 };
    request.gateway.address = world.gateway->address;
    listener = world.gateway->io.ops->listen(&world.gateway->io, &device, false, on_device, &world, &why);
    patient.client = portmap_client_new(&world.host->io, &request);
    for (int steps = 0; steps < MOST_STEPS && reader_left(input) > 0; steps++)
        client_step(&patient, input);
    portmap_client_free(patient.client);
    listener->ops->close(listener, true);
    close_world(&world);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    uint8_t what = reader_u8(&input);

    switch (what % 4) {
    case 0:
        check_pcp(reader_rest(&input));
        check_nat_pmp(span_of(bytes, length));
        break;
    case 1:
        check_text(reader_rest(&input));
        break;
    case 2:
        serve(&input, what & 4 ? 1 : 2);
        break;
    default:
        consult(&input);
    }
    return 0;
}
