/* Addresses in the start line and the header. What is out of a message that goes out is the sender's own: its socket's,
 * or another of the same host's that is mapped. Inwards, what names an external endpoint of the box becomes the internal
 * one behind it. The form is kept: where no port stood none is written, if the usual one is meant, so that what comes
 * back is byte for byte what the sender wrote. */
#include "nat/alg/sip_reading.h"

static uint8_t
protocol_of(const struct sip_uri *uri)
{
    return sip_uri_transport(uri) == SIP_UDP ? PROTOCOL_UDP : PROTOCOL_TCP;
}

static struct endpoint
named(const struct sip_host *host)
{
    return (struct endpoint){ host->address, host->port ? host->port : SIP_PORT };
}

static void
put_host(struct sip_reading *reading, enum sip_alg_place place, const struct sip_host *host, struct endpoint with)
{
    char address[ADDRESS_TEXT], text[SIP_EDIT_TEXT];
    const char *form = address_is_ipv4(with.address) ? "%s" : "[%s]";
    int length = g_snprintf(text, sizeof text, form, address_format(with.address, address));

    if (host->port || with.port != SIP_PORT)
        g_snprintf(text + length, sizeof text - (size_t)length, ":%u", with.port);
    if (span_equal(host->host_port, span_of_text(text)))
        return;
    if (reading->places == 0) {
        reading->old = host->address;
        reading->new = with.address;
    }
    sip_edit(reading, place, host->host_port, text);
}

static void
edit_host(struct sip_reading *reading, enum sip_alg_place place, const struct sip_host *host, uint8_t protocol)
{
    struct endpoint with;

    if (!address_is_none(host->address) && sip_translate(reading, protocol, named(host), &with))
        put_host(reading, place, host, with);
}

/* ---- the start line, and lists of addresses */

static void
edit_request_uri(struct sip_reading *reading)
{
    struct sip_uri uri;

    if (reading->sip.request && reading->inbound && sip_uri_decode(reading->sip.uri, &uri) && uri.sip)
        edit_host(reading, SIP_PLACE_REQUEST_URI, &uri.at, protocol_of(&uri));
}

static void
edit_list(struct sip_reading *reading, enum sip_alg_place place, enum sip_header_name name)
{
    struct sip_values walk = sip_values_of(&reading->sip, name);
    struct sip_name_addr address;
    struct span value;

    while (sip_values_next(&walk, &value)) {
        if (sip_name_addr_decode(value, &address) && !address.star && address.uri.sip)
            edit_host(reading, place, &address.uri.at, protocol_of(&address.uri));
    }
}

/* ---- Via */

/* The answer to a request that went out: what the peer saw of the sender becomes what the sender knows of itself. */
static void
restore_received(struct sip_reading *reading, const struct sip_via *via)
{
    struct endpoint seen = { via->received, via->rport }, inside;

    if (address_is_none(via->received))
        return;
    if (!via->rport)
        seen.port = via->sent_by.port ? via->sent_by.port : SIP_PORT;
    if (!sip_translate(reading, reading->protocol, seen, &inside))
        return;
    sip_edit_address(reading, SIP_PLACE_VIA, via->received_text, via->received, inside.address);
    if (via->rport)
        sip_edit_number(reading, SIP_PLACE_VIA, via->rport_text, inside.port);
}

/* Only the topmost is the sender's: outwards in requests, inwards in what answers them. */
static void
edit_via(struct sip_reading *reading)
{
    struct sip_values walk = sip_values_of(&reading->sip, SIP_HEADER_VIA);
    struct sip_via via;
    struct span value;

    if (reading->sip.request == reading->inbound || !sip_values_next(&walk, &value) || !sip_via_decode(value, &via))
        return;
    edit_host(reading, SIP_PLACE_VIA, &via.sent_by, via.transport == SIP_UDP ? PROTOCOL_UDP : PROTOCOL_TCP);
    if (reading->inbound)
        restore_received(reading, &via);
}

/* ---- Contact */

/* Whether the message makes others send requests to the sender's Contact. */
static bool
invites_requests(const struct sip_message *message)
{
    if (message->method_id == SIP_REGISTER)
        return message->request;
    return message->method_id == SIP_INVITE && (message->request || message->status < 300);
}

