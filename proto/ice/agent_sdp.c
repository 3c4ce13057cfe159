/* An agent's descriptions, its own and the peer's (RFC 8839, RFC 8840, RFC 6544 section 4.5). */
#include "proto/ice/agent_private.h"

#include "proto/sdp/attributes.h"
#include "proto/sdp/ice.h"

G_DEFINE_QUARK(ice - agent - error - quark, ice_agent_error)

static const char *const sentences[] = {
#define X(name, sentence) sentence,
    ICE_AGENT_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(sentences) == ICE_AGENT_FAULT_COUNT);

static bool
refuse(GError **error, enum ice_agent_fault fault, const struct sdp_error *where)
{
    g_autoptr(GString) text = g_string_new(sentences[fault]);

    if (where && where->fault != SDP_FAULT_NONE) {
        g_string_append(text, ": ");
        sdp_error_say(where, text);
    }
    g_set_error_literal(error, ICE_AGENT_ERROR, (int)fault, text->str);
    return false;
}

/* ---- candidates */

static enum sdp_tcptype
tcptype_of(enum ice_transport transport)
{
    static const enum sdp_tcptype types[ICE_TRANSPORTS] = {
        [ICE_UDP] = SDP_TCPTYPE_NONE,
        [ICE_TCP_ACTIVE] = SDP_TCP_ACTIVE,
        [ICE_TCP_PASSIVE] = SDP_TCP_PASSIVE,
        [ICE_TCP_SO] = SDP_TCP_SO,
    };

    return types[transport];
}

static enum sdp_candidate_type
type_of(enum ice_type type)
{
    static const enum sdp_candidate_type types[ICE_TYPES] = {
        [ICE_HOST] = SDP_HOST, [ICE_SRFLX] = SDP_SRFLX, [ICE_PRFLX] = SDP_PRFLX, [ICE_RELAY] = SDP_RELAY
    };

    return types[type];
}

/* Where a related address is demanded and hidden it is 0.0.0.0 or :: and the discard port (RFC 8839 section 5.1). */
static void
put_candidate(const struct ice_candidate *candidate, struct span extensions, GString *out)
{
    bool ipv4 = address_is_ipv4(candidate->endpoint.address);
    struct endpoint related = candidate->related;
    struct sdp_candidate line = {
        .foundation = span_of_text(candidate->foundation),
        .component = candidate->component,
        .transport = candidate->transport == ICE_UDP ? SDP_TRANSPORT_UDP : SDP_TRANSPORT_TCP,
        .priority = candidate->priority,
        .host = sdp_host_of(candidate->endpoint.address),
        .port = candidate->endpoint.port,
        .type = type_of(candidate->type),
        .tcptype = tcptype_of(candidate->transport),
        .extensions = extensions,
    };

    if (candidate->type != ICE_HOST) {
        if (address_is_none(related.address))
            related = (struct endpoint){ ipv4 ? address_ipv4(0) : ADDRESS_NONE, SDP_PORT_NONE };
        line.related = sdp_host_of(related.address);
        line.has_related_port = true;
        line.related_port = related.port;
    }
    sdp_put_candidate(out, &line);
}

void
ice_agent_candidate_say(const struct ice_agent *agent, const struct ice_candidate *candidate, GString *out)
{
    g_autofree char *extensions = g_strdup_printf("ufrag %s", ice_session_ufrag(agent->session));

    put_candidate(candidate, span_of_text(extensions), out);
}

