/* Client transactions of the table (transactions.h): sending, the ACK of a refusal, CANCEL, and the fall back of a long
 * request from TCP to UDP. */
#include "proto/sip/transactions_private.h"

#define VIA_BYTES 256 /* room for a Via of ours */

static struct span
text_of(const GByteArray *text)
{
    return span_of(text->data, text->len);
}

GByteArray *
sip_request_with_via(struct sip_transactions *table, const struct sip_flow *flow, struct span request,
                     struct span branch, struct endpoint *sent_by)
{
    const uint8_t *line_end = request.length ? memchr(request.bytes, '\n', request.length) : NULL;
    uint8_t via[VIA_BYTES];
    struct writer out = writer_over(via, sizeof via);
    GByteArray *text;
    size_t first;

    if (!line_end || !sip_carrier_sent_by(table->carrier, flow, sent_by))
        return NULL;
    first = (size_t)(line_end - request.bytes) + 1;
    sip_put_via(&out, flow->protocol, *sent_by, branch, !table->options.no_rport);
    if (writer_failed(&out))
        return NULL;
    text = g_byte_array_sized_new((guint)(request.length + VIA_BYTES));
    g_byte_array_append(text, request.bytes, (guint)first);
    g_byte_array_append(text, via, (guint)writer_length(&out));
    g_byte_array_append(text, line_end + 1, (guint)(request.length - first));
    return text;
}

/* ---- what the machine says */

/* Over UDP a datagram for which there is no room just now is as good as lost. */
static void
send_request(struct sip_client *client)
{
    struct sip_entry *entry = &client->entry;
    struct sip_transactions *table = entry->table;
    enum io_result result = sip_carrier_send(table->carrier, &entry->flow, text_of(entry->text));

    entry->sent++;
    if (entry->sent > 1) {
        table->counters.again_sent++;
        sip_entry_note(entry, &sip_kind_again, 0, SIP_OUTCOME_DONE);
    }
    if (result != IO_OK && (result != IO_FULL || sip_flow_is_stream(&entry->flow)))
        entry->failing = true;
}

static void
forget_ack(struct sip_client *client)
{
    if (client->ack)
        g_byte_array_free(client->ack, TRUE);
    if (client->accepted_tag)
        g_bytes_unref(client->accepted_tag);
    client->ack = NULL;
    client->accepted_tag = NULL;
}

/* Section 17.1.1.3. */
static GByteArray *
make_ack(const struct sip_client *client, const struct sip_message *response)
{
    size_t room = client->entry.text->len + response->text.length + 256;
    g_autofree uint8_t *buffer = g_malloc(room);
    struct writer out = writer_over(buffer, room);
    struct sip_message request;
    struct span via;
    struct sip_values values;
    GByteArray *ack;

    if (sip_message_decode(text_of(client->entry.text), &request) != SIP_FAULT_NONE)
        return NULL;
    values = sip_values_of(&request, SIP_HEADER_VIA);
    if (!sip_values_next(&values, &via))
        return NULL;
    sip_put_request_line(&out, span_of_text("ACK"), request.uri);
    sip_put_header(&out, SIP_HEADER_VIA, via);
    sip_put_header(&out, SIP_HEADER_MAX_FORWARDS, span_of_text("70"));
    sip_copy_headers(&out, &request, SIP_HEADER_ROUTE);
    sip_copy_headers(&out, &request, SIP_HEADER_FROM);
    sip_copy_headers(&out, response, SIP_HEADER_TO);
    sip_copy_headers(&out, &request, SIP_HEADER_CALL_ID);
    sip_put_format(&out, SIP_HEADER_CSEQ, "%u ACK", request.cseq);
    sip_put_end(&out, NULL, span_of(NULL, 0));
    if (writer_failed(&out))
        return NULL;
    ack = g_byte_array_sized_new((guint)writer_length(&out));
    return g_byte_array_append(ack, buffer, (guint)writer_length(&out));
}

static void
send_ack(struct sip_client *client, const struct sip_message *response)
{
    struct sip_entry *entry = &client->entry;

    if (!client->ack)
        client->ack = make_ack(client, response);
    if (client->ack)
        (void)sip_carrier_send(entry->table->carrier, &entry->flow, text_of(client->ack));
}

