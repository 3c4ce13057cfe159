/* What the table-driven tests share, on top of CUnit.
 *
 * A file tests/unit/test_NAME.c defines `void suite_NAME(void)`, which adds its suite; the list of them is made by the
 * Makefile from the names of the files. A row is a case with a name, and a failed check prints the name:
 *
 *     for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)
 *         CHECK_ROW(rows[i].name, address_parse(rows[i].text, &address));
 *
 * All checks return whether they held and go on; each is counted by CUnit. */
#ifndef TESTS_UNIT_SUPPORT_H
#define TESTS_UNIT_SUPPORT_H

#include <CUnit/CUnit.h>
#include <glib.h>
#include <inttypes.h>

#include "core/base/span.h"

struct unit_file {
    const char *name;
    void (*suite)(void);
};

extern const struct unit_file unit_files[]; /* ends with a NULL name */

struct unit_test {
    const char *name;
    void (*run)(void);
};

/* Adds a suite; `set_up` and `tear_down` surround each of its tests and may be NULL. */
void unit_suite_add(const char *name, void (*set_up)(void), void (*tear_down)(void), const struct unit_test *tests,
                    size_t count);

/* UNIT_SUITE("address", NULL, NULL, { "parses", test_parses }, { "formats", test_formats }); */
#define UNIT_SUITE(name, set_up, tear_down, ...)                                                                       \
    do {                                                                                                               \
        static const struct unit_test unit_suite_tests[] = { __VA_ARGS__ };                                            \
        unit_suite_add(name, set_up, tear_down, unit_suite_tests, G_N_ELEMENTS(unit_suite_tests));                     \
    } while (0)

#define CHECK(condition) unit_check(condition, NULL, #condition, __FILE__, __LINE__)
#define CHECK_ROW(row, condition) unit_check(condition, row, #condition, __FILE__, __LINE__)
/* Print what came and what was expected: whole numbers as int64_t, unsigned ones in hexadecimal too, text (NULL is no
 * text), bytes in hexadecimal from the first that differs. */
#define CHECK_ROW_INT(row, got, expected) unit_check_int(got, expected, row, #got, __FILE__, __LINE__)
#define CHECK_ROW_UINT(row, got, expected) unit_check_uint(got, expected, row, #got, __FILE__, __LINE__)
#define CHECK_ROW_TEXT(row, got, expected) unit_check_text(got, expected, row, #got, __FILE__, __LINE__)
#define CHECK_ROW_BYTES(row, got, expected) unit_check_bytes(got, expected, row, #got, __FILE__, __LINE__)

bool unit_check(bool held, const char *row, const char *what, const char *file, unsigned line);
bool unit_check_int(int64_t got, int64_t expected, const char *row, const char *what, const char *file, unsigned line);
bool unit_check_uint(uint64_t got, uint64_t expected, const char *row, const char *what, const char *file,
                     unsigned line);
bool unit_check_text(const char *got, const char *expected, const char *row, const char *what, const char *file,
                     unsigned line);
bool unit_check_bytes(struct span got, struct span expected, const char *row, const char *what, const char *file,
                      unsigned line);

/* The bytes of "00 01 a4 42", which ends the program when it is anything else; free with g_bytes_unref. */
GBytes *unit_hex(const char *text);

static inline struct span
unit_span(GBytes *bytes)
{
    gsize length;
    const void *data = g_bytes_get_data(bytes, &length);

    return span_of(data, length);
}

/* A block of exactly `bytes.length`, so that a sanitizer sees the first step past its end; free with g_free. */
uint8_t *unit_exact(struct span bytes);

/* A new empty folder; removing takes everything in it along and frees the name. For tear-down. */
char *unit_folder_new(void);
void unit_folder_remove(char *folder);

/* Of a name table: whether `word` consists of lower-case letters and digits, in parts joined by single hyphens. */
bool unit_is_word(const char *word);

#endif
