/* Theory of operation.
 *
 * A transaction is in one of three states:
 *   NEW      its request is being built; it is on the client's list, and nothing is armed.
 *   WAITING  the request has gone out; the timer is armed for the machine's deadline, or for this very instant when
 *            `lost` says that the end is known already (an ICMP error, a refusal of the host): the owner must hear of
 *            that in a turn of its own, not inside the call that found it out.
 *   ENDED    `done` is being called: off the list, disarmed. The memory goes when `done` has returned.
 * `finish` alone ends one, and is where the end is journalled. After it neither transaction nor client may be
 * touched, because the owner may have freed the client. */
#include "proto/stun/client.h"

#include "core/base/journal.h"
#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"

enum state { STATE_NEW, STATE_WAITING, STATE_ENDED };

struct stun_transaction {
    struct stun_transaction *next, *previous;
    struct stun_client *client;
    struct stun_request request;
    enum state state;
    unsigned number;
    uint16_t method;
    struct stun_id id;
    struct stun_timer timer;
    struct io_timer alarm;
    enum io_result lost; /* IO_OK until the end is known */
    struct io_icmp icmp; /* what `lost` came from, if an ICMP error */
    struct stun_builder builder;
    struct span message; /* in `bytes` */
    uint8_t bytes[STUN_REQUEST_BYTES];
};

/* A few at a time: the list is in order of starting and is walked. */
struct stun_client {
    struct io *io;
    char *software;
    struct stun_transaction *first, *last;
    size_t outstanding;
    unsigned numbered;
};

static const struct {
    const char *word, *sentence;
} outcomes[] = {
#define X(name, word, sentence) { word, sentence },
    STUN_OUTCOMES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(outcomes) == STUN_OUTCOME_COUNT);

const char *
stun_outcome_word(enum stun_outcome outcome)
{
    return outcomes[outcome].word;
}

const char *
stun_outcome_sentence(enum stun_outcome outcome)
{
    return outcomes[outcome].sentence;
}

struct stun_client *
stun_client_new(struct io *io, const char *software)
{
    struct stun_client *client = g_new0(struct stun_client, 1);

    client->io = io;
    client->software = g_strdup(software);
    return client;
}

void
stun_client_free(struct stun_client *client)
{
    if (!client)
        return;
    while (client->first)
        stun_transaction_cancel(client->first);
    g_free(client->software);
    g_free(client);
}

size_t
stun_client_outstanding(const struct stun_client *client)
{
    return client->outstanding;
}

static void
link_last(struct stun_client *client, struct stun_transaction *transaction)
{
    transaction->previous = client->last;
    if (client->last)
        client->last->next = transaction;
    else
        client->first = transaction;
    client->last = transaction;
    client->outstanding++;
}

static void
unlink_from(struct stun_client *client, struct stun_transaction *transaction)
{
    if (transaction->previous)
        transaction->previous->next = transaction->next;
    else
        client->first = transaction->next;
    if (transaction->next)
        transaction->next->previous = transaction->previous;
    else
        client->last = transaction->previous;
    client->outstanding--;
}

/* What is told about a transaction. */

static struct flow
flow_of(const struct stun_transaction *transaction)
{
    const struct stun_request *request = &transaction->request;
    struct io *io = transaction->client->io;
    struct endpoint own = request->udp->ops->local(request->udp);

    if (!address_is_none(request->local.address))
        own.address = request->local.address;
    if (address_is_unspecified(own.address)) /* the way decides */
        (void)io->ops->source(io, &request->server.address, &own.address);
    return (struct flow){ own.address, request->server.address, own.port, request->server.port, PROTOCOL_UDP };
}

static bool
listened(const struct stun_transaction *transaction)
{
    return transaction->client->io->ops->listening(transaction->client->io);
}

static struct record
record_of(const struct stun_transaction *transaction, const struct record_kind *kind, uint64_t packet)
{
    return (struct record){ .kind = kind,
                            .packet = packet,
                            .before = flow_of(transaction),
                            .subject = { transaction->number, transaction->timer.sent } };
}

static void
note(const struct stun_transaction *transaction, struct record *record)
{
    transaction->client->io->ops->note(transaction->client->io, record);
}

static void
note_request(const struct stun_transaction *transaction, uint64_t packet)
{
    bool first = transaction->timer.sent == 1;

    if (!listened(transaction))
        return;

    struct record record = record_of(transaction, first ? &stun_kind_started : &stun_kind_retransmitted, packet);

    record.rule = transaction->method;
    record.detail = transaction->timer.options.rc;
    note(transaction, &record);
}

static void
note_end(const struct stun_transaction *transaction, const struct stun_result *result)
{
    bool answered = result->outcome == STUN_OUTCOME_ANSWERED;

    if (!listened(transaction))
        return;

    struct record record = record_of(transaction, answered ? &stun_kind_answered : &stun_kind_failed,
                                     result->datagram ? result->datagram->packet : 0);

    record.detail = result->outcome == STUN_OUTCOME_REJECTED ? result->error.code : result->elapsed;
    if (!answered)
        record.rule = (uint16_t)result->outcome;
    if (answered && (result->has_xor_mapped || result->has_mapped)) {
        struct endpoint seen = result->has_xor_mapped ? result->xor_mapped : result->mapped;

        record.after = record.before;
        record.after.source = seen.address;
        record.after.source_port = seen.port;
    }
    note(transaction, &record);
}

