#include "proto/sdp/offer.h"

#include "proto/sdp/lex.h"

/* ---- formats */

/* A format of an RTP medium, and what it stands for. */
static bool
format_map(const struct sdp_session *session, int media, struct span format, struct sdp_rtpmap *map)
{
    uint64_t payload_type;

    return sdp_number(format, SDP_MOST_FORMATS - 1, &payload_type) &&
           sdp_rtpmap_find(session, media, (uint8_t)payload_type, map);
}

static bool
serves(const struct sdp_rtpmap *codecs, size_t count, const struct sdp_rtpmap *map)
{
    for (size_t i = 0; i < count; i++)
        if (sdp_rtpmap_matches(&codecs[i], map))
            return true;
    return false;
}

size_t
sdp_formats_common(const struct sdp_session *offer, int media, const struct sdp_rtpmap *codecs, size_t count,
                   uint8_t formats[SDP_MOST_FORMATS])
{
    struct span rest = sdp_media_line_of(offer, media).formats, format;
    bool taken[SDP_MOST_FORMATS] = { false };
    struct sdp_rtpmap map;
    size_t found = 0;

    while (sdp_format_next(&rest, &format)) {
        if (!format_map(offer, media, format, &map) || taken[map.payload_type] || !serves(codecs, count, &map))
            continue;
        taken[map.payload_type] = true;
        formats[found++] = map.payload_type;
    }
    return found;
}

/* ---- making an answer */

static bool
is_for_group(const struct sdp_session *offer, int media)
{
    struct sdp_connection connection;

    return sdp_media_connection(offer, media, &connection) && address_is_multicast(connection.to.host.address);
}

/* t= with its r= and z=, which are at session level only. */
static void
put_times(GString *out, const struct sdp_session *offer)
{
    for (unsigned i = 0; i < offer->line_count; i++)
        if (strchr("trz", offer->lines[i].type))
            sdp_put_text(out, offer->lines[i].type, sdp_line_value(offer, &offer->lines[i]));
}

static void
put_mid(GString *out, const struct sdp_session *offer, int media)
{
    const struct sdp_line *mid = sdp_attribute_find(offer, media, "mid", NULL);

    if (mid)
        sdp_put_text(out, 'a', sdp_line_value(offer, mid));
}

static void
put_rejected(GString *out, const struct sdp_session *offer, int media)
{
    struct sdp_media_line line = sdp_media_line_of(offer, media);

    line.port = 0;
    line.count = 1;
    sdp_put_media_line(out, &line);
    put_mid(out, offer, media);
}

/* The formats as text, and under them what they stand for. */
static void
put_accepted(GString *out, const struct sdp_session *offer, int media, const struct sdp_answer_media *answer,
             struct span formats)
{
    struct sdp_media_line line = sdp_media_line_of(offer, media);
    enum sdp_direction direction = sdp_direction_answer(sdp_media_direction(offer, media), answer->wished);
    bool rtp = sdp_media_line_is_rtp(&line);
    struct sdp_rtpmap map;
    struct span format;

    line.port = answer->port;
    line.count = 1;
    line.formats = formats;
    sdp_put_media_line(out, &line);
    if (!address_is_none(answer->address)) {
        struct sdp_connection connection = sdp_connection_of(answer->address);

        sdp_put_connection(out, &connection);
    }
    while (rtp && sdp_format_next(&formats, &format))
        if (format_map(offer, media, format, &map))
            sdp_put_rtpmap(out, &map);
    put_mid(out, offer, media);
    if (direction != SDP_SENDRECV)
        sdp_put_attribute(out, sdp_direction_word(direction), NULL);
}

/* The formats of the answer; empty when there are none in common. */
static void
choose_formats(const struct sdp_session *offer, int media, const struct sdp_answer_media *answer, GString *formats)
{
    struct sdp_media_line line = sdp_media_line_of(offer, media);
    uint8_t common[SDP_MOST_FORMATS];
    size_t count;

    if (!sdp_media_line_is_rtp(&line)) {
        sdp_put_span(formats, line.formats);
        return;
    }
    count = sdp_formats_common(offer, media, answer->codecs, answer->codec_count, common);
    for (size_t i = 0; i < count; i++)
        g_string_append_printf(formats, "%s%u", i ? " " : "", common[i]);
}

static void
put_media(GString *out, const struct sdp_session *offer, int media, const struct sdp_answerer *answerer)
{
    struct sdp_answer_media answer = { .wished = SDP_SENDRECV };
    g_autoptr(GString) formats = g_string_new(NULL);

    answerer->decide(answerer->owner, offer, media, &answer);
    if (answer.accept && sdp_media_line_of(offer, media).port != 0 && !is_for_group(offer, media))
        choose_formats(offer, media, &answer, formats);
    if (formats->len == 0) {
        put_rejected(out, offer, media);
        return;
    }
    put_accepted(out, offer, media, &answer, span_of(formats->str, formats->len));
    if (answerer->attributes)
        answerer->attributes(answerer->owner, offer, media, out);
}

void
sdp_answer_put(GString *out, const struct sdp_session *offer, const struct sdp_answerer *answerer)
{
    struct sdp_connection connection = sdp_connection_of(answerer->address);

    g_string_append(out, "v=0\r\n");
    sdp_put_origin(out, &answerer->origin);
    g_string_append(out, "s=-\r\n");
    sdp_put_connection(out, &connection);
    put_times(out, offer);
    if (answerer->attributes)
        answerer->attributes(answerer->owner, offer, SDP_SESSION_LEVEL, out);
    for (int i = 0; i < offer->media_count; i++)
        put_media(out, offer, i, answerer);
}

