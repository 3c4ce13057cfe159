/* SSDP (UPnP Device Architecture 1.1 section 1): how devices are found. Its messages are HTTP heads in datagrams. Pure. */
#ifndef PROTO_PORTMAP_SSDP_H
#define PROTO_PORTMAP_SSDP_H

#include "core/base/address.h"
#include "core/base/cursor.h"

#define SSDP_PORT 1900
#define SSDP_GROUP address_ipv4(0xeffffffa) /* 239.255.255.250 */
#define SSDP_BYTES 1400
#define SSDP_MAX_AGE 1800 /* seconds for which an announcement is good */

enum ssdp_kind { SSDP_SEARCH, SSDP_RESPONSE, SSDP_ALIVE, SSDP_BYEBYE };

/* Spans borrow from the datagram. */
struct ssdp_message {
    enum ssdp_kind kind;
    struct span target;   /* ST or NT */
    struct span name;     /* USN; of a search: empty */
    struct span location; /* of a response and of SSDP_ALIVE */
    unsigned wait;        /* MX of a search: answer within so many seconds, 1 to 5 */
};

/* False when it is no SSDP message, or lacks what its kind must have. */
bool ssdp_decode(struct span datagram, struct ssdp_message *message);
void ssdp_encode(struct writer *writer, const struct ssdp_message *message);

/* Of "http://192.0.2.1:5000/desc.xml": where, and what to ask for there, "/" if nothing. Literal addresses only. */
bool ssdp_url(struct span url, struct endpoint *endpoint, struct span *target);

#endif
