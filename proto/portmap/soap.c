#include "proto/portmap/soap.h"

#include "proto/http/lex.h"

#define ENVELOPE                                                                                                       \
    "<?xml version=\"1.0\"?>\r\n"                                                                                      \
    "<s:Envelope xmlns:s=\"http://schemas.xmlsoap.org/soap/envelope/\" "                                               \
    "s:encodingStyle=\"http://schemas.xmlsoap.org/soap/encoding/\"><s:Body>"
#define ENVELOPE_END "</s:Body></s:Envelope>\r\n"

static const struct {
    unsigned code;
    const char *description;
} errors[] = {
#define X(name, code, description) { code, description },
    UPNP_ERRORS(X)
#undef X
};

const char *
upnp_error_description(unsigned code)
{
    for (size_t i = 0; i < G_N_ELEMENTS(errors); i++) {
        if (errors[i].code == code)
            return errors[i].description;
    }
    return "";
}

void
soap_put_request(GString *out, const char *service, const char *action, const struct soap_argument *arguments)
{
    g_string_append(out, ENVELOPE);
    g_string_append_printf(out, "<u:%s xmlns:u=\"%s\">", action, service);
    for (; arguments->name; arguments++)
        xml_element(out, arguments->name, arguments->value);
    g_string_append_printf(out, "</u:%s>" ENVELOPE_END, action);
}

void
soap_put_response(GString *out, const char *service, const char *action, const char *arguments_xml)
{
    g_string_append(out, ENVELOPE);
    g_string_append_printf(out, "<u:%sResponse xmlns:u=\"%s\">%s</u:%sResponse>" ENVELOPE_END, action, service,
                           arguments_xml, action);
}

void
soap_put_fault(GString *out, unsigned code)
{
    g_string_append_printf(out,
                           ENVELOPE "<s:Fault><faultcode>s:Client</faultcode><faultstring>UPnPError</faultstring>"
                                    "<detail><UPnPError xmlns=\"urn:schemas-upnp-org:control-1-0\">"
                                    "<errorCode>%u</errorCode><errorDescription>%s</errorDescription>"
                                    "</UPnPError></detail></s:Fault>" ENVELOPE_END,
                           code, upnp_error_description(code));
}

bool
soap_read_action(struct span field, struct span *service, struct span *action)
{
    field = http_trim(field);
    if (field.length >= 2 && field.bytes[0] == '"' && field.bytes[field.length - 1] == '"')
        field = span_of(field.bytes + 1, field.length - 2);
    *service = http_cut(&field, '#');
    *action = field;
    return service->length > 0 && http_is_token(*action);
}

const struct xml_node *
soap_body(const struct xml *xml)
{
    const struct xml_node *root = xml_root(xml), *body;

    if (strcmp(root->name, "Envelope") != 0 || !(body = xml_child(root, "Body")))
        return NULL;
    return body->child;
}

unsigned
soap_fault_code(const struct xml_node *body)
{
    const struct xml_node *error = strcmp(body->name, "Fault") == 0 ? xml_find(body, "UPnPError") : NULL;
    const char *code = error ? xml_child_text(error, "errorCode") : NULL;
    uint64_t value;

    return code && http_decimal(span_of_text(code), &value) && value < 1000 ? (unsigned)value : 0;
}
