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
    bool proven;           /* the kernel knows the way from `proven_local` to `proven_peer` */
    struct endpoint proven_peer;
    struct address proven_local;
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

/* batch.c */

/* False when it is too big to wait. */
bool live_batch_add(struct live_udp *udp, const struct io_datagram *datagram);
/* Sends what waits. */
void live_batch_send(struct live_udp *udp);

/* Receives up to LIVE_BATCH datagrams into the host's inbox; how many. */
unsigned live_inbox_receive(struct live_udp *udp);
/* The n-th of them, which borrows from the inbox. */
bool live_inbox_read(struct live_udp *udp, unsigned n, struct io_datagram *datagram);

#endif
