/* Sending: pacing, the order of checks, transactions and their retransmission (RFC 8445 sections 6.1.4.2, 7.2.4 and
 * 14). */
#include "proto/ice/session_private.h"

/* Requests: 39.5 s of them at least, as other checks last with the least first timeout. */
enum { EVEN_MOST = 79 };

bool
ice_pacer_take(struct ice_pacer *pacer, int64_t now)
{
    if (now < pacer->next)
        return false;
    pacer->next = now + ICE_TA_LEAST;
    return true;
}

/* ---- transactions */

/* Over the limit the oldest cancelled one makes room: it is the least likely to be answered still. */
static size_t
find_forgettable(const struct ice_session *session)
{
    size_t oldest = session->transaction_count;

    for (size_t i = 0; i < session->transaction_count; i++) {
        const struct transaction *transaction = &session->transactions[i];

        if (transaction->cancelled &&
            (oldest == session->transaction_count || transaction->until < session->transactions[oldest].until))
            oldest = i;
    }
    return oldest;
}

void
session_drop_transaction(struct ice_session *session, size_t index)
{
    struct transaction *last = &session->transactions[--session->transaction_count];
    struct ice_pair *pair = session_find_number(session, session->transactions[index].pair);

    if (pair && pair->transaction == index + 1)
        pair->transaction = 0;
    if (index == session->transaction_count)
        return;
    pair = session_find_number(session, last->pair);
    if (pair && pair->transaction == session->transaction_count + 1)
        pair->transaction = (uint16_t)(index + 1);
    session->transactions[index] = *last;
}

struct transaction *
session_new_transaction(struct ice_session *session, enum transaction_kind kind)
{
    size_t most = 2u * session->options.pairs_most + session->options.streams * session->options.components * 16u;
    size_t forgettable = session->transaction_count >= most ? find_forgettable(session) : session->transaction_count;

    if (forgettable < session->transaction_count)
        session_drop_transaction(session, forgettable);
    session->transactions = session_grow(session->transactions, &session->transaction_room, session->transaction_count,
                                         sizeof *session->transactions);

    struct transaction *transaction = &session->transactions[session->transaction_count++];

    *transaction = (struct transaction){ .kind = kind, .generation = session->generation, .until = TIME_NEVER };
    session->options.random(session->options.owner, transaction->check.id.bytes, STUN_ID_BYTES);
    transaction->check.controlling = session->controlling;
    transaction->check.has_role = true;
    transaction->check.tiebreaker = session->tiebreaker;
    return transaction;
}

/* When a transaction would end without an answer: what remains of its schedule from where it is (section 7.3.1.4 has
 * the agent wait for as long as the transaction would have lasted). */
static int64_t
schedule_end(const struct stun_timer *timer)
{
    struct stun_timer copy = *timer;

    while (stun_timer_fire(&copy, copy.deadline) == STUN_RESEND)
        ;
    return copy.deadline;
}

void
session_cancel(struct ice_session *session, struct ice_pair *pair)
{
    if (!pair->transaction)
        return;

    struct transaction *transaction = &session->transactions[pair->transaction - 1];

    transaction->cancelled = true;
    transaction->until = schedule_end(&transaction->timer);
    pair->transaction = 0;
}

void
session_stop_nominating(struct ice_session *session, struct ice_pair *pair)
{
    if (!pair->nominating)
        return;
    pair->nominating = false;
    pair->queued = 0;
    session_cancel(session, pair);
}

void
session_forget(struct ice_session *session, struct ice_pair *pair)
{
    for (size_t i = session->transaction_count; i-- > 0;)
        if (session->transactions[i].kind == TRANSACTION_CHECK && session->transactions[i].pair == pair->number)
            session_drop_transaction(session, i);
    pair->transaction = 0;
}

/* ---- which pair is next */

void
session_enqueue(struct ice_session *session, struct ice_pair *pair, bool triggered)
{
    if (pair->queued)
        return;
    pair->queued = ++session->last_queued;
    pair->triggered = triggered;
}

/* Whether a pair of the queue may still be checked. In a Completed checklist the peer may go on nominating. */
static bool
may_check_queued(const struct ice_session *session, const struct ice_pair *pair)
{
    enum ice_state state = session->checklists[pair->stream].state;

    return pair->queued && (state == ICE_RUNNING || state == ICE_COMPLETED);
}

static struct ice_pair *
queue_head(const struct ice_session *session, unsigned stream)
{
    struct ice_pair *head = NULL;

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (pair_is_of(pair, stream) && may_check_queued(session, pair) && (!head || pair->queued < head->queued))
            head = pair;
    }
    return head;
}

