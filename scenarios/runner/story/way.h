/* One packet's whole way: the nodes it came to, what each decided and by which rule, what was changed, how it ended, and
 * which packets it caused.
 *
 * It is read off the records. What only the bytes tell (the TTL, the data) whoever has copies of them may add to a
 * station's changes. */
#ifndef SCENARIOS_RUNNER_STORY_WAY_H
#define SCENARIOS_RUNNER_STORY_WAY_H

#include "scenarios/runner/story/payload.h"
#include "scenarios/runner/story/story.h"

/* One thing that a node said of it. */
struct way_decision {
    char *text;
    const char *source; /* the section of an RFC behind it; "" */
    bool dropped;
};

/* A stay at one node, at one time. */
struct way_station {
    uint32_t node;
    char *name;
    int64_t at;
    int64_t travelled;    /* since the station before; 0 at the first */
    GArray *decisions;    /* struct way_decision */
    GPtrArray *changes;   /* struct payload_change *: "source", "destination" as the records tell them */
};

/* What happened because of this packet and is not about it: another one was sent, or something changed (a pinhole that an
 * ALG opened, a pair of ICE's). */
struct way_effect {
    char *packet, *text; /* "S.1", "" where it is none; the sentence */
    char *node;
    int64_t at;
    char *fate;          /* "it reaches A", "natB drops it: filtered", "" when the story does not tell */
};

struct way {
    char *packet;        /* "A.3" */
    char *what;          /* what it is, in a line, when somebody who has its bytes sets it; "" */
    char *cause;         /* what its maker was handling then; "" */
    GPtrArray *stations; /* struct way_station * */
    GPtrArray *effects;  /* struct way_effect * */
    enum { WAY_UNKNOWN, WAY_DELIVERED, WAY_DROPPED } end;
    char *ended_at;      /* the node; "" */
    const char *reason;  /* of a drop: the word; its sentence and its source */
    const char *reason_sentence, *reason_source;
};

struct way *way_new(const struct story *story, packet_name packet);
void way_free(struct way *way);
typedef struct way way;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(way, way_free)

#endif
