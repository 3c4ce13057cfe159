#include "scenarios/runner/story/payload.h"

#include <string.h>

#include "scenarios/runner/story/decode.h"

enum { BYTES_SHOWN = 32, LINES_COMPARED = 2000, FIELDS_COMPARED = 1000 };

void
payload_change_free(struct payload_change *change)
{
    g_free(change->what);
    g_free(change->before);
    g_free(change->after);
    g_free(change);
}

/* Takes over the three texts. */
static void
add(GPtrArray *changes, guint first, char *what, char *before, char *after)
{
    struct payload_change *change;

    if (changes->len - first >= PAYLOAD_CHANGES_MAX) {
        g_free(what);
        g_free(before);
        g_free(after);
        return;
    }
    change = g_new(struct payload_change, 1);
    *change = (struct payload_change){ what, before, after };
    if (changes->len - first == PAYLOAD_CHANGES_MAX - 1) {
        g_free(change->what);
        change->what = g_strdup("and more");
    }
    g_ptr_array_add(changes, change);
}

/* ---- fields as a list of names and values */

struct listing {
    struct fields fields;
    GString *path;    /* of the group at hand: "xor_mapped_address." */
    GPtrArray *names; /* char * */
    GPtrArray *values;
};

static void
list(struct fields *fields, const char *name, char *value)
{
    struct listing *listing = (struct listing *)fields;
    bool whole = strcmp(listing->path->str, "Data.") == 0 || strcmp(listing->path->str, "Message.") == 0;

    if (whole || listing->names->len == FIELDS_COMPARED) { /* the data itself is compared by lines or bytes */
        g_free(value);
        return;
    }
    char *path = g_strconcat(listing->path->str, name, NULL), *dot = strchr(path, '.');
    if (dot)
        *dot = ' '; /* "STUN xor_mapped_address" */
    g_ptr_array_add(listing->names, path);
    g_ptr_array_add(listing->values, value);
}

static void
list_number(struct fields *fields, const char *name, int64_t value)
{
    list(fields, name, g_strdup_printf("%" G_GINT64_FORMAT, value));
}

static void
list_flag(struct fields *fields, const char *name, bool value)
{
    list(fields, name, g_strdup(value ? "true" : "false"));
}

static void
list_text(struct fields *fields, const char *name, struct span value)
{
    list(fields, name, g_utf8_make_valid((const char *)value.bytes, (gssize)value.length));
}

static char *
hexadecimal(struct span bytes)
{
    GString *out = g_string_new(NULL);

    for (size_t i = 0; i < MIN(bytes.length, BYTES_SHOWN); i++)
        g_string_append_printf(out, "%02x", bytes.bytes[i]);
    if (bytes.length > BYTES_SHOWN)
        g_string_append(out, "...");
    return g_string_free(out, FALSE);
}

static void
list_bytes(struct fields *fields, const char *name, struct span value)
{
    list(fields, name, hexadecimal(value));
}

static void
list_open(struct fields *fields, const char *name)
{
    g_string_append_printf(((struct listing *)fields)->path, "%s.", name);
}

static void
list_close(struct fields *fields)
{
    GString *path = ((struct listing *)fields)->path;

    if (path->len > 0)
        g_string_truncate(path, path->len - 1);
    while (path->len > 0 && path->str[path->len - 1] != '.')
        g_string_truncate(path, path->len - 1);
}

static struct listing
listing_of(const struct flow *flow, struct span data)
{
    g_autoptr(GString) summary = g_string_new(NULL);
    struct listing listing = {
        .fields = { list_number, list_number, list_flag, list_text, list_bytes, list_open, list_close },
        .path = g_string_new(NULL),
        .names = g_ptr_array_new_with_free_func(g_free),
        .values = g_ptr_array_new_with_free_func(g_free),
    };

    struct decoding decoding = {
        .out = &listing.fields, .summary = summary, .flow = *flow, .stream = flow->protocol == PROTOCOL_TCP,
    };
    decode_data(&decoding, data);
    return listing;
}

static void
listing_clear(struct listing *listing)
{
    g_string_free(listing->path, TRUE);
    g_ptr_array_unref(listing->names);
    g_ptr_array_unref(listing->values);
}

/* The place of the same field in the other message: a name that stands there several times is counted. */
static int
counterpart(const struct listing *listing, guint place, const struct listing *other)
{
    unsigned which = 0;

    for (guint i = 0; i < place; i++)
        which += strcmp(listing->names->pdata[i], listing->names->pdata[place]) == 0;
    for (guint i = 0; i < other->names->len; i++) {
        if (strcmp(other->names->pdata[i], listing->names->pdata[place]) == 0 && which-- == 0)
            return (int)i;
    }
    return -1;
}

