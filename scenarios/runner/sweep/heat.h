/* A matrix as a picture: a cell a combination, coloured by its share, from orange (0) over grey to blue (1), which colour-blind
 * people can tell apart; the value stands in it as text. */
#ifndef SCENARIOS_RUNNER_SWEEP_HEAT_H
#define SCENARIOS_RUNNER_SWEEP_HEAT_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

enum heat_kind { HEAT_SHARE, HEAT_OTHER, HEAT_ERROR };

struct heat_cell {
    enum heat_kind kind;
    double share; /* of HEAT_SHARE: 0 to 1 */
    char *text;
};

/* Texts are borrowed. Row and column names are what stands at the side and above; `cells` go row by row. */
struct heat {
    const char *title, *row_title, *column_title;
    const GPtrArray *rows, *columns; /* const char * */
    const struct heat_cell *cells;
};

void heat_svg(const struct heat *heat, GString *out);

#endif
