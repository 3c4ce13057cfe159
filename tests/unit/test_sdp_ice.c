/* ICE in session descriptions and in fragments that trickle: RFC 8839, RFC 8840. */
#include "tests/unit/support.h"

#include "proto/sdp/attributes.h"
#include "proto/sdp/ice.h"

#define HEAD "v=0\no=jdoe 2890844526 2890842807 IN IP4 203.0.113.141\ns=\nc=IN IP4 192.0.2.3\nt=0 0\n"
#define CREDENTIALS "a=ice-pwd:asd88fgpdd777uzjYhagZg\na=ice-ufrag:8hhY\n"
#define CHARS_32 "0123456789abcdefABCDEFxyz+/+/+/9"
#define CHARS_256 CHARS_32 CHARS_32 CHARS_32 CHARS_32 CHARS_32 CHARS_32 CHARS_32 CHARS_32

/* RFC 8839 appendix A, the example with IPv4. */
static const char example[] = HEAD "a=ice-options:ice2\na=ice-pacing:50\n" CREDENTIALS
                                   "m=audio 45664 RTP/AVP 0\nb=RS:0\nb=RR:0\na=rtpmap:0 PCMU/8000\n"
                                   "a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\n"
                                   "a=candidate:2 1 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 "
                                   "rport 8998\n";

static struct sdp_session session; /* parsed anew by each case */

static bool
parse(const char *name, const char *text)
{
    return CHECK_ROW_TEXT(name, sdp_fault_word(sdp_session_parse(span_of_text(text), &session, NULL)), "none");
}

static void
test_example(void)
{
    struct sdp_ice ice;
    struct sdp_candidate candidate;
    const struct sdp_line *line = NULL;
    struct endpoint destination;

    if (!parse("example", example))
        return;
    CHECK(sdp_ice_read(&session, 0, &ice, NULL) == SDP_FAULT_NONE);
    CHECK_ROW_BYTES("ufrag", ice.ufrag, span_of_text("8hhY"));
    CHECK_ROW_BYTES("pwd", ice.pwd, span_of_text("asd88fgpdd777uzjYhagZg"));
    CHECK_ROW_INT("pacing", ice.pacing_ms, 50);
    CHECK(!ice.lite && !ice.mismatch && !ice.end_of_candidates);
    CHECK(sdp_ice_has_option(&session, 0, "ice2") && !sdp_ice_has_option(&session, 0, "trickle"));
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, NULL) == SDP_FAULT_NONE && candidate.type == SDP_HOST);
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, NULL) == SDP_FAULT_NONE && candidate.type == SDP_SRFLX);
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, NULL) == SDP_FAULT_NONE && !line);
    CHECK(sdp_default_destination(&session, 0, 1, &destination));
    CHECK(endpoint_equal(destination, (struct endpoint){ address_ipv4(0xc0000203), 45664 }));
    CHECK(!sdp_ice_is_mismatch(&session, 0));
}

/* ---- attributes and their faults; each text follows HEAD, and the medium is asked */

