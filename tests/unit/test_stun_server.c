/* The Binding server: RFC 8489 sections 6.3, 6.3.1, 7, 11 and 12. */
#include "tests/unit/support.h"

#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"
#include "proto/stun/server.h"
#include "tests/unit/stun_vectors.h"
#include "tests/unit/support_io.h"

#define ID "0102030405060708090a0b0c"
#define HEAD(type, length) type length "2112a442" ID
#define CLIENT "203.0.113.1:40000"
#define XORED                                                                                                          \
    "002000080001bd52"                                                                                                 \
    "ea12d543" /* CLIENT: 40000 ^ 0x2112, 203.0.113.1 ^ 0x2112a442 */
#define PLAIN                                                                                                          \
    "0001000800019c40"                                                                                                 \
    "cb007101"
#define SOFTWARE                                                                                                       \
    "80220008"                                                                                                         \
    "70756e63686c6162"
#define UNKNOWN_420                                                                                                    \
    "00090015"                                                                                                         \
    "00000414"                                                                                                         \
    "556e6b6e6f776e20417474726962757465000000"

static struct fake_io *host;
static struct stun_server *server;
static struct endpoint client, listening;

static void
set_up(void)
{
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    enum io_result why;

    host = fake_io_new("198.51.100.1");
    CHECK(endpoint_parse(CLIENT, &client));
    CHECK(endpoint_parse("198.51.100.1:3478", &listening));
    server = stun_server_new(&host->io, &options, &why);
    CHECK(server != NULL);
}

static void
tear_down(void)
{
    stun_server_free(server);
    CHECK(fake_io_free(host));
}

enum { ANSWER, SILENT, MALFORMED, UNEXPECTED };

