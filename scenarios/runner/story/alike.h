/* Which packets fare alike, so that the story tells some of them and names the rest. */
#ifndef SCENARIOS_RUNNER_STORY_ALIKE_H
#define SCENARIOS_RUNNER_STORY_ALIKE_H

#include "core/base/journal.h"

/* Packets of one way through the world. */
struct alike_group {
    size_t count;
    packet_name last_told;           /* the last one that is told in full */
    packet_name first_rest, last_rest; /* of those that are not */
    size_t rest;                     /* how many they are */
    int64_t until;                   /* when the last record about one of them was made */
};

struct alike;

/* Sorts the packets of these records into groups; in each, all but the first `told` are the rest. A group whose rest
 * would be fewer than `least` has none. */
struct alike *alike_new(const struct record *const *records, size_t count, size_t told, size_t least);
void alike_free(struct alike *alike);

/* The group of a packet when it belongs to its rest, else NULL. */
const struct alike_group *alike_rest(const struct alike *alike, packet_name packet);

#endif
