/* The peer's checks: role conflicts, learned candidates, triggered checks, nomination (RFC 8445 section 7.3). */
#include "proto/ice/session_private.h"

/* ---- roles (section 7.3.1.1) */

/* What a lite agent makes of a role that is not the other's: it never controls a full one (section 6.1.1). */
static unsigned
judge_role_lite(struct ice_session *session, int64_t now, const struct ice_check *check)
{
    if (!check->controlling)
        return STUN_CODE_ROLE_CONFLICT;
    session_switch_role(session, now, false, ICE_WHY_PEER_LITE);
    return 0;
}

static unsigned
judge_role(struct ice_session *session, int64_t now, const struct ice_check *check)
{
    bool larger = session->tiebreaker >= check->tiebreaker;

    if (!check->has_role || check->controlling != session->controlling)
        return 0;
    session->counters.conflicts++;
    if (session->options.lite)
        return judge_role_lite(session, now, check);
    if (session->controlling != larger) {
        session_switch_role(session, now, larger, larger ? ICE_WHY_ROLE_WON : ICE_WHY_ROLE_LOST);
        return 0;
    }

    struct ice_event event = { .type = ICE_EVENT_ROLE,
                               .why = larger ? ICE_WHY_ROLE_WON : ICE_WHY_ROLE_LOST,
                               .at = now,
                               .controlling = session->controlling,
                               .code = STUN_CODE_ROLE_CONFLICT };

    session_tell(session, &event);
    return STUN_CODE_ROLE_CONFLICT;
}

/* ---- triggered checks (section 7.3.1.4) */

static void
trigger(struct ice_session *session, int64_t now, struct ice_pair *pair, bool use_candidate)
{
    struct ice_pair *valid = session_find_number(session, pair->made);

    if (pair->state == ICE_PAIR_SUCCEEDED) {
        if (use_candidate && valid && valid->valid)
            session_nominate(session, now, valid, ICE_WHY_PEER_NOMINATED);
        return;
    }
    pair->use_later |= use_candidate;
    pair->hoped = now;
    session_cancel(session, pair);
    session_move(session, now, pair, ICE_PAIR_WAITING, ICE_WHY_TRIGGERED, 0);
    session_enqueue(session, pair, true);
}

/* After the selection only a nomination matters, or with an aggressive peer a pair that is better still. */
static bool
comes_too_late(const struct ice_session *session, const struct route *route, uint64_t priority, bool use_candidate)
{
    const struct ice_pair *selected = session_find_number(session, route->pair);

    if (!route->used)
        return false;
    if (session->controlling || !selected)
        return true;
    return !use_candidate && !(session->aggressive_peer && priority > selected->priority);
}

/* The pair that the check came by. One that there is not yet is inserted by its priority, Waiting. */
static struct ice_pair *
pair_of(struct ice_session *session, int64_t now, unsigned base, unsigned remote)
{
    struct ice_pair *pair = session_find_listed(session, base, remote);
    struct ice_event event;

    if (pair)
        return pair;
    pair = session_add_listed(session, now, base, remote);
    if (!pair)
        return NULL;
    event = session_pair_event(session, now, ICE_EVENT_PAIR, pair, ICE_WHY_CHECK_CAME);
    event.is_new = true;
    session_tell(session, &event);
    return pair;
}

static void
take_full(struct ice_session *session, int64_t now, unsigned base, unsigned remote, bool use_candidate)
{
    const struct ice_candidate *local = &session->locals[base].candidate;
    const struct ice_candidate *peer = &session->remotes[remote].candidate;
    const struct route *route = &session_component(session, local->stream, local->component)->route;
    uint64_t priority = session->controlling ? ice_pair_priority(local->priority, peer->priority)
                                             : ice_pair_priority(peer->priority, local->priority);

    if (comes_too_late(session, route, priority, use_candidate))
        return;

    struct ice_pair *pair = pair_of(session, now, base, remote);

    if (pair && !pair->barred)
        trigger(session, now, pair, use_candidate && !session->controlling);
}

/* A lite agent believes the peer, which has checked both ways (section 7.3.2). */
static void
take_lite(struct ice_session *session, int64_t now, unsigned base, unsigned remote, bool use_candidate)
{
    struct ice_pair *pair;

    if (!use_candidate || session->controlling)
        return;
    pair = pair_of(session, now, base, remote);
    if (!pair || pair->barred)
        return;
    pair->made = pair->made_by = pair->number;
    pair->answered = now;
    pair->valid = true;
    session_move(session, now, pair, ICE_PAIR_SUCCEEDED, ICE_WHY_TRIGGERED, 0);
    session_nominate(session, now, pair, ICE_WHY_PEER_NOMINATED);
}

/* A peer whose check comes after this side has given up is answered (section 7.3) and would take that for a path. So
 * the checklist runs again, for as long as the check lasts that this one triggers. What consent ended stays ended. */
static void
revive(struct ice_session *session, int64_t now, unsigned stream)
{
    if (session->checklists[stream].given_up)
        session_set_checklist(session, now, stream, ICE_RUNNING, ICE_WHY_REVIVED);
}

/* What a check brings about once it has been answered. */
static void
take_effect(struct ice_session *session, int64_t now, const struct ice_arrival *arrival, const struct ice_check *check)
{
    unsigned stream;
    int remote;

    if (!session_local_is_live(session, arrival->base) || session->locals[arrival->base].base != arrival->base)
        return;
    stream = session->locals[arrival->base].candidate.stream;
    revive(session, now, stream);
    if (session->checklists[stream].state == ICE_FAILED)
        return;
    remote = session_find_remote(session, arrival->base, arrival->source);
    if (remote < 0)
        remote = session_learn_remote(session, now, arrival->base, arrival->source, check->priority);
    if (remote < 0)
        return;
    if (session->options.lite)
        take_lite(session, now, arrival->base, (unsigned)remote, check->use_candidate);
    else
        take_full(session, now, arrival->base, (unsigned)remote, check->use_candidate);
}

/* ---- before the start */

static void
keep_early(struct ice_session *session, const struct ice_arrival *arrival, const struct ice_check *check)
{
    for (size_t i = 0; i < session->early_count; i++) {
        struct early *early = &session->early[i];

        if (early->arrival.base == arrival->base && endpoint_equal(early->arrival.source, arrival->source)) {
            early->check.use_candidate |= check->use_candidate;
            return;
        }
    }
    if (session->early_count == MOST_EARLY) {
        session->counters.limited++;
        return;
    }
    session->early[session->early_count++] = (struct early){ .arrival = *arrival, .check = *check };
}

void
session_replay(struct ice_session *session, int64_t now)
{
    for (size_t i = 0; i < session->early_count; i++)
        take_effect(session, now, &session->early[i].arrival, &session->early[i].check);
    session->early_count = 0;
}

unsigned
ice_session_request(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
                    const struct ice_check *check)
{
    unsigned code = judge_role(session, now, check);

    session->counters.requests++;
    if (code) {
        session->counters.refused++;
        return code;
    }
    if (!session->started) {
        keep_early(session, arrival, check);
        return 0;
    }
    take_effect(session, now, arrival, check);
    session_settle(session, now);
    return 0;
}
