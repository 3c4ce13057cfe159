/* Parsing goes line by line. A form says which lines there are and in what order; a line's place in that order may not
 * go back, nor stand still unless the line may be there several times, and may not pass over a line that must be. */
#include "proto/sdp/session.h"

#include "proto/sdp/lex.h"

struct form {
    const char *session, *media, *several, *needed; /* letters, the first two in their order */
};

/* r= and z= go with t=, whose place they share. */
static const struct form description = { "vosiuepcbtka", "micbka", "epbta", "vost" };
static const struct form description_media = { "", "micbka", "cba", "" };
static const struct form fragment = { "a", "ma", "a", "" };

struct parsing {
    struct sdp_session *session;
    const struct form *form;
    const char *order; /* of the section that we are in */
    size_t place;      /* in it: the first letter that may still come for the first time */
    char last;         /* the type of the line before */
};

/* ---- faults */

enum sdp_fault
sdp_blame(const struct sdp_session *session, const struct sdp_line *line, enum sdp_fault fault, size_t at,
          const char *attribute, struct sdp_error *error)
{
    struct sdp_error found = { .fault = fault, .attribute = attribute };

    if (line) {
        found.line = sdp_line_number(session, line);
        found.column = (uint32_t)(2 + (attribute ? strlen(attribute) + 1 : 0) + at + 1);
        found.type = line->type;
    }
    if (error)
        *error = found;
    return fault;
}

/* A fault of a line as a whole, which need not have become one of the session's. */
static enum sdp_fault
refuse(unsigned number, char type, enum sdp_fault fault, struct sdp_error *error)
{
    if (error)
        *error = (struct sdp_error){ .fault = fault, .line = number, .type = type };
    return fault;
}

/* ---- order */

static bool
is_one_of(const char *letters, char type)
{
    return type && strchr(letters, type);
}

/* Moves on to `place` in the order; the letter of a line that must be there and was passed over, or 0. */
static char
pass_to(struct parsing *parsing, size_t place)
{
    for (size_t i = parsing->place; i < place; i++)
        if (is_one_of(parsing->form->needed, parsing->order[i]))
            return parsing->order[i];
    parsing->place = place;
    return 0;
}

static enum sdp_fault
begin_media(struct parsing *parsing, unsigned number, struct sdp_error *error)
{
    struct sdp_session *session = parsing->session;
    char missed = session->media_count ? 0 : pass_to(parsing, strlen(parsing->order));

    if (missed)
        return refuse(number, missed, SDP_FAULT_MISSING, error);
    if (session->media_count == SDP_MAX_MEDIA)
        return refuse(number, 'm', SDP_FAULT_TOO_MANY_MEDIA, error);
    session->media[session->media_count++].first = session->line_count;
    parsing->order = parsing->form->media;
    parsing->place = 1;
    if (parsing->form == &description)
        parsing->form = &description_media;
    return SDP_FAULT_NONE;
}

static enum sdp_fault
check_order(struct parsing *parsing, unsigned number, char type, struct sdp_error *error)
{
    const char *found = is_one_of(parsing->order, type) ? strchr(parsing->order, type) : NULL;
    size_t place;
    char missed;

    if (type == 'm')
        return begin_media(parsing, number, error);
    if (is_one_of("rz", type) && is_one_of("tr", parsing->last))
        return SDP_FAULT_NONE;
    if (!found && parsing->form != &fragment && is_one_of("vosiuepcbtrzka", type))
        return refuse(number, type, SDP_FAULT_ORDER, error);
    if (!found)
        return refuse(number, type, SDP_FAULT_UNKNOWN_TYPE, error);
    place = (size_t)(found - parsing->order);
    missed = pass_to(parsing, MAX(place, parsing->place));
    if (missed)
        return refuse(number, missed, SDP_FAULT_MISSING, error);
    if (place + 1 < parsing->place || (place + 1 == parsing->place && !is_one_of(parsing->form->several, type)))
        return refuse(number, type, SDP_FAULT_ORDER, error);
    parsing->place = place + 1;
    return SDP_FAULT_NONE;
}

/* ---- one line */

