/* Clients of a TURN server of another process, on bare sockets: only what a benchmark asks of one. The server asks nobody
 * who he is. */
#ifndef TESTS_BENCH_SUPPORT_TURN_H
#define TESTS_BENCH_SUPPORT_TURN_H

#include <stdbool.h>

#include "core/base/address.h"

#define TURN_LOAD_CHANNEL 0x4000

/* A socket connected to the server, over UDP or TCP (`type`: SOCK_DGRAM, SOCK_STREAM), blocking for a second at most, from
 * its own port of 127.0.0.`host`. */
int turn_load_socket(struct endpoint server, int type, unsigned host);

/* False when the server refuses or does not answer. */
bool turn_load_allocate(int fd, struct endpoint *relayed);
/* Binds TURN_LOAD_CHANNEL, or asks for a permission alone. */
bool turn_load_bind(int fd, struct endpoint peer);
bool turn_load_permit(int fd, struct endpoint peer);

#endif
