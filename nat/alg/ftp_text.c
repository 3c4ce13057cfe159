#include "nat/alg/ftp_text.h"

#include <stdio.h>

#include "core/base/cursor.h"

enum { IAC = 255, SB = 250, WILL = 251, DONT = 254 };

const char *const ftp_form_words[] = { "nothing", "PORT", "227", "EPRT", "229", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(ftp_form_words) == FTP_FORMS + 1);

/* A walk over a line. */
struct walk {
    struct span line;
    size_t at;
};

static int
peek(const struct walk *walk)
{
    return walk->at < walk->line.length ? walk->line.bytes[walk->at] : -1;
}

static bool
take(struct walk *walk, int byte)
{
    if (peek(walk) != byte)
        return false;
    walk->at++;
    return true;
}

/* Telnet's commands in front: two bytes, three of those with an option. */
static void
pass_telnet(struct walk *walk)
{
    while (peek(walk) == IAC && walk->at + 1 < walk->line.length && walk->line.bytes[walk->at + 1] != IAC) {
        uint8_t command = walk->line.bytes[walk->at + 1];

        if (command == SB)
            return; /* nobody negotiates here */
        walk->at += command >= WILL && command <= DONT ? 3 : 2;
    }
    walk->at = MIN(walk->at, walk->line.length);
}

/* A word in any case, and blanks behind it. */
static bool
take_word(struct walk *walk, const char *word)
{
    size_t length = strlen(word), at = walk->at;

    if (walk->line.length - at < length ||
        g_ascii_strncasecmp((const char *)walk->line.bytes + at, word, length) != 0)
        return false;
    walk->at += length;
    if (!take(walk, ' ')) {
        walk->at = at;
        return false;
    }
    while (take(walk, ' '))
        continue;
    return true;
}

/* A decimal number of at most five digits. */
static bool
take_number(struct walk *walk, unsigned most, unsigned *value)
{
    unsigned digits = 0;

    *value = 0;
    for (; peek(walk) >= '0' && peek(walk) <= '9' && digits < 5; digits++)
        *value = *value * 10 + (unsigned)(walk->line.bytes[walk->at++] - '0');
    return digits > 0 && *value <= most && !(peek(walk) >= '0' && peek(walk) <= '9');
}

/* Nothing but blanks up to the end, which is CRLF. */
static bool
at_end(struct walk walk)
{
    while (take(&walk, ' '))
        continue;
    return take(&walk, '\r') && take(&walk, '\n') && walk.at == walk.line.length;
}

static bool
is_whole(struct span line)
{
    return line.length >= 2 && line.bytes[line.length - 2] == '\r' && line.bytes[line.length - 1] == '\n';
}

/* h1,h2,h3,h4,p1,p2 from here on. */
static bool
take_six(struct walk *walk, struct endpoint *named)
{
    unsigned value[6];

    for (unsigned i = 0; i < 6; i++)
        if ((i > 0 && !take(walk, ',')) || !take_number(walk, 255, &value[i]))
            return false;
    named->address = address_ipv4(value[0] << 24 | value[1] << 16 | value[2] << 8 | value[3]);
    named->port = (uint16_t)(value[4] << 8 | value[5]);
    return named->port > 0;
}

static struct ftp_place
place_of(enum ftp_form form, size_t from, const struct walk *walk, struct endpoint named, int delimiter)
{
    return (struct ftp_place){ form, from, walk->at - from, named, (char)delimiter };
}

static struct ftp_place
find_port(struct walk walk)
{
    size_t from = walk.at;
    struct endpoint named;

    if (!take_six(&walk, &named) || !at_end(walk))
        return (struct ftp_place){ .form = FTP_NOTHING };
    return place_of(FTP_PORT, from, &walk, named, 0);
}

/* An address up to the delimiter. */
static bool
take_address(struct walk *walk, int delimiter, enum family family, struct address *address)
{
    char text[ADDRESS_TEXT];
    size_t length = 0;

    while (peek(walk) > ' ' && peek(walk) != delimiter && length < sizeof text - 1)
        text[length++] = (char)walk->line.bytes[walk->at++];
    text[length] = '\0';
    return peek(walk) == delimiter && address_parse(text, address) && address_family(*address) == family;
}

