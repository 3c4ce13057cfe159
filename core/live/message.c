/* What the kernel is told and tells beside a datagram's bytes: addresses, TTL, DSCP and ECN, as control messages. */
#include "core/live/udp.h"

#include <netinet/ip.h>
#include <netinet/udp.h>

/* --- sent ------------------------------------------------------------------------------------------------------- */

static void
put(struct live_message *message, int level, int type, const void *value, size_t length)
{
    struct cmsghdr *at = (struct cmsghdr *)(message->control + message->control_length);

    g_assert(message->control_length + CMSG_SPACE(length) <= sizeof message->control);
    *at = (struct cmsghdr){ .cmsg_len = CMSG_LEN(length), .cmsg_level = level, .cmsg_type = type };
    memcpy(CMSG_DATA(at), value, length);
    message->control_length += CMSG_SPACE(length);
}

static void
put_number(struct live_message *message, int level, int type, int value)
{
    put(message, level, type, &value, sizeof value);
}

static void
put_source(struct live_message *message, bool ipv4, struct address source, int interface)
{
    struct in_pktinfo info4 = { .ipi_ifindex = interface };
    struct in6_pktinfo info6 = { .ipi6_ifindex = (unsigned)interface };

    if (ipv4) {
        info4.ipi_spec_dst = live_in_of(source);
        put(message, IPPROTO_IP, IP_PKTINFO, &info4, sizeof info4);
    } else {
        info6.ipi6_addr = live_in6_of(source);
        put(message, IPPROTO_IPV6, IPV6_PKTINFO, &info6, sizeof info6);
    }
}

/* The address to send from: asked for, or the host's own choice for a socket of any address; none: the kernel's, which
 * is the socket's own where it has one, so that one need not be said. */
static struct address
source_of(const struct live_udp *udp, const struct io_datagram *datagram)
{
    if (!address_is_unspecified(datagram->local.address) &&
        !address_equal(datagram->local.address, udp->local.address))
        return datagram->local.address;
    return address_is_none(udp->local.address) ? live_preferred(udp->live, datagram->peer.address) : ADDRESS_NONE;
}

bool
live_message_fill(struct live_message *message, const struct live_udp *udp, const struct io_datagram *datagram)
{
    bool ipv4 = address_is_ipv4(datagram->peer.address);
    struct address source = source_of(udp, datagram);
    int interface = datagram->interface == IO_UNSET ? 0 : datagram->interface;
    bool marked = datagram->dscp != IO_UNSET || datagram->ecn != IO_UNSET;
    int dscp = datagram->dscp == IO_UNSET ? 0 : datagram->dscp, ecn = datagram->ecn == IO_UNSET ? 0 : datagram->ecn;

    message->name_length = live_sockaddr_write(&message->name, udp->family, datagram->peer, (uint32_t)interface);
    message->control_length = 0;
    memset(message->control, 0, sizeof message->control);
    if (message->name_length == 0 || (!address_is_none(source) && address_is_ipv4(source) != ipv4))
        return false;
    if (!address_is_none(source) || interface != 0)
        put_source(message, ipv4, address_is_none(source) && ipv4 ? address_ipv4(0) : source, interface);
    if (datagram->ttl != IO_UNSET)
        put_number(message, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TTL : IPV6_HOPLIMIT, MAX(datagram->ttl, 1));
    if (marked)
        put_number(message, ipv4 ? IPPROTO_IP : IPPROTO_IPV6, ipv4 ? IP_TOS : IPV6_TCLASS, dscp << 2 | ecn);
    return true;
}

void
live_message_header(struct live_message *message, struct span data, struct msghdr *header)
{
    message->data = (struct iovec){ .iov_base = (void *)data.bytes, .iov_len = data.length };
    *header = (struct msghdr){ .msg_name = &message->name,
                               .msg_namelen = message->name_length,
                               .msg_iov = &message->data,
                               .msg_iovlen = 1,
                               .msg_control = message->control_length ? message->control : NULL,
                               .msg_controllen = message->control_length };
}

void
live_message_segments(struct live_message *message, size_t size, struct msghdr *header)
{
    uint16_t value = (uint16_t)size;
    size_t before = message->control_length;

    put(message, IPPROTO_UDP, UDP_SEGMENT, &value, sizeof value);
    header->msg_control = message->control;
    header->msg_controllen = message->control_length;
    message->control_length = before;
}

/* --- received --------------------------------------------------------------------------------------------------- */

static int
number_of(const struct cmsghdr *control)
{
    int value = 0;

    if (control->cmsg_len >= CMSG_LEN(sizeof value))
        memcpy(&value, CMSG_DATA(control), sizeof value);
    else /* IP_TOS is one byte */
        value = *CMSG_DATA(control);
    return value;
}

static void
read_marks(int tos, struct io_datagram *datagram)
{
    datagram->dscp = (int16_t)((tos & 0xff) >> 2);
    datagram->ecn = (int16_t)(tos & 3);
}

static void
read_ipv4(const struct cmsghdr *control, struct io_datagram *datagram)
{
    struct in_pktinfo info;

    switch (control->cmsg_type) {
    case IP_PKTINFO:
        memcpy(&info, CMSG_DATA(control), sizeof info);
        datagram->local.address = live_address_of_in(info.ipi_addr);
        datagram->interface = (int16_t)info.ipi_ifindex;
        break;
    case IP_TTL:
        datagram->ttl = (int16_t)number_of(control);
        break;
    case IP_TOS:
        read_marks(number_of(control), datagram);
        break;
    }
}

static void
read_ipv6(const struct cmsghdr *control, struct io_datagram *datagram)
{
    struct in6_pktinfo info;

    switch (control->cmsg_type) {
    case IPV6_PKTINFO:
        memcpy(&info, CMSG_DATA(control), sizeof info);
        datagram->local.address = live_address_of_in6(&info.ipi6_addr);
        datagram->interface = (int16_t)info.ipi6_ifindex;
        break;
    case IPV6_HOPLIMIT:
        datagram->ttl = (int16_t)number_of(control);
        break;
    case IPV6_TCLASS:
        read_marks(number_of(control), datagram);
        break;
    }
}

bool
live_control_is_size(const struct cmsghdr *control, size_t *size)
{
    int value;

    if (control->cmsg_level != IPPROTO_UDP || control->cmsg_type != UDP_GRO)
        return false;
    value = number_of(control);
    if (value > 0)
        *size = (size_t)value;
    return true;
}

void
live_control_read(const struct cmsghdr *control, struct io_datagram *datagram)
{
    if (control->cmsg_level == IPPROTO_IP)
        read_ipv4(control, datagram);
    else if (control->cmsg_level == IPPROTO_IPV6)
        read_ipv6(control, datagram);
}
