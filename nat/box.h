/* What the NAT's own files share: nat.c (as others see it), way.c (a packet's way), hairpin.c and refusals.c (how it
 * turns round, and how it ends), connections.c and syns.c (what is TCP's there), icmp_errors.c, making.c (how mappings
 * begin and end) and kinds.c (the words of the journal). Nobody else includes this. */
#ifndef NAT_BOX_H
#define NAT_BOX_H

#include "core/net/net.h"
#include "core/net/rewrite.h"
#include "nat/blocks.h"
#include "nat/embed.h"
#include "nat/mappings.h"
#include "nat/npt.h"
#include "nat/pinholes.h"
#include "nat/pooling.h"
#include "nat/ports.h"
#include "nat/sessions.h"
#include "nat/syns.h"
#include "nat/tuples.h"

struct nat {
    struct middlebox box;        /* first */
    struct mapping_table *table; /* NULL before the first mapping */
    struct hosts *hosts;         /* NULL as long as nothing depends on internal addresses */
    struct syns *syns;           /* NULL before the first that is held */
    const struct nat_options *options; /* nat/policy.h */
    struct nat_reader *reader;         /* NULL: nobody reads the data */
    int64_t due;         /* nothing expires before */
    struct event expiry; /* at the first deadline, or before it; idle */
    struct nat_counts counts;
    struct random_stream random; /* ports */
    struct exhaustion exhausted; /* of ports; see nat/blocks.h */
    struct blocks *blocks;            /* NULL as long as there are none */
    struct tuples resting, poisoned;  /* external ports that rest; those that early packets have come to */
    uint16_t last_port[NAT_PROTOCOLS]; /* chosen by NAT_PORTS_SEQUENTIAL */
    uint32_t next_address;             /* of the pool, in turn */
    uint16_t identification;           /* of the last IPv4 header that NAT64 made, or that was renumbered */
    bool timeouts_changed;             /* since the beginning: how long a mapping was idle is then not known */
    struct npt *npt;                   /* NULL unless IPv6 gets another prefix */
    struct pinholes *pinholes;         /* NULL before the first */
    bool keeps_pairs;                  /* the endpoint that is being chosen keeps its parity, and its neighbour, whatever
                                          the options say */
};

static inline struct world *
nat_world(const struct nat *nat)
{
    return nat->box.node->world;
}

/* How packets of this protocol are treated; what is none of UDP, TCP and ICMP is refused like ICMP. */
static inline const struct nat_behaviour *
nat_behaviour(const struct nat *nat, uint8_t protocol)
{
    if (G_LIKELY(protocol == PROTOCOL_UDP))
        return &nat->options->udp;
    return protocol == PROTOCOL_TCP ? &nat->options->tcp : &nat->options->icmp;
}

/* ---- making.c */

/* Ends the mappings and the connections whose deadline has come. Before anything is looked up: what is found then is
 * alive. */
void nat_expire(struct nat *nat);

static inline void
nat_expire_due(struct nat *nat)
{
    if (nat_world(nat)->now >= nat->due)
        nat_expire(nat);
}

/* A deadline has come nearer: nat->due and the expiry event follow. */
void nat_arm(struct nat *nat);

/* Makes the mapping of `key` for a packet that leaves by `out` (NULL: any way). DROP_NONE and its slot, or the
 * reason. */
enum drop_reason nat_make_mapping(struct nat *nat, const struct mapping_key *key, const struct packet *packet,
                                  const struct port *out, uint32_t *slot);

/* A mapping that is to be made. */
struct making {
    struct mapping_key key;
    struct endpoint external;
    int64_t lifetime;
    uint8_t origin;           /* enum nat_origin */
    bool open, fixed, shared; /* as in struct mapping */
};

