/* The TCP connections that ALGs read: which there are, and what the box holds of them.
 *
 * A connection is followed from its SYN on; one that the box did not see begin is known too, so that it is told of
 * once, and passes as it is. It is known by its internal and its remote endpoint, and forgotten when the NAT would
 * forget it: as long after its last segment as its options say for connections that stand, or that are over. Nothing is
 * taken from one that lives to make room for another: with too many, further ones pass as they are. */
#ifndef NAT_ALG_CONNECTIONS_H
#define NAT_ALG_CONNECTIONS_H

#include "core/sim/slab.h"
#include "nat/alg/box.h"
#include "nat/alg/stream.h"

enum {
    ALG_CONNECTIONS_MAX = 4096, /* of a box */
    ALG_HELD_MAX = 64,          /* segments of one direction that are held */
    ALG_HELD_BYTES_MAX = 32768, /* and their bytes */
    ALG_BOX_HELD_MAX = 4096,    /* segments that a box holds */
};

#define ALG_HELD_TIME (5 * TIME_S)       /* no longer is anything held */
#define ALG_HELD_PATIENCE (100 * TIME_MS) /* what comes again after that is sent again, not doubled by a link */

/* One direction. Of `window_edge` and `acked` the other side's segments tell. */
struct alg_half {
    struct stream stream;
    bool begun;                /* its SYN was seen */
    bool blind;                /* it is not read any more: what comes passes as it is */
    bool given_up;             /* the message that is being gathered passes as it is */
    bool has_edge, has_scale;
    bool ended;                /* a FIN, with all before it, has been let go */
    uint8_t scale;             /* of the windows that the sender tells */
    uint16_t mss;              /* that it takes; 0: it has named none */
    uint16_t window;           /* that the sender told last, with `ack` */
    uint32_t isn, ack;         /* `ack`, `timestamp`, `echo`: of its newest segment */
    uint32_t told_ack;         /* the newest `ack` that has gone on */
    uint32_t timestamp, echo;
    uint32_t skip;             /* in: bytes of a long message pass up to here, while `skipping` */
    bool skipping, has_ack;
    uint32_t acked, window_edge; /* out: what the receiver has; up to where it takes more */
    struct packet_list held;   /* by sequence number, apart from each other */
    unsigned held_count;
    uint32_t held_bytes;
    int64_t held_since;        /* when the first of them came */
    int64_t newest_at;         /* when the newest bytes came */
};

struct alg_connection {
    struct event event; /* first: the time of what is held is over */
    struct alg_streams *streams;
    struct alg_seat *seat;        /* NULL: nobody reads it */
    struct endpoint internal, remote;
    struct alg_connection *below; /* of the same bucket */
    struct alg_connection *newer, *older;
    int64_t used;
    bool over;                    /* reset, or ended from both sides: it is among those that are forgotten sooner */
    bool from_inside;             /* it was opened from inside */
    uint64_t memory[ALG_CONNECTION_WORDS];
    struct alg_half halves[2];    /* outbound and inbound */
};

struct alg_age {
    struct alg_connection *newest, *oldest;
};

enum { ALG_BUCKETS = 1024 }; /* a power of two */

struct alg_streams {
    struct alg_box *box;
    struct slab connections, stores, gathered;
    struct alg_age standing, over;
    unsigned count, held;
    bool full;                          /* and that has been told */
    struct alg_connection *buckets[ALG_BUCKETS];
    uint8_t scratch[PACKET_MAX + IPV6_HEADER + STREAM_BYTES_MAX]; /* for what a segment becomes */
};

struct alg_streams *alg_streams_new(struct alg_box *box);
/* Silent: what is held is the world's, which is about to go. */
void alg_streams_free(struct alg_streams *streams);

struct alg_connection *alg_connection_find(const struct alg_streams *streams, struct endpoint internal,
                                           struct endpoint remote);
