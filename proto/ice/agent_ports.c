/* Sockets of an agent: what leaves, what comes, data, and when they close. */
#include "proto/ice/agent_private.h"

/* ---- out */

void
agent_way_set(struct ice_agent *agent, int number, struct way way)
{
    if (number >= 0)
        agent->ways[number] = way;
}

enum io_result
agent_send(struct ice_agent *agent, unsigned base, struct io_datagram *datagram)
{
    const struct way *way = &agent->ways[base];

    switch (way->kind) {
    case WAY_PORT:
        datagram->local = (struct endpoint){ way->port->at.address, 0 };
        return way->port->udp->ops->send(way->port->udp, datagram);
    case WAY_RELAY:
        return agent_relay_send(way->relay, datagram);
    case WAY_TCP:
        return agent_tcp_send(way->tcp, datagram);
    default:
        return IO_CLOSED;
    }
}

/* ---- the components as sockets */

static struct outlet *
outlet_of(const struct ice_agent *agent, unsigned stream, unsigned component)
{
    return &agent->outlets[stream * agent->options.session.components + component - 1];
}

static enum io_result
outlet_send(struct io_udp *udp, struct io_datagram *datagram)
{
    struct outlet *outlet = (struct outlet *)udp;
    struct ice_agent *agent = outlet->agent;
    struct io_datagram out = *datagram;
    struct ice_path path;
    enum io_result result;

    if (agent->closing)
        return IO_CLOSED;
    if (!ice_session_path(agent->session, outlet->stream, outlet->component, &path))
        return IO_AGAIN;
    out.peer = path.to;
    result = agent_send(agent, path.base, &out);
    if (result != IO_OK) {
        agent->counters.unsent++;
        return result;
    }
    datagram->packet = out.packet;
    agent->counters.sent++;
    ice_session_sent(agent->session, agent_now(agent), outlet->stream, outlet->component);
    return IO_OK;
}

static enum io_result
outlet_join(struct io_udp *udp, const struct address *group, int interface)
{
    (void)udp, (void)group, (void)interface;
    return IO_UNSUPPORTED;
}

/* The base that it sends from; none while there is no path. */
static struct endpoint
outlet_local(const struct io_udp *udp)
{
    const struct outlet *outlet = (const struct outlet *)udp;
    struct ice_path path;

    if (!ice_session_path(outlet->agent->session, outlet->stream, outlet->component, &path))
        return (struct endpoint){ ADDRESS_NONE, 0 };
    return path.from;
}

static void
outlet_close(struct io_udp *udp)
{
    ((struct outlet *)udp)->closed = true;
}

static const struct io_udp_ops outlet_ops = { outlet_send, outlet_join, outlet_local, outlet_close };

void
agent_outlets_open(struct ice_agent *agent)
{
    unsigned components = agent->options.session.components, count = agent->options.session.streams * components;

    agent->outlets = g_new0(struct outlet, count);
    for (unsigned i = 0; i < count; i++)
        agent->outlets[i] = (struct outlet){
            .udp = { .ops = &outlet_ops }, .agent = agent, .stream = i / components, .component = i % components + 1
        };
}

struct io_udp *
ice_agent_component(struct ice_agent *agent, unsigned stream, unsigned component)
{
    if (stream >= agent->options.session.streams || component < 1 || component > agent->options.session.components)
        return NULL;
    return &outlet_of(agent, stream, component)->udp;
}

/* ---- in */

/* Whether data from there is the peer's: of the path, or of a candidate that was signalled or learned. Consent protects
 * whom we send to (RFC 7675); this keeps strangers out. */
static bool
is_peers_at(const struct ice_agent *agent, const struct ice_candidate *at, struct endpoint source)
{
    struct ice_path path;

    if (ice_session_path(agent->session, at->stream, at->component, &path) && endpoint_equal(path.to, source))
        return true;
    for (size_t i = 0; i < ice_session_remotes(agent->session); i++) {
        const struct ice_candidate *remote = ice_session_remote(agent->session, (unsigned)i);

        if (remote && remote->stream == at->stream && remote->component == at->component &&
            endpoint_equal(remote->endpoint, source))
            return true;
    }
    return false;
}

bool
agent_is_peers(const struct ice_agent *agent, int base, struct endpoint source)
{
    const struct ice_candidate *at = base < 0 ? NULL : ice_session_local(agent->session, (unsigned)base);

    return at && is_peers_at(agent, at, source);
}

/* The last thing that is done with a datagram: the owner may free the agent. */
static void
deliver(struct ice_agent *agent, int base, const struct io_datagram *datagram)
{
    const struct ice_candidate *at = ice_session_local(agent->session, (unsigned)base);
    struct outlet *outlet;
    struct io_datagram in = *datagram;

    if (!at || !is_peers_at(agent, at, datagram->peer)) {
        agent->counters.strangers++;
        return;
    }
    outlet = outlet_of(agent, at->stream, at->component);
    if (outlet->closed || outlet->udp.full || !outlet->udp.events || !outlet->udp.events->datagram) {
        agent->counters.unheard++;
        return;
    }
    in.local = at->base;
    agent->counters.received++;
    outlet->udp.events->datagram(outlet->udp.owner, &outlet->udp, &in);
}

