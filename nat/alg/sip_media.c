/* Addresses in the description of the media (RFC 8866), and the pinholes for these.
 *
 * Of each medium the destination is what c= and m= say together, with RTCP one port above unless a=rtcp says another
 * (RFC 3605). First it is settled for all media what becomes of these; a message of which one medium can't be had passes
 * as it is. Then the places are edited in one walk, so that whatever names the same destination says the same afterwards:
 * c=, m=, a=rtcp, and the candidates that are the default ones (RFC 8839 section 8: otherwise ICE takes the description
 * for a mismatch). Candidates that name anything else stay. */
#include "nat/alg/sip_reading.h"

#include "proto/sdp/attributes.h"
#include "proto/sdp/lex.h"
#include "proto/sdp/places.h"

/* What becomes of a medium. */
struct medium {
    bool moved;          /* its destination is another on the other side */
    bool own_connection; /* it has a c= of its own */
    bool has_rtcp;       /* a=rtcp */
    bool wants_rtcp;     /* RTCP comes to a port of its own */
    bool deviates;       /* it needs a c= of its own now */
    bool held;           /* its destination is nowhere (RFC 3264 section 8.4 tells of RFC 2543's hold) */
    struct endpoint rtp, rtcp;
    struct endpoint new_rtp, new_rtcp;
};

struct media {
    struct sip_reading *reading;
    const struct sdp_session *session;
    struct medium list[SIP_STREAMS_MAX];
};

/* ---- where media go */

static bool
says_udp(const struct sdp_media_line *line)
{
    struct span protocol = line->protocol, first;

    sdp_cut(&protocol, '/', &first);
    return sdp_text_is_nocase(first, "RTP") || sdp_text_is_nocase(first, "UDP") || sdp_text_is_nocase(first, "udptl");
}

static struct endpoint
rtcp_of(const struct media *media, int number, struct medium *medium)
{
    const struct sdp_line *line = sdp_attribute_find(media->session, number, "rtcp", NULL);
    struct endpoint above = { medium->rtp.address, (uint16_t)(medium->rtp.port + 1) };
    struct sdp_rtcp rtcp;
    size_t at;

    if (!line || sdp_rtcp_parse(sdp_attribute_value(media->session, line), &rtcp, &at) != SDP_FAULT_NONE)
        return above;
    medium->has_rtcp = true;
    if (rtcp.to.host.kind == SDP_HOST_IPV4 || rtcp.to.host.kind == SDP_HOST_IPV6)
        above.address = rtcp.to.host.address;
    above.port = rtcp.port;
    return above;
}

/* False: there is nothing to move, as of a medium that is refused. */
static bool
look_at(struct media *media, int number, struct medium *medium)
{
    struct sdp_media_line line = sdp_media_line_of(media->session, number);
    struct sdp_connection connection;

    *medium = (struct medium){ .own_connection = sdp_line_find(media->session, number, 'c', NULL) != NULL };
    if (line.port == 0 || line.port == UINT16_MAX || !says_udp(&line) ||
        !sdp_media_connection(media->session, number, &connection))
        return false;
    if (connection.to.host.kind != SDP_HOST_IPV4 && connection.to.host.kind != SDP_HOST_IPV6)
        return false;
    medium->held = address_is_unspecified(connection.to.host.address);
    medium->rtp = (struct endpoint){ connection.to.host.address, line.port };
    medium->rtcp = rtcp_of(media, number, medium);
    medium->wants_rtcp = sdp_media_line_is_rtp(&line) && !endpoint_equal(medium->rtp, medium->rtcp);
    return true;
}

/* ---- outwards: ports are opened */

/* The inside endpoint that the sender means. */
static bool
is_senders(const struct sip_reading *reading, struct endpoint *endpoint)
{
    const struct nat_translation *way = &reading->message->way;

    if (sip_has_quirk(reading, SIP_QUIRK_PUBLIC_ADDRESS) && address_equal(endpoint->address, way->external.address))
        endpoint->address = way->internal.address;
    return address_equal(endpoint->address, way->internal.address);
}

