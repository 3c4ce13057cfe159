/* What the files of the mechanism share. ALGs include nat/alg/alg.h and no more. */
#ifndef NAT_ALG_BOX_H
#define NAT_ALG_BOX_H

#include "core/net/net.h"
#include "nat/alg/alg.h"

struct alg_streams;

/* What a NAT has that has ALGs. */
struct alg_box {
    struct nat_reader reader; /* first */
    struct node *node;
    struct nat *nat;
    struct alg_streams *streams; /* NULL before the first connection: nat/alg/connections.h */
    bool reads_streams;          /* one of the seats does */
    unsigned count;
    struct alg_seat *seats[NAT_ALGS_MAX]; /* each in memory of its own: ALGs point to them */
};

/* Whether an ALG looks at traffic of this protocol with one of these ports at the end that counts. */
static inline bool
alg_looks_at(const struct alg *alg, unsigned over, uint16_t one, uint16_t other)
{
    return alg->over & over && (alg->port == 0 || alg->port == one || alg->port == other);
}

/* A message is to be read: its seat, packet, way, remote end and data are there. */
void alg_message_begin(struct alg_message *message);

/* It is not changed after all: closes what it has opened. */
void alg_take_back(struct alg_message *message);
/* A pinhole has ended by itself. */
void alg_tell_closed(const struct alg_box *box, const struct nat_pinhole_view *view);

/* It passes as it is, though it would have been changed. `bytes`: how many it is about; 0: all of the packet's. */
void alg_journal_passed(const struct node *node, const struct packet *packet, enum alg_passed why, size_t bytes);
/* It has been changed. */
void alg_journal_changed(const struct alg_message *message);

#endif
