#include "core/net/udp.h"

#include "core/net/segment.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

static struct net_trio trio;
static struct io *io_a, *io_b;
static struct net_socket s[8]; /* what a test opens; closed at the end */

static void
set_up(void)
{
    net_trio_start(&trio);
    memset(s, 0, sizeof s);
    io_a = node_io(trio.a);
    io_b = node_io(trio.b);
}

static void
tear_down(void)
{
    for (unsigned i = 0; i < G_N_ELEMENTS(s); i++)
        net_socket_end(&s[i]);
    net_trio_end(&trio);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

/* On a host with 198.51.100.1 to .3: `first` is open, may `second` open too? */
static const struct {
    const char *name, *first, *second;
    enum io_result result;
} opens[] = {
    { "another port", "198.51.100.1:7", "198.51.100.1:8", IO_OK },
    { "the same", "198.51.100.1:7", "198.51.100.1:7", IO_IN_USE },
    { "another address", "198.51.100.1:7", "198.51.100.2:7", IO_OK },
    { "any besides one", "198.51.100.1:7", "0.0.0.0:7", IO_IN_USE },
    { "one besides any", "0.0.0.0:7", "198.51.100.1:7", IO_IN_USE },
    { "any besides any", "0.0.0.0:7", "0.0.0.0:7", IO_IN_USE },
    { "any of the other family is any", "0.0.0.0:7", "[::]:7", IO_IN_USE },
    { "an address of the pool", "198.51.100.1:7", "198.51.100.3:7", IO_OK },
    { "not this host's", "198.51.100.1:7", "198.51.100.4:7", IO_NO_ADDRESS },
    { "another host's", "198.51.100.1:7", "192.0.2.1:7", IO_NO_ADDRESS },
    { "multicast", "198.51.100.1:7", "224.0.0.1:7", IO_NO_ADDRESS },
    { "loopback", "198.51.100.1:7", "127.0.0.1:7", IO_NO_ADDRESS },
    { "the last port", "198.51.100.1:65535", "198.51.100.1:65535", IO_IN_USE },
};

static void
test_open(void)
{
    CHECK(node_add_address(trio.b, trio.b_port, net_address("198.51.100.2"), 2, 24));
    for (size_t i = 0; i < G_N_ELEMENTS(opens); i++) {
        CHECK_ROW(opens[i].name, net_socket_open(&s[0], io_b, opens[i].first) == IO_OK);
        CHECK_ROW_TEXT(opens[i].name, io_result_word(net_socket_open(&s[1], io_b, opens[i].second)),
                       io_result_word(opens[i].result));
        if (s[1].udp) {
            CHECK_ROW(opens[i].name, endpoint_equal(s[1].udp->ops->local(s[1].udp), net_endpoint(opens[i].second)));
            net_socket_close(&s[1]);
        }
        net_socket_close(&s[0]);
        /* once closed it is free */
        CHECK_ROW(opens[i].name, net_socket_open(&s[0], io_b, opens[i].first) == IO_OK);
        net_socket_close(&s[0]);
    }
}

/* RFC 6335 section 6: the dynamic ports, all of them before it is full; each once. */
static void
test_ephemeral(void)
{
    static const struct io_udp_events events = { NULL, NULL };
    g_autofree struct io_udp **all = g_new0(struct io_udp *, 16384);
    g_autofree bool *seen = g_new0(bool, 65536);
    struct endpoint any = { ADDRESS_NONE, 0 };
    unsigned in_order = 0, last = 0;
    enum io_result why;

    CHECK(net_socket_open(&s[0], io_b, "198.51.100.1:50000") == IO_OK); /* these it keeps off */
    for (unsigned n = 0; n < 16383; n++) {
        unsigned port;

        all[n] = io_b->ops->udp(io_b, &any, &events, NULL, &why);
        if (!CHECK(all[n] != NULL))
            return;
        port = all[n]->ops->local(all[n]).port;
        if (port < 49152 || seen[port] || port == 50000)
            CHECK_ROW_UINT("port", port, 0);
        seen[port] = true;
        in_order += port == last + 1;
        last = port;
    }
    CHECK(in_order < 8000); /* random while there is a choice (RFC 6056) */
    CHECK(io_b->ops->udp(io_b, &any, &events, NULL, &why) == NULL);
    CHECK_ROW_TEXT("full", io_result_word(why), "full");
    CHECK(stack_port_taken(trio.b, PROTOCOL_UDP, (struct endpoint){ net_address("198.51.100.1"), 60000 }));
    for (unsigned n = 0; n < 16383; n++)
        all[n]->ops->close(all[n]);
    CHECK(!stack_port_taken(trio.b, PROTOCOL_UDP, (struct endpoint){ net_address("198.51.100.1"), 60000 }));
}

/* A middlebox's ports are taken too. */
static bool
probe_taken(struct middlebox *box, uint8_t protocol, struct endpoint local)
{
    (void)box;
    return protocol == PROTOCOL_UDP && local.port != 50123 && local.port != 7;
}

static void
test_middlebox_ports(void)
{
    static const struct middlebox_ops ops = { .port_taken = probe_taken };
    struct middlebox box = { &ops, trio.b };

    trio.b->box = &box;
    CHECK(net_socket_open(&s[0], io_b, "0.0.0.0:8") == IO_IN_USE);
    CHECK(net_socket_open(&s[0], io_b, "0.0.0.0:7") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "0.0.0.0:0") == IO_OK);
    CHECK_ROW_UINT("the only free one", s[1].udp->ops->local(s[1].udp).port, 50123);
    CHECK(net_socket_open(&s[2], io_b, "0.0.0.0:0") == IO_FULL);
    trio.b->box = NULL;
}

