/* Writes JSON (RFC 8259) straight into a GString, with no tree in between.
 *
 * The caller opens and closes objects and arrays and puts values in; commas, line ends and escapes are done here.
 * `name` is the member's name inside an object and NULL inside an array and at the top. What is written depends on the
 * calls only: keys stand in the order of the calls, and no locale, pointer or time of day has a say.
 *
 * Text that is not UTF-8 has each wrong byte replaced by \ufffd. A double is written with 15 significant
 * digits, or the 16 or 17 that it takes to read back as the same number; NaN and the infinities, which JSON has not,
 * become null. */
#ifndef CORE_TRACE_JSON_H
#define CORE_TRACE_JSON_H

#include <glib.h>

#include "core/base/fields.h"

enum { JSON_DEPTH = 64 }; /* objects and arrays in each other, at most */

struct json {
    GString *out; /* borrowed; may be emptied between two calls */
    bool pretty;  /* each member on a line of its own, two spaces a level; otherwise no white space at all */
    unsigned depth;
    uint64_t filled; /* one bit a level: something stands there already */
};

static inline struct json
json_over(GString *out, bool pretty)
{
    return (struct json){ .out = out, .pretty = pretty };
}

void json_open_object(struct json *json, const char *name);
void json_close_object(struct json *json);
void json_open_array(struct json *json, const char *name);
void json_close_array(struct json *json);

void json_text(struct json *json, const char *name, struct span value);
void json_string(struct json *json, const char *name, const char *value); /* NULL is written as null */
void json_integer(struct json *json, const char *name, int64_t value);
/* A time or duration in nanoseconds as an exact decimal number of seconds: 0.0802. */
void json_time(struct json *json, const char *name, int64_t value);
void json_number(struct json *json, const char *name, double value);
void json_flag(struct json *json, const char *name, bool value);
void json_null(struct json *json, const char *name);

/* Appends `text` in quotation marks, escaped. */
void json_escape(struct span text, GString *out);

/* A sink that writes fields as members of the object that is open in `json`; bytes become hexadecimal digits, a group
 * an object. Good as long as `json`. */
struct json_fields {
    struct fields fields;
    struct json *json;
};

struct json_fields json_fields_over(struct json *json);

#endif
