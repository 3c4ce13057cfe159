/* What a STUN server answers: message in, message out (RFC 8489 sections 6.3 and 6.3.1, RFC 5780 section 6). Pure: no
 * io, no memory, no clock.
 *
 * Checks come in the order of section 6.3: the bytes, the method and class, FINGERPRINT; who asks (auth.h); unknown
 * attributes; then the method is served. A Binding request is idempotent, so a retransmission is simply answered again.
 *
 * What goes back goes to where the request came from, from where it was sent to. Only a server with a second address
 * does otherwise, because behaviour discovery is about that: `change` and `port` of the answer say how. Without a
 * second address the attributes that ask for it are unknown ones. */
#ifndef PROTO_STUN_ANSWER_H
#define PROTO_STUN_ANSWER_H

#include "core/base/reason.h"
#include "proto/stun/auth.h"

/* Room for any answer that these rules make, PADDING included. */
#define STUN_ANSWER_BYTES 2816

/* What PADDING of an answer has: the MTU of an Ethernet, a multiple of four (RFC 5780 section 7.6). */
#define STUN_PADDING_BYTES 1500

#define STUN_MOST_ALTERNATES 2 /* one of each family (section 10) */

struct stun_rules {
    struct span software; /* SOFTWARE of answers; none when empty */
    bool mapped_address;  /* MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS, so that a rewriting ALG can be seen at work */
    unsigned understood;  /* enum stun_set, or-ed */
    const struct stun_auth *auth; /* NULL: nobody has to prove anything */
    bool demand_fingerprint;      /* a message without one is dropped */
    bool ignore_change;           /* CHANGE-REQUEST is taken, and not followed */
    /* Clients that have proven themselves are sent here with 300, others get 400 (section 14.8). Those of a family that
     * is not among these are served (section 10). */
    size_t alternates;
    struct endpoint alternate[STUN_MOST_ALTERNATES];
};

/* How a request came. */
struct stun_arrival {
    struct endpoint source, local;
    const struct endpoint *other; /* the server's other address and port, seen from `local`; NULL: it has none */
    int64_t now;
};

enum stun_reply {
    STUN_REPLY_NONE, /* an indication: taken, and nothing goes back */
    STUN_REPLY_SUCCESS,
    STUN_REPLY_ERROR,
    STUN_REPLY_DROP, /* nothing goes back, and `reason` says why */
};

struct stun_answer {
    enum stun_reply reply;
    struct span message; /* of SUCCESS and ERROR: what goes back, in the caller's buffer */
    uint16_t method;
    uint16_t code;           /* of ERROR */
    bool classic;            /* the request was one of RFC 3489 */
    unsigned change;         /* enum stun_change, or-ed: it leaves from the other address, or the other port */
    uint16_t port;           /* where it goes at the source's address; 0: to the source's port */
    enum drop_reason reason; /* of DROP */
    enum stun_fault fault;   /* of DROP: what is malformed, if anything is */
};

/* Answers `request` into `buffer`, of at least STUN_ANSWER_BYTES. */
struct stun_answer stun_answer(const struct stun_rules *rules, struct span request, const struct stun_arrival *arrival,
                               void *buffer, size_t capacity);

#endif
