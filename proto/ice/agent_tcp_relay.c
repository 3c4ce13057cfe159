/* Relayed candidates over TCP (RFC 6544 section 5.2; allocations of RFC 6062): one allocation for each component of each
 * address, at each TURN server that is reached over TCP.
 *
 * An allocation makes two candidates. The passive one is the relayed address: the peer connects to it, the server tells
 * us (ConnectionAttempt), and we fetch the connection. For that the server must have a permission for the address that the
 * peer comes from, so each address that the peer has signalled gets one. The active one has the same address and port 9:
 * the server connects from there to a passive candidate of the peer's (Connect), which needs no permission. Either way
 * a connection to the server carries what goes to this one peer, and from then on it is a connection like any other
 * (agent_tcp.c). */
#include "proto/ice/agent_private.h"

/* Permissions that are asked for; the peer's other addresses get none. */
enum { PERMISSIONS_MOST = 64 };

struct tcp_relay {
    struct ice_agent *agent;
    struct address address; /* of the host */
    uint8_t stream;
    uint16_t component;
    unsigned rank;
    unsigned server;            /* of options.turn */
    struct turn_client *client; /* NULL: not asked for yet */
    struct job *job;            /* that is to ask, or waits; NULL once it is answered */
    struct tcp_port ends[2];
    GArray *permitted; /* struct address: of this generation's peer */
    struct endpoint mapped;
    struct endpoint from; /* the server, after all redirections */
    bool releasing;
};

enum { ACTIVE, PASSIVE };

/* ---- life */

static struct tcp_port
end_of(struct tcp_relay *relay, enum ice_transport transport)
{
    return (struct tcp_port){ .agent = relay->agent,
                              .relay = relay,
                              .transport = transport,
                              .stream = relay->stream,
                              .component = relay->component,
                              .rank = relay->rank,
                              .number = -1 };
}

static struct tcp_relay *
relay_new(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component, unsigned rank,
          unsigned server)
{
    struct tcp_relay *relay = g_new0(struct tcp_relay, 1);

    *relay = (struct tcp_relay){ .agent = agent,
                                 .address = address,
                                 .stream = stream,
                                 .component = component,
                                 .rank = rank,
                                 .server = server,
                                 .permitted = g_array_new(FALSE, FALSE, sizeof(struct address)) };
    relay->ends[ACTIVE] = end_of(relay, ICE_TCP_ACTIVE);
    relay->ends[PASSIVE] = end_of(relay, ICE_TCP_PASSIVE);
    g_ptr_array_add(agent->tcp_relays, relay);
    return relay;
}

static void
close_connections(struct tcp_relay *relay)
{
    for (size_t i = 0; i < G_N_ELEMENTS(relay->ends); i++)
        agent_tcp_close_connections(&relay->ends[i]);
}

/* Silently, with its candidates. */
static void
relay_drop(struct tcp_relay *relay)
{
    struct ice_agent *agent = relay->agent;
    int numbers[] = { relay->ends[ACTIVE].number, relay->ends[PASSIVE].number };

    g_ptr_array_remove(agent->tcp_relays, relay);
    agent_jobs_cancel(agent, relay);
    close_connections(relay);
    turn_client_free(relay->client);
    for (size_t i = 0; i < G_N_ELEMENTS(numbers); i++)
        agent_remove_candidate(agent, numbers[i]);
    g_array_unref(relay->permitted);
    g_free(relay);
}

/* What it carries ends; the server is told. */
static void
relay_release(struct tcp_relay *relay)
{
    if (relay->releasing)
        return;
    if (relay->job || !relay->client) { /* nothing is there to be released yet */
        relay_drop(relay);
        return;
    }
    close_connections(relay);
    relay->releasing = true;
    turn_client_release(relay->client);
}

/* ---- permissions */

static bool
is_permitted(const struct tcp_relay *relay, struct address address)
{
    for (guint i = 0; i < relay->permitted->len; i++)
        if (address_equal(g_array_index(relay->permitted, struct address, i), address))
            return true;
    return false;
}

/* One that is refused is refused: the candidate's host may be private to it, and the server knows. */
static void
permit(struct tcp_relay *relay, const struct ice_candidate *remote)
{
    struct address address = remote->endpoint.address;

    if (remote->stream != relay->stream || remote->component != relay->component || is_permitted(relay, address) ||
        address_family(address) != address_family(relay->ends[PASSIVE].at.address) ||
        relay->permitted->len >= PERMISSIONS_MOST)
        return;
    g_array_append_val(relay->permitted, address);
    (void)turn_client_permit(relay->client, address, NULL, NULL);
}