void
agent_take(struct ice_agent *agent, int base, const struct io_datagram *datagram)
{
    struct ice_arrival arrival = { .base = (uint16_t)base, .source = datagram->peer };
    struct ice_reply reply;

    if (base < 0 || agent->closing || agent->freed)
        return;
    if (!stun_looks_like_message(datagram->data)) {
        deliver(agent, base, datagram);
        return;
    }
    agent->packet = datagram->packet;
    if (ice_session_datagram(agent->session, agent_now(agent), &arrival, datagram->data, &reply) == ICE_INPUT_NOT_OURS)
        agent->counters.unexpected++;
    agent->packet = 0;
    if (reply.length) {
        struct io_datagram out = IO_DATAGRAM_TO(datagram->peer, span_of(reply.bytes, reply.length));

        if (agent_send(agent, (unsigned)base, &out) != IO_OK)
            agent->counters.unsent++;
    }
    agent_pump(agent);
}

/* Allocations' traffic first, then answers that gathering waits for, then the peer's. */
static void
receive(struct port *port, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct ice_agent *agent = port->agent;

    for (struct relay *relay = port->relays; relay; relay = relay->next)
        if (relay->client && turn_client_datagram(relay->client, udp, datagram))
            return;
    if (!stun_client_datagram(agent->stun, udp, datagram))
        agent_take(agent, port->number, datagram);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct port *port = owner;
    struct ice_agent *agent = port->agent;

    agent_enter(agent);
    receive(port, udp, datagram);
    agent_leave(agent, true);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct port *port = owner;
    struct ice_agent *agent = port->agent;

    agent_enter(agent);
    for (struct relay *relay = port->relays; relay; relay = relay->next)
        if (relay->client)
            (void)turn_client_icmp(relay->client, udp, icmp);
    (void)stun_client_icmp(agent->stun, udp, icmp);
    if (port->number >= 0 && stun_icmp_is_hard(icmp) && !agent->closing) {
        ice_session_broken(agent->session, agent_now(agent), (uint16_t)port->number, icmp->peer, ICE_WHY_ICMP);
        agent_pump(agent);
    }
    agent_leave(agent, true);
}

/* ---- life */

static const struct io_udp_events port_events = { on_datagram, on_icmp };

struct port *
agent_port_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component,
                uint16_t local_preference)
{
    struct port *port = g_new0(struct port, 1);
    struct endpoint local = { address, 0 };
    enum io_result why;

    *port = (struct port){
        .agent = agent, .stream = stream, .component = component, .local_preference = local_preference, .number = -1
    };
    port->udp = agent->io->ops->udp(agent->io, &local, &port_events, port, &why);
    if (!port->udp) {
        g_free(port);
        return NULL;
    }
    port->at = (struct endpoint){ address, port->udp->ops->local(port->udp).port };
    g_ptr_array_add(agent->ports, port);
    return port;
}

void
agent_port_drop(struct ice_agent *agent, struct port *port)
{
    g_ptr_array_remove(agent->ports, port);
    agent_jobs_cancel(agent, port);
    while (port->relays)
        agent_relay_drop(port->relays);
    agent_remove_candidate(agent, port->number);
    port->udp->ops->close(port->udp);
    g_free(port);
}

static bool
is_used(const struct ice_agent *agent, int number)
{
    return !agent->closing && number >= 0 && ice_session_uses(agent->session, (unsigned)number);
}

/* Closes a port that carries nothing. One whose allocations are being released waits for that. */
static void
release_port(struct ice_agent *agent, struct port *port)
{
    bool used = is_used(agent, port->number);

    if (!agent->closing && ice_session_checklist(agent->session, port->stream) != ICE_COMPLETED)
        return;
    for (struct relay *relay = port->relays, *next; relay; relay = next) {
        next = relay->next;
        if (!is_used(agent, relay->number))
            agent_relay_release(relay);
    }
    used |= port->relays != NULL;
    if (!used)
        agent_port_drop(agent, port);
}

void
agent_release_unused(struct ice_agent *agent)
{
    for (guint i = agent->ports->len; i > 0; i--)
        release_port(agent, g_ptr_array_index(agent->ports, i - 1));
    agent_tcp_release(agent);
    agent_tcp_relays_release(agent);
    if (!agent->closing || agent->closed || agent->ports->len || agent->tcp_relays->len)
        return;
    agent->closed = true;
    agent_news(agent, ICE_AGENT_CLOSED);
}