static const struct {
    const char *name, *request, *answer; /* without FINGERPRINT, which is checked by itself */
    int what;
} rows[] = {
    { "request", HEAD("0001", "0000"), HEAD("0101", "0024") XORED PLAIN SOFTWARE, ANSWER },
    { "with an attribute nobody must know", HEAD("0001", "0008") "8abc000401020304",
      HEAD("0101", "0024") XORED PLAIN SOFTWARE, ANSWER },
    { "with one that is known and not expected", HEAD("0001", "000c") "000100080001000101020304",
      HEAD("0101", "0024") XORED PLAIN SOFTWARE, ANSWER },
    { "CHANGE-REQUEST", HEAD("0001", "0008") "0003000400000006",
      HEAD("0111", "0030") UNKNOWN_420 "000a000200030000" SOFTWARE, ANSWER },
    { "two unknown ones", HEAD("0001", "000c") "00030004000000067ffe0000",
      HEAD("0111", "0030") UNKNOWN_420 "000a000400037ffe" SOFTWARE, ANSWER },
    { "one of ICE's", HEAD("0001", "0004") "00250000", HEAD("0111", "0030") UNKNOWN_420 "000a000200250000" SOFTWARE,
      ANSWER },
    { "unknown, behind MESSAGE-INTEGRITY",
      HEAD("0001", "0020") "000800140000000000000000000000000000000000000000 0003000400000006",
      HEAD("0101", "0024") XORED PLAIN SOFTWARE, ANSWER },
    { "indication", HEAD("0011", "0000"), NULL, SILENT },
    { "indication that is not understood", HEAD("0011", "0004") "7ffe0000", NULL, UNEXPECTED },
    { "success response", HEAD("0101", "000c") XORED, NULL, UNEXPECTED },
    { "error response", HEAD("0111", "0000"), NULL, UNEXPECTED },
    { "Allocate request", HEAD("0003", "0000"), NULL, UNEXPECTED },
    { "unknown method", HEAD("0ace", "0000"), NULL, UNEXPECTED },
    { "nothing", "", NULL, MALFORMED },
    { "garbage", "00ff00ff00ff", NULL, MALFORMED },
    { "cut", HEAD("0001", "0008") "00030004", NULL, MALFORMED },
    { "first bits", HEAD("8001", "0000"), NULL, MALFORMED },
    { "attribute beyond the end", HEAD("0001", "0004") "80220008", NULL, MALFORMED },
    { "wrong FINGERPRINT", HEAD("0001", "0008") "8028000400000000", NULL, MALFORMED },
    { "FINGERPRINT not last", HEAD("0001", "0010") "80280004000000008028000400000000", NULL, MALFORMED },
    { "RFC 3489", "0001 0000 deadbeef" ID, "0101 000c deadbeef" ID PLAIN, ANSWER },
    { "RFC 3489, CHANGE-REQUEST", "0001 0008 deadbeef" ID "0003000400000006",
      "0111 0024 deadbeef" ID "00090018 00000414 556e6b6e6f776e20417474726962757465202020 000a000400030003", ANSWER },
    { "RFC 3489, an indication, which it does not have", "0011 0000 deadbeef" ID, NULL, MALFORMED },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GBytes) request = unit_hex(rows[i].request);
        struct stun_server_counters before = *stun_server_counters(server);
        const struct stun_server_counters *after = stun_server_counters(server);

        CHECK_ROW(rows[i].name, fake_io_deliver(host, listening, client, unit_span(request)));

        const struct fake_datagram *sent = fake_io_take(host);

        CHECK_ROW(rows[i].name, (sent != NULL) == (rows[i].what == ANSWER));
        if (sent && rows[i].answer) {
            g_autoptr(GBytes) answer = unit_hex(rows[i].answer);

            CHECK_ROW_BYTES(rows[i].name, sent->data, unit_span(answer));
            CHECK_ROW(rows[i].name, endpoint_equal(sent->peer, client));
            CHECK_ROW(rows[i].name, endpoint_equal(sent->as_sent.local, listening)); /* said, not left to the host */
        }
        CHECK_ROW_INT(rows[i].name, after->datagrams - before.datagrams, 1);
        CHECK_ROW_INT(rows[i].name, after->requests - before.requests, rows[i].what == ANSWER);
        CHECK_ROW_INT(rows[i].name, after->indications - before.indications, rows[i].what == SILENT);
        CHECK_ROW_INT(rows[i].name, after->malformed - before.malformed, rows[i].what == MALFORMED);
        CHECK_ROW_INT(rows[i].name, after->unexpected - before.unexpected, rows[i].what == UNEXPECTED);
        CHECK_ROW_INT(rows[i].name, after->successes + after->errors, after->requests);
        CHECK_ROW(rows[i].name, !fake_io_take(host));
    }
}

/* Every datagram but a plain indication leaves one record, with the word for what became of it. */
static void
test_journal(void)
{
    static const struct {
        const char *name, *request, *kind, *text;
    } cases[] = {
        { "served", HEAD("0001", "0000"), "stun-request-served",
          "STUN Binding request came from 203.0.113.1:40000: the success response says so" },
        { "refused", HEAD("0001", "0004") "7ffe0000", "stun-request-refused",
          "STUN Binding request of 203.0.113.1:40000 refused: 420 Unknown Attribute" },
        { "malformed", "00", "stun-dropped",
          "datagram of 203.0.113.1:40000 dropped: it is not a well-formed STUN message (it is shorter than a STUN "
          "header)" },
        { "unexpected", HEAD("0101", "0000"), "stun-dropped",
          "datagram of 203.0.113.1:40000 dropped: a STUN message that answers nothing and asks for nothing" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) request = unit_hex(cases[i].request);
        g_autoptr(GString) text = g_string_new(NULL);

        CHECK(fake_io_deliver(host, listening, client, unit_span(request)));
        if (!CHECK_ROW(cases[i].name, host->notes->len == i + 1))
            continue;

        const struct record *record = &g_array_index(host->notes, struct record, i);

        CHECK_ROW_TEXT(cases[i].name, record->kind->name, cases[i].kind);
        record->kind->say(record, NULL, text);
        CHECK_ROW_TEXT(cases[i].name, text->str, cases[i].text);
        CHECK_ROW(cases[i].name, endpoint_equal(flow_source(&record->before), client));
        CHECK_ROW(cases[i].name, endpoint_equal(flow_destination(&record->before), listening));
    }
    CHECK_ROW_INT("reason", g_array_index(host->notes, struct record, 2).reason, DROP_MALFORMED_STUN);
    CHECK_ROW_INT("reason", g_array_index(host->notes, struct record, 3).reason, DROP_UNEXPECTED_STUN);

    g_autoptr(GBytes) request = unit_hex(cases[0].request);

    host->listening = false;
    CHECK(fake_io_deliver(host, listening, client, unit_span(request)));
    CHECK_ROW_INT("nobody listens", host->notes->len, G_N_ELEMENTS(cases));
}

