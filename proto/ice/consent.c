/* What keeps pairs in use, or ends that: consent (RFC 7675) and keepalives (RFC 8445 section 11).
 *
 * A component sends by a route: its selected pair; until there is one that of the generation before; and if there is none
 * of either the best valid pair, early. */
#include "proto/ice/session_private.h"

/* 5 s x U(0.8, 1.2): RFC 7675 section 5.1. */
static int64_t
draw_interval(struct ice_session *session)
{
    uint64_t draw = session_draw(session) >> 32;

    return ICE_CONSENT * 4 / 5 + (int64_t)(draw * (uint64_t)(ICE_CONSENT * 2 / 5) >> 32);
}

void
session_route_begin(struct ice_session *session, int64_t now, struct route *route, const struct ice_pair *pair)
{
    const struct ice_candidate *base = &session->locals[pair->base].candidate;
    bool asks = session->options.consent && !session->options.lite;

    *route = (struct route){ .used = true,
                             .own_type = (uint8_t)session->locals[pair->local].candidate.type,
                             .peer_type = (uint8_t)session->remotes[pair->remote].candidate.type,
                             .generation = session->generation,
                             .base = pair->base,
                             .pair = pair->number,
                             .priority = ice_candidate_prflx_priority(base),
                             .to = session->remotes[pair->remote].candidate.endpoint,
                             .rtt = pair->rtt,
                             .last_sent = now,
                             .consent_expires = TIME_NEVER,
                             .consent_next = TIME_NEVER };
    if (asks) {
        /* The pair may have been answered long ago, and nothing was asked on it since: its consent is of the
         * nomination, and where that was the peer's it is confirmed at once. */
        route->consent_expires = now + ICE_CONSENT_EXPIRY;
        route->consent_next = pair->answered < now - ICE_CONSENT ? now : now + draw_interval(session);
    }
}

enum { ROUTE_SELECTED, ROUTE_OLD, ROUTE_EARLY, ROUTES };

static struct route *
route_of(struct ice_session *session, unsigned index, int which)
{
    struct component *component = &session->components[index];

    return which == ROUTE_SELECTED ? &component->route : which == ROUTE_OLD ? &component->old : &component->early;
}

/* Early data is sent with the consent that the answer to a check is (RFC 7675 section 5.1). */
static void
begin_early(struct ice_session *session, int64_t now, struct route *route, const struct ice_pair *pair)
{
    *route = (struct route){ .used = true,
                             .generation = session->generation,
                             .base = pair->base,
                             .pair = pair->number,
                             .priority = ice_candidate_prflx_priority(&session->locals[pair->base].candidate),
                             .to = session->remotes[pair->remote].candidate.endpoint,
                             .last_sent = now,
                             .consent_expires = pair->answered + ICE_CONSENT_EXPIRY,
                             .consent_next = MAX(now, pair->answered + ICE_CONSENT) };
}

static void
choose_early(struct ice_session *session, int64_t now, unsigned index)
{
    struct component *component = &session->components[index];
    unsigned stream = index / session->options.components;
    const struct ice_pair *best = NULL;

    if (!component->route.used && !component->old.used && component->first_valid != TIME_NEVER &&
        session->checklists[stream].state == ICE_RUNNING)
        best = session_best_valid(session, stream, index % session->options.components + 1);
    if (!best)
        component->early = (struct route){ .used = false };
    else if (component->early.pair != best->number ||
             (!component->early.used && best->answered + ICE_CONSENT_EXPIRY > now))
        begin_early(session, now, &component->early, best);
}

void
session_settle_early(struct ice_session *session, int64_t now)
{
    for (unsigned i = 0; session->options.consent && !session->options.lite &&
                         i < session->options.streams * session->options.components;
         i++)
        choose_early(session, now, i);
}

/* A pair without consent is of no use in this generation, nor is the one whose check had made it. */
static void
bar_pair(struct ice_session *session, int64_t now, struct ice_pair *pair, enum ice_why why)
{
    struct ice_pair *checked = session_find_number(session, pair->made_by);

    session_forget(session, pair);
    pair->selected = pair->valid = false;
    pair->barred = true;
    session_move(session, now, pair, ICE_PAIR_FAILED, why, 0);
    if (!checked)
        return;
    session_stop_nominating(session, checked);
    session_forget(session, checked);
    checked->valid = false;
    checked->barred = true;
    session_move(session, now, checked, ICE_PAIR_FAILED, why, 0);
}

/* Silence ends what is sent, until a check of the pair is answered after all: it may be just being nominated, which lasts
 * longer. A peer that has revoked its consent gives it no more. */
static void
lose_early(struct ice_session *session, int64_t now, unsigned index, enum ice_why why)
{
    struct route *route = &session->components[index].early;
    struct ice_pair *pair = session_find_number(session, route->pair);

    route->used = false;
    if (pair && why == ICE_WHY_CONSENT_REVOKED)
        bar_pair(session, now, pair, why);
}

void
session_route_lose(struct ice_session *session, int64_t now, unsigned index, bool old, enum ice_why why)
{
    struct component *component = &session->components[index];
    struct route *route = old ? &component->old : &component->route;
    struct ice_pair *pair = old ? NULL : session_find_number(session, route->pair);
    unsigned stream = index / session->options.components;
    struct ice_event event = { .type = ICE_EVENT_CONSENT,
                               .why = why,
                               .at = now,
                               .local = &session->locals[route->base].candidate,
                               .pair = pair,
                               .stream = (uint8_t)stream,
                               .component = (uint16_t)(index % session->options.components + 1),
                               .from = session->locals[route->base].candidate.endpoint,
                               .to = route->to };

    route->used = false;
    session_tell(session, &event);
    if (old)
        return;
    if (pair)
        bar_pair(session, now, pair, why);
    session_set_checklist(session, now, stream, ICE_FAILED, why);
}

