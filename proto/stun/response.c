#include "proto/stun/response.h"

/* Reads an address that may be there; false when it is there and malformed. */
static bool
take_endpoint(const struct stun_message *message, enum stun_attribute_type type, bool *has, struct endpoint *endpoint)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, type, &value);

    *has = found == STUN_PRESENT;
    if (*has)
        *endpoint = value.endpoint;
    return found != STUN_MALFORMED;
}

/* A server of RFC 3489 knows MAPPED-ADDRESS only, so that one will do; without either, a Binding response says
 * nothing. */
static enum stun_outcome
judge_success(const struct stun_message *message, struct stun_result *result)
{
    bool fine = take_endpoint(message, STUN_XOR_MAPPED_ADDRESS, &result->has_xor_mapped, &result->xor_mapped) &&
                take_endpoint(message, STUN_MAPPED_ADDRESS, &result->has_mapped, &result->mapped);

    if (!fine)
        return STUN_OUTCOME_MALFORMED;
    if (message->header.method == STUN_BINDING && !result->has_xor_mapped && !result->has_mapped)
        return STUN_OUTCOME_MALFORMED;
    return STUN_OUTCOME_ANSWERED;
}

static enum stun_outcome
judge_error(const struct stun_message *message, struct stun_result *result)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_ERROR_CODE, &value) != STUN_PRESENT)
        return STUN_OUTCOME_MALFORMED;
    result->error = value.error;
    return STUN_OUTCOME_REJECTED;
}

void
stun_response_judge(const struct stun_message *message, unsigned understood, struct stun_result *result)
{
    result->message = message;
    if (stun_message_unknown(message, understood, &result->unknown))
        result->outcome = STUN_OUTCOME_NOT_UNDERSTOOD;
    else if (message->header.class == STUN_SUCCESS)
        result->outcome = judge_success(message, result);
    else
        result->outcome = judge_error(message, result);
}

bool
stun_response_alternate(const struct stun_message *message, struct endpoint server, struct endpoint *alternate)
{
    const struct stun_attribute *at = stun_message_find(message, STUN_ALTERNATE_SERVER);
    struct stun_value value;

    for (; at; at = stun_message_find_next(message, at)) {
        if (!stun_attribute_read(message, at, &value) ||
            address_family(value.endpoint.address) != address_family(server.address))
            continue;
        *alternate = value.endpoint;
        if (alternate->port == 0)
            alternate->port = server.port;
        return true;
    }
    return false;
}
