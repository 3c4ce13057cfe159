/* Theory of operation.
 *
 * What the carrier hands in is matched here: a response to its client, a request to its server, or to none, and then the
 * machine of the entry (clients.c, servers.c) says what is done. Keys are bytes in a hash table, which only finds; what
 * has an order walks the list of entries.
 *
 * An entry is freed where its machine ends, and nowhere else while the table lives. What ends inside a call of the user's
 * is told by the entry's timer, armed for this instant, so that no callback comes from inside a call. */
#include "proto/sip/transactions_private.h"

static const struct {
    const char *word, *sentence;
} outcomes[] = {
#define X(name, word, sentence) { word, sentence },
    SIP_OUTCOMES(X)
#undef X
};
G_STATIC_ASSERT(G_N_ELEMENTS(outcomes) == SIP_OUTCOME_COUNT);

const char *
sip_outcome_word(enum sip_outcome outcome)
{
    return outcomes[outcome].word;
}

const char *
sip_outcome_sentence(enum sip_outcome outcome)
{
    return outcomes[outcome].sentence;
}

/* ---- keys */

static void
key_add(GByteArray *key, struct span part)
{
    static const uint8_t end;

    if (part.length > 0)
        g_byte_array_append(key, part.bytes, (guint)part.length);
    g_byte_array_append(key, &end, 1); /* no part has a NUL in it: the grammar has no such bytes */
}

static void
key_add_lower(GByteArray *key, struct span part)
{
    guint from = key->len;

    key_add(key, part);
    for (guint i = from; i < key->len; i++)
        key->data[i] = (uint8_t)g_ascii_tolower((char)key->data[i]);
}

GBytes *
sip_client_key(struct span branch, struct span method)
{
    GByteArray *key = g_byte_array_new();

    key_add(key, branch);
    key_add(key, method);
    return g_byte_array_free_to_bytes(key);
}

struct span
sip_tag_of(const struct sip_message *message, enum sip_header_name name)
{
    struct sip_name_addr address;

    return sip_name_addr_decode(sip_message_value(message, name), &address) ? address.tag : span_of(NULL, 0);
}

static void
key_add_number(GByteArray *key, uint32_t number)
{
    char text[16];

    g_snprintf(text, sizeof text, "%u", number);
    key_add(key, span_of_text(text));
}

/* RFC 3261 section 17.2.3 for those without the cookie. The To tag of an ACK is the response's, so it is no part of the
 * key of an INVITE. */
static void
old_key(GByteArray *key, const struct sip_message *request, const struct sip_via *via, struct span method)
{
    bool invite = span_equal(method, span_of_text("INVITE"));

    key_add(key, span_of_text("2543"));
    key_add(key, method);
    key_add(key, request->uri);
    key_add(key, sip_tag_of(request, SIP_HEADER_FROM));
    if (!invite)
        key_add(key, sip_tag_of(request, SIP_HEADER_TO));
    key_add(key, sip_message_value(request, SIP_HEADER_CALL_ID));
    key_add_number(key, request->cseq);
    key_add(key, via->text);
}

static bool
has_cookie(struct span branch)
{
    const size_t length = strlen(SIP_BRANCH_COOKIE);

    return branch.length > length && memcmp(branch.bytes, SIP_BRANCH_COOKIE, length) == 0;
}

GBytes *
sip_server_key(const struct sip_message *request, const struct sip_via *via, struct span method, bool *old)
{
    GByteArray *key = g_byte_array_new();

    *old = !has_cookie(via->branch);
    if (*old) {
        old_key(key, request, via, method);
    } else {
        key_add(key, via->branch);
        key_add_lower(key, via->sent_by.host);
        key_add_number(key, via->sent_by.port ? via->sent_by.port : SIP_PORT);
        key_add(key, method);
    }
    return g_byte_array_free_to_bytes(key);
}