static bool
open_port(struct sip_reading *reading, const struct alg_wish *like, struct endpoint internal,
          struct alg_grant grants[2])
{
    struct alg_wish wish = *like;

    wish.internal = internal;
    reading->refused = alg_open(reading->message, &wish, grants);
    return reading->refused == ALG_OPEN_OK;
}

static bool
open_medium(struct media *media, int number, struct medium *medium)
{
    struct sip_reading *reading = media->reading;
    struct sip_stream *stream = &reading->streams[number];
    struct endpoint rtp = medium->rtp, rtcp = medium->rtcp;
    struct alg_wish wish = { .protocol = PROTOCOL_UDP, .owner = reading->owner };
    struct alg_grant grants[2];
    bool own_rtcp, pair;

    if (!medium->held)
        *stream = (struct sip_stream){ .peer = stream->peer };
    if (!is_senders(reading, &rtp))
        return true;
    own_rtcp = is_senders(reading, &rtcp);
    pair = medium->wants_rtcp && own_rtcp && rtcp.port == rtp.port + 1;
    wish.pair = pair;
    wish.remote.address = stream->peer;
    wish.lifetime = sip_pinhole_lifetime(reading);
    wish.refreshed = !sip_has_quirk(reading, SIP_QUIRK_SHORT_PINHOLE);
    if (!open_port(reading, &wish, rtp, grants))
        return false;
    stream->internal = rtp;
    stream->pinholes[0] = grants[0].pinhole;
    stream->pinholes[1] = pair ? grants[1].pinhole : 0;
    medium->new_rtp = grants[0].external;
    medium->new_rtcp = pair                                        ? grants[1].external
                       : endpoint_equal(medium->rtp, medium->rtcp) ? grants[0].external
                                                                   : medium->rtcp;
    medium->moved = true;
    if (!medium->wants_rtcp || pair || !own_rtcp)
        return true;
    wish.pair = false;
    if (!open_port(reading, &wish, rtcp, grants))
        return false;
    stream->pinholes[1] = grants[0].pinhole;
    medium->new_rtcp = grants[0].external;
    return true;
}

/* ---- inwards: what is this box's own is restored, so that media of two phones behind it need not turn round */

/* Not between families: what says IP4 in front would have to say IP6. Of RTCP that has no mapping the port is above the
 * internal one, as nobody has said anything else; if somebody has, the medium stays. */
static void
restore_medium(struct media *media, struct medium *medium)
{
    const struct sip_reading *reading = media->reading;
    struct address old = medium->rtp.address;

    medium->moved = sip_translate(reading, PROTOCOL_UDP, medium->rtp, &medium->new_rtp) &&
                    address_is_ipv4(old) == address_is_ipv4(medium->new_rtp.address);
    if (!medium->moved || sip_translate(reading, PROTOCOL_UDP, medium->rtcp, &medium->new_rtcp))
        return;
    medium->new_rtcp = (struct endpoint){ medium->new_rtp.address, (uint16_t)(medium->new_rtp.port + 1) };
    medium->moved = !medium->has_rtcp && medium->new_rtp.port < UINT16_MAX;
}

static bool
is_sharing(const struct medium *medium)
{
    return !medium->own_connection && medium->rtp.port != 0;
}

/* Media that share a c= go all, or stay all. Where a box has several addresses and takes any of them (RFC 4787 section 4.1:
 * pooling) they may have different ones afterwards. */
static void
settle_shared(struct media *media)
{
    const struct medium *first = NULL;
    bool all = true;

    for (int i = 0; i < media->session->media_count; i++)
        all &= media->list[i].moved || !is_sharing(&media->list[i]);
    for (int i = 0; i < media->session->media_count; i++) {
        struct medium *medium = &media->list[i];

        if (!is_sharing(medium))
            continue;
        medium->moved &= all;
        first = first ? first : medium;
        medium->deviates = all && !address_equal(first->new_rtp.address, medium->new_rtp.address);
    }
}

