/* punchlab grade DIR: a folder of students' scenarios, each run in a process of its own with limits, and a table of what
 * became of them. What a file does there (an endless loop, too much memory, a flood of output) is its own affair. */
#include <errno.h>
#include <glib/gstdio.h>
#include <json-glib/json-glib.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>

#include "core/trace/json.h"
#include "scenarios/runner/cli/command.h"
#include "scenarios/runner/cli/confined.h"
#include "scenarios/runner/cli/progress.h"
#include "scenarios/runner/cli/signals.h"
#include "scenarios/runner/sweep/table.h"

struct grade_options {
    bool help;
    GPtrArray *set;
    const char *seed, *seconds, *memory, *jobs, *format, *starter;
};

#define INTO(member) offsetof(struct grade_options, member)
static const struct argument options[] = {
    { "starter", 0, ARGUMENT_TEXT, INTO(starter), "FILE",
      "what the students were given: a file must still make all of\nits expectations" },
    { "set", 0, ARGUMENT_TEXTS, INTO(set), "NAME=VALUE", "gives a parameter of every file another value" },
    { "seed", 0, ARGUMENT_TEXT, INTO(seed), "N", "of everything random (1)" },
    { "time", 0, ARGUMENT_TEXT, INTO(seconds), "SECONDS", "that each may take (20)" },
    { "memory", 0, ARGUMENT_TEXT, INTO(memory), "MIB", "that each may take (2048)" },
    { "jobs", 'j', ARGUMENT_TEXT, INTO(jobs), "N", "at a time (one per processor)" },
    { "format", 0, ARGUMENT_TEXT, INTO(format), "FORMAT", "text, markdown, csv or json (text)" },
    OPTIONS_END
};

static const char *const formats[] = { "text", "markdown", "csv", "json", NULL };
enum { FORMAT_TEXT, FORMAT_MARKDOWN, FORMAT_CSV, FORMAT_JSON };

enum {
    FILES_MOST = 5000, DEPTH_MOST = 3, FILE_BYTES_MOST = 1024 * 1024, OUTPUT_MOST = 4 * 1024 * 1024,
    WHAT_MOST = 200, /* characters of a message in a table */
};

enum verdict_word { PASSED, FAILED, UNFINISHED, EMPTY, CHANGED, BROKEN, SLOW, LOUD, CRASHED, SKIPPED };
static const char *const verdicts[] = {
    [PASSED] = "passed",         /* all expectations held, and there were some */
    [FAILED] = "failed",         /* an expectation did not hold */
    [UNFINISHED] = "unfinished", /* a task was left waiting */
    [EMPTY] = "expects nothing",
    [CHANGED] = "changed",       /* an expectation of the starter is missing */
    [BROKEN] = "error",          /* it raised an error, or is no scenario */
    [SLOW] = "too slow",         /* the time was over */
    [LOUD] = "too loud",         /* it printed too much */
    [CRASHED] = "crashed",       /* the process died; also for more memory than it may have */
    [SKIPPED] = "skipped",       /* it is no ordinary file, or too large */
};

/* One file, and what became of it. */
struct paper {
    char *name;       /* below the folder */
    char *path;
    enum verdict_word verdict;
    unsigned held, failed;
    int line;         /* of the error, or of the first expectation that failed; 0: none */
    char *what;       /* in words; "" */
    GPtrArray *texts; /* char *: its expectations */
};

struct grading {
    const struct command *command;
    const struct grade_options *given;
    int format;
    uint64_t seed, seconds, mebibytes, jobs;
    char *program, *scratch; /* ourselves; where reports go */
    GPtrArray *papers;       /* struct paper * */
    struct paper *starter;   /* NULL: none was given */
    struct progress *progress;
    size_t done;
};

/* ---- the files */

static void
paper_free(void *user)
{
    struct paper *paper = user;

    g_free(paper->name);
    g_free(paper->path);
    g_free(paper->what);
    g_ptr_array_unref(paper->texts);
    g_free(paper);
}

static struct paper *
paper_new(const char *name, const char *path)
{
    struct paper *paper = g_new0(struct paper, 1);

    paper->name = g_strdup(name);
    paper->path = g_strdup(path);
    paper->what = g_strdup("");
    paper->texts = g_ptr_array_new_with_free_func(g_free);
    return paper;
}

static void
decide(struct paper *paper, enum verdict_word verdict, const char *what)
{
    paper->verdict = verdict;
    g_free(paper->what);
    paper->what = g_utf8_make_valid(what, -1);
}

