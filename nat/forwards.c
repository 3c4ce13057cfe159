#include "nat/forwards.h"

static bool
is_basic(const struct nat_forward *forward)
{
    return forward->port_low == 0;
}

static bool
is_for(const struct nat_forward *forward, uint8_t protocol)
{
    return forward->protocol == 0 ? is_basic(forward) || protocol != PROTOCOL_ICMP : forward->protocol == protocol;
}

static bool
covers(const struct nat_forward *forward, uint8_t protocol, const struct endpoint *external)
{
    if (!is_for(forward, protocol))
        return false;
    if (!address_is_none(forward->external) && !address_equal(forward->external, external->address))
        return false;
    return is_basic(forward) || (external->port >= forward->port_low && external->port <= forward->port_high);
}

static struct endpoint
target(const struct nat_forward *forward, uint16_t port)
{
    uint16_t to = is_basic(forward) ? port : (uint16_t)(forward->to.port + (port - forward->port_low));

    return (struct endpoint){ forward->to.address, to };
}

static bool
is_from(const struct nat_forward *forward, struct address remote)
{
    return address_is_none(forward->from.address) || prefix_contains(forward->from, remote);
}

/* ---- asking */

bool
forwards_inbound(const struct nat_options *options, uint8_t protocol, const struct endpoint *external,
                 struct address remote, struct endpoint *internal)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];

        if (!covers(forward, protocol, external) || !is_from(forward, remote))
            continue;
        *internal = target(forward, external->port);
        return true;
    }
    return false;
}

/* Whether the rule leads to `internal`, from which external port. */
static bool
leads_to(const struct nat_forward *forward, const struct endpoint *internal, uint16_t *port)
{
    uint32_t offset = (uint32_t)internal->port - forward->to.port;

    if (!address_equal(forward->to.address, internal->address))
        return false;
    *port = is_basic(forward) ? internal->port : (uint16_t)(forward->port_low + offset);
    return is_basic(forward) || offset <= (uint32_t)(forward->port_high - forward->port_low);
}

bool
forwards_outbound(const struct nat_options *options, uint8_t protocol, const struct endpoint *internal,
                  struct endpoint *external)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];
        uint16_t port;

        if (!is_for(forward, protocol) || !leads_to(forward, internal, &port))
            continue;
        *external = (struct endpoint){ forward->external, port };
        return true;
    }
    return false;
}

bool
forwards_elsewhere(const struct nat_options *options, uint8_t protocol, const struct endpoint *external,
                   const struct endpoint *internal)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];

        if (covers(forward, protocol, external))
            return !endpoint_equal(target(forward, external->port), *internal);
    }
    return false;
}

bool
forwards_all(const struct nat_options *options, struct address external, const struct endpoint *internal)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];

        if (is_basic(forward) && forward->protocol == 0 && address_equal(forward->external, external))
            return !address_equal(forward->to.address, internal->address);
    }
    return false;
}

struct address
forwards_basic_in(const struct nat_options *options, struct address external, struct address remote)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];

        if (is_basic(forward) && is_for(forward, PROTOCOL_ICMP) && address_equal(forward->external, external) &&
            is_from(forward, remote))
            return forward->to.address;
    }
    return ADDRESS_NONE;
}

struct address
forwards_basic_out(const struct nat_options *options, struct address internal)
{
    for (uint32_t i = 0; i < options->forward_count; i++) {
        const struct nat_forward *forward = &options->forwards[i];

        if (is_basic(forward) && is_for(forward, PROTOCOL_ICMP) && address_equal(forward->to.address, internal))
            return forward->external;
    }
    return ADDRESS_NONE;
}
