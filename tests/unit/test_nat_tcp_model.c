/* Random TCP segments through the NAT and through a slow, obvious model of RFC 5382 and RFC 7857: what leaves, at once
 * and later, is the same.
 *
 * The model keeps everything in lists. It knows no states: of a connection it remembers which side has sent a SYN, a FIN
 * or a RST, and asks in the words of RFC 5382 section 5 whether it is partially open, established or closing. Only the
 * external port of a new mapping is taken over from the NAT, and must be nobody's. */
#include "core/base/random.h"
#include "nat/options.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

enum { REMOTES = 5, INTERNALS = 4, SEGMENTS = 1200, HELD_MAX = 64 };
enum { OUTWARD, INWARD }; /* the side that a segment comes from: inside, outside */

static const char *const internals[INTERNALS] = { "10.0.0.2:5000", "10.0.0.2:5001", "10.0.0.3:5000", "10.0.0.4:53" };
static const char *const remotes[REMOTES] = { "198.51.100.1:7000", "198.51.100.1:7001", "198.51.100.2:7000",
                                              "198.51.100.2:7001", "198.51.100.3:53" };
static const char *const flag_words[] = { "S", "S", "S", "SA", "SA", "A", "PA", "FA", "FA", "RA", "R" };

struct model_mapping {
    int internal, first_remote;
    char external[32];
};

struct connection {
    int mapping, remote;
    bool syn[2], fin[2], reset, sent;
    int64_t deadline;
};

struct held {
    int remote;
    char external[32];
    bool filtered;
    int64_t until;
};

struct model {
    struct nat_options options;
    int64_t now;
    struct model_mapping mappings[SEGMENTS];
    struct connection connections[SEGMENTS];
    int mapping_count, connection_count;
    int preferred[INTERNALS][REMOTES]; /* the connection that last was admitted or begun; -1 for none */
    struct held held[HELD_MAX];        /* in the order in which they came */
    int held_count;
};

static bool
same_address(const char *a, const char *b)
{
    return address_equal(nat_endpoint(a).address, nat_endpoint(b).address);
}

static bool
has(const char *flags, char flag)
{
    return strchr(flags, flag) != NULL;
}

static bool
asks(const char *flags)
{
    return strcmp(flags, "S") == 0;
}

/* ---- connections */

static bool
alive(const struct model *model, int connection)
{
    return connection >= 0 && model->now < model->connections[connection].deadline;
}

static bool
mapping_alive(const struct model *model, int mapping)
{
    for (int i = 0; i < model->connection_count; i++)
        if (model->connections[i].mapping == mapping && alive(model, i))
            return true;
    return false;
}

static int
find_connection(const struct model *model, int mapping, int remote)
{
    for (int i = 0; i < model->connection_count; i++)
        if (model->connections[i].mapping == mapping && model->connections[i].remote == remote && alive(model, i))
            return i;
    return -1;
}

static bool
stands(const struct connection *connection)
{
    return connection->syn[0] && connection->syn[1];
}

static bool
is_over(const struct connection *connection)
{
    return connection->reset || (connection->fin[0] && connection->fin[1]);
}

/* Section 5. */
static int64_t
timeout_of(const struct model *model, const struct connection *connection)
{
    if (is_over(connection))
        return model->options.tcp_closing;
    return stands(connection) ? model->options.tcp.timeout : model->options.tcp_opening;
}

static void
live_on(const struct model *model, struct connection *connection)
{
    connection->deadline = model->now + timeout_of(model, connection);
}

static bool
refreshed_by(const struct model *model, int side)
{
    uint8_t refresh = model->options.tcp.refresh;

    return refresh == NAT_REFRESH_BOTH || refresh == (side == OUTWARD ? NAT_REFRESH_OUTBOUND : NAT_REFRESH_INBOUND);
}

