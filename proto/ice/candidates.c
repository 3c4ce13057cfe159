/* The candidates of a session: gathered, signalled, learned from checks, and gone (RFC 8445 sections 5.1, 7.2.5.3.1 and
 * 7.3.1.3; RFC 8838 for those that come later). */
#include "proto/ice/session_private.h"

bool
session_local_is_live(const struct ice_session *session, unsigned number)
{
    return number < session->local_count && !session->locals[number].gone &&
           session->locals[number].generation == session->generation;
}

static void
tell_candidate(const struct ice_session *session, int64_t now, enum ice_event_type type,
               const struct ice_candidate *candidate, enum ice_why why)
{
    struct ice_event event = {
        .type = type, .why = why, .at = now, .stream = candidate->stream, .component = candidate->component
    };

    if (type == ICE_EVENT_LOCAL) {
        event.local = candidate;
        event.from = candidate->base;
    } else {
        event.remote = candidate;
    }
    event.to = candidate->endpoint;
    session_tell(session, &event);
}

static int
refuse_candidate(struct ice_session *session, int64_t now, enum ice_event_type type,
                 const struct ice_candidate *candidate, enum ice_why why)
{
    session->counters.limited += why == ICE_WHY_LIMIT;
    tell_candidate(session, now, type, candidate, why);
    return -1;
}

static bool
candidate_is_usable(const struct ice_session *session, const struct ice_candidate *candidate)
{
    struct endpoint at = candidate->endpoint;

    return candidate->stream < session->options.streams && candidate->component >= 1 &&
           candidate->component <= session->options.components && (unsigned)candidate->type < ICE_TYPES &&
           (unsigned)candidate->transport < ICE_TRANSPORTS && !address_is_unspecified(at.address) &&
           !address_is_for_all(at.address) && at.port != 0 && candidate->priority <= INT32_MAX;
}

static uint32_t
local_foundation(const struct ice_session *session, const struct ice_candidate *candidate)
{
    for (size_t i = 0; i < session->local_count; i++)
        if (!session->locals[i].gone && strcmp(session->locals[i].candidate.foundation, candidate->foundation) == 0)
            return session->locals[i].foundation;
    return 0;
}

void
ice_session_prepare(const struct ice_session *session, struct ice_candidate *candidate)
{
    if (candidate->priority == 0)
        candidate->priority = ice_candidate_priority(candidate);
    if (candidate->foundation[0])
        return;

    struct ice_candidate *others = g_new(struct ice_candidate, session->local_count + 1);

    for (size_t i = 0; i < session->local_count; i++)
        others[i] = session->locals[i].candidate;
    ice_foundation_assign(candidate, others, session->local_count);
    g_free(others);
}

/* The candidate with the same addresses, of whatever generation; -1. */
static int
find_redundant(const struct ice_session *session, const struct ice_candidate *candidate)
{
    for (size_t i = 0; i < session->local_count; i++)
        if (!session->locals[i].gone && ice_is_redundant(&session->locals[i].candidate, candidate))
            return (int)i;
    return -1;
}

/* The number of the candidate that is the base of this one; -1: there is none. */
static int
find_base(const struct ice_session *session, const struct ice_candidate *candidate)
{
    for (size_t i = 0; i < session->local_count; i++) {
        const struct ice_candidate *other = &session->locals[i].candidate;

        if (session_local_is_live(session, (unsigned)i) && session->locals[i].base == i &&
            other->stream == candidate->stream && other->component == candidate->component &&
            other->transport == candidate->transport && endpoint_equal(other->endpoint, candidate->base))
            return (int)i;
    }
    return -1;
}

static bool
route_needs(const struct ice_session *session, unsigned local)
{
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++) {
        const struct component *component = &session->components[i];

        if ((component->route.used && component->route.base == local) ||
            (component->old.used && component->old.base == local))
            return true;
    }
    return false;
}

/* A slot for one more local candidate: one whose number nobody has a use for any more, or a new one; -1 over the
 * limit. */
static int
local_slot(struct ice_session *session)
{
    for (size_t i = 0; i < session->local_count; i++)
        if (session->locals[i].gone && session->locals[i].generation != session->generation &&
            !route_needs(session, (unsigned)i))
            return (int)i;
    if (session->local_count >= session->options.locals_most)
        return -1;
    session->locals =
        session_grow(session->locals, &session->local_room, session->local_count, sizeof *session->locals);
    return (int)session->local_count++;
}

