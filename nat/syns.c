#include "nat/syns.h"

#include "core/net/icmp.h"
#include "core/net/tcp_reset.h"
#include "core/sim/slab.h"
#include "nat/box.h"

enum { BUCKETS = NAT_SYNS_MAX }; /* a power of two */

struct held_syn {
    struct nat *nat;
    struct packet *packet;
    struct held_syn *next, *previous; /* in the order of holding */
    struct held_syn *below;           /* of the same bucket */
    struct endpoint remote;           /* as the filter saw it: of a hairpinned SYN the sender's external endpoint */
    int64_t since;
    uint8_t reason;                   /* why it is not wanted: enum drop_reason */
};

struct syns {
    struct slab slab;
    struct held_syn *first, *last;
    uint32_t count;
    struct held_syn *buckets[BUCKETS];
};

/* ---- the table */

static struct held_syn **
bucket_of(struct syns *syns, const struct endpoint *external, const struct endpoint *remote)
{
    uint64_t hash = mix64(endpoint_hash(*external) + mix64(endpoint_hash(*remote)));

    return &syns->buckets[hash % BUCKETS];
}

static struct held_syn *
find(struct syns *syns, const struct endpoint *external, const struct endpoint *remote)
{
    struct held_syn *syn = *bucket_of(syns, external, remote);

    while (syn && !(endpoint_equal(flow_destination(&syn->packet->flow), *external) &&
                    endpoint_equal(syn->remote, *remote)))
        syn = syn->below;
    return syn;
}

static void
link_syn(struct syns *syns, struct held_syn *syn)
{
    struct endpoint external = flow_destination(&syn->packet->flow);
    struct held_syn **bucket = bucket_of(syns, &external, &syn->remote);

    syn->below = *bucket;
    *bucket = syn;
    syn->next = NULL;
    syn->previous = syns->last;
    if (syns->last)
        syns->last->next = syn;
    else
        syns->first = syn;
    syns->last = syn;
    syns->count++;
}

static void
unlink_syn(struct syns *syns, struct held_syn *syn)
{
    struct endpoint external = flow_destination(&syn->packet->flow);
    struct held_syn **at = bucket_of(syns, &external, &syn->remote);

    while (*at != syn)
        at = &(*at)->below;
    *at = syn->below;
    if (syn->previous)
        syn->previous->next = syn->next;
    else
        syns->first = syn->next;
    if (syn->next)
        syn->next->previous = syn->previous;
    else
        syns->last = syn->previous;
    syns->count--;
}

/* ---- answers */

/* For a SYN that leads nowhere REQ-4 names it; a rule that forbids something says so. */
static uint8_t
icmp_code(const struct packet *packet, enum drop_reason reason)
{
    bool unreachable = reason == DROP_NO_MAPPING || (reason == DROP_FILTERED && nat_tcp_opens(nat_tcp_flags(packet)));

    return unreachable ? ICMP_PORT_UNREACHABLE : ICMP_ADMINISTRATIVELY_PROHIBITED;
}

/* What `filtered` asks for. Borrows the packet. */
static void
answer(struct nat *nat, const struct packet *packet, enum drop_reason reason)
{
    switch (nat->options->tcp.refusal) {
    case NAT_REFUSE_ICMP:
        icmp_send_error(nat->box.node, packet, ICMP_UNREACHABLE, icmp_code(packet, reason), 0);
        return;
    case NAT_REFUSE_RESET:
        tcp_send_reset(nat->box.node, packet);
        return;
    default:
        return;
    }
}

/* ---- the end of a held SYN */

static uint16_t
record_rule(const struct nat *nat, const struct packet *packet, enum drop_reason reason)
{
    enum nat_syn_fault fault = reason == DROP_NO_MAPPING  ? NAT_SYN_UNMAPPED
                               : reason == DROP_FILTERED ? NAT_SYN_FILTERED
                                                          : NAT_SYN_FORBIDDEN;
    uint16_t hairpin = packet_is(packet, PACKET_FROM_INSIDE) ? NAT_RULE_HAIRPIN : 0;

    return (uint16_t)(nat->options->tcp.refusal << NAT_RULE_EXTRA_SHIFT | hairpin | fault);
}

