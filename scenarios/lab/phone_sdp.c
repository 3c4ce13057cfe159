/* The descriptions of a phone's calls: one audio stream, RFC 3264 and RFC 3551, with or without ICE's lines. */
#include "proto/sdp/ice.h"
#include "proto/sdp/offer.h"
#include "scenarios/lab/phone_private.h"

enum { CODECS_MOST = 4 };

static struct sdp_rtpmap
map_of(const struct rtp_codec *codec)
{
    return (struct sdp_rtpmap){
        .payload_type = codec->payload_type, .encoding = span_of_text(codec->name), .clock = codec->clock, .channels = 1
    };
}

/* All codecs, the wanted one first. */
static size_t
list_codecs(const struct rtp_codec *first, const struct rtp_codec *list[CODECS_MOST])
{
    size_t count = 0;

    list[count++] = first;
    for (const struct rtp_codec *codec = rtp_codecs; codec->name && count < CODECS_MOST; codec++) {
        if (codec != first)
            list[count++] = codec;
    }
    return count;
}

static void
put_rtcp(GString *out, const struct phone_sdp *sdp)
{
    struct sdp_rtcp rtcp = { .port = sdp->own[1].port };

    if (sdp->has_rtcp || sdp->own[1].port == 0)
        return;
    if (!address_equal(sdp->own[0].address, sdp->own[1].address))
        rtcp.to = sdp_network_of(sdp->own[1].address);
    else if (sdp->own[1].port == sdp->own[0].port + 1)
        return;
    sdp_put_rtcp(out, &rtcp);
}

/* ---- offers */

static void
put_media(GString *out, const struct phone_sdp *sdp)
{
    const struct rtp_codec *codecs[CODECS_MOST];
    size_t count = list_codecs(sdp->first, codecs);
    g_autoptr(GString) formats = g_string_new(NULL);
    struct sdp_media_line line = {
        .media = span_of_text("audio"), .protocol = span_of_text("RTP/AVP"), .port = sdp->own[0].port, .count = 1
    };

    for (size_t i = 0; i < count; i++)
        g_string_append_printf(formats, "%s%u", i ? " " : "", codecs[i]->payload_type);
    line.formats = span_of(formats->str, formats->len);
    sdp_put_media_line(out, &line);
    for (size_t i = 0; i < count; i++) {
        struct sdp_rtpmap map = map_of(codecs[i]);

        sdp_put_rtpmap(out, &map);
    }
}

void
phone_sdp_offer(GString *out, const struct phone_sdp *sdp)
{
    struct sdp_origin origin = { .user = span_of_text("-"),
                                 .session_id = sdp->id,
                                 .version = sdp->version,
                                 .at = sdp_network_of(sdp->own[0].address) };
    struct sdp_connection connection = sdp_connection_of(sdp->own[0].address);
    struct sdp_times forever = { 0, 0 };

    g_string_append(out, "v=0\r\n");
    sdp_put_origin(out, &origin);
    sdp_put_text(out, 's', span_of_text("-"));
    sdp_put_connection(out, &connection);
    sdp_put_times(out, &forever);
    g_string_append(out, sdp->session_lines);
    put_media(out, sdp);
    put_rtcp(out, sdp);
    if (sdp->direction != SDP_SENDRECV)
        sdp_put_attribute(out, sdp_direction_word(sdp->direction), NULL);
    g_string_append(out, sdp->media_lines);
}

/* ---- which medium, which codec */

/* The codec of a format: one of ours, by its name and its static number. */
static const struct rtp_codec *
codec_of(const struct sdp_session *session, int media, uint8_t format)
{
    const struct rtp_codec *codec = rtp_codec_of(format);
    struct sdp_rtpmap theirs, ours;

    if (!codec || !sdp_rtpmap_find(session, media, format, &theirs))
        return NULL;
    ours = map_of(codec);
    return sdp_rtpmap_matches(&theirs, &ours) ? codec : NULL;
}

static const struct rtp_codec *
first_codec(const struct sdp_session *session, int media)
{
    struct sdp_rtpmap maps[CODECS_MOST];
    const struct rtp_codec *codecs[CODECS_MOST];
    size_t count = list_codecs(&rtp_codecs[0], codecs), common;
    uint8_t formats[SDP_MOST_FORMATS];

    for (size_t i = 0; i < count; i++)
        maps[i] = map_of(codecs[i]);
    common = sdp_formats_common(session, media, maps, count, formats);
    for (size_t i = 0; i < common; i++) {
        const struct rtp_codec *codec = codec_of(session, media, formats[i]);

        if (codec)
            return codec;
    }
    return NULL;
}

/* The first audio over RTP that is not refused and has a codec of ours; -1 without one. */
static int
find_audio(const struct sdp_session *session)
{
    for (int media = 0; media < session->media_count; media++) {
        struct sdp_media_line line = sdp_media_line_of(session, media);

        if (span_equal(line.media, span_of_text("audio")) && span_equal(line.protocol, span_of_text("RTP/AVP")) &&
            line.port != 0 && first_codec(session, media))
            return media;
    }
    return -1;
}

