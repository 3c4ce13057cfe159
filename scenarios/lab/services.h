/* Services: servers that a scenario puts on a node in one call. The engines are those of proto/; what stands here gives
 * them a node, and an owner: a service belongs to the world and stays good until the lab is freed, stopped or not. */
#ifndef SCENARIOS_LAB_SERVICES_H
#define SCENARIOS_LAB_SERVICES_H

#include "core/net/node.h"
#include "proto/stun/server.h"

/* A STUN Binding server. */
struct stun_service;

/* `options` NULL: STUN_SERVER_DEFAULTS, UDP and TCP port 3478 on all addresses of the node. NULL and `*why` when a
 * socket can't be opened. */
struct stun_service *stun_service_start(struct node *node, const struct stun_server_options *options,
                                        enum io_result *why);
/* Closes its sockets; nothing when that has been done. */
void stun_service_stop(struct stun_service *service);

bool stun_service_running(const struct stun_service *service);
/* Where it listens, or did: an address of the node and the port, for clients. */
struct endpoint stun_service_endpoint(const struct stun_service *service);
/* What it has counted, up to now or to its stop. */
struct stun_server_counters stun_service_counters(const struct stun_service *service);

#endif
