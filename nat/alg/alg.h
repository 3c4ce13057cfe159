/* Application-level gateways: what in a NAT reads and rewrites the data of the packets that it translates, because an
 * address stands there as well as in the header, and opens the ports that are named there.
 *
 * Which of them a box has its options say (`algs`, `alg_quirks`, and the quirk that is an older word for one). Whoever
 * makes a box, or changes its options, has it fitted:
 *
 *     nat_new(node, &options);
 *     alg_fit(node);
 *
 * An ALG is a constant: a name, the traffic that it looks at, and functions. The mechanism does for all ALGs alike what
 * is not one protocol's:
 *
 *   messages    An ALG reads whole messages and says what is to change (alg_replace); the mechanism makes the changes
 *               when all of them are known, and mends lengths and checksums last. So an ALG never writes into a packet,
 *               its places hold still while it reads, and a message is changed as a whole or not at all.
 *   streams     Of TCP a message is what the ALG's framer cuts out of the stream, whatever the segments
 *               (nat/alg/stream.h). What a message became it becomes again when it is retransmitted, and sequence,
 *               acknowledgement and SACK numbers follow.
 *   pinholes    A port that a message names is opened before the message goes on, and closed again if it can't be
 *               changed after all (alg_open).
 *   state       A box has one *seat* for each ALG, with memory of the ALG's own, timers of the world, and quirks.
 *
 * A message is the data of one UDP datagram, which the box has put together from its fragments, or a part of a TCP
 * stream. One with more to change than fits passes as it is, which the journal tells (alg_passed_kind).
 *
 * A box without an ALG pays one branch for each packet. One with ALGs takes nothing from the heap for any, once the
 * slabs have grown to what its traffic needs. */
#ifndef NAT_ALG_ALG_H
#define NAT_ALG_ALG_H

#include "core/net/rewrite.h"
#include "nat/nat.h"

enum {
    ALG_CHANGES_MAX = 64,      /* in one message */
    ALG_BYTES_MAX = 4096,      /* that changes put in, in all */
    ALG_OPENED_MAX = 32,       /* pinholes that one message opens */
    ALG_MESSAGE_MAX = 16384,   /* of a stream: a longer one passes as it is */
    ALG_CONNECTION_WORDS = 4,  /* of memory that an ALG has for each connection */
};

struct alg;
struct alg_box;

/* One ALG of one box. It lives from when the ALG is switched on until it is switched off, or the box is gone; other
 * quirks, and a reboot, leave it in its place. */
struct alg_seat {
    const struct alg *alg;
    struct alg_box *box;
    struct node *node;
    struct nat *nat;
    unsigned quirks; /* bits, in the order of the ALG's words (nat_alg_quirk_words) */
    unsigned index;  /* of enum nat_alg: what the journal knows it by */
    void *state;     /* alg->state_bytes, zeroed at first */
};

/* ---- messages */

/* One message that is being read. */
struct alg_message {
    struct alg_seat *seat;         /* whose turn it is */
    const struct packet *packet;   /* that brought it, or its end; its headers are translated already */
    struct nat_translation way;    /* outbound the sender is way.internal, inbound the receiver */
    struct endpoint remote;        /* the other end, outside */
    struct span data;              /* the message as it came; borrowed */

    /* Of a stream. */
    bool is_stream;
    bool from_opener;              /* who opened the connection has sent it */
    uint64_t *memory;              /* ALG_CONNECTION_WORDS of the connection's, for the ALG: zero at its beginning */

    /* What is to change, and what has been opened: see below. */
    bool given_up, overfull, stopped;
    unsigned count, opened_count;
    size_t used;
    struct packet_change changes[ALG_CHANGES_MAX];
    uint32_t opened[ALG_OPENED_MAX];
    uint8_t bytes[ALG_BYTES_MAX];
};

/* `count` bytes of the message, from `at` on, shall become `bytes`, which are copied: more of them, fewer or none.
 * Places count in the message as it came; changes come in their order and do not overlap. Once they are too many
 * nothing will change, which the mechanism sees to. A message of a stream keeps at least one byte. */
