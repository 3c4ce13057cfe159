/* Descriptions through a signalling server. */
#include "proto/http/signal_client.h"
#include "proto/sdp/ice.h"
#include "scenarios/runner/cli/addresses.h"
#include "scenarios/runner/cli/ice_exchange.h"

#define SDP_TYPE "application/sdp"
#define FRAGMENT_TYPE "application/trickle-ice-sdpfrag"

struct post {
    struct ice_exchange exchange; /* first */
    struct signal_client *client;
    char *peer;
    char *offer; /* the ufrag of the own offer; NULL: this is the answerer */
};

static void
fail(struct post *post, const struct signal_result *result)
{
    g_autofree char *why = NULL;

    if (result->outcome == SIGNAL_OUTCOME_REJECTED)
        why = g_strdup_printf("the signalling server refuses (%u): %s", result->status,
                              signal_reason_sentence(result->reason));
    else
        why = g_strdup_printf("signalling: %s", signal_outcome_sentence(result->outcome));
    post->exchange.events->failed(post->exchange.owner, why);
}

/* --- what comes ------------------------------------------------------------------------------------------------- */

static bool
begins(struct span text, const char *with)
{
    size_t length = strlen(with);

    return text.length >= length && g_ascii_strncasecmp((const char *)text.bytes, with, length) == 0 &&
           (text.length == length || text.bytes[length] == ';' || text.bytes[length] == ' ');
}

/* Whether it says that it answers another offer than the last one that was sent. */
static bool
is_stale(const struct post *post, struct span type)
{
    g_autofree char *text = g_strndup((const char *)type.bytes, type.length), *ours = NULL;
    const char *said = strstr(text, "offer=\"");

    if (!post->offer || !said)
        return false;
    ours = g_strdup_printf("offer=\"%s\"", post->offer);
    return !g_str_has_prefix(said, ours);
}

static void
take_fragment(struct post *post, struct span text)
{
    const struct ice_exchange_events *events = post->exchange.events;
    g_autofree struct sdp_session *fragment = g_new(struct sdp_session, 1);
    const struct sdp_line *line = NULL;
    struct sdp_candidate candidate;
    struct sdp_ice ice;

    /* What is malformed is passed over, as a line on standard input would be. */
    if (sdp_fragment_parse(text, fragment, NULL) != SDP_FAULT_NONE || fragment->media_count != 1 ||
        sdp_ice_read(fragment, 0, &ice, NULL) != SDP_FAULT_NONE)
        return;
    while (sdp_candidate_next(fragment, 0, &line, &candidate, NULL) == SDP_FAULT_NONE && line)
        events->candidate(post->exchange.owner, ice.ufrag, span_of(text.bytes + line->offset, line->length));
    if (ice.end_of_candidates)
        events->candidate(post->exchange.owner, ice.ufrag, span_of_text("end-of-candidates"));
}

static void
on_message(void *owner, const struct signal_text *message)
{
    struct post *post = owner;
    bool from_peer = span_equal(message->peer, span_of_text(post->peer));

    if (from_peer && begins(message->type, FRAGMENT_TYPE))
        take_fragment(post, message->text);
    else if (from_peer && begins(message->type, SDP_TYPE) && !is_stale(post, message->type))
        post->exchange.events->description(post->exchange.owner, message->text);
    signal_client_receive(post->client);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    fail(owner, result);
}

static void
on_sent(void *owner, const struct signal_result *result)
{
    if (result->outcome != SIGNAL_OUTCOME_DONE)
        fail(owner, result);
}

/* --- what goes -------------------------------------------------------------------------------------------------- */

static void
send_text(struct post *post, const char *type, const char *text)
{
    struct signal_text letter = { span_of_text(post->peer), span_of_text(type), span_of_text(text) };

    if (!signal_client_send(post->client, &letter, on_sent, post))
        post->exchange.events->failed(post->exchange.owner, "signalling: too much is under way to the server");
}

static void
signal_description(struct ice_exchange *exchange, const char *text, bool offers, const char *ufrag)
{
    struct post *post = (struct post *)exchange;
    g_autofree char *type = offers ? g_strdup(SDP_TYPE) : g_strdup_printf(SDP_TYPE "; offer=\"%s\"", ufrag);

    g_free(post->offer);
    post->offer = offers ? g_strdup(ufrag) : NULL;
    send_text(post, type, text);
}

static void
signal_candidate(struct ice_exchange *exchange, const struct ice_session *session, const char *line)
{
    struct sdp_media_line media = { .media = span_of_text("application"),
                                    .protocol = span_of_text("udp"),
                                    .formats = span_of_text("octet-stream"),
                                    .port = SDP_PORT_NONE,
                                    .count = 1 };
    struct sdp_ice ice = { .ufrag = span_of_text(ice_session_ufrag(session)),
                           .pwd = span_of_text(ice_session_pwd(session)),
                           .pacing_ms = SDP_PACING_MS };
    g_autoptr(GString) out = g_string_new(NULL);

    sdp_put_ice(out, &ice, SDP_SESSION_LEVEL);
    sdp_put_fragment_media(out, &media, span_of_text("0"));
    g_string_append_printf(out, "a=%s\r\n", line);
    send_text((struct post *)exchange, FRAGMENT_TYPE, out->str);
}

static bool
signal_is_sending(const struct ice_exchange *exchange)
{
    return signal_client_letters(((const struct post *)exchange)->client) > 0;
}

static void
signal_free(struct ice_exchange *exchange)
{
    struct post *post = (struct post *)exchange;

    g_clear_pointer(&post->client, signal_client_free);
    g_free(post->peer);
    g_free(post->offer);
    g_free(post);
}

/* --- the server ------------------------------------------------------------------------------------------------- */

static bool
check_name(const char *what, const char *name, GError **error)
{
    if (signal_is_name(span_of_text(name)))
        return true;
    g_set_error(error, ADDRESSES_ERROR, 0,
                "%s: '%s' is no name; accepted: 1 to %d letters, digits, '-', '_', '.', with no '.' before", what, name,
                SIGNAL_NAME_MAX);
    return false;
}

struct ice_exchange *
ice_exchange_signal(struct io *io, const char *url, const char *own, const char *peer,
                    const struct ice_exchange_events *events, void *owner, GError **error)
{
    static const struct ice_exchange_ops ops = { signal_description, signal_candidate, signal_is_sending, signal_free };
    struct signal_client_options options = { .name = span_of_text(own), .wait = SIGNAL_WAIT_DEFAULT,
                                             .message = on_message, .lost = on_lost };
    struct post *post;

    if (!check_name("--name", own, error) || !check_name("--peer", peer, error) ||
        !addresses_http(url, SIGNAL_PORT, &options.server, error))
        return NULL;
    post = g_new0(struct post, 1);
    post->exchange = (struct ice_exchange){ &ops, events, owner };
    post->peer = g_strdup(peer);
    options.owner = post;
    post->client = signal_client_new(io, &options);
    signal_client_receive(post->client);
    return &post->exchange;
}
