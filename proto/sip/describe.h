/* A decoded message told to people and to programs, through the same decoder that the engines use. */
#ifndef PROTO_SIP_DESCRIBE_H
#define PROTO_SIP_DESCRIBE_H

#include <glib.h>

#include "core/base/fields.h"
#include "proto/sip/message.h"

/* Appends one line: "INVITE sip:bob@example.com, Contact sip:alice@10.0.0.2:5060, with application/sdp", "180 Ringing
 * (INVITE)". The first Contact's URI is named where there is one, because that is what NATs and ALGs spoil. What the
 * peer wrote is made valid UTF-8 without control characters. */
void sip_message_say(const struct sip_message *message, GString *out);

/* The same for a datagram that may be SIP; false and nothing appended when it has a fault. */
bool sip_datagram_say(struct span datagram, GString *out);

/* Tells the start line's fields, then each header line's value under its name ("call_id"), also where it stood in its
 * compact form; a Via is a group of its parts, one for each value. Header fields that are not known are groups "header"
 * of "name" and "value". The body is "body": text when it is a session description, bytes otherwise. */
void sip_message_fields(const struct sip_message *message, struct fields *out);

#endif
