/* Machines of ICE for tests: one on a bench, fed by hand; and two of them over a toy network.
 *
 * The toy network knows addresses only: a site may have a NAT (what RFC 4787 calls endpoint-independent or
 * address-and-port-dependent mapping, both with address-and-port-dependent filtering) and a relay. It loses, delays and
 * doubles packets by rows and by a random stream. Time is virtual; every packet that leaves is logged. */
#ifndef TESTS_UNIT_SUPPORT_ICE_H
#define TESTS_UNIT_SUPPORT_ICE_H

#include "core/base/random.h"
#include "proto/ice/kinds.h"
#include "proto/ice/session.h"

/* ---- candidates in one line */

struct endpoint ice_at(const char *text);
/* A host candidate of component 1 of stream 0, with local preference 65535 and no foundation yet. */
struct ice_candidate ice_host(const char *at);
/* A signalled one, with priority and foundation. */
struct ice_candidate ice_signalled(enum ice_type type, const char *at, const char *foundation);

/* ---- one machine */

#define ICE_BENCH_EVENTS 512

struct ice_noted {
    struct ice_event event;
    struct record record;
};

struct ice_bench {
    struct ice_session *session;
    struct random_stream dice;
    struct ice_order order; /* the last one pulled */
    size_t noted;
    struct ice_noted notes[ICE_BENCH_EVENTS]; /* pointers of the events are void */
};

/* `options` NULL: the defaults. Fills in random and event. */
void ice_bench_open(struct ice_bench *bench, const struct ice_session_options *options);
void ice_bench_close(struct ice_bench *bench);
/* The peer's credentials, without trickle unless `trickle`. */
void ice_bench_remote(struct ice_bench *bench, bool trickle);
/* Host candidate `at` and signalled host candidates, up to the NULL; then the peer's credentials and the start at 0. */
void ice_bench_start(struct ice_bench *bench, const char *host, ...) G_GNUC_NULL_TERMINATED;
/* Pulls the next order; ICE_ORDER_NONE when there is none. */
enum ice_order_type ice_bench_next(struct ice_bench *bench, int64_t now);
/* The last check pulled is answered, seen from `mapped`; NULL: from where it was sent. */
void ice_bench_success(struct ice_bench *bench, int64_t now, const char *mapped);
void ice_bench_error(struct ice_bench *bench, int64_t now, unsigned code);
/* `order` is answered with success from `source` at `base`. */
void ice_bench_answer(struct ice_bench *bench, int64_t now, const struct ice_order *order, unsigned base,
                      const char *source, const char *mapped);
/* A check of the peer comes, in the other role; returns the code of the answer. */
unsigned ice_bench_request(struct ice_bench *bench, int64_t now, unsigned base, const char *source, bool use_candidate);
/* The pair (listed) from the candidate `base` to `remote`; NULL. */
const struct ice_pair *ice_bench_pair(const struct ice_bench *bench, unsigned base, const char *remote);
/* Its state; GONE when there is none. */
enum ice_pair_state ice_bench_state(const struct ice_bench *bench, unsigned base, const char *remote);
/* The last event of a type; NULL. */
const struct ice_noted *ice_bench_last(const struct ice_bench *bench, enum ice_event_type type);
size_t ice_bench_count(const struct ice_bench *bench, enum ice_event_type type);

/* ---- two machines */

enum toy_nat { TOY_OPEN, TOY_CONE, TOY_SYMMETRIC, TOY_BLOCKED };

struct toy_fault {
    unsigned packet; /* the n-th that leaves, of both sites, from 1; 0: no fault */
    bool lose, twice;
    int64_t delay;
};

struct toy_options {
    enum toy_nat nat[2];
    bool relay[2];
    bool same_lan;         /* both hosts reach each other's private addresses */
    bool no_srflx[2];      /* no server-reflexive candidate is gathered */
    int64_t delay, jitter; /* one way */
    unsigned loss_percent;
    uint64_t seed;
    struct toy_fault faults[2];
    struct ice_session_options ice[2];
    bool trickle;             /* candidates reach the peer one by one, 20 ms apart, the second site's 100 ms late */
    bool aggressive_words[2]; /* this end does not say ice2 */
};

/* Both sites open, 20 ms, the second one controlled, seed 1. */
struct toy_options toy_defaults(void);

#define TOY_LOG 4096
struct toy_sent {
    int64_t at;
    unsigned end;
    enum ice_order_type type; /* ICE_ORDER_NONE: a response */
    struct endpoint from, to; /* as the sender wrote them */
    bool use_candidate;
    unsigned count;
};

struct toy;
struct toy *toy_new(const struct toy_options *options);
void toy_free(struct toy *toy);
/* Plays until both sessions have the state, or until `limit`. Returns whether they do. */
bool toy_run(struct toy *toy, enum ice_state state, int64_t limit);
void toy_run_until(struct toy *toy, int64_t at);
int64_t toy_now(const struct toy *toy);
struct ice_session *toy_session(struct toy *toy, unsigned end);
/* Switches the network off and on. */
void toy_cut(struct toy *toy, bool off);
/* Gives both ends the other's candidates and credentials, and starts them: what toy_new does, once more after both have
 * been restarted. */
void toy_signal(struct toy *toy);
const struct toy_sent *toy_log(const struct toy *toy, size_t *count);
/* "host" .. "relay" of the selected pair of component 1, from this end. */
const char *toy_own_type(struct toy *toy, unsigned end);
/* Whether both ends have selected the same path, seen from either side, for each component. */
bool toy_agrees(struct toy *toy);

#endif