static bool
settle(struct media *media)
{
    struct sip_reading *reading = media->reading;

    for (int i = 0; i < media->session->media_count; i++) {
        struct medium *medium = &media->list[i];

        if (!look_at(media, i, medium)) {
            reading->streams[i] = (struct sip_stream){ .peer = reading->streams[i].peer };
            continue;
        }
        if (reading->inbound)
            restore_medium(media, medium);
        else if (!open_medium(media, i, medium))
            return false;
    }
    if (!reading->inbound)
        reading->stream_count = (unsigned)media->session->media_count;
    settle_shared(media);
    return true;
}

/* ---- the edits */

/* Whether a session's c= says where any medium goes. */
static bool
is_shared(const struct media *media)
{
    for (int i = 0; i < media->session->media_count; i++) {
        if (is_sharing(&media->list[i]))
            return true;
    }
    return false;
}

/* The medium that says what becomes of a session's own lines. */
static const struct medium *
first_moved(const struct media *media, bool sharing)
{
    for (int i = 0; i < media->session->media_count; i++) {
        if (media->list[i].moved && !(sharing && media->list[i].own_connection))
            return &media->list[i];
    }
    return NULL;
}

static void
edit_host_of(struct media *media, enum sip_alg_place what, const struct sdp_place *place, struct address new)
{
    if (place->host.kind == SDP_HOST_IPV4 || place->host.kind == SDP_HOST_IPV6)
        sip_edit_address(media->reading, what, place->host.text, place->host.address, new);
}

static void
edit_port_of(struct media *media, enum sip_alg_place what, const struct sdp_place *place, uint16_t port)
{
    if (place->port != port)
        sip_edit_number(media->reading, what, place->port_text, port);
}

/* A second a=rtcp, or c= (of a lower layer, RFC 8866 section 5.7), may name something else. */
static void
edit_rtcp(struct media *media, const struct sdp_place *place, const struct medium *medium)
{
    bool has_address = place->host.kind == SDP_HOST_IPV4 || place->host.kind == SDP_HOST_IPV6;

    if (place->port != medium->rtcp.port || (has_address && !address_equal(place->host.address, medium->rtcp.address)))
        return;
    edit_port_of(media, SIP_PLACE_RTCP, place, medium->new_rtcp.port);
    edit_host_of(media, SIP_PLACE_RTCP, place, medium->new_rtcp.address);
}

static void
edit_candidate(struct media *media, const struct sdp_place *place, const struct medium *medium)
{
    struct endpoint at = { place->host.address, place->port }, new;

    if (endpoint_equal(at, medium->rtp))
        new = medium->new_rtp;
    else if (medium->wants_rtcp && endpoint_equal(at, medium->rtcp))
        new = medium->new_rtcp;
    else
        return;
    edit_host_of(media, SIP_PLACE_CANDIDATE, place, new.address);
    edit_port_of(media, SIP_PLACE_CANDIDATE, place, new.port);
}

static void
edit_session_place(struct media *media, const struct sdp_place *place)
{
    const struct medium *medium = first_moved(media, place->kind == SDP_PLACE_CONNECTION && is_shared(media));

    if (!medium || !address_equal(place->host.address, medium->rtp.address))
        return;
    if (place->kind == SDP_PLACE_ORIGIN)
        edit_host_of(media, SIP_PLACE_ORIGIN, place, medium->new_rtp.address);
    else if (place->kind == SDP_PLACE_CONNECTION)
        edit_host_of(media, SIP_PLACE_CONNECTION, place, medium->new_rtp.address);
}

static void
edit_place(struct media *media, const struct sdp_place *place)
{
    const struct medium *medium = &media->list[place->section];

    if (!medium->moved)
        return;
    switch (place->kind) {
    case SDP_PLACE_CONNECTION:
        if (address_equal(place->host.address, medium->rtp.address))
            edit_host_of(media, SIP_PLACE_CONNECTION, place, medium->new_rtp.address);
        break;
    case SDP_PLACE_MEDIA:
        edit_port_of(media, SIP_PLACE_MEDIA, place, medium->new_rtp.port);
        break;
    case SDP_PLACE_RTCP:
        edit_rtcp(media, place, medium);
        break;
    case SDP_PLACE_CANDIDATE:
        edit_candidate(media, place, medium);
        break;
    default:
        break;
    }
}

