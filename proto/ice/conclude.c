/* Nomination, selection, and how checklists and the session end (RFC 8445 section 8, RFC 8863). */
#include "proto/ice/session_private.h"

/* However often there is new hope for a direct pair, a relayed one waits no longer than so many times its wait. */
enum { RELAY_WAITS = 3 };

/* ---- states */

/* Section 6.1.3: Completed or Failed when all checklists are, else Running. */
static enum ice_state
overall_state(const struct ice_session *session)
{
    for (unsigned i = 1; i < session->options.streams; i++)
        if (session->checklists[i].state != session->checklists[0].state)
            return ICE_RUNNING;
    return session->checklists[0].state;
}

/* A checklist that has Failed checks nothing more. */
static void
stop_checks(struct ice_session *session, int64_t now, unsigned stream, enum ice_why why)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (!pair_is_of(pair, stream))
            continue;
        session_forget(session, pair);
        pair->nominating = false;
        pair->queued = 0;
        if (pair_is_undecided(pair))
            session_move(session, now, pair, ICE_PAIR_FAILED, why, 0);
    }
}

void
session_set_checklist(struct ice_session *session, int64_t now, unsigned stream, enum ice_state state, enum ice_why why)
{
    struct checklist *checklist = &session->checklists[stream];
    struct ice_event event = { .type = ICE_EVENT_CHECKLIST,
                               .why = why,
                               .at = now,
                               .state = state,
                               .stream = (uint8_t)stream,
                               .elapsed = now - session->started_at };

    if (checklist->state == state)
        return;
    checklist->state = state;
    checklist->release = state == ICE_COMPLETED ? time_add(now, ICE_RELEASE) : TIME_NEVER;
    checklist->given_up = state == ICE_FAILED && (why == ICE_WHY_EXHAUSTED || why == ICE_WHY_NOMINATION_FAILED);
    if (state == ICE_FAILED)
        stop_checks(session, now, stream, why);
    session_tell(session, &event);

    enum ice_state overall = overall_state(session);

    if (overall == session->state)
        return;
    session->state = overall;
    event.type = ICE_EVENT_SESSION;
    event.state = overall;
    session_tell(session, &event);
}

/* ---- selection */

/* Once each component has a route of this generation, nothing needs the one before. */
static void
retire_old(struct ice_session *session, struct component *component)
{
    component->old.used = false;
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++)
        if (session->components[i].old.used)
            return;
    session_clear_credentials(&session->old);
}

void
session_select(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why)
{
    struct component *component = session_component(session, pair->stream, pair->component);
    struct ice_pair *before = component->route.used ? session_find_number(session, component->route.pair) : NULL;
    struct ice_event event;

    if (before)
        before->selected = false;
    pair->selected = true;
    session_route_begin(session, now, &component->route, pair);
    retire_old(session, component);
    event = session_pair_event(session, now, ICE_EVENT_SELECTED, pair, why);
    event.elapsed = now - session->started_at;
    session_tell(session, &event);
}

/* How many components the stream has: where the agents differ, as many as the one with less (section 6.1.2.2). That is
 * known when no more candidates come. */
static unsigned
components_of(const struct ice_session *session, unsigned stream)
{
    unsigned last = 0;

    for (size_t i = 0; i < session->remote_count && (session->ended_remote || session->impatient); i++)
        if (session->remotes[i].candidate.stream == stream)
            last = MAX(last, session->remotes[i].candidate.component);
    return last > 0 ? last : session->options.components;
}

static bool
is_completed(const struct ice_session *session, unsigned stream)
{
    for (unsigned i = 1; i <= components_of(session, stream); i++)
        if (!session_component(session, stream, i)->route.used)
            return false;
    return true;
}

static void
complete(struct ice_session *session, int64_t now, unsigned stream)
{
    if (is_completed(session, stream))
        session_set_checklist(session, now, stream, ICE_COMPLETED, ICE_WHY_ALL_NOMINATED);
}

/* Whether several nominations of a component have to be expected (RFC 5245 section 8.1.1.2). */
static bool
is_aggressive(const struct ice_session *session)
{
    return session->controlling ? session->options.aggressive : session->aggressive_peer;
}

/* A component has a nominated pair: its other pairs leave the checklist (section 8.1.2). When the nomination may move
 * yet, those stay that were answered or could still be answered and win (RFC 5245 section 8.1.2). */
static void
drop_others(struct ice_session *session, int64_t now, const struct ice_pair *selected)
{
    bool aggressive = is_aggressive(session);

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || !pair_is_same_component(pair, selected))
            continue;
        session_stop_nominating(session, pair);
        if (pair == selected || pair->number == selected->made_by)
            continue;
        if (aggressive && (pair->state >= ICE_PAIR_SUCCEEDED || pair->use_later ||
                           (pair->state == ICE_PAIR_IN_PROGRESS && pair->priority > selected->priority)))
            continue;
        session_forget(session, pair);
        pair->valid = pair->nominating = false;
        session_move(session, now, pair, ICE_PAIR_GONE, ICE_WHY_OTHER_NOMINATED, 0);
    }
}

