/* What all nodes of a world share: the slabs of packets, nodes, ports and links, the list of nodes, and the ways in which
 * a packet begins and ends. Every packet is counted here, and nowhere else, so that
 *
 *     sent = delivered + dropped + under way
 *
 * holds at every moment (net_balanced). */
#ifndef CORE_NET_NET_H
#define CORE_NET_NET_H

#include "core/base/hash.h"
#include "core/net/packet.h"

struct node;
struct port;

enum { PACKET_SIZE_CLASSES = 3 };

struct net {
    struct slab packets[PACKET_SIZE_CLASSES];
    struct slab nodes, ports, links;
    GPtrArray *list;       /* struct node *, by number; [0] is NULL: the experimenter. Freed nodes leave a NULL */
    GPtrArray *ports_by_interface; /* struct port *, by their interface number; [0] is NULL, as are removed ones */
    GPtrArray *plain_options;      /* struct link_options *: shared by all wires that are alike */
    GPtrArray *gateways;           /* struct address[2]: pairs of the two families', as nodes have them */
    struct hash_index gateway_index;
    GStringChunk *names;
};

/* The world's net; made at the first call. */
struct net *world_net(struct world *world);

/* The node of this number, or NULL. */
struct node *net_node(const struct world *world, uint32_t number);

/* A packet with room for `length` bytes at `data`; counted as sent. It has no name, no bytes and no flags yet. */
struct packet *packet_new(struct world *world, size_t length);

/* By how many bytes a packet may grow at its end. */
size_t packet_tailroom(const struct packet *packet);

/* The same bytes, name and cause again, counted as sent: a duplicate, or a copy to each member of a segment. */
struct packet *packet_copy(struct world *world, const struct packet *packet);

/* The same in a buffer with room for `length` bytes, at least the packet's. */
struct packet *packet_copy_larger(struct world *world, const struct packet *packet, size_t length);

/* Ends a packet that got where it was going. */
void packet_deliver(struct world *world, struct packet *packet);

/* Ends a packet under `reason` at `node` and counts it there and in the world. Writes no record: for those whose own
 * record says that they dropped it. */
void packet_end(struct world *world, struct node *node, struct packet *packet, enum drop_reason reason);

/* Writes the journal record of kind `packet-dropped` for a packet that is about to end: before anything else goes out on
 * its account, as an ICMP error does. */
void packet_note_drop(struct node *node, const struct packet *packet, enum drop_reason reason);

/* Ends a packet under `reason` at `node`, with that record. */
void packet_drop(struct node *node, struct packet *packet, enum drop_reason reason);

/* Every packet that was ever made was delivered, was dropped, or is alive. */
bool net_balanced(const struct world *world);

/* Fills what the journal wants to know of any packet: names, flow, size, TTL. */
struct record packet_record(const struct packet *packet, const struct record_kind *kind, const struct node *node);

/* Why a packet is cut into fragments: the rule of its record, whose detail is their largest size. */
enum fragments_rule { FRAGMENTS_FOR_LINK, FRAGMENTS_FOR_PATH, FRAGMENTS_AGAIN };

/* Fills what is told of the content of a packet that is sent or delivered: of ICMP, type and code in `detail`; of TCP,
 * what tcp_note_content puts there. */
void packet_note_content(const struct packet *packet, struct record *record);

/* The net layer's record kinds: see core/net/kinds.c for what each says. */
extern const struct record_kind packet_sent_kind, packet_delivered_kind, packet_dropped_kind, link_dropped_kind,
    link_duplicated_kind, fragments_kind;

#endif
