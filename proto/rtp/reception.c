/* Theory of operation.
 *
 *   nothing yet --first packet--> probation --RTP_PROBATION packets in order--> valid
 *
 * On probation a packet that cannot belong to those before begins everything anew, so nothing of a stray one stays. A
 * valid source is lost never; a packet that does not fit (a step of RTP_DROPOUT_MOST or more forward, of
 * RTP_MISORDER_MOST or more back) is set aside, and when the very next number follows, those two are the beginning of
 * another run: what was before is added up in `ended_`. `base`, `highest`, `seen`, `arrived` and `distinct` are of the
 * present run. */
#include "proto/rtp/reception.h"

#include "core/base/time.h"

#define STEP_MOST                                                                                                      \
    (60 * TIME_MIN) /* of one packet's transit against the one before; a peer writes any timestamp it likes */

void
rtp_reception_begin(struct rtp_reception *reception, uint32_t ssrc, uint32_t clock, int64_t playout)
{
    g_assert(clock > 0);
    *reception = (struct rtp_reception){
        .ssrc = ssrc,
        .clock = clock,
        .playout = playout,
        .first_at = -1,
        .last_at = -1,
    };
}

/* --- sequence numbers (appendix A.1) ----------------------------------------------------------------------------- */

/* The window moves up by `step`. */
static void
shift_seen(struct rtp_reception *r, unsigned step)
{
    if (step >= 128) {
        r->seen[0] = r->seen[1] = 0;
    } else if (step >= 64) {
        r->seen[1] = r->seen[0] << (step - 64);
        r->seen[0] = 0;
    } else if (step > 0) {
        r->seen[1] = r->seen[1] << step | r->seen[0] >> (64 - step);
        r->seen[0] <<= step;
    }
}

/* A run begins with this number, which alone has come. */
static void
begin_run(struct rtp_reception *r, uint16_t sequence)
{
    r->begun = true;
    r->jumped = false;
    r->base = r->highest = (uint64_t)sequence + 65536;
    r->seen[0] = 1;
    r->seen[1] = 0;
    r->arrived = r->distinct = 1;
    r->expected_prior = r->arrived_prior = 0;
}

static void
advance(struct rtp_reception *r, unsigned step)
{
    r->highest += step;
    shift_seen(r, step);
    r->seen[0] |= 1;
    r->arrived++;
    r->distinct++;
}

/* A number `back` below the highest. */
static enum rtp_taken
take_behind(struct rtp_reception *r, unsigned back)
{
    uint64_t *seen = &r->seen[back / 64], bit = UINT64_C(1) << back % 64;

    r->arrived++;
    if (*seen & bit) {
        r->duplicates++;
        return RTP_TAKEN_DUPLICATE;
    }
    *seen |= bit;
    r->distinct++;
    r->reordered++;
    r->base = MIN(r->base, r->highest - back);
    return RTP_TAKEN_REORDERED;
}

static bool
is_step(unsigned step)
{
    return step > 0 && step < RTP_DROPOUT_MOST;
}

static bool
is_behind(unsigned back)
{
    return back < RTP_MISORDER_MOST;
}

static enum rtp_taken
take_on_probation(struct rtp_reception *r, uint16_t sequence)
{
    unsigned step = (uint16_t)(sequence - (uint16_t)r->highest), back = (uint16_t)-step;

    if (!r->begun || (!is_step(step) && !is_behind(back))) {
        uint32_t clock = r->clock, ssrc = r->ssrc;

        rtp_reception_begin(r, ssrc, clock, r->playout);
        begin_run(r, sequence);
        r->probation = RTP_PROBATION - 1;
        return RTP_TAKEN_PROBATION;
    }
    if (is_behind(back)) {
        enum rtp_taken taken = take_behind(r, back);

        return taken == RTP_TAKEN_DUPLICATE ? taken : RTP_TAKEN_PROBATION;
    }
    advance(r, step);
    r->probation = step == 1 ? r->probation - 1 : RTP_PROBATION - 1;
    r->valid = r->probation == 0;
    return r->valid ? RTP_TAKEN_VALID : RTP_TAKEN_PROBATION;
}

/* The packet after a jump has come: the two are the beginning of a new run. */
static enum rtp_taken
restart(struct rtp_reception *r, uint16_t sequence)
{
    r->ended_expected += r->highest - r->base + 1;
    r->ended_distinct += r->distinct;
    r->bytes += r->bad_bytes;
    r->restarts++;
    r->jumps--;
    begin_run(r, (uint16_t)(sequence - 1));
    advance(r, 1);
    return RTP_TAKEN_RESTART;
}

