/* What the journal says of the SIP ALG. */
#include "nat/alg/alg.h"
#include "nat/alg/sip.h"
#include "proto/sip/message.h"

const char *const sip_alg_place_words[] = {
    [SIP_PLACE_REQUEST_URI] = "Request-URI",
    [SIP_PLACE_VIA] = "Via",
    [SIP_PLACE_CONTACT] = "Contact",
    [SIP_PLACE_ROUTE] = "Route",
    [SIP_PLACE_RECORD_ROUTE] = "Record-Route",
    [SIP_PLACE_PATH] = "Path",
    [SIP_PLACE_CONTENT_LENGTH] = "Content-Length",
    [SIP_PLACE_ORIGIN] = "o=",
    [SIP_PLACE_CONNECTION] = "c=",
    [SIP_PLACE_MEDIA] = "m=",
    [SIP_PLACE_RTCP] = "a=rtcp",
    [SIP_PLACE_CANDIDATE] = "a=candidate",
};
G_STATIC_ASSERT(G_N_ELEMENTS(sip_alg_place_words) == SIP_PLACE_COUNT);

/* "Via", "Via and Contact", "Via, Contact and c=". */
static void
say_places(unsigned places, GString *out)
{
    unsigned said = 0, left = places;

    for (unsigned i = 0; i < SIP_PLACE_COUNT; i++) {
        if (!(places & 1u << i))
            continue;
        left &= ~(1u << i);
        g_string_append_printf(out, "%s%s", said++ == 0 ? "" : left ? ", " : " and ", sip_alg_place_words[i]);
    }
}

static void
say_message(const struct record *record, GString *out)
{
    const char *method = sip_method_word(record->subject[1]);

    if (record->subject[0])
        g_string_append_printf(out, "%u to %s", record->subject[0], *method ? method : "a request");
    else
        g_string_append(out, *method ? method : "request");
}

static void
say_sip(const struct record *record, const struct names *names, GString *out)
{
    char old[ADDRESS_TEXT], new[ADDRESS_TEXT];

    (void)names;
    g_string_append(out, "SIP ");
    say_message(record, out);
    g_string_append_printf(out, ": %s becomes %s in ", address_format(record->after.source, old),
                           address_format(record->after.destination, new));
    say_places(record->rule, out);
    if (record->detail)
        g_string_append_printf(out, "; %d bytes %s", (int)ABS(record->detail), record->detail > 0 ? "more" : "fewer");
}

static void
fields_sip(const struct record *record, const struct names *names, struct fields *out)
{
    char text[ADDRESS_TEXT];
    g_autoptr(GString) places = g_string_new(NULL);

    (void)names;
    fields_text(out, "alg", "sip");
    fields_text(out, "method", sip_method_word(record->subject[1]));
    if (record->subject[0])
        fields_number(out, "status", record->subject[0]);
    fields_text(out, "old", address_format(record->after.source, text));
    fields_text(out, "new", address_format(record->after.destination, text));
    for (unsigned i = 0; i < SIP_PLACE_COUNT; i++) {
        if (record->rule & 1u << i)
            g_string_append_printf(places, "%s%s", places->len ? " " : "", sip_alg_place_words[i]);
    }
    fields_text(out, "places", places->str);
    fields_number(out, "longer", record->detail);
}

const struct record_kind alg_sip_kind = {
    "alg-sip", "rewritten", "RFC 8839 section 8", say_sip, fields_sip,
};

static void
say_foreign(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "the ALG sip leaves this message alone: %s", sip_fault_sentence(record->rule));
}

static void
fields_foreign(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "alg", "sip");
    fields_text(out, "fault", sip_fault_word(record->rule));
}

const struct record_kind alg_sip_foreign_kind = {
    "alg-sip-foreign", "not-rewritten", "RFC 3261 section 7", say_foreign, fields_foreign,
};

static const char *const refused_because[] = {
    [ALG_OPEN_OK] = "nothing",
    [ALG_OPEN_NOT_THE_SENDERS] = "the address is not the sender's",
    [ALG_OPEN_LIMIT] = "there are too many pinholes, or mappings",
    [ALG_OPEN_NO_PORT] = "no external port is free",
    [ALG_OPEN_UNSUPPORTED] = "the box can't map such ports",
};

static void
say_refused(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append_printf(out, "the ALG sip leaves this message as it is, because no port can be opened for its media: %s",
                           refused_because[record->rule]);
}

static void
fields_refused(const struct record *record, const struct names *names, struct fields *out)
{
    (void)names;
    fields_text(out, "alg", "sip");
    fields_text(out, "because", refused_because[record->rule]);
}

const struct record_kind alg_sip_refused_kind = {
    "alg-sip-refused", "not-rewritten", "", say_refused, fields_refused,
};
