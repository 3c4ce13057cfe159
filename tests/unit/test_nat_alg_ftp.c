/* The ALG ftp: what it reads, what it puts in the place, and whom it opens what to. */
#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/tcp_segment.h"
#include "nat/alg/alg.h"
#include "nat/alg/ftp_text.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5000"
#define XA "203.0.113.1:5000"
#define S "198.51.100.1:21"

static struct nat_bench bench;

/* ---- lines */

static const struct {
    const char *name, *line, *found;
    bool from_server;
} lines[] = {
    { "PORT", "PORT 10,0,0,2,19,136\r\n", "PORT 10,0,0,2,19,136 = 10.0.0.2:5000", false },
    { "any case, blanks", "port   10,0,0,2,19,136  \r\n", "PORT 10,0,0,2,19,136 = 10.0.0.2:5000", false },
    { "zeros in front", "PORT 010,0,0,002,19,136\r\n", "PORT 010,0,0,002,19,136 = 10.0.0.2:5000", false },
    { "a number too many", "PORT 10,0,0,2,19,136,1\r\n", "nothing", false },
    { "a number too few", "PORT 10,0,0,2,19\r\n", "nothing", false },
    { "too large", "PORT 10,0,0,256,19,136\r\n", "nothing", false },
    { "six digits", "PORT 10,0,0,000002,19,136\r\n", "nothing", false },
    { "port 0", "PORT 10,0,0,2,0,0\r\n", "nothing", false },
    { "not at the beginning", "XPORT 10,0,0,2,19,136\r\n", "nothing", false },
    { "in a file's name", "RETR PORT 10,0,0,2,19,136\r\n", "nothing", false },
    { "no CRLF", "PORT 10,0,0,2,19,136\n", "nothing", false },
    { "CR alone", "PORT 10,0,0,2,19,136\r", "nothing", false },
    { "from the server", "PORT 10,0,0,2,19,136\r\n", "nothing", true },
    { "telnet in front", "\xff\xf4\xff\xf2PORT 10,0,0,2,19,136\r\n", "PORT 10,0,0,2,19,136 = 10.0.0.2:5000", false },
    { "an option in front", "\xff\xfd\x01PORT 10,0,0,2,19,136\r\n", "PORT 10,0,0,2,19,136 = 10.0.0.2:5000", false },
    { "telnet within", "PORT 10,0,\xff\xf1" "0,2,19,136\r\n", "nothing", false },
    { "telnet cut short", "\xff\xfb", "nothing", false },
    { "227 in brackets", "227 Entering Passive Mode (10,0,0,2,19,136).\r\n", "227 10,0,0,2,19,136 = 10.0.0.2:5000", true },
    { "227 without", "227 =10,0,0,2,19,136\r\n", "227 10,0,0,2,19,136 = 10.0.0.2:5000", true },
    { "227, and other numbers", "227 in 5 s, 10,0,0,2,19,136\r\n", "227 10,0,0,2,19,136 = 10.0.0.2:5000", true },
    { "227 from the client", "227 (10,0,0,2,19,136)\r\n", "nothing", false },
    { "226", "226 (10,0,0,2,19,136)\r\n", "nothing", true },
    { "EPRT", "EPRT |1|10.0.0.2|5000|\r\n", "EPRT 10.0.0.2|5000 = 10.0.0.2:5000", false },
    { "EPRT, IPv6", "eprt !2!2001:db8::2!5000!\r\n", "EPRT 2001:db8::2!5000 = [2001:db8::2]:5000", false },
    { "EPRT, the family is another", "EPRT |2|10.0.0.2|5000|\r\n", "nothing", false },
    { "EPRT, family 3", "EPRT |3|10.0.0.2|5000|\r\n", "nothing", false },
    { "EPRT, not ended", "EPRT |1|10.0.0.2|5000\r\n", "nothing", false },
    { "EPRT, port 65536", "EPRT |1|10.0.0.2|65536|\r\n", "nothing", false },
    { "EPRT, a digit delimits", "EPRT 1110.0.0.2150001\r\n", "nothing", false },
    { "229", "229 Entering Extended Passive Mode (|||5000|)\r\n", "229 5000 = :5000", true },
    { "229, other delimiter", "229 ok (!!!5000!)\r\n", "229 5000 = :5000", true },
    { "229, an address", "229 ok (|1|10.0.0.2|5000|)\r\n", "nothing", true },
    { "229, no bracket", "229 ok |||5000|\r\n", "nothing", true },
    { "empty", "\r\n", "nothing", false },
    { "empty, from the server", "\r\n", "nothing", true },
};

