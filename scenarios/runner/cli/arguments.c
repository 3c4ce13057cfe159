#include "scenarios/runner/cli/arguments.h"

#include <string.h>

#include "core/base/rate.h"
#include "core/base/time.h"
#include "core/base/words.h"

G_DEFINE_QUARK(punchlab-arguments-error, arguments_error)

static void
complain(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);

static void
complain(GError **error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    g_set_error_literal(error, ARGUMENTS_ERROR, 0, text);
}

/* "--nmae" -> "--name", for those who mistype. */
static void
complain_unknown(const struct argument *table, const char *name, GError **error)
{
    g_autoptr(GPtrArray) names = g_ptr_array_new();

    for (; table->name; table++)
        g_ptr_array_add(names, (char *)table->name);
    g_ptr_array_add(names, NULL);
    const char *nearest = words_nearest((const char *const *)names->pdata, name);

    if (nearest)
        complain(error, "there is no option '--%s'; did you mean '--%s'?", name, nearest);
    else
        complain(error, "there is no option '--%s'", name);
}

/* The entry of this long name, whole or cut short. NULL with an error. */
static const struct argument *
find_long(const struct argument *table, const char *name, size_t length, GError **error)
{
    g_autofree char *word = g_strndup(name, length);
    const struct argument *found = NULL;

    for (const struct argument *entry = table; entry->name; entry++) {
        if (strcmp(entry->name, word) == 0)
            return entry;
    }
    for (const struct argument *entry = table; entry->name; entry++) {
        if (length == 0 || strncmp(entry->name, word, length) != 0)
            continue;
        if (found) {
            complain(error, "'--%s' could be '--%s' or '--%s'", word, found->name, entry->name);
            return NULL;
        }
        found = entry;
    }
    if (!found)
        complain_unknown(table, word, error);
    return found;
}

static const struct argument *
find_letter(const struct argument *table, char letter, GError **error)
{
    for (; table->name; table++) {
        if (table->letter == letter)
            return table;
    }
    complain(error, "there is no option '-%c'", letter);
    return NULL;
}

static void
keep(const struct argument *entry, const char *value, void *into)
{
    void *place = (char *)into + entry->into;

    switch (entry->kind) {
    case ARGUMENT_FLAG:
        *(bool *)place = true;
        break;
    case ARGUMENT_TEXT:
    case ARGUMENT_OPTIONAL:
        *(const char **)place = value;
        break;
    case ARGUMENT_TEXTS: {
        GPtrArray **list = place;

        if (!*list)
            *list = g_ptr_array_new();
        g_ptr_array_add(*list, (char *)value);
        break;
    }
    }
}

/* Where reading stands. */
struct reading {
    const struct argument *table;
    char **argv;
    int argc, at;
    void *into;
};

/* The value that follows as a word of its own. */
static const char *
next_word(struct reading *reading, const struct argument *entry, GError **error)
{
    if (reading->at < reading->argc)
        return reading->argv[reading->at++];
    if (entry->letter)
        complain(error, "'--%s' (-%c) needs a value: %s", entry->name, entry->letter, entry->value);
    else
        complain(error, "'--%s' needs a value: --%s=%s", entry->name, entry->name, entry->value);
    return NULL;
}

static bool
read_long(struct reading *reading, const char *word, GError **error)
{
    const char *equals = strchr(word, '=');
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    const struct argument *entry = find_long(reading->table, word, length, error);
    const char *value = equals ? equals + 1 : NULL;

    if (!entry)
        return false;
    if (entry->kind == ARGUMENT_FLAG && value) {
        complain(error, "'--%s' takes no value", entry->name);
        return false;
    }
    if (!value && (entry->kind == ARGUMENT_TEXT || entry->kind == ARGUMENT_TEXTS)) {
        value = next_word(reading, entry, error);
        if (!value)
            return false;
    }
    keep(entry, value ? value : "", reading->into);
    return true;
}

/* "-q", "-j4", "-j 4"; several flags may stand in one word. */
static bool
read_letters(struct reading *reading, const char *letters, GError **error)
{
    while (*letters) {
        const struct argument *entry = find_letter(reading->table, *letters++, error);
        const char *value = letters;

        if (!entry)
            return false;
        if (entry->kind == ARGUMENT_FLAG) {
            keep(entry, "", reading->into);
            continue;
        }
        if (!*value && entry->kind != ARGUMENT_OPTIONAL)
            value = next_word(reading, entry, error);
        if (!value)
            return false;
        keep(entry, value, reading->into);
        break;
    }
    return true;
}

