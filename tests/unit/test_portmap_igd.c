/* The gateway device of UPnP: its actions (WANIPConnection:1 and :2), its descriptions, and what is found by a search. */
#include "tests/unit/support.h"

#include "proto/portmap/igd.h"
#include "tests/unit/support_portmap.h"

#define CONTROL "/control/connection"
#define A "10.0.0.2"
#define B "10.0.0.3"

static struct fake_box box;
static struct portmap_desk desk;
static struct igd igd;
static int64_t now;
static GString *out;
static struct portmap_served served;

static void
set_up(void)
{
    fake_box_open(&box, "203.0.113.1");
    now = 100 * TIME_S;
    desk = (struct portmap_desk){ .control = &box.control, .leases = portmap_leases_new(8), .began = 40 * TIME_S };
    igd = (struct igd){ &desk, 1, "00000000-0000-4000-8000-00000000000e", "natA" };
    out = g_string_new(NULL);
}

static void
tear_down(void)
{
    g_string_free(out, TRUE);
    portmap_leases_free(desk.leases);
    fake_box_close(&box);
}

/* `arguments` is XML. */
static unsigned
call(const char *from, const char *action, const char *arguments)
{
    g_autofree char *text = g_strdup_printf("<a>%s</a>", arguments);
    g_autoptr(xml) xml = xml_parse(span_of_text(text));
    struct address caller;
    const char *service = NULL;
    unsigned error;

    CHECK(xml && address_parse(from, &caller));
    g_string_set_size(out, 0);
    error =
        igd_call(&igd, span_of_text(CONTROL), span_of_text(action), xml_root(xml), caller, now, out, &service, &served);
    CHECK_ROW_TEXT(action, service,
                   igd.version == 1 ? "urn:schemas-upnp-org:service:WANIPConnection:1"
                                    : "urn:schemas-upnp-org:service:WANIPConnection:2");
    return error;
}

static char *
entry(unsigned external, unsigned internal, const char *client, unsigned lease)
{
    return g_strdup_printf("<NewRemoteHost></NewRemoteHost><NewExternalPort>%u</NewExternalPort>"
                           "<NewProtocol>UDP</NewProtocol><NewInternalPort>%u</NewInternalPort>"
                           "<NewInternalClient>%s</NewInternalClient><NewEnabled>1</NewEnabled>"
                           "<NewPortMappingDescription>a &amp; b</NewPortMappingDescription>"
                           "<NewLeaseDuration>%u</NewLeaseDuration>",
                           external, internal, client, lease);
}

static unsigned
add(const char *action, const char *from, unsigned external, unsigned internal, unsigned lease)
{
    g_autofree char *arguments = entry(external, internal, from, lease);

    return call(from, action, arguments);
}

static unsigned
end(const char *from, unsigned external)
{
    g_autofree char *arguments = g_strdup_printf("<NewRemoteHost/><NewExternalPort>%u</NewExternalPort>"
                                                 "<NewProtocol>UDP</NewProtocol>",
                                                 external);

    return call(from, "DeletePortMapping", arguments);
}

static void
test_add(void)
{
    CHECK_ROW_UINT("added", add("AddPortMapping", A, 6000, 5000, 3600), 0);
    CHECK(served.mapping && served.external.port == 6000 && served.lifetime == 3600);
    CHECK(fake_box_find(&box, PROTOCOL_UDP, A ":5000")->external.port == 6000);
    CHECK_ROW_UINT("again", add("AddPortMapping", A, 6000, 5000, 3600), 0);
    CHECK_ROW_UINT("one", box.mappings->len, 1);
    CHECK_ROW_UINT("another's (718)", add("AddPortMapping", B, 6000, 5000, 3600), 718);
    CHECK_ROW_UINT("a second port of the same", add("AddPortMapping", A, 6001, 5000, 3600), 0);
    CHECK_ROW_UINT("moved to another internal port", add("AddPortMapping", A, 6000, 5002, 3600), 0);
    CHECK_ROW_UINT("two", box.mappings->len, 2);
    CHECK(fake_box_find(&box, PROTOCOL_UDP, A ":5002")->external.port == 6000);
    box.taken = 7000;
    CHECK_ROW_UINT("somebody's (718)", add("AddPortMapping", A, 7000, 5000, 3600), 718);
}

