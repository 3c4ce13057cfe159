/* How a connection moves data: acknowledgements, timers, windows, congestion, and the options that carry them. */
#include "tests/unit/support.h"
#include "tests/unit/support_tcp.h"

#define ESTABLISHED "connect; > S 0; in SA 0 ack 1; > A 1 ack 1; = ESTABLISHED; "
/* Four segments fill the first window; after each acknowledgement of one, two more go: slow start. */
#define FOUR_SENT                                                                                                      \
    ESTABLISHED "write 4000; > A 1+1000 ack 1; > A 1001+1000 ack 1; > A 2001+1000 ack 1; > PA 3001+1000 ack 1; -; "
/* All eight segments from 4001 on are in flight, and fill the window. */
#define EIGHT_SENT                                                                                                     \
    ESTABLISHED "write 12000; in A 1 ack 1001; in A 1 ack 2001; in A 1 ack 3001; in A 1 ack 4001; forget; cwnd 8000; "

struct talk_row {
    const char *name, *script;
};

static void
talk_all(const struct talk_row *rows, size_t count, const struct tcp_settings *settings)
{
    for (size_t i = 0; i < count; i++)
        tcp_talk(rows[i].name, settings, rows[i].script);
}

/* RFC 6298 section 5, with a timeout of one second before there is a sample and at least one second after; RFC 9293
 * section 3.8.3: given up after R2, which is three minutes for a SYN. */
