/* The streams of support_io.h, for support_io.c. */
#ifndef TESTS_UNIT_SUPPORT_IO_TCP_H
#define TESTS_UNIT_SUPPORT_IO_TCP_H

#include "tests/unit/support_io.h"

/* As in struct io_ops. */
struct io_tcp *fake_io_listen(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
                              enum io_result *why);
struct io_tcp *fake_io_connect(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share,
                               io_tcp_ready *ready, void *owner, enum io_result *why);

/* All that is left, at the end of a fake. */
void fake_io_free_streams(struct fake_io *fake);

#endif
