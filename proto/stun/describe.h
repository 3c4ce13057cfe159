/* A decoded message told to people and to programs, through the same decoder that the engines use. */
#ifndef PROTO_STUN_DESCRIBE_H
#define PROTO_STUN_DESCRIBE_H

#include "core/base/fields.h"
#include "proto/stun/attributes.h"

/* Appends one line: "Binding request", "Binding success response, XOR-MAPPED-ADDRESS 203.0.113.1:40000", "Binding
 * error response, 420 Unknown Attribute (0x0003)". MAPPED-ADDRESS is named only where it says something else than
 * XOR-MAPPED-ADDRESS: then something on the way has rewritten it (RFC 8489 section 14.2). What the peer wrote as text
 * is made valid UTF-8 without control characters. */
void stun_message_say(const struct stun_message *message, GString *out);

/* The same for a datagram that may be STUN; false and nothing appended when it is not well formed. */
bool stun_datagram_say(struct span datagram, GString *out);

/* Tells the header's fields, then each attribute's under its name in lower case ("xor_mapped_address"). Attributes that
 * are not known, or whose values are malformed, are groups "attribute" of "type" and the bytes "value". */
void stun_message_fields(const struct stun_message *message, struct fields *out);

#endif
