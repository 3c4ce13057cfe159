/* Theory of operation.
 *
 * A transaction is in one of three states:
 *   NEW      its request is being built; it is on the client's list, and nothing is armed.
 *   WAITING  the request has gone out; the timer is armed for the machine's deadline, or for this very instant when
 *            `lost` says that the end is known already (an ICMP error, a refusal of the host): the owner must hear of
 *            that in a turn of its own, not inside the call that found it out.
 *            A try may follow a try: with credentials, at another server, after a pause. Each has a transaction ID and
 *            a schedule of its own.
 *   ENDED    `done` is being called: off the list, disarmed. The memory goes when `done` has returned.
 * `finish` alone ends one, and is where the end is journalled. After it neither transaction nor client may be
 * touched, because the owner may have freed the client. */
#include "proto/stun/client.h"

#include "core/base/journal.h"
#include "proto/stun/fingerprint.h"
#include "proto/stun/kinds.h"
#include "proto/stun/response.h"

#define MOST_TRIES 8                 /* of all kinds, so that no server keeps us going for ever */
#define MOST_AFTER_ERROR 4           /* section 6.3.4 */
#define REDIRECTED (5 * TIME_MIN)    /* section 10: nobody goes back within that time */
#define MOST_REDIRECTIONS 16         /* remembered */

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
    enum io_result lost;    /* IO_OK until the end is known */
    enum stun_outcome how;  /* then: UNREACHABLE or LOST */
    struct io_icmp icmp;    /* what `lost` came from, if an ICMP error */
    bool pausing;           /* the alarm begins the next try */
    bool violated;          /* a response was not to be trusted */
    bool spoilt;            /* the FINGERPRINT of one was wrong */
    unsigned tries;         /* that have been given up */
    unsigned server_errors; /* of those */
    unsigned requests;      /* sent in those */
    unsigned sent;          /* what the credentials have to be told of this try */
    int64_t begun;          /* the first try */
    uint8_t *body;          /* the message before it was sealed, for another try */
    size_t body_length;
    struct stun_builder builder;
    struct span message; /* in `bytes` */
    size_t capacity;
    uint8_t bytes[];
};

/* A server that sent us elsewhere. */
struct redirection {
    struct endpoint server;
    int64_t at;
};

