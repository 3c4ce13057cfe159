/* In three passes: the story's lines are gathered; the nodes they speak of become columns; each line becomes a row, with
 * an arrow from where its packet was before.
 *
 * Where a packet was is kept by its name: the column of its last record, and for each column where it came from, so that
 * a copy of it (a link that duplicates) which arrives at a node once more gets its arrow again. */
#include "scenarios/runner/story/ladder.h"

#include <string.h>

enum { FEWEST_COLUMNS = 2 };

/* What a packet has done so far. */
struct trail {
    packet_name packet;
    int column;   /* where its last record was; -1: nowhere yet */
    int before;   /* and where it was before that */
    int64_t at;   /* of the last record there */
    bool arrived; /* the last record said that it was delivered */
};

struct making {
    const struct story *story;
    struct ladder *ladder;
    GArray *lines;          /* struct line */
    GHashTable *column_of;  /* node number -> column + 1 */
    GHashTable *trails;     /* packet -> struct trail */
    GHashTable *owners;     /* address, as text -> column + 1: who sent from there or was sent to there */
};

/* A line of the story, its texts copied. */
struct line {
    int64_t at;
    const struct record *record;
    enum story_tone tone;
    char *packet, *text;
};

static bool
is_link_drop(const struct record *record)
{
    return strcmp(record->kind->name, "link-dropped") == 0;
}

static void
take_line(void *user, const struct story_line *told)
{
    struct making *making = user;
    struct line line = {
        .at = told->at, .record = told->tone == STORY_ASIDE ? NULL : told->record, .tone = told->tone,
        .packet = g_strdup(told->packet), .text = g_strdup(told->text),
    };

    g_array_append_val(making->lines, line);
    making->ladder->last = MAX(making->ladder->last, told->at);
}

static void
clear_line(void *line)
{
    g_free(((struct line *)line)->packet);
    g_free(((struct line *)line)->text);
}

/* ---- columns */

struct candidate {
    uint32_t node;
    size_t place; /* from left to right */
    size_t lines; /* of the story that are its */
};

/* Nodes of which the story tells, in the order in which they first appear. A link drops nothing "at" a node. */
static GArray *
find_candidates(const struct making *making)
{
    GArray *candidates = g_array_new(FALSE, FALSE, sizeof(struct candidate));
    g_autoptr(GHashTable) seen = g_hash_table_new(NULL, NULL);

    for (guint i = 0; i < making->lines->len; i++) {
        const struct record *record = g_array_index(making->lines, struct line, i).record;

        if (!record || record->node == 0 || is_link_drop(record))
            continue;
        gsize index = GPOINTER_TO_SIZE(g_hash_table_lookup(seen, GUINT_TO_POINTER(record->node)));
        if (index == 0) {
            struct candidate candidate = { record->node, 0, 0 };

            g_array_append_val(candidates, candidate);
            index = candidates->len;
            g_hash_table_insert(seen, GUINT_TO_POINTER(record->node), GSIZE_TO_POINTER(index));
        }
        g_array_index(candidates, struct candidate, index - 1).lines++;
    }
    return candidates;
}

static int
compare_lines(gconstpointer a, gconstpointer b)
{
    const struct candidate *left = a, *right = b;

    if (left->lines != right->lines)
        return left->lines < right->lines ? 1 : -1;
    return (left->place > right->place) - (left->place < right->place);
}

static int
compare_places(gconstpointer a, gconstpointer b)
{
    const struct candidate *left = a, *right = b;

    return (left->place > right->place) - (left->place < right->place);
}

static void
place_candidates(GArray *candidates, const struct ladder_order *order)
{
    for (guint i = 0; i < candidates->len; i++) {
        struct candidate *candidate = &g_array_index(candidates, struct candidate, i);

        candidate->place = order->count + i;
        for (size_t place = 0; place < order->count; place++) {
            if (order->nodes[place] == candidate->node)
                candidate->place = place;
        }
    }
}

static void
make_columns(struct making *making, const struct ladder_order *order, size_t most)
{
    g_autoptr(GArray) candidates = find_candidates(making);
    guint kept = candidates->len;

    place_candidates(candidates, order);
    if (most > 0 && kept > MAX(most, FEWEST_COLUMNS)) {
        kept = (guint)MAX(most, FEWEST_COLUMNS) - 1;
        making->ladder->others = true;
        g_array_sort(candidates, compare_lines);
    }
    for (guint i = kept; i < candidates->len; i++)
        g_hash_table_insert(making->column_of, GUINT_TO_POINTER(g_array_index(candidates, struct candidate, i).node),
                            GUINT_TO_POINTER(kept + 1));
    g_array_set_size(candidates, kept);
    g_array_sort(candidates, compare_places);
    for (guint i = 0; i < candidates->len; i++) {
        uint32_t node = g_array_index(candidates, struct candidate, i).node;

        g_hash_table_insert(making->column_of, GUINT_TO_POINTER(node), GUINT_TO_POINTER(i + 1));
        g_ptr_array_add(making->ladder->columns, g_strdup(making->story->names->node(making->story->names, node)));
    }
    if (making->ladder->others)
        g_ptr_array_add(making->ladder->columns, g_strdup("others"));
}

