/* What is known of each run is built once: its tracks. A track is the records about one packet, or, for those about none,
 * the records of one kind at one node. Tracks are found by their key, a text that means the same in both runs. */
#include "scenarios/runner/story/compare.h"

#include <string.h>

#include "scenarios/runner/story/match.h"

struct track {
    char *key;            /* "A.3", or "natA nat-mapping-expired" */
    packet_name packet;   /* 0: about none */
    GPtrArray *records;   /* const struct record * */
    struct track *other;  /* its counterpart in the other run; NULL: it has none */
};

/* Packets of one maker, in order. */
struct maker {
    GPtrArray *tracks;
};

struct side {
    const struct story *story;
    GHashTable *tracks;     /* key -> struct track */
    GPtrArray *in_order;    /* struct track *, by their first records */
    GHashTable *makers;     /* name -> struct maker */
    GPtrArray *maker_names; /* char *, in order */
    struct track **track_of; /* of each record */
};

/* ---- texts */

static const char *
node_name(const struct side *side, uint32_t node)
{
    return side->story->names->node(side->story->names, node);
}

/* The caller frees these. */
static char *
packet_text(const struct side *side, packet_name packet)
{
    GString *out = g_string_new(NULL);

    if (packet)
        packet_name_say(packet, side->story->names, out);
    return g_string_free(out, FALSE);
}

static char *
sentence(const struct side *side, const struct record *record)
{
    GString *out = g_string_new(NULL);

    record->kind->say(record, side->story->names, out);
    return g_string_free(out, FALSE);
}

static bool
says_the_same(const struct side *a, const struct record *left, const struct side *b, const struct record *right)
{
    if (left->kind != right->kind || left->verdict != right->verdict || left->reason != right->reason ||
        strcmp(node_name(a, left->node), node_name(b, right->node)) != 0)
        return false;
    g_autofree char *one = sentence(a, left), *other = sentence(b, right);
    return strcmp(one, other) == 0;
}

static struct compare_step *
step_of(const struct side *side, const struct record *record)
{
    struct compare_step *step = g_new0(struct compare_step, 1);
    bool dropped = record->verdict == VERDICT_DROP;

    step->at = record->at;
    step->node = g_strdup(node_name(side, record->node));
    step->packet = packet_text(side, record->packet);
    step->text = sentence(side, record);
    step->kind = record->kind->name;
    step->source = *record->kind->source || !dropped ? record->kind->source : drop_reason_source(record->reason);
    step->reason = dropped ? drop_reason_word(record->reason) : NULL;
    return step;
}

/* ---- tracks */

static void
track_free(void *user)
{
    struct track *track = user;

    g_ptr_array_unref(track->records);
    g_free(track->key);
    g_free(track);
}

static void
maker_free(void *user)
{
    g_ptr_array_unref(((struct maker *)user)->tracks);
    g_free(user);
}

static void
add_to_maker(struct side *side, struct track *track)
{
    const char *name = node_name(side, PACKET_MAKER(track->packet));
    struct maker *maker = g_hash_table_lookup(side->makers, name);

    if (!maker) {
        maker = g_new(struct maker, 1);
        maker->tracks = g_ptr_array_new();
        g_ptr_array_add(side->maker_names, g_strdup(name));
        g_hash_table_insert(side->makers, side->maker_names->pdata[side->maker_names->len - 1], maker);
    }
    g_ptr_array_add(maker->tracks, track);
}

static struct track *
track_for(struct side *side, const struct record *record)
{
    char *key = record->packet ? packet_text(side, record->packet)
                               : g_strdup_printf("%s %s", node_name(side, record->node), record->kind->name);
    struct track *track = g_hash_table_lookup(side->tracks, key);

    if (track) {
        g_free(key);
        return track;
    }
    track = g_new0(struct track, 1);
    track->key = key;
    track->packet = record->packet;
    track->records = g_ptr_array_new();
    g_hash_table_insert(side->tracks, key, track);
    g_ptr_array_add(side->in_order, track);
    if (track->packet)
        add_to_maker(side, track);
    return track;
}

static struct side
side_of(const struct story *story)
{
    struct side side = {
        .story = story,
        .tracks = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, track_free),
        .in_order = g_ptr_array_new(),
        .makers = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, maker_free),
        .maker_names = g_ptr_array_new_with_free_func(g_free),
        .track_of = g_new(struct track *, story->record_count + 1),
    };

    for (size_t i = 0; i < story->record_count; i++) {
        side.track_of[i] = track_for(&side, story->records[i]);
        g_ptr_array_add(side.track_of[i]->records, (void *)story->records[i]);
    }
    return side;
}

static void
side_clear(struct side *side)
{
    g_ptr_array_unref(side->in_order);
    g_hash_table_unref(side->makers);
    g_ptr_array_unref(side->maker_names);
    g_hash_table_unref(side->tracks);
    g_free(side->track_of);
}

/* ---- who is whose counterpart */

