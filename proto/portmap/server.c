#include "proto/portmap/server.h"

#include "core/base/journal.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/pcp.h"

#define ANNOUNCEMENTS 10
#define ANNOUNCE_GAP (250 * TIME_MS)

struct portmap_server {
    struct io *io;
    struct portmap_desk *desk;
    struct prefix inside[PORTMAP_SERVER_INSIDE];
    struct io_udp *udp[PORTMAP_SERVER_INSIDE];
    size_t sockets;
    struct io_timer announcing;
    unsigned announcements_left;
    int64_t announce_gap;
    struct portmap_server_counters counters;
};

static void
count(struct portmap_server_counters *counters, const struct portmap_served *served)
{
    counters->served += served->verdict == PORTMAP_SERVED;
    counters->refused += served->verdict == PORTMAP_REFUSED;
    counters->dropped += served->verdict == PORTMAP_DROPPED;
}

static const struct record_kind *
kind_of(const struct portmap_served *served)
{
    if (served->verdict == PORTMAP_SERVED)
        return &portmap_kind_served;
    return served->verdict == PORTMAP_REFUSED ? &portmap_kind_refused : &portmap_kind_dropped;
}

static void
note(struct portmap_server *server, const struct io_datagram *datagram, const struct portmap_served *served)
{
    struct record record = { .kind = kind_of(served),
                             .packet = datagram->packet,
                             .verdict = served->verdict == PORTMAP_DROPPED ? VERDICT_DROP : VERDICT_MINE,
                             .reason = (uint8_t)served->reason,
                             .rule = (uint16_t)served->via,
                             .before = { datagram->peer.address, datagram->local.address, datagram->peer.port,
                                         datagram->local.port, PROTOCOL_UDP },
                             .subject = { served->code },
                             .detail = served->lifetime };

    if (!server->io->ops->listening(server->io))
        return;
    if (served->mapping)
        record.after = (struct flow){ served->internal.address, served->external.address, served->internal.port,
                                      served->external.port, served->protocol };
    server->io->ops->note(server->io, &record);
}

static bool
is_inside(const struct portmap_server *server, struct address peer)
{
    for (size_t i = 0; i < server->sockets; i++) {
        if (prefix_contains(server->inside[i], peer))
            return true;
    }
    return false;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct portmap_server *server = owner;
    uint8_t buffer[PCP_BYTES];
    struct writer writer = writer_over(buffer, sizeof buffer);
    struct portmap_served served;

    server->counters.datagrams++;
    if (is_inside(server, datagram->peer.address))
        portmap_desk_answer(server->desk, datagram->data, datagram->peer, server->io->ops->now(server->io), &writer,
                            &served);
    else
        served = (struct portmap_served){ .verdict = PORTMAP_DROPPED, .reason = DROP_POLICY };
    count(&server->counters, &served);
    note(server, datagram, &served);
    if (writer_length(&writer) == 0 || writer_failed(&writer))
        return;

    struct io_datagram answer = IO_DATAGRAM_TO(datagram->peer, writer_span(&writer));

    answer.local = datagram->local;
    if (udp->ops->send(udp, &answer) != IO_OK)
        server->counters.unsent++;
}

static const struct io_udp_events events = { .datagram = on_datagram };

/* --- announcements ----------------------------------------------------------------------------------------------- */

static void
announce_by(struct portmap_server *server, size_t n, bool pcp)
{
    struct endpoint everybody = { address_ipv4(0xe0000001), PCP_CLIENT_PORT }; /* 224.0.0.1 */
    int64_t now = server->io->ops->now(server->io);
    uint8_t buffer[PCP_HEADER];
    struct writer writer = writer_over(buffer, sizeof buffer);

    if (!address_is_ipv4(server->inside[n].address))
        everybody.address = (struct address){ UINT64_C(0xff02) << 48, 1 };
    if (pcp)
        portmap_desk_announce_pcp(server->desk, now, &writer);
    else
        portmap_desk_announce_nat_pmp(server->desk, server->inside[n].address, now, &writer);

    struct io_datagram datagram = IO_DATAGRAM_TO(everybody, writer_span(&writer));

    if (server->udp[n]->ops->send(server->udp[n], &datagram) == IO_OK)
        server->counters.announcements++;
    else
        server->counters.unsent++;
}

static void
on_announcing(void *owner, struct io_timer *timer)
{
    struct portmap_server *server = owner;
    struct io *io = server->io;

    for (size_t i = 0; i < server->sockets; i++) {
        if (server->desk->pcp)
            announce_by(server, i, true);
        if (server->desk->nat_pmp && address_is_ipv4(server->inside[i].address))
            announce_by(server, i, false);
    }
    if (--server->announcements_left == 0)
        return;
    io->ops->arm(io, timer, time_add(io->ops->now(io), server->announce_gap), false);
    server->announce_gap *= 2;
}

void
portmap_server_announce(struct portmap_server *server)
{
    struct io *io = server->io;

    server->announcements_left = ANNOUNCEMENTS;
    server->announce_gap = ANNOUNCE_GAP;
    io->ops->arm(io, &server->announcing, io->ops->now(io), false);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct portmap_server *
portmap_server_new(struct io *io, const struct portmap_server_options *options, enum io_result *why)
{
    g_autoptr(portmap_server) server = g_new0(struct portmap_server, 1);

    g_assert(options->insides >= 1 && options->insides <= PORTMAP_SERVER_INSIDE);
    server->io = io;
    server->desk = options->desk;
    server->announcing = (struct io_timer){ .fire = on_announcing, .owner = server };
    for (size_t i = 0; i < options->insides; i++) {
        struct endpoint local = { options->inside[i].address, PCP_PORT };
        struct io_udp *udp = io->ops->udp(io, &local, &events, server, why);

        if (!udp)
            return NULL;
        server->inside[server->sockets] = options->inside[i];
        server->udp[server->sockets++] = udp;
    }
    return g_steal_pointer(&server);
}

void
portmap_server_free(struct portmap_server *server)
{
    if (!server)
        return;
    server->io->ops->disarm(server->io, &server->announcing);
    for (size_t i = 0; i < server->sockets; i++)
        server->udp[i]->ops->close(server->udp[i]);
    g_free(server);
}

const struct portmap_server_counters *
portmap_server_counters(const struct portmap_server *server)
{
    return &server->counters;
}
