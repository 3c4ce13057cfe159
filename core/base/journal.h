/* The journal: the seam outwards.
 *
 * Whoever decides something about a packet, a mapping, a transaction or a pair hands in one `struct record` of numbers
 * with a pointer to its *kind*: a constant that stands beside the deciding code and knows how to say the record in one
 * sentence and how to tell its fields to a program. Whoever listens keeps records and calls these when somebody reads.
 *
 * When nobody listens the journal pointer is NULL, so a decision costs one branch:
 *
 *     if (world->journal)
 *         ... fill a record, journal_take(world->journal, &record);
 *
 * A node hands in the record of its decision before it sends the packet on. */
#ifndef CORE_BASE_JOURNAL_H
#define CORE_BASE_JOURNAL_H

#include <glib.h>

#include "core/base/address.h"
#include "core/base/fields.h"
#include "core/base/reason.h"

/* Names a packet by who made it and its ordinal there, from 1: "A.3". The name survives translation, fragmentation,
 * reassembly (the first fragment's) and duplication. 0 is no packet. */
typedef uint64_t packet_name;

#define PACKET_NAME(maker, ordinal) ((packet_name)(maker) << 40 | (ordinal))
#define PACKET_MAKER(name) ((uint32_t)((name) >> 40))
#define PACKET_ORDINAL(name) ((name) & ((UINT64_C(1) << 40) - 1))

/* What a node does with a packet. HELD: who holds it ends or resumes it later. DROP: a reason goes with it. */
enum verdict { VERDICT_NONE, VERDICT_PASS, VERDICT_MINE, VERDICT_DROP, VERDICT_HELD };

struct record_kind;

/* No pointer but `kind`; fields that a kind has no use for are 0. */
struct record {
    int64_t at;
    packet_name packet;      /* what it was decided about; 0 for none */
    packet_name cause;       /* the packet being handled when this one was made; 0 for none */
    const struct record_kind *kind;
    uint32_t node;           /* who decided */
    uint16_t rule;           /* which rule decided: numbers of the kind's own */
    uint8_t verdict, reason; /* enum verdict, enum drop_reason */
    struct flow before, after; /* as it came; as it went on (all zero where nothing went on) */
    uint32_t subject[2];     /* mapping, pair, allocation, interface: numbers of that node and kind */
    int64_t detail;          /* one more number of the kind's own */
    uint16_t size;           /* of the packet, bytes from its IP header up */
    uint8_t ttl;             /* as it came */
};

/* Who reads records looks up names here. Both return "?" for a number that is not known. */
struct names {
    const char *(*node)(const struct names *names, uint32_t node);
    const char *(*interface)(const struct names *names, uint32_t interface);
};

struct record_kind {
    const char *name;   /* "nat-outbound": one word for programs, unique in the house */
    const char *action; /* "sent", "delivered", "translated", "dropped", "mapping-new", ...: what watchers filter by */
    const char *source; /* "RFC 4787 section 4.1", or "" */
    /* Appends one sentence a student can read, without full stop or line end. Does not name the node or the time: the
     * reader puts those in front. */
    void (*say)(const struct record *record, const struct names *names, GString *out);
    /* Tells what `record`'s common members don't: the kind's own fields. NULL when there are none. */
    void (*fields)(const struct record *record, const struct names *names, struct fields *out);
};

/* Who listens. Called once a record, in order of time; the record is borrowed for the call. */
struct journal {
    void (*take)(struct journal *journal, const struct record *record);
};

static inline void
journal_take(struct journal *journal, const struct record *record)
{
    journal->take(journal, record);
}

/* Appends "A.3"; "-" for no packet. */
void packet_name_say(packet_name packet, const struct names *names, GString *out);
/* Appends "10.0.0.2:5000 -> 198.51.100.1:3478", or the bare addresses where the flow has no ports. */
void flow_say(const struct flow *flow, GString *out);

#endif
