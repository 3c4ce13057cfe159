/* The NAT and ICMP, in the words of RFC 5508: queries, and errors with what they quote. */
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"
#include "tests/unit/support_net.h"

#define X "10.0.0.2:5000"
#define X_EXTERNAL "203.0.113.1:5000"
#define Y "198.51.100.1:7000"
#define ROUTER "198.51.100.254" /* outside, on the way */
#define WHOLE 128

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static const char *
error(enum nat_side side, uint8_t type, uint8_t code, const char *from, const char *to, const char *quoted_from,
      const char *quoted_to)
{
    return nat_bench_error(&bench, side, type, code, from, to, quoted_from, quoted_to, WHOLE);
}

/* ---- queries */

static const struct {
    const char *name;
    uint8_t mapping, filtering;
    bool same, stranger;
} combinations[] = {
    { "EIM/EIF", NAT_ENDPOINT_INDEPENDENT, NAT_ENDPOINT_INDEPENDENT, true, true },
    { "EIM/ADF", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_DEPENDENT, true, false },
    { "EIM/APDF", NAT_ENDPOINT_INDEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, true, false },
    { "ADM/EIF", NAT_ADDRESS_DEPENDENT, NAT_ENDPOINT_INDEPENDENT, false, true },
    { "ADM/ADF", NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_DEPENDENT, false, false },
    { "ADM/APDF", NAT_ADDRESS_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, false, false },
    { "APDM/EIF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ENDPOINT_INDEPENDENT, false, true },
    { "APDM/ADF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ADDRESS_DEPENDENT, false, false },
    { "APDM/APDF", NAT_ADDRESS_AND_PORT_DEPENDENT, NAT_ADDRESS_AND_PORT_DEPENDENT, false, false },
};

static void
test_echo(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(combinations); i++) {
        struct nat_options options = nat_preset_find("symmetric-sequential")->options;
        const char *name = combinations[i].name;

        options.icmp.mapping = combinations[i].mapping;
        options.icmp.filtering = combinations[i].filtering;
        nat_bench_open_pool(&bench, &options, 1);
        CHECK_ROW_TEXT(name, nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                       "out echo 203.0.113.1 > 198.51.100.1 id 1024");
        CHECK_ROW_TEXT(name, nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "203.0.113.1", 1024),
                       "in reply 198.51.100.1 > 10.0.0.2 id 7");
        CHECK_ROW_TEXT(name, nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.2", 7),
                       combinations[i].same ? "out echo 203.0.113.1 > 198.51.100.2 id 1024"
                                            : "out echo 203.0.113.1 > 198.51.100.2 id 1025");
        CHECK_ROW_TEXT(name, nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.9", "203.0.113.1", 1024),
                       combinations[i].stranger ? "in reply 198.51.100.9 > 10.0.0.2 id 7" : "-filtered");
        tear_down();
    }
}

static void
test_identifiers(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    CHECK_ROW_TEXT("kept", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                   "out echo 203.0.113.1 > 198.51.100.1 id 7");
    CHECK_ROW_TEXT("collides", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.3", "198.51.100.1", 7),
                   "out echo 203.0.113.1 > 198.51.100.1 id 8");
    CHECK_ROW_TEXT("apart from UDP's", nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:7", Y),
                   "out 203.0.113.1:7 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("identifier 0", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.3", "198.51.100.1", 0),
                   "out echo 203.0.113.1 > 198.51.100.1 id 1");
    CHECK_ROW_TEXT("and back", nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "203.0.113.1", 1),
                   "in reply 198.51.100.1 > 10.0.0.3 id 0");
}

/* The box answers requests itself, even such as carry the identifier of a mapping. */
static void
test_requests_are_for_the_box(void)
{
    nat_bench_open(&bench, "full-cone", NULL);
    nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7);
    CHECK_ROW_TEXT("from outside", nat_bench_echo(&bench, NAT_OUTSIDE, false, "198.51.100.1", "203.0.113.1", 7),
                   "out reply 203.0.113.1 > 198.51.100.1 id 7 mine");
    CHECK_ROW_TEXT("from inside", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "203.0.113.1", 9),
                   "in reply 203.0.113.1 > 10.0.0.2 id 9 mine");
    CHECK_ROW_TEXT("its inside", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "10.0.0.1", 9),
                   "in reply 10.0.0.1 > 10.0.0.2 id 9 mine");
    CHECK_ROW_TEXT("a reply nobody asked for", nat_bench_echo(&bench, NAT_INSIDE, true, "10.0.0.2", "198.51.100.1", 9),
                   "-protocol-unsupported");
}

