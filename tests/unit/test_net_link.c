#include "core/net/link.h"

#include "core/net/stack.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* Two nodes and one link between them. What is put on a wire is seen by the tap as it arrives. */
struct pair {
    struct world *world;
    struct node *near, *far;
    struct port *port, *peer;
    struct wire *up, *down;
    struct net_journal journal;
    struct net_tap tap;
};

enum { NEAR = 1, FAR };

static struct pair pair;

static void
pair_start(struct pair *pair, uint64_t seed)
{
    *pair = (struct pair){ .world = world_new(seed) };
    pair->near = node_new(pair->world, "near");
    pair->far = node_new(pair->world, "far");
    pair->port = node_connect(pair->near, pair->far, NULL, NULL);
    pair->peer = port_peer(pair->port);
    pair->up = &port_link(pair->port)->up;
    pair->down = &port_link(pair->port)->down;
    CHECK(node_add_address(pair->near, pair->port, net_address("192.0.2.1"), 1, 24));
    CHECK(node_add_address(pair->far, pair->peer, net_address("192.0.2.2"), 1, 24));
    net_journal_start(&pair->journal, pair->world);
    net_tap_start(&pair->tap);
    net_tap_add(&pair->tap, pair->port, NEAR);
    net_tap_add(&pair->tap, pair->peer, FAR);
}

static void
pair_end(struct pair *pair)
{
    net_world_end(pair->world);
    net_journal_end(&pair->journal);
    net_tap_end(&pair->tap);
}

static void
set_up(void)
{
    pair_start(&pair, 1);
}

static void
tear_down(void)
{
    pair_end(&pair);
}

/* A packet of `length` bytes, which the far node drops for want of a socket: nothing comes back for protocol ICMP echo
 * replies. Its identification is `number`. */
static void
put(struct pair *pair, struct wire *wire, unsigned length, unsigned number)
{
    bool up = wire == pair->up;
    g_autoptr(GByteArray) data = net_pattern(length - 28);
    g_autoptr(GByteArray) payload = net_icmp_payload(ICMP_ECHO_REPLY, 0, 1, net_span(data));
    g_autoptr(GByteArray) bytes =
        net_build(&(struct net_template){ .source = net_address(up ? "192.0.2.1" : "192.0.2.2"),
                                          .destination = net_address(up ? "192.0.2.2" : "192.0.2.1"),
                                          .protocol = PROTOCOL_ICMP,
                                          .identification = (uint16_t)number,
                                          .payload = net_span(payload) });

    wire_enter(wire, net_packet(pair->world, net_span(bytes)), up ? pair->near : pair->far,
               up ? pair->port : pair->peer);
}

/* The n-th arrival at the far end (or near end, for `down`). */
static const struct net_seen *
arrival(const struct pair *pair, const struct wire *wire, unsigned n)
{
    return net_tap_at(&pair->tap, wire == pair->up ? FAR : NEAR, CAPTURE_IN, n);
}

static unsigned
arrivals(const struct pair *pair, const struct wire *wire)
{
    return net_tap_count(&pair->tap, wire == pair->up ? FAR : NEAR, CAPTURE_IN);
}

static unsigned
number_of(const struct net_seen *seen)
{
    return (unsigned)(seen->bytes->data[4] << 8 | seen->bytes->data[5]);
}

static struct link_options
plain(void)
{
    return link_defaults;
}

/* --- time ------------------------------------------------------------------------------------------------------- */

/* What a wire makes of packets of these lengths put on it at these times (microseconds): when each arrives, or why
 * not. */
