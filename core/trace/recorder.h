/* The recorder: who listens to a world's journal, and who knows the names.
 *
 * A world has one recorder, made when somebody first asks and owned by the world. It hands each record to its listeners
 * (a tracer, a watch) in the order in which they came, and keeps records when told to. While nobody listens and nothing
 * is kept it is not installed: world->journal is NULL and a decision costs one branch. It installs itself and takes
 * itself out; nobody else may set world->journal then. */
#ifndef CORE_TRACE_RECORDER_H
#define CORE_TRACE_RECORDER_H

#include "core/sim/world.h"

struct recorder;

struct recorder *world_recorder(struct world *world);

/* --- listening -------------------------------------------------------------------------------------------------- */

/* The record is borrowed for the call. A listener must change nothing in the world: the one who decides is in the midst
 * of it. It may add and remove listeners, itself too; who is added hears from the next record on. */
typedef void recorder_listener(void *user, const struct record *record);

void recorder_listen(struct recorder *recorder, recorder_listener *listener, void *user);
/* Takes out what recorder_listen added with the same two; nothing when it is not there. */
void recorder_unlisten(struct recorder *recorder, recorder_listener *listener, void *user);

/* --- keeping ---------------------------------------------------------------------------------------------------- */

/* Whether records are kept from now on. What was kept stays. */
void recorder_keep(struct recorder *recorder, bool keep);

/* The kept records, in order of time: for (i = 0; i < recorder_count(r); i++) recorder_at(r, i). A pointer stays good
 * as long as the world. */
size_t recorder_count(const struct recorder *recorder);
const struct record *recorder_at(const struct recorder *recorder, size_t index);

/* --- names ------------------------------------------------------------------------------------------------------ */

/* For `say` and `fields`: the world's nodes by their names, "lab" for number 0, the experimenter; interfaces by the
 * labels given here, or else by the node they belong to. What it returns is good as long as the node or the label. */
const struct names *recorder_names(const struct recorder *recorder);

/* Calls an interface (port->interface) "A-natA" from now on; `label` is copied. */
void recorder_label(struct recorder *recorder, uint32_t interface, const char *label);

#endif