/* ---- checking an answer */

static enum sdp_fault
blame_media(const struct sdp_session *session, int media, enum sdp_fault fault, struct sdp_error *error)
{
    sdp_blame(session, &session->lines[session->media[media].first], fault, 0, NULL, error);
    if (error)
        error->column = 0; /* the line, or its attributes, as a whole */
    return fault;
}

/* Whether a format of the answer is one of the offer's: by what it stands for, or, when that isn't said, as written. */
static bool
is_offered(const struct sdp_session *offer, const struct sdp_session *answer, int media, struct span format)
{
    struct sdp_media_line line = sdp_media_line_of(offer, media);
    struct sdp_rtpmap answered, offered;
    bool known = sdp_media_line_is_rtp(&line) && format_map(answer, media, format, &answered);
    struct span each;

    while (sdp_format_next(&line.formats, &each)) {
        if (known && format_map(offer, media, each, &offered) && sdp_rtpmap_matches(&offered, &answered))
            return true;
        if (!known && span_equal(each, format))
            return true;
    }
    return false;
}

static bool
has_offered_format(const struct sdp_session *offer, const struct sdp_session *answer, int media)
{
    struct span rest = sdp_media_line_of(answer, media).formats, format;

    while (sdp_format_next(&rest, &format))
        if (is_offered(offer, answer, media, format))
            return true;
    return false;
}

static enum sdp_fault
check_media(const struct sdp_session *offer, const struct sdp_session *answer, int media)
{
    struct sdp_media_line offered = sdp_media_line_of(offer, media), answered = sdp_media_line_of(answer, media);
    enum sdp_direction allowed = sdp_direction_reverse(sdp_media_direction(offer, media));

    if (!sdp_text_equal_nocase(offered.media, answered.media))
        return SDP_FAULT_ANSWER_MEDIA;
    if (!sdp_text_equal_nocase(offered.protocol, answered.protocol))
        return SDP_FAULT_ANSWER_PROTOCOL;
    if (answered.port == 0)
        return SDP_FAULT_NONE;
    if (offered.port == 0)
        return SDP_FAULT_ANSWER_REVIVED;
    if (!has_offered_format(offer, answer, media))
        return SDP_FAULT_ANSWER_FORMATS;
    if (!is_for_group(offer, media) && (sdp_media_direction(answer, media) & ~allowed)) /* section 6.2 for groups */
        return SDP_FAULT_ANSWER_DIRECTION;
    return SDP_FAULT_NONE;
}

static enum sdp_fault
check_times(const struct sdp_session *offer, const struct sdp_session *answer, struct sdp_error *error)
{
    const struct sdp_line *offered = NULL, *answered = NULL;

    for (;;) {
        offered = sdp_line_find(offer, SDP_SESSION_LEVEL, 't', offered);
        answered = sdp_line_find(answer, SDP_SESSION_LEVEL, 't', answered);
        if (!offered && !answered)
            return SDP_FAULT_NONE;
        if (!offered || !answered || !span_equal(sdp_line_value(offer, offered), sdp_line_value(answer, answered)))
            break;
    }
    if (!answered)
        answered = sdp_line_find(answer, SDP_SESSION_LEVEL, 't', NULL);
    return sdp_blame(answer, answered, SDP_FAULT_ANSWER_TIME, 0, NULL, error);
}

enum sdp_fault
sdp_answer_check(const struct sdp_session *offer, const struct sdp_session *answer, struct sdp_error *error)
{
    if (answer->media_count != offer->media_count)
        return sdp_blame(answer, NULL, SDP_FAULT_ANSWER_COUNT, 0, NULL, error);
    for (int i = 0; i < offer->media_count; i++) {
        enum sdp_fault fault = check_media(offer, answer, i);

        if (fault != SDP_FAULT_NONE)
            return blame_media(answer, i, fault, error);
    }
    return check_times(offer, answer, error);
}

/* ---- checking an update */

static enum sdp_fault
check_origin(const struct sdp_session *before, const struct sdp_session *next)
{
    struct sdp_origin old = sdp_session_origin(before), new = sdp_session_origin(next);

    if (!span_equal(old.user, new.user) || old.session_id != new.session_id ||
        !span_equal(old.at.network, new.at.network) || !span_equal(old.at.type, new.at.type) ||
        !sdp_host_equal(&old.at.host, &new.at.host))
        return SDP_FAULT_UPDATE_ORIGIN;
    if (new.version == sdp_origin_next(old).version || span_equal(before->text, next->text))
        return SDP_FAULT_NONE;
    return SDP_FAULT_UPDATE_VERSION;
}

enum sdp_fault
sdp_update_check(const struct sdp_session *before, const struct sdp_session *next, struct sdp_error *error)
{
    enum sdp_fault fault = check_origin(before, next);

    if (fault != SDP_FAULT_NONE)
        return sdp_blame(next, sdp_line_find(next, SDP_SESSION_LEVEL, 'o', NULL), fault, 0, NULL, error);
    if (next->media_count < before->media_count)
        return sdp_blame(next, NULL, SDP_FAULT_UPDATE_REMOVED, 0, NULL, error);
    for (int i = 0; i < before->media_count; i++) {
        struct sdp_media_line old = sdp_media_line_of(before, i), new = sdp_media_line_of(next, i);

        if (old.port != 0 && !sdp_text_equal_nocase(old.media, new.media))
            return blame_media(next, i, SDP_FAULT_UPDATE_MEDIA, error);
    }
    return SDP_FAULT_NONE;
}
