/* UDP sockets of the real machine.
 *
 * A socket of any address is one IPv6 socket that speaks IPv4 too, where the machine has IPv6; addresses of both
 * families have one form in the house, and it is the kernel's own (IPv4-mapped). Options of both levels are set on it,
 * because the kernel takes those of the level of each packet.
 *
 * Sending outside a turn, or to somebody new, goes to the kernel at once, so that what it refuses is told at once. Within
 * a turn a datagram that takes a way which the kernel has lately proven good (that of one it took, or the reverse of one
 * that came: ways.c) waits in the socket's batch (batch.c) for the end of the turn. */
#include "core/live/udp.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/epoll.h>
#include <unistd.h>

#define RECEIVE_BUFFER (1 << 20)
#define MOST_ERRORS 64 /* ICMP errors in one turn */

static struct live_udp *
udp_of(const struct io_udp *udp)
{
    return (struct live_udp *)udp;
}

/* --- sending ---------------------------------------------------------------------------------------------------- */

/* DF is an option of the socket, not of a datagram: set when it has to change. */
static void
set_dont_fragment(struct live_udp *udp, int16_t wanted)
{
    int value = wanted == IO_UNSET ? IP_PMTUDISC_WANT : wanted ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;

    if (udp->dont_fragment == wanted)
        return;
    udp->dont_fragment = wanted;
    setsockopt(udp->file.fd, IPPROTO_IP, IP_MTU_DISCOVER, &value, sizeof value);
    if (udp->family == AF_INET6) /* the values are the same */
        setsockopt(udp->file.fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &value, sizeof value);
}

static enum io_result
send_now(struct live_udp *udp, const struct io_datagram *datagram)
{
    struct live_message message;
    struct msghdr header;

    if (!live_message_fill(&message, udp, datagram))
        return IO_NO_ROUTE;
    live_message_header(&message, datagram->data, &header);
    /* The first failure may be an old one: an ICMP error leaves its mark on the socket, and sending reports it. */
    if (sendmsg(udp->file.fd, &header, 0) < 0 && sendmsg(udp->file.fd, &header, 0) < 0) {
        bool local_asked = !address_is_unspecified(datagram->local.address);

        return errno == EINVAL && local_asked ? IO_NO_ADDRESS : errno == EAGAIN ? IO_FULL : live_result_of(errno);
    }
    udp->live->counters.sent++;
    live_way_prove(udp, datagram->peer, datagram->local.address);
    return IO_OK;
}

static enum io_result
pass(struct live_udp *udp, const struct io_datagram *datagram)
{
    struct live *live = udp->live;

    if (!address_is_unspecified(datagram->local.address) && !live_may_use(live, datagram->local.address))
        return IO_NO_ADDRESS;
    if (datagram->data.length > LIVE_UDP_MOST)
        return IO_TOO_BIG;
    if (live->turning && datagram->dont_fragment == udp->dont_fragment &&
        live_way_is_proven(udp, datagram->peer, datagram->local.address) && live_batch_add(udp, datagram))
        return IO_OK;
    live_batch_send(udp); /* what was sent before goes before */
    set_dont_fragment(udp, datagram->dont_fragment);
    return send_now(udp, datagram);
}

static enum io_result
udp_send(struct io_udp *io, struct io_datagram *datagram)
{
    struct live_udp *udp = udp_of(io);
    enum io_result result = pass(udp, datagram);

    datagram->packet = 0;
    if (datagram->told && result == IO_OK)
        udp->live->io.ops->note(&udp->live->io, datagram->told);
    return result;
}

static enum io_result
udp_join(struct io_udp *io, const struct address *group, int interface)
{
    struct live_udp *udp = udp_of(io);
    struct ip_mreqn ipv4 = { .imr_multiaddr = live_in_of(*group), .imr_ifindex = interface };
    struct ipv6_mreq ipv6 = { live_in6_of(*group), (unsigned)interface };
    int result;

    if (!address_is_multicast(*group))
        return IO_NO_ADDRESS;
    if (address_is_ipv4(*group))
        result = setsockopt(udp->file.fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &ipv4, sizeof ipv4);
    else
        result = setsockopt(udp->file.fd, IPPROTO_IPV6, IPV6_JOIN_GROUP, &ipv6, sizeof ipv6);
    return result == 0 || errno == EADDRINUSE ? IO_OK : live_result_of(errno); /* in use: joined already */
}