/* Section 7: with FINGERPRINT in the request, one in the answer; it is right, and the last. */
static void
test_fingerprint(void)
{
    static const char *const requests[] = { HEAD("0001", "0000"), HEAD("0001", "0004") "7ffe0000" };

    for (size_t i = 0; i < G_N_ELEMENTS(requests); i++) {
        g_autoptr(GBytes) bytes = unit_hex(requests[i]);
        struct stun_message request, answer;
        struct stun_builder builder;
        uint8_t buffer[64];

        CHECK(stun_message_decode(unit_span(bytes), &request) == STUN_FAULT_NONE);
        stun_builder_begin(&builder, buffer, sizeof buffer, &request.header);
        if (request.count)
            stun_builder_raw(&builder, request.attributes[0].type, stun_message_value(&request, request.attributes));
        stun_put_fingerprint(&builder);
        CHECK(fake_io_deliver(host, listening, client, stun_builder_finish(&builder)));

        const struct fake_datagram *sent = fake_io_take(host);

        if (!CHECK_ROW(requests[i], sent && stun_message_decode(sent->data, &answer) == STUN_FAULT_NONE))
            continue;
        CHECK_ROW_INT(requests[i], stun_fingerprint_check(&answer), STUN_CHECK_RIGHT);
        CHECK_ROW_INT(requests[i], answer.header.class, i ? STUN_ERROR : STUN_SUCCESS);
    }
}

/* A retransmission gets the same answer; a request by a changed NAT mapping the new address. */
static void
test_again(void)
{
    g_autoptr(GBytes) request = unit_hex(HEAD("0001", "0000"));
    struct endpoint moved = client;

    CHECK(fake_io_deliver(host, listening, client, unit_span(request)));
    CHECK(fake_io_deliver(host, listening, client, unit_span(request)));
    moved.port++;
    CHECK(fake_io_deliver(host, listening, moved, unit_span(request)));

    const struct fake_datagram *first = fake_io_take(host), *second = fake_io_take(host), *third = fake_io_take(host);

    if (!CHECK(first && second && third))
        return;
    CHECK_ROW_BYTES("again", second->data, first->data);
    CHECK(!span_equal(third->data, first->data));
    CHECK(endpoint_equal(third->peer, moved));
}

