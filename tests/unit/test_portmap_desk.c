/* What servers of port control decide, without a network: RFC 6887 sections 8.2, 11.3, 13 and 15, RFC 6886 section 3;
 * and the machines under them: retries, epochs, leases. */
#include "tests/unit/support.h"

#include "proto/portmap/desk.h"
#include "proto/portmap/epoch.h"
#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"
#include "proto/portmap/retry.h"
#include "tests/unit/support_portmap.h"

static struct fake_box box;
static struct portmap_desk desk;
static struct portmap_served served;
static int64_t now;
static uint8_t buffer[PCP_BYTES];
static struct writer answer;

static void
set_up(void)
{
    fake_box_open(&box, "203.0.113.1");
    now = 100 * TIME_S;
    desk = (struct portmap_desk){
        .control = &box.control, .leases = portmap_leases_new(8), .began = 90 * TIME_S, .pcp = true, .nat_pmp = true
    };
}

static void
tear_down(void)
{
    portmap_leases_free(desk.leases);
    fake_box_close(&box);
}

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint;

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct span
deliver(struct span datagram, const char *from)
{
    answer = writer_over(buffer, sizeof buffer);
    portmap_desk_answer(&desk, datagram, at(from), now, &answer, &served);
    CHECK(!writer_failed(&answer));
    return writer_span(&answer);
}

/* --- PCP --------------------------------------------------------------------------------------------------------- */

static struct pcp_request
map_request(uint16_t internal, const char *external, uint32_t lifetime, uint8_t nonce)
{
    struct pcp_request request = {
        .version = PCP_VERSION,
        .opcode = PCP_MAP,
        .lifetime = lifetime,
        .client = at("10.0.0.2:1").address,
        .map = { .protocol = PROTOCOL_UDP, .internal_port = internal, .external = at(external) }
    };

    memset(request.map.nonce, nonce, PCP_NONCE);
    return request;
}

