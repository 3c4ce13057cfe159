/* A pattern is a row of items: a single (a character, a class, a set) with perhaps a repetition behind it, a
 * capture's begin or end, a back reference, a balanced match, a frontier. `match_here` matches the row from one item
 * on; where an item can match in several ways it tries each with the rest of the row, so its depth is bounded by the
 * number of items. In what follows `s` is a place in the subject, `p` one in the pattern. */
#include "scenarios/runner/lua/pattern.h"

#include <glib.h>

enum { DEPTH_MAX = 200, ESCAPE = '%' };

static enum pattern_result match_here(struct pattern_match *m, size_t s, size_t p);

static enum pattern_result
malformed(struct pattern_match *m, const char *complaint)
{
    m->complaint = complaint;
    return PATTERN_MALFORMED;
}

static bool
at_end(const struct pattern_match *m, size_t p)
{
    return p >= m->pattern.length;
}

static int
pattern_at(const struct pattern_match *m, size_t p)
{
    return p < m->pattern.length ? m->pattern.bytes[p] : -1;
}

/* The end of the set that begins at `p` ("[...]"). */
static enum pattern_result
set_end(struct pattern_match *m, size_t p, size_t *end)
{
    p++;
    if (pattern_at(m, p) == '^')
        p++;
    do { /* a ']' that comes first is one of the set */
        if (at_end(m, p))
            return malformed(m, "malformed pattern (missing ']')");
        if (m->pattern.bytes[p++] == ESCAPE) {
            if (at_end(m, p))
                return malformed(m, "malformed pattern (missing ']')");
            p++;
        }
    } while (pattern_at(m, p) != ']');
    *end = p + 1;
    return PATTERN_MATCHED;
}

/* The end of the single character, class or set at `p`. */
static enum pattern_result
single_end(struct pattern_match *m, size_t p, size_t *end)
{
    int c = m->pattern.bytes[p];

    if (c == '[')
        return set_end(m, p, end);
    if (c == ESCAPE && at_end(m, p + 1))
        return malformed(m, "malformed pattern (ends with '%')");
    *end = p + (c == ESCAPE ? 2 : 1);
    return PATTERN_MATCHED;
}

static bool
in_class(int c, int class)
{
    bool is;

    switch (g_ascii_tolower((gchar)class)) { /* ASCII, whatever the locale */
    case 'a': is = g_ascii_isalpha(c); break;
    case 'c': is = g_ascii_iscntrl(c); break;
    case 'd': is = g_ascii_isdigit(c); break;
    case 'g': is = g_ascii_isgraph(c); break;
    case 'l': is = g_ascii_islower(c); break;
    case 'p': is = g_ascii_ispunct(c); break;
    case 's': is = c == ' ' || (c >= '\t' && c <= '\r'); break;
    case 'u': is = g_ascii_isupper(c); break;
    case 'w': is = g_ascii_isalnum(c); break;
    case 'x': is = g_ascii_isxdigit(c); break;
    default: return class == c;
    }
    return g_ascii_isupper(class) ? !is : is;
}

/* Whether `c` is in the set from `p` ('[') to `end` (behind its ']'). */
static bool
in_set(struct pattern_match *m, int c, size_t p, size_t end)
{
    const uint8_t *bytes = m->pattern.bytes;
    size_t last = end - 1;
    bool inside = true;

    *m->steps -= (int64_t)(end - p);
    if (bytes[++p] == '^') {
        inside = false;
        p++;
    }
    while (p < last) {
        if (bytes[p] == ESCAPE) {
            if (in_class(c, bytes[p + 1]))
                return inside;
            p += 2;
        } else if (p + 2 < last && bytes[p + 1] == '-') {
            if (bytes[p] <= c && c <= bytes[p + 2])
                return inside;
            p += 3;
        } else if (bytes[p++] == c) {
            return inside;
        }
    }
    return !inside;
}

/* Whether the single from `p` to `end` matches the character at `s`. */
static bool
single_matches(struct pattern_match *m, size_t s, size_t p, size_t end)
{
    (*m->steps)--;
    if (s >= m->subject.length)
        return false;

    int c = m->subject.bytes[s];
    switch (m->pattern.bytes[p]) {
    case '.': return true;
    case ESCAPE: return in_class(c, m->pattern.bytes[p + 1]);
    case '[': return in_set(m, c, p, end);
    default: return m->pattern.bytes[p] == c;
    }
}