/* Gets the tables ready for a mapping of `internal`. DROP_NONE, or the limit that stands against it. */
enum drop_reason nat_may_map(struct nat *nat, uint8_t protocol, struct address internal, const struct port *out);
/* How long a mapping lives without traffic that counts, when the last was to or from this port of the remote end. */
int64_t nat_idle_time(const struct nat *nat, uint8_t protocol, uint16_t remote_port, bool answered);
/* Makes it, for `packet` (NULL: for none). nat_may_map has been asked. */
uint32_t nat_begin_mapping(struct nat *nat, const struct making *making, const struct packet *packet);
/* Ends a mapping, with a record of this kind and detail. */
void nat_end_mapping(struct nat *nat, uint32_t slot, const struct record_kind *kind, int64_t detail);
/* A record about a mapping, to be completed. */
struct record nat_mapping_record(const struct nat *nat, const struct mapping *mapping, const struct record_kind *kind);
/* The mapping is due at `deadline` now. */
void nat_set_deadline(struct nat *nat, uint32_t slot, int64_t deadline);

/* The mapping, not of TCP, lives on from now for as long as traffic to or from this port of the remote end gives it, unless its
 * lifetime is fixed. */
void nat_refresh_mapping(struct nat *nat, uint32_t slot, uint16_t remote_port);
/* Ends a mapping that has expired, with its record. */
void nat_expire_mapping(struct nat *nat, uint32_t slot);

/* Makes the mapping of a packet that has come in and that a forwarding rule takes inside. DROP_NONE and its slot, 0 when
 * no rule does; or the limit that stands against it. */
enum drop_reason nat_make_forward(struct nat *nat, const struct packet *packet, uint32_t *slot);

/* ---- choosing.c: external endpoints */

/* Chooses the external endpoint of `making`, as the options say, and whether it is shared; quirks may make its key
 * another. nat_may_map has been asked. */
enum drop_reason nat_choose(struct nat *nat, struct making *making, const struct port *out);

/* Whether an external endpoint is free to be given to `key`. */
bool nat_is_free(struct nat *nat, const struct mapping_key *key, struct endpoint external);

/* Blocks follow the options from now on. */
void nat_plan_blocks(struct nat *nat);
/* A mapping begins, and ends, in its internal address's block. */
void nat_enter_block(struct nat *nat, struct mapping *mapping);
void nat_leave_block(struct nat *nat, const struct mapping *mapping);
/* Whether the block of an external endpoint is somebody's for ever. */
bool nat_is_in_fixed_block(const struct nat *nat, const struct endpoint *external);

/* Whether a packet in has poisoned `external` for packets to `remote`: see NAT_QUIRK_EARLY_INBOUND_POISONS. */
static inline bool
nat_is_poisoned(const struct nat *nat, uint8_t protocol, struct endpoint external, struct endpoint remote)
{
    struct tuple tuple = { external, remote, protocol };

    return nat->poisoned.count > 0 && tuples_know(&nat->poisoned, &tuple, nat->box.node->world->now);
}

static inline bool
nat_has_quirk(const struct nat *nat, enum nat_quirk quirk)
{
    return G_UNLIKELY(nat->options->quirks & 1 << quirk);
}

/* ---- nat.c */

/* A mapping as others see it, without its peers. */
struct nat_mapping_view nat_view(const struct nat *nat, uint32_t slot);

/* ---- way.c */

/* Rewrites a packet's source to an external endpoint, and its identification where that is to be done. */
void nat_show_source(struct nat *nat, struct packet *packet, struct address address, uint16_t port);

/* A packet that has come in by `in`, and one that leaves by `out`: the middlebox's two ways in (core/net/node.h). */
enum verdict nat_enter(struct middlebox *box, struct packet *packet, struct port *in);
enum verdict nat_leave(struct middlebox *box, struct packet_list *list, struct port *out);

