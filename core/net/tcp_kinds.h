/* The journal's words for what TCP of a host decides. */
#ifndef CORE_NET_TCP_KINDS_H
#define CORE_NET_TCP_KINDS_H

#include "core/base/journal.h"
#include "core/net/tcp_machine.h"

/* A connection changes its state. `before` is the connection seen from here; `detail` says from where (high byte) and
 * where to (low byte); `rule` is the enum io_result of a failure. */
extern const struct record_kind tcp_state_kind;

/* A segment is sent that has been sent before. `before` as above; `subject` the first octet, counted from 1, and how many
 * of data there are, 0 for a SYN or a FIN; `rule`: enum tcp_again, why. It stands before the record of the packet. */
extern const struct record_kind tcp_retransmitted_kind;

enum tcp_again {
    TCP_AGAIN_TIMEOUT,    /* no acknowledgement came in time */
    TCP_AGAIN_DUPLICATES, /* acknowledgements show that it is missing */
    TCP_AGAIN_SMALLER,    /* it was too big for the path, or the peer's window had shut */
};

/* What records of a segment that is sent or delivered tell of it: in `rule` its flags but for PSH and URG, and
 * TCP_CONTENT_DATA where it carries data, so that the story of a run can tell a SYN from the rest; in `detail` the octets
 * of data. `segment` may be malformed. */
#define TCP_CONTENT_DATA (1 << 8)
void tcp_note_content(struct span segment, struct record *record);
/* Appends " SYN-ACK", " data and FIN", ...; true when it carries data. */
bool tcp_say_content(const struct record *record, GString *out);
void tcp_content_fields(const struct record *record, struct fields *out);

#define TCP_STATE_DETAIL(from, to) ((int64_t)(from) << 8 | (int64_t)(to))

#endif
