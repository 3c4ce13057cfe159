/* Random packets through the NAT and through a slow, obvious model of RFC 4787's definitions: what leaves is the same.
 *
 * The model keeps everything in lists and asks them in the words of sections 4.1, 4.3 and 5. Only the external port of
 * a new mapping is taken over from the NAT, and must be nobody's. */
#include "core/base/random.h"
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

enum { MODEL_MAPPINGS = 4096, MODEL_REMOTES = 6, MODEL_INTERNALS = 5, PACKETS = 1500 };

static const char *const internals[MODEL_INTERNALS] = {
    "10.0.0.2:5000", "10.0.0.2:5001", "10.0.0.3:5000", "10.0.0.3:53", "10.0.0.4:5001",
};
static const char *const remotes[MODEL_REMOTES] = {
    "198.51.100.1:7000", "198.51.100.1:7001", "198.51.100.2:7000",
    "198.51.100.2:7001", "198.51.100.3:7000", "198.51.100.3:53",
};

struct model_mapping {
    int internal, first_remote;
    char external[32];
    bool sent[MODEL_REMOTES];
    bool owns[MODEL_REMOTES]; /* no other mapping of the same external endpoint has sent there since */
    int64_t deadline;
};

struct model {
    struct nat_behaviour behaviour;
    bool affinity;
    unsigned block; /* ports in a block; 0: none */
    int64_t now;
    struct model_mapping mappings[MODEL_MAPPINGS];
    int count;
    int admitted_by[MODEL_INTERNALS][MODEL_REMOTES]; /* the mapping that last admitted that remote; -1 for none */
};

static bool
same_address(const char *a, const char *b)
{
    return address_equal(nat_endpoint(a).address, nat_endpoint(b).address);
}

static bool
alive(const struct model *model, int mapping)
{
    return model->now < model->mappings[mapping].deadline;
}

/* Section 4.1: whether a mapping made for a packet to `first` is reused for one to `remote`. */
static bool
reused(const struct model *model, int first, int remote)
{
    switch (model->behaviour.mapping) {
    case NAT_ENDPOINT_INDEPENDENT:
        return true;
    case NAT_ADDRESS_DEPENDENT:
        return same_address(remotes[first], remotes[remote]);
    default:
        return first == remote;
    }
}

/* Section 5: whether the mapping's filter lets `remote` in. */
static bool
admitted(const struct model *model, const struct model_mapping *mapping, int remote)
{
    if (model->behaviour.filtering == NAT_ENDPOINT_INDEPENDENT)
        return true;
    for (int i = 0; i < MODEL_REMOTES; i++)
        if (mapping->sent[i] &&
            (model->behaviour.filtering == NAT_ADDRESS_DEPENDENT ? same_address(remotes[i], remotes[remote])
                                                                 : i == remote))
            return true;
    return false;
}

/* The mapping that a packet out takes, or -1 when it needs a new one. */
static int
model_way(const struct model *model, int internal, int remote)
{
    int by = model->admitted_by[internal][remote];

    if (model->affinity && by >= 0 && alive(model, by))
        return by;
    for (int i = 0; i < model->count; i++)
        if (alive(model, i) && model->mappings[i].internal == internal &&
            reused(model, model->mappings[i].first_remote, remote))
            return i;
    return -1;
}

/* The mapping that a packet from `remote` to `external` is for: of those that share it, the one that sent there last, or
 * else the newest. */
static int
model_external(const struct model *model, const char *external, int remote)
{
    int newest = -1;

    for (int i = 0; i < model->count; i++) {
        if (!alive(model, i) || strcmp(model->mappings[i].external, external) != 0)
            continue;
        if (model->mappings[i].owns[remote])
            return i;
        newest = i;
    }
    return newest;
}

static void
note_sent(struct model *model, int mapping, int remote)
{
    for (int i = 0; i < model->count; i++)
        if (strcmp(model->mappings[i].external, model->mappings[mapping].external) == 0)
            model->mappings[i].owns[remote] = false;
    model->mappings[mapping].owns[remote] = model->mappings[mapping].sent[remote] = true;
}

static unsigned
block_of(const struct model *model, const char *external)
{
    return (nat_endpoint(external).port - 1024u) / model->block;
}

/* Whether a new mapping may have this external endpoint. */
static bool
may_have(const struct model *model, int internal, const char *external)
{
    if (model->behaviour.ports == NAT_PORTS_OVERLOAD)
        return nat_endpoint(external).port == nat_endpoint(internals[internal]).port;
    for (int i = 0; i < model->count; i++) {
        const struct model_mapping *other = &model->mappings[i];

        if (!alive(model, i))
            continue;
        if (strcmp(other->external, external) == 0)
            return false;
        if (model->block && block_of(model, other->external) == block_of(model, external) &&
            !same_address(internals[other->internal], internals[internal]))
            return false;
    }
    return true;
}

/* Section 4.3. */
static void
refresh(struct model *model, int mapping, uint8_t direction)
{
    if (model->behaviour.refresh == NAT_REFRESH_BOTH || model->behaviour.refresh == direction)
        model->mappings[mapping].deadline = model->now + model->behaviour.timeout;
}