/* Sends it from 10.0.0.2 and reads the answer. */
static struct pcp_response
ask(const struct pcp_request *request)
{
    uint8_t bytes[PCP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct pcp_response response = { 0 };

    pcp_request_encode(&writer, request);
    CHECK(pcp_response_decode(deliver(writer_span(&writer), "10.0.0.2:6000"), &response));
    CHECK_ROW_UINT("opcode", response.opcode, request->opcode);
    CHECK_ROW_UINT("epoch", response.epoch, (uint64_t)(now - desk.began) / TIME_S);
    return response;
}

static void
test_map(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:5000", 3600, 1);
    struct pcp_response response = ask(&request);

    CHECK_ROW_TEXT("result", pcp_result_word(response.result), "success");
    CHECK(endpoint_equal(response.map.external, at("203.0.113.1:5000")));
    CHECK_ROW_UINT("lifetime", response.lifetime, 3600);
    CHECK(memcmp(response.map.nonce, request.map.nonce, PCP_NONCE) == 0);
    CHECK(served.verdict == PORTMAP_SERVED && served.mapping && served.lifetime == 3600);
    CHECK(fake_box_find(&box, PROTOCOL_UDP, "10.0.0.2:5000") != NULL);

    now += 1800 * TIME_S; /* renewed, it is the same */
    response = ask(&request);
    CHECK_ROW_UINT("renewed", response.lifetime, 3600);
    CHECK(endpoint_equal(response.map.external, at("203.0.113.1:5000")));
    CHECK_ROW_UINT("one mapping", box.mappings->len, 1);
    CHECK_ROW_UINT("one lease", portmap_leases_count(desk.leases), 1);
}

/* Section 15: no shorter than two minutes, no longer than a day. */
static void
test_lifetimes(void)
{
    static const struct {
        uint32_t asked, granted;
    } rows[] = { { 1, 120 }, { 120, 120 }, { 7200, 7200 }, { 86400, 86400 }, { 86401, 86400 }, { UINT32_MAX, 86400 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct pcp_request request = map_request(5000, "0.0.0.0:0", rows[i].asked, 1);

        CHECK_ROW_UINT("granted", ask(&request).lifetime, rows[i].granted);
    }
}

/* Another port than the suggested one, unless PREFER_FAILURE forbids (sections 11.3 and 13.2). */
static void
test_taken(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:6000", 3600, 1);
    struct pcp_response response;

    box.taken = 6000;
    request.options.prefer_failure = true;
    response = ask(&request);
    CHECK_ROW_TEXT("exact", pcp_result_word(response.result), "cannot-provide-external");
    CHECK_ROW_UINT("long", response.lifetime, 1800);
    CHECK_ROW_UINT("what was asked", response.map.external.port, 6000);
    CHECK_ROW_UINT("nothing is left", portmap_leases_count(desk.leases) + box.mappings->len, 0);
    request.options.prefer_failure = false;
    response = ask(&request);
    CHECK_ROW_TEXT("else", pcp_result_word(response.result), "success");
    CHECK_ROW_UINT("another", response.map.external.port, 40000);
    request.options.prefer_failure = true; /* and now that one, which it has */
    request.map.external = at("203.0.113.1:40000");
    response = ask(&request);
    CHECK_ROW_TEXT("its own", pcp_result_word(response.result), "success");
    CHECK(response.options.prefer_failure);
    request.map.external = at("0.0.0.0:7000");
    CHECK_ROW_TEXT("not its own", pcp_result_word(ask(&request).result), "cannot-provide-external");
    request.map.external = at("0.0.0.0:0");
    CHECK_ROW_TEXT("nothing suggested", pcp_result_word(ask(&request).result), "malformed-option");
}

/* Who does not know the nonce changes nothing (section 11.3). */
static void
test_nonce(void)
{
    struct pcp_request own = map_request(5000, "0.0.0.0:5000", 3600, 1);
    struct pcp_request other = map_request(5000, "0.0.0.0:5000", 3600, 2);

    (void)ask(&own);
    CHECK_ROW_TEXT("renewal", pcp_result_word(ask(&other).result), "not-authorized");
    CHECK_ROW_INT("refused", served.verdict, PORTMAP_REFUSED);
    CHECK_ROW_UINT("code", served.code, PCP_NOT_AUTHORIZED);
    other.lifetime = 0;
    CHECK_ROW_TEXT("end", pcp_result_word(ask(&other).result), "not-authorized");
    CHECK_ROW_UINT("it stands", box.mappings->len, 1);
    own.lifetime = 0;
    CHECK_ROW_TEXT("own end", pcp_result_word(ask(&own).result), "success");
    CHECK_ROW_UINT("gone", box.mappings->len + portmap_leases_count(desk.leases), 0);
}

/* Section 15.1. */
static void
test_end(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:5000", 3600, 1), all = map_request(0, "0.0.0.0:0", 0, 1);
    struct pcp_response response;

    (void)ask(&request);
    request.map.protocol = PROTOCOL_TCP;
    (void)ask(&request);
    request.lifetime = 0;
    response = ask(&request);
    CHECK_ROW_TEXT("one", pcp_result_word(response.result), "success");
    CHECK_ROW_UINT("lifetime", response.lifetime, 0);
    CHECK_ROW_UINT("external", response.map.external.port, 5000);
    CHECK(served.mapping && served.lifetime == 0);
    CHECK_ROW_TEXT("that is not there", pcp_result_word(ask(&request).result), "success");
    CHECK(!served.mapping);

    request = map_request(5001, "0.0.0.0:0", 3600, 1);
    (void)ask(&request);
    request = map_request(5002, "0.0.0.0:0", 3600, 2);
    (void)ask(&request);
    CHECK_ROW_UINT("three", box.mappings->len, 3);
    CHECK_ROW_TEXT("all of one nonce", pcp_result_word(ask(&all).result), "not-authorized");
    CHECK_ROW_UINT("the other's stands", box.mappings->len, 1);
    memset(all.map.nonce, 2, PCP_NONCE);
    all.map.protocol = 0;
    CHECK_ROW_TEXT("all protocols", pcp_result_word(ask(&all).result), "success");
    CHECK_ROW_UINT("none", box.mappings->len, 0);
}

static void
test_expiry(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:5000", 120, 1);
    struct pcp_request other = map_request(5000, "0.0.0.0:5000", 120, 2);

    (void)ask(&request);
    now += 120 * TIME_S - 1;
    CHECK_ROW_TEXT("still its own", pcp_result_word(ask(&other).result), "not-authorized");
    now += 1;
    CHECK_ROW_TEXT("anybody's", pcp_result_word(ask(&other).result), "success");
}

enum spoil {
    NOTHING,
    MISMATCH,
    ALL_PORTS,
    NO_PROTOCOL_BUT_PORT,
    ALL_PROTOCOLS,
    SCTP,
    THIRD_PARTY,
    FILTERED,
    A_PEER,
    NO_NETWORK,
    NO_ROOM,
    QUOTA,
};

static const struct {
    const char *name;
    enum spoil spoil;
    const char *result;
} refusal_rows[] = {
    { "nothing", NOTHING, "success" },
    { "a NAT between (8.2)", MISMATCH, "address-mismatch" },
    { "all ports of a protocol (11.1)", ALL_PORTS, "unsupported-protocol" },
    { "a port of all protocols (11.1)", NO_PROTOCOL_BUT_PORT, "malformed-request" },
    { "all ports of all protocols", ALL_PROTOCOLS, "unsupported-protocol" },
    { "SCTP", SCTP, "unsupported-protocol" },
    { "THIRD_PARTY is off (13.1)", THIRD_PARTY, "unsupported-option" },
    { "FILTER, and the box has none (13.3)", FILTERED, "unsupported-option" },
    { "PEER, and the box has none", A_PEER, "unsupported-opcode" },
    { "no external address (7.4)", NO_NETWORK, "network-failure" },
    { "no port (7.4)", NO_ROOM, "no-resources" },
    { "quota (7.4)", QUOTA, "user-exceeded-quota" },
};

static void
spoil(struct pcp_request *request, enum spoil how)
{
    switch (how) {
    case MISMATCH:
        request->client = at("192.168.1.2:1").address;
        break;
    case ALL_PORTS:
        request->map.internal_port = 0;
        break;
    case NO_PROTOCOL_BUT_PORT:
        request->map.protocol = 0;
        break;
    case ALL_PROTOCOLS:
        request->map.protocol = 0;
        request->map.internal_port = 0;
        break;
    case SCTP:
        request->map.protocol = 132;
        break;
    case THIRD_PARTY:
        request->options.third_party = true;
        request->options.third = at("10.0.0.3:1").address;
        break;
    case FILTERED:
        request->options.filters = 1;
        request->options.filter[0].prefix = (struct prefix){ at("198.51.100.0:1").address, 24 };
        break;
    case A_PEER:
        request->opcode = PCP_PEER;
        request->map.remote = at("198.51.100.1:3478");
        break;
    case NO_NETWORK:
        box.external = ADDRESS_NONE;
        break;
    case NO_ROOM:
        box.say = PORTMAP_NO_RESOURCES;
        break;
    case QUOTA:
        box.say = PORTMAP_QUOTA;
        break;
    default:
        break;
    }
}

static void
test_refusals(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(refusal_rows); i++) {
        struct pcp_request request = map_request(5000, "0.0.0.0:5000", 3600, 1);
        struct pcp_response response;

        tear_down();
        set_up();
        spoil(&request, refusal_rows[i].spoil);
        response = ask(&request);
        CHECK_ROW_TEXT(refusal_rows[i].name, pcp_result_word(response.result), refusal_rows[i].result);
        if (response.result != PCP_SUCCESS) {
            CHECK_ROW_UINT(refusal_rows[i].name, response.lifetime, pcp_result_lifetime(response.result));
            CHECK_ROW_UINT(refusal_rows[i].name, portmap_leases_count(desk.leases) + box.mappings->len, 0);
        }
    }
}

static void
test_third_party(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:5000", 3600, 1);

    desk.third_party = true;
    request.options.third_party = true;
    request.options.third = at("10.0.0.2:1").address;
    CHECK_ROW_TEXT("itself (13.1)", pcp_result_word(ask(&request).result), "malformed-request");
    request.options.third = at("10.0.0.3:1").address;
    CHECK_ROW_TEXT("another", pcp_result_word(ask(&request).result), "success");
    CHECK(fake_box_find(&box, PROTOCOL_UDP, "10.0.0.3:5000") && !fake_box_find(&box, PROTOCOL_UDP, "10.0.0.2:5000"));
}

static void
test_announce(void)
{
    struct pcp_request request = { .version = PCP_VERSION, .client = at("10.0.0.2:1").address };

    CHECK_ROW_TEXT("result", pcp_result_word(ask(&request).result), "success");
    CHECK_ROW_UINT("header only", writer_length(&answer), PCP_HEADER);
}

/* More mappings than the servers remember (8 here). */
static void
test_leases_full(void)
{
    for (uint16_t i = 0; i < 9; i++) {
        struct pcp_request request = map_request((uint16_t)(5000 + i), "0.0.0.0:0", 3600, 1);

        CHECK_ROW_TEXT("result", pcp_result_word(ask(&request).result), i < 8 ? "success" : "no-resources");
    }
    CHECK_ROW_UINT("nothing without a lease", box.mappings->len, 8);
}

/* --- NAT-PMP ----------------------------------------------------------------------------------------------------- */

static struct nat_pmp_response
ask_pmp(uint8_t opcode, uint16_t internal, uint16_t external, uint32_t lifetime, const char *from)
{
    struct nat_pmp_request request = { 0, opcode, internal, external, lifetime };
    uint8_t bytes[64];
    struct writer writer = writer_over(bytes, sizeof bytes);
    struct nat_pmp_response response = { 0 };

    nat_pmp_request_encode(&writer, &request);
    CHECK(nat_pmp_response_decode(deliver(writer_span(&writer), from), &response));
    CHECK_ROW_UINT("opcode", response.opcode, opcode);
    CHECK_ROW_UINT("epoch", response.epoch, (uint64_t)(now - desk.began) / TIME_S);
    return response;
}

#define A "10.0.0.2:6000"
#define B "10.0.0.3:6000"

static void
test_pmp_address(void)
{
    struct nat_pmp_response response = ask_pmp(NAT_PMP_ADDRESS, 0, 0, 0, A);

    CHECK_ROW_UINT("result", response.result, 0);
    CHECK(address_equal(response.address, at("203.0.113.1:1").address));
    box.external = ADDRESS_NONE;
    response = ask_pmp(NAT_PMP_ADDRESS, 0, 0, 0, A);
    CHECK_ROW_TEXT("none (3.5)", nat_pmp_result_word(response.result), "network-failure");
    CHECK(address_equal(response.address, address_ipv4(0)));
}

static void
test_pmp_map(void)
{
    struct nat_pmp_response response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 5001, 7200, A);

    CHECK_ROW_UINT("result", response.result, 0);
    CHECK_ROW_UINT("internal", response.internal_port, 5000);
    CHECK_ROW_UINT("external", response.external_port, 5001);
    CHECK_ROW_UINT("lifetime", response.lifetime, 7200);
    response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 9999, 3600, A);
    CHECK_ROW_UINT("asked again, the same port (3.3)", response.external_port, 5001);
    response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 5001, 7200, B);
    CHECK_ROW_UINT("another host, another port", response.external_port, 40000);
    CHECK_ROW_UINT("two", box.mappings->len, 2);
    box.say = PORTMAP_NO_RESOURCES;
    response = ask_pmp(NAT_PMP_MAP_TCP, 80, 80, 7200, A);
    CHECK_ROW_TEXT("none left", nat_pmp_result_word(response.result), "out-of-resources");
    CHECK_ROW_UINT("the client's port (3.5)", response.internal_port, 80);
    CHECK_ROW_UINT("and no other", response.external_port + response.lifetime, 0);
}

