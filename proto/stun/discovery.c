/* Theory of operation.
 *
 * A discovery goes through steps: the questions of classify.h in their order, each a transaction; then fresh sockets,
 * one after another, for the allocation of ports; then hairpinning (hairpin.c) and lifetime (lifetime.c). `step` is the
 * one being done. `discovery_next` ends it and arms the alarm for this instant, whose turn does what comes next: so no
 * step begins inside another one's callback, and the owner is told in a turn of its own. Steps whose answer could say
 * nothing more are passed over (`is_worth_asking`). */
#include "proto/stun/discovery_private.h"

#define PADDED_BYTES (STUN_REQUEST_BYTES + STUN_LARGE)
#define STUN_LARGE 1500 /* more than the MTU of an Ethernet takes with its headers */

enum step {
    STEP_ALLOCATIONS = STUN_QUESTION_COUNT,
    STEP_HAIRPIN = STEP_ALLOCATIONS + STUN_MOST_ALLOCATIONS,
    STEP_LIFETIME,
    STEP_END,
};

/* --- sockets ---------------------------------------------------------------------------------------------------- */

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct asker *asker = owner;

    if (!stun_client_datagram(asker->discovery->client, udp, datagram))
        discovery_hairpin_heard(asker, datagram);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct asker *asker = owner;

    (void)stun_client_icmp(asker->discovery->client, udp, icmp);
}

static const struct io_udp_events events = { on_datagram, on_icmp };

static struct asker *
open_asker(struct stun_discovery *discovery, enum io_result *why)
{
    struct endpoint local = { discovery->options.local, 0 };
    struct io *io = discovery->io;
    struct asker *asker = NULL;

    for (size_t i = 0; i < DISCOVERY_SOCKETS && !asker; i++)
        if (!discovery->askers[i].udp)
            asker = &discovery->askers[i];
    *why = IO_FULL;
    if (!asker)
        return NULL;
    asker->discovery = discovery;
    asker->udp = io->ops->udp(io, &local, &events, asker, why);
    if (!asker->udp)
        return NULL;
    asker->local = asker->udp->ops->local(asker->udp);
    if (address_is_unspecified(asker->local.address))
        (void)io->ops->source(io, &discovery->options.server.address, &asker->local.address);
    return asker;
}

struct asker *
discovery_open(struct stun_discovery *discovery)
{
    enum io_result why;

    return open_asker(discovery, &why);
}

void
discovery_close(struct asker *asker)
{
    if (asker && asker->udp)
        asker->udp->ops->close(asker->udp);
    if (asker)
        asker->udp = NULL;
}

static struct asker *
named_asker(struct stun_discovery *discovery, enum stun_asker name)
{
    if (!discovery->named[name])
        discovery->named[name] = discovery_open(discovery);
    return discovery->named[name];
}

/* --- questions -------------------------------------------------------------------------------------------------- */

struct stun_timer_options
discovery_timer(const struct stun_discovery *discovery, struct stun_timer_options timer)
{
    timer.rm += (unsigned)((discovery->round_trip + timer.rto - 1) / timer.rto);
    return timer;
}

struct stun_request
discovery_request(struct stun_discovery *discovery, struct asker *asker, stun_done *done, void *owner)
{
    return (struct stun_request){ .udp = asker->udp,
                                  .server = discovery->options.server,
                                  .timer = discovery_timer(discovery, discovery->options.timer),
                                  .understood = STUN_SET_BASE | STUN_SET_DISCOVERY | STUN_SET_CLASSIC,
                                  .done = done,
                                  .owner = owner };
}

struct endpoint
discovery_mapped(const struct stun_result *result)
{
    return result->has_xor_mapped ? result->xor_mapped : result->mapped;
}

static struct endpoint
corner_at(const struct stun_discovery *discovery, unsigned corner)
{
    struct endpoint at = discovery->options.server;

    if (corner & STUN_CORNER_ADDRESS)
        at.address = discovery->evidence.other.address;
    if (corner & STUN_CORNER_PORT)
        at.port = discovery->evidence.other.port;
    return at;
}

