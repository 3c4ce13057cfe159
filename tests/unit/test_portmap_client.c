/* Clients of port control against servers in a box: the whole conversation, over a scripted network. RFC 6887 sections
 * 8, 9 and 11.2, RFC 6886 sections 3.1 to 3.7, and UPnP from the search to the mapping. */
#include "tests/unit/support.h"

#include "proto/http/server.h"
#include "proto/portmap/client.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"
#include "proto/portmap/server.h"
#include "proto/portmap/ssdp.h"
#include "proto/portmap/upnp_server.h"
#include "tests/unit/support_io.h"
#include "tests/unit/support_portmap.h"

static struct fake_io *host, *gateway;
static struct fake_box box;
static struct portmap_desk desk;
static struct portmap_server *server;
static struct upnp_server *upnp;
static struct portmap_client *client;
static struct prefix inside;
static struct portmap_request request;

static struct {
    unsigned calls, grants, failures, releases;
    struct portmap_news news;
    int64_t at;
    bool free_it;
} told;

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint;

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static void
on_told(void *owner, struct portmap_client *from, const struct portmap_news *news)
{
    CHECK(owner == &told && (!client || from == client));
    told.calls++;
    told.grants += news->event == PORTMAP_GRANTED;
    told.failures += news->event == PORTMAP_FAILED;
    told.releases += news->event == PORTMAP_RELEASED;
    told.news = *news;
    told.at = host->now;
    if (told.free_it) {
        portmap_client_free(from);
        client = NULL;
    }
}

static void
open_server(bool pcp, bool nat_pmp)
{
    struct portmap_server_options options = { .desk = &desk, .inside = &inside, .insides = 1 };
    enum io_result why;

    desk.pcp = pcp;
    desk.nat_pmp = nat_pmp;
    server = portmap_server_new(&gateway->io, &options, &why);
    CHECK(server != NULL);
}

static void
open_upnp(unsigned version)
{
    struct upnp_server_options options = {
        .desk = &desk, .inside = &inside, .insides = 1, .version = version, .name = "natA"
    };
    enum io_result why;

    upnp = upnp_server_new(&gateway->io, &options, &why);
    CHECK(upnp != NULL);
}

static void
set_up(void)
{
    host = fake_io_new("10.0.0.2");
    gateway = fake_io_new("10.0.0.1");
    host->now = gateway->now = 1000 * TIME_S;
    fake_box_open(&box, "203.0.113.1");
    desk = (struct portmap_desk){ .control = &box.control, .leases = portmap_leases_new(64), .began = 900 * TIME_S };
    CHECK(prefix_parse("10.0.0.1/24", &inside));
    memset(&told, 0, sizeof told);
    request = (struct portmap_request){ .via = PORTMAP_PCP,
                                        .protocol = PROTOCOL_UDP,
                                        .port = 5000,
                                        .gateway = { gateway->address, 0 },
                                        .lifetime = 3600,
                                        .told = on_told,
                                        .owner = &told };
}

static void
tear_down(void)
{
    portmap_client_free(client);
    portmap_server_free(server);
    upnp_server_free(upnp);
    client = NULL;
    server = NULL;
    upnp = NULL;
    CHECK(fake_io_free(host));
    CHECK(fake_io_free(gateway));
    portmap_leases_free(desk.leases);
    fake_box_close(&box);
}

static void
carry(void)
{
    size_t moved;

    do {
        fake_io_advance(host, 0);
        fake_io_advance(gateway, 0);
        moved = fake_io_carry(host, gateway) + fake_io_carry(gateway, host);
    } while (fake_io_carry_streams(host, gateway) || moved);
}

static void
pass(int64_t duration)
{
    int64_t until = host->now + duration;

    carry();
    while (host->now < until) {
        int64_t part = CLAMP(MIN(fake_io_next(host), fake_io_next(gateway)), host->now + 1, until) - host->now;

        fake_io_advance(host, part);
        fake_io_advance(gateway, part);
        carry();
    }
}

static void
ask(void)
{
    client = portmap_client_new(&host->io, &request);
    CHECK_ROW_UINT("nothing is told inside the call", told.calls, 0);
}

/* --- PCP and NAT-PMP --------------------------------------------------------------------------------------------- */