static enum sdp_fault
check_value(struct span value, char type, size_t *at)
{
    struct sdp_origin origin;
    struct sdp_connection connection;
    struct sdp_media_line media;
    struct sdp_bandwidth bandwidth;
    struct sdp_times times;

    *at = 0;
    switch (type) {
    case 'v':
        return sdp_text_is(value, "0") ? SDP_FAULT_NONE : SDP_FAULT_VERSION;
    case 'o':
        return sdp_origin_parse(value, &origin, at);
    case 'c':
        return sdp_connection_parse(value, &connection, at);
    case 'm':
        return sdp_media_line_parse(value, &media, at);
    case 'b':
        return sdp_bandwidth_parse(value, &bandwidth, at);
    case 't':
        return sdp_times_parse(value, &times, at);
    case 'r':
        return sdp_repeat_check(value, at);
    case 'z':
        return sdp_zone_check(value, at);
    case 's':
    case 'k':
        return SDP_FAULT_NONE;
    default:
        return value.length ? SDP_FAULT_NONE : SDP_FAULT_EMPTY;
    }
}

static enum sdp_fault
add_line(struct parsing *parsing, struct span text, struct sdp_error *error)
{
    struct sdp_session *session = parsing->session;
    unsigned number = session->line_count + 1u;
    char type = text.length ? (char)text.bytes[0] : 0;
    enum sdp_fault fault;
    size_t at;

    if (session->line_count == SDP_MAX_LINES)
        return refuse(number, 0, SDP_FAULT_TOO_MANY_LINES, error);
    if (text.length < 2 || text.bytes[1] != '=' || !g_ascii_islower(type))
        return refuse(number, 0, SDP_FAULT_FORM, error);
    fault = check_order(parsing, number, type, error);
    if (fault != SDP_FAULT_NONE)
        return fault;

    struct sdp_line *line = &session->lines[session->line_count++];
    struct span value = span_of(text.bytes + 2, text.length - 2), name;

    *line = (struct sdp_line){ .offset = (uint32_t)sdp_session_offset(session, value),
                               .length = (uint16_t)value.length,
                               .type = type };
    fault = check_value(value, type, &at);
    if (fault == SDP_FAULT_NONE && type == 'a') {
        sdp_cut(&value, ':', &name);
        line->name = (uint16_t)name.length;
        fault = sdp_is_token(name) ? SDP_FAULT_NONE : SDP_FAULT_ATTRIBUTE;
    }
    parsing->last = type;
    return fault == SDP_FAULT_NONE ? fault : sdp_blame(session, line, fault, at, NULL, error);
}

/* ---- the text */

/* The next line without its end. */
static struct span
take_line(struct reader *reader)
{
    const uint8_t *end = memchr(reader->at, '\n', reader_left(reader));
    struct span line = reader_span(reader, end ? (size_t)(end - reader->at) : reader_left(reader));

    if (end)
        reader_skip(reader, 1);
    if (line.length && line.bytes[line.length - 1] == '\r')
        line.length--;
    return line;
}

static bool
only_ends_follow(struct reader reader)
{
    while (reader_left(&reader))
        if (take_line(&reader).length)
            return false;
    return true;
}

static enum sdp_fault
check_connections(const struct sdp_session *session, struct sdp_error *error)
{
    struct sdp_connection connection;

    for (int i = 0; i < session->media_count; i++) {
        unsigned first = session->media[i].first;

        if (sdp_media_line_of(session, i).port != 0 && !sdp_media_connection(session, i, &connection))
            return refuse(first + 1, 'm', SDP_FAULT_NO_CONNECTION, error);
    }
    return SDP_FAULT_NONE;
}

/* What can be told only after the last line. */
static enum sdp_fault
finish(struct parsing *parsing, struct sdp_error *error)
{
    struct sdp_session *session = parsing->session;
    char missed = session->media_count ? 0 : pass_to(parsing, strlen(parsing->order));

    if (missed)
        return refuse(session->line_count + 1u, missed, SDP_FAULT_MISSING, error);
    for (int i = 0; i < session->media_count; i++)
        session->media[i].end = i + 1 < session->media_count ? session->media[i + 1].first : session->line_count;
    return parsing->form == &fragment ? SDP_FAULT_NONE : check_connections(session, error);
}

static enum sdp_fault
parse(struct span text, const struct form *form, struct sdp_session *session, struct sdp_error *error)
{
    struct parsing parsing = { .session = session, .form = form, .order = form->session };
    struct reader reader = reader_over(text);
    enum sdp_fault fault = SDP_FAULT_NONE;

    session->text = text;
    session->line_count = 0;
    session->media_count = 0;
    if (text.length > SDP_MAX_BYTES)
        return refuse(0, 0, SDP_FAULT_TOO_LONG, error);
    while (fault == SDP_FAULT_NONE && reader_left(&reader)) {
        struct span line = take_line(&reader);

        if (line.length == 0 && only_ends_follow(reader))
            break;
        if (line.length && (memchr(line.bytes, '\0', line.length) || memchr(line.bytes, '\r', line.length)))
            return refuse(session->line_count + 1u, 0, SDP_FAULT_BYTE, error);
        fault = add_line(&parsing, line, error);
    }
    return fault == SDP_FAULT_NONE ? finish(&parsing, error) : fault;
}

