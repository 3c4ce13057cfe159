/* A scenario's topology as a tree of plain texts, read off the lab once: what drawings and the order of a ladder's
 * columns are made from.
 *
 * Below a network stand the nodes that have their first uplink there, in order of making; below a box what is inside of
 * it, its further insides as networks. */
#ifndef SCENARIOS_RUNNER_CLI_TOPOLOGY_H
#define SCENARIOS_RUNNER_CLI_TOPOLOGY_H

#include "scenarios/lab/lab.h"

enum topology_kind { TOPOLOGY_INTERNET, TOPOLOGY_LAN, TOPOLOGY_HOST, TOPOLOGY_ROUTER, TOPOLOGY_NAT, TOPOLOGY_FIREWALL };

struct topology {
    enum topology_kind kind;
    uint32_t number;     /* the journal's, of a node or of an internet's router; 0: none */
    char *name;          /* NULL: the root of everything, whose children are the networks outside of all boxes */
    char *outside;       /* its addresses on its first uplink, or a network's prefixes; "" */
    char *inside;        /* of a box: its own addresses on its first inside; "" */
    char *type;          /* of a box: the preset, "symmetric"; "" */
    char *link;          /* of its own link, where it has other options than its network's nodes; "" */
    char *also;          /* the further networks that it is attached to: "also on lan2"; "" */
    GPtrArray *children; /* struct topology * */
};

struct topology *topology_new(const struct lab *lab);
void topology_free(struct topology *topology);
typedef struct topology topology;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(topology, topology_free)

static inline bool
topology_is_box(const struct topology *node)
{
    return node->kind >= TOPOLOGY_ROUTER;
}

/* Appends the numbers of all nodes (uint32_t) from left to right, so that a packet's way across is short: of each
 * internet the first half of its boxes, hosts inside before the box; its hosts; the internet's router; the other boxes,
 * each before what is inside. */
void topology_across(const struct topology *topology, GArray *numbers);

/* The drawing as a picture: boxes with an inside and an outside, nested, below the internet. */
void topology_svg(const struct topology *topology, const char *title, GString *out);

/* The same with characters; false, with nothing appended, when it does not fit into `width` of them. */
bool topology_text(const struct topology *topology, size_t width, bool unicode, GString *out);

#endif
