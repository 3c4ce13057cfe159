#include "proto/portmap/desk.h"

#include "proto/portmap/nat_pmp.h"
#include "proto/portmap/pcp.h"

#define COMPANION_TRIES 16

static uint32_t
epoch_of(const struct portmap_desk *desk, int64_t now)
{
    return (uint32_t)((now - desk->began) / TIME_S);
}

/* --- what all have in common ------------------------------------------------------------------------------------- */

enum portmap_result
portmap_desk_map(struct portmap_desk *desk, const struct portmap_wish *wish, struct portmap_lease *lease, int64_t now,
                 struct portmap_lease **granted)
{
    struct portmap_control *control = desk->control;
    struct portmap_grant grant = { 0 };
    enum portmap_result result;

    if (!lease && portmap_leases_full(desk->leases))
        return PORTMAP_NO_RESOURCES;
    result = control->ops->map(control, wish, &grant);
    if (result != PORTMAP_OK)
        return result;
    if (!lease)
        lease = portmap_leases_add(desk->leases);
    lease->via = wish->via;
    lease->protocol = wish->protocol;
    lease->internal = wish->internal;
    lease->external = grant.external;
    portmap_leases_set_end(desk->leases, lease, portmap_lifetime_end(grant.lifetime, now));
    *granted = lease;
    return PORTMAP_OK;
}

void
portmap_desk_unmap(struct portmap_desk *desk, struct portmap_lease *lease)
{
    desk->control->ops->unmap(desk->control, lease->protocol, lease->internal, lease->external);
    portmap_leases_remove(desk->leases, lease);
}

static void
tell_mapping(struct portmap_served *served, const struct portmap_lease *lease, uint32_t lifetime)
{
    served->mapping = true;
    served->protocol = lease->protocol;
    served->internal = lease->internal;
    served->external = lease->external;
    served->lifetime = lifetime;
}

/* --- PCP: MAP (RFC 6887 section 11.3) ---------------------------------------------------------------------------- */

static bool
is_own_pcp(const struct portmap_lease *lease, const struct pcp_map *map)
{
    return lease->via == PORTMAP_PCP &&
           span_equal_secret(span_of(lease->nonce, PCP_NONCE), span_of(map->nonce, PCP_NONCE));
}

/* What the options demand. */
static enum pcp_result
check_options(const struct portmap_desk *desk, const struct pcp_request *request, struct endpoint peer)
{
    const struct pcp_options *options = &request->options;
    bool any = address_is_unspecified(request->map.external.address) && request->map.external.port == 0;

    if (options->third_party && !desk->third_party)
        return PCP_UNSUPP_OPTION;
    if (options->third_party && address_equal(options->third, peer.address))
        return PCP_MALFORMED_REQUEST; /* section 13.1 */
    if (options->filters && !desk->control->ops->filters)
        return PCP_UNSUPP_OPTION;
    if (options->too_many_filters)
        return PCP_EXCESSIVE_REMOTE_PEERS;
    if (options->prefer_failure && any)
        return PCP_MALFORMED_OPTION; /* there is nothing to prefer it to: section 13.2 */
    return PCP_SUCCESS;
}

/* Protocol and port 0 stand for all of them (section 15.1): ends those that the nonce belongs to. */
static enum pcp_result
end_many(struct portmap_desk *desk, const struct pcp_map *map, struct address internal)
{
    enum pcp_result result = PCP_SUCCESS;

    for (size_t i = portmap_leases_count(desk->leases); i-- > 0;) {
        struct portmap_lease *lease = portmap_leases_at(desk->leases, i);

        if (!address_equal(lease->internal.address, internal) || (map->protocol && lease->protocol != map->protocol))
            continue;
        if (is_own_pcp(lease, map))
            portmap_desk_unmap(desk, lease);
        else
            result = PCP_NOT_AUTHORIZED;
    }
    return result;
}

static enum pcp_result
end_one(struct portmap_desk *desk, struct pcp_map *map, struct endpoint internal, struct portmap_served *served)
{
    struct portmap_lease *lease = portmap_leases_internal(desk->leases, map->protocol, internal);

    if (!lease) /* it has ended already: that is what was asked for */
        return PCP_SUCCESS;
    if (!is_own_pcp(lease, map))
        return PCP_NOT_AUTHORIZED;
    map->external = lease->external;
    tell_mapping(served, lease, 0);
    portmap_desk_unmap(desk, lease);
    return PCP_SUCCESS;
}

