/* A NAT: the middlebox that translates. A firewall is one that maps nothing: the same state, filters and rules, and
 * packets go through as they are.
 *
 * A NAT is a set of independent behaviours in the vocabulary of RFC 4787 (UDP), RFC 5382 (TCP) and RFC 5508 (ICMP): how
 * it maps, how it filters, how it assigns ports, whether it hairpins, what refreshes a mapping and for how long. The
 * classic names (full cone ... symmetric) are presets over them: see nat/presets.h.
 *
 * What leaves by an outside port from an inside port is translated on `leave`; what comes to an external address on
 * `enter`; what comes from inside to an external address hairpins on `enter`. Filter state belongs to a mapping and dies
 * with it. A reply to an admitted packet leaves by the mapping that admitted it (reply affinity, RFC 5382 section 4.3).
 *
 * The NAT belongs to its node and is freed with it. Times are nanoseconds of the world. A NAT at rest has no tables. */
#ifndef NAT_NAT_H
#define NAT_NAT_H

#include "core/net/node.h"
#include "nat/rules.h"

enum nat_dependence {
    NAT_ENDPOINT_INDEPENDENT,
    NAT_ADDRESS_DEPENDENT,
    NAT_ADDRESS_AND_PORT_DEPENDENT,
    NAT_MAPPING_NONE, /* as a mapping: not translated at all (a firewall's) */
};

enum nat_ports {
    NAT_PORTS_PRESERVE,   /* the internal port; the next free one up when it is taken (RFC 4787 section 4.2.1) */
    NAT_PORTS_SEQUENTIAL, /* the last one plus `step`, skipping what is taken */
    NAT_PORTS_RANDOM,     /* uniform among the free ones (RFC 6056) */
    NAT_PORTS_OVERLOAD,   /* the internal port, whoever has it already: see nat/shares.h */
};

/* What NAT_PORTS_PRESERVE does when the internal port is taken. */
enum nat_clash { NAT_CLASH_NEXT, NAT_CLASH_RANDOM };

enum nat_pooling {
    NAT_POOLING_PAIRED,    /* an internal address keeps its external one while it has mappings (RFC 4787 REQ-2) */
    NAT_POOLING_ARBITRARY, /* each new mapping gets the next address of the pool */
};

/* What who needs a mapping hears when there is none to be had. */
enum nat_limit_answer {
    NAT_LIMIT_ICMP,      /* administratively prohibited, 3/13 (RFC 5508 REQ-8) */
    NAT_LIMIT_ICMP_HOST, /* host unreachable, 3/1 (RFC 6888 REQ-11) */
    NAT_LIMIT_DROP,      /* nothing */
};

/* What happens to the IP identification of packets out that may be cut into fragments. Hosts that share an external address
 * may well use the same one, and then fragments of one host are put together with those of another. */
enum nat_identification {
    NAT_IDENTIFICATION_KEEP,
    NAT_IDENTIFICATION_RENUMBER, /* a new one (RFC 7857 section 10, RFC 6864 section 5.3.1) */
};

/* Ways of real boxes that no RFC allows, each a bit: see docs/nat.md for their sources. */
enum nat_quirk {
    NAT_QUIRK_EARLY_INBOUND_POISONS,     /* a refused packet in keeps the port it came to from going to its sender */
    NAT_QUIRK_FILTERED_INBOUND_DESTROYS, /* a packet in that the filter refuses ends the mapping */
    NAT_QUIRK_ICMP_DESTROYS,             /* an ICMP error from outside ends the mapping it is about */
    NAT_QUIRK_PRESERVE_THEN_SYMMETRIC,   /* endpoint-independent as long as ports can be preserved */
    NAT_QUIRK_REWRITES_PAYLOAD,          /* an older word for NAT_ALG_REWRITE_ADDRESSES */
    NAT_QUIRKS,
};

enum nat_hairpin { NAT_HAIRPIN_OFF, NAT_HAIRPIN_INTERNAL_SOURCE, NAT_HAIRPIN_EXTERNAL_SOURCE };

enum nat_refresh { NAT_REFRESH_OUTBOUND, NAT_REFRESH_INBOUND, NAT_REFRESH_BOTH };

enum nat_refusal { NAT_REFUSE_SILENTLY, NAT_REFUSE_ICMP, NAT_REFUSE_RESET }; /* reset: TCP only; else like icmp */

enum nat_ttl { NAT_TTL_DECREMENT, NAT_TTL_KEEP }; /* KEEP: some boxes are no hop */

