/* An agent's life, what it tells, and its clock. The theory of operation is in agent.h. */
#include "proto/ice/agent_private.h"

#include "proto/ice/kinds.h"

int64_t
agent_now(const struct ice_agent *agent)
{
    return agent->io->ops->now(agent->io);
}

/* ---- brackets, and what the owner hears */

static void agent_destroy(struct ice_agent *agent);
static void arm(struct ice_agent *agent);

struct ice_agent_news *
agent_news(struct ice_agent *agent, enum ice_agent_event event)
{
    struct ice_agent_news *news;

    g_array_set_size(agent->news, agent->news->len + 1);
    news = &g_array_index(agent->news, struct ice_agent_news, agent->news->len - 1);
    *news = (struct ice_agent_news){ .event = event };
    return news;
}

void
agent_enter(struct ice_agent *agent)
{
    agent->calls++;
}

/* The owner may free the agent in each of these calls, or cause more of them. */
static void
tell_owner(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->news->len && !agent->freed; i++) {
        struct ice_agent_news news = g_array_index(agent->news, struct ice_agent_news, i);

        if (news.event == ICE_AGENT_SELECTED &&
            !ice_session_path(agent->session, news.stream, news.component, &news.path))
            continue; /* and lost again already, which is told too */
        if (news.event == ICE_AGENT_AGREED)
            agent->agreeing = false;
        agent->told(agent->owner, agent, &news);
    }
    if (!agent->freed)
        g_array_set_size(agent->news, 0);
}

void
agent_leave(struct ice_agent *agent, bool turn)
{
    if (agent->calls == 1 && turn && !agent->freed)
        tell_owner(agent);
    if (agent->calls == 1 && !agent->freed)
        arm(agent);
    if (--agent->calls > 0)
        return;
    if (agent->freed)
        agent_destroy(agent);
    else
        agent_tcp_bury(agent);
}

/* ---- the machine's events */

/* A record of what a packet has brought about names it; that of a check waits until its own has a name. */
static void
note_event(struct ice_agent *agent, const struct ice_event *event)
{
    struct record record;

    if (!agent->io->ops->listening(agent->io))
        return;
    ice_event_record(event, &record);
    if (event->type == ICE_EVENT_CHECK) {
        agent->check = record;
        agent->has_check = true;
        return;
    }
    record.packet = agent->packet;
    agent->io->ops->note(agent->io, &record);
}

static void
note_check(struct ice_agent *agent, uint64_t packet)
{
    if (!agent->has_check)
        return;
    agent->has_check = false;
    agent->check.packet = packet;
    agent->io->ops->note(agent->io, &agent->check);
}

static void
news_of_component(struct ice_agent *agent, enum ice_agent_event type, const struct ice_event *event)
{
    struct ice_agent_news *news = agent_news(agent, type);

    news->stream = event->stream;
    news->component = event->component;
    news->why = event->why;
    news->elapsed = event->elapsed;
}

static void
on_event(void *owner, const struct ice_session *session, const struct ice_event *event)
{
    struct ice_agent *agent = owner;
    struct ice_agent_news *news;

    (void)session;
    note_event(agent, event);
    if (agent->transcript)
        ice_transcript_take(agent->transcript, event);
    switch (event->type) {
    case ICE_EVENT_SESSION:
        news = agent_news(agent, ICE_AGENT_STATE);
        news->state = event->state;
        news->why = event->why;
        news->elapsed = event->elapsed;
        agent->concluded = event->state == ICE_COMPLETED;
        break;
    case ICE_EVENT_SELECTED:
        news_of_component(agent, ICE_AGENT_SELECTED, event);
        break;
    case ICE_EVENT_CONSENT:
        news_of_component(agent, ICE_AGENT_CONSENT_LOST, event);
        break;
    case ICE_EVENT_RELEASED:
        agent->released = true;
        break;
    default:
        break;
    }
}

/* ---- orders */

