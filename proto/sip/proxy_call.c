/* The calls of an exchange's proxy (RFC 3261 sections 16.6 to 16.10).
 *
 * Theory of operation. A *call* is the response context of section 16.7: one request (of any method) that came in a
 * server transaction, and its *branches*, each a client transaction to one target. A branch is PENDING until its final
 * response has come or its transaction has failed, and DONE then; its response is kept unless it is a 2xx, which goes back
 * at once, as provisional ones do. When no branch is pending the best response goes back, if no 2xx or other final one
 * has. The call lives on until the server's and all clients' transactions have ended, so that retransmissions and further
 * 2xx find it; then it is freed, in `release`, the one place for that. Nothing here is called from inside a call to the
 * transactions, so a call may hold still while its branches are made.
 *
 * A branch to a user agent that has registered several flows carries its instance: with 430, or when it can't be reached,
 * the binding is forgotten and the agent's next flow gets a branch (RFC 5626 section 7). */
#include "proto/sip/exchange_private.h"

struct branch {
    struct sip_exchange_call *call;
    struct sip_client *client; /* NULL when its transaction has ended */
    struct io_timer timer_c;
    char *id;        /* in exchange->branches */
    char *instance;  /* of a binding registered by flow; NULL */
    uint64_t number; /* of that binding */
    bool done;
    unsigned status; /* when done: of its final response, or one of our own making */
    GBytes *text;    /* of that response, without our Via; NULL for one of our own */
};

struct sip_exchange_call {
    struct sip_exchange *exchange;
    struct sip_exchange_call *next, *previous;
    struct sip_server *server; /* NULL when its transaction has ended */
    GPtrArray *branches;       /* of struct branch */
    char *user;                /* whose bindings are called; NULL */
    uint32_t state;            /* of what decides about its way: section 16.6 item 8 */
    bool invite, answered, cancelled;
};

/* What a request is sent to. */
struct target {
    struct span uri;
    const struct sip_binding *binding; /* NULL: the URI alone */
};

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
free_branch(gpointer data)
{
    struct branch *branch = data;
    struct sip_exchange *exchange = branch->call->exchange;

    exchange->io->ops->disarm(exchange->io, &branch->timer_c);
    if (branch->client)
        sip_client_forget(branch->client);
    if (branch->id)
        g_hash_table_remove(exchange->branches, branch->id);
    if (branch->text)
        g_bytes_unref(branch->text);
    g_free(branch->id);
    g_free(branch->instance);
    g_free(branch);
}

void
sip_proxy_call_free(struct sip_exchange_call *call)
{
    struct sip_exchange *exchange = call->exchange;

    if (call->previous)
        call->previous->next = call->next;
    else
        exchange->first_call = call->next;
    if (call->next)
        call->next->previous = call->previous;
    else
        exchange->last_call = call->previous;
    exchange->pending -= !call->answered;
    if (call->server)
        sip_server_forget(call->server);
    g_ptr_array_unref(call->branches);
    g_free(call->user);
    g_free(call);
}

static void
release(struct sip_exchange_call *call)
{
    if (call->server)
        return;
    for (guint i = 0; i < call->branches->len; i++)
        if (((struct branch *)call->branches->pdata[i])->client)
            return;
    sip_proxy_call_free(call);
}

void
sip_proxy_free(struct sip_exchange *exchange)
{
    while (exchange->first_call)
        sip_proxy_call_free(exchange->first_call);
}

static void
on_server_ended(void *owner, struct sip_server *server, enum sip_outcome outcome)
{
    struct sip_exchange_call *call = owner;

    (void)server, (void)outcome;
    call->server = NULL;
    release(call);
}

static const struct sip_server_events server_events = { .ended = on_server_ended };

