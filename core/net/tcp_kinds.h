/* The journal's words for what TCP of a host decides. */
#ifndef CORE_NET_TCP_KINDS_H
#define CORE_NET_TCP_KINDS_H

#include "core/base/journal.h"
#include "core/net/tcp_machine.h"

/* A connection changes its state. `before` is the connection seen from here; `detail` says from where (high byte) and
 * where to (low byte); `rule` is the enum io_result of a failure. */
extern const struct record_kind tcp_state_kind;

#define TCP_STATE_DETAIL(from, to) ((int64_t)(from) << 8 | (int64_t)(to))

#endif
