#include "scenarios/runner/story/match.h"

#include <glib.h>

enum { CELLS_MAX = 16 * 1024 * 1024 }; /* of the table: 4096 items with 4096 others */

/* lengths[i * (columns + 1) + j]: the longest common subsequence of a[i..] and b[j..]. */
static void
match_by_table(const uint64_t *a, size_t rows, const uint64_t *b, size_t columns, size_t first, size_t *to)
{
    size_t width = columns + 1, i = 0, j = 0;
    g_autofree uint16_t *lengths = g_new0(uint16_t, (rows + 1) * width);

    for (size_t row = rows; row-- > 0;) {
        for (size_t column = columns; column-- > 0;) {
            uint16_t *cell = &lengths[row * width + column];

            *cell = a[row] == b[column] ? (uint16_t)(cell[width + 1] + 1) : MAX(cell[width], cell[1]);
        }
    }
    while (i < rows && j < columns) {
        const uint16_t *cell = &lengths[i * width + j];

        if (a[i] == b[j])
            to[i++] = first + j++;
        else if (cell[width] >= cell[1])
            i++;
        else
            j++;
    }
}

/* Runs of unmatched items that are as long on both sides. */
static void
match_gaps(size_t count, size_t other_count, size_t *to)
{
    size_t next = 0; /* in `b`: behind the last match */

    for (size_t i = 0; i < count; i++) {
        size_t end = i, other_end;

        if (to[i] != MATCH_NONE) {
            next = to[i] + 1;
            continue;
        }
        while (end < count && to[end] == MATCH_NONE)
            end++;
        other_end = end < count ? to[end] : other_count;
        if (other_end - next == end - i) {
            for (size_t k = i; k < end; k++)
                to[k] = next + (k - i);
        }
        i = end - 1;
    }
}

void
match_sequences(const uint64_t *a, size_t count, const uint64_t *b, size_t other_count, size_t *to)
{
    size_t head = 0, tail = 0, least = MIN(count, other_count);

    for (size_t i = 0; i < count; i++)
        to[i] = MATCH_NONE;
    while (head < least && a[head] == b[head]) {
        to[head] = head;
        head++;
    }
    while (tail < least - head && a[count - 1 - tail] == b[other_count - 1 - tail]) {
        to[count - 1 - tail] = other_count - 1 - tail;
        tail++;
    }
    size_t rows = count - head - tail, columns = other_count - head - tail;
    if (rows > 0 && columns > 0 && rows <= UINT16_MAX && columns <= UINT16_MAX && rows * columns <= CELLS_MAX) {
        match_by_table(a + head, rows, b + head, columns, head, to + head);
    } else {
        for (size_t i = 0; i < MIN(rows, columns); i++)
            to[head + i] = head + i;
    }
    match_gaps(count, other_count, to);
}
