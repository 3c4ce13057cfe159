/* Theory of operation: a call of ours, RFC 3261 sections 13.2 and 15.
 *
 *     PREPARING --offer--> CALLING --1xx--> EARLY --2xx, ACK--> STANDING --BYE--> ENDING --> OVER
 *                             \_______________\__300-699, nobody__________________________> OVER
 *                              \_______________\__hang up: CANCEL__> ENDING ______________/
 *
 * A 2xx that comes though the call was given up is acknowledged and hung up; so is one of another branch of a fork. */
#include "proto/sip/agent_private.h"

static struct span
span_of_string(const GString *string)
{
    return string ? span_of(string->str, string->len) : span_of(NULL, 0);
}

struct span
sip_description_of(const struct sip_message *message)
{
    return message->body.length > 0 && sip_content_is(message, "application/sdp") ? message->body : span_of(NULL, 0);
}

/* ---- INVITE */

static bool
write_first(struct sip_call *call, struct writer *out, struct sip_flow *to)
{
    struct sip_agent *agent = call->agent;

    if (!sip_agent_way_out(agent, span_of_text(call->peer), to))
        return false;
    sip_put_request_line(out, span_of_text("INVITE"), span_of_text(call->peer));
    sip_put_header_text(out, SIP_HEADER_MAX_FORWARDS, "70");
    sip_agent_put_from(agent, call->tag, out);
    sip_put_format(out, SIP_HEADER_TO, "<%s>", call->peer);
    sip_put_header_text(out, SIP_HEADER_CALL_ID, call->call_id);
    sip_put_format(out, SIP_HEADER_CSEQ, "%u INVITE", ++call->cseq);
    return true;
}

/* Where requests in the dialog go; a target with a name that nobody knows is the registrar's business. */
static bool
way_in_dialog(struct sip_call *call, struct sip_flow *to)
{
    return sip_dialog_flow(call->dialog, &call->agent->options.names, to) ||
           sip_agent_way_out(call->agent, span_of_text(call->dialog->target), to);
}

static bool
write_invite(void *owner, struct sip_inquiry *inquiry, struct writer *out, struct sip_flow *to)
{
    struct sip_call *call = owner;
    g_autofree char *uri = NULL;

    if (call->dialog && call->dialog->confirmed) {
        if (!way_in_dialog(call, to))
            return false;
        call->cseq = sip_dialog_next(call->dialog);
        uri = sip_dialog_uri(call->dialog);
        sip_dialog_put(call->dialog, span_of_text("INVITE"), call->cseq, out);
    } else {
        uri = g_strdup(call->peer);
        if (!write_first(call, out, to))
            return false;
    }
    sip_agent_put_contact(call->agent, to, out);
    sip_agent_put_abilities(call->agent, out);
    sip_inquiry_credentials(inquiry, out, "INVITE", uri);
    sip_put_end(out, "application/sdp", span_of_string(call->offer));
    return true;
}

void
sip_call_prepare(struct sip_call *call)
{
    struct sip_agent *agent = call->agent;
    GString *offer = g_string_new(NULL);
    enum sip_media_step step = SIP_MEDIA_READY;

    if (!agent->options.late_offer)
        step = agent->policy->offer(call->media, offer);
    if (step == SIP_MEDIA_READY) {
        call->offered = offer->len > 0;
        call->offer = g_steal_pointer(&offer);
        call->state = SIP_CALL_CALLING;
        sip_inquiry_ask(&call->invite);
    } else if (step == SIP_MEDIA_REFUSED) {
        sip_call_end(call, SIP_WHY_MEDIA, 0);
    }
    if (offer)
        g_string_free(offer, TRUE);
}

/* ---- ACK */

/* A request in a dialog that has no answer. */
static GByteArray *
write_ack(struct sip_call *call, const struct sip_dialog *dialog, uint32_t cseq, struct span body, struct sip_flow *to)
{
    struct sip_agent *agent = call->agent;
    g_autofree uint8_t *buffer = g_malloc(SIP_MESSAGE_MAX);
    g_autofree char *uri = sip_dialog_uri(dialog);
    struct writer out = writer_over(buffer, SIP_MESSAGE_MAX);

    if (!sip_dialog_flow(dialog, &agent->options.names, to) &&
        !sip_agent_way_out(agent, span_of_text(dialog->target), to))
        return NULL;
    sip_dialog_put(dialog, span_of_text("ACK"), cseq, &out);
    sip_inquiry_credentials(&call->invite, &out, "ACK", uri);
    sip_put_end(&out, "application/sdp", body);
    if (writer_failed(&out))
        return NULL;
    return g_byte_array_append(g_byte_array_sized_new((guint)writer_length(&out)), buffer, (guint)writer_length(&out));
}

