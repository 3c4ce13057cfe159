/* What the parts of core/live share: for its own files only. */
#ifndef CORE_LIVE_LIVE_PRIVATE_H
#define CORE_LIVE_LIVE_PRIVATE_H

#include "core/live/live.h"
#include "core/live/timers.h"

#define LIVE_BATCH 32 /* datagrams a system call */

/* A descriptor in the epoll set. Its owner has it as a member. */
struct live_file {
    int fd; /* -1: closed, and nothing more comes */
    void (*ready)(struct live_file *file, uint32_t events);
};

struct live_udp;
struct live_inbox;
struct live_batch;

struct live {
    struct io io; /* first: an io is its live */
    GSource *source;
    GMainContext *context;
    int epoll;
    struct live_file clock; /* the timerfd */
    int64_t clock_at;       /* what it is set to; TIME_NEVER: to nothing */
    int64_t born;
    struct live_timers timers;
    size_t open;       /* files in the set besides the clock */
    bool turning;      /* inside the source's dispatch */
    int64_t turn;      /* when this turn began */
    GPtrArray *graves; /* closed during this turn: freed at its end */

    struct address *addresses; /* those to use; NULL: all */
    size_t address_count;
    struct live_file routes;   /* netlink, while anybody watches */
    struct io_watch *watches;
    struct io_timer watchers_due;

    struct journal *journal;

    uint8_t dice[512];          /* the kernel's, not thrown yet: the last `dice_left` */
    size_t dice_left;

    struct live_inbox *inbox;   /* made at first use, like the next */
    struct live_way *ways;
    uint64_t ordinals;          /* names given to sockets */
    bool segments, segments_asked; /* whether the kernel cuts a message into datagrams (UDP_SEGMENT) */
    GPtrArray *spare_batches;
    GPtrArray *pending;         /* struct live_udp *: those that have a batch to send */
    struct live_counters counters;
};

static inline struct live *
live_of(struct io *io)
{
    return (struct live *)io;
}

/* live.c */

int64_t live_now(const struct live *live);
/* False with errno. */
bool live_file_open(struct live *live, struct live_file *file, int fd, uint32_t events);
/* Closes the descriptor; the file's owner is then given to live_bury. */
void live_file_close(struct live *live, struct live_file *file);
/* g_free, at the end of the turn: events of this turn may still point there. */
void live_bury(struct live *live, void *object);

/* host.c */

size_t live_addresses(struct io *io, struct io_address *addresses, size_t max);
enum io_result live_source(struct io *io, const struct address *peer, struct address *local);
void live_watch(struct io *io, struct io_watch *watch);
void live_unwatch(struct io *io, struct io_watch *watch);
/* Whether sockets may use this address: all are the kernel's business unless the host has a list of its own. */
bool live_may_use(const struct live *live, struct address address);
/* The interface that a socket on this address is bound to with it: that of a link-local one, which means something there
 * only (RFC 4007 section 6); of several that have it the first. 0: none, for all others. */
uint32_t live_scope_of(struct address own);
/* What sockets of any address send from: the host's own choice, or no address, for the kernel to choose. */
struct address live_preferred(const struct live *live, struct address peer);
/* Whoever watches is told in the next turn. */
void live_addresses_changed(struct live *live);

/* udp.c, batch.c */

struct io_udp *live_udp_open(struct io *io, const struct endpoint *local, const struct io_udp_events *events,
                             void *owner, enum io_result *why);
/* Sends what waits in batches. */
void live_udp_flush(struct live *live);
void live_udp_free_buffers(struct live *live);

/* tcp.c */

struct io_tcp *live_listen(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
                           enum io_result *why);
struct io_tcp *live_connect(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share,
                            io_tcp_ready *ready, void *owner, enum io_result *why);

#endif