/* The life of a transaction. */

static void on_alarm(void *owner, struct io_timer *alarm);

struct stun_transaction *
stun_transaction_new(struct stun_client *client, enum stun_method method, const struct stun_request *request)
{
    struct stun_transaction *transaction = g_new0(struct stun_transaction, 1);

    transaction->client = client;
    transaction->request = *request;
    transaction->number = ++client->numbered;
    transaction->method = (uint16_t)method;
    transaction->alarm = (struct io_timer){ .fire = on_alarm, .owner = transaction };
    if (transaction->request.timer.rto == 0)
        transaction->request.timer = STUN_TIMER_DEFAULTS;
    if (transaction->request.understood == 0)
        transaction->request.understood = STUN_SET_BASE;
    client->io->ops->random(client->io, transaction->id.bytes, STUN_ID_BYTES);

    struct stun_header header = { STUN_REQUEST, transaction->method, STUN_COOKIE, transaction->id };

    stun_builder_begin(&transaction->builder, transaction->bytes, sizeof transaction->bytes, &header);
    link_last(client, transaction);
    return transaction;
}

struct stun_builder *
stun_transaction_builder(struct stun_transaction *transaction)
{
    return &transaction->builder;
}

unsigned
stun_transaction_number(const struct stun_transaction *transaction)
{
    return transaction->number;
}

struct stun_id
stun_transaction_id(const struct stun_transaction *transaction)
{
    return transaction->id;
}

static void
arm(struct stun_transaction *transaction, int64_t at)
{
    struct io *io = transaction->client->io;

    io->ops->arm(io, &transaction->alarm, at, true);
}

/* The end is known, and the owner hears of it in the next turn. */
static void
lose(struct stun_transaction *transaction, enum io_result why)
{
    struct io *io = transaction->client->io;

    transaction->lost = why;
    arm(transaction, io->ops->now(io));
}

/* Sends the request once more and waits. A host that has no room now is like a network that loses the packet. */
static void
send_request(struct stun_transaction *transaction)
{
    struct io_udp *udp = transaction->request.udp;
    struct io_datagram datagram = IO_DATAGRAM_TO(transaction->request.server, transaction->message);

    datagram.local = transaction->request.local;

    enum io_result result = udp->ops->send(udp, &datagram);

    note_request(transaction, result == IO_OK ? datagram.packet : 0);
    if (result == IO_OK || result == IO_FULL || result == IO_AGAIN)
        arm(transaction, transaction->timer.deadline);
    else
        lose(transaction, result);
}

void
stun_transaction_start(struct stun_transaction *transaction)
{
    struct io *io = transaction->client->io;

    g_assert(transaction->state == STATE_NEW);
    transaction->state = STATE_WAITING;
    transaction->message = stun_builder_finish(&transaction->builder);
    stun_timer_start(&transaction->timer, &transaction->request.timer, io->ops->now(io));
    if (transaction->message.length == 0)
        lose(transaction, IO_TOO_BIG);
    else
        send_request(transaction);
}

struct stun_transaction *
stun_client_binding(struct stun_client *client, const struct stun_request *request)
{
    struct stun_transaction *transaction = stun_transaction_new(client, STUN_BINDING, request);

    if (client->software)
        stun_put_text(&transaction->builder, STUN_SOFTWARE, span_of_text(client->software));
    stun_put_fingerprint(&transaction->builder);
    stun_transaction_start(transaction);
    return transaction;
}

static void
leave(struct stun_transaction *transaction)
{
    struct io *io = transaction->client->io;

    io->ops->disarm(io, &transaction->alarm);
    unlink_from(transaction->client, transaction);
    transaction->state = STATE_ENDED;
}

void
stun_transaction_cancel(struct stun_transaction *transaction)
{
    if (transaction->state == STATE_ENDED)
        return;
    leave(transaction);
    g_free(transaction);
}

/* Ends the transaction. The owner may free the client in `done`. */
static void
finish(struct stun_transaction *transaction, struct stun_result *result)
{
    struct io *io = transaction->client->io;
    int64_t now = io->ops->now(io);

    result->elapsed = now - transaction->timer.started;
    result->rtt = result->message ? stun_timer_rtt(&transaction->timer, now) : -1;
    result->requests = transaction->timer.sent;
    note_end(transaction, result);
    leave(transaction);
    transaction->request.done(transaction->request.owner, transaction, result);
    g_free(transaction);
}