static void
permit_all(struct tcp_relay *relay)
{
    const struct ice_session *session = relay->agent->session;

    if (relay->ends[PASSIVE].number < 0 || relay->releasing)
        return;
    for (size_t i = 0; i < ice_session_remotes(session); i++)
        permit(relay, ice_session_remote(session, (unsigned)i));
}

void
agent_tcp_relays_permit(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->tcp_relays->len; i++)
        permit_all(g_ptr_array_index(agent->tcp_relays, i));
}

/* ---- connections */

static void
on_made(void *owner, struct turn_client *client, struct endpoint peer, struct io_tcp *tcp,
        const struct turn_client_failure *failure)
{
    struct tcp_port *port = owner;
    struct ice_agent *agent = port->agent;

    (void)client, (void)failure;
    agent_enter(agent);
    agent_tcp_made(port, peer, tcp);
    agent_pump(agent);
    agent_leave(agent, true);
}

enum io_result
agent_tcp_relay_connect(struct tcp_port *port, struct endpoint peer)
{
    return turn_client_connect(port->relay->client, peer, on_made, port);
}

/* One that there is no room for is not fetched, and the server closes it after 30 s. */
static void
take_attempt(struct tcp_relay *relay, const struct turn_client_news *news)
{
    struct tcp_port *port = &relay->ends[PASSIVE];

    if (port->number < 0 || relay->releasing || relay->agent->closing || !agent_tcp_expect(port, news->peer))
        return;
    if (turn_client_accept(relay->client, news->peer, news->connection, on_made, port) != IO_AGAIN)
        agent_tcp_made(port, news->peer, NULL);
}

/* ---- what its server says */

static void
add_end(struct tcp_relay *relay, unsigned which, struct endpoint at)
{
    struct ice_agent *agent = relay->agent;
    struct tcp_port *port = &relay->ends[which];
    unsigned other = ice_tcp_other_preference(relay->rank) - relay->server;
    struct ice_candidate candidate = { .type = ICE_RELAY,
                                       .transport = port->transport,
                                       .stream = relay->stream,
                                       .component = relay->component,
                                       .local_preference = ice_tcp_local_preference(ICE_RELAY, port->transport, other),
                                       .endpoint = at,
                                       .base = at,
                                       .server = relay->from };

    if (!agent->options.relay_only)
        candidate.related = relay->mapped;
    port->at = at;
    port->number = agent_add_candidate(agent, &candidate);
    agent_way_set(agent, port->number, (struct way){ .kind = WAY_TCP, .tcp = port });
}

/* Where the connection to the server came from tells what the host's own active candidate looks like from outside. */
static void
add_candidates(struct tcp_relay *relay, struct endpoint relayed)
{
    struct ice_agent *agent = relay->agent;

    add_end(relay, PASSIVE, relayed);
    add_end(relay, ACTIVE, (struct endpoint){ relayed.address, ICE_TCP_DISCARD_PORT });
    agent_add_active_reflexive(agent, relay->address, relay->stream, relay->component, relay->mapped, relay->from,
                               (unsigned)agent->options.stun_count + relay->server);
}

static void
take_allocated(struct tcp_relay *relay, const struct turn_client_news *news)
{
    if (relay->job)
        agent_job_done(relay->job, NULL);
    relay->job = NULL;
    relay->mapped = news->mapped;
    relay->from = news->server;
    add_candidates(relay, news->relayed);
    if (relay->ends[ACTIVE].number < 0 && relay->ends[PASSIVE].number < 0)
        relay_release(relay);
    else
        permit_all(relay);
}

static void
take_failed(struct tcp_relay *relay, const struct turn_client_failure *failure)
{
    if (relay->job)
        agent_job_done(relay->job, turn_client_why_sentence(failure->why));
    relay->job = NULL;
    relay_drop(relay);
}

static void
on_told(void *owner, struct turn_client *client, const struct turn_client_news *news)
{
    struct tcp_relay *relay = owner;
    struct ice_agent *agent = relay->agent;

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
        relay_drop(relay);
        agent_release_unused(agent);
        break;
    case TURN_CLIENT_ATTEMPT:
        take_attempt(relay, news);
        break;
    default: /* a permission that could not be kept: connections that stand are not touched (RFC 6062 section 5.1) */
        break;
    }
    agent_gather_run(agent);
    agent_pump(agent);
    agent_leave(agent, true);
}