static void
test_options(void)
{
    static const struct {
        const char *name, *software, *answer;
        bool mapped_address;
    } cases[] = {
        { "RFC 8489's least", NULL, HEAD("0101", "000c") XORED, false },
        { "both addresses", "", HEAD("0101", "0018") XORED PLAIN, true },
        { "another name", "abcde", HEAD("0101", "0018") XORED "80220005 6162636465000000", false },
    };
    g_autoptr(GBytes) request = unit_hex(HEAD("0001", "0000"));

    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        struct stun_server_options options = STUN_SERVER_DEFAULTS;
        struct endpoint at = listening;
        enum io_result why;
        g_autoptr(GBytes) answer = unit_hex(cases[i].answer);

        options.listen[0].port = at.port = (uint16_t)(5000 + i);
        options.software = cases[i].software;
        options.mapped_address = cases[i].mapped_address;

        g_autoptr(stun_server) other = stun_server_new(&host->io, &options, &why);

        CHECK_ROW(cases[i].name, other && fake_io_deliver(host, at, client, unit_span(request)));

        const struct fake_datagram *sent = fake_io_take(host);

        CHECK_ROW_BYTES(cases[i].name, sent ? sent->data : span_of(NULL, 0), unit_span(answer));
        CHECK_ROW(cases[i].name, sent && endpoint_equal(sent->local, at));
    }
}

static void
test_refused(void)
{
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    g_autofree char *name = g_strnfill(128, 'x');
    enum io_result why = IO_OK;

    CHECK(!stun_server_new(&host->io, &options, &why)); /* the one of set_up has the port */
    CHECK_ROW_INT("in use", why, IO_IN_USE);

    options.listens = 2; /* the first is opened, and must be closed again: tear_down looks */
    options.listen[0].port = 5000;
    options.listen[1].port = STUN_PORT;
    CHECK(!stun_server_new(&host->io, &options, &why));
    CHECK_ROW_INT("the second in use", why, IO_IN_USE);

    options.listen[1].port = 5001;
    options.software = name;
    CHECK(!stun_server_new(&host->io, &options, &why));
    CHECK_ROW_INT("name too long", why, IO_TOO_BIG);
    name[127] = '\0';

    g_autoptr(stun_server) two = stun_server_new(&host->io, &options, &why);

    CHECK(two && stun_server_local(two, 0).port == 5000 && stun_server_local(two, 1).port == 5001);
}

