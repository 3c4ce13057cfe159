/* The SIP ALG in boxes of all kinds: each mapping and filter, IPv6, an inside server, two boxes behind each other, fragments;
 * and registrations with several Contacts, or none. RFC 3261 section 10, RFC 4787. */
#include "nat/alg/sip_dialogs.h"
#include "tests/unit/support_lua.h"
#include "tests/unit/support_nat_sip.h"

#include <string.h>

/* ---- mapping x filtering */

/* The external port that stands behind a word in what left; 0: none. */
static unsigned
port_behind(const char *word)
{
    g_autofree char *left = sip_left();
    const char *at = strstr(left, word);

    return at ? (unsigned)atoi(at + strlen(word)) : 0;
}

static void
test_presets(void)
{
    static const char *const presets[] = { "full-cone", "restricted-cone", "port-restricted-cone", "symmetric",
                                           "linux" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        g_autofree char *rtp = NULL, *rtcp = NULL, *flow = NULL;
        unsigned port, seen;

        sip_box_open(presets[i], 0);
        sip_put(NAT_INSIDE, A, S, INVITE_A);
        port = port_behind("m=audio ");
        seen = port_behind("Via: SIP/2.0/UDP 203.0.113.1:");
        CHECK_ROW(presets[i], port > 0 && port % 2 == 0 && seen > 0);
        rtp = g_strdup_printf("203.0.113.1:%u", port);
        rtcp = g_strdup_printf("203.0.113.1:%u", port + 1);
        flow = g_strdup_printf("203.0.113.1:%u", seen);
        CHECK_ROW_TEXT(presets[i], nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", rtp),
                       "in 198.51.100.9:7000 > 10.0.0.2:6000");
        CHECK_ROW_TEXT(presets[i], nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7001", rtcp),
                       "in 198.51.100.9:7001 > 10.0.0.2:6001");
        CHECK_ROW(presets[i], g_str_has_prefix(sip_put(NAT_OUTSIDE, S, flow, OK_B(SEEN_XA)), "in "));
        /* What goes out leaves by the pinhole, wherever to, so that the peer hears it from where it sends to. */
        g_autofree char *out = g_strdup_printf("out %s > 198.51.100.9:7000", rtp);
        CHECK_ROW_TEXT(presets[i], nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"), out);
        sip_box_close();
    }
}

/* ---- a box with several addresses, of which each mapping has any */

/* What is told of media from outside to where a medium of a message is: its own c=, or the session's, and its m=. */
static const char *
media_to(const char *message, const char *m)
{
    const char *at = strstr(message, m), *next = at ? strstr(at + 2, "m=") : NULL;
    const char *c = at ? g_strstr_len(at, next ? next - at : -1, "c=IN IP4 ") : NULL;
    g_autofree char *to = NULL;

    if (!at)
        return "no such medium";
    c = (c ? c : strstr(message, "c=IN IP4 ")) + strlen("c=IN IP4 ");
    to = g_strdup_printf("%.*s:%d", (int)strcspn(c, "\r"), c, atoi(at + strlen(m)));
    return nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", to);
}

static void
test_pool(void)
{
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    unsigned own = 0;

    options.pooling = NAT_POOLING_ARBITRARY;
    for (unsigned trial = 0; trial < 8; trial++) {
        sip_box_open_with(&options, 8);
        for (unsigned i = 0; i < trial; i++) { /* other draws each time */
            g_autofree char *from = g_strdup_printf("10.0.0.9:%u", 5000 + i);

            nat_bench_udp(&sip_bench, NAT_INSIDE, from, "198.51.100.9:9");
        }
        sip_put(
            NAT_INSIDE, A, S,
            WITH(TOP
                 "m=audio 6000 RTP/AVP 0|i=one|a=sendrecv|m=video 6002 RTP/AVP 31|a=sendrecv|m=image 6004 udptl t38|"));
        g_autofree char *left = sip_left();

        CHECK_ROW_TEXT("audio", media_to(left, "m=audio "), "in 198.51.100.9:7000 > 10.0.0.2:6000");
        CHECK_ROW_TEXT("video", media_to(left, "m=video "), "in 198.51.100.9:7000 > 10.0.0.2:6002");
        CHECK_ROW_TEXT("fax", media_to(left, "m=image "), "in 198.51.100.9:7000 > 10.0.0.2:6004");
        CHECK_ROW("c= stands before a=", !strstr(left, "a=sendrecv\r\nc="));
        own += strstr(strstr(left, "m=audio"), "c=IN IP4") != NULL;
        sip_box_close();
    }
    CHECK_ROW("some have one of their own", own > 0);
}

/* ---- an inside server */

/* A forward leads to it. A phone outside registers there and is called: nothing of the phone's changes, the server's own
 * addresses do. */
static void
test_inside_server(void)
{
#define PHONE "198.51.100.7:5060"
#define TO_SERVER(uri)                                                                                                 \
    "REGISTER sip:" uri " SIP/2.0|Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bKp;rport|" REST_R                     \
    "Contact: <sip:a@192.168.1.2:5060>|Content-Length: 0||"
#define FROM_SERVER                                                                                                    \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bKp;rport=5060;received=198.51.100.7|" REST_R        \
    "Contact: <sip:a@192.168.1.2:5060>;expires=60|Content-Length: 0||"
#define PROXIED(at)                                                                                                    \
    "INVITE sip:b@198.51.100.9 SIP/2.0|Via: SIP/2.0/UDP " at ":5060;branch=z9hG4bKq|"                                  \
    "Via: SIP/2.0/UDP 192.168.1.2:5060;branch=z9hG4bKp;received=198.51.100.7|" REST "Record-Route: <sip:" at ";lr>|"   \
    "Contact: <sip:a@192.168.1.2:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("192.168.1.2", "6000")
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    struct nat_forward forward = {
        .protocol = PROTOCOL_UDP, .port_low = 5060, .port_high = 5060, .to = nat_endpoint(A)
    };

    options.forwards = &forward;
    options.forward_count = 1;
    sip_box_open_with(&options, 1);
    sip_check("REGISTER", NAT_OUTSIDE, PHONE, XA, TO_SERVER("203.0.113.1"), TO_SERVER("10.0.0.2"));
    sip_check("200", NAT_INSIDE, A, PHONE, FROM_SERVER, FROM_SERVER);
    sip_check("INVITE on its way", NAT_INSIDE, A, "198.51.100.9:5060", PROXIED("10.0.0.2"), PROXIED("203.0.113.1"));
    CHECK_ROW_TEXT("nothing of the phone's is opened",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"), "-no-mapping");
}

/* ---- IPv6 */

static void
test_ipv6(void)
{
#define CALL6(at)                                                                                                      \
    "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP [" at "]:5060;branch=z9hG4bKx|" REST "Contact: <sip:a@[" at     \
    "]>|Content-Type: application/sdp|Content-Length: ^||"                                                             \
    "v=0|o=a 1 1 IN IP6 " at "|s=-|c=IN IP6 " at "|t=0 0|m=audio 6000 RTP/AVP 0|"
#define RING6(at)                                                                                                      \
    "SIP/2.0 180 Ringing|Via: SIP/2.0/UDP [" at "]:5060;branch=z9hG4bKx;received=" at                                  \
    "|" TAGGED("2") "Contact: <sip:b@[2001:db8:9::9]>|Content-Length: 0||"
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    static const struct {
        const char *name, *from, *to, *sent, *left;
        enum nat_side side;
    } rows[] = {
        { "INVITE", "[2001:db8:a::2]:5060", "[2001:db8:9::1]:5060", CALL6("2001:db8:a::2"), CALL6("2001:db8:f::1"),
          NAT_INSIDE },
        { "180", "[2001:db8:9::1]:5060", "[2001:db8:f::1]:5060", RING6("2001:db8:f::1"), RING6("2001:db8:a::2"),
          NAT_OUTSIDE },
    };

    options.ipv6 = NAT_IPV6_MASQUERADE;
    options.algs = NAT_ALG_SIP;
    nat_bench_open_dual(&sip_bench, &options);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *wanted = sip_message_text(rows[i].left);

        sip_put(rows[i].side, rows[i].from, rows[i].to, rows[i].sent);
        g_autofree char *left = g_strndup((const char *)sip_bench.last->data + 48, sip_bench.last->len - 48);

        CHECK_ROW_TEXT(rows[i].name, left, wanted);
    }
}

/* ---- fragments */

/* A message of more than 1500 bytes leaves in two pieces, of which the second has the description. */
static void
test_fragments(void)
{
    g_autofree char *filler = g_strnfill(1600, 'x');
    g_autofree char *invite =
        g_strdup_printf("INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKx|" REST
                        "Subject: %s|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000"),
                        filler);
    const char *told;

    sip_box_open("port-restricted-cone", 0);
    sip_bench.by_wire = false; /* whose reader knows no fragments */
    told = sip_put(NAT_INSIDE, A, S, invite);
    CHECK_ROW("in two pieces, with right checksums", strstr(told, "bytes 0-") && !strstr(told, "BAD"));
    CHECK_ROW_UINT("it is rewritten", nat_bench_records(&sip_bench, "alg-sip"), 1);
    CHECK_ROW_UINT("and does not pass as it was", nat_bench_records(&sip_bench, "alg-passed"), 0);
    sip_hears("its port is open", "198.51.100.9:7000", "6000", NULL);
}

