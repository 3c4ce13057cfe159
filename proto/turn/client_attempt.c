#include "proto/turn/client_attempt.h"

#define MARGIN TIME_MIN

void
turn_client_attempt_begin(struct turn_client_attempt *attempt, const struct turn_client_options *options)
{
    *attempt = (struct turn_client_attempt){
        .server = options->server,
        .protocol = options->transport == TURN_CLIENT_TCP ? PROTOCOL_TCP : PROTOCOL_UDP,
    };
    if (attempt->server.port == 0)
        attempt->server.port = STUN_PORT;
}

static enum turn_client_step
wait_for(int64_t duration, int64_t *pause)
{
    *pause = duration;
    return TURN_CLIENT_STEP_PAUSE;
}

/* RFC 8489 section 10: no server twice. */
static enum turn_client_step
follow(struct turn_client_attempt *attempt, const struct turn_client_answer *answer)
{
    if (!answer->has_alternate || attempt->redirections == TURN_CLIENT_REDIRECTIONS ||
        endpoint_equal(answer->alternate, attempt->server))
        return TURN_CLIENT_STEP_END;
    for (unsigned i = 0; i < attempt->redirections; i++)
        if (endpoint_equal(answer->alternate, attempt->left[i]))
            return TURN_CLIENT_STEP_END;
    attempt->left[attempt->redirections++] = attempt->server;
    attempt->server = answer->alternate;
    return attempt->protocol == PROTOCOL_TCP ? TURN_CLIENT_STEP_OTHER : TURN_CLIENT_STEP_SAME;
}

static enum turn_client_step
judge_code(struct turn_client_attempt *attempt, const struct turn_client_options *options, bool may_move,
           const struct turn_client_answer *answer, int64_t *pause)
{
    bool special = options->has_token || options->port != TURN_CLIENT_ANY_PORT;

    switch (answer->failure.code) {
    case STUN_CODE_TRY_ALTERNATE:
        return follow(attempt, answer);
    case STUN_CODE_UNKNOWN_ATTRIBUTE:
        if (!answer->no_fragment || !options->dont_fragment || attempt->no_fragment)
            return TURN_CLIENT_STEP_END;
        attempt->no_fragment = true;
        return TURN_CLIENT_STEP_SAME;
    case STUN_CODE_ALLOCATION_MISMATCH: /* a NAT gave us a mapping whose last owner still has an allocation */
        if (++attempt->ports < TURN_CLIENT_PORTS && may_move)
            return TURN_CLIENT_STEP_OTHER;
        return wait_for(TURN_CLIENT_LONG_PAUSE, pause);
    case STUN_CODE_INSUFFICIENT_CAPACITY:
        if (!special || attempt->plain || options->insist)
            return wait_for(TURN_CLIENT_PAUSE, pause);
        attempt->plain = true;
        return TURN_CLIENT_STEP_SAME;
    case STUN_CODE_QUOTA_REACHED:
        return wait_for(TURN_CLIENT_PAUSE, pause);
    default: /* the server has a fault of its own (5xx), or we have */
        return answer->failure.code / 100 == 5 ? wait_for(TURN_CLIENT_PAUSE, pause) : TURN_CLIENT_STEP_END;
    }
}

enum turn_client_step
turn_client_attempt_judge(struct turn_client_attempt *attempt, const struct turn_client_options *options, bool may_move,
                          const struct turn_client_answer *answer, int64_t *pause)
{
    *pause = 0;
    switch (answer->failure.why) {
    case TURN_CLIENT_WHY_TIMEOUT:
    case TURN_CLIENT_WHY_UNREACHABLE:
    case TURN_CLIENT_WHY_CONNECTION:
        if (options->transport != TURN_CLIENT_UDP_THEN_TCP || attempt->protocol == PROTOCOL_TCP)
            return wait_for(TURN_CLIENT_PAUSE, pause);
        attempt->protocol = PROTOCOL_TCP;
        return TURN_CLIENT_STEP_OTHER;
    case TURN_CLIENT_WHY_REJECTED:
        return judge_code(attempt, options, may_move, answer, pause);
    case TURN_CLIENT_WHY_SOCKET: /* no route, no port: the host may have one later */
        return wait_for(TURN_CLIENT_PAUSE, pause);
    default:
        return TURN_CLIENT_STEP_END;
    }
}

int64_t
turn_client_refresh_after(uint32_t lifetime)
{
    int64_t whole = (int64_t)lifetime * TIME_S;

    return whole > 2 * MARGIN ? whole - MARGIN : whole / 2;
}
