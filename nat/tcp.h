/* What a NAT follows of a TCP connection: a pure machine that sees the flags of the segments that pass.
 *
 * RFC 7857 section 2, which takes it from RFC 6146 section 3.5.2. A connection has two sides, inside and outside:
 *
 *   INIT-INSIDE, INIT-OUTSIDE   one side has sent a SYN: partially open
 *   ESTABLISHED                 both have
 *   FIN-INSIDE, FIN-OUTSIDE     one side has sent a FIN; the other may go on for hours (RFC 5382 section 5)
 *   FINS                        both have
 *   TRANS                       one side has sent a RST. It may be forged, and the other side then goes on
 *                               (RFC 7857 section 2.2)
 *
 * CLOSED is no state: nothing is kept of such a connection. Sequence numbers are not looked at. */
#ifndef NAT_TCP_H
#define NAT_TCP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/net/tcp_segment.h"

enum nat_tcp_state {
    NAT_TCP_INIT_INSIDE,
    NAT_TCP_INIT_OUTSIDE,
    NAT_TCP_ESTABLISHED,
    NAT_TCP_FIN_INSIDE,
    NAT_TCP_FIN_OUTSIDE,
    NAT_TCP_FINS,
    NAT_TCP_TRANS,
    NAT_TCP_STATES
};

enum nat_tcp_side { NAT_TCP_INSIDE, NAT_TCP_OUTSIDE };

/* How long a state lasts without traffic: three settings (RFC 5382 REQ-5, RFC 7857 section 2.1). */
enum nat_tcp_timer { NAT_TCP_OPENING, NAT_TCP_IDLE, NAT_TCP_CLOSING };

struct nat_tcp {
    uint8_t state;  /* enum nat_tcp_state */
    uint8_t before; /* of TRANS: where it came from, and goes back to */
};

/* "INIT-INSIDE" */
const char *nat_tcp_state_word(enum nat_tcp_state state);

enum nat_tcp_timer nat_tcp_timer_of(enum nat_tcp_state state);

/* Whether a segment with these flags (enum tcp_flags) asks for a connection. */
static inline bool
nat_tcp_opens(uint8_t flags)
{
    return (flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/* Whether it shows that the connection is alive: a RST doesn't (RFC 7857 sections 2.2 and 7.1). */
static inline bool
nat_tcp_refreshes(uint8_t flags)
{
    return !(flags & TCP_RST);
}

/* The state of a connection that a SYN from `side` asks for. */
struct nat_tcp nat_tcp_begin(enum nat_tcp_side side);

/* Where a segment from `side` leads. */
struct nat_tcp nat_tcp_next(struct nat_tcp tcp, uint8_t flags, enum nat_tcp_side side);

#endif