static void
test_granted(void)
{
    static const struct {
        enum portmap_via via;
        const struct record_kind *kind;
    } rows[] = { { PORTMAP_PCP, &portmap_kind_served }, { PORTMAP_NAT_PMP, &portmap_kind_served } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *name = portmap_via_words[rows[i].via];

        tear_down();
        set_up();
        open_server(true, true);
        request.via = rows[i].via;
        request.external.port = 6000;
        ask();
        CHECK_ROW(name, fake_io_busy(host));
        carry();
        CHECK_ROW_UINT(name, told.grants, 1);
        CHECK_ROW(name, endpoint_equal(told.news.external, at("203.0.113.1:6000")) && told.news.changed);
        CHECK_ROW_UINT(name, told.news.lifetime, 3600);
        CHECK_ROW_INT(name, told.news.via, rows[i].via);
        CHECK_ROW(name, portmap_client_holds(client) && !fake_io_busy(host));
        CHECK_ROW(name, fake_box_find(&box, PROTOCOL_UDP, "10.0.0.2:5000") != NULL);
        CHECK_ROW_UINT(name, fake_io_noted(host, &portmap_kind_granted), 1);
        CHECK_ROW(name, fake_io_noted(gateway, rows[i].kind) >= 1);

        portmap_client_release(client);
        CHECK_ROW_UINT(name, told.releases, 0);
        carry();
        CHECK_ROW_UINT(name, told.releases, 1);
        CHECK_ROW_UINT(name, box.mappings->len, 0);
        CHECK_ROW(name, !portmap_client_holds(client) && fake_io_next(host) == TIME_NEVER);
    }
}

/* Renewed at half life and not before; the external endpoint stays. */
static void
test_renewal(void)
{
    static const enum portmap_via vias[] = { PORTMAP_PCP, PORTMAP_NAT_PMP };

    for (size_t i = 0; i < G_N_ELEMENTS(vias); i++) {
        const char *name = portmap_via_words[vias[i]];

        tear_down();
        set_up();
        open_server(true, true);
        request.via = vias[i];
        ask();
        carry();
        pass(1800 * TIME_S - 1);
        CHECK_ROW_UINT(name, told.grants, 1);
        pass(450 * TIME_S + 1); /* 5/8 of the lifetime: RFC 6887 11.2.1 */
        CHECK_ROW_UINT(name, told.grants, 2);
        CHECK_ROW(name, !told.news.changed);
        pass(24 * 3600 * TIME_S);
        CHECK_ROW(name, told.grants > 40 && told.failures == 0);
        CHECK_ROW_UINT(name, box.mappings->len, 1);
    }
}

/* The gateway is away while the mapping should be renewed: asked again until it is over. */
static void
test_renewal_lost(void)
{
    open_server(true, true);
    request.via = PORTMAP_NAT_PMP;
    ask();
    carry();
    portmap_server_free(server);
    server = NULL;
    pass(3600 * TIME_S - 1);
    CHECK_ROW_UINT("not over yet", told.calls, 1);
    CHECK(portmap_client_holds(client));
    pass(200 * TIME_S);
    CHECK_ROW_UINT("over", told.failures, 1);
    CHECK(!portmap_client_holds(client));

    tear_down();
    set_up();
    open_server(true, true);
    ask();
    carry();
    portmap_server_free(server);
    pass(3000 * TIME_S);
    open_server(true, true);
    pass(599 * TIME_S); /* PCP's requests are at most 1024 s apart, and the last third is asked for anew */
    CHECK_ROW_UINT("in time", told.failures, 0);
}

/* Requests and answers get lost. */
static void
test_losses(void)
{
    static const enum portmap_via vias[] = { PORTMAP_PCP, PORTMAP_NAT_PMP };

    for (size_t i = 0; i < G_N_ELEMENTS(vias); i++) {
        tear_down();
        set_up();
        open_server(true, true);
        request.via = vias[i];
        ask();
        CHECK(fake_io_take(host) != NULL);
        fake_io_advance(host, fake_io_next(host) - host->now);
        CHECK_ROW_UINT("asked again", fake_io_carry(host, gateway), 1);
        CHECK(fake_io_take(gateway) != NULL);
        pass(TIME_MIN);
        CHECK_ROW_UINT(portmap_via_words[vias[i]], told.grants, 1);
        CHECK_ROW_UINT("the same mapping", box.mappings->len, 1);
    }
}

static void
test_nobody(void)
{
    request.via = PORTMAP_NAT_PMP;
    ask();
    pass(127750 * TIME_MS - 1);
    CHECK_ROW_UINT("not yet", told.calls, 0);
    pass(1);
    CHECK_ROW_UINT("given up (RFC 6886 3.1)", told.failures, 1);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "timeout");

    told.calls = told.failures = 0;
    portmap_client_free(client);
    request.via = PORTMAP_PCP;
    ask();
    pass(100000 * TIME_S);
    CHECK_ROW_UINT("never (RFC 6887 8.1.1)", told.calls, 0);
    portmap_client_free(client);
    request.patience = 10 * TIME_S;
    ask();
    pass(10 * TIME_S);
    CHECK_ROW_UINT("unless told so", told.failures, 1);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "timeout");
}

