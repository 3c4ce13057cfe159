/* Links: two wires, one each way.
 *
 * A wire delays, loses, duplicates, reorders, limits and queues. What becomes of a packet is settled when it enters: one
 * event, its arrival. Options may change at any time and touch later packets only, except that switching a wire off
 * ends what is under way on it.
 *
 * In this order: the switch, the queue (drop-tail, in bytes that wait for the line), the rate, the fault list, loss (so a
 * lost packet has occupied the line), the delay with its jitter, the order, the duplicate. Each has its own random stream,
 * named after the wire, and each packet its own place in it, by its ordinal: switching one impairment on moves no other's
 * dice. */
#ifndef CORE_NET_LINK_H
#define CORE_NET_LINK_H

#include "core/net/packet.h"

struct node;
struct segment;

/* One line of a fault list: what shall happen to the n-th packet that enters the wire, counted from 1. */
struct link_fault {
    uint64_t packet;
    bool lose, duplicate;
    int64_t delay; /* added to the wire's own; such a packet may be overtaken */
};

struct link_options {
    int64_t delay;  /* nanoseconds */
    int64_t jitter; /* uniform, 0 to this much is added to the delay */
    chance loss, duplicate;
    chance reorder; /* the share of packets that need not keep the order: jitter may let later ones overtake; on a wire
                       without jitter such a packet is held back by up to its delay again (at least 1 ms) */
    uint64_t rate;  /* bits a second; 0: no limit */
    uint64_t queue; /* bytes that may wait for the line, besides the packet that is being sent; 0: no limit */
    uint32_t mtu;   /* at least 68 (RFC 791) */
    bool off;
    uint32_t fault_count;
    const struct link_fault *faults; /* in order of `packet`; copied by link_set */
};

/* 0.1 ms delay, MTU 1500, nothing else. */
extern const struct link_options link_defaults;

struct wire_extra; /* what only an impaired wire has: random streams and a fault list of its own */

struct wire {
    const struct link_options *options; /* shared with others, or in `extra` */
    struct packet_list under_way;
    int64_t latest;                     /* the last arrival settled: who keeps the order comes no earlier */
    uint64_t packets, bytes;            /* that the queue took, lost ones included */
    struct wire_extra *extra;
    struct link *link;
    struct port *to;                    /* where it ends; NULL: at the segment */
};

/* `up` leads away from the node whose link it is, to the segment or the router; `down` to the node. */
struct link {
    struct wire up, down;
    struct world *world;
    struct port *near, *far;    /* `far` is NULL on a segment */
    struct segment *segment;    /* or NULL, point to point */
};

/* Sets the options of a wire from now on; copies them. A new link's wires share the options they were made with and need
 * no wire_set as long as only `delay` and `mtu` differ from the default. */
void wire_set(struct wire *wire, const struct link_options *options);

static inline const struct link_options *
wire_options(const struct wire *wire)
{
    return wire->options;
}

/* Puts a packet on the wire; takes it over. `from` is the node that sends, for the journal; `capture` the port that
 * shows the packet once the queue has taken it, or NULL. */
void wire_enter(struct wire *wire, struct packet *packet, struct node *from, const struct port *capture);

/* Ends everything under way as DROP_LINK_DOWN. */
void wire_clear(struct wire *wire);
/* Gives back what the wire holds besides itself; nothing may be under way. */
void wire_free(struct wire *wire);

/* A name for people: "A-natA up". Written to `text`, which is returned. */
const char *wire_name(const struct wire *wire, char *text, size_t size);

#endif
