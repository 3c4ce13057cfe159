/* A server of PCP (RFC 6887) and NAT-PMP (RFC 6886): port 5351 of a box's inside addresses. What it answers is decided
 * at the desk (desk.h), which it shares with a server of UPnP. It answers only who is inside: from an address of one of
 * the inside networks, to an inside address.
 *
 * `portmap_server_announce` tells all hosts inside that the box has started, or has another external address: ten times,
 * 250 ms apart at first and then twice as long each time (RFC 6886 section 3.2.1, RFC 6887 section 14.1). */
#ifndef PROTO_PORTMAP_SERVER_H
#define PROTO_PORTMAP_SERVER_H

#include "core/base/io.h"
#include "proto/portmap/desk.h"

#define PORTMAP_SERVER_INSIDE 8

struct portmap_server;
typedef struct portmap_server portmap_server;

struct portmap_server_options {
    struct portmap_desk *desk;   /* borrowed, outlives the server */
    const struct prefix *inside; /* each an inside address with its network: "10.0.0.1/24" */
    size_t insides;              /* 1 to PORTMAP_SERVER_INSIDE */
};

struct portmap_server_counters {
    uint64_t datagrams, served, refused, dropped, unsent, announcements;
};

/* NULL and `*why` when a port cannot be had. `io` is borrowed and outlives the server. */
struct portmap_server *portmap_server_new(struct io *io, const struct portmap_server_options *options,
                                          enum io_result *why);
void portmap_server_free(struct portmap_server *server);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(portmap_server, portmap_server_free)

void portmap_server_announce(struct portmap_server *server);
const struct portmap_server_counters *portmap_server_counters(const struct portmap_server *server);

#endif