/* Port unreachable ends it at once (RFC 6886 3.1), a soft error doesn't; nor does the host's refusal, but later. */
static void
test_unreachable(void)
{
    const struct fake_datagram *sent;

    ask();
    sent = fake_io_take(host);
    fake_io_deliver_icmp(host, sent->local, sent->peer, 3, 1);
    carry();
    CHECK_ROW_UINT("soft", told.calls, 0);
    fake_io_deliver_icmp(host, sent->local, sent->peer, 3, 3);
    CHECK_ROW_UINT("in a turn of its own", told.calls, 0);
    carry();
    CHECK_ROW_UINT("hard", told.failures, 1);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "unreachable");
    CHECK_ROW_TEXT("why", io_result_word(told.news.io), "refused");

    portmap_client_free(client);
    told.calls = 0;
    host->send_result = IO_NO_ROUTE;
    ask();
    carry();
    CHECK_ROW_UINT("no route", told.failures, 2);
    CHECK_ROW_TEXT("why", io_result_word(told.news.io), "no-route");
}

static void
test_refused(void)
{
    open_server(true, true);
    box.taken = 6000;
    request.external.port = 6000;
    request.exact = true;
    ask();
    carry();
    CHECK_ROW_UINT("failed", told.failures, 1);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "rejected");
    CHECK_ROW_UINT("code", told.news.code, PCP_CANNOT_PROVIDE_EXTERNAL);

    portmap_client_free(client);
    told.calls = 0;
    box.external = ADDRESS_NONE;
    request.via = PORTMAP_NAT_PMP;
    ask();
    carry();
    CHECK_ROW_UINT("failed", told.failures, 2);
    CHECK_ROW_UINT("code", told.news.code, NAT_PMP_NETWORK_FAILURE);
    CHECK_ROW_INT("the rest of the run is quiet", fake_io_next(host), TIME_NEVER);
}

/* RFC 6887 section 9: a PCP client goes on with NAT-PMP; a client of NAT-PMP knows nothing else. */
static void
test_versions(void)
{
    static const struct {
        const char *name;
        enum portmap_via via;
        bool pcp, nat_pmp, no_fallback, granted;
        enum portmap_via by;
    } rows[] = {
        { "PCP, both", PORTMAP_PCP, true, true, false, true, PORTMAP_PCP },
        { "PCP, NAT-PMP alone", PORTMAP_PCP, false, true, false, true, PORTMAP_NAT_PMP },
        { "the same, not wanted", PORTMAP_PCP, false, true, true, false, PORTMAP_PCP },
        { "NAT-PMP, PCP alone", PORTMAP_NAT_PMP, true, false, false, false, PORTMAP_NAT_PMP },
        { "NAT-PMP, both", PORTMAP_NAT_PMP, true, true, false, true, PORTMAP_NAT_PMP },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        tear_down();
        set_up();
        open_server(rows[i].pcp, rows[i].nat_pmp);
        request.via = rows[i].via;
        request.no_fallback = rows[i].no_fallback;
        ask();
        carry();
        CHECK_ROW_UINT(rows[i].name, told.calls, 1);
        CHECK_ROW(rows[i].name, (told.grants == 1) == rows[i].granted);
        CHECK_ROW_INT(rows[i].name, told.news.via, rows[i].by);
        CHECK_ROW_UINT(rows[i].name, fake_io_noted(host, &portmap_kind_fallback), rows[i].by != rows[i].via);
        if (!rows[i].granted)
            CHECK_ROW_UINT(rows[i].name, told.news.code, 1);
    }
}

/* A NAT between the host and the gateway is noticed (RFC 6887 section 8.2). */
static void
test_mismatch(void)
{
    const struct fake_datagram *sent;
    struct endpoint translated = { at("10.0.0.77:1").address, 40000 };

    open_server(true, true);
    ask();
    sent = fake_io_take(host);
    fake_io_deliver(gateway, sent->peer, translated, sent->data);
    fake_io_deliver(host, sent->local, sent->peer, fake_io_take(gateway)->data);
    CHECK_ROW_UINT("failed", told.failures, 1);
    CHECK_ROW_UINT("code", told.news.code, PCP_ADDRESS_MISMATCH);
}