static const struct {
    const char *name;
    uint64_t delay_us, rate, queue;
    struct {
        unsigned at_us, length;
        int64_t arrival_ns; /* < 0: dropped as queue-full */
    } packets[8];
} schedules[] = {
    { "delay only", 5000, 0, 0, { { 0, 100, 5000000 }, { 0, 1000, 5000000 }, { 7, 28, 5007000 } } },
    { "no delay", 0, 0, 0, { { 0, 100, 0 }, { 3, 100, 3000 } } },
    { "a byte a microsecond", 0, 8000000, 0, { { 0, 100, 100000 }, { 0, 100, 200000 }, { 0, 50, 250000 } } },
    { "rate and delay", 1000, 8000000, 0, { { 0, 100, 1100000 }, { 50, 100, 1200000 }, { 500, 100, 1600000 } } },
    { "the line rests between", 0, 8000000, 0, { { 0, 100, 100000 }, { 100, 100, 200000 }, { 201, 100, 301000 } } },
    /* 100 bytes at 3 bit/ns: 266.67 ns; rounded up for each packet */
    { "rounded up", 0, UINT64_C(3000000000), 0, { { 0, 100, 267 }, { 0, 100, 534 }, { 0, 100, 801 } } },
    { "one bit a second", 0, 1, 0, { { 0, 100, 800 * TIME_S } } },
    { "a terabit a second", 0, UINT64_C(1000000000000), 0, { { 0, 1500, 12 }, { 0, 1500, 24 } } },
    /* the first is being sent, two wait, the fourth finds no room (drop-tail) */
    { "a queue of two",
      0,
      8000000,
      200,
      { { 0, 100, 100000 },
        { 0, 100, 200000 },
        { 0, 100, 300000 },
        { 0, 100, -1 },
        { 99, 100, -1 },
        { 100, 100, 400000 },
        { 100, 28, -1 },
        { 200, 100, 500000 } } },
    { "what fits goes",
      0,
      8000000,
      150,
      { { 0, 100, 100000 }, { 0, 100, 200000 }, { 0, 100, -1 }, { 0, 50, 250000 }, { 0, 28, -1 } } },
    { "a queue smaller than a packet: only an idle line takes one",
      0,
      8000000,
      50,
      { { 0, 100, 100000 }, { 0, 100, -1 }, { 99, 100, -1 }, { 100, 100, 200000 } } },
    { "a queue without a rate", 1000, 0, 50, { { 0, 100, 1000000 }, { 0, 100, 1000000 } } },
};

static void
play_schedule(size_t row, struct pair *pair, struct wire *wire)
{
    unsigned expected = 0;
    struct link_options options = plain();

    options.delay = (int64_t)schedules[row].delay_us * TIME_US;
    options.rate = schedules[row].rate;
    options.queue = schedules[row].queue;
    wire_set(wire, &options);
    for (unsigned i = 0; i < 8 && schedules[row].packets[i].length; i++) {
        world_run(pair->world, schedules[row].packets[i].at_us * TIME_US);
        put(pair, wire, schedules[row].packets[i].length, i);
    }
    net_run(pair->world, 1000 * TIME_S);
    for (unsigned i = 0; i < 8 && schedules[row].packets[i].length; i++) {
        const struct net_seen *seen;

        if (schedules[row].packets[i].arrival_ns < 0)
            continue;
        seen = arrival(pair, wire, expected++);
        if (!CHECK_ROW(schedules[row].name, seen != NULL))
            continue;
        CHECK_ROW_UINT(schedules[row].name, number_of(seen), i);
        CHECK_ROW_INT(schedules[row].name, seen->at, schedules[row].packets[i].arrival_ns);
    }
    CHECK_ROW_UINT(schedules[row].name, arrivals(pair, wire), expected);
    CHECK_ROW_UINT(schedules[row].name, wire->packets, expected);
}

static void
test_schedules(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(schedules); i++)
        for (unsigned down = 0; down < 2; down++) {
            struct pair own;
            unsigned packets = 0, got;

            pair_start(&own, 1);
            play_schedule(i, &own, down ? own.down : own.up);
            got = arrivals(&own, down ? own.down : own.up);
            while (packets < 8 && schedules[i].packets[packets].length)
                packets++;
            CHECK_ROW_UINT(schedules[i].name, net_journal_count(&own.journal, &link_dropped_kind, DROP_QUEUE_FULL),
                           packets - got);
            /* what the queue did not take was not on the wire: the capture does not show it */
            CHECK_ROW_UINT(schedules[i].name, net_tap_count(&own.tap, down ? FAR : NEAR, CAPTURE_OUT), got);
            pair_end(&own);
        }
}

/* --- loss ------------------------------------------------------------------------------------------------------- */

/* Puts `count` packets on `up`, one a millisecond, and tells which arrived when, in order of arrival, as text. */
static char *
play(uint64_t seed, const struct link_options *options, unsigned count)
{
    GString *out = g_string_new(NULL);
    struct pair own;

    pair_start(&own, seed);
    wire_set(own.up, options);
    for (unsigned i = 0; i < count; i++) {
        world_run(own.world, i * TIME_MS);
        put(&own, own.up, 100, i);
    }
    net_run(own.world, 100 * TIME_S);
    for (guint i = 0; i < own.tap.seen->len; i++) {
        const struct net_seen *seen = &g_array_index(own.tap.seen, struct net_seen, i);

        if (seen->interface == FAR && seen->direction == CAPTURE_IN)
            g_string_append_printf(out, "%u@%" PRId64 " ", number_of(seen), seen->at);
    }
    pair_end(&own);
    return g_string_free(out, FALSE);
}

