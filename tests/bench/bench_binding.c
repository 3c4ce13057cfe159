/* Binding transactions in simulation: a client on one host, the server on another, the internet between them; then with
 * a NAT before the client. Eight are under way at a time, and each that ends begins the next. Beside the rate stands a
 * bare loop with as many events in a queue of the same kind: the arrivals of request and response, and a timer for the
 * retransmission, which is armed and cancelled. */
#include <glib.h>

#include "core/net/net.h"
#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/stun/client.h"
#include "proto/stun/server.h"
#include "scenarios/lab/lab.h"
#include "tests/bench/bench.h"

#define TRANSACTIONS 200000
#define AT_ONCE 8

/* --- the simulated transactions ----------------------------------------------------------------------------------- */

struct binding {
    struct lab *lab;
    struct stun_server *server;
    struct stun_client *client;
    struct io_udp *udp;
    struct stun_request request;
    uint64_t left, answered;
    struct bare *bare;
};

static void
on_datagram(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct binding *binding = owner;

    (void)stun_client_datagram(binding->client, udp, datagram);
}

static const struct io_udp_events events = { on_datagram, NULL };

static void
begin(struct binding *binding)
{
    if (binding->left == 0)
        return;
    binding->left--;
    stun_client_binding(binding->client, &binding->request);
}

static void
on_done(void *owner, struct stun_transaction *transaction, const struct stun_result *result)
{
    struct binding *binding = owner;

    (void)transaction;
    binding->answered += result->outcome == STUN_OUTCOME_ANSWERED;
    begin(binding);
}

static struct binding *
binding_new(bool nat)
{
    struct binding *binding = g_new0(struct binding, 1);
    struct stun_server_options options = STUN_SERVER_DEFAULTS;
    const struct endpoint any = { ADDRESS_NONE, 5000 };
    struct lab_network *internet;
    struct node *a, *s;
    enum io_result why;

    binding->lab = lab_new(1);
    internet = lab_internet(binding->lab, "internet", NULL, NULL, NULL);
    s = lab_host(internet, "S", "198.51.100.1", NULL, NULL);
    if (nat)
        internet = lab_nat(internet, "natA", "203.0.113.1", &nat_preset_find("port-restricted-cone")->options, NULL,
                           "10.0.0.0/24", NULL, NULL, NULL);
    a = lab_host(internet, "A", NULL, NULL, NULL);
    binding->server = stun_server_new(node_io(s), &options, &why);
    binding->client = stun_client_new(node_io(a), NULL);
    binding->udp = node_io(a)->ops->udp(node_io(a), &any, &events, binding, &why);
    g_assert(binding->server && binding->udp);
    binding->request = (struct stun_request){ .udp = binding->udp, .done = on_done, .owner = binding };
    g_assert(endpoint_parse("198.51.100.1:3478", &binding->request.server));
    return binding;
}

static void
binding_free(struct binding *binding)
{
    stun_client_free(binding->client);
    stun_server_free(binding->server);
    g_assert(net_balanced(binding->lab->world));
    lab_free(binding->lab);
    g_free(binding);
}

/* Thousands of transactions a second. */
static double
measure(void *context)
{
    struct binding *binding = context;
    struct world *world = binding->lab->world;
    double begun = bench_clock();

    world_begin(world);
    binding->left = TRANSACTIONS;
    binding->answered = 0;
    for (int i = 0; i < AT_ONCE; i++)
        begin(binding);
    while (binding->answered < TRANSACTIONS && world_step(world, TIME_NEVER))
        ;
    g_assert(binding->answered == TRANSACTIONS);
    return TRANSACTIONS / (bench_clock() - begun) / 1e3;
}

/* --- the bare loop ------------------------------------------------------------------------------------------------ */

struct bare_transaction {
    struct event arrival; /* first: the event is its transaction's */
    struct event retransmission;
    struct bare *bare;
    unsigned hop;
};

struct bare {
    struct queue *queue;
    struct bare_transaction under_way[AT_ONCE];
    int64_t now;
    uint64_t left, ended;
    unsigned hops; /* there and back */
};

static void
bare_begin(struct bare_transaction *transaction)
{
    struct bare *bare = transaction->bare;

    if (bare->left == 0)
        return;
    bare->left--;
    transaction->hop = 0;
    queue_schedule(bare->queue, &transaction->arrival, bare->now + TIME_MS / 10);
    queue_schedule(bare->queue, &transaction->retransmission, bare->now + 500 * TIME_MS);
}

static void
bare_arrive(struct event *event)
{
    struct bare_transaction *transaction = (struct bare_transaction *)event;
    struct bare *bare = transaction->bare;

    if (++transaction->hop < bare->hops) {
        queue_schedule(bare->queue, event, bare->now + TIME_MS / 10);
        return;
    }
    queue_cancel(bare->queue, &transaction->retransmission);
    bare->ended++;
    bare_begin(transaction);
}

static double
measure_bare(void *context)
{
    struct bare *bare = ((struct binding *)context)->bare;
    double begun = bench_clock();
    struct event *event;

    bare->left = TRANSACTIONS;
    bare->ended = 0;
    for (int i = 0; i < AT_ONCE; i++)
        bare_begin(&bare->under_way[i]);
    while ((event = queue_pop(bare->queue, TIME_NEVER))) {
        bare->now = event->at;
        event->fire(event);
    }
    g_assert(bare->ended == TRANSACTIONS);
    return TRANSACTIONS / (bench_clock() - begun) / 1e3;
}

static void
compare(struct bench *bench, const char *figure, double reach, bool nat)
{
    struct binding *binding = binding_new(nat);
    struct bare bare = { .queue = queue_new(), .hops = nat ? 6 : 4 };

    for (int i = 0; i < AT_ONCE; i++) {
        bare.under_way[i].bare = &bare;
        bare.under_way[i].arrival.fire = bare_arrive;
    }
    binding->bare = &bare;
    bench_compare(bench, figure, "k/s", BENCH_MORE, reach, measure, measure_bare, binding);
    queue_free(bare.queue);
    binding_free(binding);
}

void
bench_binding(struct bench *bench)
{
    compare(bench, "Binding transactions in simulation", 500, false);
    compare(bench, "Binding transactions in simulation, through a NAT", 0, true);
}
