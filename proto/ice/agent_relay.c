/* Allocations of an agent: one at each TURN server for each socket, whose socket it shares over UDP. */
#include "proto/ice/agent_private.h"

static struct relay *
relay_new(struct job *job)
{
    struct relay *relay = g_new0(struct relay, 1), **last = &job->port->relays;

    *relay = (struct relay){
        .port = job->port, .job = job, .server = job->server - (unsigned)job->agent->options.stun_count, .number = -1
    };
    while (*last)
        last = &(*last)->next;
    *last = relay;
    return relay;
}

/* Out of its port's list, and gone with its client. */
static void
relay_free(struct relay *relay)
{
    struct relay **at = &relay->port->relays;

    while (*at != relay)
        at = &(*at)->next;
    *at = relay->next;
    turn_client_free(relay->client);
    g_free(relay);
}

void
agent_relay_drop(struct relay *relay)
{
    struct ice_agent *agent = relay->port->agent;
    struct job *job = relay->job;
    int number = relay->number;

    relay_free(relay);
    if (job)
        agent_job_done(job, "was not waited for any longer");
    agent_remove_candidate(agent, number);
}

void
agent_relay_release(struct relay *relay)
{
    if (relay->releasing)
        return;
    if (relay->job) { /* nothing is there to be released yet */
        agent_relay_drop(relay);
        return;
    }
    relay->releasing = true;
    turn_client_release(relay->client);
}

/* ---- what its server says */

static void
take_allocated(struct relay *relay, const struct turn_client_news *news)
{
    struct port *port = relay->port;
    struct ice_agent *agent = port->agent;
    unsigned index = (unsigned)agent->options.stun_count + relay->server;
    struct ice_candidate candidate = { .type = ICE_RELAY,
                                       .transport = ICE_UDP,
                                       .stream = port->stream,
                                       .component = port->component,
                                       .local_preference = (uint16_t)(port->local_preference - relay->server),
                                       .endpoint = news->relayed,
                                       .base = news->relayed,
                                       .server = news->server };

    if (relay->job)
        agent_job_done(relay->job, NULL);
    relay->job = NULL;
    if (!agent->options.relay_only)
        candidate.related = news->mapped;
    relay->number = agent_add_candidate(agent, &candidate);
    agent_way_set(agent, relay->number, (struct way){ .kind = WAY_RELAY, .relay = relay });
    if (news->protocol == PROTOCOL_UDP)
        agent_add_reflexive(port, news->mapped, news->server, index);
    else
        agent_add_active_reflexive(agent, port->at.address, port->stream, port->component, news->mapped, news->server,
                                   index);
    if (relay->number < 0)
        agent_relay_release(relay);
}

/* Section 5.1.1.2: a server that has no room for an allocation may still say what it sees; so may one that refuses
 * it. */
static void
take_failed(struct relay *relay, const struct turn_client_failure *failure)
{
    struct ice_agent *agent = relay->port->agent;
    struct job *job = relay->job;
    struct endpoint server = agent->options.turn[relay->server].server;

    relay->job = NULL;
    agent_relay_drop(relay);
    if (!job)
        return;
    if (failure->why == TURN_CLIENT_WHY_REJECTED &&
        agent->options.turn[job->server - agent->options.stun_count].transport != TURN_CLIENT_TCP &&
        !agent->options.relay_only)
        agent_ask_binding(job, server);
    else
        agent_job_done(job, turn_client_why_sentence(failure->why));
}

