#include "proto/stun/classify.h"

#include "core/base/time.h"

static const struct stun_question_info questions[] = {
#define CORNER_0 0
#define CORNER_ADDRESS STUN_CORNER_ADDRESS
#define CORNER_PORT STUN_CORNER_PORT
#define CORNER_BOTH STUN_CORNER_BOTH
#define X(name, asker, asks, answered, sentence) { STUN_ASKER_##asker, CORNER_##asks, CORNER_##answered, sentence },
    STUN_QUESTIONS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(questions) == STUN_QUESTION_COUNT);

const struct stun_question_info *
stun_question_info(enum stun_question question)
{
    return &questions[question];
}

static struct stun_finding
found(int value)
{
    return (struct stun_finding){ value, NULL };
}

static struct stun_finding
unknown(const char *why)
{
    return (struct stun_finding){ -1, why };
}

static const struct stun_sight *
sight_of(const struct stun_evidence *evidence, enum stun_question question)
{
    return &evidence->sights[question];
}

static bool
saw(const struct stun_evidence *evidence, enum stun_question question, enum stun_seen seen)
{
    return sight_of(evidence, question)->seen == seen;
}

static bool
answered(const struct stun_evidence *evidence, enum stun_question question)
{
    return saw(evidence, question, STUN_SEEN_ANSWER);
}

static bool
same_mapping(const struct stun_evidence *evidence, enum stun_question one, enum stun_question other)
{
    return endpoint_equal(sight_of(evidence, one)->mapped, sight_of(evidence, other)->mapped);
}

static const char changed_on_the_way[] = "something on the way changes the server's answers: FINGERPRINT is wrong";

/* --- what keeps every question from having an answer ------------------------------------------------------------ */

/* Of a server without a second address that is one. */
static const char *
other_trouble(const struct stun_evidence *evidence)
{
    enum family asked = address_family(sight_of(evidence, STUN_QUESTION_FIRST)->asked.address);

    if (address_is_none(evidence->other.address))
        return "the server has no second address";
    if (address_family(evidence->other.address) != asked)
        return "the server's second address is of another family, so something on the way translates between them";
    return "what the server calls its second address is none";
}

/* NULL: there is a server, it has two addresses, and both are alive. */
static const char *
server_trouble(const struct stun_evidence *evidence)
{
    switch (sight_of(evidence, STUN_QUESTION_FIRST)->seen) {
    case STUN_SEEN_ANSWER:
        break;
    case STUN_SEEN_SILENCE:
        return "the server does not answer: it is down, or UDP is blocked on the way";
    case STUN_SEEN_REFUSED:
        return "the server refuses Binding requests";
    case STUN_SEEN_UNREACHABLE:
        return "the server cannot be reached";
    case STUN_SEEN_SPOILT:
        return changed_on_the_way;
    default:
        return "the server's answer is no answer";
    }
    return evidence->has_other ? NULL : other_trouble(evidence);
}

static bool
is_translated(const struct stun_sight *sight)
{
    return !endpoint_equal(sight->mapped, sight->local);
}

/* What was answered in the end. */
struct tries {
    int64_t interval;   /* between requests; 0: not known */
    int64_t round_trip; /* the shortest time to an answer */
    unsigned answers, lost;
};

/* Of the requests of one question those were lost that went out a round trip or more before the answer came, without
 * the one that was answered. */
static void
count_try(struct tries *tries, unsigned requests, int64_t elapsed)
{
    int64_t late = elapsed - tries->round_trip + tries->interval / 2; /* timers are a bit late, and ways differ */

    tries->answers++;
    tries->lost += tries->interval ? (unsigned)MIN(requests - 1, late / tries->interval) : requests - 1;
}

static void
note_round_trip(struct tries *tries, unsigned requests, int64_t elapsed)
{
    (void)requests;
    tries->round_trip = MIN(tries->round_trip, elapsed);
}

