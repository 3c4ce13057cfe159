/* A row becomes lines of the drawing and lines of text, which are then put side by side; where one has more lines than
 * the other the columns just go on. A line of the drawing is an array of characters with a style each. */
#include "scenarios/runner/cli/ladder_text.h"

#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/cli/timeline.h"

enum {
    GAP = 2,
    PITCH_MOST = 14, PITCH_LEAST = 7, /* from one column to the next */
    STORY_WANTED = 64, STORY_LEAST = 32,
    NODE_MOST = 24,                   /* of a name before a sentence */
    COLUMNS_LEAST = 3,                /* with fewer a ladder says nothing */
    HEADING_EVERY = 48,               /* lines: so that one is in sight */
};

/* ---- signs */

struct signs {
    gunichar line, dash, right, left, marks[LADDER_DROPPED + 1];
    const char *becomes;
};

static const struct signs ascii = {
    '|', '-', '>', '<', { '|', '+', 'o', '*', '#', 'X' }, " -> ",
};
static const struct signs drawn = {
    0x2502, 0x2500, 0x25b6, 0x25c0, { 0x2502, 0x253c, 0x25cb, 0x25cf, 0x25a3, 0x2716 }, " \xe2\x86\x92 ",
};

/* ---- the drawing */

struct cell {
    gunichar sign; /* 0: the second half of a wide one */
    enum terminal_style style;
};

struct drawing {
    const struct ladder *ladder;
    const struct terminal *terminal;
    const struct signs *signs;
    size_t time, lead, pitch, trail; /* widths: of the time; before the first column; between two; after the last */
    size_t width, story;             /* of the drawing, of the text beside it */
    int64_t told;                    /* the time that was written last */
    unsigned since_heading;
    GPtrArray *lines;                /* struct cell *: of the row at hand */
    GPtrArray *texts;                /* char * */
    GString *out;
};

static size_t
place_of(const struct drawing *drawing, int column)
{
    return drawing->lead + (size_t)column * drawing->pitch;
}

/* A line with nothing but the columns. */
static struct cell *
add_line(struct drawing *drawing)
{
    struct cell *line = g_new(struct cell, drawing->width);

    for (size_t i = 0; i < drawing->width; i++)
        line[i] = (struct cell){ ' ', STYLE_PLAIN };
    for (guint i = 0; i < drawing->ladder->columns->len; i++)
        line[place_of(drawing, (int)i)] = (struct cell){ drawing->signs->line, STYLE_FAINT };
    g_ptr_array_add(drawing->lines, line);
    return line;
}

static void
write_text(struct cell *line, size_t at, const char *text, enum terminal_style style)
{
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar sign = g_utf8_get_char(text);
        size_t width = terminal_character_width(sign);

        if (width > 0)
            line[at++] = (struct cell){ sign, style };
        if (width > 1)
            line[at++] = (struct cell){ 0, style };
    }
}

/* Writes text around a place, moved so far that it stays within the drawing; false when it is too long for that. */
static bool
write_around(const struct drawing *drawing, struct cell *line, size_t place, const char *text,
             enum terminal_style style)
{
    size_t length = terminal_width(text), at;

    if (length > drawing->width)
        return false;
    at = place > length / 2 ? place - length / 2 : 0;
    write_text(line, MIN(at, drawing->width - length), text, style);
    return true;
}

/* ---- one row */

static enum terminal_style
style_of(const struct ladder_row *row)
{
    static const enum terminal_style styles[] = {
        [STORY_PLAIN] = STYLE_PLAIN,    [STORY_SENT] = STYLE_PLAIN, [STORY_DELIVERED] = STYLE_GOOD,
        [STORY_DROPPED] = STYLE_BAD,    [STORY_NOTE] = STYLE_WARM,  [STORY_HELD] = STYLE_GOOD,
        [STORY_FAILED] = STYLE_BAD,     [STORY_ASIDE] = STYLE_FAINT,
    };

    return styles[row->tone];
}