static void
note_segment(const struct model *model, struct connection *connection, const char *flags, int side)
{
    struct connection before = *connection;

    if (has(flags, 'R')) {
        if (stands(connection) && !is_over(connection)) {
            connection->reset = true;
            live_on(model, connection);
        }
        return;
    }
    if (asks(flags) && is_over(connection)) { /* a new one between the same ends */
        connection->syn[0] = connection->syn[1] = connection->fin[0] = connection->fin[1] = connection->reset = false;
        connection->syn[side] = true;
        live_on(model, connection);
        return;
    }
    connection->reset = false;
    if (has(flags, 'S') && !stands(connection))
        connection->syn[side] = true;
    else if (has(flags, 'F') && stands(connection))
        connection->fin[side] = true;
    if (refreshed_by(model, side) || stands(&before) != stands(connection) || before.fin[side] != connection->fin[side] ||
        before.reset != connection->reset)
        live_on(model, connection);
}

static int
begin(struct model *model, int mapping, int remote, int side)
{
    struct connection *connection = &model->connections[model->connection_count];

    *connection = (struct connection){ .mapping = mapping, .remote = remote };
    connection->syn[side] = true;
    live_on(model, connection);
    return model->connection_count++;
}

/* ---- mappings and filters */

static bool
reused(const struct model *model, int first, int remote)
{
    switch (model->options.tcp.mapping) {
    case NAT_ENDPOINT_INDEPENDENT:
        return true;
    case NAT_ADDRESS_DEPENDENT:
        return same_address(remotes[first], remotes[remote]);
    default:
        return first == remote;
    }
}

static int
find_way(const struct model *model, int internal, int remote)
{
    int preferred = model->preferred[internal][remote];

    if (model->options.affinity && alive(model, preferred))
        return model->connections[preferred].mapping;
    for (int i = 0; i < model->mapping_count; i++)
        if (model->mappings[i].internal == internal && mapping_alive(model, i) &&
            reused(model, model->mappings[i].first_remote, remote))
            return i;
    return -1;
}

static int
find_external(const struct model *model, const char *external)
{
    for (int i = 0; i < model->mapping_count; i++)
        if (strcmp(model->mappings[i].external, external) == 0 && mapping_alive(model, i))
            return i;
    return -1;
}

static bool
admitted(const struct model *model, int mapping, int remote)
{
    if (model->options.tcp.filtering == NAT_ENDPOINT_INDEPENDENT)
        return true;
    for (int i = 0; i < model->connection_count; i++) {
        const struct connection *connection = &model->connections[i];

        if (connection->mapping == mapping && connection->sent && alive(model, i) &&
            (model->options.tcp.filtering == NAT_ADDRESS_DEPENDENT
                 ? same_address(remotes[connection->remote], remotes[remote])
                 : connection->remote == remote))
            return true;
    }
    return false;
}

/* ---- held SYNs: section 4.3 */

static int
find_held(const struct model *model, const char *external, int remote)
{
    for (int i = 0; i < model->held_count; i++)
        if (model->held[i].remote == remote && strcmp(model->held[i].external, external) == 0)
            return i;
    return -1;
}

static void
remove_held(struct model *model, int held)
{
    memmove(&model->held[held], &model->held[held + 1],
            (size_t)(--model->held_count - held) * sizeof model->held[0]);
}

/* A SYN of this connection has passed: whether one was held. */
static bool
crossed(struct model *model, const char *flags, const char *external, int remote)
{
    int held = has(flags, 'S') ? find_held(model, external, remote) : -1;

    if (held >= 0)
        remove_held(model, held);
    return held >= 0;
}

static char *
address_text(const char *endpoint)
{
    char text[ADDRESS_TEXT];

    return g_strdup(address_format(nat_endpoint(endpoint).address, text));
}

/* What a segment gets that is refused. */
static void
say_answer(const struct model *model, const char *flags, int remote, const char *external, bool filtered, GString *out)
{
    g_autofree char *to = address_text(remotes[remote]);

    if (model->options.tcp.refusal == NAT_REFUSE_ICMP)
        g_string_append_printf(out, "out icmp 3/%d 203.0.113.1 > %s [%s > %s]", filtered && !asks(flags) ? 13 : 3, to,
                               remotes[remote], external);
    else if (model->options.tcp.refusal == NAT_REFUSE_RESET && asks(flags))
        g_string_append_printf(out, "out %s > %s RA 0/1001", external, remotes[remote]);
    else if (model->options.tcp.refusal == NAT_REFUSE_RESET && !has(flags, 'R'))
        g_string_append_printf(out, "out %s > %s R 2000/0", external, remotes[remote]);
}

