/* Lua's patterns (Lua 5.4 manual, section 6.4.1), matched within a budget of steps.
 *
 * The library's own matcher runs inside C, where the count hook never comes, and some patterns take time exponential in
 * their length. This one counts a step for each character it looks at and gives up when none are left.
 *
 * A match is a plain value; it borrows subject and pattern, and allocates nothing. */
#ifndef SCENARIOS_RUNNER_LUA_PATTERN_H
#define SCENARIOS_RUNNER_LUA_PATTERN_H

#include "core/base/span.h"

#define PATTERN_CAPTURES 32

enum pattern_result { PATTERN_NONE, PATTERN_MATCHED, PATTERN_MALFORMED, PATTERN_EXHAUSTED };

/* A capture that is only a position has no length. */
struct pattern_capture {
    size_t begin;
    ptrdiff_t length;
};
#define PATTERN_OPEN ((ptrdiff_t)-1)
#define PATTERN_POSITION ((ptrdiff_t)-2)

struct pattern_match {
    struct span subject, pattern;
    int64_t *steps;         /* the budget; what is left of it */
    /* Asked once fewer are left than `ask_at`, which it may lower; false gives up. NULL: nobody is asked. */
    bool (*go_on)(struct pattern_match *match);
    int64_t ask_at;
    void *user;
    size_t begin, end;      /* of what matched, in the subject */
    unsigned capture_count;
    struct pattern_capture captures[PATTERN_CAPTURES];
    unsigned depth;
    const char *complaint;  /* after PATTERN_MALFORMED: what is wrong with the pattern */
};

/* Matches at `from` and nowhere else. An anchor ('^') is none here: whoever searches has taken it off. */
enum pattern_result pattern_match_at(struct pattern_match *match, size_t from);

/* Matches at `from` or the first place after it; an anchor at the head of the pattern holds it there. */
enum pattern_result pattern_search(struct pattern_match *match, size_t from);

/* No character of the pattern is magic: it is found as plain text. */
bool pattern_is_plain(struct span pattern);

#endif
