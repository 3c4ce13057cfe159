/* Where SIP messages go: a protocol, the two ends, and over a stream which connection. Plain values and pure functions
 * (RFC 3261 sections 18.1.1, 18.2.1 and 18.2.2, RFC 3581 section 4, RFC 5626 section 3.1). */
#ifndef PROTO_SIP_FLOW_H
#define PROTO_SIP_FLOW_H

#include "proto/sip/headers.h"

/* Read off an arrival it names the very flow by which the message came, so that something sent along it goes back
 * through the same NAT mapping, or connection. It may be kept (by a registrar, in a Path token): once the connection is
 * gone, sending along it fails.
 *
 * `local` without an address, and port 0: as the transport finds best. `connection`, over a stream: its number in its
 * transport, from 1, never used again; 0 asks for any connection to `peer`, and for a new one when there is none. */
struct sip_flow {
    enum sip_transport protocol; /* SIP_UDP or SIP_TCP */
    struct endpoint local, peer;
    uint32_t connection;
};

#define SIP_FLOW_TEXT (2 * ENDPOINT_TEXT + 16)
/* "udp 10.0.0.2:5060 -> 198.51.100.1:5060". Returns `text`. */
const char *sip_flow_format(const struct sip_flow *flow, char text[SIP_FLOW_TEXT]);

/* The same way: protocol, both ends, and the same connection. */
bool sip_flow_equal(const struct sip_flow *a, const struct sip_flow *b);

static inline bool
sip_flow_is_stream(const struct sip_flow *flow)
{
    return flow->protocol != SIP_UDP;
}

/* Whoever knows which names stand for which addresses: DNS (RFC 3263), reduced to what a lab needs. `resolve` NULL:
 * nobody does. False: the name is not known. */
struct sip_names {
    bool (*resolve)(void *owner, struct span host, struct address *address);
    void *owner;
};

/* Where a request to this URI goes: maddr, else the host; its port, else 5060; transport=, else UDP (RFC 3261 section
 * 18.1.1, RFC 3263 section 4). `names` may be NULL. False: it is no SIP URI, names a host that nobody knows, or wants a
 * transport that is not spoken here (TLS). */
bool sip_flow_of_uri(const struct sip_uri *uri, const struct sip_names *names, struct sip_flow *flow);

/* Where responses go to a request that came by `came` and whose topmost Via is `via`, as it was received (section
 * 18.2.2, RFC 3581 section 4). Over UDP: from the address and port that it came to, to maddr, else to where it came
 * from: to the port it came from with `rport`, else to the sent-by port. Over a stream: the connection it came by.
 * `*second` is where they go when that connection is gone: a new one, to the address that the request came from and the
 * sent-by port; for UDP it is the same as the first. */
void sip_flow_of_reply(const struct sip_via *via, const struct sip_flow *came, struct sip_flow *first,
                       struct sip_flow *second);

/* Where a response goes that is forwarded without a transaction, by the topmost Via that is left in it: `received`, else
 * the sent-by address; `rport`, else the sent-by port, else 5060. False when it names no address. */
bool sip_flow_of_via(const struct sip_via *via, struct sip_flow *flow);

#endif