GBytes *
sip_merged_key(const struct sip_message *request)
{
    GByteArray *key = g_byte_array_new();

    key_add(key, sip_tag_of(request, SIP_HEADER_FROM));
    key_add(key, sip_message_value(request, SIP_HEADER_CALL_ID));
    key_add_number(key, request->cseq);
    key_add(key, request->method);
    return g_byte_array_free_to_bytes(key);
}

bool
sip_top_via(const struct sip_message *message, struct sip_via *via)
{
    struct sip_values values = sip_values_of(message, SIP_HEADER_VIA);
    struct span value;

    return sip_values_next(&values, &value) && sip_via_decode(value, via);
}

/* ---- entries */

void
sip_table_begin(struct sip_transactions *table)
{
    table->depth++;
}

static void
free_table(struct sip_transactions *table)
{
    while (table->first) {
        if (table->first->client)
            sip_client_free((struct sip_client *)table->first);
        else
            sip_server_free((struct sip_server *)table->first);
    }
    g_hash_table_unref(table->clients);
    g_hash_table_unref(table->servers);
    g_hash_table_unref(table->merged);
    g_free(table);
}

bool
sip_table_end(struct sip_transactions *table)
{
    bool freed = table->freed;

    if (--table->depth == 0 && freed)
        free_table(table);
    return !freed;
}

static void
on_timer(void *owner, struct io_timer *timer)
{
    struct sip_entry *entry = owner;
    struct sip_transactions *table = entry->table;

    (void)timer;
    sip_table_begin(table);
    if (entry->client)
        sip_client_fire((struct sip_client *)entry);
    else
        sip_server_fire((struct sip_server *)entry);
    (void)sip_table_end(table);
}

void
sip_entry_add(struct sip_entry *entry, GBytes *key)
{
    struct sip_transactions *table = entry->table;

    entry->key = key;
    entry->timer = (struct io_timer){ .fire = on_timer, .owner = entry };
    entry->previous = table->last;
    if (table->last)
        table->last->next = entry;
    else
        table->first = entry;
    table->last = entry;
    g_hash_table_insert(entry->client ? table->clients : table->servers, key, entry);
    *(entry->client ? &table->client_count : &table->server_count) += 1;
}

void
sip_entry_remove(struct sip_entry *entry)
{
    struct sip_transactions *table = entry->table;
    GHashTable *index = entry->client ? table->clients : table->servers;

    table->io->ops->disarm(table->io, &entry->timer);
    if (entry->previous)
        entry->previous->next = entry->next;
    else
        table->first = entry->next;
    if (entry->next)
        entry->next->previous = entry->previous;
    else
        table->last = entry->previous;
    if (g_hash_table_lookup(index, entry->key) == entry)
        g_hash_table_remove(index, entry->key);
    *(entry->client ? &table->client_count : &table->server_count) -= 1;
    g_bytes_unref(entry->key);
    if (entry->text)
        g_byte_array_free(entry->text, TRUE);
}

void
sip_entry_arm(struct sip_entry *entry)
{
    struct io *io = entry->table->io;
    int64_t at = sip_machine_deadline(&entry->machine);

    if (entry->failing || entry->ending)
        io->ops->arm(io, &entry->timer, io->ops->now(io), true);
    else if (at == TIME_NEVER)
        io->ops->disarm(io, &entry->timer);
    else
        io->ops->arm(io, &entry->timer, at, sip_machine_is_busy(&entry->machine));
}