enum io_result
sip_client_acknowledge(struct sip_client *client, const struct sip_flow *to, struct span ack)
{
    struct sip_transactions *table = client->entry.table;
    char branch[SIP_BRANCH_BYTES];
    struct sip_message message;
    struct endpoint sent_by;
    struct span tag;
    GByteArray *text =
        sip_request_with_via(table, to, ack, span_of_text(sip_transactions_branch(table, branch)), &sent_by);

    if (!text || sip_message_decode(text_of(text), &message) != SIP_FAULT_NONE) {
        if (text)
            g_byte_array_free(text, TRUE);
        return IO_UNSUPPORTED;
    }
    forget_ack(client);
    tag = sip_tag_of(&message, SIP_HEADER_TO);
    client->accepted_tag = g_bytes_new(tag.bytes, tag.length);
    client->ack = text;
    client->ack_flow = *to;
    return sip_carrier_send(table->carrier, &client->ack_flow, text_of(text));
}

/* A 2xx that is acknowledged already. */
static bool
acknowledge_again(struct sip_client *client, const struct sip_message *response)
{
    struct sip_transactions *table = client->entry.table;
    gsize length;
    const void *tag = client->accepted_tag ? g_bytes_get_data(client->accepted_tag, &length) : NULL;

    if (!client->accepted_tag || response->status / 100 != 2 ||
        !span_equal(sip_tag_of(response, SIP_HEADER_TO), span_of(tag, length)))
        return false;
    table->counters.acks_again++;
    (void)sip_carrier_send(table->carrier, &client->ack_flow, text_of(client->ack));
    return true;
}

static void
end(struct sip_client *client, enum sip_outcome outcome)
{
    const struct sip_client_events *events = client->events;
    struct sip_transactions *table = client->entry.table;

    if (outcome != SIP_OUTCOME_DONE) {
        *(outcome == SIP_OUTCOME_TIMEOUT ? &table->counters.timeouts : &table->counters.unreachable) += 1;
        sip_entry_note(&client->entry, &sip_kind_unanswered, 0, outcome);
    }
    client->events = NULL;
    if (events)
        events->ended(client->owner, client, outcome);
    if (!table->freed)
        sip_client_free(client);
}

/* Not from inside a call of the user's, unless there is nothing to tell. The client may be gone afterwards. */
static void
perform(struct sip_client *client, unsigned steps, const struct sip_arrival *arrival)
{
    struct sip_transactions *table = client->entry.table;

    if (steps & SIP_STEP_SEND)
        send_request(client);
    if (steps & SIP_STEP_ACK)
        send_ack(client, arrival->message);
    sip_entry_arm(&client->entry);
    if (steps & SIP_STEP_TELL && client->events)
        client->events->response(client->owner, client, arrival);
    if (table->freed)
        return;
    if (steps & SIP_STEP_END)
        end(client, steps & SIP_STEP_TIMEOUT  ? SIP_OUTCOME_TIMEOUT
                    : steps & SIP_STEP_FAILED ? SIP_OUTCOME_UNREACHABLE
                                              : SIP_OUTCOME_DONE);
}

/* ---- life */

static struct sip_client *
client_new(struct sip_transactions *table, enum sip_method method, struct span method_word, const char *branch,
           GByteArray *text, const struct sip_flow *flow, struct endpoint sent_by)
{
    struct sip_client *client = g_new0(struct sip_client, 1);
    struct sip_entry *entry = &client->entry;

    entry->table = table;
    entry->client = true;
    entry->method = method;
    entry->flow = *flow;
    entry->text = text;
    client->sent_by = sent_by;
    g_strlcpy(client->branch, branch, sizeof client->branch);
    sip_entry_add(entry, sip_client_key(span_of_text(branch), method_word));
    return client;
}

static void
start(struct sip_client *client)
{
    struct sip_entry *entry = &client->entry;
    struct io *io = entry->table->io;
    enum sip_machine_kind kind = entry->method == SIP_INVITE ? SIP_INVITE_CLIENT : SIP_OTHER_CLIENT;
    unsigned steps = sip_machine_start(&entry->machine, kind, &entry->table->options.timers,
                                       sip_flow_is_stream(&entry->flow), io->ops->now(io));

    perform(client, steps, NULL);
}