static unsigned
words_in(const char *text)
{
    unsigned count = 0;

    for (; *text; text++)
        count += *text == ' ';
    return count;
}

static const struct {
    const char *name;
    double share;
    unsigned least, most; /* arrivals of 10000; five standard deviations around the mean */
} losses[] = {
    { "none", 0, 10000, 10000 },     { "1 %", 0.01, 9850, 9950 }, { "10 %", 0.1, 8850, 9150 },
    { "one half", 0.5, 4750, 5250 }, { "90 %", 0.9, 850, 1150 },  { "all", 1, 0, 0 },
};

static void
test_loss(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(losses); i++) {
        struct link_options options = plain();
        g_autofree char *one = NULL, *same = NULL, *other = NULL;

        options.loss = chance_of(losses[i].share);
        one = play(1, &options, 10000);
        CHECK_ROW(losses[i].name, words_in(one) >= losses[i].least && words_in(one) <= losses[i].most);
        if (losses[i].share == 0 || losses[i].share == 1)
            continue;
        same = play(1, &options, 500);
        CHECK_ROW(losses[i].name, strncmp(one, same, strlen(same)) == 0); /* the same seed, the same losses */
        other = play(2, &options, 500);
        CHECK_ROW(losses[i].name, strcmp(same, other) != 0);
    }
}

/* Lost packets have been on the wire: the sender's capture shows them, and they occupied the line. */
static void
test_lost_occupy_the_line(void)
{
    struct link_options options = plain();

    options.delay = 0;
    options.rate = 8000000;
    options.fault_count = 1;
    options.faults = &(struct link_fault){ .packet = 1, .lose = true };
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 0);
    put(&pair, pair.up, 100, 1);
    net_run(pair.world, TIME_S);
    CHECK_ROW_UINT("shown", net_tap_count(&pair.tap, NEAR, CAPTURE_OUT), 2);
    CHECK_ROW_UINT("arrived", arrivals(&pair, pair.up), 1);
    if (arrival(&pair, pair.up, 0))
        CHECK_ROW_INT("behind the lost one", arrival(&pair, pair.up, 0)->at, 200 * TIME_US);
    CHECK_ROW_UINT("counted", pair.up->packets, 2);
    CHECK_ROW_UINT("at the sender", node_dropped(pair.near, DROP_LINK_FAULT), 1);
}

/* --- duplication, jitter, reordering ---------------------------------------------------------------------------- */

static void
test_duplicate(void)
{
    struct link_options options = plain();
    g_autofree char *all = NULL, *some = NULL;

    options.duplicate = CHANCE_ALWAYS;
    all = play(1, &options, 3);
    CHECK_ROW_TEXT("all", all, "0@100000 0@100000 1@1100000 1@1100000 2@2100000 2@2100000 ");
    options.duplicate = chance_of(0.25);
    some = play(1, &options, 4000);
    CHECK(words_in(some) > 4000 + 860 && words_in(some) < 4000 + 1140); /* five standard deviations of 27 */

    options.duplicate = CHANCE_ALWAYS;
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 0);
    CHECK_ROW_UINT("told", net_journal_count(&pair.journal, &link_duplicated_kind, DROP_NONE), 1);
    CHECK_ROW_UINT("alive", pair.world->packets_alive, 2);
    net_run(pair.world, TIME_S);
    if (arrival(&pair, pair.up, 1))
        CHECK_ROW_UINT("one name", arrival(&pair, pair.up, 0)->packet, arrival(&pair, pair.up, 1)->packet);
    CHECK_ROW_UINT("shown once", net_tap_count(&pair.tap, NEAR, CAPTURE_OUT), 1);
    /* the copy is delayed by dice of its own */
    options.jitter = TIME_S;
    options.reorder = CHANCE_ALWAYS;
    wire_set(pair.up, &options);
    net_tap_clear(&pair.tap);
    put(&pair, pair.up, 100, 0);
    net_run(pair.world, 2 * TIME_S);
    if (CHECK(arrivals(&pair, pair.up) == 2))
        CHECK(arrival(&pair, pair.up, 0)->at != arrival(&pair, pair.up, 1)->at);
}

