/* Two machines over a toy network. */
#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define LIMIT (60 * TIME_S)

/* What a direct path needs: that one side's mapping is the same for every destination, or that there is no filter. */
static const struct {
    const char *name;
    enum toy_nat a, b;
    bool relay_a, relay_b;
    const char *own, *peer; /* types at the controlling end and at the controlled one */
} rows[] = {
    { "open, open", TOY_OPEN, TOY_OPEN, false, false, "host", "host" },
    { "cone, open", TOY_CONE, TOY_OPEN, false, false, "srflx", "host" },
    { "open, cone", TOY_OPEN, TOY_CONE, false, false, "host", "srflx" },
    { "cone, cone", TOY_CONE, TOY_CONE, false, false, "srflx", "srflx" },
    { "symmetric, open", TOY_SYMMETRIC, TOY_OPEN, false, false, "prflx", "host" },
    { "open, symmetric", TOY_OPEN, TOY_SYMMETRIC, false, false, "host", "prflx" },
    { "cone, cone, relays not needed", TOY_CONE, TOY_CONE, true, true, "srflx", "srflx" },
    { "symmetric, cone, one relay", TOY_SYMMETRIC, TOY_CONE, true, false, "relay", "srflx" },
    { "symmetric, symmetric, one relay", TOY_SYMMETRIC, TOY_SYMMETRIC, false, true, "prflx", "relay" },
    { "symmetric, symmetric, two relays", TOY_SYMMETRIC, TOY_SYMMETRIC, true, true, NULL, NULL },
    { "blocked, cone, one relay", TOY_BLOCKED, TOY_CONE, true, false, "relay", "srflx" },
    { "blocked, blocked, two relays", TOY_BLOCKED, TOY_BLOCKED, true, true, "relay", "relay" },
};

static void
check_row(size_t i, bool trickle)
{
    struct toy_options options = toy_defaults();
    struct toy *toy;

    options.nat[0] = rows[i].a;
    options.nat[1] = rows[i].b;
    options.relay[0] = rows[i].relay_a;
    options.relay[1] = rows[i].relay_b;
    options.trickle = trickle;
    toy = toy_new(&options);
    if (CHECK_ROW(rows[i].name, toy_run(toy, ICE_COMPLETED, LIMIT))) {
        CHECK_ROW(rows[i].name, toy_agrees(toy));
        CHECK_ROW(rows[i].name, toy_now(toy) < 4 * TIME_S);
        if (rows[i].own) {
            CHECK_ROW_TEXT(rows[i].name, toy_own_type(toy, 0), rows[i].own);
            CHECK_ROW_TEXT(rows[i].name, toy_own_type(toy, 1), rows[i].peer);
        }
    }
    toy_free(toy);
}

static void
test_paths(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        check_row(i, false);
}

static void
test_trickled(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        check_row(i, true);
}

/* ---- loss */

static bool
connects(const char *name, const struct toy_options *options, int64_t limit)
{
    struct toy *toy = toy_new(options);
    bool held = CHECK_ROW(name, toy_run(toy, ICE_COMPLETED, limit)) && CHECK_ROW(name, toy_agrees(toy)) &&
                CHECK_ROW(name, ice_session_is_controlling(toy_session(toy, 0)) !=
                                    ice_session_is_controlling(toy_session(toy, 1)));

    toy_free(toy);
    return held;
}

/* A hundred seeds with 10 % loss and 50 ms jitter over every row. */
static void
test_loss(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        for (uint64_t seed = 1; seed <= 100; seed++) {
            struct toy_options options = toy_defaults();

            options.nat[0] = rows[i].a;
            options.nat[1] = rows[i].b;
            options.relay[0] = rows[i].relay_a;
            options.relay[1] = rows[i].relay_b;
            options.loss_percent = 10;
            options.jitter = 50 * TIME_MS;
            options.seed = seed;
            options.trickle = seed % 2;
            (void)connects(rows[i].name, &options, LIMIT);
        }
    }
}

