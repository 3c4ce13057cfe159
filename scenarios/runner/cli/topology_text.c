/* The topology drawn with characters: sizes from the inside out, then boxes from the outside in, as in topology_svg.c.
 *
 *      internet
 *      ───────┬─────────────────┬──────────
 *      ┌──────┴───────┐ ┌───────┴────────┐
 *      │      S       │ │  203.0.113.1   │
 *      │ 198.51.100.1 │ │ natA           │
 *      └──────────────┘ │ NAT: symmetric │
 *                       ├────────────────┤
 *                       │ inside 10.0.0.1│ ...
 */
#include <string.h>

#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/cli/topology.h"

enum { GAP = 2, TEXT_MOST = 40, DEPTH_MOST = 16, HEIGHT_MOST = 400 };

struct signs {
    gunichar across, down, corners[4], left, right, tee_down, tee_up;
};

static const struct signs ascii = { '-', '|', { '+', '+', '+', '+' }, '+', '+', '+', '+' };
static const struct signs drawn = { 0x2500, 0x2502, { 0x250c, 0x2510, 0x2514, 0x2518 }, 0x251c, 0x2524, 0x252c, 0x2534 };

struct canvas {
    const struct signs *signs;
    gunichar *cells;
    size_t width, height;
};

struct size {
    size_t width, height;
};

/* ---- what stands in a box */

/* The lines above a box's inside, or in a host; the caller frees them. */
static GPtrArray *
lines_of(const struct topology *node)
{
    static const char *const kinds[] = { [TOPOLOGY_ROUTER] = "router", [TOPOLOGY_NAT] = "NAT",
                                         [TOPOLOGY_FIREWALL] = "firewall" };
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *what = !topology_is_box(node) ? g_strdup("")
                            : *node->type ? g_strdup_printf("%s: %s", kinds[node->kind], node->type)
                                          : g_strdup(kinds[node->kind]);
    const char *const texts[] = {
        topology_is_box(node) ? node->outside : node->name, topology_is_box(node) ? node->name : node->outside, what,
        node->also,
    };

    for (size_t i = 0; i < G_N_ELEMENTS(texts); i++) {
        g_autoptr(GString) safe = g_string_new(NULL);

        terminal_safe(texts[i], safe);
        if (safe->len > 0)
            g_ptr_array_add(lines, terminal_cut(safe->str, TEXT_MOST));
    }
    return lines;
}

static char *
heading_of(const struct topology *network)
{
    g_autoptr(GString) safe = g_string_new(NULL);

    terminal_safe(network->name, safe);
    if (*network->outside)
        g_string_append_printf(safe, "  %s", network->outside);
    return terminal_cut(safe->str, 2 * TEXT_MOST);
}

static char *
inside_of(const struct topology *box)
{
    g_autofree char *text = g_strdup_printf("inside %s", box->inside);

    return terminal_cut(text, TEXT_MOST);
}

/* ---- sizes; a width of 0 is one that is not to be drawn */

static struct size size_of(const struct topology *node, unsigned depth);

static struct size
size_of_members(const struct topology *node, unsigned depth)
{
    struct size size = { 0, 0 };

    for (guint i = 0; i < node->children->len; i++) {
        struct size member = size_of(node->children->pdata[i], depth + 1);

        size.width += member.width + (i > 0 ? GAP : 0);
        size.height = MAX(size.height, member.height);
    }
    return size;
}

static struct size
size_of(const struct topology *node, unsigned depth)
{
    struct size members = depth < DEPTH_MOST ? size_of_members(node, depth) : (struct size){ 100000, 1 };
    size_t width = 0;

    if (node->kind == TOPOLOGY_INTERNET || node->kind == TOPOLOGY_LAN) {
        g_autofree char *heading = heading_of(node);

        return (struct size){ MAX(terminal_width(heading), members.width), 2 + members.height };
    }
    g_autoptr(GPtrArray) lines = lines_of(node);
    for (guint i = 0; i < lines->len; i++)
        width = MAX(width, terminal_width(lines->pdata[i]));
    if (!topology_is_box(node))
        return (struct size){ width + 4, lines->len + 2 };
    g_autofree char *inside = inside_of(node);
    width = MAX(MAX(width, terminal_width(inside)), members.width);
    return (struct size){ width + 4, lines->len + 2 + (members.height ? 3 + members.height : 2) };
}

/* ---- drawing */

static void
put(struct canvas *canvas, size_t x, size_t y, gunichar sign)
{
    if (x < canvas->width && y < canvas->height)
        canvas->cells[y * canvas->width + x] = sign;
}

static void
put_text(struct canvas *canvas, size_t x, size_t y, const char *text)
{
    for (; *text; text = g_utf8_next_char(text)) {
        gunichar sign = g_utf8_get_char(text);
        size_t width = terminal_character_width(sign);

        if (width > 0)
            put(canvas, x++, y, sign);
        if (width > 1)
            put(canvas, x++, y, 0); /* its second half */
    }
}