/* --- who gets a datagram ---------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *to;
    int gets; /* which socket; -1: none */
} demux[] = {
    { "bound to this address", "198.51.100.1:7", 0 },
    { "bound to that address", "198.51.100.2:7", 1 },
    { "nobody has this address and port", "198.51.100.3:7", -1 },
    { "bound to any", "198.51.100.1:8", 2 },
    { "bound to any, another address", "198.51.100.3:8", 2 },
    { "no such port", "198.51.100.1:9", -1 },
    { "port 0", "198.51.100.1:0", -1 },
};

static void
test_demux(void)
{
    CHECK(node_add_address(trio.b, trio.b_port, net_address("198.51.100.2"), 2, 24));
    CHECK(net_socket_open(&s[0], io_b, "198.51.100.1:7") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.2:7") == IO_OK);
    CHECK(net_socket_open(&s[2], io_b, "0.0.0.0:8") == IO_OK);
    CHECK(net_socket_open(&s[3], io_a, "192.0.2.1:5000") == IO_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(demux); i++) {
        unsigned before[3], errors = s[3].icmp->len;

        for (int n = 0; n < 3; n++)
            before[n] = s[n].got->len;
        CHECK_ROW(demux[i].name, net_socket_send(&s[3], demux[i].to, demux[i].name) == IO_OK);
        net_trio_run(&trio);
        for (int n = 0; n < 3; n++)
            CHECK_ROW_UINT(demux[i].name, s[n].got->len - before[n], n == demux[i].gets);
        CHECK_ROW_UINT(demux[i].name, s[3].icmp->len - errors, demux[i].gets < 0);
        if (demux[i].gets >= 0) {
            const struct net_socket *socket = &s[demux[i].gets];
            const struct net_got *got = net_socket_got(socket, socket->got->len - 1);

            CHECK_ROW(demux[i].name, endpoint_equal(got->datagram.local, net_endpoint(demux[i].to)));
            CHECK_ROW(demux[i].name, endpoint_equal(got->datagram.peer, net_endpoint("192.0.2.1:5000")));
        }
    }
}

/* Many sockets, opened and closed at random: each datagram reaches the one on its port. */
static void
test_many(void)
{
    static struct net_socket many[60];
    struct random_stream dice = random_stream_of(1, "udp", "many");

    memset(many, 0, sizeof many);
    for (unsigned n = 0; n < 600; n++) {
        unsigned i = (unsigned)random_below(&dice, G_N_ELEMENTS(many));
        g_autofree char *where = g_strdup_printf("%s:%u", n % 2 ? "0.0.0.0" : "198.51.100.1", 1000 + i);
        g_autofree char *to = g_strdup_printf("198.51.100.1:%u", 1000 + i);

        if (many[i].udp) {
            unsigned got = many[i].got->len;

            CHECK(net_socket_send(&many[i], to, "to itself") == IO_OK);
            net_run(trio.world, 0);
            CHECK_ROW_UINT(to, many[i].got->len, got + 1);
            net_socket_close(&many[i]);
        } else {
            CHECK(net_socket_open(&many[i], io_b, where) == IO_OK);
        }
        CHECK(stack_port_taken(trio.b, PROTOCOL_UDP, net_endpoint(to)) == (many[i].udp != NULL));
    }
    for (unsigned i = 0; i < G_N_ELEMENTS(many); i++)
        net_socket_end(&many[i]);
}

/* --- what a datagram says --------------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    int16_t ttl, dscp, ecn, df;         /* as sent */
    int16_t r_ttl, r_dscp, r_ecn, r_df; /* as received, one router on */
} marks[] = {
    { "defaults", IO_UNSET, IO_UNSET, IO_UNSET, IO_UNSET, 63, 0, 0, 0 },
    { "TTL 255", 255, IO_UNSET, IO_UNSET, IO_UNSET, 254, 0, 0, 0 },
    { "TTL 2", 2, IO_UNSET, IO_UNSET, IO_UNSET, 1, 0, 0, 0 },
    { "DSCP EF", IO_UNSET, 46, IO_UNSET, IO_UNSET, 63, 46, 0, 0 },
    { "DSCP 63", IO_UNSET, 63, IO_UNSET, IO_UNSET, 63, 63, 0, 0 },
    { "ECT(1)", IO_UNSET, IO_UNSET, 1, IO_UNSET, 63, 0, 1, 0 },
    { "CE", IO_UNSET, IO_UNSET, 3, IO_UNSET, 63, 0, 3, 0 },
    { "DF", IO_UNSET, IO_UNSET, IO_UNSET, 1, 63, 0, 0, 1 },
    { "no DF", IO_UNSET, IO_UNSET, IO_UNSET, 0, 63, 0, 0, 0 },
    { "all", 10, 10, 2, 1, 9, 10, 2, 1 },
};