/* Links, pipes and devices are not opened, whatever they are called. */
static void
add_file(GPtrArray *papers, const char *name, const char *path)
{
    struct paper *paper;
    struct stat about;

    if (!g_str_has_suffix(name, ".lua") || papers->len >= FILES_MOST)
        return;
    paper = paper_new(name, path);
    g_ptr_array_add(papers, paper);
    if (lstat(path, &about) != 0)
        decide(paper, SKIPPED, g_strerror(errno));
    else if (!S_ISREG(about.st_mode))
        decide(paper, SKIPPED, "it is no ordinary file");
    else if (about.st_size > FILE_BYTES_MOST)
        decide(paper, SKIPPED, "it is larger than 1 MiB");
}

static int
compare_names(gconstpointer a, gconstpointer b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All files below a folder in order of their names. False when the folder itself can't be read. */
static bool
add_folder(GPtrArray *papers, const char *folder, const char *prefix, unsigned depth, GError **error)
{
    g_autoptr(GDir) dir = g_dir_open(folder, 0, error);
    g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
    const char *entry;

    if (!dir)
        return false;
    while ((entry = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(entry));
    g_ptr_array_sort(names, compare_names);
    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(folder, names->pdata[i], NULL);
        g_autofree char *name = g_strconcat(prefix, names->pdata[i], NULL);
        struct stat about;

        if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode)) {
            g_autofree char *below = g_strconcat(name, "/", NULL);

            if (depth < DEPTH_MOST)
                add_folder(papers, path, below, depth + 1, NULL);
        } else {
            add_file(papers, name, path);
        }
    }
    return true;
}

/* ---- what a report says */

static JsonArray *
array_of(JsonObject *object, const char *name)
{
    JsonNode *node = json_object_get_member(object, name);

    return node && JSON_NODE_HOLDS_ARRAY(node) ? json_node_get_array(node) : NULL;
}

static JsonObject *
object_at(JsonArray *array, guint index)
{
    JsonNode *node = json_array_get_element(array, index);

    return JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *
text_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) && json_node_get_value_type(node) == G_TYPE_STRING
               ? json_node_get_string(node) : "";
}

static int
number_of(JsonObject *object, const char *name)
{
    JsonNode *node = object ? json_object_get_member(object, name) : NULL;

    return node && JSON_NODE_HOLDS_VALUE(node) ? (int)json_node_get_int(node) : 0;
}

static void
read_expectations(struct paper *paper, JsonArray *expectations)
{
    for (guint i = 0; expectations && i < json_array_get_length(expectations); i++) {
        JsonObject *expectation = object_at(expectations, i);

        if (!expectation)
            continue;
        JsonNode *held = json_object_get_member(expectation, "ok");
        bool ok = held && JSON_NODE_HOLDS_VALUE(held) && json_node_get_boolean(held);

        g_ptr_array_add(paper->texts, g_strdup(text_of(expectation, "text")));
        if (!ok && paper->failed == 0) {
            paper->line = number_of(expectation, "line");
            decide(paper, FAILED, text_of(expectation, "text"));
        }
        paper->held += ok;
        paper->failed += !ok;
    }
}

static void
read_waiting(struct paper *paper, JsonArray *waiting)
{
    JsonObject *task = waiting && json_array_get_length(waiting) > 0 ? object_at(waiting, 0) : NULL;

    if (!task || paper->failed > 0)
        return;
    g_autofree char *what = g_strdup_printf("a task was left waiting: %s", text_of(task, "on"));
    paper->line = number_of(task, "line");
    decide(paper, UNFINISHED, what);
}

/* False when it is no report: the program died in the midst of it. */
static bool
read_report(struct paper *paper, const GString *text)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    JsonNode *root = json_parser_load_from_data(parser, text->str, (gssize)text->len, NULL) ? json_parser_get_root(parser)
                                                                                             : NULL;

    if (!root || !JSON_NODE_HOLDS_OBJECT(root))
        return false;
    JsonObject *report = json_node_get_object(root);
    JsonNode *error = json_object_get_member(report, "error");
    read_expectations(paper, array_of(report, "expectations"));
    read_waiting(paper, array_of(report, "waiting"));
    if (error && JSON_NODE_HOLDS_OBJECT(error)) {
        paper->line = number_of(json_node_get_object(error), "line");
        decide(paper, BROKEN, text_of(json_node_get_object(error), "message"));
    }
    return true;
}

static bool
has_text(const struct paper *paper, const char *text)
{
    for (guint i = 0; i < paper->texts->len; i++) {
        if (strcmp(paper->texts->pdata[i], text) == 0)
            return true;
    }
    return false;
}

