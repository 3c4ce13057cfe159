/* RFC 6888: providers' NATs. */
#include "scenarios/conformance/trial.h"

#define US inside(1, 5000)
#define THEM outside(1, 1000)

/* What was found of the RFCs that it refers to. */
static enum outcome
probe_others(struct trial *trial)
{
    static const unsigned rfcs[] = { 4787, 5382, 5508 };
    unsigned met = 0, broken = 0;

    for (guint i = 0; i < trial->findings->len; i++) {
        const struct finding *finding = &g_array_index(trial->findings, struct finding, i);
        bool asked = false;

        for (unsigned j = 0; j < G_N_ELEMENTS(rfcs); j++)
            asked |= finding->table->rfc == rfcs[j];
        if (!asked || finding->requirement->level != LEVEL_MUST)
            continue;
        met += finding->outcome == OUTCOME_MET;
        if (finding->outcome == OUTCOME_NOT_MET)
            g_string_append_printf(trial->evidence, "%sRFC %u %s", broken++ ? ", " : "not met: ", finding->table->rfc,
                                   finding->requirement->number);
    }
    if (broken)
        return OUTCOME_NOT_MET;
    return verdict(trial, true,
                   "of what RFC 4787, 5382 and 5508 demand, %u measured requirements are met, and none broken", met);
}

static enum outcome
probe_pooling(struct trial *trial)
{
    struct address first = ADDRESS_NONE;

    trial_renew(trial, &(struct stand_layout){ .addresses = 4 });
    for (unsigned i = 0; i < 9; i++) {
        uint8_t protocol = i % 3 == 0 ? PROTOCOL_UDP : i % 3 == 1 ? PROTOCOL_TCP : PROTOCOL_ICMP;
        struct endpoint external = send_out(trial, protocol, inside(1, (uint16_t)(5000 + i)), outside(1 + i, 1000));

        (void)send_out(trial, PROTOCOL_UDP, inside(2 + i, 7000), THEM);
        if (i == 0)
            first = external.address;
        else if (!is_none(external) && !address_equal(external.address, first))
            return verdict(trial, false, "with 4 external addresses %s left from %s and from %s",
                           say_address(trial, US.address), say_address(trial, first),
                           say_address(trial, external.address));
    }
    return verdict(trial, true, "with 4 external addresses %s left from %s alone, by UDP, TCP and ICMP",
                   say_address(trial, US.address), say_address(trial, first));
}

static enum outcome
probe_pool(struct trial *trial)
{
    struct address used[6];
    unsigned count = 0;

    trial_renew(trial, &(struct stand_layout){ .addresses = 3, .apart = 3 });
    for (unsigned i = 0; i < 60; i++) {
        struct address external = send_out(trial, PROTOCOL_UDP, inside(1 + i, 5000), THEM).address;
        unsigned j = 0;

        while (j < count && !address_equal(used[j], external))
            j++;
        if (j == count && count < 6 && !address_is_none(external))
            used[count++] = external;
    }
    return verdict(trial, count == 6,
                   "60 hosts behind 203.0.113.1 to 203.0.113.3 and 192.0.2.1 to 192.0.2.3 left from %u "
                   "of these 6 addresses",
                   count);
}

static enum outcome
probe_limit(struct trial *trial)
{
    struct endpoint last = US;
    unsigned count = 0;

    for (unsigned port = 1024; port <= UINT16_MAX; port++, count++) {
        last = inside(1, (uint16_t)port);
        if (is_none(send_out(trial, PROTOCOL_UDP, last, THEM)))
            break;
    }
    if (is_none(send_out(trial, PROTOCOL_UDP, inside(2, 5000), THEM)))
        return not_applicable(trial,
                              "none is set: %s got all %u ports; whether one can be set is not to be seen from "
                              "outside",
                              say_address(trial, US.address), count);
    return verdict(trial, true, "%s got %u mappings and not a further one; %s got one then",
                   say_address(trial, US.address), count, say(trial, inside(2, 5000)));
}

