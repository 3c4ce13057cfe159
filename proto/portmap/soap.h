/* SOAP as UPnP uses it (UPnP Device Architecture 1.1 section 3): an action of a service with named arguments, its
 * response, or a fault with a code. Pure but for the strings that are built. */
#ifndef PROTO_PORTMAP_SOAP_H
#define PROTO_PORTMAP_SOAP_H

#include "core/base/span.h"
#include "proto/portmap/xml.h"

#define SOAP_TYPE "text/xml; charset=\"utf-8\""
#define SOAP_ACTION_FIELD "SOAPAction"

/* clang-format off */
/* UDA section 3.2.2, WANIPConnection:1 section 2.4, WANIPConnection:2 section 2.5.  code, description */
#define UPNP_ERRORS(X) \
    X(INVALID_ACTION,           401, "Invalid Action") \
    X(INVALID_ARGS,             402, "Invalid Args") \
    X(ACTION_FAILED,            501, "Action Failed") \
    X(OUT_OF_RANGE,             601, "Argument Value Out of Range") \
    X(NOT_AUTHORIZED,           606, "Action not authorized") \
    X(INACTIVE_CONNECTION,      703, "InactiveConnectionStateRequired") \
    X(INDEX_INVALID,            713, "SpecifiedArrayIndexInvalid") \
    X(NO_SUCH_ENTRY,            714, "NoSuchEntryInArray") \
    X(NO_WILDCARD_SOURCE,       715, "WildCardNotPermittedInSrcIP") \
    X(NO_WILDCARD_EXTERNAL,     716, "WildCardNotPermittedInExtPort") \
    X(CONFLICT,                 718, "ConflictInMappingEntry") \
    X(SAME_PORTS_REQUIRED,      724, "SamePortValuesRequired") \
    X(ONLY_PERMANENT,           725, "OnlyPermanentLeasesSupported") \
    X(ONLY_WILDCARD_REMOTE,     726, "RemoteHostOnlySupportsWildcard") \
    X(ONLY_WILDCARD_EXTERNAL,   727, "ExternalPortOnlySupportsWildcard") \
    X(NO_PORTS_AVAILABLE,       728, "NoPortMapsAvailable") \
    X(CONFLICT_WITH_OTHERS,     729, "ConflictWithOtherMechanisms") \
    X(MAPPING_NOT_FOUND,        730, "PortMappingNotFound") \
    X(NO_WILDCARD_INTERNAL,     732, "WildCardNotPermittedInIntPort") \
    X(INCONSISTENT,             733, "InconsistentParameters")

enum upnp_error {
    UPNP_OK = 0,
#define X(name, code, description) UPNP_##name = code,
    UPNP_ERRORS(X)
#undef X
};
/* clang-format on */

/* "ConflictInMappingEntry"; "" for a code that has no name here. */
const char *upnp_error_description(unsigned code);

struct soap_argument {
    const char *name, *value;
};

/* Appends a request, a response, a fault. `arguments` ends with a NULL name. */
void soap_put_request(GString *out, const char *service, const char *action, const struct soap_argument *arguments);
void soap_put_response(GString *out, const char *service, const char *action, const char *arguments_xml);
void soap_put_fault(GString *out, unsigned code);

/* What SOAPAction says, "urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping", in quotes or not. */
bool soap_read_action(struct span field, struct span *service, struct span *action);

/* The element in the body: the action's, its response's or the fault's. NULL when it is no SOAP message. */
const struct xml_node *soap_body(const struct xml *xml);
/* The code of a fault; 0 when `body` is none, or has no code. */
unsigned soap_fault_code(const struct xml_node *body);

#endif