/* False: we have no use for it. */
static bool
read_candidate(const struct sdp_candidate *line, unsigned stream, struct ice_candidate *candidate)
{
    static const enum ice_type types[] = {
        [SDP_HOST] = ICE_HOST, [SDP_SRFLX] = ICE_SRFLX, [SDP_PRFLX] = ICE_PRFLX, [SDP_RELAY] = ICE_RELAY
    };
    static const enum ice_transport transports[] = { [SDP_TCPTYPE_NONE] = ICE_UDP,
                                                     [SDP_TCP_ACTIVE] = ICE_TCP_ACTIVE,
                                                     [SDP_TCP_PASSIVE] = ICE_TCP_PASSIVE,
                                                     [SDP_TCP_SO] = ICE_TCP_SO };

    if (line->transport == SDP_TRANSPORT_OTHER || line->type == SDP_TYPE_OTHER ||
        (line->host.kind != SDP_HOST_IPV4 && line->host.kind != SDP_HOST_IPV6) ||
        line->foundation.length > ICE_FOUNDATION_MOST)
        return false;
    *candidate =
        (struct ice_candidate){ .type = types[line->type],
                                .transport = line->transport == SDP_TRANSPORT_UDP ? ICE_UDP : transports[line->tcptype],
                                .stream = (uint8_t)stream,
                                .component = line->component,
                                .priority = line->priority,
                                .endpoint = { line->host.address, line->port } };
    if (candidate->transport == ICE_TCP_ACTIVE)
        candidate->endpoint.port = ICE_TCP_DISCARD_PORT; /* whatever stands there (RFC 6544 section 4.5) */
    if (line->related.kind == SDP_HOST_IPV4 || line->related.kind == SDP_HOST_IPV6)
        candidate->related = (struct endpoint){ line->related.address, line->related_port };
    memcpy(candidate->foundation, line->foundation.bytes, line->foundation.length);
    return true;
}

/* ---- the own description */

static bool
default_better(const struct ice_candidate *a, const struct ice_candidate *b)
{
    static const int rank[ICE_TYPES] = { [ICE_HOST] = 1, [ICE_SRFLX] = 2, [ICE_PRFLX] = 0, [ICE_RELAY] = 3 };

    return !b || rank[a->type] > rank[b->type] || (rank[a->type] == rank[b->type] && a->priority > b->priority);
}

/* RFC 8839 section 4.2.1.2: what works most likely for a peer without ICE; once selected, that. */
static struct endpoint
default_at(const struct ice_agent *agent, unsigned stream, unsigned component)
{
    const struct ice_candidate *selected = agent_selected_local(agent, stream, component), *best = NULL;

    if (selected && agent_is_concluded(agent, stream))
        return selected->endpoint;
    for (guint i = 0; i < agent->signalled->len; i++) {
        unsigned number = g_array_index(agent->signalled, uint16_t, i);
        const struct ice_candidate *candidate = ice_session_local(agent->session, number);

        if (!candidate || candidate->stream != stream || candidate->component != component ||
            candidate->transport != ICE_UDP)
            continue;
        if (default_better(candidate, best))
            best = candidate;
    }
    return best ? best->endpoint : (struct endpoint){ address_ipv4(0), SDP_PORT_NONE };
}

static void
put_rtcp(const struct ice_agent *agent, unsigned stream, GString *out)
{
    struct endpoint at;
    struct sdp_rtcp rtcp;

    if (agent->options.session.components < 2)
        return;
    at = default_at(agent, stream, 2);
    rtcp = (struct sdp_rtcp){ .port = at.port, .to = sdp_network_of(at.address) };
    sdp_put_rtcp(out, &rtcp);
}

static void
put_candidate_line(const struct ice_candidate *candidate, GString *out)
{
    g_string_append(out, "a=");
    put_candidate(candidate, span_of(NULL, 0), out);
    g_string_append(out, "\r\n");
}

/* What is selected alone. A candidate that was learned from a check has no foundation that could be told; the others'
 * are numbers. */
static void
put_selected(const struct ice_agent *agent, unsigned stream, GString *out)
{
    for (unsigned i = 1; i <= agent->options.session.components; i++) {
        const struct ice_candidate *selected = agent_selected_local(agent, stream, i);
        struct ice_candidate candidate;

        if (!selected)
            continue;
        candidate = *selected;
        if (!ice_is_ice_chars(span_of_text(candidate.foundation), 1, ICE_FOUNDATION_MOST))
            g_snprintf(candidate.foundation, sizeof candidate.foundation, "p%u", i);
        if (agent->options.relay_only)
            candidate.related = (struct endpoint){ ADDRESS_NONE, 0 };
        put_candidate_line(&candidate, out);
    }
    agent_put_remote_candidates(agent, stream, out);
}

