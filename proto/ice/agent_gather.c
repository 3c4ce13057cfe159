/* Gathering (RFC 8445 section 5.1): host candidates, and what servers say about them.
 *
 * For each socket and each server of its family there is a job. Jobs begin one by one, a Ta apart (section 14.2), in
 * the order of servers, so that each socket soon has one answer; all begun and ended, or `gather_most` over, gathering
 * is done. A job that was begun ends in exactly one place, agent_job_done. */
#include "proto/ice/agent_private.h"

/* ---- host candidates */

static struct ice_candidate
candidate_at(const struct port *port, enum ice_type type, struct endpoint endpoint)
{
    return (struct ice_candidate){ .type = type,
                                   .transport = ICE_UDP,
                                   .stream = port->stream,
                                   .component = port->component,
                                   .local_preference = port->local_preference,
                                   .endpoint = endpoint,
                                   .base = port->at };
}

void
agent_add_host(struct port *port)
{
    struct ice_agent *agent = port->agent;
    struct ice_candidate candidate = candidate_at(port, ICE_HOST, port->at);

    if (agent->options.relay_only)
        return;
    port->number = agent_add_candidate(agent, &candidate);
    agent_way_set(agent, port->number, (struct way){ .kind = WAY_PORT, .port = port });
}

void
agent_add_reflexive(struct port *port, struct endpoint mapped, struct endpoint server, unsigned index)
{
    struct ice_candidate candidate = candidate_at(port, ICE_SRFLX, mapped);

    if (port->number < 0 || address_is_unspecified(mapped.address) || mapped.port == 0)
        return;
    candidate.related = port->at;
    candidate.server = server;
    candidate.local_preference = (uint16_t)(port->local_preference - index); /* priorities are unique: section 5.1.2 */
    (void)agent_add_candidate(port->agent, &candidate);
}

/* Those of the generation before that still stand are of this one too, with a new look at the servers. */
static void
renew_port(struct port *port)
{
    struct ice_agent *agent = port->agent;

    if (!agent->options.relay_only)
        agent_add_host(port);
    for (struct relay *relay = port->relays; relay; relay = relay->next) {
        struct ice_candidate candidate;

        if (relay->number < 0 || relay->releasing)
            continue;
        candidate = *ice_session_local(agent->session, (unsigned)relay->number);
        relay->number = agent_add_candidate(agent, &candidate);
        agent_way_set(agent, relay->number, (struct way){ .kind = WAY_RELAY, .relay = relay });
    }
}

/* ---- jobs */

static bool
is_turn(const struct ice_agent *agent, unsigned server)
{
    return server >= agent->options.stun_count;
}

static struct endpoint
server_at(const struct ice_agent *agent, unsigned server)
{
    return is_turn(agent, server) ? agent->options.turn[server - agent->options.stun_count].server
                                  : agent->options.stun[server];
}

static bool
has_relay(const struct ice_agent *agent, const struct port *port, unsigned server)
{
    for (const struct relay *relay = port->relays; relay; relay = relay->next)
        if (relay->server + agent->options.stun_count == server && !relay->releasing)
            return true;
    return false;
}

struct job *
agent_queue_job(struct ice_agent *agent, struct port *port, struct tcp_port *tcp, struct tcp_relay *tcp_relay,
                unsigned server)
{
    struct job *job = g_new0(struct job, 1);

    *job = (struct job){ .agent = agent, .port = port, .tcp = tcp, .tcp_relay = tcp_relay, .server = server };
    g_ptr_array_add(agent->jobs, job);
    return job;
}

static bool
is_void(const struct job *job)
{
    return !job->port && !job->tcp && !job->tcp_relay;
}

static struct endpoint
asks_from(const struct job *job)
{
    if (job->tcp_relay)
        return agent_tcp_relay_from(job->tcp_relay);
    return job->port ? job->port->at : job->tcp->at;
}

static bool
is_reachable(const struct ice_agent *agent, unsigned server, struct address from)
{
    return address_is_ipv4(server_at(agent, server).address) == address_is_ipv4(from);
}

