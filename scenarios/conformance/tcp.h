/* TCP segments, for probes. A conversation is between two endpoints; the box sees each segment as from a host that keeps
 * its numbers in order. */
#ifndef SCENARIOS_CONFORMANCE_TCP_H
#define SCENARIOS_CONFORMANCE_TCP_H

#include "scenarios/conformance/trial.h"

/* A segment put into a side, with these flags (enum tcp_letter) and data; what came out on the other side, or NULL. */
const struct seen *send_segment(struct trial *trial, enum stand_side side, unsigned flags, struct endpoint from,
                                struct endpoint to, struct span data);
/* Whether one without data gets through. */
bool passes(struct trial *trial, enum stand_side side, unsigned flags, struct endpoint from, struct endpoint to);

/* The three-way handshake, begun inside; the external endpoint, or none when a segment was lost. */
struct endpoint connect_out(struct trial *trial, struct endpoint from, struct endpoint to);

/* What lives on of a connection between inside(1, 5000) and outside(1, 1000), asked by an acknowledgement from there. */
bool connection_is_alive(struct trial *trial, struct endpoint external);

/* How long it lives without traffic: one that stands, and one that only a SYN has gone out of. */
int64_t find_standing_lifetime(struct trial *trial);
int64_t find_opening_lifetime(struct trial *trial);

#endif