/* RFC 5508 REQ-2: at least 60 seconds, by default exactly that. */
static void
test_query_lifetime(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7);
    nat_bench_until(&bench, TIME_MIN - 1);
    CHECK_ROW_TEXT("before", nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "203.0.113.1", 7),
                   "in reply 198.51.100.1 > 10.0.0.2 id 7");
    nat_bench_until(&bench, TIME_MIN);
    CHECK_ROW_INT("expired", nat_bench_records(&bench, "nat-mapping-expired"), 1);
    CHECK_ROW("at",
              !g_str_has_prefix(nat_bench_echo(&bench, NAT_OUTSIDE, true, "198.51.100.1", "203.0.113.1", 7), "in"));
}

/* ---- errors from outside */

static const struct {
    const char *name;
    uint8_t type, code;
} kinds[] = {
    { "port unreachable", 3, 3 }, { "fragmentation needed", 3, 4 }, { "prohibited", 3, 13 },
    { "time exceeded", 11, 0 },   { "parameter problem", 12, 0 },
};

/* RFC 5508 REQ-4, RFC 4787 REQ-12a: whoever sends it. */
static void
test_error_in(void)
{
    static const char *const senders[] = { "198.51.100.1", ROUTER };

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++)
        for (size_t s = 0; s < G_N_ELEMENTS(senders); s++) {
            nat_bench_open(&bench, "port-restricted-cone", NULL);
            nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5000", Y);
            nat_bench_udp(&bench, NAT_INSIDE, X, Y); /* gets 5001 */
            g_autofree char *told = g_strdup_printf("in icmp %u/%u %s > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]",
                                                    kinds[i].type, kinds[i].code, senders[s]);

            CHECK_ROW_TEXT(
                kinds[i].name,
                error(NAT_OUTSIDE, kinds[i].type, kinds[i].code, senders[s], "203.0.113.1", "203.0.113.1:5001", Y),
                told);
            tear_down();
        }
}

/* As little as RFC 792 asks for, and everything up to the whole quoted packet, with odd lengths. */
static void
test_quote_lengths(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5000", Y);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    for (size_t quoted = 28; quoted <= 92; quoted++) {
        g_autofree char *name = g_strdup_printf("%zu bytes", quoted);

        CHECK_ROW_TEXT(name,
                       nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, ROUTER, "203.0.113.1", "203.0.113.1:5001", Y, quoted),
                       "in icmp 3/3 198.51.100.254 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]");
    }
    for (size_t quoted = 0; quoted < 28; quoted++) {
        g_autofree char *name = g_strdup_printf("%zu bytes", quoted);
        const char *told =
            nat_bench_error(&bench, NAT_OUTSIDE, 3, 3, ROUTER, "203.0.113.1", "203.0.113.1:5001", Y, quoted);

        CHECK_ROW(name, told[0] == '-');
    }
}

/* RFC 5508 REQ-3: the checksums of the error and of the quoted IP header must be right, the quoted transport checksum
 * need not; what RFC 4884 puts behind the quote passes. */
static const struct {
    const char *name;
    size_t spoil;       /* this byte of the quoted packet; 0: none */
    size_t extension;   /* bytes behind the quote, which is padded to 128 then */
    bool spoil_message; /* the ICMP checksum */
    const char *told;
} damages[] = {
    { "none", 0, 0, false, "in icmp 3/3 198.51.100.254 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]" },
    { "ICMP checksum", 0, 0, true, "-bad-checksum" },
    { "quoted IP header", 8, 0, false, "-icmp-bad-quote" },
    { "quoted transport checksum", 26, 0, false,
      "in icmp 3/3 198.51.100.254 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000 BAD UDP checksum]" },
    { "an extension", 0, 12, false, "in icmp 3/3 198.51.100.254 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000]" },
};

static void
test_error_damaged(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5000", Y);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    for (size_t i = 0; i < G_N_ELEMENTS(damages); i++) {
        uint8_t quote[WHOLE + 12] = { 0 };
        size_t length = nat_write_udp(quote, nat_endpoint("203.0.113.1:5001"), nat_endpoint(Y), 1, 64);
        g_autoptr(GByteArray) packet = NULL;

        if (damages[i].extension) {
            length = WHOLE + damages[i].extension;
            memset(quote + WHOLE, 0x20, damages[i].extension);
        }
        if (damages[i].spoil)
            quote[damages[i].spoil] ^= 0x55;
        packet = net_icmp(net_address(ROUTER), net_address("203.0.113.1"), 3, 3,
                          damages[i].extension ? WHOLE / 4 << 16 : 0, span_of(quote, length));
        if (damages[i].spoil_message)
            packet->data[22] ^= 0x55;
        CHECK_ROW_TEXT(damages[i].name, nat_bench_bytes(&bench, NAT_OUTSIDE, net_span(packet)), damages[i].told);
    }
}