static const struct {
    const char *name;
    unsigned version;
    const char *take, *put; /* of the arguments: this text becomes that */
    unsigned error;
} error_rows[] = {
    { "fine", 1, "", "", 0 },
    { "fine in version 2", 2, "", "", 0 },
    { "no protocol", 1, "<NewProtocol>UDP</NewProtocol>", "", 402 },
    { "protocol SCTP", 1, "UDP", "SCTP", 402 },
    { "port that is none", 1, ">6000<", ">6000x<", 402 },
    { "port beyond 16 bits", 1, ">6000<", ">65536<", 402 },
    { "port below 0", 1, ">6000<", ">-1<", 402 },
    { "client that is no address", 1, A, "laptop", 402 },
    { "any external port (716)", 1, ">6000<", ">0<", 716 },
    { "any internal port", 1, ">5000<", ">0<", 402 },
    { "any internal port in version 2 (732)", 2, ">5000<", ">0<", 732 },
    { "one remote host (726)", 1, "<NewRemoteHost></", "<NewRemoteHost>198.51.100.1</", 726 },
    { "disabled", 1, "<NewEnabled>1", "<NewEnabled>0", 501 },
    { "for another (606)", 1, A, B, 606 },
    { "no lease", 1, "<NewLeaseDuration>3600</NewLeaseDuration>", "", 402 },
    { "longer than a week in version 2 (601)", 2, ">3600<", ">604801<", 601 },
    { "a well-known external port in version 2 (606)", 2, ">6000<", ">80<", 606 },
    { "a well-known internal port in version 2 (606)", 2, ">5000<", ">80<", 606 },
    { "and in version 1", 1, ">5000<", ">80<", 0 },
};

static char *
replaced(const char *text, const char *take, const char *put)
{
    g_auto(GStrv) parts = g_strsplit(text, *take ? take : "\n", 2);

    CHECK_ROW(take, !*take || parts[1]);
    return g_strjoinv(put, parts);
}

static void
test_errors(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(error_rows); i++) {
        g_autofree char *fine = entry(6000, 5000, A, 3600);
        g_autofree char *arguments = replaced(fine, error_rows[i].take, error_rows[i].put);

        tear_down();
        set_up();
        igd.version = error_rows[i].version;
        CHECK_ROW_UINT(error_rows[i].name, call(A, "AddPortMapping", arguments), error_rows[i].error);
        CHECK_ROW_UINT(error_rows[i].name, box.mappings->len, error_rows[i].error ? 0 : 1);
    }
}

static void
test_box_says_no(void)
{
    box.say = PORTMAP_NO_RESOURCES;
    CHECK_ROW_UINT("no port", add("AddPortMapping", A, 6000, 5000, 0), 501);
    igd.version = 2;
    CHECK_ROW_UINT("no port in version 2 (728)", add("AddPortMapping", A, 6000, 5000, 0), 728);
    box.say = PORTMAP_NO_NETWORK;
    CHECK_ROW_UINT("no network", add("AddPortMapping", A, 6000, 5000, 0), 501);
}