static void
carry_out(struct ice_agent *agent, const struct ice_order *order)
{
    uint8_t bytes[ICE_MESSAGE_BYTES];
    struct io_datagram datagram =
        IO_DATAGRAM_TO(order->to, ice_session_write(agent->session, order, bytes, sizeof bytes));
    const struct way *way = &agent->ways[order->base];
    enum io_result result;

    if (datagram.data.length == 0)
        return;
    if (order->type == ICE_ORDER_CHECK && way->kind == WAY_RELAY)
        agent_relay_permit(way->relay, order->to.address);
    result = agent_send(agent, order->base, &datagram);
    note_check(agent, datagram.packet);
    if (result == IO_OK || result == IO_FULL || result == IO_AGAIN) /* as if the network had lost it */
        return;
    agent->counters.unsent++;
    ice_session_broken(agent->session, agent_now(agent), order->base, order->to, ICE_WHY_UNSENT);
}

/* A relay speaks by a channel to the peer that was selected. */
static void
bind_selected(struct ice_agent *agent)
{
    for (guint i = 0; i < agent->news->len; i++) {
        const struct ice_agent_news *news = &g_array_index(agent->news, struct ice_agent_news, i);
        struct ice_path path;

        if (news->event == ICE_AGENT_SELECTED &&
            ice_session_path(agent->session, news->stream, news->component, &path) &&
            agent->ways[path.base].kind == WAY_RELAY)
            agent_relay_bind(agent->ways[path.base].relay, path.to);
    }
}

static void
start_if_ready(struct ice_agent *agent)
{
    if (agent->remote_known && agent->described && (agent->options.session.trickle || agent->gathered))
        ice_session_start(agent->session, agent_now(agent));
}

void
agent_pump(struct ice_agent *agent)
{
    struct ice_order order;

    if (agent->closing || agent->freed)
        return;
    start_if_ready(agent);
    while (ice_session_next(agent->session, agent_now(agent), &order))
        carry_out(agent, &order);
    agent_settle_update(agent);
    if (agent->news->len)
        bind_selected(agent);
    if (agent->concluded && agent->gathering) /* nothing is trickled after nomination (RFC 8838) */
        agent_gather_stop(agent);
    if (agent->released)
        agent_release_unused(agent);
    if (agent->concluded || agent->released)
        agent_gather_run(agent);
    agent->concluded = agent->released = false;
}

int
agent_add_candidate(struct ice_agent *agent, const struct ice_candidate *candidate)
{
    int number = ice_session_add_local(agent->session, candidate, agent_now(agent));

    uint16_t kept = (uint16_t)number;

    if (number < 0)
        return -1;
    g_array_append_val(agent->signalled, kept);
    agent_news(agent, ICE_AGENT_CANDIDATE)->candidate = *ice_session_local(agent->session, kept);
    return number;
}

/* Whether `number` is `base`, or has it as base. */
static bool
stands_on(const struct ice_agent *agent, unsigned number, unsigned base)
{
    const struct ice_candidate *candidate = ice_session_local(agent->session, number);
    const struct ice_candidate *other = ice_session_local(agent->session, base);

    return number == base ||
           (candidate->stream == other->stream && candidate->component == other->component &&
            candidate->transport == other->transport && endpoint_equal(candidate->base, other->endpoint));
}

void
agent_remove_candidate(struct ice_agent *agent, int number)
{
    if (number < 0)
        return;
    agent->ways[number].kind = WAY_NONE;
    if (agent->freed || agent->closing)
        return;
    for (guint i = agent->signalled->len; i > 0; i--)
        if (stands_on(agent, g_array_index(agent->signalled, uint16_t, i - 1), (unsigned)number))
            g_array_remove_index(agent->signalled, i - 1);
    ice_session_remove_local(agent->session, agent_now(agent), (uint16_t)number);
}

/* ---- the clock: one timer for all */

static void
arm(struct ice_agent *agent)
{
    int64_t gather = agent_gather_deadline(agent), at = MIN(gather, agent->network_at);
    bool busy = at != TIME_NEVER;

    if (!agent->closing) {
        at = MIN(at, MIN(ice_session_deadline(agent->session), agent->keep_at));
        busy |= ice_session_is_busy(agent->session);
    }
    if (agent->news->len) {
        at = agent_now(agent);
        busy = true;
    }
    if (at == TIME_NEVER) {
        if (agent->armed)
            agent->io->ops->disarm(agent->io, &agent->alarm);
        agent->armed = false;
        return;
    }
    if (agent->armed && agent->alarm.at == at && agent->armed_busy == busy)
        return;
    agent->io->ops->arm(agent->io, &agent->alarm, at, busy);
    agent->armed = true;
    agent->armed_busy = busy;
}