/* How a flow of these ends is mapped. IPv6 to IPv6 is translated where it is masqueraded only, and IPv6 to IPv4 always. */
static inline uint8_t
nat_mapping_of(const struct nat *nat, uint8_t protocol, struct address internal, struct address remote)
{
    uint8_t mapping = nat_behaviour(nat, protocol)->mapping;

    if (G_LIKELY(address_is_ipv4(internal)))
        return mapping;
    if (address_is_ipv4(remote))
        return mapping == NAT_MAPPING_NONE ? NAT_ENDPOINT_INDEPENDENT : mapping;
    return nat->options->ipv6 == NAT_IPV6_MASQUERADE ? mapping : NAT_MAPPING_NONE;
}

/* The key of a packet of `internal` to `remote` as mapping is now. */
static inline struct mapping_key
nat_key(const struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote)
{
    return (struct mapping_key){ internal, remote, protocol,
                                 nat_mapping_of(nat, protocol, internal.address, remote.address) };
}

/* The mapping that such a packet takes, or 0; `*rule` says why that one. Without the affinity of replies when
 * `affinity` is false. */
uint32_t nat_find_way(const struct nat *nat, const struct mapping_key *key, bool affinity, uint16_t *rule);

/* Whether a quirk made a mapping, for one destination only. */
static inline bool
nat_is_by_quirk(const struct mapping *mapping)
{
    return mapping->origin == NAT_ORIGIN_CLASH || mapping->origin == NAT_ORIGIN_POISON;
}

/* Whether no filter applies to a mapping. Of those that come before others one that was made for pinholes is filtered. */
static inline bool
nat_is_unfiltered(const struct mapping *mapping)
{
    return mapping->open && mapping->origin != NAT_ORIGIN_ALG;
}

/* What a mapping knows of `remote`. */
static inline enum peer_known
nat_known(const struct nat *nat, uint32_t slot, const struct endpoint *remote)
{
    if (mapping_at(nat->table, slot)->protocol == PROTOCOL_TCP)
        return session_known(nat->table, slot, remote);
    return peer_find(nat->table, slot, remote);
}

/* Whether the filter of a mapping, or one of its pinholes, lets `remote` in (RFC 4787 section 5, RFC 5382 section 4.3). */
bool nat_admits(const struct nat *nat, uint32_t slot, const struct endpoint *remote);

/* What a packet out takes. */
struct way {
    uint32_t slot;    /* its mapping's */
    uint32_t session; /* TCP: of the mapping; 0: the packet belongs to none */
    uint32_t denied;  /* by this rule, from 1: DROP_POLICY */
    uint16_t rule;    /* why that mapping */
    bool opens;       /* the filter did not admit the destination before; known only while a journal listens */
};

/* Whether a socket of the box itself has this port. */
bool nat_box_has(const struct nat *nat, uint8_t protocol, struct endpoint local);

/* Whether `address` is behind one of the box's inside ports. */
bool nat_leads_inside(const struct nat *nat, struct address address);

/* Whether packets such as this are left as they are: the box is a firewall to them. */
bool nat_translates_nothing(const struct nat *nat, const struct packet *packet);

static inline bool
nat_has_ports(const struct packet *packet)
{
    return packet->flow.protocol == PROTOCOL_UDP || packet->flow.protocol == PROTOCOL_TCP;
}

/* The mapping that a packet out takes, made when there is none, refreshed, with its destination among its peers. `flow`
 * is the packet's, as it is seen (nat64_see). */
enum drop_reason nat_take_way(struct nat *nat, const struct packet *packet, const struct flow *flow,
                              const struct port *out, struct way *way);
/* The record of a packet that has taken it. */
void nat_journal_outbound(const struct nat *nat, struct record *record, const struct way *way);

/* The mapping that a packet in, which counts as sent by `remote`, leads to, or 0; a forwarding rule makes one. */
enum drop_reason nat_find_inbound(struct nat *nat, const struct packet *packet, const struct endpoint *remote,
                                  uint32_t *slot);