static void
each_try(const struct stun_evidence *evidence, struct tries *tries,
         void (*take)(struct tries *tries, unsigned requests, int64_t elapsed))
{
    for (int i = 0; i < STUN_QUESTION_COUNT; i++)
        if (answered(evidence, i) || saw(evidence, i, STUN_SEEN_ASTRAY))
            take(tries, evidence->sights[i].requests, evidence->sights[i].elapsed);
    for (unsigned i = 0; i < evidence->allocations; i++)
        if (evidence->allocation[i].answered)
            take(tries, evidence->allocation[i].requests, evidence->allocation[i].elapsed);
}

/* What was answered in the end tells how much is lost on the way. Where that is more than so many of ten, silence means
 * nothing. */
static const char *
loss_beyond(const struct stun_evidence *evidence, unsigned of_ten)
{
    struct tries tries = { .interval = evidence->interval, .round_trip = TIME_NEVER };

    each_try(evidence, &tries, note_round_trip);
    each_try(evidence, &tries, count_try);
    return tries.lost * 10 > (tries.lost + tries.answers) * of_ten ? "too many packets are lost" : NULL;
}

/* Of a question: see the head of classify.h. */
static const char *
loss_trouble(const struct stun_evidence *evidence)
{
    return loss_beyond(evidence, 4);
}

/* --- mapping (RFC 5780 section 4.3) ----------------------------------------------------------------------------- */

static struct stun_finding
classify_mapping(const struct stun_evidence *evidence)
{
    const char *trouble = server_trouble(evidence);

    if (answered(evidence, STUN_QUESTION_FIRST) && !is_translated(sight_of(evidence, STUN_QUESTION_FIRST)))
        return found(STUN_NO_TRANSLATION);
    if (trouble)
        return unknown(trouble);
    for (int i = STUN_QUESTION_MAPPING; i <= STUN_QUESTION_MAPPING_AGAIN; i++)
        if (!answered(evidence, i))
            return unknown("not every address and port of the server answered");
    if (same_mapping(evidence, STUN_QUESTION_FIRST, STUN_QUESTION_MAPPING)) /* no NAT could tell their answers apart */
        return unknown("the server says the same of two sockets");
    if (!same_mapping(evidence, STUN_QUESTION_MAPPING, STUN_QUESTION_MAPPING_AGAIN))
        return unknown("the mapping changed while it was looked at");

    bool address = !same_mapping(evidence, STUN_QUESTION_MAPPING, STUN_QUESTION_MAPPING_ADDRESS);
    bool port_here = !same_mapping(evidence, STUN_QUESTION_MAPPING, STUN_QUESTION_MAPPING_PORT);
    bool port_there = !same_mapping(evidence, STUN_QUESTION_MAPPING_ADDRESS, STUN_QUESTION_MAPPING_BOTH);

    if (!address && !port_here && !port_there)
        return found(STUN_ENDPOINT_INDEPENDENT);
    if (address && !port_here && !port_there)
        return found(STUN_ADDRESS_DEPENDENT);
    if (address && port_here && port_there)
        return found(STUN_ADDRESS_AND_PORT_DEPENDENT);
    return unknown("the mappings follow no rule of RFC 4787");
}

/* --- filtering (RFC 5780 section 4.4) --------------------------------------------------------------------------- */

/* NULL: that nothing came is the filter's doing, because it came when the filter had to admit it. The control is sent to
 * the mapping that had opened it; where that takes RESPONSE-PORT, the server may not serve that. */
static const char *
silence_trouble(const struct stun_evidence *evidence, enum stun_question opened, enum stun_question control)
{
    if (!answered(evidence, opened))
        return "the server's other address or port does not answer at all";
    if (answered(evidence, control))
        return NULL;
    return same_mapping(evidence, STUN_QUESTION_FIRST, opened)
               ? "nothing comes from the server's other address or port even where it must be admitted"
               : "the server was not seen to follow CHANGE-REQUEST, so the silence may be its own";
}

/* What a question that asks for an answer from elsewhere may end in, beside answer and silence. */
static const char *
change_trouble(enum stun_seen seen)
{
    switch (seen) {
    case STUN_SEEN_ANSWER:
    case STUN_SEEN_SILENCE:
        return NULL;
    case STUN_SEEN_ASTRAY:
        return "the server ignores CHANGE-REQUEST";
    case STUN_SEEN_REFUSED:
        return "the server does not support CHANGE-REQUEST";
    case STUN_SEEN_SPOILT:
        return changed_on_the_way;
    default:
        return "the question could not be asked";
    }
}

