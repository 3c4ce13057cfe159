/* The wire's side of a session: bytes in, bytes out (RFC 8445 sections 7.1 and 7.3; RFC 8489 section 6.3). Each message
 * is verified once, here. */
#include "proto/ice/session_private.h"

static struct span
text(const char *chars)
{
    return span_of_text(chars);
}

struct span
ice_session_write(const struct ice_session *session, const struct ice_order *order, void *buffer, size_t capacity)
{
    const struct generation *credentials = session_credentials_of(session, order->generation);

    if (order->type == ICE_ORDER_KEEPALIVE)
        return ice_keepalive_write(&order->check.id, buffer, capacity);
    if (order->type == ICE_ORDER_NONE || !credentials || !credentials->remote_key)
        return span_of(NULL, 0);
    return ice_check_write(&order->check, text(credentials->remote_ufrag), text(credentials->ufrag),
                           credentials->remote_key, buffer, capacity);
}

/* ---- requests */

static void
tell_message(const struct ice_session *session, int64_t now, enum ice_event_type type, enum ice_why why,
             const struct ice_arrival *arrival, unsigned code)
{
    struct ice_event event = { .type = type, .why = why, .at = now, .code = (uint16_t)code, .from = arrival->source };

    if (arrival->base < session->local_count)
        event.to = session->locals[arrival->base].candidate.endpoint;
    session_tell(session, &event);
}

/* Whether this comes by a pair that a restart has left in use: the peer asks for consent there, under the credentials
 * that the pair was found with. */
static bool
is_of_old_route(const struct ice_session *session, const struct ice_arrival *arrival, struct span receiver)
{
    if (!session->old.key || !span_equal(receiver, text(session->old.ufrag)))
        return false;
    for (unsigned i = 0; i < session->options.streams * session->options.components; i++) {
        const struct route *old = &session->components[i].old;

        if (old->used && old->base == arrival->base && endpoint_equal(old->to, arrival->source))
            return true;
    }
    return false;
}

static enum ice_input
take_request(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
             const struct stun_message *message, struct ice_reply *reply)
{
    bool old = is_of_old_route(session, arrival, ice_check_receiver(message));
    const struct generation *credentials = old ? &session->old : &session->credentials;
    struct ice_proof proof;

    ice_check_read(message, text(credentials->ufrag), credentials->key, &proof);
    if (proof.drop) {
        tell_message(session, now, ICE_EVENT_IGNORED, ICE_WHY_UNPROVEN, arrival, 0);
        session->counters.ignored++;
        return ICE_INPUT_DROPPED;
    }
    if (proof.code) {
        session->counters.requests++;
        session->counters.refused++;
    } else if (!old) {
        proof.code = (uint16_t)ice_session_request(session, now, arrival, &proof.check);
    }
    if (proof.code)
        tell_message(session, now, ICE_EVENT_REQUEST,
                     proof.code == STUN_CODE_ROLE_CONFLICT ? ICE_WHY_ROLE_CONFLICT : ICE_WHY_REFUSED, arrival,
                     proof.code);
    reply->length =
        ice_answer_write(&message->header, &proof, arrival->source, reply->bytes, sizeof reply->bytes).length;
    return ICE_INPUT_TAKEN;
}

/* ---- responses */

static enum ice_input
take_response(struct ice_session *session, int64_t now, const struct ice_arrival *arrival,
              const struct stun_message *message)
{
    size_t index = session_find_transaction(session, &message->header.id);
    const struct generation *credentials =
        index < session->transaction_count ? session_credentials_of(session, session->transactions[index].generation)
                                           : NULL;
    struct ice_answer answer;

    if (!credentials)
        return ICE_INPUT_NOT_OURS;
    answer = ice_answer_read(message, credentials->remote_key);
    if (answer.kind == ICE_ANSWER_UNPROVEN) {
        tell_message(session, now, ICE_EVENT_IGNORED, ICE_WHY_UNPROVEN, arrival, 0);
        session->counters.ignored++;
        return ICE_INPUT_DROPPED;
    }
    (void)ice_session_response(session, now, arrival, &message->header.id, &answer);
    return ICE_INPUT_TAKEN;
}

enum ice_input
ice_session_datagram(struct ice_session *session, int64_t now, const struct ice_arrival *arrival, struct span datagram,
                     struct ice_reply *reply)
{
    struct stun_message message;
    struct stun_header header;

    reply->length = 0;
    if (!stun_header_peek(datagram, &header) || header.method != STUN_BINDING)
        return ICE_INPUT_NOT_OURS;
    if (stun_message_decode(datagram, &message) != STUN_FAULT_NONE) {
        session->counters.ignored++;
        return ICE_INPUT_DROPPED;
    }
    switch (header.class) {
    case STUN_REQUEST:
        return take_request(session, now, arrival, &message, reply);
    case STUN_INDICATION:
        return ICE_INPUT_TAKEN; /* a keepalive */
    default:
        return take_response(session, now, arrival, &message);
    }
}
