/* Gathering (RFC 8445 section 5.1): the host's addresses, and what servers say about them.
 *
 * For each socket and each server of its family there is a job. Jobs begin one by one, a Ta apart (section 14.2), in the
 * order of servers, so that each socket soon has one answer; all begun and ended, or `gather_most` over, gathering is done.
 * A job that was begun ends in exactly one place, agent_job_done. */
#include "proto/ice/agent_private.h"

/* ---- which addresses */

static bool
is_site_local(struct address address)
{
    return !address_is_ipv4(address) && address.high >> 54 == 0xfec0 >> 6; /* fec0::/10 */
}

static bool
is_compatible(struct address address)
{
    return !address_is_ipv4(address) && address.high == 0 && address.low >> 32 == 0; /* ::a.b.c.d */
}

static bool
is_wanted(const struct ice_agent *agent, const struct io_address *at)
{
    struct address address = at->address;
    bool ipv4 = address_is_ipv4(address);

    return !address_is_unspecified(address) && !address_is_for_all(address) && !address_is_loopback(address) &&
           !is_site_local(address) && !is_compatible(address) &&
           !(ipv4 ? agent->options.no_ipv4 : agent->options.no_ipv6) &&
           (!agent->options.use_address || agent->options.use_address(agent->owner, at));
}

static bool
is_link_local_ipv6(struct address address)
{
    return !address_is_ipv4(address) && address_is_link_local(address);
}

/* Those to gather on, the host's preferred first, in its own order among equals. */
static size_t
list_addresses(const struct ice_agent *agent, struct io_address *list)
{
    struct io_address all[ICE_AGENT_ADDRESSES_MOST];
    size_t count = agent->io->ops->addresses(agent->io, all, G_N_ELEMENTS(all)), kept = 0;
    bool global = false;

    count = MIN(count, G_N_ELEMENTS(all));
    for (size_t i = 0; i < count; i++)
        global |= is_wanted(agent, &all[i]) && !address_is_ipv4(all[i].address) && !is_link_local_ipv6(all[i].address);
    for (size_t i = 0; i < count; i++) {
        size_t place = kept;

        if (!is_wanted(agent, &all[i]) || (global && is_link_local_ipv6(all[i].address)))
            continue;
        for (; place > 0 && list[place - 1].preference < all[i].preference; place--)
            list[place] = list[place - 1];
        list[place] = all[i];
        kept++;
    }
    return kept;
}

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

static void
add_host(struct port *port)
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
        add_host(port);
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

static void
queue_jobs(struct ice_agent *agent, guint first_port)
{
    unsigned servers = (unsigned)(agent->options.stun_count + agent->options.turn_count);

    for (unsigned server = 0; server < servers; server++) {
        for (guint i = first_port; i < agent->ports->len; i++) {
            struct port *port = g_ptr_array_index(agent->ports, i);
            struct job *job;

            if (address_is_ipv4(server_at(agent, server).address) != address_is_ipv4(port->at.address) ||
                (!is_turn(agent, server) && agent->options.relay_only) ||
                (is_turn(agent, server) && has_relay(agent, port, server)))
                continue;
            job = g_new0(struct job, 1);
            *job = (struct job){ .agent = agent, .port = port, .server = server };
            g_ptr_array_add(agent->jobs, job);
        }
    }
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
    if (agent->transcript && job->port)
        ice_transcript_server(agent->transcript, agent_now(agent), job->port->at, server_at(agent, job->server), failure);
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
    if (is_turn(agent, job->server))
        agent_relay_ask(job);
    else
        agent_ask_binding(job, server_at(agent, job->server));
}