/* The words of the options, in the order of the enums; each ends with NULL. */
extern const char *const nat_dependence_words[], *const nat_ports_words[], *const nat_hairpin_words[],
    *const nat_refresh_words[], *const nat_refusal_words[], *const nat_ttl_words[], *const nat_clash_words[],
    *const nat_pooling_words[], *const nat_limit_answer_words[], *const nat_quirk_words[], *const nat_fragments_words[],
    *const nat_ipv6_words[], *const nat_control_words[], *const nat_identification_words[], *const nat_alg_words[];

/* What the box does with IPv6 between its inside and the outside. */
enum nat_ipv6 {
    NAT_IPV6_FIREWALL,   /* a stateful filter, which translates nothing (RFC 6092) */
    NAT_IPV6_OPEN,       /* passes, as through a router */
    NAT_IPV6_PREFIX,     /* NPTv6: another prefix outside, stateless (RFC 6296) */
    NAT_IPV6_MASQUERADE, /* mappings to the box's outside IPv6 addresses, as for IPv4 */
    NAT_IPV6_NAT64,      /* what goes to addresses that stand for IPv4 ones becomes IPv4 (RFC 6146); else a firewall */
};

/* How one protocol is treated. */
struct nat_behaviour {
    uint8_t mapping, filtering; /* enum nat_dependence */
    uint8_t ports;              /* enum nat_ports */
    uint8_t refresh;            /* enum nat_refresh */
    uint8_t refusal;            /* enum nat_refusal: what a packet gets that the filter refuses or that has no mapping */
    uint8_t clash;              /* enum nat_clash */
    bool parity;                /* an even internal port gets an even external one, an odd an odd, while there are any */
    bool contiguous;            /* n and n + 1, of an even n, get neighbouring external ports, while there are any */
    bool overlap;               /* one external port serves several internal ones whose destinations differ (RFC 7857
                                   section 3); only with address-and-port-dependent mapping */
    uint16_t step;              /* of NAT_PORTS_SEQUENTIAL */
    uint16_t port_low, port_high; /* external ports; sequential begins at port_low */
    uint32_t limit_per_host, limit_total; /* mappings of this protocol; 0: no limit of its own */
    int64_t timeout;            /* of an idle mapping; TCP: of an idle connection that stands */
    int64_t stream_timeout;     /* the same, once packets have gone both ways; 0: no other */
};

/* Blocks of ports, one or several for each internal address (RFC 6888 REQ-14, RFC 7422). */
struct nat_block_options {
    uint32_t size;      /* ports in a block; 0: no blocks, or, when deterministic, as many as the ratio gives */
    uint16_t per_host;  /* blocks that a host may have; 0: no limit */
    uint16_t dynamic;   /* RFC 7422's factor D: so many blocks of each address are left for who needs a further one */
    bool deterministic; /* which block is a host's first depends on its address alone */
};

/* A static rule: packets to an external endpoint go to an internal one, and what that sends leaves by it. */
struct nat_forward {
    struct address external;      /* none: any of the box */
    struct endpoint to;           /* where port_low leads; the ports above it to those above */
    struct prefix from;           /* who may use it */
    uint16_t port_low, port_high; /* external; 0: all, and each port leads to itself (Basic NAT) */
    uint8_t protocol;             /* 0: any */
};

/* So many of these a box has at most. */
enum { NAT_FORWARDS_MAX = 64, NAT_PORT_TIMEOUTS_MAX = 32, NAT_EXEMPT_MAX = 32 };

/* A timeout for UDP to one destination port (RFC 4787 REQ-5a). */
struct nat_port_timeout {
    uint16_t port;
    int64_t timeout;
};

/* Servers of port control in the box, as bits: see nat/services/port_control.h. The NAT itself knows nothing of them. */
enum nat_control { NAT_CONTROL_PCP = 1 << 0, NAT_CONTROL_NAT_PMP = 1 << 1, NAT_CONTROL_UPNP = 1 << 2 };

/* Application-level gateways in the box, as bits: see nat/alg/alg.h. Of these, too, the NAT itself knows nothing. */
enum nat_alg { NAT_ALG_REWRITE_ADDRESSES = 1 << 0, NAT_ALG_FTP = 1 << 1, NAT_ALG_SIP = 1 << 2 };
enum { NAT_ALGS_MAX = 4 }; /* bits that there is room for */

/* The words of each ALG's quirks, in the order of the bits of both; each list ends with NULL. */
extern const char *const *const nat_alg_quirk_words[];
enum nat_ftp_quirk { NAT_FTP_BREAKS_ON_SEGMENTS };

