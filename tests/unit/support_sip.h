/* A few hosts without a network (support_io.h) that carry datagrams to each other by address, as unreliable as a test
 * wants it, and streams between each two. The first line of each datagram that is sent is kept. No CUnit: fuzz targets
 * may use it. */
#ifndef TESTS_UNIT_SUPPORT_SIP_H
#define TESTS_UNIT_SUPPORT_SIP_H

#include "tests/unit/support_io.h"

#define SIP_NET_HOSTS 4

struct sip_net_line {
    int64_t at;
    size_t from;
    bool lost;
    char *text; /* "INVITE sip:b@... SIP/2.0" */
};

struct sip_net {
    struct fake_io *hosts[SIP_NET_HOSTS];
    size_t count;
    unsigned lose, duplicate, late; /* of a hundred datagrams; late ones take up to 300 ms more */
    int64_t delay;                  /* of every datagram */
    const char *lose_with; /* every datagram whose first line has this in it is lost, `lose_times` times; NULL: none */
    unsigned lose_times;
    GArray *lines; /* struct sip_net_line */
    /* The rest is for support_sip.c only. */
    GPtrArray *under_way;
    struct random_stream chance;
};

/* Hosts 192.0.2.1, 192.0.2.2, ... */
void sip_net_open(struct sip_net *net, size_t hosts, uint64_t seed);
/* False when something was left alive at a host. */
bool sip_net_close(struct sip_net *net);

/* Time goes on, and everything moves. */
void sip_net_pass(struct sip_net *net, int64_t duration);
struct endpoint sip_net_at(const struct sip_net *net, size_t host, uint16_t port);

/* How many kept first lines of that sender begin with this (any sender: SIP_NET_HOSTS). */
unsigned sip_net_count(const struct sip_net *net, size_t from, const char *begins);
void sip_net_print(const struct sip_net *net); /* when a test is being written */

#endif
