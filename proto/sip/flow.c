#include "proto/sip/flow.h"

#include <glib.h>

const char *
sip_flow_format(const struct sip_flow *flow, char text[SIP_FLOW_TEXT])
{
    char local[ENDPOINT_TEXT], peer[ENDPOINT_TEXT];

    g_snprintf(text, SIP_FLOW_TEXT, "%s %s -> %s", sip_flow_is_stream(flow) ? "tcp" : "udp",
               endpoint_format(flow->local, local), endpoint_format(flow->peer, peer));
    return text;
}

bool
sip_flow_equal(const struct sip_flow *a, const struct sip_flow *b)
{
    return a->protocol == b->protocol && a->connection == b->connection && endpoint_equal(a->local, b->local) &&
           endpoint_equal(a->peer, b->peer);
}

static uint16_t
port_or_default(uint16_t port)
{
    return port ? port : SIP_PORT;
}

/* An address in text, IPv6 perhaps in brackets, or a name that somebody knows. */
static bool
find_address(struct span host, const struct sip_names *names, struct address *address)
{
    struct sip_host decoded;

    if (sip_host_decode(host, &decoded) && !address_is_none(decoded.address)) {
        *address = decoded.address;
        return true;
    }
    return names && names->resolve && names->resolve(names->owner, host, address);
}

bool
sip_flow_of_uri(const struct sip_uri *uri, const struct sip_names *names, struct sip_flow *flow)
{
    struct address address = uri->at.address;
    struct span maddr;

    if (!uri->sip || uri->secure)
        return false;
    *flow = (struct sip_flow){ .protocol = sip_uri_transport(uri), .peer.port = port_or_default(uri->at.port) };
    if (flow->protocol != SIP_UDP && flow->protocol != SIP_TCP)
        return false;
    if (sip_parameter(uri->parameters, "maddr", &maddr)) {
        if (!find_address(maddr, names, &address))
            return false;
    } else if (address_is_none(address) && !find_address(uri->at.host, names, &address)) {
        return false;
    }
    flow->peer.address = address;
    return true;
}

void
sip_flow_of_reply(const struct sip_via *via, const struct sip_flow *came, struct sip_flow *first,
                  struct sip_flow *second)
{
    struct address maddr;

    *first = *came;
    if (!sip_flow_is_stream(came)) {
        if (!via->has_rport)
            first->peer.port = port_or_default(via->sent_by.port);
        if (via->maddr.length > 0 && find_address(via->maddr, NULL, &maddr))
            first->peer = (struct endpoint){ maddr, port_or_default(via->sent_by.port) };
        *second = *first;
        return;
    }
    *second = (struct sip_flow){ .protocol = came->protocol,
                                 .peer = { came->peer.address, port_or_default(via->sent_by.port) } };
}

bool
sip_flow_of_via(const struct sip_via *via, struct sip_flow *flow)
{
    struct address address = via->sent_by.address, maddr;

    *flow = (struct sip_flow){ .protocol = via->transport };
    if (via->transport != SIP_UDP && via->transport != SIP_TCP)
        return false;
    if (!address_is_none(via->received))
        address = via->received;
    flow->peer.port = port_or_default(via->rport ? via->rport : via->sent_by.port);
    if (via->maddr.length > 0 && find_address(via->maddr, NULL, &maddr))
        address = maddr;
    flow->peer.address = address;
    return !address_is_none(address);
}
