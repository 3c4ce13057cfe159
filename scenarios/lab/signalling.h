/* Signalling in a lab: a server that a scenario puts on a node, and the channels of the peers that write to each other
 * through it. The engines are those of proto/http; both things belong to the world and stay good until the lab is freed,
 * stopped and closed or not. What waits in them counts as the world's memory. */
#ifndef SCENARIOS_LAB_SIGNALLING_H
#define SCENARIOS_LAB_SIGNALLING_H

#include "core/net/node.h"
#include "proto/http/signal_client.h"
#include "proto/http/signal_server.h"
#include "scenarios/lab/services.h"

/* --- servers ----------------------------------------------------------------------------------------------------- */

/* On one endpoint, `listen`, whatever the options say of that; `options` NULL: SIGNAL_SERVER_DEFAULTS. NULL and `*why`
 * when it cannot listen. */
struct service *service_start_signal(struct node *node, struct endpoint listen,
                                     const struct signal_server_options *options, enum io_result *why);

/* --- channels ---------------------------------------------------------------------------------------------------- */

/* A peer's way to a server. It asks for messages from the start, and keeps what comes until somebody takes it:
 *  - a *listener*, which is called with each message from its peer, also with those that wait already, in a turn of its
 *    own and never inside a call. Of several that would take a message it goes to the one that was added first;
 *  - or else whoever looks with signal_channel_first.
 * When SIGNAL_CHANNEL_MESSAGES or _BYTES of messages wait, further ones stay with the server.
 *
 * When receiving has failed as often as a client tries, all listeners are told, and whoever looks finds the failure. It
 * stays so until signal_channel_receive. */
struct signal_channel;

#define SIGNAL_CHANNEL_MESSAGES 64
#define SIGNAL_CHANNEL_BYTES ((size_t)256 << 10)

/* `name` is a signal_is_name. */
struct signal_channel *signal_channel_open(struct node *node, struct endpoint server, const char *name);
/* Silent; letters under way and what waits are dropped. Nothing when that has been done. */
void signal_channel_close(struct signal_channel *channel);

bool signal_channel_is_open(const struct signal_channel *channel);
const char *signal_channel_name(const struct signal_channel *channel);
/* From where its last request that was answered had come; port 0 before. */
struct endpoint signal_channel_local(const struct signal_channel *channel);
struct signal_client_counters signal_channel_counters(const struct signal_channel *channel);

/* As signal_client_send; NULL also of a closed channel. */
struct signal_letter *signal_channel_send(struct signal_channel *channel, const struct signal_text *text,
                                          signal_sent *done, void *owner);

/* Lives in its owner, who takes it away before its end. In its calls it may be taken away, others be added, and the
 * channel be closed. */
struct signal_listener {
    const char *from; /* borrowed; NULL: all peers */
    void (*message)(void *owner, const struct signal_text *message);
    void (*lost)(void *owner, const struct signal_result *result); /* NULL: not interested */
    void *owner;
    struct signal_listener *next; /* the channel's */
    bool told;
};

void signal_channel_listen(struct signal_channel *channel, struct signal_listener *listener);
void signal_channel_unlisten(struct signal_channel *channel, struct signal_listener *listener);

/* The oldest message that no listener takes; false when there is none. It is good until the next call. */
bool signal_channel_first(const struct signal_channel *channel, struct signal_text *message);
void signal_channel_take(struct signal_channel *channel);
unsigned signal_channel_waiting(const struct signal_channel *channel);
/* Why receiving has stopped; NULL when it hasn't. */
const struct signal_result *signal_channel_failure(const struct signal_channel *channel);
/* Tries again after a failure. */
void signal_channel_receive(struct signal_channel *channel);
/* `changed` is called when a message has come, or receiving has failed; NULL: nobody. */
void signal_channel_watch(struct signal_channel *channel, void (*changed)(void *owner), void *owner);

#endif