static void
test_marks(void)
{
    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    for (unsigned i = 0; i < G_N_ELEMENTS(marks); i++) {
        struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("198.51.100.1:7"), span_of_text("x"));
        const struct net_got *got;

        datagram.ttl = marks[i].ttl;
        datagram.dscp = marks[i].dscp;
        datagram.ecn = marks[i].ecn;
        datagram.dont_fragment = marks[i].df;
        CHECK_ROW(marks[i].name, s[0].udp->ops->send(s[0].udp, &datagram) == IO_OK);
        net_trio_run(&trio);
        got = net_socket_got(&s[1], i);
        if (!CHECK_ROW(marks[i].name, got != NULL))
            continue;
        CHECK_ROW_INT(marks[i].name, got->datagram.ttl, marks[i].r_ttl);
        CHECK_ROW_INT(marks[i].name, got->datagram.dscp, marks[i].r_dscp);
        CHECK_ROW_INT(marks[i].name, got->datagram.ecn, marks[i].r_ecn);
        CHECK_ROW_INT(marks[i].name, got->datagram.dont_fragment, marks[i].r_df);
        CHECK_ROW_INT(marks[i].name, got->datagram.interface, trio.b_port->number);
        CHECK_ROW_UINT(marks[i].name, got->datagram.packet, datagram.packet);
    }
}