struct nat_options {
    struct nat_behaviour udp, tcp, icmp; /* for ICMP queries the identifier is the port */
    int64_t tcp_opening, tcp_closing;    /* timeouts of connections that are partially open, and that are over */
    int64_t syn_wait;               /* before a SYN that nobody asked for is answered; 0: at once */
    uint8_t hairpin;                /* enum nat_hairpin */
    uint8_t ttl;                    /* enum nat_ttl */
    bool affinity;                  /* reply affinity */
    bool icmp_errors;               /* passes ICMP errors about its mappings, both ways */
    uint8_t port_control;           /* enum nat_control, or-ed */
    uint8_t pooling;                /* enum nat_pooling */
    uint8_t fragments;              /* enum node_fragments */
    uint8_t limit_answer;           /* enum nat_limit_answer */
    uint8_t quirks;                 /* 1 << enum nat_quirk */
    uint8_t identification;         /* enum nat_identification */
    uint8_t algs;                   /* enum nat_alg, or-ed */
    uint16_t alg_quirks[NAT_ALGS_MAX]; /* of each, bits in the order of its words */
    uint32_t limit_per_host, limit_total; /* mappings; 0: no limit but memory's (see NAT_MAPPINGS_MAX) */
    uint8_t ipv6;                         /* enum nat_ipv6 */
    struct prefix ipv6_prefix;            /* PREFIX: the external one; NAT64: before IPv4 addresses, of length 0 the
                                             well-known one (RFC 6052 section 2.1) */
    uint32_t limit_rate;                  /* new mappings of a host in a second; 0: no limit */
    struct nat_block_options blocks;      /* for all protocols; the ports are those of udp */
    int64_t port_hold; /* an external port that has become free rests so long (RFC 6888 REQ-8) */
    const struct firewall_rule *rules;    /* rule_count of them, borrowed; a NAT has a copy of its own */
    const struct nat_forward *forwards;   /* these likewise */
    const struct nat_port_timeout *port_timeouts;
    const struct prefix *exempt; /* destinations to which nothing is translated (RFC 6888 REQ-6) */
    uint32_t rule_count, forward_count, port_timeout_count, exempt_count;
};

/* Whether a box with these options translates nothing, and makes them so: a firewall's. */
bool nat_options_are_firewall(const struct nat_options *options);
void nat_options_make_firewall(struct nat_options *options);

/* Whether the options fit each other, as they must in nat_new. False with an error (G_OPTION_ERROR). */
gboolean nat_options_check(const struct nat_options *options, GError **error);

/* The IPv6 address at which those inside of a NAT64 with these options reach an IPv4 address, as a DNS64 would answer
 * (RFC 6147); none when they can't: the options are no NAT64's, or its prefix may not stand before that address. */
struct address nat_synthesize(const struct nat_options *options, struct address ipv4);

/* A box has at most this many mappings, peers of mappings and TCP connections, whatever its options say. */
#define NAT_MAPPINGS_MAX (1 << 22)

/* A box holds at most so many SYNs that nobody asked for: see nat/syns.h. */
#define NAT_SYNS_MAX 1024

/* Of those peers, so many may be there because they were admitted: strangers take no room from those who are inside. */
#define NAT_ADMITTED_MAX (NAT_MAPPINGS_MAX / 4)

struct nat;

/* Makes `node` a NAT: what comes in by its ports with `inside` set is internal, its addresses on other ports are
 * external (all of them are the pool; pooling is paired: an internal address keeps its external one while it has
 * mappings). Owned by the node. The options are copied, rules too. */
struct nat *nat_new(struct node *node, const struct nat_options *options);

/* The NAT of a node; NULL when its middlebox is another or there is none. */
struct nat *nat_of(const struct node *node);

const struct nat_options *nat_options(const struct nat *nat);
/* Changes the behaviour: it holds from the next packet on, mappings that exist stay as they are. The rules may be the
 * NAT's own. */
void nat_set_options(struct nat *nat, const struct nat_options *options);

struct nat_pinhole_view;

/* ---- who reads the data
 *
 * Whoever reads, and perhaps edits, the data of packets that have been translated: the seat of application-level gateways.
 * A hairpinned packet is read twice, as it goes out and as it comes in. ICMP errors, and what passes without a mapping,
 * are not read. */

struct nat_translation {
    bool inbound;
    bool hairpin;                       /* it is read twice, and may not be held */
    struct endpoint internal, external; /* of a mapping that translates nothing they are the same */
};

struct nat_reader {
    /* The packet's headers are translated, and the decision about it is journalled. VERDICT_PASS; or VERDICT_HELD: the
     * reader has taken it over, and ends it or sends it on later, with node_forward. */
    enum verdict (*read)(struct nat_reader *reader, struct packet *packet, const struct nat_translation *translation);
    /* The NAT has forgotten everything (nat_forget). */
    void (*forget)(struct nat_reader *reader);
    /* A pinhole has ended by itself; as it was. It must not open or close any. */
    void (*closed)(struct nat_reader *reader, const struct nat_pinhole_view *pinhole);
    void (*free)(struct nat_reader *reader);
};

