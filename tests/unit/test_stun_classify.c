/* The classifier: evidence in, words out (RFC 5780 section 4, RFC 3489 section 10.1, RFC 4787). */
#include "tests/unit/support.h"

#include "core/base/time.h"
#include "proto/stun/classify.h"

/* A NAT and a server as they are; the evidence is what they would show. */
struct situation {
    int mapping, filtering;         /* enum stun_behaviour */
    bool no_other, ignores, refuses; /* the server: no second address, ignores CHANGE-REQUEST, answers 420 */
    bool drops_both, drops_port;    /* it drops requests for an answer from its other address and port, its other port */
    bool no_port;                   /* it answers 420 to RESPONSE-PORT */
    bool mute;                      /* its second address sends nothing of itself */
    bool dead;                      /* and answers nothing either */
    unsigned requests;              /* that each answer took; 0: 1 */
};

static struct endpoint
at(const char *text)
{
    struct endpoint endpoint = { ADDRESS_NONE, 0 };

    CHECK_ROW(text, endpoint_parse(text, &endpoint));
    return endpoint;
}

static struct endpoint
corner(unsigned corner)
{
    struct endpoint server = at("198.51.100.1:3478");

    server.address = address_add(server.address, corner & STUN_CORNER_ADDRESS ? 1 : 0);
    server.port = (uint16_t)(server.port + (corner & STUN_CORNER_PORT ? 1 : 0));
    return server;
}

/* What a socket is mapped to, when it asks there. */
static struct endpoint
mapped(const struct situation *s, enum stun_asker asker, unsigned asks)
{
    struct endpoint out = at("203.0.113.1:40000");

    if (s->mapping == STUN_NO_TRANSLATION)
        return (struct endpoint){ at("10.0.0.2:5000").address, (uint16_t)(5000 + asker) };
    out.port = (uint16_t)(out.port + 100 * asker);
    if (s->mapping == STUN_ADDRESS_DEPENDENT)
        out.port = (uint16_t)(out.port + (asks & STUN_CORNER_ADDRESS));
    if (s->mapping == STUN_ADDRESS_AND_PORT_DEPENDENT)
        out.port = (uint16_t)(out.port + asks);
    return out;
}

/* Whether corner `from` is admitted by the mapping that has been used to ask corner 0 only. */
static bool
admitted(const struct situation *s, unsigned from)
{
    return s->filtering == STUN_ENDPOINT_INDEPENDENT ||
           (s->filtering == STUN_ADDRESS_DEPENDENT && !(from & STUN_CORNER_ADDRESS));
}

/* A control: the corner has been asked, by a mapping that is corner 0's, or else that RESPONSE-PORT leads to. */
static enum stun_seen
seen_of_control(const struct situation *s, unsigned from)
{
    bool same = endpoint_equal(mapped(s, STUN_ASKER_FILTERING, from), mapped(s, STUN_ASKER_FILTERING, 0));

    return same || !s->no_port ? STUN_SEEN_ANSWER : STUN_SEEN_REFUSED;
}

static enum stun_seen
seen(const struct situation *s, enum stun_question question)
{
    const struct stun_question_info *info = stun_question_info(question);
    bool control = question == STUN_QUESTION_CONTROL_BOTH || question == STUN_QUESTION_CONTROL_PORT;

    if (s->no_other && (info->asks || info->answered))
        return STUN_SEEN_NOTHING;
    if (info->asks == info->answered)
        return s->dead && info->asks ? STUN_SEEN_SILENCE : STUN_SEEN_ANSWER;
    if (s->refuses)
        return STUN_SEEN_REFUSED;
    if (s->ignores)
        return STUN_SEEN_ASTRAY;
    if (s->mute || s->dead || (info->answered == STUN_CORNER_BOTH ? s->drops_both : s->drops_port))
        return STUN_SEEN_SILENCE;
    if (control)
        return seen_of_control(s, info->answered);
    return admitted(s, info->answered) ? STUN_SEEN_ANSWER : STUN_SEEN_SILENCE;
}

