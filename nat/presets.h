/* Presets: names for whole sets of options. Those of firewalls are NATs too: as firewalls they translate nothing
 * (nat_options_make_firewall), as NATs they map like a port-restricted cone.
 *
 *   preset                 mapping                       filtering                     ports
 *   full-cone              endpoint-independent          endpoint-independent          preserve
 *   restricted-cone        endpoint-independent          address-dependent             preserve
 *   port-restricted-cone   endpoint-independent          address-and-port-dependent    preserve
 *   symmetric              address-and-port-dependent    address-and-port-dependent    random
 *
 * The classic four are RFC 3489's; `rfc4787` and `cgn` are policies of the RFCs; `linux`, `pf` and the like are real
 * boxes. Each says where it comes from. */
#ifndef NAT_PRESETS_H
#define NAT_PRESETS_H

#include "nat/nat.h"

struct nat_preset {
    const char *name;
    const char *help;   /* one line: what it does, for `punchlab nat` */
    const char *source; /* "RFC 3489 section 5", ... */
    struct nat_options options;
};

/* In the order in which they are listed; ends with a NULL name. */
extern const struct nat_preset nat_presets[];

const struct nat_preset *nat_preset_find(const char *name);

/* Whether it is a type of firewall too. */
bool nat_preset_is_firewall(const struct nat_preset *preset);

/* The names, ending with NULL: for words_complaint. And those of firewalls alone. */
const char *const *nat_preset_names(void);
const char *const *nat_firewall_names(void);

#endif