static void
queue_server(struct ice_agent *agent, unsigned server, guint first_port, guint first_tcp)
{
    for (guint i = first_port; i < agent->ports->len; i++) {
        struct port *port = g_ptr_array_index(agent->ports, i);

        if (is_reachable(agent, server, port->at.address) &&
            (is_turn(agent, server) ? !has_relay(agent, port, server) : !agent->options.relay_only))
            (void)agent_queue_job(agent, port, NULL, NULL, server);
    }
    for (guint i = first_tcp; i < agent->tcp_ports->len; i++) {
        struct tcp_port *port = g_ptr_array_index(agent->tcp_ports, i);

        if (port->listener && !is_turn(agent, server) && is_reachable(agent, server, port->at.address))
            (void)agent_queue_job(agent, NULL, port, NULL, server);
    }
    if (is_turn(agent, server))
        agent_tcp_relays_queue(agent, server);
}

void
agent_queue_jobs(struct ice_agent *agent, guint first_port, guint first_tcp)
{
    unsigned servers = (unsigned)(agent->options.stun_count + agent->options.turn_count);

    for (unsigned server = 0; server < servers; server++)
        queue_server(agent, server, first_port, first_tcp);
}

/* RTO = MAX (500 ms, Ta x the candidates that are gathered) (section 14.3). */
struct stun_timer_options
agent_gather_timer(const struct ice_agent *agent, unsigned rc, unsigned rm)
{
    return (struct stun_timer_options){ .rto = MAX(ICE_RTO_LEAST, agent->options.session.ta * agent->jobs->len),
                                        .rc = rc,
                                        .rm = rm };
}

void
agent_job_done(struct job *job, const char *failure)
{
    struct ice_agent *agent = job->agent;

    if (job->done)
        return;
    job->done = true;
    job->transaction = NULL;
    agent->outstanding--;
    if (!failure) {
        agent->counters.gathered++;
        return;
    }
    agent->counters.silent++;
    if (agent->transcript && !is_void(job))
        ice_transcript_server(agent->transcript, agent_now(agent), asks_from(job), server_at(agent, job->server),
                              failure);
}

static void
on_binding(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct job *job = owner;
    struct ice_agent *agent = job->agent;
    bool mapped = result->outcome == STUN_OUTCOME_ANSWERED && result->has_xor_mapped;

    (void)transaction;
    agent_enter(agent);
    agent_job_done(job, mapped ? NULL : stun_outcome_sentence(result->outcome));
    if (mapped)
        agent_add_reflexive(job->port, result->xor_mapped, result->server, job->server);
    agent_gather_run(agent);
    agent_pump(agent);
    agent_leave(agent, true);
}

/* RFC 8445 section 5.1.1.2: without authentication, and an ALTERNATE-SERVER is not followed. */
void
agent_ask_binding(struct job *job, struct endpoint server)
{
    struct stun_request request = { .udp = job->port->udp,
                                    .server = server,
                                    .local = { job->port->at.address, 0 },
                                    .timer = agent_gather_timer(job->agent, 4, 8),
                                    .done = on_binding,
                                    .owner = job };

    job->transaction = stun_client_binding(job->agent->stun, &request);
}

static void
start_job(struct job *job)
{
    struct ice_agent *agent = job->agent;

    job->asked = true;
    agent->outstanding++;
    if (job->tcp_relay)
        agent_tcp_relay_ask(job);
    else if (is_turn(agent, job->server))
        agent_relay_ask(job);
    else if (job->tcp)
        agent_probe_ask(job, server_at(agent, job->server));
    else
        agent_ask_binding(job, server_at(agent, job->server));
}

static void
start_jobs(struct ice_agent *agent, int64_t now)
{
    struct ice_pacer *pacer = agent->options.session.pacer;

    while (agent->next_job < agent->jobs->len) {
        struct job *job = g_ptr_array_index(agent->jobs, agent->next_job);

        if (is_void(job)) {
            agent->next_job++;
            continue;
        }
        if (agent->next_start > now)
            return;
        if (pacer && !ice_pacer_take(pacer, now)) {
            agent->next_start = pacer->next;
            return;
        }
        agent->next_job++;
        agent->next_start = time_add(now, MAX(agent->options.session.ta, ICE_TA_LEAST));
        start_job(job);
    }
}

void
agent_jobs_cancel(struct ice_agent *agent, const void *port)
{
    for (guint i = 0; i < agent->jobs->len; i++) {
        struct job *job = g_ptr_array_index(agent->jobs, i);

        if (is_void(job) || (port && job->port != port && job->tcp != port && job->tcp_relay != port))
            continue;
        if (job->transaction)
            stun_transaction_cancel(job->transaction);
        if (job->probe)
            agent_probe_close(job->probe);
        if (job->asked)
            agent_job_done(job, "was not waited for any longer");
        job->port = NULL;
        job->tcp = NULL;
        job->tcp_relay = NULL;
    }
}