static void
look(const struct situation *s, struct stun_evidence *evidence)
{
    *evidence = (struct stun_evidence){ .has_other = !s->no_other };
    if (!s->no_other)
        evidence->other = corner(STUN_CORNER_BOTH);
    for (int i = 0; i < STUN_QUESTION_COUNT; i++) {
        const struct stun_question_info *info = stun_question_info(i);

        evidence->sights[i] = (struct stun_sight){
            .seen = i == STUN_QUESTION_PADDED ? STUN_SEEN_NOTHING : seen(s, i),
            .asked = corner(info->asks),
            .from = corner(info->answered),
            .local = { at("10.0.0.2:5000").address, (uint16_t)(5000 + info->asker) },
            .mapped = mapped(s, info->asker, info->asks),
            .requests = s->requests ? s->requests : 1,
            .code = 420,
        };
    }
}

static const char *
word_of(const struct stun_finding *finding, const char *(*word)(int value))
{
    return finding->value < 0 ? finding->why : word(finding->value);
}

/* Every pair is found by an honest server, and its classic name. */
static void
test_pairs(void)
{
    static const int classes[4][3] = {
        { STUN_CLASS_FULL_CONE, STUN_CLASS_RESTRICTED_CONE, STUN_CLASS_PORT_RESTRICTED_CONE },
        { -1, -1, -1 },
        { -1, -1, STUN_CLASS_SYMMETRIC },
        { STUN_CLASS_OPEN, STUN_CLASS_FIREWALL, STUN_CLASS_FIREWALL },
    };
    /* RFC 3489's walk and where it is wrong: what admits strangers is a full cone to it, whatever the mapping; address- and
     * port-dependence are one. */
    static const int walks[4][3] = {
        { STUN_CLASS_FULL_CONE, STUN_CLASS_RESTRICTED_CONE, STUN_CLASS_PORT_RESTRICTED_CONE },
        { STUN_CLASS_FULL_CONE, STUN_CLASS_SYMMETRIC, STUN_CLASS_SYMMETRIC },
        { STUN_CLASS_FULL_CONE, STUN_CLASS_SYMMETRIC, STUN_CLASS_SYMMETRIC },
        { STUN_CLASS_OPEN, STUN_CLASS_FIREWALL, STUN_CLASS_FIREWALL },
    };

    for (int mapping = 0; mapping < 4; mapping++)
        for (int filtering = 0; filtering < 3; filtering++) {
            struct situation situation = { .mapping = mapping, .filtering = filtering };
            g_autofree char *name =
                g_strdup_printf("%s, %s", stun_behaviour_word(mapping), stun_behaviour_word(filtering));
            struct stun_evidence evidence;
            struct stun_findings findings;

            look(&situation, &evidence);
            stun_classify(&evidence, &findings);
            CHECK_ROW_INT(name, findings.mapping.value, mapping);
            CHECK_ROW_INT(name, findings.filtering.value, filtering);
            CHECK_ROW_INT(name, findings.class.value, classes[mapping][filtering]);
            CHECK_ROW_INT(name, findings.walk.value, walks[mapping][filtering]);
        }
}

#define NOT_SEEN "the server was not seen to follow CHANGE-REQUEST, so the silence may be its own"