/* Lengths up to the most (65535 less both headers), whole and in fragments; the checksum on the wire. */
static void
test_sizes(void)
{
    static const struct {
        const char *name;
        unsigned length;
        int16_t df;
        enum io_result result;
    } sizes[] = {
        { "empty", 0, 0, IO_OK },
        { "odd", 1, 0, IO_OK },
        { "fills the link", 1472, 1, IO_OK },
        { "one more with DF", 1473, 1, IO_TOO_BIG }, /* RFC 1191 section 6.1 */
        { "one more without", 1473, 0, IO_OK },
        { "the most", 65507, 0, IO_OK },
        { "more than that", 65508, 0, IO_TOO_BIG },
        { "much more", 100000, 0, IO_TOO_BIG },
    };
    unsigned expected = 0;

    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    for (unsigned i = 0; i < G_N_ELEMENTS(sizes); i++) {
        g_autoptr(GByteArray) data = net_pattern(sizes[i].length);
        struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("198.51.100.1:7"), net_span(data));

        datagram.dont_fragment = sizes[i].df;
        CHECK_ROW_TEXT(sizes[i].name, io_result_word(s[0].udp->ops->send(s[0].udp, &datagram)),
                       io_result_word(sizes[i].result));
        net_trio_run(&trio);
        if (sizes[i].result == IO_OK && CHECK_ROW(sizes[i].name, net_socket_got(&s[1], expected) != NULL)) {
            const struct net_got *got = net_socket_got(&s[1], expected++);

            CHECK_ROW_BYTES(sizes[i].name, span_of(got->data, got->length), net_span(data));
        }
    }
    CHECK_ROW_UINT("no more", s[1].got->len, expected);
}

/* RFC 768: a checksum that comes out as 0 is sent as 0xffff. Two bytes of data run through all values. */
static void
test_checksum_zero(void)
{
    unsigned ones = 0;

    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    trio.world->journal = NULL;
    trio.a_port->capture = NULL;
    trio.router_a->capture = NULL;
    trio.router_b->capture = NULL;
    for (unsigned n = 0; n < 65536; n++) {
        uint8_t bytes[2] = { (uint8_t)(n >> 8), (uint8_t)n };
        struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint("198.51.100.1:7"), span_of(bytes, 2));

        s[0].udp->ops->send(s[0].udp, &datagram);
        if (n % 1024 == 1023) {
            net_trio_run(&trio);
            for (guint i = 0; i < trio.tap.seen->len; i++) {
                const GByteArray *seen = g_array_index(trio.tap.seen, struct net_seen, i).bytes;
                unsigned checksum = (unsigned)(seen->data[26] << 8 | seen->data[27]);

                ones += checksum == 0xffff;
                if (checksum == 0 || !net_checksums_good(net_span(seen)))
                    CHECK_ROW_UINT("checksum", checksum, UINT_MAX);
            }
            net_tap_clear(&trio.tap);
        }
    }
    CHECK_ROW_UINT("0xffff", ones, 1);
    CHECK_ROW_UINT("all arrived", s[1].got->len, 65536);
}

static void
test_bad_checksums(void)
{
    static const struct {
        const char *name;
        int checksum; /* -1: as it is, with a byte of data changed */
        unsigned arrived;
    } rows[] = { { "wrong", -1, 0 }, { "none", 0, 1 } };

    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    for (unsigned i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GByteArray) bytes =
            net_udp(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:7"), span_of_text("hello"));

        bytes->data[30] ^= 1;
        if (rows[i].checksum == 0)
            bytes->data[26] = bytes->data[27] = 0;
        net_arrive(trio.b_port, net_span(bytes));
        CHECK_ROW_UINT(rows[i].name, s[1].got->len, rows[i].arrived);
        CHECK_ROW_UINT(rows[i].name, node_dropped(trio.b, DROP_BAD_CHECKSUM), 1);
    }
    CHECK_ROW_UINT("nobody is told", trio.b->counts.sent, 0);
}

