/* Theory of operation.
 *
 * Of a mailbox's messages, numbered from 1, those up to `acknowledged` are gone, those up to `handed` were shown to a
 * reader at least once, and all up to `last` came: acknowledged <= handed <= last. `first` is acknowledged + 1, or NULL.
 * Peers stand in the order in which they were last touched, so who has been silent longest is the first. */
#include "proto/http/signal_desk.h"

#include <string.h>

#include "proto/http/lex.h"

struct sender {
    char name[SIGNAL_NAME_MAX + 1];
    uint64_t session, last;
    uint64_t heard; /* the greater the later */
};

struct signal_desk {
    struct signal_limits limits;
    GHashTable *by_name; /* struct signal_peer, keyed by its name */
    GQueue order;
    size_t bytes;
    uint64_t hearings;
};

static void
copy_text(char *to, size_t size, struct span from)
{
    size_t length = MIN(from.length, size - 1);

    memcpy(to, from.bytes, length);
    to[length] = '\0';
}

/* --- messages ---------------------------------------------------------------------------------------------------- */

static size_t
weight(const struct signal_message *message)
{
    return sizeof *message + message->text.length;
}

static void
append(struct signal_desk *desk, struct signal_peer *peer, const struct signal_request *request, struct span text)
{
    struct signal_message *message = g_malloc(sizeof *message + text.length);

    *message = (struct signal_message){ .number = ++peer->last, .text = span_of(message->bytes, text.length) };
    if (text.length > 0)
        memcpy(message->bytes, text.bytes, text.length);
    copy_text(message->from, sizeof message->from, request->from);
    copy_text(message->type, sizeof message->type, request->type);
    if (peer->end)
        peer->end->next = message;
    else
        peer->first = message;
    peer->end = message;
    peer->waiting++;
    desk->bytes += weight(message);
}

static void
drop_first(struct signal_desk *desk, struct signal_peer *peer)
{
    struct signal_message *message = peer->first;

    peer->first = message->next;
    if (!peer->first)
        peer->end = NULL;
    peer->waiting--;
    desk->bytes -= weight(message);
    g_free(message);
}

/* --- peers ------------------------------------------------------------------------------------------------------- */

static void
forget(struct signal_desk *desk, struct signal_peer *peer)
{
    g_hash_table_remove(desk->by_name, peer->name);
    g_queue_unlink(&desk->order, &peer->place);
    while (peer->first)
        drop_first(desk, peer);
    g_array_unref(peer->senders);
    g_free(peer);
}

struct signal_desk *
signal_desk_new(const struct signal_limits *limits)
{
    struct signal_desk *desk = g_new0(struct signal_desk, 1);

    desk->limits = *limits;
    desk->by_name = g_hash_table_new(g_str_hash, g_str_equal);
    g_queue_init(&desk->order);
    return desk;
}

void
signal_desk_free(struct signal_desk *desk)
{
    if (!desk)
        return;
    while (desk->order.head)
        forget(desk, desk->order.head->data);
    g_hash_table_unref(desk->by_name);
    g_free(desk);
}

struct signal_peer *
signal_desk_find(struct signal_desk *desk, struct span name)
{
    char key[SIGNAL_NAME_MAX + 1];

    copy_text(key, sizeof key, name);
    return g_hash_table_lookup(desk->by_name, key);
}

struct signal_peer *
signal_desk_add(struct signal_desk *desk, struct span name, uint64_t session, int64_t now)
{
    if (desk->order.length >= desk->limits.peers)
        return NULL;

    struct signal_peer *peer = g_new0(struct signal_peer, 1);

    copy_text(peer->name, sizeof peer->name, name);
    peer->session = session & SIGNAL_SESSION_MASK;
    peer->senders = g_array_new(FALSE, FALSE, sizeof(struct sender));
    peer->touched = now;
    peer->place.data = peer;
    g_queue_push_tail_link(&desk->order, &peer->place);
    g_hash_table_insert(desk->by_name, peer->name, peer);
    return peer;
}

void
signal_desk_touch(struct signal_desk *desk, struct signal_peer *peer, int64_t now)
{
    peer->touched = now;
    g_queue_unlink(&desk->order, &peer->place);
    g_queue_push_tail_link(&desk->order, &peer->place);
}

