/* What the files of the lab share among themselves; nobody else includes this. */
#ifndef SCENARIOS_LAB_PARTS_H
#define SCENARIOS_LAB_PARTS_H

#include "core/base/hash.h"
#include "scenarios/lab/lab.h"

/* The way to an inside of a router or firewall (below, and in routes.c, "router" means both), as it was announced on a network: see routes.c. */
struct lab_route {
    struct prefix prefix;
    const struct lab_network *network; /* on which it was announced */
    const struct lab_node *origin;     /* the router whose inside it is */
    const struct lab_node *by;         /* the router that leads there from this network: the origin, or one around it */
    struct address via;                /* and its address there; none on an internet */
    struct node *learner; /* NULL: the announcement as such, on a LAN without a box, for those that come later */
};

struct lab_parts {
    struct slab nodes, interfaces, networks, boxes;
    struct hash_index nodes_by_name;    /* number: place in lab->nodes, from 1 */
    struct hash_index networks_by_name; /* likewise in lab->networks; without those that are called like their box */
    GStringChunk *texts;
    GHashTable *labels; /* "NUMBER/LABEL" of interfaces -> the number behind the last label that was made of it; of nodes
                           with many interfaces, or that lost one: see lab_node.labels_kept. NULL: of none */
    GPtrArray *links;   /* struct lab_link *: defaults of networks, equal ones once */
    GArray *routes;     /* struct lab_route */
    GPtrArray *reboots; /* struct lab_reboot * */
};

static inline struct lab *
lab_of(const struct lab_node *node)
{
    return node->first.network->lab;
}

/* Going through a list of so many things is paid for: see world.work. */
static inline void
lab_pay(const struct lab *lab, uint64_t things)
{
    lab->world->work += 1 + things / 2;
}

/* Going through a node's interfaces, several times over. */
static inline void
lab_pay_for_interfaces(const struct lab_node *node)
{
    lab_pay(lab_of(node), 4 * node->interfaces);
}

/* --- errors and names (lab.c) --------------------------------------------------------------------------------- */

/* Sets an error; always false, so that a check can end with it. */
bool lab_fail(GError **error, enum lab_error code, const char *format, ...) G_GNUC_PRINTF(3, 4);

/* Whether a new thing may be called `name`. */
bool lab_check_name(const struct lab *lab, const char *name, GError **error);

struct lab_node *lab_add_node(struct lab *lab, struct node *node, enum lab_node_kind kind);
/* `named` says whether the network has a name of its own: not that of its box. */
struct lab_network *lab_add_network(struct lab *lab, const char *name, enum lab_network_kind kind, bool named);

/* A copy that lives as long as the lab; equal links get the same one. NULL gives lab_link_default. */
const struct lab_link *lab_keep_link(struct lab *lab, const struct lab_link *link);

/* --- addresses and places (addresses.c) ----------------------------------------------------------------------- */

/* For each of both families. */
#define EACH_FAMILY(family)                                                                                            \
    for (enum family family = FAMILY_IPV4; family <= FAMILY_IPV6; family++)

/* Where a node shall stand, found good: nothing can go wrong any more when it is taken. */
struct place {
    struct lab_network *network; /* never one of a box of type none */
    struct lab_network *none;    /* that one, when the node is its host */
    const struct lab_link *link;
    unsigned count;
    struct lab_addresses runs[LAB_RUNS_MAX];
};

/* Looks whether the place is good and chooses the addresses when they are left out; `ipv6` asks for one of IPv6 on an
 * internet too. `node` is the one that has addresses already, or NULL. */
bool place_find(struct place *place, struct lab_network *network, const char *addresses, const struct lab_link *link,
                bool box, bool ipv6, const struct node *node, GError **error);
/* Gives the node a port there, with its addresses; fills `interface`. */
void place_take(const struct place *place, struct lab_interface *interface);

/* Reads texts into `runs`; `*count` of them. */
bool lab_read_runs(const char *text, struct lab_addresses runs[LAB_RUNS_MAX], unsigned *count, GError **error);
/* Looks whether runs may be had on `network`, apart from those that `own` (or NULL) has itself. */
bool lab_check_runs(const struct lab_network *network, const struct lab_addresses *runs, unsigned count,
                    const struct node *own, GError **error);
