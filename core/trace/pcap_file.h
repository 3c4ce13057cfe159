/* The packets of one interface as a classic pcap file with nanosecond times, written through libpcap.
 *
 * The link type is raw IP (LINKTYPE_RAW, 101): a packet begins with its IP header. The byte order is the machine's, as
 * everywhere with pcap; readers see it from the magic number. */
#ifndef CORE_TRACE_PCAP_FILE_H
#define CORE_TRACE_PCAP_FILE_H

#include <glib.h>

#include "core/base/span.h"

/* What a trace calls time 0 of the world: 2026-01-01T00:00:00Z, in seconds of Unix time. */
#define TRACE_EPOCH_S INT64_C(1767225600)

enum {
    TRACE_LINK_TYPE = 101,      /* raw IP, of either version */
    TRACE_SNAPSHOT = 256 * 1024 /* more than any packet has: nothing is cut off */
};

struct pcap_file;

/* Makes or empties the file, which is written through a buffer of that many bytes (1 MiB halves the cost of a record
 * against stdio's own). */
struct pcap_file *pcap_file_open(const char *path, size_t buffer_bytes, GError **error);

void pcap_file_packet(struct pcap_file *file, int64_t at, struct span bytes);

/* Completes the file and frees `file` in any case. False when anything could not be written. */
bool pcap_file_close(struct pcap_file *file, GError **error);
/* Whether a write has failed so far: the close will tell. */
bool pcap_file_failed(const struct pcap_file *file);

#endif
