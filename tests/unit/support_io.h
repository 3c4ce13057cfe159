/* A host made of nothing, for tests of protocol engines: `struct io` on a virtual clock, without a network.
 *
 * What an engine sends is kept, with the time, until the test takes it; what it receives, the test delivers. So
 * losing a datagram is not delivering it, duplicating is delivering it twice, and reordering is delivering the later
 * first:
 *
 *     struct fake_io *a = fake_io_new("192.0.2.1"), *s = fake_io_new("198.51.100.1");
 *     ... make a client on &a->io and a server on &s->io ...
 *     fake_io_carry(a, s);                           what `a` has sent to an address of `s` arrives there
 *     fake_io_take(s);                               the answer is lost
 *     fake_io_advance(a, 500 * TIME_MS);             timers fire, each at its own time
 *
 * Streams go between two fakes and move when the test says so, with `fake_io_carry_streams`: connections are made, bytes
 * and ends arrive, as far as windows and readers allow. `fake_io_break_streams` is a peer that has crashed.
 *
 * Nothing here needs CUnit, so that fuzz targets use it too. The clocks of two hosts are set by the test. */
#ifndef TESTS_UNIT_SUPPORT_IO_H
#define TESTS_UNIT_SUPPORT_IO_H

#include <glib.h>

#include "core/base/io.h"
#include "core/base/journal.h"
#include "core/base/random.h"

/* A datagram that an engine sent. Belongs to the fake, and lives as long. */
struct fake_datagram {
    int64_t at;
    struct endpoint local, peer; /* `local` has the host's address where the engine left it open */
    struct span data;
    struct io_datagram as_sent; /* with its marks (TTL, DF, ...); its `data` is not good any more */
};

struct fake_io {
    struct io io;               /* what the engine gets */
    int64_t now;                /* set through fake_io_advance once an engine is there */
    struct address address;     /* the host's */
    struct address second;      /* one more, not listed, for sockets bound to it; none at first */
    enum io_result send_result; /* IO_OK: sent datagrams are kept; anything else is what `send` answers */
    size_t datagram_most;       /* bytes; what is larger gets IO_TOO_BIG; 65507 at first */
    bool listening;             /* whether the journal is heard; true at first */
    GArray *notes;              /* struct record: what was noted, in order */
    size_t window; /* bytes that a stream holds unsent, and unread; 65536 at first */
    size_t piece;  /* bytes that move at a time, each with events of its own; 65536 at first */
    /* The rest is for support_io.c and support_io_tcp.c only. */
    GPtrArray *streams;
    GPtrArray *timers, *sockets, *sent;
    size_t taken;
    uint64_t armings, packets;
    uint16_t next_port;
    struct io_watch *watches;
    struct random_stream random;
};

struct fake_io *fake_io_new(const char *address);
/* False when a socket is still open, a timer armed or a watch set: something was left alive. */
bool fake_io_free(struct fake_io *fake);

/* Time goes on by `duration`; what falls due on the way fires at its time, and within one instant in
 * the order of arming. */
void fake_io_advance(struct fake_io *fake, int64_t duration);
/* When the next timer fires; TIME_NEVER without one. */
int64_t fake_io_next(const struct fake_io *fake);
/* Whether a busy timer is armed: a simulated run would go on. */
bool fake_io_busy(const struct fake_io *fake);

/* The oldest sent datagram that was not taken yet; NULL when there is none. */
const struct fake_datagram *fake_io_take(struct fake_io *fake);
size_t fake_io_waiting(const struct fake_io *fake);

/* A datagram arrives at `local` from `peer`, in a block of exactly its size. False when no socket is bound there. */
bool fake_io_deliver(struct fake_io *fake, struct endpoint local, struct endpoint peer, struct span data);
/* An ICMP error arrives about a datagram that went from `local` to `peer`. */
bool fake_io_deliver_icmp(struct fake_io *fake, struct endpoint local, struct endpoint peer, uint8_t type,
                          uint8_t code);
/* Takes all that waits at `from` and delivers what is for a socket of `to`, or for a group that one of them has joined;
 * how many arrived. */
size_t fake_io_carry(struct fake_io *from, struct fake_io *to);

/* Lets the streams between two hosts go on until nothing more moves; whether anything did. A connection to a port of
 * `b` where nobody listens is refused. */
bool fake_io_carry_streams(struct fake_io *a, struct fake_io *b);
/* All streams of this host are reset, as if their peers had lost all memory. */
void fake_io_break_streams(struct fake_io *fake);
/* Streams and listeners that their owner has not closed. */
size_t fake_io_streams(const struct fake_io *fake);

/* Takes the next `count` ports that the host would draw, over TCP only; the listeners go into `taken`. */
void fake_io_take_ports(struct fake_io *fake, struct io_tcp **taken, size_t count);

/* The addresses of the host have changed: tells those who watch. */
void fake_io_changed(struct fake_io *fake);

/* How many records of this kind were noted. */
size_t fake_io_noted(const struct fake_io *fake, const struct record_kind *kind);

#endif
