/* When a request is sent again, and when its sender gives up (RFC 8489 section 6.2.1). A machine: it knows no io.
 *
 * A request goes out at once, then each time the retransmission timeout has run out, which doubles every time; after
 * the last of `rc` requests `rm` times the first timeout is waited for an answer. With the RFC's figures requests go
 * out at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, and 39500 ms is the end. Over a stream (section 6.2.2) there
 * is one request and one wait: { .rto = Ti, .rc = 1, .rm = 1 }. */
#ifndef PROTO_STUN_TIMER_H
#define PROTO_STUN_TIMER_H

#include "core/base/time.h"

struct stun_timer_options {
    int64_t rto; /* the first timeout, nanoseconds; more than 0 */
    unsigned rc; /* requests, the first included; at least 1 */
    unsigned rm; /* the last wait, in first timeouts */
    int64_t most; /* no wait but the last is longer; 0: each is twice the one before */
};

/* RFC 3489 section 9.3: at 0, 100, 300, 700, 1500, 3100, 4700, 6300 and 7900 ms, and 9500 ms is the end. */
#define STUN_TIMER_CLASSIC                                                                                             \
    ((struct stun_timer_options){ .rto = 100 * TIME_MS, .rc = 9, .rm = 16, .most = 1600 * TIME_MS })
#define STUN_TIMER_DEFAULTS ((struct stun_timer_options){ .rto = 500 * TIME_MS, .rc = 7, .rm = 16 })

/* Over a stream: Ti. */
#define STUN_TIMER_STREAM ((struct stun_timer_options){ .rto = 39500 * TIME_MS, .rc = 1, .rm = 1 })

enum stun_step { STUN_WAIT, STUN_RESEND, STUN_GIVE_UP };

/* A plain value; members are read-only for others. */
struct stun_timer {
    struct stun_timer_options options;
    int64_t started;  /* when the first request went out */
    int64_t deadline; /* when to ask `stun_timer_fire` again */
    int64_t interval; /* the wait after the next request */
    unsigned sent;    /* requests so far */
};

/* The first request goes out now. */
void stun_timer_start(struct stun_timer *timer, const struct stun_timer_options *options, int64_t now);

/* `now` has come. Before the deadline: STUN_WAIT. A late call does the work of one deadline, and counts on from now. */
enum stun_step stun_timer_fire(struct stun_timer *timer, int64_t now);

/* The round trip time that an answer arriving `now` shows, or -1 when it shows none: after a retransmission nobody
 * knows which request was answered (Karn's algorithm, RFC 6298 section 3). */
int64_t stun_timer_rtt(const struct stun_timer *timer, int64_t now);

#endif
