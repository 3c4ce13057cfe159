/* Where addresses and ports stand, and changing them there: what an ALG does (RFC 8839 section 8). */
#include "tests/unit/support.h"

#include "proto/sdp/places.h"

static const char text[] = "v=0\no=- 1 1 IN IP4 10.0.0.1\ns=10.0.0.1 is no address here\nc=IN IP4 233.252.0.1/127/3\n"
                           "t=0 0\r\na=rtcp:1\nm=audio 49170/2 RTP/AVP 0\r\nc=IN IP4 10.0.0.2\na=x:10.0.0.1 49170\n"
                           "a=rtcp:53020 IN IP4 10.0.0.3\na=candidate:broken\n"
                           "a=candidate:1 1 UDP 1 10.0.0.4 4 typ host\n"
                           "a=candidate:2 1 udp 1 192.0.2.1 5 typ srflx raddr 10.0.0.5 rport 6\n"
                           "m=video 0 RTP/AVP 31\na=remote-candidates:1 10.0.0.6 7 2 a.example 8\n"
                           "a=remote-candidates:1 10.0.0.7 9 2\nc=";

static const struct {
    enum sdp_place_kind kind;
    int section;
    unsigned line;
    const char *host, *port;
    uint32_t count;
} rows[] = {
    { SDP_PLACE_ORIGIN, SDP_SESSION_LEVEL, 2, "10.0.0.1", "", 1 },
    { SDP_PLACE_CONNECTION, SDP_SESSION_LEVEL, 4, "233.252.0.1", "", 1 },
    { SDP_PLACE_RTCP, SDP_SESSION_LEVEL, 6, "", "1", 1 },
    { SDP_PLACE_MEDIA, 0, 7, "", "49170", 2 },
    { SDP_PLACE_CONNECTION, 0, 8, "10.0.0.2", "", 1 },
    { SDP_PLACE_RTCP, 0, 10, "10.0.0.3", "53020", 1 },
    { SDP_PLACE_CANDIDATE, 0, 12, "10.0.0.4", "4", 1 },
    { SDP_PLACE_CANDIDATE, 0, 13, "192.0.2.1", "5", 1 },
    { SDP_PLACE_RELATED, 0, 13, "10.0.0.5", "6", 1 },
    { SDP_PLACE_MEDIA, 1, 14, "", "0", 1 },
    { SDP_PLACE_REMOTE, 1, 15, "10.0.0.6", "7", 1 },
    { SDP_PLACE_REMOTE, 1, 15, "a.example", "8", 1 },
};

static bool
parse(struct sdp_session *session)
{
    return CHECK(sdp_session_parse(span_of(text, strlen(text) - 2), session, NULL) == SDP_FAULT_NONE);
}

static void
test_places(void)
{
    struct sdp_session session;
    struct sdp_places walk = SDP_PLACES_BEGIN;
    struct sdp_place place;
    size_t count = 0;

    if (!parse(&session))
        return;
    for (; sdp_place_next(&session, &walk, &place); count++) {
        g_autofree char *name = g_strdup_printf("place %zu", count);

        if (count >= G_N_ELEMENTS(rows))
            continue;
        CHECK_ROW_INT(name, place.kind, rows[count].kind);
        CHECK_ROW_INT(name, place.section, rows[count].section);
        CHECK_ROW_INT(name, sdp_line_number(&session, place.line), rows[count].line);
        CHECK_ROW_BYTES(name, place.host.text, span_of_text(rows[count].host));
        CHECK_ROW_BYTES(name, place.port_text, span_of_text(rows[count].port));
        CHECK_ROW_INT(name, place.port, rows[count].port[0] ? atoi(rows[count].port) : 0);
        CHECK_ROW_INT(name, place.port_count, rows[count].count);
    }
    CHECK_ROW_INT("places", count, G_N_ELEMENTS(rows));
}