static struct endpoint
udp_local(const struct io_udp *io)
{
    return udp_of(io)->local;
}

static void
udp_close(struct io_udp *io)
{
    struct live_udp *udp = udp_of(io);

    live_batch_send(udp);
    live_file_close(udp->live, &udp->file);
    live_bury(udp->live, udp);
}

static const struct io_udp_ops ops = { udp_send, udp_join, udp_local, udp_close };

/* --- receiving -------------------------------------------------------------------------------------------------- */

/* Hands over what came as one: a datagram, or several of one size, of which the last may be shorter. */
static void
hand_over(struct live_udp *udp, struct io_datagram *datagram, size_t size)
{
    struct span rest = datagram->data;

    live_way_prove(udp, datagram->peer, datagram->local.address); /* the way back */
    do {
        datagram->data = span_of(rest.bytes, MIN(rest.length, size));
        rest = span_of(rest.bytes + datagram->data.length, rest.length - datagram->data.length);
        udp->live->counters.received++;
        if (!udp->udp.full)
            udp->udp.events->datagram(udp->udp.owner, &udp->udp, datagram);
    } while (rest.length > 0 && udp->file.fd >= 0);
}

/* One batch a turn: the set says so again while there is more. */
static void
receive(struct live_udp *udp)
{
    unsigned count = live_inbox_receive(udp);

    udp->live->counters.batches_received += count > 0;
    for (unsigned i = 0; i < count && udp->file.fd >= 0; i++) {
        struct io_datagram datagram;
        size_t size;

        if (live_inbox_read(udp, i, &datagram, &size))
            hand_over(udp, &datagram, size);
    }
}

/* --- ICMP errors ------------------------------------------------------------------------------------------------ */

/* The kernel's account of one error. False when it is none of ICMP's: what the own host refused, `send` has told. */
static bool
read_error(const struct live_udp *udp, struct msghdr *header, struct io_icmp *icmp)
{
    struct io_datagram datagram = { .peer = live_sockaddr_read(header->msg_name), .local = udp->local };
    const struct sock_extended_err *error = NULL;

    for (struct cmsghdr *at = CMSG_FIRSTHDR(header); at; at = CMSG_NXTHDR(header, at))
        if ((at->cmsg_level == IPPROTO_IP && at->cmsg_type == IP_RECVERR) ||
            (at->cmsg_level == IPPROTO_IPV6 && at->cmsg_type == IPV6_RECVERR))
            error = (const struct sock_extended_err *)CMSG_DATA(at);
        else
            live_control_read(at, &datagram);
    if (!error || (error->ee_origin != SO_EE_ORIGIN_ICMP && error->ee_origin != SO_EE_ORIGIN_ICMP6))
        return false;
    *icmp = (struct io_icmp){ .local = datagram.local,
                              .peer = datagram.peer,
                              .from = live_sockaddr_read(SO_EE_OFFENDER(error)).address,
                              .type = error->ee_type,
                              .code = error->ee_code,
                              .info = error->ee_info };
    return true;
}

static bool
take_error(struct live_udp *udp, struct io_icmp *icmp, bool *told)
{
    union live_sockaddr name;
    _Alignas(struct cmsghdr) uint8_t control[512];
    struct msghdr header = { .msg_name = &name,
                             .msg_namelen = sizeof name,
                             .msg_control = control,
                             .msg_controllen = sizeof control };

    if (recvmsg(udp->file.fd, &header, MSG_ERRQUEUE) < 0)
        return false;
    *told = read_error(udp, &header, icmp);
    return true;
}

static void
receive_errors(struct live_udp *udp)
{
    int pending;
    socklen_t length = sizeof pending;
    struct io_icmp icmp;
    bool told;

    for (int i = 0; i < MOST_ERRORS && udp->file.fd >= 0 && take_error(udp, &icmp, &told); i++)
        if (told && udp->udp.events->icmp)
            udp->udp.events->icmp(udp->udp.owner, &udp->udp, &icmp);
    if (udp->file.fd >= 0) /* taking the mark off, or the set would tell of it for ever */
        getsockopt(udp->file.fd, SOL_SOCKET, SO_ERROR, &pending, &length);
}

