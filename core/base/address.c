#include "core/base/address.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- order and kinds */

int
address_compare(struct address a, struct address b)
{
    enum family family_a = address_family(a), family_b = address_family(b);

    if (family_a != family_b)
        return family_a < family_b ? -1 : 1;
    if (a.high != b.high)
        return a.high < b.high ? -1 : 1;
    return a.low == b.low ? 0 : a.low < b.low ? -1 : 1;
}

int
endpoint_compare(struct endpoint a, struct endpoint b)
{
    int order = address_compare(a.address, b.address);

    return order ? order : (a.port > b.port) - (a.port < b.port);
}

/* Whether the first `length` bits of an IPv4 address are those of `network`. */
static bool
ipv4_in(struct address address, uint32_t network, unsigned length)
{
    return address_is_ipv4(address) && (address_to_ipv4(address) ^ network) >> (32 - length) == 0;
}

/* The same for IPv6, where all networks of interest lie in the first 64 bits. */
static bool
ipv6_in(struct address address, uint64_t network, unsigned length)
{
    return !address_is_ipv4(address) && (address.high ^ network) >> (64 - length) == 0;
}

bool
address_is_multicast(struct address address)
{
    return ipv4_in(address, 0xe0000000, 4) || ipv6_in(address, UINT64_C(0xff00) << 48, 8);
}

bool
address_is_broadcast(struct address address)
{
    return address_equal(address, address_ipv4(UINT32_MAX));
}

bool
address_is_loopback(struct address address)
{
    return ipv4_in(address, 0x7f000000, 8) || (address.high == 0 && address.low == 1);
}

bool
address_is_link_local(struct address address)
{
    return ipv4_in(address, 0xa9fe0000, 16) || ipv6_in(address, UINT64_C(0xfe80) << 48, 10);
}

bool
address_is_private(struct address address)
{
    return ipv4_in(address, 0x0a000000, 8) || ipv4_in(address, 0xac100000, 12) ||  /* 10/8, 172.16/12 */
           ipv4_in(address, 0xc0a80000, 16) || ipv4_in(address, 0x64400000, 10) || /* 192.168/16, 100.64/10 */
           ipv6_in(address, UINT64_C(0xfc00) << 48, 7);
}

/* ---- bytes */

struct address
address_from_bytes(const uint8_t *bytes, enum family family)
{
    unsigned length = family == FAMILY_IPV4 ? 4 : 16;
    struct address address = ADDRESS_NONE;

    for (unsigned i = 0; i < length; i++) {
        address.high = address.high << 8 | address.low >> 56;
        address.low = address.low << 8 | bytes[i];
    }
    return family == FAMILY_IPV4 ? address_ipv4((uint32_t)address.low) : address;
}

size_t
address_to_bytes(struct address address, uint8_t bytes[16])
{
    size_t length = address_is_ipv4(address) ? 4 : 16;

    for (size_t i = length; i-- > 0;) {
        bytes[i] = (uint8_t)address.low;
        address.low = address.low >> 8 | address.high << 56;
        address.high >>= 8;
    }
    return length;
}

/* ---- text out */

/* The eight 16-bit fields of an IPv6 address, as its text has them. */
static void
fields_of(struct address address, uint16_t fields[8])
{
    for (int i = 0; i < 4; i++) {
        fields[i] = (uint16_t)(address.high >> (48 - 16 * i));
        fields[4 + i] = (uint16_t)(address.low >> (48 - 16 * i));
    }
}

/* The first of the longest runs of zero fields, if it has two or more (RFC 5952 sections 4.2.1 to 4.2.3). */
static void
longest_zeros(const uint16_t fields[8], int *start, int *length)
{
    *start = -1;
    *length = 1;
    for (int from = 0; from < 8; from++) {
        int run = 0;

        while (from + run < 8 && fields[from + run] == 0)
            run++;
        if (run > *length) {
            *start = from;
            *length = run;
        }
    }
}

/* RFC 5952. Section 5 wants a dotted quad where a well-known prefix tells of an IPv4 address inside: that is the
 * IPv4-mapped form, which is an IPv4 address here. The IPv4-compatible form is deprecated (RFC 4291 section 2.5.5.1)
 * and written like any other address. */
static void
format_ipv6(struct address address, char *text)
{
    uint16_t fields[8];
    int start, length;

    fields_of(address, fields);
    longest_zeros(fields, &start, &length);
    for (int i = 0; i < 8; i++) {
        if (i == start) {
            text += sprintf(text, "::");
            i += length - 1;
        } else {
            text += sprintf(text, i == 0 || i == start + length ? "%x" : ":%x", fields[i]);
        }
    }
}

const char *
address_format(struct address address, char text[ADDRESS_TEXT])
{
    uint32_t value = address_to_ipv4(address);

    if (address_is_ipv4(address))
        snprintf(text, ADDRESS_TEXT, "%u.%u.%u.%u", value >> 24, value >> 16 & 255, value >> 8 & 255, value & 255);
    else
        format_ipv6(address, text);
    return text;
}

const char *
endpoint_format(struct endpoint endpoint, char text[ENDPOINT_TEXT])
{
    char address[ADDRESS_TEXT];
    bool ipv4 = address_is_ipv4(endpoint.address);

    snprintf(text, ENDPOINT_TEXT, ipv4 ? "%s:%u" : "[%s]:%u", address_format(endpoint.address, address), endpoint.port);
    return text;
}

/* ---- text in
 *
 * Each parser takes text from `*at` up to `end` and moves `*at` past what it took. */