static char *
say_place(const char *line, bool from_server)
{
    struct ftp_place place = ftp_find(span_of_text(line), !from_server);
    char text[ENDPOINT_TEXT];

    if (place.form == FTP_NOTHING)
        return g_strdup("nothing");
    if (address_is_none(place.named.address))
        g_snprintf(text, sizeof text, ":%u", place.named.port);
    else
        endpoint_format(place.named, text);
    return g_strdup_printf("%s %.*s = %s", ftp_form_words[place.form], (int)place.count, line + place.at, text);
}

static void
test_lines(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(lines); i++) {
        g_autofree char *found = say_place(lines[i].line, lines[i].from_server);

        CHECK_ROW_TEXT(lines[i].name, found, lines[i].found);
        for (size_t length = 0; length < strlen(lines[i].line); length++) { /* cut short it is nothing */
            struct ftp_place place = ftp_find(span_of(lines[i].line, length), !lines[i].from_server);

            CHECK_ROW_INT(lines[i].name, place.form, FTP_NOTHING);
        }
    }
}

/* ---- through a box */

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static uint32_t sent[2];               /* bytes of each end's so far, behind its SYN */
static const char *inner = A, *outer = XA, *peer = S; /* the ends of the control connection; `outer`: the inner one's outside */

/* One segment of an end: a SYN when there is no text. */
static const char *
send_text(enum nat_side side, const char *text)
{
    struct endpoint from = nat_endpoint(side == NAT_INSIDE ? inner : peer);
    struct endpoint to = nat_endpoint(side == NAT_INSIDE ? peer : outer);
    struct tcp_segment tcp = { .source_port = from.port, .destination_port = to.port, .window = 60000,
                               .seq = (uint32_t)(side + 1) * 1000 + sent[side], .scale = TCP_NO_SCALE };
    uint8_t bytes[2048];
    struct writer writer = writer_over(bytes, 20);
    size_t length;

    tcp.flags = text ? TCP_ACK | TCP_PSH : sent[!side] == 0 ? TCP_SYN : TCP_SYN | TCP_ACK;
    tcp.ack = tcp.flags & TCP_ACK ? (uint32_t)(2 - side) * 1000 + 1 : 0;
    tcp.data = span_of_text(text ? text : "");
    length = tcp_segment_header(&tcp) + tcp.data.length;
    bool written = tcp_segment_write(&tcp, from.address, to.address, bytes + 20, length);
    g_assert(written);
    writer_u16(&writer, 0x4500);
    writer_u16(&writer, (uint16_t)(20 + length));
    writer_u32(&writer, 0);
    writer_u16(&writer, 0x4006);
    writer_u16(&writer, 0);
    writer_u32(&writer, address_to_ipv4(from.address));
    writer_u32(&writer, address_to_ipv4(to.address));
    writer_patch_u16(&writer, 10, checksum_of(span_of(bytes, 20)));
    sent[side] += text ? (uint32_t)strlen(text) : 1;
    return nat_bench_bytes(&bench, side, span_of(bytes, 20 + length));
}

/* The data of what left last. */
static char *
left_text(void)
{
    struct tcp_segment tcp;

    if (bench.last->len < 40 || tcp_segment_read(span_of(bench.last->data + 20, bench.last->len - 20), &tcp) != DROP_NONE)
        return g_strdup("?");
    return g_strndup((const char *)tcp.data.bytes, tcp.data.length);
}

static void
check_sent(const char *name, enum nat_side side, const char *text, const char *expected)
{
    const char *told = send_text(side, text);

    g_autofree char *left = left_text();
    CHECK_ROW(name, !strstr(told, "BAD"));
    CHECK_ROW_TEXT(name, left, expected);
}

static void
begin_ftp(const struct nat_options *options, enum nat_side client)
{
    nat_bench_open_pool(&bench, options, 1);
    sent[NAT_INSIDE] = sent[NAT_OUTSIDE] = 0;
    send_text(client, NULL);
    send_text(!client, NULL);
}

static void
open_ftp(const char *preset)
{
    struct nat_options options = nat_preset_find(preset)->options;

    inner = A, outer = XA, peer = S;
    options.algs = NAT_ALG_FTP;
    options.tcp.ports = NAT_PORTS_PRESERVE;
    begin_ftp(&options, NAT_INSIDE);
}

