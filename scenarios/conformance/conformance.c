#include "scenarios/conformance/conformance.h"

#include "scenarios/conformance/trial.h"

const char *const level_words[] = { "must", "should", "may", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(level_words) == LEVELS + 1);

const char *const outcome_words[] = { "met", "not met", "not applicable", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(outcome_words) == OUTCOMES + 1);

/* RFC 6888 REQ-1 asks what became of those before it. */
const struct requirement_table *const requirement_tables[] = {
    &udp_requirements, &tcp_requirements, &icmp_requirements, &update_requirements, &carrier_requirements, NULL,
};

static void
clear_finding(gpointer data)
{
    struct finding *finding = data;

    g_free(finding->evidence);
}

/* What the box does not pass, a bit each: no probe can say anything about that. */
struct unpassed {
    unsigned protocols; /* enum needs */
    bool translates_none;
};

static const struct {
    enum needs need;
    uint8_t protocol;
    const char *reason;
} protocols[] = {
    { NEEDS_UDP, PROTOCOL_UDP, "the box passes no such UDP: 10.0.0.2:5000 got nothing through to 198.51.100.1:1000" },
    { NEEDS_TCP, PROTOCOL_TCP, "the box passes no such TCP: 10.0.0.2:5000 got no SYN through to 198.51.100.1:1000" },
    { NEEDS_ICMP, PROTOCOL_ICMP, "the box passes no ICMP queries: 10.0.0.2 got none through to 198.51.100.1" },
};

static struct unpassed
find_unpassed(struct trial *trial)
{
    struct unpassed unpassed = { 0, false };

    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++) {
        struct endpoint from = inside(1, 5000), external;

        trial_renew(trial, NULL);
        external = send_out(trial, protocols[i].protocol, from, outside(1, 1000));
        if (is_none(external))
            unpassed.protocols |= protocols[i].need;
        else if (endpoint_equal(external, from))
            unpassed.translates_none = true;
    }
    return unpassed;
}

/* Why a requirement isn't measured, or NULL. */
static const char *
find_reason(const struct trial *trial, const struct requirement_table *table, const struct requirement *requirement,
            const struct unpassed *unpassed)
{
    if (unpassed->translates_none)
        return "the box is no NAT: what leaves it keeps its source";
    if (table->carrier && !trial->subject->carrier)
        return "the box does not claim to be a provider's NAT";
    if (!requirement->probe)
        return requirement->reason;
    for (size_t i = 0; i < G_N_ELEMENTS(protocols); i++)
        if (requirement->needs & unpassed->protocols & protocols[i].need)
            return protocols[i].reason;
    return NULL;
}

static struct finding
measure(struct trial *trial, const struct requirement_table *table, const struct requirement *requirement,
        const struct unpassed *unpassed)
{
    struct finding finding = { table, requirement, OUTCOME_NOT_APPLICABLE, NULL };
    const char *reason = find_reason(trial, table, requirement, unpassed);

    g_string_truncate(trial->evidence, 0);
    if (reason) {
        g_string_append(trial->evidence, reason);
    } else {
        trial_renew(trial, NULL);
        finding.outcome = requirement->probe(trial);
    }
    finding.evidence = g_strdup(trial->evidence->str);
    return finding;
}

GArray *
conformance_measure(const struct conformance_subject *subject)
{
    GArray *findings = g_array_new(FALSE, FALSE, sizeof(struct finding));
    struct trial trial = {
        .subject = subject,
        .findings = findings,
        .evidence = g_string_new(NULL),
        .words = g_string_chunk_new(1024),
    };
    struct unpassed unpassed = find_unpassed(&trial);

    g_array_set_clear_func(findings, clear_finding);
    for (const struct requirement_table *const *table = requirement_tables; *table; table++) {
        for (const struct requirement *requirement = (*table)->rows; requirement->number; requirement++) {
            struct finding finding = measure(&trial, *table, requirement, &unpassed);

            g_array_append_val(findings, finding);
        }
    }
    stand_free(trial.stand);
    g_string_free(trial.evidence, TRUE);
    g_string_chunk_free(trial.words);
    return findings;
}
