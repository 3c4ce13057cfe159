/* Two passes: the first gives each row its height, which depends on how its text breaks; the second draws. */
#include "scenarios/runner/story/ladder_svg.h"

#include "scenarios/runner/story/svg.h"

enum {
    MARGIN = 16, TIME_WIDTH = 92, PITCH_LEAST = 110, PITCH_MOST = 220, STORY = 470, STORY_GAP = 40, NAME_HEIGHT = 26,
    ROW_LEAST = 24, ROW_GAP = 8, PILL = 16, NOTE_PAD = 5, LEGEND = 24,
};

struct picture {
    const struct ladder *ladder;
    void (*time)(int64_t at, int64_t last, GString *out);
    int pitch, first, story, width; /* from column to column; of the first; where the story begins; of all */
    int y;                          /* where the row at hand begins */
    int64_t told;
    GString *out;
};

static int
place_of(const struct picture *picture, int column)
{
    return picture->first + column * picture->pitch;
}

static int
last_place(const struct picture *picture)
{
    return place_of(picture, (int)picture->ladder->columns->len - 1);
}

/* ---- one row's text */

static enum svg_class
text_look(const struct ladder_row *row)
{
    static const enum svg_class looks[] = {
        [STORY_PLAIN] = SVG_TEXT, [STORY_SENT] = SVG_TEXT,  [STORY_DELIVERED] = SVG_GOOD, [STORY_DROPPED] = SVG_BAD,
        [STORY_NOTE] = SVG_WARM,  [STORY_HELD] = SVG_GOOD,  [STORY_FAILED] = SVG_BAD,     [STORY_ASIDE] = SVG_FAINT,
    };

    return looks[row->tone];
}

static bool
is_across(const struct ladder_row *row)
{
    return row->column < 0;
}

/* Its sentence in lines; the caller frees them. */
static GPtrArray *
lines_of(const struct picture *picture, const struct ladder_row *row)
{
    int width = is_across(row) ? picture->width - picture->first - MARGIN - 4 * NOTE_PAD : STORY;
    g_autofree char *text = *row->node ? g_strdup_printf("%s: %s", row->node, row->text) : g_strdup(row->text);
    g_auto(GStrv) parts = g_strsplit(text, "\n", -1);
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    for (char **part = parts; *part; part++)
        svg_broken(*part, width, text_look(row), lines);
    return lines;
}

static int
height_of(const struct ladder_row *row, guint lines)
{
    int text = (int)lines * SVG_LINE + ROW_GAP;

    if (is_across(row))
        return text + 2 * NOTE_PAD;
    return MAX(text, ROW_LEAST + (row->before ? PILL + 4 : 0) + ROW_GAP);
}

/* ---- one row's drawing */

static void
draw_mark(const struct picture *picture, const struct ladder_row *row, int x, int y)
{
    switch (row->mark) {
    case LADDER_NOTHING:
        break;
    case LADDER_SENT:
        svg_dot(picture->out, x, y, 4, "#0b5c92", false);
        break;
    case LADDER_DELIVERED:
        svg_dot(picture->out, x, y, 4, "#00694e", true);
        break;
    case LADDER_DECIDED:
        svg_dot(picture->out, x, y, 2, "#5b6470", true);
        break;
    case LADDER_TRANSLATED:
        svg_box(picture->out, x - 5, y - 5, 10, 10, 2, SVG_NAT);
        break;
    case LADDER_DROPPED:
        svg_cross(picture->out, x, y, 5);
        break;
    }
}

/* What was changed, on a ground of its own below the mark, within the drawing. */
static void
draw_change(const struct picture *picture, const struct ladder_row *row, int x, int y)
{
    g_autofree char *text = g_strdup_printf("%s \xe2\x86\x92 %s", row->before, row->after);
    int width = svg_width(text, SVG_CODE) + 10, left = x - width / 2;

    left = MIN(left, picture->story - 12 - width);
    left = MAX(left, picture->first - picture->pitch / 3);
    svg_box(picture->out, left, y, width, PILL, 8, SVG_PILL);
    svg_text(picture->out, left + width / 2, y + 12, SVG_MIDDLE, SVG_CODE, text);
}

