/* Options of a NAT in words: what scripts, the command line and topologies in C write, and what people read.
 *
 * The keys and their values are those of the interface: "mapping" "address-dependent", "port_range" "40000-40999",
 * "timeout" "30s", "limits.per_host" "100" ("0" or "false": no limit), "rules"
 * "{}" (none; whoever has some puts them into the options itself), "quirks"
 * names joined by commas ("false" or "{}": none), "alg" the same of names that may have quirks behind them, each after a
 * colon ("ftp:breaks-on-segments"). */
#ifndef NAT_OPTIONS_H
#define NAT_OPTIONS_H

#include "nat/nat.h"

/* The keys that are accepted; ends with NULL. */
extern const char *const nat_option_keys[];

/* The protocols that options may be given for, in words; ends with NULL. */
extern const char *const nat_option_protocols[];

/* Sets one option. `protocol` is NULL for all of them ("timeout" then is UDP's, "timeout.tcp" and "timeout.icmp" those of
 * the others), or "udp", "tcp", "icmp". False and `error` (G_OPTION_ERROR) with the key, the value, what is accepted and the
 * nearest of it; `options` is unchanged then. */
gboolean nat_options_set(struct nat_options *options, const char *protocol, const char *key, const char *value,
                         GError **error);

/* Appends what the options say in a line, without line end: "mapping endpoint-independent, filtering ...". */
void nat_options_say(const struct nat_options *options, GString *out);

/* What is said to who gives an ALG, by its index in nat_alg_words, a quirk that it hasn't. The caller frees it. */
char *nat_alg_quirk_complaint(int alg, const char *word);

/* Appends the names of quirks, with commas. */
void nat_options_say_quirks(uint8_t quirks, GString *out);

#endif
