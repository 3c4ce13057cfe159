/* Theory of operation: changes of ours to a session that stands (RFC 3261 section 14.1, RFC 3264 section 8).
 *
 * `changing` holds from sip_call_renew until the owner is told what came of it. In between the media may have to become
 * ready, the re-INVITE is under way, or `retry` is armed: because both sides wanted a change at once, because the peer's
 * is under way, or, with a status set, because it failed before anything was sent, which is told by that timer. */
#include "proto/sip/agent_private.h"

static void
set_offer(struct sip_call *call, GString *offer)
{
    if (call->offer)
        g_string_free(call->offer, TRUE);
    call->offer = offer;
}

/* Section 14.1: the owner of the Call-ID waits 2.1 to 4 s, the other 0 to 2 s, in units of 10 ms. */
static void
retry_later(struct sip_call *call)
{
    uint32_t draw = sip_agent_random(call->agent);
    int64_t wait = call->ours ? 2100 + 10 * (int64_t)(draw % 191) : 10 * (int64_t)(draw % 201);

    sip_agent_arm(call->agent, &call->retry, wait * TIME_MS, true);
}

static bool
is_waiting(const struct sip_call *call)
{
    return call->server && sip_server_state(call->server) == SIP_STATE_PROCEEDING;
}

void
sip_change_prepare(struct sip_call *call)
{
    GString *offer;
    enum sip_media_step step;

    if (!call->changing || call->state != SIP_CALL_STANDING || sip_inquiry_is_asking(&call->invite))
        return;
    if (is_waiting(call) || call->acceptance.text) {
        retry_later(call);
        return;
    }
    offer = g_string_new(NULL);
    step = call->agent->policy->offer(call->media, offer);
    if (step == SIP_MEDIA_READY) {
        set_offer(call, offer);
        call->offered = true;
        sip_inquiry_ask(&call->invite);
        return;
    }
    g_string_free(offer, TRUE);
    if (step == SIP_MEDIA_REFUSED) {
        call->status = 488;
        sip_agent_arm(call->agent, &call->retry, 0, true);
    }
}

static void
end_change(struct sip_call *call, unsigned status)
{
    call->changing = call->offered = false;
    call->status = 0;
    if (status >= 300)
        call->agent->policy->withdraw(call->media);
    (void)sip_agent_tell_call(call, SIP_CALL_CHANGED, status);
}

static void
on_retry(void *owner, struct io_timer *timer)
{
    struct sip_call *call = owner;
    struct sip_agent *agent = call->agent;

    (void)timer;
    sip_agent_begin(agent);
    if (call->status != 0)
        end_change(call, call->status);
    else
        sip_change_prepare(call);
    (void)sip_agent_end(agent);
}

static void
take_accepted(struct sip_call *call, const struct sip_message *response)
{
    bool good;

    sip_dialog_take_refresh(call->dialog, response);
    good = call->agent->policy->take(call->media, sip_description_of(response), false);
    sip_call_acknowledge(call, span_of(NULL, 0));
    if (good)
        end_change(call, response->status);
    else
        sip_call_send_bye(call, SIP_WHY_MEDIA, 0);
}

void
sip_change_response(struct sip_call *call, const struct sip_arrival *arrival)
{
    unsigned status = arrival->message->status;

    if (status < 200)
        return;
    if (status < 300 && call->state != SIP_CALL_STANDING) {
        sip_call_acknowledge(call, span_of(NULL, 0)); /* we have hung up meanwhile */
    } else if (call->state != SIP_CALL_STANDING) {
        return;
    } else if (status < 300) {
        take_accepted(call, arrival->message);
    } else if (status == 491) {
        call->agent->counters.glares++;
        call->agent->policy->withdraw(call->media);
        retry_later(call);
    } else if (status == 481 || status == 408) { /* section 12.2.1.2 */
        sip_call_send_bye(call, SIP_WHY_LOST, status);
    } else {
        end_change(call, status);
    }
}

void
sip_change_ended(struct sip_call *call, enum sip_outcome outcome)
{
    (void)outcome;
    sip_call_send_bye(call, SIP_WHY_LOST, 0);
}

void
sip_change_open(struct sip_call *call)
{
    call->retry = (struct io_timer){ .fire = on_retry, .owner = call };
}

void
sip_change_close(struct sip_call *call)
{
    call->agent->io->ops->disarm(call->agent->io, &call->retry);
}

bool
sip_call_renew(struct sip_call *call)
{
    if (call->state != SIP_CALL_STANDING || call->changing)
        return false;
    call->changing = true;
    call->status = 0;
    sip_change_prepare(call);
    return true;
}

bool
sip_call_hold(struct sip_call *call, bool held)
{
    if (call->state != SIP_CALL_STANDING || call->changing)
        return false;
    call->agent->policy->hold(call->media, held);
    return sip_call_renew(call);
}

bool
sip_call_is_changing(const struct sip_call *call)
{
    return call->changing;
}