void alg_replace(struct alg_message *message, size_t at, size_t count, struct span bytes);

/* The message shall pass as it is after all; what it has opened is closed. */
void alg_give_up(struct alg_message *message);

/* Of a stream: what follows this message, both ways, passes as it is and is never read again. */
void alg_stop(struct alg_message *message);

/* A record about the message, or (packet NULL) about the box, to be completed and handed in with alg_journal. Both only
 * when somebody listens: alg_listening. */
bool alg_listening(const struct alg_seat *seat);
struct record alg_record(const struct alg_seat *seat, const struct packet *packet, const struct record_kind *kind);
void alg_journal(const struct alg_seat *seat, const struct record *record);

static inline int64_t
alg_now(const struct alg_seat *seat)
{
    return seat->node->world->now;
}

/* ---- pinholes
 *
 * A pinhole lets in by a mapping whom the filter would not. Its mapping is the one that a packet out of the internal
 * endpoint would take, if there is one already, such as STUN may have made (RFC 8839 section 8); else it is made in
 * advance (NAT_ORIGIN_ALG), with an even port for an even one and an odd for an odd. What the internal endpoint sends
 * leaves by it, whatever `mapping` says, so that media go out where the pinhole lets them in (RFC 4961). A mapping does
 * not expire before its pinholes; one that was made for pinholes ends with the last of them, but for a connection or
 * traffic that a `once` pinhole let in. On a box that translates nothing the external endpoint is the internal one.
 *
 * A pinhole is opened only by a message out, and only to the internal address that has sent it: nobody may speak for
 * others (this is what an FTP bounce attack asks for). Their number is bounded for each mapping, internal address and
 * box (nat/pinholes.h). */

/* ALG_OPEN_OK is zero. */
enum alg_opened {
    ALG_OPEN_OK,
    ALG_OPEN_NOT_THE_SENDERS, /* another address than the sender's, or the message comes from outside */
    ALG_OPEN_LIMIT,           /* too many pinholes, or mappings */
    ALG_OPEN_NO_PORT,         /* no external port is free */
    ALG_OPEN_UNSUPPORTED,     /* neither UDP nor TCP, port 0, or the box translates between families here */
};

struct alg_wish {
    uint8_t protocol;
    bool pair;                /* the internal port and the one above, as RTP and RTCP have them */
    bool once;                /* whoever comes first is the only one to come */
    bool refreshed;           /* traffic both ways prolongs it: it ends `lifetime` after the last */
    struct endpoint internal;
    struct endpoint remote;   /* who may come; port 0: from any port; no address: whoever wants to */
    int64_t lifetime;         /* above 0 */
    uint64_t owner;           /* the ALG's own word for what it belongs to: a dialog, a connection */
};

struct alg_grant {
    struct endpoint external;
    uint32_t pinhole; /* its number, never used again */
    bool is_new;      /* false: the owner had it already (same protocol and internal endpoint), and it has the wish's
                         remote and lifetime from now on */
    bool mapped;      /* its mapping is one that was there already */
};

/* Opens what a message asks for: grants[0], and of a pair grants[1], which has the port above grants[0]'s when that can
 * be had: where the lower port has a mapping already whose neighbour is somebody else's it can't. Of a pair both are
 * opened or none. New ones are closed again when the message is not changed after all: because the ALG gives up, or the
 * changes don't fit. */
enum alg_opened alg_open(struct alg_message *message, const struct alg_wish *wish, struct alg_grant grants[2])
    G_GNUC_WARN_UNUSED_RESULT;

/* An open pinhole, as it is now. */
struct alg_pinhole {
    uint32_t number, mapping; /* `mapping`: the number of its mapping */
    uint8_t protocol;
    bool once, used, refreshed;
    struct endpoint internal, external, remote;
    int64_t opened, expires;
    uint64_t owner;
    uint64_t packets; /* that it let in */
};