static void
compare_listings(const struct listing *before, const struct listing *after, GPtrArray *changes)
{
    guint first = changes->len;

    for (guint i = 0; i < before->names->len; i++) {
        int other = counterpart(before, i, after);
        const char *old = before->values->pdata[i], *new = other < 0 ? "" : after->values->pdata[other];

        if (other < 0 || strcmp(old, new) != 0)
            add(changes, first, g_strdup(before->names->pdata[i]), g_strdup(old), g_strdup(new));
    }
    for (guint i = 0; i < after->names->len; i++) {
        if (counterpart(after, i, before) < 0)
            add(changes, first, g_strdup(after->names->pdata[i]), g_strdup(""),
                g_strdup(after->values->pdata[i]));
    }
}

static void
compare_fields(const struct flow *flow, struct span before, struct span after, GPtrArray *changes)
{
    struct listing left = listing_of(flow, before), right = listing_of(flow, after);

    compare_listings(&left, &right, changes);
    listing_clear(&left);
    listing_clear(&right);
}

/* ---- text, line by line */

static bool
is_text(struct span data)
{
    if (data.length == 0 || !g_utf8_validate((const char *)data.bytes, (gssize)data.length, NULL))
        return false;
    for (size_t i = 0; i < data.length; i++) {
        if (data.bytes[i] < ' ' && data.bytes[i] != '\n' && data.bytes[i] != '\r' && data.bytes[i] != '\t')
            return false;
    }
    return true;
}

static char **
lines_of(struct span data)
{
    g_autofree char *copy = g_strndup((const char *)data.bytes, data.length);
    char **lines = g_strsplit(copy, "\n", LINES_COMPARED);

    for (char **line = lines; *line; line++)
        g_strchomp(*line);
    return lines;
}

/* How far on in `lines` a line like this stands; -1: nowhere near. */
static int
ahead(char **lines, const char *line)
{
    enum { NEAR = 64 };

    for (int i = 0; i < NEAR && lines[i]; i++) {
        if (strcmp(lines[i], line) == 0)
            return i;
    }
    return -1;
}

static void
compare_text(struct span before, struct span after, GPtrArray *changes)
{
    g_auto(GStrv) old_lines = lines_of(before);
    g_auto(GStrv) new_lines = lines_of(after);
    char **old = old_lines, **new = new_lines;
    guint first = changes->len;
    unsigned number = 1;

    while (*old || *new) {
        if (*old && *new && strcmp(*old, *new) == 0) {
            old++, new++, number++;
        } else if (*new && *old && ahead(old, *new) > 0 && ahead(new, *old) < 0) {
            add(changes, first, g_strdup_printf("line %u", number++), g_strdup(*old++), g_strdup(""));
        } else if (*new && (!*old || ahead(new, *old) > 0)) {
            add(changes, first, g_strdup("new line"), g_strdup(""), g_strdup(*new++));
        } else {
            add(changes, first, g_strdup_printf("line %u", number++), g_strdup(*old++), g_strdup(*new ? *new++ : ""));
        }
    }
}

/* ---- bytes */

static void
compare_bytes(struct span before, struct span after, GPtrArray *changes)
{
    size_t common = MIN(before.length, after.length), start = 0;
    guint first = changes->len;

    if (before.length != after.length)
        add(changes, first, g_strdup("data, bytes"), g_strdup_printf("%zu", before.length),
            g_strdup_printf("%zu", after.length));
    while (start < common) {
        size_t end = start;

        while (end < common && before.bytes[end] != after.bytes[end])
            end++;
        if (end > start)
            add(changes, first, g_strdup_printf("data, from byte %zu", start),
                hexadecimal((struct span){ before.bytes + start, end - start }),
                hexadecimal((struct span){ after.bytes + start, end - start }));
        start = end + 1;
    }
}

void
payload_changes(const struct flow *flow, struct span before, struct span after, GPtrArray *changes)
{
    guint first = changes->len;

    if (span_equal(before, after))
        return;
    if (is_text(before) && is_text(after))
        compare_text(before, after, changes);
    else
        compare_fields(flow, before, after, changes);
    if (changes->len == first) /* nobody takes it, or text with other line ends */
        compare_bytes(before, after, changes);
}
