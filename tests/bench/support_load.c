#include "tests/bench/support_load.h"

#include <errno.h>
#include <glib.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/live/sockaddr.h"
#include "tests/bench/bench.h"

#define BUFFER (1 << 20)
#define EVENTS 64

/* A lane under way. `seats` has the ordinal of what is under way at ordinal % window; 0: nothing. */
struct run {
    const struct load_lane *lane;
    uint32_t number;
    uint64_t next; /* ordinal, from 1 */
    unsigned under_way;
    uint64_t seats[LOAD_WINDOW];
    double heard; /* when anything arrived last */
};

struct load {
    unsigned window;
    struct load_result result;
    struct mmsghdr headers[LOAD_WINDOW];
    struct iovec data[LOAD_WINDOW];
    uint8_t bytes[LOAD_WINDOW][LOAD_MESSAGE];
};

static void
put_serial(uint8_t *at, uint32_t lane, uint64_t ordinal)
{
    memcpy(at, &lane, sizeof lane);
    memcpy(at + sizeof lane, &ordinal, sizeof ordinal);
}

/* --- out -------------------------------------------------------------------------------------------------------- */

static void
prepare(struct load *load, unsigned n, size_t length)
{
    load->data[n] = (struct iovec){ load->bytes[n], length };
    load->headers[n].msg_hdr = (struct msghdr){ .msg_iov = &load->data[n], .msg_iovlen = 1 };
}

/* As one message, from which the kernel cuts `count` datagrams. */
static int
send_joined(const struct load *load, const struct load_lane *lane, unsigned count)
{
    _Alignas(struct cmsghdr) uint8_t control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
    uint16_t size = (uint16_t)lane->message.length;
    struct msghdr header = { .msg_iov = (struct iovec *)load->data,
                             .msg_iovlen = count,
                             .msg_control = control,
                             .msg_controllen = sizeof control };
    struct cmsghdr *at = CMSG_FIRSTHDR(&header);

    *at = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof size), .cmsg_level = IPPROTO_UDP, .cmsg_type = UDP_SEGMENT };
    memcpy(CMSG_DATA(at), &size, sizeof size);
    return sendmsg(lane->out, &header, 0) < 0 ? -1 : (int)count;
}

/* Fills the window. What the kernel does not take now is sent when the next one arrives. */
static void
fill(struct load *load, struct run *run)
{
    const struct load_lane *lane = run->lane;
    unsigned count = 0;
    int taken;

    while (run->under_way + count < load->window && run->seats[(run->next + count) % load->window] == 0) {
        memcpy(load->bytes[count], lane->message.bytes, lane->message.length);
        put_serial(load->bytes[count] + lane->sent_at, run->number, run->next + count);
        prepare(load, count++, lane->message.length);
    }
    if (count == 0)
        return;
    taken = lane->joined && count > 1 ? send_joined(load, lane, count) : sendmmsg(lane->out, load->headers, count, 0);
    for (int i = 0; i < taken; i++, run->next++)
        run->seats[run->next % load->window] = run->next;
    run->under_way += taken > 0 ? (unsigned)taken : 0;
    load->result.sent += taken > 0 ? (uint64_t)taken : 0;
}

/* --- in --------------------------------------------------------------------------------------------------------- */

static void
take(struct load *load, struct run *run, const uint8_t *bytes, size_t length)
{
    const struct load_lane *lane = run->lane;
    uint32_t number = 0;
    uint64_t ordinal = 0;

    if (length >= lane->received_at + LOAD_SERIAL && length >= lane->begins.length &&
        memcmp(bytes, lane->begins.bytes, lane->begins.length) == 0) {
        memcpy(&number, bytes + lane->received_at, sizeof number);
        memcpy(&ordinal, bytes + lane->received_at + sizeof number, sizeof ordinal);
    }
    if (ordinal == 0 || number != run->number || run->seats[ordinal % load->window] != ordinal) {
        load->result.wrong++;
        return;
    }
    run->seats[ordinal % load->window] = 0;
    run->under_way--;
    load->result.answered++;
}