static void
test_error_about_query(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7);
    CHECK_ROW_TEXT("traceroute", error(NAT_OUTSIDE, 11, 0, ROUTER, "203.0.113.1", "203.0.113.1#1024", "198.51.100.1"),
                   "in icmp 11/0 198.51.100.254 > 10.0.0.2 [echo 10.0.0.2 > 198.51.100.1 id 7]");
}

static void
test_error_unrelated(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    CHECK_ROW_TEXT("no mapping", error(NAT_OUTSIDE, 3, 3, ROUTER, "203.0.113.1", "203.0.113.1:5001", Y),
                   "-icmp-unrelated");
    CHECK_ROW_TEXT("about somebody else", error(NAT_OUTSIDE, 3, 3, ROUTER, "203.0.113.1", "192.0.2.1:5000", Y),
                   "-icmp-unrelated");
    CHECK_ROW_TEXT("to the inside itself", error(NAT_OUTSIDE, 3, 3, ROUTER, "10.0.0.2", X, Y), "-icmp-unrelated");
    CHECK_ROW_INT("a record each", nat_bench_records(&bench, "nat-icmp-error-dropped"), 3);
}

/* RFC 4787 REQ-12, RFC 5508 REQ-6: an error neither ends nor refreshes anything. */
static void
test_error_changes_nothing(void)
{
    nat_bench_open(&bench, "port-restricted-cone", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.refresh = NAT_REFRESH_BOTH;
    nat_set_options(bench.nat, &options);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    nat_bench_until(&bench, 200 * TIME_S);
    error(NAT_OUTSIDE, 3, 3, "198.51.100.1", "203.0.113.1", X_EXTERNAL, Y);
    error(NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y, X);
    CHECK_ROW_INT("alive", nat_bench_records(&bench, "nat-mapping-expired"), 0);
    nat_bench_until(&bench, 300 * TIME_S);
    CHECK_ROW_INT("not refreshed", nat_bench_records(&bench, "nat-mapping-expired"), 1);
}

/* ---- errors from inside */

/* RFC 5508 REQ-5: the quoted destination is external again, and so is the sender, be it a router inside. */
static void
test_error_out(void)
{
    static const char *const senders[] = { "10.0.0.2", "10.0.0.77" };

    for (size_t s = 0; s < G_N_ELEMENTS(senders); s++) {
        nat_bench_open(&bench, "full-cone", NULL);
        nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5000", Y);
        nat_bench_udp(&bench, NAT_INSIDE, X, "198.51.100.2:1");
        nat_bench_udp(&bench, NAT_OUTSIDE, Y, "203.0.113.1:5001");
        CHECK_ROW_TEXT(senders[s], error(NAT_INSIDE, 3, 3, senders[s], "198.51.100.1", Y, X),
                       "out icmp 3/3 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:5001]");
        CHECK_ROW_TEXT("to one who was never heard",
                       error(NAT_INSIDE, 3, 3, senders[s], "198.51.100.7", "198.51.100.7:1", X), "-icmp-unrelated");
        CHECK_ROW_TEXT("from a port without mapping",
                       error(NAT_INSIDE, 3, 3, senders[s], "198.51.100.1", Y, "10.0.0.2:5001"), "-icmp-unrelated");
        tear_down();
    }
}

/* An error about a packet that an endpoint-dependent mapping admitted comes from that mapping. */
static void
test_error_out_by_admitting_mapping(void)
{
    for (int affinity = 0; affinity < 2; affinity++) {
        struct nat_options options = nat_preset_find("symmetric-sequential")->options;

        options.udp.filtering = NAT_ENDPOINT_INDEPENDENT;
        options.affinity = affinity;
        nat_bench_open_pool(&bench, &options, 1);
        nat_bench_udp(&bench, NAT_INSIDE, X, "198.51.100.2:1");
        nat_bench_udp(&bench, NAT_OUTSIDE, Y, "203.0.113.1:1024");
        CHECK_ROW_TEXT(affinity ? "affinity" : "no affinity", error(NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y, X),
                       "out icmp 3/3 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:1024]");
        tear_down();
    }
}

static void
refuse_errors(struct nat_options *options)
{
    options->icmp_errors = false;
}

static void
test_errors_refused(void)
{
    nat_bench_open(&bench, "full-cone", refuse_errors);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    CHECK_ROW_TEXT("in", error(NAT_OUTSIDE, 3, 3, ROUTER, "203.0.113.1", X_EXTERNAL, Y), "-icmp-refused");
    CHECK_ROW_TEXT("out", error(NAT_INSIDE, 3, 3, "10.0.0.2", "198.51.100.1", Y, X), "-icmp-refused");
}

/* ---- errors about hairpinned packets (RFC 5508 REQ-7) */

static void
test_error_hairpinned(void)
{
    nat_bench_open(&bench, "cgn", NULL);
    struct nat_options options = *nat_options(bench.nat);

    options.udp.ports = NAT_PORTS_SEQUENTIAL;
    nat_set_options(bench.nat, &options);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:5000", Y);                  /* 1024 */
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6000", "203.0.113.1:1024"); /* 1025 */
    CHECK_ROW_TEXT("port unreachable", error(NAT_INSIDE, 3, 3, "10.0.0.2", "203.0.113.1", "203.0.113.1:1025", X),
                   "in icmp 3/3 203.0.113.1 > 10.0.0.3 [10.0.0.3:6000 > 203.0.113.1:1024]");
    CHECK_ROW_TEXT("unheard of", error(NAT_INSIDE, 3, 3, "10.0.0.2", "203.0.113.1", "203.0.113.1:1026", X),
                   "-icmp-unrelated");
}

/* ---- errors that the box makes about what it has translated */

static void
set_mtu(struct port *port, uint32_t mtu)
{
    struct link_options options = link_defaults;

    options.mtu = mtu;
    wire_set(port->wire, &options);
}

static const char *
big(enum nat_side side, const char *from, const char *to)
{
    uint8_t bytes[1500];
    size_t length = nat_write_udp(bytes, nat_endpoint(from), nat_endpoint(to), 64, 1200);

    bytes[6] |= 0x40; /* DF */
    uint32_t sum = (uint32_t)(bytes[10] << 8 | bytes[11]);
    sum = sum >= 0x4000 ? sum - 0x4000 : sum + 0xffff - 0x4000;
    bytes[10] = (uint8_t)(sum >> 8);
    bytes[11] = (uint8_t)sum;
    return nat_bench_bytes(&bench, side, span_of(bytes, length));
}

/* RFC 5508 section 7.1.1: each side hears of the packet that it sent itself. */
static void
test_fragmentation_needed(void)
{
    nat_bench_open(&bench, "symmetric-sequential", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    set_mtu(bench.ports[NAT_OUTSIDE], 1000);
    CHECK_ROW_TEXT("out", big(NAT_INSIDE, X, Y),
                   "in icmp 3/4 10.0.0.1 > 10.0.0.2 [10.0.0.2:5000 > 198.51.100.1:7000] -too-big");

    struct port *member = bench.sinks[NAT_INSIDE]->ports;
    struct link_options options = link_defaults;

    options.mtu = 1000;
    wire_set(&port_link(member)->down, &options);
    CHECK_ROW_TEXT("in", big(NAT_OUTSIDE, Y, "203.0.113.1:1024"),
                   "out icmp 3/4 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:1024] -too-big");
}

/* Nobody has that internal address any more. */
static void
test_host_unreachable(void)
{
    nat_bench_open(&bench, "full-cone", NULL);
    nat_bench_udp(&bench, NAT_INSIDE, X, Y);
    node_remove_address(bench.sinks[NAT_INSIDE], nat_endpoint("10.0.0.2").address);
    CHECK_ROW_TEXT("in", nat_bench_udp(&bench, NAT_OUTSIDE, Y, X_EXTERNAL),
                   "out icmp 3/1 203.0.113.1 > 198.51.100.1 [198.51.100.1:7000 > 203.0.113.1:5000] -no-neighbour");
}

void
suite_nat_icmp(void)
{
    UNIT_SUITE("nat: ICMP", NULL, tear_down, { "echo, by mapping and filtering", test_echo },
               { "identifiers", test_identifiers }, { "requests are for the box", test_requests_are_for_the_box },
               { "query lifetime", test_query_lifetime }, { "errors in", test_error_in },
               { "lengths of quotes", test_quote_lengths }, { "damaged errors", test_error_damaged },
               { "error about a query", test_error_about_query },
               { "unrelated errors", test_error_unrelated }, { "errors change nothing", test_error_changes_nothing },
               { "errors out", test_error_out },
               { "errors out by the mapping that admitted", test_error_out_by_admitting_mapping },
               { "errors refused", test_errors_refused }, { "hairpinned errors", test_error_hairpinned },
               { "fragmentation needed", test_fragmentation_needed }, { "host unreachable", test_host_unreachable });
}
