/* Theory of operation: a call that comes, RFC 3261 section 13.3, and a re-INVITE of the peer's, section 14.2, which goes
 * the same way within a call that stands.
 *
 *     INCOMING --answer, 200--> ACCEPTED --ACK--> STANDING
 *         \__reject, CANCEL, nobody answers__> OVER
 *
 * `answering` is the owner's yes; the 200 goes when the media are ready, and again and again until its ACK comes (section
 * 13.3.1.4). When none does, the call is hung up. */
#include "proto/sip/agent_private.h"

static bool
is_pending(const struct sip_call *call)
{
    return call->server && sip_server_state(call->server) == SIP_STATE_PROCEEDING;
}

/* ---- responses */

/* A response to the INVITE that waits, with our tag; NULL when it can't be written. */
static GByteArray *
write_reply(struct sip_call *call, unsigned status, const GString *description)
{
    struct sip_agent *agent = call->agent;
    struct sip_flow flow = sip_server_flow(call->server);
    struct sip_reply reply = {
        .status = status, .tag = span_of_text(call->tag), .source = flow.peer, .record = status < 300
    };
    g_autofree uint8_t *buffer = g_malloc(SIP_MESSAGE_MAX);
    struct writer out = writer_over(buffer, SIP_MESSAGE_MAX);

    sip_put_reply(&out, sip_server_request(call->server), &reply);
    if (status < 300) {
        sip_agent_put_contact(agent, &flow, &out);
        sip_put_header_text(&out, SIP_HEADER_ALLOW, SIP_ALLOWED);
    }
    sip_put_header_text(&out, SIP_HEADER_SERVER, "punchlab");
    sip_put_end(&out, "application/sdp", description ? span_of(description->str, description->len) : span_of(NULL, 0));
    if (writer_failed(&out))
        return NULL;
    return g_byte_array_append(g_byte_array_sized_new((guint)writer_length(&out)), buffer, (guint)writer_length(&out));
}

static void
respond(struct sip_call *call, unsigned status, const GString *description)
{
    GByteArray *text = write_reply(call, status, description);

    call->agent->counters.refused += status >= 300;
    if (!text)
        return;
    sip_server_respond(call->server, status, span_of(text->data, text->len));
    g_byte_array_free(text, TRUE);
}

static void
forget_server(struct sip_call *call)
{
    if (call->server)
        sip_server_forget(call->server);
    call->server = NULL;
    call->answering = call->progressing = false;
}

/* The INVITE that waits gets this answer, and is over. */
static void
refuse_pending(struct sip_call *call, unsigned status)
{
    if (is_pending(call))
        respond(call, status, NULL);
    forget_server(call);
}

static void
on_server_ended(void *owner, struct sip_server *server, enum sip_outcome outcome)
{
    struct sip_call *call = owner;

    (void)server;
    call->server = NULL;
    if (outcome == SIP_OUTCOME_UNREACHABLE && call->state == SIP_CALL_INCOMING)
        sip_call_end(call, SIP_WHY_UNREACHABLE, 0);
}

static const struct sip_server_events server_events = { on_server_ended };

static void
take_server(struct sip_call *call, struct sip_server *server)
{
    forget_server(call);
    call->server = server;
    call->server_offers = sip_description_of(sip_server_request(server)).length == 0;
    sip_server_own(server, &server_events, call);
}

/* ---- the 2xx, until its ACK */

static void
stop_accepting(struct sip_call *call)
{
    struct sip_acceptance *acceptance = &call->acceptance;

    call->agent->io->ops->disarm(call->agent->io, &acceptance->timer);
    if (acceptance->text)
        g_byte_array_free(acceptance->text, TRUE);
    acceptance->text = NULL;
}

static void
on_again(void *owner, struct io_timer *timer)
{
    struct sip_call *call = owner;
    struct sip_agent *agent = call->agent;
    struct sip_acceptance *acceptance = &call->acceptance;

    (void)timer;
    if (sip_agent_now(agent) >= acceptance->until) {
        sip_call_send_bye(call, SIP_WHY_NO_ACK, 0);
        return;
    }
    if (call->server) {
        agent->counters.answers_again++;
        sip_server_respond(call->server, 200, span_of(acceptance->text->data, acceptance->text->len));
    }
    acceptance->interval = MIN(acceptance->interval * 2, agent->options.transactions.timers.t2);
    sip_agent_arm(agent, &acceptance->timer, MIN(acceptance->interval, acceptance->until - sip_agent_now(agent)), true);
}

