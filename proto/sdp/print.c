/* A description in its usual form, line by line: those with a grammar by what was understood, the rest as it stands. */
#include "proto/sdp/attributes.h"
#include "proto/sdp/ice.h"

static void
put_rtcp(GString *out, struct span value, struct span line)
{
    struct sdp_rtcp rtcp;
    size_t at;

    if (sdp_rtcp_parse(value, &rtcp, &at) == SDP_FAULT_NONE)
        sdp_put_rtcp(out, &rtcp);
    else
        sdp_put_text(out, 'a', line);
}

static void
put_candidate(GString *out, struct span value, struct span line)
{
    struct sdp_candidate candidate;
    size_t at;

    if (sdp_candidate_parse_value(value, &candidate, &at) != SDP_FAULT_NONE) {
        sdp_put_text(out, 'a', line);
        return;
    }
    g_string_append(out, "a=");
    sdp_put_candidate(out, &candidate);
    g_string_append(out, "\r\n");
}

static void
put_attribute(GString *out, const struct sdp_session *session, const struct sdp_line *line)
{
    struct span whole = sdp_line_value(session, line), value = sdp_attribute_value(session, line);
    struct span name = span_of(whole.bytes, line->name);

    if (sdp_text_is(name, "candidate"))
        put_candidate(out, value, whole);
    else if (sdp_text_is(name, "rtcp"))
        put_rtcp(out, value, whole);
    else
        sdp_put_text(out, 'a', whole);
}

/* The lines' values were checked when they were read, so they parse. */
static void
put_line(GString *out, const struct sdp_session *session, const struct sdp_line *line)
{
    struct span value = sdp_line_value(session, line);
    struct sdp_origin origin;
    struct sdp_connection connection;
    struct sdp_media_line media;
    struct sdp_bandwidth bandwidth;
    struct sdp_times times;
    size_t at;

    if (line->type == 'a')
        put_attribute(out, session, line);
    else if (line->type == 'o' && sdp_origin_parse(value, &origin, &at) == SDP_FAULT_NONE)
        sdp_put_origin(out, &origin);
    else if (line->type == 'c' && sdp_connection_parse(value, &connection, &at) == SDP_FAULT_NONE)
        sdp_put_connection(out, &connection);
    else if (line->type == 'm' && sdp_media_line_parse(value, &media, &at) == SDP_FAULT_NONE)
        sdp_put_media_line(out, &media);
    else if (line->type == 'b' && sdp_bandwidth_parse(value, &bandwidth, &at) == SDP_FAULT_NONE)
        sdp_put_bandwidth(out, &bandwidth);
    else if (line->type == 't' && sdp_times_parse(value, &times, &at) == SDP_FAULT_NONE)
        sdp_put_times(out, &times);
    else
        sdp_put_text(out, line->type, value);
}

void
sdp_session_put(GString *out, const struct sdp_session *session)
{
    for (unsigned i = 0; i < session->line_count; i++)
        put_line(out, session, &session->lines[i]);
}