static struct stun_finding
classify_filtering(const struct stun_evidence *evidence, const struct stun_finding *mapping)
{
    enum stun_seen both = sight_of(evidence, STUN_QUESTION_FROM_BOTH)->seen;
    enum stun_seen port = sight_of(evidence, STUN_QUESTION_FROM_PORT)->seen;
    const char *trouble = server_trouble(evidence);

    if (!trouble)
        trouble = change_trouble(both);
    if (trouble)
        return unknown(trouble);
    if (both == STUN_SEEN_ANSWER)
        return found(STUN_ENDPOINT_INDEPENDENT);
    trouble = change_trouble(port);
    if (!trouble)
        trouble = loss_trouble(evidence);
    if (!trouble && mapping->value < 0)
        trouble = "the mapping is not known";
    if (!trouble && (!answered(evidence, STUN_QUESTION_FIRST_AGAIN) ||
                     !same_mapping(evidence, STUN_QUESTION_FIRST, STUN_QUESTION_FIRST_AGAIN)))
        trouble = "the mapping changed while it was looked at";
    if (!trouble)
        trouble = silence_trouble(evidence, STUN_QUESTION_TO_BOTH, STUN_QUESTION_CONTROL_BOTH);
    if (!trouble && port == STUN_SEEN_SILENCE)
        trouble = silence_trouble(evidence, STUN_QUESTION_TO_PORT, STUN_QUESTION_CONTROL_PORT);
    if (trouble)
        return unknown(trouble);
    return found(port == STUN_SEEN_ANSWER ? STUN_ADDRESS_DEPENDENT : STUN_ADDRESS_AND_PORT_DEPENDENT);
}

/* --- ports (RFC 4787 section 4.2.1) ----------------------------------------------------------------------------- */

#define FAR_APART 256 /* neighbours of a sequence, with others drawing from it between, are nearer */

/* How many neighbours are `step` apart, how many further than a sequence would have it. */
static void
count_steps(const struct stun_evidence *evidence, int step, unsigned *same, unsigned *far)
{
    *same = *far = 0;
    for (unsigned i = 1; i < evidence->allocations; i++) {
        int apart = evidence->allocation[i].mapped.port - evidence->allocation[i - 1].mapped.port;

        *same += apart == step;
        *far += ABS(apart) > FAR_APART;
    }
}

/* The step that most neighbours are apart. */
static int
common_step(const struct stun_evidence *evidence, unsigned *same, unsigned *far)
{
    int best = 0;

    *same = 0;
    for (unsigned i = 1; i < evidence->allocations; i++) {
        int step = evidence->allocation[i].mapped.port - evidence->allocation[i - 1].mapped.port;
        unsigned alike;

        count_steps(evidence, step, &alike, far);
        if (alike > *same) {
            *same = alike;
            best = step;
        }
    }
    return best;
}

static struct stun_finding
classify_ports(const struct stun_evidence *evidence, const struct stun_finding *mapping, int *step)
{
    unsigned kept = 0, same = 0, far = 0, neighbours = evidence->allocations - 1;

    *step = 0;
    if (mapping->value == STUN_NO_TRANSLATION)
        return unknown("nothing is translated");
    if (evidence->allocations < STUN_MOST_ALLOCATIONS)
        return unknown("too few sockets were tried");
    for (unsigned i = 0; i < evidence->allocations; i++) {
        if (!evidence->allocation[i].answered)
            return unknown("not every socket got an answer");
        kept += evidence->allocation[i].local.port == evidence->allocation[i].mapped.port;
    }
    if (kept == evidence->allocations)
        return found(STUN_PORTS_PRESERVE);
    if (kept > 1)
        return unknown("some ports are preserved and others are not");
    *step = common_step(evidence, &same, &far);
    if (same + 1 >= neighbours && *step != 0 && ABS(*step) <= FAR_APART)
        return found(STUN_PORTS_SEQUENTIAL); /* a sequence may begin anew once */
    *step = 0;
    if (same <= 1 && far + 2 >= neighbours)
        return found(STUN_PORTS_RANDOM);
    return unknown("the ports are neither a sequence nor spread out");
}