static void
lose(struct ice_session *session, int64_t now, unsigned index, int which, enum ice_why why)
{
    if (which == ROUTE_EARLY)
        lose_early(session, now, index, why);
    else
        session_route_lose(session, now, index, which == ROUTE_OLD, why);
}

static void
renew(struct ice_session *session, int64_t now, struct route *route)
{
    struct ice_pair *pair = session_find_number(session, route->pair);

    route->consent_expires = now + ICE_CONSENT_EXPIRY;
    if (pair)
        pair->answered = now;
}

void
session_consent_answer(struct ice_session *session, int64_t now, const struct transaction *transaction,
                       const struct ice_answer *answer)
{
    unsigned count = session->options.streams * session->options.components;

    for (unsigned i = 0; i < count * ROUTES; i++) {
        struct route *route = route_of(session, i / ROUTES, (int)(i % ROUTES));

        if (!route->used || route->pair != transaction->pair)
            continue;
        if (answer->kind == ICE_ANSWER_SUCCESS)
            renew(session, now, route);
        else if (answer->kind == ICE_ANSWER_ERROR && answer->code == STUN_CODE_FORBIDDEN)
            lose(session, now, i / ROUTES, (int)(i % ROUTES), ICE_WHY_CONSENT_REVOKED);
        return;
    }
}

static struct ice_order
route_order(const struct ice_session *session, unsigned index, const struct route *route, enum ice_order_type type)
{
    const struct ice_candidate *base = &session->locals[route->base].candidate;

    return (struct ice_order){ .type = type,
                               .pair = route->pair,
                               .base = route->base,
                               .stream = (uint8_t)(index / session->options.components),
                               .component = (uint16_t)(index % session->options.components + 1),
                               .generation = route->generation,
                               .transport = base->transport,
                               .from = base->endpoint,
                               .to = route->to,
                               .count = 1 };
}

/* One transmission a transaction, a new transaction each time. An answer counts for as long as consent could last. */
static void
ask_consent(struct ice_session *session, int64_t now, unsigned index, struct route *route, struct ice_order *order)
{
    struct transaction *transaction = session_new_transaction(session, TRANSACTION_CONSENT);

    transaction->pair = route->pair;
    transaction->base = route->base;
    transaction->to = route->to;
    transaction->generation = route->generation;
    transaction->check.priority = route->priority;
    transaction->until = now + ICE_CONSENT_EXPIRY;
    *order = route_order(session, index, route, ICE_ORDER_CONSENT);
    order->check = transaction->check;
    route->consent_next = now + draw_interval(session);
    route->last_sent = now;
    session->counters.consents++;
}

static void
keep_alive(struct ice_session *session, int64_t now, unsigned index, struct route *route, struct ice_order *order)
{
    *order = route_order(session, index, route, ICE_ORDER_KEEPALIVE);
    session->options.random(session->options.owner, order->check.id.bytes, STUN_ID_BYTES);
    route->last_sent = now;
    session->counters.keepalives++;
}

/* Then its check asks already, and more often. */
static bool
is_nominating(const struct ice_session *session, const struct route *route)
{
    const struct ice_pair *pair = session_find_number(session, route->pair);
    const struct ice_pair *checked = pair ? session_find_number(session, pair->made_by) : NULL;

    return checked && checked->nominating;
}

static bool
route_next(struct ice_session *session, int64_t now, unsigned index, int which, struct ice_order *order)
{
    struct route *route = route_of(session, index, which);

    if (!route->used)
        return false;
    if (route->consent_expires <= now) {
        lose(session, now, index, which, ICE_WHY_CONSENT_EXPIRED);
        return false;
    }
    if (route->consent_next <= now && which == ROUTE_EARLY && is_nominating(session, route)) {
        route->consent_next = now + ICE_CONSENT;
        route->last_sent = now;
    } else if (route->consent_next <= now) {
        ask_consent(session, now, index, route, order);
        return true;
    }
    if (time_add(route->last_sent, session->options.keepalive) <= now) {
        keep_alive(session, now, index, route, order);
        return true;
    }
    return false;
}

bool
session_consent_next(struct ice_session *session, int64_t now, struct ice_order *order)
{
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++)
        for (int which = 0; which < ROUTES; which++)
            if (route_next(session, now, i, which, order))
                return true;
    return false;
}

static int64_t
route_deadline(const struct ice_session *session, const struct route *route)
{
    if (!route->used)
        return TIME_NEVER;
    return MIN(MIN(route->consent_expires, route->consent_next),
               time_add(route->last_sent, session->options.keepalive));
}

int64_t
session_consent_deadline(const struct ice_session *session)
{
    int64_t deadline = TIME_NEVER;

    for (unsigned i = 0; i < session->options.streams * session->options.components; i++) {
        deadline = MIN(deadline, route_deadline(session, &session->components[i].route));
        deadline = MIN(deadline, route_deadline(session, &session->components[i].old));
        deadline = MIN(deadline, route_deadline(session, &session->components[i].early));
    }
    return deadline;
}

void
ice_session_sent(struct ice_session *session, int64_t now, unsigned stream, unsigned component)
{
    if (stream >= session->options.streams || component < 1 || component > session->options.components)
        return;

    struct component *at = session_component(session, stream, component);

    at->route.last_sent = at->old.last_sent = at->early.last_sent = now;
}
