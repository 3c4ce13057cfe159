#include "proto/portmap/igd_private.h"

#include <stdio.h>

#include "proto/http/lex.h"

/* --- what can be searched for (UPnP Device Architecture 1.1 section 1.2.2) --------------------------------------- */

enum { DEVICE_GATEWAY, DEVICE_WAN, DEVICE_CONNECTION, DEVICES };

static const char *const device_types[DEVICES] = { "InternetGatewayDevice", "WANDevice", "WANConnectionDevice" };

/* Each device has a name of its own: the UUID, with its last digit counted on. */
static void
uuid_of(const struct igd *igd, size_t device, char uuid[IGD_UUID])
{
    static const char digits[] = "0123456789abcdef";
    const char *last;

    g_strlcpy(uuid, igd->uuid, IGD_UUID);
    last = strchr(digits, uuid[IGD_UUID - 2]);
    uuid[IGD_UUID - 2] = digits[((size_t)(last ? last - digits : 0) + device) % 16];
}

/* The device that a service is of. */
static size_t
device_of(size_t service)
{
    return service == IGD_FORWARDING ? DEVICE_GATEWAY : service == IGD_COMMON ? DEVICE_WAN : DEVICE_CONNECTION;
}

static void
fill(struct igd_target *target, const char *uuid, const char *type)
{
    g_strlcpy(target->type, type, sizeof target->type);
    snprintf(target->name, sizeof target->name, "uuid:%s::%s", uuid, type);
}

/* In this order: the root, each device by its name and by its type, each service. */
bool
igd_target_at(const struct igd *igd, size_t index, unsigned version, struct igd_target *target)
{
    size_t device = index == 0 ? DEVICE_GATEWAY : (index - 1) / 2, service = index - 1 - 2 * DEVICES;
    char uuid[IGD_UUID], type[96];

    if (index > 2 * DEVICES && service >= IGD_SERVICES)
        return false;
    uuid_of(igd, index > 2 * DEVICES ? device_of(service) : device, uuid);
    if (index == 0) {
        fill(target, uuid, "upnp:rootdevice");
    } else if (index > 2 * DEVICES) {
        const struct igd_service *of = &igd_services[service];

        snprintf(type, sizeof type, "urn:schemas-upnp-org:service:%s:%u", of->type,
                 version ? version : MIN(igd->version, of->version_most));
        fill(target, uuid, type);
    } else if (index % 2 == 0) {
        snprintf(type, sizeof type, "urn:schemas-upnp-org:device:%s:%u", device_types[device],
                 version ? version : igd->version);
        fill(target, uuid, type);
    } else {
        snprintf(target->type, sizeof target->type, "uuid:%s", uuid);
        g_strlcpy(target->name, target->type, sizeof target->name);
    }
    return true;
}

bool
igd_target_matches(const struct igd *igd, size_t index, struct span wanted, unsigned *version)
{
    struct igd_target target;

    *version = 0;
    if (!igd_target_at(igd, index, 0, &target))
        return false;
    if (http_span_is(wanted, "ssdp:all") || http_span_is(wanted, target.type))
        return true;
    for (unsigned lower = 1; lower < igd->version; lower++) { /* who asks for less is content with more */
        struct igd_target older;

        *version = lower;
        if (strncmp(target.type, "urn:", 4) == 0 && igd_target_at(igd, index, lower, &older) &&
            http_span_is(wanted, older.type))
            return true;
    }
    return false;
}

/* --- the device's description (UDA section 2.3) ------------------------------------------------------------------ */

static void
put_service(GString *out, const struct igd *igd, size_t index)
{
    const struct igd_service *service = &igd_services[index];

    g_string_append(out, "<service>");
    xml_element(out, "serviceType", igd_service_type(igd, service));
    g_string_append_printf(out, "<serviceId>urn:upnp-org:serviceId:%s</serviceId>", service->id);
    xml_element(out, "SCPDURL", service->description);
    xml_element(out, "controlURL", service->control);
    xml_element(out, "eventSubURL", service->events);
    g_string_append(out, "</service>");
}

