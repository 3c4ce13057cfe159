#include "proto/sdp/attributes.h"

#include "proto/sdp/lex.h"

#define MOST_PAYLOAD_TYPE 127

/* ---- a=rtpmap */

/* RFC 3551 section 6, tables 4 and 5. Video and transport streams have a clock of 90 kHz. */
static const struct {
    uint8_t payload_type, channels;
    uint32_t clock;
    const char *encoding;
} statics[] = {
    { 0, 1, 8000, "PCMU" },   { 3, 1, 8000, "GSM" },    { 4, 1, 8000, "G723" },   { 5, 1, 8000, "DVI4" },
    { 6, 1, 16000, "DVI4" },  { 7, 1, 8000, "LPC" },    { 8, 1, 8000, "PCMA" },   { 9, 1, 8000, "G722" },
    { 10, 2, 44100, "L16" },  { 11, 1, 44100, "L16" },  { 12, 1, 8000, "QCELP" }, { 13, 1, 8000, "CN" },
    { 14, 1, 90000, "MPA" },  { 15, 1, 8000, "G728" },  { 16, 1, 11025, "DVI4" }, { 17, 1, 22050, "DVI4" },
    { 18, 1, 8000, "G729" },  { 25, 1, 90000, "CelB" }, { 26, 1, 90000, "JPEG" }, { 28, 1, 90000, "nv" },
    { 31, 1, 90000, "H261" }, { 32, 1, 90000, "MPV" },  { 33, 1, 90000, "MP2T" }, { 34, 1, 90000, "H263" },
};

static bool
read_encoding(struct span text, struct sdp_rtpmap *map)
{
    struct span clock;
    uint64_t value;

    if (!sdp_cut(&text, '/', &map->encoding) || !sdp_is_token(map->encoding))
        return false;

    bool more = sdp_cut(&text, '/', &clock);

    if (!sdp_number(clock, UINT32_MAX, &value) || value == 0)
        return false;
    map->clock = (uint32_t)value;
    map->channels = 1;
    if (more && (!sdp_number(text, UINT32_MAX, &value) || value == 0))
        return false;
    if (more)
        map->channels = (uint32_t)value;
    return true;
}

enum sdp_fault
sdp_rtpmap_parse(struct span value, struct sdp_rtpmap *map, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    uint64_t payload_type;
    bool good = sdp_number(sdp_lex_field(&lex), MOST_PAYLOAD_TYPE, &payload_type) &&
                read_encoding(sdp_lex_field(&lex), map) && sdp_lex_done(&lex);

    *at = sdp_lex_at(&lex);
    if (!good)
        return SDP_FAULT_RTPMAP;
    map->payload_type = (uint8_t)payload_type;
    return SDP_FAULT_NONE;
}

void
sdp_put_rtpmap(GString *out, const struct sdp_rtpmap *map)
{
    g_string_append_printf(out, "a=rtpmap:%u ", map->payload_type);
    sdp_put_span(out, map->encoding);
    g_string_append_printf(out, "/%u", map->clock);
    if (map->channels != 1)
        g_string_append_printf(out, "/%u", map->channels);
    g_string_append(out, "\r\n");
}

static bool
find_static(uint8_t payload_type, struct sdp_rtpmap *map)
{
    for (size_t i = 0; i < G_N_ELEMENTS(statics); i++) {
        if (statics[i].payload_type != payload_type)
            continue;
        *map = (struct sdp_rtpmap){ payload_type, span_of_text(statics[i].encoding), statics[i].clock,
                                    statics[i].channels };
        return true;
    }
    return false;
}

bool
sdp_rtpmap_find(const struct sdp_session *session, int media, uint8_t payload_type, struct sdp_rtpmap *map)
{
    const struct sdp_line *line = NULL;
    size_t at;

    while ((line = sdp_attribute_find(session, media, "rtpmap", line)))
        if (sdp_rtpmap_parse(sdp_attribute_value(session, line), map, &at) == SDP_FAULT_NONE &&
            map->payload_type == payload_type)
            return true;
    return find_static(payload_type, map);
}

