/* A routing table: longest prefix first, O(1) in the number of routes.
 *
 * One hash look-up for each prefix length in use, the longest first: an internet full of single addresses is found at
 * the first. Prefixes of both families live in one table. */
#ifndef CORE_NET_ROUTES_H
#define CORE_NET_ROUTES_H

#include "core/net/node.h"

struct route {
    struct prefix prefix; /* host bits cleared */
    struct port *port;
    struct address gateway;
};

struct routes *routes_new(void);
void routes_free(struct routes *routes);

/* Adds a route, or replaces the one to the same prefix. */
void routes_set(struct routes *routes, const struct route *route);
void routes_remove(struct routes *routes, struct prefix prefix);
/* Takes out all routes by this port; goes through all there are. */
void routes_remove_port(struct routes *routes, const struct port *port);

/* How many places it has: those of routes, and free ones. */
uint32_t routes_places(const struct routes *routes);

/* The route with the longest prefix that `address` is in, or NULL. Good until the table changes. */
const struct route *routes_find(const struct routes *routes, struct address address);

#endif
