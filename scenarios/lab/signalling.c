#include "scenarios/lab/signalling.h"

#include "core/net/stack.h"
#include "core/sim/memory.h"

/* --- servers ----------------------------------------------------------------------------------------------------- */

/* A server, and what of its mailboxes counts as the world's memory. */
struct mailboxes {
    struct node *node;
    struct signal_server *server;
    uint64_t counted;
};

static void
on_stored(void *owner, size_t bytes)
{
    struct mailboxes *mailboxes = owner;

    memory_recount(&mailboxes->node->world->memory, MEMORY_MESSAGES, &mailboxes->counted, bytes);
    mailboxes->node->world->touched = true;
}

static void
mailboxes_free(void *server)
{
    struct mailboxes *mailboxes = server;

    signal_server_free(mailboxes->server);
    on_stored(mailboxes, 0);
    g_free(mailboxes);
}

static struct endpoint
mailboxes_local(const void *server)
{
    return signal_server_local(((const struct mailboxes *)server)->server, 0);
}

static size_t
mailboxes_counters(const void *server, struct service_counter *rows)
{
    const struct signal_server *signal = ((const struct mailboxes *)server)->server;
    const struct signal_server_counters *counters = signal_server_counters(signal);
    const struct http_server_counters *http = signal_server_http_counters(signal);
    const struct service_counter all[] = {
        { "taken", counters->taken },     { "repeated", counters->repeated },
        { "handed", counters->handed },   { "empty", counters->empty },
        { "refused", counters->refused }, { "malformed", http->malformed },
        { "expired", counters->expired }, { "peers", signal_server_peers(signal) },
        { "connections", http->connections },
    };

    G_STATIC_ASSERT(G_N_ELEMENTS(all) <= SERVICE_COUNTERS_MOST);
    memcpy(rows, all, sizeof all);
    return G_N_ELEMENTS(all);
}

static const struct service_kind signal_kind = { mailboxes_free, mailboxes_local, mailboxes_counters };

struct service *
service_start_signal(struct node *node, struct endpoint listen, const struct signal_server_options *options,
                     enum io_result *why)
{
    struct signal_server_options chosen = SIGNAL_SERVER_DEFAULTS;
    struct mailboxes *mailboxes = g_new0(struct mailboxes, 1);

    if (options)
        chosen = *options;
    chosen.listen = &listen;
    chosen.listens = 1;
    chosen.stored = on_stored;
    chosen.owner = mailboxes;
    mailboxes->node = node;
    mailboxes->server = signal_server_new(node_io(node), &chosen, why);
    if (!mailboxes->server) {
        g_free(mailboxes);
        return NULL;
    }
    return service_take(node, &signal_kind, mailboxes);
}

/* --- channels ---------------------------------------------------------------------------------------------------- */

struct arrival {
    struct arrival *next;
    char from[SIGNAL_NAME_MAX + 1], type[SIGNAL_TYPE_MAX + 1];
    size_t length;
    uint8_t bytes[];
};

struct signal_channel {
    struct node *node;
    struct io *io;
    struct signal_client *client; /* NULL once closed */
    char *name;
    struct arrival *first, *last;
    unsigned waiting;
    uint64_t bytes, counted;
    bool full, failed;
    struct signal_result failure;
    struct signal_listener *listeners;
    struct io_timer turn; /* armed while a listener is to be called */
    void (*changed)(void *owner);
    void *owner;
    struct signal_client_counters counters; /* of a closed one */
    struct endpoint local;
};

static void
recount(struct signal_channel *channel)
{
    memory_recount(&channel->node->world->memory, MEMORY_MESSAGES, &channel->counted, channel->bytes);
}

static struct signal_text
text_of(const struct arrival *arrival)
{
    return (struct signal_text){ span_of_text(arrival->from), span_of_text(arrival->type),
                                 span_of(arrival->bytes, arrival->length) };
}

