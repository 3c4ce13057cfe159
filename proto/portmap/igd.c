#include "proto/portmap/igd_private.h"

#include <stdio.h>

#include "proto/http/lex.h"

#define LIST_OPEN "<p:PortMappingList xmlns:p=\"urn:schemas-upnp-org:gw:WANIPConnection\">"
#define LIST_CLOSE "</p:PortMappingList>"
#define LEAST_PORT 1024 /* for callers who have not proved who they are (version 2) */

/* --- arguments --------------------------------------------------------------------------------------------------- */

static const char *
argument(const struct igd_call *call, const char *name)
{
    const char *text = xml_child_text(call->arguments, name);

    return text ? text : "";
}

static bool
number_argument(const struct igd_call *call, const char *name, uint64_t most, uint64_t *value)
{
    return http_decimal(span_of_text(argument(call, name)), value) && *value <= most;
}

static bool
port_argument(const struct igd_call *call, const char *name, uint16_t *port)
{
    uint64_t value;

    if (!number_argument(call, name, UINT16_MAX, &value))
        return false;
    *port = (uint16_t)value;
    return true;
}

static bool
protocol_argument(const struct igd_call *call, uint8_t *protocol)
{
    const char *text = argument(call, "NewProtocol");

    *protocol = g_ascii_strcasecmp(text, "UDP") == 0 ? PROTOCOL_UDP : PROTOCOL_TCP;
    return *protocol == PROTOCOL_UDP || g_ascii_strcasecmp(text, "TCP") == 0;
}

static bool
flag_argument(const struct igd_call *call, const char *name)
{
    const char *text = argument(call, name);

    return g_ascii_strcasecmp(text, "1") == 0 || g_ascii_strcasecmp(text, "true") == 0 ||
           g_ascii_strcasecmp(text, "yes") == 0;
}

static void
put(struct igd_call *call, const char *name, const char *value)
{
    xml_element(call->out, name, value);
}

static void
put_number(struct igd_call *call, const char *name, uint64_t value)
{
    g_string_append_printf(call->out, "<%s>%" G_GUINT64_FORMAT "</%s>", name, value, name);
}

static struct portmap_desk *
desk_of(const struct igd_call *call)
{
    return call->igd->desk;
}

static bool
is_own(const struct igd_call *call, struct address internal)
{
    return desk_of(call)->third_party || address_equal(internal, call->caller);
}

/* --- adding a mapping (WANIPConnection:1 section 2.4.16, :2 sections 2.5.16 and 2.5.17) -------------------------- */

/* Reads what AddPortMapping and AddAnyPortMapping have in common. */
static unsigned
read_wish(const struct igd_call *call, struct portmap_wish *wish)
{
    bool version_2 = call->igd->version >= 2;
    const char *remote = argument(call, "NewRemoteHost");
    uint64_t lease;

    *wish = (struct portmap_wish){ .via = PORTMAP_UPNP, .by_external = true };
    if (!protocol_argument(call, &wish->protocol) || !port_argument(call, "NewExternalPort", &wish->external.port) ||
        !port_argument(call, "NewInternalPort", &wish->internal.port) ||
        !address_parse(argument(call, "NewInternalClient"), &wish->internal.address) ||
        !number_argument(call, "NewLeaseDuration", UINT32_MAX, &lease))
        return UPNP_INVALID_ARGS;
    if (*remote && strcmp(remote, "0.0.0.0") != 0)
        return UPNP_ONLY_WILDCARD_REMOTE;
    if (!flag_argument(call, "NewEnabled"))
        return UPNP_ACTION_FAILED;
    if (wish->internal.port == 0)
        return version_2 ? UPNP_NO_WILDCARD_INTERNAL : UPNP_INVALID_ARGS;
    if (version_2 && lease > IGD_LEASE_MAX)
        return UPNP_OUT_OF_RANGE;
    if (lease == 0)
        lease = version_2 ? IGD_LEASE_MAX : PORTMAP_LIFETIME_FOREVER;
    wish->lifetime = (uint32_t)lease;
    if (!is_own(call, wish->internal.address))
        return UPNP_NOT_AUTHORIZED;
    if (version_2 && !desk_of(call)->third_party && wish->internal.port < LEAST_PORT)
        return UPNP_NOT_AUTHORIZED;
    return UPNP_OK;
}