static bool
is_reflexive(const struct ice_candidate *candidate)
{
    return candidate->type == ICE_SRFLX || candidate->type == ICE_PRFLX;
}

/* A candidate of an earlier generation is one of this too. */
static int
renew_local(struct ice_session *session, int64_t now, int number, const struct ice_candidate *candidate)
{
    struct local *local = &session->locals[number];

    if (local->generation == session->generation)
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, candidate, ICE_WHY_REDUNDANT);
    local->generation = session->generation;
    tell_candidate(session, now, ICE_EVENT_LOCAL, &local->candidate, ICE_WHY_GATHERED);
    session_pair_with_remotes(session, now, (unsigned)number);
    session_settle(session, now);
    return number;
}

int
ice_session_add_local(struct ice_session *session, const struct ice_candidate *given, int64_t now)
{
    struct ice_candidate candidate = *given;

    if (session->ended_local)
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, given, ICE_WHY_ENDED);
    if (!is_reflexive(&candidate))
        candidate.base = candidate.endpoint;
    if (!candidate_is_usable(session, &candidate))
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, given, ICE_WHY_UNUSABLE);

    int same = find_redundant(session, &candidate);

    if (same >= 0)
        return renew_local(session, now, same, &candidate);

    int base = is_reflexive(&candidate) ? find_base(session, &candidate) : 0;

    if (base < 0)
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, &candidate, ICE_WHY_UNUSABLE);
    /* Seen from outside as it is: no NAT is in between, and the host candidate says the same (section 5.1.3). */
    if (is_reflexive(&candidate) && endpoint_equal(candidate.endpoint, candidate.base))
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, &candidate, ICE_WHY_REDUNDANT);
    ice_session_prepare(session, &candidate);

    uint32_t foundation = local_foundation(session, &candidate);
    int number = local_slot(session);

    if (number < 0)
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, &candidate, ICE_WHY_LIMIT);

    struct local *local = &session->locals[number];

    *local = (struct local){ .candidate = candidate,
                             .generation = session->generation,
                             .base = (uint16_t)(is_reflexive(&candidate) ? base : number),
                             .foundation = foundation ? foundation : ++session->last_foundation };
    tell_candidate(session, now, ICE_EVENT_LOCAL, &local->candidate, ICE_WHY_GATHERED);
    session_pair_with_remotes(session, now, (unsigned)number);
    session_settle(session, now);
    return number;
}

/* An active candidate has no port but a sign for all of them (RFC 6544 section 4.5): its connections come from others. */
static bool
is_seen_at(const struct local *local, const struct local *like, struct endpoint endpoint)
{
    const struct ice_candidate *candidate = &local->candidate;

    if (candidate->transport == ICE_TCP_ACTIVE && candidate->endpoint.port == ICE_TCP_DISCARD_PORT)
        return local->base == like->base && address_equal(candidate->endpoint.address, endpoint.address);
    return endpoint_equal(candidate->endpoint, endpoint);
}

int
session_find_local(const struct ice_session *session, const struct local *like, struct endpoint endpoint)
{
    for (size_t i = 0; i < session->local_count; i++) {
        const struct ice_candidate *candidate = &session->locals[i].candidate;

        if (session_local_is_live(session, (unsigned)i) && candidate->stream == like->candidate.stream &&
            candidate->component == like->candidate.component && candidate->transport == like->candidate.transport &&
            is_seen_at(&session->locals[i], like, endpoint))
            return (int)i;
    }
    return -1;
}

int
session_learn_local(struct ice_session *session, int64_t now, unsigned base, struct endpoint mapped, uint32_t priority)
{
    struct ice_candidate candidate = session->locals[base].candidate;

    candidate.type = ICE_PRFLX;
    candidate.endpoint = mapped;
    candidate.related = candidate.base;
    candidate.server = (struct endpoint){ ADDRESS_NONE, 0 };
    candidate.priority = priority;

    int number = local_slot(session);

    if (number < 0)
        return refuse_candidate(session, now, ICE_EVENT_LOCAL, &candidate, ICE_WHY_LIMIT);
    g_snprintf(candidate.foundation, sizeof candidate.foundation, "~%d", number);
    session->locals[number] = (struct local){ .candidate = candidate,
                                              .generation = session->generation,
                                              .base = (uint16_t)base,
                                              .foundation = ++session->last_foundation };
    tell_candidate(session, now, ICE_EVENT_LOCAL, &session->locals[number].candidate, ICE_WHY_MAPPED);
    return number;
}