static void
draw_reason(const struct picture *picture, const struct ladder_row *row, int x, int y)
{
    bool goes_left = row->from > row->column;
    int width = svg_width(row->reason, SVG_BAD);

    if (goes_left && x - 10 - width > MARGIN + TIME_WIDTH)
        svg_text(picture->out, x - 10, y - 5, SVG_END, SVG_BAD, row->reason);
    else if (x + 10 + width < picture->story)
        svg_text(picture->out, x + 10, y - 5, SVG_START, SVG_BAD, row->reason);
    else
        svg_text(picture->out, x - 10, y - 5, SVG_END, SVG_BAD, row->reason);
}

static void
draw_row(const struct picture *picture, const struct ladder_row *row)
{
    static const enum svg_class arrows[] = { [STORY_DELIVERED] = SVG_ARROW_GOOD, [STORY_DROPPED] = SVG_ARROW_BAD };
    int x = place_of(picture, row->column), y = picture->y + 14;

    if (row->from >= 0 && row->from != row->column) {
        int from = place_of(picture, row->from);
        enum svg_class look = row->tone == STORY_DELIVERED || row->tone == STORY_DROPPED ? arrows[row->tone] : SVG_ARROW;

        if (row->on_the_way)
            x = (from + x) / 2;
        int end = x > from ? x - 6 : x + 6;
        g_autofree char *packet = svg_cut(row->packet, ABS(x - from) - 16, SVG_LABEL);

        svg_line(picture->out, from, y, end, y, look);
        svg_text(picture->out, (from + x) / 2, y - 4, SVG_MIDDLE, SVG_LABEL, packet);
    }
    draw_mark(picture, row, x, y);
    if (row->reason)
        draw_reason(picture, row, x, y);
    if (row->before)
        draw_change(picture, row, x, y + 9);
}

static void
draw_time(struct picture *picture, const struct ladder_row *row)
{
    g_autoptr(GString) time = g_string_new(NULL);

    if (row->tone == STORY_ASIDE || row->at == picture->told)
        return;
    picture->told = row->at;
    picture->time(row->at, picture->ladder->last, time);
    svg_text(picture->out, MARGIN + TIME_WIDTH - 22, picture->y + 18, SVG_END, SVG_FAINT, time->str);
}

static void
draw_text(const struct picture *picture, const struct ladder_row *row, const GPtrArray *lines)
{
    int x = is_across(row) ? picture->first - picture->pitch / 3 + 2 * NOTE_PAD : picture->story;
    int y = picture->y + 18 + (is_across(row) ? NOTE_PAD - 2 : 0);

    for (guint i = 0; i < lines->len; i++)
        svg_text(picture->out, x, y + (int)i * SVG_LINE, SVG_START, text_look(row), lines->pdata[i]);
}

static void
draw(struct picture *picture, const struct ladder_row *row)
{
    g_autoptr(GPtrArray) lines = lines_of(picture, row);
    int height = height_of(row, lines->len);

    if (is_across(row) && row->tone != STORY_ASIDE)
        svg_box(picture->out, picture->first - picture->pitch / 3, picture->y + 3,
                picture->width - picture->first + picture->pitch / 3 - MARGIN, height - ROW_GAP, 4, SVG_NOTE);
    else if (!is_across(row))
        draw_row(picture, row);
    draw_time(picture, row);
    draw_text(picture, row, lines);
    picture->y += height;
}

/* ---- the whole */