static void
test_pmp_end(void)
{
    struct nat_pmp_response response;

    (void)ask_pmp(NAT_PMP_MAP_UDP, 5000, 5000, 7200, A);
    response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 0, 0, A);
    CHECK_ROW_UINT("ended (3.4)", response.result + response.external_port + response.lifetime, 0);
    CHECK_ROW_UINT("gone", box.mappings->len, 0);
    CHECK_ROW_UINT("none there", ask_pmp(NAT_PMP_MAP_UDP, 5000, 0, 0, A).result, 0);

    (void)ask_pmp(NAT_PMP_MAP_UDP, 5000, 0, 7200, A);
    (void)ask_pmp(NAT_PMP_MAP_UDP, 5001, 0, 7200, A);
    (void)ask_pmp(NAT_PMP_MAP_TCP, 5002, 0, 7200, A);
    (void)ask_pmp(NAT_PMP_MAP_UDP, 5003, 0, 7200, B);
    CHECK_ROW_UINT("all of UDP (3.4)", ask_pmp(NAT_PMP_MAP_UDP, 0, 0, 0, A).result, 0);
    CHECK_ROW_UINT("TCP's and the other's stand", box.mappings->len, 2);
}

/* The other protocol's port of the same number is kept for the same host (3.3). */
static void
test_pmp_companion(void)
{
    struct nat_pmp_response response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 5000, 7200, A);

    CHECK_ROW_UINT("UDP", response.external_port, 5000);
    response = ask_pmp(NAT_PMP_MAP_TCP, 5000, 5000, 7200, B);
    CHECK_ROW_UINT("not another host's", response.external_port, 40000);
    response = ask_pmp(NAT_PMP_MAP_TCP, 5000, 5000, 7200, A);
    CHECK_ROW_UINT("its own", response.external_port, 5000);
    box.next = 40000; /* free for UDP, but B has it for TCP */
    response = ask_pmp(NAT_PMP_MAP_UDP, 5001, 0, 7200, A);
    CHECK_ROW_UINT("nor one that the box picks", response.external_port, 40001);
    CHECK_ROW_UINT("and nothing is left over", box.mappings->len, portmap_leases_count(desk.leases));
}

