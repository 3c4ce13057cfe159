/* Theory of operation. Two things happen at the same time, gathering and waiting for the peer's description; the own
 * description goes out when both have come far enough (try_describe): an offerer waits for its candidates, an answerer for
 * the offer too, and whoever trickles for no candidates. From then on the agent drives: it tells of its state, the echo
 * follows, and `finish` ends it, once, for whatever reason. A callback never frees anything: all is freed when the loop
 * has ended.
 *
 * When the host's addresses have changed, and there is a signalling server, this side begins anew (RFC 8445 section 9) and
 * offers, whoever offered first. An offer with other credentials than the peer's last has this side begin anew, and it
 * answers. When both offer at once, what crosses on the way is taken for the answer. */
#include "scenarios/runner/cli/ice_run.h"

#include "proto/sdp/ice.h"

#define TRANSCRIPT_ENTRIES 4000
#define FAREWELL TIME_S /* how long TURN servers are waited for at the end */

struct run {
    const struct ice_run_options *options;
    struct ice_run_result *result;
    struct io *io;
    GMainLoop *loop;
    struct ice_agent *agent;
    struct ice_exchange *exchange;
    struct ice_echo *echo;
    struct io_timer begin, limit;    /* `limit`: of waiting, then of connecting, of staying, of the farewell */
    bool begun, gathered, described; /* the own description is on its way */
    bool offering;                   /* it is an offer */
    bool staying, finishing;
    bool mending;     /* the address that the path had is gone: a restart is due, or under way */
    char *peer_ufrag; /* NULL: its description has not come */
    bool peer_trickles;
    char *trouble; /* signalling has failed, too late to matter perhaps */
};

/* --- the end ---------------------------------------------------------------------------------------------------- */

static void
limit(struct run *run, int64_t after)
{
    run->io->ops->arm(run->io, &run->limit, time_add(run->io->ops->now(run->io), after), true);
}

static void
finish(struct run *run)
{
    if (run->finishing)
        return;
    run->finishing = true;
    ice_agent_close(run->agent);
    limit(run, FAREWELL);
}

static void G_GNUC_PRINTF(2, 3) fail(struct run *run, const char *format, ...)
{
    va_list list;

    if (run->finishing)
        return;
    va_start(list, format);
    run->result->why = g_strdup_vprintf(format, list);
    va_end(list);
    finish(run);
}

/* Which of both an elapsed limit is about is told by how far it has come. */
static void
on_limit(void *owner, struct io_timer *timer)
{
    struct run *run = owner;
    char text[DURATION_TEXT];

    (void)timer;
    if (run->finishing)
        g_main_loop_quit(run->loop);
    else if (run->staying && run->mending)
        fail(run, "the network has changed, and no path was found anew");
    else if (run->staying)
        finish(run);
    else if (!run->peer_ufrag)
        fail(run, "no description of the peer came within %s", duration_format(run->options->wait, text));
    else if (run->result->connected)
        fail(run, "the data was not echoed within %s", duration_format(run->options->timeout, text));
    else
        fail(run, "no path was found within %s%s%s", duration_format(run->options->timeout, text),
             run->trouble ? "; " : "", run->trouble ? run->trouble : "");
}

/* --- descriptions ----------------------------------------------------------------------------------------------- */

static void
try_describe(struct run *run)
{
    const struct ice_run_options *options = run->options;
    bool trickles = options->agent.session.trickle && (run->offering || run->peer_trickles);
    g_autoptr(GString) text = g_string_new(NULL);

    if (run->described || !run->begun || run->finishing || (!run->offering && !run->peer_ufrag) ||
        (!run->gathered && !trickles))
        return;
    run->described = true;
    ice_agent_description(run->agent, text);
    ice_exchange_description(run->exchange, text->str, run->offering,
                             run->offering ? ice_session_ufrag(ice_agent_session(run->agent)) : run->peer_ufrag);
}

/* Once what the agent has to tell of its first candidates has been told. */
static void
describe_soon(struct run *run)
{
    run->begun = run->described = false;
    run->io->ops->arm(run->io, &run->begin, run->io->ops->now(run->io), true);
}

/* What this side wants to know of the peer, besides what the agent does: NULL when there is no ICE in it. */
static char *
ufrag_of(struct span text, bool *trickles)
{
    g_autofree struct sdp_session *session = g_new(struct sdp_session, 1);
    struct sdp_ice ice;

    if (sdp_session_parse(text, session, NULL) != SDP_FAULT_NONE || session->media_count < 1 ||
        sdp_ice_read(session, 0, &ice, NULL) != SDP_FAULT_NONE)
        return NULL;
    *trickles = sdp_ice_has_option(session, 0, "trickle");
    return g_strndup((const char *)ice.ufrag.bytes, ice.ufrag.length);
}

