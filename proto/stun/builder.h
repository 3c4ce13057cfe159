/* Writes a STUN message into the caller's buffer.
 *
 *     stun_builder_begin(&builder, buffer, sizeof buffer, &header);
 *     stun_put_text(&builder, STUN_SOFTWARE, span_of_text("punchlab"));
 *     stun_put_integrity(&builder, key);
 *     stun_put_fingerprint(&builder);
 *     struct span message = stun_builder_finish(&builder);
 *
 * Failure is sticky: what does not fit, is too long for its attribute, or comes after an attribute that nothing may
 * follow, spoils the whole message, and `finish` then gives an empty span. After each attribute the header's length is
 * right, which is what integrity and fingerprint are computed over. */
#ifndef PROTO_STUN_BUILDER_H
#define PROTO_STUN_BUILDER_H

#include "core/base/cursor.h"
#include "proto/stun/message.h"

/* Members are for proto/stun only, but for `padding`: the byte that fills up values. Zero by section 14; the vectors of
 * RFC 5769 have spaces there. */
struct stun_builder {
    struct writer writer;
    struct stun_header header;
    size_t open; /* where the attribute being written began */
    enum stun_order order;
    uint8_t padding;
};

void stun_builder_begin(struct stun_builder *builder, void *buffer, size_t capacity, const struct stun_header *header);

/* An attribute: between the two the value is written with the cursor, `&builder->writer`. */
void stun_builder_open(struct stun_builder *builder, uint16_t type);
void stun_builder_close(struct stun_builder *builder);

/* A whole attribute whose value is these bytes as they stand. */
void stun_builder_raw(struct stun_builder *builder, uint16_t type, struct span value);

/* For encoders that meet a value they must not send. */
void stun_builder_fail(struct stun_builder *builder);
bool stun_builder_failed(const struct stun_builder *builder);

/* The message, which stands in the caller's buffer; no bytes when the building failed. */
struct span stun_builder_finish(struct stun_builder *builder);

#endif