static void
on_alarm(void *owner, struct io_timer *timer)
{
    struct ice_agent *agent = owner;
    int64_t now = agent_now(agent);

    (void)timer;
    agent->armed = false;
    agent_enter(agent);
    if (!agent->closing) {
        agent_keep_bindings(agent);
        if (agent->network_at <= now)
            agent_network_settled(agent);
        agent_gather_run(agent);
        agent_pump(agent);
    }
    agent_leave(agent, true);
}

/* ---- life */

const char *
ice_agent_options_fault(const struct ice_agent_options *options)
{
    const struct ice_session_options *session = &options->session;

    if (session->streams < 1 || session->streams > ICE_STREAMS_MOST)
        return "an ICE agent has 1 to 32 streams";
    if (session->components < 1 || session->components > ICE_COMPONENT_MOST)
        return "a stream has 1 to 256 components (RFC 8445 section 5.1.1.1)";
    if (options->stun_count > ICE_AGENT_SERVERS_MOST || options->turn_count > ICE_AGENT_SERVERS_MOST)
        return "an ICE agent asks up to 8 STUN and 8 TURN servers";
    if (options->relay_only && options->turn_count == 0)
        return "relayed candidates alone need a TURN server";
    if (session->lite && options->relay_only)
        return "a lite agent has host candidates only (RFC 8445 section 5.2)";
    if (options->no_udp && !options->tcp && !options->tcp_so)
        return "without UDP and TCP there is no way at all";
    if (session->ta < ICE_TA_LEAST)
        return "Ta is 5ms or more (RFC 8445 section 14.2)";
    if (session->rto_most < ICE_RTO_LEAST)
        return "the longest first timeout is 500ms or more (RFC 8445 section 14.3)";
    for (size_t i = 0; i < options->turn_count; i++)
        if (!options->turn[i].username != !options->turn[i].password)
            return "a username and a password go together";
    return NULL;
}

static void
agent_random(void *owner, void *bytes, size_t length)
{
    struct ice_agent *agent = owner;

    agent->io->ops->random(agent->io, bytes, length);
}

static void
copy_options(struct ice_agent *agent, const struct ice_agent_options *options)
{
    agent->options = *options;
    agent->options.media = g_strdup(options->media ? options->media : "application");
    for (size_t i = 0; i < options->stun_count; i++)
        if (options->stun[i].port == 0)
            agent->options.stun[i].port = STUN_PORT;
    for (size_t i = 0; i < options->turn_count; i++) {
        struct ice_agent_turn *turn = &agent->options.turn[i];

        turn->username = g_strdup(turn->username);
        turn->password = g_strdup(turn->password);
        if (turn->server.port == 0)
            turn->server.port = STUN_PORT;
    }
}

static void
on_changed(void *owner)
{
    struct ice_agent *agent = owner;

    agent_enter(agent);
    agent_network_changed(agent);
    agent_pump(agent);
    agent_leave(agent, true);
}

struct ice_agent *
ice_agent_new(struct io *io, const struct ice_agent_options *options, ice_agent_told *told, void *owner)
{
    struct ice_agent *agent = g_new0(struct ice_agent, 1);
    struct ice_session_options session = options->session;

    g_assert(!ice_agent_options_fault(options));
    agent->io = io;
    agent->told = told;
    agent->owner = owner;
    copy_options(agent, options);
    session.random = agent_random;
    session.event = on_event;
    session.owner = agent;
    agent->session = ice_session_new(&session);
    agent->stun = stun_client_new(io, NULL);
    agent->alarm = (struct io_timer){ .fire = on_alarm, .owner = agent };
    agent->watch = (struct io_watch){ .changed = on_changed, .owner = agent };
    agent->next_start = agent->gather_end = agent->keep_at = agent->network_at = TIME_NEVER;
    agent->ways = g_new0(struct way, session.locals_most);
    agent->ports = g_ptr_array_new();
    agent->tcp_ports = g_ptr_array_new();
    agent->tcp_relays = g_ptr_array_new();
    agent->connections = g_ptr_array_new();
    agent->closed_connections = g_ptr_array_new();
    agent->jobs = g_ptr_array_new_with_free_func(g_free);
    agent->signalled = g_array_new(FALSE, FALSE, sizeof(uint16_t));
    agent->news = g_array_new(FALSE, FALSE, sizeof(struct ice_agent_news));
    if (options->transcript)
        agent->transcript = ice_transcript_new(options->transcript);
    agent_outlets_open(agent);
    agent_update_init(agent);
    return agent;
}

