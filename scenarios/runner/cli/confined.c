#include "scenarios/runner/cli/confined.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

enum { FILES_MAX = 64, WRITTEN_MAX = 64 * 1024 * 1024, JOBS_MAX = 256, PAUSE_MS = 20 };

/* The address sanitizer reserves terabytes of it. */
#if defined(__SANITIZE_ADDRESS__)
#define LIMIT_ADDRESS_SPACE false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define LIMIT_ADDRESS_SPACE false
#endif
#endif
#ifndef LIMIT_ADDRESS_SPACE
#define LIMIT_ADDRESS_SPACE true
#endif

struct child {
    size_t index;
    GPid pid;
    int pipes[2];   /* of standard output, of standard error; -1: at their end */
    int64_t deadline; /* microseconds of the monotonic clock */
    struct confined_result result;
};

struct gang {
    const struct confined_limits *limits;
    struct child *children;
    unsigned jobs, running;
};

/* In the child, before it becomes the program: only what is safe after a fork. */
static void
confine(void *user)
{
    const struct confined_limits *limits = user;
    struct rlimit memory = { (rlim_t)limits->mebibytes << 20, (rlim_t)limits->mebibytes << 20 };
    struct rlimit time = { limits->seconds + 1, limits->seconds + 2 }, none = { 0, 0 };
    struct rlimit files = { FILES_MAX, FILES_MAX }, written = { WRITTEN_MAX, WRITTEN_MAX };

    setpgid(0, 0);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (LIMIT_ADDRESS_SPACE)
        setrlimit(RLIMIT_AS, &memory);
    setrlimit(RLIMIT_CPU, &time);
    setrlimit(RLIMIT_CORE, &none);
    setrlimit(RLIMIT_NOFILE, &files);
    setrlimit(RLIMIT_FSIZE, &written);
}

static void
start(struct gang *gang, struct child *child, size_t index, char **command)
{
    GError *error = NULL;

    *child = (struct child){ .index = index, .pipes = { -1, -1 } };
    child->result.out = g_string_new(NULL);
    child->result.error = g_string_new(NULL);
    child->deadline = g_get_monotonic_time() + (int64_t)gang->limits->seconds * G_USEC_PER_SEC;
    if (!g_spawn_async_with_pipes(NULL, command, NULL, G_SPAWN_DO_NOT_REAP_CHILD, confine, (void *)gang->limits,
                                  &child->pid, NULL, &child->pipes[0], &child->pipes[1], &error)) {
        child->result.end = CONFINED_NOT_STARTED;
        g_string_assign(child->result.error, error->message);
        g_error_free(error);
        child->pid = 0;
    } else {
        for (int i = 0; i < 2; i++)
            fcntl(child->pipes[i], F_SETFL, O_NONBLOCK);
    }
    gang->running++;
}

static void
end_early(struct child *child, enum confined_end end)
{
    if (child->result.end != CONFINED_EXITED)
        return;
    child->result.end = end;
    kill(-child->pid, SIGKILL);
    kill(child->pid, SIGKILL); /* if it has no group yet */
}

static void
read_pipe(const struct gang *gang, struct child *child, int which)
{
    GString *into = which ? child->result.error : child->result.out;
    char buffer[16384];
    ssize_t got;

    while ((got = read(child->pipes[which], buffer, sizeof buffer)) > 0) {
        g_string_append_len(into, buffer, MIN(got, (ssize_t)(gang->limits->output - into->len)));
        if (into->len >= gang->limits->output) {
            end_early(child, CONFINED_TOO_MUCH);
            break;
        }
    }
    if (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)))
        return;
    close(child->pipes[which]);
    child->pipes[which] = -1;
}

static void
close_pipes(struct child *child)
{
    for (int i = 0; i < 2; i++) {
        if (child->pipes[i] >= 0)
            close(child->pipes[i]);
    }
}

/* Whether it has ended; then it is reaped, and what it left behind in its group ends too. */
static bool
has_ended(struct child *child)
{
    int status = 0;

    if (child->pid == 0)
        return true;
    if (waitpid(child->pid, &status, WNOHANG) != child->pid)
        return false;
    kill(-child->pid, SIGKILL);
    if (child->result.end == CONFINED_EXITED) {
        if (WIFSIGNALED(status))
            child->result.end = CONFINED_SIGNALLED;
        child->result.status = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    }
    return true;
}

/* Waits a little for output of any. */
static void
wait_for_output(struct gang *gang)
{
    struct pollfd files[2 * JOBS_MAX];
    struct child *owners[2 * JOBS_MAX];
    nfds_t count = 0;

    for (unsigned i = 0; i < gang->running; i++) {
        for (int which = 0; which < 2; which++) {
            if (gang->children[i].pipes[which] < 0)
                continue;
            owners[count] = &gang->children[i];
            files[count++] = (struct pollfd){ .fd = gang->children[i].pipes[which], .events = POLLIN };
        }
    }
    poll(files, count, PAUSE_MS);
    for (nfds_t i = 0; i < count; i++) {
        if (files[i].revents)
            read_pipe(gang, owners[i], files[i].fd == owners[i]->pipes[1]);
    }
}

void
confined_run(const struct confined_limits *limits, size_t count, unsigned jobs, bool (*interrupted)(void *unused),
             char **(*command)(void *user, size_t index),
             void (*done)(void *user, size_t index, const struct confined_result *result), void *user)
{
    struct gang gang = { .limits = limits, .jobs = CLAMP(jobs, 1, JOBS_MAX) };
    size_t next = 0;

    gang.children = g_new0(struct child, gang.jobs);
    while (next < count || gang.running > 0) {
        bool stop = interrupted && interrupted(NULL);

        if (stop)
            next = count;
        while (next < count && gang.running < gang.jobs) {
            g_auto(GStrv) words = command(user, next);

            start(&gang, &gang.children[gang.running], next, words);
            next++;
        }
        wait_for_output(&gang);
        for (unsigned i = 0; i < gang.running;) {
            struct child *child = &gang.children[i];

            if (child->pid && (stop || g_get_monotonic_time() > child->deadline))
                end_early(child, stop ? CONFINED_INTERRUPTED : CONFINED_TOO_LONG);
            if (!has_ended(child)) {
                i++;
                continue;
            }
            for (int which = 0; which < 2; which++) {
                if (child->pipes[which] >= 0)
                    read_pipe(&gang, child, which);
            }
            close_pipes(child);
            done(user, child->index, &child->result);
            g_string_free(child->result.out, TRUE);
            g_string_free(child->result.error, TRUE);
            *child = gang.children[--gang.running];
        }
    }
    g_free(gang.children);
}
