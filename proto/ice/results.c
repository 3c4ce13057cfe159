/* What comes of a check: responses, errors, silence (RFC 8445 section 7.2.5). */
#include "proto/ice/session_private.h"

/* ---- failure */

/* The check that was to nominate has failed: what it had proven does not hold any more (section 7.2.5.3.4). */
static void
fail_nomination(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why, unsigned code)
{
    struct ice_pair *valid = session_find_number(session, pair->made);

    pair->nominating = pair->valid = false;
    if (valid && valid != pair) {
        valid->valid = false;
        session_move(session, now, valid, ICE_PAIR_FAILED, ICE_WHY_NOMINATION_FAILED, 0);
    }
    session_move(session, now, pair, ICE_PAIR_FAILED, why, code);
    session_set_checklist(session, now, pair->stream, ICE_FAILED, ICE_WHY_NOMINATION_FAILED);
}

void
session_fail(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why, unsigned code)
{
    session_forget(session, pair);
    if (pair->nominating)
        fail_nomination(session, now, pair, why, code);
    else if (pair->state != ICE_PAIR_SUCCEEDED)
        session_move(session, now, pair, ICE_PAIR_FAILED, why, code);
}

/* ---- success */

/* The valid pair: local candidate `mapped` with the pair's remote. It may be the pair itself, or one that there is
 * already (section 7.2.5.3.2). */
static struct ice_pair *
find_valid(const struct ice_session *session, const struct ice_pair *pair, unsigned mapped)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *other = &session->pairs[i];

        if (other->state != ICE_PAIR_GONE && other->local == mapped && other->remote == pair->remote)
            return other;
    }
    return NULL;
}

/* Which local candidate the peer has seen (section 7.2.5.3.1). Where the limit lets none be learned, the one that was
 * checked does: data goes the same way. */
static unsigned
mapped_local(struct ice_session *session, int64_t now, const struct ice_pair *pair, struct endpoint mapped,
             uint32_t priority)
{
    int found = session_find_local(session, &session->locals[pair->base], mapped);

    if (found < 0)
        found = session_learn_local(session, now, pair->base, mapped, priority);
    return found < 0 ? pair->local : (unsigned)found;
}

/* Makes the valid pair and returns its number. The array of pairs may move. */
static uint32_t
make_valid(struct ice_session *session, int64_t now, uint32_t number, struct endpoint mapped, uint32_t priority)
{
    struct ice_pair *pair = session_find_number(session, number);
    unsigned local = mapped_local(session, now, pair, mapped, priority);
    struct ice_pair *valid = local == pair->local ? pair : find_valid(session, pair, local);

    if (!valid) {
        valid = session_add_pair(session, now, local, pair->remote, pair->base, false);
        pair = session_find_number(session, number);
    }
    if (!valid)
        valid = pair;
    if (valid != pair && valid->listed)
        session_forget(session, valid);
    valid->made_by = number;
    pair->made = valid->number;
    return valid->number;
}

static void
tell_valid(const struct ice_session *session, int64_t now, const struct ice_pair *valid, struct endpoint mapped)
{
    struct ice_event event;

    if (!session->options.event)
        return;
    event = session_pair_event(session, now, ICE_EVENT_VALID, valid, ICE_WHY_ANSWERED);
    event.elapsed = valid->rtt;
    event.mapped = mapped;
    session_tell(session, &event);
}

/* The pair, and the valid pair that it made, have Succeeded. */
static void
succeed(struct ice_session *session, int64_t now, struct ice_pair *pair, struct ice_pair *valid,
        const struct transaction *transaction, struct endpoint mapped)
{
    struct component *component = session_component(session, pair->stream, pair->component);
    int64_t rtt = stun_timer_rtt(&transaction->timer, now);
    bool is_new = !valid->valid;

    pair->queued = pair->nominating ? pair->queued : 0;
    valid->queued = valid->nominating ? valid->queued : 0;
    pair->answered = valid->answered = now;
    if (rtt >= 0)
        pair->rtt = valid->rtt = rtt;
    session_move(session, now, pair, ICE_PAIR_SUCCEEDED, ICE_WHY_ANSWERED, 0);
    session_move(session, now, valid, ICE_PAIR_SUCCEEDED, ICE_WHY_SAME_PATH, 0);
    valid->valid = true;
    if (component->first_valid == TIME_NEVER)
        component->first_valid = now;
    if (is_new)
        tell_valid(session, now, valid, mapped);
    session_unfreeze(session, now, pair->foundation);
}

/* A check was answered. `transaction` is a copy: its place is free already. */
static void
take_success(struct ice_session *session, int64_t now, uint32_t number, const struct transaction *transaction,
             struct endpoint mapped)
{
    uint32_t valid_number = make_valid(session, now, number, mapped, transaction->check.priority);
    struct ice_pair *pair = session_find_number(session, number);
    struct ice_pair *valid = session_find_number(session, valid_number);
    bool by_us = transaction->check.use_candidate && session->controlling;
    bool by_peer = pair->use_later && !session->controlling;

