/* One Binding transaction of our client on a real socket, for what `punchlab nat-check` does not do:
 *
 *     binding udp|tcp ADDR [USER PASSWORD]
 *
 * With a name and a password it uses long-term credentials. Prints the outcome, what the server calls us, and after how
 * many requests: "answered 198.51.100.2:40000 1". Exit status: 0 when it was answered. */
#include <stdio.h>
#include <string.h>

#include "core/live/live.h"
#include "proto/stun/client.h"
#include "proto/stun/stream.h"

struct binding {
    GMainLoop *loop;
    struct stun_client *client;
    bool answered;
};

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct binding *binding = owner;
    char text[ENDPOINT_TEXT] = "-";

    (void)transaction;
    binding->answered = result->outcome == STUN_OUTCOME_ANSWERED;
    if (binding->answered)
        endpoint_format(result->has_xor_mapped ? result->xor_mapped : result->mapped, text);
    printf("%s %s %u\n", stun_outcome_word(result->outcome), text, result->requests);
    g_main_loop_quit(binding->loop);
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct binding *binding = owner;

    (void)stun_client_datagram(binding->client, udp, datagram);
}

static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct binding *binding = owner;

    (void)stun_client_icmp(binding->client, udp, icmp);
}

static void
on_ended(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault)
{
    struct binding *binding = owner;

    (void)fault;
    stun_client_lost(binding->client, udp, why);
}

static const struct io_udp_events datagrams = { on_datagram, on_icmp };
static const struct stun_stream_events messages = { .udp = { .datagram = on_datagram }, .ended = on_ended };

static void
on_nothing(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    (void)owner, (void)tcp, (void)ready, (void)result; /* the stream has taken the connection over */
}

static struct io_udp *
open_socket(struct io *io, bool tcp, const struct endpoint *server, struct binding *binding)
{
    struct endpoint any = { ADDRESS_NONE, 0 };
    enum io_result why = IO_OK;
    struct io_tcp *connection;

    if (!tcp)
        return io->ops->udp(io, &any, &datagrams, binding, &why);
    connection = io->ops->connect(io, &any, server, false, on_nothing, binding, &why);
    return connection ? stun_stream_take(connection, &STUN_STREAM_DEFAULTS, &messages, binding) : NULL;
}

/* `credentials` NULL: none. */
static bool
ask(struct io *io, bool tcp, struct endpoint server, struct stun_credentials *credentials)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    struct binding binding = { loop, stun_client_new(io, "punchlab"), false };
    struct stun_request request = { .udp = open_socket(io, tcp, &server, &binding),
                                    .server = server,
                                    .timer = tcp ? STUN_TIMER_STREAM : STUN_TIMER_DEFAULTS,
                                    .protocol = tcp ? PROTOCOL_TCP : PROTOCOL_UDP,
                                    .credentials = credentials,
                                    .done = on_done,
                                    .owner = &binding };

    if (request.udp) {
        stun_client_binding(binding.client, &request);
        g_main_loop_run(loop);
    }
    stun_client_free(binding.client);
    if (request.udp)
        request.udp->ops->close(request.udp);
    return binding.answered;
}

int
main(int argc, char **argv)
{
    g_autoptr(live) live = live_new(NULL, NULL);
    g_autoptr(stun_credentials) credentials = NULL;
    struct endpoint server;

    if (!live || (argc != 3 && argc != 5) || !endpoint_parse(argv[2], &server)) {
        fputs("usage: binding udp|tcp ADDR:PORT [USER PASSWORD]\n", stderr);
        return 2;
    }
    if (argc == 5)
        credentials = stun_credentials_new_long_term(span_of_text(argv[3]), span_of_text(argv[4]));
    return ask(live_io(live), strcmp(argv[1], "tcp") == 0, server, credentials) ? 0 : 1;
}
