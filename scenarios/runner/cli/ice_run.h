/* One `punchlab ice` from gathering to the last echo: an agent, an exchange of descriptions, data, and what came of it.
 *
 * It gathers, exchanges descriptions (with trickle sooner), waits until every component has its pair, echoes, stays for as
 * long as it is told, and tells the TURN servers that it goes. The time runs from when the peer's description was taken:
 * a person may have to carry it. */
#ifndef SCENARIOS_RUNNER_CLI_ICE_RUN_H
#define SCENARIOS_RUNNER_CLI_ICE_RUN_H

#include "core/live/live.h"
#include "proto/ice/agent.h"
#include "scenarios/runner/cli/ice_echo.h"
#include "scenarios/runner/cli/ice_exchange.h"

#define ICE_RUN_ADDRESSES_MOST 16

struct ice_run_options {
    bool offers;
    struct ice_agent_options agent; /* role, `use_address` and transcript are set here */
    size_t interface_count, address_count; /* both 0: all of them; else those that are named in either list */
    int16_t interfaces[ICE_RUN_ADDRESSES_MOST];
    struct address addresses[ICE_RUN_ADDRESSES_MOST];
    unsigned messages;
    int64_t timeout;    /* to connect and echo */
    int64_t wait;       /* for the peer's description; TIME_NEVER */
    int64_t stay;       /* connected, after the echo */
    bool explain;       /* the transcript is wanted */
    const char *signal, *name, *peer; /* NULL: descriptions by standard streams */
};

typedef struct ice_run_result {
    bool connected, echoed; /* each component has a selected pair; all data came back, or was sent back */
    char *why;              /* NULL, or why it isn't both */
    struct ice_path path;   /* of the first component */
    int64_t connect_time;   /* from the start of checks to the last component's selection; the first time */
    bool controlling;
    unsigned candidates, restarts;
    struct ice_counters ice;
    struct ice_echo_counters echo;
    GString *transcript;    /* NULL unless it is wanted */
} ice_run_result;

/* Runs in the loop, and ends early, as it stands then, when somebody quits that. False with an error when it can't begin. */
bool ice_run(struct live *live, GMainLoop *loop, const struct ice_run_options *options, struct ice_run_result *result,
             GError **error);
void ice_run_result_clear(struct ice_run_result *result);
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(ice_run_result, ice_run_result_clear)

#endif
