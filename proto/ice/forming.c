/* Checklists: pairing, pruning, limits, first states (RFC 8445 section 6.1.2, RFC 8838 section 12), and the one place
 * where a pair's state changes. */
#include "proto/ice/session_private.h"

/* ---- pairs */

enum ice_transport
ice_transport_counterpart(enum ice_transport transport)
{
    switch (transport) {
    case ICE_TCP_ACTIVE:
        return ICE_TCP_PASSIVE;
    case ICE_TCP_PASSIVE:
        return ICE_TCP_ACTIVE;
    default:
        return transport;
    }
}

/* Section 6.1.2.2: same stream, component and family, transports that go together, link-local with link-local. */
static bool
fits(const struct ice_candidate *local, const struct ice_candidate *remote)
{
    struct address a = local->endpoint.address, b = remote->endpoint.address;

    return local->stream == remote->stream && local->component == remote->component &&
           ice_transport_counterpart(local->transport) == remote->transport && address_family(a) == address_family(b) &&
           (address_is_ipv4(a) || address_is_link_local(a) == address_is_link_local(b));
}

static uint64_t
priority_of(const struct ice_session *session, unsigned local, unsigned remote)
{
    uint32_t own = session->locals[local].candidate.priority, peer = session->remotes[remote].candidate.priority;

    return session->controlling ? ice_pair_priority(own, peer) : ice_pair_priority(peer, own);
}

uint64_t
session_pair_priority(const struct ice_session *session, const struct ice_pair *pair)
{
    return priority_of(session, pair->local, pair->remote);
}

uint32_t
session_pair_foundation(const struct ice_session *session, const struct ice_pair *pair)
{
    return session->locals[pair->local].foundation << 16 | session->remotes[pair->remote].foundation;
}

struct ice_event
session_pair_event(const struct ice_session *session, int64_t now, enum ice_event_type type,
                   const struct ice_pair *pair, enum ice_why why)
{
    return (struct ice_event){ .type = type,
                               .why = why,
                               .at = now,
                               .local = &session->locals[pair->local].candidate,
                               .remote = &session->remotes[pair->remote].candidate,
                               .pair = pair,
                               .was = (enum ice_pair_state)pair->state,
                               .is = (enum ice_pair_state)pair->state,
                               .controlling = session->controlling,
                               .stream = pair->stream,
                               .component = pair->component,
                               .from = session->locals[pair->local].candidate.endpoint,
                               .to = session->remotes[pair->remote].candidate.endpoint };
}

void
session_move(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_pair_state is, enum ice_why why,
             unsigned code)
{
    struct ice_event event;

    if (pair->state == is)
        return;
    event = session_pair_event(session, now, ICE_EVENT_PAIR, pair, why);
    event.is = is;
    event.code = (uint16_t)code;
    pair->state = (uint8_t)is;
    if (is == ICE_PAIR_GONE || is == ICE_PAIR_FAILED)
        pair->queued = 0;
    session_tell(session, &event);
}

/* A new pair is told of once it stands. */
static void
tell_new(const struct ice_session *session, int64_t now, const struct ice_pair *pair, enum ice_why why)
{
    struct ice_event event = session_pair_event(session, now, ICE_EVENT_PAIR, pair, why);

    event.was = ICE_PAIR_FROZEN;
    event.is_new = true;
    session_tell(session, &event);
}

static struct ice_pair
make_pair(struct ice_session *session, int64_t now, unsigned local, unsigned remote, unsigned base, bool listed)
{
    const struct ice_candidate *candidate = &session->locals[local].candidate;
    struct ice_pair pair = { .number = ++session->last_pair,
                             .local = (uint16_t)local,
                             .remote = (uint16_t)remote,
                             .base = (uint16_t)base,
                             .component = candidate->component,
                             .stream = candidate->stream,
                             .state = ICE_PAIR_FROZEN,
                             .listed = listed,
                             .priority = priority_of(session, local, remote),
                             .rtt = -1,
                             .answered = -1,
                             .hoped = now };

    pair.foundation = session_pair_foundation(session, &pair);
    return pair;
}

/* Tells of a pair that did not come to be. */
static void
tell_pruned(struct ice_session *session, int64_t now, unsigned local, unsigned remote, enum ice_why why)
{
    if (!session->options.event)
        return;

    struct ice_pair pair = make_pair(session, now, local, remote, session->locals[local].base, true);

    pair.state = ICE_PAIR_GONE;
    tell_new(session, now, &pair, why);
}

/* A place for one more pair: one that is gone, or a new one. The learned pairs have as much room again as the
 * checklists. */
static struct ice_pair *
pair_slot(struct ice_session *session)
{
    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].state == ICE_PAIR_GONE)
            return &session->pairs[i];
    if (session->pair_count >= 2u * session->options.pairs_most)
        return NULL;
    session->pairs = session_grow(session->pairs, &session->pair_room, session->pair_count, sizeof *session->pairs);
    return &session->pairs[session->pair_count++];
}

