/* The retransmission timeout (RFC 6298): computed from round-trip samples, doubled when it runs out.
 *
 * Who takes samples keeps Karn's rule (section 3): none from a segment that was sent more than once. */
#ifndef CORE_NET_TCP_RTO_H
#define CORE_NET_TCP_RTO_H

#include "core/base/time.h"

struct tcp_rto {
    int64_t srtt, rttvar; /* 0: no sample yet */
    int64_t minimum;      /* section 2.4 says one second */
    int64_t base;         /* as computed, not backed off */
    uint8_t backoff;      /* how often it has been doubled since the last sample */
};

#define TCP_RTO_INITIAL TIME_S     /* section 2.1 */
#define TCP_RTO_MAX (60 * TIME_S)  /* section 2.5 */
#define TCP_RTO_AFTER_SYN_LOSS (3 * TIME_S) /* section 5.7 */

void tcp_rto_init(struct tcp_rto *rto, int64_t minimum);

/* A round trip was measured (sections 2.2 and 2.3); takes the backoff away. */
void tcp_rto_sample(struct tcp_rto *rto, int64_t round_trip);

/* The timer ran out (section 5.5). */
void tcp_rto_back_off(struct tcp_rto *rto);

/* The handshake is through and its SYN had to be sent again, so nothing is known of the round trip (section 5.7). */
void tcp_rto_after_syn_loss(struct tcp_rto *rto);

/* How long to wait now. */
int64_t tcp_rto_value(const struct tcp_rto *rto);

#endif