static void
test_retransmission_times(void)
{
    static const struct talk_row rows[] = {
        { "a SYN", "connect; >@0 S 0; at 200000; >@1000 S 0; >@3000 S 0; >@7000 S 0; >@15000 S 0; >@31000 S 0; "
          ">@63000 S 0; >@123000 S 0; = CLOSED; news failed; read failed timeout" },
        { "a SYN until the moment before", "connect; forget; at 182999; forget; = SYN-SENT; busy; at 183000; -; "
          "= CLOSED" },
        { "a SYN and ACK", "listen; in S 0; >@0 SA 0 ack 1; at 200000; >@1000 SA 0 ack 1; >@3000 SA 0 ack 1; "
          ">@7000 SA 0 ack 1; >@15000 SA 0 ack 1; >@31000 SA 0 ack 1; >@63000 SA 0 ack 1; >@123000 SA 0 ack 1; "
          "= CLOSED" },
        { "data", ESTABLISHED "write 10; >@0 PA 1+10 ack 1; at 200000; >@1000 PA 1+10 ack 1; >@3000 PA 1+10 ack 1; "
          ">@7000 PA 1+10 ack 1; >@15000 PA 1+10 ack 1; >@31000 PA 1+10 ack 1; >@63000 PA 1+10 ack 1; = CLOSED; "
          "read failed timeout" },
        { "given up after R2, but not before six timeouts", "connect; > S 0; at 999; in SA 0 ack 1; "
          "> A 1 ack 1; write 10; >@999 PA 1+10 ack 1; at 213905; >@3996 PA 1+10 ack 1; "
          ">@9990 PA 1+10 ack 1; >@21978 PA 1+10 ack 1; "
          ">@45954 PA 1+10 ack 1; >@93906 PA 1+10 ack 1; >@153906 PA 1+10 ack 1; = ESTABLISHED; at 213906; = CLOSED" },
        { "5.7: three seconds after a lost SYN", "connect; >@0 S 0; at 1000; >@1000 S 0; at 1100; in SA 0 ack 1; "
          "> A 1 ack 1; write 10; >@1100 PA 1+10 ack 1; at 4099; -; at 4100; >@4100 PA 1+10 ack 1" },
        { "the first window after a lost SYN is one segment", "connect; >@0 S 0; at 1000; >@1000 S 0; in SA 0 ack 1; "
          "> A 1 ack 1; cwnd 1000" },
        { "2.2: the first sample", "connect; > S 0; at 600; in SA 0 ack 1; > A 1 ack 1; write 10; "
          ">@600 PA 1+10 ack 1; at 2399; -; at 2400; >@2400 PA 1+10 ack 1" },
        { "2.3: the second sample", "connect; > S 0; at 600; in SA 0 ack 1; > A 1 ack 1; write 10; > PA 1+10 ack 1; "
          "at 1000; in A 1 ack 11; write 10; >@1000 PA 11+10 ack 1; at 2674; -; at 2675; >@2675 PA 11+10 ack 1" },
        { "Karn: no sample from what was sent twice", ESTABLISHED "write 10; > PA 1+10 ack 1; at 1000; "
          "> PA 1+10 ack 1; at 1900; in A 1 ack 11; write 10; >@1900 PA 11+10 ack 1; at 3899; -; at 3900; "
          ">@3900 PA 11+10 ack 1" },
        { "the next sample ends the backoff", ESTABLISHED "write 10; > PA 1+10 ack 1; at 1000; > PA 1+10 ack 1; "
          "in A 1 ack 11; write 10; >@1000 PA 11+10 ack 1; at 1010; in A 1 ack 21; write 10; >@1010 PA 21+10 ack 1; "
          "at 2009; -; at 2010; >@2010 PA 21+10 ack 1" },
        { "5.3: an acknowledgement of some restarts the timer", FOUR_SENT "at 600; in A 1 ack 1001; at 1599; -; "
          "at 1600; >@1600 A 1001+1000 ack 1" },
        { "a SYN's answer within the timeout", "connect; > S 0; at 999; in SA 0 ack 1; > A 1 ack 1; at 5000; -" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 9293 section 3.8.6.3, RFC 5681 section 4.2. */
static void
test_delayed_acknowledgement(void)
{
    static const struct talk_row rows[] = {
        { "one segment waits", ESTABLISHED "in A 1+100 ack 1; -; busy; at 39; -; at 40; >@40 A 1 ack 101; idle" },
        { "the second does not", ESTABLISHED "in A 1+100 ack 1; -; in A 101+100 ack 1; >@0 A 1 ack 201; at 100; -" },
        { "data carries it", ESTABLISHED "in A 1+100 ack 1; -; write 5; > PA 1+5 ack 101; at 100; -" },
        { "a gap is told at once", ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; in A 201+100 ack 1; > A 1 ack 1" },
        { "and its filling", ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; in A 1+100 ack 1; > A 1 ack 201; read 200" },
        { "half of it filled", ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; in A 1+50 ack 1; > A 1 ack 51; "
          "in A 51+50 ack 1; > A 1 ack 201; read 200" },
        { "three gaps, filled backwards", ESTABLISHED "in A 601+100 ack 1; > A 1 ack 1; in A 401+100 ack 1; "
          "> A 1 ack 1; in A 201+100 ack 1; > A 1 ack 1; in A 501+100 ack 1; > A 1 ack 1; in A 301+100 ack 1; "
          "> A 1 ack 1; in A 1+250 ack 1; > A 1 ack 701; read 700" },
        { "the same gap twice", ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; in A 101+100 ack 1; "
          "! already-received; > A 1 ack 1" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 896, RFC 9293 sections 3.7.4 and 3.8.6.2.1. */
static void
test_small_segments(void)
{
    static const struct talk_row rows[] = {
        { "Nagle: the first small one goes", ESTABLISHED "write 10; > PA 1+10 ack 1; write 10; -; write 10; -; "
          "in A 1 ack 11; > PA 11+20 ack 1" },
        { "Nagle: a full one goes", ESTABLISHED "write 10; > PA 1+10 ack 1; write 1000; > PA 11+1000 ack 1; write 5; "
          "-" },
        { "without", ESTABLISHED "nagle off; write 10; > PA 1+10 ack 1; write 10; > PA 11+10 ack 1" },
        { "switched off later", ESTABLISHED "write 10; > PA 1+10 ack 1; write 10; -; nagle off; > PA 11+10 ack 1" },
        { "closing sends the rest", ESTABLISHED "write 10; > PA 1+10 ack 1; write 10; -; shutdown; > FPA 11+10 ack 1" },
        { "a silly window is not used", ESTABLISHED "in A 1 ack 1 win 500; write 2000; -; in A 1 ack 1 win 999; -; "
          "in A 1 ack 1 win 1000; > A 1+1000 ack 1" },
        { "half of the largest window is", "connect; > S 0; in SA 0 ack 1 win 600; > A 1 ack 1; write 2000; "
          "> A 1+600 ack 1; in A 1 ack 601 win 299; -; in A 1 ack 601 win 300; > A 601+300 ack 1" },
        { "a silly window after a second", ESTABLISHED "in A 1 ack 1 win 500; write 2000; at 999; -; at 1000; "
          ">@1000 A 1+500 ack 1" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 9293 section 3.8.6.1. */
static void
test_zero_window(void)
{
#define CLOSED_WINDOW ESTABLISHED "in A 1 ack 1 win 0; write 500; -; busy; "
    static const struct talk_row rows[] = {
        { "probes, ever slower", CLOSED_WINDOW "at 999; -; at 62000; >@1000 A 1+1 ack 1; >@3000 A 1+1 ack 1; "
          ">@7000 A 1+1 ack 1; >@15000 A 1+1 ack 1; >@31000 A 1+1 ack 1; in A 1 ack 1 win 0; at 63000; "
          ">@63000 A 1+1 ack 1; at 123000; >@123000 A 1+1 ack 1" },
        { "it opens", CLOSED_WINDOW "at 1000; > A 1+1 ack 1; in A 1 ack 1 win 0; at 1500; in A 1 ack 1 win 1000; "
          ">@1500 PA 1+500 ack 1; at 1600; in A 1 ack 501; idle" },
        { "it opens before a probe", CLOSED_WINDOW "at 500; in A 1 ack 1 win 1000; >@500 PA 1+500 ack 1" },
        { "the probe is taken", CLOSED_WINDOW "at 1000; > A 1+1 ack 1; in A 1 ack 2 win 0; at 1999; -; at 2000; "
          ">@2000 A 2+1 ack 1" },
        { "the probe is taken, and it opens", CLOSED_WINDOW "at 1000; > A 1+1 ack 1; in A 1 ack 2 win 2000; "
          ">@1000 PA 2+499 ack 1" },
        { "for ever as long as it is answered, but idle after R2", CLOSED_WINDOW "at 1000; in A 1 ack 1 win 0; "
          "at 50000; in A 1 ack 1 win 0; busy; at 99999; in A 1 ack 1 win 0; busy; at 123000; idle; forget; "
          "at 183000; in A 1 ack 1 win 0; at 300000; in A 1 ack 1 win 0; at 400000; = ESTABLISHED; forget" },
        { "nobody answers", CLOSED_WINDOW "at 182999; forget; = ESTABLISHED; at 183000; = CLOSED; "
          "read failed timeout" },
        { "a FIN alone", ESTABLISHED "in A 1 ack 1 win 0; shutdown; -; at 1000; >@1000 FA 1 ack 1; "
          "in A 1 ack 2 win 0; = FIN-WAIT-2; idle" },
        { "an ACK goes from before the probe", CLOSED_WINDOW "at 1000; > A 1+1 ack 1; in A 1+100 ack 1 win 0; at 1040; "
          ">@1040 A 1 ack 101" },
        { "a RST too", CLOSED_WINDOW "at 1000; > A 1+1 ack 1; abort; > R 1" },
        { "a window that shuts on data in flight", FOUR_SENT "in A 1 ack 4001 win 0; write 10; -; at 1000; "
          ">@1000 A 4001+1 ack 1" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 9293 section 3.8.6.2.2, and 3.8.6: the right edge never moves back. */
static void
test_offered_window(void)
{
    static const struct talk_row rows[] = {
        { "what is unread is taken off", ESTABLISHED "in A 1+1000 ack 1; in A 1001+1000 ack 1; "
          "> A 1 ack 2001 win 58000" },
        { "reading alone says nothing", ESTABLISHED "in A 1+1000 ack 1; in A 1001+1000 ack 1; "
          "> A 1 ack 2001 win 58000; read 2000; -; in A 2001+1000 ack 1; in A 3001+1000 ack 1; "
          "> A 1 ack 4001 win 58000" },
        { "half of the buffer is told", ESTABLISHED "in A 1+40000 ack 1; after 40; > A 1 ack 40001 win 20000; "
          "read 29000; -; read 1000; > A 1 ack 40001 win 50000" },
        { "a closed window opens by two segments", ESTABLISHED "in A 1+60000 ack 1; after 40; > A 1 ack 60001 win 0; "
          "read 1999; -; read 1; > A 1 ack 60001 win 2000" },
        { "no silly little more", ESTABLISHED "in A 1+59500 ack 1; after 40; > A 1 ack 59501 win 500; read 900; -; "
          "write 5; > PA 1+5 ack 59501 win 500; read 200; -; write 5; -" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 5681 sections 3.1 and 4.1. */
static void
test_congestion_window(void)
{
    static const struct talk_row rows[] = {
        { "four segments of 1000 to begin with", ESTABLISHED "cwnd 4000" },
        { "three above 1095", "connect; > S 0; in SA 0 ack 1 mss 1460; > A 1 ack 1; cwnd 4000" },
        { "the peer's MSS bounds it", "connect; > S 0 mss 1000; in SA 0 ack 1 mss 500; > A 1 ack 1; cwnd 2000; "
          "write 900; > A 1+500 ack 1; -; in A 1 ack 501; > PA 501+400 ack 1" },
        { "a peer without MSS", "connect; > S 0; in SA 0 ack 1 mss 0; > A 1 ack 1; cwnd 2144; write 600; "
          "> A 1+536 ack 1" },
        { "slow start: one a segment acknowledged", EIGHT_SENT "in A 1 ack 5001; cwnd 9000; in A 1 ack 7001; "
          "cwnd 10000" },
        { "what is not used does not grow", ESTABLISHED "write 1000; > PA 1+1000 ack 1; in A 1 ack 1001; cwnd 4000" },
        { "after a pause it begins anew", EIGHT_SENT "in A 1 ack 12001; cwnd 9000; at 5000; write 6000; "
          "> A 12001+1000 ack 1; > A 13001+1000 ack 1; > A 14001+1000 ack 1; > A 15001+1000 ack 1; -; cwnd 4000" },
        { "a timeout leaves one segment", EIGHT_SENT "at 1000; >@1000 A 4001+1000 ack 1; -; cwnd 1000; "
          "in A 1 ack 5001; > A 5001+1000 ack 1; > A 6001+1000 ack 1; -; cwnd 2000; in A 1 ack 7001; "
          "> A 7001+1000 ack 1; > A 8001+1000 ack 1; > A 9001+1000 ack 1; cwnd 3000; in A 1 ack 10001; cwnd 4000; "
          "> A 10001+1000 ack 1; > PA 11001+1000 ack 1; in A 1 ack 12001; cwnd 4000; idle" },
        { "congestion avoidance: one a window", EIGHT_SENT "at 1000; forget; in A 1 ack 12001; cwnd 2000; "
          "write 50000; forget; in A 1 ack 14001; cwnd 3000; forget; in A 1 ack 17001; cwnd 4000; forget; "
          "in A 1 ack 19001; cwnd 4000; forget; in A 1 ack 21001; cwnd 5000; forget" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 5681 section 3.2, RFC 6582 section 3.2, RFC 3042. */
static void
test_fast_retransmit(void)
{
    static const struct talk_row rows[] = {
        { "the third duplicate", EIGHT_SENT "in A 1 ack 4001; -; in A 1 ack 4001; -; in A 1 ack 4001; "
          "> A 4001+1000 ack 1; cwnd 7000" },
        { "limited transmit: two new ones on the first two", EIGHT_SENT "write 5000; in A 1 ack 4001; "
          "> A 12001+1000 ack 1; in A 1 ack 4001; > A 13001+1000 ack 1; -; in A 1 ack 4001; > A 4001+1000 ack 1" },
        { "each further duplicate inflates", EIGHT_SENT "write 9000; in A 1 ack 4001; in A 1 ack 4001; forget; "
          "in A 1 ack 4001; > A 4001+1000 ack 1; cwnd 8000; in A 1 ack 4001; cwnd 9000; in A 1 ack 4001; cwnd 10000; "
          "-; in A 1 ack 4001; cwnd 11000; > A 14001+1000 ack 1" },
        { "the full acknowledgement deflates", EIGHT_SENT "in A 1 ack 4001; in A 1 ack 4001; in A 1 ack 4001; "
          "> A 4001+1000 ack 1; in A 1 ack 12001; cwnd 2000; idle" },
        { "a partial one sends the next", EIGHT_SENT "in A 1 ack 4001; in A 1 ack 4001; in A 1 ack 4001; "
          "> A 4001+1000 ack 1; in A 1 ack 6001; > A 6001+1000 ack 1; in A 1 ack 12001; idle" },
        { "impatient: only the first partial one restarts the timer", EIGHT_SENT "in A 1 ack 4001; in A 1 ack 4001; "
          "in A 1 ack 4001; > A 4001+1000 ack 1; at 500; in A 1 ack 5001; >@500 A 5001+1000 ack 1; at 900; "
          "in A 1 ack 6001; >@900 A 6001+1000 ack 1; at 1899; -; at 1900; >@1900 A 6001+1000 ack 1" },
        { "a window update is no duplicate", EIGHT_SENT "in A 1 ack 4001 win 60000; in A 1 ack 4001 win 60001; "
          "in A 1 ack 4001 win 60002; in A 1 ack 4001 win 60003; -" },
        { "data is no duplicate", EIGHT_SENT "in A 1+10 ack 4001; in A 11+10 ack 4001; > A 12001 ack 21; "
          "in A 21+10 ack 4001; in A 31+10 ack 4001; > A 12001 ack 41" },
        { "echoes of a timeout are not taken for loss", EIGHT_SENT "at 1000; > A 4001+1000 ack 1; in A 1 ack 12001; "
          "write 2000; > A 12001+1000 ack 1; > PA 13001+1000 ack 1; in A 1 ack 12001; in A 1 ack 12001; "
          "in A 1 ack 12001; -" },
        { "a reordered segment is no loss", EIGHT_SENT "in A 1 ack 4001; in A 1 ack 4001; in A 1 ack 7001; -; "
          "cwnd 9000" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* RFC 2018, RFC 6675. */
static void
test_sack(void)
{
#define SACK_ESTABLISHED "connect; > S 0 sackok; in SA 0 ack 1 sackok; > A 1 ack 1; "
#define SACK_EIGHT                                                                                                     \
    SACK_ESTABLISHED "write 12000; in A 1 ack 1001; in A 1 ack 2001; in A 1 ack 3001; "                                \
                     "in A 1 ack 4001; forget; cwnd 8000; "
    static const struct talk_row rows[] = {
        { "a gap is told", SACK_ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1 sack 101-201; in A 201+100 ack 1; "
          "> A 1 ack 1 sack 101-301" },
        { "the newest first", SACK_ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; in A 501+100 ack 1; "
          "> A 1 ack 1 sack 501-601 101-201; in A 301+100 ack 1; > A 1 ack 1 sack 301-401 501-601 101-201" },
        { "four at most", SACK_ESTABLISHED "in A 101+50 ack 1; in A 201+50 ack 1; in A 301+50 ack 1; "
          "in A 401+50 ack 1; forget; in A 501+50 ack 1; > A 1 ack 1 sack 501-551 401-451 301-351 201-251" },
        { "data carries them, and is shorter for it", SACK_ESTABLISHED "in A 101+100 ack 1; > A 1 ack 1; write 2000; "
          "> A 1+988 ack 1 sack 101-201; > A 989+988 ack 1 sack 101-201; -" },
        { "none when the peer did not permit", "connect; > S 0; in SA 0 ack 1; > A 1 ack 1; in A 101+100 ack 1; "
          "> A 1 ack 1" },
        { "recovery: what is missing, no more", SACK_EIGHT "in A 1 ack 4001 sack 5001-6001; -; "
          "in A 1 ack 4001 sack 5001-7001; -; in A 1 ack 4001 sack 5001-8001; > A 4001+1000 ack 1; cwnd 4000; "
          "in A 1 ack 4001 sack 5001-9001; -; in A 1 ack 12001; cwnd 4000; idle" },
        { "two holes in one round trip", SACK_EIGHT "in A 1 ack 4001 sack 5001-6001; "
          "in A 1 ack 4001 sack 7001-8001 5001-6001; in A 1 ack 4001 sack 7001-9001 5001-6001; > A 4001+1000 ack 1; "
          "in A 1 ack 4001 sack 7001-10001 5001-6001; > A 6001+1000 ack 1; "
          "in A 1 ack 4001 sack 7001-11001 5001-6001; -; in A 1 ack 12001; idle" },
        { "one block that says it all", SACK_EIGHT "in A 1 ack 4001 sack 6001-12001; > A 4001+1000 ack 1; "
          "> A 5001+1000 ack 1" },
        { "new data when nothing more is lost", SACK_EIGHT "write 5000; -; in A 1 ack 4001 sack 5001-6001; "
          "> A 12001+1000 ack 1; in A 1 ack 4001 sack 5001-7001; > A 13001+1000 ack 1; "
          "in A 1 ack 4001 sack 5001-8001; > A 4001+1000 ack 1" },
        { "the last hole before the end, though not proven lost", SACK_EIGHT "in A 1 ack 4001 sack 5001-11001; "
          "> A 4001+1000 ack 1; in A 1 ack 11001; -; in A 1 ack 12001; idle" },
        { "lies are not believed", SACK_EIGHT "in A 1 ack 4001 sack 5001-90000; in A 1 ack 4001 sack 6001-5001; "
          "in A 1 ack 4001 sack 1-2001; in A 1 ack 4001 sack 1-2002; -" },
        { "a timeout skips what has arrived", SACK_EIGHT "in A 1 ack 4001 sack 6001-8001; at 1000; "
          "> A 4001+1000 ack 1; in A 1 ack 5001 sack 6001-8001; > A 5001+1000 ack 1; > A 8001+1000 ack 1; "
          "in A 1 ack 9001; forget; in A 1 ack 12001; idle" },
        { "a peer that has thrown away what it held", SACK_EIGHT "in A 1 ack 4001 sack 5001-6001; in A 1 ack 5001; "
          "at 1000; > A 5001+1000 ack 1; in A 1 ack 6001; forget; in A 1 ack 12001; idle" },
    };
    struct tcp_settings settings = tcp_talk_plain;

    settings.sack = true;
    talk_all(rows, G_N_ELEMENTS(rows), &settings);
}

/* RFC 7323 section 2. */
static void
test_window_scale(void)
{
    static const struct talk_row rows[] = {
        { "both scale", "connect; > S 0 scale 4 win 65535; in SA 0 ack 1 win 1000 scale 3; > A 1 ack 1 win 62500; "
          "write 4000; > A 1+1000 ack 1; -; in A 1 ack 1001 win 250; > A 1001+1000 ack 1; > A 2001+1000 ack 1; -" },
        { "the peer does not", "connect; > S 0 scale 4; in SA 0 ack 1 win 5000; > A 1 ack 1 win 65535" },
        { "answered", "listen; in S 0 scale 7; > SA 0 ack 1 scale 4 win 65535; in A 1 ack 1 win 16; write 4000; "
          "> A 1+1000 ack 1; > A 1001+1000 ack 1; forget" },
        { "not answered", "listen; in S 0; > SA 0 ack 1 scale 255 win 65535; in A 1 ack 1 win 16; write 4000; -" },
        { "both at once", "connect; > S 0 scale 4; in S 0 scale 2; > SA 0 ack 1 scale 4; "
          "in SA 0 ack 1 win 2000 scale 2; = ESTABLISHED; write 3000; > A 1+1000 ack 1; > A 1001+1000 ack 1; -; "
          "in A 1 ack 1 win 1000; > PA 2001+1000 ack 1" },
        { "more than 64 kB unread", "connect; > S 0; in SA 0 ack 1 scale 0; > A 1 ack 1; in A 1+60000 ack 1; "
          "in A 60001+60000 ack 1; > A 1 ack 120001 win 55000; read 60000; read 60000" },
    };
    struct tcp_settings settings = tcp_talk_plain;

    settings.scaling = true;
    settings.receive_buffer = 1000000;
    talk_all(rows, G_N_ELEMENTS(rows), &settings);
}

/* RFC 7323 sections 3 to 5. The timestamp clock ticks in milliseconds; 12 bytes of each segment are the option's. */
static void
test_timestamps(void)
{
    static const struct talk_row rows[] = {
        { "offered, echoed", "at 5; connect; > S 0 ts 5 0; at 10; in SA 0 ack 1 ts 700 5; > A 1 ack 1 ts 10 700; "
          "write 2000; > A 1+988 ack 1 ts 10 700; > A 989+988 ack 1; -" },
        { "the peer has none", "connect; > S 0 ts 0 0; in SA 0 ack 1; > A 1 ack 1; write 1000; > PA 1+1000 ack 1" },
        { "answered", "listen; at 9; in S 0 ts 44 0; > SA 0 ack 1 ts 9 44" },
        { "echoes the segment that was waited for", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; "
          "in A 1+10 ack 1 ts 710 0; in A 11+10 ack 1 ts 720 0; > A 1 ack 21 ts 0 710; in A 31+10 ack 1 ts 730 0; "
          "> A 1 ack 21 ts 0 710; in A 21+10 ack 1 ts 740 0; > A 1 ack 41 ts 0 740" },
        { "PAWS: an older one is refused", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; "
          "in A 1+10 ack 1 ts 699 0; ! old-timestamp; > A 1 ack 1; read again" },
        { "PAWS: the same is not", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; in A 1+10 ack 1 ts 700 0; "
          "! none; read 10; at 40; > A 1 ack 11" },
        { "PAWS: none at all is refused", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; in A 1+10 ack 1; "
          "! old-timestamp; > A 1 ack 1" },
        { "PAWS: a RST is let through", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; in R 1; = CLOSED" },
        { "PAWS: after 24 days any will do", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; at 2073600000; "
          "in A 1+10 ack 1 ts 699 0; ! old-timestamp; forget; at 2073600001; in A 1+10 ack 1 ts 699 0; ! none; forget" },
        { "PAWS: wrapped", "connect; > S 0; in SA 0 ack 1 ts -1 0; > A 1 ack 1; in A 1+10 ack 1 ts 3 0; ! none; "
          "at 40; > A 1 ack 11 ts 40 3; in A 11+10 ack 1 ts -2 0; ! old-timestamp; > A 1 ack 11" },
        { "an echo from before the last copy is no sample", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; "
          "write 10; > PA 1+10 ack 1; at 1000; > PA 1+10 ack 1 ts 1000 700; at 1050; in A 1 ack 11 ts 701 999; "
          "write 10; >@1050 PA 11+10 ack 1; at 3049; -; at 3050; >@3050 PA 11+10 ack 1" },
        { "a timestamp lifts Karn's rule", "connect; > S 0; in SA 0 ack 1 ts 700 0; > A 1 ack 1; write 10; "
          "> PA 1+10 ack 1; at 1000; > PA 1+10 ack 1 ts 1000 700; at 1050; in A 1 ack 11 ts 701 1000; write 10; "
          ">@1050 PA 11+10 ack 1; at 2049; -; at 2050; >@2050 PA 11+10 ack 1" },
    };
    struct tcp_settings settings = tcp_talk_plain;

    settings.timestamps = true;
    talk_all(rows, G_N_ELEMENTS(rows), &settings);
}

/* A peer decides how many gaps there are; what would be one too many is dropped, and comes again. */
static void
test_gaps_bounded(void)
{
    g_autoptr(GString) script = g_string_new(ESTABLISHED);

    for (unsigned i = 0; i < TCP_RANGES_MAX; i++)
        g_string_append_printf(script, "in A %u+10 ack 1; ! none; > A 1 ack 1; ", 101 + 20 * i);
    g_string_append_printf(script, "in A %u+10 ack 1; ! socket-full; > A 1 ack 1; ", 101 + 20 * TCP_RANGES_MAX);
    g_string_append(script, "in A 1+110 ack 1; > A 1 ack 111; ");
    g_string_append_printf(script, "in A %u+10 ack 1; ! none; > A 1 ack 111; ", 101 + 20 * TCP_RANGES_MAX);
    g_string_append_printf(script, "in A 111+%u ack 1; > A 1 ack %u; read %u", 20 * TCP_RANGES_MAX,
                           111 + 20 * TCP_RANGES_MAX, 110 + 20 * TCP_RANGES_MAX);
    tcp_talk("gaps", NULL, script->str);
}

/* RFC 9293 section 3.8.4: off unless asked for; nine probes, 75 s apart, after two hours. */
static void
test_keep_alive(void)
{
    static const struct talk_row rows[] = {
        { "off", ESTABLISHED "at 100000000; -; = ESTABLISHED; idle" },
        { "asks after two hours", ESTABLISHED "keepalive on; idle; at 7199999; -; at 7200000; >@7200000 A 0 ack 1; "
          "idle; in A 1 ack 1; at 14399999; -; at 14400000; >@14400000 A 0 ack 1" },
        { "gives up", ESTABLISHED "keepalive on; at 7200000; > A 0 ack 1; at 7800000; >@7275000 A 0 ack 1; forget; "
          "at 7874999; = ESTABLISHED; forget; at 7875000; -; = CLOSED; read failed timeout" },
        { "what comes puts it off", ESTABLISHED "keepalive on; at 7000000; in A 1+10 ack 1; at 7000040; "
          "> A 1 ack 11; at 14199999; -; at 14200000; >@14200000 A 0 ack 11" },
        { "switched on early", "connect; > S 0; keepalive on; in SA 0 ack 1; > A 1 ack 1; at 7200000; "
          ">@7200000 A 0 ack 1" },
        { "switched off", ESTABLISHED "keepalive on; at 7000000; keepalive off; at 100000000; -" },
        { "we answer the peer's", ESTABLISHED "in A 0 ack 1; ! already-received; > A 1 ack 1" },
        { "not beside data in flight", ESTABLISHED "keepalive on; at 7199500; write 10; > PA 1+10 ack 1; at 7200000; "
          "-; at 7200500; > PA 1+10 ack 1" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

/* IO_WRITABLE and IO_READABLE are edges (core/base/io.h). */
static void
test_news(void)
{
    static const struct talk_row rows[] = {
        { "readable once until read", ESTABLISHED "news connected; in A 1+10 ack 1; news readable; in A 11+10 ack 1; "
          "news; read 20; in A 21+10 ack 1; news readable; forget" },
        { "readable after a read that got nothing", ESTABLISHED "news connected; read again; in A 1+10 ack 1; "
          "news readable; read 5; in A 11+5 ack 1; news; forget" },
        { "readable at the FIN", ESTABLISHED "news connected; in FA 1 ack 1; > A 1 ack 2; news readable; read 0; "
          "read 0" },
        { "nothing for what does not fit in order", ESTABLISHED "news connected; in A 11+10 ack 1; forget; news; "
          "in A 1+10 ack 1; forget; news readable; read 20" },
        { "unread data can be read after a reset", ESTABLISHED "in A 1+10 ack 1; in R 11; = CLOSED; "
          "news connected readable failed; read 10; read failed reset; write 5 reset" },
        { "writable after it was full", ESTABLISHED "news connected; in A 1 ack 1 win 0; write 65536; write 1 again; "
          "news; in A 1 ack 1 win 60000; forget; in A 1 ack 4001 win 60000; forget; news; at 1; "
          "in A 1 ack 4001 win 60000; forget; news" },
    };

    talk_all(rows, G_N_ELEMENTS(rows), NULL);
}

void
suite_tcp_transfer(void)
{
    UNIT_SUITE("tcp transfer", NULL, NULL, { "retransmission times", test_retransmission_times },
               { "delayed acknowledgements", test_delayed_acknowledgement }, { "small segments", test_small_segments },
               { "zero window", test_zero_window }, { "offered window", test_offered_window },
               { "congestion window", test_congestion_window }, { "fast retransmit", test_fast_retransmit },
               { "SACK", test_sack }, { "gaps are bounded", test_gaps_bounded }, { "window scale", test_window_scale },
               { "timestamps", test_timestamps },
               { "keep-alive", test_keep_alive }, { "news", test_news });
}