/* Answers that are not to this request, or not from the gateway. */
static void
test_strangers(void)
{
    const struct fake_datagram *sent, *answer;
    g_autofree uint8_t *copy = NULL;
    struct endpoint stranger = at("10.0.0.9:5351");

    open_server(true, true);
    ask();
    sent = fake_io_take(host);
    fake_io_deliver(gateway, sent->peer, sent->local, sent->data);
    answer = fake_io_take(gateway);
    fake_io_deliver(host, sent->local, stranger, answer->data);
    CHECK_ROW_UINT("another's", told.calls, 0);
    copy = g_memdup2(answer->data.bytes, answer->data.length);
    for (size_t byte = PCP_HEADER; byte < PCP_HEADER + 18; byte++) { /* nonce, protocol, internal port */
        if (byte >= PCP_HEADER + 13 && byte < PCP_HEADER + 16)       /* reserved */
            continue;
        copy[byte] ^= 1;
        fake_io_deliver(host, sent->local, sent->peer, span_of(copy, answer->data.length));
        CHECK_ROW_UINT("another request's", told.calls, 0);
        copy[byte] ^= 1;
    }
    for (size_t length = 0; length < answer->data.length; length++) {
        fake_io_deliver(host, sent->local, sent->peer, span_of(copy, length));
        CHECK_ROW_UINT("cut", told.calls, 0);
    }
    fake_io_deliver(host, sent->local, sent->peer, answer->data);
    fake_io_deliver(host, sent->local, sent->peer, answer->data);
    CHECK_ROW_UINT("the right one, once", told.calls, 1);
}

/* The box has started over and says so to all: asked again within five seconds (RFC 6887 8.5 and 14.1, RFC 6886 3.7). */
static void
test_restart(void)
{
    static const enum portmap_via vias[] = { PORTMAP_PCP, PORTMAP_NAT_PMP };

    for (size_t i = 0; i < G_N_ELEMENTS(vias); i++) {
        const char *name = portmap_via_words[vias[i]];

        tear_down();
        set_up();
        open_server(true, true);
        request.via = vias[i];
        ask();
        carry();
        pass(100 * TIME_S);
        fake_box_forget(&box);
        portmap_leases_clear(desk.leases);
        desk.began = gateway->now;
        portmap_server_announce(server);
        pass(6 * TIME_S);
        CHECK_ROW_UINT(name, told.grants, 2);
        CHECK_ROW_UINT(name, box.mappings->len, 1);
        CHECK_ROW_UINT(name, fake_io_noted(host, &portmap_kind_lost), 1);
        pass(200 * TIME_S);
        CHECK_ROW_UINT(name, portmap_server_counters(server)->announcements, 20); /* ten of each */
        CHECK_ROW_UINT(name, told.grants, 2);
    }
}

/* Another external address is announced too (RFC 6886 section 3.2.1). */
static void
test_new_address(void)
{
    open_server(false, true);
    request.via = PORTMAP_NAT_PMP;
    ask();
    carry();
    pass(100 * TIME_S);
    box.external = at("203.0.113.9:1").address;
    portmap_server_announce(server);
    pass(6 * TIME_S);
    CHECK(told.grants == 2 && told.news.changed);
    CHECK(address_equal(told.news.external.address, box.external));
}

/* Ten announcements, 250 ms apart at first and twice as long each time. */
static void
test_announcements(void)
{
    static const int64_t at_ms[] = { 0, 250, 750, 1750, 3750, 7750, 15750, 31750, 63750, 127750 };
    int64_t began = gateway->now;

    open_server(false, true);
    portmap_server_announce(server);
    fake_io_advance(gateway, 1000 * TIME_S);
    for (size_t i = 0; i < G_N_ELEMENTS(at_ms); i++) {
        const struct fake_datagram *sent = fake_io_take(gateway);

        if (!CHECK(sent != NULL))
            return;
        CHECK_ROW_INT("at", sent->at - began, at_ms[i] * TIME_MS);
        CHECK(endpoint_equal(sent->peer, at("224.0.0.1:5350")) && endpoint_equal(sent->local, at("10.0.0.1:5351")));
    }
    CHECK(!fake_io_take(gateway));
}

static void
test_outsiders(void)
{
    static const uint8_t question[] = { 0, 0 };

    open_server(true, true);
    fake_io_deliver(gateway, at("10.0.0.1:5351"), at("198.51.100.1:4000"), span_of(question, sizeof question));
    CHECK(!fake_io_take(gateway));
    CHECK_ROW_UINT("dropped", portmap_server_counters(server)->dropped, 1);
    CHECK_ROW_UINT("journalled", fake_io_noted(gateway, &portmap_kind_dropped), 1);
    fake_io_deliver(gateway, at("10.0.0.1:5351"), at("10.0.0.200:4000"), span_of(question, sizeof question));
    CHECK(fake_io_take(gateway));
}

