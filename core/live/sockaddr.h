/* Endpoints as the kernel's sockets have them, and the kernel's errors as the seam has them. */
#ifndef CORE_LIVE_SOCKADDR_H
#define CORE_LIVE_SOCKADDR_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "core/base/io.h"

union live_sockaddr {
    struct sockaddr any;
    struct sockaddr_in ipv4;
    struct sockaddr_in6 ipv6;
};

/* `endpoint` for a socket of `family` (AF_INET, or AF_INET6, which takes IPv4 addresses in their mapped form). Returns
 * the length; 0 when such a socket can't have it. `interface` is the scope of link-local addresses; 0: none. */
socklen_t live_sockaddr_write(union live_sockaddr *out, int family, struct endpoint endpoint, uint32_t interface);
struct endpoint live_sockaddr_read(const struct sockaddr *from);

struct in_addr live_in_of(struct address address);
struct in6_addr live_in6_of(struct address address);
struct address live_address_of_in6(const struct in6_addr *from);
struct address live_address_of_in(struct in_addr from);

/* AF_INET, AF_INET6; for no address AF_INET6, which serves both. */
int live_family_of(struct address address);

/* What an errno of bind, send, connect, read or write means. */
enum io_result live_result_of(int error);

#endif
