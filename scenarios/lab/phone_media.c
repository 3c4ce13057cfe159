/* Theory of operation: the media session of one call.
 *
 * A session begins when its call does (`open`), with two sockets, or an ICE agent. It is `ready` when a description can be
 * made: at once, or when STUN has told both sockets' addresses, or ICE has gathered; who asked before is told then. What
 * the peer's description says is carried out by `apply`, which is also where RTP starts.
 *
 * ICE falls back to plain RTP when the peer has none, or when a description's default addresses are none of its candidates
 * (RFC 8839 section 4.2.5): the agent goes, and its sockets' ports are opened anew, so that what our own description said
 * of them stays true. */
#include <string.h>

#include "scenarios/lab/phone_private.h"

enum { PAIR_TRIES = 64 };

static void
say_ready(struct session *session, bool ready)
{
    bool asked = session->told;

    session->ready = ready;
    session->failed = !ready;
    session->told = false;
    if (asked)
        sip_call_media_ready(session->sip, ready);
}

/* ---- sockets */

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct session *session = owner;

    if (session->stun && stun_client_datagram(session->stun, udp, datagram))
        return;
    if (session->rtp)
        (void)rtp_session_input(session->rtp, udp, datagram);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct session *session = owner;

    if (session->stun && stun_client_icmp(session->stun, udp, icmp))
        return;
    if (session->rtp)
        rtp_session_icmp(session->rtp, icmp);
}

static const struct io_udp_events socket_events = { on_datagram, on_icmp };

static void
close_sockets(struct session *session)
{
    for (unsigned i = 0; i < PHONE_SOCKETS; i++) {
        if (session->sockets[i])
            session->sockets[i]->ops->close(session->sockets[i]);
        session->sockets[i] = NULL;
    }
}

static bool
open_at(struct session *session, const struct endpoint at[PHONE_SOCKETS])
{
    struct io *io = session->phone->io;
    enum io_result why;

    for (unsigned i = 0; i < PHONE_SOCKETS; i++)
        session->sockets[i] = io->ops->udp(io, &at[i], &socket_events, session, &why);
    if (session->sockets[0] && session->sockets[1])
        return true;
    close_sockets(session);
    return false;
}

static bool
open_from(struct session *session, uint16_t port)
{
    struct endpoint at[PHONE_SOCKETS] = { { ADDRESS_NONE, port }, { ADDRESS_NONE, (uint16_t)(port + 1) } };

    return open_at(session, at);
}

/* An even port and the next (RFC 3550 section 11). */
static bool
open_pair(struct session *session)
{
    struct io *io = session->phone->io;

    if (session->options.port)
        return open_from(session, session->options.port);
    for (int tries = 0; tries < PAIR_TRIES; tries++) {
        struct endpoint any = { ADDRESS_NONE, 0 };
        enum io_result why;
        struct io_udp *probe = io->ops->udp(io, &any, &socket_events, session, &why);
        uint16_t port;

        if (!probe)
            return false;
        port = (uint16_t)(probe->ops->local(probe).port & ~1u);
        probe->ops->close(probe);
        if (open_from(session, port))
            return true;
    }
    return false;
}

/* What the host's own address is, towards whom the phone talks with; its first, without anybody. */
static struct address
own_address(const struct session *session)
{
    struct phone *phone = session->phone;
    struct address address = ADDRESS_NONE, peer = phone->options.agent.registrar.address;
    struct io_address first;

    if (!address_is_none(peer) && phone->io->ops->source(phone->io, &peer, &address) == IO_OK)
        return address;
    if (phone->io->ops->addresses(phone->io, &first, 1) > 0)
        return first.address;
    return ADDRESS_NONE;
}

static void
take_own_addresses(struct session *session)
{
    struct address address = own_address(session);

    session->base = address;
    for (unsigned i = 0; i < PHONE_SOCKETS; i++)
        session->own[i] = (struct endpoint){ address, session->sockets[i]->ops->local(session->sockets[i]).port };
}

/* ---- STUN: from the sockets that media go by */

