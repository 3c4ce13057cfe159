#include "core/base/words.h"

#include <string.h>

int
words_find(const char *const *words, const char *word)
{
    for (int i = 0; words[i]; i++)
        if (strcmp(words[i], word) == 0)
            return i;
    return -1;
}

enum { WORD_MAX = 63 };

/* Edits (insert, delete, replace, swap of neighbours) that turn `a` into `b`; both at most WORD_MAX long. */
static unsigned
edit_distance(const char *a, const char *b)
{
    size_t a_length = strlen(a), b_length = strlen(b);
    unsigned rows[3][WORD_MAX + 1];

    for (size_t j = 0; j <= b_length; j++)
        rows[0][j] = (unsigned)j;
    for (size_t i = 1; i <= a_length; i++) {
        unsigned *row = rows[i % 3];
        const unsigned *above = rows[(i - 1) % 3], *two_above = rows[(i + 1) % 3];

        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_length; j++) {
            unsigned replace = above[j - 1] + (a[i - 1] != b[j - 1]);

            row[j] = MIN(replace, MIN(above[j], row[j - 1]) + 1);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = MIN(row[j], two_above[j - 2] + 1);
        }
    }
    return rows[a_length % 3][b_length];
}

const char *
words_nearest(const char *const *words, const char *word)
{
    size_t length = strlen(word);
    unsigned best = (unsigned)(length / 3 + 2);
    const char *nearest = NULL;

    if (length > WORD_MAX)
        return NULL;
    for (; *words; words++) {
        unsigned distance;

        if (strlen(*words) > WORD_MAX)
            continue;
        /* a word cut short or carried on is near, however much is missing */
        distance = length >= 3 && strstr(*words, word) ? 1 : edit_distance(word, *words);
        if (distance < best) {
            best = distance;
            nearest = *words;
        }
    }
    return nearest;
}

void
words_say(const char *const *words, GString *out)
{
    for (size_t i = 0; words[i]; i++) {
        if (i > 0)
            g_string_append(out, words[i + 1] ? ", " : " or ");
        g_string_append(out, words[i]);
    }
}

char *
words_complaint(const char *const *words, const char *word, const char *what)
{
    const char *nearest = words_nearest(words, word);
    GString *out = g_string_new(NULL);

    g_string_append_printf(out, "'%s' is not %s; accepted: ", word, what);
    words_say(words, out);
    if (nearest)
        g_string_append_printf(out, "; did you mean '%s'?", nearest);
    return g_string_free(out, FALSE);
}