static enum rtp_taken
take_valid(struct rtp_reception *r, const struct rtp_packet *packet)
{
    unsigned step = (uint16_t)(packet->sequence - (uint16_t)r->highest), back = (uint16_t)-step;

    if (is_step(step)) {
        advance(r, step);
        return RTP_TAKEN;
    }
    if (is_behind(back))
        return take_behind(r, back);
    if (r->jumped && packet->sequence == r->bad)
        return restart(r, packet->sequence);
    r->jumped = true;
    r->bad = (uint16_t)(packet->sequence + 1);
    r->bad_bytes = (uint32_t)packet->payload.length;
    r->jumps++;
    return RTP_TAKEN_JUMP;
}

/* --- times (appendix A.8) ---------------------------------------------------------------------------------------- */

/* How much longer this packet was under way than the one that came before it. */
static int64_t
transit_step(const struct rtp_reception *r, uint32_t timestamp, int64_t now)
{
    int64_t sent = (int32_t)(timestamp - r->last_timestamp) * TIME_S / r->clock, came = now - r->last_at;

    return CLAMP(CLAMP(came, 0, 2 * STEP_MOST) - CLAMP(sent, -STEP_MOST, STEP_MOST), -STEP_MOST, STEP_MOST);
}

static void
note_lag(struct rtp_reception *r, int64_t step)
{
    r->lag = CLAMP(r->lag + step, 0, STEP_MOST);
    if (r->lag <= r->playout) {
        r->late_run = 0;
        return;
    }
    r->late++;
    if (++r->late_run == RTP_LATE_MOST) {
        r->lag = 0;
        r->late_run = 0;
    }
}

static void
note_arrival(struct rtp_reception *r, const struct rtp_packet *packet, int64_t now, bool first)
{
    if (first) {
        if (r->first_at < 0)
            r->first_at = now;
        r->lag = 0;
    } else {
        int64_t step = transit_step(r, packet->timestamp, now);

        r->jitter16 += ABS(step) - ((r->jitter16 + 8) >> 4);
        r->jitter_most = MAX(r->jitter_most, r->jitter16 >> 4);
        note_lag(r, step);
    }
    r->last_timestamp = packet->timestamp;
    r->last_at = now;
}

/* --- together ---------------------------------------------------------------------------------------------------- */

enum rtp_taken
rtp_reception_take(struct rtp_reception *reception, const struct rtp_packet *packet, int64_t now)
{
    enum rtp_taken taken =
        reception->valid ? take_valid(reception, packet) : take_on_probation(reception, packet->sequence);

    if (taken == RTP_TAKEN_DUPLICATE || taken == RTP_TAKEN_JUMP)
        return taken;
    reception->bytes += packet->payload.length;
    note_arrival(reception, packet, now, reception->last_at < 0 || taken == RTP_TAKEN_RESTART);
    return taken;
}

uint64_t
rtp_reception_expected(const struct rtp_reception *reception)
{
    return reception->valid ? reception->ended_expected + reception->highest - reception->base + 1 : 0;
}

uint64_t
rtp_reception_received(const struct rtp_reception *reception)
{
    return reception->valid ? reception->ended_distinct + reception->distinct : 0;
}

uint64_t
rtp_reception_lost(const struct rtp_reception *reception)
{
    return rtp_reception_expected(reception) - rtp_reception_received(reception);
}

/* --- reports (appendix A.3) -------------------------------------------------------------------------------------- */

void
rtp_reception_sender(struct rtp_reception *reception, const struct rtcp_sender *sender, int64_t now)
{
    reception->last_sr = rtcp_ntp_middle(sender->ntp);
    reception->last_sr_at = now;
}

/* Nanoseconds in 65536ths of a second; what 32 bits can't hold is their end. */
static uint32_t
units_of_65536(int64_t duration)
{
    uint64_t positive = (uint64_t)MAX(duration, 0), seconds = positive / TIME_S;

    return seconds > UINT16_MAX ? UINT32_MAX : (uint32_t)(seconds << 16 | ((positive % TIME_S) << 16) / TIME_S);
}

static uint8_t
fraction_lost(uint64_t expected, uint64_t arrived)
{
    if (expected <= arrived)
        return 0;
    return (uint8_t)MIN(((expected - arrived) << 8) / expected, UINT8_MAX);
}

void
rtp_reception_report(struct rtp_reception *reception, int64_t now, struct rtcp_block *block)
{
    uint64_t expected = reception->highest - reception->base + 1;
    int64_t lost = (int64_t)(expected - reception->arrived);

    *block = (struct rtcp_block){
        .ssrc = reception->ssrc,
        .fraction = fraction_lost(expected - reception->expected_prior, reception->arrived - reception->arrived_prior),
        .lost = (int32_t)CLAMP(lost, -0x800000, 0x7fffff),
        .highest = (uint32_t)(reception->highest - 65536),
        .jitter = (uint32_t)MIN((reception->jitter16 >> 4) * reception->clock / TIME_S, UINT32_MAX),
        .last_sr = reception->last_sr,
        .delay = reception->last_sr ? units_of_65536(now - reception->last_sr_at) : 0,
    };
    reception->expected_prior = expected;
    reception->arrived_prior = reception->arrived;
}
