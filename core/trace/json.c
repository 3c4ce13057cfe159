#include "core/trace/json.h"

#include "core/base/time.h"

#include <math.h>

/* ---- text */

static void
escape_ascii(uint8_t byte, GString *out)
{
    static const char hex[] = "0123456789abcdef", letters[] = "btn_fr"; /* for 8 to 13; 11 has none */
    char text[] = { '\\', 'u', '0', '0', hex[byte >> 4 & 15], hex[byte & 15] };

    if (byte == '"' || byte == '\\')
        text[1] = (char)byte;
    else if (byte >= 8 && byte <= 13 && byte != 11)
        text[1] = letters[byte - 8];
    g_string_append_len(out, text, text[1] == 'u' ? 6 : 2);
}

static bool
is_plain(uint8_t byte)
{
    return byte >= 0x20 && byte < 0x80 && byte != '"' && byte != '\\';
}

/* The bytes of the UTF-8 sequence at `at`; 0 when it is none. */
static size_t
utf8_length(const uint8_t *at, const uint8_t *end)
{
    const char *text = (const char *)at;
    gunichar c = g_utf8_get_char_validated(text, end - at);

    return c == (gunichar)-1 || c == (gunichar)-2 ? 0 : (size_t)(g_utf8_next_char(text) - text);
}

void
json_escape(struct span text, GString *out)
{
    const uint8_t *at = text.bytes, *end = text.length ? at + text.length : at, *run = at; /* NULL has no end */
    size_t length;

    g_string_append_c(out, '"');
    while (at < end) {
        if (is_plain(*at)) {
            at++;
        } else if (*at >= 0x80 && (length = utf8_length(at, end)) > 0) {
            at += length;
        } else {
            g_string_append_len(out, (const char *)run, at - run);
            if (*at >= 0x80)
                g_string_append(out, "\\ufffd");
            else
                escape_ascii(*at, out);
            run = ++at;
        }
    }
    if (at > run)
        g_string_append_len(out, (const char *)run, at - run);
    g_string_append_c(out, '"');
}

/* ---- structure */

static void
line_begin(struct json *json)
{
    if (!json->pretty)
        return;
    g_string_append_c(json->out, '\n');
    for (unsigned i = 0; i < json->depth; i++)
        g_string_append(json->out, "  ");
}

/* What stands before a value: the comma after the one before, the line, the name. */
static void
value_begin(struct json *json, const char *name)
{
    uint64_t level = UINT64_C(1) << json->depth;

    if (json->depth == 0)
        return;
    if (json->filled & level)
        g_string_append_c(json->out, ',');
    json->filled |= level;
    line_begin(json);
    if (name) {
        json_escape(span_of_text(name), json->out);
        g_string_append(json->out, json->pretty ? ": " : ":");
    }
}

static void
level_open(struct json *json, const char *name, char bracket)
{
    value_begin(json, name);
    g_string_append_c(json->out, bracket);
    g_assert(json->depth + 1 < JSON_DEPTH);
    json->depth++;
    json->filled &= ~(UINT64_C(1) << json->depth);
}

static void
level_close(struct json *json, char bracket)
{
    bool filled = json->filled >> json->depth & 1;

    g_assert(json->depth > 0);
    json->depth--;
    if (filled)
        line_begin(json);
    g_string_append_c(json->out, bracket);
}

void
json_open_object(struct json *json, const char *name)
{
    level_open(json, name, '{');
}

void
json_close_object(struct json *json)
{
    level_close(json, '}');
}

void
json_open_array(struct json *json, const char *name)
{
    level_open(json, name, '[');
}

void
json_close_array(struct json *json)
{
    level_close(json, ']');
}

/* ---- values */

void
json_text(struct json *json, const char *name, struct span value)
{
    value_begin(json, name);
    json_escape(value, json->out);
}

void
json_string(struct json *json, const char *name, const char *value)
{
    if (value)
        json_text(json, name, span_of_text(value));
    else
        json_null(json, name);
}

/* By hand: printf is what a journal of many numbers would spend its time in. */
void
json_integer(struct json *json, const char *name, int64_t value)
{
    char digits[20], *end = digits + sizeof(digits), *at = end;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    value_begin(json, name);
    do
        *--at = (char)('0' + rest % 10);
    while ((rest /= 10) > 0);
    if (value < 0)
        *--at = '-';
    g_string_append_len(json->out, at, end - at);
}

void
json_time(struct json *json, const char *name, int64_t value)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value, part = size % TIME_S;
    int digits = 9;

    value_begin(json, name);
    g_string_append_printf(json->out, "%s%" G_GUINT64_FORMAT, value < 0 ? "-" : "", size / TIME_S);
    if (part == 0)
        return;
    for (; part % 10 == 0; part /= 10)
        digits--;
    g_string_append_printf(json->out, ".%0*" G_GUINT64_FORMAT, digits, part);
}

void
json_number(struct json *json, const char *name, double value)
{
    static const char *const formats[] = { "%.15g", "%.16g", "%.17g" };
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (!isfinite(value)) {
        json_null(json, name);
        return;
    }
    for (size_t i = 0; i < G_N_ELEMENTS(formats); i++) {
        g_ascii_formatd(text, sizeof(text), formats[i], value);
        if (g_ascii_strtod(text, NULL) == value)
            break;
    }
    value_begin(json, name);
    g_string_append(json->out, text);
}

void
json_flag(struct json *json, const char *name, bool value)
{
    value_begin(json, name);
    g_string_append(json->out, value ? "true" : "false");
}

void
json_null(struct json *json, const char *name)
{
    value_begin(json, name);
    g_string_append(json->out, "null");
}

/* ---- the sink */

static struct json *
json_of(struct fields *fields)
{
    return ((struct json_fields *)fields)->json;
}

static void
field_number(struct fields *fields, const char *name, int64_t value)
{
    json_integer(json_of(fields), name, value);
}

static void
field_flag(struct fields *fields, const char *name, bool value)
{
    json_flag(json_of(fields), name, value);
}

static void
field_time(struct fields *fields, const char *name, int64_t value)
{
    json_time(json_of(fields), name, value);
}

static void
field_text(struct fields *fields, const char *name, struct span value)
{
    json_text(json_of(fields), name, value);
}

static void
field_bytes(struct fields *fields, const char *name, struct span value)
{
    static const char hex[] = "0123456789abcdef";
    struct json *json = json_of(fields);

    value_begin(json, name);
    g_string_append_c(json->out, '"');
    for (size_t i = 0; i < value.length; i++) {
        g_string_append_c(json->out, hex[value.bytes[i] >> 4]);
        g_string_append_c(json->out, hex[value.bytes[i] & 15]);
    }
    g_string_append_c(json->out, '"');
}

static void
field_open(struct fields *fields, const char *name)
{
    json_open_object(json_of(fields), name);
}

static void
field_close(struct fields *fields)
{
    json_close_object(json_of(fields));
}

struct json_fields
json_fields_over(struct json *json)
{
    return (struct json_fields){
        .fields = { .number = field_number, .time = field_time, .flag = field_flag, .text = field_text, .bytes = field_bytes,
                    .open = field_open, .close = field_close },
        .json = json,
    };
}
