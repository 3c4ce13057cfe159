/* TURN servers as services of a node: see services.h. */
#ifndef SCENARIOS_LAB_RELAYS_H
#define SCENARIOS_LAB_RELAYS_H

#include "proto/turn/server.h"
#include "scenarios/lab/services.h"

/* `options` NULL: TURN_SERVER_DEFAULTS. `options->users` are given over with service_take_users. */
struct service *service_start_turn(struct node *node, const struct turn_server_options *options, enum io_result *why);

#endif
