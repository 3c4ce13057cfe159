/* Traffic and sinks: packets by the million, sent and counted by C code.
 *
 * A traffic source sends UDP datagrams of one size at one interval; a sink counts what comes to a port. Neither calls
 * Lua for a packet. Each payload begins with the datagram's number (32 bits, from 0); the rest is zero. */
#ifndef SCENARIOS_LAB_TRAFFIC_H
#define SCENARIOS_LAB_TRAFFIC_H

#include "core/base/io.h"
#include "core/net/stack.h"

struct traffic_options {
    struct endpoint to;
    uint64_t packets;    /* 0: until stopped */
    uint32_t size;       /* bytes of payload, at least 4 */
    int64_t interval;    /* between two; at least 1 ns */
    uint16_t from_port;  /* 0: any free one */
};

struct traffic {
    struct io *io;
    struct io_udp *socket;      /* NULL when done */
    struct io_timer timer;
    struct traffic_options options;
    uint8_t *payload;
    uint64_t sent, failed;      /* failed: could not leave the host */
    bool done;                  /* the last one is sent, or stopped */
    /* Once, from the timer, when the last one is sent; NULL: nobody asks. It may free the traffic. */
    void (*finished)(void *owner, struct traffic *traffic);
    void *owner;
};

/* Starts sending: the first datagram at once (next turn). IO_OK, or why the socket could not be opened. `finished` and
 * `owner` are set by the caller before; nothing else of the struct is looked at. Its timer is busy: it keeps a run
 * going. */
enum io_result traffic_start(struct traffic *traffic, struct node *host, const struct traffic_options *options);
/* Ends it and tells nobody. To be called before the lab is freed; nothing when it is done. */
void traffic_stop(struct traffic *traffic);

struct sink {
    struct io_udp *socket;
    struct io *io;
    uint64_t packets, bytes; /* bytes of payload */
    int64_t first_at, last_at; /* arrival times; 0 before the first */
};

enum io_result sink_open(struct sink *sink, struct node *host, uint16_t port);
void sink_close(struct sink *sink);

#endif
