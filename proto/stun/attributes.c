#include "proto/stun/attributes.h"

#define FAMILY_CODE_IPV4 1
#define FAMILY_CODE_IPV6 2
#define MOST_PHRASE_CHARACTERS 127
#define CLASSIC_ALIGN 4 /* RFC 3489 knows no padding: its values are whole words */

/* MAPPED-ADDRESS and its kin, sections 14.1 and 14.2. */

/* What XORs an address: cookie, then transaction ID. An IPv4 address meets the cookie only, a port its first half. */
static void
write_mask(const struct stun_header *header, uint8_t mask[16])
{
    struct writer writer = writer_over(mask, 16);

    writer_u32(&writer, header->cookie);
    writer_span_put(&writer, span_of(header->id.bytes, STUN_ID_BYTES));
}

static void
apply_mask(const struct stun_header *header, uint8_t *bytes, size_t length)
{
    uint8_t mask[16];

    write_mask(header, mask);
    for (size_t i = 0; i < length; i++)
        bytes[i] ^= mask[i];
}

static bool
read_endpoint(struct reader *reader, const struct stun_header *masked_by, struct endpoint *endpoint)
{
    uint8_t bytes[16];

    reader_skip(reader, 1);

    uint8_t family = reader_u8(reader);
    uint16_t port = reader_u16(reader);
    size_t length = family == FAMILY_CODE_IPV4 ? 4 : 16;
    struct span address = reader_span(reader, length);

    if (reader_failed(reader) || (family != FAMILY_CODE_IPV4 && family != FAMILY_CODE_IPV6))
        return false;

    memcpy(bytes, address.bytes, length);
    if (masked_by) {
        apply_mask(masked_by, bytes, length);
        port ^= masked_by->cookie >> 16;
    }
    endpoint->address = address_from_bytes(bytes, family == FAMILY_CODE_IPV4 ? FAMILY_IPV4 : FAMILY_IPV6);
    endpoint->port = port;
    return true;
}

static void
write_endpoint(struct writer *writer, const struct stun_header *masked_by, struct endpoint endpoint)
{
    uint8_t bytes[16];
    size_t length = address_to_bytes(endpoint.address, bytes);

    if (masked_by) {
        apply_mask(masked_by, bytes, length);
        endpoint.port ^= masked_by->cookie >> 16;
    }
    writer_u8(writer, 0);
    writer_u8(writer, length == 4 ? FAMILY_CODE_IPV4 : FAMILY_CODE_IPV6);
    writer_u16(writer, endpoint.port);
    writer_span_put(writer, span_of(bytes, length));
}

enum family
stun_family_of(uint64_t number)
{
    return number == FAMILY_CODE_IPV4 ? FAMILY_IPV4 : number == FAMILY_CODE_IPV6 ? FAMILY_IPV6 : FAMILY_NONE;
}

uint8_t
stun_family_number(enum family family)
{
    return family == FAMILY_IPV6 ? FAMILY_CODE_IPV6 : FAMILY_CODE_IPV4;
}

/* ERROR-CODE, section 14.8, and ADDRESS-ERROR-CODE (RFC 8656 section 18.12), which has a family where that has
 * zeros. */

static bool
read_error(struct reader *reader, bool of_family, struct stun_error *error)
{
    enum family family = stun_family_of(reader_u8(reader));

    reader_skip(reader, 1);

    unsigned hundreds = reader_u8(reader) & 7;
    unsigned rest = reader_u8(reader);
    struct span phrase = reader_rest(reader);

    if (reader_failed(reader) || hundreds < 3 || hundreds > 6 || rest > 99)
        return false;
    if (of_family && family == FAMILY_NONE)
        return false;
    *error = (struct stun_error){ .code = (uint16_t)(hundreds * 100 + rest), .phrase = phrase };
    error->family = of_family ? family : FAMILY_NONE;
    return true;
}