static unsigned
error_of(const struct igd_call *call, enum portmap_result result)
{
    bool version_2 = call->igd->version >= 2;

    switch (result) {
    case PORTMAP_OK:
        return UPNP_OK;
    case PORTMAP_TAKEN:
        return UPNP_CONFLICT;
    case PORTMAP_NOT_AUTHORIZED:
        return UPNP_NOT_AUTHORIZED;
    case PORTMAP_NO_RESOURCES:
    case PORTMAP_QUOTA:
        return version_2 ? UPNP_NO_PORTS_AVAILABLE : UPNP_ACTION_FAILED;
    default:
        return UPNP_ACTION_FAILED;
    }
}

/* Who has the external port now. `*lease`: the caller's own, to be renewed. */
static unsigned
check_port(const struct igd_call *call, const struct portmap_wish *wish, struct portmap_lease **lease)
{
    struct portmap_desk *desk = desk_of(call);

    *lease = portmap_leases_external(desk->leases, wish->protocol, wish->external.port);
    if (!*lease)
        return UPNP_OK;
    if ((*lease)->via != PORTMAP_UPNP)
        return call->igd->version >= 2 ? UPNP_CONFLICT_WITH_OTHERS : UPNP_CONFLICT;
    if (!address_equal((*lease)->internal.address, wish->internal.address))
        return UPNP_CONFLICT;
    return UPNP_OK;
}

/* The box would renew what the internal endpoint has, and make it ours. */
static bool
is_others(const struct igd_call *call, const struct portmap_wish *wish)
{
    const struct portmap_lease *lease = portmap_leases_internal(desk_of(call)->leases, wish->protocol, wish->internal);

    return lease && lease->via != PORTMAP_UPNP;
}

static unsigned
map(struct igd_call *call, const struct portmap_wish *wish, struct portmap_lease *lease, uint16_t *port)
{
    struct portmap_desk *desk = desk_of(call);
    enum portmap_result result;

    if (is_others(call, wish))
        return UPNP_CONFLICT;
    if (lease && lease->internal.port != wish->internal.port) { /* the caller moves its mapping to another port */
        portmap_desk_unmap(desk, lease);
        lease = NULL;
    }
    result = portmap_desk_map(desk, wish, lease, call->now, &lease);
    if (result != PORTMAP_OK)
        return error_of(call, result);
    g_strlcpy(lease->description, argument(call, "NewPortMappingDescription"), sizeof lease->description);
    *port = lease->external.port;
    *call->served = (struct portmap_served){ .via = PORTMAP_UPNP,
                                             .mapping = true,
                                             .protocol = lease->protocol,
                                             .internal = lease->internal,
                                             .external = lease->external,
                                             .lifetime = portmap_lifetime_left(lease->expires, call->now) };
    return UPNP_OK;
}

static unsigned
add_port_mapping(struct igd_call *call)
{
    struct portmap_wish wish;
    struct portmap_lease *lease;
    uint16_t port;
    unsigned error = read_wish(call, &wish);

    if (error)
        return error;
    if (wish.external.port == 0)
        return UPNP_NO_WILDCARD_EXTERNAL;
    if (call->igd->version >= 2 && !desk_of(call)->third_party && wish.external.port < LEAST_PORT)
        return UPNP_NOT_AUTHORIZED;
    wish.exact = true;
    error = check_port(call, &wish, &lease);
    return error ? error : map(call, &wish, lease, &port);
}

/* Any other port will do when the wanted one is somebody's, or reserved. */
static unsigned
add_any_port_mapping(struct igd_call *call)
{
    struct portmap_wish wish;
    struct portmap_lease *lease;
    uint16_t port = 0;
    unsigned error = read_wish(call, &wish);

    if (error)
        return error;
    if (!desk_of(call)->third_party && wish.external.port < LEAST_PORT)
        wish.external.port = 0;
    if (check_port(call, &wish, &lease) != UPNP_OK || (lease && lease->internal.port != wish.internal.port)) {
        wish.external.port = 0;
        lease = NULL;
    }
    error = map(call, &wish, lease, &port);
    if (!error)
        put_number(call, "NewReservedPort", port);
    return error;
}

/* --- ending ------------------------------------------------------------------------------------------------------ */

static void
end(struct igd_call *call, struct portmap_lease *lease)
{
    *call->served = (struct portmap_served){ .via = PORTMAP_UPNP,
                                             .mapping = true,
                                             .protocol = lease->protocol,
                                             .internal = lease->internal,
                                             .external = lease->external };
    portmap_desk_unmap(desk_of(call), lease);
}

