#include "proto/rtp/quality.h"

#include <glib.h>

#include "core/base/time.h"

/* Bpl in tenths of a percent point; Ie is 0 for G.711 either way. */
static const int bpl_tenths[] = { [RTP_CONCEALED] = 251, [RTP_UNCONCEALED] = 43 };

#define DELAY_MOST (10 * TIME_S)
#define DELAY_KNEE (177300 * TIME_US)
#define COUNT_MOST (UINT64_C(1) << 32) /* counts beyond are halved together: products stay in 64 bits */

/* Id, in thousandths: 24 for each millisecond, and 110 more for each beyond the knee. */
static int64_t
delay_impairment(int64_t delay)
{
    int64_t bounded = CLAMP(delay, 0, DELAY_MOST);

    return bounded * 24 / TIME_MS + MAX(bounded - DELAY_KNEE, 0) * 110 / TIME_MS;
}

/* Ie,eff, in thousandths. Ppl / (Ppl + Bpl) with Ppl = 100 lost / expected, all times ten and times expected. */
static int64_t
loss_impairment(const struct rtp_quality *quality)
{
    uint64_t expected = quality->expected, lost = MIN(quality->lost, expected), part;

    while (expected > COUNT_MOST) {
        expected /= 2;
        lost /= 2;
    }
    part = 1000 * lost;
    return (int64_t)(95000 * part / (part + (uint64_t)bpl_tenths[quality->concealment] * expected));
}

static bool
is_silent(const struct rtp_quality *quality)
{
    return quality->lost >= quality->expected;
}

int32_t
rtp_quality_rating(const struct rtp_quality *quality)
{
    int64_t rating;

    if (is_silent(quality))
        return 0;
    rating = RTP_R_MOST - delay_impairment(quality->delay) - loss_impairment(quality);
    return (int32_t)MAX(rating, 0);
}

int32_t
rtp_quality_mos(int32_t rating)
{
    int64_t r = rating, mos;

    if (r <= 0)
        return RTP_MOS_LEAST;
    if (r >= 100000)
        return RTP_MOS_MOST;
    mos = 1000 + 35 * r / 1000 + r * (r - 60000) * (100000 - r) * 7 / INT64_C(1000000000000);
    return (int32_t)CLAMP(mos, RTP_MOS_LEAST, RTP_MOS_MOST);
}

const char *
rtp_quality_word(const struct rtp_quality *quality)
{
    static const struct {
        int32_t least;
        const char *word;
    } categories[] = { { 90000, "best" }, { 80000, "high" }, { 70000, "medium" }, { 60000, "low" }, { 50000, "poor" } };
    int32_t rating = rtp_quality_rating(quality);

    if (is_silent(quality))
        return "no audio";
    for (size_t i = 0; i < G_N_ELEMENTS(categories); i++)
        if (rating >= categories[i].least)
            return categories[i].word;
    return "bad";
}
