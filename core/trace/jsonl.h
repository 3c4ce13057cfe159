/* journal.jsonl: every record of a run, one JSON object a line, members in the order of record_fields. */
#ifndef CORE_TRACE_JSONL_H
#define CORE_TRACE_JSONL_H

#include "core/base/journal.h"

struct jsonl_file;

/* Makes or empties the file. */
struct jsonl_file *jsonl_file_open(const char *path, GError **error);

/* `said`: the record's sentence where the caller has it; NULL to say it here. */
void jsonl_file_record(struct jsonl_file *file, const struct record *record, const struct names *names,
                       const GString *said);

/* Completes the file and frees `file` in any case. False when anything could not be written. */
bool jsonl_file_close(struct jsonl_file *file, GError **error);
/* Whether a write has failed so far: the close will tell. */
bool jsonl_file_failed(const struct jsonl_file *file);

#endif