static bool
seen_as(const struct stun_discovery *discovery, enum stun_question question, enum stun_seen seen)
{
    return discovery->evidence.sights[question].seen == seen;
}

static bool
is_worth_asking(const struct stun_discovery *discovery, enum stun_question question)
{
    const struct stun_question_info *info = stun_question_info(question);

    if (question == STUN_QUESTION_FIRST)
        return true;
    if (!seen_as(discovery, STUN_QUESTION_FIRST, STUN_SEEN_ANSWER))
        return false;
    switch (question) {
    case STUN_QUESTION_FROM_PORT: /* what admits strangers admits acquaintances */
    case STUN_QUESTION_CONTROL_BOTH:
        return discovery->evidence.has_other && seen_as(discovery, STUN_QUESTION_FROM_BOTH, STUN_SEEN_SILENCE);
    case STUN_QUESTION_CONTROL_PORT:
        return discovery->evidence.has_other && seen_as(discovery, STUN_QUESTION_FROM_PORT, STUN_SEEN_SILENCE);
    case STUN_QUESTION_PADDED:
        return discovery->evidence.has_other && !discovery->evidence.classic && !discovery->options.no_padding;
    default:
        return discovery->evidence.has_other || (info->asks == 0 && info->answered == 0);
    }
}

/* Whether what is told of as the server's second address may be one: nothing is sent to many, to nobody or to us because
 * a server says so. */
static bool
may_be_other(const struct stun_discovery *discovery, struct endpoint other, const struct stun_sight *first)
{
    struct endpoint server = discovery->options.server;

    return address_family(other.address) == address_family(server.address) && other.port != 0 &&
           !address_is_unspecified(other.address) && !address_is_for_all(other.address) &&
           !address_equal(other.address, first->local.address) && !address_equal(other.address, first->mapped.address) && !address_equal(other.address, server.address) &&
           other.port != server.port;
}

/* RFC 5780's OTHER-ADDRESS, or RFC 3489's CHANGED-ADDRESS. */
static void
take_other(struct stun_discovery *discovery, const struct stun_message *message)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_OTHER_ADDRESS, &value) != STUN_PRESENT) {
        if (stun_message_get(message, STUN_CHANGED_ADDRESS, &value) != STUN_PRESENT)
            return;
        discovery->evidence.classic = true;
    }
    discovery->evidence.other = value.endpoint;
    discovery->evidence.has_other =
        may_be_other(discovery, value.endpoint, &discovery->evidence.sights[STUN_QUESTION_FIRST]);
}

static enum stun_seen
seen_in(const struct stun_discovery *discovery, enum stun_question question, const struct stun_result *result)
{
    switch (result->outcome) {
    case STUN_OUTCOME_ANSWERED:
        return endpoint_equal(result->datagram->peer, corner_at(discovery, stun_question_info(question)->answered))
                   ? STUN_SEEN_ANSWER
                   : STUN_SEEN_ASTRAY;
    case STUN_OUTCOME_TIMEOUT:
        return STUN_SEEN_SILENCE;
    case STUN_OUTCOME_REJECTED:
        return STUN_SEEN_REFUSED;
    case STUN_OUTCOME_UNREACHABLE:
        return STUN_SEEN_UNREACHABLE;
    case STUN_OUTCOME_SPOILT:
        return STUN_SEEN_SPOILT;
    default:
        return STUN_SEEN_GARBLED;
    }
}

static void
note_round_trip(struct stun_discovery *discovery, const struct stun_result *result)
{
    if (result->outcome == STUN_OUTCOME_ANSWERED && (!discovery->round_trip || result->elapsed < discovery->round_trip))
        discovery->round_trip = result->elapsed;
}