/* Takes it off the queue, and asks for more where that had stopped for want of room. */
static void
unlink_arrival(struct signal_channel *channel, struct arrival *arrival)
{
    struct arrival **link = &channel->first, *before = NULL;

    while (*link != arrival) {
        before = *link;
        link = &before->next;
    }
    *link = arrival->next;
    if (channel->last == arrival)
        channel->last = before;
    channel->waiting--;
    channel->bytes -= sizeof *arrival + arrival->length;
    recount(channel);
    if (channel->full && channel->client) {
        channel->full = false;
        signal_client_receive(channel->client);
    }
}

static void
append(struct signal_channel *channel, const struct signal_text *message)
{
    struct arrival *arrival = g_malloc0(sizeof *arrival + message->text.length);

    memcpy(arrival->from, message->peer.bytes, message->peer.length);
    if (message->type.length > 0)
        memcpy(arrival->type, message->type.bytes, MIN(message->type.length, SIGNAL_TYPE_MAX));
    arrival->length = message->text.length;
    if (arrival->length > 0)
        memcpy(arrival->bytes, message->text.bytes, arrival->length);
    if (channel->last)
        channel->last->next = arrival;
    else
        channel->first = arrival;
    channel->last = arrival;
    channel->waiting++;
    channel->bytes += sizeof *arrival + arrival->length;
    recount(channel);
}

/* --- listeners --------------------------------------------------------------------------------------------------- */

static struct signal_listener *
listener_for(const struct signal_channel *channel, const struct arrival *arrival)
{
    for (struct signal_listener *listener = channel->listeners; listener; listener = listener->next)
        if (!listener->from || strcmp(listener->from, arrival->from) == 0)
            return listener;
    return NULL;
}

static struct arrival *
first_for(const struct signal_channel *channel, bool listened)
{
    for (struct arrival *arrival = channel->first; arrival; arrival = arrival->next)
        if (!listener_for(channel, arrival) == !listened)
            return arrival;
    return NULL;
}

/* Each call may change listeners and messages, and close the channel, so it looks anew after each. */
static void
on_turn(void *owner, struct io_timer *timer)
{
    struct signal_channel *channel = owner;
    struct arrival *arrival;

    (void)timer;
    while ((arrival = first_for(channel, true))) {
        struct signal_listener *listener = listener_for(channel, arrival);
        struct signal_text message = text_of(arrival);

        unlink_arrival(channel, arrival);
        listener->message(listener->owner, &message);
        g_free(arrival);
    }
}

static void
arm_turn(struct signal_channel *channel)
{
    if (first_for(channel, true))
        channel->io->ops->arm(channel->io, &channel->turn, channel->io->ops->now(channel->io), true);
}

void
signal_channel_listen(struct signal_channel *channel, struct signal_listener *listener)
{
    struct signal_listener **link = &channel->listeners;

    while (*link)
        link = &(*link)->next;
    listener->next = NULL;
    listener->told = false;
    *link = listener;
    arm_turn(channel);
}

void
signal_channel_unlisten(struct signal_channel *channel, struct signal_listener *listener)
{
    for (struct signal_listener **link = &channel->listeners; *link; link = &(*link)->next)
        if (*link == listener) {
            *link = listener->next;
            return;
        }
}

static void
tell_lost(struct signal_channel *channel)
{
    struct signal_result result = channel->failure;
    struct signal_listener *listener = channel->listeners;

    while (listener) {
        bool tell = !listener->told && listener->lost;

        listener->told = true;
        if (tell)
            listener->lost(listener->owner, &result);
        listener = tell ? channel->listeners : listener->next;
    }
}

/* --- what the client says ---------------------------------------------------------------------------------------- */

static void
on_message(void *owner, const struct signal_text *message)
{
    struct signal_channel *channel = owner;

    append(channel, message);
    channel->full = channel->waiting >= SIGNAL_CHANNEL_MESSAGES || channel->bytes >= SIGNAL_CHANNEL_BYTES;
    if (!channel->full)
        signal_client_receive(channel->client);
    arm_turn(channel);
    if (channel->changed)
        channel->changed(channel->owner);
}