/* As many as there are, then fewer, until the rest matches too. */
static enum pattern_result
match_most(struct pattern_match *m, size_t s, size_t p, size_t end, size_t at_least)
{
    size_t count = 0;

    while (*m->steps > 0 && single_matches(m, s + count, p, end))
        count++;
    for (; count + 1 > at_least; count--) {
        enum pattern_result result = match_here(m, s + count, end + 1);

        if (result != PATTERN_NONE)
            return result;
        if (count == 0)
            break;
    }
    return PATTERN_NONE;
}

/* As few as will do. */
static enum pattern_result
match_fewest(struct pattern_match *m, size_t s, size_t p, size_t end)
{
    for (;;) {
        enum pattern_result result = match_here(m, s, end + 1);

        if (result != PATTERN_NONE || !single_matches(m, s, p, end))
            return result;
        s++;
    }
}

static enum pattern_result
open_capture(struct pattern_match *m, size_t s, size_t p, ptrdiff_t length)
{
    if (m->capture_count == PATTERN_CAPTURES)
        return malformed(m, "too many captures");
    m->captures[m->capture_count++] = (struct pattern_capture){ s, length };

    enum pattern_result result = match_here(m, s, p);
    if (result == PATTERN_NONE)
        m->capture_count--;
    return result;
}

static enum pattern_result
close_capture(struct pattern_match *m, size_t s, size_t p)
{
    for (unsigned i = m->capture_count; i-- > 0;) {
        struct pattern_capture *capture = &m->captures[i];

        if (capture->length != PATTERN_OPEN)
            continue;
        capture->length = (ptrdiff_t)(s - capture->begin);
        enum pattern_result result = match_here(m, s, p);
        if (result == PATTERN_NONE)
            capture->length = PATTERN_OPEN;
        return result;
    }
    return malformed(m, "invalid pattern capture");
}

/* "%bxy" at `p`; `*end` is where the balanced run ends. */
static enum pattern_result
match_balance(struct pattern_match *m, size_t s, size_t p, size_t *end)
{
    if (at_end(m, p + 3))
        return malformed(m, "malformed pattern (missing arguments to '%b')");
    if (s >= m->subject.length || m->subject.bytes[s] != m->pattern.bytes[p + 2])
        return PATTERN_NONE;

    int opens = m->pattern.bytes[p + 2], closes = m->pattern.bytes[p + 3];
    size_t nesting = 1;
    for (size_t at = s + 1; at < m->subject.length; at++) {
        int c = m->subject.bytes[at];

        (*m->steps)--;
        if (c == closes) {
            if (--nesting == 0) {
                *end = at + 1;
                return PATTERN_MATCHED;
            }
        } else if (c == opens) {
            nesting++;
        }
    }
    return PATTERN_NONE;
}

/* "%f[set]" at `p`; `*end` is behind the set. Before the first character and behind the last there is a '\0'. */
static enum pattern_result
match_frontier(struct pattern_match *m, size_t s, size_t p, size_t *end)
{
    if (pattern_at(m, p + 2) != '[')
        return malformed(m, "missing '[' after '%f' in pattern");
    enum pattern_result result = set_end(m, p + 2, end);
    if (result != PATTERN_MATCHED)
        return result;

    int before = s == 0 ? '\0' : m->subject.bytes[s - 1];
    int here = s < m->subject.length ? m->subject.bytes[s] : '\0';
    bool is = !in_set(m, before, p + 2, *end) && in_set(m, here, p + 2, *end);
    return is ? PATTERN_MATCHED : PATTERN_NONE;
}

/* "%1" at `p`: what the capture matched, once more. */
static enum pattern_result
match_reference(struct pattern_match *m, size_t s, size_t p, size_t *end)
{
    int index = m->pattern.bytes[p + 1] - '1';

    if (index < 0 || (unsigned)index >= m->capture_count || m->captures[index].length == PATTERN_OPEN)
        return malformed(m, "invalid capture index in pattern");

    const struct pattern_capture *capture = &m->captures[index];
    size_t length = capture->length > 0 ? (size_t)capture->length : 0;
    *m->steps -= (int64_t)length;
    if (m->subject.length - s < length)
        return PATTERN_NONE;
    if (memcmp(m->subject.bytes + capture->begin, m->subject.bytes + s, length) != 0)
        return PATTERN_NONE;
    *end = s + length;
    return PATTERN_MATCHED;
}

