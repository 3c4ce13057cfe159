/* What the parts of a discovery share: discovery.c (the order of things, and the questions), hairpin.c, lifetime.c. */
#ifndef PROTO_STUN_DISCOVERY_PRIVATE_H
#define PROTO_STUN_DISCOVERY_PRIVATE_H

#include "proto/stun/client.h"
#include "proto/stun/discovery.h"

#define DISCOVERY_SOCKETS 32
#define LIFETIME_RUNGS 16

/* A socket of the discovery's. */
struct asker {
    struct stun_discovery *discovery;
    struct io_udp *udp; /* NULL: closed */
    struct endpoint local; /* its address by route */
};

/* Two sockets send to each other's mapped endpoint, a few times. */
struct hairpin {
    struct asker *ends[2];
    struct endpoint mapped[2];
    struct stun_id ids[2]; /* of what each sends */
    unsigned asked, rounds; /* `asked`: twice each, before and after the rounds */
    unsigned pairs;        /* begun so far whose ports are foretold */
    int step;              /* by which; 0: ports are preserved */
    struct asker *looker;
    struct endpoint seen;  /* what the look before this pair was mapped to */
    bool listening;
};

/* One mapping that is left alone for a time. */
struct rung {
    struct asker *asker;
    struct io_timer alarm;
    struct stun_transaction *transaction; /* NULL: none is under way */
    int64_t wait;          /* how long */
    int64_t bound;         /* when the answer to its last request came */
    struct endpoint mapped;
    bool asked, alive;     /* it has been looked at, and how that went */
    enum stun_seen seen;   /* in more words */
    int64_t looked;        /* the last look, after `bound` */
};

struct lifetime {
    struct asker *other;  /* who asks for answers to the rungs */
    struct rung rungs[LIFETIME_RUNGS];
    unsigned count, bound, ended; /* rungs; those bound; those looked at */
    unsigned round;
};

struct stun_discovery {
    struct io *io;
    struct stun_discovery_options options;
    stun_discovery_done *done;
    void *owner;
    struct stun_client *client;
    struct io_timer alarm; /* the next thing to do, in a turn of its own */
    unsigned step;         /* of those in discovery.c */
    struct asker askers[DISCOVERY_SOCKETS];
    struct asker *named[STUN_ASKERS];
    struct asker *allocation;
    int64_t round_trip;    /* the quickest answer so far; 0: none yet */
    struct stun_evidence evidence;
    struct hairpin hairpin;
    struct lifetime lifetime;
};

/* discovery.c */

/* NULL when there is no socket to be had. */
struct asker *discovery_open(struct stun_discovery *discovery);
void discovery_close(struct asker *asker);
/* The same, with a last wait that leaves a whole round trip for the answer to the last request. */
struct stun_timer_options discovery_timer(const struct stun_discovery *discovery, struct stun_timer_options timer);
/* A Binding request without attributes; what comes back is told to `done`, with `owner`. */
struct stun_request discovery_request(struct stun_discovery *discovery, struct asker *asker, stun_done *done,
                                      void *owner);
/* The thing that was being done is done: on to the next, at once. */
void discovery_next(struct stun_discovery *discovery);
/* What the server calls the sender, of an answered transaction. */
struct endpoint discovery_mapped(const struct stun_result *result);

/* hairpin.c */

void discovery_hairpin(struct stun_discovery *discovery);
/* A datagram that answers no question of ours: it may be what the other end sent. */
void discovery_hairpin_heard(struct asker *asker, const struct io_datagram *datagram);
/* Time for the next round. */
void discovery_hairpin_round(struct stun_discovery *discovery);

/* lifetime.c */

void discovery_lifetime(struct stun_discovery *discovery);
void discovery_lifetime_stop(struct stun_discovery *discovery);

#endif