static const struct {
    const char *name, *text, *fault, *said;
} rows[] = {
    { "no ICE", "m=audio 9 RTP/AVP 0\n", "none", "" },
    { "in the session", CREDENTIALS "m=audio 9 RTP/AVP 0\n", "none", "" },
    { "in the medium", "m=audio 9 RTP/AVP 0\n" CREDENTIALS, "none", "" },
    { "ufrag alone", "a=ice-ufrag:8hhY\nm=audio 9 RTP/AVP 0\n", "credentials",
      "line 6, column 13: a=ice-ufrag stands alone" },
    { "pwd alone", "m=audio 9 RTP/AVP 0\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", "credentials",
      "line 7, column 11: a=ice-pwd stands alone" },
    { "each at its level", "a=ice-ufrag:8hhY\nm=audio 9 RTP/AVP 0\na=ice-pwd:asd88fgpdd777uzjYhagZg\n", "none", "" },
    { "ufrag of 3 (5.4)", "a=ice-ufrag:8hh\na=ice-pwd:asd88fgpdd777uzjYhagZg\nm=audio 9 RTP/AVP 0\n", "ufrag",
      "line 6, column 13: a=ice-ufrag is not 4 to 256" },
    { "ufrag of 256", "a=ice-ufrag:" CHARS_256 "\na=ice-pwd:asd88fgpdd777uzjYhagZg\nm=audio 9 RTP/AVP 0\n", "none",
      "" },
    { "ufrag of 257", "a=ice-ufrag:" CHARS_256 "x\na=ice-pwd:asd88fgpdd777uzjYhagZg\nm=audio 9 RTP/AVP 0\n", "ufrag",
      "line 6, column 13: a=ice-ufrag is not" },
    { "pwd of 21 (5.4)", "a=ice-ufrag:8hhY\na=ice-pwd:asd88fgpdd777uzjYhagZ\nm=audio 9 RTP/AVP 0\n", "pwd",
      "line 7, column 11: a=ice-pwd is not 22 to 256" },
    { "pwd of 256", "a=ice-ufrag:8hhY\na=ice-pwd:" CHARS_256 "\nm=audio 9 RTP/AVP 0\n", "none", "" },
    { "pwd of 257", "a=ice-ufrag:8hhY\na=ice-pwd:" CHARS_256 "x\nm=audio 9 RTP/AVP 0\n", "pwd",
      "line 7, column 11: a=ice-pwd is not" },
    { "no ice-char", "a=ice-ufrag:8hh_\na=ice-pwd:asd88fgpdd777uzjYhagZg\nm=audio 9 RTP/AVP 0\n", "ufrag",
      "line 6, column 13: a=ice-ufrag is not" },
    { "ufrag without value", "a=ice-ufrag\nm=audio 9 RTP/AVP 0\n", "ufrag", "line 6, column 13: a=ice-ufrag is not" },
    { "options", "a=ice-options:ice2 rtp+ecn google-ice\nm=audio 9 RTP/AVP 0\n", "none", "" },
    { "no options", "a=ice-options:\nm=audio 9 RTP/AVP 0\n", "options",
      "line 6, column 15: a=ice-options is not tags" },
    { "two blanks", "m=audio 9 RTP/AVP 0\na=ice-options:ice2  trickle\n", "options",
      "line 7, column 15: a=ice-options is not tags" },
    { "no tag", "a=ice-options:ice2 a_b\nm=audio 9 RTP/AVP 0\n", "options", "line 6, column 15: a=ice-options is not" },
    { "pacing of ten digits", "a=ice-pacing:9999999999\nm=audio 9 RTP/AVP 0\n", "none", "" },
    { "of eleven", "a=ice-pacing:00000000050\nm=audio 9 RTP/AVP 0\n", "pacing",
      "line 6, column 14: a=ice-pacing is not a number" },
    { "no number", "a=ice-pacing:fast\nm=audio 9 RTP/AVP 0\n", "pacing", "line 6, column 14: a=ice-pacing is not" },
};

static void
test_rows(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = g_strconcat(HEAD, rows[i].text, NULL);
        g_autoptr(GString) said = g_string_new(NULL);
        struct sdp_error error = { 0 };
        struct sdp_ice ice;

        if (!parse(rows[i].name, text))
            continue;
        CHECK_ROW_TEXT(rows[i].name, sdp_fault_word(sdp_ice_read(&session, 0, &ice, &error)), rows[i].fault);
        sdp_error_say(&error, said);
        g_string_truncate(said, MIN(said->len, strlen(rows[i].said)));
        CHECK_ROW_TEXT(rows[i].name, said->str, rows[i].said);
    }
}

