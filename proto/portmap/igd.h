/* The Internet Gateway Device of UPnP, as the box itself: its services and their actions (WANIPConnection:1 and :2,
 * WANCommonInterfaceConfig:1, Layer3Forwarding:1), and the descriptions that say so. No io here: an action, its
 * arguments, who calls and `now` in; the response's arguments or an error's code out.
 *
 * Whoever is inside may ask, but only for itself unless the desk allows third parties: version 2 says so of callers who
 * have not proved who they are (WANIPConnection:2 section 2.5.16), as careful boxes of version 1 do. Mappings that PCP
 * or NAT-PMP made are listed, and not touched.
 *
 * Left out: eventing (GENA), and mappings that are made disabled or for one remote host. */
#ifndef PROTO_PORTMAP_IGD_H
#define PROTO_PORTMAP_IGD_H

#include "proto/portmap/desk.h"
#include "proto/portmap/soap.h"

#define IGD_UUID 37                /* "uuid" of 36 characters with the NUL */
#define IGD_LEASE_MAX 604800       /* seconds: the longest of version 2, and what 0 means there */
#define IGD_PATH_DEVICE "/igd.xml" /* where the descriptions and the controls are */

struct igd {
    struct portmap_desk *desk;
    unsigned version; /* 1 or 2 */
    char uuid[IGD_UUID];
    const char *name; /* of the box, for people */
};

/* What can be searched for, by number: type and unique name as SSDP says them. `version`: 0 for what it has; else the
 * one that was asked for, which a device answers to as well. False beyond the last. */
struct igd_target {
    char type[96], name[144];
};
bool igd_target_at(const struct igd *igd, size_t index, unsigned version, struct igd_target *target);
/* Whether a search for `wanted` means target `index`; then also the version that was asked for. */
bool igd_target_matches(const struct igd *igd, size_t index, struct span wanted, unsigned *version);

/* Appends the document at `path`; false when there is none. */
bool igd_describe(const struct igd *igd, struct span path, GString *out);

/* Calls an action at `path`. UPNP_OK with the response's arguments in `out`, or the code of the fault. `service` is
 * filled with the service's type, for the response. */
unsigned igd_call(const struct igd *igd, struct span path, struct span action, const struct xml_node *arguments,
                  struct address caller, int64_t now, GString *out, const char **service,
                  struct portmap_served *served);

#endif
