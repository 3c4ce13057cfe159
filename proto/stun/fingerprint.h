/* FINGERPRINT: a CRC-32 that tells STUN from other protocols on a shared port (RFC 8489 sections 7 and 14.7). */
#ifndef PROTO_STUN_FINGERPRINT_H
#define PROTO_STUN_FINGERPRINT_H

#include "proto/stun/integrity.h"

/* The CRC-32 of ITU V.42, which Ethernet and zlib use. */
uint32_t stun_crc32(struct span bytes);

/* Goes last: nothing can be put behind it. */
void stun_put_fingerprint(struct stun_builder *builder);
enum stun_check stun_fingerprint_check(const struct stun_message *message);

/* Whether the datagram is a message that ends in a right FINGERPRINT: the sure answer of a port that has other
 * protocols whose first byte may be 0 to 3. */
bool stun_is_fingerprinted(struct span datagram);

#endif