static enum outcome
probe_filter(struct trial *trial)
{
    enum dependence filter = find_filter(trial, PROTOCOL_UDP);

    return verdict(trial, filter == ON_NOTHING, "filtering of UDP is %s", dependence_words[filter]);
}

static struct endpoint
begin_flow(struct trial *trial)
{
    return send_out(trial, PROTOCOL_UDP, US, THEM);
}

static bool
flow_is_alive(struct trial *trial, struct endpoint external)
{
    return gets_in(trial, PROTOCOL_UDP, THEM, external, US);
}

/* Whether somebody gets one of the `used` ports in the first `duration` after they have become free, and when. */
static bool
finds_used_port(struct trial *trial, const bool *used, int64_t duration, int64_t *after, struct endpoint *external)
{
    for (*after = TIME_S; *after < duration; *after += TIME_S) {
        stand_wait(trial->stand, TIME_S);
        *external = send_out(trial, PROTOCOL_UDP, inside(20, (uint16_t)(5000 + *after / TIME_S)), THEM);
        if (!is_none(*external) && used[external->port])
            return true;
    }
    return false;
}

/* All ports are used and become free; somebody else asks for one. The RFC exempts ports behind a filter that lets no
 * stranger in. */
static enum outcome
probe_port_rest(struct trial *trial)
{
    g_autofree bool *used = g_new0(bool, UINT16_MAX + 1);
    int64_t lifetime = find_lifetime(trial, &(struct life){ begin_flow, flow_is_alive, NULL }), after;
    struct endpoint last, external;
    unsigned count;

    if (find_filter(trial, PROTOCOL_UDP) != ON_NOTHING)
        return not_applicable(trial, "filtering is not endpoint-independent: such ports are exempt");
    trial_renew(trial, NULL);
    count = fill(trial, &last, used);
    if (count == 0 || lifetime == TIME_NEVER)
        return not_applicable(trial, "no port becomes scarce, or free");
    stand_wait(trial->stand, lifetime);
    if (finds_used_port(trial, used, 120 * TIME_S, &after, &external))
        return verdict(trial, false, "%s after %u ports had become free another host left as %s",
                       say_time(trial, after), count, say(trial, external));
    return verdict(trial, true, "in the 120s after %u ports had become free no other host got one of them", count);
}

/* ---- port control */

static enum outcome
probe_port_control(struct trial *trial)
{
    static const uint8_t announce[24] = {
        2, 0, [18] = 0xff, [19] = 0xff, [20] = 10, [23] = 2
    }; /* RFC 6887 section 14.1 */
    struct form form = { .from = US,
                         .to = { address_ipv4(0x0a000001), 5351 },
                         .protocol = PROTOCOL_UDP,
                         .data = span_of(announce, sizeof announce) };
    const struct seen *seen;

    stand_put(trial->stand, INSIDE, &form);
    seen = seen_on(trial, INSIDE, PROTOCOL_UDP);
    return verdict(trial, seen && seen->form.from.port == 5351, "a PCP ANNOUNCE of %s to %s %s", say(trial, US),
                   say(trial, form.to), seen ? "was answered" : "was not answered");
}

/* ---- limits */

static enum outcome
probe_drop(struct trial *trial)
{
    const struct fullness *fullness = find_fullness(trial);

    if (fullness->count == 0)
        return not_applicable(trial, "no end of mappings was reached");
    return verdict(trial, !fullness->passed, "behind %u mappings the packet of %s %s", fullness->count,
                   say(trial, fullness->last), fullness->passed ? "left for all that" : "did not leave");
}

static enum outcome
probe_answer(struct trial *trial)
{
    const struct fullness *fullness = find_fullness(trial);

    if (fullness->count == 0)
        return not_applicable(trial, "no end of mappings was reached");
    if (!fullness->answered)
        return verdict(trial, false, "behind %u mappings %s got none, and was told nothing", fullness->count,
                       say(trial, fullness->last));
    return verdict(trial, fullness->type == 3 && fullness->code == 1,
                   "behind %u mappings %s got none, and was told ICMP %u/%u", fullness->count,
                   say(trial, fullness->last), fullness->type, fullness->code);
}