/* The protocols leave each other's mappings alone. */
static void
test_across(void)
{
    struct pcp_request request = map_request(5000, "0.0.0.0:5000", 3600, 1);
    struct nat_pmp_response response;

    (void)ask(&request);
    response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 5000, 7200, A);
    CHECK_ROW_TEXT("renewal", nat_pmp_result_word(response.result), "not-authorized");
    response = ask_pmp(NAT_PMP_MAP_UDP, 5000, 0, 0, A);
    CHECK_ROW_TEXT("end", nat_pmp_result_word(response.result), "not-authorized");
    response = ask_pmp(NAT_PMP_MAP_UDP, 0, 0, 0, A);
    CHECK_ROW_TEXT("end of all (3.4)", nat_pmp_result_word(response.result), "not-authorized");
    (void)ask_pmp(NAT_PMP_MAP_UDP, 5001, 5001, 7200, A);
    request.map.internal_port = 5001;
    CHECK_ROW_TEXT("PCP", pcp_result_word(ask(&request).result), "not-authorized");
    CHECK_ROW_UINT("both stand", box.mappings->len, 2);
}

/* --- versions (RFC 6887 section 9 and appendix A, RFC 6886 section 3.5) ------------------------------------------ */

static const struct {
    const char *name;
    bool pcp, nat_pmp;
    const char *request, *answer; /* the answer's first bytes */
} version_rows[] = {
    { "both, version 0", true, true, "0000", "00800000" },
    { "both, version 1", true, true, "0101000000000e10", "02810001" },
    { "both, version 3", true, true, "03010000", "02810001" },
    { "PCP alone, version 0", true, false, "0000", "02800001" },
    { "NAT-PMP alone, version 2", false, true, "0201000000000e10", "00000001" },
    { "NAT-PMP alone, opcode 9", false, true, "00090102030405060708", "00890005" },
    { "both, opcode 9 of version 0", true, true, "0009", "00890005" },
    { "a response of version 0", true, true, "0080", "" },
    { "a response of version 2", true, true, "0281", "" },
    { "a byte", true, true, "02", "" },
    { "nothing", true, true, "", "" },
};

