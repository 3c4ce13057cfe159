#include "proto/stun/builder.h"

#define LENGTH_OFFSET 2 /* of the length field in the header, and in an attribute */

void
stun_builder_begin(struct stun_builder *builder, void *buffer, size_t capacity, const struct stun_header *header)
{
    *builder = (struct stun_builder){ .writer = writer_over(buffer, capacity), .header = *header };
    writer_u16(&builder->writer, stun_type_encode(header->class, header->method));
    writer_u16(&builder->writer, 0);
    writer_u32(&builder->writer, header->cookie);
    writer_span_put(&builder->writer, span_of(header->id.bytes, STUN_ID_BYTES));
}

void
stun_builder_open(struct stun_builder *builder, uint16_t type)
{
    if (!stun_order_admit(&builder->order, type))
        stun_builder_fail(builder);
    builder->open = writer_length(&builder->writer);
    writer_u16(&builder->writer, type);
    writer_u16(&builder->writer, 0);
}

/* Fills up the value, then mends the attribute's length and the header's. */
void
stun_builder_close(struct stun_builder *builder)
{
    struct writer *writer = &builder->writer;

    if (writer_failed(writer))
        return;

    size_t length = writer_length(writer) - builder->open - STUN_ATTRIBUTE_BYTES;

    for (size_t i = stun_padding(length); i > 0; i--)
        writer_u8(writer, builder->padding);
    if (writer_length(writer) - STUN_HEADER_BYTES > UINT16_MAX) {
        stun_builder_fail(builder);
        return;
    }
    writer_patch_u16(writer, builder->open + LENGTH_OFFSET, (uint16_t)length);
    writer_patch_u16(writer, LENGTH_OFFSET, (uint16_t)(writer_length(writer) - STUN_HEADER_BYTES));
}

void
stun_builder_raw(struct stun_builder *builder, uint16_t type, struct span value)
{
    stun_builder_open(builder, type);
    writer_span_put(&builder->writer, value);
    stun_builder_close(builder);
}

void
stun_builder_fail(struct stun_builder *builder)
{
    builder->writer.failed = true;
}

bool
stun_builder_failed(const struct stun_builder *builder)
{
    return writer_failed(&builder->writer);
}

struct span
stun_builder_finish(struct stun_builder *builder)
{
    return stun_builder_failed(builder) ? span_of(NULL, 0) : writer_span(&builder->writer);
}
