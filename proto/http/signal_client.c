/* Theory of operation.
 *
 * A *request* is what is tried until it is answered or SIGNAL_ATTEMPTS are over: a letter's POST, or the GET for the
 * next message. It is RESTING (nothing is to be done, or its turn has not come), ASKING (a call of the HTTP client is
 * under way) or PAUSING (its timer is armed). `try_again` alone leads from ASKING to PAUSING, `give_up` or an answer out
 * of it.
 *
 * Letters stand in the order in which they were given; one rests while an earlier one has the same receiver. A letter
 * has its number from the start, so one that was given up and comes late all the same comes in its place, or is behind
 * the last number, and then the server drops it. */
#include "proto/http/signal_client.h"

#include "proto/http/client.h"
#include "proto/http/lex.h"
#include "proto/http/signal_kinds.h"

enum { TARGET_BYTES = 256 };

enum phase { PHASE_RESTING, PHASE_ASKING, PHASE_PAUSING };

struct request {
    struct signal_client *client;
    struct signal_letter *letter; /* NULL: it is the GET */
    enum phase phase;
    struct http_call *call;
    struct io_timer pause;
    unsigned attempts;
};

struct signal_letter {
    struct request request;
    struct signal_letter *next, *previous;
    uint64_t number;
    char to[SIGNAL_NAME_MAX + 1], type[SIGNAL_TYPE_MAX + 1];
    GBytes *text;
    signal_sent *done;
    void *owner;
};

struct signal_client {
    struct io *io;
    struct signal_client_options options;
    char name[SIGNAL_NAME_MAX + 1];
    struct http_client *http;
    uint64_t session, numbers;
    struct signal_letter *first, *last;
    unsigned letters;
    struct request get;
    bool has_after;
    struct signal_id after; /* the message that was handed out last */
    struct endpoint local;
    struct signal_client_counters counters;
};

