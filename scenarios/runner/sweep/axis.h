/* An axis of a sweep: a parameter and the values it takes. */
#ifndef SCENARIOS_RUNNER_SWEEP_AXIS_H
#define SCENARIOS_RUNNER_SWEEP_AXIS_H

#include "scenarios/runner/lua/scenario.h"

#define AXIS_ERROR (axis_error_quark())
GQuark axis_error_quark(void);

struct axis {
    char *name;
    GPtrArray *values; /* char *, as one would write them after --set NAME= */
};

void axis_free(struct axis *axis);
typedef struct axis axis;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(axis, axis_free)

/* "k=v1,v2", or "k": then the parameter's own {values}; for one whose default names a kind of NAT, none and the four
 * classic presets; for a boolean, false and true. NULL with an error that names what is accepted. `parameters` are
 * those of the scenario. */
struct axis *axis_parse(const char *option, const char *text, const GPtrArray *parameters, GError **error);

/* With one value, as it stands. */
struct axis *axis_of_one(const char *name, const char *value);

/* The parameter of this name, or NULL. */
const struct scenario_parameter *axis_parameter(const GPtrArray *parameters, const char *name);

#endif