static bool
has_foundation(const struct ice_session *session, uint32_t foundation, size_t except)
{
    for (size_t i = 0; i < session->remote_count; i++)
        if (i != except && session->remotes[i].foundation == foundation)
            return true;
    return false;
}

/* That of another candidate with the same, or else the least that is free, from 1. */
static uint32_t
remote_foundation(const struct ice_session *session, const struct ice_candidate *candidate, size_t own)
{
    uint32_t least = 1;

    for (size_t i = 0; i < session->remote_count; i++)
        if (i != own && strcmp(session->remotes[i].candidate.foundation, candidate->foundation) == 0)
            return session->remotes[i].foundation;
    while (has_foundation(session, least, own))
        least++;
    return least;
}

/* Whether a check by it has begun: then it stays. */
static bool
remote_is_checked(const struct ice_session *session, size_t number)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->remote == number && pair->state != ICE_PAIR_GONE && pair->state != ICE_PAIR_FROZEN &&
            pair->state != ICE_PAIR_WAITING)
            return true;
    }
    return false;
}

static void
drop_remote_pairs(struct ice_session *session, int64_t now, size_t number)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->remote != number || pair->state == ICE_PAIR_GONE)
            continue;
        session_forget(session, pair);
        session_move(session, now, pair, ICE_PAIR_GONE, ICE_WHY_LIMIT, 0);
    }
}

/* Over the limit the one of lowest priority makes room, if it is lower and nothing has been checked by it yet: so the
 * best are kept, as of pairs (section 6.1.2.5), whatever came first. -1: there is none. */
static int
remote_slot(struct ice_session *session, int64_t now, uint32_t priority)
{
    int victim = -1;

    if (session->remote_count < session->options.remotes_most) {
        session->remotes =
            session_grow(session->remotes, &session->remote_room, session->remote_count, sizeof *session->remotes);
        session->remotes[session->remote_count] = (struct remote){ .learned = false };
        return (int)session->remote_count++;
    }
    for (size_t i = 0; i < session->remote_count; i++)
        if (session->remotes[i].candidate.priority < priority && !remote_is_checked(session, i)) {
            victim = (int)i;
            priority = session->remotes[i].candidate.priority;
        }
    if (victim < 0)
        return -1;
    drop_remote_pairs(session, now, (size_t)victim);
    (void)refuse_candidate(session, now, ICE_EVENT_REMOTE, &session->remotes[victim].candidate, ICE_WHY_LIMIT);
    return victim;
}

static int
add_remote(struct ice_session *session, int64_t now, const struct ice_candidate *candidate, bool learned)
{
    int number = remote_slot(session, now, candidate->priority);
    struct remote *remote;

    if (number < 0)
        return refuse_candidate(session, now, ICE_EVENT_REMOTE, candidate, ICE_WHY_LIMIT);
    remote = &session->remotes[number];
    *remote = (struct remote){ .candidate = *candidate, .learned = learned };
    if (learned) /* no ice-char, so no signalled one can be equal (section 7.3.1.3) */
        g_snprintf(remote->candidate.foundation, sizeof remote->candidate.foundation, "~%d", number);
    remote->foundation = remote_foundation(session, &remote->candidate, (size_t)number);
    tell_candidate(session, now, ICE_EVENT_REMOTE, &remote->candidate,
                   learned ? ICE_WHY_CHECK_CAME : ICE_WHY_SIGNALLED);
    return number;
}

int
session_find_remote(const struct ice_session *session, unsigned base, struct endpoint source)
{
    const struct ice_candidate *local = &session->locals[base].candidate;
    enum ice_transport transport = ice_transport_counterpart(local->transport);

    for (size_t i = 0; i < session->remote_count; i++) {
        const struct ice_candidate *candidate = &session->remotes[i].candidate;

        if (candidate->stream == local->stream && candidate->component == local->component &&
            candidate->transport == transport && endpoint_equal(candidate->endpoint, source))
            return (int)i;
    }
    return -1;
}

