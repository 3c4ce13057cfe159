/* RTP and RTCP told to people and to programs, through the same decoders that the engine uses. */
#ifndef PROTO_RTP_DESCRIBE_H
#define PROTO_RTP_DESCRIBE_H

#include "core/base/fields.h"
#include "proto/rtp/packet.h"
#include "proto/rtp/rtcp.h"

/* Appends "RTP PCMU, sequence 4711, timestamp 160, SSRC 0x0badcafe, marker, 160 bytes". */
void rtp_packet_say(const struct rtp_packet *packet, GString *out);

/* Appends "RTCP SR of 0x0badcafe (of 0x12345678 3 lost, lately 2 %), SDES, BYE": the packets of a compound, `reader`
 * being where rtcp_begin has left it. */
void rtcp_say(struct rtcp_reader *reader, GString *out);

/* Either, for a datagram that may be one of them; false and nothing appended when it is none that is well formed. */
bool rtp_datagram_say(struct span datagram, GString *out);

/* The header's fields, then "csrc" (a group), "extension_profile" and "extension" where they are, and "payload". */
void rtp_packet_fields(const struct rtp_packet *packet, struct fields *out);

/* A group for each packet, named after its type in lower case ("sr", "sdes", "bye"; "rtcp" for one that is not known),
 * with its own fields; blocks are groups "block", chunks "chunk". Contents that are not read are bytes "body". */
void rtcp_fields(struct rtcp_reader *reader, struct fields *out);

#endif