/* A rule would take a packet inside, but a limit is met. */
enum verdict nat_refuse_forward(struct nat *nat, struct packet *packet, enum drop_reason reason);
/* A mapping of TCP that a packet in made in vain, because it was refused after all, has nothing to live for. */
void nat_end_unused(struct nat *nat, uint32_t slot);

/* Which rule decides about a packet in to the mapping. */
uint16_t nat_inbound_rule(const struct nat *nat, const struct mapping *mapping);

/* Why a packet in was admitted. */
struct admission {
    uint32_t rule;    /* the user's; 0: the filter did */
    uint32_t session; /* TCP: as in nat_tcp_accept */
};

/* VERDICT_PASS: a packet that is seen as `flow` may come in by the mapping in `slot`. Else it has been refused, with
 * `record`. */
enum verdict nat_admit(struct nat *nat, struct packet *packet, uint32_t slot, const struct flow *flow,
                       struct record *record, struct admission *by);
/* It has been translated, and is told of. For hairpins. */
enum verdict nat_let_in(struct nat *nat, struct packet *packet, uint32_t slot, const struct admission *by,
                        struct record *record);

/* ---- hairpin.c */

/* A packet from inside to one of the external addresses, which are on `out`. UDP and TCP hairpin; an ICMP query is for
 * the box, and its replies come from there. */
enum verdict nat_hairpin(struct nat *nat, struct packet *packet, const struct port *out);
/* The same of one to what stands for an external IPv4 address, seen as `flow`: back inside, whatever `hairpin` says (RFC
 * 6146 section 3.8). */
enum verdict nat_hairpin_crossing(struct nat *nat, struct packet *packet, const struct flow *flow,
                                  const struct port *out, struct record *record);

/* ---- refusals.c */

/* Drops a packet with its record: sets the packet's reason. */
enum verdict nat_drop(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason);
/* A packet that is not wanted: what its sender hears is an option. `remote` is where one in comes from; NULL for one
 * out. */
enum verdict nat_refuse(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason,
                        const struct endpoint *remote);
/* A packet that gets no mapping, or whose TTL has run out: its sender hears of it. */
enum verdict nat_deny(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason);
/* A packet in that neither the filter of its mapping nor (with DROP_POLICY) `rule` lets in. */
enum verdict nat_turn_away(struct nat *nat, struct packet *packet, uint32_t slot, struct record *record,
                           enum drop_reason reason, uint32_t rule, const struct endpoint *remote);

/* ---- connections.c: what is TCP's in the way of a packet */

/* The flags of a TCP segment: enum tcp_flags. */
uint8_t nat_tcp_flags(const struct packet *packet);

/* The mapping that carries a connection between the ends of `key`, or 0; `*rule` says why that one. */
uint32_t nat_tcp_find_way(const struct nat *nat, const struct mapping_key *key, uint16_t *rule);

/* A segment out, between the ends of `key`, takes the mapping way->slot, or, if that is 0 and it is a SYN, a new one; its
 * connection begins or goes on. */
enum drop_reason nat_tcp_take_way(struct nat *nat, const struct packet *packet, const struct mapping_key *key,
                                  const struct port *out, struct way *way);

/* A segment in from `remote` has been admitted: its connection begins or goes on. `*session` is its number, 0 when it
 * belongs to none. */
enum drop_reason nat_tcp_accept(struct nat *nat, const struct packet *packet, uint32_t slot,
                                const struct endpoint *remote, uint32_t *session);

/* Ends a session whose deadline has come, and its mapping with its last. */
void nat_tcp_expire(struct nat *nat, uint32_t session);

static inline bool
nat_listening(const struct nat *nat)
{
    return nat_world(nat)->journal != NULL;
}

/* ---- nat64.c: what is NAT64's in the way of a packet
 *
 * A flow between the families is seen as mappings and filters know it: its inner end is IPv6, its outer IPv4, and the
 * protocol of echo is PROTOCOL_ICMP. */

/* The options have changed; are about to change: the box's own packets to what stands for IPv4 addresses get their way. */
void nat64_prepare(struct nat *nat);
void nat64_withdraw(struct nat *nat);

