/* Why a packet ended anywhere but at a socket. Nothing vanishes silently: every such end has one of these names, which
 * stand in traces, reports and scripts. New ones are added here and only here. */
#ifndef CORE_BASE_REASON_H
#define CORE_BASE_REASON_H

#include <stdint.h>

/*    name                  word                    sentence, after "dropped: "                                  source */
#define DROP_REASONS(X) \
    X(NONE,                 "none",                 "it was not dropped",                                        "") \
    /* on a link */ \
    X(LINK_LOSS,            "link-loss",            "the link lost it",                                          "") \
    X(LINK_FAULT,           "link-fault",           "the link's fault list says to lose this packet",            "") \
    X(LINK_DOWN,            "link-down",            "the link is switched off",                                  "") \
    X(QUEUE_FULL,           "queue-full",           "the link's queue is full (drop-tail)",                      "") \
    X(TOO_BIG,              "too-big",              "it is larger than the link's MTU and may not be fragmented", "RFC 1191 section 3, RFC 8200 section 5") \
    /* header checks */ \
    X(BAD_HEADER,           "bad-header",           "its IP header is malformed",                                "RFC 1122 section 3.2.1") \
    X(BAD_CHECKSUM,         "bad-checksum",         "a checksum is wrong",                                       "RFC 1122 section 3.2.1.2") \
    X(BAD_TRANSPORT,        "bad-transport",        "its transport header is truncated or malformed",            "RFC 768") \
    X(BAD_OPTION,           "bad-option",           "an IP option is malformed",                                 "RFC 791 section 3.1, RFC 8200 section 4.2") \
    X(BAD_EXTENSION,        "bad-extension",        "its extension headers are malformed, cut short or too many","RFC 8200 section 4, RFC 7112 section 5") \
    X(UNKNOWN_OPTION,       "unknown-option",       "an option that the host does not know says to discard it",  "RFC 8200 section 4.2") \
    X(NO_CHECKSUM,          "no-checksum",          "UDP over IPv6 must have a checksum, and it has none",       "RFC 8200 section 8.1") \
    X(NO_NEXT_HEADER,       "no-next-header",       "it says that nothing follows its headers",                  "RFC 8200 section 4.7") \
    X(BAD_TCP_OPTION,       "bad-tcp-option",       "a TCP option is malformed",                                 "RFC 9293 section 3.1") \
    X(BAD_ADDRESS,          "bad-address",          "its source or destination cannot stand in a packet",        "RFC 1122 section 3.2.1.3") \
    X(SOURCE_ROUTE,         "source-route",         "it carries a source route, which nodes here refuse",        "RFC 7126 section 4.3, RFC 5095 section 3") \
    /* routing */ \
    X(TTL_EXCEEDED,         "ttl-exceeded",         "its TTL ran out",                                           "RFC 1812 section 5.3.1, RFC 8200 section 3") \
    X(NO_ROUTE,             "no-route",             "no route leads to its destination",                         "RFC 1812 section 5.2.7.1") \
    X(NO_NEIGHBOUR,         "no-neighbour",         "nobody on that network has this address",                   "RFC 826") \
    X(NOT_FOR_ME,           "not-for-me",           "it is for another address and this host does not forward",  "RFC 1122 section 3.3.4.2") \
    X(NODE_DOWN,            "node-down",            "the box is rebooting",                                      "") \
    /* fragments */ \
    X(FRAGMENT_TIMEOUT,     "fragment-timeout",     "the other fragments did not come in time",                  "RFC 1122 section 3.3.2, RFC 8200 section 4.5") \
    X(FRAGMENT_OVERLAP,     "fragment-overlap",     "its fragments overlap",                                     "RFC 5722") \
    X(FRAGMENT_DUPLICATE,   "fragment-duplicate",   "the same fragment has come before",                         "RFC 791 section 3.2") \
    X(FRAGMENT_LIMIT,       "fragment-limit",       "too many packets wait for fragments",                       "RFC 4787 REQ-14a") \
    X(FRAGMENT_BAD,         "fragment-bad",         "its fragments do not make a packet",                        "RFC 791 section 3.2, RFC 8200 section 4.5") \
    /* the own stack */ \
    X(PORT_UNREACHABLE,     "port-unreachable",     "no socket is open on its port",                             "RFC 1122 section 4.1.3.1") \
    X(PROTOCOL_UNREACHABLE, "protocol-unreachable", "the host does not speak its protocol",                      "RFC 1122 section 3.2.2.1") \
    X(NO_SOCKET,            "no-socket",            "nobody waits for it any more",                              "") \
    X(SOCKET_FULL,          "socket-full",          "the socket's receive buffer is full",                       "") \
    X(UNHANDLED_ICMP,       "unhandled-icmp",       "an ICMP message that this node has no use for",             "RFC 1122 section 3.2.2") \
    /* TCP of the own stack */ \
    X(NO_CONNECTION,        "no-connection",        "no connection and no listener has its ports",               "RFC 9293 section 3.10.7.1") \
    X(BAD_SEQUENCE,         "bad-sequence",         "its sequence number does not belong here",                  "RFC 9293 section 3.10.7.4") \
    X(ALREADY_RECEIVED,     "already-received",     "all of it has been received before",                        "RFC 9293 section 3.10.7.4") \
    X(BAD_ACKNOWLEDGEMENT,  "bad-acknowledgement",  "it acknowledges nothing, or what was never sent",           "RFC 9293 section 3.10.7.4") \
    X(OLD_TIMESTAMP,        "old-timestamp",        "its timestamp is older than the last one, or missing",      "RFC 7323 section 5") \
    X(CHALLENGED,           "challenged",           "a SYN or RST that may be forged: challenged by an ACK",     "RFC 5961") \
    X(LISTEN_QUEUE_FULL,    "listen-queue-full",    "too many connections wait to be accepted",                  "RFC 4987 section 3") \
    X(SOCKET_CLOSED,        "socket-closed",        "its socket was closed: nobody reads it",                    "RFC 9293 section 3.6.1") \
    /* translators and firewalls */ \
    X(NO_MAPPING,           "no-mapping",           "no mapping leads inside from that port",                    "RFC 4787 section 5") \
    X(FILTERED,             "filtered",             "the filter does not admit this sender",                     "RFC 4787 section 5") \
    X(NO_SESSION,           "no-session",           "no connection with these ends was opened through the box",  "RFC 7857 section 2") \
    X(SYN_CROSSED,          "syn-crossed",          "another SYN of the same connection has passed meanwhile",   "RFC 5382 REQ-4") \
    X(SYN_LIMIT,            "syn-limit",            "too many SYNs that nobody asked for are held already",      "RFC 5382 REQ-4") \
    X(HAIRPIN_OFF,          "hairpin-off",          "the box does not hairpin",                                  "RFC 4787 REQ-9") \
    X(NO_PORT,              "no-port",              "no external port is free",                                  "RFC 5508 REQ-8") \
    X(MAPPING_LIMIT,        "mapping-limit",        "a limit on mappings is met",                                "RFC 6888 REQ-4") \
    X(MAPPING_RATE,         "mapping-rate",         "its host makes mappings too fast",                          "RFC 6888 REQ-4") \
    X(FRAGMENT_REFUSED,     "fragment-refused",     "the box passes no fragments",                               "RFC 4787 REQ-14") \
    X(FRAGMENT_ORDER,       "fragment-order",       "fragments before it are missing, and the box takes them in order only", "RFC 4787 REQ-14") \
    X(PROTOCOL_UNSUPPORTED, "protocol-unsupported", "the box does not translate its protocol",                   "RFC 5508 REQ-11") \
    X(POLICY,               "policy",               "a rule forbids it",                                         "") \
    X(ICMP_UNRELATED,       "icmp-unrelated",       "an ICMP error about no mapping of this box",                "RFC 5508 REQ-4") \
    X(ICMP_BAD_QUOTE,       "icmp-bad-quote",       "an ICMP error that quotes a malformed packet",              "RFC 5508 REQ-3") \
    X(ICMP_REFUSED,         "icmp-refused",         "the box does not pass ICMP errors",                         "RFC 5508 REQ-10") \
    X(STREAM_HELD,          "stream-held",          "the box holds the same bytes already, for an ALG to read",  "") \
    X(STREAM_GAP,           "stream-gap",           "what comes before it did not come in time, and an ALG waits for it", "") \
    X(NO_COUNTERPART,       "no-counterpart",       "it has no counterpart on the other side of the translator", "RFC 7915 section 4.2, RFC 6296 section 3.5") \
    /* above the transport */ \
    X(MALFORMED_STUN,       "malformed-stun",       "it is not a well-formed STUN message",                      "RFC 8489 section 6.3") \
    X(UNEXPECTED_STUN,      "unexpected-stun",      "a STUN message that answers nothing and asks for nothing",  "RFC 8489 section 6.3") \
    X(MALFORMED_PORTMAP,    "malformed-portmap",    "it is no well-formed request for a port mapping",           "RFC 6887 section 8.2") \
    X(UNEXPECTED_PORTMAP,   "unexpected-portmap",   "an answer of port control that nobody waits for",           "RFC 6887 section 8.3") \
    X(MALFORMED_SSDP,       "malformed-ssdp",       "it is no well-formed SSDP message",                         "") \
    X(MALFORMED_SIP,        "malformed-sip",        "it is no well-formed SIP message",                          "RFC 3261 section 18.3") \
    X(UNEXPECTED_SIP,       "unexpected-sip",       "a SIP message that belongs to nothing here",                "RFC 3261 section 18.1.2") \
    X(MALFORMED_RTP,        "malformed-rtp",        "it is no well-formed RTP packet",                           "RFC 3550 section 5.1") \
    X(MALFORMED_RTCP,       "malformed-rtcp",       "it is no well-formed RTCP packet",                          "RFC 3550 section 6.4") \
    X(UNEXPECTED_RTP,       "unexpected-rtp",       "RTP that the session does not listen to",                   "RFC 3550 section 5.1") \
    /* at a relay */ \
    X(NO_ALLOCATION,        "no-allocation",        "its sender has no allocation at the relay",                 "RFC 8656 section 5") \
    X(NO_PERMISSION,        "no-permission",        "the client has no permission for that peer",                "RFC 8656 section 9") \
    X(NO_CHANNEL,           "no-channel",           "no channel of that number is bound",                        "RFC 8656 section 12.6") \
    X(MALFORMED_CHANNEL,    "malformed-channel",    "it is no well-formed ChannelData message",                  "RFC 8656 section 12.6") \
    X(PEER_REFUSED,         "peer-refused",         "the relay does not talk with that peer",                    "RFC 8656 section 21.4") \
    X(PEER_FAMILY,          "peer-family",          "the allocation has no relayed address of the peer's family", "RFC 8656 section 11.2") \
    X(OVER_BANDWIDTH,       "over-bandwidth",       "its allocation has used up its bandwidth",                  "RFC 8656 section 5") \
    X(UNSENT,               "unsent",               "the relay's host would not send it on",                     "")

enum drop_reason {
#define X(name, word, sentence, source) DROP_##name,
    DROP_REASONS(X)
#undef X
    DROP_REASON_COUNT
};

/* "link-loss" */
const char *drop_reason_word(enum drop_reason reason);
/* "the link lost it" */
const char *drop_reason_sentence(enum drop_reason reason);
/* "RFC 791 section 3.2", or "" where it is the lab's own */
const char *drop_reason_source(enum drop_reason reason);

#endif