/* --- hairpinning (RFC 5780 section 4.5, RFC 4787 section 6) ------------------------------------------------------ */

static struct stun_finding
classify_hairpin(const struct stun_evidence *evidence, const struct stun_findings *so_far)
{
    const struct stun_hairpin_sight *hairpin = &evidence->hairpin;

    if (so_far->mapping.value == STUN_NO_TRANSLATION)
        return unknown("nothing is translated");
    if (!hairpin->tried)
        return unknown("the server did not tell what the two sockets are mapped to");
    if (hairpin->heard && endpoint_equal(hairpin->from, hairpin->local))
        return found(STUN_HAIRPIN_INTERNAL_SOURCE);
    if (hairpin->heard) /* a mapping that depends on the destination has another port there */
        return address_equal(hairpin->from.address, hairpin->mapped.address)
                   ? found(STUN_HAIRPIN_EXTERNAL_SOURCE)
                   : unknown("what came back did so from an address of somebody else's");
    if (hairpin->unsteady)
        return unknown("what the server calls the two sockets does not hold");
    if (loss_beyond(evidence, 5)) /* 24 packets each passed the inside only */
        return unknown(loss_beyond(evidence, 5));
    if (so_far->filtering.value == STUN_ENDPOINT_INDEPENDENT || so_far->mapping.value == STUN_ENDPOINT_INDEPENDENT)
        return found(STUN_HAIRPIN_OFF);
    if (hairpin->foretold + 1 >= STUN_HAIRPIN_PAIRS)
        return found(STUN_HAIRPIN_OFF);
    return unknown("nothing came back, and the filter may be why");
}

/* --- lifetime, fragments, ALG ----------------------------------------------------------------------------------- */

/* Why RESPONSE-PORT led to nobody even at once. */
static const char *
response_trouble(const struct stun_evidence *evidence)
{
    switch (evidence->lifetime.response) {
    case STUN_SEEN_NOTHING:
        return "no mapping could be made to look at";
    case STUN_SEEN_ASTRAY:
        return "the server ignores RESPONSE-PORT";
    case STUN_SEEN_REFUSED:
        return "the server does not support RESPONSE-PORT";
    default:
        return loss_trouble(evidence) ? loss_trouble(evidence)
                                      : "nothing comes to the port that RESPONSE-PORT names: the server does not serve "
                                        "it, or the NAT has several addresses";
    }
}

static struct stun_finding
classify_lifetime(const struct stun_evidence *evidence)
{
    const struct stun_lifetime_sight *lifetime = &evidence->lifetime;

    if (!lifetime->tried)
        return unknown("it was not looked at");
    if (!lifetime->served)
        return unknown(response_trouble(evidence));
    if (loss_trouble(evidence))
        return unknown(loss_trouble(evidence));
    if (lifetime->contradictory)
        return unknown("an older mapping was alive when a younger one was not");
    return found(0);
}

static struct stun_finding
classify_fragments(const struct stun_evidence *evidence)
{
    const struct stun_sight *padded = sight_of(evidence, STUN_QUESTION_PADDED);

    switch (padded->seen) {
    case STUN_SEEN_NOTHING: /* a server that doesn't know PADDING may well be silent */
        if (evidence->classic)
            return unknown("the server is one of RFC 3489, which has no PADDING");
        return unknown(server_trouble(evidence) ? server_trouble(evidence) : "it was not looked at");
    case STUN_SEEN_ANSWER:
        return padded->padded ? found(STUN_FRAGMENTS_PASS) : unknown("the server's answer has no PADDING");
    case STUN_SEEN_SILENCE: /* each of them had two fragments each way */
        return loss_beyond(evidence, 2) ? unknown(loss_beyond(evidence, 2)) : found(STUN_FRAGMENTS_DROPPED);
    case STUN_SEEN_REFUSED:
        return unknown("the server does not support PADDING");
    case STUN_SEEN_SPOILT:
        return unknown(changed_on_the_way);
    default:
        return unknown("the question could not be asked");
    }
}

