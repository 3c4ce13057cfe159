/* A load of datagrams on a server of another process, and what comes of it: for figures beside other people's servers.
 *
 * A lane is a message that is sent from one socket again and again, and the socket where what comes of each arrives:
 * for a STUN server the same one; for a relay the client's and the peer's, either way round (ChannelData or a Send
 * indication goes out, its bare data arrives). Each copy carries a serial of its own at `sent_at`, which comes back at
 * `received_at`. A lane has so many under way and no more, so that no buffer flows over; what does not come within
 * LOAD_PATIENCE is lost, and its lane goes on.
 *
 * A lane that is `joined` sends a burst as one message, which the kernel cuts into its datagrams, or hands over whole to a
 * socket that takes it so (UDP_SEGMENT and UDP_GRO): as the driver of a network card does with the datagrams of a burst
 * that it finds behind one another. Loopback does not join what comes one by one. It is also the cheaper way for the load,
 * which must not be what the server waits for.
 *
 *     struct load_lane lanes[] = { { .out = fd, .in = fd, .message = request, .sent_at = 8, .received_at = 8,
 *                                    .begins = span_of_text("\1\1") } };
 *     struct load_result result = load_run(lanes, 1, 16, 2.0);
 *
 * Sockets are the caller's, connected and non-blocking. */
#ifndef TESTS_BENCH_SUPPORT_LOAD_H
#define TESTS_BENCH_SUPPORT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/address.h"
#include "core/base/span.h"

#define LOAD_SERIAL 12       /* bytes: as a transaction ID has */
#define LOAD_MESSAGE 2048    /* bytes, at most */
#define LOAD_WINDOW 64       /* under way in a lane, at most */
#define LOAD_PATIENCE 1.0    /* seconds: a busy machine lets a server wait for some tenths */

struct load_lane {
    int out, in;
    struct span message;
    size_t sent_at, received_at;
    struct span begins; /* what all that arrives begins with: else it is wrong */
    bool joined;
};

struct load_result {
    uint64_t sent, answered;
    uint64_t lost;
    uint64_t wrong; /* arrived, but not what is under way, or for the second time */
    double seconds;
};

/* `window`: how many a lane has under way. */
struct load_result load_run(const struct load_lane *lanes, size_t count, unsigned window, double seconds);

/* A socket connected to `server`, with large buffers. */
int load_socket(struct endpoint server);

#endif
