/* What the tests of core/trace share: names without a world, a record kind, records and packets made up. */
#ifndef TESTS_UNIT_SUPPORT_TRACE_H
#define TESTS_UNIT_SUPPORT_TRACE_H

#include "core/base/journal.h"

/* Nodes 1 to 3 are A, natA and "\xff" (which is no UTF-8); interface 1 is A-natA. */
extern const struct names trace_names;

/* Says "said N" of a record with detail N; has a field "detail" and one of bytes. */
extern const struct record_kind trace_kind;

/* A record of that kind by `node` about its packet `ordinal`, of node 1; 0 for none. */
struct record trace_record(uint32_t node, uint64_t ordinal, int64_t at, int64_t detail);

/* The bytes of a file, which must be there. */
GBytes *trace_read(const char *folder, const char *name);

bool trace_exists(const char *folder, const char *name);

void trace_write(const char *folder, const char *name, const char *text);

#endif
