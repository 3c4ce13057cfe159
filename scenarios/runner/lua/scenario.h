/* A scenario: a Lua file, the lab it builds, the tasks it runs, and what it reports.
 *
 * scenario_new reads the file and runs its top level at time 0, which builds the topology and starts tasks; scenario_run
 * then moves virtual time until the run ends (interface section 3). Neither prints or writes files: captures and records
 * are taken by whoever calls, between the two (see `lab`). Scenarios share nothing: many run side by side in threads. */
#ifndef SCENARIOS_RUNNER_LUA_SCENARIO_H
#define SCENARIOS_RUNNER_LUA_SCENARIO_H

#include "scenarios/lab/lab.h"

/* What results, parameters and lists of them are made of. Endpoints have become texts. */
enum value_type { VALUE_BOOLEAN, VALUE_INTEGER, VALUE_NUMBER, VALUE_TEXT, VALUE_LIST };

struct value {
    enum value_type type;
    bool boolean;
    int64_t integer;
    double number;
    GBytes *text;     /* may hold any bytes */
    GPtrArray *list;  /* struct value * */
};

void value_free(struct value *value);
/* Appends the value as a person would write it: true, 12, 0.5, text, a list with ", " between. */
void value_say(const struct value *value, GString *out);

struct scenario_parameter {
    char *name, *help;
    struct value *fallback, *value; /* the default; what it is in this run */
    GPtrArray *accepted;            /* struct value *, or NULL: anything of the default's type */
};

struct scenario_result { char *name; struct value *value; };
struct scenario_expectation { char *text; bool ok; int64_t at; int line; };
struct scenario_note { char *text; int64_t at; char *task; };
struct scenario_waiting { char *task; int line; char *on; };

enum scenario_end { SCENARIO_DONE, SCENARIO_STUCK, SCENARIO_STOPPED, SCENARIO_UNTIL, SCENARIO_FAILED };
extern const char *const scenario_end_words[]; /* "done", "stuck", "stop", "until", "error" */

struct scenario_options {
    const char *path;              /* of the file */
    uint64_t seed;
    const char *const *set;        /* "k=v", ending with NULL; or NULL */
    int64_t until;                 /* virtual time; TIME_NEVER: 24 h */
    bool unsafe;                   /* no bounds on memory and instructions */
    bool show_only;                /* the top level only: parameters, title and topology */
    /* Called for each lab.note and print as it happens; NULL: nobody. */
    void (*note)(void *user, int64_t at, const char *text);
    void *user;
    /* Asked now and then; true ends the run as if by lab.stop (a signal came). A turn of the script that lasts is stopped
     * too, whatever it does, and then no function of lab.at_end is called. NULL: never. */
    bool (*interrupted)(void *user);
};

struct scenario {
    struct lab *lab;
    struct recorder *recorder; /* core/trace/recorder.h: made with the lab, attached to the world by the first who listens
                                  (lab.watch, a trace, an explanation) */
    char *name, *title, *about; /* `title` NULL: the script gives none, and its name serves */
    GPtrArray *parameters;   /* struct scenario_parameter *, as declared */
    GPtrArray *results;      /* struct scenario_result *, in the order in which they were first set */
    GPtrArray *expectations; /* struct scenario_expectation * */
    GPtrArray *notes;        /* struct scenario_note * */
    GPtrArray *waiting;      /* struct scenario_waiting *: foreground tasks still waiting at the end */
    enum scenario_end ended;
    char *error_message, *error_file; /* when ended is SCENARIO_FAILED */
    int error_line;
    bool captures_asked;     /* lab.capture{} was called: only `capture_nodes` are to be traced */
    GPtrArray *capture_nodes; /* names */
};

/* Reads the file and runs its top level. NULL with an error when the file cannot be read or a parameter is wrong
 * (SCENARIO_ERROR); a Lua error in the file gives a scenario whose `ended` is SCENARIO_FAILED. */
#define SCENARIO_ERROR (scenario_error_quark())
GQuark scenario_error_quark(void);
struct scenario *scenario_new(const struct scenario_options *options, GError **error);

/* Runs it to its end; once. */
void scenario_run(struct scenario *scenario);

/* All expectations held and no task was left waiting. */
bool scenario_passed(const struct scenario *scenario);

const struct value *scenario_result(const struct scenario *scenario, const char *name);

void scenario_free(struct scenario *scenario);
typedef struct scenario scenario;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(scenario, scenario_free)

#endif