static void
test_levels(void)
{
    static const char text[] = HEAD "a=ice-lite\na=ice-pacing:20\na=ice-options:ice2 trickle\n" CREDENTIALS
                                    "m=audio 9 RTP/AVP 0\na=ice-ufrag:other\na=ice-pwd:0123456789012345678901\n"
                                    "a=ice-mismatch\nm=video 9 RTP/AVP 31\na=ice-options:x\na=end-of-candidates\n";
    struct sdp_ice ice;

    if (!parse("levels", text))
        return;
    CHECK(sdp_ice_read(&session, 0, &ice, NULL) == SDP_FAULT_NONE);
    CHECK_ROW_BYTES("medium's", ice.ufrag, span_of_text("other"));
    CHECK(ice.lite && ice.mismatch && !ice.end_of_candidates && ice.pacing_ms == 20);
    CHECK(sdp_ice_read(&session, 1, &ice, NULL) == SDP_FAULT_NONE);
    CHECK_ROW_BYTES("session's", ice.ufrag, span_of_text("8hhY"));
    CHECK_ROW_BYTES("options", ice.options, span_of_text("x"));
    CHECK(ice.lite && !ice.mismatch && ice.end_of_candidates);
    CHECK(sdp_ice_has_option(&session, 1, "trickle") && sdp_ice_has_option(&session, 1, "x"));
    CHECK(!sdp_ice_has_option(&session, 0, "x"));
    CHECK(sdp_ice_read(&session, SDP_SESSION_LEVEL, &ice, NULL) == SDP_FAULT_NONE);
    CHECK(ice.lite && !ice.mismatch && !ice.end_of_candidates);
}

static void
test_malformed_candidates(void)
{
    static const char text[] = HEAD "m=audio 9 RTP/AVP 0\na=candidate:1 1 UDP 1 192.0.2.1 1 typ host\n"
                                    "a=candidate:1 0 UDP 1 192.0.2.1 1 typ host\n"
                                    "a=candidate:1 2 UDP 1 192.0.2.1 1 typ host\n";
    const struct sdp_line *line = NULL;
    struct sdp_candidate candidate;
    struct sdp_error error = { 0 };
    g_autoptr(GString) said = g_string_new(NULL);

    if (!parse("malformed", text))
        return;
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, &error) == SDP_FAULT_NONE);
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, &error) == SDP_FAULT_COMPONENT);
    sdp_error_say(&error, said);
    CHECK_ROW_TEXT("second", said->str,
                   "line 8, column 15: a=candidate has a component that is not a number from 1 to 256");
    CHECK(sdp_candidate_next(&session, 0, &line, &candidate, &error) == SDP_FAULT_NONE && candidate.component == 2);
}

/* ---- printing */

static void
test_print(void)
{
    struct sdp_ice ice = { span_of_text("8hhY"),
                           span_of_text("asd88fgpdd777uzjYhagZg"),
                           span_of_text("ice2 trickle"),
                           true,
                           true,
                           false,
                           20 };
    g_autoptr(GString) out = g_string_new(NULL);

    sdp_put_ice(out, &ice, SDP_SESSION_LEVEL);
    CHECK_ROW_TEXT("session", out->str,
                   "a=ice-lite\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
                   "a=ice-options:ice2 trickle\r\na=ice-pacing:20\r\n");
    g_string_truncate(out, 0);
    ice.options = span_of_text("");
    sdp_put_ice(out, &ice, 0);
    CHECK_ROW_TEXT("medium", out->str, "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-mismatch\r\n");
    g_string_truncate(out, 0);
    ice = (struct sdp_ice){ .pacing_ms = SDP_PACING_MS };
    sdp_put_ice(out, &ice, SDP_SESSION_LEVEL);
    CHECK_ROW_TEXT("nothing", out->str, "");
}