static unsigned
delete_port_mapping(struct igd_call *call)
{
    struct portmap_lease *lease;
    uint16_t port;
    uint8_t protocol;

    if (!protocol_argument(call, &protocol) || !port_argument(call, "NewExternalPort", &port))
        return UPNP_INVALID_ARGS;
    lease = portmap_leases_external(desk_of(call)->leases, protocol, port);
    if (!lease)
        return UPNP_NO_SUCH_ENTRY;
    if (lease->via != PORTMAP_UPNP || !is_own(call, lease->internal.address)) /* it is listed, and stays */
        return UPNP_NOT_AUTHORIZED;
    end(call, lease);
    return UPNP_OK;
}

static bool
range_arguments(const struct igd_call *call, uint16_t *from, uint16_t *to, uint8_t *protocol)
{
    return port_argument(call, "NewStartPort", from) && port_argument(call, "NewEndPort", to) &&
           protocol_argument(call, protocol);
}

static unsigned
delete_range(struct igd_call *call)
{
    struct portmap_leases *leases = desk_of(call)->leases;
    unsigned error = UPNP_MAPPING_NOT_FOUND;
    uint16_t from, to;
    uint8_t protocol;

    if (!range_arguments(call, &from, &to, &protocol))
        return UPNP_INVALID_ARGS;
    if (from > to)
        return UPNP_INCONSISTENT;
    for (size_t i = portmap_leases_count(leases); i-- > 0;) {
        struct portmap_lease *lease = portmap_leases_at(leases, i);

        if (lease->via != PORTMAP_UPNP || lease->protocol != protocol || lease->external.port < from ||
            lease->external.port > to || !is_own(call, lease->internal.address))
            continue;
        end(call, lease);
        error = UPNP_OK;
    }
    return error;
}

/* --- looking ----------------------------------------------------------------------------------------------------- */

static const char *
protocol_word(uint8_t protocol)
{
    return protocol == PROTOCOL_UDP ? "UDP" : "TCP";
}

/* How the entry reads: seconds left, 0 for ever (version 1). */
static uint32_t
lease_seconds(const struct portmap_lease *lease, int64_t now)
{
    uint32_t left = portmap_lifetime_left(lease->expires, now);

    return left == PORTMAP_LIFETIME_FOREVER ? 0 : left;
}

static const char *
describe(const struct portmap_lease *lease)
{
    return lease->via == PORTMAP_UPNP ? lease->description : portmap_via_words[lease->via];
}

static void
put_entry(struct igd_call *call, const struct portmap_lease *lease)
{
    char client[ADDRESS_TEXT];

    put_number(call, "NewInternalPort", lease->internal.port);
    put(call, "NewInternalClient", address_format(lease->internal.address, client));
    put(call, "NewEnabled", "1");
    put(call, "NewPortMappingDescription", describe(lease));
    put_number(call, "NewLeaseDuration", lease_seconds(lease, call->now));
}

static unsigned
get_generic_entry(struct igd_call *call)
{
    struct portmap_leases *leases = desk_of(call)->leases;
    const struct portmap_lease *lease;
    uint64_t index;

    if (!number_argument(call, "NewPortMappingIndex", UINT16_MAX, &index))
        return UPNP_INVALID_ARGS;
    if (index >= portmap_leases_count(leases))
        return UPNP_INDEX_INVALID;
    lease = portmap_leases_at(leases, index);
    put(call, "NewRemoteHost", "");
    put_number(call, "NewExternalPort", lease->external.port);
    put(call, "NewProtocol", protocol_word(lease->protocol));
    put_entry(call, lease);
    return UPNP_OK;
}

static unsigned
get_specific_entry(struct igd_call *call)
{
    const struct portmap_lease *lease;
    uint16_t port;
    uint8_t protocol;

    if (!protocol_argument(call, &protocol) || !port_argument(call, "NewExternalPort", &port))
        return UPNP_INVALID_ARGS;
    lease = portmap_leases_external(desk_of(call)->leases, protocol, port);
    if (!lease)
        return UPNP_NO_SUCH_ENTRY;
    put_entry(call, lease);
    return UPNP_OK;
}

