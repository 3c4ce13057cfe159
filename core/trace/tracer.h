/* The tracer: the captures of a world, written into a run's folder.
 *
 *     <node>-<network>.pcap   one per interface (core/trace/pcap_file.h)
 *     all.pcapng              all interfaces, with the journal as comments (core/trace/pcapng_file.h)
 *     journal.jsonl           all records (core/trace/jsonl.h)
 *
 * A tracer belongs to one world and must be closed before the world is freed. It writes until it is closed; whatever
 * ends a run, the close leaves every file complete. A write that failed is told by the close. */
#ifndef CORE_TRACE_TRACER_H
#define CORE_TRACE_TRACER_H

#include "core/net/node.h"

enum tracer_parts {
    TRACER_PCAP = 1 << 0,
    TRACER_PCAPNG = 1 << 1,
    TRACER_JOURNAL = 1 << 2,
    TRACER_ALL = TRACER_PCAP | TRACER_PCAPNG | TRACER_JOURNAL,
    TRACER_EVERY_INTERFACE = 1 << 3, /* one pcap per interface however many there are */
};

/* With more interfaces than this, and unless TRACER_EVERY_INTERFACE asks for them or there is no all.pcapng, no pcap
 * per interface is written: those begun are removed when one more is added. */
enum { TRACER_INTERFACES = 256 };

/* A file with packets, for report.json. */
struct trace_file {
    const char *path;           /* relative to the folder */
    const char *node, *network; /* as given to tracer_add; NULL for all.pcapng */
    uint64_t packets;
};

struct tracer;

/* Opens the folder (see run_folder_open) and the files that all interfaces share, before anything runs: what can't be
 * written is told here. `parts` are of enum tracer_parts. NULL with the error set. */
struct tracer *tracer_open(struct world *world, const char *folder, unsigned parts, GError **error);

/* Captures `port` from now on, which nobody captures yet. `node` and `network` name the file and, joined by a hyphen,
 * the interface: "A", "natA" make A-natA.pcap. Made safe as file names by run_folder_word; when that name is taken,
 * whatever its case, "-2", "-3", ... is added. The port may go before the tracer does. */
bool tracer_add(struct tracer *tracer, struct port *port, const char *node, const char *network, GError **error);

/* Whether a write is known to have failed: nothing that comes later will be in its file, and the close will tell. Cheap,
 * to be asked now and then. */
bool tracer_failed(struct tracer *tracer);

/* Ends the captures and completes all files. False with the first thing that went wrong; the others are completed all
 * the same. Closing again does nothing and succeeds. */
bool tracer_close(struct tracer *tracer, GError **error);

/* After the close: the files with packets that are complete, in order of tracer_add, all.pcapng last. Borrowed from the tracer. */
const struct trace_file *tracer_files(const struct tracer *tracer, size_t *count);

/* What the interface is called that was the `number`-th to be added, counted from 0 (port->capture_number). `path` is its
 * file once the tracer is closed; NULL when it has none. */
struct trace_interface {
    const char *name; /* in all.pcapng */
    const char *path;
};
struct trace_interface tracer_interface(const struct tracer *tracer, uint32_t number);

/* Closes it if need be. */
void tracer_free(struct tracer *tracer);
typedef struct tracer tracer;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(tracer, tracer_free)

#endif
