/* A lab for tests, made anew for each and in balance at its end, and words to build and ask it. What cannot be built
 * ends the program: mistakes are tested where they are made on purpose. */
#ifndef TESTS_UNIT_SUPPORT_LAB_H
#define TESTS_UNIT_SUPPORT_LAB_H

#include "core/base/io.h"
#include "scenarios/lab/lab.h"
#include "tests/unit/support.h"

/* The one of the test that runs; for UNIT_SUITE. */
extern struct lab *test_lab;
void test_lab_begin(void);
void test_lab_end(void);

/* A network by its name (a box's inside by the box's), and a node by its own. */
struct lab_network *net_called(const char *name);
struct node *node_called(const char *name);

struct lab_network *make_internet(void);
struct node *make_host(struct lab_network *network, const char *name, const char *addresses);
/* `type` is a preset's name. */
struct lab_network *make_nat(struct lab_network *network, const char *name, const char *addresses, const char *type,
                             const char *lan);
struct lab_network *make_firewall(struct lab_network *network, const char *name, const char *addresses,
                                  const char *lan);
struct lab_network *make_router(struct lab_network *network, const char *name, const char *addresses, const char *lan);
struct lab_interface *make_attached(const char *node, struct lab_network *network, const char *addresses,
                                    bool make_default);

struct address read_address(const char *text);
void check_address(struct address got, const char *expected, const char *row);

/* A socket on all addresses, and who sent the last datagram that came to it. Closed with the lab at the latest. */
struct listener {
    struct io_udp *socket;
    struct endpoint from;
    unsigned heard;
};
void listen_at(struct listener *listener, const char *node, uint16_t port);
enum io_result say_to(struct listener *listener, const char *to, uint16_t port);

void run_for(int64_t time);

/* Whether a datagram from port 5000 of `from` comes to port 7 of `to`, sent to `address`, and the answer back. */
bool reaches(const char *from, const char *to, const char *address);

#endif
