/* Theory of operation.
 *
 * Each generation of an agent has one description, and two that meet make a session: neither says whether it is the offer.
 * So at most one may be out that none of the peer's has met (RFC 3264 section 4), or who restarts twice would take the
 * answer to the first for that to the second, see a restart in the other, and so on for ever. Hence:
 *
 *     awaiting   the own is out, and the next one that comes meets it
 *     stale      the same, but the agent has been restarted since: what comes is for nobody, and the new one goes then
 *     kept       what came, and is met by the own, until the own is delivered. Either it waits for that, or it has been
 *                `given` to the agent, which it made restart
 *
 * When none of these holds the session stands, and what comes is the peer's restart. */
#include "scenarios/lab/rendezvous.h"

#include "proto/sdp/session.h"

#define TYPE_DESCRIPTION "application/sdp"
#define TYPE_FRAGMENT "application/trickle-ice-sdpfrag"

enum { FRAGMENTS_MOST = 256 }; /* that are kept */

struct rendezvous {
    struct rendezvous_options options;
    char *peer;
    struct signal_listener listener;
    GPtrArray *letters;   /* struct signal_letter *, under way */
    unsigned generation;  /* of the agent, that the following are about */
    bool wanted;          /* the own description is to be sent, when it may */
    bool sent, delivered; /* it is under way; the server has it */
    bool met;             /* the agent has the peer's */
    bool awaiting, stale;
    GPtrArray *kept; /* GString *: a description and then, in order, the fragments that came behind it */
    bool given;
    bool failed;
};

static void
fail(struct rendezvous *rendezvous, const char *why, const struct signal_result *signal)
{
    if (rendezvous->failed)
        return;
    rendezvous->failed = true;
    rendezvous->options.failed(rendezvous->options.owner, why, signal);
}

/* --- out ---------------------------------------------------------------------------------------------------------- */

/* What a letter is to its callback: which one it was. */
struct errand {
    struct rendezvous *rendezvous;
    struct signal_letter *letter;
    bool description;
    unsigned generation;
};

static void take_kept(struct rendezvous *rendezvous);

static void
on_sent(void *owner, const struct signal_result *result)
{
    struct errand *errand = owner;
    struct rendezvous *rendezvous = errand->rendezvous;
    bool description = errand->description && errand->generation == rendezvous->generation;

    g_ptr_array_remove_fast(rendezvous->letters, errand);
    g_free(errand);
    if (result->outcome != SIGNAL_OUTCOME_DONE) {
        fail(rendezvous, "the signalling server did not take what was sent", result);
        return;
    }
    if (!description)
        return;
    rendezvous->delivered = true;
    take_kept(rendezvous);
}

static void
send_text(struct rendezvous *rendezvous, const char *type, const GString *text, bool description)
{
    struct signal_text letter = { span_of_text(rendezvous->peer), span_of_text(type), span_of(text->str, text->len) };
    struct errand *errand = g_new0(struct errand, 1);

    errand->rendezvous = rendezvous;
    errand->description = description;
    errand->generation = rendezvous->generation;
    errand->letter = signal_channel_send(rendezvous->options.channel, &letter, on_sent, errand);
    if (errand->letter) {
        g_ptr_array_add(rendezvous->letters, errand);
        return;
    }
    g_free(errand);
    fail(rendezvous, "the signalling channel is closed, or too much is under way on it", NULL);
}

static void
send_description(struct rendezvous *rendezvous)
{
    bool may = rendezvous->options.trickle || ice_agent_has_gathered(rendezvous->options.agent);
    g_autoptr(GString) text = NULL;

    if (!rendezvous->wanted || rendezvous->sent || rendezvous->stale || !may)
        return;
    text = g_string_new(NULL);
    rendezvous->sent = true;
    rendezvous->awaiting = rendezvous->kept->len == 0;
    ice_agent_description(rendezvous->options.agent, text);
    send_text(rendezvous, TYPE_DESCRIPTION, text, true);
}

/* One line of a stream, as RFC 8840 section 9.2 frames it. */
static void
send_fragment(struct rendezvous *rendezvous, unsigned stream, const char *line)
{
    g_autoptr(GString) text = g_string_new(NULL);

    g_string_append_printf(text, "m=application 9 udp octet-stream\r\na=mid:%u\r\na=%s\r\n", stream, line);
    send_text(rendezvous, TYPE_FRAGMENT, text, false);
}