static struct toy_fault
fault_of(unsigned packet, unsigned kind)
{
    return (struct toy_fault){
        .packet = packet, .lose = kind == 0, .delay = kind == 1 ? 300 * TIME_MS : 0, .twice = kind == 2
    };
}

/* Between two port-restricted NATs: each of the first twelve packets lost, late or doubled, and each pair of such
 * faults. */
static void
test_faults(void)
{
    struct toy_options options = toy_defaults();
    unsigned runs = 0;

    options.nat[0] = options.nat[1] = TOY_CONE;
    for (unsigned first = 0; first < 36; first++) {
        for (unsigned second = first; second < 36; second++) {
            g_autofree char *name = g_strdup_printf("packet %u fault %u, packet %u fault %u", first / 3 + 1, first % 3,
                                                    second / 3 + 1, second % 3);

            if (second > first && second / 3 == first / 3)
                continue;
            options.faults[0] = fault_of(first / 3 + 1, first % 3);
            options.faults[1] = fault_of(second / 3 + 1, second % 3);
            (void)connects(name, &options, 10 * TIME_S);
            runs++;
        }
    }
    CHECK_ROW_INT("runs", runs, 36 + 12 * 11 / 2 * 9);
    printf("systematic faults, two machines: %u runs\n", runs);
}

/* ---- roles */

static void
test_conflicts(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct toy_options options = toy_defaults();

        options.nat[0] = options.nat[1] = TOY_CONE;
        options.seed = seed;
        options.ice[0].controlling = options.ice[1].controlling = seed % 2;
        (void)connects(seed % 2 ? "both controlling" : "both controlled", &options, 5 * TIME_S);
    }
}

/* An agent of RFC 5245 nominates with every check (section 8.1.1.2). */
static void
test_aggressive(void)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct toy_options options = toy_defaults();
        struct toy *toy;

        options.nat[0] = seed % 4 < 2 ? TOY_CONE : TOY_OPEN;
        options.nat[1] = TOY_CONE;
        options.relay[0] = options.relay[1] = true;
        options.ice[seed % 2].aggressive = true;
        options.ice[seed % 2].controlling = true;
        options.ice[!(seed % 2)].controlling = false;
        options.aggressive_words[seed % 2] = true;
        options.seed = seed;
        options.loss_percent = seed > 20 ? 10 : 0;
        toy = toy_new(&options);
        CHECK_ROW("completes", toy_run(toy, ICE_COMPLETED, LIMIT));
        toy_run_until(toy, toy_now(toy) + 3 * TIME_S);
        CHECK_ROW("settles", toy_agrees(toy));
        toy_free(toy);
    }
}

static void
test_lite(void)
{
    struct toy_options options = toy_defaults();

    options.nat[0] = TOY_SYMMETRIC;
    options.ice[1].lite = true;
    (void)connects("full and lite", &options, 5 * TIME_S);
    options.ice[0].controlling = false;
    options.ice[1].controlling = true;
    (void)connects("the lite one initiates", &options, 5 * TIME_S);
}

static void
test_components(void)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct toy_options options = toy_defaults();

        options.nat[0] = TOY_CONE;
        options.nat[1] = seed % 2 ? TOY_CONE : TOY_SYMMETRIC;
        options.relay[0] = options.relay[1] = true;
        options.ice[0].components = options.ice[1].components = 2;
        options.loss_percent = 10;
        options.seed = seed;
        (void)connects("two components", &options, LIMIT);
    }
}

static void
test_lan(void)
{
    struct toy_options options = toy_defaults();
    struct toy *toy;

    options.nat[0] = options.nat[1] = TOY_CONE;
    options.same_lan = true;
    toy = toy_new(&options);
    CHECK_ROW("connects", toy_run(toy, ICE_COMPLETED, TIME_S));
    CHECK_ROW_TEXT("own", toy_own_type(toy, 0), "host");
    CHECK_ROW_TEXT("peer", toy_own_type(toy, 1), "host");
    toy_free(toy);
}

/* ---- afterwards */