/* The arrow between two places, without what stands at its ends. */
static void
draw_shaft(const struct drawing *drawing, struct cell *line, size_t from, size_t to, const char *packet,
           enum terminal_style style)
{
    size_t low = MIN(from, to) + 1, high = MAX(from, to), length = terminal_width(packet);

    for (size_t i = low; i < high; i++)
        line[i] = (struct cell){ drawing->signs->dash, style };
    if (high <= low)
        return;
    line[to > from ? high - 1 : low] =
        (struct cell){ to > from ? drawing->signs->right : drawing->signs->left, style };
    if (length + 2 <= high - low)
        write_text(line, low + (high - low - length) / 2, packet, STYLE_STRONG);
}

static void
draw_reason(struct drawing *drawing, struct cell *line, size_t place, const struct ladder_row *row)
{
    size_t length = strlen(row->reason);
    bool goes_left = row->from >= 0 && row->from > row->column;

    if (!goes_left && place + 2 + length <= drawing->width)
        write_text(line, place + 2, row->reason, STYLE_BAD);
    else if (goes_left && place >= length + 1)
        write_text(line, place - length - 1, row->reason, STYLE_BAD);
    else
        write_around(drawing, add_line(drawing), place, row->reason, STYLE_BAD);
}

/* In brackets, unless its addresses have some themselves. */
static void
draw_change(struct drawing *drawing, size_t place, const struct ladder_row *row)
{
    bool bare = strchr(row->before, '[') || strchr(row->after, '[');
    const char *open = bare ? " " : "[", *close = bare ? " " : "]";
    g_autofree char *one = g_strconcat(open, row->before, drawing->signs->becomes, row->after, close, NULL);
    g_autofree char *first = g_strconcat(open, row->before, bare ? " " : NULL, NULL);
    g_autofree char *second = g_strconcat(drawing->signs->becomes + !bare, row->after, close, NULL);

    if (terminal_width(one) <= drawing->width) {
        write_around(drawing, add_line(drawing), place, one, STYLE_WARM);
    } else if (MAX(terminal_width(first), terminal_width(second)) <= drawing->width) {
        write_around(drawing, add_line(drawing), place, first, STYLE_WARM);
        write_around(drawing, add_line(drawing), place, second, STYLE_WARM);
    }
}

static void
draw_row(struct drawing *drawing, const struct ladder_row *row)
{
    struct cell *line = add_line(drawing);

    if (row->column < 0)
        return;
    size_t place = place_of(drawing, row->column);
    g_autoptr(GString) packet = g_string_new(NULL);

    terminal_safe(row->packet, packet);
    if (row->from != row->column && row->from >= 0) {
        size_t from = place_of(drawing, row->from);

        if (row->on_the_way)
            place = (from + place) / 2;
        draw_shaft(drawing, line, from, place, packet->str, style_of(row));
    }
    line[place] = (struct cell){ drawing->signs->marks[row->mark], style_of(row) };
    if (row->reason)
        draw_reason(drawing, line, place, row);
    if (row->before)
        draw_change(drawing, place, row);
}

/* ---- text */

/* "natA: what it did", broken to the width of the story. */
static void
add_texts(struct drawing *drawing, const struct ladder_row *row, size_t width)
{
    g_autofree char *node = terminal_cut(row->node, NODE_MOST);
    g_autofree char *raw = *node ? g_strconcat(node, ": ", row->text, NULL) : g_strdup(row->text);
    g_auto(GStrv) parts = g_strsplit(raw, "\n", -1);

    for (char **part = parts; *part; part++) {
        g_autoptr(GString) safe = g_string_new(NULL);

        terminal_safe(*part, safe);
        terminal_broken(safe->str, width, drawing->texts);
    }
}

/* ---- the lines */

static void
put_cells(const struct drawing *drawing, const struct cell *line, size_t width)
{
    g_autoptr(GString) run = g_string_new(NULL);

    for (size_t i = 0; i < width; i++) {
        if (line[i].sign)
            g_string_append_unichar(run, line[i].sign);
        if (i + 1 < width && line[i + 1].style == line[i].style)
            continue;
        terminal_styled(drawing->terminal, line[i].style, run->str, drawing->out);
        g_string_truncate(run, 0);
    }
}

