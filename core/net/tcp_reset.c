#include "core/net/tcp_reset.h"

#include "core/net/stack_private.h"
#include "core/net/tcp_machine.h"

static bool
may_answer(const struct packet *packet)
{
    struct address source = packet->flow.source;

    return !address_is_for_all(packet->flow.destination) && !address_is_for_all(source) &&
           !address_is_unspecified(source);
}

void
tcp_send_reset(struct node *node, const struct packet *packet)
{
    const struct flow *flow = &packet->flow;
    struct world *world = node->world;
    packet_name handling = world->handling;
    struct tcp_segment segment, reset;
    struct packet *answer;

    if (!may_answer(packet) || tcp_segment_read(packet_transport(packet), &segment) != DROP_NONE ||
        !tcp_closed_answer(&segment, &reset))
        return;
    reset.source_port = flow->destination_port;
    reset.destination_port = flow->source_port;
    answer = packet_new(world, TCP_HEADER);
    if (!tcp_segment_write(&reset, flow->destination, flow->source, answer->data, TCP_HEADER))
        g_assert_not_reached();
    ip_build(answer, &(struct ip_template){
                         .source = flow->destination,
                         .destination = flow->source,
                         .protocol = PROTOCOL_TCP,
                         .ttl = IP_TTL_DEFAULT,
                         .dont_fragment = true,
                         .identification = node_stack(node)->identification++,
                     });
    world->handling = packet->name; /* its cause, also where a timer has decided */
    node_send(node, answer, NULL);
    world->handling = handling;
}
