/* Descriptions on standard input and output. */
#include <errno.h>
#include <glib-unix.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/sdp/session.h"
#include "scenarios/runner/cli/ice_exchange.h"

struct stdio {
    struct ice_exchange exchange; /* first */
    GString *line, *description;  /* what has come of them */
    bool described;
    guint source;
};

static void
take_description(struct stdio *stdio)
{
    if (stdio->description->len == 0)
        return;
    stdio->described = true;
    stdio->exchange.events->description(stdio->exchange.owner,
                                        span_of(stdio->description->str, stdio->description->len));
    g_string_truncate(stdio->description, 0);
}

static bool
is_candidate(const char *line)
{
    const char *name = g_str_has_prefix(line, "a=") ? line + 2 : line;

    return g_str_has_prefix(name, "candidate:") || strcmp(name, "end-of-candidates") == 0;
}

/* A line without its end. */
static void
take_line(struct stdio *stdio, const char *line)
{
    if (stdio->described && is_candidate(line))
        stdio->exchange.events->candidate(stdio->exchange.owner, span_of(NULL, 0), span_of_text(line));
    if (stdio->described)
        return;
    if (*line)
        g_string_append_printf(stdio->description, "%s\r\n", line);
    else
        take_description(stdio);
}

static void
fail(struct stdio *stdio, const char *why)
{
    stdio->exchange.events->failed(stdio->exchange.owner, why);
}

static void
take_bytes(struct stdio *stdio, const char *bytes, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        if (bytes[i] != '\n') {
            g_string_append_c(stdio->line, bytes[i]);
            continue;
        }
        if (stdio->line->len && stdio->line->str[stdio->line->len - 1] == '\r')
            g_string_truncate(stdio->line, stdio->line->len - 1);
        take_line(stdio, stdio->line->str);
        g_string_truncate(stdio->line, 0);
    }
    if (stdio->line->len + stdio->description->len > SDP_MAX_BYTES)
        fail(stdio, "what stands on standard input is too long for a description");
}

static gboolean
take_end(struct stdio *stdio)
{
    stdio->source = 0;
    take_bytes(stdio, "\n", stdio->line->len ? 1 : 0);
    take_description(stdio);
    if (!stdio->described)
        fail(stdio, "standard input has ended without a description of the peer");
    return G_SOURCE_REMOVE;
}

static gboolean
on_input(gint fd, GIOCondition condition, gpointer owner)
{
    struct stdio *stdio = owner;
    char bytes[4096];
    ssize_t count = read(fd, bytes, sizeof bytes);

    (void)condition;
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
        return G_SOURCE_CONTINUE;
    if (count <= 0)
        return take_end(stdio);
    take_bytes(stdio, bytes, (size_t)count);
    return G_SOURCE_CONTINUE;
}

static void
stdio_description(struct ice_exchange *exchange, const char *text, bool offers, const char *ufrag)
{
    (void)exchange;
    (void)offers;
    (void)ufrag;
    printf("%s\r\n", text);
    fflush(stdout);
}

static void
stdio_candidate(struct ice_exchange *exchange, const struct ice_session *session, const char *line)
{
    (void)exchange;
    (void)session;
    printf("a=%s\r\n", line);
    fflush(stdout);
}

static bool
stdio_is_sending(const struct ice_exchange *exchange)
{
    (void)exchange;
    return false;
}

static void
stdio_free(struct ice_exchange *exchange)
{
    struct stdio *stdio = (struct stdio *)exchange;

    if (stdio->source)
        g_source_remove(stdio->source);
    g_string_free(stdio->line, TRUE);
    g_string_free(stdio->description, TRUE);
    g_free(stdio);
}

struct ice_exchange *
ice_exchange_stdio(const struct ice_exchange_events *events, void *owner)
{
    static const struct ice_exchange_ops ops = { stdio_description, stdio_candidate, stdio_is_sending, stdio_free };
    struct stdio *stdio = g_new0(struct stdio, 1);

    stdio->exchange = (struct ice_exchange){ &ops, events, owner };
    stdio->line = g_string_new(NULL);
    stdio->description = g_string_new(NULL);
    stdio->source = g_unix_fd_add(STDIN_FILENO, G_IO_IN | G_IO_HUP | G_IO_ERR, on_input, stdio);
    return &stdio->exchange;
}
