/* The machine as a host: its addresses, which of them it would send from, and when they change. */
#include "core/live/live_private.h"

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "core/live/sockaddr.h"

#define PROBE_PORT 9 /* any: connecting a UDP socket sends nothing */

/* --- which addresses -------------------------------------------------------------------------------------------- */

static bool
is_listed(const struct live *live, struct address address)
{
    for (size_t i = 0; i < live->address_count; i++)
        if (address_equal(live->addresses[i], address))
            return true;
    return false;
}

bool
live_may_use(const struct live *live, struct address address)
{
    return live->address_count == 0 || is_listed(live, address);
}

struct address
live_preferred(const struct live *live, struct address peer)
{
    for (size_t i = 0; i < live->address_count; i++)
        if (address_is_ipv4(live->addresses[i]) == address_is_ipv4(peer))
            return live->addresses[i];
    return ADDRESS_NONE;
}

static uint8_t
prefix_length(const struct sockaddr *mask)
{
    const union live_sockaddr *any = (const union live_sockaddr *)mask;
    bool ipv4 = any->any.sa_family == AF_INET;
    const uint8_t *bytes = ipv4 ? (const uint8_t *)&any->ipv4.sin_addr : any->ipv6.sin6_addr.s6_addr;
    size_t count = ipv4 ? 4 : 16;
    uint8_t length = 0;

    for (size_t i = 0; i < count; i++)
        length += (uint8_t)__builtin_popcount(bytes[i]);
    return length;
}

/* Rarely wanted ones come last: loopback, then link-local. */
static int16_t
preference_of(struct address address)
{
    return address_is_loopback(address) ? 0 : address_is_link_local(address) ? 1 : 2;
}

static bool
read_interface(const struct ifaddrs *at, struct io_address *out)
{
    int family = at->ifa_addr ? at->ifa_addr->sa_family : AF_UNSPEC;

    if ((family != AF_INET && family != AF_INET6) || !(at->ifa_flags & IFF_UP))
        return false;

    struct address address = live_sockaddr_read(at->ifa_addr).address;

    *out = (struct io_address){ .address = address,
                                .prefix_length = at->ifa_netmask ? prefix_length(at->ifa_netmask)
                                                                 : (uint8_t)family_bits(address_family(address)),
                                .interface = (int16_t)if_nametoindex(at->ifa_name),
                                .preference = preference_of(address) };
    return true;
}

/* An address that the host was told to use and the machine does not list (127.0.0.2 is one of 127.0.0.1/8): as it
 * is. */
static size_t
listed_addresses(const struct live *live, struct io_address *addresses, size_t max)
{
    for (size_t i = 0; i < MIN(live->address_count, max); i++) {
        struct address own = live->addresses[i];

        addresses[i] = (struct io_address){ .address = own,
                                            .prefix_length = (uint8_t)family_bits(address_family(own)),
                                            .preference = preference_of(own) };
    }
    return live->address_count;
}

size_t
live_addresses(struct io *io, struct io_address *addresses, size_t max)
{
    struct ifaddrs *all, *at;
    struct io_address own;
    size_t count = 0;

    if (live_of(io)->address_count > 0)
        return listed_addresses(live_of(io), addresses, max);
    if (getifaddrs(&all) != 0)
        return 0;
    for (at = all; at; at = at->ifa_next)
        if (read_interface(at, &own) && count++ < max)
            addresses[count - 1] = own;
    freeifaddrs(all);
    return count;
}

uint32_t
live_scope_of(struct address own)
{
    struct ifaddrs *all = NULL, *at;
    struct io_address found;
    uint32_t scope = 0;

    if (address_is_ipv4(own) || !address_is_link_local(own) || getifaddrs(&all) != 0)
        return 0;
    for (at = all; at && scope == 0; at = at->ifa_next)
        if (read_interface(at, &found) && address_equal(found.address, own))
            scope = (uint32_t)found.interface;
    freeifaddrs(all);
    return scope;
}

/* --- which of them ---------------------------------------------------------------------------------------------- */