static void
on_alarm(void *owner, struct io_timer *alarm)
{
    struct stun_transaction *transaction = owner;
    struct io *io = transaction->client->io;

    (void)alarm;
    if (transaction->lost != IO_OK) {
        finish(transaction, &(struct stun_result){ .outcome = STUN_OUTCOME_UNREACHABLE,
                                                   .io = transaction->lost,
                                                   .icmp = transaction->icmp });
        return;
    }
    switch (stun_timer_fire(&transaction->timer, io->ops->now(io))) {
    case STUN_WAIT:
        arm(transaction, transaction->timer.deadline);
        break;
    case STUN_RESEND:
        send_request(transaction);
        break;
    case STUN_GIVE_UP:
        finish(transaction, &(struct stun_result){ .outcome = STUN_OUTCOME_TIMEOUT });
        break;
    }
}

/* What a response means (section 6.3.3 and 6.3.4). Pure. */

/* Reads an address that may be there; false when it is there and malformed. */
static bool
take_endpoint(const struct stun_message *message, enum stun_attribute_type type, bool *has, struct endpoint *endpoint)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, type, &value);

    *has = found == STUN_PRESENT;
    if (*has)
        *endpoint = value.endpoint;
    return found != STUN_MALFORMED;
}

/* A server of RFC 3489 knows MAPPED-ADDRESS only, so that one will do; without either, a Binding response says
 * nothing. */
static enum stun_outcome
judge_success(const struct stun_message *message, struct stun_result *result)
{
    bool fine = take_endpoint(message, STUN_XOR_MAPPED_ADDRESS, &result->has_xor_mapped, &result->xor_mapped) &&
                take_endpoint(message, STUN_MAPPED_ADDRESS, &result->has_mapped, &result->mapped);

    if (!fine)
        return STUN_OUTCOME_MALFORMED;
    if (message->header.method == STUN_BINDING && !result->has_xor_mapped && !result->has_mapped)
        return STUN_OUTCOME_MALFORMED;
    return STUN_OUTCOME_ANSWERED;
}

static enum stun_outcome
judge_error(const struct stun_message *message, struct stun_result *result)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_ERROR_CODE, &value) != STUN_PRESENT)
        return STUN_OUTCOME_MALFORMED;
    result->error = value.error;
    return STUN_OUTCOME_REJECTED;
}

static void
judge(const struct stun_message *message, unsigned understood, struct stun_result *result)
{
    result->message = message;
    if (stun_message_unknown(message, understood, &result->unknown))
        result->outcome = STUN_OUTCOME_NOT_UNDERSTOOD;
    else if (message->header.class == STUN_SUCCESS)
        result->outcome = judge_success(message, result);
    else
        result->outcome = judge_error(message, result);
}

/* What comes in. */

static struct stun_transaction *
find(const struct stun_client *client, const struct io_udp *udp, const struct stun_header *header,
     struct endpoint source)
{
    for (struct stun_transaction *at = client->first; at; at = at->next) {
        bool same = stun_id_equal(&at->id, &header->id) && at->method == header->method && at->request.udp == udp;

        if (same && at->state == STATE_WAITING)
            return at->request.any_source || endpoint_equal(at->request.server, source) ? at : NULL;
    }
    return NULL;
}

bool
stun_client_datagram(struct stun_client *client, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct stun_header header;
    struct stun_message message;

    if (!client->first || !stun_header_peek(datagram->data, &header))
        return false;
    if (header.class != STUN_SUCCESS && header.class != STUN_ERROR)
        return false;

    struct stun_transaction *transaction = find(client, udp, &header, datagram->peer);

    if (!transaction)
        return false;
    if (stun_message_decode(datagram->data, &message) != STUN_FAULT_NONE ||
        stun_fingerprint_check(&message) == STUN_CHECK_WRONG)
        return true;

    struct stun_result result = { .datagram = datagram };

    judge(&message, transaction->request.understood, &result);
    finish(transaction, &result);
    return true;
}

#define ICMP_UNREACHABLE 3
#define ICMPV6_UNREACHABLE 1

bool
stun_icmp_is_hard(const struct io_icmp *icmp)
{
    if (address_is_ipv4(icmp->peer.address)) /* protocol, port; network, host, and all communication prohibited */
        return icmp->type == ICMP_UNREACHABLE &&
               (icmp->code == 2 || icmp->code == 3 || icmp->code == 9 || icmp->code == 10 || icmp->code == 13);
    return icmp->type == ICMPV6_UNREACHABLE && (icmp->code == 1 || icmp->code == 4); /* prohibited; port */
}

static bool
icmp_says_refused(const struct io_icmp *icmp)
{
    return icmp->code == (address_is_ipv4(icmp->peer.address) ? 3 : 4);
}

bool
stun_client_icmp(struct stun_client *client, struct io_udp *udp, const struct io_icmp *icmp)
{
    bool hard = stun_icmp_is_hard(icmp), ours = false;

    for (struct stun_transaction *at = client->first; at; at = at->next) {
        if (at->state != STATE_WAITING || at->request.udp != udp || !endpoint_equal(at->request.server, icmp->peer))
            continue;
        ours = true;
        if (!hard || at->lost != IO_OK)
            continue;
        at->icmp = *icmp;
        lose(at, icmp_says_refused(icmp) ? IO_REFUSED : IO_UNREACHABLE);
    }
    return ours;
}