void
session_nominate(struct ice_session *session, int64_t now, struct ice_pair *valid, enum ice_why why)
{
    struct component *component = session_component(session, valid->stream, valid->component);
    const struct ice_pair *before = component->route.used ? session_find_number(session, component->route.pair) : NULL;
    struct ice_event event;

    if (valid->nominated || session->checklists[valid->stream].state == ICE_FAILED)
        return;
    valid->nominated = true;
    event = session_pair_event(session, now, ICE_EVENT_NOMINATED, valid, why);
    session_tell(session, &event);
    if (before && before->priority >= valid->priority)
        return;
    if (before)
        session_select(session, now, valid, ICE_WHY_HIGHEST);
    else
        session_select(session, now, valid, valid->won ? (enum ice_why)valid->won : why);
    drop_others(session, now, valid);
    complete(session, now, valid->stream);
}

/* Both agents are lite: each component takes the pair that comes first, by priorities that follow RFC 6724 (section
 * 8.2). */
void
session_select_lite(struct ice_session *session, int64_t now)
{
    session_form(session, now);
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        /* Formed in the order of priority. */
        if (session_component(session, pair->stream, pair->component)->route.used)
            continue;
        pair->made = pair->made_by = pair->number;
        pair->valid = true;
        pair->answered = now;
        pair->won = ICE_WHY_LITE;
        session_move(session, now, pair, ICE_PAIR_SUCCEEDED, ICE_WHY_LITE, 0);
        session_nominate(session, now, pair, ICE_WHY_LITE);
    }
}

/* ---- what the controlling agent nominates */

struct ice_pair *
session_best_valid(const struct ice_session *session, unsigned stream, unsigned component)
{
    struct ice_pair *best = NULL;

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state != ICE_PAIR_GONE && pair->valid && pair->stream == stream && pair->component == component &&
            (!best || pair->priority > best->priority))
            best = pair;
    }
    return best;
}

/* Whether a pair of higher priority may still succeed, or a candidate come that makes one. */
static bool
may_be_beaten(const struct ice_session *session, const struct ice_pair *valid, const struct ice_pair *checked)
{
    uint64_t priority = MAX(valid->priority, checked->priority);

    if (!session->ended_local || !session->ended_remote)
        return true;
    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->listed && pair_is_undecided(pair) && pair_is_same_component(pair, valid) && pair->priority > priority)
            return true;
    }
    return false;
}

/* Whether a connection came from the peer's relay: what the relay's active candidate says is an address without port. */
static bool
comes_from_relay(const struct ice_session *session, const struct ice_candidate *learned)
{
    for (size_t i = 0; i < session->remote_count && learned->transport == ICE_TCP_ACTIVE; i++) {
        const struct ice_candidate *other = &session->remotes[i].candidate;

        if (other->type == ICE_RELAY && other->transport == ICE_TCP_ACTIVE && other->stream == learned->stream &&
            other->component == learned->component && address_equal(other->endpoint.address, learned->endpoint.address))
            return true;
    }
    return false;
}

static bool
is_relayed(const struct ice_session *session, const struct ice_pair *pair)
{
    const struct ice_candidate *remote = &session->remotes[pair->remote].candidate;

    return session->locals[pair->local].candidate.type == ICE_RELAY ||
           session->locals[pair->base].candidate.type == ICE_RELAY || remote->type == ICE_RELAY ||
           (session->remotes[pair->remote].learned && comes_from_relay(session, remote));
}

/* What a check was learned from may be the peer's relay, whose candidate is still on its way (RFC 8838): only when no
 * more come it is known to be none. */
static bool
may_be_relayed(const struct ice_session *session, const struct ice_pair *pair)
{
    return is_relayed(session, pair) || (session->remotes[pair->remote].learned && session->trickling_peer &&
                                         !session->ended_remote && !session->impatient);
}

/* When the wait for something better than a relayed pair begins: with the first pair that works, and anew with each
 * direct one that comes later, by a candidate that was trickled late, or that the peer's check has come by: what has
 * passed one way will most likely pass the other, unless it is lost. */
static int64_t
last_hope(const struct ice_session *session, const struct ice_pair *relayed, int64_t first_valid)
{
    int64_t last = first_valid;

    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->listed && pair_is_undecided(pair) && pair_is_same_component(pair, relayed) &&
            !is_relayed(session, pair))
            last = MAX(last, pair->hoped);
    }
    return last;
}

