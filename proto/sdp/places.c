#include "proto/sdp/places.h"

#include "proto/sdp/attributes.h"
#include "proto/sdp/ice.h"

static bool
origin_place(struct span value, struct sdp_place *place)
{
    struct sdp_origin origin;
    size_t at;

    place->kind = SDP_PLACE_ORIGIN;
    if (sdp_origin_parse(value, &origin, &at) != SDP_FAULT_NONE)
        return false;
    place->host = origin.at.host;
    return true;
}

static bool
connection_place(struct span value, struct sdp_place *place)
{
    struct sdp_connection connection;
    size_t at;

    place->kind = SDP_PLACE_CONNECTION;
    if (sdp_connection_parse(value, &connection, &at) != SDP_FAULT_NONE)
        return false;
    place->host = connection.to.host;
    return true;
}

static bool
media_place(struct span value, struct sdp_place *place)
{
    struct sdp_media_line line;
    size_t at;

    place->kind = SDP_PLACE_MEDIA;
    if (sdp_media_line_parse(value, &line, &at) != SDP_FAULT_NONE)
        return false;
    place->port_text = line.port_text;
    place->port = line.port;
    place->port_count = line.count;
    return true;
}

static bool
rtcp_place(struct span value, struct sdp_place *place)
{
    struct sdp_rtcp rtcp;
    size_t at;

    place->kind = SDP_PLACE_RTCP;
    if (sdp_rtcp_parse(value, &rtcp, &at) != SDP_FAULT_NONE)
        return false;
    place->host = rtcp.to.host;
    place->port_text = rtcp.port_text;
    place->port = rtcp.port;
    return true;
}

static bool
candidate_place(struct span value, unsigned part, struct sdp_place *place)
{
    struct sdp_candidate candidate;
    size_t at;

    if (part > 1 || sdp_candidate_parse_value(value, &candidate, &at) != SDP_FAULT_NONE)
        return false;
    place->kind = part ? SDP_PLACE_RELATED : SDP_PLACE_CANDIDATE;
    place->host = part ? candidate.related : candidate.host;
    place->port_text = part ? candidate.related_port_text : candidate.port_text;
    place->port = part ? candidate.related_port : candidate.port;
    return !part || place->host.kind != SDP_HOST_NONE || candidate.has_related_port;
}

/* All of the list must be good, or none of it is touched. */
static bool
remote_place(struct span value, unsigned part, struct sdp_place *place)
{
    struct sdp_lex lex = sdp_lex_over(value);
    struct sdp_remote_candidate remote;
    bool found = false;

    place->kind = SDP_PLACE_REMOTE;
    for (unsigned i = 0; !sdp_lex_done(&lex); i++) {
        if (sdp_remote_candidate_take(&lex, &remote) != SDP_FAULT_NONE)
            return false;
        if (i != part)
            continue;
        found = true;
        place->host = remote.host;
        place->port_text = remote.port_text;
        place->port = remote.port;
    }
    return found;
}

static bool
attribute_place(const struct sdp_session *session, unsigned part, struct sdp_place *place)
{
    struct span name = span_of(session->text.bytes + place->line->offset, place->line->name);
    struct span value = sdp_attribute_value(session, place->line);

    if (sdp_text_is(name, "candidate"))
        return candidate_place(value, part, place);
    if (sdp_text_is(name, "remote-candidates"))
        return remote_place(value, part, place);
    return part == 0 && sdp_text_is(name, "rtcp") && rtcp_place(value, place);
}

/* The part-th place of a line; false when it has no more. */
static bool
line_place(const struct sdp_session *session, unsigned part, struct sdp_place *place)
{
    struct span value = sdp_line_value(session, place->line);

    switch (place->line->type) {
    case 'o':
        return part == 0 && origin_place(value, place);
    case 'c':
        return part == 0 && connection_place(value, place);
    case 'm':
        return part == 0 && media_place(value, place);
    case 'a':
        return attribute_place(session, part, place);
    default:
        return false;
    }
}

bool
sdp_place_next(const struct sdp_session *session, struct sdp_places *walk, struct sdp_place *place)
{
    while (walk->line < session->line_count) {
        const struct sdp_line *line = &session->lines[walk->line];

        if (line->type == 'm' && walk->part == 0)
            walk->section++;
        *place = (struct sdp_place){ .section = walk->section, .line = line, .port_count = 1 };
        if (line_place(session, walk->part, place)) {
            walk->part++;
            return true;
        }
        walk->line++;
        walk->part = 0;
    }
    return false;
}

/* By insertion: whoever followed the walk has them nearly in order. */
static void
sort_edits(struct sdp_edit *edits, size_t count)
{
    for (size_t i = 1; i < count; i++) {
        struct sdp_edit moved = edits[i];
        size_t to = i;

        for (; to > 0 && edits[to - 1].offset > moved.offset; to--)
            edits[to] = edits[to - 1];
        edits[to] = moved;
    }
}

void
sdp_edit(struct span text, struct sdp_edit *edits, size_t count, struct writer *out)
{
    struct reader reader = reader_over(text);
    size_t at = 0;

    sort_edits(edits, count);

    for (size_t i = 0; i < count; i++) {
        g_assert(edits[i].offset >= at && edits[i].offset + edits[i].length <= text.length);
        writer_span_put(out, reader_span(&reader, edits[i].offset - at));
        writer_span_put(out, edits[i].with);
        reader_skip(&reader, edits[i].length);
        at = edits[i].offset + edits[i].length;
    }
    writer_span_put(out, reader_rest(&reader));
}
