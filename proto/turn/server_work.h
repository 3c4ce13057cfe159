/* A request being served, and its answer: for server_requests.c and server_allocate.c. */
#ifndef PROTO_TURN_SERVER_WORK_H
#define PROTO_TURN_SERVER_WORK_H

#include "proto/turn/server_private.h"

struct turn_work {
    const struct turn_arrival *arrival;
    struct turn_server *server;
    const struct stun_message *message;
    struct stun_proof proof;
    struct stun_builder builder;
    struct stun_types unknown; /* of 420 */
    uint8_t buffer[STUN_ANSWER_BYTES];
};

/* Each request gets one answer: a success is begun, filled and sent; a refusal is one call. */
void turn_work_begin(struct turn_work *work, enum stun_class class);
void turn_work_succeed(struct turn_work *work);
void turn_work_refuse(struct turn_work *work, unsigned code);

/* Journals what it has changed. */
void turn_work_note(struct turn_work *work, const struct record_kind *kind, const struct turn_allocation *allocation,
                    struct endpoint peer, uint32_t subject, int64_t detail);

/* Whose quota it counts for, and whose allocation it may be (441): with a shared secret a client comes again and again with
 * new credentials, and is the same. */
struct span turn_work_user(const struct turn_work *work);

/* server_allocate.c */

void turn_serve_allocate(struct turn_work *work);

#endif