/* From when on a valid pair is nominated though a better one may still succeed. */
static int64_t
end_of_wait(const struct ice_session *session, const struct ice_pair *valid, int64_t first_valid)
{
    int64_t wait = session->options.nominate_relay, most;

    if (!may_be_relayed(session, valid))
        return time_add(first_valid, session->options.nominate_direct);
    most = time_add(first_valid, wait < TIME_NEVER / RELAY_WAITS ? RELAY_WAITS * wait : TIME_NEVER);
    return MIN(time_add(last_hope(session, valid, first_valid), wait), most);
}

/* What a component would have nominated, and from when on; NULL when there is nothing to decide. */
static struct ice_pair *
find_ripe(const struct ice_session *session, unsigned stream, unsigned number, int64_t *at, enum ice_why *why)
{
    const struct component *component = session_component(session, stream, number);
    struct ice_pair *valid, *checked;

    if (component->route.used || component->first_valid == TIME_NEVER)
        return NULL;
    valid = session_best_valid(session, stream, number);
    checked = valid ? session_find_number(session, valid->made_by) : NULL;
    if (!checked)
        return NULL;
    for (size_t i = 0; i < session->pair_count; i++)
        if (session->pairs[i].state != ICE_PAIR_GONE && session->pairs[i].nominating &&
            pair_is_same_component(&session->pairs[i], valid))
            return NULL;
    *why = may_be_beaten(session, valid, checked) ? ICE_WHY_WAITED : ICE_WHY_DECIDED;
    *at = *why == ICE_WHY_DECIDED ? component->first_valid : end_of_wait(session, valid, component->first_valid);
    return valid;
}

static bool
nominates(const struct ice_session *session)
{
    return session->started && session->controlling && !session->options.lite;
}

static void
nominate_ripe(struct ice_session *session, int64_t now, unsigned stream)
{
    for (unsigned i = 1; i <= session->options.components; i++) {
        int64_t at;
        enum ice_why why;
        struct ice_pair *valid = find_ripe(session, stream, i, &at, &why);

        if (!valid || at > now)
            continue;

        struct ice_pair *checked = session_find_number(session, valid->made_by);

        valid->won = (uint8_t)why;
        checked->nominating = true;
        session_enqueue(session, checked, false);
    }
}

/* ---- failure (section 8.1.2, RFC 8863) */

static bool
is_exhausted(const struct ice_session *session, unsigned stream)
{
    bool all_valid = true;

    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair_is_of(pair, stream) && (pair_is_undecided(pair) || pair->nominating))
            return false;
    }
    for (unsigned i = 1; i <= components_of(session, stream); i++)
        all_valid &= session_best_valid(session, stream, i) != NULL;
    return !all_valid;
}

static void
release(struct ice_session *session, int64_t now, unsigned stream)
{
    struct ice_event event = {
        .type = ICE_EVENT_RELEASED, .why = ICE_WHY_RELEASED, .at = now, .stream = (uint8_t)stream
    };

    session->checklists[stream].release = TIME_NEVER;
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || pair->stream != stream || pair->selected)
            continue;
        session_forget(session, pair);
        pair->valid = false;
        session_move(session, now, pair, ICE_PAIR_GONE, ICE_WHY_RELEASED, 0);
    }
    session_tell(session, &event);
}

void
session_settle(struct ice_session *session, int64_t now)
{
    if (!session->started)
        return;
    session->impatient |= now >= session->patience;
    for (unsigned i = 0; i < session->options.streams; i++) {
        struct checklist *checklist = &session->checklists[i];

        if (checklist->state == ICE_RUNNING)
            complete(session, now, i); /* the peer may have less components than this side waits for */
        if (checklist->state == ICE_RUNNING && nominates(session))
            nominate_ripe(session, now, i);
        if (checklist->state == ICE_RUNNING && session->impatient && session->ended_local && !session->options.lite &&
            is_exhausted(session, i))
            session_set_checklist(session, now, i, ICE_FAILED, ICE_WHY_EXHAUSTED);
        if (checklist->release <= now)
            release(session, now, i);
    }
    session_settle_early(session, now);
}

int64_t
session_settle_deadline(const struct ice_session *session)
{
    int64_t deadline = TIME_NEVER;

    if (!session->started)
        return TIME_NEVER;
    for (unsigned i = 0; i < session->options.streams; i++) {
        const struct checklist *checklist = &session->checklists[i];

        deadline = MIN(deadline, checklist->release);
        if (checklist->state != ICE_RUNNING)
            continue;
        if (!session->impatient && !session->options.lite)
            deadline = MIN(deadline, session->patience);
        for (unsigned c = 1; nominates(session) && c <= session->options.components; c++) {
            int64_t at;
            enum ice_why why;

            if (find_ripe(session, i, c, &at, &why))
                deadline = MIN(deadline, at);
        }
    }
    return deadline;
}
