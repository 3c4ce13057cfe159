/* report.json: what a run was, what it reported, and where its traces are.
 *
 * Its members are a contract (docs/guide); their order is the one in which a person reads. Times are seconds
 * since the world began, as in journal.jsonl. Always sent = delivered + all of dropped +
 * under_way.
 *
 *     format              1
 *     scenario, title, seed, params
 *     results             in the order in which they were first set
 *     expectations        [{text, ok, at, line}]
 *     notes               [{at, text}]
 *     ended               done, stuck, stop, until or error
 *     waiting             [{task, line, on}]: foreground tasks that were left waiting
 *     error               null, or {message, file, line}; file is null when it is none of the file's
 *     virtual_seconds
 *     packets             {sent, delivered, dropped: {reason: count, those that are not 0}, under_way}
 *     nats                {name: {mappings: [{protocol, internal, external, peers, expires}], counters: {}}}
 *     files               [{path, node, network, packets}]; node and network are null for all.pcapng
 *     about               what the scenario says of itself, or null
 *     topology            what stood where, and what of that changed: see report_topology.c */
#ifndef SCENARIOS_RUNNER_CLI_REPORT_H
#define SCENARIOS_RUNNER_CLI_REPORT_H

#include "core/trace/json.h"
#include "core/trace/tracer.h"
#include "scenarios/runner/cli/traces.h"
#include "scenarios/runner/lua/scenario.h"

/* What the scenario does not know of itself. */
struct report_about {
    const char *name; /* of the scenario, as it is called on the command line */
    uint64_t seed;
    const struct trace_file *files;
    size_t file_count;
    const struct traces *traces; /* closed; NULL: nothing was traced */
    bool unwritten; /* report.json itself could not be written */
};

/* Writes the member `topology` of a lab. */
void report_topology(struct json *json, const struct lab *lab, const struct traces *traces);

/* Appends the report of a scenario that has run (or whose file raised an error), with a line end. */
void report_json(const struct scenario *scenario, const struct report_about *about, GString *out);

/* Writes `text` as report.json into a run's folder. */
bool report_write(const char *folder, const GString *text, GError **error);

/* A result, a parameter, a list of them. */
void report_value(struct json *json, const char *name, const struct value *value);

#endif