bool
arguments_parse(const struct argument *table, int argc, char **argv, void *into, GPtrArray *words, GError **error)
{
    struct reading reading = { .table = table, .argv = argv, .argc = argc, .into = into };

    while (reading.at < argc) {
        const char *word = argv[reading.at++];

        if (strcmp(word, "--") == 0) {
            while (reading.at < argc)
                g_ptr_array_add(words, argv[reading.at++]);
        } else if (g_str_has_prefix(word, "--")) {
            if (!read_long(&reading, word + 2, error))
                return false;
        } else if (word[0] == '-' && word[1]) {
            if (!read_letters(&reading, word + 1, error))
                return false;
        } else {
            g_ptr_array_add(words, (char *)word);
        }
    }
    return true;
}

bool
arguments_given(const struct argument *option, const void *into)
{
    const char *at = (const char *)into + option->into;

    return option->kind == ARGUMENT_FLAG ? *(const bool *)at : *(const void *const *)at != NULL;
}

void
arguments_clear(const struct argument *table, void *into)
{
    for (; table->name; table++) {
        if (table->kind == ARGUMENT_TEXTS)
            g_clear_pointer((GPtrArray **)((char *)into + table->into), g_ptr_array_unref);
    }
}

void
arguments_help(const struct argument *table, GString *out)
{
    enum { COLUMN = 24 };

    for (; table->name; table++) {
        g_autoptr(GString) left = g_string_new(NULL);
        g_auto(GStrv) lines = g_strsplit(table->help, "\n", -1);

        if (table->letter)
            g_string_append_printf(left, "  -%c, --%s", table->letter, table->name);
        else
            g_string_append_printf(left, "      --%s", table->name);
        if (table->kind == ARGUMENT_OPTIONAL)
            g_string_append_printf(left, "[=%s]", table->value);
        else if (table->kind != ARGUMENT_FLAG)
            g_string_append_printf(left, " %s", table->value);

        if (left->len + 2 > COLUMN)
            g_string_append_printf(out, "%s\n%*s", left->str, COLUMN, "");
        else
            g_string_append_printf(out, "%-*s", COLUMN, left->str);
        for (char **line = lines; *line; line++)
            g_string_append_printf(out, "%*s%s\n", line == lines ? 0 : COLUMN, "", *line);
    }
}

bool
arguments_number(const char *what, const char *text, uint64_t *number, GError **error)
{
    guint64 value = 0;

    if (g_ascii_string_to_unsigned(text, 10, 0, G_MAXINT64, &value, NULL)) {
        *number = value;
        return true;
    }
    complain(error, "%s: '%s' is not a whole number from 0 to %" G_GINT64_FORMAT, what, text, G_MAXINT64);
    return false;
}

bool
arguments_rate(const char *what, const char *text, uint64_t *bits_per_second, GError **error)
{
    if (rate_parse(text, bits_per_second) && *bits_per_second > 0)
        return true;
    complain(error, "%s: '%s' is not a rate; accepted: a number and a unit (" RATE_UNITS ") as in 2.5Mbit/s", what, text);
    return false;
}

bool
arguments_duration(const char *what, const char *text, int64_t *duration, GError **error)
{
    g_autofree char *seconds = g_strconcat(text, "s", NULL);

    if (duration_parse(text, duration) || duration_parse(seconds, duration))
        return true;
    complain(error, "%s: '%s' is not a time; accepted: a number and a unit (ns, us, ms, s, min, h) as in 1.5s, or "
                    "seconds", what, text);
    return false;
}

bool
arguments_choice(const char *what, const char *text, const char *const *choices, int *choice, GError **error)
{
    *choice = text ? words_find(choices, text) : 0;
    if (*choice >= 0)
        return true;

    g_autofree char *thing = g_strdup_printf("a %s", what);
    g_autofree char *complaint = words_complaint(choices, text, thing);
    g_set_error_literal(error, ARGUMENTS_ERROR, 0, complaint);
    return false;
}

bool
arguments_seeds(const char *what, const char *text, struct seeds *seeds, GError **error)
{
    const char *dots = text ? strstr(text, "..") : NULL;
    uint64_t first = 1, last = 1;

    if (dots) {
        g_autofree char *before = g_strndup(text, (gsize)(dots - text));

        if (!arguments_number(what, before, &first, error) || !arguments_number(what, dots + 2, &last, error))
            return false;
    } else if (text && !arguments_number(what, text, &last, error)) {
        return false;
    }
    if (last < first || last - first >= SEEDS_MAX) {
        complain(error, "%s: '%s' is not a number of seeds; accepted: N for seeds 1 to N, or A..B, at most %d seeds",
                 what, text, SEEDS_MAX);
        return false;
    }
    *seeds = (struct seeds){ first, last - first + 1 };
    return true;
}

bool
arguments_setting(const char *what, const char *text, GError **error)
{
    const char *equals = strchr(text, '=');

    if (equals && equals != text)
        return true;
    complain(error, "%s: '%s' is not of the form NAME=VALUE", what, text);
    return false;
}