static void
send_candidate(struct rendezvous *rendezvous, const struct ice_candidate *candidate)
{
    g_autoptr(GString) line = g_string_new(NULL);

    ice_agent_candidate_say(rendezvous->options.agent, candidate, line);
    send_fragment(rendezvous, candidate->stream, line->str);
}

static void
send_end(struct rendezvous *rendezvous)
{
    unsigned streams = ice_session_streams(ice_agent_session(rendezvous->options.agent));

    for (unsigned i = 0; i < streams; i++)
        send_fragment(rendezvous, i, "end-of-candidates");
}

static unsigned
generation_of(const struct rendezvous *rendezvous)
{
    return ice_session_generation(ice_agent_session(rendezvous->options.agent));
}

void
rendezvous_news(struct rendezvous *rendezvous, const struct ice_agent_news *news)
{
    bool trickles = rendezvous->options.trickle && rendezvous->sent;

    switch (news->event) {
    case ICE_AGENT_CANDIDATE:
        if (trickles)
            send_candidate(rendezvous, &news->candidate);
        break;
    case ICE_AGENT_GATHERED:
        if (trickles)
            send_end(rendezvous);
        send_description(rendezvous);
        break;
    case ICE_AGENT_NETWORK: /* the agent may have restarted by itself */
        if (generation_of(rendezvous) != rendezvous->generation)
            rendezvous_restart(rendezvous);
        break;
    default:
        break;
    }
}

static void
begin_generation(struct rendezvous *rendezvous)
{
    rendezvous->generation = generation_of(rendezvous);
    rendezvous->wanted = true;
    rendezvous->sent = rendezvous->delivered = rendezvous->met = false;
}

void
rendezvous_restart(struct rendezvous *rendezvous)
{
    rendezvous->stale = rendezvous->awaiting;
    if (rendezvous->sent) /* what is kept has been met; else the agent has forgotten it, and gets it again */
        g_ptr_array_set_size(rendezvous->kept, 0);
    rendezvous->given = false;
    begin_generation(rendezvous);
    send_description(rendezvous);
}

static void
free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

static void
keep(struct rendezvous *rendezvous, struct span text)
{
    if (rendezvous->kept->len <= FRAGMENTS_MOST)
        g_ptr_array_add(rendezvous->kept, g_string_new_len((const char *)text.bytes, (gssize)text.length));
}

static void
keep_description(struct rendezvous *rendezvous, struct span text, bool given)
{
    g_ptr_array_set_size(rendezvous->kept, 0);
    keep(rendezvous, text);
    rendezvous->given = given;
}

/* If it has made the agent restart, the own is due. Where the session stands already, what is no description of use changes
 * nothing, as an offer that is refused (RFC 3264 section 4): anybody who knows the peer's name could end the call else. */
static void
take_description(struct rendezvous *rendezvous, struct span text)
{
    g_autoptr(GError) error = NULL;

    if (!ice_agent_take_description(rendezvous->options.agent, text, &error)) {
        if (!rendezvous->met)
            fail(rendezvous, error->message, NULL);
        return;
    }
    if (generation_of(rendezvous) != rendezvous->generation) {
        begin_generation(rendezvous);
        keep_description(rendezvous, text, true);
    }
    rendezvous->met = true;
    send_description(rendezvous);
}

/* The stream that a medium of a fragment is about: a=mid has its number, as `send_fragment` writes it. */
static unsigned
stream_of(const struct sdp_session *session, int media)
{
    const struct sdp_line *line = sdp_attribute_find(session, media, "mid", NULL);
    struct span mid = line ? sdp_attribute_value(session, line) : span_of(NULL, 0);
    unsigned stream = 0;

    if (mid.length == 0 || mid.length > 2)
        return (unsigned)media;
    for (size_t i = 0; i < mid.length; i++) {
        if (!g_ascii_isdigit(mid.bytes[i]))
            return (unsigned)media;
        stream = 10 * stream + (unsigned)g_ascii_digit_value((char)mid.bytes[i]);
    }
    return stream;
}

