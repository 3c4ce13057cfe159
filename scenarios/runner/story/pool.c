#include "scenarios/runner/story/pool.h"

#include "core/trace/json.h"

struct pool {
    GHashTable *values, *shapes; /* JSON -> its number and 1 */
    GPtrArray *value_list, *shape_list; /* borrowed from the tables */
    GString *scratch;
};

struct pool *
pool_new(void)
{
    struct pool *pool = g_new(struct pool, 1);

    pool->values = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pool->shapes = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    pool->value_list = g_ptr_array_new();
    pool->shape_list = g_ptr_array_new();
    pool->scratch = g_string_new(NULL);
    return pool;
}

void
pool_free(struct pool *pool)
{
    g_ptr_array_unref(pool->value_list);
    g_ptr_array_unref(pool->shape_list);
    g_hash_table_unref(pool->values);
    g_hash_table_unref(pool->shapes);
    g_string_free(pool->scratch, TRUE);
    g_free(pool);
}

static guint
number_of(GHashTable *table, GPtrArray *list, const char *json, gsize length)
{
    guint number = GPOINTER_TO_UINT(g_hash_table_lookup(table, json));
    char *copy;

    if (number)
        return number - 1;
    copy = g_strndup(json, length);
    g_ptr_array_add(list, copy);
    g_hash_table_insert(table, copy, GUINT_TO_POINTER(list->len));
    return list->len - 1;
}

guint
pool_json(struct pool *pool, const char *json, gsize length)
{
    return number_of(pool->values, pool->value_list, json, length);
}

guint
pool_text(struct pool *pool, struct span text)
{
    g_string_truncate(pool->scratch, 0);
    json_escape(text, pool->scratch);
    return pool_json(pool, pool->scratch->str, pool->scratch->len);
}

guint
pool_number(struct pool *pool, gint64 number)
{
    bool exact = number <= (INT64_C(1) << 53) && number >= -(INT64_C(1) << 53);

    g_string_printf(pool->scratch, exact ? "%" G_GINT64_FORMAT : "\"%" G_GINT64_FORMAT "\"", number);
    return pool_json(pool, pool->scratch->str, pool->scratch->len);
}

guint
pool_node(struct pool *pool, JsonNode *node)
{
    g_autofree char *json = NULL;

    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING)
        return pool_text(pool, span_of_text(json_node_get_string(node)));
    if (JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_INT64)
        return pool_number(pool, json_node_get_int(node));
    json = json_to_string(node, FALSE);
    return pool_json(pool, json, strlen(json));
}

guint
pool_shape(struct pool *pool, const GArray *names)
{
    g_string_assign(pool->scratch, "[");
    for (guint i = 0; i < names->len; i++)
        g_string_append_printf(pool->scratch, "%s%u", i ? "," : "", g_array_index(names, guint, i));
    g_string_append_c(pool->scratch, ']');
    return number_of(pool->shapes, pool->shape_list, pool->scratch->str, pool->scratch->len);
}

static void
list_json(const GPtrArray *list, GString *out)
{
    g_string_append_c(out, '[');
    for (guint i = 0; i < list->len; i++) {
        if (i)
            g_string_append_c(out, ',');
        g_string_append(out, list->pdata[i]);
    }
    g_string_append_c(out, ']');
}

void
pool_values_json(const struct pool *pool, GString *out)
{
    list_json(pool->value_list, out);
}

void
pool_shapes_json(const struct pool *pool, GString *out)
{
    list_json(pool->shape_list, out);
}