int
session_learn_remote(struct ice_session *session, int64_t now, unsigned base, struct endpoint source, uint32_t priority)
{
    const struct ice_candidate *local = &session->locals[base].candidate;
    struct ice_candidate candidate = { .type = ICE_PRFLX,
                                       .transport = ice_transport_counterpart(local->transport),
                                       .stream = local->stream,
                                       .component = local->component,
                                       .priority = priority,
                                       .endpoint = source };

    return add_remote(session, now, &candidate, true);
}

/* The peer signals what its check has shown already: its priority and foundation count from now on (RFC 8838 section
 * 11). */
static int
confirm_remote(struct ice_session *session, int64_t now, size_t number, const struct ice_candidate *candidate)
{
    struct remote *remote = &session->remotes[number];

    if (!remote->learned)
        return refuse_candidate(session, now, ICE_EVENT_REMOTE, candidate, ICE_WHY_REDUNDANT);
    remote->learned = false;
    remote->candidate = *candidate;
    remote->foundation = remote_foundation(session, candidate, number);
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || pair->remote != number)
            continue;
        pair->priority = session_pair_priority(session, pair);
        pair->foundation = session_pair_foundation(session, pair);
    }
    tell_candidate(session, now, ICE_EVENT_REMOTE, &remote->candidate, ICE_WHY_CONFIRMED);
    session_pair_with_locals(session, now, (unsigned)number);
    session_settle(session, now);
    return (int)number;
}

int
ice_session_add_remote(struct ice_session *session, const struct ice_candidate *given, int64_t now)
{
    struct ice_candidate candidate = *given;

    if (session->ended_remote)
        return refuse_candidate(session, now, ICE_EVENT_REMOTE, given, ICE_WHY_ENDED);
    if (!candidate_is_usable(session, given) || given->priority == 0 ||
        !ice_is_ice_chars(span_of_text(given->foundation), 1, ICE_FOUNDATION_MOST))
        return refuse_candidate(session, now, ICE_EVENT_REMOTE, given, ICE_WHY_UNUSABLE);
    candidate.base = (struct endpoint){ ADDRESS_NONE, 0 };
    for (size_t i = 0; i < session->remote_count; i++)
        if (ice_is_redundant(&session->remotes[i].candidate, &candidate))
            return confirm_remote(session, now, i, &candidate);

    int number = add_remote(session, now, &candidate, false);

    if (number < 0)
        return -1;
    session_pair_with_locals(session, now, (unsigned)number);
    session_settle(session, now);
    return number;
}

void
ice_session_end_local(struct ice_session *session, int64_t now)
{
    session->ended_local = true;
    session_settle(session, now);
}

void
ice_session_end_remote(struct ice_session *session, int64_t now)
{
    session->ended_remote = true;
    session_settle(session, now);
}

static void
remove_route(struct ice_session *session, int64_t now, unsigned index, unsigned local)
{
    struct component *component = &session->components[index];

    if (component->route.used && component->route.base == local)
        session_route_lose(session, now, index, false, ICE_WHY_REMOVED);
    if (component->old.used && component->old.base == local)
        session_route_lose(session, now, index, true, ICE_WHY_REMOVED);
}

void
ice_session_remove_local(struct ice_session *session, int64_t now, uint16_t number)
{
    if (number >= session->local_count || session->locals[number].gone || session->locals[number].base != number)
        return;
    for (size_t i = 0; i < session->local_count; i++) {
        struct local *local = &session->locals[i];

        if (local->gone || local->base != number)
            continue;
        local->gone = true;
        tell_candidate(session, now, ICE_EVENT_LOCAL, &local->candidate, ICE_WHY_REMOVED);
    }
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || pair->base != number)
            continue;
        session_forget(session, pair);
        pair->valid = pair->nominating = false;
        session_move(session, now, pair, ICE_PAIR_FAILED, ICE_WHY_REMOVED, 0);
        pair->barred = true;
    }
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++)
        remove_route(session, now, i, number);
    session_settle(session, now);
}
