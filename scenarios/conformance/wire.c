#include "scenarios/conformance/wire.h"

#include <glib.h>

#include "core/base/cursor.h"

enum { IP_HEADER = 20, MORE_FRAGMENTS = 0x2000, DONT_FRAGMENT = 0x4000 };
enum { ECHO_REPLY = 0, ECHO = 8, TIMESTAMP = 13, TIMESTAMP_REPLY = 14 };

static uint64_t
sum_of(struct span bytes)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < bytes.length; i++)
        sum += i % 2 ? bytes.bytes[i] : (uint64_t)bytes.bytes[i] << 8;
    return sum;
}

/* RFC 1071. */
static uint16_t
folded(uint64_t sum)
{
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return (uint16_t)~sum;
}

/* What TCP and UDP checksums have in front: addresses, protocol, length. */
static uint64_t
pseudo_sum(const struct form *form, size_t length)
{
    uint32_t from = address_to_ipv4(form->from.address), to = address_to_ipv4(form->to.address);

    if (form->protocol == PROTOCOL_ICMP)
        return 0;
    return (uint64_t)(from >> 16) + (from & 0xffff) + (to >> 16) + (to & 0xffff) + form->protocol + length;
}

static bool
is_fragment(const struct form *form)
{
    return form->offset > 0 || form->more_fragments;
}

static bool
is_query(const struct form *form)
{
    return form->type == ECHO || form->type == TIMESTAMP;
}

static bool
is_answer(const struct form *form)
{
    return form->type == ECHO_REPLY || form->type == TIMESTAMP_REPLY;
}

bool
form_is_error(const struct form *form)
{
    return form->protocol == PROTOCOL_ICMP && !is_fragment(form) && !is_query(form) && !is_answer(form);
}

/* ---- writing */

static void
write_ip(struct writer *writer, const struct form *form, size_t length)
{
    unsigned fragment = form->offset / 8u;

    if (form->dont_fragment)
        fragment |= DONT_FRAGMENT;
    if (form->more_fragments)
        fragment |= MORE_FRAGMENTS;
    writer_u16(writer, (uint16_t)((4u << 12) | ((IP_HEADER + form->options) / 4u) << 8));
    writer_u16(writer, (uint16_t)length);
    writer_u16(writer, form->identification);
    writer_u16(writer, (uint16_t)fragment);
    writer_u8(writer, form->ttl ? form->ttl : 64);
    writer_u8(writer, form->protocol);
    writer_u16(writer, 0);
    writer_u32(writer, address_to_ipv4(form->from.address));
    writer_u32(writer, address_to_ipv4(form->to.address));
    writer_zeros(writer, form->options); /* End of Option List */
}

/* Writes a transport header with its checksum left out; returns where that stands in it. */
static size_t
write_transport(struct writer *writer, const struct form *form)
{
    switch (form->protocol) {
    case PROTOCOL_UDP:
        writer_u16(writer, form->from.port);
        writer_u16(writer, form->to.port);
        writer_u16(writer, (uint16_t)(8 + form->data.length));
        writer_u16(writer, 0);
        return 6;
    case PROTOCOL_TCP:
        writer_u16(writer, form->from.port);
        writer_u16(writer, form->to.port);
        writer_u32(writer, form->sequence);
        writer_u32(writer, form->acknowledged);
        writer_u16(writer, (uint16_t)(5u << 12 | form->flags));
        writer_u16(writer, UINT16_MAX);
        writer_u32(writer, 0);
        return 16;
    default:
        writer_u8(writer, form->type);
        writer_u8(writer, form->code);
        writer_u16(writer, 0);
        if (form_is_error(form))
            writer_u32(writer, form->word);
        else
            writer_u32(writer, (uint32_t)(is_query(form) ? form->from.port : form->to.port) << 16 | 1);
        return 2;
    }
}

size_t
form_write(uint8_t *bytes, const struct form *form)
{
    size_t header = IP_HEADER + form->options, checksum;
    size_t behind = (form->protocol == PROTOCOL_TCP ? 20 : 8) + form->data.length;
    struct writer writer = writer_over(bytes, header + behind);
    uint16_t sum;

    g_assert(header + behind <= FORM_MAX);
    write_ip(&writer, form, header + behind);
    writer_patch_u16(&writer, 10, folded(sum_of(span_of(bytes, header)) + !!(form->wrong & WRONG_IP)));
    checksum = header + write_transport(&writer, form);
    writer_span_put(&writer, form->data);
    sum =
        folded(sum_of(span_of(bytes + header, behind)) + pseudo_sum(form, behind) + !!(form->wrong & WRONG_TRANSPORT));
    writer_patch_u16(&writer, checksum, form->protocol == PROTOCOL_UDP && sum == 0 ? UINT16_MAX : sum);
    return writer_length(&writer);
}