/* What is no candidate, or of another generation, is passed over (RFC 8838 section 4.1). */
static void
take_fragment(struct rendezvous *rendezvous, struct span text)
{
    static const char *const names[] = { "candidate", "end-of-candidates" };
    g_autofree struct sdp_session *session = g_new(struct sdp_session, 1);
    struct sdp_error fault;

    if (sdp_fragment_parse(text, session, &fault) != SDP_FAULT_NONE)
        return;
    for (int media = 0; media < (int)session->media_count; media++)
        for (size_t i = 0; i < G_N_ELEMENTS(names); i++)
            for (const struct sdp_line *line = NULL; (line = sdp_attribute_find(session, media, names[i], line));)
                (void)ice_agent_take_candidate(rendezvous->options.agent, stream_of(session, media),
                                               sdp_line_value(session, line), NULL);
}

static void
on_description(struct rendezvous *rendezvous, struct span text)
{
    bool stale = rendezvous->stale;

    rendezvous->awaiting = rendezvous->stale = false;
    if (!stale && rendezvous->delivered) {
        take_description(rendezvous, text);
        return;
    }
    if (!stale) {
        keep_description(rendezvous, text, false);
        rendezvous->wanted = true;
    }
    send_description(rendezvous);
}

/* What belongs to a description that waits has to wait behind it: an end of candidates would shut out those that the
 * description has, and whether a candidate is of this generation is not known yet. What belongs to none is of one that was
 * dropped, or of before a restart. */
static void
on_fragment(struct rendezvous *rendezvous, struct span text)
{
    bool waits = rendezvous->kept->len > 0 && !rendezvous->given;

    if (rendezvous->kept->len > 0)
        keep(rendezvous, text);
    if (rendezvous->met && !waits)
        take_fragment(rendezvous, text);
}

/* The own is delivered. */
static void
take_kept(struct rendezvous *rendezvous)
{
    GPtrArray *kept = rendezvous->kept;
    bool given = rendezvous->given;

    rendezvous->kept = g_ptr_array_new_with_free_func(free_text);
    for (guint i = 0; i < kept->len && !given && !rendezvous->failed; i++) {
        const GString *text = kept->pdata[i];

        (i == 0 ? take_description : on_fragment)(rendezvous, span_of(text->str, text->len));
    }
    g_ptr_array_free(kept, TRUE);
}

static void
on_message(void *owner, const struct signal_text *message)
{
    struct rendezvous *rendezvous = owner;

    if (span_equal(message->type, span_of_text(TYPE_FRAGMENT)))
        on_fragment(rendezvous, message->text);
    else
        on_description(rendezvous, message->text);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    fail(owner, "the signalling server is not to be reached", result);
}

/* --- life --------------------------------------------------------------------------------------------------------- */

struct rendezvous *
rendezvous_new(const struct rendezvous_options *options)
{
    struct rendezvous *rendezvous = g_new0(struct rendezvous, 1);

    rendezvous->options = *options;
    rendezvous->peer = g_strdup(options->peer);
    rendezvous->letters = g_ptr_array_new();
    rendezvous->kept = g_ptr_array_new_with_free_func(free_text);
    rendezvous->listener = (struct signal_listener){
        .from = rendezvous->peer, .message = on_message, .lost = on_lost, .owner = rendezvous
    };
    rendezvous->wanted = options->offers;
    rendezvous->generation = generation_of(rendezvous);
    signal_channel_listen(options->channel, &rendezvous->listener);
    send_description(rendezvous);
    return rendezvous;
}

void
rendezvous_free(struct rendezvous *rendezvous)
{
    if (!rendezvous)
        return;
    signal_channel_unlisten(rendezvous->options.channel, &rendezvous->listener);
    for (guint i = 0; i < rendezvous->letters->len; i++) {
        struct errand *errand = rendezvous->letters->pdata[i];

        if (signal_channel_is_open(rendezvous->options.channel))
            signal_letter_cancel(errand->letter);
        g_free(errand);
    }
    g_ptr_array_free(rendezvous->letters, TRUE);
    g_ptr_array_free(rendezvous->kept, TRUE);
    g_free(rendezvous->peer);
    g_free(rendezvous);
}
