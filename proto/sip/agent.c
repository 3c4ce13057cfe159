/* Theory of operation.
 *
 * Everything that happens to an agent comes from its table of transactions or from a timer; each such entry is between
 * `sip_agent_begin` and `sip_agent_end`, and `sip_agent_tell` says whether the agent survived. A call that is over gets
 * the state OVER in sip_call_end, wherever that was, and is told and freed by its timer: so there is one place where calls
 * are freed while the agent lives, and nobody holds one there.
 *
 * agent_register.c keeps the registration; agent_call.c has the way of a call of ours up to its ACK, and BYE; agent_answer.c
 * that of one that comes, which is also the way of a re-INVITE that comes; agent_change.c re-INVITEs of ours. */
#include "proto/sip/agent.h"

#include "core/base/journal.h"
#include "proto/sip/agent_kinds.h"
#include "proto/sip/agent_private.h"

static const struct {
    const char *word, *sentence;
} whys[] = {
#define X(name, word, sentence) { word, sentence },
    SIP_WHYS(X)
#undef X
};
G_STATIC_ASSERT(G_N_ELEMENTS(whys) == SIP_WHY_COUNT);

const char *
sip_why_word(enum sip_why why)
{
    return whys[why].word;
}

const char *
sip_why_sentence(enum sip_why why)
{
    return whys[why].sentence;
}

/* ---- small things */

int64_t
sip_agent_now(const struct sip_agent *agent)
{
    return agent->io->ops->now(agent->io);
}

void
sip_agent_arm(struct sip_agent *agent, struct io_timer *timer, int64_t wait, bool busy)
{
    agent->io->ops->arm(agent->io, timer, time_add(sip_agent_now(agent), wait), busy);
}

uint32_t
sip_agent_random(struct sip_agent *agent)
{
    uint32_t draw;

    agent->io->ops->random(agent->io, &draw, sizeof draw);
    return draw;
}

static void
free_agent(struct sip_agent *agent)
{
    while (agent->first)
        sip_call_free(agent->first);
    sip_credentials_free(agent->credentials);
    g_free(agent->user);
    g_free(agent->domain);
    g_free(agent->display);
    g_free(agent->instance);
    g_free(agent->aor);
    g_free(agent);
}

void
sip_agent_begin(struct sip_agent *agent)
{
    agent->depth++;
}

bool
sip_agent_end(struct sip_agent *agent)
{
    bool freed = agent->freed;

    if (--agent->depth == 0 && freed)
        free_agent(agent);
    return !freed;
}

/* ---- telling */

static const struct record_kind *const kinds[] = {
    [SIP_AGENT_REGISTERED] = &sip_agent_kind_registered,
    [SIP_AGENT_REGISTER_FAILED] = &sip_agent_kind_register_failed,
    [SIP_AGENT_UNREGISTERED] = &sip_agent_kind_unregistered,
    [SIP_AGENT_FLOW_LAPSED] = NULL, /* the carrier has told */
    [SIP_CALL_OFFERED] = &sip_call_kind_offered,
    [SIP_CALL_RINGING] = &sip_call_kind_ringing,
    [SIP_CALL_ANSWERED] = &sip_call_kind_answered,
    [SIP_CALL_CHANGED] = &sip_call_kind_changed,
    [SIP_CALL_ENDED] = &sip_call_kind_ended,
};

static struct sip_flow
flow_of_news(const struct sip_agent *agent, const struct sip_agent_news *news)
{
    struct sip_flow flow = agent->registration.inquiry.flow;

    if (news->call && news->call->ours)
        return news->call->invite.flow;
    if (news->call && news->call->server)
        return sip_server_flow(news->call->server);
    return flow;
}

