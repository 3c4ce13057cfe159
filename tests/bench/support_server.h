/* A server in a process of its own, ours or somebody else's, and the CPU time that it has taken.
 *
 * Where there are two processors the server has the last one and the caller's thread the first, from starting the first
 * server to stopping the last one: so each runs as fast as it can, and neither takes the other's time. */
#ifndef TESTS_BENCH_SUPPORT_SERVER_H
#define TESTS_BENCH_SUPPORT_SERVER_H

#include <stdbool.h>

#include "core/base/address.h"

struct server_process;

/* `argv` ends with NULL; its output goes nowhere. NULL when it can't be started, or does not answer a Binding request
 * at `at` within some seconds. */
struct server_process *server_process_start(const char *const *argv, struct endpoint at);
/* SIGTERM, and SIGKILL where that does not help. */
void server_process_stop(struct server_process *server);

/* User's and system's, in seconds, since it began. */
double server_process_cpu(const struct server_process *server);
/* Memory that it has, in bytes. */
double server_process_memory(const struct server_process *server);

/* Of 127.0.0.1, a port that nobody has: over UDP nor TCP, nor the one after it. */
struct endpoint server_process_place(void);

#endif
