#include <stdio.h>

#include <glib/gstdio.h>

#include "tests/unit/support.h"

void
unit_suite_add(const char *name, void (*set_up)(void), void (*tear_down)(void), const struct unit_test *tests,
               size_t count)
{
    CU_pSuite suite = CU_add_suite_with_setup_and_teardown(name, NULL, NULL, set_up, tear_down);

    if (!suite)
        g_error("suite %s: %s", name, CU_get_error_msg());
    for (size_t i = 0; i < count; i++) {
        if (!CU_add_test(suite, tests[i].name, tests[i].run))
            g_error("suite %s, test %s: %s", name, tests[i].name, CU_get_error_msg());
    }
}

bool
unit_check(bool held, const char *row, const char *what, const char *file, unsigned line)
{
    g_autofree char *text = NULL;

    /* Formatted for a failure only: most rows hold, and there are many. */
    if (!held && row)
        text = g_strdup_printf("[%s] %s", row, what);
    CU_assertImplementation(held, line, text ? text : what, file, "", CU_FALSE);
    return held;
}

bool
unit_check_int(int64_t got, int64_t expected, const char *row, const char *what, const char *file, unsigned line)
{
    g_autofree char *text = NULL;

    if (got != expected)
        text = g_strdup_printf("%s is %" PRId64 ", not %" PRId64, what, got, expected);
    return unit_check(got == expected, row, text ? text : what, file, line);
}

bool
unit_check_uint(uint64_t got, uint64_t expected, const char *row, const char *what, const char *file, unsigned line)
{
    g_autofree char *text = NULL;

    if (got != expected)
        text = g_strdup_printf("%s is %" PRIu64 " (0x%" PRIx64 "), not %" PRIu64 " (0x%" PRIx64 ")", what, got, got,
                               expected, expected);
    return unit_check(got == expected, row, text ? text : what, file, line);
}

bool
unit_check_text(const char *got, const char *expected, const char *row, const char *what, const char *file,
                unsigned line)
{
    g_autofree char *text = NULL;
    bool held = g_strcmp0(got, expected) == 0;

    if (!held)
        text = g_strdup_printf("%s is \"%s\", not \"%s\"", what, got ? got : "(none)", expected ? expected : "(none)");
    return unit_check(held, row, text ? text : what, file, line);
}

/* Up to 16 bytes from `offset`. */
static void
say_bytes(GString *out, struct span bytes, size_t offset)
{
    for (size_t i = offset; i < bytes.length && i < offset + 16; i++)
        g_string_append_printf(out, " %02x", bytes.bytes[i]);
    if (bytes.length <= offset)
        g_string_append(out, " (end)");
}

bool
unit_check_bytes(struct span got, struct span expected, const char *row, const char *what, const char *file,
                 unsigned line)
{
    bool held = span_equal(got, expected);
    size_t offset = 0;

    if (held)
        return unit_check(true, row, what, file, line);

    while (offset < got.length && offset < expected.length && got.bytes[offset] == expected.bytes[offset])
        offset++;
    g_autoptr(GString) text = g_string_new(what);
    g_string_append_printf(text, ": %zu bytes, expected %zu; from byte %zu:", got.length, expected.length, offset);
    say_bytes(text, got, offset);
    g_string_append(text, ", expected:");
    say_bytes(text, expected, offset);
    return unit_check(false, row, text->str, file, line);
}

GBytes *
unit_hex(const char *text)
{
    GByteArray *bytes = g_byte_array_new();

    while (*text) {
        if (g_ascii_isspace(*text)) {
            text++;
            continue;
        }
        if (!g_ascii_isxdigit(text[0]) || !g_ascii_isxdigit(text[1]))
            g_error("not hexadecimal: %s", text);
        uint8_t byte = (uint8_t)(g_ascii_xdigit_value(text[0]) << 4 | g_ascii_xdigit_value(text[1]));
        g_byte_array_append(bytes, &byte, 1);
        text += 2;
    }
    return g_byte_array_free_to_bytes(bytes);
}

uint8_t *
unit_exact(struct span bytes)
{
    return bytes.length ? g_memdup2(bytes.bytes, bytes.length) : g_malloc(1);
}

char *
unit_folder_new(void)
{
    g_autoptr(GError) error = NULL;
    char *folder = g_dir_make_tmp("punchlab-test-XXXXXX", &error);

    if (!folder)
        g_error("no temporary folder: %s", error->message);
    return folder;
}

static void
remove_tree(const char *path)
{
    if (g_file_test(path, G_FILE_TEST_IS_DIR) && !g_file_test(path, G_FILE_TEST_IS_SYMLINK)) {
        g_autoptr(GDir) dir = g_dir_open(path, 0, NULL);
        const char *name;

        while (dir && (name = g_dir_read_name(dir))) {
            g_autofree char *inside = g_build_filename(path, name, NULL);
            remove_tree(inside);
        }
    }
    (void)g_remove(path);
}

void
unit_folder_remove(char *folder)
{
    if (folder)
        remove_tree(folder);
    g_free(folder);
}

bool
unit_is_word(const char *word)
{
    if (!word || !*word || word[0] == '-')
        return false;
    for (const char *at = word; *at; at++) {
        if (*at == '-' && (at[1] == '-' || at[1] == '\0'))
            return false;
        if (*at != '-' && !g_ascii_islower(*at) && !g_ascii_isdigit(*at))
            return false;
    }
    return true;
}
