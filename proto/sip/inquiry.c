#include "proto/sip/inquiry.h"

#define TRIES_MOST 4 /* requests of one inquiry: without credentials, with those kept, with new ones, after `stale` */

static void
fail(struct sip_inquiry *inquiry)
{
    inquiry->failing = true;
    inquiry->io->ops->arm(inquiry->io, &inquiry->failure, inquiry->io->ops->now(inquiry->io), true);
}

static void
on_failure(void *owner, struct io_timer *timer)
{
    struct sip_inquiry *inquiry = owner;

    (void)timer;
    inquiry->failing = false;
    inquiry->events->ended(inquiry->owner, inquiry, SIP_OUTCOME_UNREACHABLE);
}

/* The request that a response answers. */
static enum sip_challenge
take_challenge(struct sip_inquiry *inquiry, const struct sip_message *response)
{
    struct sip_message request;

    if (inquiry->given_up || inquiry->tries >= TRIES_MOST ||
        sip_message_decode(sip_client_request(inquiry->client), &request) != SIP_FAULT_NONE)
        return SIP_CHALLENGE_UNKNOWN;
    return sip_credentials_take(inquiry->credentials, &request, response);
}

static void send_request(struct sip_inquiry *inquiry);

static void
on_response(void *owner, struct sip_client *client, const struct sip_arrival *arrival)
{
    struct sip_inquiry *inquiry = owner;
    unsigned status = arrival->message->status;
    bool accepted = arrival->message->method_id == SIP_INVITE && status >= 200 && status < 300;

    inquiry->flow = sip_client_flow(client);
    if ((status == 401 || status == 407) && take_challenge(inquiry, arrival->message) == SIP_CHALLENGE_NEW) {
        sip_client_forget(client);
        inquiry->client = NULL;
        if (inquiry->challenged)
            ++*inquiry->challenged;
        send_request(inquiry);
        return;
    }
    if (status >= 200 && !accepted) {
        sip_client_forget(client);
        inquiry->client = NULL;
    }
    inquiry->events->response(inquiry->owner, inquiry, arrival);
}

static void
on_ended(void *owner, struct sip_client *client, enum sip_outcome outcome)
{
    struct sip_inquiry *inquiry = owner;

    (void)client;
    inquiry->client = NULL;
    inquiry->events->ended(inquiry->owner, inquiry, outcome);
}

static const struct sip_client_events client_events = { on_response, on_ended };

static void
send_request(struct sip_inquiry *inquiry)
{
    g_autofree uint8_t *buffer = g_malloc(SIP_MESSAGE_MAX);
    struct writer out = writer_over(buffer, SIP_MESSAGE_MAX);
    struct sip_ask ask = { .events = &client_events, .owner = inquiry };

    inquiry->tries++;
    if (!inquiry->events->write(inquiry->owner, inquiry, &out, &ask.to) || writer_failed(&out)) {
        fail(inquiry);
        return;
    }
    ask.request = writer_span(&out);
    inquiry->flow = ask.to;
    inquiry->client = sip_client_new(inquiry->table, &ask);
    if (!inquiry->client)
        fail(inquiry);
}

void
sip_inquiry_open(struct sip_inquiry *inquiry, struct io *io, struct sip_transactions *table,
                  struct sip_credentials *credentials, const struct sip_inquiry_events *events, void *owner)
{
    *inquiry =
        (struct sip_inquiry){ .io = io, .table = table, .credentials = credentials, .events = events, .owner = owner };
    inquiry->failure = (struct io_timer){ .fire = on_failure, .owner = inquiry };
}

void
sip_inquiry_close(struct sip_inquiry *inquiry)
{
    if (inquiry->client)
        sip_client_forget(inquiry->client);
    inquiry->client = NULL;
    inquiry->failing = false;
    inquiry->io->ops->disarm(inquiry->io, &inquiry->failure);
}

void
sip_inquiry_ask(struct sip_inquiry *inquiry)
{
    sip_inquiry_close(inquiry);
    inquiry->tries = 0;
    inquiry->given_up = false;
    send_request(inquiry);
}

void
sip_inquiry_cancel(struct sip_inquiry *inquiry)
{
    inquiry->given_up = true;
    if (inquiry->client)
        sip_client_cancel(inquiry->client);
}

bool
sip_inquiry_is_asking(const struct sip_inquiry *inquiry)
{
    if (inquiry->failing)
        return true;
    return inquiry->client && sip_client_state(inquiry->client) < SIP_STATE_ACCEPTED;
}

void
sip_inquiry_credentials(struct sip_inquiry *inquiry, struct writer *out, const char *method, const char *uri)
{
    char cnonce[SIP_TAG_BYTES];

    sip_credentials_put(inquiry->credentials, out, span_of_text(method), uri,
                        sip_transactions_tag(inquiry->table, cnonce));
}
