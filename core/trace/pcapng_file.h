/* all.pcapng: every interface of a run in one file, with the journal's words as packet comments.
 *
 * Our own writer of the pcapng format (draft-ietf-opsawg-pcapng), which libpcap does not write at all. One section; an
 * Interface Description Block (if_name, nanoseconds, raw IP) when an interface is declared, which may be at any time
 * before its first packet; one Enhanced Packet Block a captured copy, with its direction (epb_flags) and a comment. The
 * file is big-endian everywhere, so it has the same bytes on every machine, and names neither the machine nor the time
 * of day. It is for Wireshark and its kin: libpcap 1.10.3 takes a second interface of link type 101 for one of another
 * type than the first and stops (it compares 101 with its own number for raw IP), so tcpdump reads the pcap files.
 *
 * A comment begins with the packet's name and then says what was decided about it at that node, record by record:
 *
 *     A.3 | natA: new mapping 10.0.0.2:5000 -> 203.0.113.1:40000, because ...; translated ...
 *
 * Which sentences a copy carries. Everything that a node does to a packet at once happens in one instant of virtual
 * time; within it, of the records that name this packet and this node:
 *
 * - an arriving copy carries all that follow it, until the packet arrives there again;
 * - a departing copy carries all since the packet arrived there (or since the instant began), without those that
 *   followed an earlier departing copy, and all that follow it until the next copy: what the link says of it.
 *
 * So the copy that a NAT rewrites in place is copied here first, and is written when its instant is over. What is
 * decided later (about a packet that was held, or is lost when its link is switched off), or by a node whose interfaces
 * are not captured (an internet's router), is in the journal only. The instant is seen through a window of
 * PCAPNG_WINDOW copies and records. */
#ifndef CORE_TRACE_PCAPNG_FILE_H
#define CORE_TRACE_PCAPNG_FILE_H

#include "core/base/capture.h"

enum {
    PCAPNG_WINDOW = 64,
    PCAPNG_COMMENT = 16 * 1024 /* bytes of a comment at most; what is longer ends with "..." */
};

struct pcapng_file;

/* Makes or empties the file. `names` is borrowed until the close. */
struct pcapng_file *pcapng_file_open(const char *path, const struct names *names, GError **error);

/* Declares an interface; returns its number, which counts from 0. */
uint32_t pcapng_file_interface(struct pcapng_file *file, const char *name);

/* A copy of a packet passes an interface; `bytes` are copied. */
void pcapng_file_packet(struct pcapng_file *file, uint32_t interface, uint32_t node, enum capture_direction direction,
                        int64_t at, packet_name packet, struct span bytes);

/* A record; `said` is its sentence, copied. One that is about no packet is passed over. */
void pcapng_file_record(struct pcapng_file *file, const struct record *record, const GString *said);

/* Completes the file and frees `file` in any case. False when anything could not be written. */
bool pcapng_file_close(struct pcapng_file *file, GError **error);
/* Whether a write has failed so far: the close will tell. */
bool pcapng_file_failed(const struct pcapng_file *file);

#endif
