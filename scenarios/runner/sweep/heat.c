#include "scenarios/runner/sweep/heat.h"

#include "scenarios/runner/story/svg.h"

enum { MARGIN = 16, TITLE = 34, CELL_HEIGHT = 30, CELL_LEAST = 64, CELL_MOST = 220, SIDE_MOST = 420,
       LEGEND = 46 };

struct colour {
    double red, green, blue;
};

/* Integers from here on, so that the bytes are the same everywhere. */
static void
say_colour(const struct heat_cell *cell, char text[8])
{
    static const struct colour no = { 240, 160, 75 }, half = { 236, 236, 232 }, yes = { 86, 160, 211 };
    const struct colour *from = cell->share < 0.5 ? &no : &half, *to = cell->share < 0.5 ? &half : &yes;
    double way = cell->share < 0.5 ? cell->share * 2 : cell->share * 2 - 1;

    if (cell->kind == HEAT_SHARE)
        g_snprintf(text, 8, "#%02x%02x%02x", (int)(from->red + (to->red - from->red) * way + 0.5),
                   (int)(from->green + (to->green - from->green) * way + 0.5),
                   (int)(from->blue + (to->blue - from->blue) * way + 0.5));
    else
        g_snprintf(text, 8, "%s", cell->kind == HEAT_ERROR ? "#d9b3cc" : "#f4f4f2");
}

static int
widest(const GPtrArray *texts, enum svg_class look)
{
    int width = 0;

    for (guint i = 0; i < texts->len; i++)
        width = MAX(width, svg_width(texts->pdata[i], look));
    return width;
}

static int
cell_width(const struct heat *heat)
{
    int width = widest(heat->columns, SVG_STRONG) + 16;

    for (guint i = 0; i < heat->rows->len * heat->columns->len; i++)
        width = MAX(width, svg_width(heat->cells[i].text, SVG_TEXT) + 16);
    return CLAMP(width, CELL_LEAST, CELL_MOST);
}

static void
draw_row(const struct heat *heat, guint row, int x, int y, int width, GString *out)
{
    for (guint column = 0; column < heat->columns->len; column++) {
        const struct heat_cell *cell = &heat->cells[row * heat->columns->len + column];
        g_autofree char *text = svg_cut(cell->text, width - 6, SVG_TEXT);
        char colour[8];

        say_colour(cell, colour);
        svg_cell(out, x, y, width, CELL_HEIGHT, colour);
        svg_text(out, x + width / 2, y + 20, SVG_MIDDLE, SVG_TEXT, text);
        x += width;
    }
}

static void
draw_legend(int x, int y, GString *out)
{
    enum { STEPS = 10, STEP = 18 };

    svg_text(out, x, y + 12, SVG_START, SVG_FAINT, "none");
    x += 36;
    for (int i = 0; i <= STEPS; i++) {
        struct heat_cell cell = { .kind = HEAT_SHARE, .share = (double)i / STEPS };
        char colour[8];

        say_colour(&cell, colour);
        svg_cell(out, x + i * STEP, y, STEP, 16, colour);
    }
    svg_text(out, x + (STEPS + 1) * STEP + 6, y + 12, SVG_START, SVG_FAINT, "all");
}

void
heat_svg(const struct heat *heat, GString *out)
{
    int side = MIN(MAX(widest(heat->rows, SVG_STRONG), svg_width(heat->row_title, SVG_FAINT)), SIDE_MOST) + 12;
    int width = cell_width(heat), left = MARGIN + side, top = MARGIN + TITLE + 44;
    int columns = (int)heat->columns->len, rows = (int)heat->rows->len;
    int all = MAX(left + columns * width, MARGIN + svg_width(heat->title, SVG_TITLE)) + MARGIN;

    svg_begin(out, MAX(all, 340), top + rows * CELL_HEIGHT + LEGEND + MARGIN, heat->title,
              "A table of shares as a heat map: a row and a column a value, the share in each cell.");
    svg_text(out, MARGIN, MARGIN + 14, SVG_START, SVG_TITLE, heat->title);
    svg_text(out, left + columns * width / 2, top - 28, SVG_MIDDLE, SVG_FAINT, heat->column_title);
    svg_text(out, MARGIN, top - 10, SVG_START, SVG_FAINT, heat->row_title);
    for (int i = 0; i < columns; i++) {
        g_autofree char *name = svg_cut(heat->columns->pdata[i], width - 6, SVG_STRONG);

        svg_text(out, left + i * width + width / 2, top - 10, SVG_MIDDLE, SVG_STRONG, name);
    }
    for (int i = 0; i < rows; i++) {
        g_autofree char *name = svg_cut(heat->rows->pdata[i], side - 8, SVG_STRONG);

        svg_text(out, MARGIN, top + i * CELL_HEIGHT + 20, SVG_START, SVG_STRONG, name);
        draw_row(heat, (guint)i, left, top + i * CELL_HEIGHT, width, out);
    }
    draw_legend(MARGIN, top + rows * CELL_HEIGHT + 20, out);
    svg_end(out);
}
