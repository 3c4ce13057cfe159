/* PCP and NAT-PMP: one datagram there, one back. A NAT-PMP transaction has two, one after the other as RFC 6886 section
 * 3.1 wants it: what the external address is, then the mapping. */
#include "proto/portmap/client_private.h"
#include "proto/portmap/kinds.h"
#include "proto/portmap/nat_pmp.h"

/* Announcements come to this port of the host, for all of its clients; where another program has it, this one learns
 * of a restart at its next renewal. */
static const struct io_udp_events announcement_events;
static const struct io_udp_events answer_events;

static void
stop(struct portmap_client *client)
{
    if (client->udp)
        client->udp->ops->close(client->udp);
    if (client->listening)
        client->listening->ops->close(client->listening);
    client->udp = client->listening = NULL;
}

/* The sockets serve the next transaction; an answer to the last one is not taken for one to it, or does no harm. */
static void
interrupt(struct portmap_client *client)
{
    (void)client;
}

static enum io_result
open_sockets(struct portmap_client *client)
{
    static const struct address all_hosts = { 0, ADDRESS_MAPPED_TAG << 32 | 0xe0000001 };
    static const struct address all_nodes = { UINT64_C(0xff02) << 48, 1 };
    struct endpoint own = { client->internal.address, 0 }, all = { ADDRESS_NONE, PCP_CLIENT_PORT };
    struct io *io = client->io;
    enum io_result why = IO_OK, ignored;

    if (!client->udp)
        client->udp = io->ops->udp(io, &own, &answer_events, client, &why);
    if (!client->udp)
        return why;
    if (!client->listening)
        client->listening = io->ops->udp(io, &all, &announcement_events, client, &ignored);
    if (client->listening)
        (void)client->listening->ops->join(client->listening, address_is_ipv4(own.address) ? &all_hosts : &all_nodes,
                                           IO_UNSET);
    return IO_OK;
}

/* --- requests ---------------------------------------------------------------------------------------------------- */

static void
put_pcp(const struct portmap_client *client, struct writer *writer)
{
    struct pcp_request request = { .version = PCP_VERSION,
                                   .opcode = PCP_MAP,
                                   .lifetime = client->asked,
                                   .client = client->internal.address,
                                   .map = { .protocol = client->request.protocol,
                                            .internal_port = client->internal.port,
                                            .external = client->holds ? client->external : client->request.external },
                                   .options.prefer_failure = client->request.exact && client->asked };

    memcpy(request.map.nonce, client->nonce, PCP_NONCE);
    if (address_is_none(request.map.external.address) && address_is_ipv4(client->internal.address))
        request.map.external.address = address_ipv4(0);
    pcp_request_encode(writer, &request);
}

static uint8_t
nat_pmp_opcode_of(const struct portmap_client *client)
{
    return client->request.protocol == PROTOCOL_UDP ? NAT_PMP_MAP_UDP : NAT_PMP_MAP_TCP;
}

static void
put_nat_pmp(const struct portmap_client *client, struct writer *writer)
{
    uint16_t suggested = client->holds ? client->external.port : client->request.external.port;
    struct nat_pmp_request request = { .opcode = client->has_address ? nat_pmp_opcode_of(client) : NAT_PMP_ADDRESS,
                                       .internal_port = client->internal.port,
                                       .external_port = client->asked ? suggested : 0,
                                       .lifetime = client->asked };

    nat_pmp_request_encode(writer, &request);
}

static void
send_request(struct portmap_client *client)
{
    uint8_t bytes[PCP_BYTES];
    struct writer writer = writer_over(bytes, sizeof bytes);
    enum io_result result;

    if (client->via == PORTMAP_PCP)
        put_pcp(client, &writer);
    else
        put_nat_pmp(client, &writer);

    struct io_datagram datagram = IO_DATAGRAM_TO(client->request.gateway, writer_span(&writer));

    result = client->udp->ops->send(client->udp, &datagram);
    portmap_client_note(client, &portmap_kind_asked, result == IO_OK ? datagram.packet : 0, 0, client->retry.sent);
    if (result == IO_OK || result == IO_FULL || result == IO_AGAIN)
        portmap_client_arm(client, client->retry.deadline, true);
    else
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, result);
}