/* -1 for one without a column. */
static int
column_of(const struct making *making, uint32_t node)
{
    return (int)GPOINTER_TO_UINT(g_hash_table_lookup(making->column_of, GUINT_TO_POINTER(node))) - 1;
}

/* ---- where a packet that a link dropped was going */

static void
learn_owner(struct making *making, struct address address, int column)
{
    char text[ADDRESS_TEXT];

    if (column >= 0 && !address_is_none(address) && !address_is_for_all(address))
        g_hash_table_insert(making->owners, g_strdup(address_format(address, text)), GINT_TO_POINTER(column + 1));
}

/* Addresses in packets that a node sends, receives or translates are its own. */
static void
learn_owners(struct making *making)
{
    for (size_t i = 0; i < making->story->record_count; i++) {
        const struct record *record = making->story->records[i];
        int column = column_of(making, record->node);

        if (strcmp(record->kind->action, "sent") == 0)
            learn_owner(making, record->before.source, column);
        else if (strcmp(record->kind->action, "delivered") == 0)
            learn_owner(making, record->before.destination, column);
        else if (strcmp(record->kind->name, "nat-outbound") == 0)
            learn_owner(making, record->after.source, column);
    }
}

/* The column whose node's name begins an interface's label, "natA-internet": the longest such name. */
static int
column_of_label(const struct ladder *ladder, const char *label)
{
    size_t longest = 0;
    int found = -1;

    for (guint i = 0; i < ladder->columns->len - ladder->others; i++) {
        const char *name = ladder->columns->pdata[i];
        size_t length = strlen(name);

        if (length > longest && strncmp(label, name, length) == 0 && label[length] == '-') {
            longest = length;
            found = (int)i;
        }
    }
    return found;
}

/* The column that lies next on the way from `from` to who has the destination's address; when nobody is known for it,
 * towards the middle. */
static int
towards(const struct making *making, const struct record *record, int from)
{
    int last = (int)making->ladder->columns->len - 1, owner = -1;
    char text[ADDRESS_TEXT];

    if (record->subject[1]) { /* down: to the interface's own node */
        const struct names *names = making->story->names;

        owner = column_of_label(making->ladder, names->interface(names, record->subject[0]));
    }
    if (owner < 0)
        owner = GPOINTER_TO_INT(g_hash_table_lookup(making->owners, address_format(record->before.destination, text))) - 1;
    if (owner < 0 || owner == from)
        owner = from * 2 < last ? last : 0;
    if (record->subject[1] && owner != from)
        return owner;
    return owner > from ? from + 1 : MAX(from - 1, 0);
}

/* ---- rows */

static struct trail *
trail_of(struct making *making, packet_name packet)
{
    struct trail *trail = g_hash_table_lookup(making->trails, &packet);

    if (!trail) {
        trail = g_new0(struct trail, 1);
        *trail = (struct trail){ .packet = packet, .column = -1, .before = -1 };
        g_hash_table_insert(making->trails, &trail->packet, trail);
    }
    return trail;
}

static enum ladder_mark
mark_of(const struct record *record)
{
    if (record->verdict == VERDICT_DROP)
        return LADDER_DROPPED;
    if (strcmp(record->kind->action, "sent") == 0)
        return LADDER_SENT;
    if (strcmp(record->kind->action, "delivered") == 0)
        return LADDER_DELIVERED;
    return strcmp(record->kind->action, "translated") == 0 ? LADDER_TRANSLATED : LADDER_DECIDED;
}

static bool
arrives_again(const struct trail *trail, const struct record *record, enum ladder_mark mark)
{
    return record->at > trail->at && (mark == LADDER_DELIVERED || mark == LADDER_TRANSLATED || mark == LADDER_DROPPED) &&
           trail->arrived;
}

