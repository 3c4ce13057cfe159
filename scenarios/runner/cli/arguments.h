/* The words of a command line, read by a table.
 *
 * GNU habits: options and other words mix, "--" ends the options, "--name=value" and "--name value" are the same, so
 * are "-j4" and "-j 4", and a long name may be cut short while it is clear. What is wrong is told in one sentence
 * (ARGUMENTS_ERROR) that names the nearest option. Nothing is printed here.
 *
 * A command's options land in a struct of its own, at `into` (an offset): a bool for FLAG; const char * for TEXT and
 * OPTIONAL; GPtrArray * of const char *, made at the first, for TEXTS. All texts are borrowed from argv. */
#ifndef SCENARIOS_RUNNER_CLI_ARGUMENTS_H
#define SCENARIOS_RUNNER_CLI_ARGUMENTS_H

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum argument_kind {
    ARGUMENT_FLAG,
    ARGUMENT_TEXT,     /* the last one holds */
    ARGUMENT_TEXTS,    /* may be given several times */
    ARGUMENT_OPTIONAL, /* the value only after "="; "" where there is none */
};

struct argument {
    const char *name;  /* without dashes; NULL ends a table */
    char letter;       /* 0: none */
    enum argument_kind kind;
    size_t into;
    const char *value; /* what the help calls it: "DIR" */
    const char *help;  /* "\n" breaks the line */
};

#define ARGUMENTS_ERROR (arguments_error_quark())
GQuark arguments_error_quark(void);

/* Reads argv[0] to argv[argc - 1]. Words that are no options are appended to `words`. False with an error. */
bool arguments_parse(const struct argument *table, int argc, char **argv, void *into, GPtrArray *words,
                     GError **error);

/* Whether this option was there. */
bool arguments_given(const struct argument *option, const void *into);

/* Frees the lists of TEXTS in `into`. */
void arguments_clear(const struct argument *table, void *into);

/* Appends the table as the lines of a help page. */
void arguments_help(const struct argument *table, GString *out);

/* A whole number from 0 to 2^63 - 1 (what JSON readers can be trusted with); `what` names it in the error: "--seed". */
bool arguments_number(const char *what, const char *text, uint64_t *number, GError **error);

/* "10Mbit/s", as bits a second: more than none. */
bool arguments_rate(const char *what, const char *text, uint64_t *bits_per_second, GError **error);

/* "20ms", or a bare number of seconds. */
bool arguments_duration(const char *what, const char *text, int64_t *duration, GError **error);

/* The index in `choices` (ends with NULL). NULL for `text` is the first. */
bool arguments_choice(const char *what, const char *text, const char *const *choices, int *choice, GError **error);

/* "N": seeds 1 to N; "A..B": A to B. NULL: 1 to 1. At most SEEDS_MAX of them. */
struct seeds {
    uint64_t first, count;
};
#define SEEDS_MAX 10000000
bool arguments_seeds(const char *what, const char *text, struct seeds *seeds, GError **error);

/* "k=v": false with an error when there is no "=" or nothing before it. */
bool arguments_setting(const char *what, const char *text, GError **error);

#endif
