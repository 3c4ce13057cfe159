/* TCP sockets of the real machine.
 *
 * The epoll set tells edges, as the seam does. A connection is CONNECTING until the kernel says how that went, then
 * OPEN, and FAILED once its owner has heard of a failure, be it from a call or from an event: after that nothing more
 * comes. */
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "core/live/live_private.h"
#include "core/live/sockaddr.h"

#define BACKLOG 1024
#define ACCEPT_AGAIN (100 * TIME_MS) /* after the machine had no descriptor for a connection */
#define MOST_DRAINED (1 << 20) /* unread bytes thrown away at a close, so that no RST overtakes what was written */

enum state { STATE_LISTENING, STATE_CONNECTING, STATE_OPEN, STATE_FAILED };

struct live_tcp {
    struct io_tcp tcp; /* first: an io_tcp is its socket */
    struct live_file file;
    struct live *live;
    enum state state;
    enum io_result failure; /* of FAILED */
    bool full;              /* a write came short: IO_WRITABLE is owed */
    struct io_timer again;  /* of LISTENING: armed while connections wait that could not be accepted */
    struct endpoint local, peer;
};

static struct live_tcp *
tcp_of(const struct io_tcp *tcp)
{
    return (struct live_tcp *)tcp;
}

/* --- calls ------------------------------------------------------------------------------------------------------ */

/* What a call answers when the kernel refused it. */
static ssize_t
refused(struct live_tcp *tcp, int error, enum io_result *why)
{
    *why = live_result_of(error);
    if (*why != IO_AGAIN) {
        tcp->state = STATE_FAILED;
        tcp->failure = *why;
    }
    return -1;
}

/* Whether there is a connection to read and write; else `*why`. */
static bool
is_usable(const struct live_tcp *tcp, enum io_result *why)
{
    *why = tcp->state == STATE_LISTENING    ? IO_UNSUPPORTED
           : tcp->state == STATE_CONNECTING ? IO_AGAIN
           : tcp->state == STATE_FAILED     ? tcp->failure
                                            : IO_OK;
    return *why == IO_OK;
}

static ssize_t
tcp_read(struct io_tcp *io, void *bytes, size_t length, enum io_result *why)
{
    struct live_tcp *tcp = tcp_of(io);
    ssize_t got;

    if (!is_usable(tcp, why))
        return -1;
    got = recv(tcp->file.fd, bytes, length, 0);
    return got >= 0 ? got : refused(tcp, errno, why);
}

static ssize_t
tcp_write(struct io_tcp *io, const void *bytes, size_t length, enum io_result *why)
{
    struct live_tcp *tcp = tcp_of(io);
    ssize_t taken;

    if (!is_usable(tcp, why)) {
        tcp->full = *why == IO_AGAIN; /* told after IO_CONNECTED */
        return -1;
    }
    taken = send(tcp->file.fd, bytes, length, MSG_NOSIGNAL);
    tcp->full |= taken < 0 || (size_t)taken < length;
    return taken >= 0 ? taken : refused(tcp, errno, why);
}

static struct endpoint
tcp_local(const struct io_tcp *io)
{
    return tcp_of(io)->local;
}

static struct endpoint
tcp_peer(const struct io_tcp *io)
{
    return tcp_of(io)->peer;
}

static void
switch_to(int fd, int level, int option, int on)
{
    setsockopt(fd, level, option, &on, sizeof on);
}

static void
tcp_prompt(struct io_tcp *io, bool on)
{
    if (tcp_of(io)->state != STATE_LISTENING)
        switch_to(tcp_of(io)->file.fd, IPPROTO_TCP, TCP_NODELAY, on);
}

static void
tcp_shutdown(struct io_tcp *io)
{
    shutdown(tcp_of(io)->file.fd, SHUT_WR);
}

/* The kernel resets a connection that is closed with bytes unread, and a RST may overtake what was written. */
static void
drain(int fd)
{
    uint8_t bytes[16384];

    for (size_t total = 0; total < MOST_DRAINED; total += sizeof bytes)
        if (recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0)
            return;
}

static void
tcp_close(struct io_tcp *io, bool reset)
{
    struct live_tcp *tcp = tcp_of(io);
    struct linger abort = { .l_onoff = 1, .l_linger = 0 };

    if (reset)
        setsockopt(tcp->file.fd, SOL_SOCKET, SO_LINGER, &abort, sizeof abort);
    else if (tcp->state == STATE_OPEN)
        drain(tcp->file.fd);
    tcp->live->io.ops->disarm(&tcp->live->io, &tcp->again);
    live_file_close(tcp->live, &tcp->file);
    live_bury(tcp->live, tcp);
}

