#include "proto/turn/server_private.h"

static bool
host_has(const struct turn_server *server, struct address address)
{
    for (size_t i = 0; i < server->address_count; i++)
        if (address_equal(server->addresses[i].address, address))
            return true;
    return false;
}

/* Addresses at which relayed addresses are, seen from inside or outside. */
static bool
is_relay_address(const struct turn_server *server, struct address address)
{
    for (size_t i = 0; i < server->listens; i++)
        for (unsigned family = 0; family < TURN_FAMILIES; family++) {
            const struct turn_relay_address *relay = &server->places[i].relay[family];

            if (!address_is_none(relay->address) &&
                (address_equal(relay->address, address) || address_equal(relay->external, address)))
                return true;
        }
    return false;
}

static bool
is_own(const struct turn_server *server, struct address address)
{
    return is_relay_address(server, address) || host_has(server, address);
}

/* The broadcast address of a network that the host stands in, in either form (RFC 1122 section 3.2.1.3): one datagram of a
 * client would be one for each neighbour. Networks of two addresses have none (RFC 3021). */
static bool
is_for_neighbours(const struct turn_server *server, struct address address)
{
    for (size_t i = 0; i < server->address_count; i++) {
        const struct io_address *own = &server->addresses[i];
        uint32_t hosts = own->prefix_length < 31 ? UINT32_MAX >> own->prefix_length : 0, host;

        if (!hosts || !address_is_ipv4(own->address) || !address_is_ipv4(address) ||
            !prefix_contains((struct prefix){ own->address, own->prefix_length }, address))
            continue;
        host = address_to_ipv4(address) & hosts;
        if (host == 0 || host == hosts)
            return true;
    }
    return false;
}

/* An own IPv4 address in the clothes of an IPv6 one, which a translator on the way would take off (policy.h). */
static bool
stands_for_own(const struct turn_server *server, struct address address)
{
    struct address embedded = turn_embedded_ipv4(address);

    return !address_is_none(embedded) && (is_own(server, embedded) || is_for_neighbours(server, embedded));
}

/* What is refused whatever the port, unless it is allowed. */
static bool
is_barred(const struct turn_server *server, struct address address)
{
    return host_has(server, address) || is_for_neighbours(server, address) || stands_for_own(server, address);
}

/* A port that clients come to: the server must not be made to talk to itself there. */
static bool
is_listening(const struct turn_server *server, struct endpoint peer)
{
    for (size_t i = 0; i < server->listens; i++) {
        struct endpoint local = server->places[i].udp->ops->local(server->places[i].udp);

        if (local.port != peer.port)
            continue;
        if (address_equal(local.address, peer.address))
            return true;
        if (address_is_loopback(peer.address) || is_own(server, peer.address))
            return true;
    }
    return false;
}

static enum turn_opinion
opinion(const struct turn_server *server, struct address peer)
{
    return turn_policy_of(&server->options.peers, peer);
}

bool
turn_may_permit(const struct turn_server *server, struct address peer)
{
    enum turn_opinion own = opinion(server, peer);

    if (own == TURN_PEER_ALLOWED)
        return true;
    if (is_relay_address(server, peer))
        return !server->options.no_relay_to_relay; /* its port is judged with each datagram */
    return own == TURN_PEER_USUAL && !is_barred(server, peer);
}

static bool
is_live_relay(const struct turn_server *server, struct endpoint peer, uint8_t protocol, int64_t now)
{
    return !server->options.no_relay_to_relay && turn_allocation_of_relayed(server->table, peer, protocol, now);
}

bool
turn_may_reach(const struct turn_server *server, struct endpoint peer, uint8_t protocol, int64_t now)
{
    enum turn_opinion own = opinion(server, peer.address);

    if (peer.port == 0 || is_listening(server, peer))
        return false;
    if (own == TURN_PEER_ALLOWED)
        return true;
    if (is_relay_address(server, peer.address))
        return is_live_relay(server, peer, protocol, now);
    return own == TURN_PEER_USUAL && !is_barred(server, peer.address);
}

static bool
has_listening_port(const struct turn_server *server, uint16_t port)
{
    for (size_t i = 0; i < server->listens; i++)
        if (server->options.listen[i].at.port == port)
            return true;
    return false;
}

/* Its address has been judged already, with the permission or the channel. */
bool
turn_may_send(const struct turn_server *server, struct endpoint peer, int64_t now)
{
    if (peer.port == 0)
        return false;
    if (has_listening_port(server, peer.port) && is_listening(server, peer))
        return false;
    if (!is_relay_address(server, peer.address))
        return true;
    return is_live_relay(server, peer, PROTOCOL_UDP, now) || opinion(server, peer.address) == TURN_PEER_ALLOWED;
}

static struct endpoint
translate(const struct turn_server *server, struct endpoint endpoint, bool inward)
{
    for (size_t i = 0; server->mapped && i < server->listens; i++)
        for (unsigned family = 0; family < TURN_FAMILIES; family++) {
            const struct turn_relay_address *relay = &server->places[i].relay[family];

            if (address_is_none(relay->external))
                continue;
            if (address_equal(inward ? relay->external : relay->address, endpoint.address))
                return (struct endpoint){ inward ? relay->address : relay->external, endpoint.port };
        }
    return endpoint;
}

struct endpoint
turn_inward(const struct turn_server *server, struct endpoint peer)
{
    return translate(server, peer, true);
}

struct endpoint
turn_outward(const struct turn_server *server, struct endpoint source)
{
    return translate(server, source, false);
}