/* Sockets, allocations, timers: nothing comes from the world any more. */
static void
shut(struct ice_agent *agent)
{
    if (agent->watching)
        agent->io->ops->unwatch(agent->io, &agent->watch);
    agent->watching = false;
    agent_gather_stop(agent);
    agent_tcp_close_all(agent);
    agent->gathering = false;
    agent->next_start = agent->gather_end = agent->keep_at = agent->network_at = TIME_NEVER;
}

void
ice_agent_free(struct ice_agent *agent)
{
    if (!agent || agent->freed)
        return;
    agent_enter(agent);
    agent->freed = true;
    shut(agent);
    while (agent->ports->len)
        agent_port_drop(agent, g_ptr_array_index(agent->ports, agent->ports->len - 1));
    agent_tcp_relays_drop(agent);
    if (agent->armed)
        agent->io->ops->disarm(agent->io, &agent->alarm);
    agent->armed = false;
    agent_leave(agent, false);
}

static void
agent_destroy(struct ice_agent *agent)
{
    stun_client_free(agent->stun);
    ice_session_free(agent->session);
    ice_transcript_free(agent->transcript);
    g_free(agent->outlets);
    g_free(agent->defaults);
    g_array_unref(agent->named);
    g_free(agent->ways);
    g_ptr_array_unref(agent->ports);
    g_ptr_array_unref(agent->tcp_ports);
    g_ptr_array_unref(agent->tcp_relays);
    agent_tcp_bury(agent);
    g_ptr_array_unref(agent->connections);
    g_ptr_array_unref(agent->closed_connections);
    g_ptr_array_unref(agent->jobs);
    g_array_unref(agent->news);
    g_array_unref(agent->signalled);
    for (size_t i = 0; i < agent->options.turn_count; i++) {
        g_free((char *)agent->options.turn[i].username);
        g_free((char *)agent->options.turn[i].password);
    }
    g_free((char *)agent->options.media);
    g_free(agent->described_as);
    g_free(agent);
}

void
ice_agent_gather(struct ice_agent *agent)
{
    if (agent->closing || agent->gathering || agent->gathered)
        return;
    agent_enter(agent);
    if (!agent->watching)
        agent->io->ops->watch(agent->io, &agent->watch);
    agent->watching = true;
    agent_gather_begin(agent);
    agent_pump(agent);
    agent_leave(agent, false);
}

bool
ice_agent_has_gathered(const struct ice_agent *agent)
{
    return agent->gathered;
}

void
ice_agent_close(struct ice_agent *agent)
{
    if (agent->closing)
        return;
    agent_enter(agent);
    agent->closing = true;
    shut(agent);
    agent_release_unused(agent);
    agent_leave(agent, false);
}

void
ice_agent_restart(struct ice_agent *agent)
{
    if (agent->closing)
        return;
    agent_enter(agent);
    agent_gather_stop(agent);
    ice_session_restart(agent->session, agent_now(agent));
    memcpy(agent->stale_ufrag, agent->remote_ufrag, sizeof agent->stale_ufrag);
    agent->remote_ufrag[0] = '\0';
    agent->remote_known = agent->described = agent->gathered = agent->gathering = agent->mismatch = false;
    agent->network_at = TIME_NEVER;
    agent->ended_streams = 0;
    g_array_set_size(agent->signalled, 0);
    agent_update_clear(agent);
    agent_gather_begin(agent);
    agent_pump(agent);
    agent_leave(agent, false);
}

const struct ice_session *
ice_agent_session(const struct ice_agent *agent)
{
    return agent->session;
}

const struct ice_agent_counters *
ice_agent_counters(const struct ice_agent *agent)
{
    return &agent->counters;
}

void
ice_agent_transcript(const struct ice_agent *agent, GString *out)
{
    if (agent->transcript)
        ice_transcript_say(agent->transcript, agent->session, out);
}
