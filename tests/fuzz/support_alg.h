/* A box with one ALG, and two ends that talk through it: a client inside, 10.0.0.2, and a server outside, 198.51.100.1;
 * the box is 203.0.113.1. Packets are put in at either port of the box, and what leaves is looked at: whatever comes, its
 * checksums are right and every packet is accounted for. */
#ifndef TESTS_FUZZ_SUPPORT_ALG_H
#define TESTS_FUZZ_SUPPORT_ALG_H

#include "core/base/cursor.h"
#include "core/net/net.h"
#include "core/net/node.h"
#include "core/net/segment.h"
#include "core/net/tcp_segment.h"
#include "nat/alg/alg.h"

enum { CLIENT, SERVER, ENDS, STREAM_MAX = 6000, OUT_MAX = 3 * STREAM_MAX, FIRST = 0xfffffc00 };

/* One end of a TCP connection: what it says, and what it has got of the other's. */
struct alg_end {
    uint8_t data[STREAM_MAX], got[OUT_MAX];
    bool has[OUT_MAX];
    uint32_t length, nxt, received;
    bool fin;
};

struct alg_bench {
    struct capture captures[ENDS]; /* of what leaves towards each; first */
    struct world *world;
    struct node *box, *sinks[ENDS];
    struct port *ports[ENDS];
    uint16_t port;                 /* the server's */
    bool naive;                    /* numbers are not mended: streams are broken, and not looked at */
    struct alg_end ends[ENDS];
    /* The datagram that left last, towards which end; its length 0: none has. Fragments are not kept. */
    unsigned towards;
    struct endpoint from, to;
    uint8_t last[3000];
    size_t last_length;
};

struct endpoint alg_end_of(const struct alg_bench *bench, unsigned end);

/* The options are a preset's, with this ALG and these of its quirks. */
void alg_bench_open(struct alg_bench *bench, uint8_t preset, unsigned alg, unsigned quirks, uint16_t port);
/* Lets what is under way arrive, and checks that nothing is alive then. */
void alg_bench_close(struct alg_bench *bench);

/* Puts a datagram in, and forgets the one that left last. */
void alg_bench_datagram(struct alg_bench *bench, unsigned side, struct endpoint from, struct endpoint to,
                        struct span data);

/* ---- a connection from the client, port 5000, to the server */

void alg_bench_shake_hands(struct alg_bench *bench, uint8_t scale);
/* Adds to what an end will say; false when there is no room. */
bool alg_end_add(struct alg_end *end, struct span text);
/* Something happens: the input says whether time goes on, or which end sends what of its text, again or for the first
 * time, with which boundaries, flags and acknowledgement. What is left out is lost, or late. */
void alg_bench_step(struct alg_bench *bench, struct reader *reader);

#endif