/* Bytes behind the UDP length are not the datagram's. */
static void
test_short_length(void)
{
    g_autoptr(GByteArray) payload =
        net_udp_payload(net_endpoint("192.0.2.1:5000"), net_endpoint("198.51.100.1:7"), span_of_text("hello"));
    g_autoptr(GByteArray) bytes = NULL;

    g_byte_array_append(payload, (const guint8 *)"xyz", 3);
    bytes = net_build(&(struct net_template){ .source = net_address("192.0.2.1"),
                                              .destination = net_address("198.51.100.1"),
                                              .protocol = PROTOCOL_UDP,
                                              .payload = net_span(payload) });
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("cut", net_socket_text(&s[1], 0), "hello");
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

static const struct {
    const char *name, *bound, *local, *peer;
    enum io_result result;
    const char *source;
} sources[] = {
    { "by route", "0.0.0.0:5000", "0.0.0.0:0", "198.51.100.1:7", IO_OK, "192.0.2.1:5000" },
    { "bound", "192.0.2.2:5000", "0.0.0.0:0", "198.51.100.1:7", IO_OK, "192.0.2.2:5000" },
    { "asked for", "0.0.0.0:5000", "192.0.2.2:0", "198.51.100.1:7", IO_OK, "192.0.2.2:5000" },
    { "asked for with its port", "0.0.0.0:5000", "192.0.2.2:5000", "198.51.100.1:7", IO_OK, "192.0.2.2:5000" },
    { "not this host's", "0.0.0.0:5000", "192.0.2.9:0", "198.51.100.1:7", IO_NO_ADDRESS, NULL },
    { "to itself: its own address", "0.0.0.0:5000", "0.0.0.0:0", "192.0.2.2:5000", IO_OK, "192.0.2.2:5000" },
    { "to nowhere", "0.0.0.0:5000", "0.0.0.0:0", "0.0.0.0:7", IO_NO_ROUTE, NULL },
    { "to loopback", "0.0.0.0:5000", "0.0.0.0:0", "127.0.0.1:7", IO_NO_ROUTE, NULL },
    { "to another family", "0.0.0.0:5000", "0.0.0.0:0", "[2001:db8::1]:7", IO_NO_ROUTE, NULL },
    { "bound, to another family", "192.0.2.1:5000", "0.0.0.0:0", "[2001:db8::1]:7", IO_NO_ROUTE, NULL },
};

static void
test_sources(void)
{
    CHECK(node_add_address(trio.a, trio.a_port, net_address("192.0.2.2"), 1, 24));
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    for (unsigned i = 0; i < G_N_ELEMENTS(sources); i++) {
        struct io_datagram datagram = IO_DATAGRAM_TO(net_endpoint(sources[i].peer), span_of_text("x"));
        const struct record *record;

        datagram.local = net_endpoint(sources[i].local);
        CHECK_ROW(sources[i].name, net_socket_open(&s[0], io_a, sources[i].bound) == IO_OK);
        CHECK_ROW_TEXT(sources[i].name, io_result_word(s[0].udp->ops->send(s[0].udp, &datagram)),
                       io_result_word(sources[i].result));
        net_trio_run(&trio);
        record = net_journal_last(&trio.journal, &packet_sent_kind);
        if (sources[i].source && CHECK_ROW(sources[i].name, record != NULL))
            CHECK_ROW(sources[i].name, endpoint_equal(flow_source(&record->before), net_endpoint(sources[i].source)));
        net_socket_close(&s[0]);
    }
    /* a host without a way */
    node_set_default(trio.a, NULL, ADDRESS_NONE);
    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:5000") == IO_OK);
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "x") == IO_NO_ROUTE);
    CHECK(net_socket_send(&s[0], "192.0.2.2:5000", "x") == IO_OK);
}

/* --- ICMP errors ------------------------------------------------------------------------------------------------ */