/* The table sends it again when the 2xx comes again; when the media took so long that the INVITE is over, it goes once. */
void
sip_call_acknowledge(struct sip_call *call, struct span body)
{
    struct sip_flow flow;
    GByteArray *ack = write_ack(call, call->dialog, call->cseq, body, &flow);

    if (!ack)
        return;
    if (call->invite.client)
        (void)sip_client_acknowledge(call->invite.client, &flow, span_of(ack->data, ack->len));
    else
        (void)sip_transactions_send_request(call->agent->table, &flow, span_of(ack->data, ack->len), span_of(NULL, 0));
    g_byte_array_free(ack, TRUE);
}

/* ---- BYE */

static bool
write_bye(void *owner, struct sip_inquiry *inquiry, struct writer *out, struct sip_flow *to)
{
    struct sip_call *call = owner;
    g_autofree char *uri = sip_dialog_uri(call->dialog);

    if (!way_in_dialog(call, to))
        return false;
    sip_dialog_put(call->dialog, span_of_text("BYE"), sip_dialog_next(call->dialog), out);
    sip_put_header_text(out, SIP_HEADER_USER_AGENT, "punchlab");
    sip_inquiry_credentials(inquiry, out, "BYE", uri);
    sip_put_end(out, NULL, span_of(NULL, 0));
    return true;
}

static void
on_bye_response(void *owner, struct sip_inquiry *inquiry, const struct sip_arrival *arrival)
{
    struct sip_call *call = owner;

    (void)inquiry;
    if (arrival->message->status >= 200)
        sip_call_end(call, call->why, call->status);
}

/* Section 15.1.1: whatever comes of it, the session is over. */
static void
on_bye_ended(void *owner, struct sip_inquiry *inquiry, enum sip_outcome outcome)
{
    struct sip_call *call = owner;

    (void)inquiry, (void)outcome;
    sip_call_end(call, call->why, call->status);
}

static const struct sip_inquiry_events bye_events = { write_bye, on_bye_response, on_bye_ended };

void
sip_call_send_bye(struct sip_call *call, enum sip_why why, unsigned status)
{
    if (call->state == SIP_CALL_ENDING || call->state == SIP_CALL_OVER)
        return;
    sip_answer_close(call);
    sip_change_close(call);
    call->state = SIP_CALL_ENDING;
    call->why = why;
    call->status = status;
    sip_inquiry_ask(&call->bye);
}

/* A dialog that nobody wants: ACK and BYE, without waiting for anything (section 13.2.2.4). */
static void
refuse_fork(struct sip_call *call, const struct sip_message *response, const struct sip_message *request)
{
    struct sip_agent *agent = call->agent;
    g_autoptr(sip_dialog) dialog = sip_dialog_of_response(request, response);
    g_autofree uint8_t *buffer = g_malloc(SIP_MESSAGE_MAX);
    struct writer out = writer_over(buffer, SIP_MESSAGE_MAX);
    struct sip_ask ask = { .request = { NULL, 0 } };
    struct sip_client *bye;
    GByteArray *ack;

    agent->counters.forked++;
    ack = dialog ? write_ack(call, dialog, request->cseq, span_of(NULL, 0), &ask.to) : NULL;
    if (!ack)
        return;
    (void)sip_transactions_send_request(agent->table, &ask.to, span_of(ack->data, ack->len), span_of(NULL, 0));
    g_byte_array_free(ack, TRUE);
    sip_dialog_put(dialog, span_of_text("BYE"), sip_dialog_next(dialog), &out);
    sip_put_end(&out, NULL, span_of(NULL, 0));
    if (writer_failed(&out))
        return;
    ask.request = writer_span(&out);
    bye = sip_client_new(agent->table, &ask);
    if (bye)
        sip_client_forget(bye);
}

/* ---- responses to the first INVITE */

static bool
read_request(const struct sip_call *call, struct sip_message *request)
{
    return call->invite.client &&
           sip_message_decode(sip_client_request(call->invite.client), request) == SIP_FAULT_NONE;
}

static void
take_early(struct sip_call *call, const struct sip_arrival *arrival, const struct sip_message *request)
{
    struct span answer = sip_description_of(arrival->message);

    if (!call->dialog)
        call->dialog = sip_dialog_of_response(request, arrival->message);
    if (!call->dialog || !sip_dialog_has_response(call->dialog, arrival->message))
        return; /* another branch of a fork: which one it will be only a 2xx says */
    if (answer.length > 0 && call->offered && !call->early_taken)
        call->early_taken = call->agent->policy->take(call->media, answer, true);
}