static void
ask(struct portmap_client *client)
{
    int64_t now = portmap_client_now(client), patience = client->request.patience;

    if (client->holds && client->expires != TIME_NEVER) /* a renewal makes sense until then */
        patience = MAX(client->expires - now, 1);
    if (client->releasing && !patience)
        patience = 30 * TIME_S; /* PCP would go on for ever, and the mapping ends by itself */
    portmap_retry_start(&client->retry, client->via, patience, now, portmap_client_dice(client));
    send_request(client);
}

static void
begin(struct portmap_client *client)
{
    enum io_result result = open_sockets(client);

    client->has_address = client->asked == 0; /* nobody needs it for an end */
    if (result == IO_OK)
        ask(client);
    else
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, result);
}

static void
fire(struct portmap_client *client)
{
    switch (portmap_retry_fire(&client->retry, portmap_client_now(client), portmap_client_dice(client))) {
    case PORTMAP_WAIT:
        portmap_client_arm(client, client->retry.deadline, true);
        break;
    case PORTMAP_RESEND:
        send_request(client);
        break;
    case PORTMAP_GIVE_UP:
        portmap_way_failed(client, PORTMAP_FAILURE_TIMEOUT, 0, IO_OK);
        break;
    }
}

/* --- answers ----------------------------------------------------------------------------------------------------- */

static void
reject(struct portmap_client *client, unsigned code)
{
    portmap_way_failed(client, PORTMAP_FAILURE_REJECTED, code, IO_OK);
}

/* The gateway speaks another version (RFC 6887 section 9): only NAT-PMP's is ours too. */
static void
other_version(struct portmap_client *client, unsigned version)
{
    if (client->via != PORTMAP_PCP || version != NAT_PMP_VERSION || client->request.no_fallback ||
        !address_is_ipv4(client->internal.address)) {
        reject(client, PCP_UNSUPP_VERSION);
        return;
    }
    portmap_client_note(client, &portmap_kind_fallback, 0, 0, 0);
    client->via = PORTMAP_NAT_PMP;
    client->epoch = (struct portmap_epoch){ 0 };
    ask(client);
}

static bool
answers_pcp(const struct portmap_client *client, const struct pcp_response *response)
{
    const struct pcp_map *map = &response->map;

    if (response->opcode != PCP_MAP)
        return false;
    if (!response->has_map) /* the refusal of a request that came cut */
        return response->result != PCP_SUCCESS;
    return map->protocol == client->request.protocol && map->internal_port == client->internal.port &&
           span_equal_secret(span_of(map->nonce, PCP_NONCE), span_of(client->nonce, PCP_NONCE));
}

