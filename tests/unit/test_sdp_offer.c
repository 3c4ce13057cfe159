/* Offers and answers: RFC 3264. */
#include "tests/unit/support.h"

#include "proto/sdp/offer.h"

#define ALICE                                                                                                          \
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 host.anywhere.com\r\ns=\r\nc=IN IP4 host.anywhere.com\r\nt=0 0\r\n"
#define BOB "v=0\r\no=bob 2890844730 2890844730 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n"

/* RFC 3264 section 10.1. */
static const char offer_10_1[] =
    ALICE "m=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n"
          "a=rtpmap:97 iLBC/8000\r\nm=video 51372 RTP/AVP 31 32\r\na=rtpmap:31 H261/90000\r\n"
          "a=rtpmap:32 MPV/90000\r\n";

static struct sdp_session offer, answer; /* parsed anew by each case */

static bool
parse(const char *name, const char *text, struct sdp_session *session)
{
    return CHECK_ROW_TEXT(name, sdp_fault_word(sdp_session_parse(span_of_text(text), session, NULL)), "none");
}

/* ---- making answers. What Bob can do is told by a letter for each medium:
 * '-' nothing, 'p' PCMU, 'l' PCMU only to listen, 'v' MPV, 'a' PCMU at an address of its own, 't' T.38. */

static const char *bob_can;

static void
decide(void *owner, const struct sdp_session *offered, int media, struct sdp_answer_media *out)
{
    static const struct sdp_rtpmap codecs[] = { { 0, { (const uint8_t *)"pcmu", 4 }, 8000, 1 },
                                                { 0, { (const uint8_t *)"MPV", 3 }, 90000, 1 },
                                                { 0, { (const uint8_t *)"opus", 4 }, 48000, 2 } };
    char can = bob_can[media];

    CHECK(owner == &bob_can && offered == &offer && out->wished == SDP_SENDRECV);
    out->accept = can != '-';
    out->port = (uint16_t)(49920 + media);
    out->codecs = can == 'v' ? &codecs[1] : can == 'o' ? &codecs[2] : codecs;
    out->codec_count = 1;
    if (can == 'l')
        out->wished = SDP_RECVONLY;
    if (can == 'a')
        out->address = address_ipv4(0xc0000263);
}

static void
add_attributes(void *owner, const struct sdp_session *offered, int section, GString *out)
{
    (void)owner, (void)offered;
    g_string_append_printf(out, "a=x-section:%d\r\n", section);
}

static const struct {
    const char *name, *offer, *can, *answer; /* after BOB */
} answer_rows[] = {
    { "10.1: audio, no video", offer_10_1, "p-",
      "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 0 RTP/AVP 31 32\r\n" },
    { "both", offer_10_1, "pv",
      "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\nm=video 49921 RTP/AVP 32\r\na=rtpmap:32 MPV/90000\r\n" },
    { "nothing in common (6)", offer_10_1, "vp", "m=audio 0 RTP/AVP 0 8 97\r\nm=video 0 RTP/AVP 31 32\r\n" },
    { "the payload number of the offer (6.1)", ALICE "m=audio 9/2 RTP/AVP 96 111\r\na=rtpmap:111 OPUS/48000/2\r\n", "o",
      "m=audio 49920 RTP/AVP 111\r\na=rtpmap:111 OPUS/48000/2\r\n" },
    { "channels differ", ALICE "m=audio 9 RTP/AVP 111\r\na=rtpmap:111 opus/48000\r\n", "o",
      "m=audio 0 RTP/AVP 111\r\n" },
    { "a format twice", ALICE "m=audio 9 RTP/AVP 0 0\r\n", "p", "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" },
    { "port 0 stays (6)", ALICE "m=audio 0 RTP/AVP 0\r\nm=audio 9 RTP/AVP 0\r\n", "pp",
      "m=audio 0 RTP/AVP 0\r\nm=audio 49921 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" },
    { "sendonly", ALICE "m=audio 9 RTP/AVP 0\r\na=sendonly\r\n", "p",
      "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=recvonly\r\n" },
    { "recvonly, of the session", ALICE "a=recvonly\r\nm=audio 9 RTP/AVP 0\r\n", "p",
      "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=sendonly\r\n" },
    { "recvonly, and we send nothing", ALICE "m=audio 9 RTP/AVP 0\r\na=recvonly\r\n", "l",
      "m=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=inactive\r\n" },
    { "an address of its own, and mid (5888 9.1)",
      ALICE "m=audio 9 RTP/AVP 0\r\na=mid:a1\r\nm=video 9 RTP/AVP 31\r\na=mid:v1\r\n", "a-",
      "m=audio 49920 RTP/AVP 0\r\nc=IN IP4 192.0.2.99\r\na=rtpmap:0 PCMU/8000\r\na=mid:a1\r\nm=video 0 RTP/AVP "
      "31\r\na=mid:v1\r\n" },
    { "no RTP: all formats", ALICE "m=image 54111 udptl t38 x\r\n", "t", "m=image 49920 udptl t38 x\r\n" },
    { "a group (6.2)", ALICE "m=audio 9 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\n", "p", "m=audio 0 RTP/AVP 0\r\n" },
    { "no media", ALICE, "", "" },
};