/* What makes two packets of one maker alike, whatever their numbers and ports. */
static uint64_t
digest_of(const struct track *track)
{
    const struct record *first = track->records->pdata[0];
    uint64_t digest = (uint64_t)first->size << 8 | first->before.protocol;

    return mix64(digest ^ address_hash(first->before.destination));
}

static uint64_t *
digests_of(const struct maker *maker)
{
    uint64_t *digests = g_new(uint64_t, maker->tracks->len + 1);

    for (guint i = 0; i < maker->tracks->len; i++)
        digests[i] = digest_of(maker->tracks->pdata[i]);
    return digests;
}

static void
join(struct track *track, struct track *other)
{
    track->other = other;
    other->other = track;
}

static void
match_maker(const struct maker *maker, const struct maker *other)
{
    g_autofree uint64_t *a = digests_of(maker), *b = digests_of(other);
    g_autofree size_t *to = g_new(size_t, maker->tracks->len + 1);

    match_sequences(a, maker->tracks->len, b, other->tracks->len, to);
    for (guint i = 0; i < maker->tracks->len; i++) {
        if (to[i] != MATCH_NONE)
            join(maker->tracks->pdata[i], other->tracks->pdata[to[i]]);
    }
}

static void
match_sides(struct side *a, struct side *b)
{
    for (guint i = 0; i < a->maker_names->len; i++) {
        struct maker *other = g_hash_table_lookup(b->makers, a->maker_names->pdata[i]);

        if (other)
            match_maker(g_hash_table_lookup(a->makers, a->maker_names->pdata[i]), other);
    }
    for (guint i = 0; i < a->in_order->len; i++) {
        struct track *track = a->in_order->pdata[i];
        struct track *other = track->packet ? NULL : g_hash_table_lookup(b->tracks, track->key);

        if (other)
            join(track, other);
    }
}

/* ---- where they part */

static size_t
count_common(const struct side *a, const struct side *b)
{
    size_t most = MIN(a->story->record_count, b->story->record_count), i = 0;

    for (; i < most; i++) {
        const struct record *left = a->story->records[i], *right = b->story->records[i];

        if (left->at != right->at || strcmp(a->track_of[i]->key, b->track_of[i]->key) != 0 ||
            !says_the_same(a, left, b, right))
            break;
    }
    return i;
}

/* The first record of `a` that its counterpart in `b` does not say too; NULL: there is none. `counterpart` is that one,
 * or NULL. */
static const struct record *
first_apart(const struct side *a, const struct side *b, const struct record **counterpart)
{
    g_autoptr(GHashTable) told = g_hash_table_new(NULL, NULL); /* track -> records of it so far */

    *counterpart = NULL;
    for (size_t i = 0; i < a->story->record_count; i++) {
        const struct track *track = a->track_of[i], *other = track->other;
        size_t place = GPOINTER_TO_SIZE(g_hash_table_lookup(told, track));

        g_hash_table_insert(told, (void *)track, GSIZE_TO_POINTER(place + 1));
        if (other && place < other->records->len) {
            *counterpart = other->records->pdata[place];
            if (says_the_same(a, a->story->records[i], b, *counterpart))
                continue;
            return a->story->records[i];
        }
        *counterpart = NULL;
        return a->story->records[i];
    }
    return NULL;
}

static void
find_parting(struct comparison *comparison, const struct side sides[COMPARE_RUNS])
{
    const struct record *counterparts[COMPARE_RUNS];
    const struct record *first = first_apart(&sides[0], &sides[1], &counterparts[0]);
    const struct record *second = first_apart(&sides[1], &sides[0], &counterparts[1]);

    comparison->same = !first && !second;
    if (first && (!second || first->at <= second->at))
        second = counterparts[0];
    else if (second)
        first = counterparts[1];
    comparison->parted.steps[0] = first ? step_of(&sides[0], first) : NULL;
    comparison->parted.steps[1] = second ? step_of(&sides[1], second) : NULL;
}

/* ---- what became of packets */

static bool
is_drop(const struct record *record)
{
    return record->verdict == VERDICT_DROP;
}

/* What says where a packet went on, as against what else is told of it. */
static bool
is_verdict(const struct record *record)
{
    static const char *const actions[] = { "translated", "delivered", "held", "relayed", NULL };

    return is_drop(record) || g_strv_contains(actions, record->kind->action);
}

/* How many verdicts the node has given about the packet before this one. */
static unsigned
verdicts_before(const struct side *side, const struct track *track, const struct record *record)
{
    unsigned count = 0;

    for (guint i = 0; i < track->records->len && track->records->pdata[i] != record; i++) {
        const struct record *earlier = track->records->pdata[i];

        count += earlier->node == record->node && is_verdict(earlier);
    }
    (void)side;
    return count;
}

/* The verdict that the other run's node of that name gave in its place; NULL: it gave none. */
static const struct record *
verdict_instead(const struct side *side, const struct track *track, const struct record *record, const struct side *with)
{
    unsigned place = verdicts_before(side, track, record);

    for (guint i = 0; i < track->other->records->len; i++) {
        const struct record *other = track->other->records->pdata[i];

        if (is_verdict(other) && strcmp(node_name(side, record->node), node_name(with, other->node)) == 0 && place-- == 0)
            return other;
    }
    return NULL;
}