/* Every address 10.0.0.x becomes 198.51.100.77, as a NAT would have it: all else stays, ends of lines too. */
static void
test_rewriting(void)
{
    static const char expected[] =
        "v=0\no=- 1 1 IN IP4 198.51.100.77\ns=10.0.0.1 is no address here\nc=IN IP4 233.252.0.1/127/3\n"
        "t=0 0\r\na=rtcp:1\nm=audio 40000/2 RTP/AVP 0\r\nc=IN IP4 198.51.100.77\na=x:10.0.0.1 49170\n"
        "a=rtcp:53020 IN IP4 198.51.100.77\na=candidate:broken\n"
        "a=candidate:1 1 UDP 1 198.51.100.77 4 typ host\n"
        "a=candidate:2 1 udp 1 192.0.2.1 5 typ srflx raddr 198.51.100.77 rport 6\n"
        "m=video 0 RTP/AVP 31\na=remote-candidates:1 198.51.100.77 7 2 a.example 8\n"
        "a=remote-candidates:1 10.0.0.7 9 2\n";
    struct sdp_session session;
    struct sdp_places walk = SDP_PLACES_BEGIN;
    struct sdp_place place;
    struct sdp_edit edits[16];
    uint8_t buffer[sizeof expected];
    size_t count = 0;

    if (!parse(&session))
        return;
    while (sdp_place_next(&session, &walk, &place)) {
        if (place.host.kind == SDP_HOST_IPV4 && address_is_private(place.host.address))
            edits[count++] = (struct sdp_edit){ sdp_session_offset(&session, place.host.text), place.host.text.length,
                                                span_of_text("198.51.100.77") };
        if (place.kind == SDP_PLACE_MEDIA && place.port != 0)
            edits[count++] = (struct sdp_edit){ sdp_session_offset(&session, place.port_text), place.port_text.length,
                                                span_of_text("40000") };
    }
    CHECK_ROW_INT("edits", count, 7);
    for (size_t room = 0; room < sizeof expected; room++) {
        struct writer out = writer_over(buffer, room);

        sdp_edit(session.text, edits, count, &out);
        CHECK(writer_failed(&out) == (room < strlen(expected)));
        if (!writer_failed(&out))
            CHECK_ROW_BYTES("text", writer_span(&out), span_of_text(expected));
    }
}

static void
test_no_edits(void)
{
    uint8_t buffer[sizeof text];
    struct writer out = writer_over(buffer, sizeof buffer);

    sdp_edit(span_of_text(text), NULL, 0, &out);
    CHECK_ROW_BYTES("as it was", writer_span(&out), span_of_text(text));
    out = writer_over(buffer, 3);
    sdp_edit(span_of_text(""), &(struct sdp_edit){ 0, 0, span_of_text("abc") }, 1, &out);
    CHECK_ROW_BYTES("put into nothing", writer_span(&out), span_of_text("abc"));
}

/* In a=rtcp the port stands before the address; whoever edits the address first need not care. */
static void
test_any_order(void)
{
    static const char line[] = "a=rtcp:1 IN IP4 2";
    uint8_t buffer[64];

    for (int i = 0; i < 6; i++) {
        static const int orders[6][3] = {
            { 0, 1, 2 }, { 0, 2, 1 }, { 1, 0, 2 }, { 1, 2, 0 }, { 2, 0, 1 }, { 2, 1, 0 }
        };
        struct sdp_edit all[3] = { { 7, 1, span_of_text("53020") },
                                   { 9, 2, span_of_text("in") },
                                   { 16, 1, span_of_text("192.0.2.1") } };
        struct sdp_edit edits[3] = { all[orders[i][0]], all[orders[i][1]], all[orders[i][2]] };
        struct writer out = writer_over(buffer, sizeof buffer);

        sdp_edit(span_of_text(line), edits, 3, &out);
        CHECK_ROW_BYTES("sorted", writer_span(&out), span_of_text("a=rtcp:53020 in IP4 192.0.2.1"));
    }
}

void
suite_sdp_places(void)
{
    UNIT_SUITE("sdp places", NULL, NULL, { "places", test_places }, { "rewriting", test_rewriting },
               { "no edits", test_no_edits }, { "edits in any order", test_any_order });
}