static void
test_versions(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(version_rows); i++) {
        g_autoptr(GBytes) request = unit_hex(version_rows[i].request), expected = unit_hex(version_rows[i].answer);
        g_autofree uint8_t *exact = unit_exact(unit_span(request));
        struct span got;

        desk.pcp = version_rows[i].pcp;
        desk.nat_pmp = version_rows[i].nat_pmp;
        got = deliver(span_of(exact, g_bytes_get_size(request)), A);
        CHECK_ROW_BYTES(version_rows[i].name, span_of(got.bytes, MIN(got.length, g_bytes_get_size(expected))),
                        unit_span(expected));
        CHECK_ROW(version_rows[i].name, (got.length == 0) == (served.verdict == PORTMAP_DROPPED));
    }
}

/* --- machines ---------------------------------------------------------------------------------------------------- */

static void
test_retry_nat_pmp(void)
{
    static const int64_t at_ms[] = { 0, 250, 750, 1750, 3750, 7750, 15750, 31750, 63750 };
    struct portmap_retry retry;

    portmap_retry_start(&retry, PORTMAP_NAT_PMP, 0, 0, 0);
    for (size_t i = 1; i < G_N_ELEMENTS(at_ms); i++) {
        CHECK_ROW_INT("deadline (RFC 6886 3.1)", retry.deadline, at_ms[i] * TIME_MS);
        CHECK(portmap_retry_fire(&retry, retry.deadline - 1, 0) == PORTMAP_WAIT);
        CHECK(portmap_retry_fire(&retry, retry.deadline, 0) == PORTMAP_RESEND);
    }
    CHECK_ROW_UINT("requests", retry.sent, 9);
    CHECK_ROW_INT("end", retry.deadline, 127750 * TIME_MS);
    CHECK(portmap_retry_fire(&retry, retry.deadline, 0) == PORTMAP_GIVE_UP);
}

