/* Session descriptions. The first byte says whether the rest is a description or a fragment.
 *
 * What must hold: a fault names a line that the text has, or the one after; what was taken prints to a text that is
 * taken too and prints to itself; places lie in the text, one after the other, and what an ALG puts there can be read
 * again; an answer to it fits, and it may follow itself. */
#include "core/base/cursor.h"
#include "proto/sdp/ice.h"
#include "proto/sdp/offer.h"
#include "proto/sdp/places.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

typedef enum sdp_fault parser(struct span text, struct sdp_session *session, struct sdp_error *error);

static struct sdp_session session, again;

static void
check_error(struct span text, const struct sdp_error *error)
{
    g_autoptr(GString) said = g_string_new(NULL);
    unsigned lines = 1;

    for (size_t i = 0; i < text.length; i++)
        lines += text.bytes[i] == '\n';
    g_assert_cmpuint(error->line, <=, lines + 1);
    g_assert_cmpuint(error->column, <=, text.length + 1);
    sdp_error_say(error, said);
    g_assert_cmpuint(said->len, >, 0);
}

static void
check_print(parser *parse)
{
    g_autoptr(GString) out = g_string_new(NULL), twice = g_string_new(NULL);
    enum sdp_fault fault;

    sdp_session_put(out, &session);
    fault = parse(span_of(out->str, out->len), &again, NULL);
    if (fault == SDP_FAULT_TOO_LONG) /* CRLF for LF */
        return;
    g_assert_cmpint(fault, ==, SDP_FAULT_NONE);
    g_assert_cmpuint(again.line_count, ==, session.line_count);
    g_assert_cmpint(again.media_count, ==, session.media_count);
    sdp_session_put(twice, &again);
    g_assert_cmpstr(out->str, ==, twice->str);
}

/* What every reader asks of a section; faults must be of its lines. */
static void
check_section(int section)
{
    const struct sdp_line *line = NULL;
    struct sdp_error error = { 0 };
    struct sdp_ice ice;
    struct sdp_candidate candidate;

    if (sdp_ice_read(&session, section, &ice, &error) != SDP_FAULT_NONE)
        check_error(session.text, &error);
    else
        g_assert_true(!ice.ufrag.length == !ice.pwd.length);
    do {
        if (sdp_candidate_next(&session, section, &line, &candidate, &error) != SDP_FAULT_NONE)
            check_error(session.text, &error);
    } while (line);
    if (section == SDP_SESSION_LEVEL)
        return;
    (void)sdp_ice_is_mismatch(&session, section);
    (void)sdp_media_direction(&session, section);
    (void)sdp_media_is_held(&session, section);
}

static void
add_edit(GArray *edits, struct span part, const char *with)
{
    struct sdp_edit edit = { sdp_session_offset(&session, part), part.length, span_of_text(with) };

    if (part.length)
        g_array_append_val(edits, edit);
}

static void
check_places(parser *parse)
{
    g_autoptr(GArray) edits = g_array_new(FALSE, FALSE, sizeof(struct sdp_edit));
    g_autofree uint8_t *buffer = NULL;
    struct sdp_places walk = SDP_PLACES_BEGIN;
    struct sdp_place place;
    size_t room;

    while (sdp_place_next(&session, &walk, &place)) {
        g_assert_cmpint(place.section, <, session.media_count);
        if (place.host.kind == SDP_HOST_IPV4 && !address_is_multicast(place.host.address))
            add_edit(edits, place.host.text, "198.51.100.200");
        if (place.port_count == 1)
            add_edit(edits, place.port_text, "49999");
    }
    room = session.text.length + 16 * edits->len;
    buffer = g_malloc(room ? room : 1);

    struct writer out = writer_over(buffer, room);

    sdp_edit(session.text, (struct sdp_edit *)(void *)edits->data, edits->len, &out);
    g_assert_false(writer_failed(&out));
    if (writer_length(&out) > SDP_MAX_BYTES)
        return;

    enum sdp_fault fault = parse(writer_span(&out), &again, NULL);

    if (fault == SDP_FAULT_NO_CONNECTION) /* a rejected medium has a port now */
        return;
    g_assert_cmpint(fault, ==, SDP_FAULT_NONE);
    g_assert_cmpuint(again.line_count, ==, session.line_count);
}

static void
accept_all(void *owner, const struct sdp_session *offer, int media, struct sdp_answer_media *answer)
{
    static const struct sdp_rtpmap codecs[] = { { 0, { (const uint8_t *)"PCMU", 4 }, 8000, 1 },
                                                { 0, { (const uint8_t *)"H263-1998", 9 }, 90000, 1 } };

    (void)owner, (void)offer;
    answer->accept = true;
    answer->port = 50000;
    answer->wished = (enum sdp_direction)(media & 3);
    answer->codecs = codecs;
    answer->codec_count = G_N_ELEMENTS(codecs);
}

static void
check_answer(void)
{
    struct sdp_answerer answerer = { .origin = sdp_session_origin(&session),
                                     .address = address_ipv4(0xc0000201),
                                     .decide = accept_all };
    g_autoptr(GString) out = g_string_new(NULL);
    enum sdp_fault fault;

    sdp_answer_put(out, &session, &answerer);
    fault = sdp_session_parse(span_of(out->str, out->len), &again, NULL);
    if (fault == SDP_FAULT_TOO_LONG || fault == SDP_FAULT_TOO_MANY_LINES) /* an rtpmap for each static payload type */
        return;
    g_assert_cmpint(fault, ==, SDP_FAULT_NONE);
    g_assert_cmpint(sdp_answer_check(&session, &again, NULL), ==, SDP_FAULT_NONE);
    g_assert_cmpint(sdp_update_check(&session, &session, NULL), ==, SDP_FAULT_NONE);
    g_assert_cmpint(sdp_update_check(&session, &again, NULL), <, SDP_FAULT_COUNT);
    g_assert_cmpint(sdp_answer_check(&again, &session, NULL), <, SDP_FAULT_COUNT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct reader input = reader_over(span_of(bytes, length));
    parser *parse = reader_u8(&input) & 1 ? sdp_fragment_parse : sdp_session_parse;
    struct span text = reader_rest(&input);
    struct sdp_error error = { 0 };

    if (parse(text, &session, &error) != SDP_FAULT_NONE) {
        check_error(text, &error);
        return 0;
    }
    for (int section = SDP_SESSION_LEVEL; section < session.media_count; section++)
        check_section(section);
    check_print(parse);
    check_places(parse);
    if (parse == sdp_session_parse)
        check_answer();
    return 0;
}
