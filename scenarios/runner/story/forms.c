#include "scenarios/runner/story/forms.h"

#include "core/trace/json.h"
#include "scenarios/runner/story/decode.h"

enum { FIELDS_MOST = 1000, FIELD_TEXT = 16384, FORMS_MOST = 64 /* of a packet; what comes later counts as the last */ };

struct form {
    struct span bytes;
    guint number;       /* among all */
    struct form *next;  /* of the same packet */
    guint shape;
    GArray *values;     /* guint, numbers in the pool */
};

struct forms {
    struct pool *pool;
    GPtrArray *all;     /* struct form *, owned */
    GPtrArray *first;   /* by packet: its first form, or NULL; borrowed */
    GString *json;
};

/* ---- a sink that collects paths and values */

struct collector {
    struct fields fields;
    struct pool *pool;
    GString *path;
    GArray *lengths; /* gsize: of the path before each group that is open */
    GArray *names, *values;
};

static void
collect(struct collector *collector, const char *name, guint value)
{
    gsize length = collector->path->len;
    guint path;

    if (collector->names->len >= FIELDS_MOST)
        return;
    g_string_append(collector->path, name);
    path = pool_text(collector->pool, span_of(collector->path->str, collector->path->len));
    g_string_truncate(collector->path, length);
    g_array_append_val(collector->names, path);
    g_array_append_val(collector->values, value);
}

static void
collect_number(struct fields *fields, const char *name, int64_t value)
{
    struct collector *collector = (struct collector *)fields;

    collect(collector, name, pool_number(collector->pool, value));
}

static void
collect_flag(struct fields *fields, const char *name, bool value)
{
    struct collector *collector = (struct collector *)fields;

    collect(collector, name, value ? pool_json(collector->pool, "true", 4) : pool_json(collector->pool, "false", 5));
}

static void
collect_text(struct fields *fields, const char *name, struct span value)
{
    struct collector *collector = (struct collector *)fields;

    value.length = MIN(value.length, (size_t)FIELD_TEXT);
    collect(collector, name, pool_text(collector->pool, value));
}

/* {"hex": "0a0b", "of": 300}, where "of" is how many there are when not all are told. */
static void
collect_bytes(struct fields *fields, const char *name, struct span value)
{
    struct collector *collector = (struct collector *)fields;
    g_autoptr(GString) json = g_string_new("{\"hex\":\"");

    for (size_t i = 0; i < MIN(value.length, (size_t)DECODE_BYTES); i++)
        g_string_append_printf(json, "%02x", value.bytes[i]);
    g_string_append_c(json, '"');
    if (value.length > DECODE_BYTES)
        g_string_append_printf(json, ",\"of\":%zu", value.length);
    g_string_append_c(json, '}');
    collect(collector, name, pool_json(collector->pool, json->str, json->len));
}

static void
collect_open(struct fields *fields, const char *name)
{
    struct collector *collector = (struct collector *)fields;
    gsize length = collector->path->len;

    g_array_append_val(collector->lengths, length);
    g_string_append_printf(collector->path, "%s/", name);
}

static void
collect_close(struct fields *fields)
{
    struct collector *collector = (struct collector *)fields;
    guint depth = collector->lengths->len;

    g_string_truncate(collector->path, g_array_index(collector->lengths, gsize, depth - 1));
    g_array_set_size(collector->lengths, depth - 1);
}

/* ---- forms */

static void
form_free(void *object)
{
    struct form *form = object;

    g_array_unref(form->values);
    g_free(form);
}

struct forms *
forms_new(struct pool *pool)
{
    struct forms *forms = g_new(struct forms, 1);

    forms->pool = pool;
    forms->all = g_ptr_array_new_with_free_func(form_free);
    forms->first = g_ptr_array_new();
    forms->json = g_string_new("[");
    return forms;
}

void
forms_free(struct forms *forms)
{
    g_ptr_array_unref(forms->all);
    g_ptr_array_unref(forms->first);
    g_string_free(forms->json, TRUE);
    g_free(forms);
}

static void
decode_form(struct forms *forms, struct form *form)
{
    struct collector collector = {
        .fields = { collect_number, collect_number, collect_flag, collect_text, collect_bytes, collect_open,
                    collect_close },
        .pool = forms->pool,
        .path = g_string_new(NULL),
        .lengths = g_array_new(FALSE, FALSE, sizeof(gsize)),
        .names = g_array_new(FALSE, FALSE, sizeof(guint)),
        .values = g_array_new(FALSE, FALSE, sizeof(guint)),
    };
    g_autoptr(GString) summary = g_string_new(NULL);
    struct decoding decoding = { .out = &collector.fields, .summary = summary };
    guint heads[2];

    decode_packet(&decoding, form->bytes);
    heads[0] = pool_text(forms->pool, span_of_text(decoding.protocol));
    heads[1] = pool_text(forms->pool, span_of(summary->str, MIN(summary->len, 200u)));
    form->shape = pool_shape(forms->pool, collector.names);
    g_array_prepend_vals(collector.values, heads, 2);
    form->values = g_steal_pointer(&collector.values);
    g_string_free(collector.path, TRUE);
    g_array_unref(collector.lengths);
    g_array_unref(collector.names);
}

static void
write_whole(const struct form *form, GString *out)
{
    g_string_append_printf(out, "[%u", form->shape);
    for (guint i = 0; i < form->values->len; i++)
        g_string_append_printf(out, ",%u", g_array_index(form->values, guint, i));
    g_string_append_c(out, ']');
}

static void
write_difference(const struct form *form, const struct form *from, GString *out)
{
    g_string_append_printf(out, "[%d", -1 - (int)from->number);
    for (guint i = 0; i < form->values->len; i++) {
        guint value = g_array_index(form->values, guint, i);

        if (value != g_array_index(from->values, guint, i))
            g_string_append_printf(out, ",%u,%u", i, value);
    }
    g_string_append_c(out, ']');
}

static struct form *
form_new(struct forms *forms, struct span bytes, const struct form *first)
{
    struct form *form = g_new0(struct form, 1);

    form->bytes = bytes;
    form->number = forms->all->len;
    decode_form(forms, form);
    if (form->number)
        g_string_append_c(forms->json, ',');
    if (first && first->shape == form->shape)
        write_difference(form, first, forms->json);
    else
        write_whole(form, forms->json);
    g_ptr_array_add(forms->all, form);
    return form;
}

guint
forms_of(struct forms *forms, guint packet, struct span bytes)
{
    struct form *first, *last = NULL;

    if (packet >= forms->first->len)
        g_ptr_array_set_size(forms->first, (gint)packet + 1);
    first = forms->first->pdata[packet];
    unsigned count = 0;

    for (struct form *form = first; form; form = form->next) {
        if (span_equal(form->bytes, bytes) || ++count == FORMS_MOST)
            return form->number;
        last = form;
    }
    struct form *form = form_new(forms, bytes, first);
    if (last)
        last->next = form;
    else
        forms->first->pdata[packet] = form;
    return form->number;
}

void
forms_json(const struct forms *forms, GString *out)
{
    g_string_append_len(out, forms->json->str, (gssize)forms->json->len);
    g_string_append_c(out, ']');
}
