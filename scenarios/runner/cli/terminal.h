/* What the program prints, and to whom.
 *
 * People at a terminal get colours (unless NO_COLOR is set, https://no-color.org), signs and lines broken to its width;
 * a file or a pipe gets plain lines. Standard output is buffered as a whole: whether it could be written is known at
 * terminal_end, and nothing that failed there goes unsaid. */
#ifndef SCENARIOS_RUNNER_CLI_TERMINAL_H
#define SCENARIOS_RUNNER_CLI_TERMINAL_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

enum terminal_style { STYLE_PLAIN, STYLE_STRONG, STYLE_FAINT, STYLE_GOOD, STYLE_BAD, STYLE_WARM };

struct terminal {
    bool interactive; /* people look at it as it comes */
    bool colour;
    bool unicode;     /* a terminal that shows UTF-8 */
    unsigned columns; /* 0: lines are not broken */
};

/* Once, before anything is opened or printed: standard streams that are closed are put on /dev/null, so that no trace
 * file takes their number, and a reader who goes away is an error instead of a signal. */
void terminal_begin(void);

/* Flushes standard output; false, having said so on standard error, when any of it could not be written. */
bool terminal_end(void);

struct terminal terminal_of(FILE *stream);

/* Appends `text` in this style. */
void terminal_styled(const struct terminal *terminal, enum terminal_style style, const char *text, GString *out);

/* Appends text of others (a script, a packet): UTF-8 without control characters, which stand there as "\x1b", and
 * without those that reorder text ("\u202e"); a tab becomes a blank. */
void terminal_safe(const char *text, GString *out);

/* The same for text of several lines, which keeps its line ends. */
void terminal_safe_lines(const char *text, GString *out);

/* Columns that a character takes: two for the wide ones of East Asia, none for those that go onto the one before. */
size_t terminal_character_width(gunichar c);
/* Columns that UTF-8 text takes. */
size_t terminal_width(const char *text);

/* The bytes of `text` that fit into `columns`, cut at a blank where there is one. */
size_t terminal_fitting(const char *text, size_t columns);

/* Appends `text` to `lines` (char *), broken so that none is wider than `width`; 0: not broken. At least one line. */
void terminal_broken(const char *text, size_t width, GPtrArray *lines);

/* A copy that takes at most `width` columns: what is longer ends with "~". The caller frees it. */
char *terminal_cut(const char *text, size_t width);

/* Appends blanks up to `column` if `text`, just written, is narrower. */
void terminal_pad(const char *text, size_t column, GString *out);

#endif
