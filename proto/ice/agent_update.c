/* Offers and answers after ICE has concluded (RFC 8839 sections 4.4 and 5.2).
 *
 * Of a stream that is Completed a description names what was selected and nothing else, and the controlling agent adds
 * a=remote-candidates: the peer's candidate of each pair. Such an offer may overtake the check that nominates, so the
 * controlled agent answers when it has the pairs that are named: pair by pair, that with the listed candidate as its own
 * and the offer's default destination as the peer's. It waits for those that may still become valid. One that can't
 * any more has been lost by a failure of the network; then the answer says what there is, and a restart is due.
 *
 * Pairs over TCP are not told so: c= and m= speak of UDP here. */
#include "proto/ice/agent_private.h"

#include "proto/sdp/ice.h"

/* ---- the own description */

const struct ice_candidate *
agent_selected_local(const struct ice_agent *agent, unsigned stream, unsigned component)
{
    const struct ice_pair *pair = ice_session_selected(agent->session, stream, component);
    const struct ice_candidate *local = pair ? ice_session_local(agent->session, pair->local) : NULL;

    return local && local->transport == ICE_UDP ? local : NULL;
}

/* Components that the peer has not are not missed. */
bool
agent_is_concluded(const struct ice_agent *agent, unsigned stream)
{
    if (ice_session_checklist(agent->session, stream) != ICE_COMPLETED)
        return false;
    for (unsigned i = 1; i <= agent->options.session.components; i++)
        if (ice_session_selected(agent->session, stream, i) && !agent_selected_local(agent, stream, i))
            return false;
    return agent_selected_local(agent, stream, 1) != NULL;
}

void
agent_put_remote_candidates(const struct ice_agent *agent, unsigned stream, GString *out)
{
    g_autofree struct sdp_remote_candidate *remotes =
        g_new0(struct sdp_remote_candidate, agent->options.session.components);
    size_t count = 0;

    if (!ice_session_is_controlling(agent->session))
        return;
    for (unsigned i = 1; i <= agent->options.session.components; i++) {
        const struct ice_pair *pair = ice_session_selected(agent->session, stream, i);
        const struct ice_candidate *remote = pair ? ice_session_remote(agent->session, pair->remote) : NULL;

        if (remote)
            remotes[count++] = (struct sdp_remote_candidate){ .component = (uint16_t)i,
                                                              .port = remote->endpoint.port,
                                                              .host = sdp_host_of(remote->endpoint.address) };
    }
    if (count)
        sdp_put_remote_candidates(out, remotes, count);
}

/* ---- whether one is due */

static bool
differs_from_defaults(const struct ice_agent *agent, unsigned stream, unsigned component)
{
    const struct ice_pair *pair = ice_session_selected(agent->session, stream, component);
    const struct agent_defaults *defaults = agent_defaults_of(agent, stream, component);
    const struct ice_candidate *local = agent_selected_local(agent, stream, component);

    return local && !(endpoint_equal(local->endpoint, defaults->own) &&
                      endpoint_equal(ice_session_remote(agent->session, pair->remote)->endpoint, defaults->peer));
}

bool
ice_agent_owes_offer(const struct ice_agent *agent)
{
    const struct ice_session_options *options = &agent->options.session;

    if (agent->closing || agent->peer_ice2 || !ice_session_is_controlling(agent->session) ||
        ice_session_state(agent->session) != ICE_COMPLETED)
        return false;
    for (unsigned i = 0; i < options->streams; i++)
        for (unsigned c = 1; c <= options->components; c++)
            if (!agent_defaults_of(agent, i, c)->updated && differs_from_defaults(agent, i, c))
                return true;
    return false;
}

void
agent_note_own_defaults(struct ice_agent *agent, unsigned stream, unsigned component, struct endpoint at)
{
    struct agent_defaults *defaults = agent_defaults_of(agent, stream, component);

    defaults->own = at;
    defaults->updated = agent_is_concluded(agent, stream);
}

/* ---- the peer's offer */

/* A pair that the peer has selected, as this side sees it. */
struct named {
    uint8_t stream;
    uint16_t component;
    struct endpoint own, peer;
};

static void
name_pair(struct ice_agent *agent, const struct sdp_session *session, unsigned stream,
          const struct sdp_remote_candidate *listed)
{
    struct named named = { .stream = (uint8_t)stream,
                           .component = listed->component,
                           .own = { listed->host.address, listed->port } };

    if (listed->component > agent->options.session.components ||
        (listed->host.kind != SDP_HOST_IPV4 && listed->host.kind != SDP_HOST_IPV6) ||
        !sdp_default_destination(session, (int)stream, listed->component, &named.peer))
        return;
    for (guint i = 0; i < agent->named->len; i++) {
        const struct named *other = &g_array_index(agent->named, struct named, i);

        if (other->stream == named.stream && other->component == named.component)
            return;
    }
    g_array_append_val(agent->named, named);
}