static void
on_answer(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_discovery *discovery = owner;
    enum stun_question question = discovery->step;
    struct stun_sight *sight = &discovery->evidence.sights[question];
    struct stun_value padding;

    (void)transaction;
    sight->seen = seen_in(discovery, question, result);
    sight->requests = result->requests;
    sight->elapsed = result->elapsed;
    note_round_trip(discovery, result);
    sight->code = result->error.code;
    if (result->outcome == STUN_OUTCOME_ANSWERED) {
        sight->from = result->datagram->peer;
        sight->mapped = discovery_mapped(result);
        sight->compared = result->has_mapped && result->has_xor_mapped;
        sight->rewritten = sight->compared && !endpoint_equal(result->mapped, result->xor_mapped);
        sight->padded = stun_message_get(result->message, STUN_PADDING, &padding) == STUN_PRESENT &&
                        padding.bytes.length >= STUN_LARGE;
        if (question == STUN_QUESTION_FIRST)
            take_other(discovery, result->message);
    }
    discovery_next(discovery);
}

/* Where the answer to a control is admitted: at the mapping by which the server was asked there. NULL: that is this
 * request's own. */
static const struct endpoint *
way_back(const struct stun_discovery *discovery, enum stun_question question)
{
    const struct stun_sight *sights = discovery->evidence.sights, *opened;

    if (question != STUN_QUESTION_CONTROL_BOTH && question != STUN_QUESTION_CONTROL_PORT)
        return NULL;
    opened = &sights[question == STUN_QUESTION_CONTROL_BOTH ? STUN_QUESTION_TO_BOTH : STUN_QUESTION_TO_PORT];
    return opened->seen != STUN_SEEN_ANSWER || endpoint_equal(opened->mapped, sights[STUN_QUESTION_FIRST].mapped)
               ? NULL
               : &opened->mapped;
}

/* RFC 5780 section 7.5, RFC 3489 section 11.2.2. */
static void
put_way_back(const struct stun_discovery *discovery, enum stun_question question, struct stun_builder *builder)
{
    const struct endpoint *back = way_back(discovery, question);

    if (back && discovery->evidence.classic)
        stun_put_endpoint(builder, STUN_RESPONSE_ADDRESS, *back);
    else if (back)
        stun_put_number(builder, STUN_RESPONSE_PORT, back->port);
}

static void
put_padding(struct stun_builder *builder)
{
    static const uint8_t zeros[STUN_LARGE];

    stun_builder_raw(builder, STUN_PADDING, span_of(zeros, sizeof zeros));
}

static void
ask(struct stun_discovery *discovery, enum stun_question question)
{
    const struct stun_question_info *info = stun_question_info(question);
    struct asker *asker = named_asker(discovery, info->asker);
    unsigned change = (info->asks ^ info->answered);

    if (!asker || !is_worth_asking(discovery, question)) {
        discovery_next(discovery);
        return;
    }

    struct stun_request request = discovery_request(discovery, asker, on_answer, discovery);
    struct stun_transaction *transaction;

    request.server = corner_at(discovery, info->asks);
    request.any_source = change != 0;
    request.capacity = PADDED_BYTES;
    discovery->evidence.sights[question] = (struct stun_sight){ .asked = request.server, .local = asker->local };
    transaction = stun_transaction_new(discovery->client, STUN_BINDING, &request);
    if (change)
        stun_put_number(stun_transaction_builder(transaction), STUN_CHANGE_REQUEST,
                        (change & STUN_CORNER_ADDRESS ? STUN_CHANGE_ADDRESS : 0) |
                            (change & STUN_CORNER_PORT ? STUN_CHANGE_PORT : 0));
    put_way_back(discovery, question, stun_transaction_builder(transaction));
    if (info->asker == STUN_ASKER_PADDED)
        put_padding(stun_transaction_builder(transaction));
    stun_transaction_start(transaction);
}

/* --- the allocation of ports ------------------------------------------------------------------------------------ */