static void
test_errors_find_sockets(void)
{
    CHECK(node_add_address(trio.a, trio.a_port, net_address("192.0.2.2"), 1, 24));
    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_a, "192.0.2.2:5000") == IO_OK);
    CHECK(net_socket_open(&s[2], io_a, "0.0.0.0:6000") == IO_OK);
    CHECK(net_socket_send(&s[1], "198.51.100.1:9", "one") == IO_OK);
    CHECK(net_socket_send(&s[2], "198.51.100.1:10", "two") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("not to this one", s[0].icmp->len, 0);
    if (CHECK(s[1].icmp->len == 1 && s[2].icmp->len == 1)) {
        CHECK(endpoint_equal(net_socket_icmp(&s[1], 0)->local, net_endpoint("192.0.2.2:5000")));
        CHECK(endpoint_equal(net_socket_icmp(&s[1], 0)->peer, net_endpoint("198.51.100.1:9")));
        CHECK(endpoint_equal(net_socket_icmp(&s[2], 0)->local, net_endpoint("192.0.2.1:6000")));
        CHECK(address_equal(net_socket_icmp(&s[2], 0)->from, net_address("198.51.100.1")));
    }
    /* one that has gone meanwhile, and one that doesn't want to know */
    CHECK(net_socket_send(&s[1], "198.51.100.1:9", "three") == IO_OK);
    net_socket_close(&s[1]);
    s[2].udp->events = &(const struct io_udp_events){ s[2].udp->events->datagram, NULL };
    CHECK(net_socket_send(&s[2], "198.51.100.1:10", "four") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("gone", node_dropped(trio.a, DROP_NO_SOCKET), 1);
    CHECK_ROW_UINT("not told", s[2].icmp->len, 1);
}

/* --- full receive buffers --------------------------------------------------------------------------------------- */

/* A full socket gets nothing, and nobody is told: no ICMP error is about a full buffer. */
static void
test_full(void)
{
    uint64_t sent;

    CHECK(net_socket_open(&s[0], io_a, "0.0.0.0:5") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "0.0.0.0:7") == IO_OK);
    CHECK(!s[1].udp->full);
    s[1].udp->full = true;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "one") == IO_OK);
    net_run(trio.world, TIME_S);
    CHECK(net_socket_text(&s[1], 0) == NULL);
    CHECK(net_socket_icmp(&s[0], 0) == NULL);
    CHECK_ROW_UINT("dropped", node_dropped(trio.b, DROP_SOCKET_FULL), 1);
    CHECK_ROW_UINT("delivered", trio.world->counts.delivered, 0);
    sent = trio.world->counts.sent;
    CHECK_ROW_UINT("no error", sent, 1);

    s[1].udp->full = false;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "two") == IO_OK);
    net_run(trio.world, TIME_S);
    CHECK_ROW_TEXT("there is room again", net_socket_text(&s[1], 0), "two");
    CHECK_ROW_UINT("delivered", trio.world->counts.delivered, 1);
    CHECK(net_balanced(trio.world));
}

/* A datagram to a group is dropped when all of its sockets are full. */
static void
test_full_in_group(void)
{
    struct address group = net_address("224.0.0.251");
    struct packet_counts *counts = &trio.world->counts;

    CHECK(net_socket_open(&s[0], io_b, "0.0.0.0:5") == IO_OK);
    CHECK(net_socket_open(&s[1], io_a, "192.0.2.1:7") == IO_OK);
    CHECK(net_socket_open(&s[2], node_io(trio.router), "0.0.0.0:7") == IO_OK);
    CHECK(s[2].udp->ops->join(s[2].udp, &group, 0) == IO_OK);
    s[2].udp->full = true;
    CHECK(net_socket_send(&s[0], "224.0.0.251:7", "one") == IO_OK);
    net_run(trio.world, TIME_S);
    CHECK(net_socket_text(&s[2], 0) == NULL);
    CHECK_ROW_UINT("dropped", counts->dropped[DROP_SOCKET_FULL], 1);
    CHECK_ROW_UINT("delivered", counts->delivered, 0);
    s[2].udp->full = false;
    CHECK(net_socket_send(&s[0], "224.0.0.251:7", "two") == IO_OK);
    net_run(trio.world, TIME_S);
    CHECK_ROW_TEXT("there is room again", net_socket_text(&s[2], 0), "two");
}

/* --- groups ----------------------------------------------------------------------------------------------------- */

