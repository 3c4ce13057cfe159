/* What ICMP messages are called, and what they mean. */
#include "core/net/icmp.h"

const char *
icmp_describe(uint8_t type, uint8_t code)
{
    static const char *const unreachable[] = {
        [ICMP_NET_UNREACHABLE] = "net unreachable",
        [ICMP_HOST_UNREACHABLE] = "host unreachable",
        [ICMP_PROTOCOL_UNREACHABLE] = "protocol unreachable",
        [ICMP_PORT_UNREACHABLE] = "port unreachable",
        [ICMP_FRAGMENTATION_NEEDED] = "fragmentation needed and DF set",
        [5] = "source route failed",
        [ICMP_ADMINISTRATIVELY_PROHIBITED] = "administratively prohibited",
    };

    switch (type) {
    case ICMP_ECHO:
        return "echo request";
    case ICMP_ECHO_REPLY:
        return "echo reply";
    case ICMP_UNREACHABLE:
        return code < G_N_ELEMENTS(unreachable) && unreachable[code] ? unreachable[code] : "destination unreachable";
    case ICMP_TIME_EXCEEDED:
        return code == 0 ? "time exceeded in transit" : "fragment reassembly time exceeded";
    case ICMP_SOURCE_QUENCH:
        return "source quench";
    case ICMP_REDIRECT:
        return "redirect";
    case ICMP_PARAMETER_PROBLEM:
        return "parameter problem";
    case ICMP_TIMESTAMP:
        return "timestamp request";
    case ICMP_TIMESTAMP_REPLY:
        return "timestamp reply";
    default:
        return "message";
    }
}

const char *
icmp6_describe(uint8_t type, uint8_t code)
{
    static const char *const unreachable[] = {
        [ICMP6_NO_ROUTE] = "no route",
        [ICMP6_ADMINISTRATIVELY_PROHIBITED] = "administratively prohibited",
        [2] = "beyond scope of source address",
        [ICMP6_ADDRESS_UNREACHABLE] = "address unreachable",
        [ICMP6_PORT_UNREACHABLE] = "port unreachable",
        [5] = "source address failed policy",
        [6] = "reject route",
    };
    static const char *const problems[] = {
        [ICMP6_BAD_FIELD] = "parameter problem",
        [ICMP6_UNKNOWN_NEXT_HEADER] = "unrecognized next header",
        [ICMP6_UNKNOWN_OPTION] = "unrecognized option",
    };

    switch (type) {
    case ICMP6_ECHO:
        return "echo request";
    case ICMP6_ECHO_REPLY:
        return "echo reply";
    case ICMP6_UNREACHABLE:
        return code < G_N_ELEMENTS(unreachable) ? unreachable[code] : "destination unreachable";
    case ICMP6_TOO_BIG:
        return "packet too big";
    case ICMP6_TIME_EXCEEDED:
        return code == 0 ? "hop limit exceeded in transit" : "fragment reassembly time exceeded";
    case ICMP6_PARAMETER_PROBLEM:
        return code < G_N_ELEMENTS(problems) ? problems[code] : "parameter problem";
    default:
        return "message";
    }
}

bool
icmp_is_error(uint8_t type)
{
    return type == ICMP_UNREACHABLE || type == ICMP_SOURCE_QUENCH || type == ICMP_REDIRECT ||
           type == ICMP_TIME_EXCEEDED || type == ICMP_PARAMETER_PROBLEM;
}

bool
icmp_is_query(uint8_t type)
{
    return type == ICMP_ECHO || type == ICMP_ECHO_REPLY || type == ICMP_TIMESTAMP || type == ICMP_TIMESTAMP_REPLY;
}

/* RFC 4443 section 2.1: the high bit tells information from errors. */
bool
icmp6_is_error(uint8_t type)
{
    return type < 128;
}

bool
icmp_asks(uint8_t protocol, uint8_t type)
{
    return protocol == PROTOCOL_ICMPV6 ? type == ICMP6_ECHO : type == ICMP_ECHO || type == ICMP_TIMESTAMP;
}

bool
icmp_answers(uint8_t protocol, uint8_t type)
{
    return protocol == PROTOCOL_ICMPV6 ? type == ICMP6_ECHO_REPLY
                                       : type == ICMP_ECHO_REPLY || type == ICMP_TIMESTAMP_REPLY;
}

int64_t
icmp_record_detail(const struct packet *packet)
{
    uint8_t protocol = packet->flow.protocol;

    if ((protocol != PROTOCOL_ICMP && protocol != PROTOCOL_ICMPV6) || packet_is(packet, PACKET_LATER_FRAGMENT) ||
        packet_is(packet, PACKET_IPV6) != (protocol == PROTOCOL_ICMPV6))
        return 0;
    return packet->data[packet->transport] << 8 | packet->data[packet->transport + 1];
}

static enum icmp_meaning
icmp6_meaning(uint8_t type, uint8_t code)
{
    switch (type) {
    case ICMP6_UNREACHABLE:
        return code == ICMP6_PORT_UNREACHABLE ? ICMP_MEANS_REFUSED : ICMP_MEANS_UNREACHABLE;
    case ICMP6_TOO_BIG:
        return ICMP_MEANS_TOO_BIG;
    case ICMP6_TIME_EXCEEDED:
        return ICMP_MEANS_TIME_EXCEEDED;
    case ICMP6_PARAMETER_PROBLEM: /* code 1 is what a host says that does not speak the protocol */
        return code == ICMP6_UNKNOWN_NEXT_HEADER ? ICMP_MEANS_REFUSED : ICMP_MEANS_OTHER;
    default:
        return ICMP_MEANS_OTHER;
    }
}

enum icmp_meaning
icmp_meaning(const struct io_icmp *icmp)
{
    if (!address_is_ipv4(icmp->peer.address))
        return icmp6_meaning(icmp->type, icmp->code);
    if (icmp->type == ICMP_TIME_EXCEEDED)
        return ICMP_MEANS_TIME_EXCEEDED;
    if (icmp->type != ICMP_UNREACHABLE)
        return ICMP_MEANS_OTHER;
    switch (icmp->code) {
    case ICMP_PORT_UNREACHABLE:
    case ICMP_PROTOCOL_UNREACHABLE:
        return ICMP_MEANS_REFUSED;
    case ICMP_FRAGMENTATION_NEEDED:
        return ICMP_MEANS_TOO_BIG;
    default:
        return ICMP_MEANS_UNREACHABLE;
    }
}