/* ---- answers */

struct answering {
    const struct phone_sdp *sdp;
    int audio;
    struct sdp_rtpmap codecs[CODECS_MOST];
    size_t codec_count;
};

static void
decide(void *owner, const struct sdp_session *offer, int media, struct sdp_answer_media *answer)
{
    struct answering *answering = owner;

    (void)offer;
    answer->accept = media == answering->audio;
    answer->port = answering->sdp->own[0].port;
    answer->address = answering->sdp->own[0].address;
    answer->wished = answering->sdp->direction;
    answer->codecs = answering->codecs;
    answer->codec_count = answering->codec_count;
}

static void
add_attributes(void *owner, const struct sdp_session *offer, int section, GString *out)
{
    struct answering *answering = owner;

    (void)offer;
    if (section == SDP_SESSION_LEVEL) {
        g_string_append(out, answering->sdp->session_lines);
    } else if (section == answering->audio) {
        put_rtcp(out, answering->sdp);
        g_string_append(out, answering->sdp->media_lines);
    }
}

bool
phone_sdp_answer(GString *out, const struct phone_sdp *sdp, struct span offer)
{
    struct answering answering = { .sdp = sdp };
    const struct rtp_codec *codecs[CODECS_MOST];
    struct sdp_answerer answerer = { .origin = { .user = span_of_text("-"),
                                                 .session_id = sdp->id,
                                                 .version = sdp->version,
                                                 .at = sdp_network_of(sdp->own[0].address) },
                                     .address = sdp->own[0].address,
                                     .decide = decide,
                                     .attributes = add_attributes,
                                     .owner = &answering };
    struct sdp_session session;

    if (sdp_session_parse(offer, &session, NULL) != SDP_FAULT_NONE)
        return false;
    answering.audio = find_audio(&session);
    answering.codec_count = list_codecs(sdp->first, codecs);
    for (size_t i = 0; i < answering.codec_count; i++)
        answering.codecs[i] = map_of(codecs[i]);
    if (answering.audio < 0)
        return false;
    sdp_answer_put(out, &session, &answerer);
    return true;
}

/* ---- the peer's */

static bool
read_audio(const struct sdp_session *session, struct phone_sdp_peer *peer)
{
    int audio = find_audio(session);

    *peer = (struct phone_sdp_peer){ .direction = SDP_INACTIVE };
    if (audio < 0)
        return false;
    peer->codec = first_codec(session, audio);
    peer->direction = sdp_media_direction(session, audio);
    if (!sdp_default_destination(session, audio, 1, &peer->rtp))
        return true; /* by a name: nothing can be sent to there */
    (void)sdp_default_destination(session, audio, 2, &peer->rtcp);
    return true;
}

bool
phone_sdp_read(struct span description, struct phone_sdp_peer *peer)
{
    struct sdp_session session;

    return sdp_session_parse(description, &session, NULL) == SDP_FAULT_NONE && read_audio(&session, peer);
}

bool
phone_sdp_read_answer(struct span offer, struct span answer, struct phone_sdp_peer *peer)
{
    g_autofree struct sdp_session *ours = g_new(struct sdp_session, 1);
    struct sdp_session theirs;

    return sdp_session_parse(offer, ours, NULL) == SDP_FAULT_NONE &&
           sdp_session_parse(answer, &theirs, NULL) == SDP_FAULT_NONE &&
           sdp_answer_check(ours, &theirs, NULL) == SDP_FAULT_NONE && read_audio(&theirs, peer);
}

/* ---- ICE */

static bool
is_of_ice(const struct sdp_session *session, const struct sdp_line *line)
{
    static const char *const names[] = { "candidate", "remote-candidates", "end-of-candidates", "rtcp" };
    struct span name = span_of(sdp_line_value(session, line).bytes, line->name);

    if (name.length > 4 && memcmp(name.bytes, "ice-", 4) == 0)
        return true;
    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        if (span_equal(name, span_of_text(names[i])))
            return true;
    }
    return false;
}

static void
copy_lines(const struct sdp_session *session, int section, GString *out)
{
    for (const struct sdp_line *line = NULL; (line = sdp_line_find(session, section, 'a', line));) {
        struct span value = sdp_line_value(session, line);

        if (is_of_ice(session, line))
            g_string_append_printf(out, "a=%.*s\r\n", (int)value.length, (const char *)value.bytes);
    }
}

bool
phone_sdp_take_ice(struct span description, GString *session_lines, GString *media_lines,
                   struct endpoint own[PHONE_SOCKETS])
{
    struct sdp_session session;

    if (sdp_session_parse(description, &session, NULL) != SDP_FAULT_NONE || session.media_count != 1)
        return false;
    copy_lines(&session, SDP_SESSION_LEVEL, session_lines);
    copy_lines(&session, 0, media_lines);
    for (unsigned i = 0; i < PHONE_SOCKETS; i++) {
        if (!sdp_default_destination(&session, 0, i + 1, &own[i]))
            own[i] = (struct endpoint){ address_ipv4(0), SDP_PORT_NONE };
    }
    return true;
}
