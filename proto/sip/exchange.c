#include "proto/sip/exchange.h"

#define TRIES_MOST 4 /* requests of one exchange: without credentials, with those kept, with new ones, after `stale` */

static void
fail(struct sip_exchange *exchange)
{
    exchange->failing = true;
    exchange->io->ops->arm(exchange->io, &exchange->failure, exchange->io->ops->now(exchange->io), true);
}

static void
on_failure(void *owner, struct io_timer *timer)
{
    struct sip_exchange *exchange = owner;

    (void)timer;
    exchange->failing = false;
    exchange->events->ended(exchange->owner, exchange, SIP_OUTCOME_UNREACHABLE);
}

/* The request that a response answers. */
static enum sip_challenge
take_challenge(struct sip_exchange *exchange, const struct sip_message *response)
{
    struct sip_message request;

    if (exchange->given_up || exchange->tries >= TRIES_MOST ||
        sip_message_decode(sip_client_request(exchange->client), &request) != SIP_FAULT_NONE)
        return SIP_CHALLENGE_UNKNOWN;
    return sip_credentials_take(exchange->credentials, &request, response);
}

static void send_request(struct sip_exchange *exchange);

static void
on_response(void *owner, struct sip_client *client, const struct sip_arrival *arrival)
{
    struct sip_exchange *exchange = owner;
    unsigned status = arrival->message->status;
    bool accepted = arrival->message->method_id == SIP_INVITE && status >= 200 && status < 300;

    exchange->flow = sip_client_flow(client);
    if ((status == 401 || status == 407) && take_challenge(exchange, arrival->message) == SIP_CHALLENGE_NEW) {
        sip_client_forget(client);
        exchange->client = NULL;
        if (exchange->challenged)
            ++*exchange->challenged;
        send_request(exchange);
        return;
    }
    if (status >= 200 && !accepted) {
        sip_client_forget(client);
        exchange->client = NULL;
    }
    exchange->events->response(exchange->owner, exchange, arrival);
}

static void
on_ended(void *owner, struct sip_client *client, enum sip_outcome outcome)
{
    struct sip_exchange *exchange = owner;

    (void)client;
    exchange->client = NULL;
    exchange->events->ended(exchange->owner, exchange, outcome);
}

static const struct sip_client_events client_events = { on_response, on_ended };

static void
send_request(struct sip_exchange *exchange)
{
    g_autofree uint8_t *buffer = g_malloc(SIP_MESSAGE_MAX);
    struct writer out = writer_over(buffer, SIP_MESSAGE_MAX);
    struct sip_ask ask = { .events = &client_events, .owner = exchange };

    exchange->tries++;
    if (!exchange->events->write(exchange->owner, exchange, &out, &ask.to) || writer_failed(&out)) {
        fail(exchange);
        return;
    }
    ask.request = writer_span(&out);
    exchange->flow = ask.to;
    exchange->client = sip_client_new(exchange->table, &ask);
    if (!exchange->client)
        fail(exchange);
}

void
sip_exchange_open(struct sip_exchange *exchange, struct io *io, struct sip_transactions *table,
                  struct sip_credentials *credentials, const struct sip_exchange_events *events, void *owner)
{
    *exchange =
        (struct sip_exchange){ .io = io, .table = table, .credentials = credentials, .events = events, .owner = owner };
    exchange->failure = (struct io_timer){ .fire = on_failure, .owner = exchange };
}

void
sip_exchange_close(struct sip_exchange *exchange)
{
    if (exchange->client)
        sip_client_forget(exchange->client);
    exchange->client = NULL;
    exchange->failing = false;
    exchange->io->ops->disarm(exchange->io, &exchange->failure);
}

void
sip_exchange_ask(struct sip_exchange *exchange)
{
    sip_exchange_close(exchange);
    exchange->tries = 0;
    exchange->given_up = false;
    send_request(exchange);
}

void
sip_exchange_cancel(struct sip_exchange *exchange)
{
    exchange->given_up = true;
    if (exchange->client)
        sip_client_cancel(exchange->client);
}

bool
sip_exchange_is_asking(const struct sip_exchange *exchange)
{
    if (exchange->failing)
        return true;
    return exchange->client && sip_client_state(exchange->client) < SIP_STATE_ACCEPTED;
}

void
sip_exchange_credentials(struct sip_exchange *exchange, struct writer *out, const char *method, const char *uri)
{
    char cnonce[SIP_TAG_BYTES];

    sip_credentials_put(exchange->credentials, out, span_of_text(method), uri,
                        sip_transactions_tag(exchange->table, cnonce));
}