static void
compare_with_starter(struct paper *paper, const struct paper *starter)
{
    for (guint i = 0; starter && i < starter->texts->len; i++) {
        if (has_text(paper, starter->texts->pdata[i]))
            continue;
        g_autofree char *what = g_strdup_printf("this expectation is missing: %s", (char *)starter->texts->pdata[i]);
        decide(paper, CHANGED, what);
        return;
    }
}

/* What the program complained of, without its own name and the file's. The caller frees it. */
static char *
first_line(const GString *text, const char *path)
{
    static const char name[] = "punchlab run: ";
    g_autofree char *file = g_canonicalize_filename(path, NULL), *prefix = g_strconcat(file, ": ", NULL);
    const char *begin = text->str, *end = strchr(text->str, '\n');

    if (g_str_has_prefix(begin, name))
        begin += strlen(name);
    if (g_str_has_prefix(begin, prefix))
        begin += strlen(prefix);
    return end && end > begin ? g_strndup(begin, (gsize)(end - begin)) : g_strdup(begin);
}

static void
judge(struct paper *paper, const struct paper *starter, const struct confined_result *result)
{
    g_autofree char *said = first_line(result->error, paper->path);
    bool reported;

    switch (result->end) {
    case CONFINED_TOO_LONG:
        decide(paper, SLOW, "its time was over");
        return;
    case CONFINED_TOO_MUCH:
        decide(paper, LOUD, "it said more than is read");
        return;
    case CONFINED_INTERRUPTED:
    case CONFINED_NOT_STARTED:
        decide(paper, CRASHED, said);
        return;
    case CONFINED_SIGNALLED:
        decide(paper, CRASHED, *said ? said : g_strsignal(result->status));
        return;
    case CONFINED_EXITED:
        break;
    }
    reported = read_report(paper, result->out);
    if (!reported)
        decide(paper, BROKEN, *said ? said : "it left no report");
    else if (paper->verdict == PASSED && result->status != STATUS_HELD)
        decide(paper, result->status == STATUS_FAILED ? FAILED : BROKEN, said);
    else if (paper->verdict == PASSED && paper->held == 0)
        decide(paper, EMPTY, "there is no lab.expect in what ran");
    if (paper->verdict == PASSED || paper->verdict == EMPTY)
        compare_with_starter(paper, starter);
}

/* ---- running them */

static struct paper *
paper_at(const struct grading *grading, size_t index)
{
    return grading->papers->pdata[index];
}

/* Each gets a folder of its own for its report. A path that begins with a dash is none any more. */
static char **
command_for(void *user, size_t index)
{
    const struct grading *grading = user;
    GPtrArray *words = g_ptr_array_new();

    g_ptr_array_add(words, g_strdup(grading->program));
    g_ptr_array_add(words, g_strdup("run"));
    g_ptr_array_add(words, g_strdup("--no-trace"));
    g_ptr_array_add(words, g_strdup("--format=json"));
    g_ptr_array_add(words, g_strdup_printf("--out=%s/%zu", grading->scratch, index));
    g_ptr_array_add(words, g_strdup_printf("--seed=%" G_GUINT64_FORMAT, grading->seed));
    for (guint i = 0; grading->given->set && i < grading->given->set->len; i++)
        g_ptr_array_add(words, g_strconcat("--set=", grading->given->set->pdata[i], NULL));
    g_ptr_array_add(words, g_strdup("--"));
    g_ptr_array_add(words, g_canonicalize_filename(paper_at(grading, index)->path, NULL));
    g_ptr_array_add(words, NULL);
    return (char **)g_ptr_array_free(words, FALSE);
}

static void
take_result(void *user, size_t index, const struct confined_result *result)
{
    struct grading *grading = user;
    g_autofree char *folder = g_strdup_printf("%s/%zu", grading->scratch, index);
    g_autofree char *report = g_build_filename(folder, "report.json", NULL);

    g_remove(report);
    g_rmdir(folder);
    judge(paper_at(grading, index), grading->starter, result);
    progress_show(grading->progress, ++grading->done, grading->papers->len);
}

/* The papers that are to be run, as a list of their own: others have their verdict already. */
static void
run_papers(struct grading *grading)
{
    const struct confined_limits limits = { (unsigned)grading->seconds, (unsigned)grading->mebibytes, OUTPUT_MOST };
    g_autoptr(GPtrArray) all = grading->papers, wanted = g_ptr_array_new();

    for (guint i = 0; i < all->len; i++) {
        if (((const struct paper *)all->pdata[i])->verdict != SKIPPED)
            g_ptr_array_add(wanted, all->pdata[i]);
    }
    grading->papers = wanted;
    grading->done = 0;
    grading->progress = progress_new("files");
    confined_run(&limits, wanted->len, (unsigned)grading->jobs, signals_came, command_for, take_result, grading);
    g_clear_pointer(&grading->progress, progress_free);
    grading->papers = g_steal_pointer(&all);
}