/* 0 is for ever in version 1, a week in version 2 (section 2.3.14). */
static void
test_leases(void)
{
    CHECK_ROW_UINT("added", add("AddPortMapping", A, 6000, 5000, 0), 0);
    CHECK(fake_box_find(&box, PROTOCOL_UDP, A ":5000")->lifetime == PORTMAP_LIFETIME_FOREVER);
    CHECK_ROW_UINT("listed", call(A, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 0);
    CHECK(strstr(out->str, "<NewLeaseDuration>0</NewLeaseDuration>"));
    igd.version = 2;
    CHECK_ROW_UINT("added", add("AddPortMapping", A, 6000, 5000, 0), 0);
    CHECK(fake_box_find(&box, PROTOCOL_UDP, A ":5000")->lifetime == 604800);
    now += 604800 * TIME_S;
    CHECK_ROW_UINT("over", call(A, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 713);
}

static void
test_add_any(void)
{
    CHECK_ROW_UINT("not in version 1 (401)", add("AddAnyPortMapping", A, 6000, 5000, 60), 401);
    igd.version = 2;
    CHECK_ROW_UINT("added", add("AddAnyPortMapping", A, 6000, 5000, 60), 0);
    CHECK_ROW_TEXT("as wished", out->str, "<NewReservedPort>6000</NewReservedPort>");
    CHECK_ROW_UINT("another host", add("AddAnyPortMapping", B, 6000, 5000, 60), 0);
    CHECK_ROW_TEXT("another port", out->str, "<NewReservedPort>40000</NewReservedPort>");
    CHECK_ROW_UINT("a well-known port", add("AddAnyPortMapping", A, 80, 5001, 60), 0);
    CHECK_ROW_TEXT("another port", out->str, "<NewReservedPort>40001</NewReservedPort>");
    CHECK_ROW_UINT("the port of its own other mapping", add("AddAnyPortMapping", A, 6000, 5003, 60), 0);
    CHECK_ROW_TEXT("another port", out->str, "<NewReservedPort>40002</NewReservedPort>");
    CHECK_ROW_UINT("renewed", add("AddAnyPortMapping", A, 6000, 5000, 60), 0);
    CHECK_ROW_TEXT("the same", out->str, "<NewReservedPort>6000</NewReservedPort>");
    CHECK_ROW_UINT("four", box.mappings->len, 4);
}

static void
test_end(void)
{
    CHECK_ROW_UINT("none (714)", end(A, 6000), 714);
    (void)add("AddPortMapping", A, 6000, 5000, 3600);
    CHECK_ROW_UINT("another's (606)", end(B, 6000), 606);
    CHECK_ROW_UINT("its own", end(A, 6000), 0);
    CHECK(served.mapping && served.lifetime == 0 && box.mappings->len == 0);
}

#define RANGE(from, to)                                                                                                \
    "<NewStartPort>" from "</NewStartPort><NewEndPort>" to "</NewEndPort><NewProtocol>UDP</NewProtocol>"               \
    "<NewManage>1</NewManage><NewNumberOfPorts>0</NewNumberOfPorts>"

static void
test_ranges(void)
{
    igd.version = 2;
    for (unsigned port = 6000; port < 6004; port++)
        (void)add("AddPortMapping", port == 6002 ? B : A, port, 5000, 3600);
    CHECK_ROW_UINT("turned round (733)", call(A, "DeletePortMappingRange", RANGE("6003", "6001")), 733);
    CHECK_ROW_UINT("none there (730)", call(A, "DeletePortMappingRange", RANGE("1", "10")), 730);
    CHECK_ROW_UINT("listed", call(A, "GetListOfPortMappings", RANGE("6001", "6100")), 0);
    CHECK(strstr(out->str, "&lt;p:NewExternalPort&gt;6001&lt;") && strstr(out->str, "6003"));
    CHECK_ROW("not another's", !strstr(out->str, "6002") && !strstr(out->str, "6000"));
    CHECK_ROW_UINT("ended", call(A, "DeletePortMappingRange", RANGE("6001", "6100")), 0);
    CHECK_ROW_UINT("but for another's", box.mappings->len, 2);
    CHECK_ROW_UINT("none to list (730)", call(A, "GetListOfPortMappings", RANGE("6001", "6100")), 730);
    desk.third_party = true;
    CHECK_ROW_UINT("who may", call(A, "DeletePortMappingRange", RANGE("6001", "6100")), 0);
    CHECK_ROW_UINT("ends another's", box.mappings->len, 1);
}

static void
test_entries(void)
{
    (void)add("AddPortMapping", A, 6000, 5000, 3600);
    (void)add("AddPortMapping", B, 6001, 5001, 0);
    now += 60 * TIME_S;
    CHECK_ROW_UINT("first", call(B, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 0);
    CHECK_ROW_TEXT(
        "entry", out->str,
        "<NewRemoteHost></NewRemoteHost><NewExternalPort>6000</NewExternalPort><NewProtocol>UDP</NewProtocol>"
        "<NewInternalPort>5000</NewInternalPort><NewInternalClient>10.0.0.2</NewInternalClient>"
        "<NewEnabled>1</NewEnabled><NewPortMappingDescription>a &amp; b</NewPortMappingDescription>"
        "<NewLeaseDuration>3540</NewLeaseDuration>");
    CHECK_ROW_UINT("second", call(B, "GetGenericPortMappingEntry", "<NewPortMappingIndex>1</NewPortMappingIndex>"), 0);
    CHECK_ROW_UINT("no third (713)",
                   call(B, "GetGenericPortMappingEntry", "<NewPortMappingIndex>2</NewPortMappingIndex>"), 713);
    CHECK_ROW_UINT("no index", call(B, "GetGenericPortMappingEntry", ""), 402);
    CHECK_ROW_UINT(
        "by port",
        call(B, "GetSpecificPortMappingEntry", "<NewExternalPort>6001</NewExternalPort><NewProtocol>UDP</NewProtocol>"),
        0);
    CHECK(strstr(out->str, "<NewInternalPort>5001</NewInternalPort>"));
    CHECK_ROW_UINT(
        "of TCP (714)",
        call(B, "GetSpecificPortMappingEntry", "<NewExternalPort>6001</NewExternalPort><NewProtocol>TCP</NewProtocol>"),
        714);
}

/* A mapping of PCP's is listed, and not to be had. */
static void
test_others(void)
{
    struct portmap_wish wish = { .via = PORTMAP_PCP, .protocol = PROTOCOL_UDP, .lifetime = 60 };
    struct portmap_lease *lease;

    CHECK(endpoint_parse(A ":5000", &wish.internal));
    wish.external.port = 6000;
    CHECK(portmap_desk_map(&desk, &wish, NULL, now, &lease) == PORTMAP_OK);
    CHECK_ROW_UINT("added", add("AddPortMapping", A, 6000, 5000, 3600), 718);
    CHECK_ROW_UINT("its internal endpoint at another port (718)", add("AddPortMapping", A, 6001, 5000, 3600), 718);
    CHECK(lease->via == PORTMAP_PCP && lease->external.port == 6000 && portmap_lifetime_left(lease->expires, now) == 60);
    CHECK_ROW_UINT("ended (606)", end(A, 6000), 606);
    CHECK_ROW_UINT("listed", call(A, "GetGenericPortMappingEntry", "<NewPortMappingIndex>0</NewPortMappingIndex>"), 0);
    CHECK(strstr(out->str, "<NewPortMappingDescription>pcp</NewPortMappingDescription>"));
    igd.version = 2;
    CHECK_ROW_UINT("added (729)", add("AddPortMapping", A, 6000, 5000, 3600), 729);
    CHECK_ROW_UINT("its internal endpoint, at any port", add("AddAnyPortMapping", A, 6001, 5000, 3600), 718);
    CHECK_ROW_UINT("one", box.mappings->len, 1);
}

static void
test_connection(void)
{
    static const struct {
        const char *action;
        unsigned error;
        const char *out;
    } rows[] = {
        { "GetExternalIPAddress", 0, "<NewExternalIPAddress>203.0.113.1</NewExternalIPAddress>" },
        { "GetStatusInfo", 0,
          "<NewConnectionStatus>Connected</NewConnectionStatus>"
          "<NewLastConnectionError>ERROR_NONE</NewLastConnectionError><NewUptime>60</NewUptime>" },
        { "GetNATRSIPStatus", 0, "<NewRSIPAvailable>0</NewRSIPAvailable><NewNATEnabled>1</NewNATEnabled>" },
        { "GetConnectionTypeInfo", 0,
          "<NewConnectionType>IP_Routed</NewConnectionType>"
          "<NewPossibleConnectionTypes>IP_Routed</NewPossibleConnectionTypes>" },
        { "SetConnectionType", 703, "" },
        { "RequestConnection", 0, "" },
        { "ForceTermination", 606, "" },
        { "Reboot", 401, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        CHECK_ROW_UINT(rows[i].action, call(A, rows[i].action, ""), rows[i].error);
        CHECK_ROW_TEXT(rows[i].action, out->str, rows[i].out);
    }
    box.external = ADDRESS_NONE;
    CHECK_ROW_UINT("no network", call(A, "GetExternalIPAddress", ""), 0);
    CHECK_ROW_TEXT("no network", out->str, "<NewExternalIPAddress></NewExternalIPAddress>");
}

/* Each path that a description names is there; each action of the description answers. */
static void
test_descriptions(void)
{
    for (igd.version = 1; igd.version <= 2; igd.version++) {
        g_autoptr(GString) device = g_string_new(NULL);
        g_autoptr(xml) xml = NULL;
        unsigned services = 0, actions = 0;

        CHECK(igd_describe(&igd, span_of_text(IGD_PATH_DEVICE), device));
        xml = xml_parse(span_of(device->str, device->len));
        if (!CHECK(xml != NULL))
            return;
        for (const struct xml_node *of = xml_find(xml_root(xml), "device"); of;
             of = xml_child(of, "deviceList") ? xml_child(xml_child(of, "deviceList"), "device") : NULL) {
            const struct xml_node *service = xml_child(xml_child(of, "serviceList"), "service");

            for (; service; service = xml_next(service, "service")) {
                g_autoptr(GString) text = g_string_new(NULL);
                g_autoptr(xml) scpd = NULL;

                services++;
                CHECK(igd_describe(&igd, span_of_text(xml_child_text(service, "SCPDURL")), text));
                scpd = xml_parse(span_of(text->str, text->len));
                if (!CHECK(scpd != NULL))
                    return;
                for (const struct xml_node *action = xml_find(xml_root(scpd), "action"); action;
                     action = xml_next(action, "action")) {
                    const char *name = NULL;

                    actions++;
                    CHECK_ROW(xml_child_text(action, "name"),
                              igd_call(&igd, span_of_text(xml_child_text(service, "controlURL")),
                                       span_of_text(xml_child_text(action, "name")), xml_root(scpd), box.external, now,
                                       out, &name, &served) != UPNP_INVALID_ACTION);
                    CHECK_ROW_TEXT("service", name, xml_child_text(service, "serviceType"));
                }
            }
        }
        CHECK_ROW_UINT("services", services, 3);
        CHECK_ROW_UINT("actions", actions, igd.version == 1 ? 13 : 16);
    }
    igd.version = 1;
    CHECK(!igd_describe(&igd, span_of_text("/"), out));
}

static const struct {
    const char *wanted;
    unsigned version, found;
} search_rows[] = {
    { "ssdp:all", 1, 10 },
    { "upnp:rootdevice", 1, 1 },
    { "uuid:00000000-0000-4000-8000-00000000000e", 1, 1 },
    { "uuid:00000000-0000-4000-8000-000000000000", 1, 1 }, /* the connection device: two after the root's, round */
    { "uuid:00000000-0000-4000-8000-000000000001", 1, 0 },
    { "urn:schemas-upnp-org:device:InternetGatewayDevice:1", 1, 1 },
    { "urn:schemas-upnp-org:device:InternetGatewayDevice:1", 2, 1 },
    { "urn:schemas-upnp-org:device:InternetGatewayDevice:2", 1, 0 },
    { "urn:schemas-upnp-org:device:InternetGatewayDevice:2", 2, 1 },
    { "urn:schemas-upnp-org:device:InternetGatewayDevice:3", 2, 0 },
    { "urn:schemas-upnp-org:service:WANIPConnection:1", 2, 1 },
    { "urn:schemas-upnp-org:device:MediaServer:1", 1, 0 },
    { "", 1, 0 },
};

static void
test_searches(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(search_rows); i++) {
        struct igd_target target;
        unsigned found = 0, version;

        igd.version = search_rows[i].version;
        for (size_t n = 0; igd_target_at(&igd, n, 0, &target); n++) {
            if (!igd_target_matches(&igd, n, span_of_text(search_rows[i].wanted), &version))
                continue;
            found++;
            CHECK(igd_target_at(&igd, n, version, &target) && g_str_has_prefix(target.name, "uuid:"));
            if (strcmp(search_rows[i].wanted, "ssdp:all") != 0)
                CHECK_ROW_TEXT("says what was asked for", target.type, search_rows[i].wanted);
        }
        CHECK_ROW_UINT(search_rows[i].wanted, found, search_rows[i].found);
    }
}

void
suite_portmap_igd(void)
{
    UNIT_SUITE("UPnP gateway device", set_up, tear_down, { "add", test_add }, { "errors", test_errors },
               { "the box says no", test_box_says_no }, { "leases", test_leases }, { "add any", test_add_any },
               { "end", test_end }, { "ranges", test_ranges }, { "entries", test_entries },
               { "others' mappings", test_others }, { "the connection", test_connection },
               { "descriptions", test_descriptions }, { "searches", test_searches });
}