unsigned
signal_desk_expire(struct signal_desk *desk, int64_t now, int64_t *next)
{
    unsigned forgotten = 0;

    *next = TIME_NEVER;
    while (desk->order.head) {
        struct signal_peer *peer = desk->order.head->data;
        int64_t end = time_add(peer->touched, desk->limits.expiry);

        if (end > now) {
            *next = end;
            break;
        }
        if (peer->reader) {
            signal_desk_touch(desk, peer, now);
        } else {
            forget(desk, peer);
            forgotten++;
        }
    }
    return forgotten;
}

size_t
signal_desk_bytes(const struct signal_desk *desk)
{
    return desk->bytes;
}

unsigned
signal_desk_peers(const struct signal_desk *desk)
{
    return desk->order.length;
}

/* --- senders ----------------------------------------------------------------------------------------------------- */

static struct sender *
find_sender(struct signal_peer *peer, const struct signal_request *request)
{
    for (guint i = 0; i < peer->senders->len; i++) {
        struct sender *sender = &g_array_index(peer->senders, struct sender, i);

        if (sender->session == request->id.session && http_span_is(request->from, sender->name))
            return sender;
    }
    return NULL;
}

/* Instead of the one silent longest when there are many. */
static struct sender *
new_sender(struct signal_peer *peer, const struct signal_request *request)
{
    struct sender *sender = NULL;

    if (peer->senders->len < SIGNAL_SENDERS)
        g_array_set_size(peer->senders, peer->senders->len + 1);
    else
        for (guint i = 0; i < peer->senders->len; i++) {
            struct sender *other = &g_array_index(peer->senders, struct sender, i);

            if (!sender || other->heard < sender->heard)
                sender = other;
        }
    if (!sender)
        sender = &g_array_index(peer->senders, struct sender, peer->senders->len - 1);
    *sender = (struct sender){ .session = request->id.session };
    copy_text(sender->name, sizeof sender->name, request->from);
    return sender;
}

enum signal_reason
signal_desk_put(struct signal_desk *desk, struct signal_peer *peer, const struct signal_request *request,
                struct span text, bool *repeated)
{
    struct sender *sender = request->has_id ? find_sender(peer, request) : NULL;
    size_t weighs = sizeof(struct signal_message) + text.length;

    *repeated = sender && request->id.number <= sender->last;
    if (*repeated)
        return SIGNAL_REASON_NONE;
    if (text.length > SIGNAL_TEXT_MAX)
        return SIGNAL_REASON_TOO_LONG;
    if (peer->waiting >= desk->limits.messages)
        return SIGNAL_REASON_MAILBOX_FULL;
    if (weighs > desk->limits.bytes || desk->bytes > desk->limits.bytes - weighs)
        return SIGNAL_REASON_STORE_FULL;
    if (request->has_id && !sender)
        sender = new_sender(peer, request);
    if (sender) {
        sender->last = request->id.number;
        sender->heard = ++desk->hearings;
    }
    append(desk, peer, request, text);
    return SIGNAL_REASON_NONE;
}

/* --- readers ----------------------------------------------------------------------------------------------------- */

const struct signal_message *
signal_desk_first(struct signal_peer *peer)
{
    if (peer->first)
        peer->handed = MAX(peer->handed, peer->first->number);
    return peer->first;
}

enum signal_reason
signal_desk_next(struct signal_desk *desk, struct signal_peer *peer, const struct signal_request *request,
                 const struct signal_message **message)
{
    bool acknowledges = request->has_id && request->id.session == peer->session;

    *message = NULL;
    if (acknowledges && request->id.number > peer->handed)
        return SIGNAL_REASON_ID;
    if (acknowledges && request->id.number < peer->acknowledged)
        return SIGNAL_REASON_SUPERSEDED;
    if (acknowledges)
        peer->acknowledged = request->id.number;
    while (peer->first && peer->first->number <= peer->acknowledged)
        drop_first(desk, peer);
    *message = signal_desk_first(peer);
    return SIGNAL_REASON_NONE;
}