/* Whether packets to this IPv6 address become IPv4. */
bool nat64_takes(const struct nat *nat, struct address destination);

/* How a packet to such an address is seen. DROP_NONE, or why it is not to be translated. */
enum drop_reason nat64_see(const struct nat *nat, const struct packet *packet, struct flow *flow);

/* Whether a packet can become one of the other family and go on by `hop`; in `*mtu` the largest of its own family that
 * could, when it is too big. */
enum drop_reason nat64_fits(const struct packet *packet, const struct hop *hop, uint32_t *mtu);

/* The IPv6 end that stands for an IPv4 one. */
struct endpoint nat64_embed(const struct nat *nat, struct endpoint ipv4);

/* Gives a packet these ends, of either family; the other ones are what they were seen as. It fits. */
void nat64_rewrite(struct nat *nat, struct packet *packet, struct endpoint source, struct endpoint destination);

/* An ICMP error about a packet of a mapping between the families: from outside, whose quote has been read and leads to
 * the mapping in `slot`; from inside or by the box, to an address that stands for an IPv4 one. */
enum drop_reason nat64_error_in(struct nat *nat, struct packet *packet, struct quote *quote, uint32_t slot);
enum verdict nat64_error_out(struct nat *nat, struct packet *packet);

/* ---- prefix.c: NPTv6 */

/* The options have changed. */
void nat_prefix_prepare(struct nat *nat);
enum verdict nat_prefix_enter(struct nat *nat, struct packet *packet, const struct port *in);
enum verdict nat_prefix_leave(struct nat *nat, struct packet_list *list, struct packet *packet);

extern const struct record_kind nat_prefix_kind, nat_prefix_dropped_kind;

/* ---- basic.c: what passes without a mapping */

/* An ICMP query from outside to an address that is one internal host's. False when it is no such. */
bool nat_basic_in(struct nat *nat, struct packet *packet, enum verdict *verdict);
/* The reply to it. */
bool nat_basic_out(struct nat *nat, struct packet *packet);

/* Whether nothing is translated to and from `remote`, and a packet out to there. */
bool nat_is_exempt(const struct nat *nat, struct address remote);
enum verdict nat_pass_exempt(struct nat *nat, struct packet *packet);

/* ---- quirks.c */

/* A packet in has been refused: it keeps the port it came to from whoever sends to where it came from. */
void nat_quirk_poison(struct nat *nat, const struct packet *packet);
/* A mapping ends of a quirk, unless its lifetime is fixed. */
void nat_quirk_destroy(struct nat *nat, uint32_t slot, enum nat_quirk quirk);

/* ---- icmp_errors.c */

/* An ICMP error that came by `in` (NULL: the box made it) and is not for an internal host as it stands. */
enum verdict nat_error_enter(struct nat *nat, struct packet *packet, const struct port *in);
/* An ICMP error that leaves by an outside port, from inside or (packet->in is NULL) made by the box. */
enum verdict nat_error_leave(struct nat *nat, struct packet *packet);

/* The mapping by which a packet between these ends, seen from outside, was admitted: the one that a reply to it would
 * take. 0: none. */
uint32_t nat_find_admitting(const struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote);
/* The record of an ICMP error, as one that is dropped. */
struct record nat_error_record(const struct nat *nat, const struct packet *packet, const struct quote *quote);
/* It has been translated and goes on. */
enum verdict nat_error_pass(struct nat *nat, struct packet *packet, struct record *record);

/* ---- kinds.c, and quirk_kinds.c: the journal */

