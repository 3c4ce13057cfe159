#include "proto/turn/server_private.h"

#define RANDOM_TRIES 64
#define WALK_MOST 4096 /* ports that are tried one after another when luck has failed */

void
turn_relay_attach(uint8_t protocol, void *socket, struct turn_relay *relay)
{
    if (protocol == PROTOCOL_TCP)
        ((struct io_tcp *)socket)->owner = relay;
    else
        ((struct io_udp *)socket)->owner = relay;
}

void
turn_relay_close(uint8_t protocol, void *socket)
{
    if (protocol == PROTOCOL_TCP)
        ((struct io_tcp *)socket)->ops->close(socket, false);
    else
        ((struct io_udp *)socket)->ops->close(socket);
}

/* Peers may connect from the port at which they are listened to, and are connected to from there (RFC 6062 section 5.2),
 * so it is shared. */
static void *
open_socket(struct turn_server *server, const struct endpoint *local, uint8_t protocol, enum io_result *why)
{
    struct io *io = server->io;

    if (protocol == PROTOCOL_TCP)
        return io->ops->listen(io, local, true, turn_relay_accept, NULL, why);
    return io->ops->udp(io, local, &turn_relay_events, NULL, why);
}

static bool
open_at(struct turn_server *server, const struct turn_relay_address *relay, uint16_t port, uint8_t protocol,
        struct turn_opened *opened, enum io_result *why)
{
    struct endpoint local = { relay->address, port };

    opened->relayed = (struct endpoint){ address_is_none(relay->external) ? relay->address : relay->external, port };
    opened->socket = NULL;
    *why = IO_IN_USE;
    if (turn_allocation_of_relayed(server->table, opened->relayed, protocol, INT64_MIN))
        return false;
    opened->socket = open_socket(server, &local, protocol, why);
    return opened->socket != NULL;
}

/* One port, and the one after it where that is asked for. */
static bool
try_port(struct turn_server *server, const struct turn_relay_address *relay, uint16_t port, uint8_t protocol,
         struct turn_opened *opened, struct turn_opened *next, enum io_result *why)
{
    *why = IO_IN_USE;
    if (next && port >= server->options.port_last)
        return false;
    if (!open_at(server, relay, port, protocol, opened, why))
        return false;
    if (!next || open_at(server, relay, (uint16_t)(port + 1), protocol, next, why))
        return true;
    turn_relay_close(protocol, opened->socket);
    opened->socket = NULL;
    return false;
}

bool
turn_open_relay(struct turn_server *server, const struct turn_place *place, enum family family, uint8_t protocol,
                bool even, struct turn_opened *opened, struct turn_opened *next)
{
    const struct turn_relay_address *relay = &place->relay[family == FAMILY_IPV6];
    uint32_t first = server->options.port_first, count = server->options.port_last - first + 1u, offset = 0;

    if (address_is_none(relay->address))
        return false;
    for (uint32_t i = 0; i < RANDOM_TRIES + MIN(count, WALK_MOST); i++) {
        enum io_result why;
        uint16_t port;

        if (i < RANDOM_TRIES)
            server->io->ops->random(server->io, &offset, sizeof offset);
        else
            offset++;
        port = (uint16_t)(first + offset % count);
        if (even && port % 2)
            port = (uint16_t)(port > first ? port - 1 : port + 1);
        if (port > server->options.port_last)
            return false;
        if (try_port(server, relay, port, protocol, opened, next, &why))
            return true;
        if (why != IO_IN_USE)
            return false;
    }
    return false;
}