/* RFC 5780 section 3.6. An answer with a wrong FINGERPRINT was changed, but what in it can be believed? */
static struct stun_finding
classify_alg(const struct stun_evidence *evidence)
{
    bool compared = false, spoilt = false;

    for (int i = 0; i < STUN_QUESTION_COUNT; i++) {
        if (evidence->sights[i].rewritten)
            return found(STUN_ALG_REWRITES);
        compared |= evidence->sights[i].compared;
        spoilt |= saw(evidence, i, STUN_SEEN_SPOILT);
    }
    if (spoilt)
        return unknown(changed_on_the_way);
    return compared ? found(STUN_ALG_NONE) : unknown("no answer has both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS");
}

/* --- the classic names ------------------------------------------------------------------------------------------ */

static struct stun_finding
classify_class(const struct stun_findings *findings)
{
    int mapping = findings->mapping.value, filtering = findings->filtering.value;

    if (mapping < 0)
        return findings->mapping;
    if (filtering < 0)
        return findings->filtering;
    if (mapping == STUN_NO_TRANSLATION)
        return found(filtering == STUN_ENDPOINT_INDEPENDENT ? STUN_CLASS_OPEN : STUN_CLASS_FIREWALL);
    if (mapping == STUN_ENDPOINT_INDEPENDENT)
        return found(STUN_CLASS_FULL_CONE + filtering);
    if (mapping == STUN_ADDRESS_AND_PORT_DEPENDENT && filtering == STUN_ADDRESS_AND_PORT_DEPENDENT)
        return found(STUN_CLASS_SYMMETRIC);
    return unknown("RFC 3489 has no name for this mapping with this filtering");
}

/* RFC 3489 section 10.1, with its flaws: test II is looked at before the mapping, and the mapping once. */
static struct stun_finding
walk(const struct stun_evidence *evidence)
{
    enum stun_seen two = sight_of(evidence, STUN_QUESTION_FROM_BOTH)->seen;
    enum stun_seen three = sight_of(evidence, STUN_QUESTION_FROM_PORT)->seen;
    const char *trouble = server_trouble(evidence);

    if (!trouble)
        trouble = change_trouble(two);
    if (trouble)
        return unknown(trouble);
    if (two == STUN_SEEN_SILENCE && loss_trouble(evidence))
        return unknown(loss_trouble(evidence));
    if (!is_translated(sight_of(evidence, STUN_QUESTION_FIRST)))
        return found(two == STUN_SEEN_ANSWER ? STUN_CLASS_OPEN : STUN_CLASS_FIREWALL);
    if (two == STUN_SEEN_ANSWER)
        return found(STUN_CLASS_FULL_CONE);
    if (!answered(evidence, STUN_QUESTION_TO_BOTH))
        return unknown("the server's other address does not answer");
    if (!same_mapping(evidence, STUN_QUESTION_FIRST, STUN_QUESTION_TO_BOTH))
        return found(STUN_CLASS_SYMMETRIC);
    trouble = change_trouble(three);
    if (trouble)
        return unknown(trouble);
    return found(three == STUN_SEEN_ANSWER ? STUN_CLASS_RESTRICTED_CONE : STUN_CLASS_PORT_RESTRICTED_CONE);
}

void
stun_classify(const struct stun_evidence *evidence, struct stun_findings *findings)
{
    *findings = (struct stun_findings){ .mapping = classify_mapping(evidence) };
    findings->filtering = classify_filtering(evidence, &findings->mapping);
    findings->ports = classify_ports(evidence, &findings->mapping, &findings->step);
    findings->hairpin = classify_hairpin(evidence, findings);
    findings->lifetime = classify_lifetime(evidence);
    findings->alive_for = evidence->lifetime.alive_for;
    findings->dead_by = evidence->lifetime.dead_by;
    findings->fragments = classify_fragments(evidence);
    findings->alg = classify_alg(evidence);
    findings->class = classify_class(findings);
    findings->walk = walk(evidence);
}