static void
test_freed_in_told(void)
{
    open_server(true, true);
    told.free_it = true;
    ask();
    carry();
    CHECK(client == NULL && told.calls == 1);
    request.via = PORTMAP_NAT_PMP;
    request.port = 5001;
    told.calls = 0;
    ask();
    carry();
    CHECK(client == NULL && told.grants == 2);
    open_upnp(2);
    request.via = PORTMAP_UPNP;
    request.port = 5002;
    told.calls = 0;
    ask();
    pass(10 * TIME_S);
    CHECK(client == NULL && told.grants == 3);
}

/* Released while the first answer is awaited. */
static void
test_release_early(void)
{
    static const enum portmap_via vias[] = { PORTMAP_PCP, PORTMAP_NAT_PMP, PORTMAP_UPNP };

    for (size_t i = 0; i < G_N_ELEMENTS(vias); i++) {
        tear_down();
        set_up();
        open_server(true, true);
        request.via = vias[i];
        ask();
        portmap_client_release(client);
        portmap_client_release(client); /* a second time does nothing */
        pass(10 * TIME_S);
        CHECK_ROW_UINT(portmap_via_words[vias[i]], told.releases, 1);
        CHECK_ROW_UINT(portmap_via_words[vias[i]], told.calls, 1);
        CHECK_ROW_UINT(portmap_via_words[vias[i]], box.mappings->len, 0);
    }
}

/* --- UPnP -------------------------------------------------------------------------------------------------------- */

static void
test_upnp(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        for (int known = 0; known <= 1; known++) {
            g_autofree char *name = g_strdup_printf("version %u, gateway %s", version, known ? "known" : "searched");

            tear_down();
            set_up();
            open_upnp(version);
            request.via = PORTMAP_UPNP;
            request.external.port = 6000;
            request.description = "a <game>";
            if (!known)
                request.gateway = (struct endpoint){ ADDRESS_NONE, 0 };
            ask();
            CHECK_ROW(name, fake_io_busy(host));
            pass(3 * TIME_S);
            CHECK_ROW_UINT(name, told.grants, 1);
            CHECK_ROW(name, endpoint_equal(told.news.external, at("203.0.113.1:6000")));
            CHECK_ROW_UINT(name, told.news.lifetime, 3600);
            CHECK_ROW_TEXT(name, portmap_leases_at(desk.leases, 0)->description, "a <game>");
            pass(2251 * TIME_S);
            CHECK_ROW_UINT(name, told.grants, 2);
            CHECK_ROW_UINT(name, upnp_server_counters(upnp)->faults, 0);
            portmap_client_release(client);
            pass(TIME_S);
            CHECK_ROW_UINT(name, told.releases, 1);
            CHECK_ROW_UINT(name, box.mappings->len, 0);
        }
    }
}

/* The port is somebody's: version 1 is asked for another, version 2 picks one; who wants that one only is refused. */
static void
test_upnp_taken(void)
{
    for (unsigned version = 1; version <= 2; version++) {
        tear_down();
        set_up();
        open_upnp(version);
        box.taken = 6000;
        request.via = PORTMAP_UPNP;
        request.external.port = 6000;
        ask();
        pass(3 * TIME_S);
        CHECK_ROW_UINT("another", told.grants, 1);
        CHECK(told.news.external.port != 6000 && told.news.external.port >= 1024);
        portmap_client_free(client);
        told.calls = 0;
        request.exact = true;
        request.port = 5001;
        ask();
        pass(3 * TIME_S);
        CHECK_ROW_UINT("none", told.failures, 1);
        CHECK_ROW_UINT("code", told.news.code, UPNP_CONFLICT);
    }
}

static void
test_upnp_no_network(void)
{
    open_upnp(2);
    box.external = ADDRESS_NONE;
    request.via = PORTMAP_UPNP;
    ask();
    pass(3 * TIME_S);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "no-network");
}

/* Three searches, then none (UPnP Device Architecture 1.1 section 1.3.2). */
static void
test_upnp_nobody(void)
{
    request.via = PORTMAP_UPNP;
    request.gateway = (struct endpoint){ ADDRESS_NONE, 0 };
    ask();
    for (int i = 0; i < 3; i++) {
        const struct fake_datagram *sent = fake_io_take(host);
        struct ssdp_message message;

        if (!CHECK(sent && ssdp_decode(sent->data, &message)))
            return;
        CHECK(endpoint_equal(sent->peer, at("239.255.255.250:1900")) && message.kind == SSDP_SEARCH);
        CHECK_ROW_INT("TTL", sent->as_sent.ttl, 2);
        fake_io_advance(host, 3 * TIME_S);
    }
    CHECK_ROW_UINT("failed", told.failures, 1);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "timeout");
}

/* --- devices of other makers, played by hand --------------------------------------------------------------------- */

