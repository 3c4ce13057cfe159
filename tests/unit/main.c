/* Runs the unit tests: all of them, or `unit NAME...` those whose file's name contains one of the names. */
#include <CUnit/Basic.h>
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/support.h"

static bool
wanted(const char *name, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strstr(name, argv[i]))
            return true;
    }
    return argc < 2;
}

int
main(int argc, char **argv)
{
    if (CU_initialize_registry() != CUE_SUCCESS)
        g_error("CUnit: %s", CU_get_error_msg());
    for (const struct unit_file *file = unit_files; file->name; file++) {
        if (wanted(file->name, argc, argv))
            file->suite();
    }

    CU_basic_set_mode(CU_BRM_NORMAL);
    CU_ErrorCode error = CU_basic_run_tests();
    unsigned ran = CU_get_number_of_tests_run();
    unsigned failed = CU_get_number_of_tests_failed() + CU_get_number_of_suites_failed();
    unsigned passed = ran - CU_get_number_of_tests_failed();
    CU_cleanup_registry();

    printf("%u passed, %u failed\n", passed, failed);
    return error == CUE_SUCCESS && ran > 0 && failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