/* Section 6.1.4.2, step 3: the highest priority; of equal ones the lower component, then the older. */
static struct ice_pair *
best_waiting(const struct ice_session *session, unsigned stream)
{
    struct ice_pair *best = NULL;

    for (size_t i = 0; i < session->pair_count; i++) {
        struct ice_pair *pair = &session->pairs[i];

        if (!pair_is_of(pair, stream) || pair->state != ICE_PAIR_WAITING)
            continue;
        if (!best || pair->priority > best->priority ||
            (pair->priority == best->priority && (pair->component < best->component ||
                                                  (pair->component == best->component && pair->number < best->number))))
            best = pair;
    }
    return best;
}

static struct ice_pair *
pick_of(struct ice_session *session, int64_t now, unsigned stream)
{
    struct ice_pair *pair = queue_head(session, stream);

    if (pair || session->checklists[stream].state != ICE_RUNNING)
        return pair;
    pair = best_waiting(session, stream);
    if (!pair && session_unfreeze_idle(session, now, stream, false))
        pair = best_waiting(session, stream);
    return pair;
}

/* Checklists take turns; one that has nothing to send gives its turn away at once (step 4). */
static struct ice_pair *
pick(struct ice_session *session, int64_t now)
{
    unsigned streams = session->options.streams;

    for (unsigned i = 1; i <= streams; i++) {
        unsigned stream = (session->turn + i) % streams;
        struct ice_pair *pair = pick_of(session, now, stream);

        if (pair) {
            session->turn = stream;
            return pair;
        }
    }
    return NULL;
}

static bool
has_work(const struct ice_session *session)
{
    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || !pair->listed)
            continue;
        if (may_check_queued(session, pair))
            return true;
        if (pair->state == ICE_PAIR_WAITING && session->checklists[pair->stream].state == ICE_RUNNING)
            return true;
    }
    for (unsigned i = 0; i < session->options.streams; i++)
        if (session->checklists[i].state == ICE_RUNNING &&
            session_unfreeze_idle((struct ice_session *)session, 0, i, true))
            return true;
    return false;
}

/* When the next new check may go out. */
static int64_t
next_turn(const struct ice_session *session)
{
    int64_t turn = session->last_check + session->ta;

    return session->options.pacer ? MAX(turn, session->options.pacer->next) : turn;
}

/* ---- sending */

/* Section 14.3, with the pair counted that is about to be checked. */
static int64_t
first_timeout(const struct ice_session *session)
{
    int64_t total = 0, open = 0;

    for (size_t i = 0; i < session->pair_count; i++) {
        const struct ice_pair *pair = &session->pairs[i];

        if (pair->state == ICE_PAIR_GONE || !pair->listed)
            continue;
        total++;
        open += pair->state == ICE_PAIR_WAITING || pair->state == ICE_PAIR_IN_PROGRESS;
    }

    int64_t factor = total * open; /* at most the square of the limit on pairs */
    int64_t rto =
        factor && session->ta > session->options.rto_most / factor ? session->options.rto_most : session->ta * factor;

    return CLAMP(rto, ICE_RTO_LEAST, session->options.rto_most);
}

static void
fill_order(const struct ice_session *session, const struct ice_pair *pair, const struct transaction *transaction,
           enum ice_order_type type, struct ice_order *order)
{
    const struct ice_candidate *base = &session->locals[transaction->base].candidate;

    *order = (struct ice_order){ .type = type,
                                 .pair = pair->number,
                                 .base = transaction->base,
                                 .stream = pair->stream,
                                 .component = pair->component,
                                 .generation = transaction->generation,
                                 .transport = base->transport,
                                 .from = base->endpoint,
                                 .to = transaction->to,
                                 .check = transaction->check,
                                 .count = transaction->timer.sent };
}

static void
tell_check(const struct ice_session *session, int64_t now, const struct ice_pair *pair, enum ice_why why,
           unsigned count)
{
    struct ice_event event;

    if (!session->options.event)
        return;
    event = session_pair_event(session, now, ICE_EVENT_CHECK, pair, why);
    event.count = count;
    session_tell(session, &event);
}

/* A check that nominates goes by a pair that works: what goes unanswered was lost, and the peer, which may have selected
 * the pair already, waits. A triggered one goes by a way that the peer's check has come by, and the peer, which has had
 * its answer, does not send again. So both are sent again at even intervals, for as long as any other check would be:
 * with waits that double (RFC 8489 section 6.2.1) a few losses cost half a minute, or a direct path, and seven of a
 * nomination the session (RFC 8445 section 7.2.5.3.4). */
static struct stun_timer_options
schedule(const struct ice_session *session, const struct transaction *transaction)
{
    struct stun_timer_options options = transaction->stream ? STUN_TIMER_STREAM : STUN_TIMER_DEFAULTS;

    if (transaction->stream)
        return options;
    options.rto = first_timeout(session);
    if (transaction->nominating || transaction->triggered)
        options = (struct stun_timer_options){ .rto = options.rto, .rc = EVEN_MOST, .rm = 1, .most = options.rto };
    return options;
}

