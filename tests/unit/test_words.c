#include "core/base/words.h"

#include "tests/unit/support.h"

static const char *const filterings[] = { "endpoint-independent", "address-dependent", "address-and-port-dependent",
                                          NULL };
static const char *const presets[] = { "full-cone", "restricted-cone", "port-restricted-cone",
                                       "symmetric", "linux",           NULL };
static const char *const few[] = { "ab", "ba", "abc", NULL };
static const char *const one[] = { "only", NULL };
static const char *const none[] = { NULL };

static const struct {
    const char *name;
    const char *const *words;
    const char *word;
    int index;
} finds[] = {
    { "first", filterings, "endpoint-independent", 0 },
    { "last", filterings, "address-and-port-dependent", 2 },
    { "part of one", filterings, "address", -1 },
    { "one and more", filterings, "address-dependent-", -1 },
    { "another case", filterings, "Address-dependent", -1 },
    { "nothing", filterings, "", -1 },
    { "no words", none, "x", -1 },
};

static void
test_find(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(finds); i++)
        CHECK_ROW_INT(finds[i].name, words_find(finds[i].words, finds[i].word), finds[i].index);
}

/* Fewest edits, at most a third of its length and a bit; NULL when none is near. */
static const struct {
    const char *name;
    const char *const *words;
    const char *word, *nearest;
} nears[] = {
    { "itself", presets, "symmetric", "symmetric" },
    { "one letter more", presets, "symmmetric", "symmetric" },
    { "one letter less", presets, "symetric", "symmetric" },
    { "one letter wrong", presets, "symmetrik", "symmetric" },
    { "two neighbours swapped", presets, "lniux", "linux" },
    { "another hyphen", presets, "full_cone", "full-cone" },
    { "the nearer of two", presets, "portrestricted-cone", "port-restricted-cone" },
    { "cut short", presets, "symm", "symmetric" },
    { "cut short at the front", presets, "cone", "full-cone" },
    { "three letters", filterings, "end", "endpoint-independent" },
    { "far away", presets, "bananas", NULL },
    { "much too long", presets, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", NULL },
    { "ties go to the first", few, "aa", "ab" },
    { "ties go to the first, of any edit", few, "bab", "ab" }, /* one letter less gives "ab" and "ba" */
    { "no words", none, "x", NULL },
};

static void
test_nearest(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(nears); i++)
        CHECK_ROW_TEXT(nears[i].name, words_nearest(nears[i].words, nears[i].word), nears[i].nearest);
}

/* Words of every length up to beyond what is compared: found as long as they may be, never any harm. */
static void
test_lengths(void)
{
    for (size_t length = 1; length < 140; length++) {
        g_autofree char *word = g_strnfill(length, 'a'), *other = g_strnfill(139 - length, 'b');
        const char *words[] = { other, word, NULL };
        const char *nearest = words_nearest(words, word);

        if (length <= 63)
            CHECK_ROW_TEXT("itself", nearest, word);
        else
            CHECK(nearest == NULL || nearest == other);
    }
}

static void
test_say(void)
{
    static const struct {
        const char *name;
        const char *const *words;
        const char *text;
    } rows[] = {
        { "none", none, "" },
        { "one", one, "only" },
        { "three", filterings, "endpoint-independent, address-dependent or address-and-port-dependent" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GString) out = g_string_new(NULL);

        words_say(rows[i].words, out);
        CHECK_ROW_TEXT(rows[i].name, out->str, rows[i].text);
    }
}

static void
test_complaint(void)
{
    static const struct {
        const char *const *words;
        const char *word, *what, *text;
    } rows[] = {
        { one, "onyl", "a mapping", "'onyl' is not a mapping; accepted: only; did you mean 'only'?" },
        { few, "zzzzzz", "an option", "'zzzzzz' is not an option; accepted: ab, ba or abc" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *text = words_complaint(rows[i].words, rows[i].word, rows[i].what);

        CHECK_ROW_TEXT(rows[i].word, text, rows[i].text);
    }
}

void
suite_words(void)
{
    UNIT_SUITE("words", NULL, NULL, { "finding", test_find }, { "the nearest", test_nearest },
               { "lengths", test_lengths }, { "saying", test_say }, { "complaining", test_complaint });
}