static void
list_entry(GString *list, const struct igd_call *call, const struct portmap_lease *lease)
{
    char client[ADDRESS_TEXT];

    g_string_append_printf(list,
                           "<p:PortMappingEntry><p:NewRemoteHost></p:NewRemoteHost><p:NewExternalPort>%u"
                           "</p:NewExternalPort><p:NewProtocol>%s</p:NewProtocol><p:NewInternalPort>%u"
                           "</p:NewInternalPort><p:NewInternalClient>%s</p:NewInternalClient>"
                           "<p:NewEnabled>1</p:NewEnabled><p:NewDescription>",
                           lease->external.port, protocol_word(lease->protocol), lease->internal.port,
                           address_format(lease->internal.address, client));
    xml_escape(list, describe(lease));
    g_string_append_printf(list, "</p:NewDescription><p:NewLeaseTime>%u</p:NewLeaseTime></p:PortMappingEntry>",
                           lease_seconds(lease, call->now));
}

static unsigned
get_list(struct igd_call *call)
{
    struct portmap_leases *leases = desk_of(call)->leases;
    g_autoptr(GString) list = g_string_new(LIST_OPEN);
    bool all = flag_argument(call, "NewManage") && desk_of(call)->third_party;
    uint64_t most, found = 0;
    uint16_t from, to;
    uint8_t protocol;

    if (!range_arguments(call, &from, &to, &protocol) || !number_argument(call, "NewNumberOfPorts", UINT16_MAX, &most))
        return UPNP_INVALID_ARGS;
    if (from > to)
        return UPNP_INCONSISTENT;
    for (size_t i = 0; i < portmap_leases_count(leases) && (most == 0 || found < most); i++) {
        const struct portmap_lease *lease = portmap_leases_at(leases, i);

        if (lease->protocol != protocol || lease->external.port < from || lease->external.port > to ||
            (!all && !address_equal(lease->internal.address, call->caller)))
            continue;
        list_entry(list, call, lease);
        found++;
    }
    if (found == 0)
        return UPNP_MAPPING_NOT_FOUND;
    g_string_append(list, LIST_CLOSE);
    put(call, "NewPortListing", list->str);
    return UPNP_OK;
}

/* --- the connection ---------------------------------------------------------------------------------------------- */

static unsigned
get_external_address(struct igd_call *call)
{
    struct portmap_control *control = desk_of(call)->control;
    struct address external = control->ops->external_address(control, call->caller);
    char text[ADDRESS_TEXT];

    put(call, "NewExternalIPAddress", address_is_unspecified(external) ? "" : address_format(external, text));
    return UPNP_OK;
}

static unsigned
get_status(struct igd_call *call)
{
    put(call, "NewConnectionStatus", "Connected");
    put(call, "NewLastConnectionError", "ERROR_NONE");
    put_number(call, "NewUptime", (uint64_t)((call->now - desk_of(call)->began) / TIME_S));
    return UPNP_OK;
}

static unsigned
get_nat_status(struct igd_call *call)
{
    put(call, "NewRSIPAvailable", "0");
    put(call, "NewNATEnabled", "1");
    return UPNP_OK;
}

static unsigned
get_connection_type(struct igd_call *call)
{
    put(call, "NewConnectionType", "IP_Routed");
    put(call, "NewPossibleConnectionTypes", "IP_Routed");
    return UPNP_OK;
}

/* The type can be set while there is no connection only, and there is one always. */
static unsigned
set_connection_type(struct igd_call *call)
{
    (void)call;
    return UPNP_INACTIVE_CONNECTION;
}

static unsigned
request_connection(struct igd_call *call)
{
    (void)call;
    return UPNP_OK;
}

static unsigned
force_termination(struct igd_call *call)
{
    (void)call;
    return UPNP_NOT_AUTHORIZED;
}

static unsigned
get_link_properties(struct igd_call *call)
{
    put(call, "NewWANAccessType", "Ethernet");
    put_number(call, "NewLayer1UpstreamMaxBitRate", 1000000000);
    put_number(call, "NewLayer1DownstreamMaxBitRate", 1000000000);
    put(call, "NewPhysicalLinkStatus", "Up");
    return UPNP_OK;
}

static unsigned
get_default_service(struct igd_call *call)
{
    g_autofree char *service =
        g_strdup_printf("uuid:%s:WANConnectionDevice:1,urn:upnp-org:serviceId:WANIPConn1", call->igd->uuid);

    put(call, "NewDefaultConnectionService", service);
    return UPNP_OK;
}