static enum outcome
probe_eviction(struct trial *trial)
{
    const struct fullness *fullness = find_fullness(trial);

    if (fullness->count == 0)
        return not_applicable(trial, "no end of mappings was reached");
    return verdict(trial, fullness->first_alive,
                   "behind %u mappings 50 more hosts asked for one; the first, of %s, was %s", fullness->count,
                   say(trial, fullness->first), fullness->first_alive ? "still there" : "gone");
}

static enum outcome
probe_use(struct trial *trial)
{
    enum { ENOUGH = 64000 }; /* of the 64512 from 1024 on */
    const struct fullness *fullness = find_fullness(trial);

    if (fullness->count == 0)
        return not_applicable(trial, "no end of mappings was reached");
    if (fullness->others_get_one)
        return not_applicable(trial, "the limit of a subscriber was met first, at %u mappings", fullness->count);
    return verdict(trial, fullness->count >= ENOUGH, "one external address was enough for %u mappings",
                   fullness->count);
}

/* ---- the table */

#define NOT_CONFIGURED "what can be configured is not to be seen from outside"
#define NOT_LOGGED "what is logged is not to be seen from outside"

static const struct requirement rows[] = {
    { "REQ-1", "3", LEVEL_MUST, "the RFC for each protocol that it forwards is met", 0, probe_others, NULL },
    { "REQ-2", "3", LEVEL_MUST, "pooling is paired by default", NEEDS_UDP, probe_pooling, NULL },
    { "REQ-3", "3", LEVEL_SHOULD, "the pool may have any size, and gaps", NEEDS_UDP, probe_pool, NULL },
    { "REQ-4", "3", LEVEL_MUST, "the ports of a subscriber can be limited", NEEDS_UDP, probe_limit, NULL },
    { "REQ-5", "3", LEVEL_SHOULD, "the memory for a subscriber's state can be limited", NEEDS_UDP, NULL,
      NOT_CONFIGURED },
    { "REQ-6", "3", LEVEL_MUST, "translation can be switched off for chosen destinations", NEEDS_UDP, NULL,
      NOT_CONFIGURED },
    { "REQ-7", "3", LEVEL_SHOULD, "filtering is endpoint-independent", NEEDS_UDP, probe_filter, NULL },
    { "REQ-8", "3", LEVEL_SHOULD, "an external port that has become free rests for 120 seconds", NEEDS_UDP,
      probe_port_rest, NULL },
    { "REQ-9", "3", LEVEL_MUST, "subscribers can control mappings, by PCP or the like", NEEDS_UDP, probe_port_control,
      NULL },
    { "REQ-10", "3", LEVEL_SHOULD, "it can be managed (RFC 4008)", 0, NULL,
      "what can be managed is not to be seen from outside" },
    { "REQ-11A", "3", LEVEL_MUST, "a packet that gets no mapping is dropped", NEEDS_UDP, probe_drop, NULL },
    { "REQ-11B", "3", LEVEL_SHOULD, "its sender is told ICMP 3/1", NEEDS_UDP, probe_answer, NULL },
    { "REQ-11C", "3", LEVEL_SHOULD, "its provider is notified", NEEDS_UDP, NULL, NOT_LOGGED },
    { "REQ-11D", "3", LEVEL_MUST, "no mapping is ended to make room", NEEDS_UDP, probe_eviction, NULL },
    { "REQ-12", "4", LEVEL_SHOULD, "destinations are not logged", 0, NULL, NOT_LOGGED },
    { "REQ-13", "5", LEVEL_SHOULD, "ports are put to the greatest use", NEEDS_UDP, probe_use, NULL },
    { "REQ-14", "5", LEVEL_SHOULD, "little is logged", 0, NULL, NOT_LOGGED },
    { "REQ-15", "5", LEVEL_SHOULD, "ports are hard to guess", NEEDS_UDP, find_random_ports, NULL },
    { .number = NULL },
};

const struct requirement_table carrier_requirements = { 6888, "providers", true, rows };