static void
test_retry_pcp(void)
{
    static const int64_t waits[] = { 3, 6, 12, 24, 48, 96, 192, 384, 768, 1024, 1024, 1024 };
    struct portmap_retry retry;
    int64_t before = 0;

    portmap_retry_start(&retry, PORTMAP_PCP, 0, 0, 10000); /* the middle of the dice: no jitter */
    for (size_t i = 0; i < G_N_ELEMENTS(waits); i++) {
        CHECK_ROW_INT("wait (RFC 6887 8.1.1)", retry.deadline - before, waits[i] * TIME_S);
        before = retry.deadline;
        CHECK(portmap_retry_fire(&retry, retry.deadline, 10000) == PORTMAP_RESEND);
    }
    for (uint32_t dice = 0; dice < 100000; dice += 777) { /* a tenth more or less */
        portmap_retry_start(&retry, PORTMAP_PCP, 0, 0, dice);
        CHECK(retry.deadline >= 2700 * TIME_MS && retry.deadline <= 3300 * TIME_MS);
    }
    portmap_retry_start(&retry, PORTMAP_PCP, 5 * TIME_S, 0, 10000);
    CHECK(portmap_retry_fire(&retry, retry.deadline, 10000) == PORTMAP_RESEND);
    CHECK_ROW_INT("patience", retry.deadline, 5 * TIME_S);
    CHECK(portmap_retry_fire(&retry, retry.deadline, 10000) == PORTMAP_GIVE_UP);
}