static void
on_allocation(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct stun_discovery *discovery = owner;
    struct stun_allocation *allocation = &discovery->evidence.allocation[discovery->evidence.allocations++];

    (void)transaction;
    allocation->local = discovery->allocation->local;
    allocation->answered = result->outcome == STUN_OUTCOME_ANSWERED;
    allocation->requests = result->requests;
    allocation->elapsed = result->elapsed;
    note_round_trip(discovery, result);
    if (allocation->answered)
        allocation->mapped = discovery_mapped(result);
    discovery_next(discovery);
}

/* The sockets stay open to the end: a port that is given back may be given out again. */
static void
allocate(struct stun_discovery *discovery)
{
    bool alive = seen_as(discovery, STUN_QUESTION_FIRST, STUN_SEEN_ANSWER);
    struct stun_request request;

    discovery->allocation = alive ? discovery_open(discovery) : NULL;
    if (!discovery->allocation) {
        discovery_next(discovery);
        return;
    }
    request = discovery_request(discovery, discovery->allocation, on_allocation, discovery);
    stun_transaction_start(stun_transaction_new(discovery->client, STUN_BINDING, &request));
}

/* --- the order of things ---------------------------------------------------------------------------------------- */

static void
finish(struct stun_discovery *discovery)
{
    struct stun_findings findings;

    stun_classify(&discovery->evidence, &findings);
    discovery->done(discovery->owner, discovery, &discovery->evidence, &findings);
}

static void
do_step(struct stun_discovery *discovery)
{
    bool alive = seen_as(discovery, STUN_QUESTION_FIRST, STUN_SEEN_ANSWER);

    if (discovery->step < STEP_ALLOCATIONS)
        ask(discovery, discovery->step);
    else if (discovery->step < STEP_HAIRPIN)
        allocate(discovery);
    else if (discovery->step == STEP_HAIRPIN && alive)
        discovery_hairpin(discovery);
    else if (discovery->step == STEP_LIFETIME && alive && discovery->options.lifetime_most)
        discovery_lifetime(discovery);
    else if (discovery->step == STEP_END)
        finish(discovery);
    else
        discovery_next(discovery);
}

static void
on_alarm(void *owner, struct io_timer *alarm)
{
    struct stun_discovery *discovery = owner;

    (void)alarm;
    if (discovery->hairpin.listening)
        discovery_hairpin_round(discovery);
    else
        do_step(discovery);
}

static void
arm_now(struct stun_discovery *discovery)
{
    struct io *io = discovery->io;

    io->ops->arm(io, &discovery->alarm, io->ops->now(io), true);
}

void
discovery_next(struct stun_discovery *discovery)
{
    discovery->step++;
    arm_now(discovery);
}

struct stun_discovery *
stun_discovery_start(struct io *io, const struct stun_discovery_options *options, stun_discovery_done *done,
                     void *owner, enum io_result *why)
{
    struct stun_discovery *discovery = g_new0(struct stun_discovery, 1);

    discovery->io = io;
    discovery->options = *options;
    if (options->timer.rto == 0)
        discovery->options.timer = STUN_TIMER_DISCOVERY;
    discovery->evidence.interval = discovery->options.timer.most;
    discovery->done = done;
    discovery->owner = owner;
    discovery->client = stun_client_new(io, NULL);
    discovery->alarm = (struct io_timer){ .fire = on_alarm, .owner = discovery };
    discovery->named[STUN_ASKER_FILTERING] = open_asker(discovery, why);
    if (!discovery->named[STUN_ASKER_FILTERING]) {
        stun_discovery_free(discovery);
        return NULL;
    }
    arm_now(discovery);
    return discovery;
}

void
stun_discovery_free(struct stun_discovery *discovery)
{
    if (!discovery)
        return;
    discovery->io->ops->disarm(discovery->io, &discovery->alarm);
    discovery_lifetime_stop(discovery);
    stun_client_free(discovery->client);
    for (size_t i = 0; i < DISCOVERY_SOCKETS; i++)
        discovery_close(&discovery->askers[i]);
    g_free(discovery);
}
