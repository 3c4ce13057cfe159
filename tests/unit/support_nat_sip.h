/* The ALG sip on the bench: messages in, and what leaves compared. Messages are written with '|' for a line's end, and '^'
 * for the length of the body. A is a phone inside, S a server outside, XA what stands for A there. */
#ifndef TESTS_UNIT_SUPPORT_NAT_SIP_H
#define TESTS_UNIT_SUPPORT_NAT_SIP_H

#include "nat/alg/alg.h"
#include "nat/alg/sip.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define A "10.0.0.2:5060"
#define XA "203.0.113.1:5060"
#define S "198.51.100.1:5060"

extern struct nat_bench sip_bench;

/* A box of this preset with the ALG; with other options too, and so many external addresses; both ended by sip_box_close, which may come too often. */
void sip_box_open(const char *preset, unsigned quirks);
void sip_box_open_with(const struct nat_options *options, uint64_t addresses);
void sip_box_close(void);

/* Puts a message in; what the bench tells of it. */
const char *sip_put(enum nat_side side, const char *from, const char *to, const char *text);
/* The same; a failure when what left has another text than `expected`. */
void sip_check(const char *name, enum nat_side side, const char *from, const char *to, const char *sent,
               const char *expected);
/* The data of what left last. Free it. */
char *sip_left(void);
/* Media from outside to that external port: they arrive at the same port of A's (told NULL), or this is told of them. */
void sip_hears(const char *name, const char *from, const char *port, const char *told);

/* ---- messages */

/* The text with its line ends and length. Free it. */
char *sip_message_text(const char *text);

#define REST "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>|Call-ID: c1|CSeq: 1 INVITE|Max-Forwards: 70|"
#define SDP(address, port) "v=0|o=a 1 1 IN IP4 " address "|s=-|c=IN IP4 " address "|t=0 0|m=audio " port " RTP/AVP 0|"
#define REST_O "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>|Call-ID: c1|CSeq: 1 OPTIONS|Max-Forwards: 70|"
#define REST_R "From: <sip:a@example.com>;tag=1|To: <sip:a@example.com>|Call-ID: c1|CSeq: 1 REGISTER|Max-Forwards: 70|"
#define INVITE_A                                                                                                       \
    "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKx;rport|" REST                      \
    "Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("10.0.0.2", "6000")
#define INVITE_XA                                                                                                      \
    "INVITE sip:b@example.com SIP/2.0|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKx;rport|" REST                   \
    "Contact: <sip:a@203.0.113.1:5060>|Content-Type: application/sdp|Content-Length: ^||" SDP("203.0.113.1", "6000")
#define TAGGED(tag) "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=" tag "|Call-ID: c1|CSeq: 1 INVITE|"
#define RING(via, status)                                                                                              \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " via "|" TAGGED("2") "Contact: <sip:b@198.51.100.9>|Content-Length: 0||"
#define ANSWER(via, status, tag, at)                                                                                   \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " via "|" TAGGED(tag) "Contact: <sip:b@" at                                   \
                                                               ">|Content-Type: application/sdp|"                      \
                                                               "Content-Length: ^||" SDP(at, "7000")
#define OK_B(via) ANSWER(via, "200 OK", "2", "198.51.100.9")
#define IN_DIALOG(method, via)                                                                                         \
    method " sip:b@198.51.100.9 SIP/2.0|Via: SIP/2.0/UDP " via ";branch=z9hG4bKy|From: <sip:a@example.com>;tag=1|"     \
           "To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: 2 " method "|Max-Forwards: 70|Content-Length: 0||"
#define SEEN_XA "203.0.113.1:5060;branch=z9hG4bKx;rport=5060;received=203.0.113.1"
#define SEEN_A "10.0.0.2:5060;branch=z9hG4bKx;rport=5060;received=10.0.0.2"