/* Looks whether `node` (or NULL) has none of them on any port but `but`. */
bool lab_check_elsewhere(const struct node *node, const struct port *but, const struct lab_addresses *runs,
                         unsigned count, GError **error);
/* Whether any node can have the address. */
bool lab_check_usable(struct address address, GError **error);
/* Who has the address on this network, or has it routed to itself there; NULL when it is free. */
const struct node *lab_owner_of(const struct lab_network *network, struct address address);
/* "10.0.0.1" or "10.0.0.1-10.0.0.14". */
#define LAB_RUN_TEXT (2 * ADDRESS_TEXT)
const char *lab_format_run(struct lab_addresses run, char text[LAB_RUN_TEXT]);

/* The length of the prefix that an address of a node on the network is in. */
uint8_t lab_prefix_length(const struct lab_network *network, struct address address);

/* What is to be the inside of a box, or a LAN: its networks, IPv4 and IPv6, and the addresses of the box in them. All
 * zero where there is none; one there is. */
struct inside {
    struct prefix prefixes[2];
    struct address own[2];
    bool own_written[2]; /* as an address with a prefix length */
};
bool lab_read_inside(const char *text, struct inside *inside, GError **error);

static inline bool
prefix_is_none(struct prefix prefix)
{
    return address_is_none(prefix.address) && prefix.length == 0;
}

static inline bool
prefix_overlaps(struct prefix a, struct prefix b)
{
    return a.length < b.length ? prefix_contains(a, b.address) : prefix_contains(b, a.address);
}

/* "10.0.0.0/24" */
#define LAB_PREFIX_TEXT (ADDRESS_TEXT + 4)
const char *lab_format_prefix(struct prefix prefix, char text[LAB_PREFIX_TEXT]);

/* --- interfaces (nodes.c) ------------------------------------------------------------------------------------- */

/* Whether an interface leads outwards: it is there, and not an inside of its box. */
static inline bool
interface_is_outer(const struct lab_interface *interface)
{
    return interface->port && !interface->port->inside;
}

/* Whether it was attached, or the first uplink: not an inside that came with its box. */
static inline bool
interface_is_attached(const struct lab_interface *interface)
{
    return interface->port && !(interface->port->inside && interface->network->box);
}

struct lab_interface *lab_add_interface(struct lab_node *node, struct lab_network *network, const char *label);

/* To be called once an interface has its port and its addresses. */
static inline void
lab_tell_interface(struct lab_interface *interface)
{
    const struct lab *lab = interface->network->lab;

    if (lab->interface_made)
        lab->interface_made(lab->interface_user, interface);
}
/* Gives the node default routes by `interface`, of the families in which that leads anywhere, and in which it has none
 * or `move` says so. */
void lab_take_default(struct lab_interface *interface, bool move);

/* --- routes to what is inside of routers (routes.c) ----------------------------------------------------------- */

/* Whether `inside` differs from all networks of the box, and, where it is routed, from all that its uplinks lead to. */
bool lab_fits_box(const struct lab_node *box, struct prefix inside, GError **error);
/* Whether a box on `outer` can have `inside`: no network that it touches has such addresses, and, where it is `routed`,
 * none from where it is to be reached. `box` is NULL while there is none. */
bool lab_check_inside(const struct lab_network *outer, const struct lab_node *box, struct prefix inside, bool routed,
                      GError **error);
/* Tells the networks outwards the way to what of this inside of a box is routed, or to the LAN whose gateway one is. */
void lab_announce(struct lab_network *inside);
/* Tells them the way to the prefix that an NPTv6 box shows outside instead of that of `inside`, its first. */
void lab_announce_external(struct lab_network *inside);
/* Teaches a node that has come to a LAN without a box the ways that were announced there. */
void lab_learn(struct lab_interface *interface);
/* Takes all announcements back and makes them anew: after interfaces or addresses of boxes have changed. */
void lab_announce_again(struct lab *lab);

/* --- changes (changes.c) -------------------------------------------------------------------------------------- */

GArray *lab_changes_new(void);
/* The interface's addresses now; to be freed. */
char *lab_addresses_text(const struct lab_interface *interface);
/* Keeps a change; takes over both texts. Attaching at time 0 is none. */
void lab_take_change(const struct lab_interface *interface, int what, char *before, char *after);

/* --- reboots (boxes.c) ---------------------------------------------------------------------------------------- */

void lab_cancel_reboots(struct lab *lab);

#endif
