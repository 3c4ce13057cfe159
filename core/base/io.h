/* The io seam: all that a protocol engine may know of the world.
 *
 * An engine never opens a socket, reads a clock, draws a random number or keeps a global: it is handed a `struct io`.
 * There are two implementations, the simulated host (core/net) and the real machine (core/live), and one conformance
 * suite that runs over both.
 *
 * What holds for every call:
 *  - It answers at once or through one later callback, never both, and no callback runs inside a call.
 *  - An engine may close or free anything inside a callback. After `close` or `disarm` returns, nothing more comes.
 *  - Whoever opens a socket closes it; closing frees it. Data handed over is borrowed for that call only.
 *  - Host names are resolved before an engine is made: here are addresses only.
 *
 * A UDP socket is a small interface, and whatever carries datagrams is one: a TURN client's relayed address and an ICE
 * agent's selected pair are `struct io_udp` too. Streams are pulled: whoever does not read slows the sender down. */
#ifndef CORE_BASE_IO_H
#define CORE_BASE_IO_H

#include <sys/types.h>

#include "core/base/address.h"
#include "core/base/time.h"

struct record; /* core/base/journal.h */
struct io;

enum io_result {
    IO_OK,
    IO_IN_USE,      /* the local port is taken */
    IO_NO_ADDRESS,  /* the local address is not this host's */
    IO_NO_ROUTE,    /* no route leads to the peer */
    IO_UNREACHABLE, /* a router or the peer's host said that it cannot be reached */
    IO_TOO_BIG,     /* larger than a datagram can be, or than the path with DF set */
    IO_FULL,        /* no room now, or a limit on sockets is met */
    IO_REFUSED,     /* the peer's host said that nobody listens */
    IO_RESET,
    IO_TIMEOUT,
    IO_CLOSED,      /* the stream has ended */
    IO_AGAIN,       /* not yet: IO_READABLE or IO_WRITABLE will say when */
    IO_UNSUPPORTED, /* this host has no such sockets */
};

/* The word a script sees: "in-use", "unreachable", "too-big", ... ("ok" for IO_OK). */
const char *io_result_word(enum io_result result);

#define IO_UNSET INT16_MIN /* sent: the host's default. Received: this machine can't tell */

/* Sent: what the packet shall say; a `local` without address is chosen by route (RFC 6724), port 0 means the socket's.
 * Received: what the packet said. */
struct io_datagram {
    struct endpoint peer, local;
    struct span data;
    int16_t ttl, dscp, ecn, dont_fragment; /* IO_UNSET or 0..255, 0..63, 0..3, 0..1 */
    int16_t interface;                     /* IO_UNSET or the number in struct io_address */
    uint64_t packet; /* simulated: the packet's name (packet_name), filled in by `send` and on arrival; else 0 */
    /* Sent, by a host's socket: handed in (`note`) once it is sure that it goes, before its packet is on its way; not when
     * `send` says anything but IO_OK. NULL: nothing to tell. Borrowed for the call. */
    struct record *told;
};

#define IO_DATAGRAM_TO(to, bytes)                                                                                      \
    ((struct io_datagram){ .peer = (to), .data = (bytes), .ttl = IO_UNSET, .dscp = IO_UNSET, .ecn = IO_UNSET,          \
                           .dont_fragment = IO_UNSET, .interface = IO_UNSET })

/* An ICMP error about a datagram that this socket sent. `info`: the next hop's MTU, where the type carries one. */
struct io_icmp {
    struct endpoint local, peer;
    struct address from;
    uint8_t type, code;
    uint32_t info;
};

struct io_udp;

/* Implemented by host sockets, real sockets, TURN relays, ICE pairs. */
struct io_udp_ops {
    /* IO_OK: on its way, which says nothing of arriving. Fills `datagram->packet`. */
    enum io_result (*send)(struct io_udp *udp, struct io_datagram *datagram);
    enum io_result (*join)(struct io_udp *udp, const struct address *group, int interface);
    struct endpoint (*local)(const struct io_udp *udp);
    void (*close)(struct io_udp *udp);
};

struct io_udp_events {
    void (*datagram)(void *owner, struct io_udp *udp, const struct io_datagram *datagram);
    void (*icmp)(void *owner, struct io_udp *udp, const struct io_icmp *icmp); /* NULL: not interested */
};

