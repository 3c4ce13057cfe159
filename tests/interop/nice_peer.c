/* An ICE agent of libnice's, for tests/interop/ice.py: what `punchlab ice` is, with other people's ICE.
 *
 *     nice_peer offer|answer [stun=IP:PORT] [turn=IP:PORT/udp|tcp] [user=NAME:PASSWORD] [relay] [messages=N]
 *
 * It prints its description and an empty line, reads the other's up to an empty line, and prints "connected OWN PEER",
 * the types of the candidates, when libnice says that it is; then echoes data as scenarios/runner/cli/ice_echo.h has it,
 * and prints "echoed N". The status is 0 then. */
#include <nice/agent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE = 512, REPEAT_MS = 500, ENDS = 3, LONGEST_S = 60 };

struct peer {
    GMainLoop *loop;
    NiceAgent *agent;
    guint stream;
    gboolean offers, connected, done;
    unsigned messages, echoed;
    gboolean *seen;
};

static const char *
word_of(NiceCandidateType type)
{
    static const char *const words[] = { "host", "srflx", "prflx", "relay" };

    return words[type];
}

static gboolean
fail(const char *why)
{
    fprintf(stderr, "nice_peer: %s\n", why);
    exit(1);
}

/* --- descriptions ----------------------------------------------------------------------------------------------- */

static void
print_description(struct peer *peer)
{
    g_autofree char *ufrag = NULL, *password = NULL;
    GSList *candidates = nice_agent_get_local_candidates(peer->agent, peer->stream, 1);

    nice_agent_get_local_credentials(peer->agent, peer->stream, &ufrag, &password);
    /* 0.0.0.0 and port 9: no default destination yet (RFC 8839 section 4.3.1). */
    printf("v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=application 9 udp octet-stream\r\nc=IN IP4 0.0.0.0\r\n"
           "a=ice-ufrag:%s\r\na=ice-pwd:%s\r\n", ufrag, password);
    for (GSList *at = candidates; at; at = at->next) {
        g_autofree char *line = nice_agent_generate_local_candidate_sdp(peer->agent, at->data);

        printf("%s\r\n", line);
    }
    printf("\r\n");
    fflush(stdout);
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
}

static const char *
value_of(const char *line, const char *name)
{
    return g_str_has_prefix(line, name) ? line + strlen(name) : NULL;
}

static void
read_description(struct peer *peer)
{
    g_autofree char *ufrag = NULL, *password = NULL;
    GSList *candidates = NULL;
    char line[LINE];

    while (fgets(line, sizeof line, stdin) && *g_strchomp(line)) {
        if (value_of(line, "a=ice-ufrag:"))
            ufrag = g_strdup(value_of(line, "a=ice-ufrag:"));
        else if (value_of(line, "a=ice-pwd:"))
            password = g_strdup(value_of(line, "a=ice-pwd:"));
        else if (value_of(line, "a=candidate:")) {
            NiceCandidate *candidate = nice_agent_parse_remote_candidate_sdp(peer->agent, peer->stream, line);

            if (candidate)
                candidates = g_slist_append(candidates, candidate);
        }
    }
    if (!ufrag || !password || !nice_agent_set_remote_credentials(peer->agent, peer->stream, ufrag, password))
        fail("no credentials came");
    if (nice_agent_set_remote_candidates(peer->agent, peer->stream, 1, candidates) < 1)
        fail("no candidate is of use");
    g_slist_free_full(candidates, (GDestroyNotify)nice_candidate_free);
}

/* --- data ------------------------------------------------------------------------------------------------------- */

static void
send_text(struct peer *peer, const char *text, size_t length)
{
    nice_agent_send(peer->agent, peer->stream, 1, (guint)length, text);
}

static gboolean
quit(gpointer data)
{
    g_main_loop_quit(((struct peer *)data)->loop);
    return G_SOURCE_REMOVE;
}

/* What has been sent is on its way, and the other side has had time to ask once more. */
static void
finish(struct peer *peer)
{
    if (peer->done)
        return;
    peer->done = TRUE;
    for (int i = 0; peer->offers && i < ENDS; i++)
        send_text(peer, "punchlab ice end", strlen("punchlab ice end"));
    printf("echoed %u\n", peer->echoed);
    fflush(stdout);
    g_timeout_add(100, quit, peer);
}

