/* Any bytes as a STUN message: decoded, walked, told, encoded again; what is encoded must say the same as what came. */
#include <glib.h>

#include "proto/stun/describe.h"
#include "proto/stun/fingerprint.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

#define SLACK 1024 /* integrity, fingerprint, and what RFC 3489 fills up */

/* A sink that writes down all it is told. */
struct text_sink {
    struct fields fields;
    GString *text;
};

static GString *
text_of(struct fields *fields, const char *name)
{
    g_string_append_printf(((struct text_sink *)fields)->text, "\n%s ", name);
    return ((struct text_sink *)fields)->text;
}

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    g_string_append_printf(text_of(fields, name), "%" G_GINT64_FORMAT, value);
}

static void
on_flag(struct fields *fields, const char *name, bool value)
{
    g_string_append_c(text_of(fields, name), value ? 'y' : 'n');
}

static void
on_bytes(struct fields *fields, const char *name, struct span value)
{
    g_string_append_len(text_of(fields, name), (const char *)value.bytes, (gssize)value.length);
}

static void
on_open(struct fields *fields, const char *name)
{
    text_of(fields, name);
}

static void
on_close(struct fields *fields)
{
    text_of(fields, "end");
}

static GString *
told(const struct stun_message *message)
{
    struct text_sink sink = { { .number = on_number, .time = on_number, .flag = on_flag, .text = on_bytes, .bytes = on_bytes, .open = on_open,
                                .close = on_close }, g_string_new(NULL) };

    stun_message_fields(message, &sink.fields);
    return sink.text;
}

/* By its value where we may send such a value, else as the bytes it has. */
static void
encode_attribute(struct stun_builder *builder, const struct stun_message *message,
                 const struct stun_attribute *attribute)
{
    struct stun_builder before = *builder;
    struct stun_value value;

    if (stun_attribute_read(message, attribute, &value)) {
        stun_attribute_write(builder, &value);
        if (!stun_builder_failed(builder))
            return;
        *builder = before;
    }
    stun_builder_raw(builder, attribute->type, stun_message_value(message, attribute));
}

static struct span
encode(const struct stun_message *message, uint8_t *buffer, size_t capacity)
{
    struct stun_builder builder;

    stun_builder_begin(&builder, buffer, capacity, &message->header);
    for (size_t i = 0; i < message->count; i++)
        encode_attribute(&builder, message, &message->attributes[i]);
    return stun_builder_finish(&builder);
}

static void
check_again(const struct stun_message *message)
{
    g_autofree uint8_t *first = g_malloc(message->bytes.length + SLACK);
    g_autofree uint8_t *second = g_malloc(message->bytes.length + SLACK);
    struct stun_message again;
    struct span bytes = encode(message, first, message->bytes.length + SLACK);

    g_assert_cmpuint(bytes.length, >, 0);
    g_assert_cmpint(stun_message_decode(bytes, &again), ==, STUN_FAULT_NONE);
    g_assert_cmpuint(again.count, ==, message->count);
    g_assert_cmpuint(again.ignored, ==, 0);

    GString *expected = told(message), *got = told(&again);

    g_assert_true(g_string_equal(expected, got));
    g_string_free(expected, TRUE);
    g_string_free(got, TRUE);
    g_assert_true(span_equal(encode(&again, second, message->bytes.length + SLACK), bytes));
}

/* What comes before an integrity attribute, protected by our own key and checked. */
static void
check_protected(const struct stun_message *message)
{
    g_autofree uint8_t *buffer = g_malloc(message->bytes.length + SLACK);
    g_autoptr(stun_key) key = stun_key_new_short_term(span_of_text("secret"));
    struct stun_builder builder;
    struct stun_message again;

    (void)stun_integrity_check(message, key);
    (void)stun_integrity_sha256_check(message, key);
    (void)stun_fingerprint_check(message);

    stun_builder_begin(&builder, buffer, message->bytes.length + SLACK, &message->header);
    for (size_t i = 0; i < message->count && builder.order == STUN_ORDER_ANY; i++) {
        enum stun_order order = STUN_ORDER_ANY;

        if (!stun_order_admit(&order, message->attributes[i].type) || order != STUN_ORDER_ANY)
            break;
        encode_attribute(&builder, message, &message->attributes[i]);
    }
    stun_put_integrity(&builder, key);
    stun_put_integrity_sha256(&builder, key);
    stun_put_fingerprint(&builder);

    enum stun_fault fault = stun_message_decode(stun_builder_finish(&builder), &again);

    if (fault == STUN_FAULT_TOO_MANY)
        return;
    if (stun_builder_failed(&builder)) /* no room in the length field for three attributes more */
        return;
    g_assert_cmpint(fault, ==, STUN_FAULT_NONE);
    g_assert_cmpint(stun_integrity_check(&again, key), ==, STUN_CHECK_RIGHT);
    g_assert_cmpint(stun_integrity_sha256_check(&again, key), ==, STUN_CHECK_RIGHT);
    g_assert_cmpint(stun_fingerprint_check(&again), ==, STUN_CHECK_RIGHT);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    g_autoptr(GString) text = g_string_new(NULL);
    struct span datagram = span_of(bytes, length);
    struct stun_message message;
    struct stun_types unknown;
    bool strict = stun_message_decode(datagram, &message) == STUN_FAULT_NONE;

    g_assert_true(!strict || stun_looks_like_message(datagram));
    g_assert_true(strict || !stun_is_fingerprinted(datagram));
    if (stun_message_decode_classic(datagram, &message) != STUN_FAULT_NONE) {
        g_assert_false(strict);
        return 0;
    }
    stun_message_say(&message, text);
    g_assert_true(g_utf8_validate(text->str, (gssize)text->len, NULL));
    g_assert_cmpint(stun_message_unknown(&message, STUN_SET_BASE, &unknown), ==, unknown.count > 0);
    if (strict) {
        check_again(&message);
        check_protected(&message);
    }
    return 0;
}