static void
accept_invite(struct sip_call *call, const GString *description)
{
    struct sip_agent *agent = call->agent;
    struct sip_acceptance *acceptance = &call->acceptance;
    int64_t t1 = agent->options.transactions.timers.t1;

    stop_accepting(call);
    acceptance->text = write_reply(call, 200, description);
    if (!acceptance->text) {
        bool first = call->state == SIP_CALL_INCOMING;

        refuse_pending(call, 500);
        if (first)
            sip_call_end(call, SIP_WHY_MEDIA, 500);
        return;
    }
    acceptance->initial = call->state == SIP_CALL_INCOMING;
    acceptance->cseq = sip_server_request(call->server)->cseq;
    acceptance->interval = t1;
    acceptance->until = time_add(sip_agent_now(agent), 64 * t1);
    if (acceptance->initial) {
        call->state = SIP_CALL_ACCEPTED;
        agent->io->ops->disarm(agent->io, &call->ring);
    }
    call->answering = call->progressing = false;
    call->dialog->confirmed = true;
    sip_server_respond(call->server, 200, span_of(acceptance->text->data, acceptance->text->len));
    sip_agent_arm(agent, &acceptance->timer, t1, true);
}

/* ---- when the media are ready */

static enum sip_media_step
ask_media(struct sip_call *call, GString *description)
{
    const struct sip_media_policy *policy = call->agent->policy;

    if (call->server_offers)
        return policy->offer(call->media, description);
    return policy->answer(call->media, sip_description_of(sip_server_request(call->server)), description);
}

void
sip_answer_prepare(struct sip_call *call)
{
    g_autoptr(GString) description = g_string_new(NULL);
    enum sip_media_step step;

    if (!is_pending(call) || (!call->answering && !call->progressing))
        return;
    step = ask_media(call, description);
    if (step == SIP_MEDIA_LATER)
        return;
    if (step == SIP_MEDIA_REFUSED) {
        bool first = call->state == SIP_CALL_INCOMING;

        refuse_pending(call, 488);
        if (first)
            sip_call_end(call, SIP_WHY_MEDIA, 488);
        return;
    }
    if (call->answering) {
        accept_invite(call, description);
    } else {
        call->progressing = false;
        respond(call, 183, call->server_offers ? NULL : description);
    }
}

/* ---- what comes */

static void
on_ring(void *owner, struct io_timer *timer)
{
    struct sip_call *call = owner;

    (void)timer;
    refuse_pending(call, 480);
    sip_call_end(call, SIP_WHY_UNANSWERED, 480);
}

void
sip_answer_open(struct sip_call *call)
{
    call->acceptance.timer = (struct io_timer){ .fire = on_again, .owner = call };
    call->ring = (struct io_timer){ .fire = on_ring, .owner = call };
}

void
sip_answer_close(struct sip_call *call)
{
    stop_accepting(call);
    call->agent->io->ops->disarm(call->agent->io, &call->ring);
    if (is_pending(call) && call->state != SIP_CALL_OVER && !call->agent->freed && call->dialog->confirmed)
        respond(call, 487, NULL); /* a change of the peer's, in a call that ends */
    forget_server(call);
}

static char *
peer_of(const struct sip_message *request)
{
    struct sip_name_addr from;

    if (!sip_name_addr_decode(sip_message_value(request, SIP_HEADER_FROM), &from) || from.star)
        return NULL;
    return g_strndup((const char *)from.uri.text.bytes, from.uri.text.length);
}

static void
refuse(struct sip_agent *agent, struct sip_server *server, unsigned status, const char *more)
{
    agent->counters.refused++;
    sip_server_refuse(server, status, span_of_text(more));
}

/* Section 8.2.3. */
static bool
has_readable_body(struct sip_agent *agent, struct sip_server *server, const struct sip_message *request)
{
    if (request->body.length == 0 ||
        (sip_content_is(request, "application/sdp") && !sip_message_find(request, SIP_HEADER_CONTENT_ENCODING, 0)))
        return true;
    refuse(agent, server, 415, "Accept: application/sdp\r\nAccept-Encoding: identity\r\n");
    return false;
}

void
sip_answer_offered(struct sip_agent *agent, struct sip_server *server, const struct sip_arrival *arrival)
{
    const struct sip_message *request = arrival->message;
    struct span id = sip_message_value(request, SIP_HEADER_CALL_ID);
    g_autofree char *peer = peer_of(request), *call_id = g_strndup((const char *)id.bytes, id.length);
    struct sip_call *call;

    agent->counters.calls_in++;
    if (!has_readable_body(agent, server, request))
        return;
    if (!peer || agent->call_count >= agent->options.calls) {
        refuse(agent, server, peer ? 486 : 400, "");
        return;
    }
    call = sip_call_new(agent, false, peer, call_id);
    call->dialog = sip_dialog_of_request(request, call->tag);
    if (!call->dialog) {
        sip_call_free(call);
        refuse(agent, server, 400, "");
        return;
    }
    take_server(call, server);
    call->media = agent->policy->open(agent->policy_owner, call, NULL);
    sip_agent_arm(agent, &call->ring, agent->options.ring_timeout, true); /* a caller waits */
    (void)sip_agent_tell_call(call, SIP_CALL_OFFERED, 0);
}

