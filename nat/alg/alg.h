/* Application-level gateways: what in a NAT reads and rewrites the data of the packets that it translates, because an
 * address stands there as well as in the header.
 *
 * Which of them a box has its options say (`algs`, and the quirk that is an older word for one). Whoever makes a box,
 * or changes its options, has it fitted:
 *
 *     nat_new(node, &options);
 *     alg_fit(node);
 *
 * An ALG is a constant: a name, the traffic that it looks at, and a function that reads a message and says what is to
 * change. The mechanism does the rest, once for all ALGs: it finds the message in the packet, makes the changes when
 * all of them are known, and mends lengths and checksums last. So an ALG never writes into a packet, its places hold
 * still while it reads, and a message is changed as a whole or not at all.
 *
 * A message is the data of one UDP datagram, which the box has put together from its fragments. One with more to change
 * than fits passes as it is, which the journal tells (alg_passed_kind). Streams come later: there a message is what is
 * found complete in the held segments, and state and pinholes belong to the box; the changes are the same.
 *
 * A box without an ALG pays one branch for each packet, one with ALGs takes nothing from the heap for any. */
#ifndef NAT_ALG_ALG_H
#define NAT_ALG_ALG_H

#include "core/net/rewrite.h"
#include "nat/nat.h"

enum {
    ALG_CHANGES_MAX = 64, /* in one message */
    ALG_BYTES_MAX = 2048, /* that changes put in, in all */
};

struct alg_message {
    const struct alg *alg;         /* whose turn it is */
    const struct node *node;       /* the box */
    const struct packet *packet;   /* its headers are translated already */
    struct nat_translation way;
    struct span data;              /* the message as it came; borrowed */

    /* what is to change; see alg_replace */
    unsigned count;
    size_t used;
    bool overfull;
    struct packet_change changes[ALG_CHANGES_MAX];
    uint8_t bytes[ALG_BYTES_MAX];
};

/* `count` bytes of the message, from `at` on, shall become `bytes`, which are copied: more of them, fewer or none.
 * Places count in the message as it came; changes come in their order and do not overlap. Once they are too many
 * nothing will change, which the mechanism sees to. */
void alg_replace(struct alg_message *message, size_t at, size_t count, struct span bytes);

struct alg {
    const char *name;
    uint8_t protocol; /* that it looks at */
    uint16_t port;    /* at either end; 0: any */
    /* Reads a message and asks for changes. */
    void (*read)(struct alg_message *message);
    /* The changes have been made: for the journal, when somebody listens. */
    void (*tell)(const struct alg_message *message, struct record *record);
    const struct record_kind *kind; /* of that record */
};

/* All that there are, in the order of enum nat_alg; ends with NULL. Their names are nat_alg_words, which a test
 * compares. */
extern const struct alg *const alg_registry[];

/* Gives the NAT of `node` the ALGs that its options ask for. Nothing happens to a node without a NAT. */
void alg_fit(struct node *node);

/* The same with these, as many as `count`, which live as long as the NAT: in this order they read each message. */
void alg_fit_with(struct node *node, const struct alg *const *with, unsigned count);

/* ---- the ALGs, and the journal */

/* rewrite_addresses.c: see there. */
extern const struct alg alg_rewrite_addresses;

/* `after.source` is the address that was there, `after.destination` the one that is now. `detail`: how often. */
extern const struct record_kind alg_rewrite_kind;

/* A message that passes as it is though an ALG would change it. `rule`: enum alg_passed. */
enum alg_passed { ALG_PASSED_CHANGES, ALG_PASSED_ROOM };
extern const struct record_kind alg_passed_kind;

#endif