/* A few at a time: the list is in order of starting and is walked. */
struct stun_client {
    struct io *io;
    char *software;
    struct stun_transaction *first, *last;
    size_t outstanding;
    unsigned numbered;
    unsigned redirected; /* in all: the ring's next place */
    struct redirection redirections[MOST_REDIRECTIONS];
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
    return (struct flow){ own.address, request->server.address, own.port, request->server.port, request->protocol };
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

/* A new transaction ID, and a builder that holds the header. */
static void
begin_message(struct stun_transaction *transaction)
{
    struct io *io = transaction->client->io;
    struct stun_header header = { STUN_REQUEST, transaction->method, STUN_COOKIE, { { 0 } } };

    io->ops->random(io, transaction->id.bytes, STUN_ID_BYTES);
    header.id = transaction->id;
    stun_builder_begin(&transaction->builder, transaction->bytes, transaction->capacity, &header);
}

struct stun_transaction *
stun_transaction_new(struct stun_client *client, enum stun_method method, const struct stun_request *request)
{
    size_t capacity = request->capacity ? request->capacity : STUN_REQUEST_BYTES;
    struct stun_transaction *transaction = g_malloc(sizeof *transaction + capacity);

    memset(transaction, 0, sizeof *transaction);
    transaction->client = client;
    transaction->request = *request;
    transaction->capacity = capacity;
    transaction->number = ++client->numbered;
    transaction->method = (uint16_t)method;
    transaction->alarm = (struct io_timer){ .fire = on_alarm, .owner = transaction };
    if (transaction->request.protocol == 0)
        transaction->request.protocol = PROTOCOL_UDP;
    if (transaction->request.timer.rto == 0)
        transaction->request.timer = STUN_TIMER_DEFAULTS;
    if (transaction->request.understood == 0)
        transaction->request.understood = STUN_SET_BASE;
    begin_message(transaction);
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
lose(struct stun_transaction *transaction, enum stun_outcome how, enum io_result why)
{
    struct io *io = transaction->client->io;

    transaction->how = how;
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
    datagram.dont_fragment = transaction->request.dont_fragment ? 1 : IO_UNSET;

    enum io_result result = udp->ops->send(udp, &datagram);

    note_request(transaction, result == IO_OK ? datagram.packet : 0);
    if (result == IO_OK || result == IO_FULL || result == IO_AGAIN)
        arm(transaction, transaction->timer.deadline);
    else
        lose(transaction, STUN_OUTCOME_UNREACHABLE, result);
}

/* What comes after the owner's attributes. */
static void
seal(struct stun_transaction *transaction)
{
    const struct stun_request *request = &transaction->request;

    transaction->sent = request->credentials ? stun_credentials_put(request->credentials, &transaction->builder) : 0;
    if (request->fingerprint)
        stun_put_fingerprint(&transaction->builder);
    transaction->message = stun_builder_finish(&transaction->builder);
}

static void
begin_try(struct stun_transaction *transaction)
{
    struct io *io = transaction->client->io;

    seal(transaction);
    stun_timer_start(&transaction->timer, &transaction->request.timer, io->ops->now(io));
    if (transaction->message.length == 0)
        lose(transaction, STUN_OUTCOME_UNREACHABLE, IO_TOO_BIG);
    else
        send_request(transaction);
}

void
stun_transaction_start(struct stun_transaction *transaction)
{
    struct io *io = transaction->client->io;
    const struct stun_request *request = &transaction->request;
    struct span body = stun_builder_finish(&transaction->builder);

    g_assert(transaction->state == STATE_NEW);
    transaction->state = STATE_WAITING;
    transaction->begun = io->ops->now(io);
    if ((request->credentials || request->persist) && body.length) {
        transaction->body = g_memdup2(body.bytes, body.length);
        transaction->body_length = body.length;
    }
    begin_try(transaction);
}

struct stun_transaction *
stun_client_binding(struct stun_client *client, const struct stun_request *request)
{
    struct stun_transaction *transaction = stun_transaction_new(client, STUN_BINDING, request);

    transaction->request.fingerprint = true;
    if (client->software)
        stun_put_text(&transaction->builder, STUN_SOFTWARE, span_of_text(client->software));
    stun_transaction_start(transaction);
    return transaction;
}

static void
transaction_free(struct stun_transaction *transaction)
{
    g_free(transaction->body);
    g_free(transaction);
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
    transaction_free(transaction);
}

/* Ends the transaction. The owner may free the client in `done`. */
static void
finish(struct stun_transaction *transaction, struct stun_result *result)
{
    struct io *io = transaction->client->io;
    int64_t now = io->ops->now(io);

    result->elapsed = now - transaction->begun;
    result->rtt = result->message ? stun_timer_rtt(&transaction->timer, now) : -1;
    result->requests = transaction->requests + transaction->timer.sent;
    result->server = transaction->request.server;
    note_end(transaction, result);
    leave(transaction);
    transaction->request.done(transaction->request.owner, transaction, result);
    transaction_free(transaction);
}

/* The next try: the owner's attributes once more, under a new transaction ID, which some of them are XORed with. */
static void
try_again(struct stun_transaction *transaction)
{
    struct stun_message body;
    struct stun_value value;

    transaction->pausing = false;
    transaction->tries++;
    transaction->requests += transaction->timer.sent;
    begin_message(transaction);
    if (stun_message_decode(span_of(transaction->body, transaction->body_length), &body) != STUN_FAULT_NONE)
        stun_builder_fail(&transaction->builder);
    for (size_t i = 0; !stun_builder_failed(&transaction->builder) && i < body.count; i++)
        if (stun_attribute_read(&body, &body.attributes[i], &value))
            stun_attribute_write(&transaction->builder, &value);
        else
            stun_builder_fail(&transaction->builder);
    begin_try(transaction);
}

static void
on_alarm(void *owner, struct io_timer *alarm)
{
    struct stun_transaction *transaction = owner;
    struct io *io = transaction->client->io;

    (void)alarm;
    if (transaction->lost != IO_OK) {
        finish(transaction, &(struct stun_result){ .outcome = transaction->how,
                                                   .io = transaction->lost,
                                                   .icmp = transaction->icmp });
        return;
    }
    if (transaction->pausing) {
        try_again(transaction);
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
        finish(transaction, &(struct stun_result){ .outcome = transaction->violated ? STUN_OUTCOME_VIOLATED
                                                              : transaction->spoilt ? STUN_OUTCOME_SPOILT
                                                                                    : STUN_OUTCOME_TIMEOUT });
        break;
    }
}

/* What comes in. */

static struct stun_transaction *
find(const struct stun_client *client, const struct io_udp *udp, const struct stun_header *header,
     struct endpoint source)
{
    for (struct stun_transaction *at = client->first; at; at = at->next) {
        bool same = stun_id_equal(&at->id, &header->id) && at->method == header->method &&
                    (at->request.udp == udp || at->request.any_socket);

        if (same && at->state == STATE_WAITING && !at->pausing)
            return at->request.any_source || endpoint_equal(at->request.server, source) ? at : NULL;
    }
    return NULL;
}

static void
note_repeated(const struct stun_transaction *transaction, unsigned code)
{
    if (!listened(transaction))
        return;

    struct record record = record_of(transaction, &stun_kind_repeated, 0);

    record.rule = transaction->method;
    record.detail = code;
    note(transaction, &record);
}

/* A response came that the transaction goes on without; `why` is how it ends if none but such come. */
static void
note_ignored(const struct stun_transaction *transaction, const struct io_datagram *datagram, enum stun_outcome why)
{
    if (!listened(transaction))
        return;

    struct record record = record_of(transaction, &stun_kind_ignored, datagram->packet);

    record.rule = (uint16_t)why;
    note(transaction, &record);
}

/* Section 10: whether this server has sent us away a short time ago, so that two which name each other don't keep us
 * going. Who has been sent there by one request may be sent there by the next. */
static bool
was_redirected(const struct stun_client *client, struct endpoint server, int64_t now)
{
    for (unsigned i = 0; i < MIN(client->redirected, MOST_REDIRECTIONS); i++)
        if (endpoint_equal(client->redirections[i].server, server) && now - client->redirections[i].at < REDIRECTED)
            return true;
    return false;
}

static void
remember_redirection(struct stun_client *client, struct endpoint server, int64_t now)
{
    client->redirections[client->redirected++ % MOST_REDIRECTIONS] = (struct redirection){ server, now };
}

/* Goes on elsewhere; false when it should not, or can't: a connection leads to one server only. */
static bool
follow(struct stun_transaction *transaction, const struct stun_message *message, struct stun_result *result)
{
    struct stun_client *client = transaction->client;
    struct stun_request *request = &transaction->request;
    int64_t now = client->io->ops->now(client->io);
    struct endpoint alternate;

    if (!request->follow || !request->credentials ||
        !stun_credentials_proven(request->credentials, transaction->sent) ||
        !stun_response_alternate(message, request->server, &alternate) || endpoint_equal(alternate, request->server) ||
        was_redirected(client, alternate, now))
        return false;
    remember_redirection(client, request->server, now);
    if (request->protocol == PROTOCOL_TCP) {
        result->has_alternate = true;
        result->alternate = alternate;
        return false;
    }
    request->server = alternate;
    note_repeated(transaction, STUN_CODE_TRY_ALTERNATE);
    try_again(transaction);
    return true;
}

/* After an error of the server's own, in a while: longer each time. The timeout of a stream is no such while. */
static bool
persist(struct stun_transaction *transaction, unsigned code)
{
    struct io *io = transaction->client->io;
    int64_t pause = MIN(transaction->request.timer.rto, STUN_TIMER_DEFAULTS.rto);

    if (!transaction->request.persist || transaction->server_errors == MOST_AFTER_ERROR)
        return false;
    transaction->pausing = true;
    note_repeated(transaction, code);
    arm(transaction, time_add(io->ops->now(io), pause << transaction->server_errors++));
    return true;
}

/* Whether the transaction goes on after this error response. */
static bool
goes_on(struct stun_transaction *transaction, const struct stun_message *message, struct stun_result *result)
{
    unsigned code = result->error.code;

    if (!transaction->body || transaction->tries == MOST_TRIES)
        return false;
    if (code == STUN_CODE_TRY_ALTERNATE)
        return follow(transaction, message, result);
    return code / 100 == 5 && persist(transaction, code);
}

/* A response to this transaction, whose bytes are in order. */
static void
take_response(struct stun_transaction *transaction, const struct stun_message *message, struct stun_result *result)
{
    struct stun_credentials *credentials = transaction->request.credentials;
    enum stun_trust trust =
        credentials ? stun_credentials_judge(credentials, transaction->sent, message) : STUN_TRUST;

    if (trust == STUN_DISTRUST) { /* a better answer may follow it, but not on a connection (sections 9.1.4, 9.2.5) */
        transaction->violated = true;
        note_ignored(transaction, result->datagram, STUN_OUTCOME_VIOLATED);
        if (transaction->request.protocol == PROTOCOL_TCP)
            finish(transaction, &(struct stun_result){ .outcome = STUN_OUTCOME_VIOLATED });
        return;
    }
    stun_response_judge(message, transaction->request.understood, result);
    result->proven = credentials && trust == STUN_TRUST && stun_credentials_proven(credentials, transaction->sent);
    if (trust == STUN_TRY_AGAIN && transaction->body && transaction->tries < MOST_TRIES) {
        note_repeated(transaction, result->error.code);
        try_again(transaction);
        return;
    }
    if (result->outcome == STUN_OUTCOME_REJECTED && goes_on(transaction, message, result))
        return;
    finish(transaction, result);
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
    if (stun_message_decode(datagram->data, &message) != STUN_FAULT_NONE)
        return true;

    enum stun_check fingerprint = stun_fingerprint_check(&message);

    if (fingerprint == STUN_CHECK_WRONG) {
        transaction->spoilt = true;
        note_ignored(transaction, datagram, STUN_OUTCOME_SPOILT);
        return true;
    }
    if (fingerprint == STUN_CHECK_ABSENT && transaction->request.demand_fingerprint)
        return true;

    struct stun_result result = { .datagram = datagram, .udp = udp };

    take_response(transaction, &message, &result);
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
        if (at->state != STATE_WAITING || at->pausing || at->request.udp != udp || !endpoint_equal(at->request.server, icmp->peer))
            continue;
        ours = true;
        if (!hard || at->lost != IO_OK)
            continue;
        at->icmp = *icmp;
        lose(at, STUN_OUTCOME_UNREACHABLE, icmp_says_refused(icmp) ? IO_REFUSED : IO_UNREACHABLE);
    }
    return ours;
}

void
stun_client_lost(struct stun_client *client, struct io_udp *udp, enum io_result why)
{
    for (struct stun_transaction *at = client->first; at; at = at->next)
        if (at->state == STATE_WAITING && at->request.udp == udp && at->lost == IO_OK)
            lose(at, STUN_OUTCOME_LOST, why);
}