/* The kernel knows its routes and RFC 6724: a connected socket tells what it would send from. */
static enum io_result
probe(struct address peer, struct address *local)
{
    int family = live_family_of(peer), fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    union live_sockaddr name;
    socklen_t length = live_sockaddr_write(&name, family, (struct endpoint){ peer, PROBE_PORT }, 0);
    enum io_result result = IO_OK;

    if (fd < 0)
        return live_result_of(errno);
    if (connect(fd, &name.any, length) != 0)
        result = IO_NO_ROUTE;
    length = sizeof name;
    if (result == IO_OK && getsockname(fd, &name.any, &length) == 0)
        *local = live_sockaddr_read(&name.any).address;
    close(fd);
    return result;
}

enum io_result
live_source(struct io *io, const struct address *peer, struct address *local)
{
    struct live *live = live_of(io);
    enum io_result result;

    *local = ADDRESS_NONE;
    result = probe(*peer, local);
    if (result != IO_OK || live_may_use(live, *local))
        return result;
    *local = live_preferred(live, *peer);
    return address_is_none(*local) ? IO_NO_ROUTE : IO_OK;
}

/* --- changes ---------------------------------------------------------------------------------------------------- */

/* A watcher may unwatch itself or another one when it is told, so the list is walked from the front each time. */
static void
tell_watchers(void *owner, struct io_timer *timer)
{
    struct live *live = owner;
    g_autoptr(GPtrArray) told = g_ptr_array_new();
    struct io_watch *watch;

    (void)timer;
    do {
        for (watch = live->watches; watch && g_ptr_array_find(told, watch, NULL); watch = watch->next)
            ;
        if (watch) {
            g_ptr_array_add(told, watch);
            watch->changed(watch->owner);
        }
    } while (watch);
}

void
live_addresses_changed(struct live *live)
{
    if (!live->watches)
        return;
    live->watchers_due.fire = tell_watchers;
    live->watchers_due.owner = live;
    live->io.ops->arm(&live->io, &live->watchers_due, live_now(live), true);
}

/* What the messages say doesn't matter: whoever watches looks for himself. */
static void
on_routes(struct live_file *file, uint32_t events)
{
    struct live *live = (struct live *)((char *)file - offsetof(struct live, routes));
    uint8_t buffer[8192];
    bool any = false;

    (void)events;
    while (recv(file->fd, buffer, sizeof buffer, MSG_DONTWAIT) > 0 || errno == ENOBUFS) {
        any = true;
        errno = 0;
    }
    if (any)
        live_addresses_changed(live);
}

/* Routes too: an address without one reaches nobody, and the default route often comes last. Without netlink nobody is
 * told of the machine's changes; all else goes on. */
static void
open_routes(struct live *live)
{
    struct sockaddr_nl name = { .nl_family = AF_NETLINK,
                                .nl_groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                             RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE };
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, NETLINK_ROUTE);

    if (fd < 0)
        return;
    live->routes.ready = on_routes;
    if (bind(fd, (struct sockaddr *)&name, sizeof name) != 0 || !live_file_open(live, &live->routes, fd, EPOLLIN))
        close(fd);
}

void
live_watch(struct io *io, struct io_watch *watch)
{
    struct live *live = live_of(io);
    struct io_watch **end = &live->watches;

    if (!live->watches)
        open_routes(live);
    while (*end)
        end = &(*end)->next;
    watch->next = NULL;
    *end = watch;
}

void
live_unwatch(struct io *io, struct io_watch *watch)
{
    struct live *live = live_of(io);
    struct io_watch **at = &live->watches;

    while (*at && *at != watch)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = watch->next;
    if (live->watches)
        return;
    live_timers_remove(&live->timers, &live->watchers_due);
    if (live->routes.fd >= 0)
        live_file_close(live, &live->routes);
}

void
live_use_addresses(struct live *live, const struct address *addresses, size_t count)
{
    g_free(live->addresses);
    live->addresses = count ? g_memdup2(addresses, count * sizeof *addresses) : NULL;
    live->address_count = count;
    live_addresses_changed(live);
}