static void
heard_pcp(struct portmap_client *client, struct span data)
{
    struct pcp_response response;
    bool valid;

    if (!pcp_response_decode(data, &response))
        return;
    if (response.version != PCP_VERSION) {
        if (response.result == PCP_UNSUPP_VERSION && client->phase == PHASE_ASKING)
            other_version(client, response.version);
        return;
    }
    if (client->phase != PHASE_ASKING || !answers_pcp(client, &response))
        return;
    valid = pcp_epoch_check(&client->epoch, response.epoch, portmap_client_now(client));
    if (!valid)
        portmap_client_lost_state(client); /* this answer comes from the new tables already */
    if (response.result != PCP_SUCCESS)
        reject(client, response.result);
    else if (client->asked && response.lifetime == 0)
        portmap_way_failed(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
    else
        portmap_way_granted(client, response.map.external, MIN(response.lifetime, PCP_LIFETIME_MAX));
}

static void
heard_address(struct portmap_client *client, const struct nat_pmp_response *response)
{
    client->learned = response->address;
    client->has_address = true;
    ask(client);
}

static void
heard_nat_pmp(struct portmap_client *client, struct span data)
{
    struct nat_pmp_response response;
    uint8_t expected = client->has_address ? nat_pmp_opcode_of(client) : NAT_PMP_ADDRESS;
    bool ended = client->asked == 0;

    if (!nat_pmp_response_decode(data, &response) || client->phase != PHASE_ASKING)
        return;
    if (response.version != NAT_PMP_VERSION || response.result == NAT_PMP_UNSUPPORTED_VERSION) {
        if (response.result == NAT_PMP_UNSUPPORTED_VERSION)
            reject(client, NAT_PMP_UNSUPPORTED_VERSION);
        return;
    }
    if (response.opcode != expected || (client->has_address && response.internal_port != client->internal.port))
        return;
    if (!nat_pmp_epoch_check(&client->epoch, response.epoch, portmap_client_now(client)))
        portmap_client_lost_state(client);
    if (response.result != NAT_PMP_SUCCESS)
        reject(client, response.result);
    else if (!client->has_address)
        heard_address(client, &response);
    else if (!ended && (response.lifetime == 0 || response.external_port == 0))
        portmap_way_failed(client, PORTMAP_FAILURE_MALFORMED, 0, IO_OK);
    else
        portmap_way_granted(client, (struct endpoint){ client->learned, response.external_port }, response.lifetime);
}

static void
on_answer(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct portmap_client *client = owner;

    (void)udp;
    if (!endpoint_equal(datagram->peer, client->request.gateway) || client->is_lost)
        return;
    if (client->via == PORTMAP_PCP)
        heard_pcp(client, datagram->data);
    else
        heard_nat_pmp(client, datagram->data);
}

/* Port unreachable: the gateway speaks neither (RFC 6886 section 3.1). Others may pass. */
static void
on_icmp(void *owner, struct io_udp *udp, const struct io_icmp *icmp)
{
    struct portmap_client *client = owner;
    bool ipv4 = address_is_ipv4(icmp->local.address);
    bool hard = ipv4 ? icmp->type == 3 && (icmp->code == 2 || icmp->code == 3) : icmp->type == 1 && icmp->code == 4;

    (void)udp;
    if (hard && client->phase == PHASE_ASKING && !client->is_lost &&
        endpoint_equal(icmp->peer, client->request.gateway))
        portmap_way_lose(client, PORTMAP_FAILURE_UNREACHABLE, IO_REFUSED);
}

/* To all hosts: the gateway has started over, or has another address (RFC 6887 section 14.1, RFC 6886 section 3.2.1).
 * Only what the gateway itself sends counts. */
static void
on_announcement(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct portmap_client *client = owner;
    int64_t now = portmap_client_now(client);
    struct pcp_response pcp;
    struct nat_pmp_response nat_pmp;

    (void)udp;
    if (!endpoint_equal(datagram->peer, client->request.gateway) || client->phase != PHASE_HOLDING)
        return;
    if (client->via == PORTMAP_PCP && pcp_response_decode(datagram->data, &pcp) && pcp.version == PCP_VERSION &&
        pcp.opcode == PCP_ANNOUNCE && !pcp_epoch_check(&client->epoch, pcp.epoch, now))
        portmap_client_lost_state(client);
    if (client->via == PORTMAP_NAT_PMP && nat_pmp_response_decode(datagram->data, &nat_pmp) &&
        nat_pmp.version == NAT_PMP_VERSION && nat_pmp.opcode == NAT_PMP_ADDRESS && nat_pmp.result == NAT_PMP_SUCCESS) {
        bool valid = nat_pmp_epoch_check(&client->epoch, nat_pmp.epoch, now);

        if (!valid || !address_equal(nat_pmp.address, client->external.address))
            portmap_client_lost_state(client);
    }
}

static const struct io_udp_events answer_events = { on_answer, on_icmp };
static const struct io_udp_events announcement_events = { on_announcement, NULL };

const struct portmap_way portmap_way_udp = { begin, fire, interrupt, stop };
