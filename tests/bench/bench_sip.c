/* Messages of SIP parsed a second: decoded, with the values that an ALG or a user agent asks each message for. The bound
 * is one walk over the same bytes for the line ends alone. */
#include <glib.h>

#include "proto/sip/headers.h"
#include "tests/bench/bench.h"

#define MESSAGES 300000

static const char invite[] =
    "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK74bf9a1c\r\n"
    "Max-Forwards: 70\r\n"
    "From: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n"
    "To: Bob <sip:bob@biloxi.example.com>\r\n"
    "Call-ID: 3848276298220188511@atlanta.example.com\r\n"
    "CSeq: 2 INVITE\r\n"
    "Contact: <sip:alice@192.0.2.10:5060;transport=udp>\r\n"
    "Allow: INVITE, ACK, CANCEL, OPTIONS, BYE, REFER, NOTIFY, UPDATE\r\n"
    "Supported: replaces, outbound, path\r\n"
    "User-Agent: phone/1.0\r\n"
    "Content-Type: application/sdp\r\n"
    "Content-Length: 186\r\n"
    "\r\n"
    "v=0\r\no=alice 2890844526 2890844526 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n"
    "m=audio 49172 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=sendrecv\r\na=ptime:20\r\n";

static const char ok[] = "SIP/2.0 200 OK\r\n"
                         "Via: SIP/2.0/UDP 198.51.100.5:5060;branch=z9hG4bK721e418c4.1;received=198.51.100.5\r\n"
                         "Via: SIP/2.0/UDP 192.0.2.10:5060;rport=5060;branch=z9hG4bK74bf9a1c;received=192.0.2.10\r\n"
                         "Record-Route: <sip:198.51.100.5;lr>\r\n"
                         "From: \"Alice\" <sip:alice@atlanta.example.com>;tag=9fxced76sl\r\n"
                         "To: Bob <sip:bob@biloxi.example.com>;tag=314159\r\n"
                         "Call-ID: 3848276298220188511@atlanta.example.com\r\n"
                         "CSeq: 2 INVITE\r\n"
                         "Contact: <sip:bob@203.0.113.7:5060>\r\n"
                         "Content-Length: 0\r\n"
                         "\r\n";

static void
read_address(const struct sip_message *message, enum sip_header_name name)
{
    struct sip_name_addr address;

    if (!sip_name_addr_decode(sip_message_value(message, name), &address))
        g_error("%s is refused", sip_header_word(name));
    bench_keep(address.tag.length);
}

static void
parse(struct span bytes)
{
    struct sip_message message;
    struct sip_via via;
    struct span value, method;
    uint32_t number;

    if (sip_message_decode(bytes, &message) != SIP_FAULT_NONE || message.text.length != bytes.length)
        g_error("the message is refused");

    struct sip_values vias = sip_values_of(&message, SIP_HEADER_VIA);

    while (sip_values_next(&vias, &value))
        bench_keep(sip_via_decode(value, &via));
    read_address(&message, SIP_HEADER_FROM);
    read_address(&message, SIP_HEADER_TO);
    read_address(&message, SIP_HEADER_CONTACT);
    bench_keep(sip_cseq_decode(sip_message_value(&message, SIP_HEADER_CSEQ), &number, &method));
}

static double
parsed(void *context)
{
    const struct span *bytes = context;
    double begun = bench_cpu();

    for (int i = 0; i < MESSAGES; i++)
        parse(*bytes);
    return MESSAGES / (bench_cpu() - begun) / 1e3;
}

static double
walked(void *context)
{
    const struct span *bytes = context;
    double begun = bench_cpu();

    for (int i = 0; i < MESSAGES; i++) {
        const uint8_t *at = bytes->bytes, *end = at + bytes->length;

        while ((at = memchr(at, '\n', (size_t)(end - at))))
            at++;
        bench_keep((uint64_t)(uintptr_t)at);
    }
    return MESSAGES / (bench_cpu() - begun) / 1e3;
}

void
bench_sip(struct bench *bench)
{
    struct span request = span_of_text(invite), response = span_of_text(ok);

    bench_compare(bench, "SIP INVITE with SDP, parsed", "k/s", BENCH_MORE, 500, parsed, walked, &request);
    bench_compare(bench, "SIP 200 OK, parsed", "k/s", BENCH_MORE, 500, parsed, walked, &response);
}
