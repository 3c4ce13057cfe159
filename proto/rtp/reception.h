/* What a receiver knows of one source: a machine after RFC 3550 appendices A.1, A.3 and A.8, and a play-out buffer.
 *
 * It is fed each packet with the time of its arrival, keeps no packet, and needs the same memory for any number of
 * them. Sequence numbers are followed over wraps; a source is on probation until RTP_PROBATION packets came in order; a
 * jump is taken for a restart of the source when the packet after it follows on.
 *
 * Where it departs from the appendix, for the sake of figures that agree with what was sent:
 *  - Packets of the probation are counted, once it is over; so is what comes late from before the first packet. The
 *    appendix forgets them.
 *  - The last RTP_WINDOW sequence numbers are remembered, so that a duplicate and a packet that was overtaken are told
 *    apart. The appendix counts both as received, and so do the figures for RTCP (`rtp_reception_report`); `lost` here
 *    counts what never came.
 *  - Jitter is the appendix's recurrence in nanoseconds, and becomes timestamp units where RTCP wants those.
 *    Duplicates, which no listener hears, don't move it.
 *
 * The play-out buffer is one of fixed depth that begins with the fastest packet: a packet that is delayed more than
 * that one and the depth together is late. After RTP_LATE_MOST late packets on end it begins anew with the last of
 * them, as a real one does when the way has become longer for good. */
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
    RTP_TAKEN_JUMP,    /* it does not fit: not counted, unless the next one follows on */
    RTP_TAKEN_RESTART, /* the one that follows on a jump: the source began again */
};

struct rtp_reception {
    uint32_t ssrc, clock;
    int64_t playout; /* the depth of the play-out buffer, nanoseconds */

    /* Sequence numbers count on over wraps: the first packet's stands for itself plus 2^16. */
    bool begun, valid;
    uint8_t probation; /* packets in order that are still wanted */
    bool jumped;
    uint16_t bad; /* what would follow on the jump */
    uint32_t bad_bytes;
    uint64_t base, highest;
    uint64_t seen[2]; /* a bit a number; bit 0 of seen[0] is the highest's */

    /* Since the source began, or began again: all that came, and each once. */
    uint64_t arrived, distinct;
    /* Before that. */
    uint64_t ended_expected, ended_distinct;

    /* Of all that came. */
    uint64_t bytes; /* payload, without duplicates */
    uint64_t duplicates, reordered, late;
    uint32_t restarts, jumps;

    /* Arrival. */
    int64_t first_at, last_at; /* -1: nothing came */
    uint32_t last_timestamp;
    int64_t jitter16;    /* nanoseconds, times 16 */
    int64_t jitter_most; /* nanoseconds */

    /* Play-out: how much more the last packet was delayed than the fastest so far. */
    int64_t lag;
    uint32_t late_run;

    /* As it was at the last report. */
    uint64_t expected_prior, arrived_prior;
    /* The last SR of the source, and when it came; 0: none. */
    uint32_t last_sr;
    int64_t last_sr_at;
};

void rtp_reception_begin(struct rtp_reception *reception, uint32_t ssrc, uint32_t clock, int64_t playout);

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

/* The block about this source for a report that goes out now (appendix A.3); the next one's fraction counts from
 * here. */
void rtp_reception_report(struct rtp_reception *reception, int64_t now, struct rtcp_block *block);

#endif
