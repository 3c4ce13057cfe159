/* The state machine of RFC 7857 section 2 and RFC 6146 section 3.5.2.2, step by step. */
#include "nat/tcp.h"
#include "tests/unit/support.h"

enum { II = NAT_TCP_INIT_INSIDE, IO = NAT_TCP_INIT_OUTSIDE, E = NAT_TCP_ESTABLISHED, FI = NAT_TCP_FIN_INSIDE,
       FO = NAT_TCP_FIN_OUTSIDE, FF = NAT_TCP_FINS, T = NAT_TCP_TRANS };

/* Where each state goes with a segment from inside, and from outside. TRANS came from ESTABLISHED. */
static const struct {
    const char *name;
    uint8_t flags;
    uint8_t inside[NAT_TCP_STATES], outside[NAT_TCP_STATES];
} rows[] = {
    { "SYN", TCP_SYN, { II, E, E, FI, FO, II, II }, { E, IO, E, FI, FO, IO, IO } },
    { "SYN ACK", TCP_SYN | TCP_ACK, { II, E, E, FI, FO, FF, E }, { E, IO, E, FI, FO, FF, E } },
    { "ACK", TCP_ACK, { II, IO, E, FI, FO, FF, E }, { II, IO, E, FI, FO, FF, E } },
    { "nothing", 0, { II, IO, E, FI, FO, FF, E }, { II, IO, E, FI, FO, FF, E } },
    { "FIN", TCP_FIN | TCP_ACK, { II, IO, FI, FI, FF, FF, FI }, { II, IO, FO, FF, FO, FF, FO } },
    { "SYN FIN", TCP_SYN | TCP_FIN, { II, E, FI, FI, FF, II, II }, { E, IO, FO, FF, FO, IO, IO } },
    { "RST", TCP_RST, { II, IO, T, T, T, FF, T }, { II, IO, T, T, T, FF, T } },
    { "RST ACK", TCP_RST | TCP_ACK, { II, IO, T, T, T, FF, T }, { II, IO, T, T, T, FF, T } },
    { "RST SYN FIN", TCP_RST | TCP_SYN | TCP_FIN, { II, IO, T, T, T, FF, T }, { II, IO, T, T, T, FF, T } },
};

static void
test_steps(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
        for (uint8_t state = 0; state < NAT_TCP_STATES; state++) {
            struct nat_tcp tcp = { state, state == NAT_TCP_TRANS ? NAT_TCP_ESTABLISHED : 0 };

            CHECK_ROW_TEXT(rows[i].name, nat_tcp_state_word(nat_tcp_next(tcp, rows[i].flags, NAT_TCP_INSIDE).state),
                           nat_tcp_state_word(rows[i].inside[state]));
            CHECK_ROW_TEXT(rows[i].name, nat_tcp_state_word(nat_tcp_next(tcp, rows[i].flags, NAT_TCP_OUTSIDE).state),
                           nat_tcp_state_word(rows[i].outside[state]));
        }
}

/* RFC 7857 section 2.2: what goes on after a RST goes on where it was. */
static void
test_comes_back(void)
{
    static const uint8_t states[] = { E, FI, FO };

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        struct nat_tcp tcp = nat_tcp_next((struct nat_tcp){ states[i], 0 }, TCP_RST, NAT_TCP_OUTSIDE);

        CHECK_ROW_INT("TRANS", tcp.state, T);
        tcp = nat_tcp_next(tcp, TCP_RST | TCP_ACK, NAT_TCP_INSIDE);
        CHECK_ROW_INT("still TRANS", tcp.state, T);
        tcp = nat_tcp_next(tcp, TCP_ACK, NAT_TCP_INSIDE);
        CHECK_ROW_INT("back", tcp.state, states[i]);
        CHECK_ROW_INT("as before", tcp.before, 0);
    }
}

static void
test_timers_and_flags(void)
{
    static const uint8_t timers[NAT_TCP_STATES] = { NAT_TCP_OPENING, NAT_TCP_OPENING, NAT_TCP_IDLE, NAT_TCP_IDLE,
                                                    NAT_TCP_IDLE, NAT_TCP_CLOSING, NAT_TCP_CLOSING };

    for (uint8_t state = 0; state < NAT_TCP_STATES; state++)
        CHECK_ROW_INT(nat_tcp_state_word(state), nat_tcp_timer_of(state), timers[state]);
    CHECK_ROW_TEXT("no state", nat_tcp_state_word(NAT_TCP_STATES), "?");
    for (unsigned flags = 0; flags < 256; flags++) {
        CHECK_ROW_INT("opens", nat_tcp_opens((uint8_t)flags),
                      flags & TCP_SYN && !(flags & TCP_ACK) && !(flags & TCP_RST));
        CHECK_ROW_INT("refreshes", nat_tcp_refreshes((uint8_t)flags), !(flags & TCP_RST));
    }
    CHECK_ROW_INT("from inside", nat_tcp_begin(NAT_TCP_INSIDE).state, II);
    CHECK_ROW_INT("from outside", nat_tcp_begin(NAT_TCP_OUTSIDE).state, IO);
}

void
suite_nat_tcp_machine(void)
{
    UNIT_SUITE("nat: the states of TCP", NULL, NULL, { "steps", test_steps }, { "comes back", test_comes_back },
               { "timers and flags", test_timers_and_flags });
}