/* An offer may come once more: the one before was an earlier run's, that had waited in the mailbox. What comes before the
 * own offer is no answer to it. Later on only what is new is of interest: a restart, or the answer to one. */
static bool
is_expected(const struct run *run, const char *ufrag)
{
    if (run->finishing)
        return false;
    if (!run->result->connected && run->result->restarts == 0)
        return !run->options->offers || (!run->peer_ufrag && run->described);
    return run->options->signal && g_strcmp0(ufrag, run->peer_ufrag) != 0;
}

static void
on_description(void *owner, struct span text)
{
    struct run *run = owner;
    bool trickles = false, first = !run->result->connected;
    g_autofree char *ufrag = ufrag_of(text, &trickles);
    g_autoptr(GError) error = NULL;

    if (!is_expected(run, ufrag))
        return;
    if (!ice_agent_take_description(run->agent, text, &error) || !ufrag) {
        fail(run, "the peer's description is of no use: %s", error ? error->message : "it has no ICE in it");
        return;
    }
    g_free(run->peer_ufrag);
    run->peer_ufrag = g_steal_pointer(&ufrag);
    run->peer_trickles = trickles;
    if (first)
        limit(run, run->options->timeout);
    try_describe(run);
}

static void
on_candidate(void *owner, struct span ufrag, struct span line)
{
    struct run *run = owner;
    g_autoptr(GError) error = NULL;

    if (run->finishing || !run->peer_ufrag || (ufrag.length > 0 && !span_equal(ufrag, span_of_text(run->peer_ufrag))))
        return;
    if (!ice_agent_take_candidate(run->agent, 0, line, &error))
        g_printerr("punchlab ice: a candidate of the peer is passed over: %s\n", error->message);
}

static void
on_exchange_failed(void *owner, const char *why)
{
    struct run *run = owner;

    if (!run->peer_ufrag || !run->described)
        fail(run, "%s", why);
    else if (!run->trouble)
        run->trouble = g_strdup(why);
}

/* --- the agent -------------------------------------------------------------------------------------------------- */

static void
on_gathered(struct run *run)
{
    bool trickled = run->described && run->options->agent.session.trickle;

    run->gathered = true;
    if (run->result->candidates == 0)
        fail(run, run->options->agent.relay_only
                      ? "there is no candidate to offer: no TURN server has given a relayed address"
                      : "there is no candidate to offer: this machine has no address to gather on");
    else if (trickled)
        ice_exchange_candidate(run->exchange, ice_agent_session(run->agent), "end-of-candidates");
    else
        try_describe(run);
}

static void
on_new_candidate(struct run *run, const struct ice_candidate *candidate)
{
    g_autoptr(GString) line = g_string_new(NULL);

    run->result->candidates++;
    if (!run->described || !run->options->agent.session.trickle)
        return;
    ice_agent_candidate_say(run->agent, candidate, line);
    ice_exchange_candidate(run->exchange, ice_agent_session(run->agent), line->str);
}

/* An address that is gone may be followed by another. */
static bool
can_mend(const struct run *run, enum ice_why why)
{
    return why == ICE_WHY_REMOVED && run->options->signal;
}

static void
on_state(struct run *run, const struct ice_agent_news *news)
{
    if (news->state == ICE_FAILED && !can_mend(run, news->why))
        fail(run, "ICE has failed, because %s", ice_why_sentence(news->why));
    if (news->state != ICE_COMPLETED)
        return;
    run->mending = false;
    if (run->result->connected) {
        g_printerr("punchlab ice: connected anew\n");
        return;
    }
    run->result->connected = true;
    ice_echo_start(run->echo);
}

static void
begin_anew(struct run *run, bool offering)
{
    run->result->restarts++;
    run->result->candidates = 0;
    run->offering = offering;
    run->gathered = false;
    describe_soon(run);
}

/* Who waits for an offer goes on waiting. Without a server nobody could carry a second description. */
static void
on_network(struct run *run)
{
    if (run->finishing)
        return;
    if (!run->options->signal && run->described) {
        g_printerr("punchlab ice: the network has changed; only with --signal could this side begin anew\n");
        return;
    }
    g_printerr("punchlab ice: the network has changed; this side begins anew\n");
    begin_anew(run, run->peer_ufrag ? true : run->options->offers);
    ice_agent_restart(run->agent);
}

static void
on_path_lost(struct run *run, enum ice_why why)
{
    if (can_mend(run, why))
        run->mending = true;
    else if (run->staying)
        finish(run);
    else
        fail(run, "the path has broken, because %s", ice_why_sentence(why));
}