struct sip_exchange_call *
sip_proxy_call_new(struct sip_exchange *exchange, struct sip_server *server, uint32_t state, const char *user)
{
    struct sip_exchange_call *call = g_new0(struct sip_exchange_call, 1);

    call->exchange = exchange;
    call->server = server;
    call->branches = g_ptr_array_new_with_free_func(free_branch);
    call->state = state;
    call->user = g_strdup(user);
    call->invite = sip_server_request(server)->method_id == SIP_INVITE;
    call->previous = exchange->last_call;
    if (exchange->last_call)
        exchange->last_call->next = call;
    else
        exchange->first_call = call;
    exchange->last_call = call;
    exchange->pending++;
    sip_server_own(server, &server_events, call);
    return call;
}

/* --- responses --------------------------------------------------------------------------------------------------- */

static struct flow
came_by(struct sip_exchange_call *call)
{
    struct sip_flow came = sip_server_flow(call->server);

    return (struct flow){ came.peer.address, came.local.address, came.peer.port, came.local.port,
                          sip_flow_is_stream(&came) ? PROTOCOL_TCP : PROTOCOL_UDP };
}

static void
note_final(struct sip_exchange_call *call, unsigned status)
{
    struct sip_exchange *exchange = call->exchange;
    struct record record = { .kind = &sip_kind_returned,
                             .before = came_by(call),
                             .rule = sip_server_request(call->server)->method_id,
                             .detail = status };

    if (call->invite)
        ++*(status < 300 ? &exchange->counters.answered : &exchange->counters.failed);
    exchange->io->ops->note(exchange->io, &record);
}

/* Nothing but a further 2xx goes back from now on. */
static void
answered(struct sip_exchange_call *call, unsigned status)
{
    call->answered = true;
    call->exchange->pending--;
    note_final(call, status);
}

static void
respond(struct sip_exchange_call *call, unsigned status, struct span text)
{
    if (!call->server)
        return;
    call->exchange->counters.responses++;
    if (status >= 200 && !call->answered)
        answered(call, status);
    sip_server_respond(call->server, status, text);
}

/* A response as it goes back; NULL when it was for us alone. */
static GBytes *
returned(const struct sip_message *response)
{
    size_t room = response->text.length + 128;
    g_autofree uint8_t *buffer = g_malloc(room);
    struct writer out = writer_over(buffer, room);

    if (!sip_put_returned(&out, response) || writer_failed(&out))
        return NULL;
    return g_bytes_new(buffer, writer_length(&out));
}

/* Section 16.7 item 6: any 6xx, else the lowest class; of 4xx those that say what to do about it come first. */
static unsigned
rank(unsigned status)
{
    switch (status) {
    case 401:
    case 407:
        return 400;
    case 415:
    case 420:
    case 484:
        return 401;
    default:
        return status >= 600 ? 0 : status < 400 ? status : status < 500 ? status + 100 : status + 1000;
    }
}

static struct branch *
best_of(const struct sip_exchange_call *call)
{
    struct branch *best = NULL;

    for (guint i = 0; i < call->branches->len; i++) {
        struct branch *branch = call->branches->pdata[i];

        if (branch->status && (!best || rank(branch->status) < rank(best->status)))
            best = branch;
    }
    return best;
}

/* The challenges of one branch's response, as they stand. */
static void
append_challenges(const struct branch *branch, GString *out)
{
    struct sip_message *message;

    if (!branch->text)
        return;
    message = g_new(struct sip_message, 1);
    if (sip_message_decode(span_of_bytes(branch->text), message) == SIP_FAULT_NONE)
        for (unsigned i = 0; i < message->count; i++)
            if (message->headers[i].id == SIP_HEADER_WWW_AUTHENTICATE ||
                message->headers[i].id == SIP_HEADER_PROXY_AUTHENTICATE)
                g_string_append_len(out, (const char *)message->headers[i].line.bytes,
                                    (gssize)message->headers[i].line.length);
    g_free(message);
}