/* The server connects where it was told, from port 20 or another, once, and nobody else may. */
static void
test_active(void)
{
    static const char *const presets[] = { "full-cone", "port-restricted-cone", "symmetric" };

    for (size_t i = 0; i < G_N_ELEMENTS(presets); i++) {
        struct nat_mapping_view view;

        open_ftp(presets[i]);
        check_sent(presets[i], NAT_INSIDE, "PORT 10,0,0,2,19,137\r\n", "PORT 203,0,113,1,19,137\r\n");
        CHECK_ROW(presets[i], nat_find_external(bench.nat, PROTOCOL_TCP, nat_endpoint("203.0.113.1:5001"), &view));
        CHECK_ROW_TEXT(presets[i], nat_origin_words[view.origin], "alg");
        if (i > 0)
            CHECK_ROW_TEXT(presets[i], nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.2:20", "203.0.113.1:5001"),
                           "-filtered");
        CHECK_ROW_TEXT(presets[i], nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:20", "203.0.113.1:5001"),
                       "in 198.51.100.1:20 > 10.0.0.2:5001 S 1000/0");
        if (i > 0)
            CHECK_ROW_TEXT(presets[i], nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:22", "203.0.113.1:5001"),
                           "-filtered");
        CHECK_ROW_TEXT(presets[i], nat_bench_tcp(&bench, NAT_INSIDE, "SA", "10.0.0.2:5001", "198.51.100.1:20"),
                       "out 203.0.113.1:5001 > 198.51.100.1:20 SA 1000/2000");
        nat_bench_until(&bench, 61 * TIME_S);
        CHECK_ROW_INT(presets[i], nat_bench_records(&bench, "nat-pinhole-closed"), 1);
        CHECK_ROW_TEXT(presets[i], nat_bench_tcp(&bench, NAT_OUTSIDE, "AP", "198.51.100.1:20", "203.0.113.1:5001"),
                       "in 198.51.100.1:20 > 10.0.0.2:5001 PA 1000/2000");
        tear_down();
    }
}

static void
test_unused(void)
{
    open_ftp("symmetric");
    check_sent("PORT", NAT_INSIDE, "PORT 10,0,0,2,19,137\r\n", "PORT 203,0,113,1,19,137\r\n");
    g_autofree char *opened = nat_bench_sentence(&bench, "nat-pinhole-opened");
    CHECK_ROW_TEXT("opened", opened, "the ALG ftp opens pinhole 1, tcp 203.0.113.1:5001 -> 10.0.0.2:5001: 198.51.100.1, from "
                                     "any port, may send in, and only who comes first, for 1min (mapping 2)");
    nat_bench_until(&bench, 60 * TIME_S);
    g_autofree char *closed = nat_bench_sentence(&bench, "nat-pinhole-closed");
    CHECK_ROW_TEXT("closed", closed, "pinhole 1, tcp 203.0.113.1:5001 -> 10.0.0.2:5001, is closed: its time is over");
    CHECK_ROW_TEXT("nothing is left", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:20", "203.0.113.1:5001"),
                   "-no-mapping");
}

/* RFC 2577 section 3. */
static void
test_bounce(void)
{
    open_ftp("symmetric");
    check_sent("another's", NAT_INSIDE, "PORT 10,0,0,3,19,137\r\n", "PORT 10,0,0,3,19,137\r\n");
    g_autofree char *why = nat_bench_sentence(&bench, "alg-ftp-refused");
    CHECK_ROW_TEXT("another's", why, "data: passes as it is, because PORT names 10.0.0.3:5001, which is not the sender's "
                                     "address: nobody may have others connected to");
    check_sent("well-known", NAT_INSIDE, "PORT 10,0,0,2,0,22\r\n", "PORT 10,0,0,2,0,22\r\n");
    CHECK_ROW_INT("refused", nat_bench_records(&bench, "alg-ftp-refused"), 2);
    check_sent("outside already", NAT_INSIDE, "PORT 203,0,113,1,19,137\r\n", "PORT 203,0,113,1,19,137\r\n");
    check_sent("from outside", NAT_OUTSIDE, "227 ok (10,0,0,2,19,137)\r\n", "227 ok (10,0,0,2,19,137)\r\n");
    CHECK_ROW_INT("nothing is opened", nat_bench_records(&bench, "nat-pinhole-opened"), 0);
}

