/* The story of a run: its journal as lines that a student can read, one event a line.
 *
 * It is told from records, names and what the script said, and from nothing else. What it adds to the records' own
 * sentences is what makes a long run readable:
 *
 * - Packets that fare alike (the same nodes decide the same about the same flows, whatever the time) are shown
 *   STORY_ALIKE times; then one line names the rest.
 * - Where nothing is told for a second or more, a line says how long.
 *
 * How a line looks (columns, colours) is the reader's matter. */
#ifndef SCENARIOS_RUNNER_STORY_STORY_H
#define SCENARIOS_RUNNER_STORY_STORY_H

#include "core/base/journal.h"

enum { STORY_ALIKE = 5 };

/* What a script said. It stands before record number `before`. */
struct story_remark {
    int64_t at;
    size_t before;
    const char *text;
    enum { STORY_REMARK_NOTE, STORY_REMARK_HELD, STORY_REMARK_FAILED } sort; /* a note; an expectation */
};

struct story {
    const struct record *const *records; /* in order of time */
    size_t record_count;
    const struct names *names;
    const struct story_remark *remarks; /* in order of `before` */
    size_t remark_count;
    packet_name only; /* the story of this one packet, and what it caused; 0: of all */
};

enum story_tone {
    STORY_PLAIN,
    STORY_SENT,
    STORY_DELIVERED,
    STORY_DROPPED,
    STORY_NOTE,   /* the script's own words */
    STORY_HELD,   /* an expectation */
    STORY_FAILED,
    STORY_ASIDE,  /* about the telling: what is left out, how much time passes */
};

struct story_line {
    int64_t at;
    const char *node;   /* who did it; "" for the script and for asides */
    const char *packet; /* which packet it is about: "A.3", or "" */
    const char *text;
    enum story_tone tone;
    const struct record *record; /* whose sentence `text` is; NULL: it is the script's, or an aside */
};

/* Calls `tell` for each line; what it is given is borrowed for the call. */
void story_tell(const struct story *story, void (*tell)(void *user, const struct story_line *line), void *user);

/* The first record later than `at`: where a remark of that time stands when nothing closer is known. */
size_t story_place(const struct story *story, int64_t at);

#endif
