/* Server transactions of the table (transactions.h): answers, and answering again. */
#include "proto/sip/transactions_private.h"

#define AGENT_BYTES 256 /* room for Server, Content-Length and a tag */

GByteArray *
sip_plain_reply(struct sip_transactions *table, const struct sip_message *request, struct endpoint source,
                unsigned status, const char *tag, struct span more)
{
    struct sip_reply reply = { .status = status, .source = source };
    size_t room = request->head.length + more.length + AGENT_BYTES + 128;
    g_autofree uint8_t *buffer = g_malloc(room);
    struct writer out = writer_over(buffer, room);

    if (tag && status != 100)
        reply.tag = span_of_text(tag);
    sip_put_reply(&out, request, &reply);
    if (table->agent[0])
        sip_put_header_text(&out, SIP_HEADER_SERVER, table->agent);
    writer_span_put(&out, more);
    sip_put_end(&out, NULL, span_of(NULL, 0));
    if (writer_failed(&out))
        return NULL;
    return g_byte_array_append(g_byte_array_sized_new((guint)writer_length(&out)), buffer, (guint)writer_length(&out));
}

/* ---- what the machine says */

/* Section 18.2.2: the connection that the request came by is gone, so another is made, once. */
static void
send_response(struct sip_server *server)
{
    struct sip_entry *entry = &server->entry;
    struct sip_carrier *carrier = entry->table->carrier;
    struct span text;
    enum io_result result;

    if (!entry->text)
        return;
    text = span_of(entry->text->data, entry->text->len);
    result = sip_carrier_send(carrier, &entry->flow, text);
    if (result != IO_OK && sip_flow_is_stream(&entry->flow) && !server->on_second) {
        server->on_second = true;
        entry->flow = server->second;
        result = sip_carrier_send(carrier, &entry->flow, text);
    }
    entry->sent++;
    if (entry->sent > 1) {
        entry->table->counters.again_sent++;
        sip_entry_note(entry, &sip_kind_again, server->status, SIP_OUTCOME_DONE);
    }
    if (result != IO_OK && (result != IO_FULL || sip_flow_is_stream(&entry->flow)))
        entry->failing = true;
}

static void
keep_response(struct sip_server *server, unsigned status, GByteArray *text)
{
    struct sip_entry *entry = &server->entry;

    if (entry->text)
        g_byte_array_free(entry->text, TRUE);
    entry->text = text;
    entry->sent = 0;
    server->status = status;
    entry->table->counters.responses_sent++;
}

static const char *
tag_of(struct sip_server *server)
{
    if (!server->tag[0])
        sip_transactions_tag(server->entry.table, server->tag);
    return server->tag;
}

/* Section 17.2.1: its user has not said anything in time. */
static void
send_trying(struct sip_server *server)
{
    GByteArray *text =
        sip_plain_reply(server->entry.table, &server->request, server->came.peer, 100, NULL, span_of(NULL, 0));

    if (!text)
        return;
    keep_response(server, 100, text);
    send_response(server);
}

static void
end(struct sip_server *server, enum sip_outcome outcome)
{
    const struct sip_server_events *events = server->events;
    struct sip_transactions *table = server->entry.table;

    if (outcome != SIP_OUTCOME_DONE) {
        *(outcome == SIP_OUTCOME_TIMEOUT ? &table->counters.timeouts : &table->counters.unreachable) += 1;
        sip_entry_note(&server->entry, &sip_kind_unanswered, server->status, outcome);
    }
    server->events = NULL;
    if (events)
        events->ended(server->owner, server, outcome);
    if (!table->freed)
        sip_server_free(server);
}

/* `steps` of a timer. The server may be gone afterwards. */
static void
perform(struct sip_server *server, unsigned steps)
{
    if (steps & SIP_STEP_SEND)
        send_response(server);
    if (steps & SIP_STEP_TRYING)
        send_trying(server);
    sip_entry_arm(&server->entry);
    if (steps & SIP_STEP_END)
        end(server, steps & SIP_STEP_TIMEOUT  ? SIP_OUTCOME_TIMEOUT
                    : steps & SIP_STEP_FAILED ? SIP_OUTCOME_UNREACHABLE
                                              : SIP_OUTCOME_DONE);
}

/* ---- life */

struct sip_server *
sip_server_new(struct sip_transactions *table, const struct sip_arrival *arrival, const struct sip_via *via,
               GBytes *key, bool old)
{
    struct sip_server *server = g_new0(struct sip_server, 1);
    struct sip_entry *entry = &server->entry;
    struct span text = arrival->message->text;
    enum sip_fault fault;

    entry->table = table;
    entry->method = arrival->message->method_id;
    server->came = arrival->flow;
    server->old = old;
    sip_flow_of_reply(via, &arrival->flow, &entry->flow, &server->second);
    server->bytes = g_memdup2(text.bytes, text.length);
    fault = sip_message_decode(span_of(server->bytes, text.length), &server->request);
    g_assert(fault == SIP_FAULT_NONE); /* the same bytes were decoded a moment ago */
    sip_entry_add(entry, key);
    if (table->options.refuse_merged) {
        server->merged = sip_merged_key(&server->request);
        if (!g_hash_table_contains(table->merged, server->merged))
            g_hash_table_insert(table->merged, server->merged, server);
    }
    (void)sip_machine_start(&entry->machine, entry->method == SIP_INVITE ? SIP_INVITE_SERVER : SIP_OTHER_SERVER,
                            &table->options.timers, sip_flow_is_stream(&entry->flow), table->io->ops->now(table->io));
    sip_entry_arm(entry);
    return server;
}