/* A new one, which must not be there; NULL when there are too many. */
struct alg_connection *alg_connection_new(struct alg_streams *streams, struct endpoint internal, struct endpoint remote);
/* It has had traffic. */
void alg_connection_use(struct alg_connection *connection);
/* It holds no packets any more. */
void alg_connection_free(struct alg_connection *connection);
/* Forgets those that have been idle for long enough. */
void alg_connections_sweep(struct alg_streams *streams);

/* ---- holding.c: what is held, and how it goes on */

static inline struct alg_half *
alg_half_of(struct alg_connection *connection, bool inbound)
{
    return &connection->halves[inbound];
}

static inline struct tcp_segment
alg_segment_of(const struct packet *packet)
{
    struct tcp_segment tcp;
    enum drop_reason reason = tcp_segment_read(packet_transport(packet), &tcp);

    g_assert(reason == DROP_NONE); /* it was read when it came */
    return tcp;
}

/* Gives a segment, all of whose bytes have been let go, the numbers and the bytes that it has for the receiver. What is
 * longer now than its packet should be goes ahead in others. `held`: it has waited, and leaves with what its sender has
 * said since. */
void alg_translate(struct alg_connection *connection, bool inbound, struct packet *packet, bool held);
/* Leaves of a segment only its header: for what it acknowledges, or (`probe`) for the receiver to answer. */
void alg_make_bare(struct alg_connection *connection, bool inbound, struct packet *packet, bool probe);
/* Sends such a copy on. */
void alg_send_bare(struct alg_connection *connection, bool inbound, const struct packet *packet, bool probe);
/* Sends on a copy of the bytes of a segment before `end`, and leaves those behind. */
void alg_send_front(struct alg_connection *connection, bool inbound, struct packet *packet, uint32_t end, bool held);

/* Takes a packet into what is held; whether a single one that is held has all that is in it. */
void alg_hold(struct alg_connection *connection, bool inbound, struct packet *packet);
bool alg_holds(const struct alg_half *half, uint32_t from, uint32_t end);
/* Takes a packet out of it. */
void alg_unhold(struct alg_connection *connection, bool inbound, struct packet *packet);
/* Gathers what of the held segments comes next, and takes out what is there twice. False: there is no room. `*fin`: all
 * up to a FIN has been gathered. */
bool alg_gather(struct alg_connection *connection, bool inbound, bool *fin) G_GNUC_WARN_UNUSED_RESULT;
/* Sends on what of the held segments has been let go. */
void alg_release(struct alg_connection *connection, bool inbound);
/* What is held now waits: it is told of. */
void alg_note_waiting(struct alg_connection *connection, bool inbound);
/* Reads no more of this direction: all that is held goes on as it is. */
void alg_blind(struct alg_connection *connection, bool inbound);
/* Ends what is held. */
void alg_drop_held(struct alg_connection *connection, bool inbound, enum drop_reason reason);
/* Gives memory back that is not needed for now. */
void alg_tidy(struct alg_connection *connection, bool inbound);

/* ---- messages.c */

/* Reads the messages that are complete, of those that are gathered of a direction. PART: the last one is not complete.
 * BLIND: nothing is to be read any more, of either direction. */
enum alg_framed { ALG_FRAMED_ALL, ALG_FRAMED_PART, ALG_FRAMED_BLIND };
enum alg_framed alg_read_messages(struct alg_connection *connection, const struct packet *packet,
                                  const struct nat_translation *way);

/* Takes a segment for a message, and leaves numbers as they are: what naive boxes do. False: nothing is to be read any
 * more. */
bool alg_read_naively(struct alg_connection *connection, struct packet *packet, const struct nat_translation *way,
                      const struct tcp_segment *tcp);

/* ---- segments.c */

/* A packet of TCP that a box with ALGs translates. */
enum verdict alg_read_segment(struct alg_box *box, struct packet *packet, const struct nat_translation *way);

/* Nobody reads the connections of a seat any more: those that have been changed are followed on. */
void alg_leave_connections(struct alg_box *box, const struct alg_seat *seat);
/* The box loses its state. */
void alg_forget_connections(struct alg_box *box);

#endif