static const struct turn_client_events relay_events = { .told = on_told };

/* ---- gathering */

static bool
is_wanted(const struct ice_agent_turn *turn, struct address from)
{
    return turn->transport != TURN_CLIENT_UDP && address_family(turn->server.address) == address_family(from);
}

static struct tcp_relay *
find_relay(const struct ice_agent *agent, struct address address, unsigned stream, unsigned component, unsigned server)
{
    for (guint i = 0; i < agent->tcp_relays->len; i++) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i);

        if (address_equal(relay->address, address) && relay->stream == stream && relay->component == component &&
            relay->server == server && !relay->releasing)
            return relay;
    }
    return NULL;
}

void
agent_tcp_relays_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component,
                      unsigned rank)
{
    for (unsigned i = 0; i < agent->options.turn_count && !agent->options.session.lite; i++)
        if (is_wanted(&agent->options.turn[i], address) && !find_relay(agent, address, stream, component, i))
            (void)relay_new(agent, address, stream, component, rank, i);
}

void
agent_tcp_relays_queue(struct ice_agent *agent, unsigned server)
{
    for (guint i = 0; i < agent->tcp_relays->len; i++) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i);

        if (relay->server + agent->options.stun_count == server && !relay->client && !relay->job)
            relay->job = agent_queue_job(agent, NULL, NULL, relay, server);
    }
}

struct endpoint
agent_tcp_relay_from(const struct tcp_relay *relay)
{
    return (struct endpoint){ relay->address, 0 };
}

void
agent_tcp_relay_ask(struct job *job)
{
    struct tcp_relay *relay = job->tcp_relay;
    struct ice_agent *agent = job->agent;
    const struct ice_agent_turn *turn = &agent->options.turn[relay->server];
    struct turn_client_options options = {
        .server = turn->server,
        .transport = TURN_CLIENT_TCP,
        .protocol = PROTOCOL_TCP,
        .local = { relay->address, 0 },
        .username = turn->username,
        .password = turn->password,
        .family = address_is_ipv4(turn->server.address) ? FAMILY_NONE : FAMILY_IPV6,
    };

    relay->client = turn_client_new(agent->io, &options, &relay_events, relay);
}

/* Those of the generation before that still stand are of this one too. */
void
agent_tcp_relays_renew(struct ice_agent *agent)
{
    for (guint i = agent->tcp_relays->len; i > 0; i--) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i - 1);

        if (relay->releasing)
            continue;
        g_array_set_size(relay->permitted, 0);
        add_candidates(relay, relay->ends[PASSIVE].at);
        if (relay->ends[ACTIVE].number < 0 && relay->ends[PASSIVE].number < 0)
            relay_release(relay);
    }
}

/* Those that are still waited for are given up. */
void
agent_tcp_relays_stop(struct ice_agent *agent)
{
    for (guint i = agent->tcp_relays->len; i > 0; i--) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i - 1);

        if (relay->job)
            relay_drop(relay);
    }
}

/* ---- the end */

void
agent_tcp_relays_keep(struct ice_agent *agent, const struct io_address *list, size_t count)
{
    for (guint i = agent->tcp_relays->len; i > 0; i--) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i - 1);
        bool listed = false;

        for (size_t k = 0; k < count; k++)
            listed |= address_equal(list[k].address, relay->address);
        if (!listed)
            relay_drop(relay);
    }
}

static bool
is_used(const struct tcp_relay *relay)
{
    const struct ice_agent *agent = relay->agent;
    bool used = false;

    for (size_t i = 0; i < G_N_ELEMENTS(relay->ends); i++)
        used |= relay->ends[i].number >= 0 && ice_session_uses(agent->session, (unsigned)relay->ends[i].number);
    return used && !agent->closing;
}

void
agent_tcp_relays_release(struct ice_agent *agent)
{
    for (guint i = agent->tcp_relays->len; i > 0; i--) {
        struct tcp_relay *relay = g_ptr_array_index(agent->tcp_relays, i - 1);

        if (!is_used(relay) &&
            (agent->closing || ice_session_checklist(agent->session, relay->stream) == ICE_COMPLETED))
            relay_release(relay);
    }
}

void
agent_tcp_relays_drop(struct ice_agent *agent)
{
    while (agent->tcp_relays->len)
        relay_drop(g_ptr_array_index(agent->tcp_relays, agent->tcp_relays->len - 1));
}