static void
note(struct sip_agent *agent, const struct sip_agent_news *news)
{
    struct record record = { .kind = kinds[news->event], .rule = (uint16_t)news->why, .detail = news->status };
    struct sip_flow flow = flow_of_news(agent, news);

    if (!record.kind || !agent->io->ops->listening(agent->io))
        return;
    sip_record_name(&record, span_of_text(agent->user));
    record.before = (struct flow){ flow.local.address, flow.peer.address, flow.local.port, flow.peer.port,
                                   sip_flow_is_stream(&flow) ? PROTOCOL_TCP : PROTOCOL_UDP };
    if (news->call && !news->call->ours)
        record.rule += 256;
    if (news->event == SIP_AGENT_REGISTERED) {
        record.after = (struct flow){ news->contact.address, news->mapped.address, news->contact.port,
                                      news->mapped.port, record.before.protocol };
        record.detail = news->expires;
    }
    agent->io->ops->note(agent->io, &record);
}

bool
sip_agent_tell(struct sip_agent *agent, struct sip_agent_news news)
{
    note(agent, &news);
    sip_agent_begin(agent);
    agent->told(agent->owner, agent, &news);
    return sip_agent_end(agent);
}

bool
sip_agent_tell_call(struct sip_call *call, enum sip_agent_event event, unsigned status)
{
    return sip_agent_tell(call->agent, (struct sip_agent_news){ .event = event, .call = call, .status = status });
}

/* ---- headers */

struct endpoint
sip_agent_contact_on(struct sip_agent *agent, const struct sip_flow *flow)
{
    struct endpoint contact = agent->contact;

    if (address_is_none(contact.address))
        (void)sip_carrier_sent_by(sip_transactions_carrier(agent->table), flow, &contact);
    return contact;
}

void
sip_agent_contact_say(struct sip_agent *agent, struct endpoint at, enum sip_transport protocol, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, "<sip:%s@%s%s%s>", agent->user, endpoint_format(at, text),
                           protocol == SIP_TCP ? ";transport=tcp" : "", agent->options.outbound ? ";ob" : "");
}

void
sip_agent_put_contact(struct sip_agent *agent, const struct sip_flow *flow, struct writer *out)
{
    g_autoptr(GString) value = g_string_new(NULL);

    sip_agent_contact_say(agent, sip_agent_contact_on(agent, flow), flow->protocol, value);
    sip_put_header(out, SIP_HEADER_CONTACT, span_of(value->str, value->len));
}

void
sip_agent_put_abilities(struct sip_agent *agent, struct writer *out)
{
    sip_put_header_text(out, SIP_HEADER_ALLOW, SIP_ALLOWED);
    if (agent->options.outbound)
        sip_put_header_text(out, SIP_HEADER_SUPPORTED, "path, outbound");
    sip_put_header_text(out, SIP_HEADER_USER_AGENT, "punchlab");
}

void
sip_agent_put_from(struct sip_agent *agent, const char *tag, struct writer *out)
{
    if (agent->display)
        sip_put_format(out, SIP_HEADER_FROM, "\"%s\" <%s>;tag=%s", agent->display, agent->aor, tag);
    else
        sip_put_format(out, SIP_HEADER_FROM, "<%s>;tag=%s", agent->aor, tag);
}

/* All that begins something goes to the registrar's address, when there is one: it is the way out, through whatever NAT. */
bool
sip_agent_way_out(struct sip_agent *agent, struct span uri, struct sip_flow *flow)
{
    struct sip_uri decoded;

    if (agent->options.registrar.port != 0) {
        *flow = (struct sip_flow){ .protocol = agent->options.protocol, .peer = agent->options.registrar };
        return true;
    }
    return sip_uri_decode(uri, &decoded) && sip_flow_of_uri(&decoded, &agent->options.names, flow);
}

/* ---- what comes in */

static struct sip_call *
find_call(struct sip_agent *agent, const struct sip_message *request)
{
    for (struct sip_call *call = agent->first; call; call = call->next) {
        if (call->dialog && call->state != SIP_CALL_OVER && sip_dialog_has_request(call->dialog, request))
            return call;
    }
    return NULL;
}

static void
refuse(struct sip_agent *agent, struct sip_server *server, unsigned status, const char *more)
{
    agent->counters.refused++;
    sip_server_refuse(server, status, span_of_text(more));
}

static bool
has_tag(const struct sip_message *request)
{
    struct sip_name_addr to;

    return sip_name_addr_decode(sip_message_value(request, SIP_HEADER_TO), &to) && to.tag.length > 0;
}

