/* The story of a session, for people. transcript.h tells what is kept. */
#include "proto/ice/transcript.h"

enum entry_type { ENTRY_LOCAL, ENTRY_REMOTE, ENTRY_PAIR, ENTRY_SERVER, ENTRY_OTHER };

struct entry {
    enum entry_type type;
    enum ice_event_type event;
    enum ice_why why;
    int64_t at, elapsed;
    uint32_t pair, count, priority;
    uint8_t was, is, state, own_type, peer_type, transport, stream;
    bool is_new, controlling;
    uint16_t component, code;
    struct endpoint from, to, mapped, server;
    const char *what;
};

struct ice_transcript {
    unsigned most;
    GArray *entries;
    uint64_t left_out;
};

struct ice_transcript *
ice_transcript_new(unsigned most)
{
    struct ice_transcript *transcript = g_new0(struct ice_transcript, 1);

    transcript->most = most;
    transcript->entries = g_array_new(FALSE, FALSE, sizeof(struct entry));
    return transcript;
}

void
ice_transcript_free(struct ice_transcript *transcript)
{
    if (!transcript)
        return;
    g_array_unref(transcript->entries);
    g_free(transcript);
}

/* What ends a session, or gives it its path, is kept in any case: it comes seldom, and bounded by restarts. */
static bool
is_outcome(const struct entry *entry)
{
    return entry->type == ENTRY_OTHER && (entry->event == ICE_EVENT_SELECTED || entry->event == ICE_EVENT_SESSION);
}

static void
keep(struct ice_transcript *transcript, const struct entry *entry)
{
    guint most = is_outcome(entry) ? 2 * transcript->most : transcript->most;

    if (transcript->entries->len < most)
        g_array_append_vals(transcript->entries, entry, 1);
    else
        transcript->left_out++;
}

static bool
is_told(const struct ice_event *event)
{
    switch (event->type) {
    case ICE_EVENT_IGNORED:
    case ICE_EVENT_RELEASED:
        return false;
    default:
        return true;
    }
}

static enum entry_type
type_of(const struct ice_event *event)
{
    switch (event->type) {
    case ICE_EVENT_LOCAL:
        return ENTRY_LOCAL;
    case ICE_EVENT_REMOTE:
        return ENTRY_REMOTE;
    case ICE_EVENT_PAIR:
    case ICE_EVENT_CHECK:
    case ICE_EVENT_VALID:
    case ICE_EVENT_NOMINATED:
    case ICE_EVENT_SELECTED:
    case ICE_EVENT_CONSENT:
        return event->pair && event->type != ICE_EVENT_SELECTED ? ENTRY_PAIR : ENTRY_OTHER;
    default:
        return ENTRY_OTHER;
    }
}

void
ice_transcript_take(struct ice_transcript *transcript, const struct ice_event *event)
{
    const struct ice_candidate *candidate = event->local ? event->local : event->remote;
    struct entry entry = { .type = type_of(event),
                           .event = event->type,
                           .why = event->why,
                           .at = event->at,
                           .elapsed = event->elapsed,
                           .count = event->count,
                           .was = (uint8_t)event->was,
                           .is = (uint8_t)event->is,
                           .state = (uint8_t)event->state,
                           .stream = event->stream,
                           .is_new = event->is_new,
                           .controlling = event->controlling,
                           .component = event->component,
                           .code = event->code,
                           .from = event->from,
                           .to = event->to,
                           .mapped = event->mapped };

    if (!is_told(event))
        return;
    if (event->pair)
        entry.pair = event->pair->number;
    if (event->local)
        entry.own_type = (uint8_t)event->local->type;
    if (event->remote)
        entry.peer_type = (uint8_t)event->remote->type;
    if (candidate) {
        entry.transport = (uint8_t)candidate->transport;
        entry.priority = candidate->priority;
        entry.server = candidate->server;
    }
    keep(transcript, &entry);
}

void
ice_transcript_server(struct ice_transcript *transcript, int64_t at, struct endpoint from, struct endpoint server,
                      const char *what)
{
    struct entry entry = { .type = ENTRY_SERVER, .at = at, .from = from, .server = server, .what = what };

    keep(transcript, &entry);
}

void
ice_transcript_refused(struct ice_transcript *transcript, int64_t at, const char *what)
{
    struct entry entry = { .type = ENTRY_OTHER, .event = ICE_EVENT_TYPES, .at = at, .what = what };

    keep(transcript, &entry);
}

/* ---- sentences */

/* "   0.120 s  " */
static void
say_time(int64_t at, GString *out)
{
    g_string_append_printf(out, "  %4" G_GINT64_FORMAT ".%03d s  ", at / TIME_S, (int)(at % TIME_S / TIME_MS));
}

static void
say_why(enum ice_why why, GString *out)
{
    const char *source = ice_why_source(why);

    if (why == ICE_WHY_NONE)
        return;
    g_string_append_printf(out, ", because %s", ice_why_sentence(why));
    if (source[0])
        g_string_append_printf(out, " (%s)", source);
}

