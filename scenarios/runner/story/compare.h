/* Two runs of one scenario compared: where their stories part, and which decision made the difference.
 *
 * Both are told by one seed, so they are the same until something that was changed has a say. From there on times,
 * ports and numbers of packets may all differ. So packets are matched first: of each maker, in order, those that are
 * alike (protocol, size, where to), as a diff of texts matches lines. Then decision is compared with decision, packet
 * by packet.
 *
 * - The stories part at the first decision that is told otherwise, or is in one run only.
 * - What made the difference is the first packet that met another fate: one run dropped it at a node where the other let it
 *   pass, or dropped it for another reason.
 *
 * A pure function over two lists of records; nodes and packets are known by their names, because a changed topology
 * has other numbers. */
#ifndef SCENARIOS_RUNNER_STORY_COMPARE_H
#define SCENARIOS_RUNNER_STORY_COMPARE_H

#include "scenarios/runner/story/story.h"

enum { COMPARE_RUNS = 2 }; /* [0] as it is, [1] changed */

/* A decision of one run. Texts are the comparison's. */
struct compare_step {
    int64_t at;
    char *node, *packet, *text; /* packet: "" where it is about none */
    const char *kind, *source;  /* of the record's kind; source: the reason's where the kind has none */
    const char *reason;         /* of a drop: the word; NULL: none */
};

/* Two decisions about the same thing; either may be NULL: that run has none. */
struct compare_pair {
    struct compare_step *steps[COMPARE_RUNS];
};

/* A packet that one run dropped and the other did not drop there. */
struct compare_drop {
    char *packet, *node;
    const char *reason;
    int64_t at;
    char *instead; /* in the other run: "it reaches B", "natA drops it: filtered", "it is not sent", "" when it is untold */
};

struct comparison {
    size_t counts[COMPARE_RUNS]; /* records in each */
    size_t common;               /* that both begin with, word for word */
    int64_t common_until;        /* the time of the last of those */
    bool same;                   /* nothing differs */
    struct compare_pair parted, decisive;
    GPtrArray *gone, *new;       /* struct compare_drop *, in order of time: of the first run; of the second */
};

struct comparison *comparison_new(const struct story *as_it_is, const struct story *changed);
void comparison_free(struct comparison *comparison);
typedef struct comparison comparison;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(comparison, comparison_free)

#endif