enum sdp_fault
sdp_session_parse(struct span text, struct sdp_session *session, struct sdp_error *error)
{
    return parse(text, &description, session, error);
}

enum sdp_fault
sdp_fragment_parse(struct span text, struct sdp_session *session, struct sdp_error *error)
{
    enum sdp_fault fault = parse(text, &fragment, session, error);

    for (int i = 0; fault == SDP_FAULT_NONE && i < session->media_count; i++) {
        const struct sdp_line *mid = sdp_attribute_find(session, i, "mid", NULL);

        if (!mid)
            fault = refuse(session->media[i].first + 1u, 'm', SDP_FAULT_NO_MID, error);
        else if (!sdp_is_token(sdp_attribute_value(session, mid)))
            fault = sdp_blame(session, mid, SDP_FAULT_MID, 0, "mid", error);
    }
    return fault;
}

/* ---- lines */

struct span
sdp_line_value(const struct sdp_session *session, const struct sdp_line *line)
{
    return span_of(session->text.bytes + line->offset, line->length);
}

unsigned
sdp_line_number(const struct sdp_session *session, const struct sdp_line *line)
{
    return (unsigned)(line - session->lines) + 1;
}

static unsigned
section_begin(const struct sdp_session *session, int section)
{
    return section == SDP_SESSION_LEVEL ? 0 : session->media[section].first;
}

static unsigned
section_end(const struct sdp_session *session, int section)
{
    if (section != SDP_SESSION_LEVEL)
        return session->media[section].end;
    return session->media_count ? session->media[0].first : session->line_count;
}

const struct sdp_line *
sdp_line_find(const struct sdp_session *session, int section, char type, const struct sdp_line *after)
{
    unsigned from = after ? sdp_line_number(session, after) : section_begin(session, section);

    for (unsigned i = from; i < section_end(session, section); i++)
        if (session->lines[i].type == type)
            return &session->lines[i];
    return NULL;
}

const struct sdp_line *
sdp_attribute_find(const struct sdp_session *session, int section, const char *name, const struct sdp_line *after)
{
    const struct sdp_line *line = sdp_line_find(session, section, 'a', after);

    while (line && !sdp_text_is(span_of(session->text.bytes + line->offset, line->name), name))
        line = sdp_line_find(session, section, 'a', line);
    return line;
}

bool
sdp_attribute_has(const struct sdp_session *session, int section, const char *name)
{
    return sdp_attribute_find(session, section, name, NULL) != NULL;
}

struct span
sdp_attribute_value(const struct sdp_session *session, const struct sdp_line *line)
{
    size_t skipped = MIN(line->name + 1u, line->length);

    return span_of(session->text.bytes + line->offset + skipped, line->length - skipped);
}

const struct sdp_line *
sdp_attribute_inherit(const struct sdp_session *session, int section, const char *name)
{
    const struct sdp_line *own = sdp_attribute_find(session, section, name, NULL);

    return own || section == SDP_SESSION_LEVEL ? own : sdp_attribute_find(session, SDP_SESSION_LEVEL, name, NULL);
}

/* ---- what every session has. The values were checked when they were read, so they parse. */

struct sdp_origin
sdp_session_origin(const struct sdp_session *session)
{
    const struct sdp_line *line = sdp_line_find(session, SDP_SESSION_LEVEL, 'o', NULL);
    struct sdp_origin origin;
    size_t at;
    enum sdp_fault fault = sdp_origin_parse(sdp_line_value(session, line), &origin, &at);

    g_assert(fault == SDP_FAULT_NONE);
    return origin;
}

struct sdp_media_line
sdp_media_line_of(const struct sdp_session *session, int media)
{
    struct sdp_media_line line;
    size_t at;
    enum sdp_fault fault =
        sdp_media_line_parse(sdp_line_value(session, &session->lines[session->media[media].first]), &line, &at);

    g_assert(fault == SDP_FAULT_NONE);
    return line;
}

bool
sdp_media_connection(const struct sdp_session *session, int media, struct sdp_connection *connection)
{
    const struct sdp_line *line = sdp_line_find(session, media, 'c', NULL);
    size_t at;

    if (!line)
        line = sdp_line_find(session, SDP_SESSION_LEVEL, 'c', NULL);
    return line && sdp_connection_parse(sdp_line_value(session, line), connection, &at) == SDP_FAULT_NONE;
}