struct io_udp {
    const struct io_udp_ops *ops;
    const struct io_udp_events *events;
    void *owner;
    /* The owner sets it while it can take no more: what arrives then is dropped, as by a kernel whose receive buffer is
     * full. */
    bool full;
};

enum io_ready { IO_ACCEPT, IO_CONNECTED, IO_READABLE, IO_WRITABLE, IO_FAILED };

struct io_tcp;

/* IO_FAILED carries the reason; every other event carries IO_OK. Events are edges: read or write until IO_AGAIN. */
typedef void io_tcp_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result);

struct io_tcp_ops {
    /* Bytes read; 0 at the peer's FIN; -1 when there are none yet or the stream failed (`*why`: IO_AGAIN, IO_RESET, ..). */
    ssize_t (*read)(struct io_tcp *tcp, void *bytes, size_t length, enum io_result *why);
    /* Bytes taken, which may be fewer than `length`; IO_WRITABLE says when more fit. -1 as above. */
    ssize_t (*write)(struct io_tcp *tcp, const void *bytes, size_t length, enum io_result *why);
    /* The next connection of a listener, owned by the caller; NULL when none waits. */
    struct io_tcp *(*accept)(struct io_tcp *listener, io_tcp_ready *ready, void *owner);
    struct endpoint (*local)(const struct io_tcp *tcp);
    struct endpoint (*peer)(const struct io_tcp *tcp);
    /* Each write is a message of its own and goes at once. At first, and when `on` is false again, a short segment waits
     * until all before it is acknowledged (Nagle's algorithm, RFC 9293 section 3.7.4), though it be a message's end. Of a
     * listener: nothing, connections have their own. */
    void (*prompt)(struct io_tcp *tcp, bool on);
    void (*shutdown)(struct io_tcp *tcp);          /* no more is written: FIN after what was taken */
    void (*close)(struct io_tcp *tcp, bool reset); /* frees it; what was taken is still delivered unless `reset` */
};

struct io_tcp {
    const struct io_tcp_ops *ops;
    io_tcp_ready *ready;
    void *owner;
};

/* A timer lives in its owner, zeroed before first use. `seat` belongs to the implementation. */
struct io_timer {
    void (*fire)(void *owner, struct io_timer *timer);
    void *owner;
    int64_t at; /* when it will fire; read-only for the owner */
    uint64_t seat[8];
};

/* An address of this host. `interface` numbers are small and stay; of two addresses that both would do, the one with the
 * higher `preference` comes first (RFC 6724, RFC 8421). */
struct io_address {
    struct address address;
    uint8_t prefix_length;
    int16_t interface;
    int16_t preference;
};

/* Told when addresses or links of the host have changed. Lives in its owner. */
struct io_watch {
    void (*changed)(void *owner);
    void *owner;
    struct io_watch *next; /* the implementation's */
};

struct io_ops {
    int64_t (*now)(struct io *io);
    void (*random)(struct io *io, void *bytes, size_t length);

    /* Fires once at `at`; moves the timer when it is armed already; a time past means the next turn, never this call.
     * Busy timers keep a simulated run going (a retransmission), idle ones don't (a refresh, an expiry). */
    void (*arm)(struct io *io, struct io_timer *timer, int64_t at, bool busy);
    void (*disarm)(struct io *io, struct io_timer *timer);

    /* Fills up to `max` and returns how many there are. */
    size_t (*addresses)(struct io *io, struct io_address *addresses, size_t max);
    /* The local address from which `peer` would be reached; IO_NO_ROUTE without one. */
    enum io_result (*source)(struct io *io, const struct address *peer, struct address *local);
    void (*watch)(struct io *io, struct io_watch *watch);
    void (*unwatch)(struct io *io, struct io_watch *watch);

    /* `local` port 0: any free one; no address: all of the host's. NULL and `*why` on failure. */
    struct io_udp *(*udp)(struct io *io, const struct endpoint *local, const struct io_udp_events *events, void *owner,
                          enum io_result *why);
    /* `share`: a listener and several connects may share one local port. */
    struct io_tcp *(*listen)(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
                             enum io_result *why);
    struct io_tcp *(*connect)(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share,
                              io_tcp_ready *ready, void *owner, enum io_result *why);

    /* Hands in a record: fills `at` and `node`. Nothing happens when nobody listens. */
    void (*note)(struct io *io, struct record *record);
    /* Whether `note` would be heard, so that an engine need not fill records for nobody. */
    bool (*listening)(struct io *io);
};

struct io {
    const struct io_ops *ops;
};

#endif