static void
on_told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct run *run = owner;

    (void)agent;
    switch (news->event) {
    case ICE_AGENT_CANDIDATE:
        on_new_candidate(run, &news->candidate);
        break;
    case ICE_AGENT_GATHERED:
        on_gathered(run);
        break;
    case ICE_AGENT_SELECTED:
        if (!run->result->connected)
            run->result->connect_time = news->elapsed;
        if (news->component == 1)
            run->result->path = news->path;
        break;
    case ICE_AGENT_STATE:
        on_state(run, news);
        break;
    case ICE_AGENT_RESTARTED: /* it was the peer who began anew */
        begin_anew(run, false);
        break;
    case ICE_AGENT_NETWORK:
        on_network(run);
        break;
    case ICE_AGENT_CONSENT_LOST:
        on_path_lost(run, news->why);
        break;
    case ICE_AGENT_CLOSED:
        g_main_loop_quit(run->loop);
        break;
    default:
        break;
    }
}

static bool
use_address(void *owner, const struct io_address *at)
{
    const struct ice_run_options *options = ((const struct run *)owner)->options;

    for (size_t i = 0; i < options->interface_count; i++)
        if (options->interfaces[i] == at->interface)
            return true;
    for (size_t i = 0; i < options->address_count; i++)
        if (address_equal(options->addresses[i], at->address))
            return true;
    return options->interface_count + options->address_count == 0;
}

/* --- data ------------------------------------------------------------------------------------------------------- */

static void
on_echoed(void *owner)
{
    struct run *run = owner;
    char text[DURATION_TEXT];

    run->result->echoed = true;
    if (run->options->stay == 0 || run->finishing) {
        finish(run);
        return;
    }
    run->staying = true;
    g_printerr("punchlab ice: connected, and stays so for %s\n", duration_format(run->options->stay, text));
    limit(run, run->options->stay);
}

static void
open_echo(struct run *run)
{
    const struct ice_run_options *options = run->options;
    unsigned components = options->agent.session.components;

    run->echo = ice_echo_new(run->io, options->offers, components, options->messages, on_echoed, run);
    for (unsigned i = 0; i < components; i++)
        ice_echo_use(run->echo, i, ice_agent_component(run->agent, 0, i + 1));
}

/* --- the whole -------------------------------------------------------------------------------------------------- */

/* What the agent had to tell of its first candidates has been told by now: those stand in the description. */
static void
on_begin(void *owner, struct io_timer *timer)
{
    struct run *run = owner;

    (void)timer;
    run->begun = true;
    try_describe(run);
}

static bool
open_exchange(struct run *run, GError **error)
{
    static const struct ice_exchange_events events = { on_description, on_candidate, on_exchange_failed };
    const struct ice_run_options *options = run->options;

    run->exchange = options->signal ? ice_exchange_signal(run->io, options->signal, options->name, options->peer,
                                                          &events, run, error)
                                    : ice_exchange_stdio(&events, run);
    return run->exchange != NULL;
}

static void
begin(struct run *run)
{
    struct ice_agent_options agent = run->options->agent;

    agent.session.controlling = run->options->offers;
    agent.use_address = use_address;
    agent.transcript = run->options->explain ? TRANSCRIPT_ENTRIES : 0;
    run->agent = ice_agent_new(run->io, &agent, on_told, run);
    open_echo(run);
    run->offering = run->options->offers;
    ice_agent_gather(run->agent);
    run->begin = (struct io_timer){ .fire = on_begin, .owner = run };
    describe_soon(run);
    run->limit = (struct io_timer){ .fire = on_limit, .owner = run };
    if (run->options->wait != TIME_NEVER)
        limit(run, run->options->wait);
}

static void
take_result(struct run *run)
{
    struct ice_run_result *result = run->result;

    result->controlling = ice_session_is_controlling(ice_agent_session(run->agent));
    result->ice = *ice_session_counters(ice_agent_session(run->agent));
    result->echo = *ice_echo_counters(run->echo);
    if (!result->why && !(result->connected && result->echoed))
        result->why = g_strdup("it was interrupted");
    if (!run->options->explain)
        return;
    result->transcript = g_string_new(NULL);
    ice_agent_transcript(run->agent, result->transcript);
}

static void
end(struct run *run)
{
    run->io->ops->disarm(run->io, &run->begin);
    run->io->ops->disarm(run->io, &run->limit);
    ice_echo_free(run->echo);
    ice_agent_free(run->agent);
    ice_exchange_free(run->exchange);
    g_free(run->peer_ufrag);
    g_free(run->trouble);
}

bool
ice_run(struct live *live, GMainLoop *loop, const struct ice_run_options *options, struct ice_run_result *result,
        GError **error)
{
    struct run run = { .options = options, .result = result, .io = live_io(live), .loop = loop };

    *result = (struct ice_run_result){ .connect_time = -1 };
    if (!open_exchange(&run, error))
        return false;
    begin(&run);
    g_main_loop_run(loop);
    take_result(&run);
    end(&run);
    return true;
}

void
ice_run_result_clear(struct ice_run_result *result)
{
    g_clear_pointer(&result->why, g_free);
    if (result->transcript)
        g_string_free(result->transcript, TRUE);
    result->transcript = NULL;
}