static struct io_tcp *tcp_accept(struct io_tcp *listener, io_tcp_ready *ready, void *owner);

static const struct io_tcp_ops ops = {
    .read = tcp_read,
    .write = tcp_write,
    .accept = tcp_accept,
    .local = tcp_local,
    .peer = tcp_peer,
    .prompt = tcp_prompt,
    .shutdown = tcp_shutdown,
    .close = tcp_close,
};

/* --- events ----------------------------------------------------------------------------------------------------- */

static void
tell(struct live_tcp *tcp, enum io_ready ready, enum io_result result)
{
    tcp->tcp.ready(tcp->tcp.owner, &tcp->tcp, ready, result);
}

/* Takes the kernel's mark off the socket. */
static int
pending_error(const struct live_tcp *tcp)
{
    int error = 0;
    socklen_t length = sizeof error;

    getsockopt(tcp->file.fd, SOL_SOCKET, SO_ERROR, &error, &length);
    return error;
}

static void
fail(struct live_tcp *tcp, enum io_result why)
{
    tcp->state = STATE_FAILED;
    tcp->failure = why;
    tell(tcp, IO_FAILED, why);
}

static void
end_connecting(struct live_tcp *tcp)
{
    int error = pending_error(tcp);

    if (error) {
        fail(tcp, live_result_of(error));
        return;
    }
    tcp->state = STATE_OPEN;
    tell(tcp, IO_CONNECTED, IO_OK);
}

static void
on_open(struct live_tcp *tcp, uint32_t events)
{
    if (events & EPOLLERR) {
        int error = pending_error(tcp);

        fail(tcp, error ? live_result_of(error) : IO_RESET);
        return;
    }
    if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP))
        tell(tcp, IO_READABLE, IO_OK);
    if (tcp->file.fd < 0 || tcp->state != STATE_OPEN || !(events & EPOLLOUT) || !tcp->full)
        return;
    tcp->full = false;
    tell(tcp, IO_WRITABLE, IO_OK);
}

static void
on_ready(struct live_file *file, uint32_t events)
{
    struct live_tcp *tcp = (struct live_tcp *)((char *)file - offsetof(struct live_tcp, file));

    if (tcp->state == STATE_LISTENING) {
        tell(tcp, IO_ACCEPT, IO_OK);
        return;
    }
    if (tcp->state == STATE_CONNECTING && (events & (EPOLLOUT | EPOLLERR | EPOLLHUP)))
        end_connecting(tcp);
    if (file->fd >= 0 && tcp->state == STATE_OPEN)
        on_open(tcp, events);
}

static void
on_again(void *owner, struct io_timer *timer)
{
    (void)timer;
    tell(owner, IO_ACCEPT, IO_OK);
}

/* --- opening ---------------------------------------------------------------------------------------------------- */

static struct endpoint
name_of(int fd)
{
    union live_sockaddr name = { 0 };
    socklen_t length = sizeof name;

    getsockname(fd, &name.any, &length);
    return live_sockaddr_read(&name.any);
}

/* Takes `fd` over; NULL when the set has no room, and then it is closed. */
static struct live_tcp *
take_socket(struct live *live, int fd, enum state state, io_tcp_ready *ready, void *owner)
{
    uint32_t events = state == STATE_LISTENING ? EPOLLIN : EPOLLIN | EPOLLOUT | EPOLLRDHUP;
    struct live_tcp *tcp = g_new0(struct live_tcp, 1);

    tcp->tcp = (struct io_tcp){ .ops = &ops, .ready = ready, .owner = owner };
    tcp->live = live;
    tcp->state = state;
    tcp->local = name_of(fd);
    tcp->file.ready = on_ready;
    tcp->again = (struct io_timer){ .fire = on_again, .owner = tcp };
    if (live_file_open(live, &tcp->file, fd, events | EPOLLET))
        return tcp;
    close(fd);
    g_free(tcp);
    return NULL;
}

/* Connections wait, and nobody may come after them to make an edge. */
static void
accept_later(struct live_tcp *listener)
{
    struct io *io = &listener->live->io;

    io->ops->arm(io, &listener->again, io->ops->now(io) + ACCEPT_AGAIN, false);
}

