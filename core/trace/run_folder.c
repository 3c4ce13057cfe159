#include "core/trace/run_folder.h"

#include <errno.h>
#include <json-glib/json-glib.h>
#include <string.h>
#include <unistd.h>

#include "core/trace/out_file.h"

/* ---- an earlier run */

/* The list of files of a report that is ours; NULL when it is not. Borrowed from `parser`. */
static JsonArray *
files_of_report(JsonParser *parser)
{
    JsonNode *root = json_parser_get_root(parser), *format, *files;
    JsonObject *report;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return NULL;
    report = json_node_get_object(root);
    format = json_object_get_member(report, "format");
    files = json_object_get_member(report, "files");
    if (!format || json_node_get_value_type(format) != G_TYPE_INT64 || json_node_get_int(format) != 1)
        return NULL;
    if (!json_object_has_member(report, "scenario") || !files || !JSON_NODE_HOLDS_ARRAY(files))
        return NULL;
    return json_node_get_array(files);
}

static bool
remove_file(const char *folder, const char *name, GError **error)
{
    g_autofree char *path = g_build_filename(folder, name, NULL);

    if (unlink(path) == 0 || errno == ENOENT)
        return true;
    out_file_error(error, "remove what an earlier run left,", path, errno);
    return false;
}

/* The name of a capture in that entry of the list, or NULL: it is not one that we would have written. */
static const char *
capture_name(JsonArray *files, guint index)
{
    JsonNode *entry = json_array_get_element(files, index), *path;
    const char *name;

    if (!JSON_NODE_HOLDS_OBJECT(entry))
        return NULL;
    path = json_object_get_member(json_node_get_object(entry), "path");
    if (!path || json_node_get_value_type(path) != G_TYPE_STRING)
        return NULL;
    name = json_node_get_string(path);
    if (strchr(name, '/') || (!g_str_has_suffix(name, ".pcap") && strcmp(name, "all.pcapng") != 0))
        return NULL;
    return name;
}

/* The report goes last: as long as it stands, what it lists can still be told apart. */
static bool
clear_earlier_run(const char *folder, GError **error)
{
    static const char *const others[] = { "journal.jsonl", "ladder.svg", "topology.svg", "report.html", "report.json" };
    g_autofree char *report = g_build_filename(folder, "report.json", NULL);
    g_autoptr(JsonParser) parser = NULL;
    JsonArray *files;
    bool good = true;

    if (access(report, F_OK) != 0)
        return true;
    parser = json_parser_new_immutable();
    files = json_parser_load_from_file(parser, report, NULL) ? files_of_report(parser) : NULL;
    if (!files)
        return true;
    for (guint i = 0; i < json_array_get_length(files) && good; i++) {
        const char *name = capture_name(files, i);

        good = !name || remove_file(folder, name, error);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(others) && good; i++)
        good = remove_file(folder, others[i], error);
    return good;
}

bool
run_folder_open(const char *path, GError **error)
{
    if (g_mkdir_with_parents(path, 0777) != 0) {
        out_file_error(error, "make the folder", path, errno);
        return false;
    }
    if (access(path, W_OK | X_OK) != 0) {
        out_file_error(error, "write into the folder", path, errno);
        return false;
    }
    return clear_earlier_run(path, error);
}

/* ---- names */

void
run_folder_word(const char *name, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid(name, -1);
    gsize begin = out->len;

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar c = g_utf8_get_char(at);
        bool good = g_unichar_isalnum(c) || g_unichar_ismark(c) || c == '_' || c == '-' || c == '+' ||
                    (c == '.' && at > valid);

        if (out->len - begin + (gsize)(good ? g_utf8_next_char(at) - at : 1) > RUN_FOLDER_WORD)
            break;
        g_string_append_unichar(out, good ? c : '_');
    }
    if (out->len == begin)
        g_string_append_c(out, '_');
}
