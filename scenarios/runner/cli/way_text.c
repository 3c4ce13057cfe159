#include "scenarios/runner/cli/way_text.h"

#include "scenarios/runner/cli/timeline.h"

enum { MARGIN = 5, WHAT_MOST = 40 };

struct writing {
    const struct terminal *terminal;
    int64_t last;
    size_t width;
    GString *out;
};

/* Text of others, in lines behind a margin. */
static void
put_text(const struct writing *writing, size_t margin, enum terminal_style style, const char *text)
{
    g_auto(GStrv) parts = g_strsplit(text, "\n", -1);

    for (char **part = parts; *part; part++) {
        g_autoptr(GString) safe = g_string_new(NULL);
        g_autoptr(GPtrArray) lines = g_ptr_array_new_with_free_func(g_free);

        terminal_safe(*part, safe);
        terminal_broken(safe->str, writing->width > margin + 20 ? writing->width - margin : 0, lines);
        for (guint i = 0; i < lines->len; i++) {
            g_string_append_printf(writing->out, "%*s", (int)margin, "");
            terminal_styled(writing->terminal, style, lines->pdata[i], writing->out);
            g_string_append_c(writing->out, '\n');
        }
    }
}

static void put_format(const struct writing *writing, size_t margin, enum terminal_style style, const char *format,
                       ...) G_GNUC_PRINTF(4, 5);

static void
put_format(const struct writing *writing, size_t margin, enum terminal_style style, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    g_autofree char *text = g_strdup_vprintf(format, list);
    va_end(list);
    put_text(writing, margin, style, text);
}

static char *
time_text(const struct writing *writing, int64_t at)
{
    GString *time = g_string_new(NULL);

    timeline_time(at, writing->last, time);
    return g_string_free(time, FALSE);
}

/* In one line, or where that is too long in two, the arrow in front of the second. */
static void
put_change(const struct writing *writing, const struct payload_change *change, size_t what)
{
    const char *before = *change->before ? change->before : "(nothing)";
    const char *after = *change->after ? change->after : "(nothing)";
    int blanks = (int)(what - MIN(what, terminal_width(change->what)));
    size_t needed = MARGIN + 2 + what + 2 + terminal_width(before) + 6 + terminal_width(after);

    if (writing->width == 0 || needed <= writing->width) {
        put_format(writing, MARGIN + 2, STYLE_WARM, "%s%*s  %s  ->  %s", change->what, blanks, "", before, after);
        return;
    }
    put_format(writing, MARGIN + 2, STYLE_WARM, "%s%*s  %s", change->what, blanks, "", before);
    put_format(writing, MARGIN + 2 + MAX(what, 2) - 2, STYLE_WARM, "->  %s", after);
}

static void
put_changes(const struct writing *writing, const GPtrArray *changes)
{
    size_t what = 0;

    for (guint i = 0; i < changes->len; i++)
        what = MAX(what, terminal_width(((const struct payload_change *)changes->pdata[i])->what));
    what = MIN(what, WHAT_MOST);
    for (guint i = 0; i < changes->len; i++)
        put_change(writing, changes->pdata[i], what);
}

static void
put_station(const struct writing *writing, const struct way_station *station, guint number)
{
    g_autofree char *at = time_text(writing, station->at), *travelled = time_text(writing, station->travelled);

    put_format(writing, 0, STYLE_STRONG, number == 1 ? "%2u  %s, at %s" : "%2u  %s, at %s, %s later", number,
               station->name, at, travelled);
    for (guint i = 0; i < station->decisions->len; i++) {
        const struct way_decision *decision = &g_array_index(station->decisions, struct way_decision, i);

        put_text(writing, MARGIN - 1, decision->dropped ? STYLE_BAD : STYLE_PLAIN, decision->text);
        if (*decision->source)
            put_format(writing, MARGIN + 2, STYLE_FAINT, "by %s", decision->source);
    }
    if (station->changes->len > 0) {
        put_text(writing, MARGIN - 1, STYLE_PLAIN, "what is changed in it:");
        put_changes(writing, station->changes);
    }
    g_string_append_c(writing->out, '\n');
}

static void
put_end(const struct writing *writing, const struct way *way)
{
    switch (way->end) {
    case WAY_DELIVERED:
        put_format(writing, 0, STYLE_GOOD, "It reached %s.", way->ended_at);
        break;
    case WAY_DROPPED:
        put_format(writing, 0, STYLE_BAD, "It ended at %s, dropped as %s: %s%s%s%s.", way->ended_at, way->reason,
                   way->reason_sentence, *way->reason_source ? " (" : "", way->reason_source,
                   *way->reason_source ? ")" : "");
        break;
    case WAY_UNKNOWN:
        put_text(writing, 0, STYLE_PLAIN, "How it ended nobody has told: it was under way when the run ended, or is "
                 "part of another packet.");
        break;
    }
}

static void
put_effects(const struct writing *writing, const struct way *way)
{
    g_string_append_c(writing->out, '\n');
    if (way->effects->len == 0) {
        put_text(writing, 0, STYLE_PLAIN, "It caused nothing: no packet was sent because of it.");
        return;
    }
    put_text(writing, 0, STYLE_STRONG, "What it caused");
    for (guint i = 0; i < way->effects->len; i++) {
        const struct way_effect *effect = way->effects->pdata[i];
        g_autofree char *at = time_text(writing, effect->at);

        if (!*effect->packet)
            put_format(writing, MARGIN - 1, STYLE_PLAIN, "at %s: %s: %s", at, effect->node, effect->text);
        else
            put_format(writing, MARGIN - 1, STYLE_PLAIN, "%s, at %s: %s %s%s%s", effect->packet, at, effect->node,
                       effect->text, *effect->fate ? "; " : "", effect->fate);
    }
}

void
way_text(const struct way *way, int64_t last, const struct terminal *terminal, unsigned width, GString *out)
{
    struct writing writing = { terminal, last, width, out };

    put_format(&writing, 0, STYLE_STRONG, *way->what ? "The way of %s: %s" : "The way of %s", way->packet, way->what);
    if (*way->cause)
        put_format(&writing, 0, STYLE_PLAIN, "It was sent because of %s: --explain=%s tells that one's way.", way->cause,
                   way->cause);
    g_string_append_c(out, '\n');
    for (guint i = 0; i < way->stations->len; i++)
        put_station(&writing, way->stations->pdata[i], i + 1);
    put_end(&writing, way);
    put_effects(&writing, way);
}
