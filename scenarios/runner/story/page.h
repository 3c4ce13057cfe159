/* The page of a finished run: report.html, one file that needs nothing else, neither a server nor a network.
 *
 * What is in it: the frame, the style and the program that stand in the folder page/ of the tree, and the run's data as
 * JSON. Names, texts and bytes in it are what a script or a peer has chosen: the JSON is escaped so that no browser takes
 * any of it for markup, the program shows it as text only, and the page's policy lets it run nothing but its own program,
 * which is named by its hash, and load nothing at all.
 *
 * The data, as page/page-data.js reads it:
 *
 *     run         report.json without its results of NATs and its files
 *     window      {from, to, packets, of, records}: nanoseconds (to is null when it ends with the run), how many packets
 *                 are shown, of how many, and how many records stand before the window and are told for what they left
 *     values      all values, once: what follows names them by their places
 *     shapes      lists of names, which are values
 *     records     [at in nanoseconds, packet or -1, shape, value, ...]. In "text", \u0001 and a letter stand for the
 *                 record's own value number letter - 'A'
 *     packets     their names
 *     interfaces  their names in all.pcapng
 *     forms       see forms.h
 *     copies      numbers by five: nanoseconds since the one before, interface, 1 for out, packet, form */
#ifndef SCENARIOS_RUNNER_STORY_PAGE_H
#define SCENARIOS_RUNNER_STORY_PAGE_H

#include "scenarios/runner/story/finished.h"

/* Appends the data. */
void page_data(const struct finished_run *run, GString *out);

/* Appends the whole page. */
void page_html(const struct finished_run *run, GString *out);

/* Reads the run in `folder` and writes report.html there. False with an error; no half of a page is left then. */
bool page_write(const char *folder, const struct finished_window *window, GError **error);

/* What the Makefile makes of the folder page/. Each ends with a NUL. */
extern const char page_file_html[], page_file_css[], page_file_js[];

#endif