static const struct {
    const char *word, *sentence;
} outcomes[] = {
#define X(name, word, sentence) { word, sentence },
    SIGNAL_OUTCOMES(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(outcomes) == SIGNAL_OUTCOME_COUNT);

const char *
signal_outcome_word(enum signal_outcome outcome)
{
    return outcomes[outcome].word;
}

const char *
signal_outcome_sentence(enum signal_outcome outcome)
{
    return outcomes[outcome].sentence;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void on_answer(void *owner, struct http_call *call, const struct http_result *answer);

static struct signal_request
content_of(const struct request *request)
{
    const struct signal_client *client = request->client;
    const struct signal_letter *letter = request->letter;

    if (!letter)
        return (struct signal_request){ .method = SIGNAL_GET,
                                        .name = span_of_text(client->name),
                                        .has_id = client->has_after,
                                        .id = client->after,
                                        .wait = client->options.wait };
    return (struct signal_request){ .method = SIGNAL_POST,
                                    .name = span_of_text(letter->to),
                                    .from = span_of_text(client->name),
                                    .has_id = true,
                                    .id = { client->session, letter->number } };
}

static void
ask(struct request *request)
{
    struct signal_client *client = request->client;
    const struct signal_letter *letter = request->letter;
    char target[TARGET_BYTES] = "";
    struct writer writer = writer_over(target, sizeof target - 1);
    struct signal_request content = content_of(request);
    struct http_ask asked = { .server = client->options.server,
                              .method = letter ? "POST" : "GET",
                              .target = target,
                              .timeout = letter ? SIGNAL_TIMEOUT : time_add(client->options.wait, SIGNAL_TIMEOUT),
                              .idle = !letter,
                              .repeatable = true,
                              .done = on_answer,
                              .owner = request };

    signal_put_target(&writer, &content);
    g_assert(!writer_failed(&writer));
    if (letter) {
        gsize length;
        const void *bytes = g_bytes_get_data(letter->text, &length);

        asked.body = span_of(bytes, length);
        asked.type = letter->type;
    }
    request->phase = PHASE_ASKING;
    request->attempts++;
    request->call = http_client_ask(client->http, &asked);
}

static void
on_pause(void *owner, struct io_timer *timer)
{
    (void)timer;
    ask(owner);
}

static void
request_open(struct request *request, struct signal_client *client, struct signal_letter *letter)
{
    *request = (struct request){ .client = client, .letter = letter };
    request->pause = (struct io_timer){ .fire = on_pause, .owner = request };
}

/* It is RESTING, and may be begun anew. */
static void
request_stop(struct request *request)
{
    struct io *io = request->client->io;

    if (request->call)
        http_call_cancel(request->call);
    request->call = NULL;
    io->ops->disarm(io, &request->pause);
    request->phase = PHASE_RESTING;
    request->attempts = 0;
}

static void
note(const struct request *request, const struct record_kind *kind, const struct signal_result *result)
{
    const struct signal_client *client = request->client;
    struct endpoint server = client->options.server;
    struct record record = { .kind = kind,
                             .rule = (uint16_t)result->outcome,
                             .before = { client->local.address, server.address, client->local.port, server.port,
                                         PROTOCOL_TCP } };

    signal_record_receiver(&record, span_of_text(request->letter ? request->letter->to : client->name));
    record.subject[0] = result->attempts;
    client->io->ops->note(client->io, &record);
}

static void
try_again(struct request *request, const struct signal_result *result)
{
    struct io *io = request->client->io;

    request->phase = PHASE_PAUSING;
    request->client->counters.retries++;
    io->ops->arm(io, &request->pause, time_add(io->ops->now(io), SIGNAL_PAUSE << (request->attempts - 1)), true);
    note(request, &signal_kind_retried, result);
}

/* --- letters ----------------------------------------------------------------------------------------------------- */

static bool
waits_for_earlier(const struct signal_letter *letter)
{
    for (const struct signal_letter *other = letter->previous; other; other = other->previous)
        if (strcmp(other->to, letter->to) == 0)
            return true;
    return false;
}

static void
letter_free(struct signal_letter *letter)
{
    struct signal_client *client = letter->request.client;

    request_stop(&letter->request);
    if (letter->previous)
        letter->previous->next = letter->next;
    else
        client->first = letter->next;
    if (letter->next)
        letter->next->previous = letter->previous;
    else
        client->last = letter->previous;
    client->letters--;
    g_bytes_unref(letter->text);
    g_free(letter);
}

/* Begins what no earlier letter holds up any more. */
static void
begin_letters(struct signal_client *client)
{
    for (struct signal_letter *letter = client->first; letter; letter = letter->next)
        if (letter->request.phase == PHASE_RESTING && !waits_for_earlier(letter))
            ask(&letter->request);
}

struct signal_letter *
signal_client_send(struct signal_client *client, const struct signal_text *text, signal_sent *done, void *owner)
{
    struct signal_letter *letter;

    if (!signal_is_name(text->peer) || text->text.length > SIGNAL_TEXT_MAX || text->type.length > SIGNAL_TYPE_MAX ||
        !http_is_field_text(text->type) || client->letters >= SIGNAL_LETTERS)
        return NULL;
    letter = g_new0(struct signal_letter, 1);
    request_open(&letter->request, client, letter);
    letter->number = ++client->numbers;
    memcpy(letter->to, text->peer.bytes, text->peer.length);
    if (text->type.length > 0)
        memcpy(letter->type, text->type.bytes, text->type.length);
    letter->text = g_bytes_new(text->text.bytes, text->text.length);
    letter->done = done;
    letter->owner = owner;
    letter->previous = client->last;
    if (client->last)
        client->last->next = letter;
    else
        client->first = letter;
    client->last = letter;
    client->letters++;
    begin_letters(client);
    return letter;
}

void
signal_letter_cancel(struct signal_letter *letter)
{
    struct signal_client *client = letter->request.client;

    letter_free(letter);
    begin_letters(client);
}

static void
end_letter(struct signal_letter *letter, const struct signal_result *result)
{
    struct signal_client *client = letter->request.client;
    signal_sent *done = letter->done;
    void *owner = letter->owner;

    client->counters.sent += result->outcome == SIGNAL_OUTCOME_DONE;
    letter_free(letter);
    begin_letters(client);
    done(owner, result);
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void
read_refusal(const struct http_result *answer, struct signal_result *result)
{
    result->outcome = SIGNAL_OUTCOME_REJECTED;
    result->status = answer->head->status;
    result->reason = signal_reason_read(answer->body);
}

/* An answer with a message. */
static bool
read_message(const struct http_result *answer, struct signal_text *message, struct signal_id *id)
{
    struct span text;

    *message = (struct signal_text){ .type = span_of_text(SIGNAL_TYPE_DEFAULT), .text = answer->body };
    (void)http_head_get(answer->head, "content-type", &message->type);
    return http_head_get(answer->head, "message-from", &message->peer) && signal_is_name(message->peer) &&
           http_head_get(answer->head, "message-id", &text) && signal_id_read(text, id) &&
           answer->body.length <= SIGNAL_TEXT_MAX;
}

static enum signal_outcome
outcome_of(enum http_outcome outcome)
{
    switch (outcome) {
    case HTTP_OUTCOME_TIMEOUT:
        return SIGNAL_OUTCOME_TIMEOUT;
    case HTTP_OUTCOME_UNREACHABLE:
        return SIGNAL_OUTCOME_UNREACHABLE;
    case HTTP_OUTCOME_CLOSED:
        return SIGNAL_OUTCOME_CLOSED;
    default:
        return SIGNAL_OUTCOME_MALFORMED;
    }
}

/* A server that is full may have room later, and one whose reader was replaced may be asked once more: those are for a
 * time. What it calls wrong stays wrong. */
static bool
is_worth_repeating(const struct signal_result *result)
{
    return result->outcome != SIGNAL_OUTCOME_REJECTED || result->status == 409 || result->status == 429 ||
           result->status >= 500;
}

static void
give_up(struct request *request, const struct signal_result *result)
{
    struct signal_client *client = request->client;

    client->counters.failures++;
    note(request, &signal_kind_failed, result);
    if (request->letter) {
        end_letter(request->letter, result);
    } else {
        request_stop(request);
        client->options.lost(client->options.owner, result);
    }
}

/* Nothing came within the time that the server waits, or a message. */
static void
end_get(struct request *get, const struct signal_text *message, const struct signal_id *id)
{
    struct signal_client *client = get->client;

    request_stop(get);
    if (!message) {
        ask(get);
        return;
    }
    client->has_after = true;
    client->after = *id;
    client->counters.received++;
    client->options.message(client->options.owner, message);
}

/* A letter that was taken; a message; or none, after the time that the server was to wait. Who says at once, and again
 * and again, that there is none must not make us ask as fast as we can. */
static bool
is_good(const struct request *request, const struct http_result *answer, bool carries)
{
    if (answer->outcome != HTTP_OUTCOME_ANSWERED)
        return false;
    if (carries)
        return true;
    return answer->head->status == 204 && (request->letter || answer->elapsed >= request->client->options.wait / 2);
}

/* A wait whose connection broke after a good while had begun well: proxies cut long ones. It counts as the first that
 * failed, or else a peer that is called rarely would give up in the end. */
static bool
had_begun_well(const struct request *request, const struct http_result *answer)
{
    return !request->letter && answer->outcome == HTTP_OUTCOME_CLOSED && answer->elapsed >= SIGNAL_TIMEOUT;
}

static void
on_answer(void *owner, struct http_call *call, const struct http_result *answer)
{
    struct request *request = owner;
    struct signal_result result = { .io = answer->io, .attempts = request->attempts };
    unsigned status = answer->outcome == HTTP_OUTCOME_ANSWERED ? answer->head->status : 0;
    struct signal_text message;
    struct signal_id id;
    bool carries = !request->letter && status == 200 && read_message(answer, &message, &id);

    (void)call;
    request->call = NULL;
    if (had_begun_well(request, answer))
        request->attempts = 1;
    if (status != 0)
        request->client->local = answer->local;
    result.outcome = outcome_of(answer->outcome);
    if (is_good(request, answer, carries))
        result.outcome = SIGNAL_OUTCOME_DONE;
    else if (status >= 400)
        read_refusal(answer, &result);
    if (result.outcome == SIGNAL_OUTCOME_DONE && request->letter)
        end_letter(request->letter, &result);
    else if (result.outcome == SIGNAL_OUTCOME_DONE)
        end_get(request, carries ? &message : NULL, &id);
    else if (request->attempts < SIGNAL_ATTEMPTS && is_worth_repeating(&result))
        try_again(request, &result);
    else
        give_up(request, &result);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

struct signal_client *
signal_client_new(struct io *io, const struct signal_client_options *options)
{
    struct signal_client *client = g_new0(struct signal_client, 1);
    struct http_limits limits = HTTP_LIMITS_DEFAULT;

    g_assert(signal_is_name(options->name) && options->wait >= TIME_S && options->wait <= SIGNAL_WAIT_MAX);
    limits.body = SIGNAL_TEXT_MAX;
    client->io = io;
    client->options = *options;
    memcpy(client->name, options->name.bytes, options->name.length);
    client->options.name = span_of(NULL, 0);
    client->http = http_client_new(io, &limits, "punchlab");
    io->ops->random(io, &client->session, sizeof client->session);
    client->session &= SIGNAL_SESSION_MASK;
    request_open(&client->get, client, NULL);
    return client;
}

void
signal_client_free(struct signal_client *client)
{
    if (!client)
        return;
    while (client->first)
        letter_free(client->first);
    request_stop(&client->get);
    http_client_free(client->http);
    g_free(client);
}

void
signal_client_receive(struct signal_client *client)
{
    if (client->get.phase == PHASE_RESTING)
        ask(&client->get);
}

bool
signal_client_receiving(const struct signal_client *client)
{
    return client->get.phase != PHASE_RESTING;
}

unsigned
signal_client_letters(const struct signal_client *client)
{
    return client->letters;
}

const struct signal_client_counters *
signal_client_counters(const struct signal_client *client)
{
    return &client->counters;
}

struct endpoint
signal_client_local(const struct signal_client *client)
{
    return client->local;
}