static void
put_across(struct canvas *canvas, size_t x, size_t y, size_t width)
{
    for (size_t i = 0; i < width; i++)
        put(canvas, x + i, y, canvas->signs->across);
}

static void
put_frame(struct canvas *canvas, size_t x, size_t y, struct size size)
{
    size_t right = x + size.width - 1, bottom = y + size.height - 1;

    put_across(canvas, x, y, size.width);
    put_across(canvas, x, bottom, size.width);
    for (size_t i = y + 1; i < bottom; i++) {
        put(canvas, x, i, canvas->signs->down);
        put(canvas, right, i, canvas->signs->down);
    }
    put(canvas, x, y, canvas->signs->corners[0]);
    put(canvas, right, y, canvas->signs->corners[1]);
    put(canvas, x, bottom, canvas->signs->corners[2]);
    put(canvas, right, bottom, canvas->signs->corners[3]);
}

static void draw(struct canvas *canvas, const struct topology *node, size_t x, size_t y, size_t width, unsigned depth);

/* The members side by side, hanging from the line at `y` - 1. */
static void
draw_members(struct canvas *canvas, const struct topology *node, size_t x, size_t y, size_t width, unsigned depth)
{
    struct size all = size_of_members(node, depth);

    x += (width - MIN(width, all.width)) / 2;
    for (guint i = 0; i < node->children->len; i++) {
        struct size size = size_of(node->children->pdata[i], depth + 1);

        draw(canvas, node->children->pdata[i], x, y, size.width, depth + 1);
        put(canvas, x + size.width / 2, y - 1, canvas->signs->tee_down);
        if (((const struct topology *)node->children->pdata[i])->kind >= TOPOLOGY_HOST)
            put(canvas, x + size.width / 2, y, canvas->signs->tee_up);
        x += size.width + GAP;
    }
}

static void
draw_lines(struct canvas *canvas, const GPtrArray *lines, size_t x, size_t y, size_t width)
{
    for (guint i = 0; i < lines->len; i++)
        put_text(canvas, x + (width - MIN(width, terminal_width(lines->pdata[i]))) / 2, y + i, lines->pdata[i]);
}

static void
draw_box(struct canvas *canvas, const struct topology *node, size_t x, size_t y, unsigned depth)
{
    struct size size = size_of(node, depth);
    g_autoptr(GPtrArray) lines = lines_of(node);
    g_autofree char *inside = topology_is_box(node) ? inside_of(node) : NULL;
    size_t below = y + 1 + lines->len;

    put_frame(canvas, x, y, size);
    draw_lines(canvas, lines, x + 1, y + 1, size.width - 2);
    if (!inside)
        return;
    put_across(canvas, x, below, size.width);
    put(canvas, x, below, canvas->signs->left);
    put(canvas, x + size.width - 1, below, canvas->signs->right);
    put_text(canvas, x + 2, below + 1, inside);
    if (node->children->len == 0)
        return;
    put_across(canvas, x + 2, below + 2, size.width - 4);
    draw_members(canvas, node, x + 2, below + 3, size.width - 4, depth);
}

static void
draw(struct canvas *canvas, const struct topology *node, size_t x, size_t y, size_t width, unsigned depth)
{
    if (node->kind == TOPOLOGY_INTERNET || node->kind == TOPOLOGY_LAN) {
        g_autofree char *heading = heading_of(node);

        put_text(canvas, x, y, heading);
        put_across(canvas, x, y + 1, width);
        draw_members(canvas, node, x, y + 2, width, depth);
    } else {
        draw_box(canvas, node, x, y, depth);
    }
}

static void
say_canvas(const struct canvas *canvas, GString *out)
{
    for (size_t y = 0; y < canvas->height; y++) {
        const gunichar *line = &canvas->cells[y * canvas->width];
        size_t width = canvas->width;

        while (width > 0 && line[width - 1] == ' ')
            width--;
        for (size_t x = 0; x < width; x++) {
            if (line[x])
                g_string_append_unichar(out, line[x]);
        }
        g_string_append_c(out, '\n');
    }
}

bool
topology_text(const struct topology *topology, size_t width, bool unicode, GString *out)
{
    struct canvas canvas = { .signs = unicode ? &drawn : &ascii, .height = 0 };
    size_t y = 0;

    for (guint i = 0; i < topology->children->len; i++) {
        struct size size = size_of(topology->children->pdata[i], 0);

        canvas.width = MAX(canvas.width, size.width);
        canvas.height += size.height + (i > 0);
    }
    if (canvas.width == 0 || canvas.width > width || canvas.height > HEIGHT_MOST)
        return false;
    canvas.cells = g_new(gunichar, canvas.width * canvas.height);
    for (size_t i = 0; i < canvas.width * canvas.height; i++)
        canvas.cells[i] = ' ';
    for (guint i = 0; i < topology->children->len; i++) {
        draw(&canvas, topology->children->pdata[i], 0, y, canvas.width, 0);
        y += size_of(topology->children->pdata[i], 0).height + 1;
    }
    say_canvas(&canvas, out);
    g_free(canvas.cells);
    return true;
}
