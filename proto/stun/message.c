#include "proto/stun/message.h"

#include "core/base/cursor.h"

static const struct {
    const char *word, *sentence;
} faults[] = {
#define X(name, word, sentence) { word, sentence },
    STUN_FAULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(faults) == STUN_FAULT_COUNT);

const char *
stun_fault_word(enum stun_fault fault)
{
    return faults[fault].word;
}

const char *
stun_fault_sentence(enum stun_fault fault)
{
    return faults[fault].sentence;
}

uint16_t
stun_type_encode(enum stun_class class, uint16_t method)
{
    return (uint16_t)((method & 0x00F) | (method & 0x070) << 1 | (method & 0xF80) << 2 | (class & 1) << 4 |
                      (class & 2) << 7);
}

void
stun_type_decode(uint16_t type, enum stun_class *class, uint16_t *method)
{
    *class = (enum stun_class)((type >> 4 & 1) | (type >> 7 & 2));
    *method = (uint16_t)((type & 0x000F) | (type >> 1 & 0x0070) | (type >> 2 & 0x0F80));
}

struct stun_header
stun_header_respond(const struct stun_header *request, enum stun_class class)
{
    struct stun_header response = *request;

    response.class = class;
    return response;
}

bool
stun_order_admit(enum stun_order *order, uint16_t type)
{
    enum stun_order next = type == STUN_FINGERPRINT                ? STUN_ORDER_FINGERPRINT
                           : type == STUN_MESSAGE_INTEGRITY_SHA256 ? STUN_ORDER_SHA256
                           : type == STUN_MESSAGE_INTEGRITY        ? STUN_ORDER_INTEGRITY
                                                                   : STUN_ORDER_ANY;

    if (*order != STUN_ORDER_ANY && next <= *order)
        return false;
    *order = next;
    return true;
}

/* The checks that need no more than the header (section 6.3); whether a cookie is asked for is left to the caller. */
static enum stun_fault
read_header(struct reader *reader, struct stun_header *header)
{
    uint16_t type = reader_u16(reader);
    uint16_t length = reader_u16(reader);

    header->cookie = reader_u32(reader);

    struct span id = reader_span(reader, STUN_ID_BYTES);

    if (reader_failed(reader))
        return STUN_FAULT_SHORT;
    if (type >> 14)
        return STUN_FAULT_FIRST_BITS;
    if (length % 4)
        return STUN_FAULT_LENGTH_UNALIGNED;
    if (length != reader_left(reader))
        return STUN_FAULT_LENGTH;

    memcpy(header->id.bytes, id.bytes, STUN_ID_BYTES);
    stun_type_decode(type, &header->class, &header->method);
    return STUN_FAULT_NONE;
}

static enum stun_fault
read_attributes(struct reader *reader, struct stun_message *message)
{
    enum stun_order order = STUN_ORDER_ANY;

    while (reader_left(reader) > 0) {
        struct stun_attribute attribute = { .offset = (uint32_t)(reader->at - message->bytes.bytes) };

        attribute.type = reader_u16(reader);
        attribute.length = reader_u16(reader);
        reader_skip(reader, attribute.length);
        reader_skip(reader, stun_padding(attribute.length));
        if (reader_failed(reader))
            return STUN_FAULT_ATTRIBUTE_CUT;
        if (order == STUN_ORDER_FINGERPRINT)
            return STUN_FAULT_FINGERPRINT_NOT_LAST;
        if (!stun_order_admit(&order, attribute.type)) {
            message->ignored++;
            continue;
        }
        if (order == STUN_ORDER_ANY && message->count == STUN_MAX_ATTRIBUTES) {
            message->unread += stun_comprehension_required(attribute.type);
            message->ignored += !stun_comprehension_required(attribute.type);
            continue;
        }
        message->attributes[message->count++] = attribute;
    }
    return message->unread ? STUN_FAULT_TOO_MANY : STUN_FAULT_NONE;
}

static enum stun_fault
decode(struct span datagram, struct stun_message *message, bool classic)
{
    struct reader reader = reader_over(datagram);

    message->bytes = datagram;
    message->count = 0;
    message->ignored = message->unread = 0;

    enum stun_fault fault = read_header(&reader, &message->header);

    if (fault != STUN_FAULT_NONE)
        return fault;
    if (!classic && stun_header_is_classic(&message->header))
        return STUN_FAULT_COOKIE;
    return read_attributes(&reader, message);
}

enum stun_fault
stun_message_decode(struct span datagram, struct stun_message *message)
{
    return decode(datagram, message, false);
}

enum stun_fault
stun_message_decode_classic(struct span datagram, struct stun_message *message)
{
    return decode(datagram, message, true);
}

bool
stun_header_peek(struct span datagram, struct stun_header *header)
{
    struct reader reader = reader_over(datagram);

    return read_header(&reader, header) == STUN_FAULT_NONE && !stun_header_is_classic(header);
}

bool
stun_looks_like_message(struct span datagram)
{
    struct stun_header header;

    return stun_header_peek(datagram, &header);
}

/* The first of `type` at or after index `from`. */
static const struct stun_attribute *
find_from(const struct stun_message *message, size_t from, uint16_t type)
{
    for (size_t i = from; i < message->count; i++)
        if (message->attributes[i].type == type)
            return &message->attributes[i];
    return NULL;
}

const struct stun_attribute *
stun_message_find(const struct stun_message *message, uint16_t type)
{
    return find_from(message, 0, type);
}

const struct stun_attribute *
stun_message_find_next(const struct stun_message *message, const struct stun_attribute *attribute)
{
    return find_from(message, (size_t)(attribute - message->attributes) + 1, attribute->type);
}

struct span
stun_message_value(const struct stun_message *message, const struct stun_attribute *attribute)
{
    return span_of(message->bytes.bytes + attribute->offset + STUN_ATTRIBUTE_BYTES, attribute->length);
}

static bool
understands(unsigned sets, uint16_t type)
{
    const struct stun_attribute_info *info = stun_attribute_info(type);

    return !stun_comprehension_required(type) || (info && (info->set & sets));
}

static void
types_add_once(struct stun_types *list, uint16_t type)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->types[i] == type)
            return;
    if (list->count < G_N_ELEMENTS(list->types))
        list->types[list->count++] = type;
}

bool
stun_message_unknown(const struct stun_message *message, unsigned sets, struct stun_types *unknown)
{
    unknown->count = 0;
    for (size_t i = 0; i < message->count; i++)
        if (!understands(sets, message->attributes[i].type))
            types_add_once(unknown, message->attributes[i].type);
    return unknown->count > 0;
}
