/* The data of `punchlab ice`: numbered messages from the offerer, sent back by the answerer, over each component's socket.
 *
 *     punchlab ice 3 of 5     a datagram with this text, and nothing behind it
 *     punchlab ice end        the offerer has all of its messages back
 *
 * Datagrams get lost: what has not come back is sent once more every half second, and the end is said three times. The
 * answerer sends back whatever comes, and is done when the end was said, or when it has had all of them and nothing more
 * came for two seconds. A peer of another make need do no more than the same. */
#ifndef SCENARIOS_RUNNER_CLI_ICE_ECHO_H
#define SCENARIOS_RUNNER_CLI_ICE_ECHO_H

#include <glib.h>

#include "core/base/io.h"

#define ICE_ECHO_MESSAGES_MOST 1000

struct ice_echo;
typedef struct ice_echo ice_echo;

struct ice_echo_counters {
    uint64_t sent, repeated; /* the offerer's messages, and those that were sent again */
    uint64_t echoed;         /* that came back; of the answerer: that came, each counted once */
    uint64_t answered;       /* the answerer's: datagrams that were sent back */
    int64_t rtt_least, rtt_most; /* of messages that were sent once; -1: none has come back */
};

/* `messages` 0: the offerer sends none, the answerer sends nothing back, and both are done at once. `done` is called
 * once, and never inside a call. `io` is borrowed. */
struct ice_echo *ice_echo_new(struct io *io, bool offers, unsigned components, unsigned messages,
                              void (*done)(void *owner), void *owner);
/* Silent. Its sockets are not called any more, but not closed either. */
void ice_echo_free(struct ice_echo *echo);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ice_echo, ice_echo_free)

/* Component `index`, from 0, goes by this socket, which is borrowed; the echo listens to it from now on. */
void ice_echo_use(struct ice_echo *echo, unsigned index, struct io_udp *udp);
/* All components have a way. */
void ice_echo_start(struct ice_echo *echo);

const struct ice_echo_counters *ice_echo_counters(const struct ice_echo *echo);

#endif