static void
on_mapped(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct session *session = owner;
    unsigned i = result->udp == session->sockets[1];

    (void)transaction;
    if (session->ready || session->failed)
        return;
    if (result->outcome != STUN_OUTCOME_ANSWERED) {
        say_ready(session, session->described != NULL); /* of a call that stands: what was known holds */
        return;
    }
    session->own[i] = result->has_xor_mapped ? result->xor_mapped : result->mapped;
    if (--session->asking == 0)
        say_ready(session, true);
}

static void
ask_stun(struct session *session)
{
    struct phone *phone = session->phone;

    if (session->stun)
        stun_client_free(session->stun); /* with what it asks still */
    session->stun = stun_client_new(phone->io, NULL);
    session->asking = 0;
    session->base = own_address(session);
    for (unsigned i = 0; i < PHONE_SOCKETS; i++) {
        struct stun_request request = {
            .udp = session->sockets[i], .server = phone->options.stun, .done = on_mapped, .owner = session
        };

        session->asking++;
        (void)stun_client_binding(session->stun, &request);
    }
}

/* ---- RTP */

static void
rtp_open(struct session *session, struct io_udp *rtp, struct io_udp *rtcp)
{
    struct rtp_session_options options = session->options.rtp;
    enum io_result why;

    options.rtp = rtp;
    options.rtcp = rtcp;
    options.rtcp_way = RTP_RTCP_NEXT;
    session->rtp = rtp_session_new(session->phone->io, &options, NULL, NULL, &why);
    session->failed |= !session->rtp;
}

static enum rtp_direction
rtp_direction_of(enum sdp_direction direction)
{
    switch (direction) {
    case SDP_SENDONLY:
        return RTP_SENDONLY;
    case SDP_RECVONLY:
        return RTP_RECVONLY;
    case SDP_INACTIVE:
        return RTP_INACTIVE;
    default:
        return RTP_SENDRECV;
    }
}

/* What we may do is what the peer says, seen from here, and what we want ourselves. */
static enum sdp_direction
wished(const struct session *session)
{
    static const enum sdp_direction directions[] = {
        [RTP_SENDRECV] = SDP_SENDRECV,
        [RTP_SENDONLY] = SDP_SENDONLY,
        [RTP_RECVONLY] = SDP_RECVONLY,
        [RTP_INACTIVE] = SDP_INACTIVE,
    };
    enum sdp_direction direction = directions[session->options.rtp.direction];

    return session->held ? sdp_direction_hold(direction) : direction;
}

static void
start(struct session *session)
{
    if (session->started || session->failed || !session->rtp)
        return;
    session->started = true;
    rtp_session_start(session->rtp);
}

/* With ICE it goes where the agent's pair leads, when there is one. */
static bool
has_way(struct session *session)
{
    struct ice_path path;

    if (!session->ice)
        return session->peer.port != 0;
    if (!ice_session_path(ice_agent_session(session->ice), 0, 1, &path))
        return false;
    session->peer = path.to;
    rtp_session_set_peer(session->rtp, path.to, (struct endpoint){ ADDRESS_NONE, 0 });
    return true;
}

static void
apply(struct session *session, const struct phone_sdp_peer *peer)
{
    enum sdp_direction direction = sdp_direction_answer(peer->direction, wished(session));

    if (!session->rtp)
        return;
    if (!session->started)
        rtp_session_set_codec(session->rtp, peer->codec);
    session->direction = rtp_direction_of(direction);
    rtp_session_set_direction(session->rtp, session->direction);
    session->held_before = session->held;
    if (!session->ice) {
        session->peer = peer->rtp;
        rtp_session_set_peer(session->rtp, peer->rtp, peer->rtcp);
    }
    if (has_way(session))
        start(session);
}

/* ---- ICE */

/* The host has moved, so that this generation leads nowhere (RFC 8445 section 9): a new one, by a re-INVITE, which waits
 * until it has gathered. Where no change can be made now there is none. */
static void
restart_ice(struct session *session)
{
    if (!session->ready)
        return;
    session->ready = false;
    if (sip_call_renew(session->sip))
        ice_agent_restart(session->ice);
    else
        session->ready = true;
}

/* The peer's offer that names the pairs it has selected can be answered; when one of them is lost here, a restart follows
 * (RFC 8839 section 4.4.3.2). */
static void
agree(struct session *session, enum ice_state state)
{
    session->renewal_due |= state == ICE_FAILED;
    session->agreed = true;
    say_ready(session, true);
    session->agreed = false;
}