static void
test_groups(void)
{
    struct segment *lan = segment_new(trio.world, "LAN");
    struct node *sender = node_new(trio.world, "sender"), *member = node_new(trio.world, "member");
    struct port *from = node_join(sender, lan, NULL, NULL), *to = node_join(member, lan, NULL, NULL);
    struct address group = net_address("224.0.0.251"), other = net_address("239.1.2.3"), bad = net_address("10.0.0.2");

    CHECK(node_add_address(sender, from, net_address("10.0.0.1"), 1, 24));
    CHECK(node_add_address(member, to, net_address("10.0.0.2"), 1, 24));
    node_set_default(sender, from, ADDRESS_NONE);
    CHECK(net_socket_open(&s[0], node_io(sender), "0.0.0.0:5353") == IO_OK);
    CHECK(net_socket_open(&s[1], node_io(member), "0.0.0.0:5353") == IO_OK);
    CHECK(net_socket_open(&s[2], node_io(member), "0.0.0.0:5354") == IO_OK);
    CHECK(s[1].udp->ops->join(s[1].udp, &bad, 0) == IO_NO_ADDRESS);
    CHECK(net_socket_send(&s[0], "224.0.0.251:5353", "before") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("not joined", s[1].got->len, 0);
    CHECK(s[1].udp->ops->join(s[1].udp, &group, 0) == IO_OK);
    CHECK(s[1].udp->ops->join(s[1].udp, &group, 0) == IO_OK);
    CHECK(s[2].udp->ops->join(s[2].udp, &group, 0) == IO_OK);
    CHECK(s[2].udp->ops->join(s[2].udp, &other, 0) == IO_OK);
    CHECK(net_socket_send(&s[0], "224.0.0.251:5353", "one") == IO_OK);
    CHECK(net_socket_send(&s[0], "239.1.2.3:5353", "two") == IO_OK);
    CHECK(net_socket_send(&s[0], "239.1.2.3:5354", "three") == IO_OK);
    CHECK(net_socket_send(&s[0], "255.255.255.255:5354", "four") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("once, though joined twice", s[1].got->len, 1);
    CHECK_ROW_TEXT("its group and port", net_socket_text(&s[1], 0), "one");
    CHECK_ROW_TEXT("its group and port", net_socket_text(&s[2], 0), "three");
    CHECK_ROW_TEXT("broadcast needs no joining", net_socket_text(&s[2], 1), "four");
    CHECK_ROW_UINT("no more", s[2].got->len, 2);
    CHECK_ROW_UINT("the others nobody wanted", node_dropped(member, DROP_NO_SOCKET), 2);
}

static GString *order;
static struct net_socket *victim;

static void
note_order(struct net_socket *socket, const struct io_datagram *datagram)
{
    (void)datagram;
    g_string_append_printf(order, "%d ", (int)(socket - s));
    if (victim)
        net_socket_close(victim);
    victim = NULL;
}

static void
open_another(struct net_socket *socket, const struct io_datagram *datagram)
{
    note_order(socket, datagram);
    if (!s[7].udp)
        CHECK(net_socket_open(&s[7], io_b, "198.51.100.5:67") == IO_OK);
    s[7].on_datagram = note_order;
}

/* Several sockets on one port, each of another address: a broadcast reaches them in order of opening, whoever was
 * closed before, and however they close each other. */
static void
test_group_order(void)
{
    g_autoptr(GByteArray) bytes =
        net_udp(net_endpoint("192.0.2.1:68"), net_endpoint("255.255.255.255:67"), span_of_text("all"));
    static const char *const locals[] = { "198.51.100.1:67", "198.51.100.2:67", "198.51.100.3:67", "198.51.100.4:67" };

    CHECK(node_add_address(trio.b, trio.b_port, net_address("198.51.100.2"), 4, 24));
    order = g_string_new(NULL);
    for (int i = 0; i < 3; i++) {
        CHECK(net_socket_open(&s[i], io_b, locals[i]) == IO_OK);
        s[i].on_datagram = note_order;
    }
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("in order", order->str, "0 1 2 ");
    net_socket_close(&s[0]);
    CHECK(net_socket_open(&s[0], io_b, locals[0]) == IO_OK);
    g_string_truncate(order, 0);
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("opened anew", order->str, "1 2 0 ");
    g_string_truncate(order, 0);
    victim = &s[2];
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("the first closes the second", order->str, "1 0 ");
    g_string_truncate(order, 0);
    victim = &s[1];
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("the first closes itself", order->str, "1 0 ");
    g_string_truncate(order, 0);
    victim = &s[0];
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("the last closes itself", order->str, "0 ");
    g_string_truncate(order, 0);
    CHECK(net_socket_open(&s[3], io_b, locals[3]) == IO_OK);
    s[3].on_datagram = open_another;
    net_arrive(trio.b_port, net_span(bytes));
    CHECK_ROW_TEXT("one opened meanwhile comes too late", order->str, "3 ");
    CHECK_ROW_UINT("each was delivered once", node_dropped(trio.b, DROP_NO_SOCKET), 0);
    g_string_free(order, TRUE);
    order = NULL;
}

/* --- closing in callbacks --------------------------------------------------------------------------------------- */

static void
close_own(struct net_socket *socket, const struct io_datagram *datagram)
{
    (void)datagram;
    net_socket_close(socket);
}

static void
close_own_icmp(struct net_socket *socket, const struct io_icmp *icmp)
{
    (void)icmp;
    net_socket_close(socket);
}

static void
close_context(struct net_socket *socket, const struct io_datagram *datagram)
{
    (void)datagram;
    net_socket_close(socket->context);
}

static void
reopen_own(struct net_socket *socket, const struct io_datagram *datagram)
{
    (void)datagram;
    net_socket_close(socket);
    CHECK(net_socket_open(socket, io_b, "198.51.100.1:7") == IO_OK);
}

static void
test_close_in_callback(void)
{
    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    CHECK(net_socket_open(&s[2], io_b, "198.51.100.1:8") == IO_OK);
    /* another one */
    s[1].on_datagram = close_context;
    s[1].context = &s[2];
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "one") == IO_OK);
    CHECK(net_socket_send(&s[0], "198.51.100.1:8", "two") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("closed", s[2].got->len, 0);
    CHECK_ROW_UINT("port unreachable", s[0].icmp->len, 1);
    /* itself, and opened anew on the same port */
    s[1].on_datagram = reopen_own;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "three") == IO_OK);
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "four") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("both", s[1].got->len, 3);
    /* itself */
    s[1].on_datagram = close_own;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "five") == IO_OK);
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "six") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("one", s[1].got->len, 4);
    /* in an error's callback */
    s[0].on_icmp = close_own_icmp;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "seven") == IO_OK);
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "eight") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("one", s[0].icmp->len, 3);
    CHECK_ROW_UINT("nobody waits for the other", node_dropped(trio.a, DROP_NO_SOCKET), 1);
}