/* A c= of its own, which stands behind m= and i= (RFC 8866 section 5). */
static void
tell_connection(struct media *media, int number)
{
    const struct sdp_session *session = media->session;
    const struct medium *medium = &media->list[number];
    const struct sdp_line *before = sdp_line_find(session, number, 'i', NULL);
    char text[SIP_EDIT_TEXT], address[ADDRESS_TEXT];

    if (!medium->deviates)
        return;
    if (!before)
        before = &session->lines[session->media[number].first];
    g_snprintf(text, sizeof text, "\r\nc=IN IP%c %s", address_is_ipv4(medium->new_rtp.address) ? '4' : '6',
               address_format(medium->new_rtp.address, address));
    sip_edit(media->reading, SIP_PLACE_CONNECTION, span_of(session->text.bytes + before->offset + before->length, 0),
             text);
}

/* Where RTCP is no longer one port above, somebody has to say so (RFC 3605): behind the medium's last line, which may lack
 * its end. */
static void
tell_rtcp(struct media *media, int number)
{
    const struct sdp_session *session = media->session;
    const struct medium *medium = &media->list[number];
    const struct sdp_line *last = &session->lines[session->media[number].end - 1];
    char text[SIP_EDIT_TEXT], address[ADDRESS_TEXT];
    int length;

    if (!medium->moved || !medium->wants_rtcp || medium->has_rtcp || medium->new_rtcp.port == medium->new_rtp.port + 1)
        return;
    length = g_snprintf(text, sizeof text, "\r\na=rtcp:%u", medium->new_rtcp.port);
    if (!address_equal(medium->new_rtcp.address, medium->new_rtp.address))
        g_snprintf(text + length, sizeof text - (size_t)length, " IN IP%c %s",
                   address_is_ipv4(medium->new_rtcp.address) ? '4' : '6',
                   address_format(medium->new_rtcp.address, address));
    sip_edit(media->reading, SIP_PLACE_RTCP, span_of(session->text.bytes + last->offset + last->length, 0), text);
}

static void
edit_places(struct media *media)
{
    struct sdp_places walk = SDP_PLACES_BEGIN;
    struct sdp_place place;

    while (sdp_place_next(media->session, &walk, &place)) {
        if (place.section == SDP_SESSION_LEVEL)
            edit_session_place(media, &place);
        else
            edit_place(media, &place);
    }
    for (int i = 0; i < media->session->media_count; i++) {
        tell_connection(media, i);
        tell_rtcp(media, i);
    }
}

static void
edit_content_length(struct sip_reading *reading)
{
    const struct sip_header *header = sip_message_find(&reading->sip, SIP_HEADER_CONTENT_LENGTH, 0);
    size_t body = sip_message_offset(&reading->sip, reading->sip.body), length = reading->sip.body.length;

    for (unsigned i = 0; i < reading->count; i++) {
        if (reading->edits[i].at >= body)
            length += reading->edits[i].text_length - reading->edits[i].length;
    }
    if (header && length != reading->sip.body.length && !sip_has_quirk(reading, SIP_QUIRK_CONTENT_LENGTH))
        sip_edit_number(reading, SIP_PLACE_CONTENT_LENGTH, header->value, (uint32_t)length);
}

/* ---- the body */

/* Whether descriptions are offers and answers in such a message (RFC 3264; RFC 3261 section 13.2.1, RFC 3262 section 5,
 * RFC 3311 section 5): what answers OPTIONS, or refuses an INVITE, tells only what somebody could do. */
static bool
agrees_on_media(const struct sip_message *message)
{
    switch (message->method_id) {
    case SIP_INVITE:
    case SIP_ACK:
    case SIP_PRACK:
    case SIP_UPDATE:
        return message->request || message->status < 300;
    default:
        return false;
    }
}