size_t
form_cut(uint8_t *piece, const uint8_t *whole, size_t length, size_t offset, size_t size)
{
    size_t rest = length - IP_HEADER - offset;
    bool more = size < rest;
    struct writer writer = writer_over(piece, FORM_MAX);

    if (!more)
        size = rest;
    writer_span_put(&writer, span_of(whole, IP_HEADER));
    writer_span_put(&writer, span_of(whole + IP_HEADER + offset, size));
    writer_patch_u16(&writer, 2, (uint16_t)(IP_HEADER + size));
    writer_patch_u16(&writer, 6, (uint16_t)(offset / 8 | (more ? MORE_FRAGMENTS : 0)));
    writer_patch_u16(&writer, 10, 0);
    writer_patch_u16(&writer, 10, folded(sum_of(span_of(piece, IP_HEADER))));
    return writer_length(&writer);
}

/* ---- reading */

static bool
read_ip(struct reader *reader, struct form *form, size_t *length)
{
    uint16_t first = reader_u16(reader), fragment;

    *length = reader_u16(reader);
    form->options = (uint8_t)((first >> 8 & 15) * 4 - IP_HEADER);
    form->identification = reader_u16(reader);
    fragment = reader_u16(reader);
    form->offset = (uint16_t)((fragment & 0x1fff) * 8);
    form->more_fragments = fragment & MORE_FRAGMENTS;
    form->dont_fragment = fragment & DONT_FRAGMENT;
    form->ttl = reader_u8(reader);
    form->protocol = reader_u8(reader);
    reader_skip(reader, 2);
    form->from.address = address_ipv4(reader_u32(reader));
    form->to.address = address_ipv4(reader_u32(reader));
    if (first >> 12 != 4 || (first >> 8 & 15) < 5)
        return false;
    reader_skip(reader, form->options);
    return !reader_failed(reader) && *length >= (size_t)IP_HEADER + form->options;
}

/* A quote of TCP may end behind the ports and the sequence number (RFC 792). */
static void
read_tcp(struct reader *reader, struct form *form)
{
    form->from.port = reader_u16(reader);
    form->to.port = reader_u16(reader);
    form->sequence = reader_u32(reader);
    if (reader_left(reader) < 12)
        return;
    form->acknowledged = reader_u32(reader);
    form->flags = (uint8_t)reader_u16(reader);
    reader_skip(reader, 6);
}

static void
read_icmp(struct reader *reader, struct form *form)
{
    form->type = reader_u8(reader);
    form->code = reader_u8(reader);
    reader_skip(reader, 2);
    form->word = reader_u32(reader);
    if (is_query(form))
        form->from.port = (uint16_t)(form->word >> 16);
    else if (is_answer(form))
        form->to.port = (uint16_t)(form->word >> 16);
}

static void
read_transport(struct reader *reader, struct form *form)
{
    switch (form->protocol) {
    case PROTOCOL_UDP:
        form->from.port = reader_u16(reader);
        form->to.port = reader_u16(reader);
        reader_skip(reader, 4);
        break;
    case PROTOCOL_TCP:
        read_tcp(reader, form);
        break;
    case PROTOCOL_ICMP:
        read_icmp(reader, form);
        break;
    default:
        break;
    }
}

bool
form_read(struct span bytes, bool quoted, struct form *form)
{
    struct reader reader = reader_over(bytes);
    struct span behind;
    size_t length, header;

    *form = (struct form){ .protocol = 0 };
    if (!read_ip(&reader, form, &length) || (!quoted && length != bytes.length))
        return false;
    header = (size_t)IP_HEADER + form->options;
    behind = reader_rest(&reader);
    if (behind.length > length - header)
        behind.length = length - header; /* padding, or extensions behind a quote */
    if (folded(sum_of(span_of(bytes.bytes, header))) != 0)
        form->wrong |= WRONG_IP;
    reader = reader_over(behind);
    if (!is_fragment(form))
        read_transport(&reader, form);
    form->data = reader_rest(&reader);
    if (!quoted && !is_fragment(form) && folded(sum_of(behind) + pseudo_sum(form, behind.length)) != 0)
        form->wrong |= WRONG_TRANSPORT;
    return !reader_failed(&reader);
}
