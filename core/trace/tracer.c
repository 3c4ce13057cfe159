#include "core/trace/tracer.h"

#include <unistd.h>

#include "core/trace/jsonl.h"
#include "core/trace/pcap_file.h"
#include "core/trace/pcapng_file.h"
#include "core/trace/recorder.h"
#include "core/trace/run_folder.h"

/* The first files get the buffer that is fastest, the others one that keeps hundreds of them modest. */
enum { BIG_BUFFERS = 16, BIG_BUFFER = 1024 * 1024, SMALL_BUFFER = 64 * 1024 };

struct interface {
    struct pcap_file *pcap; /* NULL: only in all.pcapng */
    uint64_t packets;
    uint32_t number;        /* in all.pcapng */
    char *path;             /* relative to the folder */
    char *label;            /* its name in all.pcapng */
    bool written;           /* `path` is there and complete */
    char *node, *network;
};

struct tracer {
    struct capture capture;
    struct world *world;
    struct recorder *recorder;
    char *folder;
    unsigned parts;
    bool closed;
    GPtrArray *interfaces; /* by capture_number */
    guint looked_at;       /* the last that was asked whether it failed */
    GHashTable *taken;     /* names of files without their suffix, case folded */
    struct pcapng_file *pcapng;
    struct jsonl_file *jsonl;
    GString *said;
    GArray *files;         /* struct trace_file; strings borrowed from the interfaces, but all.pcapng's */
};

/* ---- while it runs */

static void
capture_packet(struct capture *capture, uint32_t number, uint32_t node, enum capture_direction direction, int64_t at,
               packet_name packet, struct span bytes)
{
    struct tracer *tracer = (struct tracer *)capture;
    struct interface *interface = tracer->interfaces->pdata[number];

    interface->packets++;
    if (interface->pcap)
        pcap_file_packet(interface->pcap, at, bytes);
    if (tracer->pcapng)
        pcapng_file_packet(tracer->pcapng, interface->number, node, direction, at, packet, bytes);
}

/* One sentence serves both files. */
static void
record_taken(void *user, const struct record *record)
{
    struct tracer *tracer = user;
    const struct names *names = recorder_names(tracer->recorder);

    g_string_truncate(tracer->said, 0);
    record->kind->say(record, names, tracer->said);
    if (tracer->pcapng)
        pcapng_file_record(tracer->pcapng, record, tracer->said);
    if (tracer->jsonl)
        jsonl_file_record(tracer->jsonl, record, names, tracer->said);
}

/* ---- opening */

static void
interface_free(void *object)
{
    struct interface *interface = object;

    g_free(interface->path);
    g_free(interface->label);
    g_free(interface->node);
    g_free(interface->network);
    g_free(interface);
}

static struct tracer *
tracer_make(struct world *world, const char *folder, unsigned parts)
{
    struct tracer *tracer = g_new0(struct tracer, 1);

    tracer->capture.packet = capture_packet;
    tracer->world = world;
    tracer->recorder = world_recorder(world);
    tracer->folder = g_strdup(folder);
    tracer->parts = parts;
    tracer->interfaces = g_ptr_array_new_with_free_func(interface_free);
    tracer->taken = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    tracer->said = g_string_sized_new(256);
    tracer->files = g_array_new(FALSE, FALSE, sizeof(struct trace_file));
    return tracer;
}

static bool
shared_files_open(struct tracer *tracer, GError **error)
{
    g_autofree char *all = g_build_filename(tracer->folder, "all.pcapng", NULL);
    g_autofree char *journal = g_build_filename(tracer->folder, "journal.jsonl", NULL);

    if (tracer->parts & TRACER_PCAPNG) {
        tracer->pcapng = pcapng_file_open(all, recorder_names(tracer->recorder), error);
        if (!tracer->pcapng)
            return false;
    }
    if (tracer->parts & TRACER_JOURNAL) {
        tracer->jsonl = jsonl_file_open(journal, error);
        if (!tracer->jsonl)
            return false;
    }
    return true;
}

struct tracer *
tracer_open(struct world *world, const char *folder, unsigned parts, GError **error)
{
    g_autoptr(tracer) tracer = NULL;

    if (!run_folder_open(folder, error))
        return NULL;
    tracer = tracer_make(world, folder, parts);
    if (!shared_files_open(tracer, error))
        return NULL;
    if (tracer->pcapng || tracer->jsonl)
        recorder_listen(tracer->recorder, record_taken, tracer);
    return g_steal_pointer(&tracer);
}

/* ---- interfaces */

/* Takes `stem` or the first of stem-2, stem-3, ... that is free; returns what was added. File systems that ignore case
 * must not lay two files on each other. */
static char *
suffix_take(struct tracer *tracer, const char *stem)
{
    g_autofree char *folded = g_utf8_casefold(stem, -1);
    g_autofree char *suffix = g_strdup("");

    for (unsigned number = 2;; number++) {
        char *name = g_strconcat(folded, suffix, NULL);

        if (g_hash_table_add(tracer->taken, name))
            return g_steal_pointer(&suffix);
        g_free(suffix);
        suffix = g_strdup_printf("-%u", number);
    }
}

static struct pcap_file *
interface_pcap_open(const struct tracer *tracer, const char *path, GError **error)
{
    g_autofree char *full = g_build_filename(tracer->folder, path, NULL);

    return pcap_file_open(full, tracer->interfaces->len < BIG_BUFFERS ? BIG_BUFFER : SMALL_BUFFER, error);
}

static bool
too_many(const struct tracer *tracer, guint interfaces)
{
    return tracer->pcapng && !(tracer->parts & TRACER_EVERY_INTERFACE) && interfaces > TRACER_INTERFACES;
}

