/* The ladder of a run: its story as a sequence diagram, one column a node, one row a line of the story.
 *
 * It says what stands where and nothing of how it looks: a terminal and a picture are drawn from the same rows. A row is
 * about one record, or it is a remark (the script's own words, an aside) that goes across all columns.
 *
 * A packet's arrow goes from the node that had it last to the node whose record tells of it next; nodes that decide
 * nothing (a router that just forwards) are passed over. A packet that ends on a link has an arrow that ends half-way. */
#ifndef SCENARIOS_RUNNER_STORY_LADDER_H
#define SCENARIOS_RUNNER_STORY_LADDER_H

#include "scenarios/runner/story/story.h"

/* Nodes from left to right, by their numbers in the journal. Those with nothing to tell get no column; those that are
 * not here come last, in the order in which they first appear. */
struct ladder_order {
    const uint32_t *nodes;
    size_t count;
};

enum ladder_mark {
    LADDER_NOTHING,
    LADDER_DECIDED,    /* something else happened here */
    LADDER_SENT,
    LADDER_DELIVERED,
    LADDER_TRANSLATED,
    LADDER_DROPPED,
};

#define LADDER_ACROSS (-1)

struct ladder_row {
    int64_t at;
    int column;        /* where it happened; LADDER_ACROSS: a remark, or by nobody who has a column */
    int from;          /* an arrow from that column to `column`; the same column: none */
    bool on_the_way;   /* the arrow ends between the two: dropped by the link, not by the node at `column` */
    enum ladder_mark mark;
    enum story_tone tone;
    char *node;        /* who decided; "" for a remark */
    char *packet;      /* "A.3", or "" */
    char *text;
    char *before, *after; /* of a translation: the endpoint that was changed, and to what; NULL: none */
    const char *reason;   /* of a drop: the word; NULL: none */
};

struct ladder {
    GPtrArray *columns; /* char *: the nodes' names */
    bool others;        /* the last column stands for all nodes that have none of their own */
    GArray *rows;       /* struct ladder_row */
    int64_t last;       /* when the last thing happened */
};

/* At most `most` columns (0: as many as there are nodes), at least 2: the nodes of which the story tells most keep
 * theirs. The story's names need not outlive the ladder; its records' kinds do. */
struct ladder *ladder_new(const struct story *story, const struct ladder_order *order, size_t most);
void ladder_free(struct ladder *ladder);
typedef struct ladder ladder;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ladder, ladder_free)

const struct ladder_row *ladder_row(const struct ladder *ladder, size_t index);

#endif