static void
write_error(struct stun_builder *builder, bool of_family, const struct stun_error *error)
{
    if (error->code < 300 || error->code > 699 || of_family != (error->family != FAMILY_NONE))
        stun_builder_fail(builder);
    writer_u8(&builder->writer, of_family ? stun_family_number(error->family) : 0);
    writer_u8(&builder->writer, 0);
    writer_u8(&builder->writer, (uint8_t)(error->code / 100));
    writer_u8(&builder->writer, (uint8_t)(error->code % 100));
    writer_span_put(&builder->writer, error->phrase);
    if (stun_header_is_classic(&builder->header))
        for (size_t i = error->phrase.length; i % CLASSIC_ALIGN; i++)
            writer_u8(&builder->writer, ' ');
}

/* UNKNOWN-ATTRIBUTES, section 14.13. */

static bool
read_types(struct reader *reader, struct stun_types *types)
{
    types->count = 0;
    while (reader_left(reader) > 0 && types->count < STUN_MAX_ATTRIBUTES)
        types->types[types->count++] = reader_u16(reader);
    return !reader_failed(reader);
}

static void
write_types(struct stun_builder *builder, const struct stun_types *types)
{
    for (size_t i = 0; i < types->count; i++)
        writer_u16(&builder->writer, types->types[i]);
    if (stun_header_is_classic(&builder->header) && types->count % 2) /* RFC 3489 section 11.2.10 says the last twice */
        writer_u16(&builder->writer, types->types[types->count - 1]);
}

/* PASSWORD-ALGORITHM and PASSWORD-ALGORITHMS, sections 14.12 and 14.11. */

/* Padding that would end the attribute may be missing: it can be taken for the attribute's own. */
static bool
read_algorithm(struct reader *reader, struct stun_algorithm *algorithm)
{
    algorithm->number = reader_u16(reader);

    size_t length = reader_u16(reader);

    algorithm->parameters = reader_span(reader, length);
    reader_skip(reader, MIN(stun_padding(length), reader_left(reader)));
    return !reader_failed(reader);
}

static void
write_algorithm(struct writer *writer, const struct stun_algorithm *algorithm)
{
    writer_u16(writer, algorithm->number);
    writer_u16(writer, (uint16_t)algorithm->parameters.length);
    writer_span_put(writer, algorithm->parameters);
    writer_zeros(writer, stun_padding(algorithm->parameters.length));
}

static bool
read_algorithms(struct reader *reader, struct stun_algorithms *algorithms)
{
    algorithms->count = 0;
    while (reader_left(reader) > 0 && algorithms->count < STUN_MAX_ALGORITHMS)
        if (!read_algorithm(reader, &algorithms->items[algorithms->count++]))
            return false;
    return true;
}

static void
write_algorithms(struct writer *writer, const struct stun_algorithms *algorithms)
{
    for (size_t i = 0; i < algorithms->count; i++)
        write_algorithm(writer, &algorithms->items[i]);
}

/* Any value, by its format. */

static bool
read_value(struct reader *reader, const struct stun_header *header, struct stun_value *value)
{
    switch (value->format) {
    case STUN_FORMAT_ENDPOINT:
        return read_endpoint(reader, NULL, &value->endpoint);
    case STUN_FORMAT_XOR_ENDPOINT:
        return read_endpoint(reader, header, &value->endpoint);
    case STUN_FORMAT_ERROR:
        return read_error(reader, false, &value->error);
    case STUN_FORMAT_FAMILY_ERROR:
        return read_error(reader, true, &value->error);
    case STUN_FORMAT_TYPES:
        return read_types(reader, &value->types);
    case STUN_FORMAT_ALGORITHM:
        return read_algorithm(reader, &value->algorithm);
    case STUN_FORMAT_ALGORITHMS:
        return read_algorithms(reader, &value->algorithms);
    case STUN_FORMAT_U32:
        value->number = reader_u32(reader);
        return true;
    case STUN_FORMAT_U64:
        value->number = reader_u64(reader);
        return true;
    case STUN_FORMAT_PORT:
        value->number = reader_u16(reader);
        reader_skip(reader, 2);
        return true;
    case STUN_FORMAT_BYTE:
        value->number = reader_u8(reader);
        reader_skip(reader, 3);
        return true;
    case STUN_FORMAT_OCTET:
        value->number = reader_u8(reader);
        return true;
    case STUN_FORMAT_EMPTY:
        return true;
    case STUN_FORMAT_WORDS:
        value->bytes = reader_rest(reader);
        return value->bytes.length % 4 == 0;
    case STUN_FORMAT_RAW:
    case STUN_FORMAT_TEXT:
    case STUN_FORMAT_PHRASE:
        value->bytes = reader_rest(reader);
        return true;
    }
    return false;
}