static void
say_candidate(const struct entry *entry, GString *out)
{
    bool own = entry->type == ENTRY_LOCAL;
    unsigned type = own ? entry->own_type : entry->peer_type;
    char at[ENDPOINT_TEXT], other[ENDPOINT_TEXT];

    say_time(entry->at, out);
    g_string_append_printf(out, "%s %s", ice_type_phrase((enum ice_type)type), endpoint_format(entry->to, at));
    if (entry->transport != ICE_UDP)
        g_string_append_printf(out, " %s", ice_transport_word((enum ice_transport)entry->transport));
    g_string_append_printf(out, ", component %u", entry->component);
    if (entry->priority)
        g_string_append_printf(out, ", priority %u", entry->priority);
    if (own && !endpoint_equal(entry->from, entry->to) && !address_is_none(entry->from.address))
        g_string_append_printf(out, ", base %s", endpoint_format(entry->from, other));
    if (!address_is_none(entry->server.address))
        g_string_append_printf(out, ", from the server %s", endpoint_format(entry->server, other));
    switch (entry->why) {
    case ICE_WHY_GATHERED:
    case ICE_WHY_SIGNALLED:
    case ICE_WHY_MAPPED:
    case ICE_WHY_CHECK_CAME:
    case ICE_WHY_CONFIRMED:
        g_string_append_printf(out, ": %s\n", ice_why_sentence(entry->why));
        break;
    case ICE_WHY_REMOVED:
        g_string_append(out, ": closed, or its address is gone\n");
        break;
    default:
        g_string_append_printf(out, ": not taken, because %s\n", ice_why_sentence(entry->why));
        break;
    }
}

static void
say_server(const struct entry *entry, GString *out)
{
    char from[ENDPOINT_TEXT], server[ENDPOINT_TEXT];

    say_time(entry->at, out);
    g_string_append_printf(out, "the server %s, asked from %s: %s\n", endpoint_format(entry->server, server),
                           endpoint_format(entry->from, from), entry->what);
}

static void
say_check(const struct entry *entry, GString *out)
{
    if (entry->count > 1) {
        g_string_append_printf(out, "request %u of the same check, because no answer has come", entry->count);
        return;
    }
    g_string_append_printf(out, "check%s", entry->why == ICE_WHY_NOMINATING ? " with USE-CANDIDATE" : "");
    say_why(entry->why, out);
}

/* Whether some server or peer sees packets from this base come from elsewhere. */
static bool
is_behind_nat(const struct ice_transcript *transcript, struct endpoint base)
{
    for (guint i = 0; i < transcript->entries->len; i++) {
        const struct entry *entry = &g_array_index(transcript->entries, struct entry, i);

        if (entry->type == ENTRY_LOCAL && entry->own_type != ICE_RELAY && endpoint_equal(entry->from, base) &&
            !endpoint_equal(entry->to, base))
            return true;
    }
    return false;
}

static void
say_moved(const struct ice_transcript *transcript, const struct entry *entry, GString *out)
{
    bool opened = entry->why == ICE_WHY_TRIGGERED && entry->was == ICE_PAIR_IN_PROGRESS;

    if (entry->is_new && entry->is == ICE_PAIR_GONE)
        g_string_append(out, "left out");
    else if (entry->is_new)
        g_string_append_printf(out, "new: %s", ice_pair_state_name((enum ice_pair_state)entry->is));
    else if (entry->is == ICE_PAIR_GONE)
        g_string_append_printf(out, "%s -> out of the checklist", ice_pair_state_name((enum ice_pair_state)entry->was));
    else
        g_string_append_printf(out, "%s -> %s", ice_pair_state_name((enum ice_pair_state)entry->was),
                               ice_pair_state_name((enum ice_pair_state)entry->is));
    say_why(entry->why, out);
    if (entry->code)
        g_string_append_printf(out, ": %u", entry->code);
    if (opened && is_behind_nat(transcript, entry->from))
        g_string_append(out, "; the own check that went before it has opened the NAT on this side, if it was not open");
}

static void
say_of_pair(const struct ice_transcript *transcript, const struct entry *entry, GString *out)
{
    char mapped[ENDPOINT_TEXT], rtt[DURATION_TEXT];

    say_time(entry->at, out);
    switch (entry->event) {
    case ICE_EVENT_CHECK:
        say_check(entry, out);
        break;
    case ICE_EVENT_VALID:
        g_string_append(out, "valid");
        if (entry->elapsed >= 0)
            g_string_append_printf(out, " after a round trip of %s", duration_format(entry->elapsed, rtt));
        if (!address_is_none(entry->mapped.address))
            g_string_append_printf(out, "; the peer saw %s", endpoint_format(entry->mapped, mapped));
        break;
    case ICE_EVENT_NOMINATED:
        g_string_append(out, "nominated");
        say_why(entry->why, out);
        break;
    case ICE_EVENT_CONSENT:
        g_string_append(out, "must not be used any more");
        say_why(entry->why, out);
        break;
    default:
        say_moved(transcript, entry, out);
        break;
    }
    g_string_append_c(out, '\n');
}

