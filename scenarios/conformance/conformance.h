/* How a box keeps to the RFCs: each requirement of RFC 4787 (UDP), 5382 (TCP), 5508 (ICMP), 7857 (updates to these) and
 * 6888 (providers' NATs) beside a probe that measures it.
 *
 * A probe sees the box from outside: it puts packets into either side and looks at what leaves, and when. It reads no
 * options and no tables, so what it finds holds for any box with that behaviour. What can't be seen in this manner (that
 * something can be configured, is documented or logged) is not applicable, with the reason. So is what a box doesn't do
 * at all, such as TCP behind one that passes none. Nothing is met without a measurement.
 *
 * Where an RFC recommends one of two ways (RFC 4787 REQ-8), either is met. A permission (`may`) is met by a box that makes
 * use of it as it is given, and not applicable to one that doesn't. */
#ifndef SCENARIOS_CONFORMANCE_CONFORMANCE_H
#define SCENARIOS_CONFORMANCE_CONFORMANCE_H

#include <glib.h>

#include "nat/nat.h"

enum level { LEVEL_MUST, LEVEL_SHOULD, LEVEL_MAY, LEVELS };
extern const char *const level_words[]; /* "must", ...; ends with NULL */

enum outcome { OUTCOME_MET, OUTCOME_NOT_MET, OUTCOME_NOT_APPLICABLE, OUTCOMES };
extern const char *const outcome_words[]; /* "met", "not met", "not applicable"; ends with NULL */

/* Protocols that a probe needs the box to pass. */
enum needs { NEEDS_UDP = 1 << 0, NEEDS_TCP = 1 << 1, NEEDS_ICMP = 1 << 2 };

struct trial;

/* A row of an RFC's table. */
struct requirement {
    const char *number;  /* "REQ-5c"; unique within the RFC. One that makes several demands has several rows, told apart
                            by a word: "REQ-4 answer". A section, "2.2", where the RFC doesn't number */
    const char *section;
    enum level level;
    const char *text;    /* one plain sentence */
    unsigned needs;      /* enum needs */
    enum outcome (*probe)(struct trial *trial); /* NULL: it can't be seen from outside, */
    const char *reason;                         /* for this reason */
};

struct requirement_table {
    unsigned rfc;
    const char *about;  /* "UDP" */
    bool carrier;       /* asked of providers' NATs only */
    const struct requirement *rows; /* ends with a NULL number */
};

/* In the order of measuring; ends with rfc 0. */
extern const struct requirement_table *const requirement_tables[];

/* A box to measure: what builds it. */
struct conformance_subject {
    const char *name;
    const struct nat_options *options;
    bool carrier; /* it claims to be a provider's NAT */
};

struct finding {
    const struct requirement_table *table;
    const struct requirement *requirement;
    enum outcome outcome;
    char *evidence; /* what was seen, in words */
};

/* Measures a box: struct finding, one a requirement, in the order of the tables. Free with g_array_unref. */
GArray *conformance_measure(const struct conformance_subject *subject);

#endif
