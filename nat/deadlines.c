#include "nat/deadlines.h"

/* The order is total, so that what expires at one instant does so in the order of making. */
static bool
earlier(const struct deadline *a, const struct deadline *b)
{
    return a->at != b->at ? a->at < b->at : a->number < b->number;
}

static void
seat(struct mapping_table *table, uint32_t position, struct deadline deadline)
{
    table->deadlines[position] = deadline;
    mapping_at(table, deadline.slot)->seat = position;
}

/* Puts `deadline` at the vacant `position` or above it, moving later ones down. */
static void
rise(struct mapping_table *table, uint32_t position, struct deadline deadline)
{
    while (position > 0) {
        uint32_t parent = (position - 1) / 2;

        if (!earlier(&deadline, &table->deadlines[parent]))
            break;
        seat(table, position, table->deadlines[parent]);
        position = parent;
    }
    seat(table, position, deadline);
}

/* Puts `deadline` at the vacant `position` or below it, of a heap of `count`. */
static void
sink(struct mapping_table *table, uint32_t position, uint32_t count, struct deadline deadline)
{
    for (;;) {
        uint32_t child = position * 2 + 1;

        if (child >= count)
            break;
        if (child + 1 < count && earlier(&table->deadlines[child + 1], &table->deadlines[child]))
            child++;
        if (!earlier(&table->deadlines[child], &deadline))
            break;
        seat(table, position, table->deadlines[child]);
        position = child;
    }
    seat(table, position, deadline);
}

static struct deadline
deadline_of(const struct mapping_table *table, uint32_t slot)
{
    const struct mapping *mapping = mapping_at(table, slot);

    return (struct deadline){ mapping->deadline, slot, mapping->number };
}

void
deadlines_add(struct mapping_table *table, uint32_t slot)
{
    rise(table, table->count, deadline_of(table, slot));
}

void
deadlines_hasten(struct mapping_table *table, uint32_t slot)
{
    struct deadline deadline = deadline_of(table, slot);
    uint32_t position = mapping_at(table, slot)->seat;

    if (earlier(&deadline, &table->deadlines[position]))
        rise(table, position, deadline);
}

void
deadlines_remove(struct mapping_table *table, uint32_t slot)
{
    uint32_t position = mapping_at(table, slot)->seat;
    uint32_t count = table->count - 1;
    struct deadline last = table->deadlines[count];

    if (position == count)
        return;
    if (earlier(&last, &table->deadlines[position]))
        rise(table, position, last);
    else
        sink(table, position, count, last);
}

void
deadlines_settle(struct mapping_table *table, int64_t now)
{
    while (table->count > 0 && table->deadlines[0].at <= now) {
        struct deadline deadline = deadline_of(table, table->deadlines[0].slot);

        if (deadline.at == table->deadlines[0].at)
            return;
        sink(table, 0, table->count, deadline);
    }
}
