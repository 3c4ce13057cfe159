/* How long mappings live that nothing is sent through (RFC 5780 section 4.6).
 *
 * A ladder of sockets, its rungs, learn their mapped ports. Each is left alone for a time of its own; then another
 * socket asks the server to answer to that port (RESPONSE-PORT). An answer that comes to the rung's socket shows that
 * its mapping lived until then; none, that it was dead by the last request. The rungs between the longest that lived
 * and the shortest that died are tried in the next round, all at once, until what is between is little. A round ends
 * with the first that died. The first rung of the first round waits for nothing: it shows whether the server serves
 * RESPONSE-PORT.
 *
 * RFC 5780 looks for one port's lifetime by halving; the ladder asks for the same with several ports, in less time. */
#include "proto/stun/discovery_private.h"

#define ROUNDS 4
#define PER_ROUND 8
#define NEAR_ENOUGH (6 * TIME_S)

/* Many tries in little time: at what age a mapping was dead is known no better than when they ended. */
#define TIMER                                                                                                          \
    ((struct stun_timer_options){                                                                                      \
        .rto = 200 * TIME_MS, .rc = STUN_REQUESTS_FOR_SILENCE, .rm = 2, .most = 200 * TIME_MS })

static const int seconds[] = { 0, 5, 10, 20, 30, 45, 60, 90, 120, 180, 240, 300, 420, 600, 900 };

G_STATIC_ASSERT(G_N_ELEMENTS(seconds) + 1 <= LIFETIME_RUNGS);

static void bind_next(struct stun_discovery *discovery);

static void
close_rung(struct rung *rung)
{
    struct io *io = rung->asker->discovery->io;

    io->ops->disarm(io, &rung->alarm);
    if (rung->transaction)
        stun_transaction_cancel(rung->transaction);
    discovery_close(rung->asker);
}

static void
close_rungs(struct lifetime *lifetime)
{
    for (unsigned i = 0; i < lifetime->count; i++)
        close_rung(&lifetime->rungs[i]);
    lifetime->count = lifetime->bound = lifetime->ended = 0;
}

static void
end(struct stun_discovery *discovery)
{
    discovery_lifetime_stop(discovery);
    discovery_next(discovery);
}

/* --- what a round has shown ------------------------------------------------------------------------------------- */

/* Takes the round into the evidence. */
static void
conclude(struct stun_discovery *discovery)
{
    struct lifetime *lifetime = &discovery->lifetime;
    struct stun_lifetime_sight *sight = &discovery->evidence.lifetime;

    for (unsigned i = 0; i < lifetime->count; i++) {
        const struct rung *rung = &lifetime->rungs[i];

        if (!rung->asked)
            continue;
        if (rung->alive)
            sight->alive_for = MAX(sight->alive_for, rung->wait);
        else
            sight->dead_by = MIN(sight->dead_by, rung->looked);
    }
    if (lifetime->round == 0 && lifetime->count > 0 && lifetime->rungs[0].wait == 0) {
        sight->served = lifetime->rungs[0].alive;
        sight->response = lifetime->rungs[0].seen;
    }
    sight->contradictory |= sight->alive_for >= sight->dead_by;
}

static void
add_rung(struct stun_discovery *discovery, int64_t wait)
{
    struct lifetime *lifetime = &discovery->lifetime;
    struct asker *asker = lifetime->count < LIFETIME_RUNGS ? discovery_open(discovery) : NULL;

    if (asker)
        lifetime->rungs[lifetime->count++] = (struct rung){ .asker = asker, .wait = wait };
}

static void
first_round(struct stun_discovery *discovery)
{
    int64_t most = discovery->options.lifetime_most;

    for (size_t i = 0; i < G_N_ELEMENTS(seconds) && seconds[i] * TIME_S < most; i++)
        add_rung(discovery, seconds[i] * TIME_S);
    add_rung(discovery, most);
}

/* Evenly between what lived and what died. */
static void
next_round(struct stun_discovery *discovery)
{
    const struct stun_lifetime_sight *sight = &discovery->evidence.lifetime;
    int64_t between = (sight->dead_by - sight->alive_for) / (PER_ROUND + 1);

    for (int i = 1; i <= PER_ROUND; i++)
        add_rung(discovery, sight->alive_for + i * between);
}

static bool
knows_enough(const struct stun_discovery *discovery)
{
    const struct stun_lifetime_sight *sight = &discovery->evidence.lifetime;

    return !sight->served || sight->contradictory || sight->dead_by == TIME_NEVER ||
           sight->dead_by - sight->alive_for <= NEAR_ENOUGH || discovery->lifetime.round == ROUNDS;
}

