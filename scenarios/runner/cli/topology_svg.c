/* Each thing's size is found first, from the inside out; then it is drawn, from the outside in.
 *
 * A network is a bar with its members below it, each on its link. A box has its outside at its upper edge, and below
 * its name an area, its inside, which holds a bar again. */
#include "scenarios/runner/cli/topology.h"
#include "scenarios/runner/story/svg.h"

enum {
    MARGIN = 16, GAP = 18, LINK = 34, BAR = 30, HOST = 50, HEADER = 56, PAD = 12, WIDTH_LEAST = 96, TEXT_MOST = 300,
    MEMBERS_MOST = 12, /* of one network; more are counted, not drawn */
    DEPTH_MOST = 12,   /* of boxes in each other; what is further inside is counted too */
};

struct size {
    int width, height;
};

static char *
label_of(const struct topology *node)
{
    static const char *const kinds[] = {
        [TOPOLOGY_INTERNET] = "", [TOPOLOGY_LAN] = "", [TOPOLOGY_HOST] = "", [TOPOLOGY_ROUTER] = "router",
        [TOPOLOGY_NAT] = "NAT", [TOPOLOGY_FIREWALL] = "firewall",
    };

    if (!*kinds[node->kind])
        return g_strdup(node->name);
    return g_strdup_printf("%s  (%s%s%s)", node->name, kinds[node->kind], *node->type ? ": " : "", node->type);
}

static char *
rest_text(guint count)
{
    return g_strdup_printf("and %u more", count);
}

static int
text_width(const char *text, enum svg_class look)
{
    return MIN(svg_width(text, look), TEXT_MOST);
}

/* ---- sizes */

static struct size size_of(const struct topology *node, unsigned depth);

static guint
drawn_members(const struct topology *node, unsigned depth)
{
    return depth >= DEPTH_MOST ? 0 : MIN(node->children->len, MEMBERS_MOST);
}

/* Of the members side by side, with the links above them. */
static struct size
size_of_members(const struct topology *node, unsigned depth)
{
    guint drawn = drawn_members(node, depth);
    struct size size = { 0, 0 };

    for (guint i = 0; i < drawn; i++) {
        struct size member = size_of(node->children->pdata[i], depth + 1);

        size.width += member.width + (i > 0 ? GAP : 0);
        size.height = MAX(size.height, member.height);
    }
    if (drawn < node->children->len) {
        g_autofree char *rest = rest_text(node->children->len - drawn);

        size.width += GAP + svg_width(rest, SVG_FAINT);
    }
    return (struct size){ size.width, size.height > 0 ? size.height + LINK : 0 };
}

static struct size
size_of(const struct topology *node, unsigned depth)
{
    struct size members = size_of_members(node, depth);
    g_autofree char *label = label_of(node);
    int width = MAX(text_width(label, SVG_STRONG), text_width(node->outside, SVG_CODE)) + 2 * PAD;

    width = MAX(MAX(width, text_width(node->also, SVG_FAINT) + 2 * PAD), WIDTH_LEAST);
    if (node->kind == TOPOLOGY_HOST)
        return (struct size){ width, HOST + (*node->also ? SVG_LINE : 0) };
    if (!topology_is_box(node)) { /* a network: its name, and its prefixes behind it */
        width = text_width(label, SVG_STRONG) + text_width(node->outside, SVG_CODE) + text_width(node->link, SVG_FAINT) +
                4 * PAD;
        return (struct size){ MAX(MAX(width, members.width), WIDTH_LEAST), BAR + members.height };
    }
    width = MAX(width, MAX(members.width, text_width(node->inside, SVG_CODE) + 70) + 4 * PAD);
    return (struct size){ width, HEADER + (*node->also ? SVG_LINE : 0) + BAR + members.height + 2 * PAD };
}

/* ---- drawing */

static void draw(const struct topology *node, int x, int y, int width, unsigned depth, GString *out);

/* The members below a bar that lies at `y` and is `width` wide, in its middle. */
static void
draw_members(const struct topology *node, int x, int y, int width, unsigned depth, GString *out)
{
    guint drawn = drawn_members(node, depth);
    struct size all = size_of_members(node, depth);

    x += (width - all.width) / 2;
    for (guint i = 0; i < drawn; i++) {
        const struct topology *member = node->children->pdata[i];
        struct size size = size_of(member, depth + 1);
        int middle = x + size.width / 2;

        svg_line(out, middle, y, middle, y + LINK, SVG_LINK);
        if (*member->link && (member->kind == TOPOLOGY_HOST || topology_is_box(member))) {
            g_autofree char *link = svg_cut(member->link, size.width / 2 + GAP / 2, SVG_FAINT);

            svg_text(out, middle + 6, y + 20, SVG_START, SVG_FAINT, link);
        }
        draw(member, x, y + LINK, size.width, depth + 1, out);
        x += size.width + GAP;
    }
    if (drawn < node->children->len) {
        g_autofree char *rest = rest_text(node->children->len - drawn);

        svg_text(out, x, y + LINK, SVG_START, SVG_FAINT, rest);
    }
}

