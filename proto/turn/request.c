#include "proto/turn/request.h"

#define PAIR_BIT 0x80 /* R of EVEN-PORT (section 18.7) */

static bool
has(const struct stun_message *message, uint16_t type)
{
    return stun_message_find(message, type) != NULL;
}

bool
turn_lifetime_read(const struct stun_message *message, bool *has_lifetime, uint64_t *seconds)
{
    struct stun_value value = { .number = 0 };
    enum stun_found found = stun_message_get(message, STUN_LIFETIME, &value);

    *has_lifetime = found == STUN_PRESENT;
    *seconds = *has_lifetime ? value.number : 0;
    return found != STUN_MALFORMED;
}

unsigned
turn_family_read(const struct stun_message *message, enum family *family)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, STUN_REQUESTED_ADDRESS_FAMILY, &value);

    *family = found == STUN_PRESENT ? stun_family_of(value.number) : FAMILY_NONE;
    if (found == STUN_MALFORMED)
        return STUN_CODE_BAD_REQUEST;
    return found == STUN_PRESENT && *family == FAMILY_NONE ? STUN_CODE_PEER_FAMILY_MISMATCH : 0;
}

/* Numbers 3 and 4. RFC 6062 section 5.1 refuses TCP on a leg of UDP, and what has no meaning for TCP. */
static unsigned
read_transport(const struct stun_message *message, const struct turn_offer *offer, struct turn_wish *wish,
               struct stun_types *unknown)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_REQUESTED_TRANSPORT, &value) != STUN_PRESENT)
        return STUN_CODE_BAD_REQUEST;
    wish->protocol = (uint8_t)value.number;
    if (wish->protocol != PROTOCOL_UDP && !(wish->protocol == PROTOCOL_TCP && offer->tcp))
        return STUN_CODE_TRANSPORT_UNSUPPORTED;
    if (wish->protocol == PROTOCOL_TCP &&
        (offer->leg != PROTOCOL_TCP || has(message, STUN_DONT_FRAGMENT) || has(message, STUN_EVEN_PORT) ||
         has(message, STUN_RESERVATION_TOKEN)))
        return STUN_CODE_BAD_REQUEST;
    if (has(message, STUN_DONT_FRAGMENT) && !offer->dont_fragment) {
        *unknown = (struct stun_types){ .count = 1, .types = { STUN_DONT_FRAGMENT } };
        return STUN_CODE_UNKNOWN_ATTRIBUTE;
    }
    return 0;
}

/* Number 5. */
static unsigned
read_token(const struct stun_message *message, struct turn_wish *wish)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, STUN_RESERVATION_TOKEN, &value);

    if (found == STUN_ABSENT)
        return 0;
    if (found == STUN_MALFORMED || has(message, STUN_EVEN_PORT) || has(message, STUN_REQUESTED_ADDRESS_FAMILY) ||
        has(message, STUN_ADDITIONAL_ADDRESS_FAMILY))
        return STUN_CODE_BAD_REQUEST;
    wish->by_token = true;
    wish->token = value.number;
    return 0;
}

/* Numbers 6 and 7. A family that there is no number for is one that we don't support. */
static unsigned
read_family(const struct stun_message *message, const struct turn_offer *offer, struct turn_wish *wish)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, STUN_REQUESTED_ADDRESS_FAMILY, &value);

    wish->both = has(message, STUN_ADDITIONAL_ADDRESS_FAMILY);
    if (found == STUN_MALFORMED || (wish->both && found != STUN_ABSENT))
        return STUN_CODE_BAD_REQUEST;
    wish->family = found == STUN_PRESENT ? stun_family_of(value.number) : FAMILY_IPV4;
    if (wish->both)
        return offer->ipv4 || offer->ipv6 ? 0 : STUN_CODE_FAMILY_UNSUPPORTED;
    if ((wish->family == FAMILY_IPV4 && offer->ipv4) || (wish->family == FAMILY_IPV6 && offer->ipv6))
        return 0;
    return STUN_CODE_FAMILY_UNSUPPORTED;
}

/* Numbers 8 and 9. */
static unsigned
read_ports(const struct stun_message *message, struct turn_wish *wish)
{
    struct stun_value value;
    enum stun_found found = stun_message_get(message, STUN_EVEN_PORT, &value);

    wish->even = found == STUN_PRESENT;
    wish->pair = wish->even && value.number & PAIR_BIT;
    if (found == STUN_MALFORMED || (wish->pair && wish->both))
        return STUN_CODE_BAD_REQUEST;
    if (!wish->both)
        return 0;
    if (stun_message_get(message, STUN_ADDITIONAL_ADDRESS_FAMILY, &value) != STUN_PRESENT ||
        stun_family_of(value.number) != FAMILY_IPV6)
        return STUN_CODE_BAD_REQUEST;
    return 0;
}

unsigned
turn_wish_read(const struct stun_message *message, const struct turn_offer *offer, struct turn_wish *wish,
               struct stun_types *unknown)
{
    unsigned code;

    *wish = (struct turn_wish){ .protocol = 0 };
    if ((code = read_transport(message, offer, wish, unknown)) || (code = read_token(message, wish)))
        return code;
    if (!wish->by_token && ((code = read_family(message, offer, wish)) || (code = read_ports(message, wish))))
        return code;
    return turn_lifetime_read(message, &wish->has_lifetime, &wish->lifetime) ? 0 : STUN_CODE_BAD_REQUEST;
}