static enum pcp_result
make_one(struct portmap_desk *desk, const struct pcp_request *request, struct endpoint internal, int64_t now,
         struct pcp_response *response, struct portmap_served *served)
{
    const struct pcp_map *map = &request->map;
    struct portmap_lease *lease = portmap_leases_internal(desk->leases, map->protocol, internal);
    struct portmap_wish wish = { .via = PORTMAP_PCP,
                                 .protocol = map->protocol,
                                 .exact = request->options.prefer_failure,
                                 .internal = internal,
                                 .external = map->external,
                                 .lifetime = CLAMP(request->lifetime, PCP_LIFETIME_MIN, PCP_LIFETIME_MAX),
                                 .filters = request->options.filters };
    enum portmap_result result;

    if (lease && !is_own_pcp(lease, map))
        return PCP_NOT_AUTHORIZED;
    memcpy(wish.filter, request->options.filter, sizeof wish.filter);
    result = portmap_desk_map(desk, &wish, lease, now, &lease);
    if (result != PORTMAP_OK)
        return pcp_result_of(result);
    memcpy(lease->nonce, map->nonce, PCP_NONCE);
    response->map.external = lease->external;
    response->lifetime = portmap_lifetime_left(lease->expires, now);
    tell_mapping(served, lease, response->lifetime);
    return PCP_SUCCESS;
}

static enum pcp_result
serve_map(struct portmap_desk *desk, const struct pcp_request *request, struct endpoint peer, int64_t now,
          struct pcp_response *response, struct portmap_served *served)
{
    const struct pcp_map *map = &request->map;
    struct endpoint internal = { request->options.third_party ? request->options.third : peer.address,
                                 map->internal_port };
    enum pcp_result result = check_options(desk, request, peer);

    if (result != PCP_SUCCESS)
        return result;
    if (map->protocol == 0 && map->internal_port != 0)
        return PCP_MALFORMED_REQUEST; /* section 11.1 */
    response->map = *map;
    response->options = request->options;
    if (request->lifetime == 0 && map->internal_port == 0)
        return end_many(desk, map, internal.address);
    if (request->lifetime == 0)
        return end_one(desk, &response->map, internal, served);
    if (map->internal_port == 0)
        return PCP_UNSUPP_PROTOCOL; /* a mapping of all ports: this is no box for one host */
    return make_one(desk, request, internal, now, response, served);
}

/* --- PCP: PEER (section 12.3) ------------------------------------------------------------------------------------ */

static enum pcp_result
serve_peer(struct portmap_desk *desk, const struct pcp_request *request, struct endpoint peer,
           struct pcp_response *response, struct portmap_served *served)
{
    const struct pcp_map *map = &request->map;
    struct portmap_control *control = desk->control;
    struct portmap_peer_wish wish = { map->protocol,
                                      { peer.address, map->internal_port },
                                      map->external,
                                      map->remote,
                                      MIN(request->lifetime, PCP_LIFETIME_MAX) };
    struct portmap_grant grant = { 0 };
    enum pcp_result result = check_options(desk, request, peer);

    if (result != PCP_SUCCESS)
        return result;
    if (map->protocol == 0 || map->internal_port == 0 || map->remote.port == 0)
        return PCP_MALFORMED_REQUEST;
    if (request->options.third_party)
        wish.internal.address = request->options.third;
    result = pcp_result_of(control->ops->peer(control, &wish, &grant));
    if (result != PCP_SUCCESS)
        return result;
    response->map = *map;
    response->map.external = grant.external;
    response->options = request->options;
    response->lifetime = grant.lifetime;
    served->mapping = true;
    served->protocol = map->protocol;
    served->internal = wish.internal;
    served->external = grant.external;
    served->lifetime = grant.lifetime;
    return PCP_SUCCESS;
}

static enum pcp_result
serve_pcp(struct portmap_desk *desk, const struct pcp_request *request, struct endpoint peer, int64_t now,
          struct pcp_response *response, struct portmap_served *served)
{
    if (!address_equal(request->client, peer.address))
        return PCP_ADDRESS_MISMATCH; /* a NAT stands between the client and us: section 8.2 */
    response->has_map = request->opcode != PCP_ANNOUNCE;
    if (request->opcode == PCP_MAP)
        return serve_map(desk, request, peer, now, response, served);
    if (request->opcode == PCP_PEER && !desk->control->ops->peer)
        return PCP_UNSUPP_OPCODE;
    return request->opcode == PCP_PEER ? serve_peer(desk, request, peer, response, served) : PCP_SUCCESS;
}