static void
take_provisional(struct sip_call *call, const struct sip_arrival *arrival)
{
    struct sip_message request;

    if (arrival->message->status == 100 || call->state == SIP_CALL_ENDING || !read_request(call, &request))
        return;
    call->state = SIP_CALL_EARLY;
    take_early(call, arrival, &request);
    (void)sip_agent_tell_call(call, SIP_CALL_RINGING, arrival->message->status);
}

static void
stand(struct sip_call *call)
{
    call->state = SIP_CALL_STANDING;
    call->agent->counters.answered++;
    (void)sip_agent_tell_call(call, SIP_CALL_ANSWERED, 200);
}

/* Our offer has its answer, in this 2xx or in an early one. */
static void
take_answer(struct sip_call *call, struct span answer)
{
    bool good = answer.length > 0 ? call->agent->policy->take(call->media, answer, false) : call->early_taken;

    call->offered = false;
    sip_call_acknowledge(call, span_of(NULL, 0));
    if (good)
        stand(call);
    else
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
}

/* The 2xx has the offer, and the ACK our answer (section 13.2.1), as soon as the media are ready. */
void
sip_call_prepare_ack(struct sip_call *call)
{
    g_autoptr(GString) answer = g_string_new(NULL);
    enum sip_media_step step =
        call->agent->policy->answer(call->media, span_of(call->late_offer->data, call->late_offer->len), answer);

    if (step == SIP_MEDIA_LATER)
        return;
    g_byte_array_free(call->late_offer, TRUE);
    call->late_offer = NULL;
    sip_call_acknowledge(call, step == SIP_MEDIA_READY ? span_of_string(answer) : span_of(NULL, 0));
    if (step == SIP_MEDIA_READY)
        stand(call);
    else
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
}

static void
take_late_offer(struct sip_call *call, struct span offer)
{
    if (offer.length == 0) {
        sip_call_acknowledge(call, span_of(NULL, 0));
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
        return;
    }
    call->late_offer = g_byte_array_append(g_byte_array_new(), offer.bytes, (guint)offer.length);
    sip_call_prepare_ack(call);
}

static void
take_accepted(struct sip_call *call, const struct sip_arrival *arrival)
{
    const struct sip_message *response = arrival->message;
    bool given_up = call->state == SIP_CALL_ENDING;
    struct sip_message request;

    if (!read_request(call, &request))
        return;
    if (call->dialog && !sip_dialog_has_response(call->dialog, response)) {
        sip_dialog_free(call->dialog); /* early, of another branch than the one that answers */
        call->dialog = NULL;
        call->early_taken = false;
    }
    if (call->dialog)
        sip_dialog_confirm(call->dialog, response);
    else
        call->dialog = sip_dialog_of_response(&request, response);
    if (!call->dialog) {
        sip_call_end(call, SIP_WHY_LOST, response->status);
        return;
    }
    call->dialog->local_cseq = MAX(call->dialog->local_cseq, call->cseq);
    if (given_up) { /* the CANCEL came too late */
        sip_call_acknowledge(call, span_of(NULL, 0));
        call->state = SIP_CALL_STANDING;
        sip_call_send_bye(call, SIP_WHY_CANCELLED, 0);
    } else if (call->offered) {
        take_answer(call, sip_description_of(response));
    } else {
        take_late_offer(call, sip_description_of(response));
    }
}

/* A 2xx after the first. */
static void
take_again(struct sip_call *call, const struct sip_arrival *arrival)
{
    struct sip_message request;

    if (!sip_dialog_has_response(call->dialog, arrival->message) && read_request(call, &request))
        refuse_fork(call, arrival->message, &request);
}

static void
take_refused(struct sip_call *call, unsigned status)
{
    if (call->state == SIP_CALL_ENDING)
        sip_call_end(call, SIP_WHY_CANCELLED, status);
    else if (status == 408)
        sip_call_end(call, SIP_WHY_TIMEOUT, status);
    else
        sip_call_end(call, SIP_WHY_REJECTED, status);
}

static void
on_invite_response(void *owner, struct sip_inquiry *inquiry, const struct sip_arrival *arrival)
{
    struct sip_call *call = owner;
    struct sip_agent *agent = call->agent;
    unsigned status = arrival->message->status;
    bool first = !call->dialog || !call->dialog->confirmed;

    (void)inquiry;
    if (call->state == SIP_CALL_OVER)
        return;
    sip_agent_begin(agent);
    if (!first && call->changing)
        sip_change_response(call, arrival);
    else if (!first && status >= 200 && status < 300)
        take_again(call, arrival);
    else if (first && status < 200)
        take_provisional(call, arrival);
    else if (first && status < 300)
        take_accepted(call, arrival);
    else if (first)
        take_refused(call, status);
    (void)sip_agent_end(agent);
}