static void
test_remote_candidates(void)
{
    static const struct {
        const char *value;
        unsigned count;
        bool good;
    } remote_rows[] = {
        { "1 192.0.2.3 45664", 1, true },
        { "1 192.0.2.3 45664 2 192.0.2.3 45665", 2, true },
        { "1 2001:db8::1 1 256 a.example 65535", 2, true },
        { "", 0, false },
        { "1 192.0.2.3", 0, false },
        { "1 192.0.2.3 45664 ", 1, false },
        { "0 192.0.2.3 45664", 0, false },
        { "257 192.0.2.3 45664", 0, false },
        { "1 192.0.2 45664", 0, false },
        { "1 192.0.2.3 65536", 0, false },
        { "1 192.0.2.3 45664 2", 1, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(remote_rows); i++) {
        struct sdp_lex lex = sdp_lex_over(span_of_text(remote_rows[i].value));
        struct sdp_remote_candidate list[2];
        enum sdp_fault fault = SDP_FAULT_NONE;
        unsigned count = 0;

        while (fault == SDP_FAULT_NONE && !sdp_lex_done(&lex) && count < 2) {
            fault = sdp_remote_candidate_take(&lex, &list[count]);
            count += fault == SDP_FAULT_NONE;
        }
        CHECK_ROW(remote_rows[i].value, (fault == SDP_FAULT_NONE) == remote_rows[i].good);
        CHECK_ROW_INT(remote_rows[i].value, count, remote_rows[i].count);
        if (fault == SDP_FAULT_NONE) {
            g_autoptr(GString) out = g_string_new(NULL);
            g_autofree char *expected = g_strdup_printf("a=remote-candidates:%s\r\n", remote_rows[i].value);

            sdp_put_remote_candidates(out, list, count);
            CHECK_ROW_TEXT(remote_rows[i].value, out->str, expected);
        }
    }
}

/* ---- RFC 8839 section 4.2.5 */

static void
test_mismatch(void)
{
#define HOST "a=candidate:1 1 UDP 2130706431 192.0.2.3 5000 typ host\n"
#define HOST_2 "a=candidate:1 2 UDP 2130706430 192.0.2.3 5001 typ host\n"
    static const struct {
        const char *name, *text;
        bool mismatch;
    } mismatch_rows[] = {
        { "as it should be", "m=audio 5000 RTP/AVP 0\n" HOST, false },
        { "the port was rewritten", "m=audio 5002 RTP/AVP 0\n" HOST, true },
        { "the address was", "m=audio 5000 RTP/AVP 0\nc=IN IP4 198.51.100.1\n" HOST, true },
        { "no candidates", "m=audio 5000 RTP/AVP 0\n", true },
        { "of another component only", "m=audio 5001 RTP/AVP 0\n" HOST_2, true },
        { "no default yet", "m=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\n" HOST, false },
        { "no default yet, for two components", "m=audio 9 RTP/AVP 0\nc=IN IP4 0.0.0.0\n" HOST HOST_2, false },
        { "nor for IPv6", "m=audio 9 RTP/AVP 0\nc=IN IP6 ::\n", false },
        { "0.0.0.0 with a port", "m=audio 5000 RTP/AVP 0\nc=IN IP4 0.0.0.0\n" HOST, true },
        { "a name", "m=audio 5000 RTP/AVP 0\nc=IN IP4 a.example\n" HOST, false },
        { "rejected", "m=audio 0 RTP/AVP 0\n", false },
        { "two components", "m=audio 5000 RTP/AVP 0\n" HOST HOST_2, false },
        { "RTCP elsewhere", "m=audio 5000 RTP/AVP 0\na=rtcp:5003\n" HOST HOST_2, true },
        { "RTCP there", "m=audio 5000 RTP/AVP 0\na=rtcp:5001 IN IP4 192.0.2.3\n" HOST HOST_2, false },
        { "RTCP at another address", "m=audio 5000 RTP/AVP 0\na=rtcp:5001 IN IP4 192.0.2.4\n" HOST HOST_2, true },
        { "RTCP without candidates", "m=audio 5000 RTP/AVP 0\na=rtcp:5003\n" HOST, false },
        { "found behind a malformed one", "m=audio 5000 RTP/AVP 0\na=candidate:x\n" HOST, false },
    };
#undef HOST
#undef HOST_2

    for (size_t i = 0; i < G_N_ELEMENTS(mismatch_rows); i++) {
        g_autofree char *text = g_strconcat(HEAD, mismatch_rows[i].text, NULL);

        if (parse(mismatch_rows[i].name, text))
            CHECK_ROW(mismatch_rows[i].name, sdp_ice_is_mismatch(&session, 0) == mismatch_rows[i].mismatch);
    }
}

/* ---- fragments, RFC 8840 section 9 */

static void
test_fragment(void)
{
    static const char text[] = "a=ice-pwd:asd88fgpdd777uzjYhagZg\r\na=ice-ufrag:8hhY\r\n"
                               "m=audio 9 RTP/AVP 0\r\na=mid:1\r\n"
                               "a=candidate:1 1 UDP 2130706432 2001:db8::1 5000 typ host\r\na=end-of-candidates\r\n"
                               "m=audio 9 RTP/AVP 0\r\na=mid:2\r\n"
                               "a=candidate:1 1 UDP 2130706432 2001:db8::1 6000 typ host\r\n";
    struct sdp_ice ice;
    struct sdp_candidate candidate;
    const struct sdp_line *line = NULL;
    g_autoptr(GString) out = g_string_new(NULL);

    CHECK(sdp_fragment_parse(span_of_text(text), &session, NULL) == SDP_FAULT_NONE);
    CHECK_ROW_INT("first", sdp_media_by_mid(&session, span_of_text("1")), 0);
    CHECK_ROW_INT("second", sdp_media_by_mid(&session, span_of_text("2")), 1);
    CHECK_ROW_INT("third", sdp_media_by_mid(&session, span_of_text("3")), -1);
    CHECK(sdp_ice_read(&session, 0, &ice, NULL) == SDP_FAULT_NONE && ice.end_of_candidates);
    CHECK(sdp_ice_read(&session, 1, &ice, NULL) == SDP_FAULT_NONE && !ice.end_of_candidates);
    CHECK_ROW_BYTES("ufrag", ice.ufrag, span_of_text("8hhY"));
    CHECK(sdp_candidate_next(&session, 1, &line, &candidate, NULL) == SDP_FAULT_NONE && candidate.port == 6000);
    sdp_session_put(out, &session);
    CHECK_ROW_TEXT("printed", out->str, text);

    g_string_truncate(out, 0);
    sdp_put_ice(out, &ice, SDP_SESSION_LEVEL);
    sdp_put_fragment_media(out,
                           &(struct sdp_media_line){ .media = span_of_text("audio"),
                                                     .port = 9,
                                                     .count = 1,
                                                     .protocol = span_of_text("RTP/AVP"),
                                                     .formats = span_of_text("0") },
                           span_of_text("1"));
    sdp_put_attribute(out, "end-of-candidates", NULL);
    CHECK_ROW_TEXT("made", out->str,
                   "a=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
                   "m=audio 9 RTP/AVP 0\r\na=mid:1\r\na=end-of-candidates\r\n");
}

static void
test_fragment_faults(void)
{
    static const struct {
        const char *name, *text, *fault;
        unsigned line;
    } fragment_rows[] = {
        { "nothing", "", "none", 0 },
        { "for the session", CREDENTIALS "a=end-of-candidates\n", "none", 0 },
        { "an extension", CREDENTIALS "a=x-new:1\nm=audio 9 RTP/AVP 0\na=mid:1\na=x-new\n", "none", 0 },
        { "no mid", CREDENTIALS "m=audio 9 RTP/AVP 0\na=end-of-candidates\n", "no-mid", 3 },
        { "no second mid", "m=audio 9 RTP/AVP 0\na=mid:1\nm=audio 9 RTP/AVP 0\n", "no-mid", 3 },
        { "an empty mid", "m=audio 9 RTP/AVP 0\na=mid:\n", "mid", 2 },
        { "a mid with a blank", "m=audio 9 RTP/AVP 0\na=mid:1 2\n", "mid", 2 },
        { "a whole session", HEAD, "unknown-type", 1 },
        { "an address", "m=audio 9 RTP/AVP 0\nc=IN IP4 192.0.2.1\na=mid:1\n", "unknown-type", 2 },
        { "a malformed m=", "m=audio\na=mid:1\n", "port", 1 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(fragment_rows); i++) {
        struct sdp_error error = { 0 };
        enum sdp_fault fault = sdp_fragment_parse(span_of_text(fragment_rows[i].text), &session, &error);

        CHECK_ROW_TEXT(fragment_rows[i].name, sdp_fault_word(fault), fragment_rows[i].fault);
        CHECK_ROW_INT(fragment_rows[i].name, error.line, fragment_rows[i].line);
    }
}

void
suite_sdp_ice(void)
{
    UNIT_SUITE("sdp ice", NULL, NULL, { "RFC 8839 example", test_example }, { "attributes and faults", test_rows },
               { "session and medium", test_levels }, { "malformed candidates", test_malformed_candidates },
               { "printing", test_print }, { "remote candidates", test_remote_candidates },
               { "mismatch", test_mismatch }, { "fragments", test_fragment },
               { "faults of fragments", test_fragment_faults });
}
