/* Server-reflexive candidates over TCP (RFC 6544 section 5.2): from the port of a passive or simultaneous-open candidate
 * a connection is made to each STUN server, which says where it came from. The connection stays until the port is closed,
 * so that NATs on the way keep the mapping, and is asked again after a restart. Connections of a simultaneous-open
 * candidate leave from the same port; a passive one can be reached there if the NAT lets in whom nothing was sent to.
 * Active candidates have no port: what a server saw tells their address outside, which the peer wants to know to permit
 * it at its relay. */
#include "proto/ice/agent_private.h"

#include "proto/stun/stream.h"

struct probe {
    struct probe *next;
    struct tcp_port *port;
    struct job *job; /* NULL once it is answered */
    struct io_udp *stream;
};

void
agent_probe_close(struct probe *probe)
{
    struct probe **at = &probe->port->probes;

    while (*at != probe)
        at = &(*at)->next;
    *at = probe->next;
    if (probe->job)
        probe->job->probe = NULL;
    probe->stream->ops->close(probe->stream);
    g_free(probe);
}

void
agent_probes_close(struct tcp_port *port)
{
    while (port->probes)
        agent_probe_close(port->probes);
}

static void
add_reflexive(struct tcp_port *port, struct endpoint mapped, struct endpoint server, unsigned index)
{
    unsigned other = ice_tcp_other_preference(port->rank) - index; /* priorities are unique: RFC 8445 section 5.1.2 */
    struct ice_candidate candidate = { .type = ICE_SRFLX,
                                       .transport = port->transport,
                                       .stream = port->stream,
                                       .component = port->component,
                                       .local_preference = ice_tcp_local_preference(ICE_SRFLX, port->transport, other),
                                       .endpoint = mapped,
                                       .base = port->at,
                                       .related = port->at,
                                       .server = server };

    if (port->number >= 0 && !address_is_unspecified(mapped.address) && mapped.port != 0)
        (void)agent_add_candidate(port->agent, &candidate);
}

static struct tcp_port *
find_active(const struct ice_agent *agent, struct address address, unsigned stream, unsigned component)
{
    for (guint i = 0; i < agent->tcp_ports->len; i++) {
        struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i);

        if (port->transport == ICE_TCP_ACTIVE && address_equal(port->at.address, address) && port->stream == stream &&
            port->component == component)
            return port;
    }
    return NULL;
}

void
agent_add_active_reflexive(struct ice_agent *agent, struct address address, unsigned stream, unsigned component,
                           struct endpoint mapped, struct endpoint server, unsigned index)
{
    struct tcp_port *port = find_active(agent, address, stream, component);

    mapped.port = ICE_TCP_DISCARD_PORT;
    if (port)
        add_reflexive(port, mapped, server, index);
}

/* Of a port that listens, and of the active one beside it. */
static void
add_both(struct tcp_port *port, struct endpoint mapped, struct endpoint server, unsigned index)
{
    add_reflexive(port, mapped, server, index);
    agent_add_active_reflexive(port->agent, port->at.address, port->stream, port->component, mapped, server, index);
}

static void
on_binding(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct probe *probe = owner;
    struct job *job = probe->job;
    struct ice_agent *agent = job->agent;
    bool mapped = result->outcome == STUN_OUTCOME_ANSWERED && result->has_xor_mapped;

    (void)transaction;
    agent_enter(agent);
    agent_job_done(job, mapped ? NULL : stun_outcome_sentence(result->outcome));
    if (mapped)
        add_both(probe->port, result->xor_mapped, result->server, job->server);
    job->probe = NULL;
    probe->job = NULL;
    if (!mapped)
        agent_probe_close(probe);
    agent_gather_run(agent);
    agent_pump(agent);
    agent_leave(agent, true);
}

static void
on_message(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct probe *probe = owner;
    struct ice_agent *agent = probe->port->agent;

    agent_enter(agent);
    (void)stun_client_datagram(agent->stun, udp, datagram);
    agent_leave(agent, true);
}

/* One that has answered is not missed; the transaction of one that has not ends in a turn of its own. */
static void
on_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    struct probe *probe = owner;
    struct ice_agent *agent = probe->port->agent;

    agent_enter(agent);
    if (probe->job)
        stun_client_lost(agent->stun, udp, fault == STUN_FAULT_NONE ? why : IO_CLOSED);
    else
        agent_probe_close(probe);
    agent_leave(agent, true);
}

static const struct stun_stream_events probe_events = { .udp = { on_message, NULL }, .ended = on_ended };

/* stun_stream_take takes over before anything can have happened. */
static void
on_too_early(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result;
}

static struct probe *
find_probe(const struct tcp_port *port, struct endpoint server)
{
    for (struct probe *probe = port->probes; probe; probe = probe->next)
        if (!probe->job && endpoint_equal(stun_stream_peer(probe->stream), server))
            return probe;
    return NULL;
}

static struct probe *
open_probe(struct tcp_port *port, struct endpoint server)
{
    struct io *io = port->agent->io;
    struct stun_stream_options options = STUN_STREAM_DEFAULTS;
    enum io_result why;
    struct io_tcp *tcp = io->ops->connect(io, &port->at, &server, true, on_too_early, NULL, &why);
    struct probe *probe;

    if (!tcp)
        return NULL;
    probe = g_new0(struct probe, 1);
    *probe = (struct probe){ .next = port->probes, .port = port };
    port->probes = probe;
    probe->stream = stun_stream_take(tcp, &options, &probe_events, probe);
    return probe;
}

void
agent_probe_ask(struct job *job, struct endpoint server)
{
    struct ice_agent *agent = job->agent;
    struct stun_request request = { .server = server,
                                    .timer = { .rto = agent->options.gather_most, .rc = 1, .rm = 1 },
                                    .protocol = PROTOCOL_TCP,
                                    .done = on_binding };
    struct probe *probe = find_probe(job->tcp, server);

    if (!probe)
        probe = open_probe(job->tcp, server);
    if (!probe) {
        agent_job_done(job, "could not be connected to");
        return;
    }
    probe->job = job;
    job->probe = probe;
    request.udp = probe->stream;
    request.owner = probe;
    job->transaction = stun_client_binding(agent->stun, &request);
}
