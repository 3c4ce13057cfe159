/* Services: servers that a scenario puts on a node in one call. The engines are those of proto/; what stands here gives
 * them a node, and an owner: a service belongs to the world and stays good until the lab is freed, stopped or not. */
#ifndef SCENARIOS_LAB_SERVICES_H
#define SCENARIOS_LAB_SERVICES_H

#include "core/net/node.h"
#include "proto/stun/server.h"

struct service;

/* A STUN Binding server. `options` NULL: STUN_SERVER_DEFAULTS, UDP and TCP port 3478 on all addresses of the node. Here
 * and below: NULL and `*why` when a socket can't be opened. */
struct service *service_start_stun(struct node *node, const struct stun_server_options *options, enum io_result *why);

/* The service frees these users with itself: those whom its server has borrowed. */
void service_take_users(struct service *service, struct stun_users *users);

/* Closes its sockets; nothing when that has been done. */
void service_stop(struct service *service);
bool service_running(const struct service *service);

/* Where it listens, or did: an address of the node and the port, for clients. */
struct endpoint service_endpoint(const struct service *service);

/* What it has counted, up to now or to its stop: fills `rows` and returns how many there are. */
struct service_counter {
    const char *name;
    uint64_t value;
};
#define SERVICE_COUNTERS_MOST 24
size_t service_counters(const struct service *service, struct service_counter rows[SERVICE_COUNTERS_MOST]);
/* The one of that name, which there must be. */
uint64_t service_counter(const struct service *service, const char *name);

/* --- for the files that start one */

/* What a kind of server must be able to say; `server` is the engine. */
struct service_kind {
    void (*free)(void *server);
    struct endpoint (*local)(const void *server);
    size_t (*counters)(const void *server, struct service_counter *rows);
};

/* Takes over a server that runs on `node`. */
struct service *service_take(struct node *node, const struct service_kind *kind, void *server);
/* NULL when it has been stopped. */
void *service_server(const struct service *service);

#endif
