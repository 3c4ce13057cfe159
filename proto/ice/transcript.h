/* What an agent remembers of its session, to be told to people: each candidate with its origin, each pair's way through
 * the states with the reasons, and why the chosen pair won.
 *
 * A list of entries in the order of time, bounded: when it is full what comes is counted and not kept, but that the
 * outcome (states and selections) has as much room again. Memory grows with what is kept. */
#ifndef PROTO_ICE_TRANSCRIPT_H
#define PROTO_ICE_TRANSCRIPT_H

#include "proto/ice/session.h"

struct ice_transcript;
typedef struct ice_transcript ice_transcript;

/* `most`: entries that are kept. */
struct ice_transcript *ice_transcript_new(unsigned most);
void ice_transcript_free(struct ice_transcript *transcript);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ice_transcript, ice_transcript_free)

/* Something that the machine has decided. */
void ice_transcript_take(struct ice_transcript *transcript, const struct ice_event *event);
/* Something about a server: "did not answer". `what` is a constant sentence. */
void ice_transcript_server(struct ice_transcript *transcript, int64_t at, struct endpoint from, struct endpoint server,
                           const char *what);

/* The peer's description was not taken. `what` is a constant sentence. */
void ice_transcript_refused(struct ice_transcript *transcript, int64_t at, const char *what);

/* Appends it. `session` says how things stand. */
void ice_transcript_say(const struct ice_transcript *transcript, const struct ice_session *session, GString *out);

#endif
