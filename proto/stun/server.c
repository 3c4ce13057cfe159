#include "proto/stun/server.h"

#include "core/base/journal.h"
#include "proto/stun/kinds.h"

struct stun_server {
    struct io *io;
    struct stun_rules rules;
    char *software;
    size_t sockets;
    struct io_udp *udp[STUN_SERVER_MAX_LISTEN];
    struct stun_server_counters counters;
};

static void
count(struct stun_server_counters *counters, const struct stun_answer *answer)
{
    counters->datagrams++;
    switch (answer->reply) {
    case STUN_REPLY_NONE:
        counters->indications++;
        break;
    case STUN_REPLY_SUCCESS:
        counters->requests++;
        counters->successes++;
        break;
    case STUN_REPLY_ERROR:
        counters->requests++;
        counters->errors++;
        break;
    case STUN_REPLY_DROP:
        if (answer->reason == DROP_MALFORMED_STUN)
            counters->malformed++;
        else
            counters->unexpected++;
        break;
    }
    counters->classic += answer->classic;
}

static struct record
record_of(const struct io_datagram *datagram, const struct stun_answer *answer)
{
    struct record record = { .packet = datagram->packet,
                             .verdict = VERDICT_MINE,
                             .rule = answer->method,
                             .before = { datagram->peer.address, datagram->local.address, datagram->peer.port,
                                         datagram->local.port, PROTOCOL_UDP } };

    if (answer->reply == STUN_REPLY_DROP) {
        record.kind = &stun_kind_dropped;
        record.verdict = VERDICT_DROP;
        record.reason = (uint8_t)answer->reason;
        record.rule = (uint16_t)answer->fault;
    } else if (answer->reply == STUN_REPLY_ERROR) {
        record.kind = &stun_kind_refused;
        record.detail = answer->code;
    } else {
        record.kind = &stun_kind_served;
    }
    return record;
}

static void
note(struct stun_server *server, const struct io_datagram *datagram, const struct stun_answer *answer)
{
    struct io *io = server->io;

    if (answer->reply == STUN_REPLY_NONE || !io->ops->listening(io))
        return;

    struct record record = record_of(datagram, answer);

    io->ops->note(io, &record);
}

/* From where the request arrived, to where it came from (section 6.3.1.2). */
static void
send_back(struct stun_server *server, struct io_udp *udp, const struct io_datagram *request, struct span message)
{
    struct io_datagram datagram = IO_DATAGRAM_TO(request->peer, message);

    datagram.local = request->local;
    if (udp->ops->send(udp, &datagram) != IO_OK)
        server->counters.unsent++;
}

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct stun_server *server = owner;
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_answer answer = stun_answer(&server->rules, datagram->data, datagram->peer, buffer, sizeof buffer);

    count(&server->counters, &answer);
    note(server, datagram, &answer);
    if (answer.message.length)
        send_back(server, udp, datagram, answer.message);
}

static const struct io_udp_events events = { .datagram = on_datagram };

/* Whether SOFTWARE can be sent with this text: the builder knows the limits. */
static bool
software_fits(struct span software)
{
    uint8_t buffer[STUN_ANSWER_BYTES];
    struct stun_header header = { .cookie = STUN_COOKIE };
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);
    stun_put_text(&builder, STUN_SOFTWARE, software);
    return !stun_builder_failed(&builder);
}

static bool
open_sockets(struct stun_server *server, const struct stun_server_options *options, enum io_result *why)
{
    for (size_t i = 0; i < options->listens; i++) {
        struct io_udp *udp = server->io->ops->udp(server->io, &options->listen[i], &events, server, why);

        if (!udp)
            return false;
        server->udp[server->sockets++] = udp;
    }
    return true;
}

struct stun_server *
stun_server_new(struct io *io, const struct stun_server_options *options, enum io_result *why)
{
    g_autoptr(stun_server) server = g_new0(struct stun_server, 1);

    g_assert(options->listens >= 1 && options->listens <= STUN_SERVER_MAX_LISTEN);
    server->io = io;
    server->software = g_strdup(options->software ? options->software : "");
    server->rules = (struct stun_rules){ .software = span_of_text(server->software),
                                         .mapped_address = options->mapped_address,
                                         .understood = STUN_SET_BASE };
    if (!software_fits(server->rules.software)) {
        *why = IO_TOO_BIG;
        return NULL;
    }
    return open_sockets(server, options, why) ? g_steal_pointer(&server) : NULL;
}

void
stun_server_free(struct stun_server *server)
{
    if (!server)
        return;
    for (size_t i = 0; i < server->sockets; i++)
        server->udp[i]->ops->close(server->udp[i]);
    g_free(server->software);
    g_free(server);
}

const struct stun_server_counters *
stun_server_counters(const struct stun_server *server)
{
    return &server->counters;
}

struct endpoint
stun_server_local(const struct stun_server *server, size_t n)
{
    g_assert(n < server->sockets);
    return server->udp[n]->ops->local(server->udp[n]);
}