static void
answer_pcp(struct portmap_desk *desk, struct span datagram, struct endpoint peer, int64_t now, struct writer *writer,
           struct portmap_served *served)
{
    struct pcp_request request;
    struct pcp_response response = { .version = PCP_VERSION, .epoch = epoch_of(desk, now) };
    enum pcp_result result;
    enum pcp_reading reading = pcp_request_decode(datagram, &request, &result);

    served->via = PORTMAP_PCP;
    served->opcode = response.opcode = request.opcode;
    if (reading == PCP_IGNORE) {
        served->verdict = PORTMAP_DROPPED;
        served->reason = datagram.length >= 2 ? DROP_UNEXPECTED_PORTMAP : DROP_MALFORMED_PORTMAP;
        return;
    }
    if (reading == PCP_READ)
        result = serve_pcp(desk, &request, peer, now, &response, served);
    if (result == PCP_SUCCESS) {
        pcp_response_encode(writer, &response);
        return;
    }
    served->verdict = PORTMAP_REFUSED;
    served->code = result;
    pcp_refusal_encode(writer, datagram, result, response.epoch);
}

/* --- NAT-PMP (RFC 6886 sections 3.2 to 3.4) ---------------------------------------------------------------------- */

static bool
is_own_nat_pmp(const struct portmap_lease *lease, struct address client)
{
    return lease->via == PORTMAP_NAT_PMP && address_equal(lease->internal.address, client);
}

static enum nat_pmp_result
end_all(struct portmap_desk *desk, uint8_t protocol, struct address client)
{
    enum nat_pmp_result result = NAT_PMP_SUCCESS;

    for (size_t i = portmap_leases_count(desk->leases); i-- > 0;) {
        struct portmap_lease *lease = portmap_leases_at(desk->leases, i);

        if (lease->protocol != protocol || !address_equal(lease->internal.address, client))
            continue;
        if (lease->via == PORTMAP_NAT_PMP)
            portmap_desk_unmap(desk, lease);
        else
            result = NAT_PMP_NOT_AUTHORIZED;
    }
    return result;
}

/* The other protocol's port of that number is kept for the same host (section 3.3). */
static bool
is_companions(struct portmap_desk *desk, uint8_t protocol, struct endpoint external, struct address client)
{
    uint8_t other = protocol == PROTOCOL_UDP ? PROTOCOL_TCP : PROTOCOL_UDP;
    const struct portmap_lease *lease = portmap_leases_external(desk->leases, other, external.port);

    return lease && !address_equal(lease->internal.address, client);
}

/* Asks the box again, for the next port up, while the one granted belongs to another host's companion. */
static enum portmap_result
map_beside_companions(struct portmap_desk *desk, struct portmap_wish *wish, int64_t now, struct portmap_lease **granted)
{
    struct portmap_lease *lease = portmap_leases_internal(desk->leases, wish->protocol, wish->internal);
    bool renewed = lease != NULL;

    if (!renewed && is_companions(desk, wish->protocol, wish->external, wish->internal.address))
        wish->external.port = 0;
    for (int i = 0; i < COMPANION_TRIES; i++) {
        enum portmap_result result = portmap_desk_map(desk, wish, lease, now, granted);

        if (result != PORTMAP_OK || renewed ||
            !is_companions(desk, wish->protocol, (*granted)->external, wish->internal.address))
            return result;
        wish->external.port = (uint16_t)((*granted)->external.port + 1);
        portmap_desk_unmap(desk, *granted);
    }
    return PORTMAP_NO_RESOURCES;
}

static enum nat_pmp_result
serve_nat_pmp_map(struct portmap_desk *desk, const struct nat_pmp_request *request, struct address client, int64_t now,
                  struct nat_pmp_response *response, struct portmap_served *served)
{
    uint8_t protocol = request->opcode == NAT_PMP_MAP_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
    struct endpoint internal = { client, request->internal_port };
    struct portmap_lease *lease = portmap_leases_internal(desk->leases, protocol, internal);
    struct portmap_wish wish = { .via = PORTMAP_NAT_PMP,
                                 .protocol = protocol,
                                 .internal = internal,
                                 .external.port = request->external_port,
                                 .lifetime = MIN(request->lifetime, PCP_LIFETIME_MAX) };
    enum portmap_result result;