/* A permission that was granted, or asked for, is not there: nothing will come of checks to that address. */
static void
break_peer(struct relay *relay, struct address peer)
{
    struct ice_agent *agent = relay->port->agent;

    if (relay->number < 0 || agent->closing)
        return;
    for (size_t i = 0; i < ice_session_remotes(agent->session); i++) {
        const struct ice_candidate *remote = ice_session_remote(agent->session, (unsigned)i);

        if (remote && address_equal(remote->endpoint.address, peer))
            ice_session_broken(agent->session, agent_now(agent), (uint16_t)relay->number, remote->endpoint,
                               ICE_WHY_PERMISSION);
    }
}

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    struct relay *relay = owner;
    struct ice_agent *agent = relay->port->agent;

    (void)client;
    agent_enter(agent);
    switch (news->event) {
    case TURN_CLIENT_ALLOCATED:
        take_allocated(relay, news);
        break;
    case TURN_CLIENT_FAILED:
        take_failed(relay, &news->failure);
        break;
    case TURN_CLIENT_LOST:
    case TURN_CLIENT_RELEASED:
        agent_relay_drop(relay);
        agent_release_unused(agent);
        break;
    case TURN_CLIENT_PEER_LOST:
        break_peer(relay, news->peer.address);
        break;
    default:
        break;
    }
    agent_gather_run(agent);
    agent_pump(agent);
    agent_leave(agent, true);
}

static void
on_relayed(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct relay *relay = owner;
    struct ice_agent *agent = relay->port->agent;

    (void)udp;
    agent_enter(agent);
    agent_take(agent, relay->number, datagram);
    agent_leave(agent, true);
}

static void
on_relayed_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct relay *relay = owner;
    struct ice_agent *agent = relay->port->agent;

    (void)udp;
    if (relay->number < 0 || agent->closing || !stun_icmp_is_hard(icmp))
        return;
    agent_enter(agent);
    ice_session_broken(agent->session, agent_now(agent), (uint16_t)relay->number, icmp->peer, ICE_WHY_ICMP);
    agent_pump(agent);
    agent_leave(agent, true);
}

static const struct turn_client_events relay_events = { on_told, { on_relayed, on_relayed_icmp } };

void
agent_relay_ask(struct job *job)
{
    struct ice_agent *agent = job->agent;
    const struct ice_agent_turn *turn = &agent->options.turn[job->server - agent->options.stun_count];
    bool ipv4 = address_is_ipv4(turn->server.address), falls = turn->transport == TURN_CLIENT_UDP_THEN_TCP;
    struct turn_client_options options = {
        .server = turn->server,
        .transport = turn->transport,
        .udp = turn->transport == TURN_CLIENT_TCP ? NULL : job->port->udp,
        .local = { job->port->at.address, 0 },
        .username = turn->username,
        .password = turn->password,
        .family = ipv4 ? FAMILY_NONE : FAMILY_IPV6,
        .auto_permit = true,
        .timer = agent_gather_timer(agent, falls ? 3 : 4, falls ? 4 : 8),
    };
    struct relay *relay = relay_new(job);

    if (turn->transport == TURN_CLIENT_TCP)
        options.timer = (struct stun_timer_options){ .rto = 0 };
    relay->client = turn_client_new(agent->io, &options, &relay_events, relay);
}

/* ---- use */

enum io_result
agent_relay_send(struct relay *relay, struct io_datagram *datagram)
{
    struct io_udp *udp = turn_client_relay(relay->client);

    datagram->local = (struct endpoint){ ADDRESS_NONE, 0 };
    return udp->ops->send(udp, datagram);
}

static void
on_permitted(void *owner, struct turn_client *client, struct endpoint peer, const struct turn_client_failure *failure)
{
    struct relay *relay = owner;
    struct ice_agent *agent = relay->port->agent;

    (void)client;
    if (!failure)
        return;
    agent_enter(agent);
    break_peer(relay, peer.address);
    agent_pump(agent);
    agent_leave(agent, true);
}

void
agent_relay_permit(struct relay *relay, struct address peer)
{
    (void)turn_client_permit(relay->client, peer, on_permitted, relay);
}

void
agent_relay_bind(struct relay *relay, struct endpoint peer)
{
    (void)turn_client_channel(relay->client, peer, NULL, NULL);
}