/* ---- what is printed */

static char *
number_text(int number)
{
    return number > 0 ? g_strdup_printf("%d", number) : g_strdup("");
}

/* A spreadsheet takes what begins so for a formula, and it was a student who wrote it. */
static char *
cell_text(const struct grading *grading, const char *text)
{
    bool formula = grading->format == FORMAT_CSV && *text && strchr("=+-@\t\r", *text);
    g_autofree char *valid = g_utf8_make_valid(text, -1);
    g_autofree char *cut = grading->format == FORMAT_TEXT ? terminal_cut(valid, WHAT_MOST) : g_strdup(valid);

    return g_strconcat(formula ? "'" : "", g_strdelimit(cut, "\r\n", ' '), NULL);
}

static void
add_row(const struct grading *grading, const struct paper *paper, struct table *table)
{
    enum terminal_style style = paper->verdict == PASSED ? STYLE_GOOD : paper->verdict == FAILED ? STYLE_BAD : STYLE_WARM;
    g_autofree char *name = cell_text(grading, paper->name), *what = cell_text(grading, paper->what);
    g_autofree char *held = g_strdup_printf("%u", paper->held), *failed = g_strdup_printf("%u", paper->failed);
    g_autofree char *line = number_text(paper->line);

    table_add(table, name, STYLE_PLAIN);
    table_add(table, verdicts[paper->verdict], style);
    table_add(table, held, STYLE_PLAIN);
    table_add(table, failed, STYLE_PLAIN);
    table_add(table, line, STYLE_PLAIN);
    table_add(table, what, STYLE_PLAIN);
}

static void
say_json(const struct grading *grading, const char *folder, GString *out)
{
    struct json json = json_over(out, true);

    json_open_object(&json, NULL);
    json_integer(&json, "format", 1);
    json_string(&json, "folder", folder);
    json_open_array(&json, "files");
    for (guint i = 0; i < grading->papers->len; i++) {
        const struct paper *paper = paper_at(grading, i);

        json_open_object(&json, NULL);
        json_string(&json, "file", paper->name);
        json_string(&json, "verdict", verdicts[paper->verdict]);
        json_integer(&json, "held", paper->held);
        json_integer(&json, "failed", paper->failed);
        if (paper->line > 0)
            json_integer(&json, "line", paper->line);
        else
            json_null(&json, "line");
        json_string(&json, "what", *paper->what ? paper->what : NULL);
        json_close_object(&json);
    }
    json_close_array(&json);
    json_close_object(&json);
    g_string_append_c(out, '\n');
}

static unsigned
count_passed(const struct grading *grading)
{
    unsigned passed = 0;

    for (guint i = 0; i < grading->papers->len; i++)
        passed += paper_at(grading, i)->verdict == PASSED;
    return passed;
}

static void
print_grades(const struct grading *grading, const char *folder)
{
    static const char *const headings[] = { "file", "verdict", "held", "failed", "line", "what" };
    struct terminal terminal = terminal_of(stdout);
    g_autoptr(GString) out = g_string_new(NULL);
    struct table *table = table_new(G_N_ELEMENTS(headings));

    for (size_t i = 0; i < G_N_ELEMENTS(headings); i++)
        table_add(table, headings[i], STYLE_STRONG);
    for (guint i = 0; i < grading->papers->len; i++)
        add_row(grading, paper_at(grading, i), table);
    if (grading->format == FORMAT_JSON) {
        say_json(grading, folder, out);
    } else if (grading->format == FORMAT_CSV) {
        table_csv(table, out);
    } else if (grading->format == FORMAT_MARKDOWN) {
        table_markdown(table, out);
    } else {
        table_text(table, &terminal, out);
        g_string_append_printf(out, "\n%u of %u passed\n", count_passed(grading), grading->papers->len);
    }
    fwrite(out->str, 1, out->len, stdout);
    table_free(table);
}

/* ---- the command */

static bool
check_number(const char *name, const char *text, uint64_t least, uint64_t most, uint64_t *number, GError **error)
{
    if (!text)
        return true;
    if (!arguments_number(name, text, number, error))
        return false;
    if (*number >= least && *number <= most)
        return true;
    g_set_error(error, ARGUMENTS_ERROR, 0, "%s: '%s' is not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT,
                name, text, least, most);
    return false;
}