static void
journal_end(struct nat *nat, const struct held_syn *syn, enum drop_reason reason)
{
    struct record record = packet_record(syn->packet, &nat_syn_ended_kind, nat->box.node);

    record.before.source = syn->remote.address;
    record.before.source_port = syn->remote.port;
    record.verdict = VERDICT_DROP;
    record.reason = (uint8_t)reason;
    record.rule = record_rule(nat, syn->packet, (enum drop_reason)syn->reason);
    record.detail = nat_world(nat)->now - syn->since;
    journal_take(nat_world(nat)->journal, &record);
}

static void
end_syn(struct nat *nat, struct held_syn *syn, enum drop_reason reason)
{
    struct world *world = nat_world(nat);
    struct packet *packet = syn->packet;
    bool refused = reason == syn->reason;

    if (world->journal)
        journal_end(nat, syn, reason);
    unlink_syn(nat->syns, syn);
    slab_return(&nat->syns->slab, syn);
    world_cancel(world, &packet->event);
    packet->holder = NULL;
    if (refused) {
        nat->counts.refused++;
        answer(nat, packet, reason);
    }
    packet_end(world, nat->box.node, packet, reason);
}

static void
time_is_up(struct event *event)
{
    struct held_syn *syn = ((struct packet *)event)->holder;

    end_syn(syn->nat, syn, (enum drop_reason)syn->reason);
}

void
nat_syns_crossed(struct nat *nat, const struct endpoint *external, const struct endpoint *remote)
{
    struct held_syn *syn = nat->syns ? find(nat->syns, external, remote) : NULL;

    if (syn)
        end_syn(nat, syn, DROP_SYN_CROSSED);
}

/* ---- holding */

static void
journal_held(struct nat *nat, const struct packet *packet, struct record *record, enum drop_reason reason)
{
    record->kind = &nat_syn_held_kind;
    record->verdict = VERDICT_HELD;
    record->rule = record_rule(nat, packet, reason);
    record->subject[1] = 0;
    record->detail = nat->options->syn_wait;
    journal_take(nat_world(nat)->journal, record);
}

static enum verdict
hold(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason,
     const struct endpoint *remote)
{
    struct world *world = nat_world(nat);
    struct held_syn *syn = slab_take(&nat->syns->slab);

    *syn = (struct held_syn){
        .nat = nat, .packet = packet, .remote = *remote, .since = world->now, .reason = (uint8_t)reason
    };
    link_syn(nat->syns, syn);
    packet->holder = syn;
    packet->in = NULL; /* a port may go while it waits */
    packet->event.fire = time_is_up;
    world_schedule(world, &packet->event, time_add(world->now, nat->options->syn_wait));
    nat->counts.held++;
    if (world->journal)
        journal_held(nat, packet, record, reason);
    return VERDICT_HELD;
}

static void
make_table(struct nat *nat)
{
    nat->syns = g_new0(struct syns, 1);
    slab_init(&nat->syns->slab, sizeof(struct held_syn));
}

enum verdict
nat_tcp_refuse(struct nat *nat, struct packet *packet, struct record *record, enum drop_reason reason,
               const struct endpoint *remote)
{
    struct endpoint external = flow_destination(&packet->flow);
    bool waits = remote && nat->options->syn_wait > 0 && nat->options->tcp.refusal != NAT_REFUSE_SILENTLY &&
                 nat_tcp_opens(nat_tcp_flags(packet));
    bool again;
    enum verdict verdict;

    if (waits && !nat->syns)
        make_table(nat);
    again = waits && find(nat->syns, &external, remote); /* sent again: the first one has the answer */
    if (waits && !again && nat->syns->count < NAT_SYNS_MAX)
        return hold(nat, packet, record, reason, remote);
    verdict = nat_drop(nat, packet, record, waits && !again ? DROP_SYN_LIMIT : reason);
    nat->counts.refused++;
    if (!waits)
        answer(nat, packet, reason);
    return verdict;
}

/* ---- the end of them all */

void
nat_syns_forget(struct nat *nat)
{
    while (nat->syns && nat->syns->first)
        end_syn(nat, nat->syns->first, DROP_NODE_DOWN);
}

void
nat_syns_free(struct nat *nat)
{
    if (!nat->syns)
        return;
    for (struct held_syn *syn = nat->syns->first; syn; syn = syn->next)
        world_cancel(nat_world(nat), &syn->packet->event);
    slab_clear(&nat->syns->slab);
    g_free(nat->syns);
    nat->syns = NULL;
}

size_t
nat_syns_bytes(const struct nat *nat)
{
    return nat->syns ? sizeof *nat->syns + slab_bytes(&nat->syns->slab) : 0;
}