/* Section 8.2.2.1. */
static bool
is_for_us(const struct sip_agent *agent, const struct sip_message *request)
{
    struct sip_uri uri;

    return sip_uri_decode(request->uri, &uri) && uri.sip &&
           (!uri.has_user || span_equal(uri.user, span_of_text(agent->user)));
}

/* Section 8.2.2.3. */
static bool
has_all_that_is_required(struct sip_agent *agent, struct sip_server *server, const struct sip_message *request)
{
    struct sip_values values = sip_values_of(request, SIP_HEADER_REQUIRE);
    g_autoptr(GString) unsupported = g_string_new(NULL);
    struct span value;

    while (sip_values_next(&values, &value))
        g_string_append_printf(unsupported, "%s%.*s", unsupported->len ? ", " : "Unsupported: ", (int)value.length,
                               (const char *)value.bytes);
    if (unsupported->len == 0)
        return true;
    g_string_append(unsupported, "\r\n");
    refuse(agent, server, 420, unsupported->str);
    return false;
}

static void
take_outside(struct sip_agent *agent, struct sip_server *server, const struct sip_arrival *arrival)
{
    enum sip_method method = arrival->message->method_id;

    if (!is_for_us(agent, arrival->message))
        refuse(agent, server, 404, "");
    else if (method == SIP_INVITE)
        sip_answer_offered(agent, server, arrival);
    else if (method == SIP_OPTIONS)
        sip_server_refuse(server, 200, span_of_text("Allow: " SIP_ALLOWED "\r\nAccept: application/sdp\r\n"));
    else if (method == SIP_BYE)
        refuse(agent, server, 481, "");
    else
        refuse(agent, server, 405, "Allow: " SIP_ALLOWED "\r\n");
}

static void
on_request(void *owner, struct sip_server *server, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = owner;
    const struct sip_message *request = arrival->message;
    struct sip_call *call;

    sip_agent_begin(agent);
    if (has_all_that_is_required(agent, server, request)) {
        call = has_tag(request) ? find_call(agent, request) : NULL;
        if (call)
            sip_answer_request(call, server, arrival);
        else if (has_tag(request))
            refuse(agent, server, 481, "");
        else
            take_outside(agent, server, arrival);
    }
    (void)sip_agent_end(agent);
}

static void
on_cancel(void *owner, struct sip_server *cancel, struct sip_server *invite, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = owner;
    struct sip_call *call = sip_server_owner(invite);

    (void)arrival;
    sip_agent_begin(agent);
    sip_server_refuse(cancel, 200, span_of(NULL, 0));
    if (call && sip_server_state(invite) == SIP_STATE_PROCEEDING)
        sip_answer_cancel(call);
    (void)sip_agent_end(agent);
}

static void
on_ack(void *owner, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = owner;
    struct sip_call *call = find_call(agent, arrival->message);

    sip_agent_begin(agent);
    if (call)
        sip_answer_ack(call, arrival);
    (void)sip_agent_end(agent);
}

static void
on_stray(void *owner, const struct sip_arrival *arrival)
{
    (void)owner, (void)arrival;
}

static void
on_failed(void *owner, const struct sip_flow *flow, enum io_result why)
{
    struct sip_agent *agent = owner;

    (void)why;
    sip_agent_begin(agent);
    sip_registration_failed(agent, flow);
    (void)sip_agent_end(agent);
}

static void
on_lapsed(void *owner, const struct sip_flow *flow, const struct endpoint *mapped)
{
    struct sip_agent *agent = owner;

    sip_agent_begin(agent);
    sip_registration_lapsed(agent, flow, mapped);
    (void)sip_agent_end(agent);
}

static const struct sip_transactions_events table_events = {
    .request = on_request,
    .cancel = on_cancel,
    .ack = on_ack,
    .response = on_stray,
    .failed = on_failed,
    .lapsed = on_lapsed,
};

/* ---- calls */

