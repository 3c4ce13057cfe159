/* What was found, and what was seen, in words. */
#include "core/base/time.h"
#include "proto/stun/classify.h"

static const char *const behaviours[] = { "endpoint-independent", "address-dependent", "address-and-port-dependent",
                                          "none" };
static const char *const allocations[] = { "preserve", "sequential", "random" };
static const char *const hairpinnings[] = { "off", "internal-source", "external-source" };
static const char *const fragments[] = { "pass", "dropped" };
static const char *const algs[] = { "none", "rewrites-addresses" };
static const char *const classes[] = { "open",      "symmetric-udp-firewall", "full-cone", "restricted-cone",
                                       "port-restricted-cone", "symmetric" };

G_STATIC_ASSERT(G_N_ELEMENTS(behaviours) == STUN_NO_TRANSLATION + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(allocations) == STUN_PORTS_RANDOM + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(hairpinnings) == STUN_HAIRPIN_EXTERNAL_SOURCE + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(fragments) == STUN_FRAGMENTS_DROPPED + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(algs) == STUN_ALG_REWRITES + 1);
G_STATIC_ASSERT(G_N_ELEMENTS(classes) == STUN_CLASS_SYMMETRIC + 1);

const char *
stun_behaviour_word(int behaviour)
{
    return behaviours[behaviour];
}

const char *
stun_port_allocation_word(int allocation)
{
    return allocations[allocation];
}

const char *
stun_hairpinning_word(int hairpinning)
{
    return hairpinnings[hairpinning];
}

const char *
stun_fragments_word(int value)
{
    return fragments[value];
}

const char *
stun_alg_word(int alg)
{
    return algs[alg];
}

const char *
stun_class_word(int class)
{
    return classes[class];
}

/* --- evidence --------------------------------------------------------------------------------------------------- */

static void
say_endpoint(const char *before, struct endpoint endpoint, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, "%s%s", before, endpoint_format(endpoint, text));
}

static void
say_outcome(const struct stun_sight *sight, GString *out)
{
    switch (sight->seen) {
    case STUN_SEEN_ANSWER:
        say_endpoint("it sees ", sight->mapped, out);
        break;
    case STUN_SEEN_ASTRAY:
        say_endpoint("the answer comes from ", sight->from, out);
        g_string_append(out, " instead");
        break;
    case STUN_SEEN_SILENCE:
        g_string_append_printf(out, "no answer to %u requests", sight->requests);
        break;
    case STUN_SEEN_REFUSED:
        g_string_append_printf(out, "refused, %u %s", sight->code, stun_code_phrase(sight->code));
        break;
    case STUN_SEEN_UNREACHABLE:
        g_string_append(out, "it cannot be reached");
        break;
    case STUN_SEEN_SPOILT:
        g_string_append(out, "answers come, but something on the way has changed them: FINGERPRINT is wrong");
        break;
    default:
        g_string_append(out, "the answer says nothing");
    }
    if (sight->rewritten)
        g_string_append(out, ", and MAPPED-ADDRESS was rewritten on the way");
}

static void
say_sight(const struct stun_evidence *evidence, enum stun_question question, GString *out)
{
    const struct stun_sight *sight = &evidence->sights[question];

    g_string_append(out, stun_question_info(question)->sentence);
    say_endpoint(" (", sight->local, out);
    say_endpoint(" to ", sight->asked, out);
    g_string_append(out, "): ");
    say_outcome(sight, out);
}

static void
say_allocations(const struct stun_evidence *evidence, GString *out)
{
    g_string_append(out, "fresh sockets are mapped, port to port:");
    for (unsigned i = 0; i < evidence->allocations; i++) {
        const struct stun_allocation *allocation = &evidence->allocation[i];

        g_string_append_printf(out, "%s %u ", i ? "," : "", allocation->local.port);
        if (allocation->answered)
            g_string_append_printf(out, "to %u", allocation->mapped.port);
        else
            g_string_append(out, "not answered");
    }
}

static void
say_hairpin(const struct stun_hairpin_sight *hairpin, GString *out)
{
    g_string_append(out, "two sockets send to what the other is mapped to: ");
    if (!hairpin->heard) {
        g_string_append(out, "nothing comes back");
        if (hairpin->foretold)
            g_string_append_printf(out, ", nor of %u pairs whose ports could be foretold", hairpin->foretold);
        return;
    }
    say_endpoint("what ", hairpin->local, out);
    say_endpoint(" sent comes back from ", hairpin->from, out);
}

static void
say_lifetime(const struct stun_lifetime_sight *lifetime, GString *out)
{
    char alive[DURATION_TEXT], dead[DURATION_TEXT];

    g_string_append(out, "mappings left alone: ");
    if (!lifetime->served)
        g_string_append(out, "RESPONSE-PORT does not lead to one even at once");
    else if (lifetime->dead_by == TIME_NEVER)
        g_string_append_printf(out, "alive after %s, as long as was looked", duration_format(lifetime->alive_for, alive));
    else
        g_string_append_printf(out, "alive after %s, dead after %s", duration_format(lifetime->alive_for, alive),
                               duration_format(lifetime->dead_by, dead));
}

/* The n-th of all that was seen; false when there are fewer. `out` NULL: only looks. */
static bool
say_nth(const struct stun_evidence *evidence, unsigned n, GString *out)
{
    for (int i = 0; i < STUN_QUESTION_COUNT; i++)
        if (evidence->sights[i].seen != STUN_SEEN_NOTHING && n-- == 0) {
            if (out)
                say_sight(evidence, i, out);
            return true;
        }
    if (evidence->allocations && n-- == 0) {
        if (out)
            say_allocations(evidence, out);
        return true;
    }
    if (evidence->hairpin.tried && n-- == 0) {
        if (out)
            say_hairpin(&evidence->hairpin, out);
        return true;
    }
    if (evidence->lifetime.tried && n == 0) {
        if (out)
            say_lifetime(&evidence->lifetime, out);
        return true;
    }
    return false;
}

unsigned
stun_evidence_count(const struct stun_evidence *evidence)
{
    unsigned count = 0;

    while (say_nth(evidence, count, NULL))
        count++;
    return count;
}

void
stun_evidence_say(const struct stun_evidence *evidence, unsigned n, GString *out)
{
    (void)say_nth(evidence, n, out);
}
