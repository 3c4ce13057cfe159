/* The SIP ALG in calls that are more than an INVITE, a 200 and a BYE: forked, moved, held, long, with a late offer (RFC
 * 3261, RFC 3264); several phones behind one box, hairpin, a firewall, a reboot. */
#include "nat/alg/sip_dialogs.h"
#include "tests/unit/support_nat_sip.h"

#include <string.h>

/* When pinholes close: what follows the INVITE, and how long it takes until the media's is gone. */
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
    sip_box_open("full-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    for (unsigned i = 0; i < G_N_ELEMENTS(row->said) && row->said[i].text; i++) {
        bool out = row->said[i].side == NAT_INSIDE;

        sip_put(row->said[i].side, out ? A : S, out ? S : XA, row->said[i].text);
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
          { { NAT_OUTSIDE, OK_B(SEEN_XA) },
            { NAT_OUTSIDE, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8") },
            { NAT_OUTSIDE, IN_BYE("3") } },
          3600 },
        { "two have answered, and both hung up",
          { { NAT_OUTSIDE, OK_B(SEEN_XA) },
            { NAT_OUTSIDE, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8") },
            { NAT_OUTSIDE, IN_BYE("3") },
            { NAT_OUTSIDE, IN_BYE("2") } },
          4 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (int late = 0; late < 2; late++) {
            say_all(&rows[i]);
            nat_bench_until(&sip_bench, rows[i].seconds * TIME_S - !late);
            CHECK_ROW_TEXT(rows[i].name,
                           nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                           late ? "-no-mapping" : "in 198.51.100.9:7000 > 10.0.0.2:6000");
            sip_box_close();
        }
    }
}

/* Three hours without a message, but with media; then it ends at once. */
static void
test_long_call(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    for (int64_t at = 30 * TIME_MIN; at <= 3 * 60 * TIME_MIN; at += 30 * TIME_MIN) {
        nat_bench_until(&sip_bench, at);
        CHECK_ROW_TEXT("media", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                       "in 198.51.100.9:7000 > 10.0.0.2:6000");
    }
    sip_put(NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"));
    nat_bench_until(&sip_bench, 3 * 60 * TIME_MIN + SIP_GRACE - 1);
    CHECK_ROW_TEXT("what is under way", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    nat_bench_until(&sip_bench, 3 * 60 * TIME_MIN + SIP_GRACE);
    CHECK_ROW_TEXT("media do not prolong the grace",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"), "-no-mapping");
}

/* Whose media come in while it is not known who answers (RFC 3261 section 13.2.2.4, RFC 3960). */
static void
test_forked(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "183 Session Progress", "2", "198.51.100.9"));
    sip_put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "183 Session Progress", "3", "198.51.100.8"));
    sip_hears("early media of one", "198.51.100.9:7000", "6000", NULL);
    sip_hears("and of another", "198.51.100.8:7000", "6000", NULL);
    sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    sip_hears("one has answered", "198.51.100.9:7000", "6000", NULL);
    sip_hears("not the other", "198.51.100.8:7000", "6000", "-filtered");
    sip_put(NAT_OUTSIDE, S, XA, ANSWER(SEEN_XA, "200 OK", "3", "198.51.100.8"));
    sip_hears("the other, too", "198.51.100.8:7000", "6000", NULL);
    sip_hears("and still the one", "198.51.100.9:7000", "6000", NULL);
}

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
        { "refused", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")),
          REANSWER("488 Not Acceptable Here", "2 INVITE", ""), true, false },
        { "both at once", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")),
          REANSWER("491 Request Pending", "2 INVITE", ""), true, false },
        { "another is refused", REINVITE("INVITE", "2", SDP("10.0.0.2", "6010")), REANSWER("488 No", "1 INVITE", ""),
          true, true },
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
        sip_box_open("port-restricted-cone", 0);
        sip_put(NAT_INSIDE, A, S, INVITE_A);
        sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
        sip_put(NAT_INSIDE, A, S, rows[i].offer);
        if (rows[i].answer)
            sip_put(NAT_OUTSIDE, S, XA, rows[i].answer);
        nat_bench_until(&sip_bench, TIME_MIN);
        sip_hears(rows[i].name, "198.51.100.9:7000", "6000", rows[i].former ? NULL : "-no-mapping");
        sip_hears(rows[i].name, "198.51.100.9:7000", "6010", rows[i].next ? NULL : "-no-mapping");
        sip_box_close();
    }
}

/* The offer in the 200, the answer in the ACK (RFC 3261 section 13.2.1). */
static void
test_late_offer(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
    sip_put(NAT_OUTSIDE, S, XA, CALLED("sip:a@203.0.113.1", ""));
    sip_check("the offer", NAT_INSIDE, A, S, ANSWERED("10.0.0.2", SDP("10.0.0.2", "6000")),
              ANSWERED("203.0.113.1", SDP("203.0.113.1", "6000")));
    sip_hears("from anybody", "198.51.100.8:7000", "6000", NULL);
    sip_put(
        NAT_OUTSIDE, S, XA,
        "ACK sip:a@203.0.113.1 SIP/2.0|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKk|From: <sip:b@example.com>;tag=5|"
        "To: <sip:a@example.com>;tag=6|Call-ID: c2|CSeq: 1 ACK|Max-Forwards: 69|Content-Type: application/sdp|"
        "Content-Length: ^||" SDP("198.51.100.9", "7000"));
    sip_hears("from the peer", "198.51.100.9:7000", "6000", NULL);
    sip_hears("and nobody else", "198.51.100.8:7000", "6000", "-filtered");
}

