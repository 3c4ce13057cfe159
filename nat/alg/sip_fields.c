/* Addresses in the start line and the header. What is out of a message that goes out is the sender's own: its socket's,
 * or another of the same host's that is mapped. Inwards, what names an external endpoint of the box becomes the internal
 * one behind it. The form is kept: where no port stood none is written, if the usual one is meant, and where one has to be
 * written nevertheless it is known that none stood there (struct sip_form), so that what comes back is byte for byte what
 * the sender wrote, an address being in its usual form. */
#include "nat/alg/sip_reading.h"

/* Who stands somewhere in a message, and how. */
struct named {
    const struct sip_host *host;
    uint8_t protocol;
    uint16_t usual; /* the port that is meant when none is said (RFC 3261 section 19.1.2) */
};

static struct named
named_over(const struct sip_host *host, enum sip_transport transport)
{
    return (struct named){ host, transport == SIP_UDP ? PROTOCOL_UDP : PROTOCOL_TCP,
                           (uint16_t)(transport == SIP_TLS ? SIP_PORT + 1 : SIP_PORT) };
}

static struct named
named_by_uri(const struct sip_uri *uri)
{
    return named_over(&uri->at, sip_uri_transport(uri));
}

static struct endpoint
endpoint_of(const struct named *named)
{
    return (struct endpoint){ named->host->address, named->host->port ? named->host->port : named->usual };
}

/* ---- ports that did not stand there */

/* A Request-URI is somebody's Contact, and a Route somebody's Record-Route. */
static uint16_t
bit_of(enum sip_alg_place place)
{
    if (place == SIP_PLACE_REQUEST_URI)
        place = SIP_PLACE_CONTACT;
    if (place == SIP_PLACE_RECORD_ROUTE)
        place = SIP_PLACE_ROUTE;
    return (uint16_t)(1u << place);
}

static struct sip_form *
form_of(const struct sip_reading *reading, struct address host, uint8_t protocol)
{
    struct sip_box *box = reading->seat->state;

    return &box->forms[(address_hash(host) ^ protocol) % SIP_FORMS];
}

static bool
is_form_of(const struct sip_form *form, struct address host, uint8_t protocol)
{
    return form->protocol == protocol && address_equal(form->host, host);
}

/* The sender's own host stands there with a port, or without. */
static void
note_form(struct sip_reading *reading, enum sip_alg_place place, const struct named *named)
{
    struct sip_form *form = form_of(reading, named->host->address, named->protocol);

    if (!is_form_of(form, named->host->address, named->protocol))
        *form = (struct sip_form){ .host = named->host->address, .protocol = named->protocol };
    if (named->host->port)
        form->bare &= (uint16_t)~bit_of(place);
    else
        form->bare |= bit_of(place);
}

static bool
wants_port(const struct sip_reading *reading, enum sip_alg_place place, const struct named *named, struct endpoint with)
{
    const struct sip_form *form = form_of(reading, with.address, named->protocol);

    if (with.port != named->usual)
        return true;
    if (named->host->port == 0)
        return false;
    return !reading->inbound || !is_form_of(form, with.address, named->protocol) || !(form->bare & bit_of(place));
}

/* ---- one host */

static void
put_host(struct sip_reading *reading, enum sip_alg_place place, const struct named *named, struct endpoint with)
{
    const struct sip_host *host = named->host;
    char address[ADDRESS_TEXT], text[SIP_EDIT_TEXT];
    const char *form = address_is_ipv4(with.address) ? "%s" : "[%s]";
    int length = g_snprintf(text, sizeof text, form, address_format(with.address, address));

    if (!reading->inbound)
        note_form(reading, place, named);
    if (endpoint_equal(endpoint_of(named), with))
        return;
    if (wants_port(reading, place, named, with))
        g_snprintf(text + length, sizeof text - (size_t)length, ":%u", with.port);
    if (reading->places == 0) {
        reading->old = host->address;
        reading->new = with.address;
    }
    sip_edit(reading, place, host->host_port, text);
}

static void
edit_host(struct sip_reading *reading, enum sip_alg_place place, struct named named)
{
    struct endpoint with;

    if (!address_is_none(named.host->address) && sip_translate(reading, named.protocol, endpoint_of(&named), &with))
        put_host(reading, place, &named, with);
}

/* What the sender has been told, and says again now: where another phone behind the same box is, or a proxy, whose
 * external endpoint became the internal one when it was told. */
static void
edit_told_host(struct sip_reading *reading, enum sip_alg_place place, struct named named)
{
    struct endpoint with;

    if (!address_is_none(named.host->address) && sip_translate_any(reading, named.protocol, endpoint_of(&named), &with))
        put_host(reading, place, &named, with);
}

/* ---- the start line, and lists of addresses */

static void
edit_request_uri(struct sip_reading *reading)
{
    struct sip_uri uri;

    if (reading->sip.request && sip_uri_decode(reading->sip.uri, &uri) && uri.sip &&
        (reading->inbound || !address_equal(uri.at.address, reading->message->way.internal.address)))
        edit_told_host(reading, SIP_PLACE_REQUEST_URI, named_by_uri(&uri));
}

static void
edit_list(struct sip_reading *reading, enum sip_alg_place place, enum sip_header_name name)
{
    struct sip_values walk = sip_values_of(&reading->sip, name);
    struct sip_name_addr address;
    struct span value;

    while (sip_values_next(&walk, &value)) {
        if (sip_name_addr_decode(value, &address) && !address.star && address.uri.sip)
            edit_told_host(reading, place, named_by_uri(&address.uri));
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
    edit_host(reading, SIP_PLACE_VIA, named_over(&via.sent_by, via.transport));
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
    return (message->method_id == SIP_INVITE || message->method_id == SIP_UPDATE) &&
           (message->request || message->status < 300);
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
mangle_contact(struct sip_reading *reading, const struct named *named)
{
    struct endpoint with = { reading->message->way.external.address, endpoint_of(named).port };

    if (address_is_private(named->host->address))
        put_host(reading, SIP_PLACE_CONTACT, named, with);
}

static void
edit_contact(struct sip_reading *reading, const struct sip_uri *uri)
{
    struct named named = named_by_uri(uri);
    struct endpoint external;

    if (!reading->inbound && invites_requests(&reading->sip) &&
        open_contact(reading, named.protocol, endpoint_of(&named), &external)) {
        put_host(reading, SIP_PLACE_CONTACT, &named, external);
        return;
    }
    if (!reading->inbound && reading->sip.method_id == SIP_REGISTER && sip_has_quirk(reading, SIP_QUIRK_REGISTER) &&
        !address_equal(uri->at.address, reading->message->way.internal.address)) {
        mangle_contact(reading, &named);
        return;
    }
    edit_host(reading, SIP_PLACE_CONTACT, named);
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
        struct named named;

        if (!sip_name_addr_decode(value, &contact) || contact.star || !contact.uri.sip ||
            address_is_none(contact.uri.at.address))
            continue;
        named = named_by_uri(&contact.uri);
        if (!sip_translate(reading, named.protocol, endpoint_of(&named), &inside) ||
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