static void
test_consent(void)
{
    struct toy_options options = toy_defaults();
    struct toy *toy;
    int64_t cut;

    options.nat[0] = options.nat[1] = TOY_CONE;
    toy = toy_new(&options);
    CHECK_ROW("connects", toy_run(toy, ICE_COMPLETED, LIMIT));
    toy_run_until(toy, 10 * TIME_MIN);
    CHECK_ROW("lasts", toy_agrees(toy));
    toy_cut(toy, true);
    cut = toy_now(toy);
    toy_run_until(toy, cut + 23 * TIME_S);
    CHECK_ROW_INT("not yet", ice_session_state(toy_session(toy, 0)), ICE_COMPLETED);
    CHECK_ROW("fails", toy_run(toy, ICE_FAILED, cut + 31 * TIME_S));
    toy_cut(toy, false);
    toy_run_until(toy, cut + 5 * TIME_MIN);
    CHECK_ROW_INT("for good", ice_session_state(toy_session(toy, 0)), ICE_FAILED);

    ice_session_restart(toy_session(toy, 0), toy_now(toy));
    ice_session_restart(toy_session(toy, 1), toy_now(toy));
    toy_signal(toy);
    CHECK_ROW("until a restart", toy_run(toy, ICE_COMPLETED, toy_now(toy) + 5 * TIME_S) && toy_agrees(toy));
    toy_free(toy);
}

/* A restart in the middle of a call: the old path carries data, and its consent holds, until the new one stands. */
static void
test_restart(void)
{
    struct toy_options options = toy_defaults();
    struct ice_path path;
    struct toy *toy;

    options.nat[0] = TOY_CONE;
    options.nat[1] = TOY_SYMMETRIC;
    options.relay[0] = true;
    toy = toy_new(&options);
    CHECK_ROW("connects", toy_run(toy, ICE_COMPLETED, LIMIT));
    for (int i = 0; i < 4; i++) {
        ice_session_restart(toy_session(toy, 0), toy_now(toy));
        ice_session_restart(toy_session(toy, 1), toy_now(toy));
        for (unsigned end = 0; end < 2; end++)
            CHECK_ROW("the old path", ice_session_path(toy_session(toy, end), 0, 1, &path) && path.selected);
        toy_run_until(toy, toy_now(toy) + 40 * TIME_S); /* longer than consent lasts */
        for (unsigned end = 0; end < 2; end++)
            CHECK_ROW("holds", ice_session_path(toy_session(toy, end), 0, 1, &path) && path.selected);
        toy_signal(toy);
        CHECK_ROW("connects again", toy_run(toy, ICE_COMPLETED, toy_now(toy) + 10 * TIME_S));
        CHECK_ROW("agrees", toy_agrees(toy));
    }
    toy_free(toy);
}

/* The spacing of new checks, of both ends, over a whole session: at least Ta (RFC 8445 section 6.1.4.2). */
static void
test_spacing(void)
{
    struct toy_options options = toy_defaults();
    int64_t last[2] = { -TIME_S, -TIME_S };
    const struct toy_sent *log;
    struct toy *toy;
    size_t count;

    options.nat[0] = options.nat[1] = TOY_SYMMETRIC;
    options.relay[0] = options.relay[1] = true;
    options.loss_percent = 20;
    toy = toy_new(&options);
    toy_run_until(toy, 20 * TIME_S);
    log = toy_log(toy, &count);
    for (size_t i = 0; i < count; i++) {
        if (log[i].type != ICE_ORDER_CHECK)
            continue;
        CHECK_ROW("Ta", log[i].at - last[log[i].end] >= 50 * TIME_MS);
        last[log[i].end] = log[i].at;
    }
    CHECK_ROW("both have checked", last[0] > 0 && last[1] > 0);
    toy_free(toy);
}

void
suite_ice_pair(void)
{
    UNIT_SUITE("ice_pair", NULL, NULL, { "paths", test_paths }, { "trickled", test_trickled }, { "loss", test_loss },
               { "faults", test_faults }, { "role conflicts", test_conflicts }, { "aggressive", test_aggressive },
               { "lite", test_lite }, { "components", test_components }, { "same LAN", test_lan },
               { "consent", test_consent }, { "restart", test_restart }, { "spacing", test_spacing });
}
