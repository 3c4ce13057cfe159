/* `punchlab serve stun` beside coturn's turnserver, on loopback, under the same load: answers a second of the server's
 * own CPU time. Both are told to log nothing, and turnserver to serve STUN only. */
#include <glib.h>
#include <glib/gstdio.h>
#include <stdio.h>
#include <unistd.h>

#include "proto/stun/builder.h"
#include "tests/bench/bench.h"
#include "tests/bench/support_load.h"
#include "tests/bench/support_server.h"

#define FIGURE "STUN answers a CPU second, beside turnserver"

enum { SOCKETS = 32, WINDOW = 8, RUNS = 5 };
static const double run_seconds = 1.0, warm_up_seconds = 0.2, times_theirs = 1.5;

struct rival {
    struct server_process *server;
    struct load_lane lanes[SOCKETS];
    uint8_t request[STUN_HEADER_BYTES];
    struct load_result all; /* of all runs */
};

static void
make_lanes(struct rival *rival, struct endpoint at)
{
    struct stun_header header = { STUN_REQUEST, STUN_BINDING, STUN_COOKIE, { { 0 } } };
    struct stun_builder builder;

    stun_builder_begin(&builder, rival->request, sizeof rival->request, &header);

    struct span request = stun_builder_finish(&builder);

    for (int i = 0; i < SOCKETS; i++) {
        int fd = load_socket(at);

        rival->lanes[i] = (struct load_lane){ .out = fd,
                                              .in = fd,
                                              .message = request,
                                              .sent_at = 8, /* the transaction ID */
                                              .received_at = 8,
                                              .begins = span_of("\1\1", 2) }; /* a success response to Binding */
    }
}

static bool
start(struct rival *rival, const char *const *argv, struct endpoint at)
{
    *rival = (struct rival){ .server = server_process_start(argv, at) };
    if (rival->server)
        make_lanes(rival, at);
    return rival->server != NULL;
}

static void
stop(struct rival *rival)
{
    if (!rival->server)
        return;
    for (int i = 0; i < SOCKETS; i++)
        close(rival->lanes[i].in);
    server_process_stop(rival->server);
}

static bool
start_ours(struct rival *rival)
{
    struct endpoint at = server_process_place();
    g_autofree char *self = g_file_read_link("/proc/self/exe", NULL), *folder = g_path_get_dirname(self);
    g_autofree char *program = g_build_filename(folder, "punchlab", NULL);
    char text[ENDPOINT_TEXT];
    const char *const argv[] = { program, "serve", "stun", "--listen", endpoint_format(at, text), "--quiet", NULL };

    return start(rival, argv, at);
}

static bool
start_theirs(struct rival *rival, const char *folder)
{
    struct endpoint at = server_process_place();
    g_autofree char *port = g_strdup_printf("%u", at.port);
    g_autofree char *users = g_strdup_printf("--userdb=%s/users", folder);
    g_autofree char *pid = g_strdup_printf("--pidfile=%s/pid", folder);
    const char *const argv[] = { "turnserver", "-n", "-S", "-L", "127.0.0.1", "-p", port, "--no-cli", "--no-tls",
                                 "--no-dtls", "--log-file=stdout", "--simple-log", users, pid, NULL };

    return start(rival, argv, at);
}

/* Thousands of answers a CPU second. */
static double
answers_per_second(void *context)
{
    struct rival *rival = context;
    double before = server_process_cpu(rival->server);
    struct load_result result = load_run(rival->lanes, SOCKETS, WINDOW, run_seconds);
    double taken = server_process_cpu(rival->server) - before;

    rival->all.answered += result.answered;
    rival->all.lost += result.lost;
    rival->all.wrong += result.wrong;
    return taken > 0 ? (double)result.answered / taken / 1e3 : 0;
}

static void
compare(struct bench *bench, struct rival *ours, struct rival *theirs)
{
    double our_runs[RUNS], their_runs[RUNS], their_median;

    load_run(ours->lanes, SOCKETS, WINDOW, warm_up_seconds);
    load_run(theirs->lanes, SOCKETS, WINDOW, warm_up_seconds);
    for (int i = 0; i < RUNS; i++) {
        their_runs[i] = answers_per_second(theirs);
        our_runs[i] = answers_per_second(ours);
    }
    their_median = bench_median_of(their_runs, RUNS);
    bench_row(bench, FIGURE, "k/s", BENCH_MORE, times_theirs * their_median, bench_median_of(our_runs, RUNS),
              their_median);
    if (ours->all.lost + ours->all.wrong > 0)
        printf("  of ours %" G_GUINT64_FORMAT " were lost and %" G_GUINT64_FORMAT " wrong, of %" G_GUINT64_FORMAT "\n",
               ours->all.lost, ours->all.wrong, ours->all.answered);
}

void
bench_serve(struct bench *bench)
{
    g_autofree char *found = g_find_program_in_path("turnserver"), *folder = bench_folder();
    struct rival ours = { .server = NULL }, theirs = { .server = NULL };

    if (!found)
        bench_skip(bench, FIGURE, "turnserver is not installed");
    else if (!start_ours(&ours))
        bench_skip(bench, FIGURE, "punchlab serve stun does not start");
    else if (!start_theirs(&theirs, folder))
        bench_skip(bench, FIGURE, "turnserver does not start");
    else
        compare(bench, &ours, &theirs);
    stop(&ours);
    stop(&theirs);
    bench_folder_remove(folder);
}
