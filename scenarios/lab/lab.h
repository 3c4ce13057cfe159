/* The lab: topologies in a few words of C. What Lua binds, and what a C program embeds.
 *
 *     struct lab *lab = lab_new(1);
 *     struct lab_network *internet = lab_internet(lab, "internet", NULL, NULL, &error);
 *     struct node *server = lab_host(internet, "S", "198.51.100.1", NULL, &error);
 *     struct lab_network *home = lab_nat(internet, "natA", "203.0.113.1",
 *                                        &nat_presets[3].options, "symmetric", "10.0.0.0/24", NULL, NULL, &error);
 *     struct node *a = lab_host(home, "A", "10.0.0.2", NULL, &error);
 *     ...
 *     world_run(lab->world, 10 * TIME_S);
 *     lab_free(lab);
 *
 * Everything is owned by the lab. Mistakes of whoever writes the topology come back as GError (LAB_ERROR) with the
 * thing, the value and what is accepted; nothing has been built then.
 *
 * Addresses are texts: one address, several with blanks or commas between them, of both families as one likes, or a
 * prefix, which is a pool of all its host addresses. NULL takes the network's next free address: on a LAN one of each
 * family that it has, on an internet an IPv4 one, and for a box whose inside has IPv6 one of that too. Prefixes for the inside of a box are texts as well, of
 * one or both families; an address with host bits ("10.0.0.254/24") is the box's own, else it is the first. */
#ifndef SCENARIOS_LAB_LAB_H
#define SCENARIOS_LAB_LAB_H

#include "core/net/node.h"
#include "core/net/segment.h"
#include "nat/nat.h"

#define LAB_ERROR (lab_error_quark())
GQuark lab_error_quark(void);
enum lab_error {
    LAB_ERROR_NAME,        /* empty, with control characters, or given already */
    LAB_ERROR_ADDRESS,     /* malformed, unusable, not of this network, or taken */
    LAB_ERROR_PREFIX,      /* malformed, unusable, or overlapping another */
    LAB_ERROR_PLACE,       /* the thing cannot stand there: a second host inside of a box of type none, ... */
    LAB_ERROR_UNSUPPORTED, /* comes with a later version */
};

struct lab_interface;

struct lab {
    struct world *world;
    GPtrArray *networks; /* struct lab_network *, in order of making; insides of boxes too */
    GPtrArray *nodes;    /* struct lab_node *, in order of making; not the routers of internets. Names: lab_find */
    GArray *changes;     /* struct lab_change, in order of time, at most LAB_CHANGES */
    struct lab_parts *parts;

    /* Told of each interface that is made from now on, once it has its port and its addresses: for captures of what is
     * built during a run. It must build nothing. NULL: nobody asks. */
    void (*interface_made)(void *user, struct lab_interface *interface);
    void *interface_user;
};

/* What has become of interfaces since their nodes were made: attached later than at time 0, removed, or given other
 * addresses by a reboot. For who tells of the topology afterwards. */
struct lab_change {
    int64_t at;
    const struct lab_interface *interface;
    enum { LAB_ATTACHED, LAB_REMOVED, LAB_READDRESSED } what;
    char *before, *after; /* its addresses, separated by ", "; NULL where it was not there */
};
enum { LAB_CHANGES = 4096 }; /* more are not kept */

struct lab *lab_new(uint64_t seed);
void lab_free(struct lab *lab);
typedef struct lab lab;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(lab, lab_free)

/* The options of a node's own link, each way. */
struct lab_link {
    struct link_options up, down;
};
extern const struct lab_link lab_link_default;

/* Whether they say the same, fault lists included. */
bool lab_link_options_equal(const struct link_options *a, const struct link_options *b);
bool lab_link_equal(const struct lab_link *a, const struct lab_link *b);

#define LAB_DEFAULT_LAN "10.0.0.0/24"

enum lab_network_kind { LAB_INTERNET, LAB_LAN };

/* Where nodes can be put: an internet (a router with a point-to-point link to each node) or a LAN (a segment), which
 * may be the inside of a box. Inside of a box of type none there is neither: `stands_for` says where its one host goes.
 */
