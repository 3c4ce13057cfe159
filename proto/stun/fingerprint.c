#include "proto/stun/fingerprint.h"

#define XOR_WITH UINT32_C(0x5354554E) /* "STUN": keeps it apart from another protocol's CRC of the same bytes */

/* clang-format off */
/* What a byte does to a CRC when 0 to 3 bytes have come after it. That is linear, so the entry of a byte is the sum of
 * those of its bits; and a bit's entry is that of the bit before it shifted right, with 0xedb88320 (the polynomial
 * 0x04c11db7 with its bits turned round) XORed in whenever a 1 falls out. */
#define SUM(n, b0, b1, b2, b3, b4, b5, b6, b7) \
    (((n) & 1 ? b0 : 0u) ^ ((n) & 2 ? b1 : 0u) ^ ((n) & 4 ? b2 : 0u) ^ ((n) & 8 ? b3 : 0u) ^ \
     ((n) & 16 ? b4 : 0u) ^ ((n) & 32 ? b5 : 0u) ^ ((n) & 64 ? b6 : 0u) ^ ((n) & 128 ? b7 : 0u))
#define AFTER_0(n) \
    SUM(n, 0x77073096, 0xee0e612c, 0x076dc419, 0x0edb8832, \
           0x1db71064, 0x3b6e20c8, 0x76dc4190, 0xedb88320)
#define AFTER_1(n) \
    SUM(n, 0x191b3141, 0x32366282, 0x646cc504, 0xc8d98a08, \
           0x4ac21251, 0x958424a2, 0xf0794f05, 0x3b83984b)
#define AFTER_2(n) \
    SUM(n, 0x01c26a37, 0x0384d46e, 0x0709a8dc, 0x0e1351b8, \
           0x1c26a370, 0x384d46e0, 0x709a8dc0, 0xe1351b80)
#define AFTER_3(n) \
    SUM(n, 0xb8bc6765, 0xaa09c88b, 0x8f629757, 0xc5b428ef, \
           0x5019579f, 0xa032af3e, 0x9b14583d, 0xed59b63b)
#define FOUR(of, n) of(n), of((n) + 1), of((n) + 2), of((n) + 3)
#define SIXTEEN(of, n) FOUR(of, n), FOUR(of, (n) + 4), FOUR(of, (n) + 8), FOUR(of, (n) + 12)
#define SIXTY_FOUR(of, n) SIXTEEN(of, n), SIXTEEN(of, (n) + 16), SIXTEEN(of, (n) + 32), SIXTEEN(of, (n) + 48)
#define ALL(of) { SIXTY_FOUR(of, 0), SIXTY_FOUR(of, 64), SIXTY_FOUR(of, 128), SIXTY_FOUR(of, 192) }

static const uint32_t after[4][256] = { ALL(AFTER_0), ALL(AFTER_1), ALL(AFTER_2), ALL(AFTER_3) };
/* clang-format on */

/* Four bytes at a time: one look-up waits for the other only from one four to the next. */
uint32_t
stun_crc32(struct span bytes)
{
    const uint8_t *at = bytes.bytes;
    uint32_t crc = UINT32_MAX;
    size_t left = bytes.length;

    for (; left >= 4; left -= 4, at += 4)
        crc = after[3][(crc ^ at[0]) & 0xFF] ^ after[2][(crc >> 8 ^ at[1]) & 0xFF] ^
              after[1][(crc >> 16 ^ at[2]) & 0xFF] ^ after[0][crc >> 24 ^ at[3]];
    for (; left > 0; left--, at++)
        crc = crc >> 8 ^ after[0][(crc ^ *at) & 0xFF];
    return ~crc;
}

/* `before` is the message up to the attribute; its length field counts the attribute already (section 14.7). */
static uint32_t
fingerprint(struct span before)
{
    return stun_crc32(before) ^ XOR_WITH;
}

void
stun_put_fingerprint(struct stun_builder *builder)
{
    stun_builder_open(builder, STUN_FINGERPRINT);

    size_t offset = builder->open;
    uint8_t *room = writer_room(&builder->writer, sizeof(uint32_t));

    stun_builder_close(builder);
    if (stun_builder_failed(builder))
        return;

    struct writer value = writer_over(room, sizeof(uint32_t));

    writer_u32(&value, fingerprint(span_of(writer_span(&builder->writer).bytes, offset)));
}

enum stun_check
stun_fingerprint_check(const struct stun_message *message)
{
    const struct stun_attribute *attribute = stun_message_find(message, STUN_FINGERPRINT);

    if (!attribute)
        return STUN_CHECK_ABSENT;

    struct reader value = reader_over(stun_message_value(message, attribute));
    uint32_t got = reader_u32(&value);

    if (reader_failed(&value) || reader_left(&value) > 0)
        return STUN_CHECK_WRONG;
    return got == fingerprint(span_of(message->bytes.bytes, attribute->offset)) ? STUN_CHECK_RIGHT : STUN_CHECK_WRONG;
}

bool
stun_is_fingerprinted(struct span datagram)
{
    struct stun_message message;

    return stun_message_decode(datagram, &message) == STUN_FAULT_NONE &&
           stun_fingerprint_check(&message) == STUN_CHECK_RIGHT;
}
