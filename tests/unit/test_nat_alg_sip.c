/* The SIP ALG over UDP: what it rewrites, what it leaves alone, which pinholes open and when they close (RFC 3261; RFC 8839
 * section 8), and each quirk. For calls that are more than the plain one see test_nat_alg_sip_calls.c, for TCP
 * test_nat_alg_sip_tcp.c. */
#include "nat/alg/sip_dialogs.h"
#include "tests/unit/support_nat_sip.h"

/* ---- a call out, and back */

static void
test_call(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_check("INVITE", NAT_INSIDE, A, S, INVITE_A, INVITE_XA);
    CHECK_ROW_TEXT("early media: from anybody",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.7:9", "203.0.113.1:6000"),
                   "in 198.51.100.7:9 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("and RTCP", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.7:9", "203.0.113.1:6001"),
                   "in 198.51.100.7:9 > 10.0.0.2:6001");
    sip_check("180", NAT_OUTSIDE, S, XA, RING(SEEN_XA, "180 Ringing"), RING(SEEN_A, "180 Ringing"));
    sip_check("200", NAT_OUTSIDE, S, XA, OK_B(SEEN_XA), OK_B(SEEN_A));
    CHECK_ROW_TEXT("now from the peer only",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.8:7000", "203.0.113.1:6000"), "-filtered");
    CHECK_ROW_TEXT("from the peer", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("media leave by the pinhole",
                   nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"),
                   "out 203.0.113.1:6000 > 198.51.100.9:7000");
    nat_bench_until(&sip_bench, 30 * TIME_MIN);
    CHECK_ROW_TEXT("half an hour of silence",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    sip_check("BYE", NAT_INSIDE, A, S, IN_DIALOG("BYE", "10.0.0.2"), IN_DIALOG("BYE", "203.0.113.1"));
    nat_bench_until(&sip_bench, 30 * TIME_MIN + SIP_GRACE + TIME_S);
    CHECK_ROW_TEXT("closed", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.7:7000", "203.0.113.1:6000"),
                   "-no-mapping");
}

/* The other way: what is registered is what an INVITE comes to, as long as it was granted. */
static void
test_called(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_check("REGISTER", NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"), REGISTER("203.0.113.1", "3600"));
    sip_check("granted less", NAT_OUTSIDE, S, XA,
              REGISTERED("203.0.113.1", "Contact: <sip:a@203.0.113.1>;expires=1200|"),
              REGISTERED("10.0.0.2", "Contact: <sip:a@10.0.0.2>;expires=1200|"));
    nat_bench_until(&sip_bench, 1199 * TIME_S);
    sip_check("INVITE, when an ordinary mapping would be gone", NAT_OUTSIDE, S, XA,
              CALLED("sip:a@203.0.113.1", SDP("198.51.100.9", "7000")),
              CALLED("sip:a@10.0.0.2", SDP("198.51.100.9", "7000")));
    sip_check("200", NAT_INSIDE, A, S, ANSWERED("10.0.0.2", SDP("10.0.0.2", "6000")),
              ANSWERED("203.0.113.1", SDP("203.0.113.1", "6000")));
    CHECK_ROW_TEXT("media from the peer",
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    CHECK_ROW_TEXT("from nobody else", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.8:7000", "203.0.113.1:6000"),
                   "-filtered");
    CHECK_ROW_TEXT("ACK comes from the peer itself", /* it was told the Contact, and nobody has sent to it */
                   nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:5060", XA), "in 198.51.100.9:5060 > " A);
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
        { "the sender's own among others",
          "Contact: <sip:a@192.0.2.7>;expires=9|Contact: <sip:a@203.0.113.1>;expires=600|", 600 },
        { "taken away", "", 4 },
        { "somebody else's only", "Contact: <sip:a@192.0.2.7>;expires=600|", 4 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *answer = g_strdup_printf(REGISTERED("203.0.113.1", "%s"), rows[i].contacts);

        sip_box_open("port-restricted-cone", 0);
        sip_put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
        sip_put(NAT_OUTSIDE, S, XA, answer);
        nat_bench_until(&sip_bench, rows[i].open_until * TIME_S - 1);
        CHECK_ROW_TEXT(rows[i].name, nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.1:9", XA),
                       "in 198.51.100.1:9 > " A);
        nat_bench_until(&sip_bench, rows[i].open_until * TIME_S);
        CHECK_ROW(rows[i].name, strchr(nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.1:10", XA), '-') != NULL);
        sip_box_close();
    }
}

/* ---- descriptions */

static const struct {
    const char *name, *sent, *left; /* `left` NULL: as it was */
} descriptions[] = {
    { "audio", TOP "m=audio 6000 RTP/AVP 0|", TOP_X "m=audio 6000 RTP/AVP 0|" },
    { "two media", TOP "m=audio 6000 RTP/AVP 0|m=video 6002 RTP/AVP 31|",
      TOP_X "m=audio 6000 RTP/AVP 0|m=video 6002 RTP/AVP 31|" },
    { "each its own c=",
      "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|t=0 0|m=audio 6000 RTP/AVP 0|c=IN IP4 10.0.0.2|"
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
      TOP
      "m=audio 6000 RTP/AVP 0|a=candidate:1 1 UDP 9 10.0.0.2 6000 typ host|"
      "a=candidate:1 2 UDP 8 10.0.0.2 6001 typ host|a=candidate:2 1 UDP 7 203.0.113.1 40000 typ srflx raddr 10.0.0.2 "
      "rport 6000|a=candidate:3 1 UDP 6 10.9.9.9 6000 typ host|",
      TOP_X "m=audio 6000 RTP/AVP 0|a=candidate:1 1 UDP 9 203.0.113.1 6000 typ host|"
            "a=candidate:1 2 UDP 8 203.0.113.1 6001 typ host|a=candidate:2 1 UDP 7 203.0.113.1 40000 typ srflx raddr "
            "10.0.0.2 rport 6000|a=candidate:3 1 UDP 6 10.9.9.9 6000 typ host|" },
    { "one medium refused", TOP "m=audio 0 RTP/AVP 0|m=video 6002 RTP/AVP 31|",
      TOP_X "m=audio 0 RTP/AVP 0|m=video 6002 RTP/AVP 31|" },
    { "all refused: a helper made 0.0.0.0 of it", TOP "m=audio 0 RTP/AVP 0|", NULL },
    { "no media", TOP, NULL },
    { "put right by STUN", "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 203.0.113.1|t=0 0|m=audio 40000 RTP/AVP 0|",
      NULL },
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
                        *left = g_strdup_printf(WITH("%s"),
                                                descriptions[i].left ? descriptions[i].left : descriptions[i].sent);

        sip_box_open("port-restricted-cone", 0);
        sip_check(descriptions[i].name, NAT_INSIDE, A, S, sent, left);
        sip_box_close();
    }
}

/* Another host has the port above: RTCP goes elsewhere, and the description says where (RFC 3605). */
static void
test_split_pair(void)
{
    static const char *const ends[] = { "|m=video 6002 RTP/AVP 31|", "|", "", "||" };

    for (size_t i = 0; i < G_N_ELEMENTS(ends); i++) {
        g_autofree char *sent = g_strdup_printf(WITH(TOP "m=audio 6000 RTP/AVP 0%s"), ends[i]);

        sip_box_open("port-restricted-cone", 0);
        nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"); /* RTP has a mapping already */
        nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.3:6001", "198.51.100.9:7000"); /* and the neighbour is taken */
        sip_put(NAT_INSIDE, A, S, sent);
        g_autofree char *left = sip_left();
        const char *rtcp = strstr(left, "m=audio 6000 RTP/AVP 0\r\na=rtcp:");

        if (CHECK_ROW("says where", rtcp != NULL)) {
            g_autofree char *at = g_strdup_printf("203.0.113.1:%d", atoi(strstr(rtcp, "rtcp:") + 5));

            CHECK_ROW_TEXT("and it is there", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7001", at),
                           "in 198.51.100.9:7001 > 10.0.0.2:6001");
        }
        sip_box_close();
    }
}

/* Inwards: RTP of a neighbour's has a mapping, RTCP none; nothing is said of it but what the port above says. */
static void
test_half_mapped(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, REGISTER("10.0.0.2", "3600"));
    nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.3:8000", "198.51.100.9:7000");
    sip_check("RTP alone", NAT_OUTSIDE, S, XA, CALLED("sip:a@203.0.113.1", SDP("203.0.113.1", "8000")),
              CALLED("sip:a@10.0.0.2", SDP("10.0.0.3", "8000")));
    sip_check("RTCP is said to be elsewhere", NAT_OUTSIDE, S, XA,
              CALLED("sip:a@203.0.113.1", SDP("203.0.113.1", "8000") "a=rtcp:8009|"),
              CALLED("sip:a@10.0.0.2", SDP("203.0.113.1", "8000") "a=rtcp:8009|"));
}

/* TLS has another usual port (RFC 3261 section 19.1.2). */
static void
test_secure(void)
{
#define SECURE(via, at)                                                                                                \
    "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP " via ";branch=z9hG4bKr|" REST_R "Contact: <sips:a@" at ">|"    \
    "Content-Length: 0||"
    sip_box_open("full-cone", 0);
    sip_check("sips", NAT_INSIDE, A, S, SECURE("10.0.0.2", "10.0.0.2"), SECURE("203.0.113.1", "203.0.113.1"));
    CHECK_ROW_TEXT("open", nat_bench_tcp(&sip_bench, NAT_OUTSIDE, "S", "198.51.100.1:4000", "203.0.113.1:5061"),
                   "in tcp 198.51.100.1:4000 > 10.0.0.2:5061");
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
        sip_box_open("port-restricted-cone", 0);
        sip_check(rows[i].name, NAT_INSIDE, A, S, rows[i].text, rows[i].text);
        sip_box_close();
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
          "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKr|From: "
          "<sip:a@example.com>;tag=1|"
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
        sip_box_open("port-restricted-cone", 1u << rows[i].quirk);
        sip_check(rows[i].name, NAT_INSIDE, A, S, rows[i].sent, rows[i].left);
        sip_box_close();
    }
}

static void
test_quirk_content_length(void)
{
    sip_box_open("port-restricted-cone", 1u << SIP_QUIRK_CONTENT_LENGTH);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    g_autofree char *left = sip_left();
    const char *length = strstr(left, "Content-Length: "), *body = strstr(left, "\r\n\r\n");

    if (CHECK_ROW("both are there", length && body))
        CHECK_ROW_INT("six bytes short", (int)strlen(body + 4) - atoi(length + 16), 6);
}

static void
test_quirk_short_pinhole(void)
{
    sip_box_open("port-restricted-cone", 1u << SIP_QUIRK_SHORT_PINHOLE);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    sip_put(NAT_OUTSIDE, S, XA, OK_B(SEEN_XA));
    nat_bench_until(&sip_bench, TIME_MIN - 1);
    CHECK_ROW_TEXT("a minute", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "in 198.51.100.9:7000 > 10.0.0.2:6000");
    nat_bench_until(&sip_bench, TIME_MIN);
    CHECK_ROW_TEXT("and no longer", nat_bench_udp(&sip_bench, NAT_OUTSIDE, "198.51.100.9:7000", "203.0.113.1:6000"),
                   "-no-mapping");
}

/* What STUN has put right is taken for an inside port, so that the media go where nobody listens. */
static void
test_quirk_public_address(void)
{
    sip_box_open("port-restricted-cone", 1u << SIP_QUIRK_PUBLIC_ADDRESS);
    nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.3:6000", "198.51.100.9:7000");
    nat_bench_udp(&sip_bench, NAT_INSIDE, "10.0.0.2:6000", "198.51.100.9:7000"); /* gets another port than 6000 */
    sip_put(NAT_INSIDE, A, S,
            WITH("v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 203.0.113.1|t=0 0|m=audio 6000 RTP/AVP 0|"));
    g_autofree char *left = sip_left();

    CHECK_ROW("another port", strstr(left, "m=audio 6000") == NULL);
}

/* ---- the journal */

static void
test_says(void)
{
    sip_box_open("port-restricted-cone", 0);
    sip_put(NAT_INSIDE, A, S, INVITE_A);
    g_autofree char *said = nat_bench_sentence(&sip_bench, "alg-sip");
    CHECK_ROW_TEXT(
        "what and where", said,
        "SIP INVITE: 10.0.0.2 becomes 203.0.113.1 in Via, Contact, Content-Length, o= and c=; 12 bytes more");
    sip_put(NAT_INSIDE, A, S, "OPTIONS sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2;branch=z9hG4bKx||");
    g_autofree char *foreign = nat_bench_sentence(&sip_bench, "alg-sip-foreign");
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

/* Calls that stand are not pushed out by INVITEs that are not answered, however many these are. */
static void
test_dialogs_flood(void)
{
    enum { CALLS = 200 };
    const struct sip_news ok = { .method = SIP_INVITE, .status = 200, .cseq = 1, .peer = 7 };
    struct sip_dialogs dialogs = { .seats = NULL };
    uint64_t evicted;

    for (unsigned i = 1; i <= CALLS; i++) {
        struct sip_dialog *dialog = sip_dialogs_need(&dialogs, i, ADDRESS_NONE, SIP_DIALOG_EARLY, 0, &evicted);

        CHECK(sip_dialog_message(dialog, &ok, 0) == SIP_EFFECT_PROLONG);
        dialog->contact = i; /* a pinhole */
    }
    for (unsigned i = 0; i < 2 * SIP_DIALOGS_MAX; i++) {
        sip_dialogs_need(&dialogs, 1000 + i, ADDRESS_NONE, SIP_DIALOG_EARLY, TIME_S, &evicted);
        CHECK(evicted == 0 || evicted >= 1000);
    }
    for (unsigned i = 1; i <= CALLS; i++)
        CHECK(sip_dialogs_find(&dialogs, i, 2 * SIP_ESTABLISHED) != NULL); /* it has its pinhole still */
    sip_dialogs_closed(&dialogs, 1, 1);
    CHECK(sip_dialogs_find(&dialogs, 1, 2 * SIP_ESTABLISHED) == NULL);
    CHECK_ROW_UINT("no more", sip_dialogs_count(&dialogs), SIP_DIALOGS_MAX - 1);
    sip_dialogs_clear(&dialogs);
}

void
suite_nat_alg_sip(void)
{
    UNIT_SUITE("nat_alg_sip", NULL, sip_box_close, { "a call out", test_call }, { "a call in", test_called },
               { "a registration ends", test_registration_ends }, { "descriptions", test_descriptions },
               { "RTCP elsewhere", test_split_pair }, { "RTCP that is not mapped", test_half_mapped },
               { "sips", test_secure }, { "what is left alone", test_left_alone }, { "quirks", test_quirks },
               { "quirk: Content-Length", test_quirk_content_length },
               { "quirk: a short pinhole", test_quirk_short_pinhole },
               { "quirk: a public address", test_quirk_public_address }, { "what the journal says", test_says },
               { "dialogs are bounded", test_dialogs_bounded }, { "a flood of INVITEs", test_dialogs_flood });
}