static void
put_candidates(const struct ice_agent *agent, unsigned stream, GString *out)
{
    if (agent_is_concluded(agent, stream)) {
        put_selected(agent, stream, out);
        return;
    }
    for (guint i = 0; i < agent->signalled->len; i++) {
        const struct ice_candidate *candidate =
            ice_session_local(agent->session, g_array_index(agent->signalled, uint16_t, i));

        if (!candidate || candidate->stream != stream)
            continue;
        put_candidate_line(candidate, out);
    }
    if (agent->gathered && agent->options.session.trickle)
        sdp_put_attribute(out, "end-of-candidates", NULL);
}

static void
put_stream(const struct ice_agent *agent, unsigned stream, GString *out)
{
    struct endpoint at = default_at(agent, stream, 1);
    struct sdp_media_line line = { .media = span_of_text(agent->options.media),
                                   .protocol = span_of_text("udp"),
                                   .formats = span_of_text("octet-stream"),
                                   .port = at.port,
                                   .count = 1 };
    struct sdp_connection connection = sdp_connection_of(at.address);
    struct sdp_ice ice = { .ufrag = span_of_text(ice_session_ufrag(agent->session)),
                           .pwd = span_of_text(ice_session_pwd(agent->session)),
                           .mismatch = agent->mismatch,
                           .pacing_ms = SDP_PACING_MS };
    char mid[16];

    sdp_put_media_line(out, &line);
    sdp_put_connection(out, &connection);
    g_snprintf(mid, sizeof mid, "%u", stream);
    sdp_put_attribute(out, "mid", mid);
    put_rtcp(agent, stream, out);
    sdp_put_ice(out, &ice, (int)stream);
    put_candidates(agent, stream, out);
}

static const char *
options_of(const struct ice_agent *agent)
{
    if (agent->options.hides_ice2)
        return agent->options.session.trickle ? "trickle" : "";
    return agent->options.session.trickle ? "ice2 trickle" : "ice2";
}

/* All behind o=. */
static void
put_body(const struct ice_agent *agent, GString *out)
{
    const struct ice_session_options *options = &agent->options.session;
    struct sdp_times forever = { 0, 0 };
    struct sdp_ice ice = { .options = span_of_text(options_of(agent)),
                           .lite = options->lite,
                           .pacing_ms = options->lite ? SDP_PACING_MS : (uint64_t)(options->ta / TIME_MS) };

    sdp_put_text(out, 's', span_of_text("-"));
    sdp_put_times(out, &forever);
    sdp_put_ice(out, &ice, SDP_SESSION_LEVEL);
    for (unsigned i = 0; i < options->streams; i++)
        put_stream(agent, i, out);
}

/* One more than before when the text differs (RFC 3264 section 8). */
static void
count_version(struct ice_agent *agent, const char *body)
{
    uint32_t id;

    if (!agent->described_as) {
        agent->io->ops->random(agent->io, &id, sizeof id);
        agent->sdp_id = id;
    }
    if (g_strcmp0(agent->described_as, body) == 0)
        return;
    agent->sdp_version++;
    g_free(agent->described_as);
    agent->described_as = g_strdup(body);
}

void
ice_agent_description(struct ice_agent *agent, GString *out)
{
    g_autoptr(GString) body = g_string_new(NULL);
    struct sdp_origin origin = { .user = span_of_text("-") };

    put_body(agent, body);
    for (unsigned i = 0; i < agent->options.session.streams; i++)
        for (unsigned c = 1; c <= agent->options.session.components; c++)
            agent_note_own_defaults(agent, i, c, default_at(agent, i, c));
    count_version(agent, body->str);
    origin.session_id = agent->sdp_id;
    origin.version = agent->sdp_version;
    origin.at = sdp_network_of(default_at(agent, 0, 1).address);
    g_string_append(out, "v=0\r\n");
    sdp_put_origin(out, &origin);
    g_string_append_len(out, body->str, (gssize)body->len);
    agent_enter(agent);
    agent->described = true;
    agent_pump(agent);
    agent_leave(agent, false);
}

/* ---- the peer's */

struct offer {
    struct sdp_session session;
    struct sdp_ice ice; /* of the first stream; the same of all */
    bool trickle, ice2;
    uint32_t ended; /* by stream */
};