static gboolean
send_messages(gpointer data)
{
    struct peer *peer = data;

    for (unsigned i = 1; i <= peer->messages && !peer->done; i++) {
        char text[64];

        g_snprintf(text, sizeof text, "punchlab ice %u of %u", i, peer->messages);
        if (!peer->seen[i - 1])
            send_text(peer, text, strlen(text));
    }
    return peer->done ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

static void
take_echo(struct peer *peer, const char *text)
{
    unsigned number, of;

    if (sscanf(text, "punchlab ice %4u of %4u", &number, &of) != 2 || number < 1 || number > peer->messages ||
        peer->seen[number - 1])
        return;
    peer->seen[number - 1] = TRUE;
    if (++peer->echoed == peer->messages)
        finish(peer);
}

static void
on_data(NiceAgent *agent, guint stream, guint component, guint length, gchar *bytes, gpointer data)
{
    struct peer *peer = data;
    g_autofree char *text = g_strndup(bytes, length);

    (void)agent;
    (void)stream;
    (void)component;
    if (peer->offers) {
        take_echo(peer, text);
    } else if (strcmp(text, "punchlab ice end") == 0) {
        finish(peer);
    } else {
        send_text(peer, bytes, length);
        peer->echoed++;
    }
}

/* --- the agent -------------------------------------------------------------------------------------------------- */

static void
on_gathered(NiceAgent *agent, guint stream, gpointer data)
{
    struct peer *peer = data;

    (void)agent;
    (void)stream;
    if (peer->offers) {
        print_description(peer);
        read_description(peer);
    } else {
        read_description(peer);
        print_description(peer);
    }
}

/* A controlled side may stay CONNECTED and never be READY. */
static void
on_state(NiceAgent *agent, guint stream, guint component, guint state, gpointer data)
{
    struct peer *peer = data;
    NiceCandidate *own, *other;

    if (state == NICE_COMPONENT_STATE_FAILED)
        fail("libnice has failed to connect");
    if (peer->connected || state != (peer->offers ? NICE_COMPONENT_STATE_READY : NICE_COMPONENT_STATE_CONNECTED) ||
        !nice_agent_get_selected_pair(agent, stream, component, &own, &other))
        return;
    peer->connected = TRUE;
    printf("connected %s %s\n", word_of(own->type), word_of(other->type));
    fflush(stdout);
    if (!peer->offers)
        return;
    send_messages(peer);
    g_timeout_add(REPEAT_MS, send_messages, peer);
}

static void
read_server(const char *text, char *address, guint *port)
{
    char rest[LINE];

    if (sscanf(text, "%45[^:]:%u%500s", address, port, rest) < 2)
        fail("a server is IP:PORT");
}

static void
set_turn(struct peer *peer, const char *turn, const char *user)
{
    g_auto(GStrv) words = g_strsplit(user ? user : ":", ":", 2);
    char address[INET6_ADDRSTRLEN];
    guint port;

    read_server(turn, address, &port);
    nice_agent_set_relay_info(peer->agent, peer->stream, 1, address, port, words[0], words[1],
                              g_str_has_suffix(turn, "/tcp") ? NICE_RELAY_TYPE_TURN_TCP : NICE_RELAY_TYPE_TURN_UDP);
}

static void
read_arguments(struct peer *peer, char **words)
{
    const char *turn = NULL, *user = NULL;
    char address[INET6_ADDRSTRLEN];
    guint port;

    for (; *words; words++) {
        if (value_of(*words, "stun=")) {
            read_server(value_of(*words, "stun="), address, &port);
            g_object_set(peer->agent, "stun-server", address, "stun-server-port", port, NULL);
        } else if (value_of(*words, "turn="))
            turn = value_of(*words, "turn=");
        else if (value_of(*words, "user="))
            user = value_of(*words, "user=");
        else if (value_of(*words, "messages="))
            peer->messages = (unsigned)atoi(value_of(*words, "messages="));
        else if (strcmp(*words, "relay") == 0)
            g_object_set(peer->agent, "force-relay", TRUE, NULL);
        else
            fail(*words);
    }
    if (turn)
        set_turn(peer, turn, user);
}

static gboolean
on_late(gpointer data)
{
    (void)data;
    return fail("its time is over");
}

int
main(int argc, char **argv)
{
    struct peer peer = { .messages = 5 };

    if (argc < 2 || (strcmp(argv[1], "offer") != 0 && strcmp(argv[1], "answer") != 0))
        fail("usage: nice_peer offer|answer [stun=] [turn=] [user=] [relay] [messages=]");
    peer.offers = strcmp(argv[1], "offer") == 0;
    peer.loop = g_main_loop_new(NULL, FALSE);
    peer.agent = nice_agent_new(g_main_loop_get_context(peer.loop), NICE_COMPATIBILITY_RFC5245);
    g_object_set(peer.agent, "controlling-mode", peer.offers, "upnp", FALSE, "ice-tcp", FALSE, NULL);
    peer.stream = nice_agent_add_stream(peer.agent, 1);
    read_arguments(&peer, argv + 2);
    peer.seen = g_new0(gboolean, peer.messages);
    g_signal_connect(peer.agent, "candidate-gathering-done", G_CALLBACK(on_gathered), &peer);
    g_signal_connect(peer.agent, "component-state-changed", G_CALLBACK(on_state), &peer);
    nice_agent_attach_recv(peer.agent, peer.stream, 1, g_main_loop_get_context(peer.loop), on_data, &peer);
    if (!nice_agent_gather_candidates(peer.agent, peer.stream))
        fail("libnice gathers nothing");
    g_timeout_add_seconds(LONGEST_S, on_late, NULL);
    g_main_loop_run(peer.loop);
    g_object_unref(peer.agent);
    g_main_loop_unref(peer.loop);
    g_free(peer.seen);
    return 0;
}
