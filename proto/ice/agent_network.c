/* The host's addresses: which of them an agent gathers on, in which order, and what follows when they change. */
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
    return !address_is_ipv4(address) && address.high == 0 && address.low >> 32 == 0 && address.low > 1; /* ::a.b.c.d */
}

static bool
is_wanted(const struct ice_agent *agent, const struct io_address *at)
{
    struct address address = at->address;
    bool ipv4 = address_is_ipv4(address);

    return !address_is_unspecified(address) && !address_is_for_all(address) &&
           (agent->options.loopback || !address_is_loopback(address)) && !is_site_local(address) &&
           !is_compatible(address) && !(ipv4 ? agent->options.no_ipv4 : agent->options.no_ipv6) &&
           (!agent->options.use_address || agent->options.use_address(agent->owner, at));
}

static bool
is_link_local_ipv6(struct address address)
{
    return !address_is_ipv4(address) && address_is_link_local(address);
}

/* Those to gather on, the host's preferred first, in its own order among equals; of too many the first. */
static size_t
list_addresses(const struct ice_agent *agent, struct io_address list[ICE_AGENT_ADDRESSES_MOST])
{
    struct io_address all[ICE_ADDRESSES_MOST];
    size_t count = agent->io->ops->addresses(agent->io, all, G_N_ELEMENTS(all)), kept = 0;
    bool global = false;

    count = MIN(count, G_N_ELEMENTS(all));
    for (size_t i = 0; i < count; i++)
        global |= is_wanted(agent, &all[i]) && !address_is_ipv4(all[i].address) && !is_link_local_ipv6(all[i].address);
    for (size_t i = 0; i < count; i++) {
        size_t place = kept;

        if (!is_wanted(agent, &all[i]) || (global && is_link_local_ipv6(all[i].address)))
            continue;
        while (place > 0 && list[place - 1].preference < all[i].preference)
            place--;
        if (place == ICE_AGENT_ADDRESSES_MOST)
            continue;
        kept = MIN(kept + 1, ICE_AGENT_ADDRESSES_MOST);
        memmove(&list[place + 1], &list[place], (kept - place - 1) * sizeof *list);
        list[place] = all[i];
    }
    return kept;
}

/* ---- sockets on them */

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
                port =
                    agent_port_open(agent, address, (uint8_t)stream, (uint16_t)component, ice_local_preference(rank));
            if (port)
                agent_add_host(port);
            if (agent->options.tcp)
                agent_tcp_relays_open(agent, address, (uint8_t)stream, (uint16_t)component, (unsigned)rank);
            if ((agent->options.tcp || agent->options.tcp_so) && !agent->options.relay_only)
                agent_tcp_open(agent, address, (uint8_t)stream, (uint16_t)component, (unsigned)rank);
        }
    }
}

/* Sockets on all addresses that have none. */
void
agent_open_addresses(struct ice_agent *agent)
{
    struct io_address list[ICE_AGENT_ADDRESSES_MOST];
    size_t ranks[ICE_AGENT_ADDRESSES_MOST], count = list_addresses(agent, list);

    count = rank_addresses(list, count, ranks);
    for (size_t i = 0; i < count; i++)
        open_address(agent, list[i].address, ranks[i]);
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
    agent_tcp_relays_keep(agent, list, count);
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
    guint old = agent->ports->len, old_tcp = agent->tcp_ports->len;

    agent->network_at = TIME_NEVER;
    if (agent->gathering) { /* section 5.1.1: one more address */
        agent_open_addresses(agent);
        if (!agent->options.session.lite)
            agent_queue_jobs(agent, old, old_tcp);
        return;
    }
    if (!has_new_address(agent) && !has_lost_path(agent))
        return;
    agent_news(agent, ICE_AGENT_NETWORK);
    if (agent->options.restart_on_change)
        ice_agent_restart(agent);
}