/* Everything that can be wrong, found before anything changes. */
static bool
check_stream(struct offer *offer, unsigned stream, GError **error)
{
    struct sdp_error where = { .fault = SDP_FAULT_NONE };
    const struct sdp_line *line = NULL;
    struct sdp_candidate candidate;
    struct sdp_ice ice;

    if (sdp_ice_read(&offer->session, (int)stream, &ice, &where) != SDP_FAULT_NONE)
        return refuse(error, ICE_AGENT_FAULT_MALFORMED, &where);
    if (ice.ufrag.length == 0)
        return refuse(error, ICE_AGENT_FAULT_NO_ICE, NULL);
    if (stream > 0 && (!span_equal(ice.ufrag, offer->ice.ufrag) || !span_equal(ice.pwd, offer->ice.pwd)))
        return refuse(error, ICE_AGENT_FAULT_CREDENTIALS, NULL);
    do {
        if (sdp_candidate_next(&offer->session, (int)stream, &line, &candidate, &where) != SDP_FAULT_NONE)
            return refuse(error, ICE_AGENT_FAULT_MALFORMED, &where);
    } while (line);
    if (agent_check_remote_candidates(&offer->session, stream, &where) != SDP_FAULT_NONE)
        return refuse(error, ICE_AGENT_FAULT_MALFORMED, &where);
    if (ice.mismatch || sdp_ice_is_mismatch(&offer->session, (int)stream))
        return refuse(error, ICE_AGENT_FAULT_MISMATCH, NULL);
    offer->ice = ice;
    offer->ended |= ice.end_of_candidates ? UINT32_C(1) << stream : 0;
    offer->trickle |= sdp_ice_has_option(&offer->session, (int)stream, "trickle");
    offer->ice2 |= sdp_ice_has_option(&offer->session, (int)stream, "ice2");
    return true;
}

static bool
check_offer(struct ice_agent *agent, struct span text, struct offer *offer, GError **error)
{
    struct sdp_error where = { .fault = SDP_FAULT_NONE };

    if (agent->closing)
        return refuse(error, ICE_AGENT_FAULT_CLOSED, NULL);
    if (sdp_session_parse(text, &offer->session, &where) != SDP_FAULT_NONE)
        return refuse(error, ICE_AGENT_FAULT_MALFORMED, &where);
    if (offer->session.media_count != (int)agent->options.session.streams)
        return refuse(error, ICE_AGENT_FAULT_STREAMS, NULL);
    for (unsigned i = 0; i < agent->options.session.streams; i++)
        if (!check_stream(offer, i, error))
            return false;
    if (span_equal(offer->ice.ufrag, span_of_text(ice_session_ufrag(agent->session))) &&
        span_equal(offer->ice.pwd, span_of_text(ice_session_pwd(agent->session))))
        return refuse(error, ICE_AGENT_FAULT_OWN, NULL);
    if (agent->stale_ufrag[0] && span_equal(offer->ice.ufrag, span_of_text(agent->stale_ufrag)))
        return refuse(error, ICE_AGENT_FAULT_STALE, NULL);
    return true;
}

static void
add_candidates(struct ice_agent *agent, const struct offer *offer, unsigned stream)
{
    const struct sdp_line *line = NULL;
    struct sdp_candidate from;
    struct ice_candidate candidate;

    while (sdp_candidate_next(&offer->session, (int)stream, &line, &from, NULL) == SDP_FAULT_NONE && line)
        if (read_candidate(&from, stream, &candidate))
            (void)ice_session_add_remote(agent->session, &candidate, agent_now(agent));
}

/* An end that comes before the description does not shut out the candidates that stand in that. */
static void
end_streams(struct ice_agent *agent, uint32_t streams)
{
    uint32_t all = (uint32_t)((UINT64_C(1) << agent->options.session.streams) - 1);

    agent->ended_streams |= streams;
    if (agent->remote_known && (agent->ended_streams & all) == all)
        ice_session_end_remote(agent->session, agent_now(agent));
}

