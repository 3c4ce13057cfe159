#include "scenarios/runner/story/svg.h"

#include <stdint.h>
#include <string.h>

/* Fonts that most machines have, and what they are taken for where there are none of them. */
#define SANS "'DejaVu Sans',Verdana,Helvetica,Arial,sans-serif"
#define MONO "'DejaVu Sans Mono',Menlo,Consolas,'Liberation Mono',monospace"

/* Colours that colour-blind people can tell apart (Okabe and Ito); good and bad differ in shape as well. */
static const struct { const char *name, *style; } classes[SVG_CLASSES] = {
    [SVG_TEXT] = { "t", "font:12px " SANS ";fill:#1b1f24" },
    [SVG_STRONG] = { "s", "font:bold 12px " SANS ";fill:#1b1f24" },
    [SVG_FAINT] = { "f", "font:11px " SANS ";fill:#5b6470" },
    [SVG_CODE] = { "c", "font:11px " MONO ";fill:#1b1f24" },
    [SVG_GOOD] = { "g", "font:12px " SANS ";fill:#00694e" },
    [SVG_BAD] = { "b", "font:bold 12px " SANS ";fill:#b03a00" },
    [SVG_WARM] = { "w", "font:italic 12px " SANS ";fill:#6b4e00" },
    [SVG_TITLE] = { "h", "font:bold 16px " SANS ";fill:#1b1f24" },
    [SVG_LABEL] = { "lb", "font:11px " MONO ";fill:#1b1f24;stroke:#fff;stroke-width:3px;paint-order:stroke" },
    [SVG_PLAIN_LINE] = { "pl", "stroke:#5b6470;stroke-width:1" },
    [SVG_LIFELINE] = { "ll", "stroke:#b4bcc6;stroke-width:1" },
    [SVG_ARROW] = { "a", "stroke:#0b5c92;stroke-width:1.6" },
    [SVG_ARROW_GOOD] = { "ag", "stroke:#00694e;stroke-width:1.6" },
    [SVG_ARROW_BAD] = { "ab", "stroke:#b03a00;stroke-width:1.6;stroke-dasharray:5 3" },
    [SVG_LINK] = { "l", "stroke:#5b6470;stroke-width:2" },
    [SVG_BOX] = { "bx", "fill:#ffffff;stroke:#1b1f24;stroke-width:1.2" },
    [SVG_HOST] = { "ho", "fill:#eef5fb;stroke:#0b5c92;stroke-width:1.4" },
    [SVG_NAT] = { "na", "fill:#fff3df;stroke:#a86400;stroke-width:1.6" },
    [SVG_FIREWALL] = { "fw", "fill:#fdebe3;stroke:#b03a00;stroke-width:1.6" },
    [SVG_ROUTER] = { "ro", "fill:#eef0f3;stroke:#5b6470;stroke-width:1.6" },
    [SVG_INSIDE] = { "in", "fill:#ffffff;stroke:#b4bcc6;stroke-width:1;stroke-dasharray:4 3" },
    [SVG_NET] = { "ne", "fill:#e4f2ec;stroke:#00694e;stroke-width:1.4" },
    [SVG_NOTE] = { "no", "fill:#fff8d6;stroke:#d9c66a;stroke-width:1" },
    [SVG_PILL] = { "pi", "fill:#fff3df;stroke:#a86400;stroke-width:.8" },
};

static bool
turns_text(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void
svg_escape(const char *text, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);

        if (c == '<')
            g_string_append(out, "&lt;");
        else if (c == '>')
            g_string_append(out, "&gt;");
        else if (c == '&')
            g_string_append(out, "&amp;");
        else if (c == '"')
            g_string_append(out, "&quot;");
        else if (c == '\'')
            g_string_append(out, "&#39;");
        else if (c == '\t')
            g_string_append_c(out, ' ');
        else if (c < 0x20 || (c >= 0x7f && c < 0xa0))
            g_string_append_printf(out, "\\x%02x", c);
        else if (turns_text(c) || (c & 0xfffe) == 0xfffe) /* the last two of each plane are no characters */
            g_string_append_printf(out, "\\u%04x", c);
        else
            g_string_append_unichar(out, c);
    }
}

void
svg_begin(GString *out, int width, int height, const char *title, const char *description)
{
    g_string_append_printf(out, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                           "viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"title desc\">\n<title id=\"title\">",
                           width, height, width, height);
    svg_escape(title, out);
    g_string_append(out, "</title>\n<desc id=\"desc\">");
    svg_escape(description, out);
    g_string_append(out, "</desc>\n<style>");
    for (int i = 0; i < SVG_CLASSES; i++)
        g_string_append_printf(out, ".%s{%s}", classes[i].name, classes[i].style);
    g_string_append_printf(out, "text{white-space:pre}</style>\n"
                           "<rect width=\"%d\" height=\"%d\" fill=\"#ffffff\"/>\n", width, height);
}

void
svg_end(GString *out)
{
    g_string_append(out, "</svg>\n");
}

void
svg_text(GString *out, int x, int y, enum svg_anchor anchor, enum svg_class look, const char *text)
{
    static const char *const anchors[] = { "", " text-anchor=\"middle\"", " text-anchor=\"end\"" };

    g_string_append_printf(out, "<text x=\"%d\" y=\"%d\" class=\"%s\"%s>", x, y, classes[look].name, anchors[anchor]);
    svg_escape(text, out);
    g_string_append(out, "</text>\n");
}

