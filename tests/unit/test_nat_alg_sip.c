/* The SIP ALG over UDP: what it rewrites, what it leaves alone, which pinholes open and when they close (RFC 3261; RFC 8839
 * section 8), and each quirk. Messages are written with '|' for a line's end, and '^' for the length of the body. Over TCP
 * see test_nat_alg_sip_stream.c. */
#include "nat/alg/alg.h"

#include <string.h>

#include "nat/alg/sip.h"
#include "nat/alg/sip_dialogs.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5060"
#define XA "203.0.113.1:5060"
#define S "198.51.100.1:5060"

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static void
open_box(const char *preset, unsigned quirks)
{
    struct nat_options options = nat_preset_find(preset)->options;

    options.algs = NAT_ALG_SIP;
    options.alg_quirks[g_bit_nth_lsf(NAT_ALG_SIP, -1)] = (uint16_t)quirks;
    nat_bench_open_pool(&bench, &options, 1);
    bench.by_wire = true;
}

/* ---- messages */

/* The text with its line ends and lengths. Free it. */
static char *
message_of(const char *text)
{
    GString *out = g_string_new(text);
    const char *body = strstr(text, "||");
    g_autofree char *length = NULL;
    unsigned lines = 0;

    for (const char *at = body ? body + 2 : ""; *at; at++)
        lines += *at == '|';
    length = g_strdup_printf("%zu", body ? strlen(body + 2) + lines : 0);
    g_string_replace(out, "^", length, 1);
    g_string_replace(out, "|", "\r\n", 0);
    return g_string_free(out, FALSE);
}

static const char *
put(enum nat_side side, const char *from, const char *to, const char *text)
{
    g_autofree char *data = message_of(text);
    struct wire_packet packet = { .from = nat_endpoint(from), .to = nat_endpoint(to), .protocol = PROTOCOL_UDP,
                                  .data = span_of_text(data) };

    return nat_bench_wire(&bench, side, &packet);
}

/* Puts a message in; true when what left has the text `expected`. */
static void
check(const char *name, enum nat_side side, const char *from, const char *to, const char *sent, const char *expected)
{
    const char *told = put(side, from, to, sent);
    g_autofree char *wanted = message_of(expected);

    CHECK_ROW(name, strstr(told, "BAD") == NULL && (g_str_has_prefix(told, "out ") || g_str_has_prefix(told, "in ")));
    g_autofree char *left =
        bench.last->len > 28 ? g_strndup((const char *)bench.last->data + 28, bench.last->len - 28) : g_strdup("");
    CHECK_ROW_TEXT(name, left, wanted);
}

/* ---- a call out, and back */

#define REST "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>|Call-ID: c1|CSeq: 1 INVITE|Max-Forwards: 70|"
#define SDP(address, port) "v=0|o=a 1 1 IN IP4 " address "|s=-|c=IN IP4 " address "|t=0 0|m=audio " port " RTP/AVP 0|"
#define REST_O "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>|Call-ID: c1|CSeq: 1 OPTIONS|Max-Forwards: 70|"
#define REST_R "From: <sip:a@example.com>;tag=1|To: <sip:a@example.com>|Call-ID: c1|CSeq: 1 REGISTER|Max-Forwards: 70|"
#define INVITE_A                                                                                                       \
    "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKx;rport|" REST                        \
    "Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000")
#define INVITE_XA                                                                                                      \
    "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx;rport|" REST                     \
    "Contact: <sip:a@203.0.113.1:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("203.0.113.1", "6000")
#define TAGGED(tag)                                                                                                    \
    "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=" tag "|Call-ID: c1|CSeq: 1 INVITE|"
#define RING(via, status)                                                                                              \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " via "|" TAGGED("2") "Contact: <sip:b@198.51.100.9>|Content-Length: 0||"
#define ANSWER(via, status, tag, at)                                                                                   \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " via "|" TAGGED(tag) "Contact: <sip:b@" at ">|Content-Type: application/sdp|"  \
    "Content-Length: ^||" SDP(at, "7000")
#define OK_B(via) ANSWER(via, "200 OK", "2", "198.51.100.9")
#define IN_DIALOG(method, via)                                                                                         \
    method " sip:b@198.51.100.9 SIP/2.0|Via: SIP/2.0/UDP " via ";branch=z9hG4bKy|From: <sip:a@example.com>;tag=1|"        \
    "To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: 2 " method "|Max-Forwards: 70|Content-Length: 0||"
#define SEEN_XA "203.0.113.1:5060;branch=z9hG4bKx;rport=5060;received=203.0.113.1"
#define SEEN_A "10.0.0.2:5060;branch=z9hG4bKx;rport=5060;received=10.0.0.2"

