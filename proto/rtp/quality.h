/* How a call sounds, by the E-model: from loss and delay to a rating R and an estimated mean opinion score (MOS).
 *
 * ITU-T G.107 with its default values for everything but loss and delay, which leaves R = 93.2 - Id - Ie,eff:
 *  - Id = 0.024 d + 0.11 (d - 177.3 if above 177.3), d the delay from mouth to ear in milliseconds: the usual
 *    simplification of G.107's Idd for calls without echo (Cole and Rosenbluth, 2001).
 *  - Ie,eff = Ie + (95 - Ie) Ppl / (Ppl / BurstR + Bpl), Ppl the loss in percent (section 7.5), with Ie and Bpl of
 *    G.113 appendix I; losses are taken to be independent (BurstR 1).
 *  - MOS = 1 + 0.035 R + R (R - 60) (100 - R) 7 / 1000000, 1 below R 0 and where that formula goes below 1, 4.5 above
 *    R 100 (annex B).
 * What is too late for the play-out buffer is lost too. Integers only: R and MOS are in thousandths. */
#ifndef PROTO_RTP_QUALITY_H
#define PROTO_RTP_QUALITY_H

#include <stdbool.h>
#include <stdint.h>

enum {
    RTP_R_MOST = 93200, /* what is left of 100 by G.107's defaults: G.711 without loss or delay */
    RTP_MOS_LEAST = 1000,
    RTP_MOS_MOST = 4500,
};

/* How a decoder takes losses (G.113 appendix I). */
enum rtp_concealment {
    RTP_CONCEALED,   /* G.711 with the packet loss concealment of its appendix I: Ie 0, Bpl 25.1 */
    RTP_UNCONCEALED, /* silence where a packet is missing: Ie 0, Bpl 4.3 */
};

struct rtp_quality {
    uint64_t expected, lost; /* packets; those that came too late among the lost */
    int64_t delay;           /* mouth to ear, nanoseconds */
    enum rtp_concealment concealment;
};

/* Thousandths of R, from 0 to RTP_R_MOST. Nothing expected: 0, for there is no audio. */
int32_t rtp_quality_rating(const struct rtp_quality *quality);
/* Thousandths of MOS for thousandths of R. */
int32_t rtp_quality_mos(int32_t rating);
/* G.109's categories for R, as one word each: "best" (90 and above), "high", "medium", "low", "poor" (50 and above),
 * and "bad", which it does not recommend; "no audio" where nothing came at all. */
const char *rtp_quality_word(const struct rtp_quality *quality);

#endif
