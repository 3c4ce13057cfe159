/* Where scenarios are: SCENARIO on the command line is a path, or the name of one that ships.
 *
 * Names are looked for in the first of these folders that exists: $PUNCHLAB_SCENARIOS; "scenarios" beside the folder of
 * the program (as in a build tree); ../share/punchlab/scenarios from there; the folder compiled in. */
#ifndef SCENARIOS_RUNNER_CLI_FIND_H
#define SCENARIOS_RUNNER_CLI_FIND_H

#include <glib.h>
#include <stdbool.h>

#define FIND_ERROR (find_error_quark())
GQuark find_error_quark(void);

/* The file and the name of a scenario, both to be freed. The name is "situations/symmetric-both" for one that ships, by
 * whatever path it was found, else the file's name without ".lua". False with an error that names the nearest. */
bool find_scenario(const char *word, char **path, char **name, GError **error);

/* The folder with the scenarios that ship, to be freed; NULL when there is none. */
char *find_shipped_folder(void);

/* What is said then. */
#define FIND_NO_FOLDER                                                                                                 \
    "the folder with the scenarios that ship is not where this program looks for it; set PUNCHLAB_SCENARIOS to it"

/* The names of all in `folder`, sorted by bytes, ending with NULL. */
char **find_shipped(const char *folder);

#endif