/* What came of a play: in what order, and within what bounds. `delays` counts from the packet's millisecond. */
static void
check_play(const char *row, const char *text, bool ordered, int64_t least, int64_t most, bool spread)
{
    g_auto(GStrv) words = g_strsplit(text, " ", -1);
    int64_t smallest = TIME_NEVER, largest = 0, last = -1;
    bool in_order = true;

    for (unsigned i = 0; words[i] && *words[i]; i++) {
        int64_t number = g_ascii_strtoll(words[i], NULL, 10);
        int64_t delay = g_ascii_strtoll(strchr(words[i], '@') + 1, NULL, 10) - number * TIME_MS;

        in_order &= number > last;
        last = number;
        smallest = MIN(smallest, delay);
        largest = MAX(largest, delay);
    }
    CHECK_ROW(row, in_order == ordered);
    CHECK_ROW(row, smallest >= least && largest <= most);
    if (spread) /* the draws reach both ends */
        CHECK_ROW(row, smallest < least + (most - least) / 10 && largest > most - (most - least) / 10);
}

static const struct {
    const char *name;
    int64_t delay, jitter;
    double reorder;
    bool ordered;
    int64_t least, most;
    bool spread;
} jitters[] = {
    { "no jitter", 20 * TIME_MS, 0, 0, true, 20 * TIME_MS, 20 * TIME_MS, false },
    { "jitter keeps the order", 20 * TIME_MS, 10 * TIME_MS, 0, true, 20 * TIME_MS, 30 * TIME_MS, false },
    { "jitter below the spacing", 20 * TIME_MS, TIME_MS / 2, 0, true, 20 * TIME_MS, 20 * TIME_MS + TIME_MS / 2, true },
    { "jitter without order", 20 * TIME_MS, 10 * TIME_MS, 1, false, 20 * TIME_MS, 30 * TIME_MS, true },
    { "some without order", 20 * TIME_MS, 10 * TIME_MS, 0.3, false, 20 * TIME_MS, 30 * TIME_MS, false },
    { "reordering without jitter", 20 * TIME_MS, 0, 0.3, false, 20 * TIME_MS, 40 * TIME_MS, true },
    { "at least 1 ms", 0, 0, 0.3, true, 0, TIME_MS, true },
};

static void
test_jitter(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(jitters); i++) {
        struct link_options options = plain();
        g_autofree char *text = NULL, *again = NULL;

        options.delay = jitters[i].delay;
        options.jitter = jitters[i].jitter;
        options.reorder = chance_of(jitters[i].reorder);
        text = play(1, &options, 1000);
        again = play(1, &options, 1000);
        CHECK_ROW_UINT(jitters[i].name, words_in(text), 1000);
        CHECK_ROW_TEXT(jitters[i].name, text, again);
        check_play(jitters[i].name, text, jitters[i].ordered, jitters[i].least, jitters[i].most, jitters[i].spread);
    }
}

/* --- one impairment moves no other's dice ----------------------------------------------------------------------- */

/* What a play looks like to one impairment: by packet how often it came ("1", "2"), or when, if it came once only. */
static GHashTable *
read_play(const char *text, bool times)
{
    GHashTable *table = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    g_auto(GStrv) words = g_strsplit(text, " ", -1);

    for (unsigned i = 0; words[i] && *words[i]; i++) {
        g_auto(GStrv) parts = g_strsplit(words[i], "@", 2);
        bool again = g_hash_table_contains(table, parts[0]);

        g_hash_table_insert(table, g_strdup(parts[0]), g_strdup(again ? "2" : times ? parts[1] : "1"));
    }
    return table;
}

/* How many of the packets in both plays had something else happen to them. */
static unsigned
differences(const char *one, const char *other, bool times)
{
    g_autoptr(GHashTable) a = read_play(one, times), b = read_play(other, times);
    unsigned count = 0;
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, a);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        const char *there = g_hash_table_lookup(b, key);

        if (there && !(times && (strcmp(there, "2") == 0 || strcmp(value, "2") == 0)))
            count += strcmp(there, value) != 0;
    }
    return count;
}