static void
lay_out(struct picture *picture)
{
    const struct ladder *ladder = picture->ladder;
    int columns = (int)ladder->columns->len;

    picture->pitch = PITCH_LEAST;
    for (int i = 0; i < columns; i++)
        picture->pitch = MAX(picture->pitch, svg_width(ladder->columns->pdata[i], SVG_STRONG) + 30);
    picture->pitch = MIN(picture->pitch, PITCH_MOST);
    picture->first = MARGIN + TIME_WIDTH + picture->pitch / 3;
    picture->story = (columns > 0 ? last_place(picture) : picture->first) + picture->pitch / 3 + STORY_GAP;
    picture->width = picture->story + STORY + MARGIN;
}

static int
rows_height(const struct picture *picture, guint rows)
{
    int height = 0;

    for (guint i = 0; i < rows; i++) {
        const struct ladder_row *row = ladder_row(picture->ladder, i);
        g_autoptr(GPtrArray) lines = lines_of(picture, row);

        height += height_of(row, lines->len);
    }
    return height;
}

static void
draw_names(const struct picture *picture, int y)
{
    for (guint i = 0; i < picture->ladder->columns->len; i++) {
        g_autofree char *name = svg_cut(picture->ladder->columns->pdata[i], picture->pitch - 24, SVG_STRONG);
        int width = MAX(svg_width(name, SVG_STRONG) + 16, 44), x = place_of(picture, (int)i);

        svg_box(picture->out, x - width / 2, y, width, NAME_HEIGHT, 5, SVG_BOX);
        svg_text(picture->out, x, y + 17, SVG_MIDDLE, SVG_STRONG, name);
    }
}

static void
draw_legend(const struct picture *picture, int y)
{
    static const struct { enum ladder_mark mark; const char *word; } legend[] = {
        { LADDER_SENT, "sends" }, { LADDER_DELIVERED, "receives" }, { LADDER_TRANSLATED, "translates" },
        { LADDER_DROPPED, "drops" }, { LADDER_DECIDED, "anything else" },
    };
    int x = MARGIN + 6;

    for (size_t i = 0; i < G_N_ELEMENTS(legend); i++) {
        struct ladder_row row = { .mark = legend[i].mark };

        draw_mark(picture, &row, x, y - 4);
        svg_text(picture->out, x + 10, y, SVG_START, SVG_FAINT, legend[i].word);
        x += 10 + svg_width(legend[i].word, SVG_FAINT) + 22;
    }
}

void
ladder_svg(const struct ladder *ladder, const char *title, void (*time)(int64_t at, int64_t last, GString *out),
           GString *out)
{
    struct picture picture = { .ladder = ladder, .time = time, .out = out, .told = -1 };
    guint rows = MIN(ladder->rows->len, LADDER_SVG_ROWS);
    int top = MARGIN + 30 + LEGEND + NAME_HEIGHT;

    lay_out(&picture);
    int bottom = top + ROW_GAP + rows_height(&picture, rows) + 6;
    int more = rows < ladder->rows->len ? SVG_LINE + ROW_GAP : 0;
    svg_begin(out, picture.width, bottom + NAME_HEIGHT + more + MARGIN, title,
              "A sequence diagram: a column a node, time runs down, and beside it what happened and why.");
    g_autofree char *heading = svg_cut(title, picture.width - 2 * MARGIN, SVG_TITLE);
    svg_text(out, MARGIN, MARGIN + 14, SVG_START, SVG_TITLE, heading);
    draw_legend(&picture, MARGIN + 14 + LEGEND);
    for (guint i = 0; i < ladder->columns->len; i++)
        svg_line(out, place_of(&picture, (int)i), top, place_of(&picture, (int)i), bottom, SVG_LIFELINE);
    draw_names(&picture, top - NAME_HEIGHT);
    picture.y = top + ROW_GAP;
    for (guint i = 0; i < rows; i++)
        draw(&picture, ladder_row(ladder, i));
    draw_names(&picture, bottom);
    if (more > 0) {
        g_autofree char *rest = g_strdup_printf("... and %u more, which --explain tells", ladder->rows->len - rows);

        svg_text(out, MARGIN, bottom + NAME_HEIGHT + SVG_LINE + 4, SVG_START, SVG_FAINT, rest);
    }
    svg_end(out);
}
