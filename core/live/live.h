/* The io seam (core/base/io.h) on the real machine: one epoll set and one timerfd inside one GLib source.
 *
 *     struct live *live = live_new(NULL, &error);
 *     struct stun_server *server = stun_server_new(live_io(live), &options, &why);
 *     g_main_loop_run(loop);
 *     stun_server_free(server);
 *     live_free(live);
 *
 * All callbacks come from the main context's iteration, in one thread, and none runs that context itself. Time is
 * CLOCK_MONOTONIC, counted from live_new. Datagrams are read in batches, and what is sent while a batch is handled goes
 * out in batches too. Those for one peer and of one size go as one message that the kernel cuts, and what comes so is
 * taken as one and cut here (where the kernel can).
 *
 * What the real machine can't tell or do: whether DF was set in a datagram that came (always IO_UNSET), and a packet's
 * name (always 0). Linux only. */
#ifndef CORE_LIVE_LIVE_H
#define CORE_LIVE_LIVE_H

#include <glib.h>

#include "core/base/io.h"
#include "core/base/journal.h"

struct live;
typedef struct live live;

/* Runs in `context`, which is referenced; NULL: the default one. NULL with an error of G_FILE_ERROR when the kernel has
 * no more descriptors. */
struct live *live_new(GMainContext *context, GError **error);
/* What was opened has been closed, what was armed disarmed; not to be called from a callback. */
void live_free(struct live *live);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(live, live_free)

struct io *live_io(struct live *live);

/* From now on the host has these addresses only, as if the machine had no others: they are listed, sockets of any
 * address send from the first of the peer's family, and no other address can be bound. None: all that the machine has.
 * Whoever watches is told. What is open stays. */
void live_use_addresses(struct live *live, const struct address *addresses, size_t count);

/* Who hears what engines note; NULL: nobody, as at first. Borrowed. */
void live_set_journal(struct live *live, struct journal *journal);

struct live_counters {
    uint64_t received, sent; /* datagrams */
    uint64_t unsent;         /* accepted for a batch and then refused by the kernel: lost */
    uint64_t batches_received, batches_sent; /* system calls that moved them */
};

const struct live_counters *live_counters(const struct live *live);

#endif
