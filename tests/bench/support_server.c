#include "tests/bench/support_server.h"

#include <errno.h>
#include <fcntl.h>
#include <glib.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/live/sockaddr.h"
#include "proto/stun/builder.h"
#include "tests/bench/bench.h"
#include "tests/bench/support_load.h"

#define PATIENCE 5.0 /* seconds, for beginning and for ending */

struct server_process {
    pid_t pid;
};

/* --- processors ------------------------------------------------------------------------------------------------- */

static cpu_set_t all;   /* what the caller's thread had; kept while any server runs */
static unsigned running;

/* The first or the last of those we may have. */
static void
pin(const cpu_set_t *allowed, bool last)
{
    cpu_set_t one;

    CPU_ZERO(&one);
    for (int i = 0; i < CPU_SETSIZE; i++) {
        if (!CPU_ISSET(i, allowed))
            continue;
        if (last)
            CPU_ZERO(&one);
        CPU_SET(i, &one);
        if (!last)
            break;
    }
    sched_setaffinity(0, sizeof one, &one);
}

static void
take_processors(void)
{
    if (running++ > 0)
        return;
    sched_getaffinity(0, sizeof all, &all);
    pin(&all, false);
}

static void
give_processors_back(void)
{
    if (--running == 0)
        sched_setaffinity(0, sizeof all, &all);
}

/* --- life ------------------------------------------------------------------------------------------------------- */

/* In the child: with nothing of ours open but standard streams that lead nowhere, and ended with us. */
static void
become(const char *const *argv)
{
    int nowhere = open("/dev/null", O_RDWR);

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    pin(&all, true);
    for (int i = 0; i < 3; i++)
        dup2(nowhere, i);
    execvp(argv[0], (char *const *)argv);
    _exit(127);
}

static bool
has_ended(struct server_process *server)
{
    return waitpid(server->pid, NULL, WNOHANG) != 0;
}

/* Whether something answers a Binding request there, before long or before it ends. */
static bool
answers(struct server_process *server, struct endpoint at)
{
    struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, { { 1 } } };
    uint8_t buffer[STUN_HEADER_BYTES];
    struct stun_builder builder;
    double begun = bench_clock();
    struct pollfd file = { .fd = load_socket(at), .events = POLLIN };
    bool answered = false;

    stun_builder_begin(&builder, buffer, sizeof buffer, &header);

    struct span request = stun_builder_finish(&builder);

    while (!answered && bench_clock() - begun < PATIENCE && !has_ended(server)) {
        uint8_t bytes[LOAD_MESSAGE];

        (void)!send(file.fd, request.bytes, request.length, 0);
        answered = poll(&file, 1, 50) == 1 && recv(file.fd, bytes, sizeof bytes, 0) > 0;
        if (!answered)
            g_usleep(10000); /* refused at once, while nobody listens */
    }
    close(file.fd);
    return answered;
}

struct server_process *
server_process_start(const char *const *argv, struct endpoint at)
{
    struct server_process *server = g_new0(struct server_process, 1);

    take_processors();
    server->pid = fork();
    if (server->pid == 0)
        become(argv);
    if (server->pid > 0 && answers(server, at))
        return server;
    server_process_stop(server);
    return NULL;
}

void
server_process_stop(struct server_process *server)
{
    double begun = bench_clock();

    if (server->pid > 0) {
        kill(server->pid, SIGTERM);
        while (!has_ended(server)) {
            if (bench_clock() - begun > PATIENCE)
                kill(server->pid, SIGKILL);
            g_usleep(10000);
        }
    }
    give_processors_back();
    g_free(server);
}

/* --- what it takes ---------------------------------------------------------------------------------------------- */

double
server_process_cpu(const struct server_process *server)
{
    struct timespec taken = { 0, 0 };
    clockid_t clock;

    if (clock_getcpuclockid(server->pid, &clock) == 0)
        clock_gettime(clock, &taken);
    return (double)taken.tv_sec + (double)taken.tv_nsec / 1e9;
}

double
server_process_memory(const struct server_process *server)
{
    g_autofree char *path = g_strdup_printf("/proc/%d/statm", (int)server->pid), *text = NULL;
    unsigned long resident = 0;

    if (g_file_get_contents(path, &text, NULL, NULL))
        sscanf(text, "%*u %lu", &resident);
    return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* --- ports ------------------------------------------------------------------------------------------------------ */

static bool
is_free(struct endpoint at, int type)
{
    union live_sockaddr name;
    socklen_t length = live_sockaddr_write(&name, AF_INET, at, 0);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    bool taken = fd < 0 || bind(fd, &name.any, length) != 0;

    if (fd >= 0)
        close(fd);
    return !taken;
}

struct endpoint
server_process_place(void)
{
    struct endpoint at = { address_ipv4(0x7f000001), 0 };

    for (at.port = (uint16_t)(20000 + getpid() % 10000); at.port < 32000; at.port++) {
        struct endpoint next = { at.address, (uint16_t)(at.port + 1) };

        if (is_free(at, SOCK_DGRAM) && is_free(at, SOCK_STREAM) && is_free(next, SOCK_DGRAM) &&
            is_free(next, SOCK_STREAM))
            return at;
    }
    g_error("no free port");
}
