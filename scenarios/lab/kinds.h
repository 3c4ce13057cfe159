/* All kinds of records that a simulated run can write: what lists of actions, reasons and sources are made from. */
#ifndef SCENARIOS_LAB_KINDS_H
#define SCENARIOS_LAB_KINDS_H

#include "core/base/journal.h"

/* In the order in which they are listed; ends with NULL. */
extern const struct record_kind *const lab_record_kinds[];

/* Their actions, each once; the list ends with NULL. The caller frees the array (g_free), not the words. */
const char **lab_record_actions(void);

#endif