static void
on_ice(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct session *session = owner;

    (void)agent;
    switch (news->event) {
    case ICE_AGENT_CLOSED:
        g_ptr_array_remove(session->phone->leaving, session);
        phone_session_free(session);
        break;
    case ICE_AGENT_GATHERED:
        if (session->sip)
            say_ready(session, true);
        break;
    case ICE_AGENT_NETWORK:
        if (session->sip)
            restart_ice(session);
        break;
    case ICE_AGENT_SELECTED:
        if (session->sip && news->stream == 0 && news->component == 1 && session->ice_taken && has_way(session))
            start(session);
        break;
    case ICE_AGENT_STATE:
        if (session->sip)
            phone_session_catch_up(session);
        break;
    case ICE_AGENT_AGREED:
        if (session->sip)
            agree(session, news->state);
        break;
    default:
        break;
    }
}

static void
open_ice(struct session *session)
{
    struct phone *phone = session->phone;
    struct ice_agent_options options = phone->options.ice;

    options.session.streams = 1;
    options.session.components = PHONE_SOCKETS;
    options.session.controlling = session->offers;
    options.session.trickle = false;
    options.media = "audio";
    session->ice = ice_agent_new(phone->io, &options, on_ice, session);
    rtp_open(session, ice_agent_component(session->ice, 0, 1), ice_agent_component(session->ice, 0, 2));
    if (!session->rtp)
        return;
    for (unsigned i = 1; i <= PHONE_SOCKETS; i++) {
        struct io_udp *udp = ice_agent_component(session->ice, 0, i);

        udp->events = &rtp_session_events;
        udp->owner = session->rtp;
    }
    ice_agent_gather(session->ice);
}

/* The base of what our description has as default; none when it is a relayed address, or was never said. */
static struct endpoint
base_of(const struct session *session, unsigned component)
{
    const struct ice_session *ice = ice_agent_session(session->ice);

    for (unsigned i = 0; i < ice_session_locals(ice); i++) {
        const struct ice_candidate *candidate = ice_session_local(ice, i);

        if (candidate && candidate->component == component && candidate->type != ICE_RELAY &&
            endpoint_equal(candidate->endpoint, session->own[component - 1]))
            return candidate->base;
    }
    return (struct endpoint){ ADDRESS_NONE, 0 };
}

/* Plain RTP from now on. */
static void
fall_back(struct session *session)
{
    struct endpoint base[PHONE_SOCKETS] = { base_of(session, 1), base_of(session, 2) };
    bool same = session->described && base[0].port != 0 && base[1].port != 0;

    g_clear_pointer(&session->rtp, rtp_session_free);
    g_clear_pointer(&session->ice, ice_agent_free);
    session->fallen_back = true;
    session->started = false;
    session->ready = true;
    if (same ? !open_at(session, base) : !open_pair(session)) {
        session->failed = true;
        return;
    }
    if (!same)
        take_own_addresses(session);
    rtp_open(session, session->sockets[0], session->sockets[1]);
}

/* The peer's description is ICE's, too. */
static void
take_ice(struct session *session, struct span description)
{
    g_autoptr(GError) error = NULL;

    if (ice_agent_take_description(session->ice, description, &error)) {
        session->ice_taken = true;
        return;
    }
    session->mismatch = g_error_matches(error, ICE_AGENT_ERROR, ICE_AGENT_FAULT_MISMATCH);
    if (!session->ice_taken)
        fall_back(session);
}

/* ---- descriptions */

/* What is said of the sockets is the host's own address, which may be another by now; what STUN has told, and the
 * addresses that were ICE's before it fell back, stay as they were told. */
static bool
follows_own_addresses(const struct session *session)
{
    return session->phone->options.contact == PHONE_LOCAL && session->sockets[0];
}

static bool
write_description(const struct phone_sdp *sdp, struct span offer, GString *out)
{
    g_string_truncate(out, 0);
    if (offer.length > 0)
        return phone_sdp_answer(out, sdp, offer);
    phone_sdp_offer(out, sdp);
    return true;
}