/* --- tables ------------------------------------------------------------------------------------------------------ */

#define IN(name, variable)                                                                                             \
    {                                                                                                                  \
        name, variable, false                                                                                          \
    }
#define OUT(name, variable)                                                                                            \
    {                                                                                                                  \
        name, variable, true                                                                                           \
    }
#define ENTRY_KEY                                                                                                      \
    IN("NewRemoteHost", "RemoteHost"), IN("NewExternalPort", "ExternalPort"), IN("NewProtocol", "PortMappingProtocol")
#define ENTRY_IN                                                                                                       \
    IN("NewInternalPort", "InternalPort"), IN("NewInternalClient", "InternalClient"),                                  \
        IN("NewEnabled", "PortMappingEnabled"), IN("NewPortMappingDescription", "PortMappingDescription"),             \
        IN("NewLeaseDuration", "PortMappingLeaseDuration")
#define ENTRY_OUT                                                                                                      \
    OUT("NewInternalPort", "InternalPort"), OUT("NewInternalClient", "InternalClient"),                                \
        OUT("NewEnabled", "PortMappingEnabled"), OUT("NewPortMappingDescription", "PortMappingDescription"),           \
        OUT("NewLeaseDuration", "PortMappingLeaseDuration")
#define RANGE                                                                                                          \
    IN("NewStartPort", "ExternalPort"), IN("NewEndPort", "ExternalPort"), IN("NewProtocol", "PortMappingProtocol"),    \
        IN("NewManage", "A_ARG_TYPE_Manage")

static const struct igd_action connection_actions[] = {
    { "SetConnectionType", 1, set_connection_type, { IN("NewConnectionType", "ConnectionType") } },
    { "GetConnectionTypeInfo",
      1,
      get_connection_type,
      { OUT("NewConnectionType", "ConnectionType"), OUT("NewPossibleConnectionTypes", "PossibleConnectionTypes") } },
    { "RequestConnection", 1, request_connection, { { NULL, NULL, false } } },
    { "ForceTermination", 1, force_termination, { { NULL, NULL, false } } },
    { "GetStatusInfo",
      1,
      get_status,
      { OUT("NewConnectionStatus", "ConnectionStatus"), OUT("NewLastConnectionError", "LastConnectionError"),
        OUT("NewUptime", "Uptime") } },
    { "GetNATRSIPStatus",
      1,
      get_nat_status,
      { OUT("NewRSIPAvailable", "RSIPAvailable"), OUT("NewNATEnabled", "NATEnabled") } },
    { "GetGenericPortMappingEntry",
      1,
      get_generic_entry,
      { IN("NewPortMappingIndex", "PortMappingNumberOfEntries"), OUT("NewRemoteHost", "RemoteHost"),
        OUT("NewExternalPort", "ExternalPort"), OUT("NewProtocol", "PortMappingProtocol"), ENTRY_OUT } },
    { "GetSpecificPortMappingEntry", 1, get_specific_entry, { ENTRY_KEY, ENTRY_OUT } },
    { "AddPortMapping", 1, add_port_mapping, { ENTRY_KEY, ENTRY_IN } },
    { "DeletePortMapping", 1, delete_port_mapping, { ENTRY_KEY } },
    { "GetExternalIPAddress", 1, get_external_address, { OUT("NewExternalIPAddress", "ExternalIPAddress") } },
    { "AddAnyPortMapping", 2, add_any_port_mapping, { ENTRY_KEY, ENTRY_IN, OUT("NewReservedPort", "ExternalPort") } },
    { "DeletePortMappingRange", 2, delete_range, { RANGE } },
    { "GetListOfPortMappings",
      2,
      get_list,
      { RANGE, IN("NewNumberOfPorts", "PortMappingNumberOfEntries"),
        OUT("NewPortListing", "A_ARG_TYPE_PortListing") } },
};

