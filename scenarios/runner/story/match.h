/* Which items of one sequence are those of another: the longest common subsequence, for sequences of digests. */
#ifndef SCENARIOS_RUNNER_STORY_MATCH_H
#define SCENARIOS_RUNNER_STORY_MATCH_H

#include <stddef.h>
#include <stdint.h>

#define MATCH_NONE SIZE_MAX

/* Fills `to` with, for each of the `count` items of `a`, the place of its counterpart in `b`, or MATCH_NONE; the places grow.
 * What begins and ends alike is matched first. Where the rest is the same number of items on both sides between two matches,
 * those are taken for each other's counterparts though they differ. A rest too long to be compared is matched in order. */
void match_sequences(const uint64_t *a, size_t count, const uint64_t *b, size_t other_count, size_t *to);

#endif
