/* What `--explain` needs while a scenario runs, and what it prints afterwards. */
#ifndef SCENARIOS_RUNNER_CLI_EXPLAIN_H
#define SCENARIOS_RUNNER_CLI_EXPLAIN_H

#include "scenarios/runner/cli/terminal.h"
#include "scenarios/runner/lua/scenario.h"
#include "scenarios/runner/story/story.h"

#define EXPLAIN_ERROR (explain_error_quark())
GQuark explain_error_quark(void);

/* Remembers between which records the script said what. */
struct explain;

/* Of everything, or with a packet's name ("A.3", neither NULL nor empty) of that one. */
struct explain *explain_new(const char *packet);
void explain_free(struct explain *explain);

/* From now on records are kept: between scenario_new and scenario_run. */
void explain_begin(struct explain *explain, struct scenario *scenario);

/* An interface that was made during the run: without traces nobody else tells the recorder what it is called. */
void explain_interface(struct explain *explain, const struct lab_interface *interface);

/* A note of the script's, as scenario_options.note tells it. */
void explain_note(struct explain *explain, int64_t at, const char *text);

/* What was kept, as a story without remarks; `records` is filled and carries it, together with the scenario. */
struct story explain_story(const struct explain *explain, GPtrArray *records);

/* Appends the ladder of the run as a picture. */
void explain_svg(const struct explain *explain, const char *title, GString *out);

/* Appends the story of the run as a ladder, or the packet's whole way, `width` characters wide (ladder_text.h). False with
 * an error when there is no such packet. */
bool explain_print(const struct explain *explain, const struct terminal *terminal, unsigned width, GString *out,
                   GError **error);

#endif