/* Section 18.1.1. */
static bool
is_too_long(struct sip_transactions *table, const struct sip_ask *ask)
{
    return ask->to.protocol == SIP_UDP && ask->to.local.port == 0 &&
           ask->request.length + VIA_BYTES / 2 > SIP_DATAGRAM_MAX && sip_carrier_speaks(table->carrier, SIP_TCP);
}

static struct span
first_word(struct span request)
{
    const uint8_t *blank = request.length ? memchr(request.bytes, ' ', request.length) : NULL;

    return span_of(request.bytes, blank ? (size_t)(blank - request.bytes) : 0);
}

struct sip_client *
sip_client_new(struct sip_transactions *table, const struct sip_ask *ask)
{
    struct span word = first_word(ask->request);
    bool longer = is_too_long(table, ask);
    char branch[SIP_BRANCH_BYTES];
    struct sip_flow flow = ask->to;
    struct sip_client *client;
    struct endpoint sent_by = { ADDRESS_NONE, 0 };
    GByteArray *text;

    if (table->client_count >= table->options.clients) {
        table->counters.over_limit++;
        return NULL;
    }
    sip_transactions_branch(table, branch);
    if (longer)
        flow = (struct sip_flow){ .protocol = SIP_TCP, .peer = ask->to.peer };
    text = word.length ? sip_request_with_via(table, &flow, ask->request, span_of_text(branch), &sent_by) : NULL;
    if (!text)
        return NULL;
    client = client_new(table, sip_method_of(word), word, branch, text, &flow, sent_by);
    client->events = ask->events;
    client->owner = ask->owner;
    table->counters.requests_sent++;
    if (longer) {
        client->bare = g_byte_array_sized_new((guint)ask->request.length);
        g_byte_array_append(client->bare, ask->request.bytes, (guint)ask->request.length);
        client->datagram_flow = ask->to;
        sip_entry_note(&client->entry, &sip_kind_long_request, text->len, SIP_OUTCOME_DONE);
    }
    start(client);
    return client;
}

/* An INVITE that nobody waits for any more has an end all the same, though its peer may ring for ever. */
static void
bound_forgotten(struct sip_client *client)
{
    struct sip_entry *entry = &client->entry;

    if (client->events || entry->machine.kind != SIP_INVITE_CLIENT || entry->machine.end != TIME_NEVER)
        return;
    sip_machine_cancelled(&entry->machine, entry->table->io->ops->now(entry->table->io));
}

void
sip_client_forget(struct sip_client *client)
{
    client->events = NULL;
    bound_forgotten(client);
    sip_entry_arm(&client->entry);
}

void
sip_client_free(struct sip_client *client)
{
    sip_entry_remove(&client->entry);
    if (client->bare)
        g_byte_array_free(client->bare, TRUE);
    forget_ack(client);
    g_free(client);
}

/* ---- CANCEL (section 9.1) */

static GByteArray *
make_cancel(const struct sip_client *client)
{
    size_t room = client->entry.text->len + 256;
    g_autofree uint8_t *buffer = g_malloc(room);
    struct writer out = writer_over(buffer, room);
    struct sip_message request;
    struct sip_values values;
    struct span via;

    if (sip_message_decode(text_of(client->entry.text), &request) != SIP_FAULT_NONE)
        return NULL;
    values = sip_values_of(&request, SIP_HEADER_VIA);
    if (!sip_values_next(&values, &via))
        return NULL;
    sip_put_request_line(&out, span_of_text("CANCEL"), request.uri);
    sip_put_header(&out, SIP_HEADER_VIA, via);
    sip_put_header(&out, SIP_HEADER_MAX_FORWARDS, span_of_text("70"));
    sip_copy_headers(&out, &request, SIP_HEADER_ROUTE);
    sip_copy_headers(&out, &request, SIP_HEADER_FROM);
    sip_copy_headers(&out, &request, SIP_HEADER_TO);
    sip_copy_headers(&out, &request, SIP_HEADER_CALL_ID);
    sip_put_format(&out, SIP_HEADER_CSEQ, "%u CANCEL", request.cseq);
    sip_put_end(&out, NULL, span_of(NULL, 0));
    if (writer_failed(&out))
        return NULL;
    return g_byte_array_append(g_byte_array_sized_new((guint)writer_length(&out)), buffer, (guint)writer_length(&out));
}