static void
pcaps_give_up(struct tracer *tracer)
{
    for (guint i = 0; i < tracer->interfaces->len; i++) {
        struct interface *interface = tracer->interfaces->pdata[i];
        g_autofree char *full = g_build_filename(tracer->folder, interface->path, NULL);

        if (!interface->pcap)
            continue;
        pcap_file_close(g_steal_pointer(&interface->pcap), NULL);
        unlink(full);
    }
}

bool
tracer_add(struct tracer *tracer, struct port *port, const char *node, const char *network, GError **error)
{
    g_autoptr(GString) stem = g_string_new(NULL);
    g_autofree char *suffix = NULL, *path = NULL, *label = NULL;
    struct pcap_file *pcap = NULL;
    struct interface *interface;

    g_assert(!tracer->closed && !port->capture);
    run_folder_word(node, stem);
    g_string_append_c(stem, '-');
    run_folder_word(network, stem);
    suffix = suffix_take(tracer, stem->str);
    path = g_strconcat(stem->str, suffix, ".pcap", NULL);
    label = g_strconcat(node, "-", network, suffix, NULL);

    if (too_many(tracer, tracer->interfaces->len + 1))
        pcaps_give_up(tracer);
    else if (tracer->parts & TRACER_PCAP && !(pcap = interface_pcap_open(tracer, path, error)))
        return false;

    interface = g_new(struct interface, 1);
    *interface = (struct interface){ .pcap = pcap, .path = g_steal_pointer(&path), .node = g_strdup(node),
                                     .network = g_strdup(network) };
    if (tracer->pcapng)
        interface->number = pcapng_file_interface(tracer->pcapng, label);
    recorder_label(tracer->recorder, port->interface, label);
    interface->label = g_steal_pointer(&label);
    port->capture = &tracer->capture;
    port->capture_number = tracer->interfaces->len;
    g_ptr_array_add(tracer->interfaces, interface);
    return true;
}

/* ---- closing */

/* Ports come and go, so none is remembered: the world's are looked through. */
static void
ports_release(struct tracer *tracer)
{
    GPtrArray *ports = tracer->world->net ? tracer->world->net->ports_by_interface : NULL;

    for (guint i = 0; ports && i < ports->len; i++) {
        struct port *port = ports->pdata[i];

        if (port && port->capture == &tracer->capture)
            port->capture = NULL;
    }
}

/* Passes on the first error only; false when there is one. */
static bool
settle(GError *now, GError **error)
{
    if (!now)
        return true;
    if (error && !*error)
        g_propagate_error(error, now);
    else
        g_error_free(now);
    return false;
}

static bool
files_close(struct tracer *tracer, GError **error)
{
    bool good = true;

    for (guint i = 0; i < tracer->interfaces->len; i++) {
        struct interface *interface = tracer->interfaces->pdata[i];
        struct trace_file file = { interface->path, interface->node, interface->network, interface->packets };
        GError *now = NULL;

        if (!interface->pcap)
            continue;
        interface->written = pcap_file_close(g_steal_pointer(&interface->pcap), &now);
        if (interface->written)
            g_array_append_val(tracer->files, file);
        good &= settle(now, error);
    }
    return good;
}

static bool
shared_files_close(struct tracer *tracer, GError **error)
{
    struct trace_file all = { .path = "all.pcapng" };
    GError *now = NULL;
    bool good = true;

    for (guint i = 0; i < tracer->interfaces->len; i++)
        all.packets += ((struct interface *)tracer->interfaces->pdata[i])->packets;
    if (tracer->pcapng) {
        if (pcapng_file_close(g_steal_pointer(&tracer->pcapng), &now))
            g_array_append_val(tracer->files, all);
        good &= settle(now, error);
    }
    now = NULL;
    if (tracer->jsonl)
        jsonl_file_close(g_steal_pointer(&tracer->jsonl), &now);
    return settle(now, error) && good;
}

/* Asked often, it looks at one interface each time: a full disk spares none. */
bool
tracer_failed(struct tracer *tracer)
{
    const struct interface *interface;

    if ((tracer->pcapng && pcapng_file_failed(tracer->pcapng)) || (tracer->jsonl && jsonl_file_failed(tracer->jsonl)))
        return true;
    if (tracer->interfaces->len == 0)
        return false;
    tracer->looked_at = (tracer->looked_at + 1) % tracer->interfaces->len;
    interface = tracer->interfaces->pdata[tracer->looked_at];
    return interface->pcap && pcap_file_failed(interface->pcap);
}

bool
tracer_close(struct tracer *tracer, GError **error)
{
    bool good;

    if (tracer->closed)
        return true;
    tracer->closed = true;
    ports_release(tracer);
    recorder_unlisten(tracer->recorder, record_taken, tracer);
    good = files_close(tracer, error);
    good &= shared_files_close(tracer, error);
    return good;
}

const struct trace_file *
tracer_files(const struct tracer *tracer, size_t *count)
{
    *count = tracer->files->len;
    return (const struct trace_file *)(const void *)tracer->files->data;
}

struct trace_interface
tracer_interface(const struct tracer *tracer, uint32_t number)
{
    const struct interface *interface = tracer->interfaces->pdata[number];

    return (struct trace_interface){ interface->label, interface->written ? interface->path : NULL };
}

void
tracer_free(struct tracer *tracer)
{
    if (!tracer)
        return;
    tracer_close(tracer, NULL);
    g_array_unref(tracer->files);
    g_string_free(tracer->said, TRUE);
    g_hash_table_unref(tracer->taken);
    g_ptr_array_unref(tracer->interfaces);
    g_free(tracer->folder);
    g_free(tracer);
}