static void
refuse(struct model *model, const char *flags, int remote, const char *external, bool filtered, GString *out)
{
    bool waits = asks(flags) && model->options.tcp.refusal != NAT_REFUSE_SILENTLY && model->options.syn_wait > 0;

    if (waits && find_held(model, external, remote) < 0) {
        struct held *held = &model->held[model->held_count++];

        *held = (struct held){ .remote = remote, .filtered = filtered, .until = model->now + model->options.syn_wait };
        g_strlcpy(held->external, external, sizeof held->external);
        return;
    }
    if (!waits)
        say_answer(model, flags, remote, external, filtered, out);
    g_string_append_printf(out, "%s%s", out->len ? " " : "", filtered ? "-filtered" : "-no-mapping");
}

/* ---- the same through the NAT */

static void
say_passed(const char *side, const char *from, const char *to, const char *flags, bool crossed, GString *out)
{
    g_string_append_printf(out, "%s %s > %s %s 1000/%d%s", side, from, to, flags, has(flags, 'A') ? 2000 : 0,
                           crossed ? " -syn-crossed" : "");
}

/* The external endpoint of a new mapping is what the NAT chose: the second word. */
static bool
take_mapping(struct model *model, const char *told, int internal, int remote)
{
    g_auto(GStrv) words = g_strsplit(told, " ", -1);
    struct model_mapping *mapping = &model->mappings[model->mapping_count];

    if (g_strv_length(words) < 4 || find_external(model, words[1]) >= 0)
        return false;
    *mapping = (struct model_mapping){ .internal = internal, .first_remote = remote };
    g_strlcpy(mapping->external, words[1], sizeof mapping->external);
    model->mapping_count++;
    return true;
}

static bool
check_out(struct model *model, struct nat_bench *bench, int internal, int remote, const char *flags)
{
    int way = find_way(model, internal, remote);
    int connection = way < 0 ? -1 : find_connection(model, way, remote);
    const char *told = nat_bench_tcp(bench, NAT_INSIDE, flags, internals[internal], remotes[remote]);
    g_autoptr(GString) expected = g_string_new(NULL);
    const char *external;
    bool followed = connection >= 0 || asks(flags);

    if (way < 0 && !asks(flags))
        return strcmp(told, "-no-session") == 0;
    if (way < 0) {
        if (!take_mapping(model, told, internal, remote))
            return false;
        way = model->mapping_count - 1;
    }
    external = model->mappings[way].external;
    if (connection >= 0)
        note_segment(model, &model->connections[connection], flags, OUTWARD);
    else if (followed)
        model->preferred[internal][remote] = connection = begin(model, way, remote, OUTWARD);
    if (followed)
        model->connections[connection].sent = true;
    say_passed("out", external, remotes[remote], flags, followed && crossed(model, flags, external, remote), expected);
    return strcmp(told, expected->str) == 0;
}

static void
pass_in(struct model *model, int mapping, int remote, const char *flags, GString *expected)
{
    int connection = find_connection(model, mapping, remote), internal = model->mappings[mapping].internal;
    bool followed = connection >= 0 || asks(flags);

    if (connection >= 0)
        note_segment(model, &model->connections[connection], flags, INWARD);
    else if (followed)
        connection = begin(model, mapping, remote, INWARD);
    if (followed)
        model->preferred[internal][remote] = connection;
    say_passed("in", remotes[remote], internals[internal], flags,
               followed && crossed(model, flags, model->mappings[mapping].external, remote), expected);
}

static bool
check_in(struct model *model, struct nat_bench *bench, int remote, const char *external, const char *flags)
{
    int mapping = find_external(model, external);
    g_autoptr(GString) expected = g_string_new(NULL);

    if (mapping < 0 || !admitted(model, mapping, remote))
        refuse(model, flags, remote, external, mapping >= 0, expected);
    else
        pass_in(model, mapping, remote, flags, expected);
    return strcmp(nat_bench_tcp(bench, NAT_OUTSIDE, flags, remotes[remote], external), expected->str) == 0;
}