/* Moves the packet to where this record is, and gives the row its arrow. */
static void
follow(struct making *making, const struct record *record, struct ladder_row *row)
{
    struct trail *trail = trail_of(making, record->packet);
    bool ends_here = row->mark == LADDER_DELIVERED || row->mark == LADDER_TRANSLATED || row->mark == LADDER_DROPPED;

    if (is_link_drop(record)) {
        row->from = trail->column >= 0 ? trail->column : row->column;
        row->column = row->from >= 0 ? towards(making, record, row->from) : LADDER_ACROSS;
        row->on_the_way = row->from != row->column;
        return;
    }
    if (row->column < 0)
        return;
    if (trail->column >= 0 && row->mark != LADDER_SENT) {
        if (trail->column != row->column) {
            row->from = trail->column;
            trail->before = trail->column;
        } else if (trail->before >= 0 && arrives_again(trail, record, row->mark)) {
            row->from = trail->before; /* a copy of it arrives here once more */
        }
    }
    trail->column = row->column;
    trail->arrived = (trail->arrived && trail->at == record->at) || ends_here;
    trail->at = record->at;
}

/* "10.0.0.2:5000"; the bare address where there is no port. The caller frees it. */
static char *
end_text(struct endpoint end)
{
    char text[ENDPOINT_TEXT];

    return g_strdup(end.port ? endpoint_format(end, text) : address_format(end.address, text));
}

static bool
is_empty(const struct flow *flow)
{
    return address_is_none(flow->source) && address_is_none(flow->destination);
}

/* What a translator changed. Where it is both ends (hairpinning has a row for each, NAT64 one) the source is shown. */
static void
tell_change(const struct record *record, struct ladder_row *row)
{
    struct endpoint source = flow_source(&record->before), destination = flow_destination(&record->before);
    struct endpoint new_source = flow_source(&record->after), new_destination = flow_destination(&record->after);

    if (row->mark != LADDER_TRANSLATED || is_empty(&record->before) || is_empty(&record->after))
        return;
    if (!endpoint_equal(source, new_source)) {
        row->before = end_text(source);
        row->after = end_text(new_source);
    } else if (!endpoint_equal(destination, new_destination)) {
        row->before = end_text(destination);
        row->after = end_text(new_destination);
    }
}

static void
make_row(struct making *making, struct line *line)
{
    const struct record *record = line->record;
    struct ladder_row row = {
        .at = line->at, .column = LADDER_ACROSS, .from = LADDER_ACROSS, .tone = line->tone,
        .packet = g_steal_pointer(&line->packet), .text = g_steal_pointer(&line->text),
    };

    if (record) {
        const struct names *names = making->story->names;

        row.node = g_strdup(names->node(names, record->node));
        row.column = row.from = column_of(making, record->node);
        row.mark = mark_of(record);
        if (row.mark == LADDER_DROPPED)
            row.reason = drop_reason_word(record->reason);
        if (record->packet)
            follow(making, record, &row);
        tell_change(record, &row);
    } else {
        row.node = g_strdup("");
    }
    g_array_append_val(making->ladder->rows, row);
}

/* ---- the whole */

static void
clear_row(void *user)
{
    struct ladder_row *row = user;

    g_free(row->node);
    g_free(row->packet);
    g_free(row->text);
    g_free(row->before);
    g_free(row->after);
}

struct ladder *
ladder_new(const struct story *story, const struct ladder_order *order, size_t most)
{
    struct ladder *ladder = g_new0(struct ladder, 1);
    struct making making = {
        .story = story, .ladder = ladder,
        .lines = g_array_new(FALSE, FALSE, sizeof(struct line)),
        .column_of = g_hash_table_new(NULL, NULL),
        .trails = g_hash_table_new_full(g_int64_hash, g_int64_equal, NULL, g_free),
        .owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL),
    };

    ladder->columns = g_ptr_array_new_with_free_func(g_free);
    ladder->rows = g_array_new(FALSE, FALSE, sizeof(struct ladder_row));
    g_array_set_clear_func(ladder->rows, clear_row);
    g_array_set_clear_func(making.lines, clear_line);
    story_tell(story, take_line, &making);
    make_columns(&making, order, most);
    learn_owners(&making);
    for (guint i = 0; i < making.lines->len; i++)
        make_row(&making, &g_array_index(making.lines, struct line, i));

    g_array_unref(making.lines);
    g_hash_table_unref(making.column_of);
    g_hash_table_unref(making.trails);
    g_hash_table_unref(making.owners);
    return ladder;
}

void
ladder_free(struct ladder *ladder)
{
    g_ptr_array_unref(ladder->columns);
    g_array_unref(ladder->rows);
    g_free(ladder);
}

const struct ladder_row *
ladder_row(const struct ladder *ladder, size_t index)
{
    return &g_array_index(ladder->rows, struct ladder_row, index);
}