static void
send_cancel(struct sip_client *invite)
{
    struct sip_entry *entry = &invite->entry;
    struct sip_transactions *table = entry->table;
    GByteArray *text = make_cancel(invite);

    invite->cancelled = true;
    sip_machine_cancelled(&entry->machine, table->io->ops->now(table->io));
    sip_entry_arm(entry);
    if (!text)
        return;
    table->counters.requests_sent++;
    start(client_new(table, SIP_CANCEL, span_of_text("CANCEL"), invite->branch, text, &entry->flow, invite->sent_by));
}

void
sip_client_cancel(struct sip_client *client)
{
    if (client->cancelled || client->entry.machine.kind != SIP_INVITE_CLIENT)
        return;
    client->cancel_wanted = true;
    if (client->entry.machine.state == SIP_STATE_PROCEEDING)
        send_cancel(client);
}

/* ---- what happens */

void
sip_client_take(struct sip_client *client, const struct sip_arrival *arrival)
{
    struct sip_entry *entry = &client->entry;
    struct sip_transactions *table = entry->table;
    unsigned steps;

    if (entry->failing)
        return;
    steps = sip_machine_response(&entry->machine, arrival->message->status, table->io->ops->now(table->io));
    if (steps & SIP_STEP_TELL && acknowledge_again(client, arrival->message))
        return;
    if (steps & SIP_STEP_TELL)
        table->counters.responses++;
    else
        table->counters.again++;
    if (entry->machine.state == SIP_STATE_PROCEEDING && client->cancel_wanted && !client->cancelled)
        send_cancel(client);
    bound_forgotten(client);
    perform(client, steps, arrival);
}

/* There is no connection to be had for a request that is too long for a datagram: it goes by one after all. */
static bool
fall_back(struct sip_client *client)
{
    struct sip_entry *entry = &client->entry;
    struct sip_transactions *table = entry->table;
    struct endpoint sent_by;
    GByteArray *text;

    if (!client->bare || entry->machine.state != SIP_STATE_TRYING)
        return false;
    text = sip_request_with_via(table, &client->datagram_flow, text_of(client->bare), span_of_text(client->branch),
                                &sent_by);
    g_byte_array_free(client->bare, TRUE);
    client->bare = NULL;
    if (!text)
        return false;
    g_byte_array_free(entry->text, TRUE);
    entry->text = text;
    entry->flow = client->datagram_flow;
    entry->sent = 0;
    entry->failing = false;
    client->sent_by = sent_by;
    table->counters.fallbacks++;
    sip_entry_note(entry, &sip_kind_fallback, text->len, SIP_OUTCOME_DONE);
    start(client);
    return true;
}

/* What has failed is told by the timer: several may have failed together. */
void
sip_client_failed(struct sip_client *client, enum io_result why)
{
    (void)why;
    if (client->entry.machine.state == SIP_STATE_ACCEPTED)
        return;
    client->entry.failing = true;
    sip_entry_arm(&client->entry);
}

void
sip_client_fire(struct sip_client *client)
{
    struct sip_entry *entry = &client->entry;
    struct io *io = entry->table->io;
    unsigned steps;

    if (entry->failing) {
        if (fall_back(client))
            return;
        entry->failing = false;
        steps = sip_machine_failed(&entry->machine);
    } else {
        steps = sip_machine_fire(&entry->machine, io->ops->now(io));
    }
    perform(client, steps, NULL);
}

/* ---- to look at */

enum sip_state
sip_client_state(const struct sip_client *client)
{
    return client->entry.machine.state;
}

struct span
sip_client_request(const struct sip_client *client)
{
    return text_of(client->entry.text);
}

struct sip_flow
sip_client_flow(const struct sip_client *client)
{
    return client->entry.flow;
}

struct span
sip_client_branch(const struct sip_client *client)
{
    return span_of_text(client->branch);
}