/* ---- registrations */

#define REGISTERS(contacts)                                                                                            \
    "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKr|" REST_R contacts "Content-Length: "   \
    "0||"
#define REGISTERED_AS(contacts)                                                                                        \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKr|" REST_R contacts "Content-Length: 0||"

/* Two messages each, and how long the registrar reaches the phone's second port, which has no mapping of its own. */
static void
test_registrations(void)
{
    static const struct {
        const char *name, *first, *answer, *second, *last;
        int64_t seconds;
    } rows[] = {
        { "two Contacts", REGISTERS("Contact: <sip:a@10.0.0.2:5090>, <sip:a@10.0.0.2>|"),
          REGISTERED_AS("Contact: <sip:a@203.0.113.1:5090>;expires=600, <sip:a@203.0.113.1>;expires=60|"), NULL, NULL,
          600 },
        { "in two lines", REGISTERS("m: <sip:a@10.0.0.2:5090>|m: <sip:a@10.0.0.2>|"),
          REGISTERED_AS("m: <sip:a@203.0.113.1:5090>;expires=600|m: <sip:a@203.0.113.1>;expires=60|"), NULL, NULL,
          600 },
        { "no answer", REGISTERS("Contact: <sip:a@10.0.0.2:5090>|"), NULL, NULL, NULL, 64 },
        { "expires=0", REGISTERS("Contact: <sip:a@10.0.0.2:5090>|"),
          REGISTERED_AS("Contact: <sip:a@203.0.113.1:5090>;expires=600|"),
          REGISTERS("Contact: <sip:a@10.0.0.2:5090>;expires=0|"), REGISTERED_AS(""), 4 },
        { "all taken away", REGISTERS("Contact: <sip:a@10.0.0.2:5090>|"),
          REGISTERED_AS("Contact: <sip:a@203.0.113.1:5090>;expires=600|"), REGISTERS("Contact: *|Expires: 0|"),
          REGISTERED_AS(""), 4 },
        { "refused: what was before holds", REGISTERS("Contact: <sip:a@10.0.0.2:5090>|"),
          REGISTERED_AS("Contact: <sip:a@203.0.113.1:5090>;expires=600|"), REGISTERS("Contact: *|Expires: 0|"),
          "SIP/2.0 403 No|Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKr|" REST_R "Content-Length: 0||", 600 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        const char *said[] = { rows[i].first, rows[i].answer, rows[i].second, rows[i].last };

        sip_box_open("port-restricted-cone", 0);
        for (unsigned j = 0; j < G_N_ELEMENTS(said); j++) {
            if (said[j])
                sip_put(j % 2 ? NAT_OUTSIDE : NAT_INSIDE, j % 2 ? S : A, j % 2 ? XA : S, said[j]);
        }
        nat_bench_until(&sip_bench, rows[i].seconds * TIME_S - 1);
        CHECK_ROW_TEXT(rows[i].name, nat_bench_udp(&sip_bench, NAT_OUTSIDE, S, "203.0.113.1:5090"),
                       "in " S " > 10.0.0.2:5090");
        nat_bench_until(&sip_bench, rows[i].seconds * TIME_S);
        CHECK_ROW_TEXT(rows[i].name, nat_bench_udp(&sip_bench, NAT_OUTSIDE, S, "203.0.113.1:5090"), "-no-mapping");
        sip_box_close();
    }
}

/* ---- two boxes behind each other, each with an ALG */

static void
test_double(void)
{
    static const struct unit_lua_row rows[] = {
        { "out and back, each box undoes its own",
          "local n = lab.internet { delay = '5ms' } local s = n:host('S', '198.51.100.1') "
          "local outer = n:nat('N', '203.0.113.1', { lan = '100.64.0.0/24', alg = { 'sip' } }) "
          "local inner = outer:nat('M', '100.64.0.9', { lan = '10.0.0.0/24', alg = { 'sip' } }) "
          "local a = inner:host('A', '10.0.0.2') local us, ua = s:udp(5060), a:udp(5060) "
          "local sent = 'OPTIONS sip:b@e.com SIP/2.0\\r\\nVia: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKo\\r\\n' .. "
          "'From: <sip:a@e.com>;tag=1\\r\\nTo: <sip:b@e.com>\\r\\nCall-ID: 1\\r\\nCSeq: 1 OPTIONS\\r\\n' .. "
          "'Contact: <sip:a@10.0.0.2>\\r\\nContent-Length: 0\\r\\n\\r\\n' "
          "s:spawn(function() local got, from = us:recv() log((got:match('UDP ([%d.]+)')) .. ' ' .. "
          "got:match('a@([%d.]+)')) "
          "us:send(from, (got:gsub('OPTIONS.-\\r\\n', 'SIP/2.0 200 OK\\r\\n', 1))) end) "
          "a:spawn(function() ua:send(lab.endpoint(s, 5060), sent) local got = ua:recv() "
          "log(tostring(got == (sent:gsub('OPTIONS.-\\r\\n', 'SIP/2.0 200 OK\\r\\n', 1)))) end)",
          "203.0.113.1 203.0.113.1; true" },
    };

    UNIT_LUA_CHECK(rows);
}

void
suite_nat_alg_sip_boxes(void)
{
    UNIT_SUITE("nat_alg_sip_boxes", NULL, sip_box_close, { "each preset", test_presets }, { "a pool", test_pool },
               { "an inside server", test_inside_server }, { "IPv6", test_ipv6 }, { "fragments", test_fragments },
               { "registrations", test_registrations }, { "two boxes behind each other", test_double });
}