#define DEVICE(type, control)                                                                                          \
    "<root xmlns='urn:schemas-upnp-org:device-1-0'><device><serviceList><service><serviceType>" type                   \
    "</serviceType><controlURL>" control "</controlURL></service></serviceList></device></root>"
#define IP_1 "urn:schemas-upnp-org:service:WANIPConnection:1"
#define PPP_1 "urn:schemas-upnp-org:service:WANPPPConnection:1"
#define SOAP(body)                                                                                                     \
    "<s:Envelope xmlns:s='http://schemas.xmlsoap.org/soap/envelope/'><s:Body>" body "</s:Body></s:Envelope>"
#define ADDRESS_IS(ip)                                                                                                 \
    SOAP("<u:GetExternalIPAddressResponse><NewExternalIPAddress>" ip                                                   \
         "</NewExternalIPAddress></u:GetExternalIPAddressResponse>")
#define ADDED SOAP("<u:AddPortMappingResponse/>")
#define FAULT(code) SOAP("<s:Fault><detail><UPnPError><errorCode>" code "</errorCode></UPnPError></detail></s:Fault>")

static const struct {
    const char *name;
    const char *answers[6]; /* HTTP bodies in order; the first is the description */
    const char *outcome;
    unsigned code;
    unsigned requests;
    uint32_t lifetime;
    const char *control; /* the path that actions go to */
} device_rows[] = {
    { "a plain one", { DEVICE(IP_1, "/c"), ADDRESS_IS("203.0.113.1"), ADDED }, "none", 0, 3, 3600, "/c" },
    { "a PPP connection", { DEVICE(PPP_1, "/c"), ADDRESS_IS("203.0.113.1"), ADDED }, "none", 0, 3, 3600, "/c" },
    { "a relative path", { DEVICE(IP_1, "c/d"), ADDRESS_IS("203.0.113.1"), ADDED }, "none", 0, 3, 3600, "/c/d" },
    { "a whole URL",
      { DEVICE(IP_1, "http://10.0.0.1:5555/c"), ADDRESS_IS("203.0.113.1"), ADDED },
      "none",
      0,
      3,
      3600,
      "/c" },
    { "a URL that leads elsewhere", { DEVICE(IP_1, "http://198.51.100.1:5555/c") }, "malformed", 0, 1, 0, NULL },
    { "permanent leases only (725)",
      { DEVICE(IP_1, "/c"), ADDRESS_IS("203.0.113.1"), FAULT("725"), ADDED },
      "none",
      0,
      4,
      PORTMAP_LIFETIME_FOREVER,
      "/c" },
    { "equal ports only (724)",
      { DEVICE(IP_1, "/c"), ADDRESS_IS("203.0.113.1"), FAULT("724"), ADDED },
      "none",
      0,
      4,
      3600,
      "/c" },
    { "taken, and taken (718)",
      { DEVICE(IP_1, "/c"), ADDRESS_IS("203.0.113.1"), FAULT("718"), FAULT("718"), ADDED },
      "none",
      0,
      5,
      3600,
      "/c" },
    { "not authorized", { DEVICE(IP_1, "/c"), ADDRESS_IS("203.0.113.1"), FAULT("606") }, "rejected", 606, 3, 0, "/c" },
    { "no address", { DEVICE(IP_1, "/c"), ADDRESS_IS("0.0.0.0") }, "no-network", 0, 2, 0, "/c" },
    { "address that is none", { DEVICE(IP_1, "/c"), ADDRESS_IS("soon") }, "no-network", 0, 2, 0, "/c" },
    { "another service", { DEVICE("urn:x:service:Printer:1", "/c") }, "malformed", 0, 1, 0, NULL },
    { "a description that is none", { "<html><body>hello" }, "malformed", 0, 1, 0, NULL },
    { "an answer that is none", { DEVICE(IP_1, "/c"), "hello" }, "malformed", 0, 2, 0, "/c" },
    { "a fault without a code", { DEVICE(IP_1, "/c"), SOAP("<s:Fault/>") }, "rejected", 500, 2, 0, "/c" },
};

static struct {
    size_t row, next;
    char *control;
} device;

static void
on_device_request(void *owner, struct http_exchange *exchange)
{
    const struct http_head *head = http_exchange_request(exchange).head;
    const char *answer = device.next < 6 ? device_rows[device.row].answers[device.next] : NULL;

    (void)owner;
    if (device.next++ > 0) {
        g_free(device.control);
        device.control = g_strndup((const char *)head->target.bytes, head->target.length);
    }
    http_exchange_respond(exchange, &(struct http_response){ .status = answer && strstr(answer, "Fault") ? 500 : 200,
                                                             .body = span_of_text(answer ? answer : "") });
}