void
sip_entry_note(const struct sip_entry *entry, const struct record_kind *kind, unsigned status, enum sip_outcome outcome)
{
    struct io *io = entry->table->io;
    const struct sip_flow *flow = &entry->flow;
    struct record record = { .kind = kind, .rule = (uint16_t)entry->method, .detail = status };

    if (!io->ops->listening(io))
        return;
    record.before = (struct flow){ flow->local.address, flow->peer.address, flow->local.port, flow->peer.port,
                                   sip_flow_is_stream(flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
    record.subject[0] = kind == &sip_kind_unanswered ? outcome : entry->sent;
    record.subject[1] = entry->sent;
    io->ops->note(io, &record);
}

/* ---- what comes in */

static void
drop(struct sip_transactions *table, const struct sip_arrival *arrival)
{
    const struct sip_flow *flow = &arrival->flow;
    struct record record = {
        .kind = &sip_kind_dropped, .packet = arrival->packet, .verdict = VERDICT_DROP, .reason = DROP_UNEXPECTED_SIP
    };

    record.before = (struct flow){ flow->peer.address, flow->local.address, flow->peer.port, flow->local.port,
                                   sip_flow_is_stream(flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
    table->io->ops->note(table->io, &record);
}

static bool
is_listed(struct sip_transactions *table, struct address address)
{
    struct io_address addresses[32];
    size_t count = table->io->ops->addresses(table->io, addresses, G_N_ELEMENTS(addresses));

    for (size_t i = 0; i < MIN(count, G_N_ELEMENTS(addresses)); i++) {
        if (address_equal(addresses[i].address, address))
            return true;
    }
    return false;
}

bool
sip_transactions_is_own(struct sip_transactions *table, const struct sip_via *via)
{
    struct endpoint local = sip_carrier_local(table->carrier);

    if ((via->sent_by.port ? via->sent_by.port : SIP_PORT) != local.port || address_is_none(via->sent_by.address))
        return false;
    if (!address_is_unspecified(local.address))
        return address_equal(local.address, via->sent_by.address);
    return is_listed(table, via->sent_by.address);
}

/* Section 18.1.2: a response whose topmost Via is not what was put there is discarded. */
static bool
is_as_sent(const struct sip_client *client, const struct sip_via *via)
{
    return address_equal(client->sent_by.address, via->sent_by.address) &&
           client->sent_by.port == (via->sent_by.port ? via->sent_by.port : SIP_PORT);
}

static void
take_response(struct sip_transactions *table, const struct sip_arrival *arrival)
{
    struct sip_client *client;
    struct sip_via via;
    GBytes *key;

    if (!sip_top_via(arrival->message, &via))
        return;
    key = sip_client_key(via.branch, arrival->message->cseq_method);
    client = g_hash_table_lookup(table->clients, key);
    g_bytes_unref(key);
    if (client && is_as_sent(client, &via)) {
        sip_client_take(client, arrival);
        return;
    }
    table->counters.stray++;
    if (!client && sip_transactions_is_own(table, &via))
        table->events->response(table->owner, arrival);
    else
        drop(table, arrival);
}

static struct sip_server *
find_server(struct sip_transactions *table, const struct sip_message *request, const struct sip_via *via,
            const char *method)
{
    struct span word = method ? span_of_text(method) : request->method;
    bool old;
    GBytes *key = sip_server_key(request, via, word, &old);
    struct sip_server *server = g_hash_table_lookup(table->servers, key);

    g_bytes_unref(key);
    return server;
}

/* An ACK without the cookie is the one of this INVITE when its To tag is the response's (section 17.2.3). */
static bool
acknowledges(const struct sip_server *server, const struct sip_message *ack)
{
    struct sip_message response;

    if (!server->old || !server->entry.text)
        return true;
    return sip_message_decode(span_of(server->entry.text->data, server->entry.text->len), &response) ==
               SIP_FAULT_NONE &&
           span_equal(sip_tag_of(&response, SIP_HEADER_TO), sip_tag_of(ack, SIP_HEADER_TO));
}

static void
take_ack(struct sip_transactions *table, const struct sip_arrival *arrival, const struct sip_via *via)
{
    struct sip_server *server = find_server(table, arrival->message, via, "INVITE");

    if (server && acknowledges(server, arrival->message)) {
        sip_server_ack(server, arrival);
        return;
    }
    table->counters.stray++;
    table->events->ack(table->owner, arrival);
}

static bool
is_merged(struct sip_transactions *table, const struct sip_message *request)
{
    GBytes *key;
    bool merged;

    if (!table->options.refuse_merged || sip_tag_of(request, SIP_HEADER_TO).length > 0)
        return false;
    key = sip_merged_key(request);
    merged = g_hash_table_contains(table->merged, key);
    g_bytes_unref(key);
    return merged;
}

static void
take_cancel(struct sip_transactions *table, struct sip_server *cancel, const struct sip_arrival *arrival,
            const struct sip_via *via)
{
    struct sip_server *invite = find_server(table, arrival->message, via, "INVITE");

    if (invite)
        table->events->cancel(table->owner, cancel, invite, arrival);
    else
        sip_server_refuse(cancel, 481, span_of(NULL, 0));
}

static void
take_new(struct sip_transactions *table, const struct sip_arrival *arrival, const struct sip_via *via)
{
    const struct sip_message *request = arrival->message;
    bool merged = is_merged(table, request), old;
    struct sip_server *server;
    GBytes *key;

    table->counters.requests++;
    if (table->server_count >= table->options.servers) {
        table->counters.over_limit++;
        sip_transactions_refuse(table, arrival, 503);
        return;
    }
    key = sip_server_key(request, via, request->method, &old);
    server = sip_server_new(table, arrival, via, key, old);
    if (merged) {
        table->counters.merged++;
        sip_server_refuse(server, 482, span_of(NULL, 0));
    } else if (request->method_id == SIP_CANCEL) {
        take_cancel(table, server, arrival, via);
    } else {
        table->events->request(table->owner, server, arrival);
    }
}

static void
take_request(struct sip_transactions *table, const struct sip_arrival *arrival)
{
    struct sip_server *server;
    struct sip_via via;

    if (!sip_top_via(arrival->message, &via))
        return;
    if (arrival->message->method_id == SIP_ACK) {
        take_ack(table, arrival, &via);
        return;
    }
    server = find_server(table, arrival->message, &via, NULL);
    if (server)
        sip_server_again(server);
    else
        take_new(table, arrival, &via);
}

static void
on_message(void *owner, const struct sip_arrival *arrival)
{
    struct sip_transactions *table = owner;

    sip_table_begin(table);
    if (arrival->message->request)
        take_request(table, arrival);
    else
        take_response(table, arrival);
    (void)sip_table_end(table);
}

/* ---- flows that are of no more use */

static bool
uses(const struct sip_entry *entry, const struct sip_flow *flow)
{
    if (entry->flow.protocol != flow->protocol || entry->failing || entry->ending)
        return false;
    if (flow->connection)
        return entry->flow.connection == flow->connection;
    return endpoint_equal(entry->flow.peer, flow->peer);
}

/* Telling one may do anything to the others, but free them: those that are meant are marked first, and have their timers
 * armed for now. */
static void
on_failed(void *owner, const struct sip_flow *flow, enum io_result why)
{
    struct sip_transactions *table = owner;

    sip_table_begin(table);
    for (struct sip_entry *entry = table->first; entry; entry = entry->next) {
        if (!uses(entry, flow))
            continue;
        if (entry->client)
            sip_client_failed((struct sip_client *)entry, why);
        else
            sip_server_failed((struct sip_server *)entry);
    }
    if (table->events->failed)
        table->events->failed(table->owner, flow, why);
    (void)sip_table_end(table);
}

static void
on_lapsed(void *owner, const struct sip_flow *flow, const struct endpoint *mapped)
{
    struct sip_transactions *table = owner;

    sip_table_begin(table);
    if (table->events->lapsed)
        table->events->lapsed(table->owner, flow, mapped);
    (void)sip_table_end(table);
}

static const struct sip_carrier_events carrier_events = {
    .message = on_message,
    .failed = on_failed,
    .lapsed = on_lapsed,
};

/* ---- without a transaction */

enum io_result
sip_transactions_send_request(struct sip_transactions *table, struct sip_flow *to, struct span request,
                              struct span branch)
{
    char drawn[SIP_BRANCH_BYTES];
    struct endpoint sent_by;
    GByteArray *text;
    enum io_result result;

    if (branch.length == 0)
        branch = span_of_text(sip_transactions_branch(table, drawn));
    text = sip_request_with_via(table, to, request, branch, &sent_by);
    if (!text)
        return IO_UNSUPPORTED;
    result = sip_carrier_send(table->carrier, to, span_of(text->data, text->len));
    g_byte_array_free(text, TRUE);
    return result;
}

enum io_result
sip_transactions_send_response(struct sip_transactions *table, struct sip_flow *to, struct span response)
{
    return sip_carrier_send(table->carrier, to, response);
}

void
sip_transactions_refuse(struct sip_transactions *table, const struct sip_arrival *arrival, unsigned status)
{
    const struct sip_flow *flow = &arrival->flow;
    struct record record = { .kind = &sip_kind_refused, .packet = arrival->packet, .detail = status };
    struct sip_flow first, second;
    char tag[SIP_TAG_BYTES];
    struct sip_via via;
    GByteArray *text;

    if (arrival->message->method_id == SIP_ACK || !sip_top_via(arrival->message, &via))
        return;
    text = sip_plain_reply(table, arrival->message, flow->peer, status, sip_transactions_tag(table, tag),
                           span_of(NULL, 0));
    if (!text)
        return;
    sip_flow_of_reply(&via, flow, &first, &second);
    (void)sip_carrier_send(table->carrier, &first, span_of(text->data, text->len));
    g_byte_array_free(text, TRUE);
    record.before = (struct flow){ flow->peer.address, flow->local.address, flow->peer.port, flow->local.port,
                                   sip_flow_is_stream(flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
    table->io->ops->note(table->io, &record);
}

static const char *
draw_hex(struct io *io, char *text, size_t digits)
{
    static const char hex[] = "0123456789abcdef";
    uint8_t random[16];

    g_assert(digits <= 2 * sizeof random);
    io->ops->random(io, random, (digits + 1) / 2);
    for (size_t i = 0; i < digits; i++)
        text[i] = hex[random[i / 2] >> (i % 2 ? 0 : 4) & 15];
    text[digits] = '\0';
    return text;
}

const char *
sip_transactions_branch(struct sip_transactions *table, char text[SIP_BRANCH_BYTES])
{
    const size_t cookie = strlen(SIP_BRANCH_COOKIE);

    memcpy(text, SIP_BRANCH_COOKIE, cookie);
    draw_hex(table->io, text + cookie, 20);
    return text;
}

const char *
sip_transactions_tag(struct sip_transactions *table, char text[SIP_TAG_BYTES])
{
    return draw_hex(table->io, text, SIP_TAG_BYTES - 1);
}

/* ---- life */

struct sip_transactions *
sip_transactions_new(struct io *io, const struct sip_transactions_options *options,
                     const struct sip_transactions_events *events, void *owner, enum io_result *why)
{
    struct sip_transactions *table = g_new0(struct sip_transactions, 1);

    table->io = io;
    table->options = *options;
    table->options.agent = NULL;
    if (options->agent)
        g_strlcpy(table->agent, options->agent, sizeof table->agent);
    table->events = events;
    table->owner = owner;
    table->clients = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    table->servers = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    table->merged = g_hash_table_new(g_bytes_hash, g_bytes_equal);
    table->carrier = sip_carrier_new(io, &options->carrier, &carrier_events, table, why);
    if (!table->carrier) {
        free_table(table);
        return NULL;
    }
    return table;
}

void
sip_transactions_free(struct sip_transactions *table)
{
    if (!table || table->freed)
        return;
    sip_carrier_free(table->carrier);
    for (struct sip_entry *entry = table->first; entry; entry = entry->next)
        table->io->ops->disarm(table->io, &entry->timer);
    table->freed = true;
    sip_table_begin(table);
    (void)sip_table_end(table);
}

struct sip_carrier *
sip_transactions_carrier(struct sip_transactions *table)
{
    return table->carrier;
}

const struct sip_transactions_counters *
sip_transactions_counters(const struct sip_transactions *table)
{
    return &table->counters;
}

unsigned
sip_transactions_count(const struct sip_transactions *table)
{
    return table->client_count + table->server_count;
}