struct lab_network {
    struct lab *lab;
    const char *name;        /* in trace file names: "internet", its own, or the box it is inside of */
    struct lab_network *next;/* the box's next inside */
    struct node *router;     /* of an internet */
    struct segment *segment; /* of a LAN */
    struct lab_node *box;    /* whose inside this is, or NULL */
    struct port *gateway;    /* that box's port here, or on a LAN without a box a router's (lab_attach), or NULL */
    const struct lab_link *links; /* the default of each node's own link */
    struct prefix prefixes[2];    /* of a LAN: IPv4, IPv6, without host bits; all zero where it has none: lab_prefix */
    struct address next_host[2], next_box[2]; /* of each family: where the search for a free address begins */
    struct lab_network *stands_for; /* of a box of type none: the outer network; else NULL */
    const char *none_addresses;     /* and the addresses that its host gets there */
    struct lab_node *none_host;     /* and that host, once it is there */
    enum lab_network_kind kind;
};

enum lab_node_kind { LAB_HOST, LAB_ROUTER, LAB_NAT, LAB_FIREWALL };

/* Whether what is inside of a box of this kind is routed from outside: all IPv6 is, and IPv4 but for NATs. */
static inline bool
lab_is_routed(enum lab_node_kind kind, enum family family)
{
    return kind == LAB_ROUTER || kind == LAB_FIREWALL || (kind == LAB_NAT && family == FAMILY_IPV6);
}

/* A node's place on a network. Lives as long as the lab, also when it was removed. */
struct lab_interface {
    struct lab_node *owner;
    struct lab_network *network;
    struct port *port;   /* NULL once removed */
    const char *label;   /* what trace files call the network here: "internet", "natA", "lan"; unique at its owner */
    struct lab_interface *next, *previous; /* of the owner, in order of attaching; NULL once removed */
};

/* What a node has when it is a box. */
struct lab_box {
    const char *type;            /* the preset's name, for display; NULL: a router */
    struct lab_network *insides; /* those it was made with, and lab_further_lan; in order of making, linked by `next` */
    struct lab_reboot *reboot;   /* made at the first one */
    struct port_control *control; /* made when its options ask for one first; NULL: none */
    bool routed;                 /* a NAT that leaves some destinations untranslated, which so need a way back */
};

struct lab_node {
    struct node *node;
    struct lab_box *box;        /* NULL: a host */
    struct lab_interface first; /* its first uplink; a box's insides come behind it. Walk: i = &first; i; i = i->next
                                   (the first is in the list even if it has been removed) */
    struct lab_interface *last; /* of that list */
    uint32_t interfaces;        /* in it */
    enum lab_node_kind kind;
    bool labels_kept;           /* the lab keeps all labels that its interfaces have had */
};

/* Whether what is inside of this box is routed from outside. */
static inline bool
lab_routes_inside(const struct lab_node *node, enum family family)
{
    return lab_is_routed(node->kind, family) || (node->box && node->box->routed);
}

/* Where the first uplink of a node is, or was. */
static inline struct lab_network *
lab_outer(const struct lab_node *node)
{
    return node->first.network;
}

/* The network's prefix of a family; NULL when it has none, as an internet. */
const struct prefix *lab_prefix(const struct lab_network *network, enum family family);

/* An internet: a router named like it (NULL: "internet", "internet-2", ...). The router's own addresses (the sources of
 * its ICMP errors) are 192.0.0.8, the dummy address of RFC 7600, and 3fff::8, of the documentation prefix of RFC 9637,
 * unless `address` says others, at most one of each family. `links` NULL: lab_link_default. */
struct lab_network *lab_internet(struct lab *lab, const char *name, const char *address, const struct lab_link *links,
                                 GError **error);
/* A LAN without a box. It has a gateway once a router is attached: see lab_attach. */
struct lab_network *lab_lan(struct lab *lab, const char *name, const char *prefixes, const struct lab_link *links,
                            GError **error);

/* A host on a network. `link` NULL: the network's default. Inside a box of type none the host is put on the outer
 * network with the box's addresses, and `addresses` is ignored. */
struct node *lab_host(struct lab_network *network, const char *name, const char *addresses,
                      const struct lab_link *link, GError **error);

/* Boxes; each returns its inside. `lan` NULL: LAB_DEFAULT_LAN. `inner_links` NULL: the default.
 * What is inside a router or a firewall is routed from outside, and so is the IPv6 inside of any box: every network
 * outwards learns the way, IPv4 as far as the next NAT. A firewall has a NAT's options, and translates nothing whatever
 * they say of mapping. */