static void
receive(struct load *load, struct run *run)
{
    int count;

    for (unsigned i = 0; i < load->window; i++)
        prepare(load, i, LOAD_MESSAGE);
    count = recvmmsg(run->lane->in, load->headers, load->window, MSG_DONTWAIT, NULL);
    for (int i = 0; i < count; i++)
        take(load, run, load->bytes[i], load->headers[i].msg_len);
}

/* --- all of it -------------------------------------------------------------------------------------------------- */

static void
give_up(struct load *load, struct run *run)
{
    memset(run->seats, 0, sizeof run->seats);
    load->result.lost += run->under_way;
    run->under_way = 0;
}

static void
look_after(struct load *load, struct run *runs, size_t count, double now)
{
    for (size_t i = 0; i < count; i++) {
        if (now - runs[i].heard < LOAD_PATIENCE)
            continue;
        give_up(load, &runs[i]);
        runs[i].heard = now;
        fill(load, &runs[i]);
    }
}

static int
watch(struct run *runs, const struct load_lane *lanes, size_t count, double now)
{
    int set = epoll_create1(EPOLL_CLOEXEC);

    g_assert(set >= 0);
    for (size_t i = 0; i < count; i++) {
        struct epoll_event event = { .events = EPOLLIN, .data.ptr = &runs[i] };

        g_assert(lanes[i].message.length <= LOAD_MESSAGE &&
                 lanes[i].sent_at + LOAD_SERIAL <= lanes[i].message.length);
        runs[i] = (struct run){ .lane = &lanes[i], .number = (uint32_t)i, .next = 1, .heard = now };
        if (epoll_ctl(set, EPOLL_CTL_ADD, lanes[i].in, &event) != 0)
            g_error("load: epoll_ctl: %s", g_strerror(errno));
    }
    return set;
}

/* What is under way at the end still comes: else it would be wrong in the next run. */
static void
finish(struct load *load, struct run *runs, size_t count)
{
    double begun = bench_clock();

    while (bench_clock() - begun < LOAD_PATIENCE) {
        unsigned under_way = 0;

        for (size_t i = 0; i < count; i++) {
            receive(load, &runs[i]);
            under_way += runs[i].under_way;
        }
        if (under_way == 0)
            return;
    }
    for (size_t i = 0; i < count; i++)
        give_up(load, &runs[i]);
}

struct load_result
load_run(const struct load_lane *lanes, size_t count, unsigned window, double seconds)
{
    g_autofree struct load *load = g_new0(struct load, 1);
    g_autofree struct run *runs = g_new(struct run, count);
    struct epoll_event events[EVENTS];
    double begun = bench_clock(), now = begun, looked = begun;
    int set = watch(runs, lanes, count, begun);

    g_assert(window >= 1 && window <= LOAD_WINDOW);
    load->window = window;
    for (size_t i = 0; i < count; i++)
        fill(load, &runs[i]);
    while ((now = bench_clock()) < begun + seconds) {
        int ready = epoll_wait(set, events, EVENTS, 50);

        for (int i = 0; i < ready; i++) {
            struct run *run = events[i].data.ptr;

            run->heard = now;
            receive(load, run);
            fill(load, run);
        }
        if (now - looked > LOAD_PATIENCE / 2) {
            look_after(load, runs, count, now);
            looked = now;
        }
    }
    load->result.seconds = now - begun;
    finish(load, runs, count);
    close(set);
    return load->result;
}

int
load_socket(struct endpoint server)
{
    union live_sockaddr name;
    int family = live_family_of(server.address), size = BUFFER;
    int fd = socket(family, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0 || connect(fd, &name.any, live_sockaddr_write(&name, family, server, 0)) != 0)
        g_error("load: a socket: %s", g_strerror(errno));
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
    return fd;
}