/* The first drop of `a` about a packet that `b` sends too and does not drop there, or drops for another reason. */
static const struct record *
first_other_fate(const struct side *a, const struct side *b, const struct record **instead)
{
    for (size_t i = 0; i < a->story->record_count; i++) {
        const struct record *record = a->story->records[i];
        const struct track *track = a->track_of[i];

        if (!is_drop(record) || !record->packet || !track->other)
            continue;
        *instead = verdict_instead(a, track, record, b);
        if (!*instead || !is_drop(*instead) || (*instead)->reason != record->reason)
            return record;
    }
    *instead = NULL;
    return NULL;
}

static void
find_decisive(struct comparison *comparison, const struct side sides[COMPARE_RUNS])
{
    const struct record *instead[COMPARE_RUNS];
    const struct record *first = first_other_fate(&sides[0], &sides[1], &instead[0]);
    const struct record *second = first_other_fate(&sides[1], &sides[0], &instead[1]);

    if (first && (!second || first->at <= second->at))
        second = instead[0];
    else if (second)
        first = instead[1];
    comparison->decisive.steps[0] = first ? step_of(&sides[0], first) : NULL;
    comparison->decisive.steps[1] = second ? step_of(&sides[1], second) : NULL;
}

/* Where a packet ended, by the last that is told of it. */
static char *
fate_of(const struct side *side, const struct track *track)
{
    char *fate = NULL;

    for (guint i = 0; i < track->records->len; i++) {
        const struct record *record = track->records->pdata[i];
        bool delivered = strcmp(record->kind->action, "delivered") == 0;

        if (!is_drop(record) && !delivered)
            continue;
        g_free(fate);
        fate = delivered ? g_strdup_printf("it reaches %s", node_name(side, record->node))
                         : g_strdup_printf("%s drops it: %s", node_name(side, record->node),
                                           drop_reason_word(record->reason));
    }
    return fate ? fate : g_strdup("");
}

/* Whether the other run drops it at the same node for the same reason. */
static bool
is_dropped_too(const struct side *a, const struct record *record, const struct side *b, const struct track *track)
{
    for (guint i = 0; track && i < track->records->len; i++) {
        const struct record *other = track->records->pdata[i];

        if (is_drop(other) && other->reason == record->reason &&
            strcmp(node_name(a, record->node), node_name(b, other->node)) == 0)
            return true;
    }
    return false;
}

static void
find_drops(const struct side *a, const struct side *b, GPtrArray *drops)
{
    for (size_t i = 0; i < a->story->record_count; i++) {
        const struct record *record = a->story->records[i];
        const struct track *track = a->track_of[i];

        if (!is_drop(record) || !record->packet || is_dropped_too(a, record, b, track->other))
            continue;
        struct compare_drop *drop = g_new(struct compare_drop, 1);
        *drop = (struct compare_drop){
            .packet = packet_text(a, record->packet),
            .node = g_strdup(node_name(a, record->node)),
            .reason = drop_reason_word(record->reason),
            .at = record->at,
            .instead = track->other ? fate_of(b, track->other) : g_strdup("it is not sent"),
        };
        g_ptr_array_add(drops, drop);
    }
}

/* ---- the whole */

static void
step_free(struct compare_step *step)
{
    if (!step)
        return;
    g_free(step->node);
    g_free(step->packet);
    g_free(step->text);
    g_free(step);
}

static void
drop_free(void *user)
{
    struct compare_drop *drop = user;

    g_free(drop->packet);
    g_free(drop->node);
    g_free(drop->instead);
    g_free(drop);
}

struct comparison *
comparison_new(const struct story *as_it_is, const struct story *changed)
{
    struct comparison *comparison = g_new0(struct comparison, 1);
    struct side sides[COMPARE_RUNS] = { side_of(as_it_is), side_of(changed) };

    match_sides(&sides[0], &sides[1]);
    for (int i = 0; i < COMPARE_RUNS; i++)
        comparison->counts[i] = sides[i].story->record_count;
    comparison->common = count_common(&sides[0], &sides[1]);
    if (comparison->common > 0)
        comparison->common_until = as_it_is->records[comparison->common - 1]->at;
    comparison->gone = g_ptr_array_new_with_free_func(drop_free);
    comparison->new = g_ptr_array_new_with_free_func(drop_free);
    find_parting(comparison, sides);
    find_decisive(comparison, sides);
    find_drops(&sides[0], &sides[1], comparison->gone);
    find_drops(&sides[1], &sides[0], comparison->new);
    for (int i = 0; i < COMPARE_RUNS; i++)
        side_clear(&sides[i]);
    return comparison;
}

void
comparison_free(struct comparison *comparison)
{
    for (int i = 0; i < COMPARE_RUNS; i++) {
        step_free(comparison->parted.steps[i]);
        step_free(comparison->decisive.steps[i]);
    }
    g_ptr_array_unref(comparison->gone);
    g_ptr_array_unref(comparison->new);
    g_free(comparison);
}