/* The NAT has this reader from now on (NULL: none) and owns it; the one it had is freed. */
void nat_take_reader(struct nat *nat, struct nat_reader *reader);
struct nat_reader *nat_reader(const struct nat *nat);

/* Forgets everything, as a box does that loses power. Each mapping's end is journalled. */
void nat_forget(struct nat *nat);

/* What a mapping was made for. */
enum nat_origin {
    NAT_ORIGIN_TRAFFIC, /* a packet out */
    NAT_ORIGIN_PCP,     /* RFC 6887 */
    NAT_ORIGIN_NAT_PMP, /* RFC 6886 */
    NAT_ORIGIN_UPNP,    /* UPnP IGD */
    NAT_ORIGIN_FORWARD, /* a forwarding rule */
    NAT_ORIGIN_CLASH,   /* a packet out, for one destination only: NAT_QUIRK_PRESERVE_THEN_SYMMETRIC */
    NAT_ORIGIN_POISON,  /* likewise: NAT_QUIRK_EARLY_INBOUND_POISONS */
    NAT_ORIGIN_ALG,     /* a pinhole */
    NAT_ORIGINS,
};
extern const char *const nat_origin_words[];

/* One mapping, told to whoever asks. */
struct nat_mapping_view {
    uint32_t number;             /* the subject of the journal's records about it */
    uint8_t protocol;
    uint8_t origin;              /* enum nat_origin */
    bool is_explicit;            /* see below: it lives by its lifetime */
    struct endpoint internal, external;
    uint32_t peer_count;
    const struct endpoint *peers; /* whom the internal endpoint has sent to through it, or who was admitted, oldest first
                                     (TCP: with whom it has connections); borrowed for the call */
    int64_t made, expires;        /* TCP: expires when its last connection does, unless it is explicit */
};

/* Calls `tell` for each living mapping, oldest first. `tell` must not send or change options. */
void nat_each_mapping(struct nat *nat, void (*tell)(void *user, const struct nat_mapping_view *mapping), void *user);

/* ---- explicit mappings
 *
 * What servers for port control (PCP, NAT-PMP, UPnP IGD) make. An explicit mapping lives by its lifetime, whatever
 * traffic does; no filter applies to it; what its internal endpoint sends leaves by it, whatever `mapping` says. The
 * limits on mappings and the pairing of addresses hold for it as for others. On a box that translates nothing it is a
 * pinhole: the external endpoint is the internal one. */

enum nat_map_result {
    NAT_MAP_OK,
    NAT_MAP_NO_PROTOCOL, /* the NAT doesn't translate this protocol's ports */
    NAT_MAP_TAKEN,       /* the suggested external endpoint can't be had, and nothing else would do */
    NAT_MAP_NO_PORT,     /* no external port is free, or there is no external address */
    NAT_MAP_LIMIT,       /* a limit on mappings is met */
};

struct nat_map_request {
    uint8_t protocol;
    uint8_t origin;           /* who asks: NAT_ORIGIN_PCP, _NAT_PMP, _UPNP */
    bool by_external;         /* the mapping is known by its external port, as in UPnP: there may be several of `internal` */
    bool prefer_failure;      /* another external endpoint than the suggested one is of no use */
    struct endpoint internal;
    struct endpoint external; /* suggested; no address and port 0 where any will do */
    int64_t lifetime;         /* from now; TIME_NEVER for ever */
};

/* Makes or renews a mapping and tells what was granted (without peers). An explicit mapping that `internal` has already
 * (unless `by_external`: at that external port) is renewed and keeps its external endpoint; so does an ordinary
 * endpoint-independent one, which becomes explicit (RFC 6887 section 11.3). Otherwise the suggested endpoint is granted
 * when it is free, else one as for a packet out. */
enum nat_map_result nat_map_explicit(struct nat *nat, const struct nat_map_request *request,
                                     struct nat_mapping_view *granted) G_GNUC_WARN_UNUSED_RESULT;

/* Ends the explicit mapping of `internal`, and that at `external`. False when there is none. */
bool nat_unmap_explicit(struct nat *nat, uint8_t protocol, struct endpoint internal);
bool nat_unmap_external(struct nat *nat, uint8_t protocol, struct endpoint external);

/* The explicit mapping of `internal`, and the mapping of any kind at `external`, without peers. False when there is
 * none. nat_each_mapping walks them all. */
