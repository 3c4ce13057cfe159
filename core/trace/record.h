/* A journal record for programs: what all records have in common, and then what its kind alone knows. */
#ifndef CORE_TRACE_RECORD_H
#define CORE_TRACE_RECORD_H

#include "core/base/journal.h"

/* Tells `out` the fields of `record`, in this order; what does not apply is left out.
 *
 *     at          nanoseconds since the world began
 *     node        who decided
 *     kind        record_kind's name
 *     action      record_kind's action: "sent", "dropped", ...
 *     packet      "A.3"
 *     cause       the packet that was being handled
 *     protocol    "udp", or its number as text
 *     from, to    the ends of the flow as it came: "10.0.0.2:5000", a bare address where there is no port
 *     after_from, after_to     as it went on, each only where it differs
 *     size, ttl   of the packet: bytes, and as it came
 *     verdict     "pass", "mine", "drop", "held"
 *     reason      of a drop: the word, "filtered"
 *     source      the section of an RFC behind it: the reason's, else the kind's
 *     ...         the kind's own fields, which must have other names; a kind with a use for `rule` tells it there
 *     text        the sentence
 *
 * `said` is the sentence where the caller has it already; NULL to say it here. */
void record_fields(const struct record *record, const struct names *names, const GString *said, struct fields *out);

/* "pass", ...; NULL for VERDICT_NONE. */
const char *verdict_word(enum verdict verdict);

#endif