bool
stun_attribute_read(const struct stun_message *message, const struct stun_attribute *attribute,
                    struct stun_value *value)
{
    const struct stun_attribute_info *info = stun_attribute_info(attribute->type);
    struct reader reader = reader_over(stun_message_value(message, attribute));

    value->type = attribute->type;
    value->format = info ? info->format : STUN_FORMAT_RAW;
    if (info && (attribute->length < info->least || attribute->length > info->most))
        return false;
    return read_value(&reader, &message->header, value) && !reader_failed(&reader) && reader_left(&reader) == 0;
}

static void
write_value(struct stun_builder *builder, const struct stun_value *value)
{
    struct writer *writer = &builder->writer;

    switch (value->format) {
    case STUN_FORMAT_ENDPOINT:
        write_endpoint(writer, NULL, value->endpoint);
        break;
    case STUN_FORMAT_XOR_ENDPOINT:
        write_endpoint(writer, &builder->header, value->endpoint);
        break;
    case STUN_FORMAT_ERROR:
        write_error(builder, false, &value->error);
        break;
    case STUN_FORMAT_FAMILY_ERROR:
        write_error(builder, true, &value->error);
        break;
    case STUN_FORMAT_TYPES:
        write_types(builder, &value->types);
        break;
    case STUN_FORMAT_ALGORITHM:
        write_algorithm(writer, &value->algorithm);
        break;
    case STUN_FORMAT_ALGORITHMS:
        write_algorithms(writer, &value->algorithms);
        break;
    case STUN_FORMAT_U32:
        writer_u32(writer, (uint32_t)value->number);
        break;
    case STUN_FORMAT_U64:
        writer_u64(writer, value->number);
        break;
    case STUN_FORMAT_PORT:
        writer_u16(writer, (uint16_t)value->number);
        writer_u16(writer, 0);
        break;
    case STUN_FORMAT_BYTE:
        writer_u32(writer, (uint32_t)(uint8_t)value->number << 24);
        break;
    case STUN_FORMAT_OCTET:
        writer_u8(writer, (uint8_t)value->number);
        break;
    case STUN_FORMAT_EMPTY:
        break;
    case STUN_FORMAT_WORDS:
    case STUN_FORMAT_RAW:
    case STUN_FORMAT_TEXT:
    case STUN_FORMAT_PHRASE:
        writer_span_put(writer, value->bytes);
        break;
    }
}

/* Characters of UTF-8 text: bytes that do not continue another. */
static size_t
characters(struct span text)
{
    size_t count = 0;

    for (size_t i = 0; i < text.length; i++)
        count += (text.bytes[i] & 0xC0) != 0x80;
    return count;
}

/* Whether section 14 lets us send this text: fewer than 128 characters where it counts those. */
static bool
phrase_fits(const struct stun_value *value)
{
    if (value->format == STUN_FORMAT_PHRASE)
        return characters(value->bytes) <= MOST_PHRASE_CHARACTERS;
    if (value->format != STUN_FORMAT_ERROR && value->format != STUN_FORMAT_FAMILY_ERROR)
        return true;
    return characters(value->error.phrase) <= MOST_PHRASE_CHARACTERS;
}

static void
write_attribute(struct stun_builder *builder, const struct stun_attribute_info *info, const struct stun_value *value)
{
    stun_builder_open(builder, value->type);
    write_value(builder, value);

    size_t length = writer_length(&builder->writer) - builder->open - STUN_ATTRIBUTE_BYTES;

    if (info && (length < info->least || length > info->sent))
        stun_builder_fail(builder);
    if (!phrase_fits(value))
        stun_builder_fail(builder);
    stun_builder_close(builder);
}

