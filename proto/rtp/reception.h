/* What a receiver knows of one source: a machine after RFC 3550 appendices A.1, A.3 and A.8, and a play-out buffer.
 *
 * It is fed each packet with the time of its arrival, keeps no packet, and needs the same memory for any number of them.
 * Sequence numbers are followed over wraps; a source is on probation until RTP_PROBATION packets came in order; a jump is
 * taken for a restart of the source when the packet after it follows on.
 *
 * Where it departs from the appendix, for the sake of figures that agree with what was sent:
 *  - Packets of the probation are counted, once it is over; so is what comes late from before the first packet. The
 *    appendix forgets them.
 *  - The last RTP_WINDOW sequence numbers are remembered, so that a duplicate and a packet that was overtaken are told
 *    apart. The appendix counts both as received, and so do the figures for RTCP (`rtp_reception_report`); `lost` here
 *    counts what never came.
 *  - Jitter is the appendix's recurrence in nanoseconds, and becomes timestamp units where RTCP wants those. */
#ifndef PROTO_RTP_RECEPTION_H
#define PROTO_RTP_RECEPTION_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/rtp/packet.h"
#include "proto/rtp/rtcp.h"

enum {
    RTP_PROBATION = 2,       /* MIN_SEQUENTIAL */
    RTP_DROPOUT_MOST = 3000, /* MAX_DROPOUT: a larger step forward is a jump */
    RTP_MISORDER_MOST = 100, /* MAX_MISORDER: a larger step back is one */
    RTP_WINDOW = 128,        /* sequence numbers, the highest among them, that are remembered one by one */
    RTP_LATE_MOST = 10,      /* late packets on end after which play-out starts over */
};

/* What became of a packet. */
enum rtp_taken {
    RTP_TAKEN,           /* it was next, or packets before it are missing */
    RTP_TAKEN_PROBATION, /* the source is not believed yet */
    RTP_TAKEN_VALID,     /* and now it is: the packet that ended the probation */
    RTP_TAKEN_REORDERED, /* it was overtaken */
    RTP_TAKEN_DUPLICATE,
    RTP_TAKEN_JUMP,      /* it does not fit: not counted, unless the next one follows on */
    RTP_TAKEN_RESTART,   /* the one that follows on a jump: the source began again */
};

struct rtp_reception {
    uint32_t ssrc, clock;
    int64_t playout; /* the depth of the play-out buffer, nanoseconds */

    /* Sequence numbers. `highest` counts on over wraps, from the first packet's own number plus 2^16. */
    bool begun, valid;
    uint8_t probation;   /* packets in order that are still wanted */
    uint16_t bad;        /* what would follow on a jump */
    bool jumped;
    uint64_t base, highest;
    uint64_t seen[2];    /* a bit a number, bit 0 of seen[0] for the highest */

    /* Since the source is believed; what was before a restart is in `ended`. */
    uint64_t arrived;    /* duplicates among them */
    uint64_t duplicates, reordered, late, bytes;
    uint64_t ended_expected, ended_arrived, ended_distinct;
    uint32_t restarts, jumps;

    /* Arrival. */
    int64_t first_at, last_at;
    uint32_t last_timestamp;
    int64_t jitter16;    /* nanoseconds, times 16 */
    int64_t jitter_most; /* nanoseconds */

    /* Play-out: how much later than the fastest packet so far. */
    int64_t lag;
    uint32_t late_run;

    /* At the last report. */
    uint64_t expected_prior, arrived_prior;
    /* The last SR of the source, and when it came. */
    uint32_t last_sr;
    int64_t last_sr_at;
};

void rtp_reception_begin(struct rtp_reception *reception, uint32_t ssrc, uint32_t clock, int64_t playout);

/* `bytes` of payload. */
enum rtp_taken rtp_reception_take(struct rtp_reception *reception, const struct rtp_packet *packet, int64_t now);

/* How many packets the source has sent, from the first to the highest that came; of those that never came; and the ones
 * that came, each once. */
uint64_t rtp_reception_expected(const struct rtp_reception *reception);
uint64_t rtp_reception_lost(const struct rtp_reception *reception);
uint64_t rtp_reception_received(const struct rtp_reception *reception);

static inline int64_t
rtp_reception_jitter(const struct rtp_reception *reception)
{
    return reception->jitter16 >> 4;
}

/* An SR of the source came. */
void rtp_reception_sender(struct rtp_reception *reception, const struct rtcp_sender *sender, int64_t now);

/* The block about this source for a report that goes out now (appendix A.3); the next one's fraction counts from here. */
void rtp_reception_report(struct rtp_reception *reception, int64_t now, struct rtcp_block *block);

#endif
