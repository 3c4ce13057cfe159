/* A UDP socket of the real machine, its messages and batches: for udp.c and batch.c only. */
#ifndef CORE_LIVE_UDP_H
#define CORE_LIVE_UDP_H

#include "core/live/live_private.h"
#include "core/live/sockaddr.h"

#define LIVE_UDP_MOST 65507   /* bytes that IPv4 can carry behind its header and UDP's */
#define LIVE_BATCHED_MOST 1500 /* larger ones are not worth copying */
#define LIVE_CONTROL 128

struct live_udp {
    struct io_udp udp; /* first: an io_udp is its socket */
    struct live_file file;
    struct live *live;
    struct endpoint local; /* no address: any */
    int family;
    int16_t dont_fragment; /* as the kernel's socket has it */
    uint8_t expected;      /* datagrams to ask for at once: asking for one that is not there costs, too */
    bool single;           /* the kernel has refused to cut segments for it */
    uint64_t ordinal;      /* its name among the ways that are known to be good */
    uint64_t last_ordinal; /* what it was when the last way was proven (ways.c), and that way */
    struct endpoint last_peer;
    struct address last_local;
    struct live_batch *batch; /* what waits to be sent; NULL: nothing */
};

/* Everything of a datagram to be sent but its bytes. */
struct live_message {
    union live_sockaddr name;
    socklen_t name_length;
    size_t control_length;
    struct iovec data;
    _Alignas(struct cmsghdr) uint8_t control[LIVE_CONTROL];
};

/* message.c */

/* False when this socket has no way to the peer's family. */
bool live_message_fill(struct live_message *message, const struct live_udp *udp, const struct io_datagram *datagram);
/* `header` points into `message` and `data`. */
void live_message_header(struct live_message *message, struct span data, struct msghdr *header);
/* Takes over what one control message says of a received datagram. */
void live_control_read(const struct cmsghdr *control, struct io_datagram *datagram);
/* Whether it says that several datagrams came as one message (UDP_GRO), and then their size; the last may be shorter. */
bool live_control_is_size(const struct cmsghdr *control, size_t *size);

/* For the messages that are sent as segments of one: their size, put behind what `message` says, whose own length stays
 * as it is. `header` has them all. */
void live_message_segments(struct live_message *message, size_t size, struct msghdr *header);

/* ways.c */

/* The kernel knows the way of this datagram, which has just been sent or came back by it. */
void live_way_prove(struct live_udp *udp, struct endpoint peer, struct address local);
bool live_way_is_proven(const struct live_udp *udp, struct endpoint peer, struct address local);
/* Forgets those of this socket; for a new one, gives it its name. */
void live_way_doubt(struct live_udp *udp);

/* batch.c */

/* False when it is too big to wait. */
bool live_batch_add(struct live_udp *udp, const struct io_datagram *datagram);
/* Sends what waits. */
void live_batch_send(struct live_udp *udp);

/* Receives up to LIVE_BATCH messages into the host's inbox; how many. */
unsigned live_inbox_receive(struct live_udp *udp);
/* The n-th of them, which borrows from the inbox: a datagram, or several of `*size` bytes one behind the other, of which
 * the last may be shorter (SIZE_MAX: it is one). */
bool live_inbox_read(struct live_udp *udp, unsigned n, struct io_datagram *datagram, size_t *size);

#endif
