/* What a STUN server answers: message in, message out (RFC 8489 sections 6.3 and 6.3.1). Pure: no io, no memory, no
 * time.
 *
 * Checks come in the order of section 6.3: the bytes, the method and class, FINGERPRINT; then unknown attributes;
 * then the method is served. Whoever adds authentication puts it between the two (section 9), whoever adds a method
 * gives it a handler here. A Binding request is idempotent, so a retransmission is simply answered again. */
#ifndef PROTO_STUN_ANSWER_H
#define PROTO_STUN_ANSWER_H

#include "core/base/reason.h"
#include "proto/stun/attributes.h"

/* Room for any answer that these rules make. */
#define STUN_ANSWER_BYTES 1232

struct stun_rules {
    struct span software; /* SOFTWARE of answers; none when empty */
    bool mapped_address;  /* MAPPED-ADDRESS beside XOR-MAPPED-ADDRESS, so that a rewriting ALG can be seen at work */
    unsigned understood;  /* enum stun_set, or-ed */
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
    enum drop_reason reason; /* of DROP */
    enum stun_fault fault;   /* of DROP: what is malformed, if anything is */
};

/* Answers `request`, which came from `source`, into `buffer`, of at least STUN_ANSWER_BYTES. */
struct stun_answer stun_answer(const struct stun_rules *rules, struct span request, struct endpoint source,
                               void *buffer, size_t capacity);

#endif