static bool
check_out(struct model *model, struct nat_bench *bench, int internal, int remote)
{
    int way = model_way(model, internal, remote);
    const char *told = nat_bench_udp(bench, NAT_INSIDE, internals[internal], remotes[remote]);
    g_auto(GStrv) words = g_strsplit(told, " ", 5); /* out EXTERNAL > REMOTE */

    if (g_strv_length(words) != 4 || strcmp(words[0], "out") != 0 || strcmp(words[3], remotes[remote]) != 0)
        return false;
    if (way < 0) {
        if (!may_have(model, internal, words[1]))
            return false;
        way = model->count++;
        model->mappings[way] = (struct model_mapping){ .internal = internal,
                                                       .first_remote = remote,
                                                       .deadline = model->now + model->behaviour.timeout };
        g_strlcpy(model->mappings[way].external, words[1], sizeof model->mappings[way].external);
    }
    note_sent(model, way, remote);
    refresh(model, way, NAT_REFRESH_OUTBOUND);
    return strcmp(words[1], model->mappings[way].external) == 0;
}

static bool
check_in(struct model *model, struct nat_bench *bench, int remote, const char *external)
{
    int mapping = model_external(model, external, remote);
    g_autofree char *expected = NULL;

    if (mapping < 0) {
        expected = g_strdup("-no-mapping");
    } else if (!admitted(model, &model->mappings[mapping], remote)) {
        expected = g_strdup("-filtered");
    } else {
        int internal = model->mappings[mapping].internal;

        expected = g_strdup_printf("in %s > %s", remotes[remote], internals[internal]);
        model->admitted_by[internal][remote] = mapping;
        refresh(model, mapping, NAT_REFRESH_INBOUND);
    }
    return strcmp(nat_bench_udp(bench, NAT_OUTSIDE, remotes[remote], external), expected) == 0;
}

static bool
step(struct model *model, struct nat_bench *bench, struct random_stream *random)
{
    uint64_t remote = random_below(random, MODEL_REMOTES), target;
    char text[32];

    if (random_below(random, 4) == 0)
        model->now += (int64_t)random_below(random, 40) * TIME_S;
    if (random_below(random, 64) == 0)
        model->now += 60 * TIME_S - (int64_t)random_below(random, 2);
    nat_bench_until(bench, model->now);
    if (random_below(random, 2) == 0)
        return check_out(model, bench, (int)random_below(random, MODEL_INTERNALS), (int)remote);

    /* mostly one of the newest mappings, dead or alive, else any port */
    target = random_below(random, 16);
    if (target < 15 && (int)target < model->count)
        g_strlcpy(text, model->mappings[model->count - 1 - (int)target].external, sizeof text);
    else
        g_snprintf(text, sizeof text, "203.0.113.1:%u", (unsigned)random_below(random, 65536));
    return check_in(model, bench, (int)remote, text);
}

static void
run(struct nat_behaviour behaviour, bool affinity, unsigned block)
{
    struct nat_options options = nat_preset_find("full-cone")->options;
    struct model *model = g_new0(struct model, 1);
    struct random_stream random;
    struct nat_bench bench;
    g_autofree char *name =
        g_strdup_printf("mapping %s, filtering %s, refresh %s, ports %s, affinity %d, blocks %u",
                        nat_dependence_words[behaviour.mapping], nat_dependence_words[behaviour.filtering],
                        nat_refresh_words[behaviour.refresh], nat_ports_words[behaviour.ports], affinity, block);

    random = random_stream_of(1, name, "packets");
    options.udp = model->behaviour = behaviour;
    options.affinity = model->affinity = affinity;
    options.blocks.size = model->block = block;
    memset(model->admitted_by, -1, sizeof model->admitted_by);
    nat_bench_open_pool(&bench, &options, 1);
    bench.world->journal = NULL;
    for (int i = 0; i < PACKETS; i++)
        if (!CHECK_ROW(name, step(model, &bench, &random)))
            break;
    CHECK_ROW_INT(name, (int64_t)nat_counts(bench.nat).made, model->count);
    nat_bench_close(&bench);
    g_free(model);
}

static void
test_model(void)
{
    struct nat_behaviour behaviour = nat_preset_find("full-cone")->options.udp;

    behaviour.timeout = 60 * TIME_S;
    for (behaviour.mapping = 0; behaviour.mapping <= NAT_ADDRESS_AND_PORT_DEPENDENT; behaviour.mapping++)
        for (behaviour.filtering = 0; behaviour.filtering <= NAT_ADDRESS_AND_PORT_DEPENDENT; behaviour.filtering++)
            for (behaviour.refresh = 0; behaviour.refresh <= NAT_REFRESH_BOTH; behaviour.refresh++)
                for (int affinity = 0; affinity < 2; affinity++) {
                    behaviour.ports = (uint8_t)((behaviour.refresh + affinity) % 3);
                    run(behaviour, affinity, 0);
                }
}

/* Overloaded ports, and blocks of three. */
static void
test_shared_and_blocks(void)
{
    struct nat_behaviour behaviour = nat_preset_find("full-cone")->options.udp;

    behaviour.timeout = 60 * TIME_S;
    for (behaviour.mapping = 0; behaviour.mapping <= NAT_ADDRESS_AND_PORT_DEPENDENT; behaviour.mapping++)
        for (behaviour.filtering = 0; behaviour.filtering <= NAT_ADDRESS_AND_PORT_DEPENDENT; behaviour.filtering++)
            for (int affinity = 0; affinity < 2; affinity++) {
                behaviour.refresh = (uint8_t)((behaviour.filtering + affinity) % 3);
                behaviour.ports = NAT_PORTS_OVERLOAD;
                run(behaviour, affinity, 0);
                behaviour.ports = (uint8_t)((behaviour.mapping + affinity) % 3);
                run(behaviour, affinity, 3);
            }
}

void
suite_nat_model(void)
{
    UNIT_SUITE("nat: against a model", NULL, NULL, { "random packets", test_model },
               { "shared ports and blocks", test_shared_and_blocks });
}
