/* How a call sounds: figures that the ITU-T has published, and where the formulas end. */
#include "tests/unit/support.h"

#include "core/base/time.h"
#include "proto/rtp/quality.h"

/* G.107 annex B, table B.1: the lower limits of R and their MOS, to a hundredth; R 93.2, G.107's
 * default, is MOS 4.41. */
static void
test_mos(void)
{
    static const struct {
        int rating, mos_hundredths;
    } rows[] = { { 93200, 441 }, { 90000, 434 }, { 80000, 403 }, { 70000, 360 }, { 60000, 310 }, { 50000, 258 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW("table B.1", ABS(rtp_quality_mos(rows[i].rating) - 10 * rows[i].mos_hundredths) <= 10);
    CHECK_ROW_INT("R 0", rtp_quality_mos(0), 1000);
    CHECK_ROW_INT("R below 0", rtp_quality_mos(-5000), 1000);
    CHECK_ROW_INT("where the formula dips below 1", rtp_quality_mos(3000), 1000);
    CHECK_ROW_INT("R 100", rtp_quality_mos(100000), 4500);
    for (int rating = 6600; rating < 100000; rating += 100)
        CHECK_ROW("more R, more MOS", rtp_quality_mos(rating) <= rtp_quality_mos(rating + 100));
}

static int32_t
rate(uint64_t expected, uint64_t lost, int64_t delay, enum rtp_concealment concealment)
{
    return rtp_quality_rating(&(struct rtp_quality){ expected, lost, delay, concealment });
}

static void
test_delay(void)
{
    static const struct {
        const char *name;
        int64_t ms;
        int impairment; /* thousandths; by Cole and Rosenbluth's formula, on paper */
    } rows[] = {
        { "none", 0, 0 },
        { "100 ms", 100, 2400 },
        { "the knee", 177, 4248 },
        { "200 ms", 200, 4800 + 2497 },
        { "400 ms", 400, 9600 + 24497 },
        { "negative", -5, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        CHECK_ROW_INT(rows[i].name, rate(100, 0, rows[i].ms * TIME_MS, RTP_CONCEALED), 93200 - rows[i].impairment);
    CHECK_ROW_INT("for ever", rate(100, 0, TIME_NEVER, RTP_CONCEALED), 0);
}

/* Before the formula, G.113 appendix I listed what listening tests gave for G.711 under random loss: Ie 5, 7, 10, 15,
 * 20 and 25 at 1, 2, 3, 5, 7 and 10 % with concealment. The formula is a fit to such, good to 2.5 of 95. */
static void
test_loss(void)
{
    static const struct {
        int percent, published;
    } rows[] = { { 0, 0 }, { 1, 5 }, { 2, 7 }, { 3, 10 }, { 5, 15 }, { 7, 20 }, { 10, 25 } };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        int impairment = RTP_R_MOST - rate(1000, (uint64_t)rows[i].percent * 10, 0, RTP_CONCEALED);

        CHECK_ROW("listening tests", ABS(impairment - 1000 * rows[i].published) <= 2500);
    }
    CHECK_ROW_INT("1 %, exactly", rate(100, 1, 0, RTP_CONCEALED), 93200 - 95000 * 10 / 261);
    CHECK_ROW_INT("1 %, not concealed", rate(100, 1, 0, RTP_UNCONCEALED), 93200 - 95000 * 10 / 53);
    CHECK_ROW_INT("the same in greater numbers", rate(UINT64_C(100) << 50, UINT64_C(1) << 50, 0, RTP_CONCEALED),
                  rate(100, 1, 0, RTP_CONCEALED));
    CHECK(rate(100, 99, 0, RTP_CONCEALED) > 0);
}

static void
test_words(void)
{
    static const struct {
        const char *word;
        uint64_t expected, lost;
        int64_t delay;
    } rows[] = {
        { "best", 100, 0, 100 * TIME_MS },   { "high", 100, 1, 100 * TIME_MS },
        { "medium", 100, 4, 100 * TIME_MS }, { "low", 100, 8, 100 * TIME_MS },
        { "poor", 100, 13, 100 * TIME_MS },  { "bad", 100, 30, 100 * TIME_MS },
        { "bad", 100, 0, 600 * TIME_MS },    { "no audio", 0, 0, 0 },
        { "no audio", 100, 100, 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct rtp_quality quality = { rows[i].expected, rows[i].lost, rows[i].delay, RTP_CONCEALED };

        CHECK_ROW_TEXT(rows[i].word, rtp_quality_word(&quality), rows[i].word);
    }
    CHECK_ROW_INT("nothing came", rtp_quality_mos(rate(0, 0, 0, RTP_CONCEALED)), 1000);
}

void
suite_rtp_quality(void)
{
    UNIT_SUITE("rtp quality", NULL, NULL, { "MOS", test_mos }, { "delay", test_delay }, { "loss", test_loss },
               { "words", test_words });
}