static void
draw_text(int x, int y, int width, enum svg_class look, const char *text, GString *out)
{
    g_autofree char *cut = svg_cut(text, width - PAD, look);

    svg_text(out, x + width / 2, y, SVG_MIDDLE, look, cut);
}

static void
draw_host(const struct topology *node, int x, int y, int width, GString *out)
{
    svg_box(out, x, y, width, HOST + (*node->also ? SVG_LINE : 0), 6, SVG_HOST);
    draw_text(x, y + 20, width, SVG_STRONG, node->name, out);
    draw_text(x, y + 38, width, SVG_CODE, node->outside, out);
    if (*node->also)
        draw_text(x, y + 54, width, SVG_FAINT, node->also, out);
}

static void
draw_network(const struct topology *node, int x, int y, int width, unsigned depth, GString *out)
{
    g_autofree char *link = *node->link ? g_strdup_printf("links: %s", node->link) : g_strdup("");
    g_autofree char *text = g_strdup_printf("%s%s%s", node->name, *node->outside ? "   " : "", node->outside);

    svg_box(out, x, y, width, BAR, BAR / 2, SVG_NET);
    if (*link) {
        svg_text(out, x + width - BAR / 2, y + 20, SVG_END, SVG_FAINT, link);
        g_autofree char *cut = svg_cut(text, width - BAR - svg_width(link, SVG_FAINT), SVG_STRONG);
        svg_text(out, x + BAR / 2, y + 20, SVG_START, SVG_STRONG, cut);
    } else {
        draw_text(x, y + 20, width, SVG_STRONG, text, out);
    }
    draw_members(node, x, y + BAR, width, depth, out);
}

static void
draw_box(const struct topology *node, int x, int y, int width, unsigned depth, GString *out)
{
    static const enum svg_class looks[] = {
        [TOPOLOGY_ROUTER] = SVG_ROUTER, [TOPOLOGY_NAT] = SVG_NAT, [TOPOLOGY_FIREWALL] = SVG_FIREWALL,
    };
    struct size members = size_of_members(node, depth), all = size_of(node, depth);
    g_autofree char *label = label_of(node), *inside = g_strdup_printf("inside  %s", node->inside);
    int inner = y + HEADER - 6 + (*node->also ? SVG_LINE : 0);

    svg_box(out, x, y, width, all.height, 8, looks[node->kind]);
    draw_text(x, y + 18, width, SVG_CODE, node->outside, out);
    draw_text(x, y + 38, width, SVG_STRONG, label, out);
    if (*node->also)
        draw_text(x, y + 52, width, SVG_FAINT, node->also, out);
    svg_box(out, x + PAD, inner, width - 2 * PAD, BAR + members.height + PAD, 6, SVG_INSIDE);
    svg_text(out, x + 2 * PAD, inner + 18, SVG_START, SVG_CODE, inside);
    if (members.height > 0)
        svg_line(out, x + 2 * PAD, inner + BAR - 4, x + width - 2 * PAD, inner + BAR - 4, SVG_LINK);
    draw_members(node, x + PAD, inner + BAR - 4, width - 2 * PAD, depth, out);
}

static void
draw(const struct topology *node, int x, int y, int width, unsigned depth, GString *out)
{
    if (node->kind == TOPOLOGY_HOST)
        draw_host(node, x, y, width, out);
    else if (topology_is_box(node))
        draw_box(node, x, y, width, depth, out);
    else
        draw_network(node, x, y, width, depth, out);
}

void
topology_svg(const struct topology *topology, const char *title, GString *out)
{
    int width = 0, y = MARGIN + 36, height = y;

    for (guint i = 0; i < topology->children->len; i++) {
        struct size size = size_of(topology->children->pdata[i], 0);

        width = MAX(width, size.width);
        height += size.height + GAP;
    }
    width = MAX(width, 320);
    svg_begin(out, width + 2 * MARGIN, height, title, "A drawing of the network: boxes with what is inside of them, below "
              "the internet.");
    g_autofree char *heading = svg_cut(title, width, SVG_TITLE);
    svg_text(out, MARGIN, MARGIN + 14, SVG_START, SVG_TITLE, heading);
    for (guint i = 0; i < topology->children->len; i++) {
        const struct topology *root = topology->children->pdata[i];

        draw(root, MARGIN, y, width, 0, out);
        y += size_of(root, 0).height + GAP;
    }
    svg_end(out);
}