/* False: there is no such pinhole of this seat any more. */
bool alg_find_pinhole(const struct alg_seat *seat, uint32_t pinhole, struct alg_pinhole *found);
/* Only `remote` may come from now on. */
bool alg_narrow(struct alg_seat *seat, uint32_t pinhole, struct endpoint remote);
/* It ends so long from now. */
bool alg_prolong(struct alg_seat *seat, uint32_t pinhole, int64_t lifetime);
/* It ends so long from now at the latest, whatever goes through it: a grace after a dialog's end. */
bool alg_let_end(struct alg_seat *seat, uint32_t pinhole, int64_t grace);
bool alg_close(struct alg_seat *seat, uint32_t pinhole);

/* The same for all pinholes of an owner; how many there were. */
unsigned alg_prolong_owner(struct alg_seat *seat, uint64_t owner, int64_t lifetime);
unsigned alg_let_end_owner(struct alg_seat *seat, uint64_t owner, int64_t grace);
unsigned alg_close_owner(struct alg_seat *seat, uint64_t owner);
/* Calls `tell` for each of them, oldest first. It must not open or close any. */
void alg_each_pinhole(const struct alg_seat *seat, uint64_t owner,
                      void (*tell)(void *user, const struct alg_pinhole *pinhole), void *user);

/* The external endpoint that a packet of `internal` to `remote` (no address: to nobody in particular) has now, without
 * making anything; and whose an external endpoint is. False: there is no mapping. */
bool alg_external_of(const struct alg_seat *seat, uint8_t protocol, struct endpoint internal, struct endpoint remote,
                     struct endpoint *external);
bool alg_internal_of(const struct alg_seat *seat, uint8_t protocol, struct endpoint external, struct endpoint *internal);
/* Whether `address` is one of the box's outside addresses; whether it is reached by an inside port. */
bool alg_is_external(const struct alg_seat *seat, struct address address);
bool alg_is_inside(const struct alg_seat *seat, struct address address);

/* ---- timers */

/* Embedded in the ALG's state, and set up once. It fires once for each time that it is set. Who frees the memory that
 * it is in cancels it before. */
struct alg_timer {
    struct event event; /* first */
    struct alg_seat *seat;
    void (*fire)(struct alg_timer *timer);
};

void alg_timer_init(struct alg_timer *timer, struct alg_seat *seat, void (*fire)(struct alg_timer *timer));
void alg_timer_set(struct alg_timer *timer, int64_t at); /* moves it when it is set already */
void alg_timer_cancel(struct alg_timer *timer);

/* ---- ALGs */

enum { ALG_OVER_UDP = 1 << 0, ALG_OVER_TCP = 1 << 1 };

/* What a framer says instead of a length. */
#define ALG_FRAME_MORE ((size_t)0)       /* the first message is not complete, and its length not known yet */
#define ALG_FRAME_NONE (SIZE_MAX)        /* this is none of the ALG's: the rest of the connection passes as it is */

/* Functions may be NULL but for `read`, and `frame` over TCP. */
struct alg {
    const char *name;
    uint8_t over;                   /* ALG_OVER_... */
    uint16_t port;                  /* at either end of a datagram; that a connection was opened to; 0: any */
    size_t state_bytes;             /* of each seat; 0: none */
    unsigned segments_quirk;        /* bits of the quirk with which it takes each TCP segment for a message, and leaves
                                       sequence numbers as they are: what naive boxes do */

    /* The seat is new, its state zeroed; it goes, and is silent: timers are cancelled, memory is freed, pinholes close
     * by themselves; its quirks have changed. */
    void (*begin)(struct alg_seat *seat);
    void (*end)(struct alg_seat *seat);
    void (*changed)(struct alg_seat *seat);
    /* The NAT has forgotten everything, pinholes and connections too, as in a reboot. */
    void (*forget)(struct alg_seat *seat);