    if (!pair->nominating || transaction->nominating)
        session_forget(session, pair);
    succeed(session, now, pair, valid, transaction, mapped);
    if (!by_us && !by_peer)
        return;
    pair->nominating = pair->use_later = false;
    pair->queued = 0;
    session_nominate(session, now, valid, by_us ? ICE_WHY_NOMINATED : ICE_WHY_PEER_NOMINATED);
}

/* ---- errors */

/* Section 7.2.5.1: the other role, another tiebreaker, and the pair once more. Where the role has changed already,
 * since the request went out, it stays. */
static void
take_conflict(struct ice_session *session, int64_t now, struct ice_pair *pair, bool was_controlling)
{
    session->counters.conflicts++;
    if (session->controlling == was_controlling && !session->options.lite) {
        session_switch_role(session, now, !was_controlling, ICE_WHY_ROLE_TOLD);
        session->tiebreaker = session_draw(session);
    }
    if (!pair)
        return;
    session_cancel(session, pair);
    pair->nominating = false;
    if (pair->state == ICE_PAIR_SUCCEEDED)
        return;
    session_move(session, now, pair, ICE_PAIR_WAITING, ICE_WHY_ROLE_CONFLICT, 0);
    session_enqueue(session, pair, false);
}

static void
take_answer(struct ice_session *session, int64_t now, uint32_t number, const struct transaction *transaction,
            const struct ice_answer *answer)
{
    struct ice_pair *pair = session_find_number(session, number);

    if (answer->kind == ICE_ANSWER_SUCCESS)
        take_success(session, now, number, transaction, answer->mapped);
    else if (transaction->cancelled)
        return; /* the check that has taken its place decides */
    else if (answer->kind == ICE_ANSWER_MALFORMED)
        session_fail(session, now, pair, ICE_WHY_MALFORMED, 0);
    else if (answer->code == STUN_CODE_ROLE_CONFLICT)
        take_conflict(session, now, pair, transaction->check.controlling);
    else
        session_fail(session, now, pair, ICE_WHY_ERROR_RESPONSE, answer->code);
}

static bool
is_symmetric(const struct transaction *transaction, const struct ice_arrival *arrival)
{
    return transaction->base == arrival->base && endpoint_equal(transaction->to, arrival->source);
}

size_t
session_find_transaction(const struct ice_session *session, const struct stun_id *id)
{
    size_t i = 0;

    while (i < session->transaction_count && !stun_id_equal(&session->transactions[i].check.id, id))
        i++;
    return i;
}

bool
ice_session_response(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
                     const struct stun_id *id, const struct ice_answer *answer)
{
    size_t index = session_find_transaction(session, id);
    struct transaction transaction;
    struct ice_pair *pair;

    if (index == session->transaction_count)
        return false;
    if (answer->kind == ICE_ANSWER_UNPROVEN)
        return true;
    transaction = session->transactions[index];
    session->counters.responses++;
    session_drop_transaction(session, index);
    pair = session_find_number(session, transaction.pair);
    if (transaction.kind == TRANSACTION_CONSENT) {
        if (is_symmetric(&transaction, arrival))
            session_consent_answer(session, now, &transaction, answer);
        if (answer->kind == ICE_ANSWER_ERROR && answer->code == STUN_CODE_ROLE_CONFLICT)
            take_conflict(session, now, NULL, transaction.check.controlling);
    } else if (pair && is_symmetric(&transaction, arrival)) {
        take_answer(session, now, pair->number, &transaction, answer);
    } else if (pair && !transaction.cancelled) {
        session_fail(session, now, pair, ICE_WHY_NOT_SYMMETRIC, 0);
    }
    session_settle(session, now);
    return true;
}

/* ---- no way */

void
ice_session_broken(struct ice_session *session, int64_t now, uint16_t base, struct endpoint remote, enum ice_why why)
{
    bool for_good = why == ICE_WHY_CONNECTION || why == ICE_WHY_PERMISSION;

    for (size_t i = 0; i < session->transaction_count;) {
        const struct transaction *transaction = &session->transactions[i];
        struct ice_pair *pair = session_find_number(session, transaction->pair);

        if (transaction->kind != TRANSACTION_CHECK || transaction->cancelled || transaction->base != base ||
            !endpoint_equal(transaction->to, remote) || !pair) {
            i++;
            continue;
        }
        session_fail(session, now, pair, why, 0);
        i = 0;
    }
    for (unsigned i = 0; for_good && i < session->options.streams * session->options.components; i++) {
        struct component *component = &session->components[i];

        if (component->route.used && component->route.base == base && endpoint_equal(component->route.to, remote))
            session_route_lose(session, now, i, false, why);
        if (component->old.used && component->old.base == base && endpoint_equal(component->old.to, remote))
            session_route_lose(session, now, i, true, why);
    }
    session_settle(session, now);
}
