/* A server of UPnP IGD in a box: SSDP on UDP port 1900, the descriptions and actions of igd.h over HTTP on its inside
 * addresses. It answers only who is inside. Responses to a search are spread over the time that the search allows (UPnP
 * Device Architecture 1.1 section 1.3.3). */
#ifndef PROTO_PORTMAP_UPNP_SERVER_H
#define PROTO_PORTMAP_UPNP_SERVER_H

#include "core/base/io.h"
#include "proto/portmap/igd.h"

#define UPNP_HTTP_PORT 5000
#define UPNP_SERVER_INSIDE 8

struct upnp_server;
typedef struct upnp_server upnp_server;

struct upnp_server_options {
    struct portmap_desk *desk;   /* borrowed, outlives the server */
    const struct prefix *inside; /* each an inside address with its network: "10.0.0.1/24" */
    size_t insides;              /* 1 to UPNP_SERVER_INSIDE */
    unsigned version;            /* 1 or 2 */
    uint16_t port;               /* of HTTP; 0: UPNP_HTTP_PORT */
    const char *name;            /* of the box, for people */
};

struct upnp_server_counters {
    uint64_t searches, responses, announcements; /* of SSDP */
    uint64_t dropped;                            /* datagrams, and connections of outsiders' */
    uint64_t actions, faults;
};

/* NULL and `*why` when a port cannot be had. `io` is borrowed and outlives the server. */
struct upnp_server *upnp_server_new(struct io *io, const struct upnp_server_options *options, enum io_result *why);
/* Silent. */
void upnp_server_free(struct upnp_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(upnp_server, upnp_server_free)

/* Tells all inside that the device is here, now and again before each time that this is forgotten; that it goes. */
void upnp_server_announce(struct upnp_server *server);
void upnp_server_farewell(struct upnp_server *server);

const struct upnp_server_counters *upnp_server_counters(const struct upnp_server *server);

#endif