static struct link_options
impaired(const char *what)
{
    static const struct link_fault faults[] = { { .packet = 5, .lose = true },
                                                { .packet = 9, .duplicate = true },
                                                { .packet = 11, .lose = true } };
    struct link_options options = plain();

    options.delay = 20 * TIME_MS;
    if (strchr(what, 'l'))
        options.loss = chance_of(0.2);
    if (strchr(what, 'd'))
        options.duplicate = chance_of(0.2);
    if (strchr(what, 'j'))
        options.jitter = TIME_MS / 2; /* below the spacing: no packet is held up by another */
    if (strchr(what, 'r'))
        options.reorder = chance_of(0.2);
    if (strchr(what, 'f')) {
        options.faults = faults;
        options.fault_count = G_N_ELEMENTS(faults);
    }
    return options;
}

static const struct {
    const char *name, *without, *with;
} dice_rows[] = {
    { "loss moves no jitter", "j", "lj" },           { "duplication moves no jitter", "j", "dj" },
    { "the fault list moves no jitter", "j", "fj" }, { "all that moves no jitter", "j", "ldrfj" },
    { "loss moves no reordering", "r", "lr" },       { "the fault list moves no reordering", "r", "fr" },
};

static void
test_dice(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(dice_rows); i++) {
        struct link_options without = impaired(dice_rows[i].without), with = impaired(dice_rows[i].with);
        g_autofree char *one = play(1, &without, 300), *other = play(1, &with, 300);

        CHECK_ROW(dice_rows[i].name, strcmp(one, other) != 0);
        CHECK_ROW_UINT(dice_rows[i].name, differences(one, other, true), 0);
    }
}

/* The set of packets that arrived; `other` may only lack what its own impairments took. */
static void
test_loss_dice(void)
{
    static const char *const others[] = { "ld", "lj", "lr", "lf", "ldjrf" };
    struct link_options alone = impaired("l");
    g_autofree char *one = play(1, &alone, 300);
    g_autoptr(GHashTable) lost_alone = read_play(one, false);

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        struct link_options options = impaired(others[i]);
        g_autofree char *text = play(1, &options, 300);
        g_autoptr(GHashTable) table = read_play(text, false);
        unsigned other_fate = 0;

        for (unsigned n = 0; n < 300; n++) {
            g_autofree char *key = g_strdup_printf("%u", n);
            bool fault = strchr(others[i], 'f') && (n == 4 || n == 10);

            other_fate += !fault && g_hash_table_contains(table, key) != g_hash_table_contains(lost_alone, key);
        }
        CHECK_ROW_UINT(others[i], other_fate, 0);
    }
}

/* Who comes twice is the same, whatever else is on. */
static void
test_duplicate_dice(void)
{
    static const char *const others[] = { "dj", "dl", "dr", "dljr" };
    struct link_options alone = impaired("d");
    g_autofree char *one = play(1, &alone, 300);

    for (size_t i = 0; i < G_N_ELEMENTS(others); i++) {
        struct link_options options = impaired(others[i]);
        g_autofree char *text = play(1, &options, 300);

        CHECK_ROW_UINT(others[i], differences(one, text, false), 0);
    }
}

/* The two directions of a link, and two links alike, have dice of their own. */
static void
test_own_dice(void)
{
    struct link_options options = plain();
    GString *ups = g_string_new(NULL), *downs = g_string_new(NULL);

    options.loss = chance_of(0.5);
    wire_set(pair.up, &options);
    wire_set(pair.down, &options);
    for (unsigned i = 0; i < 100; i++) {
        uint64_t up = node_dropped(pair.near, DROP_LINK_LOSS), down = node_dropped(pair.far, DROP_LINK_LOSS);

        put(&pair, pair.up, 100, i);
        put(&pair, pair.down, 100, i);
        g_string_append_c(ups, node_dropped(pair.near, DROP_LINK_LOSS) > up ? 'x' : '.');
        g_string_append_c(downs, node_dropped(pair.far, DROP_LINK_LOSS) > down ? 'x' : '.');
    }
    CHECK(strcmp(ups->str, downs->str) != 0);
    g_string_free(ups, TRUE);
    g_string_free(downs, TRUE);
}

/* --- fault lists ------------------------------------------------------------------------------------------------ */

