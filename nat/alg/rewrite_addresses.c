/* The ALG rewrite-addresses: wherever the data has the bytes of an address that the box translates, it is translated
 * there too: outwards the internal address becomes the external one, inwards the external one the internal. It knows no
 * protocol, so that it helps some and spoils others: real boxes that do so are why STUN has XOR-MAPPED-ADDRESS (RFC
 * 8489 section 14.2), and why RFC 4787 has ALGs switched off as a rule (REQ-10).
 *
 * IPv6 addresses are sought likewise where IPv6 is masqueraded. Between the families nothing is: an address of one
 * can't stand in the place of the other's. */
#include "nat/alg/alg.h"

/* ---- the journal */

static void
say_rewrite(const struct record *record, const struct names *names, GString *out)
{
    char old[ADDRESS_TEXT], new[ADDRESS_TEXT];

    (void)names;
    g_string_append_printf(out, "data: %s becomes %s", address_format(record->after.source, old),
                           address_format(record->after.destination, new));
    if (record->detail > 1)
        g_string_append_printf(out, ", %d times", (int)record->detail);
    g_string_append_printf(out, ": the ALG %s takes any such bytes for an address", alg_rewrite_addresses.name);
}

static void
fields_rewrite(const struct record *record, const struct names *names, struct fields *out)
{
    char text[ADDRESS_TEXT];

    (void)names;
    fields_text(out, "alg", alg_rewrite_addresses.name);
    fields_text(out, "old", address_format(record->after.source, text));
    fields_text(out, "new", address_format(record->after.destination, text));
    fields_number(out, "times", record->detail);
}

const struct record_kind alg_rewrite_kind = {
    "alg-rewrite", "rewritten", "RFC 8489 section 14.2", say_rewrite, fields_rewrite,
};

/* ---- messages */

static struct address
old_of(const struct nat_translation *way)
{
    return way->inbound ? way->external.address : way->internal.address;
}

static struct address
new_of(const struct nat_translation *way)
{
    return way->inbound ? way->internal.address : way->external.address;
}

static void
read_message(struct alg_message *message)
{
    uint8_t old[16], new[16];
    size_t size = address_to_bytes(old_of(&message->way), old);
    struct span data = message->data;

    if (address_to_bytes(new_of(&message->way), new) != size || memcmp(old, new, size) == 0)
        return;
    for (size_t at = 0; at + size <= data.length; at++) {
        const uint8_t *found = memchr(data.bytes + at, old[0], data.length - size + 1 - at);

        if (!found)
            return;
        at = (size_t)(found - data.bytes);
        if (memcmp(found, old, size) != 0)
            continue;
        alg_replace(message, at, size, span_of(new, size));
        at += size - 1;
    }
}

static void
tell(const struct alg_message *message, struct record *record)
{
    record->after.source = old_of(&message->way);
    record->after.destination = new_of(&message->way);
    record->detail = message->count;
}

const struct alg alg_rewrite_addresses = {
    .name = "rewrite-addresses",
    .over = ALG_OVER_UDP,
    .read = read_message,
    .tell = tell,
    .kind = &alg_rewrite_kind,
};
