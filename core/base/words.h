/* Words that people write for values: finding them, and helping those who mistype.
 *
 * A list of words ends with NULL; the index of a word is its value, so that a word table stands next to its enum. */
#ifndef CORE_BASE_WORDS_H
#define CORE_BASE_WORDS_H

#include <glib.h>

/* The index of `word` in `words`, or -1. */
int words_find(const char *const *words, const char *word);

/* The word that `word` was most likely meant to be (fewest edits, at most a third of its length and a bit), or NULL
 * when none is near. Ties go to the first. */
const char *words_nearest(const char *const *words, const char *word);

/* Appends "a, b or c". */
void words_say(const char *const *words, GString *out);

/* "'restricted' is not a mapping; accepted: a, b or c; did you mean 'b'?": `what` names the thing with its article. The
 * caller frees it. */
char *words_complaint(const char *const *words, const char *word, const char *what);

#endif