    if (request->internal_port == 0)
        return request->lifetime ? NAT_PMP_NOT_AUTHORIZED : end_all(desk, protocol, client);
    if (lease && !is_own_nat_pmp(lease, client))
        return NAT_PMP_NOT_AUTHORIZED;
    if (request->lifetime == 0) {
        if (lease)
            tell_mapping(served, lease, 0);
        if (lease)
            portmap_desk_unmap(desk, lease);
        return NAT_PMP_SUCCESS; /* one that is not there has ended (section 3.4) */
    }
    result = map_beside_companions(desk, &wish, now, &lease);
    if (result != PORTMAP_OK)
        return nat_pmp_result_of(result);
    response->external_port = lease->external.port;
    response->lifetime = portmap_lifetime_left(lease->expires, now);
    tell_mapping(served, lease, response->lifetime);
    return NAT_PMP_SUCCESS;
}

static enum nat_pmp_result
serve_nat_pmp(struct portmap_desk *desk, const struct nat_pmp_request *request, struct address client, int64_t now,
              struct nat_pmp_response *response, struct portmap_served *served)
{
    struct address external;

    if (request->opcode != NAT_PMP_ADDRESS) {
        response->internal_port = request->internal_port;
        return serve_nat_pmp_map(desk, request, client, now, response, served);
    }
    external = desk->control->ops->external_address(desk->control, client);
    response->address = address_is_ipv4(external) ? external : address_ipv4(0);
    return address_is_unspecified(response->address) ? NAT_PMP_NETWORK_FAILURE : NAT_PMP_SUCCESS;
}

static void
answer_nat_pmp(struct portmap_desk *desk, struct span datagram, struct endpoint peer, int64_t now,
               struct writer *writer, struct portmap_served *served)
{
    struct nat_pmp_request request;
    struct nat_pmp_response response = { .epoch = epoch_of(desk, now) };
    enum nat_pmp_result result;
    enum nat_pmp_reading reading = nat_pmp_request_decode(datagram, &request, &result);

    served->via = PORTMAP_NAT_PMP;
    served->opcode = response.opcode = request.opcode;
    if (reading == NAT_PMP_IGNORE || !address_is_ipv4(peer.address)) {
        served->verdict = PORTMAP_DROPPED;
        served->reason = request.opcode & 0x80 ? DROP_UNEXPECTED_PORTMAP : DROP_MALFORMED_PORTMAP;
        return;
    }
    if (reading == NAT_PMP_READ)
        result = serve_nat_pmp(desk, &request, peer.address, now, &response, served);
    if (result != NAT_PMP_SUCCESS) {
        served->verdict = PORTMAP_REFUSED;
        served->code = result;
    }
    response.result = result;
    if (reading == NAT_PMP_ANSWER && result == NAT_PMP_UNSUPPORTED_OPCODE)
        nat_pmp_refusal_encode(writer, datagram, response.epoch);
    else
        nat_pmp_response_encode(writer, &response);
}

/* --- the port of both -------------------------------------------------------------------------------------------- */

/* The first byte is the version, and tells them apart (RFC 6887 section 9 and appendix A). A box that speaks only one of
 * them answers the other with its own "unsupported version". */
void
portmap_desk_answer(struct portmap_desk *desk, struct span datagram, struct endpoint peer, int64_t now,
                    struct writer *writer, struct portmap_served *served)
{
    bool version_0 = datagram.length > 0 && datagram.bytes[0] == NAT_PMP_VERSION;

    *served = (struct portmap_served){ .verdict = PORTMAP_SERVED };
    portmap_leases_expire(desk->leases, now);
    if (desk->nat_pmp && (version_0 || !desk->pcp))
        answer_nat_pmp(desk, datagram, peer, now, writer, served);
    else
        answer_pcp(desk, datagram, peer, now, writer, served);
}

void
portmap_desk_announce_pcp(const struct portmap_desk *desk, int64_t now, struct writer *writer)
{
    struct pcp_response response = { .version = PCP_VERSION, .opcode = PCP_ANNOUNCE, .epoch = epoch_of(desk, now) };

    pcp_response_encode(writer, &response);
}

void
portmap_desk_announce_nat_pmp(const struct portmap_desk *desk, struct address inside, int64_t now,
                              struct writer *writer)
{
    struct address external = desk->control->ops->external_address(desk->control, inside);
    struct nat_pmp_response response = { .opcode = NAT_PMP_ADDRESS,
                                         .epoch = epoch_of(desk, now),
                                         .address = address_is_ipv4(external) ? external : address_ipv4(0) };

    nat_pmp_response_encode(writer, &response);
}
