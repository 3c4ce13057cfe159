/* Writes SVG 1.1 straight into a GString: pictures with text as text, on a light ground, the same bytes everywhere.
 *
 * Coordinates are whole pixels. Text of others is escaped; what is not UTF-8 or a control character, which XML can't hold,
 * stands there as in svg_escape. Fonts are named by family only, so how wide a text is can be estimated and no more. */
#ifndef SCENARIOS_RUNNER_STORY_SVG_H
#define SCENARIOS_RUNNER_STORY_SVG_H

#include <glib.h>
#include <stdbool.h>

enum { SVG_FONT = 12, SVG_FONT_SMALL = 11, SVG_LINE = 16 }; /* sizes; from one line of text to the next */

enum svg_anchor { SVG_START, SVG_MIDDLE, SVG_END };

/* What there is to look at. Each is a class of the style sheet that svg_begin writes. */
enum svg_class {
    SVG_TEXT, SVG_STRONG, SVG_FAINT, SVG_CODE, SVG_GOOD, SVG_BAD, SVG_WARM, SVG_TITLE, SVG_LABEL, /* texts; a label has a rim of the ground around it */
    SVG_PLAIN_LINE, SVG_LIFELINE, SVG_ARROW, SVG_ARROW_GOOD, SVG_ARROW_BAD, SVG_LINK,  /* lines */
    SVG_BOX, SVG_HOST, SVG_NAT, SVG_FIREWALL, SVG_ROUTER, SVG_INSIDE, SVG_NET, SVG_NOTE, SVG_PILL, /* areas */
    SVG_CLASSES
};

/* The header; `description` is for those who can't see it. */
void svg_begin(GString *out, int width, int height, const char *title, const char *description);
void svg_end(GString *out);

void svg_text(GString *out, int x, int y, enum svg_anchor anchor, enum svg_class look, const char *text);
void svg_line(GString *out, int x1, int y1, int x2, int y2, enum svg_class look);
void svg_box(GString *out, int x, int y, int width, int height, int radius, enum svg_class look);
void svg_dot(GString *out, int x, int y, int radius, const char *colour, bool filled);
void svg_cross(GString *out, int x, int y, int size);
/* A box filled with a colour, "#a0b0c0": for heat maps. */
void svg_cell(GString *out, int x, int y, int width, int height, const char *colour);

/* Appends `text` so that XML can hold it: its own characters escaped, control characters and those that reorder text as
 * "\x1b", "\u202e", bytes that are no UTF-8 as U+FFFD. */
void svg_escape(const char *text, GString *out);

/* Roughly how many pixels `text` takes, rather more than fewer. */
int svg_width(const char *text, enum svg_class look);

/* Appends `text` to `lines` (char *), broken so that each takes about `width` pixels at most. */
void svg_broken(const char *text, int width, enum svg_class look, GPtrArray *lines);
/* A copy that takes about `width` pixels at most; what is longer ends with an ellipsis. The caller frees it. */
char *svg_cut(const char *text, int width, enum svg_class look);

#endif