bool nat_find_explicit(struct nat *nat, uint8_t protocol, struct endpoint internal, struct nat_mapping_view *view);
bool nat_find_external(struct nat *nat, uint8_t protocol, struct endpoint external, struct nat_mapping_view *view);

/* The external address that `internal` has, or would get; none when there is none. */
struct address nat_external_address(const struct nat *nat, struct address internal);

/* ---- pinholes
 *
 * What application-level gateways open. A pinhole lets in by a mapping whom the filter would not. The mapping is the one
 * that a packet of the internal endpoint to the remote one would take; where there is none, one is made for the pinhole,
 * as for a packet out but with an external port of the internal one's parity: no matter how the box maps, what the internal
 * endpoint sends leaves by it, and its filter is the box's. A mapping does not expire before its pinholes do. One that was
 * made for them ends with the last; but that of TCP with its last connection, and what came in by a `once` pinhole may stay
 * until it is idle. */

struct nat_pinhole_request {
    uint8_t protocol;
    uint8_t asker;            /* whose word `owner` is: an index of nat_alg_words, or one more */
    bool once;                /* whoever comes first is the only one to come */
    bool refreshed;           /* traffic both ways prolongs it: it ends `lifetime` after the last */
    struct endpoint internal;
    struct endpoint remote;   /* who may come; port 0: from any port; no address: anybody */
    int64_t lifetime;
    uint64_t owner;
};

/* One pinhole, told to whoever asks. */
struct nat_pinhole_view {
    uint32_t number, mapping; /* `mapping`: the number of its mapping */
    uint8_t protocol, asker;
    bool once, used, refreshed;
    struct endpoint internal, external, remote;
    int64_t opened, expires;
    uint64_t owner, packets;  /* `packets`: that came in by it */
};

/* Opens one. One of this owner for this protocol and internal endpoint that is open already gets the request's remote end
 * and lifetime instead. `*is_new` and `*mapped` (its mapping was there already) tell what happened. */
enum nat_map_result nat_pinhole_open(struct nat *nat, const struct nat_pinhole_request *request,
                                     struct nat_pinhole_view *opened, bool *is_new, bool *mapped) G_GNUC_WARN_UNUSED_RESULT;

/* These are false when there is no pinhole of this number. `taken_back`: what it was opened for did not happen. */
bool nat_pinhole_find(struct nat *nat, uint32_t number, struct nat_pinhole_view *view);
bool nat_pinhole_narrow(struct nat *nat, uint32_t number, struct endpoint remote);
bool nat_pinhole_prolong(struct nat *nat, uint32_t number, int64_t lifetime);
/* It ends so long from now at the latest, whatever goes through it. */
bool nat_pinhole_let_end(struct nat *nat, uint32_t number, int64_t grace);
bool nat_pinhole_close(struct nat *nat, uint32_t number, bool taken_back);

/* The next of an owner's, oldest first: that after the pinhole `after`, 0 for the first. 0: there is none. */
uint32_t nat_pinhole_next(struct nat *nat, uint8_t asker, uint64_t owner, uint32_t after);

/* The mapping that a packet of `internal` to `remote` (no address: to nobody in particular) would take, without peers.
 * False when there is none. */
bool nat_find_internal(struct nat *nat, uint8_t protocol, struct endpoint internal, struct endpoint remote,
                       struct nat_mapping_view *view);

/* ---- blocks of ports */

struct nat_block {
    struct address internal, external;
    uint16_t low, high;
};

/* The first block of an internal address: false when it has none, or the NAT has made no mapping yet. */
bool nat_block_of(const struct nat *nat, struct address internal, struct nat_block *block);

/* Whose block an external endpoint is in, without regard to mappings: what a provider is asked. False when it is
 * nobody's. */
bool nat_block_holder(const struct nat *nat, struct endpoint external, struct address *internal);

struct nat_counts {
    uint64_t outbound, inbound, hairpinned; /* packets translated */
    uint64_t icmp_errors;                   /* translated */
    uint64_t refused;                       /* dropped by filter or rule, or for want of a mapping */
    uint64_t made, expired, forgotten;      /* mappings */
    uint64_t removed, destroyed;            /* mappings that were ended by who had asked for them, by a quirk */
    uint64_t connections;                   /* of TCP, that were followed through a mapping */
    uint64_t held;                          /* SYNs that nobody asked for */
};
struct nat_counts nat_counts(const struct nat *nat);

/* The bytes that the NAT's tables hold, and those of the NAT itself with the lists of its options (for the bench); the
 * options themselves boxes that are made alike share. */
size_t nat_bytes(const struct nat *nat);

#endif
