/* The states are told in the header; what moves them on:
 *
 *   INIT-x        SYN of the other side -> ESTABLISHED, with ACK or, as both sides open at once, without (RFC 5382
 *                 REQ-2a)
 *   ESTABLISHED   FIN of x -> FIN-x
 *   FIN-x         FIN of the other side -> FINS
 *   those three   RST -> TRANS
 *   TRANS         anything but a RST -> back
 *   FINS, TRANS   a SYN that asks for a connection -> INIT-x: the old one is over and its ports are used again (RFC
 *                 9293 section 3.6.1). RFC 6146 knows no such step, and a connection begun in TIME-WAIT would then lose
 *                 its mapping under way.
 *
 * A RST in INIT-x refuses what was asked for: the state stays and its time goes on running out. Nor does one change
 * FINS. */
#include "nat/tcp.h"

static const struct {
    const char *word;
    enum nat_tcp_timer timer;
} states[] = {
    [NAT_TCP_INIT_INSIDE] = { "INIT-INSIDE", NAT_TCP_OPENING },
    [NAT_TCP_INIT_OUTSIDE] = { "INIT-OUTSIDE", NAT_TCP_OPENING },
    [NAT_TCP_ESTABLISHED] = { "ESTABLISHED", NAT_TCP_IDLE },
    [NAT_TCP_FIN_INSIDE] = { "FIN-INSIDE", NAT_TCP_IDLE },
    [NAT_TCP_FIN_OUTSIDE] = { "FIN-OUTSIDE", NAT_TCP_IDLE },
    [NAT_TCP_FINS] = { "FINS", NAT_TCP_CLOSING },
    [NAT_TCP_TRANS] = { "TRANS", NAT_TCP_CLOSING },
};
G_STATIC_ASSERT(G_N_ELEMENTS(states) == NAT_TCP_STATES);

const char *
nat_tcp_state_word(enum nat_tcp_state state)
{
    return (unsigned)state < NAT_TCP_STATES ? states[state].word : "?";
}

enum nat_tcp_timer
nat_tcp_timer_of(enum nat_tcp_state state)
{
    return states[state].timer;
}

struct nat_tcp
nat_tcp_begin(enum nat_tcp_side side)
{
    return (struct nat_tcp){ side == NAT_TCP_INSIDE ? NAT_TCP_INIT_INSIDE : NAT_TCP_INIT_OUTSIDE, 0 };
}

static struct nat_tcp
reset(struct nat_tcp tcp)
{
    switch (tcp.state) {
    case NAT_TCP_ESTABLISHED:
    case NAT_TCP_FIN_INSIDE:
    case NAT_TCP_FIN_OUTSIDE:
        return (struct nat_tcp){ NAT_TCP_TRANS, tcp.state };
    default:
        return tcp;
    }
}

/* Where SYN and FIN lead, in every state but TRANS. */
static enum nat_tcp_state
step(enum nat_tcp_state state, uint8_t flags, enum nat_tcp_side side)
{
    bool syn = flags & TCP_SYN, fin = flags & TCP_FIN, inside = side == NAT_TCP_INSIDE;

    switch (state) {
    case NAT_TCP_INIT_INSIDE:
        return syn && !inside ? NAT_TCP_ESTABLISHED : state;
    case NAT_TCP_INIT_OUTSIDE:
        return syn && inside ? NAT_TCP_ESTABLISHED : state;
    case NAT_TCP_ESTABLISHED:
        return !fin ? state : inside ? NAT_TCP_FIN_INSIDE : NAT_TCP_FIN_OUTSIDE;
    case NAT_TCP_FIN_INSIDE:
        return fin && !inside ? NAT_TCP_FINS : state;
    case NAT_TCP_FIN_OUTSIDE:
        return fin && inside ? NAT_TCP_FINS : state;
    default:
        return state;
    }
}

struct nat_tcp
nat_tcp_next(struct nat_tcp tcp, uint8_t flags, enum nat_tcp_side side)
{
    if (flags & TCP_RST)
        return reset(tcp);
    if (nat_tcp_opens(flags) && nat_tcp_timer_of(tcp.state) == NAT_TCP_CLOSING)
        return nat_tcp_begin(side);
    if (tcp.state == NAT_TCP_TRANS)
        tcp = (struct nat_tcp){ tcp.before, 0 };
    tcp.state = (uint8_t)step(tcp.state, flags, side);
    return tcp;
}