/* Servers that don't do what they should make nothing look like what it is not. */
static void
test_servers(void)
{
    static const struct {
        const char *name;
        struct situation situation;
        const char *mapping, *filtering, *walk;
    } rows[] = {
        { "liar before a port-restricted cone", { .filtering = STUN_ADDRESS_AND_PORT_DEPENDENT, .ignores = true },
          "endpoint-independent", "the server ignores CHANGE-REQUEST", "the server ignores CHANGE-REQUEST" },
        { "one address", { .no_other = true }, "the server has no second address", "the server has no second address",
          "the server has no second address" },
        { "420", { .refuses = true }, "endpoint-independent", "the server does not support CHANGE-REQUEST",
          "the server does not support CHANGE-REQUEST" },
        { "a second address that sends nothing of itself, before a full cone", { .mute = true }, "endpoint-independent",
          "nothing comes from the server's other address or port even where it must be admitted", "port-restricted-cone" },
        { "CHANGE-REQUEST is dropped, before what filters nothing",
          { .mapping = STUN_ADDRESS_AND_PORT_DEPENDENT, .drops_both = true, .drops_port = true },
          "address-and-port-dependent", NOT_SEEN, "symmetric" },
        { "only for the address, before the same", { .mapping = STUN_ADDRESS_DEPENDENT, .drops_both = true },
          "address-dependent", NOT_SEEN, "symmetric" },
        { "only for the port",
          { STUN_ADDRESS_AND_PORT_DEPENDENT, STUN_ADDRESS_DEPENDENT, .drops_port = true },
          "address-and-port-dependent", NOT_SEEN, "symmetric" },
        { "RESPONSE-PORT is not served, before a symmetric NAT",
          { STUN_ADDRESS_AND_PORT_DEPENDENT, STUN_ADDRESS_AND_PORT_DEPENDENT, .no_port = true },
          "address-and-port-dependent", NOT_SEEN, "symmetric" },
        { "nor before a port-restricted cone, where it isn't needed",
          { STUN_ENDPOINT_INDEPENDENT, STUN_ADDRESS_AND_PORT_DEPENDENT, .no_port = true },
          "endpoint-independent", "address-and-port-dependent", "port-restricted-cone" },
        { "one that is dead", { .dead = true }, "not every address and port of the server answered",
          "the mapping is not known", "the server's other address does not answer" },
        { "much loss, full cone", { .requests = 3 }, "endpoint-independent", "endpoint-independent", "full-cone" },
        { "much loss", { .filtering = STUN_ADDRESS_DEPENDENT, .requests = 3 }, "endpoint-independent",
          "too many packets are lost", "too many packets are lost" },
        { "no translation, one address", { .mapping = STUN_NO_TRANSLATION, .no_other = true }, "none",
          "the server has no second address", "the server has no second address" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_evidence evidence;
        struct stun_findings findings;

        look(&rows[i].situation, &evidence);
        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(rows[i].name, word_of(&findings.mapping, stun_behaviour_word), rows[i].mapping);
        CHECK_ROW_TEXT(rows[i].name, word_of(&findings.filtering, stun_behaviour_word), rows[i].filtering);
        CHECK_ROW_TEXT(rows[i].name, word_of(&findings.walk, stun_class_word), rows[i].walk);
    }
}

/* What a long way delays is not lost: of three requests half a second apart the first was answered, after a second. */
static void
test_long_way(void)
{
    static const struct {
        const char *name;
        int64_t round_trip, waited;
        const char *filtering;
    } rows[] = {
        { "each first request is answered, late", 1100 * TIME_MS, 1100 * TIME_MS, "address-dependent" },
        { "each third, at once", 20 * TIME_MS, 1020 * TIME_MS, "too many packets are lost" },
        { "each third, and a bit late", 100 * TIME_MS, 1000 * TIME_MS, "too many packets are lost" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct situation situation = { .filtering = STUN_ADDRESS_DEPENDENT, .requests = 3 };
        struct stun_evidence evidence;
        struct stun_findings findings;

        look(&situation, &evidence);
        evidence.interval = 500 * TIME_MS;
        for (int n = 0; n < STUN_QUESTION_COUNT; n++)
            evidence.sights[n].elapsed = n == STUN_QUESTION_FIRST ? rows[i].round_trip : rows[i].waited;
        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(rows[i].name, word_of(&findings.filtering, stun_behaviour_word), rows[i].filtering);
    }
}

static void
test_first(void)
{
    static const struct {
        enum stun_seen seen;
        const char *why;
    } rows[] = {
        { STUN_SEEN_SILENCE, "the server does not answer: it is down, or UDP is blocked on the way" },
        { STUN_SEEN_REFUSED, "the server refuses Binding requests" },
        { STUN_SEEN_UNREACHABLE, "the server cannot be reached" },
        { STUN_SEEN_GARBLED, "the server's answer is no answer" },
        { STUN_SEEN_SPOILT, "something on the way changes the server's answers: FINGERPRINT is wrong" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct stun_evidence evidence = { .sights = { { .seen = rows[i].seen } } };
        struct stun_findings findings;

        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(rows[i].why, word_of(&findings.mapping, stun_behaviour_word), rows[i].why);
        CHECK_ROW_TEXT(rows[i].why, word_of(&findings.filtering, stun_behaviour_word), rows[i].why);
        CHECK_ROW_TEXT(rows[i].why, word_of(&findings.class, stun_class_word), rows[i].why);
        CHECK_ROW_TEXT(rows[i].why, word_of(&findings.walk, stun_class_word), rows[i].why);
        CHECK_ROW_INT(rows[i].why, findings.ports.value, -1);
        CHECK_ROW_INT(rows[i].why, findings.hairpin.value, -1);
        CHECK_ROW_INT(rows[i].why, findings.lifetime.value, -1);
        CHECK_ROW_INT(rows[i].why, findings.fragments.value, -1);
        CHECK_ROW_INT(rows[i].why, findings.alg.value, -1);
    }
}

/* Mappings that change under our eyes, or follow no rule. */
static void
test_unsteady(void)
{
    struct situation situation = { .filtering = STUN_ADDRESS_DEPENDENT };
    struct stun_evidence evidence;
    struct stun_findings findings;

    look(&situation, &evidence);
    evidence.sights[STUN_QUESTION_MAPPING_AGAIN].mapped.port++;
    stun_classify(&evidence, &findings);
    CHECK_ROW_TEXT("again", findings.mapping.why, "the mapping changed while it was looked at");
    look(&situation, &evidence);
    evidence.sights[STUN_QUESTION_FIRST_AGAIN].mapped.port++;
    stun_classify(&evidence, &findings);
    CHECK_ROW_INT("the other socket's", findings.mapping.value, STUN_ENDPOINT_INDEPENDENT);
    CHECK_ROW_TEXT("this one's", findings.filtering.why, "the mapping changed while it was looked at");
    look(&situation, &evidence);
    evidence.sights[STUN_QUESTION_MAPPING_PORT].mapped.port++;
    stun_classify(&evidence, &findings);
    CHECK_ROW_TEXT("by the port alone", findings.mapping.why, "the mappings follow no rule of RFC 4787");
    look(&situation, &evidence);
    for (int i = 0; i < STUN_QUESTION_COUNT; i++)
        evidence.sights[i].mapped = at("198.51.100.9:9");
    stun_classify(&evidence, &findings);
    CHECK_ROW_TEXT("whoever asks", findings.mapping.why, "the server says the same of two sockets");
}

static void
test_ports(void)
{
    static const struct {
        const char *name;
        uint16_t mapped[STUN_MOST_ALLOCATIONS]; /* 0: kept; 1: not answered */
        int value, step;
    } rows[] = {
        { "preserve", { 0 }, STUN_PORTS_PRESERVE, 0 },
        { "one by one", { 4000, 4001, 4002, 4003, 4004, 4005, 4006, 4007 }, STUN_PORTS_SEQUENTIAL, 1 },
        { "by two, downwards", { 4014, 4012, 4010, 4008, 4006, 4004, 4002, 4000 }, STUN_PORTS_SEQUENTIAL, -2 },
        { "beginning anew", { 65533, 65534, 65535, 1024, 1025, 1026, 1027, 1028 }, STUN_PORTS_SEQUENTIAL, 1 },
        { "spread out", { 4000, 61000, 12000, 33000, 5000, 47000, 1500, 22000 }, STUN_PORTS_RANDOM, 0 },
        { "with one near another", { 4000, 4100, 12000, 33000, 5000, 47000, 1500, 22000 }, STUN_PORTS_RANDOM, 0 },
        { "uneven steps", { 4000, 4001, 4004, 4005, 4009, 4012, 4013, 4020 }, -1, 0 },
        { "some kept", { 0, 0, 4000, 4001, 4002, 4003, 4004, 4005 }, -1, 0 },
        { "one lost", { 4000, 1, 4002, 4003, 4004, 4005, 4006, 4007 }, -1, 0 },
        { "all one", { 4000, 4000, 4000, 4000, 4000, 4000, 4000, 4000 }, -1, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct situation situation = { .mapping = STUN_ENDPOINT_INDEPENDENT };
        struct stun_evidence evidence;
        struct stun_findings findings;

        look(&situation, &evidence);
        evidence.allocations = STUN_MOST_ALLOCATIONS;
        for (unsigned n = 0; n < STUN_MOST_ALLOCATIONS; n++) {
            struct stun_allocation *allocation = &evidence.allocation[n];

            allocation->local.port = (uint16_t)(50000 + n * n);
            allocation->mapped.port = rows[i].mapped[n] ? rows[i].mapped[n] : allocation->local.port;
            allocation->answered = rows[i].mapped[n] != 1;
        }
        stun_classify(&evidence, &findings);
        CHECK_ROW_INT(rows[i].name, findings.ports.value, rows[i].value);
        CHECK_ROW_INT(rows[i].name, findings.step, rows[i].step);
        CHECK_ROW(rows[i].name, (findings.ports.why != NULL) == (rows[i].value < 0));
    }
}

static void
test_hairpin(void)
{
    static const struct {
        const char *name, *from; /* NULL: nothing was heard */
        int mapping, filtering, value;
        unsigned foretold; /* pairs whose ports were, without a sound */
        bool unsteady;
    } rows[] = {
        { "from inside", "10.0.0.2:6000", 0, 2, STUN_HAIRPIN_INTERNAL_SOURCE, 0, false },
        { "from outside", "203.0.113.1:41000", 0, 2, STUN_HAIRPIN_EXTERNAL_SOURCE, 0, false },
        { "from outside, by another mapping", "203.0.113.1:41007", 2, 0, STUN_HAIRPIN_EXTERNAL_SOURCE, 0, false },
        { "from nowhere", "192.0.2.9:41000", 0, 2, -1, 0, false },
        { "silence, which the filter must let through", NULL, 0, 2, STUN_HAIRPIN_OFF, 0, false },
        { "silence without a filter", NULL, 2, 0, STUN_HAIRPIN_OFF, 0, false },
        { "silence that the filter may have made", NULL, 2, 2, -1, 0, false },
        { "silence that the filter may have made", NULL, 1, 1, -1, 0, false },
        { "two more silences, where the filter must let through", NULL, 1, 1, -1, 2, false },
        { "three", NULL, 1, 1, STUN_HAIRPIN_OFF, 3, false },
        { "of a pair whose ports were foretold", "203.0.113.1:41000", 2, 2, STUN_HAIRPIN_EXTERNAL_SOURCE, 1, false },
        { "silence, and the server says something else afterwards", NULL, 0, 0, -1, 0, true },
        { "a sound, whatever it says", "203.0.113.1:41000", 0, 2, STUN_HAIRPIN_EXTERNAL_SOURCE, 0, true },
        { "no translation", NULL, STUN_NO_TRANSLATION, 0, -1, 0, false },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct situation situation = { .mapping = rows[i].mapping, .filtering = rows[i].filtering };
        struct stun_evidence evidence;
        struct stun_findings findings;

        look(&situation, &evidence);
        evidence.hairpin = (struct stun_hairpin_sight){
            .tried = true, .heard = rows[i].from != NULL, .unsteady = rows[i].unsteady, .foretold = rows[i].foretold
        };
        if (rows[i].from) {
            evidence.hairpin.from = at(rows[i].from);
            evidence.hairpin.local = at("10.0.0.2:6000");
            evidence.hairpin.mapped = at("203.0.113.1:41000");
        }
        stun_classify(&evidence, &findings);
        CHECK_ROW_INT(rows[i].name, findings.hairpin.value, rows[i].value);
        CHECK_ROW(rows[i].name, (findings.hairpin.why != NULL) == (rows[i].value < 0));
    }
}

static void
test_the_rest(void)
{
    struct situation situation = { .mapping = STUN_ENDPOINT_INDEPENDENT };
    struct stun_evidence evidence;
    struct stun_findings findings;

    look(&situation, &evidence);
    evidence.lifetime = (struct stun_lifetime_sight){ true, true, STUN_SEEN_ANSWER, false, 29 * TIME_S, 31 * TIME_S };
    evidence.sights[STUN_QUESTION_PADDED].seen = STUN_SEEN_ANSWER;
    evidence.sights[STUN_QUESTION_PADDED].padded = true;
    evidence.sights[STUN_QUESTION_FIRST].compared = true;
    stun_classify(&evidence, &findings);
    CHECK_ROW_INT("lifetime", findings.lifetime.value, 0);
    CHECK_ROW_INT("lifetime", findings.alive_for, 29 * TIME_S);
    CHECK_ROW_INT("lifetime", findings.dead_by, 31 * TIME_S);
    CHECK_ROW_INT("fragments pass", findings.fragments.value, STUN_FRAGMENTS_PASS);
    CHECK_ROW_INT("no ALG", findings.alg.value, STUN_ALG_NONE);
    evidence.lifetime.contradictory = true;
    evidence.sights[STUN_QUESTION_PADDED].padded = false;
    evidence.sights[STUN_QUESTION_MAPPING].rewritten = true;
    stun_classify(&evidence, &findings);
    CHECK_ROW_INT("contradictory", findings.lifetime.value, -1);
    CHECK_ROW_INT("no PADDING in the answer", findings.fragments.value, -1);
    CHECK_ROW_INT("an ALG", findings.alg.value, STUN_ALG_REWRITES);
    evidence.lifetime.served = false;
    evidence.sights[STUN_QUESTION_PADDED].seen = STUN_SEEN_SILENCE;
    stun_classify(&evidence, &findings);
    CHECK_ROW_INT("not served", findings.lifetime.value, -1);
    CHECK_ROW_INT("fragments dropped", findings.fragments.value, STUN_FRAGMENTS_DROPPED);
}

/* RFC 5780 section 3.6: two addresses in one answer that differ. One alone, or an answer that something has changed, proves
 * nothing; but whatever else came, two that differ do. */
static void
test_alg(void)
{
    static const struct {
        const char *name;
        bool compared, rewritten, spoilt;
        const char *found;
    } rows[] = {
        { "both, alike", true, false, false, "none" },
        { "both, and they differ", true, true, false, "rewrites-addresses" },
        { "only one of them", false, false, false, "no answer has both MAPPED-ADDRESS and XOR-MAPPED-ADDRESS" },
        { "one answer spoilt", true, false, true,
          "something on the way changes the server's answers: FINGERPRINT is wrong" },
        { "one answer spoilt, and in another they differ", true, true, true, "rewrites-addresses" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct situation situation = { .mapping = STUN_ENDPOINT_INDEPENDENT };
        struct stun_evidence evidence;
        struct stun_findings findings;

        look(&situation, &evidence);
        evidence.sights[STUN_QUESTION_MAPPING].compared = rows[i].compared;
        evidence.sights[STUN_QUESTION_MAPPING].rewritten = rows[i].rewritten;
        if (rows[i].spoilt)
            evidence.sights[STUN_QUESTION_TO_BOTH].seen = STUN_SEEN_SPOILT;
        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(rows[i].name, word_of(&findings.alg, stun_alg_word), rows[i].found);
    }
}

/* Why there is no second address, or no lifetime: the reason is the one that there is. */
static void
test_reasons(void)
{
    static const struct {
        const char *other, *why;
    } others[] = {
        { NULL, "the server has no second address" },
        { "[2001:db8::2]:3479",
          "the server's second address is of another family, so something on the way translates between them" },
        { "224.0.0.1:3479", "what the server calls its second address is none" },
    };
    static const struct {
        enum stun_seen seen;
        const char *why;
    } responses[] = {
        { STUN_SEEN_NOTHING, "no mapping could be made to look at" },
        { STUN_SEEN_ASTRAY, "the server ignores RESPONSE-PORT" },
        { STUN_SEEN_REFUSED, "the server does not support RESPONSE-PORT" },
        { STUN_SEEN_SILENCE, "nothing comes to the port that RESPONSE-PORT names: the server does not serve it, or the "
                             "NAT has several addresses" },
    };
    struct situation situation = { .no_other = true };
    struct stun_evidence evidence;
    struct stun_findings findings;

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        look(&situation, &evidence);
        if (others[i].other)
            evidence.other = at(others[i].other);
        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(others[i].why, findings.mapping.why, others[i].why);
        CHECK_ROW_TEXT(others[i].why, findings.fragments.why, others[i].why);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(responses); i++) {
        look(&situation, &evidence);
        evidence.lifetime = (struct stun_lifetime_sight){ .tried = true, .response = responses[i].seen };
        stun_classify(&evidence, &findings);
        CHECK_ROW_TEXT(responses[i].why, findings.lifetime.why, responses[i].why);
    }
}

/* Every piece of evidence has its sentence. */
static void
test_evidence(void)
{
    struct situation situation = { .filtering = STUN_ADDRESS_DEPENDENT };
    struct stun_evidence evidence = { .has_other = false };
    g_autoptr(GString) all = g_string_new(NULL);

    CHECK_ROW_UINT("none", stun_evidence_count(&evidence), 0);
    look(&situation, &evidence);
    evidence.sights[STUN_QUESTION_FROM_BOTH].requests = 10;
    evidence.allocations = 2;
    evidence.allocation[0] = (struct stun_allocation){ true, at("10.0.0.2:50000"), at("203.0.113.1:40000"), 1, 0 };
    evidence.allocation[1] = (struct stun_allocation){ .local = at("10.0.0.2:50001") };
    evidence.hairpin.tried = evidence.lifetime.tried = evidence.lifetime.served = true;
    evidence.lifetime.alive_for = 29 * TIME_S;
    evidence.lifetime.dead_by = 31 * TIME_S;
    CHECK_ROW_UINT("all but PADDING", stun_evidence_count(&evidence), STUN_QUESTION_COUNT - 1 + 3);
    for (unsigned i = 0; i < stun_evidence_count(&evidence); i++) {
        size_t before = all->len;

        stun_evidence_say(&evidence, i, all);
        CHECK(all->len > before);
        g_string_append_c(all, '\n');
    }
    CHECK(g_str_has_prefix(all->str, "the server is asked (10.0.0.2:5000 to 198.51.100.1:3478): it sees 203.0.113.1:40000\n"
                                     "it is asked to answer from its other address and port (10.0.0.2:5000 to "
                                     "198.51.100.1:3478): no answer to 10 requests\n"));
    CHECK(strstr(all->str, "fresh sockets are mapped, port to port: 50000 to 40000, 50001 not answered\n"));
    CHECK(strstr(all->str, "two sockets send to what the other is mapped to: nothing comes back\n"));
    CHECK(strstr(all->str, "mappings left alone: alive after 29s, dead after 31s\n"));
}

void
suite_stun_classify(void)
{
    UNIT_SUITE("stun classify", NULL, NULL, { "pairs", test_pairs }, { "servers", test_servers },
               { "a long way", test_long_way }, { "first", test_first },
               { "unsteady", test_unsteady }, { "ports", test_ports }, { "hairpin", test_hairpin },
               { "the rest", test_the_rest }, { "ALG", test_alg }, { "reasons", test_reasons }, { "evidence", test_evidence });
}