#define REGISTER(at, expires)                                                                                          \
    "REGISTER sip:example.com SIP/2.0|Via: SIP/2.0/UDP " at ";branch=z9hG4bKr|From: <sip:a@example.com>;tag=1|"        \
    "To: <sip:a@example.com>|Call-ID: r1|CSeq: 1 REGISTER|Max-Forwards: 70|Contact: <sip:a@" at ">;expires=" expires   \
    "|Content-Length: 0||"
#define REGISTERED(at, contacts)                                                                                       \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP " at ";branch=z9hG4bKr|From: <sip:a@example.com>;tag=1|"                          \
    "To: <sip:a@example.com>;tag=9|Call-ID: r1|CSeq: 1 REGISTER|" contacts "Content-Length: 0||"
#define CALLED(uri, sdp)                                                                                               \
    "INVITE " uri " SIP/2.0|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKi|From: <sip:b@example.com>;tag=5|"            \
    "To: <sip:a@example.com>|Call-ID: c2|CSeq: 1 INVITE|Max-Forwards: 69|Record-Route: <sip:198.51.100.1;lr>|"         \
    "Contact: <sip:b@198.51.100.9>|Content-Type: application/sdp|Content-Length: ^||" sdp
#define ANSWERED(contact, sdp)                                                                                         \
    "SIP/2.0 200 OK|Via: SIP/2.0/UDP 198.51.100.1;branch=z9hG4bKi|From: <sip:b@example.com>;tag=5|"                    \
    "To: <sip:a@example.com>;tag=6|Call-ID: c2|CSeq: 1 INVITE|Record-Route: <sip:198.51.100.1;lr>|"                    \
    "Contact: <sip:a@" contact ">|Content-Type: application/sdp|Content-Length: ^||" sdp

#define OTHER_CSEQ(status)                                                                                             \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP " SEEN_XA "|From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|"   \
    "Call-ID: c1|CSeq: 7 INVITE|Content-Length: 0||"
#define IN_BYE(tag)                                                                                                    \
    "BYE sip:a@203.0.113.1:5060 SIP/2.0|Via: SIP/2.0/UDP 198.51.100.9;branch=z9hG4bKb|"                                \
    "From: <sip:b@example.com>;tag=" tag "|To: <sip:a@example.com>;tag=1|Call-ID: c1|CSeq: 9 BYE|Max-Forwards: 70|"    \
    "Content-Length: 0||"

#define REINVITE(method, cseq, sdp)                                                                                    \
    method " sip:b@198.51.100.9 SIP/2.0|Via: SIP/2.0/UDP 10.0.0.2:5060;branch=z9hG4bKz|"                               \
           "From: <sip:a@example.com>;tag=1|To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: " cseq " " method "|"      \
           "Max-Forwards: 70|Contact: <sip:a@10.0.0.2:5060>|Content-Type: application/sdp|Content-Length: ^||" sdp
#define REANSWER(status, cseq, sdp)                                                                                    \
    "SIP/2.0 " status "|Via: SIP/2.0/UDP 203.0.113.1:5060;branch=z9hG4bKz|From: <sip:a@example.com>;tag=1|"            \
    "To: <sip:b@example.com>;tag=2|Call-ID: c1|CSeq: " cseq "|Contact: <sip:b@198.51.100.9>|"                          \
    "Content-Type: application/sdp|Content-Length: ^||" sdp

#define WITH(sdp)                                                                                                      \
    "INVITE sip:b@example.com SIP/2.0|v: SIP/2.0/UDP 192.0.2.77:5060;branch=z9hG4bKx|" REST                            \
    "c: application/sdp|l: ^||" sdp
#define TOP "v=0|o=a 1 1 IN IP4 10.0.0.2|s=-|c=IN IP4 10.0.0.2|t=0 0|"
#define TOP_X "v=0|o=a 1 1 IN IP4 203.0.113.1|s=-|c=IN IP4 203.0.113.1|t=0 0|"

#endif
