/* One connection, state by state and segment by segment: RFC 9293 section 3.10, with RFC 5961's challenges. */
#include "tests/unit/support.h"
#include "tests/unit/support_tcp.h"

/* The way into each state. */
#define SYN_SENT "connect; > S 0; = SYN-SENT; "
#define SYN_RECEIVED "listen; in S 0; > SA 0 ack 1; = SYN-RECEIVED; "
#define BOTH_SYNS SYN_SENT "in S 0; > SA 0 ack 1; = SYN-RECEIVED; "
#define ESTABLISHED SYN_SENT "in SA 0 ack 1; > A 1 ack 1; = ESTABLISHED; "
#define FIN_WAIT_1 ESTABLISHED "shutdown; > FA 1 ack 1; = FIN-WAIT-1; "
#define FIN_WAIT_2 FIN_WAIT_1 "in A 1 ack 2; = FIN-WAIT-2; "
#define CLOSE_WAIT ESTABLISHED "in FA 1 ack 1; > A 1 ack 2; = CLOSE-WAIT; "
#define CLOSING FIN_WAIT_1 "in FA 1 ack 1; > A 2 ack 2; = CLOSING; "
#define LAST_ACK CLOSE_WAIT "shutdown; > FA 1 ack 2; = LAST-ACK; "
#define TIME_WAIT FIN_WAIT_2 "in FA 1 ack 2; > A 2 ack 2; = TIME-WAIT; "

struct talk_row {
    const char *name, *script;
};

static void
talk_all(const struct talk_row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        tcp_talk(rows[i].name, NULL, rows[i].script);
}

