/* What there is to know about a session. */
#include "proto/ice/session_private.h"

const char *
ice_session_ufrag(const struct ice_session *session)
{
    return session->credentials.ufrag;
}

const char *
ice_session_pwd(const struct ice_session *session)
{
    return session->credentials.pwd;
}

enum ice_state
ice_session_state(const struct ice_session *session)
{
    return session->state;
}

enum ice_state
ice_session_checklist(const struct ice_session *session, unsigned stream)
{
    return stream < session->options.streams ? session->checklists[stream].state : ICE_IDLE;
}

bool
ice_session_is_controlling(const struct ice_session *session)
{
    return session->controlling;
}

unsigned
ice_session_generation(const struct ice_session *session)
{
    return session->generation;
}

unsigned
ice_session_streams(const struct ice_session *session)
{
    return session->options.streams;
}

unsigned
ice_session_components(const struct ice_session *session)
{
    return session->options.components;
}

const struct ice_candidate *
ice_session_local(const struct ice_session *session, unsigned number)
{
    return number < session->local_count ? &session->locals[number].candidate : NULL;
}

const struct ice_candidate *
ice_session_remote(const struct ice_session *session, unsigned number)
{
    return number < session->remote_count ? &session->remotes[number].candidate : NULL;
}

size_t
ice_session_locals(const struct ice_session *session)
{
    return session->local_count;
}

size_t
ice_session_remotes(const struct ice_session *session)
{
    return session->remote_count;
}

size_t
ice_session_pairs(const struct ice_session *session)
{
    return session->pair_count;
}

const struct ice_pair *
ice_session_pair(const struct ice_session *session, size_t index)
{
    return index < session->pair_count ? &session->pairs[index] : NULL;
}

const struct ice_pair *
ice_session_find_pair(const struct ice_session *session, uint32_t number)
{
    return session_find_number(session, number);
}

static const struct component *
find_component(const struct ice_session *session, unsigned stream, unsigned component)
{
    bool is_one = stream < session->options.streams && component >= 1 && component <= session->options.components;

    return is_one ? session_component(session, stream, component) : NULL;
}

const struct ice_pair *
ice_session_selected(const struct ice_session *session, unsigned stream, unsigned component)
{
    const struct component *at = find_component(session, stream, component);

    return at && at->route.used ? session_find_number(session, at->route.pair) : NULL;
}

static struct ice_path
path_of_route(const struct ice_session *session, const struct route *route)
{
    const struct ice_candidate *base = &session->locals[route->base].candidate;

    return (struct ice_path){ .base = route->base,
                              .from = base->endpoint,
                              .to = route->to,
                              .transport = base->transport,
                              .own_type = (enum ice_type)route->own_type,
                              .peer_type = (enum ice_type)route->peer_type,
                              .selected = true,
                              .rtt = route->rtt };
}

static struct ice_path
path_of_pair(const struct ice_session *session, const struct ice_pair *pair)
{
    const struct ice_candidate *base = &session->locals[pair->base].candidate;
    const struct ice_candidate *remote = &session->remotes[pair->remote].candidate;

    return (struct ice_path){ .base = pair->base,
                              .from = base->endpoint,
                              .to = remote->endpoint,
                              .transport = base->transport,
                              .own_type = session->locals[pair->local].candidate.type,
                              .peer_type = remote->type,
                              .rtt = pair->rtt };
}

/* Before the selection. An agent that asks for consent has an early route, as long as it has that. */
static const struct ice_pair *
find_early(const struct ice_session *session, const struct component *at, unsigned stream, unsigned component)
{
    if (session->checklists[stream].state == ICE_FAILED)
        return NULL;
    if (session->options.consent && !session->options.lite)
        return at->early.used ? session_find_number(session, at->early.pair) : NULL;
    return session_best_valid(session, stream, component);
}

bool
ice_session_path(const struct ice_session *session, unsigned stream, unsigned component, struct ice_path *path)
{
    const struct component *at = find_component(session, stream, component);
    const struct ice_pair *best;

    if (!at)
        return false;
    if (at->route.used || at->old.used) {
        *path = path_of_route(session, at->route.used ? &at->route : &at->old);
        return true;
    }
    best = find_early(session, at, stream, component);
    if (best)
        *path = path_of_pair(session, best);
    return best != NULL;
}

/* Whether a pair of the checklist, or a learned one, is sent from there. */
static bool
has_pair(const struct ice_session *session, unsigned local)
{
    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].state != ICE_PAIR_GONE && session->pairs[i].base == local)
            return true;
    return false;
}

bool
ice_session_uses(const struct ice_session *session, unsigned local)
{
    unsigned stream;

    if (local >= session->local_count || session->locals[local].gone)
        return false;
    stream = session->locals[local].candidate.stream;
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++) {
        const struct component *component = &session->components[i];

        if ((component->route.used && component->route.base == local) ||
            (component->old.used && component->old.base == local))
            return true;
    }
    if (session->locals[local].generation != session->generation)
        return false;
    /* Completed and released: nothing but the selected pairs is left. */
    if (session->checklists[stream].state == ICE_COMPLETED && session->checklists[stream].release == TIME_NEVER)
        return has_pair(session, local);
    return true;
}

const struct ice_counters *
ice_session_counters(const struct ice_session *session)
{
    return &session->counters;
}