/* ---- the whole of it */

static void
finish(struct ice_agent *agent)
{
    agent->gathering = false;
    agent->gathered = true;
    agent->next_start = agent->gather_end = TIME_NEVER;
    if (agent->options.session.trickle)
        ice_session_end_local(agent->session, agent_now(agent));
    agent_news(agent, ICE_AGENT_GATHERED);
}

void
agent_gather_stop(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->ports->len; i++) {
        struct port *port = g_ptr_array_index(agent->ports, i);

        for (struct relay *relay = port->relays, *next; relay; relay = next) {
            next = relay->next;
            if (relay->job)
                agent_relay_drop(relay);
        }
    }
    agent_tcp_relays_stop(agent);
    agent_jobs_cancel(agent, NULL);
    agent->next_job = agent->jobs->len;
}

void
agent_gather_run(struct ice_agent *agent)
{
    int64_t now = agent_now(agent);

    if (!agent->gathering || agent->closing || agent->freed)
        return;
    if (agent->gather_end <= now)
        agent_gather_stop(agent); /* what has not come in time would come too late */
    start_jobs(agent, now);
    if (agent->next_job == agent->jobs->len && agent->outstanding == 0)
        finish(agent);
}

int64_t
agent_gather_deadline(const struct ice_agent *agent)
{
    if (!agent->gathering || agent->closing)
        return TIME_NEVER;
    return agent->next_job < agent->jobs->len ? MIN(agent->next_start, agent->gather_end) : agent->gather_end;
}

void
agent_gather_begin(struct ice_agent *agent)
{
    int64_t now = agent_now(agent);
    guint old = agent->ports->len;

    agent->gathering = true;
    agent->next_start = now;
    agent->gather_end = time_add(now, agent->options.gather_most);
    agent->keep_at = agent->options.stun_count + agent->options.turn_count && !agent->options.session.lite
                         ? time_add(now, agent->options.session.keepalive)
                         : TIME_NEVER;
    g_ptr_array_set_size(agent->jobs, 0);
    agent->next_job = agent->outstanding = 0;
    for (guint i = 0; i < old; i++)
        renew_port(g_ptr_array_index(agent->ports, i));
    agent_tcp_renew(agent);
    agent_tcp_relays_renew(agent);
    agent_open_addresses(agent);
    if (!agent->options.session.lite)
        agent_queue_jobs(agent, 0, 0);
    agent_gather_run(agent);
}

/* ---- what a NAT must not forget */

static void
keep_binding(struct ice_agent *agent, struct port *port, struct endpoint server)
{
    uint8_t bytes[ICE_MESSAGE_BYTES];
    struct io_datagram datagram;
    struct stun_id id;

    if (address_is_ipv4(server.address) != address_is_ipv4(port->at.address))
        return;
    agent->io->ops->random(agent->io, id.bytes, sizeof id.bytes);
    datagram = IO_DATAGRAM_TO(server, ice_keepalive_write(&id, bytes, sizeof bytes));
    datagram.local = (struct endpoint){ port->at.address, 0 };
    (void)port->udp->ops->send(port->udp, &datagram);
}

/* Section 5.1.1.4: bindings live until the checks are over; so do those that lead to allocations. */
static void
keep_bindings(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->ports->len; i++) {
        struct port *port = g_ptr_array_index(agent->ports, i);

        if (!agent->options.relay_only)
            for (size_t k = 0; k < agent->options.stun_count; k++)
                keep_binding(agent, port, agent->options.stun[k]);
        for (const struct relay *relay = port->relays; relay; relay = relay->next)
            if (agent->options.turn[relay->server].transport != TURN_CLIENT_TCP)
                keep_binding(agent, port, agent->options.turn[relay->server].server);
    }
}

void
agent_keep_bindings(struct ice_agent *agent)
{
    int64_t now = agent_now(agent);

    if (agent->keep_at > now)
        return;
    if (ice_session_state(agent->session) == ICE_COMPLETED || ice_session_state(agent->session) == ICE_FAILED) {
        agent->keep_at = TIME_NEVER;
        return;
    }
    agent->keep_at = time_add(now, agent->options.session.keepalive);
    keep_bindings(agent);
}