static void
on_ready(struct live_file *file, uint32_t events)
{
    struct live_udp *udp = (struct live_udp *)((char *)file - offsetof(struct live_udp, file));

    if (events & EPOLLERR)
        receive_errors(udp);
    if ((events & EPOLLIN) && file->fd >= 0)
        receive(udp);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static void
switch_on(int fd, int level, int option)
{
    int on = 1;

    setsockopt(fd, level, option, &on, sizeof on);
}

/* What the kernel can't tell remains IO_UNSET, so that none of these may fail the opening. */
static void
set_options(int fd, int family)
{
    static const int ipv4[] = { IP_PKTINFO, IP_RECVTTL, IP_RECVTOS, IP_RECVERR };
    static const int ipv6[] = { IPV6_RECVPKTINFO, IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVERR };
    int buffer = RECEIVE_BUFFER, off = 0;

    for (size_t i = 0; i < G_N_ELEMENTS(ipv4); i++)
        switch_on(fd, IPPROTO_IP, ipv4[i]);
    for (size_t i = 0; family == AF_INET6 && i < G_N_ELEMENTS(ipv6); i++)
        switch_on(fd, IPPROTO_IPV6, ipv6[i]);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof buffer);
    setsockopt(fd, IPPROTO_IP, IP_MULTICAST_ALL, &off, sizeof off); /* the groups this socket joined, no other's */
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_MULTICAST_ALL, &off, sizeof off);
    switch_on(fd, SOL_SOCKET, SO_BROADCAST);
    switch_on(fd, IPPROTO_UDP, UDP_GRO); /* a burst of one size and peer comes as one (batch.c) */
}

/* A bound descriptor, or -1 and errno. An address that is not the machine's own fails here. */
static int
open_bound(int family, struct endpoint local)
{
    union live_sockaddr name;
    socklen_t length = live_sockaddr_write(&name, family, local, live_scope_of(local.address));
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), only = !address_is_none(local.address), why;

    if (fd < 0)
        return -1;
    if (family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    set_options(fd, family);
    if (bind(fd, &name.any, length) == 0)
        return fd;
    why = errno;
    close(fd);
    errno = why;
    return -1;
}

/* Of any address: both families, or IPv4 alone where the machine has no IPv6. */
static int
open_socket(struct endpoint local, int *family)
{
    int fd;

    *family = live_family_of(local.address);
    fd = open_bound(*family, local);
    if (fd < 0 && address_is_none(local.address) && (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
        *family = AF_INET;
        fd = open_bound(AF_INET, local);
    }
    return fd;
}

/* An older kernel would take no notice of UDP_SEGMENT, and send one long datagram. */
static void
ask_for_segments(struct live *live, int fd)
{
    int value = 0;
    socklen_t length = sizeof value;

    if (live->segments_asked)
        return;
    live->segments_asked = true;
    live->segments = getsockopt(fd, IPPROTO_UDP, UDP_SEGMENT, &value, &length) == 0;
}

static struct io_udp *
take_socket(struct live *live, int fd, int family, const struct io_udp_events *events, void *owner)
{
    struct live_udp *udp = g_new0(struct live_udp, 1);
    union live_sockaddr name = { 0 };
    socklen_t length = sizeof name;

    getsockname(fd, &name.any, &length);
    ask_for_segments(live, fd);
    udp->udp = (struct io_udp){ .ops = &ops, .events = events, .owner = owner };
    udp->live = live;
    udp->family = family;
    udp->local = live_sockaddr_read(&name.any);
    udp->dont_fragment = INT16_MAX; /* not known yet */
    live_way_doubt(udp);
    udp->file.ready = on_ready;
    if (live_file_open(live, &udp->file, fd, EPOLLIN))
        return &udp->udp;
    g_free(udp);
    return NULL;
}

struct io_udp *
live_udp_open(struct io *io, const struct endpoint *local, const struct io_udp_events *events, void *owner,
              enum io_result *why)
{
    struct live *live = live_of(io);
    struct io_udp *udp;
    int family, fd;

    *why = IO_NO_ADDRESS;
    if (!address_is_unspecified(local->address) && !live_may_use(live, local->address))
        return NULL;
    fd = open_socket(*local, &family);
    if (fd < 0) {
        *why = live_result_of(errno);
        return NULL;
    }
    udp = take_socket(live, fd, family, events, owner);
    *why = udp ? IO_OK : IO_FULL;
    if (!udp)
        close(fd);
    else if (address_is_unspecified(local->address)) /* 0.0.0.0 or none: that of both families, whatever it is bound to */
        udp_of(udp)->local.address = local->address;
    return udp;
}