static struct ftp_place
find_eprt(struct walk walk)
{
    struct ftp_place nothing = { .form = FTP_NOTHING };
    int delimiter = peek(&walk);
    struct endpoint named;
    unsigned family, port;
    size_t from;

    if (delimiter <= ' ' || delimiter > '~' || g_ascii_isalnum((char)delimiter))
        return nothing;
    walk.at++;
    if (!take_number(&walk, 2, &family) || family == 0 || !take(&walk, delimiter))
        return nothing;
    from = walk.at;
    if (!take_address(&walk, delimiter, family == 1 ? FAMILY_IPV4 : FAMILY_IPV6, &named.address))
        return nothing;
    walk.at++;
    if (!take_number(&walk, UINT16_MAX, &port) || port == 0)
        return nothing;
    named.port = (uint16_t)port;
    struct ftp_place place = place_of(FTP_EPRT, from, &walk, named, delimiter);

    return take(&walk, delimiter) && at_end(walk) ? place : nothing;
}

/* The first six numbers. */
static struct ftp_place
find_pasv(struct walk walk)
{
    struct endpoint named;

    for (; walk.at < walk.line.length; walk.at++) {
        struct walk numbers = walk;

        if (!g_ascii_isdigit((char)peek(&walk)) || g_ascii_isdigit((char)walk.line.bytes[walk.at - 1]))
            continue;
        if (take_six(&numbers, &named))
            return place_of(FTP_PASV, walk.at, &numbers, named, 0);
    }
    return (struct ftp_place){ .form = FTP_NOTHING };
}

static struct ftp_place
find_epsv(struct walk walk)
{
    struct ftp_place nothing = { .form = FTP_NOTHING };
    struct endpoint named = { ADDRESS_NONE, 0 };
    unsigned port;
    size_t from;
    int delimiter;

    while (walk.at < walk.line.length && peek(&walk) != '(')
        walk.at++;
    walk.at += walk.at < walk.line.length;
    delimiter = peek(&walk);
    if (delimiter <= ' ' || delimiter > '~' || g_ascii_isdigit((char)delimiter))
        return nothing;
    if (!take(&walk, delimiter) || !take(&walk, delimiter) || !take(&walk, delimiter))
        return nothing;
    from = walk.at;
    if (!take_number(&walk, UINT16_MAX, &port) || port == 0)
        return nothing;
    named.port = (uint16_t)port;
    struct ftp_place place = place_of(FTP_EPSV, from, &walk, named, delimiter);

    return take(&walk, delimiter) && take(&walk, ')') ? place : nothing;
}

bool
ftp_has_code(struct span line, const char *code)
{
    return line.length > 3 && memcmp(line.bytes, code, 3) == 0 && (line.bytes[3] == ' ' || line.bytes[3] == '-');
}

struct ftp_place
ftp_find(struct span line, bool from_client)
{
    struct walk walk = { line, 0 };

    if (!is_whole(line))
        return (struct ftp_place){ .form = FTP_NOTHING };
    if (!from_client) {
        walk.at = 4;
        return ftp_has_code(line, "227")   ? find_pasv(walk)
               : ftp_has_code(line, "229") ? find_epsv(walk)
                                           : (struct ftp_place){ .form = FTP_NOTHING };
    }
    pass_telnet(&walk);
    if (take_word(&walk, "PORT"))
        return find_port(walk);
    return take_word(&walk, "EPRT") ? find_eprt(walk) : (struct ftp_place){ .form = FTP_NOTHING };
}

struct span
ftp_write(const struct ftp_place *place, struct endpoint endpoint, char text[FTP_TEXT])
{
    uint32_t address = address_is_ipv4(endpoint.address) ? address_to_ipv4(endpoint.address) : 0;
    char words[ADDRESS_TEXT];

    switch (place->form) {
    case FTP_PORT:
    case FTP_PASV:
        snprintf(text, FTP_TEXT, "%u,%u,%u,%u,%u,%u", address >> 24, address >> 16 & 255, address >> 8 & 255,
                 address & 255, endpoint.port >> 8, endpoint.port & 255u);
        break;
    case FTP_EPRT:
        snprintf(text, FTP_TEXT, "%s%c%u", address_format(endpoint.address, words), place->delimiter, endpoint.port);
        break;
    default:
        snprintf(text, FTP_TEXT, "%u", endpoint.port);
        break;
    }
    return span_of_text(text);
}

bool
ftp_asks_for_encryption(struct span line)
{
    struct walk walk = { line, 0 };

    pass_telnet(&walk);
    return is_whole(line) && take_word(&walk, "AUTH");
}
