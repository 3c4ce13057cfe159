/* What probes are written with.
 *
 *     struct endpoint a = send_out(trial, PROTOCOL_UDP, inside(1, 5000), outside(1, 1000));
 *     struct endpoint b = send_out(trial, PROTOCOL_UDP, inside(1, 5000), outside(2, 1000));
 *
 *     return verdict(trial, endpoint_equal(a, b), "%s left as %s and as %s", ...);
 *
 * Each probe begins with a fresh stand; trial_renew gives it another. */
#ifndef SCENARIOS_CONFORMANCE_TRIAL_H
#define SCENARIOS_CONFORMANCE_TRIAL_H

#include "core/base/time.h"
#include "scenarios/conformance/conformance.h"
#include "scenarios/conformance/stand.h"

/* A box all of whose mappings for UDP are used, by hosts who all send to one endpoint. */
struct fullness {
    unsigned count;            /* mappings; 0: there seems to be no end */
    struct endpoint last;      /* who got none */
    bool passed;               /* its packet left for all that */
    bool answered;             /* it was told something, namely */
    uint8_t type, code;
    bool others_get_one;       /* it was the limit of a host */
    struct endpoint first;     /* whose mapping was made first, */
    bool first_alive;          /* and still there when fifty more had asked for one */
};

struct trial {
    const struct conformance_subject *subject;
    const GArray *findings; /* struct finding: those before this one */
    struct stand *stand;
    GString *evidence;
    GStringChunk *words;    /* what `say` gives out */
    struct fullness fullness; /* of this subject, once it is known */
    bool fullness_known;
};

/* A fresh stand; NULL for the plain layout. */
void trial_renew(struct trial *trial, const struct stand_layout *layout);

/* The `n`-th host inside, from 1, and the `n`-th outside. */
static inline struct endpoint
inside(unsigned n, uint16_t port)
{
    return (struct endpoint){ address_ipv4(0x0a000001 + n), port }; /* 10.0.0.2, ... */
}

static inline struct endpoint
outside(unsigned n, uint16_t port)
{
    return (struct endpoint){ address_ipv4(0xc6336400 + n), port }; /* 198.51.100.1, ... */
}

static inline bool
is_none(struct endpoint endpoint)
{
    return address_is_none(endpoint.address);
}

/* ---- packets */

/* A datagram, an echo request, or a SYN from inside: the external endpoint it left from, none when it didn't get there. A
 * packet with a wrong checksum counts as one that didn't. */
struct endpoint send_out(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to);
/* A datagram, an echo reply, or a SYN from outside: the internal endpoint that got it, or none. */
struct endpoint send_in(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to);
/* Whether that is `internal`. */
bool gets_in(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to, struct endpoint internal);
/* From inside to an external endpoint: what the other side of the hairpin got; NULL when nothing. */
const struct seen *send_back(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint to);
/* The first packet of this kind that has left on a side, whole and without a wrong checksum. */
const struct seen *seen_on(const struct trial *trial, enum stand_side side, uint8_t protocol);
/* The first ICMP error that has left on a side, with its quote. */
const struct seen *error_on(const struct trial *trial, enum stand_side side);

/* An ICMP error about a packet of `protocol`, from a side. */
struct error {
    uint8_t type, code;
    uint8_t protocol;
    struct address from, to;
    struct endpoint quoted_from, quoted_to;
    uint8_t wrong, quote_wrong, quote_options; /* see struct form */
    uint8_t flags;          /* of a quoted TCP segment */
    struct span behind;     /* what follows the quote */
};
/* What came of it on the other side: NULL when nothing. */
const struct seen *send_error(struct trial *trial, enum stand_side side, const struct error *error);

/* ---- behaviour */

/* How what leaves depends on where it goes, and what gets in on where it comes from. */
enum dependence { ON_NOTHING, ON_ADDRESS, ON_ADDRESS_AND_PORT };
extern const char *const dependence_words[];

/* Sends from an internal endpoint to three external ones, two of them at one address; `seen` has what it left as. */
enum dependence find_mapping(struct trial *trial, uint8_t protocol, struct endpoint from, struct endpoint seen[3]);
/* On stands of its own. */
enum dependence find_filter(struct trial *trial, uint8_t protocol);

/* Something that lives while nothing happens to it. Times are found to a millisecond. */
struct life {
    struct endpoint (*begin)(struct trial *trial);                     /* what is asked about, or none */
    bool (*is_alive)(struct trial *trial, struct endpoint what);
    void (*touch)(struct trial *trial, struct endpoint what);          /* may keep it alive; NULL: nothing */
};
/* How long: TIME_NEVER when for over two days, 0 when it doesn't begin to. */
int64_t find_lifetime(struct trial *trial, const struct life *life);
/* Whether it outlives `lifetime` by a half when it is touched after three quarters. */
bool touch_keeps(struct trial *trial, const struct life *life, int64_t lifetime);

/* Fills the box with mappings of UDP, until a packet doesn't get out: the number of mappings, 0 when there seems to be no
 * end. `*last` is who got none, `used` (NULL, or for each port) tells the external ports. */
unsigned fill(struct trial *trial, struct endpoint *last, bool *used);
/* What becomes of those who want more. Found once for a subject. */
const struct fullness *find_fullness(struct trial *trial);

/* A probe: whether the external ports of hosts who all use one internal port can be guessed (RFC 6056). */
enum outcome find_random_ports(struct trial *trial);

/* ---- verdicts, with the evidence */

enum outcome verdict(struct trial *trial, bool met, const char *format, ...) G_GNUC_PRINTF(3, 4);
enum outcome not_applicable(struct trial *trial, const char *format, ...) G_GNUC_PRINTF(2, 3);

/* Good as long as the trial. "nothing" for none. */
const char *say(struct trial *trial, struct endpoint endpoint);
const char *say_address(struct trial *trial, struct address address);
const char *say_time(struct trial *trial, int64_t duration);

extern const struct requirement_table udp_requirements, tcp_requirements, icmp_requirements, update_requirements,
    carrier_requirements;

#endif