static void
test_answers(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(answer_rows); i++) {
        const char *name = answer_rows[i].name;
        struct sdp_answerer bob = { .origin = { span_of_text("bob"), 2890844730, 2890844730,
                                                sdp_network_of(address_ipv4(0xc0000202)) },
                                    .address = address_ipv4(0xc0000202),
                                    .decide = decide,
                                    .owner = &bob_can };
        g_autoptr(GString) out = g_string_new(NULL);
        g_autofree char *expected = g_strconcat(BOB, answer_rows[i].answer, NULL);

        bob_can = answer_rows[i].can;
        if (!parse(name, answer_rows[i].offer, &offer))
            continue;
        sdp_answer_put(out, &offer, &bob);
        CHECK_ROW_TEXT(name, out->str, expected);
        if (parse(name, out->str, &answer)) /* what is made fits */
            CHECK_ROW_TEXT(name, sdp_fault_word(sdp_answer_check(&offer, &answer, NULL)), "none");
    }
}

static void
test_more_lines(void)
{
    struct sdp_answerer bob = { .origin = { span_of_text("bob"), 1, 1, sdp_network_of(address_ipv4(0xc0000202)) },
                                .address = address_ipv4(0xc0000202),
                                .decide = decide,
                                .attributes = add_attributes,
                                .owner = &bob_can };
    g_autoptr(GString) out = g_string_new(NULL);

    bob_can = "p-";
    if (!parse("offer",
               "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=1 2\nr=7d 1h 0\nz=0 0\nt=3 4\n"
               "m=audio 9 RTP/AVP 0\nm=video 9 RTP/AVP 31\n",
               &offer))
        return;
    sdp_answer_put(out, &offer, &bob);
    CHECK_ROW_TEXT("times and attributes", out->str,
                   "v=0\r\no=bob 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=1 2\r\nr=7d 1h 0\r\nz=0 0\r\n"
                   "t=3 4\r\na=x-section:-1\r\nm=audio 49920 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\na=x-section:0\r\n"
                   "m=video 0 RTP/AVP 31\r\n");
}

/* ---- checking answers */

static const struct {
    const char *name, *offer, *answer, *fault, *said;
} check_rows[] = {
    { "10.1", offer_10_1, BOB "m=audio 49920 RTP/AVP 0\r\nm=video 0 RTP/AVP 31\r\n", "none", "" },
    { "10.2, two of three codecs", ALICE "m=audio 62986 RTP/AVP 0 4 18\r\n", BOB "m=audio 54344 RTP/AVP 0 4\r\n",
      "none", "" },
    { "one medium too few", offer_10_1, BOB "m=audio 49920 RTP/AVP 0\r\n", "answer-count",
      "the description has not as many m= lines as the offer" },
    { "one too many", ALICE, BOB "m=audio 49920 RTP/AVP 0\r\n", "answer-count", "the description" },
    { "in another order", offer_10_1, BOB "m=video 0 RTP/AVP 31\r\nm=audio 49920 RTP/AVP 0\r\n", "answer-media",
      "line 6: m= is another kind of media" },
    { "another protocol", offer_10_1, BOB "m=audio 49920 RTP/AVP 0\r\nm=video 9 RTP/SAVP 31\r\n", "answer-protocol",
      "line 7: m= has another protocol" },
    { "revived", ALICE "m=audio 0 RTP/AVP 0\r\n", BOB "m=audio 9 RTP/AVP 0\r\n", "answer-revived",
      "line 6: m= has a port" },
    { "no common format", offer_10_1, BOB "m=audio 9 RTP/AVP 3\r\nm=video 0 RTP/AVP 31\r\n", "answer-formats",
      "line 6: m= has no format" },
    { "more formats than offered (6.1)", offer_10_1, BOB "m=audio 9 RTP/AVP 3 8\r\nm=video 0 RTP/AVP 31\r\n", "none",
      "" },
    { "another number for it", ALICE "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n",
      BOB "m=audio 9 RTP/AVP 98\r\na=rtpmap:98 ilbc/8000\r\n", "none", "" },
    { "the same number for another", ALICE "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n",
      BOB "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 speex/8000\r\n", "answer-formats", "line 6: m=" },
    { "a number without rtpmap", ALICE "m=audio 9 RTP/AVP 97\r\na=rtpmap:97 iLBC/8000\r\n",
      BOB "m=audio 9 RTP/AVP 97\r\n", "none", "" },
    { "no RTP", ALICE "m=image 9 udptl t38\r\n", BOB "m=image 9 udptl T38\r\n", "answer-formats", "line 6: m=" },
    { "sendonly for sendonly (6.1)", ALICE "m=audio 9 RTP/AVP 0\r\na=sendonly\r\n",
      BOB "m=audio 9 RTP/AVP 0\r\na=sendonly\r\n", "answer-direction", "line 6: m= has a direction" },
    { "sendrecv for sendonly", ALICE "m=audio 9 RTP/AVP 0\r\na=sendonly\r\n", BOB "m=audio 9 RTP/AVP 0\r\n",
      "answer-direction", "line 6: m= has a direction" },
    { "recvonly for inactive", ALICE "m=audio 9 RTP/AVP 0\r\na=inactive\r\n",
      BOB "m=audio 9 RTP/AVP 0\r\na=recvonly\r\n", "answer-direction", "line 6: m= has a direction" },
    { "inactive for sendrecv", ALICE "m=audio 9 RTP/AVP 0\r\n", BOB "m=audio 9 RTP/AVP 0\r\na=inactive\r\n", "none",
      "" },
    { "recvonly in a group (6.2)", ALICE "m=audio 9 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\na=recvonly\r\n",
      BOB "m=audio 9 RTP/AVP 0\r\nc=IN IP4 233.252.0.1/127\r\na=recvonly\r\n", "none", "" },
    { "other times (6)", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=1 2\n", BOB, "answer-time",
      "line 5, column 3: t= is not the offer's" },
    { "fewer times", "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nt=0 0\nt=1 2\n", BOB, "answer-time",
      "line 5, column 3: t= is not the offer's" },
    { "more times", ALICE, BOB "t=1 2\r\n", "answer-time", "line 6, column 3: t= is not the offer's" },
};

