/* What a host knows of the paths to its IPv6 destinations: their MTU, where a router has said that it is smaller than
 * that of the own link (RFC 8201).
 *
 * An estimate is forgotten after ten minutes, so that a path that has become wider is found out (section 4). At most
 * PATHS_MAX destinations are known; one more takes the place of the one that was learned first. */
#ifndef CORE_NET_PATHS_H
#define CORE_NET_PATHS_H

#include "core/base/address.h"
#include "core/base/time.h"

#define PATHS_MAX 1024
#define PATHS_TIME (10 * TIME_MIN)

struct paths;

/* A "packet too big" about a packet to `peer`, which the caller believes. A value below 1280, or above what is known, is
 * not taken (section 4). `*paths` is made at the first. */
void paths_learn(struct paths **paths, struct address peer, uint32_t mtu, int64_t now);

/* The MTU of the path to `peer`; UINT32_MAX when nothing is known. `paths` may be NULL. */
uint32_t paths_mtu(const struct paths *paths, struct address peer, int64_t now);

void paths_free(struct paths *paths);

#endif
