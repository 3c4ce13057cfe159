/* The forms of packets: a packet's bytes, decoded, once for each time that something has changed them.
 *
 * A form is a shape (the names of its fields, in order) and a value for each. A field's name is its path:
 * "UDP/source_port". A packet changes little on its way, so most forms are told as what differs from the packet's first. */
#ifndef SCENARIOS_RUNNER_STORY_FORMS_H
#define SCENARIOS_RUNNER_STORY_FORMS_H

#include <glib.h>

#include "core/base/span.h"
#include "scenarios/runner/story/pool.h"

struct forms;

/* Values and shapes go into `pool`, which is borrowed. */
struct forms *forms_new(struct pool *pool);
void forms_free(struct forms *forms);

/* The number of the form that packet number `packet` has with these bytes, counted from 0; made when it is new. The bytes
 * are borrowed as long as the forms. */
guint forms_of(struct forms *forms, guint packet, struct span bytes);

/* Writes the list of all as JSON. A form is [shape, value, ...]; or, as what differs from an earlier one,
 * [-1 - that one's number, place, value, place, value, ...]. The first two values are its protocol and its summary. */
void forms_json(const struct forms *forms, GString *out);

#endif
