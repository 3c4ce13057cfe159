#include "scenarios/runner/cli/find.h"

#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "core/base/words.h"

#ifndef PUNCHLAB_SCENARIOS
#define PUNCHLAB_SCENARIOS "/usr/local/share/punchlab/scenarios"
#endif

G_DEFINE_QUARK(punchlab-find-error, find_error)

/* The folders with scenarios, one topic each: the others in a build tree hold the program's own sources. */
static const char *const topics[] = { "situations", "nat", "stun", "turn", "ice", "sip", NULL };

/* ---- the folder */

/* Where the program's file is; in a bare root without /proc, by the path with which it was started. */
static char *
program_folder(void)
{
    g_autofree char *program = g_file_read_link("/proc/self/exe", NULL);
    const char *started = (const char *)getauxval(AT_EXECFN);

    if (!program && started)
        program = g_strdup(started);
    return program ? g_path_get_dirname(program) : NULL;
}

static bool
is_folder(const char *path)
{
    return g_file_test(path, G_FILE_TEST_IS_DIR);
}

char *
find_shipped_folder(void)
{
    static const char *const beside[] = { "../scenarios", "../share/punchlab/scenarios" };
    const char *wanted = g_getenv("PUNCHLAB_SCENARIOS");
    g_autofree char *program = program_folder();

    if (wanted && *wanted)
        return is_folder(wanted) ? g_strdup(wanted) : NULL;
    for (size_t i = 0; program && i < G_N_ELEMENTS(beside); i++) {
        g_autofree char *path = g_build_filename(program, beside[i], NULL);
        g_autofree char *one_topic = g_build_filename(path, topics[0], NULL);

        if (is_folder(one_topic))
            return g_canonicalize_filename(path, NULL);
    }
    return is_folder(PUNCHLAB_SCENARIOS) ? g_strdup(PUNCHLAB_SCENARIOS) : NULL;
}

static void
add_topic(const char *folder, const char *topic, GPtrArray *names)
{
    g_autofree char *path = g_build_filename(folder, topic, NULL);
    g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
    const char *file;

    while (dir && (file = g_dir_read_name(dir))) {
        if (g_str_has_suffix(file, ".lua") && file[0] != '.')
            g_ptr_array_add(names, g_strdup_printf("%s/%.*s", topic, (int)strlen(file) - 4, file));
    }
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

char **
find_shipped(const char *folder)
{
    GPtrArray *names = g_ptr_array_new();

    for (size_t i = 0; topics[i]; i++)
        add_topic(folder, topics[i], names);
    g_ptr_array_sort(names, compare_names);
    g_ptr_array_add(names, NULL);
    return (char **)g_ptr_array_free(names, FALSE);
}

/* ---- one of them */

static bool
is_file(const char *path)
{
    return g_file_test(path, G_FILE_TEST_EXISTS) && !is_folder(path);
}

/* `start` as it is, or with ".lua" after it; NULL when neither is a file. */
static char *
file_at(const char *start)
{
    g_autofree char *longer = NULL;

    if (is_file(start))
        return g_strdup(start);
    longer = g_strconcat(start, ".lua", NULL);
    return is_file(longer) ? g_steal_pointer(&longer) : NULL;
}

/* "situations/x" for a file in a topic of the shipped folder, else its last part; without ".lua". */
static char *
name_of(const char *path, const char *folder)
{
    char *whole = realpath(path, NULL), *root = folder ? realpath(folder, NULL) : NULL;
    const char *file = whole ? whole : path, *slash = strrchr(file, '/');
    const char *start = slash ? slash + 1 : file;

    if (root && g_str_has_prefix(file, root) && file[strlen(root)] == '/')
        start = file + strlen(root) + 1;
    char *name = g_strdup(start);
    if (g_str_has_suffix(name, ".lua") && strlen(name) > 4)
        name[strlen(name) - 4] = '\0';
    free(whole);
    free(root);
    return name;
}

static void
complain(const char *word, const char *folder, GError **error)
{
    g_auto(GStrv) names = folder ? find_shipped(folder) : NULL;
    const char *nearest = names ? words_nearest((const char *const *)names, word) : NULL;

    for (char **name = names; !nearest && name && *name; name++) {
        const char *last[] = { strchr(*name, '/') + 1, NULL };
        const char *slash = strrchr(word, '/');

        if (words_nearest(last, slash ? slash + 1 : word))
            nearest = *name;
    }
    if (is_folder(word))
        g_set_error(error, FIND_ERROR, 0, "'%s' is a folder, not a scenario", word);
    else if (nearest)
        g_set_error(error, FIND_ERROR, 0, "there is no scenario '%s'; did you mean '%s'?", word, nearest);
    else if (!folder)
        g_set_error(error, FIND_ERROR, 0, "there is no file '%s', and " FIND_NO_FOLDER, word);
    else
        g_set_error(error, FIND_ERROR, 0, "there is no scenario '%s': no such file, and none that ships has this name "
                    "('punchlab list' shows them)", word);
}

bool
find_scenario(const char *word, char **path, char **name, GError **error)
{
    g_autofree char *folder = find_shipped_folder();
    g_autofree char *found = *word ? file_at(word) : NULL;

    if (!found && *word && folder) {
        g_autofree char *shipped = g_build_filename(folder, word, NULL);

        found = file_at(shipped);
    }
    if (!found) {
        complain(word, folder, error);
        return false;
    }
    *name = name_of(found, folder);
    *path = g_steal_pointer(&found);
    return true;
}