static bool
check_options(struct grading *grading, GError **error)
{
    const struct grade_options *given = grading->given;

    for (guint i = 0; given->set && i < given->set->len; i++) {
        if (!arguments_setting("--set", given->set->pdata[i], error))
            return false;
    }
    return arguments_choice("format", given->format, formats, &grading->format, error) &&
           check_number("--seed", given->seed, 0, INT64_MAX, &grading->seed, error) &&
           check_number("--time", given->seconds, 1, 86400, &grading->seconds, error) &&
           check_number("--memory", given->memory, 64, 1024 * 1024, &grading->mebibytes, error) &&
           check_number("-j", given->jobs, 1, 256, &grading->jobs, error);
}

/* Where we are ourselves, and where reports go. */
static bool
prepare(struct grading *grading, GError **error)
{
    const char *started = (const char *)getauxval(AT_EXECFN);

    grading->program = g_file_read_link("/proc/self/exe", NULL);
    if (!grading->program)
        grading->program = g_strdup(started ? started : "punchlab");
    grading->scratch = g_dir_make_tmp("punchlab-grade-XXXXXX", error);
    return grading->scratch != NULL;
}

/* The starter is run like everybody's: its expectations are what counts, held or not. */
static bool
read_starter(struct grading *grading, GError **error)
{
    const char *path = grading->given->starter;

    if (!path)
        return true;
    grading->papers = g_ptr_array_new_with_free_func(paper_free);
    g_ptr_array_add(grading->papers, paper_new(path, path));
    run_papers(grading);
    struct paper *starter = g_ptr_array_steal_index(grading->papers, 0);
    g_clear_pointer(&grading->papers, g_ptr_array_unref);
    grading->starter = starter;
    if (starter->texts->len > 0)
        return true;
    g_set_error(error, ARGUMENTS_ERROR, 0, "--starter: '%s' makes no expectation%s%s", path, *starter->what ? ": " : "",
                starter->what);
    return false;
}

static int
grade(struct grading *grading, const char *folder)
{
    GError *error = NULL;

    if (!check_options(grading, &error) || !prepare(grading, &error) || !read_starter(grading, &error))
        return command_fail_error(grading->command, error);
    grading->papers = g_ptr_array_new_with_free_func(paper_free);
    if (!add_folder(grading->papers, folder, "", 0, &error))
        return command_fail_error(grading->command, error);
    if (grading->papers->len == 0)
        return command_fail(grading->command, "there is no .lua file in '%s'", folder);
    if (grading->papers->len == FILES_MOST)
        command_fail(grading->command, "only the first %d files are graded", FILES_MOST);
    run_papers(grading);
    if (signals_came(NULL))
        return command_fail(grading->command, "interrupted: a signal came before all files were graded");
    print_grades(grading, folder);
    return count_passed(grading) == grading->papers->len ? STATUS_HELD : STATUS_FAILED;
}

static int
grade_run(const struct command *command, const void *given, const GPtrArray *words)
{
    struct grading grading = {
        .command = command, .given = given, .seed = 1, .seconds = 20, .mebibytes = 2048,
        .jobs = g_get_num_processors(),
    };

    signals_catch();
    int status = grade(&grading, words->pdata[0]);
    if (grading.scratch)
        g_rmdir(grading.scratch);
    g_clear_pointer(&grading.papers, g_ptr_array_unref);
    g_clear_pointer(&grading.starter, paper_free);
    g_free(grading.program);
    g_free(grading.scratch);
    return status;
}

const struct command grade_command = {
    .name = "grade",
    .usage = "DIR [OPTION]...",
    .summary = "a folder of students' scenarios, each in a process of its own",
    .about = "Runs each .lua file in DIR and the folders below it, and prints a table: how many expectations held, how\n"
             "many failed, at which line, and a verdict: passed, failed, unfinished (a task was left waiting), expects\n"
             "nothing, changed (an expectation of the starter is missing), error, too slow, too loud, crashed, skipped.\n"
             "Scenarios have no files, network or clock anyhow; here each has a process with limits of time, memory and\n"
             "output besides, so that none can harm another. Links are not followed. Nothing is left behind.\n"
             "\n"
             "Exit status: 0 every file passed; 1 one did not; 2 wrong usage, or no file to grade.\n",
    .options = options,
    .options_size = sizeof(struct grade_options),
    .words_min = 1,
    .words_max = 1,
    .run = grade_run,
};
