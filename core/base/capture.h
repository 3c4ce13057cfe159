/* Capture points: where a packet passes an interface.
 *
 * The net layer calls this seam with exactly the bytes that the node handled; who writes pcap files stands above and is
 * not known here. An interface that nobody captures has a NULL pointer. */
#ifndef CORE_BASE_CAPTURE_H
#define CORE_BASE_CAPTURE_H

#include "core/base/journal.h"

enum capture_direction { CAPTURE_IN, CAPTURE_OUT };

struct capture {
    /* `bytes` begin at the IP header and are borrowed for the call. `interface` is the number that whoever set the
     * capture point gave it; `node` the journal's number of the node it belongs to. */
    void (*packet)(struct capture *capture, uint32_t interface, uint32_t node, enum capture_direction direction,
                   int64_t at, packet_name packet, struct span bytes);
};

#endif