/* Section 3.5: the handshakes of figures 6 and 7, and section 3.10.7.3. */
static void
test_opening(void)
{
    static const struct talk_row rows[] = {
        { "figure 6, active side", SYN_SENT "busy; in SA 0 ack 1; ! none; > A 1 ack 1; = ESTABLISHED; "
          "news connected; idle" },
        { "figure 6, passive side", SYN_RECEIVED "busy; in A 1 ack 1; ! none; = ESTABLISHED; news connected; -; idle" },
        { "figure 7, both at once", BOTH_SYNS "in SA 0 ack 1; ! none; = ESTABLISHED; news connected; -" },
        { "both at once, the ACK alone comes first", BOTH_SYNS "in A 1 ack 1; = ESTABLISHED; -" },
        { "both at once: the SYN again", BOTH_SYNS "in S 0; ! already-received; > SA 0 ack 1; in A 1 ack 1; = ESTABLISHED" },
        { "both at once: our SYN-ACK got lost", BOTH_SYNS "busy; at 1000; >@1000 SA 0 ack 1; at 3000; >@3000 SA 0 ack 1; "
          "in SA 0 ack 1; = ESTABLISHED; -; idle" },
        { "both at once: the peer stands already and says so", BOTH_SYNS "in A 1+5 ack 1; = ESTABLISHED; "
          "news connected readable; read 5" },
        { "both at once: the peer's SYN-ACK comes late", BOTH_SYNS "in A 1 ack 1; = ESTABLISHED; in SA 0 ack 1; "
          "! challenged; > A 1 ack 1; = ESTABLISHED" },
        { "both at once: closed before it stands", BOTH_SYNS "shutdown; -; in SA 0 ack 1; = FIN-WAIT-1; > FA 1 ack 1" },
        { "both at once: reset by the user", BOTH_SYNS "abort; > R 1; = CLOSED" },
        { "both at once: nobody answers any more", BOTH_SYNS "at 190000; forget; = CLOSED; read failed timeout" },
        { "SYN-SENT: a wrong ACK is reset", SYN_SENT "in A 5 ack 7; ! bad-acknowledgement; > R 7; = SYN-SENT" },
        { "SYN-SENT: an ACK of nothing is reset", SYN_SENT "in SA 0 ack 0; ! bad-acknowledgement; > R 0; = SYN-SENT" },
        { "SYN-SENT: a wrong ACK with RST", SYN_SENT "in RA 0 ack 7; ! bad-acknowledgement; -; = SYN-SENT" },
        { "SYN-SENT: RST with the right ACK", SYN_SENT "in RA 0 ack 1; ! none; -; = CLOSED; news failed; "
          "read failed refused" },
        { "SYN-SENT: RST without ACK", SYN_SENT "in R 0; ! bad-acknowledgement; -; = SYN-SENT" },
        { "SYN-SENT: neither SYN nor RST", SYN_SENT "in A 0 ack 1; ! bad-sequence; -; = SYN-SENT" },
        { "SYN-SENT: data on the SYN comes again", SYN_SENT "in SA 0+10 ack 1; > A 1 ack 1; = ESTABLISHED; "
          "in A 1+10 ack 1; read 10; after 40; > A 1 ack 11" },
        { "SYN-RECEIVED: the SYN again", SYN_RECEIVED "in S 0; ! already-received; > SA 0 ack 1; = SYN-RECEIVED" },
        { "SYN-RECEIVED: another SYN in the window, passive", SYN_RECEIVED "in S 100; -; = CLOSED; news" },
        { "SYN-RECEIVED: another SYN in the window, active", BOTH_SYNS "in S 100; ! challenged; > A 1 ack 1; "
          "= SYN-RECEIVED" },
        { "SYN-RECEIVED: RST, passive: back to LISTEN", SYN_RECEIVED "in R 1; ! none; -; = CLOSED; news" },
        { "SYN-RECEIVED: RST, active: refused", BOTH_SYNS "in R 1; -; = CLOSED; news failed; read failed refused" },
        { "SYN-RECEIVED: RST elsewhere in the window", SYN_RECEIVED "in R 2; ! challenged; > A 1 ack 1; "
          "= SYN-RECEIVED" },
        { "SYN-RECEIVED: RST outside", SYN_RECEIVED "in R 0; ! bad-sequence; -; = SYN-RECEIVED" },
        { "SYN-RECEIVED: an ACK of too much", SYN_RECEIVED "in A 1 ack 2; ! bad-acknowledgement; > R 2; "
          "= SYN-RECEIVED" },
        { "SYN-RECEIVED: an ACK of nothing", SYN_RECEIVED "in A 1 ack 0; ! bad-acknowledgement; > R 0; "
          "= SYN-RECEIVED" },
        { "SYN-RECEIVED: no ACK", SYN_RECEIVED "in . 1+5; ! bad-acknowledgement; -; = SYN-RECEIVED" },
        { "SYN-RECEIVED: data with the ACK", SYN_RECEIVED "in A 1+5 ack 1; = ESTABLISHED; news connected readable; "
          "read 5; after 40; > A 1 ack 6" },
        { "SYN-RECEIVED: a FIN with the ACK", SYN_RECEIVED "in FA 1 ack 1; = CLOSE-WAIT; > A 1 ack 2; read 0" },
        { "SYN-RECEIVED: closed before it stands", SYN_RECEIVED "shutdown; -; in A 1 ack 1; = FIN-WAIT-1; "
          "> FA 1 ack 1" },
        { "SYN-SENT: what was written early goes when it stands", SYN_SENT "write 30; -; in SA 0 ack 1; "
          "= ESTABLISHED; > PA 1+30 ack 1" },
        { "SYN-SENT: closed and forgotten", SYN_SENT "release; -; = CLOSED" },
        { "SYN-SENT: reset needs no word", SYN_SENT "abort; -; = CLOSED" },
        { "SYN-RECEIVED: reset", SYN_RECEIVED "abort; > R 1; = CLOSED" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

/* Section 3.6: figures 12 and 13 and the other ways to close. */
static void
test_closing(void)
{
    static const struct talk_row rows[] = {
        { "figure 12, who closes first", FIN_WAIT_1 "busy; in A 1 ack 2; = FIN-WAIT-2; idle; in FA 1 ack 2; "
          "news connected readable; read 0; > A 2 ack 2; = TIME-WAIT; idle" },
        { "figure 12, who closes second", CLOSE_WAIT "news connected readable; read 0; write 10; > PA 1+10 ack 2; "
          "in A 2 ack 11; shutdown; > FA 11 ack 2; = LAST-ACK; busy; in A 2 ack 12; ! none; = CLOSED; news" },
        { "figure 13, both at once", CLOSING "in A 2 ack 2; = TIME-WAIT; -" },
        { "FIN and its ACK in one", FIN_WAIT_1 "in FA 1 ack 2; > A 2 ack 2; = TIME-WAIT" },
        { "half-closed, and reset by the peer", FIN_WAIT_2 "in A 1+5 ack 2; in R 6; = CLOSED; read 5; "
          "read failed reset" },
        { "half-closed by the peer: we go on", CLOSE_WAIT "write 1000; > PA 1+1000 ack 2; in A 2 ack 1001; idle; "
          "= CLOSE-WAIT; shutdown; > FA 1001 ack 2" },
        { "urgent data comes in line", ESTABLISHED "in UPA 1+10 ack 1; news connected readable; read 10" },
        { "half-closed: the peer goes on", FIN_WAIT_2 "in A 1+500 ack 2; in A 501+500 ack 2; > A 2 ack 1001; "
          "read 1000; in FA 1001 ack 2; > A 2 ack 1002; read 0; = TIME-WAIT" },
        { "data before the FIN", ESTABLISHED "nagle off; write 1500; > A 1+1000 ack 1; > PA 1001+500 ack 1; "
          "shutdown; > FA 1501 ack 1; in A 1 ack 1501; = FIN-WAIT-1; in A 1 ack 1502; = FIN-WAIT-2" },
        { "FIN on the last data", ESTABLISHED "write 1000; > PA 1+1000 ack 1; write 300; -; shutdown; "
          "> FPA 1001+300 ack 1; in A 1 ack 1302; = FIN-WAIT-2" },
        { "FIN again in CLOSE-WAIT", CLOSE_WAIT "in FA 1 ack 1; ! already-received; > A 1 ack 2; = CLOSE-WAIT" },
        { "FIN again in TIME-WAIT begins it anew", TIME_WAIT "at 200000; in FA 1 ack 2; ! already-received; "
          "> A 2 ack 2; at 439999; = TIME-WAIT; at 440000; = CLOSED; -" },
        { "TIME-WAIT lasts two MSL", TIME_WAIT "at 239999; = TIME-WAIT; at 240000; = CLOSED; news connected readable" },
        { "data behind the FIN", CLOSE_WAIT "in A 2+10 ack 1; ! bad-sequence; -; read 0; = CLOSE-WAIT" },
        { "a FIN that overtakes data waits for it", ESTABLISHED "in FA 501 ack 1; > A 1 ack 1; = ESTABLISHED; "
          "in A 1+500 ack 1; > A 1 ack 502; = CLOSE-WAIT; read 500; read 0" },
        { "the FIN gets lost", FIN_WAIT_1 "at 1000; >@1000 FA 1 ack 1; at 3000; >@3000 FA 1 ack 1; in A 1 ack 2; "
          "= FIN-WAIT-2" },
        { "the FIN gets lost in LAST-ACK", LAST_ACK "at 1000; >@1000 FA 1 ack 2; in A 2 ack 2; = CLOSED" },
        { "the FIN gets lost in CLOSING", CLOSING "at 1000; >@1000 FA 1 ack 2; in A 2 ack 2; = TIME-WAIT" },
        { "writing after closing", FIN_WAIT_1 "write 5 closed" },
        { "reset from ESTABLISHED", ESTABLISHED "abort; > R 1; = CLOSED" },
        { "reset behind data in flight", ESTABLISHED "write 100; > PA 1+100 ack 1; abort; > R 101; = CLOSED" },
        { "reset from FIN-WAIT-1", FIN_WAIT_1 "abort; > R 2; = CLOSED" },
        { "reset from FIN-WAIT-2", FIN_WAIT_2 "abort; > R 2; = CLOSED" },
        { "reset from CLOSE-WAIT", CLOSE_WAIT "abort; > R 1; = CLOSED" },
        { "reset from CLOSING: the peer knows", CLOSING "abort; -; = CLOSED" },
        { "reset from LAST-ACK: the peer knows", LAST_ACK "abort; -; = CLOSED" },
        { "reset from TIME-WAIT: the peer knows", TIME_WAIT "abort; -; = CLOSED" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

/* Section 3.6.1: who has gone reads nothing; but what he wrote is delivered. */
static void
test_orphans(void)
{
    static const struct talk_row rows[] = {
        { "data for nobody resets in FIN-WAIT-2", ESTABLISHED "release; > FA 1 ack 1; in A 1 ack 2; = FIN-WAIT-2; "
          "in A 1+10 ack 2; ! socket-closed; > R 2; = CLOSED" },
        { "but not before the own data has arrived", ESTABLISHED "write 10; > PA 1+10 ack 1; release; > FA 11 ack 1; "
          "in A 1+10 ack 1; ! socket-closed; -; = FIN-WAIT-1; in A 1 ack 12; > R 12; = CLOSED" },
        { "unread data resets when all is said", ESTABLISHED "in A 1+10 ack 1; after 40; > A 1 ack 11; release; "
          "> FA 1 ack 11; in A 11 ack 2; > R 2; = CLOSED" },
        { "an orphan waits a minute for the FIN", ESTABLISHED "release; > FA 1 ack 1; in A 1 ack 2; = FIN-WAIT-2; "
          "idle; at 59999; = FIN-WAIT-2; at 60000; = CLOSED" },
        { "one who half-closed and then goes, too", FIN_WAIT_2 "at 100000; release; at 159999; = FIN-WAIT-2; "
          "at 160000; = CLOSED" },
        { "with an owner it waits for ever", FIN_WAIT_2 "at 10000000; = FIN-WAIT-2" },
        { "an orphan goes through TIME-WAIT", ESTABLISHED "release; > FA 1 ack 1; in FA 1 ack 2; > A 2 ack 2; "
          "= TIME-WAIT; at 240000; = CLOSED" },
        { "an orphan in LAST-ACK", CLOSE_WAIT "release; > FA 1 ack 2; = LAST-ACK; in A 2 ack 2; = CLOSED" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

/* Section 3.10.7.4, "second, check the RST bit", and RFC 5961 section 3.2: in each synchronized state. */
static void
test_reset_acceptability(void)
{
    static const struct {
        const char *name, *way;
        unsigned next, own, peer_next; /* what the peer sends next; what we would; the ACK that we would send */
        const char *result;
    } states[] = {
        { "ESTABLISHED", ESTABLISHED, 1, 1, 1, "reset" },
        { "FIN-WAIT-1", FIN_WAIT_1, 1, 2, 1, "reset" },
        { "FIN-WAIT-2", FIN_WAIT_2, 1, 2, 1, "reset" },
        { "CLOSE-WAIT", CLOSE_WAIT, 2, 1, 2, "reset" },
        { "CLOSING", CLOSING, 2, 2, 2, NULL },
        { "LAST-ACK", LAST_ACK, 2, 2, 2, NULL },
        { "TIME-WAIT", TIME_WAIT, 2, 2, 2, NULL },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(states); i++) {
        const char *name = states[i].name;
        unsigned next = states[i].next;
        g_autofree char *exact = g_strdup_printf("%sin R %u; ! none; -; = CLOSED; %s%s", states[i].way, next,
                                                 states[i].result ? "read failed " : "",
                                                 states[i].result ? states[i].result : "");
        g_autofree char *inside = g_strdup_printf("%sin R %u; ! challenged; > A %u ack %u; "
          "= %s", states[i].way, next + 1,
                                                  states[i].own, states[i].peer_next, name);
        g_autofree char *far = g_strdup_printf("%sin R %u; ! challenged; > A %u ack %u; = %s", states[i].way, 60000,
                                               states[i].own, states[i].peer_next, name);
        g_autofree char *before = g_strdup_printf("%sin R %u; ! bad-sequence; -; = %s", states[i].way, next - 1, name);
        g_autofree char *behind = g_strdup_printf("%sin R %u; ! bad-sequence; -; = %s", states[i].way, 60100, name);

        tcp_talk(name, NULL, exact);
        tcp_talk(name, NULL, inside);
        tcp_talk(name, NULL, far);
        tcp_talk(name, NULL, before);
        tcp_talk(name, NULL, behind);
    }
}

/* RFC 5961 section 4.2: a SYN in a synchronized state is challenged, whatever its number. Section 5.2: so is an ACK of
 * what was never sent, or of what lies further back than the largest window. */
static void
test_challenges(void)
{
    static const struct talk_row rows[] = {
        { "SYN in the window", ESTABLISHED "in S 10; ! challenged; > A 1 ack 1; = ESTABLISHED" },
        { "SYN outside", ESTABLISHED "in S 100000; ! challenged; > A 1 ack 1; = ESTABLISHED" },
        { "SYN with an ACK", ESTABLISHED "in SA 0 ack 1; ! challenged; > A 1 ack 1; = ESTABLISHED" },
        { "SYN in FIN-WAIT-2", FIN_WAIT_2 "in S 1; ! challenged; > A 2 ack 1; = FIN-WAIT-2" },
        { "SYN in CLOSE-WAIT", CLOSE_WAIT "in S 2; ! challenged; > A 1 ack 2; = CLOSE-WAIT" },
        { "an ACK of what was never sent", ESTABLISHED "in A 1 ack 2; ! bad-acknowledgement; > A 1 ack 1; "
          "= ESTABLISHED" },
        { "an ACK too old", ESTABLISHED "in A 1+5 ack -70000; ! bad-acknowledgement; > A 1 ack 1; read again" },
        { "an old ACK with data", ESTABLISHED "write 100; > PA 1+100 ack 1; in A 1 ack 101; in A 1+5 ack 50; ! none; "
          "read 5; after 40; > A 101 ack 6" },
        { "no ACK at all", ESTABLISHED "in . 1+5; ! bad-acknowledgement; -; read again" },
        { "ten in five seconds", ESTABLISHED
          "in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; "
          "in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; in R 2; > A 1 ack 1; "
          "in R 2; ! challenged; -; at 4999; in S 2; -; at 5000; in R 2; > A 1 ack 1" },
        { "a peer that has forgotten is found out", ESTABLISHED "in S 30000; > A 1 ack 1; in R 1; = CLOSED; "
          "read failed reset" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

/* Section 3.4, the table of acceptability; section 3.10.7.4, "first". */
static void
test_sequence_acceptability(void)
{
    static const struct talk_row rows[] = {
        { "empty, window open, at the left edge", ESTABLISHED "in A 1 ack 1; ! none; -" },
        { "empty, one before", ESTABLISHED "in A 0 ack 1; ! already-received; > A 1 ack 1" },
        { "empty, last in the window", ESTABLISHED "in A 60000 ack 1; ! none; -" },
        { "empty, behind the window", ESTABLISHED "in A 60001 ack 1; ! bad-sequence; > A 1 ack 1" },
        { "empty, at the right edge: not acceptable, but for what it acknowledges", ESTABLISHED
          "write 100; > PA 1+100 ack 1; in A 60001 ack 101; ! bad-sequence; > A 101 ack 1; idle" },
        { "empty, a probe beyond the edge, too", ESTABLISHED "write 100; > PA 1+100 ack 1; in A 60002 ack 101; "
          "! bad-sequence; > A 101 ack 1; idle" },
        { "empty, further beyond", ESTABLISHED "write 100; > PA 1+100 ack 1; in A 60003 ack 101; ! bad-sequence; "
          "> A 101 ack 1; busy" },
        { "empty, a segment back", ESTABLISHED "write 100; > PA 1+100 ack 1; in A -999 ack 101; ! already-received; "
          "> A 101 ack 1; idle" },
        { "empty, further back", ESTABLISHED "write 100; > PA 1+100 ack 1; in A -1000 ack 101; ! already-received; "
          "> A 101 ack 1; busy" },
        { "empty, outside, and acknowledging what was never sent", ESTABLISHED "write 100; > PA 1+100 ack 1; "
          "in A 0 ack 102; ! already-received; > A 101 ack 1; busy" },
        { "the last ACK, from outside", LAST_ACK "in A 1 ack 2; ! bad-sequence; -; = CLOSED" },
        { "data, all known", ESTABLISHED "in A 1+10 ack 1; in A 1+10 ack 1; ! already-received; > A 1 ack 11; "
          "read 10" },
        { "data, half known", ESTABLISHED "in A 1+10 ack 1; in A 6+10 ack 1; ! none; > A 1 ack 16; read 15" },
        { "data, half behind the window", ESTABLISHED "in A 59996+10 ack 1; ! none; > A 1 ack 1; "
          "in A 60001+10 ack 1; ! bad-sequence; > A 1 ack 1" },
        { "data of the other half of the space", ESTABLISHED "in A -2000000000+10 ack 1; > A 1 ack 1" },
        { "bare ACKs that do not fit are answered ten times only", ESTABLISHED
          "in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; "
          "in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; "
          "in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; > A 1 ack 1; in A 0 ack 1; -" },
        { "window closed, data", ESTABLISHED "in A 1+60000 ack 1; after 40; > A 1 ack 60001 win 0; "
          "in A 60001+1 ack 1; ! socket-full; > A 1 ack 60001 win 0" },
        { "window closed, a valid ACK is taken", ESTABLISHED "in A 1+60000 ack 1; after 40; > A 1 ack 60001 win 0; "
          "write 5; > PA 1+5 ack 60001; in A 60001+1 ack 6; ! socket-full; > A 6 ack 60001 win 0; idle" },
        { "window closed, a RST is taken", ESTABLISHED "in A 1+60000 ack 1; after 40; > A 1 ack 60001 win 0; "
          "in R 60001; = CLOSED; read 60000; read failed reset" },
        { "window closed, a FIN is not", ESTABLISHED "in A 1+60000 ack 1; after 40; > A 1 ack 60001 win 0; "
          "in FA 60001 ack 1; > A 1 ack 60001 win 0; = ESTABLISHED; read 60000; > A 1 ack 60001 win 60000; "
          "in FA 60001 ack 1; > A 1 ack 60002; = CLOSE-WAIT" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

/* Section 3.10.7.1: segments for no connection; section 3.10.7.2: for a listener. */
static void
test_without_connection(void)
{
    static const struct {
        const char *name;
        uint8_t flags;
        size_t length;
        bool answered;
        uint8_t answer;
        uint32_t seq, ack;
        enum tcp_listen_verdict verdict;
    } rows[] = {
        { "a SYN", TCP_SYN, 0, true, TCP_RST | TCP_ACK, 0, 1001, TCP_LISTEN_OPEN },
        { "a SYN with data", TCP_SYN, 10, true, TCP_RST | TCP_ACK, 0, 1011, TCP_LISTEN_OPEN },
        { "an ACK", TCP_ACK, 0, true, TCP_RST, 777, 0, TCP_LISTEN_RESET },
        { "a SYN with an ACK", TCP_SYN | TCP_ACK, 0, true, TCP_RST, 777, 0, TCP_LISTEN_RESET },
        { "a RST", TCP_RST, 0, false, 0, 0, 0, TCP_LISTEN_IGNORE },
        { "a RST with an ACK", TCP_RST | TCP_ACK, 0, false, 0, 0, 0, TCP_LISTEN_IGNORE },
        { "nothing", 0, 5, true, TCP_RST | TCP_ACK, 0, 1005, TCP_LISTEN_IGNORE },
        { "a FIN", TCP_FIN, 0, true, TCP_RST | TCP_ACK, 0, 1001, TCP_LISTEN_IGNORE },
        { "a FIN with an ACK", TCP_FIN | TCP_ACK, 5, true, TCP_RST, 777, 0, TCP_LISTEN_RESET },
        { "a SYN with a FIN", TCP_SYN | TCP_FIN, 0, true, TCP_RST | TCP_ACK, 0, 1002, TCP_LISTEN_IGNORE },
    };
    static const uint8_t data[10];

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct tcp_segment reply = { 0 }, segment = {
            .flags = rows[i].flags, .seq = 1000, .ack = 777, .data = { data, rows[i].length },
        };

        CHECK_ROW(rows[i].name, tcp_closed_answer(&segment, &reply) == rows[i].answered);
        if (rows[i].answered) {
            CHECK_ROW_UINT(rows[i].name, reply.flags, rows[i].answer);
            CHECK_ROW_UINT(rows[i].name, reply.seq, rows[i].seq);
            CHECK_ROW_UINT(rows[i].name, reply.ack, rows[i].ack);
        }
        CHECK_ROW(rows[i].name, tcp_listen_answer(&segment, &reply) == rows[i].verdict);
        if (rows[i].verdict == TCP_LISTEN_RESET) {
            CHECK_ROW_UINT(rows[i].name, reply.flags, TCP_RST);
            CHECK_ROW_UINT(rows[i].name, reply.seq, 777);
        }
    }
}

/* Section 3.9.2.2, RFC 5461: unreachable while opening is the end, later it is not. */
static void
test_icmp(void)
{
    static const struct talk_row rows[] = {
        { "SYN-SENT, hard", SYN_SENT "unreachable unreachable; = CLOSED; news failed; read failed unreachable" },
        { "SYN-SENT, soft", SYN_SENT "unreachable unreachable soft; = SYN-SENT; news; in SA 0 ack 1; > A 1 ack 1; "
          "= ESTABLISHED" },
        { "both SYNs sent, hard", BOTH_SYNS "unreachable refused; = CLOSED; read failed refused" },
        { "passive", SYN_RECEIVED "unreachable unreachable; = SYN-RECEIVED" },
        { "ESTABLISHED: told when it gives up", ESTABLISHED "write 10; unreachable unreachable; = ESTABLISHED; "
          "news connected; at 130000; forget; = CLOSED; read failed unreachable" },
        { "ESTABLISHED: forgotten when it goes on", ESTABLISHED "write 10; unreachable unreachable; forget; "
          "in A 1 ack 11; write 10; at 130000; forget; = CLOSED; read failed timeout" },
        { "too big: the segments go again, smaller", ESTABLISHED "nagle off; write 2500; > A 1+1000 ack 1; "
          "> A 1001+1000 ack 1; > PA 2001+500 ack 1; toobig 600; > A 1+600 ack 1; > A 601+600 ack 1; "
          "> A 1201+600 ack 1; > A 1801+600 ack 1; > PA 2401+100 ack 1; cwnd 4000; toobig 600; -" },
        { "too big, absurdly", ESTABLISHED "write 100; > PA 1+100 ack 1; toobig 1; > A 1+48 ack 1; > A 49+48 ack 1; "
          "> PA 97+4 ack 1" },
    };

    talk_all(rows, G_N_ELEMENTS(rows));
}

static void
test_names(void)
{
    for (int state = TCP_CLOSED; state <= TCP_TIME_WAIT; state++)
        CHECK(tcp_state_name((enum tcp_state)state)[0] != '\0');
    CHECK_ROW_TEXT("the RFC's spelling", tcp_state_name(TCP_FIN_WAIT_1), "FIN-WAIT-1");
    CHECK_ROW_TEXT("the first", tcp_state_name(TCP_CLOSED), "CLOSED");
    CHECK_ROW_TEXT("the last", tcp_state_name(TCP_TIME_WAIT), "TIME-WAIT");
}

void
suite_tcp_machine(void)
{
    UNIT_SUITE("tcp machine", NULL, NULL, { "opening", test_opening }, { "closing", test_closing },
               { "orphans", test_orphans }, { "RST acceptability", test_reset_acceptability },
               { "challenges", test_challenges }, { "sequence acceptability", test_sequence_acceptability },
               { "without a connection", test_without_connection }, { "ICMP", test_icmp }, { "names", test_names });
}