/* A port drawn for UDP that is taken over TCP: another one is drawn, for a while. */
static void
test_drawn(void)
{
    static const struct { const char *name; size_t taken; bool made; } rows[] = {
        { "none taken", 0, true }, { "one taken", 1, true },
        { "all but the last", STUN_SERVER_DRAWS - 1, true }, { "all taken", STUN_SERVER_DRAWS, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_server_options options = STUN_SERVER_DEFAULTS;
        struct io_tcp *taken[STUN_SERVER_DRAWS];
        uint16_t first = host->next_port;
        enum io_result why = IO_OK;

        options.listen[0].port = 0;
        fake_io_take_ports(host, taken, rows[i].taken);

        g_autoptr(stun_server) drawn = stun_server_new(&host->io, &options, &why);

        CHECK_ROW(rows[i].name, rows[i].made == (drawn != NULL));
        CHECK_ROW(rows[i].name, drawn ? stun_server_local(drawn, 0).port == first + rows[i].taken : why == IO_IN_USE);
        for (size_t at = 0; at < rows[i].taken; at++)
            taken[at]->ops->close(taken[at], false);
    }
}

static void
test_unsent(void)
{
    g_autoptr(GBytes) request = unit_hex(HEAD("0001", "0000"));

    host->send_result = IO_UNREACHABLE;
    CHECK(fake_io_deliver(host, listening, client, unit_span(request)));
    CHECK_ROW_INT("unsent", stun_server_counters(server)->unsent, 1);
    CHECK_ROW_INT("a success all the same", stun_server_counters(server)->successes, 1);
}

/* The longest answer there can be: more attributes than are read, every one unknown, and the longest name. */
static void
test_longest(void)
{
    g_autoptr(GString) name = g_string_new(NULL);
    uint8_t request[STUN_HEADER_BYTES + (STUN_MAX_ATTRIBUTES + 1) * 4] = { 0x00, 0x01, 0x01, 0x04, 0x21, 0x12, 0xa4, 0x42 };
    uint8_t buffer[STUN_ANSWER_BYTES];

    for (size_t i = 0; i < 127; i++)
        g_string_append(name, "\xf0\x9f\x98\x80");
    for (size_t i = 0; i <= STUN_MAX_ATTRIBUTES; i++)
        request[STUN_HEADER_BYTES + i * 4 + 1] = (uint8_t)(0x80 + i);

    struct stun_rules rules = { .software = span_of(name->str, name->len), .mapped_address = true,
                                .understood = STUN_SET_BASE };
    struct stun_arrival arrival = { .source = client };
    struct stun_answer answer = stun_answer(&rules, span_of(request, sizeof request), &arrival, buffer, sizeof buffer);
    struct stun_message message;
    struct stun_value value;

    CHECK_ROW_INT("reply", answer.reply, STUN_REPLY_ERROR);
    CHECK_ROW_INT("code", answer.code, 420);
    CHECK(stun_message_decode(answer.message, &message) == STUN_FAULT_NONE);
    CHECK(stun_message_get(&message, STUN_UNKNOWN_ATTRIBUTES, &value) == STUN_PRESENT);
    CHECK_ROW_INT("as many as are read", value.types.count, STUN_MAX_ATTRIBUTES);
    for (size_t i = 0; i <= STUN_MAX_ATTRIBUTES; i++)
        request[STUN_HEADER_BYTES + i * 4] = 0x90;
    answer = stun_answer(&rules, span_of(request, sizeof request), &arrival, buffer, sizeof buffer);
    CHECK_ROW_INT("all optional", answer.reply, STUN_REPLY_SUCCESS);
    request[STUN_HEADER_BYTES + STUN_MAX_ATTRIBUTES * 4] = 0;
    answer = stun_answer(&rules, span_of(request, sizeof request), &arrival, buffer, sizeof buffer);
    CHECK_ROW_INT("one that is not, behind them", answer.code, 400);
}

/* --- two addresses: RFC 5780 section 6.1, RFC 3489 section 8.1 --- */

static struct stun_server *
serve_two(const char *first, const char *second, enum io_result *why)
{
    struct stun_server_options options = STUN_SERVER_DEFAULTS;

    options.software = NULL;
    CHECK(endpoint_parse(first, &options.listen[0]));
    CHECK(endpoint_parse(second, &options.second));
    return stun_server_new(&host->io, &options, why);
}

/* Da:Dp is where the request arrives, Ca:Cp the other address and port: table 1 of RFC 5780 from each corner. */
static const struct {
    const char *name, *at, *change, *from, *other;
} corners[] = {
    { "none", "198.51.100.1:4000", NULL, "198.51.100.1:4000", "198.51.100.2:4001" },
    { "no flags", "198.51.100.1:4000", "00000000", "198.51.100.1:4000", "198.51.100.2:4001" },
    { "address", "198.51.100.1:4000", "00000004", "198.51.100.2:4000", "198.51.100.2:4001" },
    { "port", "198.51.100.1:4000", "00000002", "198.51.100.1:4001", "198.51.100.2:4001" },
    { "both", "198.51.100.1:4000", "00000006", "198.51.100.2:4001", "198.51.100.2:4001" },
    { "flags nobody knows", "198.51.100.1:4000", "fffffff9", "198.51.100.1:4000", "198.51.100.2:4001" },
    { "second port: none", "198.51.100.1:4001", NULL, "198.51.100.1:4001", "198.51.100.2:4000" },
    { "second port: both", "198.51.100.1:4001", "00000006", "198.51.100.2:4000", "198.51.100.2:4000" },
    { "second address: none", "198.51.100.2:4000", NULL, "198.51.100.2:4000", "198.51.100.1:4001" },
    { "second address: address", "198.51.100.2:4000", "00000004", "198.51.100.1:4000", "198.51.100.1:4001" },
    { "both second: none", "198.51.100.2:4001", NULL, "198.51.100.2:4001", "198.51.100.1:4000" },
    { "both second: port", "198.51.100.2:4001", "00000002", "198.51.100.2:4000", "198.51.100.1:4000" },
    { "both second: both", "198.51.100.2:4001", "00000006", "198.51.100.1:4000", "198.51.100.1:4000" },
};

static void
check_endpoint(const char *name, const struct stun_message *message, uint16_t type, struct endpoint expected)
{
    char got[ENDPOINT_TEXT], want[ENDPOINT_TEXT];
    struct stun_value value;

    if (CHECK_ROW(name, stun_message_get(message, type, &value) == STUN_PRESENT))
        CHECK_ROW_TEXT(name, endpoint_format(value.endpoint, got), endpoint_format(expected, want));
}

/* One request and the answer to it, of either generation. */
static void
check_corner(size_t i, bool classic)
{
    const char *name = corners[i].name, *cookie = classic ? "deadbeef" : "2112a442";
    g_autofree char *hex = corners[i].change
                               ? g_strconcat("00010008", cookie, ID "00030004", corners[i].change, NULL)
                               : g_strconcat("00010000", cookie, ID, NULL);
    g_autoptr(GBytes) request = unit_hex(hex);
    struct endpoint at, from, other;
    const struct fake_datagram *sent;
    struct stun_message message;

    CHECK(endpoint_parse(corners[i].at, &at) && endpoint_parse(corners[i].from, &from) &&
          endpoint_parse(corners[i].other, &other));
    CHECK_ROW(name, fake_io_deliver(host, at, client, unit_span(request)));
    sent = fake_io_take(host);
    if (!CHECK_ROW(name, sent && stun_message_decode_classic(sent->data, &message) == STUN_FAULT_NONE))
        return;
    CHECK_ROW_INT(name, message.header.class, STUN_SUCCESS);
    CHECK_ROW(name, endpoint_equal(sent->local, from) && endpoint_equal(sent->peer, client));
    check_endpoint(name, &message, STUN_MAPPED_ADDRESS, client);
    check_endpoint(name, &message, classic ? STUN_SOURCE_ADDRESS : STUN_RESPONSE_ORIGIN, from);
    check_endpoint(name, &message, classic ? STUN_CHANGED_ADDRESS : STUN_OTHER_ADDRESS, other);
    CHECK_ROW(name, classic == !stun_message_find(&message, STUN_XOR_MAPPED_ADDRESS));
    CHECK_ROW_UINT(name, message.count, classic ? 3 : 4);
}

static void
test_corners(void)
{
    enum io_result why;

    CHECK(address_parse("198.51.100.2", &host->second));

    g_autoptr(stun_server) two = serve_two("198.51.100.1:4000", "198.51.100.2:4001", &why);

    if (!CHECK(two != NULL))
        return;
    CHECK_ROW_UINT("sockets", stun_server_sockets(two), 4);
    for (size_t i = 0; i < G_N_ELEMENTS(corners); i++) {
        check_corner(i, false);
        check_corner(i, true);
    }
}

/* RESPONSE-PORT and PADDING, sections 7.5 and 7.6. */
static void
test_wishes(void)
{
    static const struct {
        const char *name, *request;
        unsigned code; /* 0: success */
        uint16_t to;
        size_t padding;
    } cases[] = {
        { "port", HEAD("0001", "0008") "00270004c0010000", 0, 0xc001, 0 },
        { "port and change", HEAD("0001", "0010") "00270004c0010000" "0003000400000006", 0, 0xc001, 0 },
        { "padding", HEAD("0001", "0008") "0026000400000000", 0, 40000, STUN_PADDING_BYTES },
        { "empty padding", HEAD("0001", "0004") "00260000", 0, 40000, STUN_PADDING_BYTES },
        { "port and padding", HEAD("0001", "0010") "00270004c0010000" "0026000400000000", 400, 40000, 0 },
        { "malformed port", HEAD("0001", "0008") "00270002c0010000", 400, 40000, 0 },
        { "malformed change", HEAD("0001", "0008") "0003000200060000", 400, 40000, 0 },
        { "RESPONSE-ADDRESS, which would let us shoot at others", HEAD("0001", "000c") "000200080001000101020304",
          420, 40000, 0 },
    };
    struct endpoint at;
    enum io_result why;

    CHECK(address_parse("198.51.100.2", &host->second));

    g_autoptr(stun_server) two = serve_two("198.51.100.1:4000", "198.51.100.2:4001", &why);

    CHECK(two && endpoint_parse("198.51.100.1:4000", &at));
    for (size_t i = 0; two && i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GBytes) request = unit_hex(cases[i].request);
        struct stun_value error = { .error = { 0 } }, padding = { .bytes = { 0 } };
        const struct fake_datagram *sent;
        struct stun_message message;

        CHECK(fake_io_deliver(host, at, client, unit_span(request)));
        sent = fake_io_take(host);
        if (!CHECK_ROW(cases[i].name, sent && stun_message_decode(sent->data, &message) == STUN_FAULT_NONE))
            continue;
        CHECK_ROW(cases[i].name, address_equal(sent->peer.address, client.address));
        CHECK_ROW_UINT(cases[i].name, sent->peer.port, cases[i].to);
        stun_message_get(&message, STUN_ERROR_CODE, &error);
        CHECK_ROW_UINT(cases[i].name, error.error.code, cases[i].code);
        stun_message_get(&message, STUN_PADDING, &padding);
        CHECK_ROW_UINT(cases[i].name, padding.bytes.length, cases[i].padding);
    }
}