static void
test_extended(void)
{
    open_ftp("symmetric");
    check_sent("EPRT", NAT_INSIDE, "EPRT |1|10.0.0.2|5001|\r\n", "EPRT |1|203.0.113.1|5001|\r\n");
    check_sent("EPSV is nothing here", NAT_INSIDE, "EPSV\r\n", "EPSV\r\n");
    check_sent("nor what it brings", NAT_OUTSIDE, "229 ok (|||5002|)\r\n", "229 ok (|||5002|)\r\n");
}

/* A server inside, whose port 21 is forwarded: passive mode. */
static void
test_passive(void)
{
    struct nat_forward forward = { .to = nat_endpoint("10.0.0.2:21"), .port_low = 21, .port_high = 21,
                                   .protocol = PROTOCOL_TCP };
    struct nat_options options = nat_preset_find("port-restricted-cone")->options;

    prefix_parse("0.0.0.0/0", &forward.from);
    options.algs = NAT_ALG_FTP;
    options.forwards = &forward;
    options.forward_count = 1;
    inner = "10.0.0.2:21", outer = "203.0.113.1:21", peer = "198.51.100.1:5000";
    begin_ftp(&options, NAT_OUTSIDE);
    check_sent("PASV", NAT_OUTSIDE, "PASV\r\n", "PASV\r\n");
    check_sent("227", NAT_INSIDE, "227 ok (10,0,0,2,19,137)\r\n", "227 ok (203,0,113,1,19,137)\r\n");
    CHECK_ROW_TEXT("another", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.2:6000", "203.0.113.1:5001"), "-filtered");
    CHECK_ROW_TEXT("the client", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:6000", "203.0.113.1:5001"),
                   "in 198.51.100.1:6000 > 10.0.0.2:5001 S 1000/0");
    check_sent("229", NAT_INSIDE, "229 ok (|||5002|)\r\n", "229 ok (|||5002|)\r\n");
    CHECK_ROW_TEXT("the client", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:6000", "203.0.113.1:5002"),
                   "in 198.51.100.1:6000 > 10.0.0.2:5002 S 1000/0");
    check_sent("a server that sends its client elsewhere", NAT_INSIDE, "227 ok (10,0,0,9,19,137)\r\n",
               "227 ok (10,0,0,9,19,137)\r\n");
    CHECK_ROW_INT("refused", nat_bench_records(&bench, "alg-ftp-refused"), 1);
    check_sent("PORT from outside", NAT_OUTSIDE, "PORT 198,51,100,1,19,137\r\n", "PORT 198,51,100,1,19,137\r\n");
}

/* A firewall translates nothing, and lets the data connection in. */
static void
test_firewall(void)
{
    struct nat_options options = nat_preset_find("symmetric")->options;

    nat_options_make_firewall(&options);
    options.algs = NAT_ALG_FTP;
    inner = outer = A, peer = S;
    begin_ftp(&options, NAT_INSIDE);
    CHECK_ROW_TEXT("closed", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:20", "10.0.0.2:5001"), "-filtered");
    check_sent("PORT", NAT_INSIDE, "PORT 10,0,0,2,19,137\r\n", "PORT 10,0,0,2,19,137\r\n");
    CHECK_ROW_TEXT("open", nat_bench_tcp(&bench, NAT_OUTSIDE, "S", "198.51.100.1:20", "10.0.0.2:5001"),
                   "in 198.51.100.1:20 > 10.0.0.2:5001 S 1000/0");
}

/* RFC 4217: what follows can't be read. */
static void
test_encrypted(void)
{
    open_ftp("symmetric");
    check_sent("AUTH", NAT_INSIDE, "AUTH TLS\r\n", "AUTH TLS\r\n");
    check_sent("refused", NAT_OUTSIDE, "502 no\r\n", "502 no\r\n");
    check_sent("reads on", NAT_INSIDE, "PORT 10,0,0,2,19,137\r\n", "PORT 203,0,113,1,19,137\r\n");
    check_sent("AUTH", NAT_INSIDE, "AUTH TLS\r\n", "AUTH TLS\r\n");
    check_sent("granted", NAT_OUTSIDE, "234 ok\r\n", "234 ok\r\n");
    check_sent("blind", NAT_INSIDE, "PORT 10,0,0,2,19,138\r\n", "PORT 10,0,0,2,19,138\r\n");
}

void
suite_nat_alg_ftp(void)
{
    UNIT_SUITE("nat: ALG, FTP", NULL, tear_down, { "lines", test_lines }, { "active", test_active },
               { "unused", test_unused }, { "passive", test_passive }, { "firewall", test_firewall }, { "bounce", test_bounce }, { "extended", test_extended },
               { "encrypted", test_encrypted });
}