static void
answer_search(const char *location)
{
    const struct fake_datagram *sent = fake_io_take(host);
    struct ssdp_message response = { .kind = SSDP_RESPONSE,
                                     .target = span_of_text("urn:schemas-upnp-org:device:InternetGatewayDevice:1"),
                                     .name = span_of_text("uuid:x"),
                                     .location = span_of_text(location) };
    uint8_t bytes[SSDP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);

    ssdp_encode(&writer, &response);
    CHECK(sent && fake_io_deliver(host, sent->local, at("10.0.0.1:1900"), writer_span(&writer)));
}

static void
test_upnp_devices(void)
{
    for (device.row = 0; device.row < G_N_ELEMENTS(device_rows); device.row++) {
        const char *name = device_rows[device.row].name;
        struct http_server_options options = HTTP_SERVER_DEFAULTS;
        struct endpoint listen = at("10.0.0.1:5555");
        enum io_result why;
        struct http_server *http;

        tear_down();
        set_up();
        options.listen = &listen;
        options.listens = 1;
        options.handler = on_device_request;
        http = http_server_new(&gateway->io, &options, &why);
        device.next = 0;
        request.via = PORTMAP_UPNP;
        request.external.port = 6000;
        ask();
        answer_search("http://10.0.0.1:5555/d.xml");
        pass(3 * TIME_S);
        CHECK_ROW_UINT(name, told.calls, 1);
        CHECK_ROW_TEXT(name, portmap_failure_word(told.news.failure), device_rows[device.row].outcome);
        CHECK_ROW_UINT(name, told.news.code, device_rows[device.row].code);
        CHECK_ROW_UINT(name, told.news.lifetime, device_rows[device.row].lifetime);
        CHECK_ROW_UINT(name, device.next, device_rows[device.row].requests);
        CHECK_ROW_TEXT(name, device.control, device_rows[device.row].control);
        g_clear_pointer(&device.control, g_free);
        portmap_client_free(client);
        client = NULL;
        http_server_free(http);
    }
}

/* A response that would send the client elsewhere is none (what an answer to a search may say is anybody's). */
static void
test_upnp_elsewhere(void)
{
    request.via = PORTMAP_UPNP;
    ask();
    answer_search("http://198.51.100.1:80/d.xml");
    carry();
    CHECK_ROW_UINT("no stream", fake_io_streams(host), 0);
    pass(20 * TIME_S);
    CHECK_ROW_TEXT("why", portmap_failure_word(told.news.failure), "timeout");
}