static void
put_device_head(GString *out, const struct igd *igd, size_t device)
{
    char uuid[IGD_UUID];

    uuid_of(igd, device, uuid);
    g_string_append_printf(out, "<device><deviceType>urn:schemas-upnp-org:device:%s:%u</deviceType>",
                           device_types[device], igd->version);
    xml_element(out, "friendlyName", igd->name);
    xml_element(out, "manufacturer", "punchlab");
    xml_element(out, "modelName", "punchlab NAT");
    g_string_append_printf(out, "<UDN>uuid:%s</UDN><serviceList>", uuid);
    for (size_t i = 0; i < IGD_SERVICES; i++) {
        if (device_of(i) == device)
            put_service(out, igd, i);
    }
    g_string_append(out, "</serviceList>");
}

static void
put_device(GString *out, const struct igd *igd)
{
    g_string_append(out, "<?xml version=\"1.0\"?>\r\n<root xmlns=\"urn:schemas-upnp-org:device-1-0\">"
                         "<specVersion><major>1</major><minor>1</minor></specVersion>");
    for (size_t device = 0; device < DEVICES; device++) {
        put_device_head(out, igd, device);
        if (device + 1 < DEVICES)
            g_string_append(out, "<deviceList>");
    }
    for (size_t device = DEVICES; device-- > 0;)
        g_string_append(out, device > 0 ? "</device></deviceList>" : "</device></root>\r\n");
}

/* --- a service's description (UDA section 2.5) ------------------------------------------------------------------- */

static void
put_action(GString *out, const struct igd_action *action)
{
    g_string_append(out, "<action>");
    xml_element(out, "name", action->name);
    g_string_append(out, "<argumentList>");
    for (size_t i = 0; i < IGD_ARGUMENTS && action->arguments[i].name; i++) {
        g_string_append(out, "<argument>");
        xml_element(out, "name", action->arguments[i].name);
        xml_element(out, "direction", action->arguments[i].out ? "out" : "in");
        xml_element(out, "relatedStateVariable", action->arguments[i].variable);
        g_string_append(out, "</argument>");
    }
    g_string_append(out, "</argumentList></action>");
}

static void
put_variable(GString *out, const struct igd_variable *variable)
{
    g_string_append(out, "<stateVariable sendEvents=\"no\">");
    xml_element(out, "name", variable->name);
    xml_element(out, "dataType", variable->type);
    if (variable->values) {
        g_auto(GStrv) values = g_strsplit(variable->values, ",", -1);

        g_string_append(out, "<allowedValueList>");
        for (char **value = values; *value; value++)
            xml_element(out, "allowedValue", *value);
        g_string_append(out, "</allowedValueList>");
    }
    g_string_append(out, "</stateVariable>");
}

static void
put_scpd(GString *out, const struct igd *igd, const struct igd_service *service)
{
    g_string_append(out, "<?xml version=\"1.0\"?>\r\n<scpd xmlns=\"urn:schemas-upnp-org:service-1-0\">"
                         "<specVersion><major>1</major><minor>1</minor></specVersion><actionList>");
    for (size_t i = 0; i < service->action_count; i++) {
        if (service->actions[i].since <= igd->version)
            put_action(out, &service->actions[i]);
    }
    g_string_append(out, "</actionList><serviceStateTable>");
    for (size_t i = 0; i < service->variable_count; i++)
        put_variable(out, &service->variables[i]);
    g_string_append(out, "</serviceStateTable></scpd>\r\n");
}

bool
igd_describe(const struct igd *igd, struct span path, GString *out)
{
    if (http_span_is(path, IGD_PATH_DEVICE)) {
        put_device(out, igd);
        return true;
    }
    for (size_t i = 0; i < IGD_SERVICES; i++) {
        if (http_span_is(path, igd_services[i].description)) {
            put_scpd(out, igd, &igd_services[i]);
            return true;
        }
    }
    return false;
}
