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
    bool wanted;          /* the own description is to be sent, when it may */
    bool sent, delivered; /* of this generation: it is under way; the server has it */
    bool failed;
    /* Until the own description is delivered: GString *, the peer's latest description and then, in order, the fragments
     * that came behind it. */
    GPtrArray *pending;
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
};

static void take_pending(struct rendezvous *rendezvous);

static void
on_sent(void *owner, const struct signal_result *result)
{
    struct errand *errand = owner;
    struct rendezvous *rendezvous = errand->rendezvous;
    bool description = errand->description;

    g_ptr_array_remove_fast(rendezvous->letters, errand);
    g_free(errand);
    if (result->outcome != SIGNAL_OUTCOME_DONE) {
        fail(rendezvous, "the signalling server did not take what was sent", result);
        return;
    }
    if (!description)
        return;
    rendezvous->delivered = true;
    take_pending(rendezvous);
}

static void
send_text(struct rendezvous *rendezvous, const char *type, const GString *text, bool description)
{
    struct signal_text letter = { span_of_text(rendezvous->peer), span_of_text(type),
                                  span_of(text->str, text->len) };
    struct errand *errand = g_new0(struct errand, 1);

    errand->rendezvous = rendezvous;
    errand->description = description;
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

    if (!rendezvous->wanted || rendezvous->sent || !may)
        return;
    text = g_string_new(NULL);
    rendezvous->sent = true;
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
    case ICE_AGENT_RESTARTED: /* the peer's offer has been taken: the answer is due */
        rendezvous_restart(rendezvous);
        break;
    default:
        break;
    }
}

void
rendezvous_restart(struct rendezvous *rendezvous)
{
    rendezvous->wanted = true;
    rendezvous->sent = rendezvous->delivered = false;
    send_description(rendezvous);
}

/* --- in ----------------------------------------------------------------------------------------------------------- */

static void
take_description(struct rendezvous *rendezvous, struct span text)
{
    g_autoptr(GError) error = NULL;

    if (!ice_agent_take_description(rendezvous->options.agent, text, &error))
        fail(rendezvous, error->message, NULL);
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
            for (const struct sdp_line *line = NULL;
                 (line = sdp_attribute_find(session, media, names[i], line));)
                (void)ice_agent_take_candidate(rendezvous->options.agent, stream_of(session, media),
                                               sdp_line_value(session, line), NULL);
}

static void
keep_pending(struct rendezvous *rendezvous, struct span text)
{
    g_ptr_array_add(rendezvous->pending, g_string_new_len((const char *)text.bytes, (gssize)text.length));
}

/* A first description waits until the own is delivered: checks begin then. Later ones tell of a restart, or of nothing. */
static void
on_description(struct rendezvous *rendezvous, struct span text)
{
    if (rendezvous->delivered) {
        take_description(rendezvous, text);
        return;
    }
    g_ptr_array_set_size(rendezvous->pending, 0);
    keep_pending(rendezvous, text);
    rendezvous->wanted = true;
    send_description(rendezvous);
}

/* What belongs to a description that waits has to wait behind it: an end of candidates would shut out those that the
 * description has, and whether a candidate is of this generation is not known yet. */
static void
on_fragment(struct rendezvous *rendezvous, struct span text)
{
    if (rendezvous->pending->len == 0)
        take_fragment(rendezvous, text);
    else if (rendezvous->pending->len <= FRAGMENTS_MOST)
        keep_pending(rendezvous, text);
}

static void
take_pending(struct rendezvous *rendezvous)
{
    for (guint i = 0; i < rendezvous->pending->len && !rendezvous->failed; i++) {
        const GString *text = rendezvous->pending->pdata[i];

        (i == 0 ? take_description : take_fragment)(rendezvous, span_of(text->str, text->len));
    }
    g_ptr_array_set_size(rendezvous->pending, 0);
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

static void
free_text(gpointer text)
{
    g_string_free(text, TRUE);
}

struct rendezvous *
rendezvous_new(const struct rendezvous_options *options)
{
    struct rendezvous *rendezvous = g_new0(struct rendezvous, 1);

    rendezvous->options = *options;
    rendezvous->peer = g_strdup(options->peer);
    rendezvous->letters = g_ptr_array_new();
    rendezvous->pending = g_ptr_array_new_with_free_func(free_text);
    rendezvous->listener = (struct signal_listener){
        .from = rendezvous->peer, .message = on_message, .lost = on_lost, .owner = rendezvous
    };
    rendezvous->wanted = options->offers;
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
    g_ptr_array_free(rendezvous->pending, TRUE);
    g_free(rendezvous->peer);
    g_free(rendezvous);
}