static void
test_faults(void)
{
    static const struct link_fault faults[] = {
        { .packet = 2, .lose = true },
        { .packet = 3, .delay = 5 * TIME_MS }, /* overtaken by 4 */
        { .packet = 5, .duplicate = true },
        { .packet = 7, .duplicate = true, .delay = 3 * TIME_MS },
    };
    struct link_options options = plain();
    g_autofree char *text = NULL;

    options.fault_count = G_N_ELEMENTS(faults);
    options.faults = faults;
    text = play(1, &options, 8);
    /* numbers from 0, ordinals from 1; one a millisecond, 0.1 ms delay; the copy of the seventh is not late */
    CHECK_ROW_TEXT("faults", text,
                   "0@100000 3@3100000 4@4100000 4@4100000 5@5100000 6@6100000 2@7100000 7@7100000 6@9100000 ");
}

/* Ordinals count what entered, from the beginning of the wire, also before there was a list. */
static void
test_fault_ordinals(void)
{
    struct link_options options = plain();

    put(&pair, pair.up, 100, 0);
    put(&pair, pair.up, 100, 1);
    options.fault_count = 1;
    options.faults = &(struct link_fault){ .packet = 3, .lose = true };
    wire_set(pair.up, &options);
    for (unsigned i = 2; i < 5; i++)
        put(&pair, pair.up, 100, i);
    put(&pair, pair.down, 100, 9); /* the other direction is another wire */
    net_run(pair.world, TIME_S);
    CHECK_ROW_UINT("arrived", arrivals(&pair, pair.up), 4);
    CHECK_ROW_UINT("the third did not", number_of(arrival(&pair, pair.up, 2)), 3);
    CHECK_ROW_UINT("down", arrivals(&pair, pair.down), 1);
    CHECK_ROW_UINT("told", net_journal_count(&pair.journal, &link_dropped_kind, DROP_LINK_FAULT), 1);
}

/* Fault lists, and what waits for a line (lost packets too), count in the world's memory until they are given back. */
static void
test_memory(void)
{
    static struct link_fault faults[1000];
    const struct memory *memory = &pair.world->memory;
    struct link_options options = plain();
    uint64_t before = memory->of[MEMORY_LINKS];

    for (unsigned i = 0; i < G_N_ELEMENTS(faults); i++)
        faults[i] = (struct link_fault){ .packet = i + 1, .lose = true };
    options.faults = faults;
    options.fault_count = G_N_ELEMENTS(faults);
    for (unsigned i = 0; i < 3; i++) {
        wire_set(pair.up, &options);
        CHECK_ROW_UINT("a list", memory->of[MEMORY_LINKS] - before, sizeof faults);
    }
    options.fault_count = 0;
    options.rate = 1;
    options.loss = CHANCE_ALWAYS;
    wire_set(pair.up, &options);
    CHECK_ROW_UINT("none", memory->of[MEMORY_LINKS], before);
    for (unsigned i = 0; i < 1000; i++)
        put(&pair, pair.up, 100, i);
    CHECK_ROW("what waits", memory->of[MEMORY_LINKS] - before >= 1000 * 16);
    wire_free(pair.up);
    CHECK_ROW_UINT("given back", memory->of[MEMORY_LINKS], before);
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

static void
test_change_touches_later(void)
{
    struct link_options options = plain();

    options.delay = 100 * TIME_MS;
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 0);
    options.loss = CHANCE_ALWAYS;
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 1);
    options.loss = 0;
    options.delay = 200 * TIME_MS;
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 2);
    options.delay = 10 * TIME_MS; /* shorter, but the order is kept */
    wire_set(pair.up, &options);
    put(&pair, pair.up, 100, 3);
    world_run(pair.world, 300 * TIME_MS);
    put(&pair, pair.up, 100, 4);
    net_run(pair.world, TIME_S);
    CHECK_ROW_UINT("arrived", arrivals(&pair, pair.up), 4);
    CHECK_ROW_INT("as it was", arrival(&pair, pair.up, 0)->at, 100 * TIME_MS);
    CHECK_ROW_INT("as it is", arrival(&pair, pair.up, 1)->at, 200 * TIME_MS);
    CHECK_ROW_INT("in order", arrival(&pair, pair.up, 2)->at, 200 * TIME_MS);
    CHECK_ROW_UINT("in order", number_of(arrival(&pair, pair.up, 2)), 3);
    CHECK_ROW_INT("then short", arrival(&pair, pair.up, 3)->at, 310 * TIME_MS);
}