void
sip_answer_cancel(struct sip_call *call)
{
    if (call->state == SIP_CALL_INCOMING) {
        refuse_pending(call, 487);
        sip_call_end(call, SIP_WHY_CANCELLED, 487);
    } else {
        refuse_pending(call, 487);
    }
}

void
sip_answer_ack(struct sip_call *call, const struct sip_arrival *arrival)
{
    const struct sip_message *ack = arrival->message;
    bool initial = call->acceptance.initial, good = true;

    if (!call->acceptance.text || ack->cseq != call->acceptance.cseq)
        return;
    stop_accepting(call);
    if (call->server_offers)
        good = call->agent->policy->take(call->media, sip_description_of(ack), false);
    if (initial)
        call->state = SIP_CALL_STANDING;
    if (!good) {
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
    } else if (!initial) {
        (void)sip_agent_tell_call(call, SIP_CALL_CHANGED, 0);
    } else if (call->hangup_wanted) {
        sip_call_send_bye(call, SIP_WHY_HANGUP, 0);
    } else {
        call->agent->counters.answered++;
        (void)sip_agent_tell_call(call, SIP_CALL_ANSWERED, 0);
    }
}

/* ---- requests in the dialog */

static void
take_bye(struct sip_call *call, struct sip_server *server)
{
    bool early = call->state == SIP_CALL_INCOMING;

    sip_server_refuse(server, 200, span_of(NULL, 0));
    refuse_pending(call, 487);
    if (call->state != SIP_CALL_ENDING) /* else it crossed our own, whose answer will come */
        sip_call_end(call, early ? SIP_WHY_CANCELLED : SIP_WHY_PEER_HANGUP, 0);
}

/* Section 14.2. */
static void
take_change(struct sip_call *call, struct sip_server *server, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = call->agent;
    char again[40];

    if (call->state == SIP_CALL_ENDING) {
        refuse(agent, server, 481, "");
    } else if (is_pending(call)) {
        g_snprintf(again, sizeof again, "Retry-After: %u\r\n", sip_agent_random(agent) % 11);
        refuse(agent, server, 500, again);
    } else if (sip_inquiry_is_asking(&call->invite) || call->acceptance.text || call->state != SIP_CALL_STANDING) {
        agent->counters.glares++;
        refuse(agent, server, 491, "");
    } else if (has_readable_body(agent, server, arrival->message)) {
        take_server(call, server);
        call->answering = true;
        sip_answer_prepare(call);
    }
}

void
sip_answer_request(struct sip_call *call, struct sip_server *server, const struct sip_arrival *arrival)
{
    struct sip_agent *agent = call->agent;

    if (!sip_dialog_take_request(call->dialog, arrival->message)) {
        refuse(agent, server, 500, "");
        return;
    }
    switch (arrival->message->method_id) {
    case SIP_BYE:
        take_bye(call, server);
        break;
    case SIP_INVITE:
        take_change(call, server, arrival);
        break;
    case SIP_OPTIONS:
        sip_server_refuse(server, 200, span_of_text("Allow: " SIP_ALLOWED "\r\nAccept: application/sdp\r\n"));
        break;
    default:
        refuse(agent, server, 405, "Allow: " SIP_ALLOWED "\r\n");
        break;
    }
}

/* ---- what the owner wants */

void
sip_call_ring(struct sip_call *call)
{
    if (call->state != SIP_CALL_INCOMING || !is_pending(call) || call->answering)
        return;
    respond(call, 180, NULL);
}

void
sip_call_progress(struct sip_call *call)
{
    if (call->state != SIP_CALL_INCOMING || call->answering)
        return;
    call->progressing = true;
    sip_answer_prepare(call);
}

void
sip_call_answer(struct sip_call *call)
{
    if (call->state != SIP_CALL_INCOMING)
        return;
    call->answering = true;
    sip_answer_prepare(call);
}

void
sip_call_reject(struct sip_call *call, unsigned status)
{
    if (call->state != SIP_CALL_INCOMING)
        return;
    refuse_pending(call, status >= 300 && status <= 699 ? status : 603);
    sip_call_end(call, SIP_WHY_REJECTED, status);
}
