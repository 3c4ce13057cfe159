/* ICE agents on simulated hosts, a STUN and a TURN server for them, and signalling by hand.
 *
 *     198.51.100.1 S (STUN)   198.51.100.2 T (TURN)
 *     203.0.113.1 natA -- A 10.0.0.2      203.0.113.2 natB -- B 10.1.0.2
 *
 * On top of support_lab: test_lab is the world. Each link takes 0.1 ms. */
#ifndef TESTS_UNIT_SUPPORT_AGENT_H
#define TESTS_UNIT_SUPPORT_AGENT_H

#include "proto/ice/agent.h"
#include "proto/turn/server.h"
#include "tests/unit/support_lab.h"

#define AGENT_STUN "198.51.100.1:3478"
#define AGENT_TURN "198.51.100.2:3478"
#define AGENT_COMPONENTS 2

/* One agent, and what its owner has heard. Zeroed before `end_open`. */
struct end {
    struct ice_agent *agent;
    GPtrArray *lines; /* candidates to be trickled, as text */
    unsigned gathered, selected, lost, network, restarted, closed, failed, agreed, disagreed;
    unsigned told_before; /* candidates and GATHERED that it had been told of at ICE_AGENT_RESTARTED or NETWORK */
    int64_t gathered_at, completed_at, failed_at, lost_at;
    enum ice_state state;
    enum ice_why why;
    struct ice_path path[AGENT_COMPONENTS]; /* the last selected, by component */
    unsigned heard[AGENT_COMPONENTS];
    char last[AGENT_COMPONENTS][64]; /* the data that came last */
    bool free_when_heard;            /* frees the agent in the callback of data */
};

/* Of the test that runs; closed with it. */
extern struct end end_a, end_b;

/* What is between A and B: presets' names, NULL for none (the host stands on the internet). */
void agents_world(const char *nat_a, const char *nat_b);
/* Servers, and what is closed at the end of the test. */
void agents_servers(bool stun, bool turn);
const struct turn_server *agents_turn(void);
/* It goes without a word, and its host's sockets with it. */
void agents_stop_turn(void);
/* For UNIT_SUITE, with the lab; and both in the midst of a test. */
void agents_begin(void);
void agents_end(void);
void agents_again(void);

/* STUN at S, and TURN at T. A is controlling: `controlling` is for the caller to set. */
struct ice_agent_options agents_options(bool stun, bool turn);

void end_open(struct end *end, const char *node, const struct ice_agent_options *options);
void end_close(struct end *end);
/* Gives the description of one to the other; false, with a failed check, when it is not taken. */
bool end_describe(struct end *from, struct end *to);
/* Hands over the candidates that have come since, in this order or the last first. */
void end_trickle(struct end *from, struct end *to, bool backwards);
bool end_say(struct end *end, unsigned component, const char *text);

/* Opens both (A is controlling), gathers, describes both ways, and runs for `time`. */
void ends_connect(struct end *a, struct end *b, const struct ice_agent_options *options, int64_t time);
/* Both are Completed, and what one says the other hears, on each of `components`. */
void ends_check(const char *row, struct end *a, struct end *b, unsigned components);

/* For who looks at a failure: with SHOW in the environment, the stories of both. */
void ends_show(const char *row);

#endif