static void
start_check(struct ice_session *session, int64_t now, struct ice_pair *pair, struct ice_order *order)
{
    enum ice_why why = pair->nominating                  ? ICE_WHY_NOMINATING
                       : pair->queued && pair->triggered ? ICE_WHY_TRIGGERED
                                                         : ICE_WHY_ORDINARY;
    const struct ice_candidate *base = &session->locals[pair->base].candidate;
    struct transaction *transaction = session_new_transaction(session, TRANSACTION_CHECK);

    session_cancel(session, pair);
    pair->queued = 0;
    pair->transaction = (uint16_t)session->transaction_count;
    pair->checks++;
    if (!pair->nominating)
        session_move(session, now, pair, ICE_PAIR_IN_PROGRESS, why, 0);

    transaction->base = pair->base;
    transaction->pair = pair->number;
    transaction->to = session->remotes[pair->remote].candidate.endpoint;
    transaction->nominating = pair->nominating;
    transaction->triggered = why == ICE_WHY_TRIGGERED;
    transaction->stream = base->transport != ICE_UDP;
    transaction->check.priority = ice_candidate_prflx_priority(base);
    transaction->check.use_candidate = session->controlling && (pair->nominating || session->options.aggressive);

    struct stun_timer_options options = schedule(session, transaction);

    stun_timer_start(&transaction->timer, &options, now);
    session->last_check = now;
    session->counters.checks++;
    fill_order(session, pair, transaction, ICE_ORDER_CHECK, order);
    tell_check(session, now, pair, why, 1);
}

static bool
next_check(struct ice_session *session, int64_t now, struct ice_order *order)
{
    struct ice_pair *pair;

    if (!session->started || now < next_turn(session))
        return false;
    pair = pick(session, now);
    if (!pair)
        return false;
    if (session->options.pacer)
        (void)ice_pacer_take(session->options.pacer, now); /* next_turn has asked */
    start_check(session, now, pair, order);
    return true;
}

/* ---- time */

static int64_t
transaction_deadline(const struct transaction *transaction)
{
    return transaction->until != TIME_NEVER ? transaction->until : transaction->timer.deadline;
}

/* The transaction whose time comes first; the count when there is none. */
static size_t
find_due(const struct ice_session *session)
{
    size_t due = session->transaction_count;
    int64_t at = TIME_NEVER;

    for (size_t i = 0; i < session->transaction_count; i++) {
        int64_t deadline = transaction_deadline(&session->transactions[i]);

        if (deadline < at) {
            at = deadline;
            due = i;
        }
    }
    return due;
}

/* The transaction's time has come. True: it goes out once more. */
static bool
fire(struct ice_session *session, int64_t now, size_t index, struct ice_order *order)
{
    struct transaction *transaction = &session->transactions[index];
    struct ice_pair *pair = session_find_number(session, transaction->pair);

    if (!pair || transaction->until != TIME_NEVER) {
        session_drop_transaction(session, index);
        return false;
    }
    if (stun_timer_fire(&transaction->timer, now) == STUN_GIVE_UP) {
        session_fail(session, now, pair, ICE_WHY_TIMEOUT, 0);
        session_settle(session, now);
        return false;
    }
    pair->checks++;
    session->counters.rechecks++;
    fill_order(session, pair, transaction, ICE_ORDER_RECHECK, order);
    tell_check(session, now, pair, transaction->nominating ? ICE_WHY_NOMINATING : ICE_WHY_ORDINARY,
               transaction->timer.sent);
    return true;
}

bool
ice_session_next(struct ice_session *session, int64_t now, struct ice_order *order)
{
    size_t due;

    order->type = ICE_ORDER_NONE;
    while ((due = find_due(session)) < session->transaction_count &&
           transaction_deadline(&session->transactions[due]) <= now)
        if (fire(session, now, due, order))
            return true;
    if (session_settle_deadline(session) <= now)
        session_settle(session, now);
    return session_consent_next(session, now, order) || next_check(session, now, order);
}

int64_t
ice_session_deadline(const struct ice_session *session)
{
    size_t due = find_due(session);
    int64_t at = due < session->transaction_count ? transaction_deadline(&session->transactions[due]) : TIME_NEVER;

    at = MIN(at, session_settle_deadline(session));
    at = MIN(at, session_consent_deadline(session));
    if (session->started && has_work(session))
        at = MIN(at, next_turn(session));
    return at;
}

bool
ice_session_is_busy(const struct ice_session *session)
{
    for (size_t i = 0; i < session->transaction_count; i++)
        if (session->transactions[i].kind == TRANSACTION_CHECK && !session->transactions[i].cancelled)
            return true;
    return session->started && (session->state == ICE_RUNNING || has_work(session));
}