void
stun_attribute_write(struct stun_builder *builder, const struct stun_value *value)
{
    write_attribute(builder, stun_attribute_info(value->type), value);
}

enum stun_found
stun_message_get(const struct stun_message *message, uint16_t type, struct stun_value *value)
{
    const struct stun_attribute *attribute = stun_message_find(message, type);

    if (!attribute)
        return STUN_ABSENT;
    return stun_attribute_read(message, attribute, value) ? STUN_PRESENT : STUN_MALFORMED;
}

#define LAYOUT(format) (1u << STUN_FORMAT_##format)
#define LAYOUTS_OF_NUMBERS (LAYOUT(U32) | LAYOUT(U64) | LAYOUT(PORT) | LAYOUT(BYTE) | LAYOUT(OCTET))
#define LAYOUTS_OF_BYTES (LAYOUT(RAW) | LAYOUT(WORDS) | LAYOUT(TEXT) | LAYOUT(PHRASE))

/* Names the value's type and layout, which must be one of `layouts`, and leaves the rest to the caller: clearing the
 * whole union would cost more than writing most attributes does. */
static const struct stun_attribute_info *
begin_value(struct stun_value *value, uint16_t type, unsigned layouts)
{
    const struct stun_attribute_info *info = stun_attribute_info(type);

    value->type = type;
    value->format = info ? info->format : STUN_FORMAT_RAW;
    g_assert(layouts >> value->format & 1);
    return info;
}

void
stun_put_endpoint(struct stun_builder *builder, uint16_t type, struct endpoint endpoint)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, type, LAYOUT(ENDPOINT) | LAYOUT(XOR_ENDPOINT));

    value.endpoint = endpoint;
    write_attribute(builder, info, &value);
}

void
stun_put_text(struct stun_builder *builder, uint16_t type, struct span text)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, type, LAYOUTS_OF_BYTES);

    value.bytes = text;
    write_attribute(builder, info, &value);
}

void
stun_put_number(struct stun_builder *builder, uint16_t type, uint64_t number)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, type, LAYOUTS_OF_NUMBERS);

    value.number = number;
    write_attribute(builder, info, &value);
}

void
stun_put_flag(struct stun_builder *builder, uint16_t type)
{
    stun_builder_raw(builder, type, span_of(NULL, 0));
}

void
stun_put_error(struct stun_builder *builder, enum stun_code code)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, STUN_ERROR_CODE, LAYOUT(ERROR));

    value.error = (struct stun_error){ .code = (uint16_t)code, .phrase = span_of_text(stun_code_phrase(code)) };
    write_attribute(builder, info, &value);
}

void
stun_put_family_error(struct stun_builder *builder, enum family family, enum stun_code code)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, STUN_ADDRESS_ERROR_CODE, LAYOUT(FAMILY_ERROR));

    value.error = (struct stun_error){ .code = (uint16_t)code, .family = family,
                                       .phrase = span_of_text(stun_code_phrase(code)) };
    write_attribute(builder, info, &value);
}

void
stun_put_unknown(struct stun_builder *builder, const struct stun_types *unknown)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, STUN_UNKNOWN_ATTRIBUTES, LAYOUT(TYPES));

    value.types = *unknown;
    write_attribute(builder, info, &value);
}

void
stun_put_algorithm(struct stun_builder *builder, enum stun_password_algorithm algorithm)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, STUN_PASSWORD_ALGORITHM, LAYOUT(ALGORITHM));

    value.algorithm = (struct stun_algorithm){ .number = (uint16_t)algorithm };
    write_attribute(builder, info, &value);
}

void
stun_put_algorithms(struct stun_builder *builder, const struct stun_algorithms *algorithms)
{
    struct stun_value value;
    const struct stun_attribute_info *info = begin_value(&value, STUN_PASSWORD_ALGORITHMS, LAYOUT(ALGORITHMS));

    value.algorithms = *algorithms;
    write_attribute(builder, info, &value);
}