/* A description that is there to be read: what is coded, or in several parts, is left alone. */
static bool
has_description(struct sip_reading *reading)
{
    return reading->sip.body.length > 0 && agrees_on_media(&reading->sip) &&
           sip_content_is(&reading->sip, "application/sdp") &&
           !sip_message_find(&reading->sip, SIP_HEADER_CONTENT_ENCODING, 0) &&
           sdp_session_parse(reading->sip.body, &reading->session, NULL) == SDP_FAULT_NONE &&
           reading->session.media_count <= SIP_STREAMS_MAX;
}

bool
sip_edit_media(struct sip_reading *reading)
{
    struct media media = { .reading = reading, .session = &reading->session };

    reading->described = has_description(reading);
    if (!reading->described)
        return true;
    if (!settle(&media))
        return false;
    edit_places(&media);
    edit_content_length(reading);
    return true;
}

/* ---- what the peer says */

/* An address from which packets can come from outside as they are. */
static bool
tells_something(struct address address)
{
    return !address_is_unspecified(address) && !address_is_private(address) && !address_is_for_all(address);
}

static void
note_media(struct sip_reading *reading)
{
    const struct sdp_session *session = &reading->session;
    struct sdp_connection connection;

    for (int i = 0; i < session->media_count; i++) {
        if (sdp_media_line_of(session, i).port == 0 || !sdp_media_connection(session, i, &connection) ||
            (connection.to.host.kind != SDP_HOST_IPV4 && connection.to.host.kind != SDP_HOST_IPV6))
            continue;
        if (i >= (int)SIP_STREAMS_MAX || address_is_unspecified(connection.to.host.address))
            continue;
        reading->peer_said |= 1u << i;
        reading->peer_media[i] =
            tells_something(connection.to.host.address) ? connection.to.host.address : ADDRESS_NONE;
    }
}

/* Requests of the dialog come from the peer itself, unless proxies want to stay on the way. */
static void
note_contact(struct sip_reading *reading)
{
    struct span value = sip_message_value(&reading->sip, SIP_HEADER_CONTACT);
    struct sip_name_addr contact;

    if (reading->sip.method_id == SIP_INVITE && !sip_message_find(&reading->sip, SIP_HEADER_RECORD_ROUTE, 0) &&
        sip_name_addr_decode(value, &contact) && !contact.star && contact.uri.sip &&
        tells_something(contact.uri.at.address))
        reading->peer_contact = contact.uri.at.address;
}

/* Before there is a final answer others may ring, too, and send early media: nobody is kept out (RFC 3960 section 2). */
void
sip_note_peer(struct sip_reading *reading)
{
    if (!reading->sip.request && reading->sip.status < 200)
        return;
    if (reading->described)
        note_media(reading);
    note_contact(reading);
}

static void
narrow_stream(struct alg_seat *seat, struct sip_stream *stream, struct address peer)
{
    struct endpoint from = { peer, 0 };

    stream->peer = peer;
    for (int i = 0; i < 2; i++) {
        if (stream->pinholes[i])
            (void)alg_narrow(seat, stream->pinholes[i], from);
    }
}

void
sip_narrow(struct sip_reading *reading, struct sip_dialog *dialog)
{
    bool forked = dialog->peer_count > 1; /* several have answered: until all but one have had a BYE it may be any */

    for (unsigned i = 0; i < SIP_STREAMS_MAX; i++) {
        if (reading->peer_said & 1u << i)
            narrow_stream(reading->seat, &dialog->streams[i], forked ? ADDRESS_NONE : reading->peer_media[i]);
    }
    if (address_is_none(reading->peer_contact))
        return;
    dialog->peer_contact = forked ? ADDRESS_NONE : reading->peer_contact;
    if (dialog->contact)
        (void)alg_narrow(reading->seat, dialog->contact, (struct endpoint){ dialog->peer_contact, 0 });
}