/* As it is now, and one version higher when it says something else than before (RFC 3264 section 8). */
static bool
describe(struct session *session, struct span offer, GString *out)
{
    g_autoptr(GString) session_lines = g_string_new(NULL), media_lines = g_string_new(NULL);
    g_autoptr(GString) ice = g_string_new(NULL);
    struct phone_sdp sdp = { .id = session->sdp_id,
                             .first = session->options.rtp.codec ? session->options.rtp.codec : &rtp_codecs[0],
                             .direction = wished(session) };

    if (follows_own_addresses(session))
        take_own_addresses(session);
    if (session->ice) {
        ice_agent_description(session->ice, ice);
        if (!phone_sdp_take_ice(span_of(ice->str, ice->len), session_lines, media_lines, session->own))
            return false;
        sdp.has_rtcp = true;
    } else if (session->mismatch) {
        g_string_append(media_lines, "a=ice-mismatch\r\n");
    }
    sdp.session_lines = session_lines->str;
    sdp.media_lines = media_lines->str;
    memcpy(sdp.own, session->own, sizeof sdp.own);
    sdp.version = session->sdp_version;
    if (!write_description(&sdp, offer, out))
        return false;
    if (session->described && !g_string_equal(session->described, out)) {
        sdp.version = ++session->sdp_version;
        (void)write_description(&sdp, offer, out);
    }
    if (!session->described)
        session->described = g_string_new(NULL);
    g_string_assign(session->described, out->str);
    return true;
}

static enum sip_media_step
wait_or_fail(struct session *session)
{
    if (session->failed)
        return SIP_MEDIA_REFUSED;
    session->told = true;
    return SIP_MEDIA_LATER;
}

static enum sip_media_step
media_offer(void *data, GString *out)
{
    struct session *session = data;
    g_autoptr(GString) text = g_string_new(NULL);

    if (!session->ready || session->failed)
        return wait_or_fail(session);
    if (!describe(session, span_of(NULL, 0), text))
        return SIP_MEDIA_REFUSED;
    g_string_append_len(out, text->str, (gssize)text->len);
    return SIP_MEDIA_READY;
}

static enum sip_media_step
media_answer(void *data, struct span offer, GString *out)
{
    struct session *session = data;
    g_autoptr(GString) text = g_string_new(NULL);
    struct phone_sdp_peer peer;

    if (session->failed || !phone_sdp_read(offer, &peer))
        return SIP_MEDIA_REFUSED;
    if (!session->ready)
        return wait_or_fail(session);
    if (session->ice && !session->agreed)
        take_ice(session, offer);
    /* The peer has restarted, and so do we; or it has selected pairs that are not known here yet. */
    if (session->ice && (!ice_agent_has_gathered(session->ice) || ice_agent_is_agreeing(session->ice))) {
        session->ready = false;
        return wait_or_fail(session);
    }
    if (session->failed || !describe(session, offer, text))
        return SIP_MEDIA_REFUSED;
    apply(session, &peer);
    g_string_append_len(out, text->str, (gssize)text->len);
    return SIP_MEDIA_READY;
}

static bool
media_take(void *data, struct span answer, bool early)
{
    struct session *session = data;
    struct phone_sdp_peer peer;

    (void)early;
    if (session->failed || !session->described ||
        !phone_sdp_read_answer(span_of(session->described->str, session->described->len), answer, &peer))
        return false;
    if (session->ice)
        take_ice(session, answer);
    apply(session, &peer);
    return !session->failed;
}

static void
media_withdraw(void *data)
{
    struct session *session = data;

    session->held = session->held_before;
    if (session->call)
        session->call->held = session->held;
}

static void
media_hold(void *data, bool held)
{
    ((struct session *)data)->held = held;
}

/* ---- life */

static void *
media_open(void *owner, struct sip_call *sip, void *wish)
{
    struct phone *phone = owner;
    struct session *session = g_new0(struct session, 1);
    uint32_t id;

    session->phone = phone;
    session->sip = sip;
    session->offers = sip_call_is_ours(sip);
    session->options = wish ? *(struct phone_media_options *)wish : phone->options.media;
    phone->io->ops->random(phone->io, &id, sizeof id);
    session->sdp_id = id;
    session->sdp_version = 1;
    session->direction = session->options.rtp.direction;
    if (phone->options.contact == PHONE_ICE) {
        open_ice(session);
        return session;
    }
    session->failed = !open_pair(session);
    if (session->failed)
        return session;
    take_own_addresses(session);
    rtp_open(session, session->sockets[0], session->sockets[1]);
    if (phone->options.contact == PHONE_STUN)
        ask_stun(session);
    else
        session->ready = true;
    return session;
}

