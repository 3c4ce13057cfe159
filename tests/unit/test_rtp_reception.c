/* What a receiver knows of a source: RFC 3550 appendices A.1, A.3 and A.8, and late packets. */
#include "tests/unit/support.h"

#include "core/base/random.h"
#include "core/base/time.h"
#include "proto/rtp/reception.h"

#define PLAYOUT (60 * TIME_MS)

static struct rtp_reception the;

static void
set_up(void)
{
    rtp_reception_begin(&the, 7, 8000, PLAYOUT);
}

/* A packet of 160 bytes whose timestamp fits its number, at 20 ms a packet plus `delay`. */
static enum rtp_taken
take(unsigned sequence, int64_t delay)
{
    struct rtp_packet packet = {
        .sequence = (uint16_t)sequence, .timestamp = sequence * 160, .ssrc = 7, .payload = { NULL, 160 }
    };

    return rtp_reception_take(&the, &packet, (int64_t)sequence * 20 * TIME_MS + delay);
}

/* --- sequence numbers -------------------------------------------------------------------------------------------- */

static const char *const words[] = {
    [RTP_TAKEN] = "t",           [RTP_TAKEN_PROBATION] = "p", [RTP_TAKEN_VALID] = "v",   [RTP_TAKEN_REORDERED] = "r",
    [RTP_TAKEN_DUPLICATE] = "d", [RTP_TAKEN_JUMP] = "j",      [RTP_TAKEN_RESTART] = "s",
};

static const struct {
    const char *name;
    unsigned sequences[12]; /* ends with END */
    const char *taken;
    unsigned expected, lost, duplicates, reordered, restarts;
} rows[] = {
#define END 99999
    { "in order", { 10, 11, 12, 13, END }, "pvtt", 4, 0, 0, 0, 0 },
    { "one packet is not believed", { 10, END }, "p", 0, 0, 0, 0, 0 },
    { "one is lost", { 10, 11, 13, 14, END }, "pvtt", 5, 1, 0, 0, 0 },
    { "one is lost in the probation", { 10, 12, 13, END }, "ppv", 4, 1, 0, 0, 0 },
    { "duplicates", { 10, 11, 11, 10, 12, 12, END }, "pvddtd", 3, 0, 3, 0, 0 },
    { "a duplicate in the probation", { 10, 10, 11, END }, "pdv", 2, 0, 1, 0, 0 },
    { "reordered", { 10, 11, 13, 12, 14, END }, "pvtrt", 5, 0, 0, 1, 0 },
    { "reordered twice is a duplicate", { 10, 11, 13, 12, 12, END }, "pvtrd", 4, 0, 1, 1, 0 },
    { "the first two swapped", { 11, 10, 12, END }, "ppv", 3, 0, 0, 1, 0 },
    { "one from before the first", { 11, 12, 10, 13, END }, "pvrt", 4, 0, 0, 1, 0 },
    { "over the wrap", { 65534, 65535, 0, 1, END }, "pvtt", 4, 0, 0, 0, 0 },
    { "lost over the wrap", { 65534, 65535, 2, 1, END }, "pvtr", 5, 1, 0, 1, 0 },
    { "the first from before the wrap", { 0, 1, 65535, 2, END }, "pvrt", 4, 0, 0, 1, 0 },
    { "the greatest step", { 10, 11, 3010, END }, "pvt", 3001, 2998, 0, 0, 0 },
    { "one step more is a jump", { 10, 11, 3011, 12, END }, "pvjt", 3, 0, 0, 0, 0 },
    { "a jump that goes on is a restart", { 10, 11, 5000, 5001, 5002, END }, "pvjst", 5, 0, 0, 0, 1 },
    { "a jump that does not is a stray packet", { 10, 11, 5000, 5002, 12, 13, END }, "pvjjtt", 4, 0, 0, 0, 0 },
    { "restart after losses", { 10, 11, 14, 40000, 40001, 40003, END }, "pvtjst", 9, 3, 0, 0, 1 },
    { "back by 99 is late", { 200, 201, 102, END }, "pvr", 100, 97, 0, 1, 0 },
    { "back by 100 is a jump", { 200, 201, 101, END }, "pvj", 2, 0, 0, 0, 0 },
    { "a stray first packet is forgotten", { 40000, 10, 11, 12, END }, "ppvt", 3, 0, 0, 0, 0 },
};

