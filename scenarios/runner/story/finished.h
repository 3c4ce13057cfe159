/* A finished run, read from its folder: report.json, journal.jsonl and all.pcapng, and nothing else.
 *
 * What comes of it is a plain model: the report as it stands, the journal's records in order, and each packet's copies,
 * which interface it passed when and with which bytes. The folder may have been written by anybody: everything is
 * checked, what is malformed is refused with the file and the place, and how much is kept is bounded by the window.
 *
 * The window. A run may have millions of packets; who looks at it wants some thousands. The packets that first appear
 * within the window are kept, in their order up to `packets` of them, with all that is told of them until the window
 * ends. Of what happened before it, records are kept (`carried` of them) that say what stands when it begins: mappings,
 * connections, ICE. */
#ifndef SCENARIOS_RUNNER_STORY_FINISHED_H
#define SCENARIOS_RUNNER_STORY_FINISHED_H

#include <json-glib/json-glib.h>

#include "core/base/span.h"

#define FINISHED_ERROR (finished_error_quark())
GQuark finished_error_quark(void);

enum {
    FINISHED_PACKETS = 10000, /* in a window, unless asked otherwise */
    FINISHED_CARRIED = 20000, /* records from before the window, at most */
    FINISHED_RECORDS = 400000, /* of the window */
    FINISHED_COPIES = 400000,
    FINISHED_NESTING = 32,    /* objects and lists in each other, in a file of JSON */
};

struct finished_window {
    int64_t from, to; /* nanoseconds; `to` itself is no part of it */
    guint packets;
};

struct finished_record {
    int64_t at;
    JsonObject *object; /* with "at", "node", "kind", "action" and "text", of the right types */
    guint packet;       /* a number in `packets`, from 0; FINISHED_NONE: it is about none */
};
#define FINISHED_NONE G_MAXUINT

struct finished_copy {
    int64_t at;
    guint interface, packet; /* numbers in `interfaces` and `packets` */
    bool out;                /* it left the node; else it came in */
    struct span bytes;       /* from the IP header on; as long as the run */
};

struct finished_run {
    JsonObject *report;
    GArray *records;       /* struct finished_record */
    guint carried;         /* so many of them are from before the window */
    GPtrArray *packets;    /* names: "A.3" */
    GPtrArray *interfaces; /* names in all.pcapng: "A-natA" */
    GArray *copies;        /* struct finished_copy, in order of time */
    int64_t from, to;      /* the window; `to` is INT64_MAX when it ends with the run */
    /* what keeps it alive */
    JsonNode *root;
    GMappedFile *captures;
    GHashTable *numbers; /* of packets, by name */
};

/* NULL with an error. Without all.pcapng there are no copies. */
struct finished_run *finished_run_load(const char *folder, const struct finished_window *window, GError **error);
void finished_run_free(struct finished_run *run);
typedef struct finished_run finished_run;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(finished_run, finished_run_free)

/* Members of an object that somebody else may have written: NULL, or `otherwise`, when it is not there or of another
 * type. Good as long as the object. */
const char *finished_text(JsonObject *object, const char *member);
JsonObject *finished_object(JsonObject *object, const char *member);
JsonArray *finished_array(JsonObject *object, const char *member);
/* A number of seconds as nanoseconds. */
int64_t finished_time(JsonObject *object, const char *member, int64_t otherwise);

#endif
