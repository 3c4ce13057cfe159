#include "core/net/tcp_rto.h"

#include <glib.h>

#define GRANULARITY TIME_MS /* G: of the clock that a host would have, so that a perfect path still leaves some room */

void
tcp_rto_init(struct tcp_rto *rto, int64_t minimum)
{
    *rto = (struct tcp_rto){ .minimum = minimum, .base = TCP_RTO_INITIAL };
}

void
tcp_rto_sample(struct tcp_rto *rto, int64_t round_trip)
{
    if (round_trip < 1)
        round_trip = 1;
    if (rto->srtt == 0) {
        rto->srtt = round_trip;
        rto->rttvar = round_trip / 2;
    } else { /* alpha 1/8, beta 1/4; RTTVAR first, from the old SRTT */
        int64_t off = rto->srtt > round_trip ? rto->srtt - round_trip : round_trip - rto->srtt;

        rto->rttvar += (off - rto->rttvar) / 4;
        rto->srtt += (round_trip - rto->srtt) / 8;
    }
    rto->base = CLAMP(rto->srtt + MAX(GRANULARITY, 4 * rto->rttvar), rto->minimum, TCP_RTO_MAX);
    rto->backoff = 0;
}

void
tcp_rto_back_off(struct tcp_rto *rto)
{
    if (tcp_rto_value(rto) < TCP_RTO_MAX)
        rto->backoff++;
}

void
tcp_rto_after_syn_loss(struct tcp_rto *rto)
{
    rto->backoff = 0;
    rto->base = MAX(rto->base, TCP_RTO_AFTER_SYN_LOSS);
}

int64_t
tcp_rto_value(const struct tcp_rto *rto)
{
    return MIN(rto->base << rto->backoff, TCP_RTO_MAX);
}