static void
test_sequences(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) taken = g_string_new(NULL);

        set_up();
        for (const unsigned *sequence = rows[i].sequences; *sequence != END; sequence++)
            g_string_append(taken, words[take(*sequence, 0)]);
        CHECK_ROW_TEXT(rows[i].name, taken->str, rows[i].taken);
        CHECK_ROW_UINT(rows[i].name, rtp_reception_expected(&the), rows[i].expected);
        CHECK_ROW_UINT(rows[i].name, rtp_reception_lost(&the), rows[i].lost);
        CHECK_ROW_UINT(rows[i].name, rtp_reception_received(&the), rows[i].expected - rows[i].lost);
        CHECK_ROW_UINT(rows[i].name, the.duplicates, rows[i].duplicates);
        CHECK_ROW_UINT(rows[i].name, the.reordered, rows[i].reordered);
        CHECK_ROW_UINT(rows[i].name, the.restarts, rows[i].restarts);
        if (rows[i].expected)
            CHECK_ROW_UINT(rows[i].name, the.bytes, 160 * (rows[i].expected - rows[i].lost));
    }
}

static gint
compare_items(gconstpointer a, gconstpointer b)
{
    const guint64 *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

/* 200,000 packets over three wraps, lost, doubled and delayed by up to 60 places. Which number came when is drawn; what
 * is to be counted then is read off a table of all numbers. */
static void
test_model(void)
{
    enum { COUNT = 200000 };
    struct random_stream random = random_stream_of(1, "reception", "model");
    g_autoptr(GArray) order =
        g_array_new(FALSE, FALSE, sizeof(guint64)); /* place << 32 | number: unique but for copies */
    g_autofree bool *came = g_new0(bool, COUNT + 1);
    uint64_t distinct = 0, duplicates = 0, reordered = 0, highest = 0;

    for (uint64_t number = 1; number <= COUNT; number++) {
        bool lost = random_below(&random, 10) == 0 && number > 2, twice = random_below(&random, 20) == 0;

        for (int copy = 0; copy < (lost ? 0 : twice ? 2 : 1); copy++) {
            bool delayed = random_below(&random, 8) == 0 && number > 2;
            guint64 item = (number + (delayed ? random_below(&random, 60) : 0)) << 32 | number;

            g_array_append_val(order, item);
        }
    }
    g_array_sort(order, compare_items);
    for (guint i = 0; i < order->len; i++) {
        uint64_t number = g_array_index(order, guint64, i) & UINT32_MAX;
        enum rtp_taken taken = take((unsigned)number + 65000, 0), expected;

        expected = came[number] ? RTP_TAKEN_DUPLICATE : number < highest ? RTP_TAKEN_REORDERED : RTP_TAKEN;
        duplicates += expected == RTP_TAKEN_DUPLICATE;
        reordered += expected == RTP_TAKEN_REORDERED;
        distinct += !came[number];
        came[number] = true;
        highest = MAX(highest, number);
        if (number > 2 && taken != expected) {
            CHECK_ROW_INT("what became of one", taken, expected);
            return;
        }
    }
    CHECK_ROW_UINT("received", rtp_reception_received(&the), distinct);
    CHECK_ROW_UINT("expected", rtp_reception_expected(&the), highest);
    CHECK_ROW_UINT("lost", rtp_reception_lost(&the), highest - distinct);
    CHECK_ROW_UINT("duplicates", the.duplicates, duplicates);
    CHECK_ROW_UINT("reordered", the.reordered, reordered);
    CHECK_ROW_UINT("restarts", the.restarts + the.jumps, 0);
}

/* --- reports (A.3) ----------------------------------------------------------------------------------------------- */

static void
test_report(void)
{
    struct rtcp_block block;

    for (unsigned sequence = 65530; sequence < 65530 + 100; sequence++)
        if (sequence % 10 != 4) /* ten of a hundred */
            take(sequence, 0);
    rtp_reception_report(&the, 3 * TIME_S, &block);
    CHECK_ROW_UINT("of whom", block.ssrc, 7);
    CHECK_ROW_INT("lost", block.lost, 10);
    CHECK_ROW_UINT("fraction", block.fraction, 10 * 256 / 100);
    CHECK_ROW_UINT("highest, one cycle", block.highest, 65530 + 99);
    CHECK_ROW_UINT("no SR", block.last_sr, 0);
    CHECK_ROW_UINT("no delay", block.delay, 0);

    for (unsigned sequence = 65630; sequence < 65640; sequence++) { /* none lost, all twice */
        take(sequence, 0);
        take(sequence, 0);
    }
    rtp_reception_sender(&the, &(struct rtcp_sender){ .ntp = UINT64_C(0x1122334455667788) }, 3 * TIME_S);
    rtp_reception_report(&the, 5 * TIME_S + TIME_S / 2, &block);
    CHECK_ROW_INT("duplicates outweigh", block.lost, 0);
    CHECK_ROW_UINT("fraction", block.fraction, 0);
    CHECK_ROW_UINT("last SR", block.last_sr, 0x33445566);
    CHECK_ROW_UINT("delay 2.5 s", block.delay, 5 * 65536 / 2);
    take(65639, 0);
    rtp_reception_report(&the, 6 * TIME_S, &block);
    CHECK_ROW_INT("below nothing", block.lost, -1);
    CHECK_ROW_UINT("lost in truth", rtp_reception_lost(&the), 10);
}

static void
test_report_bounds(void)
{
    struct rtcp_block block;

    take(1, 0);
    take(2, 0);
    rtp_reception_report(&the, 0, &block);
    take(2 + 2999, 0);
    rtp_reception_report(&the, 0, &block);
    CHECK_ROW_UINT("fraction of nearly all", block.fraction, 255);
    rtp_reception_sender(&the, &(struct rtcp_sender){ .ntp = 1 << 16 }, 0);
    rtp_reception_report(&the, 100000 * TIME_S, &block);
    CHECK_ROW_UINT("delay beyond its field", block.delay, UINT32_MAX);
}

/* --- jitter (A.8) and play-out ----------------------------------------------------------------------------------- */

static void
test_jitter(void)
{
    take(1, 0);
    take(2, 0);
    CHECK_ROW_INT("evenly", rtp_reception_jitter(&the), 0);
    take(3, 16 * TIME_MS); /* D = 16 ms: a sixteenth */
    CHECK_ROW_INT("one late", rtp_reception_jitter(&the), TIME_MS);
    take(4, 0); /* D = -16 ms: 1 + (16 - 1) / 16 */
    CHECK_ROW_INT("and back", rtp_reception_jitter(&the), 1937500);
    take(4, 5 * TIME_S);
    CHECK_ROW_INT("a duplicate", rtp_reception_jitter(&the), 1937500);
    for (unsigned sequence = 5; sequence < 200; sequence++)
        take(sequence, 0);
    CHECK_ROW_INT("it fades", rtp_reception_jitter(&the) / 100, 0);
    CHECK_ROW_INT("the most", the.jitter_most, 1937500);
}

/* A steady alternation by 8 ms: every D is 8 ms, which the estimate comes to. */
static void
test_jitter_steady(void)
{
    struct rtcp_block block;

    for (unsigned sequence = 1; sequence < 400; sequence++)
        take(sequence, sequence % 2 ? 0 : 8 * TIME_MS);
    CHECK(ABS(rtp_reception_jitter(&the) - 8 * TIME_MS) < TIME_US);
    rtp_reception_report(&the, 0, &block);
    CHECK(block.jitter == 63 || block.jitter == 64); /* of 125 us each */
}

static void
test_timestamps_wrap(void)
{
    struct rtp_packet packet = { .sequence = 1, .timestamp = UINT32_MAX - 159, .ssrc = 7 };

    for (int i = 0; i < 4; i++, packet.sequence++, packet.timestamp += 160)
        rtp_reception_take(&the, &packet, i * 20 * TIME_MS);
    CHECK_ROW_INT("nothing jitters", rtp_reception_jitter(&the), 0);
    packet.timestamp += UINT32_C(0x40000000); /* a peer writes what it likes: 37 hours */
    rtp_reception_take(&the, &packet, 100 * TIME_MS);
    CHECK(rtp_reception_jitter(&the) > 0 && rtp_reception_jitter(&the) < 10 * TIME_MIN);
}

static void
test_late(void)
{
    take(1, 20 * TIME_MS);
    take(2, 0); /* the fastest so far */
    take(3, PLAYOUT);
    CHECK_ROW_UINT("just in time", the.late, 0);
    take(4, PLAYOUT + 1);
    CHECK_ROW_UINT("late", the.late, 1);
    take(5, 0);
    take(7, 0);
    take(6, 100 * TIME_MS);
    CHECK_ROW_UINT("overtaken and late", the.late, 2);
    CHECK_ROW_UINT("none is lost", rtp_reception_lost(&the), 0);
}

/* The way becomes longer for good: ten late packets, then the buffer has begun anew. */
static void
test_longer_way(void)
{
    for (unsigned sequence = 1; sequence < 10; sequence++)
        take(sequence, 0);
    for (unsigned sequence = 10; sequence < 100; sequence++)
        take(sequence, 200 * TIME_MS);
    CHECK_ROW_UINT("late", the.late, RTP_LATE_MOST);
    for (unsigned sequence = 100; sequence < 110; sequence++)
        take(sequence, 0);
    for (unsigned sequence = 110; sequence < 120; sequence++)
        take(sequence, 50 * TIME_MS);
    CHECK_ROW_UINT("and shorter again", the.late, RTP_LATE_MOST);
}

void
suite_rtp_reception(void)
{
    UNIT_SUITE("rtp reception", set_up, NULL, { "sequence numbers", test_sequences }, { "model", test_model },
               { "reports", test_report }, { "bounds of reports", test_report_bounds }, { "jitter", test_jitter },
               { "steady jitter", test_jitter_steady }, { "timestamps wrap", test_timestamps_wrap },
               { "late packets", test_late }, { "a longer way", test_longer_way });
}