/* The server's answers are spread over MX seconds, and all there is is told to who asks for all. */
static void
test_upnp_search(void)
{
    uint8_t bytes[SSDP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct ssdp_message message = { .kind = SSDP_SEARCH, .target = span_of_text("ssdp:all"), .wait = 3 };
    const struct fake_datagram *sent;
    int64_t began = gateway->now, last = 0;
    unsigned answers = 0;

    open_upnp(2);
    ssdp_encode(&writer, &message);
    fake_io_deliver(gateway, at("239.255.255.250:1900"), at("10.0.0.2:4000"), writer_span(&writer));
    fake_io_deliver(gateway, at("239.255.255.250:1900"), at("198.51.100.1:4000"), writer_span(&writer));
    fake_io_deliver(gateway, at("239.255.255.250:1900"), at("10.0.0.2:4000"), span_of_text("M-SEARCH"));
    CHECK_ROW_UINT("outsiders and garbage", upnp_server_counters(upnp)->dropped, 2);
    fake_io_advance(gateway, 10 * TIME_S);
    while ((sent = fake_io_take(gateway))) {
        CHECK(ssdp_decode(sent->data, &message) && message.kind == SSDP_RESPONSE);
        CHECK(endpoint_equal(sent->peer, at("10.0.0.2:4000")) && endpoint_equal(sent->local, at("10.0.0.1:1900")));
        CHECK_ROW_BYTES("location", message.location, span_of_text("http://10.0.0.1:5000/igd.xml"));
        CHECK(sent->at - began < 3 * TIME_S);
        last = MAX(last, sent->at - began);
        answers++;
    }
    CHECK_ROW_UINT("answers", answers, 10);
    CHECK_ROW("spread", last > TIME_S);
}

static void
test_upnp_announced(void)
{
    struct ssdp_message message;
    const struct fake_datagram *sent;
    unsigned alive = 0, byebye = 0;

    open_upnp(1);
    upnp_server_announce(upnp);
    fake_io_advance(gateway, SSDP_MAX_AGE * TIME_S);
    upnp_server_farewell(upnp);
    CHECK_ROW_INT("and no more", fake_io_next(gateway), TIME_NEVER);
    while ((sent = fake_io_take(gateway))) {
        CHECK(ssdp_decode(sent->data, &message) && endpoint_equal(sent->peer, at("239.255.255.250:1900")));
        alive += message.kind == SSDP_ALIVE;
        byebye += message.kind == SSDP_BYEBYE;
    }
    CHECK_ROW_UINT("alive, again before it is forgotten", alive, 30);
    CHECK_ROW_UINT("byebye", byebye, 10);
}

/* What is no action, or a different one in the head and in the body, is refused; pages are served. */
static void
test_upnp_http(void)
{
    static const struct {
        const char *name, *head, *body, *status;
    } rows[] = {
        { "the description", "GET /igd.xml HTTP/1.1\r\nHost: h\r\n", "", "HTTP/1.1 200" },
        { "nothing there", "GET / HTTP/1.1\r\nHost: h\r\n", "", "HTTP/1.1 404" },
        { "another method", "PUT /igd.xml HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n", "", "HTTP/1.1 501" },
        { "an action", "POST /control/connection HTTP/1.1\r\nHost: h\r\nSOAPAction: \"" IP_1 "#GetStatusInfo\"\r\n",
          SOAP("<u:GetStatusInfo/>"), "HTTP/1.1 200" },
        { "two actions", "POST /control/connection HTTP/1.1\r\nHost: h\r\nSOAPAction: \"" IP_1 "#GetStatusInfo\"\r\n",
          SOAP("<u:ForceTermination/>"), "HTTP/1.1 500" },
        { "no field", "POST /control/connection HTTP/1.1\r\nHost: h\r\n", SOAP("<u:GetStatusInfo/>"), "HTTP/1.1 500" },
        { "no XML", "POST /control/connection HTTP/1.1\r\nHost: h\r\nSOAPAction: \"" IP_1 "#GetStatusInfo\"\r\n",
          "hello", "HTTP/1.1 500" },
        { "no control", "POST /x HTTP/1.1\r\nHost: h\r\nSOAPAction: \"" IP_1 "#GetStatusInfo\"\r\n",
          SOAP("<u:GetStatusInfo/>"), "HTTP/1.1 500" },
    };

    open_upnp(1);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = *rows[i].body ? g_strdup_printf("%sContent-Length: %zu\r\n\r\n%s", rows[i].head,
                                                                strlen(rows[i].body), rows[i].body)
                                              : g_strconcat(rows[i].head, "\r\n", NULL);
        struct endpoint any = { ADDRESS_NONE, 0 }, http = at("10.0.0.1:5000");
        enum io_result why = IO_OK;
        char got[16] = "";
        struct io_tcp *tcp = host->io.ops->connect(&host->io, &any, &http, false, NULL, NULL, &why);

        carry();
        CHECK(tcp && tcp->ops->write(tcp, text, strlen(text), &why) == (ssize_t)strlen(text));
        carry();
        CHECK(tcp->ops->read(tcp, got, 12, &why) == 12);
        CHECK_ROW_TEXT(rows[i].name, got, rows[i].status);
        tcp->ops->close(tcp, true);
        carry();
    }
}

static void
test_words(void)
{
    for (int failure = 0; failure < PORTMAP_FAILURE_COUNT; failure++) {
        CHECK_ROW(portmap_failure_word(failure), unit_is_word(portmap_failure_word(failure)));
        CHECK_ROW(portmap_failure_word(failure), strlen(portmap_failure_sentence(failure)) > 5);
    }
}

void
suite_portmap_client(void)
{
    UNIT_SUITE("port control by datagrams", set_up, tear_down, { "granted", test_granted }, { "renewal", test_renewal },
               { "renewal lost", test_renewal_lost }, { "losses", test_losses }, { "nobody", test_nobody },
               { "unreachable", test_unreachable }, { "refused", test_refused }, { "versions", test_versions },
               { "mismatch", test_mismatch }, { "strangers", test_strangers }, { "restart", test_restart },
               { "new address", test_new_address }, { "announcements", test_announcements },
               { "outsiders", test_outsiders }, { "freed in told", test_freed_in_told },
               { "released early", test_release_early });
    UNIT_SUITE("port control by UPnP", set_up, tear_down, { "granted", test_upnp }, { "taken", test_upnp_taken },
               { "no network", test_upnp_no_network }, { "nobody", test_upnp_nobody }, { "devices", test_upnp_devices },
               { "elsewhere", test_upnp_elsewhere }, { "search", test_upnp_search },
               { "announced", test_upnp_announced }, { "HTTP", test_upnp_http }, { "words", test_words });
}