/* The head of an arrow is drawn by itself: markers are shown differently by what reads SVG. */
static void
draw_head(GString *out, int x, int y, bool right, enum svg_class look)
{
    const char *colour = look == SVG_ARROW_BAD ? "#b03a00" : look == SVG_ARROW_GOOD ? "#00694e" : "#0b5c92";
    int back = right ? x - 8 : x + 8;

    g_string_append_printf(out, "<polygon points=\"%d,%d %d,%d %d,%d\" fill=\"%s\"/>\n", x, y, back, y - 4, back, y + 4,
                           colour);
}

void
svg_line(GString *out, int x1, int y1, int x2, int y2, enum svg_class look)
{
    bool arrow = look == SVG_ARROW || look == SVG_ARROW_GOOD || look == SVG_ARROW_BAD;
    int end = !arrow ? x2 : x2 > x1 ? x2 - 7 : x2 + 7;

    g_string_append_printf(out, "<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" class=\"%s\"/>\n", x1, y1, end, y2,
                           classes[look].name);
    if (arrow)
        draw_head(out, x2, y2, x2 > x1, look);
}

void
svg_box(GString *out, int x, int y, int width, int height, int radius, enum svg_class look)
{
    g_string_append_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"%d\" class=\"%s\"/>\n", x, y,
                           width, height, radius, classes[look].name);
}

void
svg_cell(GString *out, int x, int y, int width, int height, const char *colour)
{
    g_string_append_printf(out, "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" fill=\"%s\" stroke=\"#ffffff\"/>\n", x,
                           y, width, height, colour);
}

void
svg_dot(GString *out, int x, int y, int radius, const char *colour, bool filled)
{
    g_string_append_printf(out, "<circle cx=\"%d\" cy=\"%d\" r=\"%d\" fill=\"%s\" stroke=\"%s\" stroke-width=\"1.6\"/>\n",
                           x, y, radius, filled ? colour : "#ffffff", colour);
}

void
svg_cross(GString *out, int x, int y, int size)
{
    g_string_append_printf(out, "<path d=\"M%d %dL%d %dM%d %dL%d %d\" stroke=\"#b03a00\" stroke-width=\"3\"/>\n", x - size,
                           y - size, x + size, y + size, x - size, y + size, x + size, y - size);
}

/* ---- widths */

/* Of one character, in thousandths of the font's size. */
static int
character_width(gunichar c, bool mono)
{
    if (mono)
        return c < 0x2e80 ? 605 : 1000;
    if (c >= 0x2e80)
        return 1050;
    if (c < 0x80 && strchr("iljI.,:;'|!()[] ", (int)c))
        return 390;
    if (c < 0x80 && strchr("mwMW@%", (int)c))
        return 990;
    return g_unichar_isupper(c) ? 720 : 620;
}

static int
width_of(const char *text, const char *end, enum svg_class look)
{
    int size = look == SVG_TITLE ? 16 : look == SVG_FAINT || look == SVG_CODE || look == SVG_LABEL ? SVG_FONT_SMALL : SVG_FONT;
    int64_t sum = 0;

    for (; text < end; text = g_utf8_next_char(text))
        sum += character_width(g_utf8_get_char(text), look == SVG_CODE || look == SVG_LABEL);
    if (look == SVG_STRONG || look == SVG_BAD || look == SVG_TITLE)
        sum += sum / 9;
    return (int)(MIN(sum, INT32_MAX) * size / 1000);
}

int
svg_width(const char *text, enum svg_class look)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    return width_of(valid, valid + strlen(valid), look);
}

/* The end of what fits into `width`: at a blank where there is one, at least one character. */
static const char *
fitting(const char *text, int width, enum svg_class look)
{
    const char *blank = NULL, *at = text;

    while (*at && width_of(text, g_utf8_next_char(at), look) <= width) {
        if (*at == ' ' && at > text)
            blank = at;
        at = g_utf8_next_char(at);
    }
    if (!*at || *at == ' ')
        return at;
    if (blank)
        return blank;
    return at > text ? at : g_utf8_next_char(at);
}

void
svg_broken(const char *text, int width, enum svg_class look, GPtrArray *lines)
{
    enum { TEXT_MOST = 4000 }; /* characters; the rest of a longer one is left out */
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    const char *at = valid;

    if (g_utf8_strlen(valid, -1) > TEXT_MOST)
        *g_utf8_offset_to_pointer(valid, TEXT_MOST) = '\0';
    while (*at) {
        const char *end = fitting(at, width, look);

        g_ptr_array_add(lines, g_strndup(at, (gsize)(end - at)));
        at = end;
        while (*at == ' ')
            at++;
    }
}

char *
svg_cut(const char *text, int width, enum svg_class look)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    const char *at = valid;

    if (width_of(valid, valid + strlen(valid), look) <= width)
        return g_strdup(valid);
    while (*at && width_of(valid, g_utf8_next_char(at), look) <= width - SVG_FONT)
        at = g_utf8_next_char(at);
    g_autofree char *head = g_strndup(valid, (gsize)(at - valid));
    return g_strconcat(head, "\xe2\x80\xa6", NULL);
}