struct ice_pair *
session_add_pair(struct ice_session *session, int64_t now, unsigned local, unsigned remote, unsigned base, bool listed)
{
    struct ice_pair *pair = pair_slot(session);

    if (pair)
        *pair = make_pair(session, now, local, remote, base, listed);
    else
        session->counters.limited++;
    return pair;
}

struct ice_pair *
session_find_listed(const struct ice_session *session, unsigned base, unsigned remote)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state != ICE_PAIR_GONE && pair->listed && pair->base == base && pair->remote == remote)
            return pair;
    }
    return NULL;
}

struct ice_pair *
session_find_number(const struct ice_session *session, uint32_t number)
{
    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].number == number && session->pairs[i].state != ICE_PAIR_GONE)
            return &session->pairs[i];
    return NULL;
}

/* ---- the limit (section 6.1.2.5; RFC 8838 section 12 for later ones) */

static size_t
count_listed(const struct ice_session *session)
{
    size_t count = 0;

    for (size_t i = 0; i < session->pair_count; i++)
        count += session->pairs[i].listed && session->pairs[i].state != ICE_PAIR_GONE;
    return count;
}

/* Which pair would go to make room for one of `priority`: a Failed one, else the lowest that is not begun and is
 * lower. */
static struct ice_pair *
find_victim(const struct ice_session *session, uint64_t priority)
{
    struct ice_pair *victim = NULL;

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];
        bool failed = pair->state == ICE_PAIR_FAILED;

        if (!pair->listed || pair->barred || (!failed && pair->state > ICE_PAIR_WAITING))
            continue;
        if (!failed && pair->priority >= priority)
            continue;
        if (!victim || failed > (victim->state == ICE_PAIR_FAILED) ||
            (failed == (victim->state == ICE_PAIR_FAILED) && pair->priority < victim->priority))
            victim = pair;
    }
    return victim;
}

struct ice_pair *
session_add_listed(struct ice_session *session, int64_t now, unsigned local, unsigned remote)
{
    if (count_listed(session) >= session->options.pairs_most) {
        struct ice_pair *victim = find_victim(session, priority_of(session, local, remote));

        if (!victim) {
            session->counters.limited++;
            tell_pruned(session, now, local, remote, ICE_WHY_LIMIT);
            return NULL;
        }
        session_forget(session, victim);
        session_move(session, now, victim, ICE_PAIR_GONE, ICE_WHY_LIMIT, 0);
    }
    return session_add_pair(session, now, local, remote, local, true);
}

/* ---- first states (section 6.1.2.6) */

/* Whether `a` goes before `b` of the same foundation: the earlier checklist, the lower component, the higher priority;
 * at last the older one, so that the order is total. */
static bool
goes_before(const struct ice_pair *a, const struct ice_pair *b)
{
    if (a->stream != b->stream)
        return a->stream < b->stream;
    if (a->component != b->component)
        return a->component < b->component;
    if (a->priority != b->priority)
        return a->priority > b->priority;
    return a->number < b->number;
}

static bool
is_first_of_foundation(const struct ice_session *session, const struct ice_pair *pair)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *other = &session->pairs[i];

        if (other->state != ICE_PAIR_GONE && other->listed && other->foundation == pair->foundation &&
            goes_before(other, pair))
            return false;
    }
    return true;
}

static bool
foundation_has(const struct ice_session *session, uint32_t foundation, bool (*state)(const struct ice_pair *))
{
    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->state != ICE_PAIR_GONE && pair->listed && pair->foundation == foundation && state(pair))
            return true;
    }
    return false;
}

static bool
has_succeeded(const struct ice_pair *pair)
{
    return pair->state == ICE_PAIR_SUCCEEDED;
}

static bool
is_active(const struct ice_pair *pair)
{
    return pair->state == ICE_PAIR_WAITING || pair->state == ICE_PAIR_IN_PROGRESS;
}

void
session_unfreeze(struct ice_session *session, int64_t now, uint32_t foundation)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->listed && pair->state == ICE_PAIR_FROZEN && pair->foundation == foundation)
            session_move(session, now, pair, ICE_PAIR_WAITING, ICE_WHY_FOUNDATION_WORKS, 0);
    }
}

/* The frozen pair of a checklist that would be unfrozen next; NULL when there is none. */
static struct ice_pair *
next_frozen(const struct ice_session *session, unsigned stream)
{
    struct ice_pair *best = NULL;

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair_is_of(pair, stream) && pair->state == ICE_PAIR_FROZEN && (!best || goes_before(pair, best)) &&
            !foundation_has(session, pair->foundation, is_active))
            best = pair;
    }
    return best;
}

bool
session_unfreeze_idle(struct ice_session *session, int64_t now, unsigned stream, bool look_only)
{
    struct ice_pair *pair = next_frozen(session, stream);
    bool any = pair != NULL;

    if (look_only)
        return any;
    for (; pair; pair = next_frozen(session, stream))
        session_move(session, now, pair, ICE_PAIR_WAITING, ICE_WHY_UNFROZEN, 0);
    return any;
}

/* ---- one more candidate (RFC 8838 section 12) */

