/* punchlab serve turn: the TURN server of scenarios on real sockets. */
#include <inttypes.h>
#include <stdio.h>

#include "proto/turn/kinds.h"
#include "scenarios/runner/cli/serve_drain.h"
#include "scenarios/runner/cli/serve_turn_options.h"

/* --- the log ---------------------------------------------------------------------------------------------------- */

/* Lets through what concerns allocations and connections: every permission and channel would leave them no room. */
struct sieve {
    struct journal journal; /* first */
    struct journal *to;
};

static bool
is_told(const struct record_kind *kind)
{
    static const struct record_kind *const told[] = { &turn_kind_allocated, &turn_kind_refreshed, &turn_kind_ended,
                                                      &turn_kind_refused,   &turn_kind_connected, &turn_kind_joined,
                                                      &turn_kind_parted };

    for (size_t i = 0; i < G_N_ELEMENTS(told); i++)
        if (told[i] == kind)
            return true;
    return false;
}

static void
sieve_take(struct journal *journal, const struct record *record)
{
    const struct sieve *sieve = (const struct sieve *)journal;

    if (is_told(record->kind))
        journal_take(sieve->to, record);
}

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void
begin_draining(void *owner)
{
    turn_server_drain(owner, NULL);
}

static unsigned
allocations(void *owner)
{
    return turn_server_allocations(owner);
}

static void
print_counters(const struct turn_server *server)
{
    const struct turn_server_counters *counters = turn_server_counters(server);

    printf("%" PRIu64 " allocations: %" PRIu64 " expired, %" PRIu64 " deleted, %" PRIu64 " disconnected, %u left; %" PRIu64
           " requests (%" PRIu64 " answered, %" PRIu64 " refused), %" PRIu64 " Binding requests; to peers %" PRIu64
           " datagrams of %" PRIu64 " bytes, to clients %" PRIu64 " of %" PRIu64 ", %" PRIu64 " dropped; %" PRIu64
           " TCP connections, with peers %" PRIu64 " of %" PRIu64 " bytes\n",
           counters->allocated, counters->expired, counters->deleted, counters->disconnected,
           turn_server_allocations(server), counters->requests, counters->successes, counters->errors,
           counters->bindings, counters->datagrams_to_peers, counters->bytes_to_peers, counters->datagrams_to_clients,
           counters->bytes_to_clients, counters->dropped, counters->connections, counters->peer_connections,
           counters->stream_bytes);
}

/* --- the beginning ---------------------------------------------------------------------------------------------- */

static const struct io_udp_events no_events = { NULL, NULL };

/* A relay address that can't be bound would be found out by the first client only. */
static bool
check_relay(struct io *io, struct address relay, GError **error)
{
    struct endpoint at = { relay, 0 };
    enum io_result why = IO_OK;
    char text[ADDRESS_TEXT];
    struct io_udp *udp;

    if (address_is_none(relay))
        return true;
    udp = io->ops->udp(io, &at, &no_events, NULL, &why);
    if (udp)
        udp->ops->close(udp);
    else
        g_set_error(error, ARGUMENTS_ERROR, 0, "--relay: no socket at %s: %s", address_format(relay, text),
                    serve_why_not(why));
    return udp != NULL;
}

/* What the wall clock says when the server's is 0: it is asked here and nowhere else. */
static int64_t
unix_time_at_zero(struct io *io)
{
    return g_get_real_time() * TIME_US - io->ops->now(io);
}

int
serve_turn(const struct command *command, const struct serve_options *given)
{
    g_auto(turn_choice) choice = { .users = NULL };
    g_auto(serving) serving = { .live = NULL };
    struct turn_server_options *chosen = &choice.server;
    enum io_result why = IO_OK;
    GError *error = NULL;

    if (!turn_choice_read(&choice, given, &error) || !serving_begin(&serving, given, &error))
        return command_fail_error(command, error);

    struct sieve sieve = { { sieve_take }, live_log_journal(serving.log) };
    struct io *io = live_io(serving.live);

    if (!given->quiet)
        live_set_journal(serving.live, &sieve.journal);
    if (!check_relay(io, chosen->listen[0].ipv4.address, &error) ||
        !check_relay(io, chosen->listen[0].ipv6.address, &error))
        return command_fail_error(command, error);
    chosen->unix_time_at_zero = unix_time_at_zero(io);

    g_autoptr(turn_server) server = turn_server_new(io, chosen, &why);

    if (!server)
        return command_fail(command, "cannot listen: %s", serve_why_not(why));
    for (size_t i = 0; i < chosen->listens; i++)
        serve_print_place(turn_server_local(server, i), "UDP, TCP");

    struct serve_draining how = { begin_draining, allocations, server, "allocations", choice.drain };

    serve_until_drained(&serving, &how);
    print_counters(server);
    return STATUS_HELD;
}