static void
test_call(void)
{
    open_box("port-restricted-cone", 0);
    check("INVITE", NAT_INSIDE, A, S, INVITE_A, INVITE_XA);
    CHECK_ROW_TEXT("early media: from anybody", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.7:9", "203.0.113.1:6000"),
                   "in 198.51.100.7:9 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("and RTCP", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.7:9", "203.0.113.1:6001"),
                   "in 198.51.100.7:9 > 10.0.0.2:6001");
    check("180", NAT_OUTSIDE, S, XA, RING(SEEN_XA, "180 Ringing"), RING(SEEN_A, "180 Ringing"));
    check("200", NAT_OUTSIDE, S, XA, OK_B(SEEN_XA), OK_B(SEEN_A));
    CHECK_ROW_TEXT("now from the peer only",
                   nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.8:7000", "203.0.113.1:6000"), "-filtered");
    CHECK_ROW_TEXT("from the peer", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("media leave by the pinhole",
                   nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"),
                   "out 203.0.113.1:6000 > 198.51.100.9:7000");
    nat_bench_until(&bench, 30 * TIME_MIN);
    CHECK_ROW_TEXT("half an hour of silence",
                   nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    check("BYE", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "203.0.113.1"));
    nat_bench_until(&bench, 30 * TIME_MIN + SIP_GRACE + TIME_S);
    CHECK_ROW_TEXT("closed", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.7:7000", "203.0.113.1:6000"),
                   "-no-mapping");
}

#define REGISTER(at, expires)                                                                                          \
    "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP " at ";branch=z9hG4bKr|From: <sip:a@example.com>;tag=1|"          \
    "To: <sip:a@example.com>|Call-ID: r1|CSeq: 1 REGISTER|Max-Forwards: 70|Contact: <sip:a@" at ">;expires=" expires      \
    "|Content-Length: 0||"
#define REGISTERED(at, contacts)                                                                                       \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP " at ";branch=z9hG4bKr|From: <sip:a@example.com>;tag=1|"                            \
    "To: <sip:a@example.com>;tag=9|Call-ID: r1|CSeq: 1 REGISTER|" contacts "Content-Length: 0||"
#define CALLED(uri, sdp)                                                                                               \
    "INVITE " uri " SIP/2.0|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKi|From: <sip:b@example.com>;tag=5|"               \
    "To: <sip:a@example.com>|Call-ID: c2|CSeq: 1 INVITE|Max-Forwards: 69|Record-Route: <sip:198.51.100.1;lr>|"            \
    "Contact: <sip:b@198.51.100.9>|Content-Type: application/sdp|Content-Length: ^||" sdp
#define ANSWERED(contact, sdp)                                                                                         \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKi|From: <sip:b@example.com>;tag=5|"                      \
    "To: <sip:a@example.com>;tag=6|Call-ID: c2|CSeq: 1 INVITE|Record-Route: <sip:198.51.100.1;lr>|"                     \
    "Contact: <sip:a@" contact ">|Content-Type: application/sdp|Content-Length: ^||" sdp

/* The other way: what is registered is what an INVITE comes to, as long as it was granted. */
static void
test_called(void)
{
    open_box("port-restricted-cone", 0);
    check("REGISTER", NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"), REGISTER("203.0.113.1", "3600"));
    check("granted less", NAT_OUTSIDE, S, XA, REGISTERED("203.0.113.1", "Contact: <sip:a@203.0.113.1>;expires=1200|"),
          REGISTERED("10.0.0.2", "Contact: <sip:a@10.0.0.2>;expires=1200|"));
    nat_bench_until(&bench, 1199 * TIME_S);
    check("INVITE, when an ordinary mapping would be gone", NAT_OUTSIDE, S, XA,
          CALLED("sip:a@203.0.113.1", SDP("198.51.100.9", "7000")), CALLED("sip:a@10.0.0.2", SDP("198.51.100.9", "7000")));
    check("200", NAT_INSIDE, A, S, ANSWERED("10.0.0.2", SDP("10.0.0.2", "6000")),
          ANSWERED("203.0.113.1", SDP("203.0.113.1", "6000")));
    CHECK_ROW_TEXT("media from the peer", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("from nobody else", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.8:7000", "203.0.113.1:6000"),
                   "-filtered");
    CHECK_ROW_TEXT("ACK comes from the peer itself", /* it was told the Contact, and nobody has sent to it */
                   nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:5060", XA), "in 198.51.100.9:5060 > " A);
}

static void
test_registration_ends(void)
{
    static const struct {
        const char *name, *contacts;
        int64_t open_until;
    } rows[] = {
        { "as granted", "Contact: <sip:a@203.0.113.1>;expires=600|", 600 },
        { "by the header", "Expires: 500|Contact: <sip:a@203.0.113.1>|", 500 },
        { "the sender's own among others", "Contact: <sip:a@192.0.2.7>;expires=9|Contact: <sip:a@203.0.113.1>;expires=600|",
          600 },
        { "taken away", "", 4 },
        { "somebody else's only", "Contact: <sip:a@192.0.2.7>;expires=600|", 4 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *answer = g_strdup_printf(REGISTERED("203.0.113.1", "%s"), rows[i].contacts);

        open_box("port-restricted-cone", 0);
        put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
        put(NAT_OUTSIDE, S, XA, answer);
        nat_bench_until(&bench, rows[i].open_until * TIME_S - 1);
        CHECK_ROW_TEXT(rows[i].name, nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.1:9", XA), "in 198.51.100.1:9 > " A);
        nat_bench_until(&bench, rows[i].open_until * TIME_S);
        CHECK_ROW(rows[i].name, strchr(nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.1:10", XA), '-') != NULL);
        tear_down();
    }
}

/* When pinholes close: what follows the INVITE, and how long it takes until the media's is gone. */
#define OTHER_CSEQ(status)                                                                                             \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " SEEN_XA "|From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|"     \
    "Call-ID: c1|CSeq: 7 INVITE|Content-Length: 0||"
#define IN_BYE(tag)                                                                                                    \
    "BYE sip:a@203.0.113.1:5060 SIP/2.0|Via: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKb|"                                  \
    "From: <sip:b@example.com>;tag=" tag "|To: <sip:a@example.com>;tag=1|Call-ID: c1|CSeq: 9 BYE|Max-Forwards: 70|"      \
    "Content-Length: 0||"

struct ending {
    const char *name;
    struct {
        enum nat_side side;
        const char *text;
    } said[4]; /* after the INVITE */
    int64_t seconds;
};

static void
say_all(const struct ending *row)
{
    open_box("full-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    for (unsigned i = 0; i < G_N_ELEMENTS(row->said) && row->said[i].text; i++) {
        bool out = row->said[i].side == NAT_INSIDE;

        put(row->said[i].side, out ? A : S, out ? S : XA, row->said[i].text);
    }
}

/* Two boxes: media that come in prolong what they come in by. */
static void
test_ends(void)
{
    static const struct ending rows[] = {
        { "nothing: it may ring for long", { { NAT_INSIDE, NULL } }, 200 },
        { "refused", { { NAT_OUTSIDE, RING(SEEN_XA, "486 Busy Here") } }, 4 },
        { "cancelled", { { NAT_OUTSIDE, RING(SEEN_XA, "487 Request Terminated") } }, 4 },
        { "a challenge comes again with credentials",
          { { NAT_OUTSIDE, RING(SEEN_XA, "407 Proxy Authentication Required") } },
          200 },
        { "the refusal of another INVITE", { { NAT_OUTSIDE, OTHER_CSEQ("486 Busy Here") } }, 200 },
        { "answered", { { NAT_OUTSIDE, OK_B(SEEN_XA) } }, 3600 },
        { "hung up", { { NAT_OUTSIDE, OK_B(SEEN_XA) }, { NAT_INSIDE, IN_DIALOG("BYE", "10.0.0.2") } }, 4 },
        { "hung up by the peer", { { NAT_OUTSIDE, OK_B(SEEN_XA) }, { NAT_OUTSIDE, IN_BYE("2") } }, 4 },
        { "a BYE of nobody who has answered", { { NAT_OUTSIDE, OK_B(SEEN_XA) }, { NAT_OUTSIDE, IN_BYE("7") } }, 3600 },
        { "a branch that rings is hung up", { { NAT_INSIDE, IN_DIALOG("BYE", "10.0.0.2") } }, 200 },
        { "two have answered, one has had a BYE",
          { { NAT_OUTSIDE, OK_B(SEEN_XA) }, { NAT_OUTSIDE, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8") },
            { NAT_OUTSIDE, IN_BYE("3") } },
          3600 },
        { "two have answered, and both hung up",
          { { NAT_OUTSIDE, OK_B(SEEN_XA) }, { NAT_OUTSIDE, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8") },
            { NAT_OUTSIDE, IN_BYE("3") }, { NAT_OUTSIDE, IN_BYE("2") } },
          4 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (int late = 0; late < 2; late++) {
            say_all(&rows[i]);
            nat_bench_until(&bench, rows[i].seconds * TIME_S - !late);
            CHECK_ROW_TEXT(rows[i].name, nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                           late ? "-no-mapping" : "in 198.51.100.9:7000 > 10.0.0.2:6000");
            tear_down();
        }
    }
}

/* Three hours without a message, but with media; then it ends at once. */
static void
test_long_call(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    for (int64_t at = 30 * TIME_MIN; at <= 3 * 60 * TIME_MIN; at += 30 * TIME_MIN) {
        nat_bench_until(&bench, at);
        CHECK_ROW_TEXT("media", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                       "in 198.51.100.9:7000 > 10.0.0.2:6000");
    }
    put(NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"));
    nat_bench_until(&bench, 3 * 60 * TIME_MIN + SIP_GRACE - 1);
    CHECK_ROW_TEXT("what is under way", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    nat_bench_until(&bench, 3 * 60 * TIME_MIN + SIP_GRACE);
    CHECK_ROW_TEXT("media do not prolong the grace",
                   nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"), "-no-mapping");
}

static void
hears(const char *name, const char *from, const char *port, const char *told)
{
    g_autofree char *to = g_strdup_printf("203.0.113.1:%s", port);
    g_autofree char *in = g_strdup_printf("in %s > 10.0.0.2:%s", from, port);

    CHECK_ROW_TEXT(name, nat_bench_udp(&bench, NAT_OUTSIDE, from, to), told ? told : in);
}

/* Whose media come in while it is not known who answers (RFC 3261 section 13.2.2.4, RFC 3960). */
static void
test_forked(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "183 Session Progress", "2", "198.51.100.9"));
    put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "183 Session Progress", "3", "198.51.100.8"));
    hears("early media of one", "198.51.100.9:7000", "6000", NULL);
    hears("and of another", "198.51.100.8:7000", "6000", NULL);
    put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    hears("one has answered", "198.51.100.9:7000", "6000", NULL);
    hears("not the other", "198.51.100.8:7000", "6000", "-filtered");
    put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8"));
    hears("the other, too", "198.51.100.8:7000", "6000", NULL);
    hears("and still the one", "198.51.100.9:7000", "6000", NULL);
}

#define REINVITE(method, cseq, sdp)                                                                                    \
    method " sip:b@198.51.100.9 SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKz|"                                 \
    "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: " cseq " " method "|"               \
    "Max-Forwards: 70|Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" sdp
#define REANSWER(status, cseq, sdp)                                                                                    \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKz|From: <sip:a@example.com>;tag=1|"              \
    "To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: " cseq "|Contact: <sip:b@198.51.100.9>|"                           \
    "Content-Type: application/sdp|Content-Length: ^||" sdp

/* An offer in the call with another port, and how it is answered: which ports are open a minute later, or, when media do
 * not move, are still there (RFC 3261 section 14.1, RFC 3264 section 8). */
static void
test_moves(void)
{
    static const struct {
        const char *name, *offer, *answer;
        bool former, next;
    } rows[] = {
        { "not answered yet", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")), NULL, true, true },
        { "taken", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")),
          REANSWER("200 OK", "2 INVITE", SDP("198.51.100.9", "7000")), false, true },
        { "refused", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")), REANSWER("488 Not Acceptable Here", "2 INVITE", ""),
          true, false },
        { "both at once", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")), REANSWER("491 Request Pending", "2 INVITE", ""),
          true, false },
        { "another is refused", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")), REANSWER("488 No", "1 INVITE", ""), true,
          true },
        { "UPDATE", REINVITE("UPDATE", "2", SDP("10.0.0.2", "6010")),
          REANSWER("200 OK", "2 UPDATE", SDP("198.51.100.9", "7000")), false, true },
        { "hold as RFC 2543 had it",
          REINVITE("INVITE", "2", "v=0|o=a 1 2 IN IP4 10.0.0.2|s=-|c=IN IP4 0.0.0.0|t=0 0|m=audio 6000 RTP/AVP 0|"),
          REANSWER("200 OK", "2 INVITE", SDP("198.51.100.9", "7000")), true, false },
        { "hold", REINVITE("INVITE", "2", SDP("10.0.0.2", "6000") "a=sendonly|"),
          REANSWER("200 OK", "2 INVITE", SDP("198.51.100.9", "7000") "a=recvonly|"), true, false },
        { "no media any more", REINVITE("INVITE", "2", SDP("10.0.0.2", "0")),
          REANSWER("200 OK", "2 INVITE", SDP("198.51.100.9", "0")), false, false },
        { "INFO says nothing about media", REINVITE("INFO", "2", SDP("10.0.0.2", "6010")), NULL, true, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        open_box("port-restricted-cone", 0);
        put(NAT_INSIDE, A, S, INVITE_A);
        put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
        put(NAT_INSIDE, A, S, rows[i].offer);
        if (rows[i].answer)
            put(NAT_OUTSIDE, S, XA, rows[i].answer);
        nat_bench_until(&bench, TIME_MIN);
        hears(rows[i].name, "198.51.100.9:7000", "6000", rows[i].former ? NULL : "-no-mapping");
        hears(rows[i].name, "198.51.100.9:7000", "6010", rows[i].next ? NULL : "-no-mapping");
        tear_down();
    }
}

/* The offer in the 200, the answer in the ACK (RFC 3261 section 13.2.1). */
static void
test_late_offer(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
    put(NAT_OUTSIDE, S, XA, CALLED("sip:a@203.0.113.1", ""));
    check("the offer", NAT_INSIDE, A, S, ANSWERED("10.0.0.2", SDP("10.0.0.2", "6000")),
          ANSWERED("203.0.113.1", SDP("203.0.113.1", "6000")));
    hears("from anybody", "198.51.100.8:7000", "6000", NULL);
    put(NAT_OUTSIDE, S, XA,
        "ACK sip:a@203.0.113.1 SIP/2.0|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKk|From: <sip:b@example.com>;tag=5|"
        "To: <sip:a@example.com>;tag=6|Call-ID: c2|CSeq: 1 ACK|Max-Forwards: 69|Content-Type: application/sdp|"
        "Content-Length: ^||" SDP("198.51.100.9", "7000"));
    hears("from the peer", "198.51.100.9:7000", "6000", NULL);
    hears("and nobody else", "198.51.100.8:7000", "6000", "-filtered");
}

/* Another host has port 5060 outside: what was written without a port has one there, and none when it comes back. */
static void
test_no_port(void)
{
    g_autofree char *out = NULL, *answer = NULL, *call = NULL;
    const char *at;
    int port;

    open_box("port-restricted-cone", 0);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5060", "198.51.100.1:5060");
    put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
    out = g_strndup((const char *)bench.last->data + 28, bench.last->len - 28);
    at = strstr(out, "Via: SIP/2.0/UDP 203.0.113.1:");
    if (!CHECK_ROW("a port in Via", at != NULL))
        return;
    port = atoi(at + strlen("Via: SIP/2.0/UDP 203.0.113.1:"));
    g_autofree char *outside = g_strdup_printf("203.0.113.1:%d", port);
    answer = g_strdup_printf(REGISTERED("%s", "Contact: <sip:a@%s>;expires=1200|"), outside, outside);
    check("as it was", NAT_OUTSIDE, S, outside, answer,
          REGISTERED("10.0.0.2", "Contact: <sip:a@10.0.0.2>;expires=1200|"));
    g_autofree char *uri = g_strdup_printf("sip:a@%s", outside);
    call = g_strdup_printf(CALLED("%s", ""), uri);
    check("in a call as well", NAT_OUTSIDE, S, outside, call, CALLED("sip:a@10.0.0.2", ""));
}

/* Two phones behind one box, and a server outside that stays on the way: what A was told of B it says to the server again,
 * where only the external endpoint means anything. */
static void
test_two_phones(void)
{
#define B_ANSWERS(at)                                                                                                  \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKs|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx|"    \
    TAGGED("2") "Record-Route: <sip:198.51.100.1;lr>|Contact: <sip:b@" at ">|Content-Type: application/sdp|"             \
    "Content-Length: ^||"
#define A_HEARS(at, sdp)                                                                                               \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP " at ";branch=z9hG4bKx|" TAGGED("2") "Record-Route: <sip:198.51.100.1;lr>|"         \
    "Contact: <sip:b@" sdp "|Content-Type: application/sdp|Content-Length: ^||"
#define ACKS(uri, via)                                                                                                 \
    "ACK sip:b@" uri " SIP/2.0|Via: SIP/2.0/UDP " via ":5060;branch=z9hG4bKk|Route: <sip:198.51.100.1;lr>|"              \
    "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: 1 ACK|Max-Forwards: 70|"            \
    "Content-Length: 0||"
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    check("B answers", NAT_INSIDE, "10.0.0.3:5070", S, B_ANSWERS("10.0.0.3:5070") SDP("10.0.0.3", "8000"),
          B_ANSWERS("203.0.113.1:5070") SDP("203.0.113.1", "8000"));
    check("A hears where B is", NAT_OUTSIDE, S, XA,
          A_HEARS("203.0.113.1:5060", "203.0.113.1:5070>") SDP("203.0.113.1", "8000"),
          A_HEARS("10.0.0.2:5060", "10.0.0.3:5070>") SDP("10.0.0.3", "8000"));
    check("and says it to the server", NAT_INSIDE, A, S, ACKS("10.0.0.3:5070", "10.0.0.2"),
          ACKS("203.0.113.1:5070", "203.0.113.1"));
}

/* A message that turns round is read twice: as what goes out, and as what comes in. */
static void
test_hairpin(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    options.algs = NAT_ALG_SIP;
    nat_bench_open_pool(&bench, &options, 1);
    bench.by_wire = true;
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:5070", S);
    check("to the phone behind the same box", NAT_INSIDE, A, "203.0.113.1:5070",
          "INVITE sip:b@203.0.113.1:5070 SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKx|" REST
          "Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000"),
          "INVITE sip:b@10.0.0.3:5070 SIP/2.0|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx|" REST
          "Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000"));
}

/* A box that translates nothing: the filter opens, and not a byte changes, in whatever form the address is written. */
static void
test_firewall(void)
{
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;
    const char *invite =
        "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2 : 05060;branch=z9hG4bKx|" REST
        "Contact: <sip:a@10.0.0.2:05060>|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000");

    options.udp.mapping = options.tcp.mapping = NAT_MAPPING_NONE;
    options.algs = NAT_ALG_SIP;
    nat_bench_open_pool(&bench, &options, 1);
    bench.by_wire = true;
    check("not a byte", NAT_INSIDE, A, S, invite, invite);
    CHECK_ROW_TEXT("open", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "10.0.0.2:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("and no more", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "10.0.0.2:6002") + 1, "filtered");
}

/* A reboot in the midst of a call: nothing is known any more, and what comes next begins anew. */
static void
test_reboot(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    nat_forget(bench.nat);
    hears("closed", "198.51.100.9:7000", "6000", "-no-mapping");
    put(NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"));
    put(NAT_INSIDE, A, S, REINVITE("INVITE", "2", SDP("10.0.0.2", "6000")));
    hears("open again", "198.51.100.9:7000", "6000", NULL);
}

/* Switched off in the midst of a call, and on again: what is open stays as long as it was to. */
static void
test_switched(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    alg_fit_with(bench.box, NULL, NULL, 0);
    hears("media go on", "198.51.100.9:7000", "6000", NULL);
    check("nothing is rewritten", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "10.0.0.2"));
    alg_fit(bench.box);
    check("on again", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "203.0.113.1"));
    nat_bench_until(&bench, 2 * 3600 * TIME_S);
    hears("closed in its time", "198.51.100.9:7000", "6000", "-no-mapping");
}

/* ---- descriptions */

#define WITH(sdp)                                                                                                      \
    "INVITE sip:b@example.com SIP/2.0|v: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKx|" REST                              \
    "c: application/sdp|l: ^||" sdp
#define TOP "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 10.0.0.2|t=0 0|"
#define TOP_X "v=0|o=a 1 1 IN IP4 203.0.113.1|s=-|c=IN IP4 203.0.113.1|t=0 0|"

static const struct {
    const char *name, *sent, *left; /* `left` NULL: as it was */
} descriptions[] = {
    { "audio", TOP "m=audio 6000 RTP/AVP 0|", TOP_X "m=audio 6000 RTP/AVP 0|" },
    { "two media", TOP "m=audio 6000 RTP/AVP 0|m=video 6002 RTP/AVP 31|",
      TOP_X "m=audio 6000 RTP/AVP 0|m=video 6002 RTP/AVP 31|" },
    { "each its own c=", "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|t=0 0|m=audio 6000 RTP/AVP 0|c=IN IP4 10.0.0.2|"
                         "m=video 6002 RTP/AVP 31|c=IN IP4 192.0.2.9|",
      "v=0|o=a 1 1 IN IP4 203.0.113.1|s=-|t=0 0|m=audio 6000 RTP/AVP 0|c=IN IP4 203.0.113.1|"
      "m=video 6002 RTP/AVP 31|c=IN IP4 192.0.2.9|" },
    { "a=rtcp", TOP "m=audio 6000 RTP/AVP 0|a=rtcp:6009|", TOP_X "m=audio 6000 RTP/AVP 0|a=rtcp:6009|" },
    { "RTCP is somebody else's", TOP "m=audio 6000 RTP/AVP 0|a=rtcp:6009 IN IP4 192.0.2.9|",
      TOP_X "m=audio 6000 RTP/AVP 0|a=rtcp:6009 IN IP4 192.0.2.9|" },
    { "a second c=, of another", TOP "m=audio 6000 RTP/AVP 0|c=IN IP4 10.0.0.2|c=IN IP4 192.0.2.9|",
      TOP_X "m=audio 6000 RTP/AVP 0|c=IN IP4 203.0.113.1|c=IN IP4 192.0.2.9|" },
    { "RTCP on RTP's port", TOP "m=audio 6000 RTP/AVP 0|a=rtcp:6000|a=rtcp-mux|",
      TOP_X "m=audio 6000 RTP/AVP 0|a=rtcp:6000|a=rtcp-mux|" },
    { "a=rtcp with an address", TOP "m=audio 6000 RTP/AVP 0|a=rtcp:6009 IN IP4 10.0.0.2|",
      TOP_X "m=audio 6000 RTP/AVP 0|a=rtcp:6009 IN IP4 203.0.113.1|" },
    { "the default candidates, and no others",
      TOP "m=audio 6000 RTP/AVP 0|a=candidate:1 1 UDP 9 10.0.0.2 6000 typ host|"
          "a=candidate:1 2 UDP 8 10.0.0.2 6001 typ host|a=candidate:2 1 UDP 7 203.0.113.1 40000 typ srflx raddr 10.0.0.2 "
          "rport 6000|a=candidate:3 1 UDP 6 10.9.9.9 6000 typ host|",
      TOP_X "m=audio 6000 RTP/AVP 0|a=candidate:1 1 UDP 9 203.0.113.1 6000 typ host|"
            "a=candidate:1 2 UDP 8 203.0.113.1 6001 typ host|a=candidate:2 1 UDP 7 203.0.113.1 40000 typ srflx raddr "
            "10.0.0.2 rport 6000|a=candidate:3 1 UDP 6 10.9.9.9 6000 typ host|" },
    { "one medium refused", TOP "m=audio 0 RTP/AVP 0|m=video 6002 RTP/AVP 31|",
      TOP_X "m=audio 0 RTP/AVP 0|m=video 6002 RTP/AVP 31|" },
    { "all refused: a helper made 0.0.0.0 of it", TOP "m=audio 0 RTP/AVP 0|", NULL },
    { "no media", TOP, NULL },
    { "put right by STUN", "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 203.0.113.1|t=0 0|m=audio 40000 RTP/AVP 0|", NULL },
    { "somebody else's", "v=0|o=a 1 1 IN IP4 10.0.0.3|s=-|c=IN IP4 10.0.0.3|t=0 0|m=audio 6000 RTP/AVP 0|", NULL },
    { "hold of RFC 2543", "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 0.0.0.0|t=0 0|m=audio 6000 RTP/AVP 0|", NULL },
    { "a name", "v=0|o=a 1 1 IN IP4 a.example|s=-|c=IN IP4 a.example|t=0 0|m=audio 6000 RTP/AVP 0|", NULL },
    { "not SDP at all", "hello 10.0.0.2|", NULL },
};

static void
test_descriptions(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(descriptions); i++) {
        g_autofree char *sent = g_strdup_printf(WITH("%s"), descriptions[i].sent),
                        *left = g_strdup_printf(WITH("%s"), descriptions[i].left ? descriptions[i].left
                                                                                 : descriptions[i].sent);

        open_box("port-restricted-cone", 0);
        check(descriptions[i].name, NAT_INSIDE, A, S, sent, left);
        tear_down();
    }
}

/* Another host has the port above: RTCP goes elsewhere, and the description says where (RFC 3605). */
static void
test_split_pair(void)
{
    open_box("port-restricted-cone", 0);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"); /* RTP has a mapping already */
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6001", "198.51.100.9:7000"); /* and the neighbour is taken */
    put(NAT_INSIDE, A, S, WITH(TOP "m=audio 6000 RTP/AVP 0|m=video 6002 RTP/AVP 31|"));
    g_autofree char *left = g_strndup((const char *)bench.last->data + 28, bench.last->len - 28);
    const char *rtcp = strstr(left, "m=audio 6000 RTP/AVP 0\r\na=rtcp:");

    if (CHECK_ROW("says where", rtcp != NULL)) {
        g_autofree char *at = g_strdup_printf("203.0.113.1:%d", atoi(strstr(rtcp, "rtcp:") + 5));

        CHECK_ROW_TEXT("and it is there", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7001", at),
                       "in 198.51.100.9:7001 > 10.0.0.2:6001");
    }
}

/* ---- what is not to be touched */

static void
test_left_alone(void)
{
    static const struct {
        const char *name, *text;
    } rows[] = {
        { "another's Contact", "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx|" REST_R
                               "Contact: <sip:a@10.0.0.3:5060>|Content-Length: 0||" },
        { "a public Contact", "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx|" REST_R
                              "Contact: <sip:a@203.0.113.1:5060>|Content-Length: 0||" },
        { "From and To", "OPTIONS sip:10.0.0.2 SIP/2.0|Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx|"
                         "From: <sip:a@10.0.0.2>;tag=1|To: <sip:a@10.0.0.2>|Call-ID: 1@10.0.0.2|CSeq: 1 OPTIONS|"
                         "Max-Forwards: 70|Content-Length: 0||" },
        { "a lower Via", "OPTIONS sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKx|"
                         "Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKy|" REST_O "Content-Length: 0||" },
        { "no SIP", "hello 10.0.0.2" },
        { "no SIP, but well meant", "INVITE me 10.0.0.2||" },
        { "no Call-ID", "OPTIONS sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx|"
                        "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>|CSeq: 1 OPTIONS|Max-Forwards: 70||" },
        { "a keep-alive", "||" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        open_box("port-restricted-cone", 0);
        check(rows[i].name, NAT_INSIDE, A, S, rows[i].text, rows[i].text);
        tear_down();
    }
}

/* ---- quirks */

/* `left`: how the INVITE differs from what a good ALG makes of it. */
static void
test_quirks(void)
{
    static const struct {
        const char *name;
        enum sip_alg_quirk quirk;
        const char *sent, *left;
    } rows[] = {
        { "Contact stays private", SIP_QUIRK_PRIVATE_CONTACT, REGISTER("10.0.0.2", "60"),
          "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKr|From: <sip:a@example.com>;tag=1|"
          "To: <sip:a@example.com>|Call-ID: r1|CSeq: 1 REGISTER|Max-Forwards: 70|Contact: <sip:a@10.0.0.2>;expires=60|"
          "Content-Length: 0||" },
        { "nothing but the first line", SIP_QUIRK_FIRST_LINE, INVITE_A, INVITE_A },
        { "a second NAT's Contact", SIP_QUIRK_REGISTER,
          "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKr|" REST_R
          "Contact: <sip:a@192.168.7.7:5070>|Content-Length: 0||",
          "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKr|" REST_R
          "Contact: <sip:a@203.0.113.1:5070>|Content-Length: 0||" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        open_box("port-restricted-cone", 1u << rows[i].quirk);
        check(rows[i].name, NAT_INSIDE, A, S, rows[i].sent, rows[i].left);
        tear_down();
    }
}

static void
test_quirk_content_length(void)
{
    open_box("port-restricted-cone", 1u << SIP_QUIRK_CONTENT_LENGTH);
    put(NAT_INSIDE, A, S, INVITE_A);
    g_autofree char *left = g_strndup((const char *)bench.last->data + 28, bench.last->len - 28);
    const char *length = strstr(left, "Content-Length: "), *body = strstr(left, "\r\n\r\n");

    if (CHECK_ROW("both are there", length && body))
        CHECK_ROW_INT("six bytes short", (int)strlen(body + 4) - atoi(length + 16), 6);
}

static void
test_quirk_short_pinhole(void)
{
    open_box("port-restricted-cone", 1u << SIP_QUIRK_SHORT_PINHOLE);
    put(NAT_INSIDE, A, S, INVITE_A);
    put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    nat_bench_until(&bench, TIME_MIN - 1);
    CHECK_ROW_TEXT("a minute", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    nat_bench_until(&bench, TIME_MIN);
    CHECK_ROW_TEXT("and no longer", nat_bench_udp(&bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "-no-mapping");
}

/* What STUN has put right is taken for an inside port, so that the media go where nobody listens. */
static void
test_quirk_public_address(void)
{
    open_box("port-restricted-cone", 1u << SIP_QUIRK_PUBLIC_ADDRESS);
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.3:6000", "198.51.100.9:7000");
    nat_bench_udp(&bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"); /* gets another port than 6000 */
    put(NAT_INSIDE, A, S, WITH("v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 203.0.113.1|t=0 0|m=audio 6000 RTP/AVP 0|"));
    g_autofree char *left = g_strndup((const char *)bench.last->data + 28, bench.last->len - 28);

    CHECK_ROW("another port", strstr(left, "m=audio 6000") == NULL);
}

/* ---- the journal */

static void
test_says(void)
{
    open_box("port-restricted-cone", 0);
    put(NAT_INSIDE, A, S, INVITE_A);
    g_autofree char *said = nat_bench_sentence(&bench, "alg-sip");
    CHECK_ROW_TEXT("what and where", said,
                   "SIP INVITE: 10.0.0.2 becomes 203.0.113.1 in Via, Contact, Content-Length, o= and c=; 12 bytes more");
    put(NAT_INSIDE, A, S, "OPTIONS sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx||");
    g_autofree char *foreign = nat_bench_sentence(&bench, "alg-sip-foreign");
    CHECK_ROW_TEXT("what it can't read", foreign,
                   "the ALG sip leaves this message alone: a header field that each message needs is missing");
}

/* ---- dialogs */

static void
test_dialogs_bounded(void)
{
    struct sip_dialogs dialogs = { .seats = NULL };
    uint64_t evicted;

    for (unsigned i = 0; i < SIP_DIALOGS_MAX; i++) {
        sip_dialogs_need(&dialogs, i + 1, ADDRESS_NONE, SIP_DIALOG_EARLY, 0, &evicted);
        CHECK(evicted == 0);
    }
    CHECK(sip_dialogs_find(&dialogs, 1, TIME_S) != NULL); /* it has spoken */
    sip_dialogs_need(&dialogs, 70000, ADDRESS_NONE, SIP_DIALOG_EARLY, TIME_S, &evicted);
    CHECK_ROW_UINT("the one that was silent longest", evicted, 2);
    CHECK_ROW_UINT("no more", sip_dialogs_count(&dialogs), SIP_DIALOGS_MAX);
    CHECK(sip_dialogs_find(&dialogs, 2, TIME_S) == NULL);
    CHECK(sip_dialogs_find(&dialogs, 3, SIP_UNANSWERED) == NULL); /* its time is over */
    sip_dialogs_need(&dialogs, 70001, ADDRESS_NONE, SIP_DIALOG_EARLY, SIP_UNANSWERED, &evicted);
    CHECK_ROW_UINT("what is over makes room unasked", evicted, 0);
    sip_dialogs_clear(&dialogs);
}

void
suite_nat_alg_sip(void)
{
    UNIT_SUITE("nat_alg_sip", NULL, tear_down, { "a call out", test_call }, { "a call in", test_called },
               { "a registration ends", test_registration_ends }, { "a call ends", test_ends },
               { "a long call", test_long_call }, { "a forked call", test_forked }, { "media that move", test_moves },
               { "a late offer", test_late_offer }, { "no port", test_no_port },
               { "two phones behind one box", test_two_phones }, { "a message that turns round", test_hairpin },
               { "a firewall", test_firewall }, { "a reboot", test_reboot }, { "switched off and on", test_switched },
               { "descriptions", test_descriptions }, { "RTCP elsewhere", test_split_pair },
               { "what is left alone", test_left_alone }, { "quirks", test_quirks },
               { "quirk: Content-Length", test_quirk_content_length },
               { "quirk: a short pinhole", test_quirk_short_pinhole },
               { "quirk: a public address", test_quirk_public_address }, { "what the journal says", test_says },
               { "dialogs are bounded", test_dialogs_bounded });
}