static void
take_credentials(struct ice_agent *agent, const struct offer *offer)
{
    struct ice_remote remote = { .ufrag = offer->ice.ufrag,
                                 .pwd = offer->ice.pwd,
                                 .lite = offer->ice.lite,
                                 .ice2 = offer->ice2,
                                 .trickle = offer->trickle,
                                 .ta = offer->ice.lite ? 0 : (int64_t)MIN(offer->ice.pacing_ms, 10000) * TIME_MS };

    agent->remote_known = ice_session_set_remote(agent->session, &remote);
    agent->peer_ice2 = remote.ice2;
    memcpy(agent->remote_ufrag, remote.ufrag.bytes, remote.ufrag.length);
    agent->remote_ufrag[remote.ufrag.length] = '\0';
}

/* ICE is of no use with this peer, unless a better description comes. */
static void
take_mismatch(struct ice_agent *agent)
{
    agent_enter(agent);
    agent->mismatch = true;
    ice_session_mismatch(agent->session, agent_now(agent));
    agent_leave(agent, false);
}

bool
ice_agent_take_description(struct ice_agent *agent, struct span text, GError **error)
{
    struct offer offer = { .ended = 0 };
    g_autoptr(GError) why = NULL;

    if (!check_offer(agent, text, &offer, &why)) {
        if (why->code == ICE_AGENT_FAULT_MISMATCH)
            take_mismatch(agent);
        if (agent->transcript)
            ice_transcript_refused(agent->transcript, agent_now(agent), sentences[why->code]);
        g_propagate_error(error, g_steal_pointer(&why));
        return false;
    }
    agent_enter(agent);
    agent->mismatch = false;
    if (agent->remote_known && !span_equal(offer.ice.ufrag, span_of_text(agent->remote_ufrag))) {
        agent_news(agent, ICE_AGENT_RESTARTED); /* before the news of what is gathered for it */
        ice_agent_restart(agent);
    }
    if (!agent->remote_known)
        take_credentials(agent, &offer);
    for (unsigned i = 0; i < agent->options.session.streams; i++)
        add_candidates(agent, &offer, i);
    end_streams(agent, offer.ended);
    agent_take_update(agent, &offer.session);
    agent_tcp_relays_permit(agent);
    agent_pump(agent);
    agent_leave(agent, false);
    return true;
}

/* ---- trickled */

static bool
is_end(struct span line)
{
    static const char *const forms[] = { "end-of-candidates", "a=end-of-candidates" };

    while (line.length && (line.bytes[line.length - 1] == '\n' || line.bytes[line.length - 1] == '\r'))
        line.length--;
    return span_equal(line, span_of_text(forms[0])) || span_equal(line, span_of_text(forms[1]));
}

/* RFC 8838 section 4.1: whether it says that it is of another generation than the peer's present one. */
static bool
is_stale(const struct ice_agent *agent, const struct sdp_candidate *line)
{
    struct span ufrag;

    if (!sdp_candidate_extension(line, "ufrag", &ufrag))
        return false;
    if (agent->remote_ufrag[0])
        return !span_equal(ufrag, span_of_text(agent->remote_ufrag));
    return agent->stale_ufrag[0] && span_equal(ufrag, span_of_text(agent->stale_ufrag));
}

bool
ice_agent_take_candidate(struct ice_agent *agent, unsigned stream, struct span line, GError **error)
{
    struct sdp_error where = { .fault = SDP_FAULT_NONE };
    struct sdp_candidate from;
    struct ice_candidate candidate;
    bool end = is_end(line);

    if (agent->closing)
        return refuse(error, ICE_AGENT_FAULT_CLOSED, NULL);
    if (stream >= agent->options.session.streams)
        return refuse(error, ICE_AGENT_FAULT_STREAMS, NULL);
    if (!end && sdp_candidate_parse(line, &from, &where) != SDP_FAULT_NONE)
        return refuse(error, ICE_AGENT_FAULT_CANDIDATE, &where);
    agent_enter(agent);
    if (end)
        end_streams(agent, UINT32_C(1) << stream);
    else if (!is_stale(agent, &from) && read_candidate(&from, stream, &candidate))
        (void)ice_session_add_remote(agent->session, &candidate, agent_now(agent));
    agent_tcp_relays_permit(agent);
    agent_pump(agent);
    agent_leave(agent, false);
    return true;
}
