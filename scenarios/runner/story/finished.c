#include "scenarios/runner/story/finished.h"

#include <math.h>
#include <string.h>

#include "core/base/time.h"
#include "scenarios/runner/story/captures.h"

G_DEFINE_QUARK(punchlab-finished-error, finished_error)

static bool
fail(GError **error, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    g_propagate_error(error, g_error_new_valist(FINISHED_ERROR, 0, format, arguments));
    va_end(arguments);
    return false;
}

/* ---- JSON that anybody may have written */

static JsonNode *
member_of(JsonObject *object, const char *member, JsonNodeType type)
{
    JsonNode *node = json_object_get_member(object, member);

    return node && json_node_get_node_type(node) == type ? node : NULL;
}

const char *
finished_text(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member, JSON_NODE_VALUE);

    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node) : NULL;
}

JsonObject *
finished_object(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member, JSON_NODE_OBJECT);

    return node ? json_node_get_object(node) : NULL;
}

JsonArray *
finished_array(JsonObject *object, const char *member)
{
    JsonNode *node = member_of(object, member, JSON_NODE_ARRAY);

    return node ? json_node_get_array(node) : NULL;
}

int64_t
finished_time(JsonObject *object, const char *member, int64_t otherwise)
{
    JsonNode *node = member_of(object, member, JSON_NODE_VALUE);
    double seconds;

    if (!node || (json_node_get_value_type(node) != G_TYPE_INT64 && json_node_get_value_type(node) != G_TYPE_DOUBLE))
        return otherwise;
    seconds = json_node_get_double(node);
    if (!(fabs(seconds) < 9e9)) /* NaN too; more does not fit */
        return otherwise;
    return (int64_t)llround(seconds * 1e9);
}

/* The parser calls itself for what is nested: a file of brackets must not end the program. */
static bool
is_shallow(const char *text, gsize length)
{
    unsigned depth = 0;
    bool quoted = false;

    for (gsize i = 0; i < length; i++) {
        if (quoted && text[i] == '\\')
            i++;
        else if (text[i] == '"')
            quoted = !quoted;
        else if (!quoted && (text[i] == '{' || text[i] == '[') && ++depth > FINISHED_NESTING)
            return false;
        else if (!quoted && (text[i] == '}' || text[i] == ']') && depth > 0)
            depth--;
    }
    return true;
}

/* An object; NULL with the error. */
static JsonNode *
parse_object(const char *text, gsize length, GError **error)
{
    g_autoptr(JsonParser) parser = NULL;
    JsonNode *root;

    if (!is_shallow(text, length)) {
        fail(error, "it is nested too deep");
        return NULL;
    }
    if (!g_utf8_validate_len(text, length, NULL)) {
        fail(error, "it is not UTF-8");
        return NULL;
    }
    parser = json_parser_new();
    if (!json_parser_load_from_data(parser, text, (gssize)length, error))
        return NULL;
    root = json_parser_get_root(parser);
    if (!root || !JSON_NODE_HOLDS_OBJECT(root)) {
        fail(error, "it is no object");
        return NULL;
    }
    return json_node_copy(root);
}

static bool
load_report(struct finished_run *run, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "report.json", NULL);
    GMappedFile *file = g_mapped_file_new(path, FALSE, error);

    if (!file)
        return false;
    run->root = parse_object(g_mapped_file_get_contents(file), g_mapped_file_get_length(file), error);
    g_mapped_file_unref(file);
    if (!run->root) {
        g_prefix_error(error, "%s: ", path);
        return false;
    }
    run->report = json_node_get_object(run->root);
    if (finished_time(run->report, "format", 0) != TIME_S)
        return fail(error, "%s: it is no report of format 1", path);
    if (!finished_object(run->report, "topology"))
        return fail(error, "%s: it has no topology: the run is older than the page, play it again", path);
    return true;
}

/* ---- the journal */