static const struct igd_variable connection_variables[] = {
    { "ConnectionType", "string", NULL },
    { "PossibleConnectionTypes", "string", "Unconfigured,IP_Routed,IP_Bridged" },
    { "ConnectionStatus", "string", "Unconfigured,Connecting,Connected,PendingDisconnect,Disconnecting,Disconnected" },
    { "LastConnectionError", "string", "ERROR_NONE" },
    { "Uptime", "ui4", NULL },
    { "RSIPAvailable", "boolean", NULL },
    { "NATEnabled", "boolean", NULL },
    { "ExternalIPAddress", "string", NULL },
    { "PortMappingNumberOfEntries", "ui2", NULL },
    { "PortMappingEnabled", "boolean", NULL },
    { "PortMappingLeaseDuration", "ui4", NULL },
    { "RemoteHost", "string", NULL },
    { "ExternalPort", "ui2", NULL },
    { "InternalPort", "ui2", NULL },
    { "PortMappingProtocol", "string", "TCP,UDP" },
    { "InternalClient", "string", NULL },
    { "PortMappingDescription", "string", NULL },
    { "A_ARG_TYPE_Manage", "boolean", NULL },
    { "A_ARG_TYPE_PortListing", "string", NULL },
};

static const struct igd_action common_actions[] = {
    { "GetCommonLinkProperties",
      1,
      get_link_properties,
      { OUT("NewWANAccessType", "WANAccessType"), OUT("NewLayer1UpstreamMaxBitRate", "Layer1UpstreamMaxBitRate"),
        OUT("NewLayer1DownstreamMaxBitRate", "Layer1DownstreamMaxBitRate"),
        OUT("NewPhysicalLinkStatus", "PhysicalLinkStatus") } },
};

static const struct igd_variable common_variables[] = {
    { "WANAccessType", "string", "DSL,POTS,Cable,Ethernet" },
    { "Layer1UpstreamMaxBitRate", "ui4", NULL },
    { "Layer1DownstreamMaxBitRate", "ui4", NULL },
    { "PhysicalLinkStatus", "string", "Up,Down" },
};

static const struct igd_action forwarding_actions[] = {
    { "GetDefaultConnectionService",
      1,
      get_default_service,
      { OUT("NewDefaultConnectionService", "DefaultConnectionService") } },
};

static const struct igd_variable forwarding_variables[] = { { "DefaultConnectionService", "string", NULL } };

#define TABLE(table) table, G_N_ELEMENTS(table)

const struct igd_service igd_services[IGD_SERVICES] = {
    [IGD_FORWARDING] = { "Layer3Forwarding", "L3Forwarding1", 1, "/l3f.xml", "/control/l3f", "/event/l3f",
                         TABLE(forwarding_actions), TABLE(forwarding_variables) },
    [IGD_COMMON] = { "WANCommonInterfaceConfig", "WANCommonIFC1", 1, "/common.xml", "/control/common", "/event/common",
                     TABLE(common_actions), TABLE(common_variables) },
    [IGD_CONNECTION] = { "WANIPConnection", "WANIPConn1", 2, "/connection.xml", "/control/connection",
                         "/event/connection", TABLE(connection_actions), TABLE(connection_variables) },
};

const char *
igd_service_type(const struct igd *igd, const struct igd_service *service)
{
    static const char *const types[IGD_SERVICES][2] = {
        [IGD_FORWARDING] = { "urn:schemas-upnp-org:service:Layer3Forwarding:1",
                             "urn:schemas-upnp-org:service:Layer3Forwarding:1" },
        [IGD_COMMON] = { "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1",
                         "urn:schemas-upnp-org:service:WANCommonInterfaceConfig:1" },
        [IGD_CONNECTION] = { "urn:schemas-upnp-org:service:WANIPConnection:1",
                             "urn:schemas-upnp-org:service:WANIPConnection:2" },
    };

    return types[service - igd_services][igd->version >= 2];
}

unsigned
igd_call(const struct igd *igd, struct span path, struct span action, const struct xml_node *arguments,
         struct address caller, int64_t now, GString *out, const char **service, struct portmap_served *served)
{
    struct igd_call call = { igd, arguments, caller, now, out, served };

    *served = (struct portmap_served){ .via = PORTMAP_UPNP };
    portmap_leases_expire(igd->desk->leases, now);
    for (size_t i = 0; i < IGD_SERVICES; i++) {
        if (!http_span_is(path, igd_services[i].control))
            continue;
        *service = igd_service_type(igd, &igd_services[i]);
        for (size_t j = 0; j < igd_services[i].action_count; j++) {
            const struct igd_action *known = &igd_services[i].actions[j];

            if (http_span_is(action, known->name) && known->since <= igd->version)
                return known->run(&call);
        }
    }
    return UPNP_INVALID_ACTION;
}
