#include <stdarg.h>

#include "tests/unit/support.h"
#include "tests/unit/support_ice.h"

#define PEER_UFRAG "peer"
#define PEER_PWD "peerpasswordpeerpassword"

/* ---- candidates */

struct endpoint
ice_at(const char *text)
{
    struct endpoint endpoint;

    if (!endpoint_parse(text, &endpoint))
        g_error("not an endpoint: %s", text);
    return endpoint;
}

struct ice_candidate
ice_host(const char *at)
{
    return (struct ice_candidate){
        .type = ICE_HOST, .component = 1, .local_preference = UINT16_MAX, .endpoint = ice_at(at), .base = ice_at(at)
    };
}

struct ice_candidate
ice_signalled(enum ice_type type, const char *at, const char *foundation)
{
    struct ice_candidate candidate = ice_host(at);

    candidate.type = type;
    candidate.priority = ice_candidate_priority(&candidate);
    g_strlcpy(candidate.foundation, foundation, sizeof candidate.foundation);
    return candidate;
}

/* ---- one machine */

static void
bench_random(void *owner, void *bytes, size_t length)
{
    struct ice_bench *bench = owner;

    random_fill(&bench->dice, bytes, length);
}

static void
bench_event(void *owner, const struct ice_session *session, const struct ice_event *event)
{
    struct ice_bench *bench = owner;

    (void)session;
    if (bench->noted == ICE_BENCH_EVENTS)
        g_error("more events than the bench keeps");
    bench->notes[bench->noted].event = *event;
    ice_event_record(event, &bench->notes[bench->noted++].record);
}

void
ice_bench_open(struct ice_bench *bench, const struct ice_session_options *options)
{
    struct ice_session_options with = options ? *options : ICE_SESSION_DEFAULTS;

    *bench = (struct ice_bench){ .dice = random_stream_of(1, "bench", "ice") };
    with.random = bench_random;
    with.event = bench_event;
    with.owner = bench;
    bench->session = ice_session_new(&with);
}

void
ice_bench_close(struct ice_bench *bench)
{
    ice_session_free(bench->session);
    bench->session = NULL;
}

void
ice_bench_remote(struct ice_bench *bench, bool trickle)
{
    struct ice_remote remote = {
        .ufrag = span_of_text(PEER_UFRAG), .pwd = span_of_text(PEER_PWD), .ice2 = true, .trickle = trickle
    };

    if (!ice_session_set_remote(bench->session, &remote))
        g_error("the peer's credentials are refused");
}

void
ice_bench_start(struct ice_bench *bench, const char *host, ...)
{
    struct ice_candidate candidate = ice_host(host);
    const char *at;
    unsigned foundation = 1;
    va_list list;

    (void)ice_session_add_local(bench->session, &candidate, 0);
    va_start(list, host);
    while ((at = va_arg(list, const char *))) {
        g_autofree char *text = g_strdup_printf("%u", foundation);

        candidate = ice_signalled(ICE_HOST, at, text);
        candidate.local_preference = (uint16_t)(UINT16_MAX - foundation);
        candidate.priority = ice_candidate_priority(&candidate);
        foundation++;
        (void)ice_session_add_remote(bench->session, &candidate, 0);
    }
    va_end(list);
    ice_bench_remote(bench, false);
    ice_session_start(bench->session, 0);
}

enum ice_order_type
ice_bench_next(struct ice_bench *bench, int64_t now)
{
    (void)ice_session_next(bench->session, now, &bench->order);
    return bench->order.type;
}

void
ice_bench_answer(struct ice_bench *bench, int64_t now, const struct ice_order *order, unsigned base, const char *source,
                 const char *mapped)
{
    struct ice_arrival arrival = { (uint16_t)base, ice_at(source) };
    struct ice_answer answer = { .kind = ICE_ANSWER_SUCCESS, .mapped = ice_at(mapped) };

    (void)ice_session_response(bench->session, now, &arrival, &order->check.id, &answer);
}

static void
respond(struct ice_bench *bench, int64_t now, const struct ice_answer *answer)
{
    struct ice_arrival arrival = { bench->order.base, bench->order.to };

    (void)ice_session_response(bench->session, now, &arrival, &bench->order.check.id, answer);
}

void
ice_bench_success(struct ice_bench *bench, int64_t now, const char *mapped)
{
    respond(bench, now,
            &(struct ice_answer){ .kind = ICE_ANSWER_SUCCESS, .mapped = mapped ? ice_at(mapped) : bench->order.from });
}

void
ice_bench_error(struct ice_bench *bench, int64_t now, unsigned code)
{
    respond(bench, now, &(struct ice_answer){ .kind = ICE_ANSWER_ERROR, .code = (uint16_t)code });
}

unsigned
ice_bench_request(struct ice_bench *bench, int64_t now, unsigned base, const char *source, bool use_candidate)
{
    struct ice_arrival arrival = { (uint16_t)base, ice_at(source) };
    struct ice_check check = { .priority = ice_priority(110, UINT16_MAX, 1),
                               .tiebreaker = 1,
                               .has_role = true,
                               .controlling = !ice_session_is_controlling(bench->session),
                               .use_candidate = use_candidate };

    return ice_session_request(bench->session, now, &arrival, &check);
}

const struct ice_pair *
ice_bench_pair(const struct ice_bench *bench, unsigned base, const char *remote)
{
    for (size_t i = 0; i < ice_session_pairs(bench->session); i++) {
        const struct ice_pair *pair = ice_session_pair(bench->session, i);

        if (pair->state != ICE_PAIR_GONE && pair->listed && pair->base == base &&
            endpoint_equal(ice_session_remote(bench->session, pair->remote)->endpoint, ice_at(remote)))
            return pair;
    }
    return NULL;
}

enum ice_pair_state
ice_bench_state(const struct ice_bench *bench, unsigned base, const char *remote)
{
    const struct ice_pair *pair = ice_bench_pair(bench, base, remote);

    return pair ? (enum ice_pair_state)pair->state : ICE_PAIR_GONE;
}

const struct ice_noted *
ice_bench_last(const struct ice_bench *bench, enum ice_event_type type)
{
    for (size_t i = bench->noted; i-- > 0;)
        if (bench->notes[i].event.type == type)
            return &bench->notes[i];
    return NULL;
}

size_t
ice_bench_count(const struct ice_bench *bench, enum ice_event_type type)
{
    size_t count = 0;

    for (size_t i = 0; i < bench->noted; i++)
        count += bench->notes[i].event.type == type;
    return count;
}