/* How much of a line has something in it. */
static size_t
filled(const struct drawing *drawing, const struct cell *line)
{
    size_t width = drawing->width;

    while (width > 0 && line[width - 1].sign == ' ')
        width--;
    return width;
}

static void
put_time(struct drawing *drawing, const struct ladder_row *row)
{
    g_autoptr(GString) time = g_string_new(NULL);

    if (row->tone != STORY_ASIDE && row->at != drawing->told) {
        timeline_time(row->at, drawing->ladder->last, time);
        drawing->told = row->at;
    }
    g_string_append_printf(drawing->out, "%*s%*s", (int)drawing->time, time->str, GAP, "");
}

static void
put_indent(const struct drawing *drawing)
{
    g_string_append_printf(drawing->out, "%*s", (int)(drawing->time + GAP), "");
}

/* What a script says, and asides: across all columns. */
static void
put_across(struct drawing *drawing, const struct ladder_row *row)
{
    bool remark = row->tone != STORY_ASIDE && !*row->node;

    add_texts(drawing, row, drawing->width + GAP + drawing->story - (remark ? 2 : 0));
    for (guint i = 0; i < drawing->texts->len; i++) {
        if (i == 0)
            put_time(drawing, row);
        else
            put_indent(drawing);
        if (remark)
            g_string_append(drawing->out, "# ");
        terminal_styled(drawing->terminal, style_of(row), drawing->texts->pdata[i], drawing->out);
        g_string_append_c(drawing->out, '\n');
    }
}

static void
put_beside(struct drawing *drawing, const struct ladder_row *row)
{
    draw_row(drawing, row);
    add_texts(drawing, row, drawing->story);
    while (drawing->lines->len < drawing->texts->len)
        add_line(drawing);
    for (guint i = 0; i < drawing->lines->len; i++) {
        const struct cell *line = drawing->lines->pdata[i];
        bool text = i < drawing->texts->len;

        if (i == 0)
            put_time(drawing, row);
        else
            put_indent(drawing);
        put_cells(drawing, line, text ? drawing->width : filled(drawing, line));
        if (text) {
            g_string_append_printf(drawing->out, "%*s", GAP, "");
            terminal_styled(drawing->terminal, style_of(row), drawing->texts->pdata[i], drawing->out);
        }
        g_string_append_c(drawing->out, '\n');
    }
}

/* The names above the columns, each cut to what there is room for. */
static void
put_heading(struct drawing *drawing)
{
    struct cell *line = add_line(drawing);

    for (size_t i = 0; i < drawing->width; i++)
        line[i] = (struct cell){ ' ', STYLE_PLAIN };
    for (guint i = 0; i < drawing->ladder->columns->len; i++) {
        g_autoptr(GString) name = g_string_new(NULL);

        terminal_safe(drawing->ladder->columns->pdata[i], name);
        g_autofree char *cut = terminal_cut(name->str, drawing->pitch - 1);
        write_around(drawing, line, place_of(drawing, (int)i), cut, STYLE_STRONG);
    }
    put_indent(drawing);
    put_cells(drawing, line, filled(drawing, line));
    g_string_append_c(drawing->out, '\n');
    g_ptr_array_set_size(drawing->lines, 0);
    drawing->since_heading = 0;
}

static void
put_row(struct drawing *drawing, const struct ladder_row *row)
{
    if (drawing->since_heading >= HEADING_EVERY)
        put_heading(drawing);
    if (row->column < 0)
        put_across(drawing, row);
    else
        put_beside(drawing, row);
    drawing->since_heading += MAX(drawing->lines->len, drawing->texts->len);
    g_ptr_array_set_size(drawing->lines, 0);
    g_ptr_array_set_size(drawing->texts, 0);
}

/* ---- the layout */