/* Steps over what needs no choice ("%b", "%f", "%1"): true when `*s` and `*p` have moved on, or `*result` is final. */
static bool
match_special(struct pattern_match *m, size_t *s, size_t *p, enum pattern_result *result)
{
    int kind = pattern_at(m, *p + 1);
    size_t end = 0;

    if (pattern_at(m, *p) != ESCAPE)
        return false;
    if (kind == 'b') {
        *result = match_balance(m, *s, *p, &end);
        *s = end;
        *p += 4;
    } else if (kind == 'f') {
        *result = match_frontier(m, *s, *p, &end);
        *p = end;
    } else if (kind >= '0' && kind <= '9') {
        *result = match_reference(m, *s, *p, &end);
        *s = end;
        *p += 2;
    } else {
        return false;
    }
    return true;
}

static enum pattern_result
match_single(struct pattern_match *m, size_t *s, size_t *p, bool *done)
{
    size_t end = 0;
    enum pattern_result result = single_end(m, *p, &end);

    *done = true;
    if (result != PATTERN_MATCHED)
        return result;
    switch (pattern_at(m, end)) {
    case '*': return match_most(m, *s, *p, end, 0);
    case '+': return match_most(m, *s, *p, end, 1);
    case '-': return match_fewest(m, *s, *p, end);
    case '?':
        if (single_matches(m, *s, *p, end)) {
            result = match_here(m, *s + 1, end + 1);
            if (result != PATTERN_NONE)
                return result;
        }
        *p = end + 1;
        break;
    default:
        if (!single_matches(m, *s, *p, end))
            return PATTERN_NONE;
        *s += 1;
        *p = end;
    }
    *done = false;
    return PATTERN_MATCHED;
}

static enum pattern_result
match_row(struct pattern_match *m, size_t s, size_t p)
{
    for (;;) {
        enum pattern_result result;
        bool done;

        if (*m->steps <= 0 || (*m->steps < m->ask_at && m->go_on && !m->go_on(m)))
            return PATTERN_EXHAUSTED;
        if (at_end(m, p)) {
            m->end = s;
            return PATTERN_MATCHED;
        }
        if (pattern_at(m, p) == '(')
            return pattern_at(m, p + 1) == ')' ? open_capture(m, s, p + 2, PATTERN_POSITION)
                                               : open_capture(m, s, p + 1, PATTERN_OPEN);
        if (pattern_at(m, p) == ')')
            return close_capture(m, s, p + 1);
        if (pattern_at(m, p) == '$' && at_end(m, p + 1)) {
            m->end = s;
            return s == m->subject.length ? PATTERN_MATCHED : PATTERN_NONE;
        }
        if (match_special(m, &s, &p, &result)) {
            if (result != PATTERN_MATCHED)
                return result;
            continue;
        }
        result = match_single(m, &s, &p, &done);
        if (done || result != PATTERN_MATCHED)
            return result;
    }
}

static enum pattern_result
match_here(struct pattern_match *m, size_t s, size_t p)
{
    if (m->depth == DEPTH_MAX)
        return malformed(m, "pattern too complex");
    m->depth++;
    enum pattern_result result = match_row(m, s, p);
    m->depth--;
    return result;
}

static enum pattern_result
match_from(struct pattern_match *match, size_t from, size_t p)
{
    match->capture_count = 0;
    match->depth = 0;
    match->begin = from;

    enum pattern_result result = match_here(match, from, p);
    for (unsigned i = 0; result == PATTERN_MATCHED && i < match->capture_count; i++) {
        if (match->captures[i].length == PATTERN_OPEN)
            return malformed(match, "unfinished capture");
    }
    return result;
}

enum pattern_result
pattern_match_at(struct pattern_match *match, size_t from)
{
    return match_from(match, from, 0);
}

enum pattern_result
pattern_search(struct pattern_match *match, size_t from)
{
    if (pattern_at(match, 0) == '^')
        return match_from(match, from, 1);
    for (; from <= match->subject.length; from++) {
        enum pattern_result result = match_from(match, from, 0);

        if (result != PATTERN_NONE)
            return result;
    }
    return PATTERN_NONE;
}

bool
pattern_is_plain(struct span pattern)
{
    for (size_t i = 0; i < pattern.length; i++) {
        if (memchr("^$*+?.([%-", pattern.bytes[i], 10))
            return false;
    }
    return true;
}
