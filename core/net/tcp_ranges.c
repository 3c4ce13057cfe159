#include "core/net/tcp_ranges.h"

void
tcp_ranges_clear(struct tcp_ranges *ranges)
{
    g_free(ranges->runs);
    *ranges = (struct tcp_ranges){ 0, NULL };
}

/* Puts `run` in place of the `count` runs from `first` on. */
static void
replace(struct tcp_ranges *ranges, uint32_t first, uint32_t count, struct tcp_block run)
{
    struct tcp_block *runs = ranges->runs;

    memmove(&runs[first + 1], &runs[first + count], (ranges->count - first - count) * sizeof *runs);
    runs[first] = run;
    ranges->count += 1 - count;
}

bool
tcp_ranges_add(struct tcp_ranges *ranges, uint32_t left, uint32_t right, bool *grown)
{
    uint32_t first = ranges->count, last;
    struct tcp_block run = { left, right };

    if (grown)
        *grown = true;
    /* New runs mostly belong at the end: look from there for the first one that this touches. */
    while (first > 0 && seq_up_to(left, ranges->runs[first - 1].right))
        first--;
    for (last = first; last < ranges->count && seq_up_to(ranges->runs[last].left, right); last++) {
        if (grown && seq_up_to(ranges->runs[last].left, left) && seq_up_to(right, ranges->runs[last].right))
            *grown = false;
        run.left = seq_min(run.left, ranges->runs[last].left);
        run.right = seq_max(run.right, ranges->runs[last].right);
    }
    if (last == first && ranges->count == TCP_RANGES_MAX)
        return false;
    if (!ranges->runs)
        ranges->runs = g_new(struct tcp_block, TCP_RANGES_MAX);
    replace(ranges, first, last - first, run);
    return true;
}

void
tcp_ranges_cut(struct tcp_ranges *ranges, uint32_t edge)
{
    uint32_t gone = 0;

    if (G_LIKELY(ranges->count == 0))
        return;
    while (gone < ranges->count && seq_up_to(ranges->runs[gone].right, edge))
        gone++;
    if (gone > 0) {
        memmove(ranges->runs, ranges->runs + gone, (ranges->count - gone) * sizeof *ranges->runs);
        ranges->count -= gone;
    }
    if (ranges->count > 0)
        ranges->runs[0].left = seq_max(ranges->runs[0].left, edge);
}

uint32_t
tcp_ranges_missing(const struct tcp_ranges *ranges, uint32_t left, uint32_t right)
{
    uint32_t missing = seq_before(left, right) ? right - left : 0;

    for (uint32_t i = 0; i < ranges->count; i++) {
        uint32_t from = seq_max(left, ranges->runs[i].left), to = seq_min(right, ranges->runs[i].right);

        if (seq_before(from, to))
            missing -= to - from;
    }
    return missing;
}

uint32_t
tcp_ranges_gap(const struct tcp_ranges *ranges, uint32_t from, uint32_t limit, uint32_t *end)
{
    *end = limit;
    for (uint32_t i = 0; i < ranges->count; i++) {
        if (seq_before(from, ranges->runs[i].left)) {
            *end = seq_min(limit, ranges->runs[i].left);
            return from;
        }
        if (seq_before(from, ranges->runs[i].right))
            from = ranges->runs[i].right;
    }
    return from;
}
