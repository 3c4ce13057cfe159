#include "core/live/sockaddr.h"

#include <arpa/inet.h>
#include <errno.h>

struct in_addr
live_in_of(struct address address)
{
    return (struct in_addr){ htonl(address_to_ipv4(address)) };
}

/* The kernel's structs have network order; the bytes are written one by one, so order is nobody's concern here. */
struct in6_addr
live_in6_of(struct address address)
{
    struct in6_addr out = { 0 };

    for (unsigned i = 0; i < 8; i++) {
        out.s6_addr[i] = (uint8_t)(address.high >> (56 - 8 * i));
        out.s6_addr[8 + i] = (uint8_t)(address.low >> (56 - 8 * i));
    }
    return out;
}

struct address
live_address_of_in6(const struct in6_addr *from)
{
    return address_from_bytes(from->s6_addr, FAMILY_IPV6);
}

struct address
live_address_of_in(struct in_addr from)
{
    return address_from_bytes((const uint8_t *)&from, FAMILY_IPV4);
}

int
live_family_of(struct address address)
{
    return address_is_ipv4(address) ? AF_INET : AF_INET6;
}

socklen_t
live_sockaddr_write(union live_sockaddr *out, int family, struct endpoint endpoint, uint32_t interface)
{
    *out = (union live_sockaddr){ 0 };
    if (family == AF_INET6) {
        out->ipv6.sin6_family = AF_INET6;
        out->ipv6.sin6_port = htons(endpoint.port);
        out->ipv6.sin6_addr = live_in6_of(endpoint.address);
        if (address_is_link_local(endpoint.address))
            out->ipv6.sin6_scope_id = interface;
        return sizeof out->ipv6;
    }
    if (!address_is_ipv4(endpoint.address) && !address_is_none(endpoint.address))
        return 0;
    out->ipv4.sin_family = AF_INET;
    out->ipv4.sin_port = htons(endpoint.port);
    out->ipv4.sin_addr = live_in_of(endpoint.address);
    return sizeof out->ipv4;
}

struct endpoint
live_sockaddr_read(const struct sockaddr *from)
{
    const union live_sockaddr *address = (const union live_sockaddr *)from;

    if (from->sa_family == AF_INET)
        return (struct endpoint){ live_address_of_in(address->ipv4.sin_addr), ntohs(address->ipv4.sin_port) };
    if (from->sa_family == AF_INET6)
        return (struct endpoint){ live_address_of_in6(&address->ipv6.sin6_addr), ntohs(address->ipv6.sin6_port) };
    return (struct endpoint){ ADDRESS_NONE, 0 };
}

enum io_result
live_result_of(int error)
{
    switch (error) {
    case 0:
        return IO_OK;
    case EAGAIN:
    case EINTR:
    case EINPROGRESS:
        return IO_AGAIN;
    case EADDRINUSE:
        return IO_IN_USE;
    case EADDRNOTAVAIL:
    case ENODEV:
    case ENXIO:
        return IO_NO_ADDRESS;
    case ENETUNREACH:
    case EAFNOSUPPORT:
        return IO_NO_ROUTE;
    case EMSGSIZE:
        return IO_TOO_BIG;
    case ENOBUFS:
    case ENOMEM:
    case EMFILE:
    case ENFILE:
        return IO_FULL;
    case ECONNREFUSED:
        return IO_REFUSED;
    case ECONNRESET:
    case ECONNABORTED:
        return IO_RESET;
    case ETIMEDOUT:
        return IO_TIMEOUT;
    case EPIPE:
    case ENOTCONN:
        return IO_CLOSED;
    case EACCES: /* a port that needs privileges */
    case EPERM:
    case EOPNOTSUPP:
        return IO_UNSUPPORTED;
    default: /* EHOSTUNREACH, ENETDOWN, EPROTO, ... */
        return IO_UNREACHABLE;
    }
}