/* Another host has port 5060 outside: what was written without a port has one there, and none when it comes back. */
static void
test_no_port(void)
{
    g_autofree char *out = NULL, *answer = NULL, *call = NULL;
    const char *at;
    int port;

    sip_box_open("port-restricted-cone", 0);
    nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.3:5060", "198.51.100.1:5060");
    sip_put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
    out = sip_left();
    at = strstr(out, "Via: SIP/2.0/UDP 203.0.113.1:");
    if (!CHECK_ROW("a port in Via", at != NULL))
        return;
    port = atoi(at + strlen("Via: SIP/2.0/UDP 203.0.113.1:"));
    g_autofree char *outside = g_strdup_printf("203.0.113.1:%d", port);
    answer = g_strdup_printf(REGISTERED("%s", "Contact: <sip:a@%s>;expires=1200|"), outside, outside);
    sip_check("as it was", NAT_OUTSIDE, S, outside, answer,
              REGISTERED("10.0.0.2", "Contact: <sip:a@10.0.0.2>;expires=1200|"));
    g_autofree char *uri = g_strdup_printf("sip:a@%s", outside);
    call = g_strdup_printf(CALLED("%s", ""), uri);
    sip_check("in a call as well", NAT_OUTSIDE, S, outside, call, CALLED("sip:a@10.0.0.2", ""));
}

/* Two phones behind one box, and a server outside that stays on the way: what A was told of B it says to the server again,
 * where only the external endpoint means anything. */
static void
test_two_phones(void)
{
#define B_ANSWERS(at)                                                                                                  \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKs|Via: SIP/2.0/UDP "                                   \
    "203.0.113.1:5060;branch=z9hG4bKx|" TAGGED("2") "Record-Route: <sip:198.51.100.1;lr>|Contact: <sip:b@" at          \
                                                    ">|Content-Type: application/sdp|"                                 \
                                                    "Content-Length: ^||"
#define A_HEARS(at, sdp)                                                                                               \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP " at                                                                              \
    ";branch=z9hG4bKx|" TAGGED("2") "Record-Route: <sip:198.51.100.1;lr>|"                                             \
                                    "Contact: <sip:b@" sdp "|Content-Type: application/sdp|Content-Length: ^||"
#define ACKS(uri, via)                                                                                                 \
    "ACK sip:b@" uri " SIP/2.0|Via: SIP/2.0/UDP " via ":5060;branch=z9hG4bKk|Route: <sip:198.51.100.1;lr>|"            \
    "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: 1 ACK|Max-Forwards: 70|"          \
    "Content-Length: 0||"
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_check("B answers", NAT_INSIDE, "10.0.0.3:5070", S, B_ANSWERS("10.0.0.3:5070") SDP("10.0.0.3", "8000"),
              B_ANSWERS("203.0.113.1:5070") SDP("203.0.113.1", "8000"));
    sip_check("A hears where B is", NAT_OUTSIDE, S, XA,
              A_HEARS("203.0.113.1:5060", "203.0.113.1:5070>") SDP("203.0.113.1", "8000"),
              A_HEARS("10.0.0.2:5060", "10.0.0.3:5070>") SDP("10.0.0.3", "8000"));
    sip_check("and says it to the server", NAT_INSIDE, A, S, ACKS("10.0.0.3:5070", "10.0.0.2"),
              ACKS("203.0.113.1:5070", "203.0.113.1"));
}

/* A message that turns round is read twice: as what goes out, and as what comes in. */
static void
test_hairpin(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.hairpin = NAT_HAIRPIN_EXTERNAL_SOURCE;
    sip_box_open_with(&options, 1);
    nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.3:5070", S);
    sip_check(
        "to the phone behind the same box", NAT_INSIDE, A, "203.0.113.1:5070",
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
    sip_box_open_with(&options, 1);
    sip_check("not a byte", NAT_INSIDE, A, S, invite, invite);
    CHECK_ROW_TEXT("open", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "10.0.0.2:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("and no more", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "10.0.0.2:6002") + 1,
                   "filtered");
}

/* A reboot in the midst of a call: nothing is known any more, and what comes next begins anew. */
static void
test_reboot(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    nat_forget(sip_bench.nat);
    sip_hears("closed", "198.51.100.9:7000", "6000", "-no-mapping");
    sip_put(NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"));
    sip_put(NAT_INSIDE, A, S, REINVITE("INVITE", "2", SDP("10.0.0.2", "6000")));
    sip_hears("open again", "198.51.100.9:7000", "6000", NULL);
}

/* Switched off in the midst of a call, and on again: what is open stays as long as it was to. */
static void
test_switched(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    alg_fit_with(sip_bench.box, NULL, NULL, 0);
    sip_hears("media go on", "198.51.100.9:7000", "6000", NULL);
    sip_check("nothing is rewritten", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "10.0.0.2"));
    alg_fit(sip_bench.box);
    sip_check("on again", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "203.0.113.1"));
    nat_bench_until(&sip_bench, 2 * 3600 * TIME_S);
    sip_hears("closed in its time", "198.51.100.9:7000", "6000", "-no-mapping");
}

void
suite_nat_alg_sip_calls(void)
{
    UNIT_SUITE("nat_alg_sip_calls", NULL, sip_box_close, { "a call ends", test_ends },
               { "a long call", test_long_call }, { "a forked call", test_forked }, { "media that move", test_moves },
               { "a late offer", test_late_offer }, { "no port", test_no_port },
               { "two phones behind one box", test_two_phones }, { "a message that turns round", test_hairpin },
               { "a firewall", test_firewall }, { "a reboot", test_reboot }, { "switched off and on", test_switched });
}