/* Of what was before the window, what says how things stand when it begins. */
static bool
is_carried(const struct finished_record *record)
{
    static const char *const kinds[] = { "nat-mapping-", "nat-connection-", "ice-", "turn-alloc", "turn-perm",
                                         "turn-chan", "turn-bound" };
    const char *kind = finished_text(record->object, "kind");
    JsonNode *opens = member_of(record->object, "opens", JSON_NODE_VALUE);

    for (size_t i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (g_str_has_prefix(kind, kinds[i]))
            return strcmp(kind, "ice-check") != 0;
    }
    return opens && json_node_get_value_type(opens) == G_TYPE_BOOLEAN && json_node_get_boolean(opens);
}

/* The number of the packet, made at its first record. False when the window has as many as it may. */
static bool
number_packet(struct finished_run *run, const char *name, guint most, guint *number)
{
    gpointer found;

    if (g_hash_table_lookup_extended(run->numbers, name, NULL, &found)) {
        *number = GPOINTER_TO_UINT(found);
        return true;
    }
    if (run->packets->len >= most)
        return false;
    *number = run->packets->len;
    g_ptr_array_add(run->packets, g_strdup(name));
    g_hash_table_insert(run->numbers, run->packets->pdata[*number], GUINT_TO_POINTER(*number));
    return true;
}

static bool
take_record(struct finished_run *run, struct finished_record *record, const struct finished_window *window)
{
    const char *packet = finished_text(record->object, "packet");

    if (record->at < window->from) {
        if (!is_carried(record) || run->records->len >= FINISHED_CARRIED)
            return true;
        run->carried++;
        packet = NULL;
    } else if (record->at >= window->to) {
        run->to = window->to;
        return false;
    } else if (run->records->len >= FINISHED_RECORDS ||
               (packet && !number_packet(run, packet, window->packets, &record->packet))) {
        run->to = record->at;
        return false;
    }
    json_object_ref(record->object);
    g_array_append_val(run->records, *record);
    return true;
}

/* The window ends between two instants, unless it has but one. */
static void
end_between_instants(struct finished_run *run)
{
    if (run->records->len > run->carried &&
        g_array_index(run->records, struct finished_record, run->carried).at >= run->to) {
        run->to++;
        return;
    }
    while (run->records->len > run->carried &&
           g_array_index(run->records, struct finished_record, run->records->len - 1).at >= run->to)
        g_array_set_size(run->records, run->records->len - 1);
}

static bool
take_line(struct finished_run *run, const char *line, gsize length, const struct finished_window *window, bool *more,
          GError **error)
{
    struct finished_record record = { .packet = FINISHED_NONE };
    JsonNode *root = parse_object(line, length, error);

    if (!root)
        return false;
    record.object = json_node_get_object(root);
    record.at = finished_time(record.object, "at", -1);
    bool good = record.at >= 0 && finished_text(record.object, "node") && finished_text(record.object, "kind") &&
                finished_text(record.object, "action") && finished_text(record.object, "text");
    if (good)
        *more = take_record(run, &record, window);
    else
        fail(error, "it is no record: at, node, kind, action or text is missing");
    json_node_unref(root);
    return good;
}

static bool
load_lines(struct finished_run *run, struct span text, const struct finished_window *window, GError **error)
{
    const char *at = (const char *)text.bytes, *end = at + text.length;
    guint64 number = 1;
    bool more = true;

    for (; more && at < end; number++) {
        const char *line_end = memchr(at, '\n', (size_t)(end - at));
        gsize length = (gsize)((line_end ? line_end : end) - at);

        if (length > 0 && !take_line(run, at, length, window, &more, error)) {
            g_prefix_error(error, "line %" G_GUINT64_FORMAT ": ", number);
            return false;
        }
        at += length + 1;
    }
    if (!more)
        end_between_instants(run);
    return true;
}