void
phone_session_free(struct session *session)
{
    g_clear_pointer(&session->rtp, rtp_session_free);
    g_clear_pointer(&session->ice, ice_agent_free);
    if (session->stun)
        stun_client_free(session->stun);
    close_sockets(session);
    if (session->described)
        g_string_free(session->described, TRUE);
    g_free(session);
}

/* The agent says goodbye to its TURN servers first. */
static void
leave_ice(struct session *session)
{
    for (unsigned i = 1; i <= PHONE_SOCKETS; i++) {
        struct io_udp *udp = ice_agent_component(session->ice, 0, i);

        udp->ops->close(udp);
    }
    g_clear_pointer(&session->rtp, rtp_session_free);
    g_ptr_array_add(session->phone->leaving, session);
    ice_agent_close(session->ice);
}

static void
media_close(void *data)
{
    struct session *session = data;

    phone_session_hang_up(session);
    if (session->call) {
        phone_session_look(session, &session->call->last);
        session->call->session = NULL;
        session->call = NULL;
    }
    session->sip = NULL;
    if (session->ice && !session->phone->freed)
        leave_ice(session);
    else
        phone_session_free(session);
}

const struct sip_media_policy phone_media_policy = { media_open,     media_offer, media_answer, media_take,
                                                     media_withdraw, media_hold,  media_close };

void
phone_session_hang_up(struct session *session)
{
    if (session->rtp && session->started)
        rtp_session_stop(session->rtp);
}

/* Before our own re-INVITE: whatever may have changed is found out anew, and the offer waits for that. */
void
phone_session_renew(struct session *session)
{
    if (!session->ready || session->failed)
        return;
    if (session->ice) {
        session->ready = false;
        ice_agent_restart(session->ice);
    } else if (session->phone->options.contact == PHONE_STUN) {
        session->ready = false;
        ask_stun(session);
    }
}

void
phone_session_catch_up(struct session *session)
{
    if (!session->ready || session->failed || sip_call_state(session->sip) != SIP_CALL_STANDING ||
        sip_call_is_changing(session->sip))
        return;
    if (session->renewal_due) {
        session->renewal_due = false;
        phone_session_renew(session);
        (void)sip_call_renew(session->sip);
    } else if (session->ice && ice_agent_owes_offer(session->ice)) {
        (void)sip_call_renew(session->sip); /* RFC 8839 section 4.4.1.2.2 */
    }
}

/* Nothing can be said without an address, and one that comes is told. */
void
phone_session_moved(struct session *session)
{
    struct address address = own_address(session);

    if (address_is_none(session->base) || address_is_none(address) || address_equal(address, session->base))
        return;
    session->renewal_due = true;
    phone_session_catch_up(session);
}

/* ---- to look at */

static void
look_at_pair(const struct session *session, struct phone_media *media)
{
    const struct ice_session *ice = ice_agent_session(session->ice);
    const struct ice_pair *pair = ice_session_selected(ice, 0, 1);
    const struct ice_candidate *own = pair ? ice_session_local(ice, pair->local) : NULL;
    const struct ice_candidate *peer = pair ? ice_session_remote(ice, pair->remote) : NULL;
    enum ice_state state = ice_session_state(ice);

    media->ice_state = state == ICE_FAILED ? "failed" : state == ICE_COMPLETED ? "completed" : "running";
    if (!own || !peer)
        return;
    media->has_pair = true;
    media->pair_own = *own;
    media->pair_peer = *peer;
    media->pair_rtt = pair->rtt;
}

void
phone_session_look(const struct session *session, struct phone_media *media)
{
    static const char *const ways[] = { "local", "stun", "ice" };

    *media = (struct phone_media){ .way = session->fallen_back ? "plain" : ways[session->phone->options.contact],
                                   .own = session->own[0],
                                   .peer = session->peer,
                                   .direction = session->direction,
                                   .pair_rtt = -1 };
    if (session->rtp)
        rtp_session_stats(session->rtp, &media->stats);
    if (session->ice)
        look_at_pair(session, media);
}