/* Time goes on to `at`: the held SYNs get their answers. */
static bool
check_time(struct model *model, struct nat_bench *bench, int64_t at)
{
    g_autoptr(GString) expected = g_string_new(NULL);

    while (model->held_count > 0 && model->held[0].until <= at) {
        g_string_append(expected, expected->len ? "; " : "");
        say_answer(model, "S", model->held[0].remote, model->held[0].external, model->held[0].filtered, expected);
        remove_held(model, 0);
    }
    model->now = at;
    nat_bench_until(bench, at);
    return strcmp(nat_bench_left(bench), expected->str) == 0;
}

static int64_t
draw_time(struct random_stream *random)
{
    uint64_t kind = random_below(random, 64);

    if (kind < 2)
        return (kind ? 200 : 60) * TIME_S - (int64_t)random_below(random, 2);
    return kind < 24 ? (int64_t)random_below(random, 12) * TIME_S : 0;
}

static bool
step(struct model *model, struct nat_bench *bench, struct random_stream *random)
{
    int remote = (int)random_below(random, REMOTES);
    const char *flags = flag_words[random_below(random, G_N_ELEMENTS(flag_words))];
    uint64_t target;
    char text[32];

    if (!check_time(model, bench, model->now + draw_time(random)))
        return false;
    if (random_below(random, 2) == 0)
        return check_out(model, bench, (int)random_below(random, INTERNALS), remote, flags);

    target = random_below(random, 10); /* mostly one of the newest mappings, dead or alive */
    if (target < 8 && (int)target < model->mapping_count)
        g_strlcpy(text, model->mappings[model->mapping_count - 1 - (int)target].external, sizeof text);
    else
        g_snprintf(text, sizeof text, "203.0.113.1:%u", 5000 + (unsigned)random_below(random, 3));
    return check_in(model, bench, remote, text, flags);
}

static void
run(const struct nat_options *options)
{
    struct model *model = g_new0(struct model, 1);
    struct random_stream random;
    struct nat_bench bench;
    g_autofree char *name = g_strdup_printf(
        "mapping %s, filtering %s, refresh %s, refusal %s, affinity %d", nat_dependence_words[options->tcp.mapping],
        nat_dependence_words[options->tcp.filtering], nat_refresh_words[options->tcp.refresh],
        nat_refusal_words[options->tcp.refusal], options->affinity);

    random = random_stream_of(1, name, "segments");
    model->options = *options;
    memset(model->preferred, -1, sizeof model->preferred);
    nat_bench_open_pool(&bench, options, 1);
    bench.world->journal = NULL;
    for (int i = 0; i < SEGMENTS; i++)
        if (!CHECK_ROW(name, step(model, &bench, &random)))
            break;
    CHECK_ROW_INT(name, (int64_t)nat_counts(bench.nat).made, model->mapping_count);
    CHECK_ROW_INT(name, (int64_t)nat_counts(bench.nat).connections, model->connection_count);
    nat_bench_until(&bench, model->now + TIME_MIN);
    nat_bench_close(&bench);
    g_free(model);
}

static void
test_model(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.tcp.timeout = 200 * TIME_S;
    options.tcp_opening = 60 * TIME_S;
    options.tcp_closing = 30 * TIME_S;
    for (options.tcp.mapping = 0; options.tcp.mapping <= NAT_ADDRESS_AND_PORT_DEPENDENT; options.tcp.mapping++)
        for (options.tcp.filtering = 0; options.tcp.filtering <= NAT_ADDRESS_AND_PORT_DEPENDENT; options.tcp.filtering++)
            for (options.tcp.refusal = 0; options.tcp.refusal <= NAT_REFUSE_RESET; options.tcp.refusal++)
                for (int affinity = 0; affinity < 2; affinity++) {
                    options.tcp.refresh = (uint8_t)((options.tcp.refusal + affinity) % 3);
                    options.tcp.ports = (uint8_t)((options.tcp.filtering + affinity) % 3);
                    options.affinity = affinity;
                    run(&options);
                }
}

void
suite_nat_tcp_model(void)
{
    UNIT_SUITE("nat: TCP against a model", NULL, NULL, { "random segments", test_model });
}