static void
say_path(const struct entry *entry, GString *out)
{
    char from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

    g_string_append_printf(out, "pair %u: %s %s -> %s %s", entry->pair, ice_type_phrase((enum ice_type)entry->own_type),
                           endpoint_format(entry->from, from), ice_type_phrase((enum ice_type)entry->peer_type),
                           endpoint_format(entry->to, to));
}

static void
say_other(const struct entry *entry, GString *out)
{
    char elapsed[DURATION_TEXT], from[ENDPOINT_TEXT], to[ENDPOINT_TEXT];

    say_time(entry->at, out);
    if (entry->what) {
        g_string_append_printf(out, "the peer's description was not taken: %s\n", entry->what);
        return;
    }
    switch (entry->event) {
    case ICE_EVENT_SELECTED:
        g_string_append_printf(out, "stream %u, component %u goes by ", entry->stream + 1u, entry->component);
        say_path(entry, out);
        say_why(entry->why, out);
        break;
    case ICE_EVENT_CHECKLIST:
        g_string_append_printf(out, "the checklist of stream %u is %s", entry->stream + 1u,
                               ice_state_name((enum ice_state)entry->state));
        say_why(entry->why, out);
        break;
    case ICE_EVENT_SESSION:
        g_string_append_printf(out, "ICE is %s, %s after the start", ice_state_name((enum ice_state)entry->state),
                               duration_format(entry->elapsed, elapsed));
        say_why(entry->why, out);
        break;
    case ICE_EVENT_ROLE:
        g_string_append_printf(out, "this agent is %s", entry->controlling ? "controlling" : "controlled");
        say_why(entry->why, out);
        break;
    case ICE_EVENT_REQUEST:
        g_string_append_printf(out, "a request was answered with %u", entry->code);
        say_why(entry->why, out);
        break;
    case ICE_EVENT_CONSENT: /* of a pair of the generation before */
        g_string_append_printf(out, "nothing more is sent on %s -> %s, of before the restart",
                               endpoint_format(entry->from, from), endpoint_format(entry->to, to));
        say_why(entry->why, out);
        break;
    case ICE_EVENT_RESTARTED:
        g_string_append_printf(out, "generation %u begins", entry->count + 1);
        say_why(entry->why, out);
        break;
    default:
        break;
    }
    g_string_append_c(out, '\n');
}

/* ---- the whole */

static void
say_all(const struct ice_transcript *transcript, enum entry_type type, enum entry_type also, const char *title,
        GString *out)
{
    bool any = false;

    for (guint i = 0; i < transcript->entries->len; i++) {
        const struct entry *entry = &g_array_index(transcript->entries, struct entry, i);

        if (entry->type != type && entry->type != also)
            continue;
        if (!any)
            g_string_append_printf(out, "%s\n", title);
        any = true;
        if (entry->type == ENTRY_SERVER)
            say_server(entry, out);
        else if (entry->type == ENTRY_OTHER)
            say_other(entry, out);
        else
            say_candidate(entry, out);
    }
}

static void
say_pair(const struct ice_transcript *transcript, guint first, GString *out)
{
    const struct entry *begin = &g_array_index(transcript->entries, struct entry, first);

    say_path(begin, out);
    g_string_append_printf(out, " (stream %u, component %u)\n", begin->stream + 1u, begin->component);
    for (guint i = first; i < transcript->entries->len; i++) {
        const struct entry *entry = &g_array_index(transcript->entries, struct entry, i);

        if (entry->type == ENTRY_PAIR && entry->pair == begin->pair)
            say_of_pair(transcript, entry, out);
    }
}

static bool
is_first_of_pair(const struct ice_transcript *transcript, guint at)
{
    const struct entry *entry = &g_array_index(transcript->entries, struct entry, at);

    if (entry->type != ENTRY_PAIR)
        return false;
    for (guint i = 0; i < at; i++) {
        const struct entry *before = &g_array_index(transcript->entries, struct entry, i);

        if (before->type == ENTRY_PAIR && before->pair == entry->pair)
            return false;
    }
    return true;
}

void
ice_transcript_say(const struct ice_transcript *transcript, const struct ice_session *session, GString *out)
{
    g_string_append_printf(out, "this agent is %s; ICE is %s\n",
                           ice_session_is_controlling(session) ? "controlling" : "controlled",
                           ice_state_name(ice_session_state(session)));
    say_all(transcript, ENTRY_LOCAL, ENTRY_SERVER, "own candidates", out);
    say_all(transcript, ENTRY_REMOTE, ENTRY_REMOTE, "the peer's candidates", out);
    for (guint i = 0; i < transcript->entries->len; i++)
        if (is_first_of_pair(transcript, i))
            say_pair(transcript, i, out);
    say_all(transcript, ENTRY_OTHER, ENTRY_OTHER, "outcome", out);
    if (transcript->left_out)
        g_string_append_printf(out, "%" G_GUINT64_FORMAT " more events were not kept\n", transcript->left_out);
}
