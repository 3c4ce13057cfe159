/* Which allocation a client asks for next, of whom and how, and what an answer means (RFC 8656 section 7.4). A
 * machine: it knows no io. A plain value, zero but for `turn_client_attempt_begin`. */
#ifndef PROTO_TURN_CLIENT_ATTEMPT_H
#define PROTO_TURN_CLIENT_ATTEMPT_H

#include "proto/turn/client.h"

#define TURN_CLIENT_PORTS 3                   /* client transport addresses that are tried when the server says 437 */
#define TURN_CLIENT_REDIRECTIONS 8            /* servers that may send us on */
#define TURN_CLIENT_PAUSE TIME_MIN            /* after 486 and 508, and what else may pass */
#define TURN_CLIENT_LONG_PAUSE (2 * TIME_MIN) /* after three ports */

struct turn_client_attempt {
    struct endpoint server;
    uint8_t protocol; /* to the server */
    bool plain;       /* no EVEN-PORT and no token any more */
    bool no_fragment; /* no DONT-FRAGMENT any more: this server does not know it */
    unsigned ports;   /* that the server took for another allocation's */
    unsigned redirections;
    struct endpoint left[TURN_CLIENT_REDIRECTIONS]; /* servers that have sent us on */
};

void turn_client_attempt_begin(struct turn_client_attempt *attempt, const struct turn_client_options *options);

/* What an attempt ended with. */
struct turn_client_answer {
    struct turn_client_failure failure; /* why NONE never; `again_at` is not read */
    bool no_fragment;                   /* of 420: DONT-FRAGMENT is what the server does not know */
    bool has_alternate;                 /* of 300, proven: an ALTERNATE-SERVER of the same family */
    struct endpoint alternate;
};

enum turn_client_step {
    TURN_CLIENT_STEP_SAME,  /* ask at once, from the same socket */
    TURN_CLIENT_STEP_OTHER, /* ask at once, from another socket */
    TURN_CLIENT_STEP_PAUSE, /* it may be another time after `*pause`: begin anew then */
    TURN_CLIENT_STEP_END,   /* asking again would be of no use */
};

/* `may_move`: whether the client can have another transport address than the one it has. */
enum turn_client_step turn_client_attempt_judge(struct turn_client_attempt *attempt,
                                                const struct turn_client_options *options, bool may_move,
                                                const struct turn_client_answer *answer, int64_t *pause);

/* How long after a grant of `lifetime` seconds it is to be refreshed: 60 s before the end (section 8), or half. */
int64_t turn_client_refresh_after(uint32_t lifetime);

#endif