/* Requests come from a registrar's address, or in a call from wherever the peer's Contact will be. */
static bool
open_contact(struct sip_reading *reading, uint8_t protocol, struct endpoint internal, struct endpoint *external)
{
    struct alg_message *message = reading->message;
    struct alg_wish wish = { .protocol = protocol, .internal = internal };
    struct alg_grant grants[2];

    if (!address_equal(internal.address, message->way.internal.address))
        return false;
    wish.remote.address =
        reading->sip.method_id == SIP_REGISTER ? message->remote.address : reading->known_peer_contact;
    wish.lifetime = sip_pinhole_lifetime(reading);
    wish.owner = reading->owner;
    if (alg_open(message, &wish, grants) != ALG_OPEN_OK)
        return false;
    *external = grants[0].external;
    reading->contact = grants[0].pinhole;
    return true;
}

/* What the quirk does to a phone behind a second NAT: the outside address of this box, with a port that is not mapped
 * here. */
static void
mangle_contact(struct sip_reading *reading, const struct sip_host *host)
{
    struct endpoint with = { reading->message->way.external.address, named(host).port };

    if (address_is_private(host->address))
        put_host(reading, SIP_PLACE_CONTACT, host, with);
}

static void
edit_contact(struct sip_reading *reading, const struct sip_uri *uri)
{
    uint8_t protocol = protocol_of(uri);
    struct endpoint external;

    if (!reading->inbound && invites_requests(&reading->sip) &&
        open_contact(reading, protocol, named(&uri->at), &external)) {
        put_host(reading, SIP_PLACE_CONTACT, &uri->at, external);
        return;
    }
    if (!reading->inbound && reading->sip.method_id == SIP_REGISTER && sip_has_quirk(reading, SIP_QUIRK_REGISTER) &&
        !address_equal(uri->at.address, reading->message->way.internal.address)) {
        mangle_contact(reading, &uri->at);
        return;
    }
    edit_host(reading, SIP_PLACE_CONTACT, &uri->at, protocol);
}

static void
edit_contacts(struct sip_reading *reading)
{
    struct sip_values walk = sip_values_of(&reading->sip, SIP_HEADER_CONTACT);
    struct sip_name_addr contact;
    struct span value;

    while (sip_values_next(&walk, &value)) {
        if (sip_name_addr_decode(value, &contact) && !contact.star && contact.uri.sip &&
            !address_is_none(contact.uri.at.address))
            edit_contact(reading, &contact.uri);
    }
}

uint32_t
sip_granted(const struct sip_reading *reading)
{
    struct sip_values walk = sip_values_of(&reading->sip, SIP_HEADER_CONTACT);
    struct sip_name_addr contact;
    struct endpoint inside;
    struct span value;
    uint32_t most = 0;

    while (sip_values_next(&walk, &value)) {
        if (!sip_name_addr_decode(value, &contact) || contact.star || !contact.uri.sip ||
            address_is_none(contact.uri.at.address) ||
            !sip_translate(reading, protocol_of(&contact.uri), named(&contact.uri.at), &inside) ||
            !address_equal(inside.address, reading->message->way.internal.address))
            continue;
        most = MAX(most, sip_contact_expires(&reading->sip, &contact, 3600));
    }
    return most;
}

/* ---- all of them */

void
sip_edit_fields(struct sip_reading *reading)
{
    edit_request_uri(reading);
    if (sip_has_quirk(reading, SIP_QUIRK_FIRST_LINE))
        return;
    /* Contact first: what it opens is what Via may name as well. */
    if (!sip_has_quirk(reading, SIP_QUIRK_PRIVATE_CONTACT))
        edit_contacts(reading);
    edit_via(reading);
    edit_list(reading, SIP_PLACE_ROUTE, SIP_HEADER_ROUTE);
    edit_list(reading, SIP_PLACE_RECORD_ROUTE, SIP_HEADER_RECORD_ROUTE);
    edit_list(reading, SIP_PLACE_PATH, SIP_HEADER_PATH);
}