static bool
load_journal(struct finished_run *run, const char *folder, const struct finished_window *window, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "journal.jsonl", NULL);
    GMappedFile *file = g_mapped_file_new(path, FALSE, error);
    bool good;

    if (!file) {
        g_prefix_error(error, "a run with --no-trace cannot be shown: ");
        return false;
    }
    struct span text = span_of(g_mapped_file_get_contents(file), g_mapped_file_get_length(file));
    good = text.length == 0 || load_lines(run, text, window, error);
    g_mapped_file_unref(file);
    if (!good)
        g_prefix_error(error, "%s: ", path);
    return good;
}

/* ---- the captures */

static void
take_interface(void *user, struct span name)
{
    struct finished_run *run = user;

    g_ptr_array_add(run->interfaces, g_utf8_make_valid((const char *)name.bytes, (gssize)name.length));
}

/* A comment begins with the packet's name; a node's name may hold whatever separates it from the rest. */
static guint
packet_of(const struct finished_run *run, struct span comment)
{
    g_autofree char *text = g_utf8_make_valid((const char *)comment.bytes, (gssize)comment.length);
    gpointer number;

    if (g_hash_table_lookup_extended(run->numbers, text, NULL, &number))
        return GPOINTER_TO_UINT(number);
    for (char *at = strstr(text, " | "); at; at = strstr(at + 1, " | ")) {
        g_autofree char *name = g_strndup(text, (gsize)(at - text));

        if (g_hash_table_lookup_extended(run->numbers, name, NULL, &number))
            return GPOINTER_TO_UINT(number);
    }
    return FINISHED_NONE;
}

static bool
take_copy(void *user, const struct captured *captured)
{
    struct finished_run *run = user;
    struct finished_copy copy = {
        .at = captured->at, .interface = captured->interface, .out = captured->out, .bytes = captured->bytes,
    };

    if (captured->at >= run->to)
        return false;
    if (captured->at < run->from)
        return true;
    copy.packet = packet_of(run, captured->comment);
    if (copy.packet != FINISHED_NONE)
        g_array_append_val(run->copies, copy);
    return run->copies->len < FINISHED_COPIES;
}

static bool
load_captures(struct finished_run *run, const char *folder, GError **error)
{
    g_autofree char *path = g_build_filename(folder, "all.pcapng", NULL);
    const struct captures_reader reader = { take_interface, take_copy, run };
    struct span bytes;

    if (!g_file_test(path, G_FILE_TEST_EXISTS))
        return true;
    run->captures = g_mapped_file_new(path, FALSE, error);
    if (!run->captures)
        return false;
    bytes = span_of(g_mapped_file_get_contents(run->captures), g_mapped_file_get_length(run->captures));
    if (captures_read_bytes(bytes, &reader, error))
        return true;
    g_prefix_error(error, "%s: ", path);
    return false;
}

/* ---- life */

static void
clear_record(void *record)
{
    json_object_unref(((struct finished_record *)record)->object);
}

struct finished_run *
finished_run_load(const char *folder, const struct finished_window *window, GError **error)
{
    g_autoptr(finished_run) run = g_new0(struct finished_run, 1);

    run->from = window->from;
    run->to = INT64_MAX;
    run->records = g_array_new(FALSE, FALSE, sizeof(struct finished_record));
    g_array_set_clear_func(run->records, clear_record);
    run->packets = g_ptr_array_new_with_free_func(g_free);
    run->interfaces = g_ptr_array_new_with_free_func(g_free);
    run->copies = g_array_new(FALSE, FALSE, sizeof(struct finished_copy));
    run->numbers = g_hash_table_new(g_str_hash, g_str_equal);
    if (!load_report(run, folder, error) || !load_journal(run, folder, window, error) ||
        !load_captures(run, folder, error))
        return NULL;
    return g_steal_pointer(&run);
}

void
finished_run_free(struct finished_run *run)
{
    g_array_unref(run->records);
    g_array_unref(run->copies);
    g_hash_table_unref(run->numbers);
    g_ptr_array_unref(run->packets);
    g_ptr_array_unref(run->interfaces);
    g_clear_pointer(&run->captures, g_mapped_file_unref);
    g_clear_pointer(&run->root, json_node_unref);
    g_free(run);
}
