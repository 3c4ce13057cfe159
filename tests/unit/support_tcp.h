/* Conversations with one TCP machine, written as text: what happens to it, what it must answer.
 *
 *     tcp_talk("a SYN is answered", NULL, "listen; in S 0; > SA 0 ack 1; = SYN-RECEIVED; in A 1 ack 1; = ESTABLISHED");
 *
 * Steps stand between semicolons. Sequence numbers count from the initial one of whoever sends, acknowledgements from
 * that of the other, so 0 is a SYN and the first octet is 1; both initial numbers are just below 2^32, which each
 * conversation crosses.
 *
 *   connect | listen            an active open; a passive one, begun by the next `in`
 *   in FLAGS SEQ[+LENGTH] [ack N] [win N] [mss N] [ts V E] [sack A-B ..] [scale N] [sackok] [byte N]
 *                               a segment arrives. FLAGS are letters of S F R P A U, or . for none; win
 *                               65535 unless told;
 *                               a SYN has mss 1000 unless told
 *   at MS | after MS            time goes on to, or by, so many milliseconds; deadlines on the way are kept
 *   write N | read N            the user's calls; they must take or give exactly N (read 0: the peer has closed;
 *                               again: read must say IO_AGAIN; failed WORD: it must say that)
 *   shutdown | release | abort | nagle off | keepalive on
 *   unreachable WORD [soft] | toobig MSS     what ICMP says
 *   > FLAGS SEQ[+LENGTH] [ack N] [win N] [mss N] ...   the next segment that it must have sent; what is not named
 *                               here is not looked at, but ack must stand there when there is one
 *   >@MS ...                    the same, sent at exactly this time
 *   -                           it must have sent nothing more (also at the end)
 *   = STATE                     it must be in this state
 *   ! WORD                      the last segment must have ended with this reason ("none": it was taken)
 *   news WORDS                  what the user is to be told by now: of connected, readable, writable, failed;
 *                               "news" alone: nothing
 *   busy | idle                 whether what it waits for keeps a run going
 *   cwnd N                      the congestion window is N
 *   forget                      whatever was sent does not matter
 * / */
#ifndef TESTS_UNIT_SUPPORT_TCP_H
#define TESTS_UNIT_SUPPORT_TCP_H

#include "core/net/tcp_machine.h"

/* tcp_settings_default without options, so that numbers are round: no timestamps, no SACK, no scaling. */
extern const struct tcp_settings tcp_talk_plain;

/* Holds the conversation; a step that goes otherwise than it says is a failed check that names the row and the step.
 * `settings` NULL: the plain ones. */
void tcp_talk(const char *row, const struct tcp_settings *settings, const char *script);

#endif
