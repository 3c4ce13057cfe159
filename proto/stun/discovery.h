/* Behaviour discovery: asks a STUN server what there is to ask about the NAT on the way (RFC 5780), and hands what it
 * has seen to the classifier (classify.h).
 *
 * It opens sockets of its own, on any port, and closes them. One question is asked at a time, up to sixteen times half
 * a second apart: RFC 8489's waits grow because lost answers may mean a crowded way, and it wants an answer; here
 * silence is the answer, and has to be told from loss (classify.h). It takes half a minute where much is filtered; a
 * look at the lifetime of mappings takes a few times as long as they live, or as long as it may look.
 *
 * It asks servers of RFC 3489 too, whose second address is in CHANGED-ADDRESS: to them the magic cookie is the
 * beginning of a transaction ID of 128 bits, which they give back, and CHANGE-REQUEST is the same in both RFCs (RFC
 * 8489 section 11). What only RFC 5780 has, RESPONSE-PORT and PADDING, can't be asked of them.
 *
 * `done` is called once, from a callback and never inside a call; in it the owner may free the discovery. */
#ifndef PROTO_STUN_DISCOVERY_H
#define PROTO_STUN_DISCOVERY_H

#include "core/base/io.h"
#include "proto/stun/classify.h"
#include "proto/stun/timer.h"

struct stun_discovery;
typedef struct stun_discovery stun_discovery;

typedef void stun_discovery_done(void *owner, struct stun_discovery *discovery, const struct stun_evidence *evidence,
                                 const struct stun_findings *findings);

struct stun_discovery_options {
    struct endpoint server;
    struct address local;            /* the address to ask from; none: by route */
    struct stun_timer_options timer; /* of each question; rto 0: STUN_TIMER_DISCOVERY */
    int64_t lifetime_most;           /* how long a mapping is left alone at most; 0: its lifetime is not looked at */
    bool no_padding;                 /* fragments are not looked at */
};

/* At 0, 0.5, 1, ... 7.5 s, and 8.5 s is the end. */
#define STUN_TIMER_DISCOVERY                                                                                           \
    ((struct stun_timer_options){                                                                                      \
        .rto = 500 * TIME_MS, .rc = STUN_REQUESTS_FOR_SILENCE, .rm = 2, .most = 500 * TIME_MS })

/* `io` is borrowed and outlives the discovery. NULL and `*why` when not even one socket can be opened. */
struct stun_discovery *stun_discovery_start(struct io *io, const struct stun_discovery_options *options,
                                            stun_discovery_done *done, void *owner, enum io_result *why);
/* Silent: what is under way is cancelled. */
void stun_discovery_free(struct stun_discovery *discovery);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(stun_discovery, stun_discovery_free)

#endif