void
sip_server_free(struct sip_server *server)
{
    struct sip_transactions *table = server->entry.table;

    if (server->merged) {
        if (g_hash_table_lookup(table->merged, server->merged) == server)
            g_hash_table_remove(table->merged, server->merged);
        g_bytes_unref(server->merged);
    }
    sip_entry_remove(&server->entry);
    g_free(server->bytes);
    g_free(server);
}

void
sip_server_own(struct sip_server *server, const struct sip_server_events *events, void *owner)
{
    server->events = events;
    server->owner = owner;
}

void
sip_server_forget(struct sip_server *server)
{
    server->events = NULL;
    server->owner = NULL;
}

void *
sip_server_owner(const struct sip_server *server)
{
    return server->owner;
}

/* ---- answers */

static void
respond(struct sip_server *server, unsigned status, GByteArray *text)
{
    struct sip_entry *entry = &server->entry;
    struct io *io = entry->table->io;
    unsigned steps = sip_machine_answer(&entry->machine, status, io->ops->now(io));

    if (!(steps & SIP_STEP_SEND)) {
        g_byte_array_free(text, TRUE);
        return;
    }
    keep_response(server, status, text);
    send_response(server);
    entry->ending = steps & SIP_STEP_END;
    sip_entry_arm(entry);
}

void
sip_server_respond(struct sip_server *server, unsigned status, struct span response)
{
    GByteArray *text = g_byte_array_sized_new((guint)response.length);

    g_byte_array_append(text, response.bytes, (guint)response.length);
    respond(server, status, text);
}

void
sip_server_refuse(struct sip_server *server, unsigned status, struct span more)
{
    GByteArray *text =
        sip_plain_reply(server->entry.table, &server->request, server->came.peer, status, tag_of(server), more);

    if (text)
        respond(server, status, text);
}

void
sip_server_abandon(struct sip_server *server)
{
    struct sip_entry *entry = &server->entry;
    struct io *io = entry->table->io;
    unsigned steps = sip_machine_answer(&entry->machine, 408, io->ops->now(io));

    g_assert(entry->method != SIP_INVITE);
    if (entry->text)
        g_byte_array_free(entry->text, TRUE);
    entry->text = NULL;
    entry->ending = steps & SIP_STEP_END;
    sip_entry_arm(entry);
}

/* ---- what happens */

void
sip_server_again(struct sip_server *server)
{
    struct sip_entry *entry = &server->entry;
    struct io *io = entry->table->io;
    unsigned steps = sip_machine_request(&entry->machine, io->ops->now(io));

    entry->table->counters.again++;
    if (steps & SIP_STEP_SEND)
        send_response(server);
    sip_entry_arm(entry);
}

void
sip_server_ack(struct sip_server *server, const struct sip_arrival *arrival)
{
    struct sip_entry *entry = &server->entry;
    struct sip_transactions *table = entry->table;
    unsigned steps = sip_machine_ack(&entry->machine, table->io->ops->now(table->io));

    if (steps & SIP_STEP_TELL) {
        table->events->ack(table->owner, arrival);
        return;
    }
    perform(server, steps);
}

/* A connection that is gone, or an ICMP error: it counts for a response that somebody still waits for. Over a stream it
 * goes by another connection first. */
void
sip_server_failed(struct sip_server *server)
{
    struct sip_entry *entry = &server->entry;
    enum sip_state state = entry->machine.state;

    if (state == SIP_STATE_COMPLETED && sip_flow_is_stream(&entry->flow) && !server->on_second) {
        send_response(server);
        sip_entry_arm(entry);
    } else if (state == SIP_STATE_COMPLETED && entry->method == SIP_INVITE) {
        entry->failing = true;
        sip_entry_arm(entry);
    }
}

void
sip_server_fire(struct sip_server *server)
{
    struct sip_entry *entry = &server->entry;
    struct io *io = entry->table->io;

    if (entry->failing) {
        entry->failing = entry->ending = false;
        if (entry->machine.state == SIP_STATE_ENDED)
            end(server, SIP_OUTCOME_UNREACHABLE);
        else
            perform(server, sip_machine_failed(&entry->machine));
    } else if (entry->ending) {
        end(server, SIP_OUTCOME_DONE);
    } else {
        perform(server, sip_machine_fire(&entry->machine, io->ops->now(io)));
    }
}

/* ---- to look at */

const struct sip_message *
sip_server_request(const struct sip_server *server)
{
    return &server->request;
}

struct sip_flow
sip_server_flow(const struct sip_server *server)
{
    return server->came;
}

enum sip_state
sip_server_state(const struct sip_server *server)
{
    return server->entry.machine.state;
}