/* The datagram lives as long as its callback, whatever happens there. */
static void
close_then_read(struct net_socket *socket, const struct io_datagram *datagram)
{
    net_socket_close(socket);
    CHECK_ROW_BYTES("data", datagram->data, span_of_text("hello"));
    CHECK_ROW_UINT("port", datagram->peer.port, 5000);
}

static void
test_data_outlives_socket(void)
{
    CHECK(net_socket_open(&s[0], io_a, "192.0.2.1:5000") == IO_OK);
    CHECK(net_socket_open(&s[1], io_b, "198.51.100.1:7") == IO_OK);
    s[1].on_datagram = close_then_read;
    CHECK(net_socket_send(&s[0], "198.51.100.1:7", "hello") == IO_OK);
    net_trio_run(&trio);
    CHECK_ROW_UINT("one", s[1].got->len, 1);
}

/* Sockets that nobody closed go with their node. */
static void
test_left_open(void)
{
    static const struct io_udp_events events = { NULL, NULL };
    struct world *world = world_new(1);
    struct node *node = node_new(world, "left");
    struct io *io = node_io(node);
    enum io_result why;

    CHECK(io->ops->udp(io, &(struct endpoint){ ADDRESS_NONE, 0 }, &events, NULL, &why) != NULL);
    CHECK(io->ops->udp(io, &(struct endpoint){ ADDRESS_NONE, 7 }, &events, NULL, &why) != NULL);
    world_free(world);
}

void
suite_net_udp(void)
{
    UNIT_SUITE("udp", set_up, tear_down, { "opening", test_open }, { "ephemeral ports", test_ephemeral },
               { "ports of a middlebox", test_middlebox_ports }, { "who gets a datagram", test_demux },
               { "many sockets", test_many }, { "marks", test_marks }, { "sizes", test_sizes },
               { "checksum 0", test_checksum_zero }, { "bad checksums", test_bad_checksums },
               { "short length", test_short_length }, { "sources", test_sources },
               { "errors find sockets", test_errors_find_sockets }, { "full", test_full },
               { "full, in a group", test_full_in_group }, { "groups", test_groups },
               { "order in a group", test_group_order }, { "closing in callbacks", test_close_in_callback },
               { "data outlives the socket", test_data_outlives_socket }, { "left open", test_left_open });
}