static void
on_over(void *owner, struct io_timer *timer)
{
    struct sip_call *call = owner;
    struct sip_agent *agent = call->agent;

    (void)timer;
    sip_agent_begin(agent);
    agent->counters.ended++;
    if (sip_agent_tell(agent, (struct sip_agent_news){
                                  .event = SIP_CALL_ENDED, .call = call, .why = call->why, .status = call->status }))
        sip_call_free(call);
    (void)sip_agent_end(agent);
}

struct sip_call *
sip_call_new(struct sip_agent *agent, bool ours, const char *peer, const char *call_id)
{
    struct sip_call *call = g_new0(struct sip_call, 1);
    char tag[SIP_TAG_BYTES];

    call->agent = agent;
    call->ours = ours;
    call->state = ours ? SIP_CALL_PREPARING : SIP_CALL_INCOMING;
    call->peer = g_strdup(peer);
    call->call_id = g_strdup(call_id);
    call->tag = g_strdup(sip_transactions_tag(agent->table, tag));
    call->over = (struct io_timer){ .fire = on_over, .owner = call };
    sip_call_open_exchanges(call);
    sip_answer_open(call);
    sip_change_open(call);
    call->previous = agent->last;
    if (agent->last)
        agent->last->next = call;
    else
        agent->first = call;
    agent->last = call;
    agent->call_count++;
    return call;
}

/* Nothing of it comes back: inquiries and servers are let go of, timers are disarmed. */
static void
silence(struct sip_call *call)
{
    sip_inquiry_close(&call->invite);
    sip_inquiry_close(&call->bye);
    sip_answer_close(call);
    sip_change_close(call);
}

void
sip_call_end(struct sip_call *call, enum sip_why why, unsigned status)
{
    if (call->state == SIP_CALL_OVER)
        return;
    sip_inquiry_cancel(&call->invite); /* nothing when it has its answer */
    silence(call);
    call->state = SIP_CALL_OVER;
    call->why = why;
    call->status = status;
    sip_agent_arm(call->agent, &call->over, 0, true);
}

static void
free_string(GString *string)
{
    if (string)
        g_string_free(string, TRUE);
}

static void
free_bytes(GByteArray *bytes)
{
    if (bytes)
        g_byte_array_free(bytes, TRUE);
}

void
sip_call_free(struct sip_call *call)
{
    struct sip_agent *agent = call->agent;

    if (!agent->freed) { /* else all that has been done, and the table may be gone */
        silence(call);
        agent->io->ops->disarm(agent->io, &call->over);
        if (call->media)
            agent->policy->close(call->media);
    }
    if (call->previous)
        call->previous->next = call->next;
    else
        agent->first = call->next;
    if (call->next)
        call->next->previous = call->previous;
    else
        agent->last = call->previous;
    agent->call_count--;
    sip_dialog_free(call->dialog);
    free_string(call->offer);
    free_bytes(call->late_offer);
    g_free(call->peer);
    g_free(call->call_id);
    g_free(call->tag);
    g_free(call);
}

enum sip_call_state
sip_call_state(const struct sip_call *call)
{
    return call->state;
}

bool
sip_call_is_ours(const struct sip_call *call)
{
    return call->ours;
}

const char *
sip_call_peer(const struct sip_call *call)
{
    return call->peer;
}

const char *
sip_call_id(const struct sip_call *call)
{
    return call->call_id;
}

void *
sip_call_media(const struct sip_call *call)
{
    return call->media;
}

void
sip_call_set_data(struct sip_call *call, void *data)
{
    call->data = data;
}

void *
sip_call_data(const struct sip_call *call)
{
    return call->data;
}

/* ---- life */

static bool
is_quotable(const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\' || (uint8_t)*text < ' ' || *text == 0x7f)
            return false;
    }
    return true;
}