static void
pair_trickled(struct ice_session *session, int64_t now, unsigned local, unsigned remote)
{
    const struct ice_candidate *own = &session->locals[local].candidate, *peer = &session->remotes[remote].candidate;
    struct ice_pair *pair;

    if (!fits(own, peer) || session->checklists[own->stream].state != ICE_RUNNING ||
        session_component(session, own->stream, own->component)->route.used)
        return;
    if (session->locals[local].base != local) {
        tell_pruned(session, now, local, remote, ICE_WHY_SAME_BASE);
        return;
    }
    if (session_find_listed(session, local, remote))
        return;
    if (own->transport == ICE_TCP_PASSIVE) {
        tell_pruned(session, now, local, remote, ICE_WHY_PASSIVE);
        return;
    }
    pair = session_add_listed(session, now, local, remote);
    if (!pair)
        return;
    tell_new(session, now, pair, ICE_WHY_PAIRED);
    if (foundation_has(session, pair->foundation, has_succeeded) || is_first_of_foundation(session, pair))
        session_move(session, now, pair, ICE_PAIR_WAITING, ICE_WHY_TRICKLED, 0);
}

void
session_pair_with_remotes(struct ice_session *session, int64_t now, unsigned local)
{
    if (!session->started || session->options.lite || session->locals[local].candidate.type == ICE_PRFLX)
        return;
    for (size_t i = 0; i < session->remote_count; i++)
        if (!session->remotes[i].learned)
            pair_trickled(session, now, local, (unsigned)i);
}

void
session_pair_with_locals(struct ice_session *session, int64_t now, unsigned remote)
{
    if (!session->started || session->options.lite)
        return;
    for (size_t i = 0; i < session->local_count; i++)
        if (session_local_is_live(session, (unsigned)i) && session->locals[i].candidate.type != ICE_PRFLX)
            pair_trickled(session, now, (unsigned)i, remote);
}

/* ---- forming, at the start */

struct draft {
    uint64_t priority;
    uint16_t local, remote;
    uint8_t stream;
};

static int
compare_drafts(const void *a, const void *b)
{
    const struct draft *x = a, *y = b;

    if (x->priority != y->priority)
        return x->priority > y->priority ? -1 : 1;
    if (x->local != y->local)
        return x->local < y->local ? -1 : 1;
    return x->remote < y->remote ? -1 : x->remote > y->remote;
}

/* All pairs that fit and are not pruned. A reflexive candidate's pair would have its base in its place, and the pair of
 * that base is there already, with higher priority (section 6.1.2.4). */
static size_t
draft_pairs(struct ice_session *session, int64_t now, struct draft *drafts)
{
    size_t count = 0;

    for (unsigned l = 0; l < session->local_count; l++) {
        for (unsigned r = 0; r < session->remote_count; r++) {
            const struct ice_candidate *own = &session->locals[l].candidate;

            if (!session_local_is_live(session, l) || !fits(own, &session->remotes[r].candidate))
                continue;
            if (session->locals[l].base != l)
                tell_pruned(session, now, l, r, ICE_WHY_SAME_BASE);
            else if (own->transport == ICE_TCP_PASSIVE)
                tell_pruned(session, now, l, r, ICE_WHY_PASSIVE);
            else
                drafts[count++] = (struct draft){ priority_of(session, l, r), (uint16_t)l, (uint16_t)r, own->stream };
        }
    }
    return count;
}

/* How many pairs each checklist may keep: the longest loses first, until all together are within the limit. */
static void
share_limit(const struct ice_session *session, const struct draft *drafts, size_t count, size_t *quota)
{
    for (size_t i = 0; i < count; i++)
        quota[drafts[i].stream]++;
    for (size_t total = count; total > session->options.pairs_most; total--) {
        unsigned longest = 0;

        for (unsigned i = 1; i < session->options.streams; i++)
            if (quota[i] >= quota[longest])
                longest = i;
        quota[longest]--;
    }
}

static void
set_first_states(struct ice_session *session, int64_t now)
{
    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].state == ICE_PAIR_FROZEN && is_first_of_foundation(session, &session->pairs[i]))
            session_move(session, now, &session->pairs[i], ICE_PAIR_WAITING, ICE_WHY_FIRST_OF_FOUNDATION, 0);
}

void
session_form(struct ice_session *session, int64_t now)
{
    g_autofree struct draft *drafts = g_new(struct draft, session->local_count * session->remote_count + 1);
    size_t count = draft_pairs(session, now, drafts), quota[ICE_STREAMS_MOST] = { 0 };

    qsort(drafts, count, sizeof *drafts, compare_drafts);
    share_limit(session, drafts, count, quota);
    for (size_t i = 0; i < count; i++) {
        if (quota[drafts[i].stream] == 0) {
            session->counters.limited++;
            tell_pruned(session, now, drafts[i].local, drafts[i].remote, ICE_WHY_LIMIT);
            continue;
        }
        quota[drafts[i].stream]--;

        struct ice_pair *pair =
            session_add_pair(session, now, drafts[i].local, drafts[i].remote, drafts[i].local, true);

        if (pair)
            tell_new(session, now, pair, ICE_WHY_PAIRED);
    }
    set_first_states(session, now);
}
