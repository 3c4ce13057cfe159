/* SIP servers as services of a node: see services.h. */
#ifndef SCENARIOS_LAB_EXCHANGES_H
#define SCENARIOS_LAB_EXCHANGES_H

#include "proto/sip/exchange.h"
#include "scenarios/lab/services.h"

struct service *service_start_sip(struct node *node, const struct sip_exchange_options *options, enum io_result *why);

#endif
