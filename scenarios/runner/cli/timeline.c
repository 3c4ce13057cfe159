#include "scenarios/runner/cli/timeline.h"

#include <inttypes.h>
#include <string.h>

#include "core/base/time.h"

enum { COLUMN_MAX = 16, GAP = 2, NARROW_MARGIN = 4 };

void
timeline_time(int64_t at, int64_t last, GString *out)
{
    if (last < 10 * TIME_S)
        g_string_append_printf(out, "%" PRId64 ".%03d ms", at / TIME_MS, (int)(at % TIME_MS / TIME_US));
    else
        g_string_append_printf(out, "%" PRId64 ".%06d s", at / TIME_S, (int)(at % TIME_S / TIME_US));
}

/* ---- the columns */

struct columns {
    const struct terminal *terminal;
    int64_t last;
    size_t time, node, packet; /* widths */
    GString *out, *text, *safe;
};

static void
measure(struct columns *columns, const struct story *story)
{
    g_autoptr(GString) time = g_string_new(NULL), packet = g_string_new(NULL);

    columns->node = columns->packet = 4;
    for (size_t i = 0; i < story->record_count; i++) {
        const struct record *record = story->records[i];

        columns->last = MAX(columns->last, record->at);
        columns->node = MAX(columns->node, terminal_width(story->names->node(story->names, record->node)));
        if (!record->packet)
            continue;
        packet_name_say(record->packet, story->names, packet);
        columns->packet = MAX(columns->packet, terminal_width(packet->str));
        g_string_truncate(packet, 0);
    }
    for (size_t i = 0; i < story->remark_count; i++)
        columns->last = MAX(columns->last, story->remarks[i].at);
    columns->node = MIN(columns->node, COLUMN_MAX);
    columns->packet = MIN(columns->packet, COLUMN_MAX);
    timeline_time(columns->last, columns->last, time);
    columns->time = MAX(time->len, 11);
}

/* ---- the text */

static enum terminal_style
style_of(enum story_tone tone)
{
    static const enum terminal_style styles[] = {
        [STORY_PLAIN] = STYLE_PLAIN,    [STORY_SENT] = STYLE_PLAIN, [STORY_DELIVERED] = STYLE_GOOD,
        [STORY_DROPPED] = STYLE_BAD,    [STORY_NOTE] = STYLE_WARM,  [STORY_HELD] = STYLE_GOOD,
        [STORY_FAILED] = STYLE_BAD,     [STORY_ASIDE] = STYLE_FAINT,
    };

    return styles[tone];
}

/* One line of text, broken to the terminal's width; what follows begins under the text's column. */
static void
put_text(struct columns *columns, const char *text, size_t margin, enum story_tone tone)
{
    size_t room = columns->terminal->columns > margin + 20 ? columns->terminal->columns - margin : 0;

    g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

    terminal_broken(text, room, lines);
    for (guint i = 0; i < lines->len; i++) {
        if (i > 0)
            g_string_append_printf(columns->out, "%*s", (int)margin, "");
        terminal_styled(columns->terminal, style_of(tone), lines->pdata[i], columns->out);
        g_string_append_c(columns->out, '\n');
    }
}

/* No room for a text beside the columns: it gets lines of its own. */
static bool
is_narrow(const struct columns *columns, size_t margin)
{
    return columns->terminal->columns > 0 && columns->terminal->columns <= margin + 20;
}

/* The caller frees it. */
static char *
safe_name(const char *name)
{
    GString *safe = g_string_new(NULL);

    terminal_safe(name, safe);
    return g_string_free(safe, FALSE);
}

static void
put_line(void *user, const struct story_line *line)
{
    struct columns *columns = user;
    size_t margin = columns->time + GAP + columns->node + GAP + columns->packet + GAP;
    g_auto(GStrv) parts = g_strsplit(line->text, "\n", -1);
    bool remark = line->tone == STORY_NOTE || line->tone == STORY_HELD || line->tone == STORY_FAILED;
    g_autofree char *node = safe_name(remark ? "#" : line->node), *packet = safe_name(line->packet);

    g_string_truncate(columns->text, 0);
    if (line->tone != STORY_ASIDE)
        timeline_time(line->at, columns->last, columns->text);
    g_string_append_printf(columns->out, "%*s%*s", (int)columns->time, columns->text->str, GAP, "");
    terminal_styled(columns->terminal, STYLE_STRONG, node, columns->out);
    terminal_pad(node, columns->node + GAP, columns->out);
    if (is_narrow(columns, margin)) {
        g_string_append_printf(columns->out, "%s\n%*s", packet, NARROW_MARGIN, "");
        margin = NARROW_MARGIN;
    } else {
        g_string_append(columns->out, packet);
        terminal_pad(packet, columns->packet + GAP, columns->out);
    }
    for (char **part = parts; *part; part++) {
        g_string_truncate(columns->safe, 0);
        terminal_safe(*part, columns->safe);
        g_string_append_printf(columns->out, "%*s", part == parts ? 0 : (int)margin, "");
        put_text(columns, columns->safe->str, margin, line->tone);
    }
}

void
timeline_print(const struct story *story, const struct terminal *terminal, GString *out)
{
    struct columns columns = { .terminal = terminal, .out = out };

    measure(&columns, story);
    columns.text = g_string_new(NULL);
    columns.safe = g_string_new(NULL);
    story_tell(story, put_line, &columns);
    g_string_free(columns.text, TRUE);
    g_string_free(columns.safe, TRUE);
}
