/* Which interfaces of a lab are traced, and into what.
 *
 * All that stand when the run begins, and all that are made during it: of all nodes, or of some. */
#ifndef SCENARIOS_RUNNER_CLI_TRACES_H
#define SCENARIOS_RUNNER_CLI_TRACES_H

#include "core/trace/tracer.h"
#include "scenarios/runner/lua/scenario.h"

#define TRACES_ERROR (traces_error_quark())
GQuark traces_error_quark(void);

struct traces;

/* Opens `folder` and traces the nodes called `nodes` (GPtrArray of names); without them those of lab.capture, and
 * without that all. The scenario has not run yet, and outlives this. NULL with an error that names the nearest node, or
 * what can't be written. */
struct traces *traces_open(struct scenario *scenario, const char *folder, const GPtrArray *nodes, GError **error);

/* An interface that was made during the run. */
void traces_add(struct traces *traces, const struct lab_interface *interface);

/* Whether something has gone wrong that the close will tell. */
bool traces_failed(const struct traces *traces);

/* Completes all files. False with the first thing that went wrong since traces_open. */
bool traces_close(struct traces *traces, GError **error);

/* After the close: as tracer_files. */
const struct trace_file *traces_files(const struct traces *traces, size_t *count);

/* After the close: what the trace of an interface is called, or, with `far`, of the internet's end of its link. False when
 * it is not traced. */
bool traces_find(const struct traces *traces, const struct lab_interface *interface, bool far,
                 struct trace_interface *found);

void traces_free(struct traces *traces);
typedef struct traces traces;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(traces, traces_free)

#endif
