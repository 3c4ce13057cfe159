#include "proto/stun/describe.h"

static void
say_text(struct span text, GString *out)
{
    g_autofree char *valid = g_utf8_make_valid((const char *)text.bytes, (gssize)text.length);

    for (const char *at = valid; *at; at = g_utf8_next_char(at)) {
        gunichar character = g_utf8_get_char(at);

        g_string_append_unichar(out, g_unichar_isprint(character) ? character : '?');
    }
}

static void
say_endpoint(const char *name, struct endpoint endpoint, GString *out)
{
    char text[ENDPOINT_TEXT];

    g_string_append_printf(out, ", %s %s", name, endpoint_format(endpoint, text));
}

static void
say_types(const struct stun_types *types, GString *out)
{
    for (size_t i = 0; i < types->count; i++) {
        const struct stun_attribute_info *info = stun_attribute_info(types->types[i]);

        g_string_append(out, i ? ", " : " (");
        if (info)
            g_string_append(out, info->name);
        else
            g_string_append_printf(out, "0x%04x", types->types[i]);
    }
    if (types->count)
        g_string_append_c(out, ')');
}

static void
say_error(const struct stun_message *message, GString *out)
{
    struct stun_value value;

    if (stun_message_get(message, STUN_ERROR_CODE, &value) != STUN_PRESENT)
        return;
    g_string_append_printf(out, ", %u", value.error.code);
    if (value.error.phrase.length) {
        g_string_append_c(out, ' ');
        say_text(value.error.phrase, out);
    }
    if (stun_message_get(message, STUN_UNKNOWN_ATTRIBUTES, &value) == STUN_PRESENT)
        say_types(&value.types, out);
}

static void
say_addresses(const struct stun_message *message, GString *out)
{
    struct stun_value xored, plain;
    bool has_xored = stun_message_get(message, STUN_XOR_MAPPED_ADDRESS, &xored) == STUN_PRESENT;

    if (has_xored)
        say_endpoint("XOR-MAPPED-ADDRESS", xored.endpoint, out);
    if (stun_message_get(message, STUN_MAPPED_ADDRESS, &plain) == STUN_PRESENT &&
        !(has_xored && endpoint_equal(xored.endpoint, plain.endpoint)))
        say_endpoint("MAPPED-ADDRESS", plain.endpoint, out);
    if (stun_message_get(message, STUN_ALTERNATE_SERVER, &plain) == STUN_PRESENT)
        say_endpoint("ALTERNATE-SERVER", plain.endpoint, out);
}

void
stun_message_say(const struct stun_message *message, GString *out)
{
    const char *method = stun_method_name(message->header.method);

    if (method)
        g_string_append(out, method);
    else
        g_string_append_printf(out, "STUN method 0x%03x", message->header.method);
    g_string_append_printf(out, " %s", stun_class_name(message->header.class));
    if (stun_header_is_classic(&message->header))
        g_string_append(out, " of RFC 3489");
    say_error(message, out);
    say_addresses(message, out);
}

bool
stun_datagram_say(struct span datagram, GString *out)
{
    struct stun_message message;

    if (stun_message_decode(datagram, &message) != STUN_FAULT_NONE)
        return false;
    stun_message_say(&message, out);
    return true;
}

static void
error_fields(const char *name, const struct stun_error *error, struct fields *out)
{
    out->open(out, name);
    if (error->family != FAMILY_NONE)
        fields_text(out, "family", error->family == FAMILY_IPV4 ? "IPv4" : "IPv6");
    fields_number(out, "code", error->code);
    out->text(out, "reason", error->phrase);
    out->close(out);
}

static void
types_fields(const char *name, const struct stun_types *types, struct fields *out)
{
    out->open(out, name);
    for (size_t i = 0; i < types->count; i++)
        fields_number(out, "type", types->types[i]);
    out->close(out);
}

static void
algorithms_fields(const char *name, const struct stun_algorithm *algorithms, size_t count, struct fields *out)
{
    out->open(out, name);
    for (size_t i = 0; i < count; i++) {
        fields_number(out, "algorithm", algorithms[i].number);
        if (algorithms[i].parameters.length)
            out->bytes(out, "parameters", algorithms[i].parameters);
    }
    out->close(out);
}

static void
raw_fields(const struct stun_message *message, const struct stun_attribute *attribute, struct fields *out)
{
    out->open(out, "attribute");
    fields_number(out, "type", attribute->type);
    out->bytes(out, "value", stun_message_value(message, attribute));
    out->close(out);
}

static void
attribute_fields(const struct stun_message *message, const struct stun_attribute *attribute, struct fields *out)
{
    const struct stun_attribute_info *info = stun_attribute_info(attribute->type);
    struct stun_value value;

    if (!info || !stun_attribute_read(message, attribute, &value)) {
        raw_fields(message, attribute, out);
        return;
    }
    switch (value.format) {
    case STUN_FORMAT_ENDPOINT:
    case STUN_FORMAT_XOR_ENDPOINT:
        fields_endpoint(out, info->field, value.endpoint);
        break;
    case STUN_FORMAT_ERROR:
    case STUN_FORMAT_FAMILY_ERROR:
        error_fields(info->field, &value.error, out);
        break;
    case STUN_FORMAT_TYPES:
        types_fields(info->field, &value.types, out);
        break;
    case STUN_FORMAT_ALGORITHM:
        algorithms_fields(info->field, &value.algorithm, 1, out);
        break;
    case STUN_FORMAT_ALGORITHMS:
        algorithms_fields(info->field, value.algorithms.items, value.algorithms.count, out);
        break;
    case STUN_FORMAT_U32:
    case STUN_FORMAT_PORT:
    case STUN_FORMAT_BYTE:
    case STUN_FORMAT_OCTET:
        fields_number(out, info->field, (int64_t)value.number);
        break;
    case STUN_FORMAT_U64: /* may not fit a signed number */
    case STUN_FORMAT_WORDS:
    case STUN_FORMAT_RAW:
        out->bytes(out, info->field, stun_message_value(message, attribute));
        break;
    case STUN_FORMAT_EMPTY:
        out->flag(out, info->field, true);
        break;
    case STUN_FORMAT_TEXT:
    case STUN_FORMAT_PHRASE:
        out->text(out, info->field, value.bytes);
        break;
    }
}

void
stun_message_fields(const struct stun_message *message, struct fields *out)
{
    const struct stun_header *header = &message->header;
    const char *method = stun_method_name(header->method);

    fields_text(out, "class", stun_class_name(header->class));
    if (method)
        fields_text(out, "method", method);
    fields_number(out, "method_number", header->method);
    fields_number(out, "cookie", header->cookie);
    out->bytes(out, "transaction_id", span_of(header->id.bytes, STUN_ID_BYTES));
    for (size_t i = 0; i < message->count; i++)
        attribute_fields(message, &message->attributes[i], out);
}