static void
test_off(void)
{
    struct link_options options = plain();

    options.delay = 10 * TIME_S;
    options.rate = 8000;
    wire_set(pair.up, &options);
    options.rate = 0;
    wire_set(pair.down, &options);
    put(&pair, pair.up, 1000, 0);
    put(&pair, pair.up, 1000, 1);
    put(&pair, pair.down, 1000, 2);
    world_run(pair.world, TIME_MS);
    options.off = true;
    wire_set(pair.up, &options);
    CHECK_ROW_UINT("what was under way ended", node_dropped(pair.near, DROP_LINK_DOWN), 2);
    CHECK_ROW_UINT("told", net_journal_count(&pair.journal, &link_dropped_kind, DROP_LINK_DOWN), 2);
    CHECK_ROW_UINT("not the other direction", pair.world->packets_alive, 1);
    CHECK(net_balanced(pair.world));
    put(&pair, pair.up, 1000, 3);
    CHECK_ROW_UINT("nothing enters", node_dropped(pair.near, DROP_LINK_DOWN), 3);
    CHECK_ROW_UINT("nor is shown", net_tap_count(&pair.tap, NEAR, CAPTURE_OUT), 2);
    /* on again, and nothing of what ended holds anybody up: neither the line nor the order */
    options.off = false;
    options.delay = TIME_MS;
    options.rate = 8000000;
    wire_set(pair.up, &options);
    put(&pair, pair.up, 1000, 4);
    net_run(pair.world, 20 * TIME_S);
    CHECK_ROW_UINT("arrived", arrivals(&pair, pair.up), 1);
    CHECK_ROW_INT("at once", arrival(&pair, pair.up, 0)->at, 3 * TIME_MS);
    CHECK_ROW_INT("down", arrival(&pair, pair.down, 0)->at, 10 * TIME_S);
}

/* A link can be made switched off, and delays near the end of time do no harm. */
static void
test_extremes(void)
{
    struct link_options off = plain(), late = plain();
    struct node *other = node_new(pair.world, "other");
    struct port *port;

    off.off = true;
    port = node_connect(pair.near, other, &off, NULL);
    CHECK(wire_options(&port_link(port)->up)->off && !wire_options(&port_link(port)->down)->off);

    put(&pair, pair.up, 100, 0);
    net_run(pair.world, TIME_S);
    late.delay = TIME_NEVER;
    port = node_connect(pair.near, other, &late, &late);
    wire_enter(&port_link(port)->up, net_packet(pair.world, span_of_text("x")), pair.near, NULL);
    late.jitter = TIME_NEVER - 1;
    late.rate = 1;
    wire_set(pair.up, &late);
    put(&pair, pair.up, 65000, 0);
    net_run(pair.world, TIME_S);
    CHECK_ROW_UINT("under way", pair.world->packets_alive, 2);
    wire_clear(pair.up);
    wire_clear(&port_link(port)->up);
    CHECK_ROW_UINT("ended", pair.world->packets_alive, 0);
}

/* A world may end with packets under way. */
static void
test_freed_under_way(void)
{
    struct pair own;
    struct link_options options = plain();

    pair_start(&own, 1);
    put(&own, own.up, 100, 0);
    options.jitter = 1;
    wire_set(own.down, &options);
    put(&own, own.down, 65000, 0);
    CHECK_ROW_UINT("under way", own.world->packets_alive, 2);
    world_free(own.world);
    net_journal_end(&own.journal);
    net_tap_end(&own.tap);
}

static void
test_names(void)
{
    char text[64];

    CHECK_ROW_TEXT("up", wire_name(pair.up, text, sizeof text), "near-far up");
    CHECK_ROW_TEXT("down", wire_name(pair.down, text, sizeof text), "near-far down");
}

void
suite_net_link(void)
{
    UNIT_SUITE("link", set_up, tear_down, { "exact times", test_schedules }, { "loss", test_loss },
               { "lost ones occupy the line", test_lost_occupy_the_line }, { "duplication", test_duplicate },
               { "jitter and order", test_jitter }, { "dice of delays", test_dice }, { "dice of loss", test_loss_dice },
               { "dice of duplication", test_duplicate_dice }, { "each wire its own dice", test_own_dice },
               { "fault list", test_faults }, { "ordinals of faults", test_fault_ordinals },
               { "memory", test_memory },
               { "changes touch later packets", test_change_touches_later }, { "switched off", test_off },
               { "extremes", test_extremes }, { "freed under way", test_freed_under_way }, { "names", test_names });
}