/* Section 16.7 item 7: whoever asks has to satisfy all of those who challenge him. */
static void
respond_merged(struct sip_exchange_call *call, struct branch *best)
{
    struct span text = span_of_bytes(best->text);
    const uint8_t *end = memchr(text.bytes, '\n', text.length);
    size_t first = end ? (size_t)(end - text.bytes) + 1 : text.length;
    g_autoptr(GString) merged = g_string_new_len((const char *)text.bytes, (gssize)first);

    for (guint i = 0; i < call->branches->len; i++) {
        const struct branch *branch = call->branches->pdata[i];

        if (branch != best && (branch->status == 401 || branch->status == 407))
            append_challenges(branch, merged);
    }
    g_string_append_len(merged, (const char *)text.bytes + first, (gssize)(text.length - first));
    respond(call, best->status, span_of(merged->str, merged->len));
}

/* A 408 helps nobody who did not send an INVITE: his own transaction has timed out by then. */
static void
abandon(struct sip_exchange_call *call)
{
    if (!call->server)
        return;
    answered(call, 408);
    sip_server_abandon(call->server);
}

/* A 503 says that this server is overloaded, which it isn't: section 16.7 item 6. */
static void
respond_best(struct sip_exchange_call *call)
{
    struct branch *best = best_of(call);
    unsigned status = best ? best->status : 480;

    if (status == 408 && !call->invite) {
        abandon(call);
    } else if (best && best->text && (status == 401 || status == 407)) {
        respond_merged(call, best);
    } else if (best && best->text && status != 503) {
        respond(call, status, span_of_bytes(best->text));
    } else if (call->server) {
        status = status == 503 ? 500 : status;
        answered(call, status);
        call->exchange->counters.responses++;
        sip_server_refuse(call->server, status, span_of(NULL, 0));
    }
}

static void
cancel_pending(struct sip_exchange_call *call)
{
    for (guint i = 0; call->invite && i < call->branches->len; i++) {
        struct branch *branch = call->branches->pdata[i];

        if (!branch->done && branch->client)
            sip_client_cancel(branch->client);
    }
}

static void
finish_if_done(struct sip_exchange_call *call)
{
    for (guint i = 0; i < call->branches->len; i++)
        if (!((struct branch *)call->branches->pdata[i])->done)
            return;
    if (!call->answered)
        respond_best(call);
}

/* --- branches ---------------------------------------------------------------------------------------------------- */

static void on_response(void *owner, struct sip_client *client, const struct sip_arrival *arrival);
static void on_ended(void *owner, struct sip_client *client, enum sip_outcome outcome);
static const struct sip_client_events client_events = { .response = on_response, .ended = on_ended };

/* Section 16.8: it has rung for long enough. */
static void
on_timer_c(void *owner, struct io_timer *timer)
{
    struct branch *branch = owner;

    (void)timer;
    if (branch->client && !branch->done)
        sip_client_cancel(branch->client);
}

static void
arm_timer_c(struct branch *branch)
{
    struct sip_exchange *exchange = branch->call->exchange;

    if (branch->call->invite)
        exchange->io->ops->arm(exchange->io, &branch->timer_c,
                               time_add(sip_exchange_time(exchange), exchange->options.timer_c), false);
}

static const struct sip_binding *
binding_of(const struct branch *branch)
{
    const struct sip_exchange_call *call = branch->call;
    unsigned count;
    const struct sip_binding *const *bindings =
        call->user ? sip_locations_find(call->exchange->locations, call->user, &count) : NULL;

    for (unsigned i = 0; bindings && i < count; i++)
        if (bindings[i]->number == branch->number)
            return bindings[i];
    return NULL;
}

static bool call_targets(struct sip_exchange_call *call, const char *instance);

/* Nobody is called any more who would ring in vain: section 16.7 item 5. */
static bool
may_branch(const struct sip_exchange_call *call)
{
    const struct branch *best = best_of(call);

    return call->server && !call->cancelled && !call->answered && !(best && best->status >= 600);
}

/* The flow of a registration is dead: on to the agent's next one, if it has another. */
static bool
try_next_flow(struct branch *branch)
{
    const struct sip_binding *binding = branch->instance ? binding_of(branch) : NULL;

    if (!branch->instance)
        return false;
    if (binding)
        sip_locations_forget(branch->call->exchange->locations, binding);
    return may_branch(branch->call) && call_targets(branch->call, branch->instance);
}