static void
start_jobs(struct ice_agent *agent, int64_t now)
{
    struct ice_pacer *pacer = agent->options.session.pacer;

    while (agent->next_job < agent->jobs->len) {
        struct job *job = g_ptr_array_index(agent->jobs, agent->next_job);

        if (!job->port) {
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
agent_jobs_cancel(struct ice_agent *agent, const struct port *port)
{
    for (guint i = 0; i < agent->jobs->len; i++) {
        struct job *job = g_ptr_array_index(agent->jobs, i);

        if (!job->port || (port && job->port != port))
            continue;
        if (job->transaction)
            stun_transaction_cancel(job->transaction);
        if (job->asked)
            agent_job_done(job, "was not waited for any longer");
        job->port = NULL;
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

/* The place that an address has among all of the host's: RFC 8421. */
static size_t
rank_addresses(const struct io_address *list, size_t count, size_t *ranks)
{
    struct ice_address addresses[ICE_AGENT_ADDRESSES_MOST];
    uint16_t order[ICE_AGENT_ADDRESSES_MOST];

    for (size_t i = 0; i < count; i++)
        addresses[i] = (struct ice_address){ .address = list[i].address };
    count = ice_address_order(addresses, count, order);
    for (size_t i = 0; i < count; i++)
        ranks[order[i]] = i;
    return count;
}

static bool
is_known(const struct ice_agent *agent, struct address address)
{
    for (size_t i = 0; i < agent->known_count; i++)
        if (address_equal(agent->known[i], address))
            return true;
    return false;
}

static struct port *
find_port(const struct ice_agent *agent, struct address address, unsigned stream, unsigned component)
{
    for (guint i = 0; i < agent->ports->len; i++) {
        struct port *port = g_ptr_array_index(agent->ports, i);

        if (address_equal(port->at.address, address) && port->stream == stream && port->component == component)
            return port;
    }
    return NULL;
}

static void
open_address(struct ice_agent *agent, struct address address, size_t rank)
{
    const struct ice_session_options *session = &agent->options.session;

    if (!is_known(agent, address) && agent->known_count < G_N_ELEMENTS(agent->known))
        agent->known[agent->known_count++] = address;
    for (unsigned stream = 0; stream < session->streams; stream++) {
        for (unsigned component = 1; component <= session->components; component++) {
            struct port *port = NULL;

            if (!agent->options.no_udp && !find_port(agent, address, stream, component))
                port = agent_port_open(agent, address, (uint8_t)stream, (uint16_t)component,
                                       ice_local_preference(rank));
            if (port)
                add_host(port);
            if ((agent->options.tcp || agent->options.tcp_so) && !agent->options.relay_only)
                agent_tcp_open(agent, address, (uint8_t)stream, (uint16_t)component, (unsigned)rank);
        }
    }
}

/* Sockets on all addresses that have none. */
static void
open_addresses(struct ice_agent *agent)
{
    struct io_address list[ICE_AGENT_ADDRESSES_MOST];
    size_t ranks[ICE_AGENT_ADDRESSES_MOST], count = list_addresses(agent, list);

    count = rank_addresses(list, count, ranks);
    for (size_t i = 0; i < count; i++)
        open_address(agent, list[i].address, ranks[i]);
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
    open_addresses(agent);
    if (!agent->options.session.lite)
        queue_jobs(agent, 0);
    agent_gather_run(agent);
}

/* ---- when the host's addresses change */

static bool
is_listed(const struct io_address *list, size_t count, struct address address)
{
    for (size_t i = 0; i < count; i++)
        if (address_equal(list[i].address, address))
            return true;
    return false;
}

static void
drop_gone(struct ice_agent *agent, const struct io_address *list, size_t count)
{
    size_t kept = 0;

    for (guint i = agent->ports->len; i > 0; i--) {
        struct port *port = g_ptr_array_index(agent->ports, i - 1);

        if (!is_listed(list, count, port->at.address))
            agent_port_drop(agent, port);
    }
    agent_tcp_keep(agent, list, count);
    for (size_t i = 0; i < agent->known_count; i++)
        if (is_listed(list, count, agent->known[i]))
            agent->known[kept++] = agent->known[i];
    agent->known_count = kept;
}

void
agent_network_changed(struct ice_agent *agent)
{
    struct io_address list[ICE_AGENT_ADDRESSES_MOST];
    size_t count;

    if (agent->closing || !(agent->gathering || agent->gathered))
        return;
    count = list_addresses(agent, list);
    drop_gone(agent, list, count);
    agent->network_at = time_add(agent_now(agent), NETWORK_SETTLES);
    agent_gather_run(agent);
}

static bool
has_lost_path(const struct ice_agent *agent)
{
    struct ice_path path;

    if (ice_session_state(agent->session) == ICE_IDLE)
        return false;
    for (unsigned i = 0; i < agent->options.session.streams; i++)
        for (unsigned c = 1; c <= agent->options.session.components; c++)
            if (ice_session_checklist(agent->session, i) == ICE_COMPLETED &&
                !ice_session_path(agent->session, i, c, &path))
                return true;
    return false;
}

static bool
has_new_address(const struct ice_agent *agent)
{
    struct io_address list[ICE_AGENT_ADDRESSES_MOST];
    size_t count = list_addresses(agent, list);

    for (size_t i = 0; i < count; i++)
        if (!is_known(agent, list[i].address))
            return true;
    return false;
}

void
agent_network_settled(struct ice_agent *agent)
{
    guint old = agent->ports->len;

    agent->network_at = TIME_NEVER;
    if (agent->gathering) { /* section 5.1.1: one more address */
        open_addresses(agent);
        if (!agent->options.session.lite)
            queue_jobs(agent, old);
        return;
    }
    if (!has_new_address(agent) && !has_lost_path(agent))
        return;
    if (agent->options.restart_on_change)
        ice_agent_restart(agent);
    agent_news(agent, ICE_AGENT_NETWORK);
}