bool
sdp_rtpmap_matches(const struct sdp_rtpmap *a, const struct sdp_rtpmap *b)
{
    return a->clock == b->clock && a->channels == b->channels && sdp_text_equal_nocase(a->encoding, b->encoding);
}

/* ---- direction */

static const char *const direction_words[] = { "inactive", "sendonly", "recvonly", "sendrecv" };

G_STATIC_ASSERT((SDP_SENDONLY | SDP_RECVONLY) == SDP_SENDRECV);
G_STATIC_ASSERT(G_N_ELEMENTS(direction_words) == SDP_SENDRECV + 1);

const char *
sdp_direction_word(enum sdp_direction direction)
{
    return direction_words[direction];
}

static bool
section_direction(const struct sdp_session *session, int section, enum sdp_direction *direction)
{
    const struct sdp_line *line = NULL;
    bool found = false;

    while ((line = sdp_line_find(session, section, 'a', line)))
        for (size_t i = 0; i < G_N_ELEMENTS(direction_words); i++)
            if (sdp_text_is(sdp_line_value(session, line), direction_words[i])) {
                *direction = (enum sdp_direction)i;
                found = true;
            }
    return found;
}

enum sdp_direction
sdp_media_direction(const struct sdp_session *session, int media)
{
    enum sdp_direction direction = SDP_SENDRECV;

    if (!section_direction(session, media, &direction))
        section_direction(session, SDP_SESSION_LEVEL, &direction);
    return direction;
}

enum sdp_direction
sdp_direction_reverse(enum sdp_direction direction)
{
    return (enum sdp_direction)((direction & SDP_SENDONLY ? SDP_RECVONLY : 0) |
                                (direction & SDP_RECVONLY ? SDP_SENDONLY : 0));
}

enum sdp_direction
sdp_direction_answer(enum sdp_direction offered, enum sdp_direction wished)
{
    return sdp_direction_reverse(offered) & wished;
}

enum sdp_direction
sdp_direction_hold(enum sdp_direction direction)
{
    return direction & SDP_SENDONLY;
}

bool
sdp_media_is_held(const struct sdp_session *session, int media)
{
    struct sdp_connection connection;

    if (!(sdp_media_direction(session, media) & SDP_RECVONLY))
        return true;
    return sdp_media_connection(session, media, &connection) && connection.to.host.kind == SDP_HOST_IPV4 &&
           address_is_unspecified(connection.to.host.address);
}

/* ---- a=rtcp, a=mid */

enum sdp_fault
sdp_rtcp_parse(struct span value, struct sdp_rtcp *rtcp, size_t *at)
{
    struct sdp_lex lex = sdp_lex_over(value);
    enum sdp_fault fault = SDP_FAULT_NONE;
    uint64_t port;

    *rtcp = (struct sdp_rtcp){ .port_text = sdp_lex_field(&lex) };
    if (!sdp_number(rtcp->port_text, UINT16_MAX, &port))
        fault = SDP_FAULT_PORT;
    else if (!sdp_lex_done(&lex))
        fault = sdp_network_take(&lex, &rtcp->to);
    *at = sdp_lex_at(&lex);
    if (fault != SDP_FAULT_NONE)
        return fault;
    rtcp->port = (uint16_t)port;
    return sdp_lex_done(&lex) ? SDP_FAULT_NONE : SDP_FAULT_RTCP;
}

void
sdp_put_rtcp(GString *out, const struct sdp_rtcp *rtcp)
{
    g_string_append_printf(out, "a=rtcp:%u", rtcp->port);
    if (rtcp->to.host.kind != SDP_HOST_NONE) {
        g_string_append_c(out, ' ');
        sdp_put_network(out, &rtcp->to);
    }
    g_string_append(out, "\r\n");
}

int
sdp_media_by_mid(const struct sdp_session *session, struct span mid)
{
    for (int i = 0; i < session->media_count; i++) {
        const struct sdp_line *line = sdp_attribute_find(session, i, "mid", NULL);

        if (line && span_equal(sdp_attribute_value(session, line), mid))
            return i;
    }
    return -1;
}
