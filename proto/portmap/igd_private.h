/* The tables of the gateway device: igd.c has the actions, igd_description.c the documents made of the same tables. */
#ifndef PROTO_PORTMAP_IGD_PRIVATE_H
#define PROTO_PORTMAP_IGD_PRIVATE_H

#include "proto/portmap/igd.h"

#define IGD_ARGUMENTS 9

struct igd_argument {
    const char *name;
    const char *variable; /* the related state variable */
    bool out;
};

/* One call under way. */
struct igd_call {
    const struct igd *igd;
    const struct xml_node *arguments;
    struct address caller;
    int64_t now;
    GString *out;
    struct portmap_served *served;
};

struct igd_action {
    const char *name;
    unsigned since; /* version */
    unsigned (*run)(struct igd_call *call);
    struct igd_argument arguments[IGD_ARGUMENTS]; /* ends with a NULL name, or is full */
};

struct igd_variable {
    const char *name, *type;
    const char *values; /* comma-separated; NULL: any */
};

struct igd_service {
    const char *type, *id;                      /* without version; "WANIPConnection", "WANIPConn1" */
    unsigned version_most;                      /* it has the device's version, but not more than this */
    const char *description, *control, *events; /* paths */
    const struct igd_action *actions;
    size_t action_count;
    const struct igd_variable *variables;
    size_t variable_count;
};

enum { IGD_FORWARDING, IGD_COMMON, IGD_CONNECTION, IGD_SERVICES };
extern const struct igd_service igd_services[IGD_SERVICES];

/* "urn:schemas-upnp-org:service:WANIPConnection:2" */
const char *igd_service_type(const struct igd *igd, const struct igd_service *service);

#endif
