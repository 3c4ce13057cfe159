#include "scenarios/runner/story/page.h"

#include "core/trace/json.h"
#include "scenarios/runner/story/forms.h"

/* ---- the report */

static void
append_node(JsonNode *node, GString *out)
{
    g_autofree char *text = json_to_string(node, FALSE);

    g_string_append(out, text);
}

static void
append_report(const struct finished_run *run, GString *out)
{
    g_autoptr(GList) members = json_object_get_members(run->report);
    const char *before = "";

    g_string_append_c(out, '{');
    for (GList *at = members; at; at = at->next) {
        const char *name = at->data;

        if (strcmp(name, "nats") == 0 || strcmp(name, "files") == 0)
            continue;
        g_string_append(out, before);
        json_escape(span_of_text(name), out);
        g_string_append_c(out, ':');
        append_node(json_object_get_member(run->report, name), out);
        before = ",";
    }
    g_string_append_c(out, '}');
}

static void
append_window(const struct finished_run *run, GString *out)
{
    JsonObject *packets = finished_object(run->report, "packets");
    int64_t sent = packets ? finished_time(packets, "sent", 0) / 1000000000 : 0;

    g_string_append_printf(out, "{\"from\":%" G_GINT64_FORMAT ",\"to\":", run->from);
    if (run->to == INT64_MAX)
        g_string_append(out, "null");
    else
        g_string_append_printf(out, "%" G_GINT64_FORMAT, run->to);
    g_string_append_printf(out, ",\"packets\":%u,\"of\":%" G_GINT64_FORMAT ",\"records\":%u}", run->packets->len, sent,
                           run->carried);
}

/* ---- records */

enum { MARK = 1, PLACES = 26 + 26 };

/* A value of a record that its sentence may hold. */
struct part {
    const char *text;
    gsize length;
    guint place;
};

static int
longest_first(gconstpointer a, gconstpointer b)
{
    const struct part *left = a, *right = b;

    if (left->length != right->length)
        return left->length < right->length ? 1 : -1;
    return left->place < right->place ? -1 : 1;
}

static const struct part *
part_at(const struct part *parts, guint count, const char *text)
{
    for (guint i = 0; i < count; i++) {
        if (strncmp(text, parts[i].text, parts[i].length) == 0)
            return &parts[i];
    }
    return NULL;
}

/* The sentence with the record's own values taken out: one such sentence serves thousands of records. */
static void
make_pattern(const char *text, const struct part *parts, guint count, GString *out)
{
    g_string_truncate(out, 0);
    for (const char *at = text; *at;) {
        const struct part *part = part_at(parts, count, at);

        if (part) {
            g_string_append_c(out, MARK);
            g_string_append_c(out, (char)('A' + part->place));
            at += part->length;
        } else {
            g_string_append_c(out, *at++);
        }
    }
}

static guint
parts_of(JsonObject *object, GList *members, struct part parts[PLACES])
{
    guint count = 0, place = 0;

    for (GList *at = members; at; at = at->next) {
        const char *text = finished_text(object, at->data);

        if (strcmp(at->data, "at") == 0)
            continue;
        if (place < PLACES && text && strlen(text) >= 3 && strcmp(at->data, "text") != 0)
            parts[count++] = (struct part){ text, strlen(text), place };
        place++;
    }
    qsort(parts, count, sizeof(parts[0]), longest_first);
    return count;
}

static guint
text_value(JsonObject *object, GList *members, struct pool *pool, GString *pattern)
{
    const char *text = finished_text(object, "text");
    struct part parts[PLACES];

    if (strchr(text, MARK)) { /* a script may have put one there: it is told as it is, without the mark */
        g_string_assign(pattern, text);
        g_strdelimit(pattern->str, "\001", '?');
    } else {
        make_pattern(text, parts, parts_of(object, members, parts), pattern);
    }
    return pool_text(pool, span_of(pattern->str, pattern->len));
}

static void
append_record(const struct finished_record *record, struct pool *pool, GString *pattern, GString *out)
{
    g_autoptr(GList) members = json_object_get_members(record->object);
    g_autoptr(GArray) names = g_array_new(FALSE, FALSE, sizeof(guint));
    g_autoptr(GArray) values = g_array_new(FALSE, FALSE, sizeof(guint));

    for (GList *at = members; at; at = at->next) {
        const char *name = at->data;
        guint number = pool_text(pool, span_of_text(name)), value;

        if (strcmp(name, "at") == 0)
            continue;
        value = strcmp(name, "text") == 0 ? text_value(record->object, members, pool, pattern)
                                          : pool_node(pool, json_object_get_member(record->object, name));
        g_array_append_val(names, number);
        g_array_append_val(values, value);
    }
    g_string_append_printf(out, "[%" G_GINT64_FORMAT ",%d,%u", record->at,
                           record->packet == FINISHED_NONE ? -1 : (int)record->packet, pool_shape(pool, names));
    for (guint i = 0; i < values->len; i++)
        g_string_append_printf(out, ",%u", g_array_index(values, guint, i));
    g_string_append_c(out, ']');
}

static void
append_records(const struct finished_run *run, struct pool *pool, GString *out)
{
    g_autoptr(GString) pattern = g_string_new(NULL);

    g_string_append_c(out, '[');
    for (guint i = 0; i < run->records->len; i++) {
        if (i)
            g_string_append(out, ",\n");
        append_record(&g_array_index(run->records, struct finished_record, i), pool, pattern, out);
    }
    g_string_append_c(out, ']');
}

/* ---- copies */

static void
append_copies(const struct finished_run *run, struct forms *forms, GString *out)
{
    int64_t before = 0;

    g_string_append_c(out, '[');
    for (guint i = 0; i < run->copies->len; i++) {
        const struct finished_copy *copy = &g_array_index(run->copies, struct finished_copy, i);
        guint form = forms_of(forms, copy->packet, copy->bytes);

        g_string_append_printf(out, "%s%" G_GINT64_FORMAT ",%u,%d,%u,%u", i ? "," : "", copy->at - before,
                               copy->interface, copy->out, copy->packet, form);
        before = copy->at;
    }
    g_string_append_c(out, ']');
}

static void
append_names(const GPtrArray *names, GString *out)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < names->len; i++) {
        if (i)
            g_string_append_c(out, ',');
        json_escape(span_of_text(names->pdata[i]), out);
    }
    g_string_append_c(out, ']');
}

/* ---- the whole */

void
page_data(const struct finished_run *run, GString *out)
{
    struct pool *pool = pool_new();
    struct forms *forms = forms_new(pool);

    g_string_append(out, "{\"run\":");
    append_report(run, out);
    g_string_append(out, ",\n\"window\":");
    append_window(run, out);
    g_string_append(out, ",\n\"records\":");
    append_records(run, pool, out);
    g_string_append(out, ",\n\"packets\":");
    append_names(run->packets, out);
    g_string_append(out, ",\n\"interfaces\":");
    append_names(run->interfaces, out);
    g_string_append(out, ",\n\"copies\":");
    append_copies(run, forms, out);
    g_string_append(out, ",\n\"forms\":");
    forms_json(forms, out);
    g_string_append(out, ",\n\"values\":");
    pool_values_json(pool, out);
    g_string_append(out, ",\n\"shapes\":");
    pool_shapes_json(pool, out);
    g_string_append_c(out, '}');
    forms_free(forms);
    pool_free(pool);
}