    /* How many bytes the first message in `so_far`, which is not empty, has: that may be more than there are yet. Or
     * one of the words above. */
    size_t (*frame)(const struct alg_seat *seat, struct span so_far, bool from_opener);
    /* Reads a message and asks for changes. What it learns it keeps for `done`, or knows how to undo. */
    void (*read)(struct alg_message *message);
    /* How it came out: `changed` says whether there were changes and they have been made. Called for each message that
     * was read, after it. */
    void (*done)(struct alg_message *message, bool changed);
    /* A pinhole has ended by itself: its time came, its mapping ended, the box forgot everything. Not called for those
     * that the ALG closes. It must not open or close any. */
    void (*closed)(struct alg_seat *seat, const struct alg_pinhole *pinhole);

    /* Changes have been made: for the journal, when somebody listens. `kind` NULL: nothing is told. */
    void (*tell)(const struct alg_message *message, struct record *record);
    const struct record_kind *kind;
};

/* All that there are, in the order of enum nat_alg; ends with NULL. Their names are nat_alg_words, their quirks
 * nat_alg_quirk_words, which a test compares. */
extern const struct alg *const alg_registry[];

/* Gives the NAT of `node` the ALGs that its options ask for. Those that it has already, and is to have still, keep
 * their state and their connections; connections of one that is switched off go on unread. Nothing happens to a node
 * without a NAT. */
void alg_fit(struct node *node);

/* The same with these, as many as `count`, which live as long as the NAT: in this order they read each datagram; a
 * connection is read by the first that looks at it. `quirks` has one word of bits for each, or is NULL. */
void alg_fit_with(struct node *node, const struct alg *const *with, const unsigned *quirks, unsigned count);

/* ---- the ALGs, and the journal */

/* rewrite_addresses.c: see there. */
extern const struct alg alg_rewrite_addresses;

/* `after.source` is the address that was there, `after.destination` the one that is now. `detail`: how often. */
extern const struct record_kind alg_rewrite_kind;

/* ftp.c. `after.source` is what was named, `after.destination` what is now; `detail`: in which words, enum ftp_form. */
extern const struct alg alg_ftp;
extern const struct record_kind alg_ftp_kind;

/* It names what nobody gets. `after.source` and `detail` as above; `rule`: enum alg_ftp_refused. */
enum alg_ftp_refused { ALG_FTP_NOT_THE_SENDERS, ALG_FTP_WELL_KNOWN, ALG_FTP_NO_ROOM };
extern const struct record_kind alg_ftp_refused_kind;

/* A message that passes as it is though an ALG would change it, or a stream that is not read. `rule`: enum alg_passed;
 * `detail`: how many bytes it is about. */
enum alg_passed {
    ALG_PASSED_CHANGES,     /* more to change than there is room for */
    ALG_PASSED_ROOM,        /* too long for its buffer, or for any datagram */
    ALG_PASSED_UNFINISHED,  /* of a stream: the sender waits, with the message unfinished */
    ALG_PASSED_WINDOW,      /* the message is longer than what its sender may have under way */
    ALG_PASSED_LONG,        /* longer than what is held of a stream */
    ALG_PASSED_HELD,        /* too many segments, or bytes, are held */
    ALG_PASSED_UNACKED,     /* too many changes that are not acknowledged yet */
    ALG_PASSED_FOREIGN,     /* not the ALG's protocol */
    ALG_PASSED_MIDDLE,      /* the box did not see the connection begin */
    ALG_PASSED_CONNECTIONS, /* too many connections */
    ALG_PASSED_EMPTY,       /* nothing would be left of it */
    ALG_PASSED_ENDED,       /* the connection ends in the midst of it */
    ALG_PASSED_COUNT,
};
extern const struct record_kind alg_passed_kind;

/* A segment waits, because a message is not complete or there is a gap before it (`rule` not 0); goes on after that.
 * `detail`: how many bytes wait in all; how long it has waited. */
extern const struct record_kind alg_held_kind, alg_released_kind;

#endif
