/* Ways of real boxes that no RFC allows (enum nat_quirk). Each says in the journal what it did. Who rewrites data is an
 * application-level gateway: nat/alg. */
#include "nat/box.h"

void
nat_quirk_poison(struct nat *nat, const struct packet *packet)
{
    const struct flow *flow = &packet->flow;
    const struct local_range *local = node_local(nat->box.node, flow->destination);
    struct tuple tuple = { flow_destination(flow), flow_source(flow), flow->protocol };
    struct world *world = nat_world(nat);
    int64_t until = time_add(world->now, nat_behaviour(nat, flow->protocol)->timeout);

    if (!packet->in || packet->in->inside || !local || local->port->inside || flow->protocol == PROTOCOL_ICMP)
        return;
    if (world->journal) {
        struct record record = packet_record(packet, &nat_poisoned_kind, nat->box.node);

        record.detail = until;
        journal_take(world->journal, &record);
    }
    tuples_remember(&nat->poisoned, &tuple, until, world->now);
}

void
nat_quirk_destroy(struct nat *nat, uint32_t slot, enum nat_quirk quirk)
{
    if (mapping_at(nat->table, slot)->fixed)
        return; /* what was asked for by name stays */
    nat->counts.destroyed++;
    nat_end_mapping(nat, slot, &nat_mapping_destroyed_kind, quirk);
}