static void
test_checks(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(check_rows); i++) {
        g_autoptr(GString) said = g_string_new(NULL);
        struct sdp_error error = { 0 };

        if (!parse(check_rows[i].name, check_rows[i].offer, &offer) ||
            !parse(check_rows[i].name, check_rows[i].answer, &answer))
            continue;
        CHECK_ROW_TEXT(check_rows[i].name, sdp_fault_word(sdp_answer_check(&offer, &answer, &error)),
                       check_rows[i].fault);
        sdp_error_say(&error, said);
        g_string_truncate(said, MIN(said->len, strlen(check_rows[i].said)));
        CHECK_ROW_TEXT(check_rows[i].name, said->str, check_rows[i].said);
    }
}

/* ---- the next description */

#define O(version) "v=0\no=bob 1 " version " IN IP4 192.0.2.2\ns=-\nc=IN IP4 192.0.2.2\nt=0 0\n"

static const struct {
    const char *name, *before, *next, *fault;
    unsigned line;
} update_rows[] = {
    { "one more", O("1") "m=audio 9 RTP/AVP 0\n", O("2") "m=audio 9 RTP/AVP 0\na=sendonly\n", "none", 0 },
    { "the same text (8)", O("1"), O("1"), "none", 0 },
    { "another text with the same version (8)", O("1"), O("1") "a=x\n", "update-version", 2 },
    { "two more (8)", O("1"), O("3"), "update-version", 2 },
    { "one less", O("1"), O("0"), "update-version", 2 },
    { "another user (8)", O("1"), "v=0\no=rob 1 2 IN IP4 192.0.2.2\ns=-\nt=0 0\n", "update-origin", 2 },
    { "another session", O("1"), "v=0\no=bob 2 2 IN IP4 192.0.2.2\ns=-\nt=0 0\n", "update-origin", 2 },
    { "another address", O("1"), "v=0\no=bob 1 2 IN IP4 192.0.2.3\ns=-\nt=0 0\n", "update-origin", 2 },
    { "a medium added (8.1)", O("1"), O("2") "m=audio 9 RTP/AVP 0\n", "none", 0 },
    { "a medium ended (8.2)", O("1") "m=audio 9 RTP/AVP 0\n", O("2") "m=audio 0 RTP/AVP 0\n", "none", 0 },
    { "a medium gone (8)", O("1") "m=audio 9 RTP/AVP 0\n", O("2"), "update-removed", 0 },
    { "a place used again (8.1)", O("1") "m=audio 0 RTP/AVP 0\n", O("2") "m=video 9 RTP/AVP 31\n", "none", 0 },
    { "another kind in use", O("1") "m=audio 9 RTP/AVP 0\n", O("2") "m=video 9 RTP/AVP 31\n", "update-media", 6 },
};

static void
test_updates(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(update_rows); i++) {
        struct sdp_error error = { 0 };

        if (!parse(update_rows[i].name, update_rows[i].before, &offer) ||
            !parse(update_rows[i].name, update_rows[i].next, &answer))
            continue;
        CHECK_ROW_TEXT(update_rows[i].name, sdp_fault_word(sdp_update_check(&offer, &answer, &error)),
                       update_rows[i].fault);
        CHECK_ROW_INT(update_rows[i].name, error.line, update_rows[i].line);
    }
}

void
suite_sdp_offer(void)
{
    UNIT_SUITE("sdp offer", NULL, NULL, { "answers", test_answers }, { "times and attributes", test_more_lines },
               { "checking answers", test_checks }, { "updates", test_updates });
}
