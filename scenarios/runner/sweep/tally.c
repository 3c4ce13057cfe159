#include "scenarios/runner/sweep/tally.h"

#include <string.h>

static char *
say(const struct value *value)
{
    GString *text = g_string_new(NULL);

    value_say(value, text);
    return g_string_free(text, FALSE);
}

/* Finds the most frequent value, comparing them as texts. */
static void
find_common(struct tally *tally, const GPtrArray *values)
{
    g_autoptr(GHashTable) counts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);

    for (guint i = 0; i < values->len; i++) {
        char *text = say(values->pdata[i]);
        gsize count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, text));

        g_hash_table_insert(counts, text, GSIZE_TO_POINTER(count + 1));
    }
    for (guint i = 0; i < values->len; i++) {
        g_autofree char *text = say(values->pdata[i]);
        gsize count = GPOINTER_TO_SIZE(g_hash_table_lookup(counts, text));

        if (count > tally->common_count) {
            tally->common_count = count;
            tally->common = values->pdata[i];
        }
    }
}

struct tally
tally_of(const struct outcome *outcomes, size_t count, const char *name)
{
    g_autoptr(GPtrArray) values = g_ptr_array_new();
    struct tally tally = { .runs = count };

    for (size_t i = 0; i < count; i++) {
        const struct value *value = outcome_result(&outcomes[i], name);

        tally.failed += outcomes[i].status == 1;
        tally.errors += outcomes[i].status == 2;
        if (!value)
            continue;
        tally.present++;
        tally.booleans += value->type == VALUE_BOOLEAN;
        tally.trues += value->type == VALUE_BOOLEAN && value->boolean;
        g_ptr_array_add(values, (void *)value);
    }
    find_common(&tally, values);
    return tally;
}

bool
tally_is_share(const struct tally *tally)
{
    return tally->present > 0 && tally->booleans == tally->present;
}

/* A run that did not set it counts as one in which it was not true. */
double
tally_share(const struct tally *tally)
{
    return (double)tally->trues / (double)tally->runs;
}

static void
say_percent(size_t part, size_t whole, GString *out)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    g_ascii_formatd(text, sizeof(text), "%.1f", 100.0 * (double)part / (double)whole);
    if (g_str_has_suffix(text, ".0"))
        text[strlen(text) - 2] = '\0';
    g_string_append_printf(out, "%s%%", text);
}

static void
say_common(const struct tally *tally, GString *out)
{
    value_say(tally->common, out);
    if (tally->common_count < tally->runs) {
        g_string_append_c(out, ' ');
        say_percent(tally->common_count, tally->runs, out);
    }
}

void
tally_say(const struct tally *tally, GString *out)
{
    if (tally->errors > 0)
        g_string_append(out, "error");
    else if (tally->present == 0)
        g_string_append_c(out, '-');
    else if (tally_is_share(tally) && tally->runs == 1)
        g_string_append(out, tally->trues ? "yes" : "no");
    else if (tally_is_share(tally))
        say_percent(tally->trues, tally->runs, out);
    else
        say_common(tally, out);
}

void
tally_say_plain(const struct tally *tally, GString *out)
{
    char text[G_ASCII_DTOSTR_BUF_SIZE];

    if (tally->errors > 0 || !tally_is_share(tally))
        tally_say(tally, out);
    else if (tally->runs == 1)
        g_string_append(out, tally->trues ? "true" : "false");
    else
        g_string_append(out, g_ascii_formatd(text, sizeof(text), "%.6g", tally_share(tally)));
}
