/* A sink for named fields: how a codec or a journal record tells programs what it holds.
 *
 * The one who has the fields calls these in the order in which a reader would want them; who listens (the JSON
 * writer, a page, a table for Lua) decides what becomes of them. Names are lower_case words; text need not be UTF-8. */
#ifndef CORE_BASE_FIELDS_H
#define CORE_BASE_FIELDS_H

#include "core/base/address.h"

struct fields {
    void (*number)(struct fields *fields, const char *name, int64_t value);
    void (*time)(struct fields *fields, const char *name, int64_t value); /* nanoseconds; people are told seconds */
    void (*flag)(struct fields *fields, const char *name, bool value);
    void (*text)(struct fields *fields, const char *name, struct span value);
    void (*bytes)(struct fields *fields, const char *name, struct span value);
    void (*open)(struct fields *fields, const char *name); /* a group of fields begins, until close */
    void (*close)(struct fields *fields);
};

static inline void
fields_number(struct fields *fields, const char *name, int64_t value)
{
    fields->number(fields, name, value);
}

/* A time or a duration in nanoseconds. */
static inline void
fields_time(struct fields *fields, const char *name, int64_t value)
{
    fields->time(fields, name, value);
}

static inline void
fields_text(struct fields *fields, const char *name, const char *value)
{
    fields->text(fields, name, span_of_text(value));
}

static inline void
fields_address(struct fields *fields, const char *name, struct address address)
{
    char text[ADDRESS_TEXT];

    fields_text(fields, name, address_format(address, text));
}

static inline void
fields_endpoint(struct fields *fields, const char *name, struct endpoint endpoint)
{
    char text[ENDPOINT_TEXT];

    fields_text(fields, name, endpoint_format(endpoint, text));
}

#endif
