/* Runs a fuzz target over fixed inputs, without libFuzzer: the files named on the command line, and no bytes at all.
 * Prints each name before it runs, so that the last line of a crashed run names the input. */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <glib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* In a block of exactly its size, so that a sanitizer sees a read past the end. */
static bool
run_file(const char *path)
{
    g_autofree char *contents = NULL;
    g_autoptr(GError) error = NULL;
    gsize length;

    printf("%s\n", path);
    if (!g_file_get_contents(path, &contents, &length, &error)) {
        printf("%s\n", error->message);
        return false;
    }

    uint8_t *exact = malloc(length ? length : 1);
    memcpy(exact, contents, length);
    LLVMFuzzerTestOneInput(exact, length);
    free(exact);
    return true;
}

int
main(int argc, char **argv)
{
    bool good = argc > 1;

    setvbuf(stdout, NULL, _IOLBF, 0);
    printf("(no bytes)\n");
    LLVMFuzzerTestOneInput((const uint8_t *)"", 0);
    for (int i = 1; i < argc; i++)
        good &= run_file(argv[i]);
    printf("%d inputs\n", argc);
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}