static size_t
name_width(const struct ladder *ladder, guint column)
{
    g_autoptr(GString) name = g_string_new(NULL);

    terminal_safe(ladder->columns->pdata[column], name);
    return terminal_width(name->str);
}

/* Gives the columns and the story their widths; false when there is no room for both. */
static bool
lay_out(struct drawing *drawing, size_t width)
{
    size_t columns = drawing->ladder->columns->len, wanted;
    g_autoptr(GString) time = g_string_new(NULL);

    timeline_time(drawing->ladder->last, drawing->ladder->last, time);
    drawing->time = MAX(time->len, 11);
    for (drawing->pitch = PITCH_MOST; drawing->pitch >= PITCH_LEAST; drawing->pitch--) {
        drawing->lead = MIN(name_width(drawing->ladder, 0), drawing->pitch - 1) / 2;
        drawing->trail = MIN(name_width(drawing->ladder, (guint)columns - 1), drawing->pitch - 1) / 2;
        drawing->width = drawing->lead + (columns - 1) * drawing->pitch + 1 + drawing->trail;
        wanted = drawing->pitch > PITCH_LEAST ? STORY_WANTED : STORY_LEAST;
        if (drawing->time + GAP + drawing->width + GAP + wanted <= width)
            break;
    }
    drawing->story = width - MIN(width, drawing->time + GAP + drawing->width + GAP);
    return drawing->pitch >= PITCH_LEAST;
}

/* The ladder with as many columns as there is room for; NULL when they are too few. */
static struct ladder *
fit(struct drawing *drawing, const struct story *story, const struct ladder_order *order, size_t width)
{
    struct ladder *ladder = ladder_new(story, order, 0);
    size_t columns = ladder->columns->len;

    drawing->ladder = ladder;
    if (columns < COLUMNS_LEAST - 1) {
        ladder_free(ladder);
        return NULL;
    }
    while (!lay_out(drawing, width)) {
        ladder_free(ladder);
        if (--columns < COLUMNS_LEAST)
            return NULL;
        ladder = ladder_new(story, order, columns);
        drawing->ladder = ladder;
    }
    return ladder;
}

static void
put_legend(struct drawing *drawing)
{
    static const struct { enum ladder_mark mark; const char *word; } legend[] = {
        { LADDER_SENT, "sends" }, { LADDER_DELIVERED, "receives" }, { LADDER_TRANSLATED, "translates" },
        { LADDER_DROPPED, "drops" }, { LADDER_DECIDED, "anything else" },
    };
    g_autoptr(GString) line = g_string_new(NULL);

    for (size_t i = 0; i < G_N_ELEMENTS(legend); i++) {
        g_string_append(line, i ? ", " : "");
        g_string_append_unichar(line, drawing->signs->marks[legend[i].mark]);
        g_string_append_printf(line, " %s", legend[i].word);
    }
    put_indent(drawing);
    terminal_styled(drawing->terminal, STYLE_FAINT, line->str, drawing->out);
    g_string_append_c(drawing->out, '\n');
}

void
ladder_text(const struct story *story, const struct ladder_order *order, const struct terminal *terminal,
            unsigned width, GString *out)
{
    struct drawing drawing = {
        .terminal = terminal, .signs = terminal->unicode ? &drawn : &ascii, .out = out, .told = -1,
    };
    g_autoptr(ladder) ladder = width >= LADDER_WIDTH_LEAST ? fit(&drawing, story, order, width) : NULL;

    if (!ladder) {
        struct terminal plain = *terminal;

        plain.columns = width;
        timeline_print(story, &plain, out);
        return;
    }
    drawing.lines = g_ptr_array_new_with_free_func(g_free);
    drawing.texts = g_ptr_array_new_with_free_func(g_free);
    put_legend(&drawing);
    put_heading(&drawing);
    for (guint i = 0; i < ladder->rows->len; i++)
        put_row(&drawing, ladder_row(ladder, i));
    g_ptr_array_unref(drawing.lines);
    g_ptr_array_unref(drawing.texts);
}