static void
read_stream(struct ice_agent *agent, const struct sdp_session *session, unsigned stream)
{
    const struct sdp_line *line = sdp_attribute_find(session, (int)stream, "remote-candidates", NULL);
    struct sdp_remote_candidate listed;
    struct sdp_lex lex;

    for (unsigned i = 1; i <= agent->options.session.components; i++)
        if (!sdp_default_destination(session, (int)stream, i, &agent_defaults_of(agent, stream, i)->peer))
            agent_defaults_of(agent, stream, i)->peer = (struct endpoint){ ADDRESS_NONE, 0 };
    if (!line || ice_session_is_controlling(agent->session))
        return;
    lex = sdp_lex_over(sdp_attribute_value(session, line));
    while (!sdp_lex_done(&lex) && sdp_remote_candidate_take(&lex, &listed) == SDP_FAULT_NONE)
        name_pair(agent, session, stream, &listed);
}

void
agent_take_update(struct ice_agent *agent, const struct sdp_session *session)
{
    g_array_set_size(agent->named, 0);
    for (unsigned i = 0; i < agent->options.session.streams; i++)
        read_stream(agent, session, i);
    agent->agreeing = agent->named->len > 0;
}

enum sdp_fault
agent_check_remote_candidates(const struct sdp_session *session, unsigned stream, struct sdp_error *where)
{
    const struct sdp_line *line = sdp_attribute_find(session, (int)stream, "remote-candidates", NULL);
    struct sdp_lex lex = sdp_lex_over(line ? sdp_attribute_value(session, line) : span_of(NULL, 0));
    struct sdp_remote_candidate listed;

    while (line && !sdp_lex_done(&lex)) {
        enum sdp_fault fault = sdp_remote_candidate_take(&lex, &listed);

        if (fault != SDP_FAULT_NONE)
            return sdp_blame(session, line, fault, 0, "remote-candidates", where);
    }
    return SDP_FAULT_NONE;
}

/* ---- waiting for its pairs */

enum match { MATCH_LOST, MATCH_OPEN, MATCH_VALID };

/* What there is of a pair: valid; or some pair to that candidate of the peer may still become so; or neither. */
static enum match
match_pair(const struct ice_agent *agent, const struct named *named)
{
    const struct ice_session *session = agent->session;
    enum match match = MATCH_LOST;

    for (size_t i = 0; i < ice_session_pairs(session); i++) {
        const struct ice_pair *pair = ice_session_pair(session, i);

        if (pair->state == ICE_PAIR_GONE || pair->stream != named->stream || pair->component != named->component ||
            !endpoint_equal(ice_session_remote(session, pair->remote)->endpoint, named->peer))
            continue;
        if (pair->valid && endpoint_equal(ice_session_local(session, pair->local)->endpoint, named->own))
            return MATCH_VALID;
        if (pair->state < ICE_PAIR_SUCCEEDED)
            match = MATCH_OPEN;
    }
    return match;
}

static void
tell_agreed(struct ice_agent *agent, bool agreed)
{
    g_array_set_size(agent->named, 0);
    agent_news(agent, ICE_AGENT_AGREED)->state = agreed ? ICE_COMPLETED : ICE_FAILED;
}

/* Until it has started there are no pairs, and nothing is lost. */
void
agent_settle_update(struct ice_agent *agent)
{
    enum match worst = MATCH_VALID;

    if (agent->named->len == 0 || ice_session_state(agent->session) == ICE_IDLE)
        return;
    for (guint i = 0; i < agent->named->len; i++)
        worst = MIN(worst, match_pair(agent, &g_array_index(agent->named, struct named, i)));
    if (worst != MATCH_OPEN)
        tell_agreed(agent, worst == MATCH_VALID);
}

bool
ice_agent_is_agreeing(const struct ice_agent *agent)
{
    return agent->agreeing;
}

void
agent_update_init(struct ice_agent *agent)
{
    agent->named = g_array_new(FALSE, FALSE, sizeof(struct named));
    agent->defaults = g_new0(struct agent_defaults, agent->options.session.streams * agent->options.session.components);
}

void
agent_update_clear(struct ice_agent *agent)
{
    g_array_set_size(agent->named, 0);
    agent->agreeing = false;
    memset(agent->defaults, 0,
           sizeof *agent->defaults * agent->options.session.streams * agent->options.session.components);
}