static void
on_invite_ended(void *owner, struct sip_inquiry *inquiry, enum sip_outcome outcome)
{
    struct sip_call *call = owner;
    struct sip_agent *agent = call->agent;

    (void)inquiry;
    if (outcome == SIP_OUTCOME_DONE)
        return;
    sip_agent_begin(agent);
    if (call->changing)
        sip_change_ended(call, outcome);
    else if (call->state == SIP_CALL_ENDING)
        sip_call_end(call, SIP_WHY_CANCELLED, 0);
    else
        sip_call_end(call, outcome == SIP_OUTCOME_TIMEOUT ? SIP_WHY_TIMEOUT : SIP_WHY_UNREACHABLE, 0);
    (void)sip_agent_end(agent);
}

static const struct sip_inquiry_events invite_events = { write_invite, on_invite_response, on_invite_ended };

void
sip_call_open_exchanges(struct sip_call *call)
{
    struct sip_agent *agent = call->agent;

    sip_inquiry_open(&call->invite, agent->io, agent->table, agent->credentials, &invite_events, call);
    sip_inquiry_open(&call->bye, agent->io, agent->table, agent->credentials, &bye_events, call);
    call->invite.challenged = call->bye.challenged = &agent->counters.challenged;
}

/* ---- what the owner wants */

/* "bob", "sip:bob@example.com"; NULL: no URI that can be called. */
static char *
complete_uri(const struct sip_agent *agent, const char *text)
{
    g_autofree char *uri = NULL;
    struct sip_uri decoded;

    if (g_str_has_prefix(text, "sip:") || g_str_has_prefix(text, "sips:"))
        uri = g_strdup(text);
    else if (strchr(text, '@'))
        uri = g_strdup_printf("sip:%s", text);
    else
        uri = g_strdup_printf("sip:%s@%s", text, agent->domain);
    if (!sip_uri_decode(span_of_text(uri), &decoded) || !decoded.sip || decoded.headers.length > 0)
        return NULL;
    return g_steal_pointer(&uri);
}

struct sip_call *
sip_agent_call(struct sip_agent *agent, const char *text, void *wish)
{
    g_autofree char *uri = complete_uri(agent, text);
    char id[SIP_BRANCH_BYTES];
    struct sip_call *call;

    if (!uri || sip_agent_is_full(agent))
        return NULL;
    call = sip_call_new(agent, true, uri, sip_transactions_branch(agent->table, id) + strlen(SIP_BRANCH_COOKIE));
    agent->counters.calls_out++;
    call->media = agent->policy->open(agent->policy_owner, call, wish);
    sip_call_prepare(call);
    return call;
}

void
sip_call_hangup(struct sip_call *call)
{
    switch (call->state) {
    case SIP_CALL_PREPARING:
        sip_call_end(call, SIP_WHY_CANCELLED, 0);
        break;
    case SIP_CALL_CALLING:
    case SIP_CALL_EARLY:
        call->state = SIP_CALL_ENDING;
        if (call->late_offer) { /* answered already, but not acknowledged */
            sip_call_acknowledge(call, span_of(NULL, 0));
            call->state = SIP_CALL_STANDING;
            sip_call_send_bye(call, SIP_WHY_HANGUP, 0);
        } else {
            sip_inquiry_cancel(&call->invite);
        }
        break;
    case SIP_CALL_INCOMING:
        sip_call_reject(call, 603);
        break;
    case SIP_CALL_ACCEPTED: /* section 15: not before the ACK */
        call->hangup_wanted = true;
        break;
    case SIP_CALL_STANDING:
        sip_call_send_bye(call, SIP_WHY_HANGUP, 0);
        break;
    default:
        break;
    }
}

/* The media will never be ready: each who waits for them hears of it. */
static void
give_up_media(struct sip_call *call)
{
    if (call->state == SIP_CALL_PREPARING)
        sip_call_end(call, SIP_WHY_MEDIA, 0);
    else if (call->state == SIP_CALL_INCOMING)
        sip_call_reject(call, 488);
    else if (call->late_offer)
        sip_call_hangup(call);
    else if (call->state == SIP_CALL_STANDING)
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
}

void
sip_call_media_ready(struct sip_call *call, bool ready)
{
    struct sip_agent *agent = call->agent;

    sip_agent_begin(agent);
    if (!ready)
        give_up_media(call);
    else if (call->state == SIP_CALL_PREPARING)
        sip_call_prepare(call);
    else if (call->late_offer)
        sip_call_prepare_ack(call);
    else if (call->server)
        sip_answer_prepare(call);
    if (!agent->freed && call->state == SIP_CALL_STANDING)
        sip_change_prepare(call);
    (void)sip_agent_end(agent);
}
