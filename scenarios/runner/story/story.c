#include "scenarios/runner/story/story.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/story/alike.h"

enum { WORTH_LEAVING_OUT = 3 }; /* packets: fewer are told rather than named */

/* What is needed while telling. */
struct telling {
    const struct story *story;
    struct alike *alike; /* NULL: all packets are told */
    void (*tell)(void *user, const struct story_line *line);
    void *user;
    int64_t now;   /* of the last line */
    bool begun;
    GString *text, *packet;
};

static void
tell(struct telling *telling, int64_t at, const struct record *record, enum story_tone tone)
{
    const struct names *names = telling->story->names;
    struct story_line line = {
        .at = at, .node = record ? names->node(names, record->node) : "", .packet = telling->packet->str,
        .text = telling->text->str, .tone = tone, .record = record,
    };

    telling->tell(telling->user, &line);
    telling->now = at;
    telling->begun = true;
    g_string_truncate(telling->text, 0);
    g_string_truncate(telling->packet, 0);
}

/* "12.3 s", "4 min 20 s", "3 h 5 min" */
static void
say_gap(int64_t gap, GString *out)
{
    int64_t seconds = gap / TIME_S;

    if (seconds < 60)
        g_string_append_printf(out, "%" PRId64 ".%" PRId64 " s", seconds, gap % TIME_S / (100 * TIME_MS));
    else if (seconds < 3600)
        g_string_append_printf(out, "%" PRId64 " min %" PRId64 " s", seconds / 60, seconds % 60);
    else
        g_string_append_printf(out, "%" PRId64 " h %" PRId64 " min", seconds / 3600, seconds % 3600 / 60);
}

/* A pause that is worth a line, before something that happens `at`. */
static void
tell_gap(struct telling *telling, int64_t at)
{
    int64_t gap = at - telling->now;

    if (!telling->begun || gap < TIME_S)
        return;
    g_string_append(telling->text, "... ");
    say_gap(gap, telling->text);
    g_string_append(telling->text, " later");
    tell(telling, at, NULL, STORY_ASIDE);
}

static void
tell_remark(struct telling *telling, const struct story_remark *remark)
{
    static const struct { const char *before; enum story_tone tone; } sorts[] = {
        [STORY_REMARK_NOTE] = { "", STORY_NOTE },
        [STORY_REMARK_HELD] = { "as expected: ", STORY_HELD },
        [STORY_REMARK_FAILED] = { "EXPECTATION FAILED: ", STORY_FAILED },
    };

    tell_gap(telling, remark->at);
    g_string_append(telling->text, sorts[remark->sort].before);
    g_string_append(telling->text, remark->text);
    tell(telling, remark->at, NULL, sorts[remark->sort].tone);
}

static enum story_tone
tone_of(const struct record *record)
{
    if (record->verdict == VERDICT_DROP)
        return STORY_DROPPED;
    if (strcmp(record->kind->action, "sent") == 0)
        return STORY_SENT;
    return strcmp(record->kind->action, "delivered") == 0 ? STORY_DELIVERED : STORY_PLAIN;
}

/* Stands for all packets of a group that are not told: at the first of them, once. */
static void
tell_rest(struct telling *telling, const struct record *record, const struct alike_group *group)
{
    const struct names *names = telling->story->names;
    GString *text = telling->text;

    tell_gap(telling, record->at);
    g_string_append(text, "... ");
    packet_name_say(group->first_rest, names, text);
    g_string_append(text, " to ");
    packet_name_say(group->last_rest, names, text);
    g_string_append_printf(text, " (%zu packets, in the next ", group->rest);
    say_gap(group->until - record->at, text);
    g_string_append(text, ") fare as ");
    packet_name_say(group->last_told, names, text);
    g_string_append(text, " did");
    tell(telling, record->at, NULL, STORY_ASIDE);
}

static bool
is_wanted(const struct story *story, const struct record *record)
{
    if (!story->only || record->packet == story->only)
        return true;
    return record->cause == story->only && strcmp(record->kind->action, "sent") == 0;
}

static void
tell_record(struct telling *telling, const struct record *record, GHashTable *named)
{
    const struct story *story = telling->story;
    const struct alike_group *group = telling->alike ? alike_rest(telling->alike, record->packet) : NULL;

    if (!is_wanted(story, record))
        return;
    if (group) {
        if (g_hash_table_add(named, (gpointer)group))
            tell_rest(telling, record, group);
        return;
    }
    tell_gap(telling, record->at);
    if (record->packet)
        packet_name_say(record->packet, story->names, telling->packet);
    record->kind->say(record, story->names, telling->text);
    tell(telling, record->at, record, tone_of(record));
}

void
story_tell(const struct story *story, void (*tell_line)(void *user, const struct story_line *line), void *user)
{
    struct telling telling = {
        .story = story, .tell = tell_line, .user = user, .text = g_string_new(NULL), .packet = g_string_new(NULL),
    };
    g_autoptr(GHashTable) named = g_hash_table_new(NULL, NULL);
    size_t remark = 0;

    if (!story->only)
        telling.alike = alike_new(story->records, story->record_count, STORY_ALIKE, WORTH_LEAVING_OUT);
    for (size_t i = 0; i <= story->record_count; i++) {
        while (!story->only && remark < story->remark_count && story->remarks[remark].before <= i)
            tell_remark(&telling, &story->remarks[remark++]);
        if (i < story->record_count)
            tell_record(&telling, story->records[i], named);
    }
    g_clear_pointer(&telling.alike, alike_free);
    g_string_free(telling.text, TRUE);
    g_string_free(telling.packet, TRUE);
}

size_t
story_place(const struct story *story, int64_t at)
{
    size_t low = 0, high = story->record_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (story->records[middle]->at <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}