static void
on_lost(void *owner, const struct signal_result *result)
{
    struct signal_channel *channel = owner;

    channel->failed = true;
    channel->failure = *result;
    for (struct signal_listener *listener = channel->listeners; listener; listener = listener->next)
        listener->told = false;
    if (channel->changed)
        channel->changed(channel->owner);
    tell_lost(channel);
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static void
channel_free(gpointer data)
{
    struct signal_channel *channel = data;

    signal_channel_close(channel);
    g_free(channel->name);
    g_free(channel);
}

struct signal_channel *
signal_channel_open(struct node *node, struct endpoint server, const char *name)
{
    struct signal_channel *channel = g_new0(struct signal_channel, 1);

    channel->node = node;
    channel->io = node_io(node);
    channel->name = g_strdup(name);
    channel->local.address = node_address(node, address_family(server.address));
    channel->turn = (struct io_timer){ .fire = on_turn, .owner = channel };
    channel->client = signal_client_new(channel->io, &(struct signal_client_options){ .server = server,
                                                                                      .name = span_of_text(name),
                                                                                      .wait = SIGNAL_WAIT_DEFAULT,
                                                                                      .message = on_message,
                                                                                      .lost = on_lost,
                                                                                      .owner = channel });
    signal_client_receive(channel->client);
    world_own(node->world, channel, channel_free);
    return channel;
}

void
signal_channel_close(struct signal_channel *channel)
{
    if (!channel->client)
        return;
    channel->counters = *signal_client_counters(channel->client);
    channel->local = signal_channel_local(channel);
    g_clear_pointer(&channel->client, signal_client_free);
    channel->io->ops->disarm(channel->io, &channel->turn);
    while (channel->first) {
        struct arrival *arrival = channel->first;

        unlink_arrival(channel, arrival);
        g_free(arrival);
    }
    channel->node->world->touched = true;
}

bool
signal_channel_is_open(const struct signal_channel *channel)
{
    return channel->client;
}

const char *
signal_channel_name(const struct signal_channel *channel)
{
    return channel->name;
}

struct endpoint
signal_channel_local(const struct signal_channel *channel)
{
    struct endpoint local = channel->client ? signal_client_local(channel->client) : channel->local;

    return address_is_none(local.address) ? channel->local : local;
}

struct signal_client_counters
signal_channel_counters(const struct signal_channel *channel)
{
    return channel->client ? *signal_client_counters(channel->client) : channel->counters;
}

struct signal_letter *
signal_channel_send(struct signal_channel *channel, const struct signal_text *text, signal_sent *done, void *owner)
{
    return channel->client ? signal_client_send(channel->client, text, done, owner) : NULL;
}

/* --- whoever looks ----------------------------------------------------------------------------------------------- */

bool
signal_channel_first(const struct signal_channel *channel, struct signal_text *message)
{
    const struct arrival *arrival = first_for(channel, false);

    if (arrival)
        *message = text_of(arrival);
    return arrival;
}

void
signal_channel_take(struct signal_channel *channel)
{
    struct arrival *arrival = first_for(channel, false);

    unlink_arrival(channel, arrival);
    g_free(arrival);
}

unsigned
signal_channel_waiting(const struct signal_channel *channel)
{
    return channel->waiting;
}

const struct signal_result *
signal_channel_failure(const struct signal_channel *channel)
{
    return channel->failed ? &channel->failure : NULL;
}

void
signal_channel_receive(struct signal_channel *channel)
{
    channel->failed = false;
    if (channel->client && !channel->full)
        signal_client_receive(channel->client);
}

void
signal_channel_watch(struct signal_channel *channel, void (*changed)(void *owner), void *owner)
{
    channel->changed = changed;
    channel->owner = owner;
}