static const struct {
    const char *name;
    unsigned first, elapsed, second; /* seconds: first heard, time between, then heard */
    bool pcp, nat_pmp;
} epoch_rows[] = {
    { "as it should be", 100, 60, 160, true, true },
    { "one second back (8.5)", 100, 0, 99, true, true },
    { "two seconds back", 100, 0, 98, false, true },
    { "three seconds back", 100, 0, 97, false, false },
    { "started over", 1000, 60, 5, false, false },
    { "ours slow by 1/16 and 2 s", 100, 160, 272, true, true },
    { "ours slower", 100, 160, 274, false, true },
    { "ours fast by 1/16 and 2 s", 100, 160, 248, true, true },
    { "ours faster", 100, 160, 247, false, true },
    { "ours fast by 1/8 and 2 s (6886 3.6)", 100, 160, 238, false, true },
    { "ours faster still", 100, 160, 237, false, false },
};

static void
test_epochs(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(epoch_rows); i++) {
        struct portmap_epoch pcp = { 0 }, nat_pmp = { 0 };

        CHECK(pcp_epoch_check(&pcp, epoch_rows[i].first, 7) && nat_pmp_epoch_check(&nat_pmp, epoch_rows[i].first, 7));
        CHECK_ROW(epoch_rows[i].name,
                  pcp_epoch_check(&pcp, epoch_rows[i].second, 7 + epoch_rows[i].elapsed * TIME_S) == epoch_rows[i].pcp);
        CHECK_ROW(epoch_rows[i].name, nat_pmp_epoch_check(&nat_pmp, epoch_rows[i].second,
                                                          7 + epoch_rows[i].elapsed * TIME_S) == epoch_rows[i].nat_pmp);
    }
}

static void
test_leases(void)
{
    g_autoptr(portmap_leases) leases = portmap_leases_new(3);

    for (uint16_t i = 0; i < 3; i++) {
        struct portmap_lease *lease = portmap_leases_add(leases);

        lease->protocol = PROTOCOL_UDP;
        lease->external.port = (uint16_t)(100 + i);
        portmap_leases_set_end(leases, lease, (3 - i) * TIME_S);
    }
    CHECK(portmap_leases_full(leases));
    portmap_leases_expire(leases, TIME_S - 1);
    CHECK_ROW_UINT("all", portmap_leases_count(leases), 3);
    portmap_leases_expire(leases, TIME_S);
    CHECK(!portmap_leases_external(leases, PROTOCOL_UDP, 102) && portmap_leases_external(leases, PROTOCOL_UDP, 101));
    portmap_leases_set_end(leases, portmap_leases_external(leases, PROTOCOL_UDP, 100), 2 * TIME_S);
    portmap_leases_expire(leases, 2 * TIME_S);
    CHECK_ROW_UINT("none", portmap_leases_count(leases), 0);
    CHECK_ROW_UINT("rounded up", portmap_lifetime_left(5 * TIME_S, TIME_S + 1), 4);
    CHECK_ROW_UINT("over", portmap_lifetime_left(5, 5), 0);
    CHECK(portmap_lifetime_left(portmap_lifetime_end(PORTMAP_LIFETIME_FOREVER, 7), 9) == PORTMAP_LIFETIME_FOREVER);
}

void
suite_portmap_desk(void)
{
    UNIT_SUITE("PCP server", set_up, tear_down, { "MAP", test_map }, { "lifetimes", test_lifetimes },
               { "port taken", test_taken }, { "nonce", test_nonce }, { "end", test_end }, { "expiry", test_expiry },
               { "refusals", test_refusals }, { "third party", test_third_party }, { "ANNOUNCE", test_announce },
               { "leases full", test_leases_full });
    UNIT_SUITE("NAT-PMP server", set_up, tear_down, { "address", test_pmp_address }, { "map", test_pmp_map },
               { "end", test_pmp_end }, { "companion", test_pmp_companion }, { "across protocols", test_across },
               { "versions", test_versions });
    UNIT_SUITE("port control machines", NULL, NULL, { "retries of NAT-PMP", test_retry_nat_pmp },
               { "retries of PCP", test_retry_pcp }, { "epochs", test_epochs }, { "leases", test_leases });
}