struct lab_network *lab_nat(struct lab_network *network, const char *name, const char *addresses,
                            const struct nat_options *options, const char *type, const char *lan,
                            const struct lab_link *link, const struct lab_link *inner_links, GError **error);
struct lab_network *lab_firewall(struct lab_network *network, const char *name, const char *addresses,
                                 const struct nat_options *options, const char *type, const char *lan,
                                 const struct lab_link *link, const struct lab_link *inner_links, GError **error);
struct lab_network *lab_router(struct lab_network *network, const char *name, const char *addresses, const char *lan,
                               const struct lab_link *link, const struct lab_link *inner_links, GError **error);
/* No box: see lab_host. A second host or a box inside is an error. The address is chosen now when it is left out. The
 * host's link is the outer network's default unless the network that comes back is given another (lab_set_links). */
struct lab_network *lab_nat_none(struct lab_network *network, const char *name, const char *addresses, GError **error);
/* Changes the default of each node's own link, for nodes that come from now on. The lab keeps a copy. */
void lab_set_links(struct lab_network *network, const struct lab_link *links);
/* Changes the options of a NAT or a firewall (nat_set_options), and the ways that depend on them: an IPv6 prefix that it
 * shows outside leads to it, its servers of port control run. False and an error when one of those cannot have its
 * port; the other options hold all the same. */
bool lab_set_nat_options(struct lab_node *box, const struct nat_options *options, GError **error);
/* A further inside network of a box. */
struct lab_network *lab_further_lan(struct lab_node *box, const char *name, const char *prefixes,
                                    const struct lab_link *inner_links, GError **error);

/* Another interface of a node, on any network. `make_default` moves the default route there. When the interface with
 * the default route is removed, the first other one that leads outwards gets it.
 *
 * A router or firewall that is attached to a LAN without a gateway becomes that LAN's gateway, unless `make_default` says that its
 * way out leads there: the LAN is then routed like an inside of the router, and nodes there without a default route,
 * now or later, get one to it. Until the interface is removed. */
struct lab_interface *lab_attach(struct lab_node *node, struct lab_network *network, const char *addresses,
                                 const struct lab_link *link, bool make_default, GError **error);
void lab_detach(struct lab_interface *interface);

/* Changes the options of an interface's own link; false when it has none (a box's inside). */
bool lab_interface_set_link(struct lab_interface *interface, const struct lab_link *link);
struct lab_link lab_interface_link(const struct lab_interface *interface);

/* Reboots a box: its state is gone at once, and with `new_addresses` (unless NULL) those of its first uplink; for
 * `down` nanoseconds it drops everything, then it is back. Waiting for that keeps no run going. */
bool lab_reboot(struct lab_node *box, int64_t down, const char *new_addresses, GError **error);

/* Appends the addresses of an interface that is there, separated by ", ": "10.0.0.2, 2001:db8::2"; a pool is
 * "203.0.113.1-203.0.113.14". */
void lab_say_addresses(const struct lab_interface *interface, GString *out);
/* The same of the router of an internet. */
void lab_say_router_addresses(const struct lab_network *internet, GString *out);
/* "10.0.0.0/24, 2001:db8:1::/64"; nothing for an internet. */
void lab_say_prefixes(const struct lab_network *network, GString *out);

/* By name, and by node; NULL when there is none. The routers of internets are nobody's lab_node. */
struct lab_node *lab_find(const struct lab *lab, const char *name);
struct lab_node *lab_node_of(const struct lab *lab, const struct node *node);

/* Reads "198.51.100.1", "198.51.100.1, 2001:db8::1", "203.0.113.0/28" into runs of addresses, at most LAB_RUNS_MAX.
 * False with an error. */
#define LAB_RUNS_MAX 64
struct lab_addresses {
    struct address first;
    uint64_t count;
};
bool lab_parse_addresses(const char *text, GArray **runs /* struct lab_addresses */, GError **error);

/* What takes most of what the world holds, for who has to say that it is too much: "120000 packets are under way, 119990
 * of them from A to internet". */
void lab_say_fullest(const struct lab *lab, GString *out);

/* The topology as indented text, drawn from the lab alone: for `punchlab show`. */
void lab_draw(const struct lab *lab, GString *out);

#endif