const char *
sip_agent_options_fault(const struct sip_agent_options *options)
{
    g_autofree char *text = NULL;
    struct sip_uri uri;

    if (!options->user || !options->user[0])
        return "a user is needed";
    if (!options->domain || !options->domain[0])
        return "a domain is needed";
    text = g_strdup_printf("sip:%s@%s", options->user, options->domain);
    if (!is_quotable(text) || !sip_uri_decode(span_of_text(text), &uri) || !uri.sip || uri.at.port != 0 ||
        uri.parameters.text.length > 0 || uri.headers.length > 0 || strchr(options->user, ':') ||
        !span_equal(uri.user, span_of_text(options->user)))
        return "user and domain make no SIP address";
    if (options->display && !is_quotable(options->display))
        return "the display name has characters that cannot be quoted";
    if (options->instance && !is_quotable(options->instance))
        return "the instance has characters that cannot be quoted";
    if (options->registrar.port != 0 && address_is_unspecified(options->registrar.address))
        return "the registrar has no address";
    if (options->expires < TIME_S || options->expires > INT64_C(4000000000) * TIME_S)
        return "expires is less than a second, or more than 2^32 of them";
    if (options->protocol != SIP_UDP && options->protocol != SIP_TCP)
        return "the transport is neither UDP nor TCP";
    return NULL;
}

/* A version 4 UUID (RFC 4122 section 4.4). */
static char *
draw_instance(struct io *io)
{
    uint8_t b[16];

    io->ops->random(io, b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    return g_strdup_printf("urn:uuid:%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
                           b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}

static void
on_changed(void *owner)
{
    sip_registration_moved(owner);
}

struct sip_agent *
sip_agent_new(struct io *io, const struct sip_agent_options *options, const struct sip_media_policy *policy,
              void *policy_owner, sip_agent_told *told, void *owner, enum io_result *why)
{
    struct sip_agent *agent = g_new0(struct sip_agent, 1);
    struct sip_transactions_options transactions = options->transactions;

    g_assert(sip_agent_options_fault(options) == NULL);
    transactions.agent = "punchlab";
    transactions.refuse_merged = true;
    agent->io = io;
    agent->options = *options;
    agent->user = g_strdup(options->user);
    agent->domain = g_strdup(options->domain);
    agent->display = g_strdup(options->display);
    agent->aor = g_strdup_printf("sip:%s@%s", agent->user, agent->domain);
    agent->policy = policy;
    agent->policy_owner = policy_owner;
    agent->told = told;
    agent->owner = owner;
    agent->credentials = sip_credentials_new(options->password ? options->user : NULL, options->password);
    agent->options.password = NULL;
    agent->table = sip_transactions_new(io, &transactions, &table_events, agent, why);
    if (!agent->table) {
        free_agent(agent);
        return NULL;
    }
    agent->instance = options->instance ? g_strdup(options->instance) : draw_instance(io);
    sip_registration_open(agent);
    agent->watch = (struct io_watch){ .changed = on_changed, .owner = agent };
    io->ops->watch(io, &agent->watch);
    return agent;
}

void
sip_agent_free(struct sip_agent *agent)
{
    if (!agent || agent->freed)
        return;
    for (struct sip_call *call = agent->first; call; call = call->next) {
        silence(call);
        agent->io->ops->disarm(agent->io, &call->over);
        if (call->media)
            agent->policy->close(call->media);
        call->media = NULL;
    }
    sip_registration_close(agent);
    agent->io->ops->unwatch(agent->io, &agent->watch);
    sip_transactions_free(agent->table);
    agent->freed = true;
    sip_agent_begin(agent);
    (void)sip_agent_end(agent);
}

struct sip_transactions *
sip_agent_transactions(struct sip_agent *agent)
{
    return agent->table;
}

void
sip_agent_set_contact(struct sip_agent *agent, struct endpoint contact)
{
    agent->contact = contact;
}

struct endpoint
sip_agent_contact(struct sip_agent *agent)
{
    struct sip_flow flow = { .protocol = agent->options.protocol, .peer = agent->options.registrar };

    return sip_agent_contact_on(agent, &flow);
}

const struct sip_agent_counters *
sip_agent_counters(const struct sip_agent *agent)
{
    return &agent->counters;
}

unsigned
sip_agent_calls(const struct sip_agent *agent)
{
    return agent->call_count;
}

bool
sip_agent_is_full(const struct sip_agent *agent)
{
    return agent->call_count >= agent->options.calls;
}