/* Which rule decided, in the low seven bits of record.rule. */
enum nat_rule {
    NAT_RULE_NONE,
    NAT_RULE_DEPENDENCE,     /* + enum nat_dependence: of mapping (outbound, new) or filtering (inbound) */
    NAT_RULE_AFFINITY = 5,   /* outbound: a reply to what the mapping admitted */
    NAT_RULE_KEPT,           /* outbound: a conversation goes on by a mapping older than the options */
    NAT_RULE_INSIDE_ADDRESS, /* inbound: an address inside can't be reached from outside */
    NAT_RULE_FIREWALL,       /* a rule of the user's allows or denies it: see nat_record_firewall */
    NAT_RULE_OPEN,           /* a mapping that was asked for: outbound it comes first, inbound no filter applies */
    NAT_RULE_QUIRK,          /* outbound: a mapping that a quirk made for this destination alone */
    NAT_RULE_EXEMPT,         /* outbound: nothing is translated to there */
    NAT_RULE_PINHOLE,        /* inbound: a pinhole is open to the sender */
    NAT_RULES,
    NAT_RULE_MASK = 0x7f,
    NAT_RULE_HAIRPIN = 0x80,  /* it came from inside to an external address */
    NAT_OPENS = 1,            /* + enum nat_dependence of filtering, in subject[1] of a packet out: it opens the filter */
    NAT_RULE_EXTRA_SHIFT = 8, /* filtered: further peers, 255 at most; about a mapping itself: in the low four bits, */
                              /* when it is new, how the port was assigned, enum nat_ports; above, enum nat_origin */
    NAT_RULE_ORIGIN_SHIFT = 12,
};

/* subject[0]: the mapping's number. `detail`: when it expires (translated); type << 8 | code (ICMP errors); the idle
 * time (expired); whom the filter protects, packed (filtered). subject[1]: the mapping that the internal endpoint had
 * before (new), the first peer's IPv4 address (filtered), NAT_OPENS (outbound). */
extern const struct record_kind nat_outbound_kind, nat_outbound_dropped_kind, nat_inbound_kind,
    nat_inbound_dropped_kind, nat_icmp_error_kind, nat_icmp_error_dropped_kind, nat_mapping_new_kind,
    nat_mapping_expired_kind, nat_mapping_forgotten_kind, nat_mapping_renewed_kind, nat_mapping_removed_kind,
    nat_mapping_destroyed_kind;

/* Blocks of ports: from the owner to the external address; the ports are those of the block's ends, `after`. */
extern const struct record_kind nat_block_granted_kind, nat_block_released_kind;

/* A port that has been poisoned: `before` is the packet's flow. `detail`: until when. */
extern const struct record_kind nat_poisoned_kind;

/* Packs into a record what a filtered packet's words are made from. */
void nat_record_filtered(const struct nat *nat, struct record *record, uint32_t slot);

/* Packs in which rule decided, from 1, and what it looks at: into `rule`, subject[1] and, of a dropped packet,
 * `detail`. */
void nat_record_firewall(struct record *record, const struct firewall_rule *rules, uint32_t number);

/* ---- tcp_kinds.c: the journal of TCP
 *
 * Of connections `before` is from the internal to the remote endpoint, `after` from the external one. subject[0]: the
 * mapping's number, subject[1]: the connection's. `detail`: when it expires (new, state); how long it had no traffic, 0
 * when that is not known (expired). `rule`: what happened, as packed by nat_tcp_rule.
 *
 * Of held SYNs `before` is as the filter saw it; the upper half of `rule` is what they are to get (enum nat_refusal), the
 * lower why they are not wanted (enum nat_syn_fault). `detail`: how long it is held (held), was held (ended). */
extern const struct record_kind nat_connection_new_kind, nat_connection_state_kind, nat_connection_expired_kind,
    nat_syn_held_kind, nat_syn_ended_kind;

enum nat_syn_fault { NAT_SYN_UNMAPPED, NAT_SYN_FILTERED, NAT_SYN_FORBIDDEN };

/* States before and after, the flag that mattered and the side it came from. */
uint16_t nat_tcp_rule(enum nat_tcp_state from, enum nat_tcp_state to, uint8_t flags, enum nat_tcp_side side);

#endif