/* What is no second address; and the port that is chosen where none is told. */
static void
test_second(void)
{
    static const struct {
        const char *first, *second;
        enum io_result why;
        uint16_t port;
    } cases[] = {
        { "198.51.100.1:4000", "198.51.100.2:0", IO_OK, 4001 },
        { "198.51.100.1:65535", "198.51.100.2:0", IO_OK, 65534 },
        { "198.51.100.1:4000", "198.51.100.2:4000", IO_NO_ADDRESS, 0 },
        { "198.51.100.1:4000", "198.51.100.1:4001", IO_NO_ADDRESS, 0 },
        { "198.51.100.1:4000", "[2001:db8::2]:4001", IO_NO_ADDRESS, 0 },
        { "198.51.100.1:4000", "198.51.100.3:4001", IO_NO_ADDRESS, 0 },
        { "0.0.0.0:4000", "198.51.100.2:4001", IO_NO_ADDRESS, 0 },
        { "198.51.100.1:4000", "198.51.100.2:3478", IO_IN_USE, 0 },
    };

    CHECK(address_parse("198.51.100.2", &host->second));
    for (size_t i = 0; i < G_N_ELEMENTS(cases); i++) {
        enum io_result why = IO_OK;
        g_autoptr(stun_server) two = serve_two(cases[i].first, cases[i].second, &why);

        CHECK_ROW_TEXT(cases[i].second, io_result_word(why), io_result_word(cases[i].why));
        CHECK_ROW(cases[i].second, (two != NULL) == (cases[i].why == IO_OK));
        if (two)
            CHECK_ROW_UINT(cases[i].second, stun_server_local(two, 3).port, cases[i].port);
    }
}

void
suite_stun_server(void)
{
    UNIT_SUITE("stun server with two addresses", set_up, tear_down, { "corners", test_corners },
               { "wishes", test_wishes }, { "second address", test_second });

    UNIT_SUITE("stun server", set_up, tear_down, { "conversations", test_rows }, { "journal", test_journal },
               { "FINGERPRINT", test_fingerprint }, { "again", test_again }, { "options", test_options },
               { "refused options", test_refused }, { "drawn port", test_drawn }, { "unsent", test_unsent }, { "longest answer", test_longest });
}