static struct io_tcp *
tcp_accept(struct io_tcp *io, io_tcp_ready *ready, void *owner)
{
    struct live_tcp *listener = tcp_of(io), *tcp;
    union live_sockaddr name;
    socklen_t length;
    int fd;

    if (listener->state != STATE_LISTENING)
        return NULL;
    do {
        length = sizeof name;
        fd = accept4(listener->file.fd, &name.any, &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    } while (fd < 0 && (errno == EINTR || errno == ECONNABORTED));
    if (fd < 0) {
        if (errno != EAGAIN) /* no descriptors, or no memory */
            accept_later(listener);
        return NULL;
    }
    tcp = take_socket(listener->live, fd, STATE_OPEN, ready, owner);
    if (!tcp) {
        accept_later(listener);
        return NULL;
    }
    tcp->peer = live_sockaddr_read(&name.any);
    return &tcp->tcp;
}

/* A descriptor bound to `local`, or -1 and `*why`. */
static int
open_bound(struct live *live, int family, struct endpoint local, bool share, bool listens, enum io_result *why)
{
    int only = !address_is_none(local.address), fd = -1;
    union live_sockaddr name;
    socklen_t length = live_sockaddr_write(&name, family, local, live_scope_of(local.address));

    *why = IO_NO_ADDRESS;
    if (length == 0 || (!address_is_unspecified(local.address) && !live_may_use(live, local.address)))
        return -1;
    fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd >= 0 && family == AF_INET6)
        setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only);
    if (fd >= 0 && (share || listens))
        switch_to(fd, SOL_SOCKET, SO_REUSEADDR, 1); /* also over connections that linger in TIME-WAIT */
    if (fd >= 0 && share)
        switch_to(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    if (fd >= 0 && bind(fd, &name.any, length) == 0)
        return fd;
    *why = live_result_of(errno);
    if (fd >= 0)
        close(fd);
    return -1;
}

struct io_tcp *
live_listen(struct io *io, const struct endpoint *local, bool share, io_tcp_ready *ready, void *owner,
            enum io_result *why)
{
    struct live *live = live_of(io);
    struct live_tcp *tcp;
    int fd = open_bound(live, live_family_of(local->address), *local, share, true, why);

    if (fd < 0 && address_is_none(local->address) && (*why == IO_NO_ROUTE || *why == IO_NO_ADDRESS))
        fd = open_bound(live, AF_INET, *local, share, true, why); /* a machine without IPv6 */
    if (fd < 0)
        return NULL;
    if (listen(fd, BACKLOG) != 0) {
        *why = live_result_of(errno);
        close(fd);
        return NULL;
    }
    tcp = take_socket(live, fd, STATE_LISTENING, ready, owner);
    *why = tcp ? IO_OK : IO_FULL;
    if (tcp && address_is_unspecified(local->address)) /* as in udp.c */
        tcp->local.address = local->address;
    return tcp ? &tcp->tcp : NULL;
}

/* The kernel's word for two connections between the same endpoints is that there is no address left. */
static enum io_result
result_of_connect(int error, const struct endpoint *local)
{
    return error == EADDRNOTAVAIL && local->port != 0 ? IO_IN_USE : live_result_of(error);
}

struct io_tcp *
live_connect(struct io *io, const struct endpoint *local, const struct endpoint *peer, bool share, io_tcp_ready *ready,
             void *owner, enum io_result *why)
{
    struct live *live = live_of(io);
    int family = live_family_of(peer->address), fd;
    struct endpoint from = *local;
    union live_sockaddr name;
    struct live_tcp *tcp;
    socklen_t length = live_sockaddr_write(&name, family, *peer, 0);

    *why = IO_UNREACHABLE;
    if (address_is_for_all(peer->address) || address_is_unspecified(peer->address) || peer->port == 0)
        return NULL; /* RFC 9293 MUST-59 */
    if (address_is_unspecified(from.address))
        from.address = live_preferred(live, peer->address);
    fd = open_bound(live, family, from, share, false, why);
    if (fd < 0)
        return NULL;
    if (connect(fd, &name.any, length) != 0 && errno != EINPROGRESS) {
        *why = result_of_connect(errno, local);
        close(fd);
        return NULL;
    }
    tcp = take_socket(live, fd, STATE_CONNECTING, ready, owner);
    *why = tcp ? IO_OK : IO_FULL;
    if (tcp)
        tcp->peer = *peer;
    return tcp ? &tcp->tcp : NULL;
}
