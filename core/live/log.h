/* The journal of a real machine as log lines: one record, one line, at most so many a second.
 *
 *     2.503104 STUN Binding request came from 203.0.113.9:40000: the success response says so
 *     2.871220 (312 more records were not told)
 *
 * A flood of packets must not become a flood of lines: in no second are there more than so many, the line that tells what
 * was held back included. What is held back is not even formatted, and counted. */
#ifndef CORE_LIVE_LOG_H
#define CORE_LIVE_LOG_H

#include "core/base/journal.h"

struct live_log;
typedef struct live_log live_log;

/* Takes one line, without its end, borrowed for the call. */
typedef void live_log_line(void *owner, const char *line);

/* At least two lines `per_second`: what was held back is told together with the next record. */
struct live_log *live_log_new(unsigned per_second, live_log_line *line, void *owner);
/* Tells the number of what was held back last, if anything was: this one line comes whenever it is. */
void live_log_free(struct live_log *log);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(live_log, live_log_free)

/* For live_set_journal. */
struct journal *live_log_journal(struct live_log *log);

#endif
