/* Values that are told once and then named by their numbers, so that a page of thousands of records stays small. */
#ifndef SCENARIOS_RUNNER_STORY_POOL_H
#define SCENARIOS_RUNNER_STORY_POOL_H

#include <glib.h>
#include <json-glib/json-glib.h>

#include "core/base/span.h"

struct pool;

struct pool *pool_new(void);
void pool_free(struct pool *pool);

/* The number of a value, given as JSON; made when it is new. */
guint pool_json(struct pool *pool, const char *json, gsize length);
guint pool_text(struct pool *pool, struct span text);
/* Whole numbers that a double does not hold exactly become texts: the page's numbers are doubles. */
guint pool_number(struct pool *pool, gint64 number);
guint pool_node(struct pool *pool, JsonNode *node);

/* The number of a list of names, which are numbers of values; likewise. */
guint pool_shape(struct pool *pool, const GArray *names /* guint */);

/* Writes the values, and the shapes, as JSON lists. */
void pool_values_json(const struct pool *pool, GString *out);
void pool_shapes_json(const struct pool *pool, GString *out);

#endif
