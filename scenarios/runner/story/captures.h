/* Reads all.pcapng of a finished run: which packet passed which interface, when, and with which bytes.
 *
 * The counterpart of core/trace/pcapng_file.h, and of nothing else: what that writes is read, a file of another program
 * is refused. The file is untrusted all the same: everything is bounds-checked, and what is malformed ends the reading
 * with an error that says where. */
#ifndef SCENARIOS_RUNNER_STORY_CAPTURES_H
#define SCENARIOS_RUNNER_STORY_CAPTURES_H

#include <glib.h>

#include "core/base/capture.h"

#define CAPTURES_ERROR (captures_error_quark())
GQuark captures_error_quark(void);

/* Most interfaces that are read. */
enum { CAPTURES_INTERFACES = 100000 };

/* One packet at one interface. Everything is borrowed for the call. */
struct captured {
    int64_t at; /* nanoseconds since the world began */
    uint32_t interface; /* counted from 0 in the order of `interface` calls */
    bool out;   /* it left the node there; else it came in */
    struct span comment; /* "A.3 | natA: ..."; empty without one */
    struct span bytes;   /* from the IP header on */
};

struct captures_reader {
    void (*interface)(void *user, struct span name);
    /* False ends the reading, which is then no error. */
    bool (*packet)(void *user, const struct captured *captured);
    void *user;
};

bool captures_read(const char *path, const struct captures_reader *reader, GError **error);
/* The same of bytes in memory. */
bool captures_read_bytes(struct span bytes, const struct captures_reader *reader, GError **error);

#endif