/* A branch has its final response: of the peer's, or of our own making (`text` NULL). */
static void
settle(struct branch *branch, unsigned status, GBytes *text)
{
    struct sip_exchange_call *call = branch->call;

    branch->done = true;
    call->exchange->io->ops->disarm(call->exchange->io, &branch->timer_c);
    branch->status = status;
    branch->text = text;
    if (status >= 600)
        cancel_pending(call);
    finish_if_done(call);
}

static void
take_success(struct branch *branch, const struct sip_message *response)
{
    g_autoptr(GBytes) text = returned(response);
    struct sip_exchange_call *call = branch->call;

    branch->done = true;
    call->exchange->io->ops->disarm(call->exchange->io, &branch->timer_c);
    if (text)
        respond(call, response->status, span_of_bytes(text));
    cancel_pending(call);
}

static void
take_provisional(struct branch *branch, const struct sip_message *response)
{
    g_autoptr(GBytes) text = NULL;

    if (response->status == 100) /* this hop's alone */
        return;
    arm_timer_c(branch);
    text = returned(response);
    if (text && !branch->call->answered)
        respond(branch->call, response->status, span_of_bytes(text));
}

static void
on_response(void *owner, struct sip_client *client, const struct sip_arrival *arrival)
{
    struct branch *branch = owner;
    const struct sip_message *response = arrival->message;

    (void)client;
    if (response->status < 200)
        take_provisional(branch, response);
    else if (response->status < 300)
        take_success(branch, response);
    else if (!branch->done) {
        if (response->status == 430 && try_next_flow(branch))
            branch->done = true;
        else
            settle(branch, response->status, returned(response));
    }
}

static unsigned
status_of(const struct branch *branch, enum sip_outcome outcome)
{
    if (branch->call->cancelled)
        return 487;
    if (outcome == SIP_OUTCOME_TIMEOUT)
        return 408;
    return branch->call->user ? 480 : 503;
}

static void
on_ended(void *owner, struct sip_client *client, enum sip_outcome outcome)
{
    struct branch *branch = owner;
    struct sip_exchange_call *call = branch->call;

    (void)client;
    branch->client = NULL;
    if (branch->id)
        g_hash_table_remove(call->exchange->branches, branch->id);
    if (!branch->done) {
        if (outcome == SIP_OUTCOME_UNREACHABLE && try_next_flow(branch))
            branch->done = true;
        else
            settle(branch, status_of(branch, outcome), NULL);
    }
    release(call);
}

/* --- forwarding --------------------------------------------------------------------------------------------------- */

bool
sip_proxy_is_loop(struct sip_exchange *exchange, const struct sip_message *request, uint32_t state)
{
    struct sip_values walk = sip_values_of(request, SIP_HEADER_VIA);
    struct span value;
    struct sip_via via;
    char text[SIP_BRANCH_BYTES];
    const struct sip_exchange_call *call;

    while (sip_values_next(&walk, &value)) {
        if (!sip_via_decode(value, &via) || !via.branch.length || via.branch.length >= sizeof text)
            continue;
        memcpy(text, via.branch.bytes, via.branch.length);
        text[via.branch.length] = 0;
        call = g_hash_table_lookup(exchange->branches, text);
        if (call && call->state == state)
            return true;
    }
    return false;
}

static void
note_forwarded(struct sip_exchange_call *call, const struct sip_flow *to)
{
    struct sip_exchange *exchange = call->exchange;
    struct record record = { .kind = &sip_kind_forwarded,
                             .before = came_by(call),
                             .after = { to->local.address, to->peer.address, to->local.port, to->peer.port,
                                        sip_flow_is_stream(to) ? PROTOCOL_TCP : PROTOCOL_UDP },
                             .rule = sip_server_request(call->server)->method_id };

    exchange->io->ops->note(exchange->io, &record);
}

static void
branch_new(struct sip_exchange_call *call, struct sip_client *client, const struct target *target,
           struct branch *branch)
{
    struct span id = sip_client_branch(client);