static void
end_round(struct stun_discovery *discovery)
{
    struct lifetime *lifetime = &discovery->lifetime;

    conclude(discovery);
    close_rungs(lifetime);
    lifetime->round++;
    if (knows_enough(discovery)) {
        end(discovery);
        return;
    }
    next_round(discovery);
    bind_next(discovery);
}

/* --- a rung ----------------------------------------------------------------------------------------------------- */

static enum stun_seen
seen_of(const struct rung *rung, const struct stun_result *result)
{
    switch (result->outcome) {
    case STUN_OUTCOME_ANSWERED:
        return result->udp == rung->asker->udp ? STUN_SEEN_ANSWER : STUN_SEEN_ASTRAY;
    case STUN_OUTCOME_TIMEOUT:
        return STUN_SEEN_SILENCE;
    case STUN_OUTCOME_REJECTED:
        return STUN_SEEN_REFUSED;
    default:
        return STUN_SEEN_GARBLED;
    }
}

static void
on_looked(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct rung *rung = owner;
    struct stun_discovery *discovery = rung->asker->discovery;
    struct lifetime *lifetime = &discovery->lifetime;

    (void)transaction;
    rung->transaction = NULL;
    rung->asked = true;
    rung->seen = seen_of(rung, result);
    rung->alive = rung->seen == STUN_SEEN_ANSWER;
    rung->looked = discovery->io->ops->now(discovery->io) - rung->bound;
    if (++lifetime->ended == lifetime->count || !rung->alive)
        end_round(discovery);
}

/* Another socket asks, for an answer to this one. Those that wait longer than one that died need not be looked at, and
 * those that wait less have been. */
static void
on_waited(void *owner, struct io_timer *alarm)
{
    struct rung *rung = owner;
    struct stun_discovery *discovery = rung->asker->discovery;
    struct stun_request request = discovery_request(discovery, discovery->lifetime.other, on_looked, rung);
    struct stun_transaction *transaction;

    (void)alarm;
    request.timer = discovery_timer(discovery, TIMER);
    request.any_socket = true;
    transaction = rung->transaction = stun_transaction_new(discovery->client, STUN_BINDING, &request);
    stun_put_number(stun_transaction_builder(transaction), STUN_RESPONSE_PORT, rung->mapped.port);
    stun_transaction_start(transaction);
}

static void
on_bound(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct rung *rung = owner;
    struct stun_discovery *discovery = rung->asker->discovery;
    struct lifetime *lifetime = &discovery->lifetime;
    struct io *io = discovery->io;

    (void)transaction;
    rung->transaction = NULL;
    if (result->outcome != STUN_OUTCOME_ANSWERED) { /* without it the round goes on */
        close_rung(rung);
        *rung = lifetime->rungs[--lifetime->count];
    } else {
        rung->mapped = discovery_mapped(result);
        rung->bound = io->ops->now(io);
        rung->alarm = (struct io_timer){ .fire = on_waited, .owner = rung };
        io->ops->arm(io, &rung->alarm, rung->bound + rung->wait, true);
        lifetime->bound++;
    }
    bind_next(discovery);
}

static void
bind_next(struct stun_discovery *discovery)
{
    struct lifetime *lifetime = &discovery->lifetime;
    struct stun_request request;
    struct rung *rung;

    if (lifetime->bound == lifetime->count) {
        if (lifetime->count == lifetime->ended) /* none, or all that there are have been looked at already */
            end_round(discovery);
        return;
    }
    rung = &lifetime->rungs[lifetime->bound];
    request = discovery_request(discovery, rung->asker, on_bound, rung);
    rung->transaction = stun_transaction_new(discovery->client, STUN_BINDING, &request);
    stun_transaction_start(rung->transaction);
}

void
discovery_lifetime(struct stun_discovery *discovery)
{
    struct lifetime *lifetime = &discovery->lifetime;

    discovery->evidence.lifetime = (struct stun_lifetime_sight){ .tried = true, .dead_by = TIME_NEVER };
    lifetime->other = discovery_open(discovery);
    if (!lifetime->other) {
        end(discovery);
        return;
    }
    first_round(discovery);
    bind_next(discovery);
}

void
discovery_lifetime_stop(struct stun_discovery *discovery)
{
    struct lifetime *lifetime = &discovery->lifetime;

    close_rungs(lifetime);
    discovery_close(lifetime->other);
    lifetime->other = NULL;
}
