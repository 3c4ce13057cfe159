/* SYNs that come from outside and that nobody inside has asked for (RFC 5382 REQ-4).
 *
 * Whoever opens from both sides at once sends one too early: an answer, RST or ICMP error, would end an attempt that is
 * about to succeed. So one that would be refused with an answer is held first, six seconds unless the options say
 * otherwise. If a SYN of the same connection passes meanwhile, the held one is dropped in silence; else it gets its
 * answer. What is to be refused in silence anyway needs no holding.
 *
 * At most NAT_SYNS_MAX are held, one for each connection; those beyond are dropped in silence at once. A box at rest
 * holds nothing and has no table. */
#ifndef NAT_SYNS_H
#define NAT_SYNS_H

#include "core/net/packet.h"
#include "nat/nat.h"

struct syns;

/* A TCP packet that is not wanted, because of `reason`: holds it, or drops it with whatever answer `filtered` asks for.
 * `remote` is where a packet in comes from, as the filter sees it, and NULL for a packet out, which has nothing to wait
 * for. `record` is begun when a journal listens. */
enum verdict nat_tcp_refuse(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason,
                            const struct endpoint *remote);

/* A SYN has passed between `external` and `remote`: the held one between them, if there is one, is of no use. */
void nat_syns_crossed(struct nat *nat, const struct endpoint *external, const struct endpoint *remote);

/* The box loses its state: all that are held end. */
void nat_syns_forget(struct nat *nat);

/* The box itself goes, and the world with it: what is held ends as all that is under way then. */
void nat_syns_free(struct nat *nat);

size_t nat_syns_bytes(const struct nat *nat);

#endif