/* A decimal number up to `most`, without leading zeros. */
static bool
take_number(const char **at, const char *end, unsigned most, unsigned *number)
{
    const char *from = *at;
    unsigned value = 0;

    for (; *at < end && **at >= '0' && **at <= '9'; (*at)++) {
        value = value * 10 + (unsigned)(**at - '0');
        if (value > most || (*at > from && *from == '0'))
            return false;
    }
    *number = value;
    return *at > from;
}

static bool
take_ipv4(const char **at, const char *end, uint32_t *value)
{
    uint32_t all = 0;

    for (int i = 0; i < 4; i++) {
        unsigned byte;

        if (i > 0 && (*at == end || *(*at)++ != '.'))
            return false;
        if (!take_number(at, end, 255, &byte))
            return false;
        all = all << 8 | byte;
    }
    *value = all;
    return true;
}

static int
hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

/* One to four hexadecimal digits; here leading zeros are fine (RFC 4291 section 2.2). */
static bool
take_field(const char **at, const char *end, uint16_t *field)
{
    const char *from = *at;
    unsigned value = 0;

    for (; *at < end && hex_digit(**at) >= 0; (*at)++) {
        if (*at - from == 4)
            return false;
        value = value << 4 | (unsigned)hex_digit(**at);
    }
    *field = (uint16_t)value;
    return *at > from;
}

/* Puts the zero fields in that "::" at field `gap` stands for, at least one. */
static bool
fill_gap(uint16_t fields[8], int count, int gap)
{
    if (gap < 0 || count == 8)
        return gap < 0 && count == 8;
    memmove(fields + 8 - (count - gap), fields + gap, (size_t)(count - gap) * sizeof *fields);
    memset(fields + gap, 0, (size_t)(8 - count) * sizeof *fields);
    return true;
}

/* The last 32 bits of an IPv6 address may be a dotted quad (RFC 4291 section 2.2, form 3), which ends the text. */
static bool
take_quad(const char *at, const char *end, uint16_t fields[8], int *count)
{
    uint32_t value;

    if (*count > 6 || !take_ipv4(&at, end, &value) || at != end)
        return false;
    fields[(*count)++] = (uint16_t)(value >> 16);
    fields[(*count)++] = (uint16_t)value;
    return true;
}

static bool
parse_ipv6(const char *at, const char *end, struct address *address)
{
    uint16_t fields[8];
    int count = 0, gap = -1;

    while (at < end) {
        const char *from = at;

        if (end - at >= 2 && at[0] == ':' && at[1] == ':' && gap < 0) {
            gap = count;
            at += 2;
            if (at == end)
                break;
        } else if (count > 0 && *at++ != ':') {
            return false;
        }
        from = at;
        if (count == 8 || !take_field(&at, end, &fields[count]))
            return false;
        if (at < end && *at == '.') {
            if (!take_quad(from, end, fields, &count))
                return false;
            break;
        }
        count++;
    }
    if (!fill_gap(fields, count, gap))
        return false;

    *address = ADDRESS_NONE;
    for (int i = 0; i < 4; i++) {
        address->high = address->high << 16 | fields[i];
        address->low = address->low << 16 | fields[4 + i];
    }
    return true;
}

static bool
parse_address(const char *at, const char *end, struct address *address)
{
    uint32_t value;

    if (memchr(at, ':', (size_t)(end - at)))
        return parse_ipv6(at, end, address);
    if (!take_ipv4(&at, end, &value) || at != end)
        return false;
    *address = address_ipv4(value);
    return true;
}

bool
address_parse(const char *text, struct address *address)
{
    struct address parsed;

    if (!parse_address(text, text + strlen(text), &parsed))
        return false;
    *address = parsed;
    return true;
}

/* Brackets belong to the IPv6 notation (RFC 3986 section 3.2.2), and it to them: "::1:80" could be either. */
bool
endpoint_parse(const char *text, struct endpoint *endpoint)
{
    const char *end = text + strlen(text), *colon = strrchr(text, ':');
    bool bracket = text[0] == '[';
    struct address address;
    unsigned port;

    if (!colon || colon == text || (bracket && colon[-1] != ']'))
        return false;

    const char *from = text + bracket, *to = colon - bracket;
    if (to < from || !!memchr(from, ':', (size_t)(to - from)) != bracket || !parse_address(from, to, &address))
        return false;
    colon++;
    if (!take_number(&colon, end, UINT16_MAX, &port) || colon != end)
        return false;
    *endpoint = (struct endpoint){ address, (uint16_t)port };
    return true;
}

bool
prefix_parse(const char *text, struct prefix *prefix)
{
    const char *end = text + strlen(text), *slash = strchr(text, '/');
    struct address address;
    unsigned length;

    if (!slash || !parse_address(text, slash, &address))
        return false;

    /* In IPv6 notation the length counts from the first of 128 bits, also where the address is an IPv4 one. */
    unsigned skipped = address_is_ipv4(address) && memchr(text, ':', (size_t)(slash - text)) ? 96 : 0;
    slash++;
    if (!take_number(&slash, end, skipped + family_bits(address_family(address)), &length) || slash != end ||
        length < skipped)
        return false;
    *prefix = (struct prefix){ address, (uint8_t)(length - skipped) };
    return true;
}

const char *
protocol_name(uint8_t protocol)
{
    switch (protocol) {
    case PROTOCOL_ICMP:
        return "icmp";
    case PROTOCOL_TCP:
        return "tcp";
    case PROTOCOL_UDP:
        return "udp";
    case PROTOCOL_ICMPV6:
        return "icmpv6";
    default:
        return NULL;
    }
}