    branch->call = call;
    branch->client = client;
    branch->timer_c = (struct io_timer){ .fire = on_timer_c, .owner = branch };
    branch->id = g_strndup((const char *)id.bytes, id.length);
    if (target->binding && sip_binding_is_outbound(target->binding)) {
        branch->instance = g_strdup(target->binding->instance);
        branch->number = target->binding->number;
    }
    g_hash_table_insert(call->exchange->branches, g_strdup(branch->id), call);
    g_ptr_array_add(call->branches, branch);
    arm_timer_c(branch);
}

/* Sends the call's request to one target. */
static enum sip_refusal
call_target(struct sip_exchange_call *call, const struct sip_way *from, const struct target *target)
{
    struct sip_exchange *exchange = call->exchange;
    const struct sip_message *request = sip_server_request(call->server);
    struct sip_flow came = sip_server_flow(call->server), next;
    struct sip_way way = *from;
    g_autoptr(GBytes) text = NULL;
    struct branch *branch;
    enum sip_refusal why;

    way.uri = target->uri;
    if (target->binding && target->binding->path[0] &&
        !sip_way_push(&way, span_of_text(target->binding->path), &exchange->self))
        return SIP_REFUSAL_ROUTE;
    why = sip_proxy_next_hop(exchange, request, &way, target->binding, &next);
    if (why != SIP_REFUSAL_NONE)
        return why;
    text = sip_proxy_forwarded(exchange, request, &came, &way, &next);
    if (!text)
        return SIP_REFUSAL_ROUTE;

    branch = g_new0(struct branch, 1);

    struct sip_ask ask = { .request = span_of_bytes(text), .to = next, .events = &client_events, .owner = branch };
    struct sip_client *client = sip_client_new(exchange->transactions, &ask);

    if (!client) {
        g_free(branch);
        return SIP_REFUSAL_BUSY;
    }
    branch_new(call, client, target, branch);
    note_forwarded(call, &next);
    exchange->counters.branches++;
    return SIP_REFUSAL_NONE;
}

/* One of an agent's bindings is enough: the first in order of preference. */
static bool
is_first_of_instance(const struct sip_binding *const *bindings, unsigned i)
{
    for (unsigned before = 0; before < i; before++)
        if (sip_binding_is_outbound(bindings[i]) && strcmp(bindings[before]->instance, bindings[i]->instance) == 0)
            return false;
    return true;
}

/* Calls the user's bindings: all agents, or the one of `instance`, whose flow has failed. Bindings whose flow is found
 * dead are forgotten, which changes the list, so it is begun again then. False when there was none to call. */
static bool
call_targets(struct sip_exchange_call *call, const char *instance)
{
    struct sip_exchange *exchange = call->exchange;
    struct sip_way way;
    unsigned count, called = 0;
    const struct sip_binding *const *bindings;

    if (!sip_way_begin(&way, sip_server_request(call->server), &exchange->self))
        return false;
    way.token = span_of(NULL, 0); /* it has brought the request here, and leads no further */
    bindings = sip_locations_find(exchange->locations, call->user, &count);
    for (unsigned i = 0; i < count; i++) {
        struct target target = { span_of_text(bindings[i]->contact), bindings[i] };

        if (instance ? strcmp(bindings[i]->instance, instance) != 0 : !is_first_of_instance(bindings, i))
            continue;
        if (call_target(call, &way, &target) == SIP_REFUSAL_NONE)
            called++;
        if (instance && called)
            break;
    }
    return called > 0;
}

bool
sip_proxy_call_user(struct sip_exchange_call *call)
{
    return call_targets(call, NULL);
}

enum sip_refusal
sip_proxy_call_uri(struct sip_exchange_call *call, const struct sip_way *way)
{
    struct target target = { way->uri, NULL };

    return call_target(call, way, &target);
}

/* --- cancelling --------------------------------------------------------------------------------------------------- */

void
sip_proxy_call_cancel(struct sip_exchange_call *call)
{
    if (call->answered)
        return;
    call->cancelled = true;
    cancel_pending(call);
}
