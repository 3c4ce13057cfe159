/* TCP sockets over the simulated net: what core/base/io.h promises, and what RFC 9293 asks of a host. */
#include "core/base/random.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_kinds.h"
#include "core/net/tcp_socket.h"
#include "tests/unit/support.h"
#include "tests/unit/support_net.h"

/* --- users of sockets ------------------------------------------------------------------------------------------- */

struct user {
    struct io *io;
    struct io_tcp *tcp;    /* NULL: closed */
    GString *events;       /* "connected readable failed:reset", in order, readable and writable once in a row */
    GChecksum *wrote, *got;
    uint64_t to_write, written, received;
    uint64_t fill;         /* of the bytes to be written */
    bool reads, shuts;     /* reads all it is told of; shuts down when all is written */
    bool closes_at_end;    /* closes when the peer has shut down */
    bool in_call;          /* inside a call on the seam: nothing may be told */
    bool ended;            /* read has said 0 */
    struct user *accepts;  /* a listener's: who takes the next connection */
};

static struct net_trio trio;

static void
set_up(void)
{
    net_trio_start(&trio);
}

static void
tear_down(void)
{
    net_trio_end(&trio);
}

static void
user_start(struct user *user, struct node *node)
{
    *user = (struct user){ .io = node_io(node), .events = g_string_new(NULL), .reads = true,
                           .wrote = g_checksum_new(G_CHECKSUM_SHA256), .got = g_checksum_new(G_CHECKSUM_SHA256) };
}

static void
user_close(struct user *user, bool reset)
{
    struct io_tcp *tcp = user->tcp;

    user->tcp = NULL;
    user->in_call = true;
    if (tcp)
        tcp->ops->close(tcp, reset);
    user->in_call = false;
}

static void
user_end(struct user *user)
{
    user_close(user, false);
    g_string_free(user->events, TRUE);
    g_checksum_free(user->wrote);
    g_checksum_free(user->got);
}

static void
user_write(struct user *user)
{
    uint8_t bytes[5000];
    enum io_result why = IO_OK;
    ssize_t taken = 1;

    user->in_call = true;
    while (user->written < user->to_write && taken > 0) {
        size_t length = MIN(sizeof bytes, user->to_write - user->written);
        struct random_stream fill = { user->fill + user->written, 0 };

        random_fill(&fill, bytes, length);
        taken = user->tcp->ops->write(user->tcp, bytes, length, &why);
        if (taken > 0) {
            g_checksum_update(user->wrote, bytes, taken);
            user->written += (uint64_t)taken;
        }
    }
    if (user->shuts && user->written == user->to_write)
        user->tcp->ops->shutdown(user->tcp);
    user->in_call = false;
}

static void
user_read(struct user *user)
{
    uint8_t bytes[4096];
    enum io_result why = IO_OK;
    ssize_t got = 1;

    user->in_call = true;
    while (got > 0) {
        got = user->tcp->ops->read(user->tcp, bytes, sizeof bytes, &why);
        if (got > 0) {
            g_checksum_update(user->got, bytes, got);
            user->received += (uint64_t)got;
        }
    }
    user->ended |= got == 0;
    user->in_call = false;
}

static void user_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result);

static void
note_event(struct user *user, const char *word)
{
    if (!g_str_has_suffix(user->events->str, word))
        g_string_append_printf(user->events, "%s%s", user->events->len ? " " : "", word);
}

static void
user_ready(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    static const char *const words[] = { "accept", "connected", "readable", "writable", "failed" };
    struct user *user = owner;
    g_autofree char *word = g_strdup_printf(ready == IO_FAILED ? "%s:%s" : "%s", words[ready], io_result_word(result));

    CHECK(!user->in_call);
    CHECK(tcp == user->tcp);
    CHECK((ready == IO_FAILED) == (result != IO_OK));
    note_event(user, word);
    if (ready == IO_ACCEPT && user->accepts) {
        user->accepts->tcp = tcp->ops->accept(tcp, user_ready, user->accepts);
        CHECK(user->accepts->tcp != NULL);
        user_write(user->accepts);
    } else if (ready == IO_CONNECTED || ready == IO_WRITABLE) {
        user_write(user);
    } else if (ready == IO_READABLE && user->reads) {
        user_read(user);
        if (user->ended && user->closes_at_end)
            user_close(user, false);
    }
}

static enum io_result
user_listen(struct user *user, const char *local, bool share)
{
    struct endpoint endpoint = net_endpoint(local);
    enum io_result why;

    user->tcp = user->io->ops->listen(user->io, &endpoint, share, user_ready, user, &why);
    CHECK((user->tcp != NULL) == (why == IO_OK));
    return why;
}

static enum io_result
user_connect(struct user *user, const char *local, const char *peer, bool share)
{
    struct endpoint from = net_endpoint(local), to = net_endpoint(peer);
    enum io_result why;

    user->in_call = true;
    user->tcp = user->io->ops->connect(user->io, &from, &to, share, user_ready, user, &why);
    user->in_call = false;
    CHECK((user->tcp != NULL) == (why == IO_OK));
    return why;
}

static const char *
state_of(const struct user *user)
{
    return tcp_state_name(tcp_machine_of(user->tcp)->state);
}

/* A at 192.0.2.1 is connected to B at 198.51.100.1:80. */
struct talkers {
    struct user a, listener, b;
};

static void
talkers_start(struct talkers *talkers)
{
    user_start(&talkers->a, trio.a);
    user_start(&talkers->listener, trio.b);
    user_start(&talkers->b, trio.b);
    talkers->a.fill = 1000;
    talkers->b.fill = 77000000;
    talkers->listener.accepts = &talkers->b;
    CHECK(user_listen(&talkers->listener, "0.0.0.0:80", false) == IO_OK);
    CHECK(user_connect(&talkers->a, "0.0.0.0:0", "198.51.100.1:80", false) == IO_OK);
}

static void
talkers_end(struct talkers *talkers)
{
    user_end(&talkers->a);
    user_end(&talkers->b);
    user_end(&talkers->listener);
}

static void
check_arrived(const char *row, const struct user *from, const struct user *to)
{
    g_autoptr(GChecksum) wrote = g_checksum_copy(from->wrote), got = g_checksum_copy(to->got); /* reading closes one */

    CHECK_ROW_UINT(row, to->received, from->to_write);
    CHECK_ROW_TEXT(row, g_checksum_get_string(got), g_checksum_get_string(wrote));
}

/* --- conversations ---------------------------------------------------------------------------------------------- */

/* RFC 9293 figures 6 and 12, with something said in both directions. */
static void
test_conversation(void)
{
    struct talkers t;

    talkers_start(&t);
    CHECK_ROW_TEXT("at once", state_of(&t.a), "SYN-SENT");
    net_run(trio.world, 35 * TIME_MS);
    CHECK_ROW_TEXT("20 ms a way", t.a.events->str, "");
    net_run(trio.world, 5 * TIME_MS);
    CHECK_ROW_TEXT("there and back", t.a.events->str, "connected");
    net_run(trio.world, 20 * TIME_MS);
    CHECK_ROW_TEXT("the third way", t.listener.events->str, "accept");
    CHECK_ROW_TEXT("both stand", state_of(&t.a), "ESTABLISHED");
    CHECK_ROW_TEXT("both stand", state_of(&t.b), "ESTABLISHED");
    CHECK(endpoint_equal(t.b.tcp->ops->peer(t.b.tcp), t.a.tcp->ops->local(t.a.tcp)));
    CHECK(endpoint_equal(t.b.tcp->ops->local(t.b.tcp), net_endpoint("198.51.100.1:80")));
    CHECK(world_quiet(trio.world));

    t.a.to_write = 5000;
    t.b.to_write = 300;
    user_write(&t.a);
    user_write(&t.b);
    CHECK(!world_quiet(trio.world));
    net_trio_run(&trio);
    check_arrived("A to B", &t.a, &t.b);
    check_arrived("B to A", &t.b, &t.a);
    CHECK(world_quiet(trio.world));

    t.a.tcp->ops->shutdown(t.a.tcp);
    net_trio_run(&trio);
    CHECK(t.b.ended && !t.a.ended);
    CHECK_ROW_TEXT("half-closed", state_of(&t.a), "FIN-WAIT-2");
    CHECK_ROW_TEXT("half-closed", state_of(&t.b), "CLOSE-WAIT");
    t.b.to_write = 900;
    user_write(&t.b);
    net_trio_run(&trio);
    check_arrived("B goes on", &t.b, &t.a);
    user_close(&t.b, false);
    net_trio_run(&trio);
    CHECK(t.a.ended);
    CHECK_ROW_TEXT("closed", state_of(&t.a), "TIME-WAIT");
    CHECK_ROW_TEXT("all that A was told", t.a.events->str, "connected readable");
    CHECK(world_quiet(trio.world));
    talkers_end(&t);
    CHECK_ROW_UINT("A lingers", tcp_connection_count(trio.a->stack->tcp), 1);
    CHECK_ROW_UINT("B does not", tcp_connection_count(trio.b->stack->tcp), 0);
    net_run(trio.world, 4 * TIME_MIN);
    CHECK_ROW_UINT("two MSL later", tcp_connection_count(trio.a->stack->tcp), 0);
    for (guint i = 0; i < trio.tap.seen->len; i++)
        CHECK(net_checksums_good(net_span(g_array_index(trio.tap.seen, struct net_seen, i).bytes)));
}

/* What was written before the connection stood, and closing at once: all of it is delivered. */
static void
test_close_delivers(void)
{
    struct talkers t;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    t.a.to_write = 60000;
    user_write(&t.a);
    CHECK_ROW_UINT("taken", t.a.written, 60000);
    user_close(&t.a, false);
    t.b.closes_at_end = true;
    net_run(trio.world, 10 * TIME_S);
    check_arrived("after close", &t.a, &t.b);
    CHECK(t.b.ended && !t.b.tcp);
    talkers_end(&t);
}

static void
test_reset(void)
{
    struct talkers t;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    user_close(&t.a, true);
    net_trio_run(&trio);
    CHECK_ROW_TEXT("B is told", t.b.events->str, "failed:reset");
    CHECK_ROW_UINT("nothing lingers", tcp_connection_count(trio.a->stack->tcp), 0);
    user_close(&t.b, false);
    CHECK_ROW_UINT("nothing lingers", tcp_connection_count(trio.b->stack->tcp), 0);
    talkers_end(&t);
}

/* Connecting in vain. */
static void
test_in_vain(void)
{
    static const struct {
        const char *name, *local, *peer;
        bool cut;
        enum io_result result;
        const char *events;
        int64_t within;
    } rows[] = {
        { "nobody listens", "0.0.0.0:0", "198.51.100.1:81", false, IO_OK, "failed:refused", TIME_S },
        { "no such network behind the router", "0.0.0.0:0", "203.0.113.9:80", false, IO_OK, "failed:unreachable",
          TIME_S },
        { "the way is cut", "0.0.0.0:0", "198.51.100.1:80", true, IO_OK, "failed:timeout", 184 * TIME_S },
        { "another host's address", "198.51.100.1:0", "198.51.100.1:80", false, IO_NO_ADDRESS, "", 0 },
        { "multicast", "0.0.0.0:0", "224.0.0.1:80", false, IO_UNREACHABLE, "", 0 },
        { "port 0", "0.0.0.0:0", "198.51.100.1:0", false, IO_UNREACHABLE, "", 0 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct link_options options = trio.link;
        int64_t begun = trio.world->now;
        struct user user;

        options.off = rows[i].cut;
        wire_set(&port_link(trio.b_port)->down, &options);
        user_start(&user, trio.a);
        CHECK_ROW_TEXT(rows[i].name, io_result_word(user_connect(&user, rows[i].local, rows[i].peer, false)),
                       io_result_word(rows[i].result));
        if (rows[i].within > 0)
            net_run(trio.world, rows[i].within);
        CHECK_ROW_TEXT(rows[i].name, user.events->str, rows[i].events);
        if (rows[i].cut)
            CHECK_ROW("not before R2", trio.world->now - begun >= 180 * TIME_S);
        CHECK_ROW(rows[i].name, world_quiet(trio.world));
        user_end(&user);
    }
    CHECK_ROW_UINT("the SYN that was refused", node_dropped(trio.b, DROP_NO_CONNECTION), 1);
    CHECK_ROW_UINT("nothing is left", tcp_connection_count(trio.a->stack->tcp), 0);
}

static void
test_no_route(void)
{
    struct user user;

    node_set_default(trio.a, NULL, ADDRESS_NONE);
    user_start(&user, trio.a);
    CHECK(user_connect(&user, "0.0.0.0:0", "198.51.100.1:80", false) == IO_NO_ROUTE);
    user_end(&user);
}

/* RFC 9293 figure 7: both connect from the port to which the other one connects. */
static void
test_simultaneous_open(void)
{
    struct user a, b;

    user_start(&a, trio.a);
    user_start(&b, trio.b);
    a.to_write = b.to_write = 10000;
    a.fill = 5;
    CHECK(user_connect(&a, "0.0.0.0:5000", "198.51.100.1:6000", false) == IO_OK);
    CHECK(user_connect(&b, "0.0.0.0:6000", "192.0.2.1:5000", false) == IO_OK);
    net_run(trio.world, 25 * TIME_MS);
    CHECK_ROW_TEXT("both SYNs have arrived", state_of(&a), "SYN-RECEIVED");
    CHECK_ROW_TEXT("both SYNs have arrived", state_of(&b), "SYN-RECEIVED");
    net_run(trio.world, 5 * TIME_S);
    CHECK(g_str_has_prefix(a.events->str, "connected") && g_str_has_prefix(b.events->str, "connected"));
    check_arrived("A to B", &a, &b);
    check_arrived("B to A", &b, &a);
    user_close(&a, false);
    user_close(&b, false);
    net_run(trio.world, 5 * TIME_S);
    user_end(&a);
    user_end(&b);
}

/* A host to itself. */
static void
test_to_itself(void)
{
    struct user a, listener, b;

    user_start(&a, trio.a);
    user_start(&listener, trio.a);
    user_start(&b, trio.a);
    listener.accepts = &b;
    a.to_write = 100000;
    a.shuts = true;
    b.closes_at_end = true;
    CHECK(user_listen(&listener, "192.0.2.1:80", false) == IO_OK);
    CHECK(user_connect(&a, "0.0.0.0:0", "192.0.2.1:80", false) == IO_OK);
    net_run(trio.world, TIME_S);
    check_arrived("to itself", &a, &b);
    user_end(&a);
    user_end(&b);
    user_end(&listener);
}

/* --- ports ------------------------------------------------------------------------------------------------------ */

/* core/base/io.h: a listener and several connects may share one local port; an endpoint has one listener. */
static void
test_binding(void)
{
    static const struct {
        const char *name, *first, *second;
        bool first_listens, second_listens, first_shares, second_shares;
        enum io_result result;
    } rows[] = {
        { "two listeners", "0.0.0.0:80", "0.0.0.0:80", true, true, false, false, IO_IN_USE },
        { "two listeners that share", "0.0.0.0:80", "0.0.0.0:80", true, true, true, true, IO_IN_USE },
        { "two listeners, any and one address", "0.0.0.0:80", "192.0.2.1:80", true, true, true, true, IO_IN_USE },
        { "two ports", "0.0.0.0:80", "0.0.0.0:81", true, true, false, false, IO_OK },
        { "a connect at a listener's port", "0.0.0.0:80", "0.0.0.0:80", true, false, false, true, IO_IN_USE },
        { "the other way round", "0.0.0.0:80", "0.0.0.0:80", true, false, true, false, IO_IN_USE },
        { "both share", "0.0.0.0:80", "0.0.0.0:80", true, false, true, true, IO_OK },
        { "both share, connect first", "0.0.0.0:80", "0.0.0.0:80", false, true, true, true, IO_OK },
        { "a connect's port is not free", "0.0.0.0:80", "0.0.0.0:80", false, true, false, true, IO_IN_USE },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct user first, second;
        enum io_result result;

        user_start(&first, trio.a);
        user_start(&second, trio.a);
        result = rows[i].first_listens ? user_listen(&first, rows[i].first, rows[i].first_shares)
                                       : user_connect(&first, rows[i].first, "198.51.100.1:1", rows[i].first_shares);
        CHECK_ROW_TEXT(rows[i].name, io_result_word(result), "ok");
        CHECK_ROW(rows[i].name, stack_port_taken(trio.a, PROTOCOL_TCP, (struct endpoint){ ADDRESS_NONE, 80 }));
        CHECK_ROW(rows[i].name, !stack_port_taken(trio.a, PROTOCOL_UDP, (struct endpoint){ ADDRESS_NONE, 80 }));
        result = rows[i].second_listens ? user_listen(&second, rows[i].second, rows[i].second_shares)
                                        : user_connect(&second, rows[i].second, "198.51.100.1:2",
                                                       rows[i].second_shares);
        CHECK_ROW_TEXT(rows[i].name, io_result_word(result), io_result_word(rows[i].result));
        user_end(&first);
        user_end(&second);
        CHECK_ROW(rows[i].name, !stack_port_taken(trio.a, PROTOCOL_TCP, (struct endpoint){ ADDRESS_NONE, 80 }));
        CHECK_ROW_UINT(rows[i].name, tcp_connection_count(stack_tcp(trio.a->stack)), 0);
    }
}

static void
test_one_pair_once(void)
{
    struct user first, second;

    user_start(&first, trio.a);
    user_start(&second, trio.a);
    CHECK(user_connect(&first, "0.0.0.0:80", "198.51.100.1:1", true) == IO_OK);
    CHECK(user_connect(&second, "0.0.0.0:80", "198.51.100.1:1", true) == IO_IN_USE);
    CHECK(user_connect(&second, "0.0.0.0:80", "198.51.100.1:2", true) == IO_OK);
    user_end(&first);
    user_end(&second);
}

/* A listener and two connects on one port, all in use at once. */
static void
test_shared_port(void)
{
    struct user listener, accepted, out, server, served, in;

    user_start(&listener, trio.a);
    user_start(&accepted, trio.a);
    user_start(&out, trio.a);
    user_start(&server, trio.b);
    user_start(&served, trio.b);
    user_start(&in, trio.b);
    listener.accepts = &accepted;
    server.accepts = &served;
    in.to_write = 3000;
    out.to_write = 4000;
    CHECK(user_listen(&server, "0.0.0.0:80", false) == IO_OK);
    CHECK(user_listen(&listener, "0.0.0.0:5000", true) == IO_OK);
    CHECK(user_connect(&out, "0.0.0.0:5000", "198.51.100.1:80", true) == IO_OK);
    CHECK(user_connect(&in, "0.0.0.0:0", "192.0.2.1:5000", false) == IO_OK);
    net_run(trio.world, 2 * TIME_S);
    check_arrived("in", &in, &accepted);
    check_arrived("out", &out, &served);
    CHECK(out.tcp->ops->local(out.tcp).port == 5000 && accepted.tcp->ops->local(accepted.tcp).port == 5000);
    user_end(&listener);
    user_end(&accepted);
    user_end(&out);
    user_end(&server);
    user_end(&served);
    user_end(&in);
    net_run(trio.world, TIME_S);
}

/* A closed server's port can be used again although its connections linger. */
static void
test_port_again(void)
{
    struct talkers t;
    struct user again, taken;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    user_close(&t.b, false);
    net_run(trio.world, 100 * TIME_MS);
    user_close(&t.a, false);
    user_close(&t.listener, false);
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_UINT("B is in TIME-WAIT", tcp_connection_count(trio.b->stack->tcp), 1);
    CHECK(stack_port_taken(trio.b, PROTOCOL_TCP, (struct endpoint){ ADDRESS_NONE, 80 }));
    user_start(&again, trio.b);
    user_start(&taken, trio.b);
    CHECK(user_listen(&again, "0.0.0.0:80", false) == IO_OK);
    CHECK(user_listen(&taken, "0.0.0.0:80", false) == IO_IN_USE);
    user_end(&again);
    user_end(&taken);
    talkers_end(&t);
    net_run(trio.world, 5 * TIME_MIN);
    CHECK_ROW_UINT("over", tcp_connection_count(trio.b->stack->tcp), 0);
    CHECK(!stack_port_taken(trio.b, PROTOCOL_TCP, (struct endpoint){ ADDRESS_NONE, 80 }));
}

/* RFC 6191: a new SYN of the same pair opens again what is in TIME-WAIT; RFC 6528: with a larger number. */
static void
reopen_time_wait(const struct tcp_settings *settings)
{
    struct talkers t;
    struct user again;
    uint32_t iss;

    tcp_host_use(stack_tcp(node_stack(trio.a)), settings);
    tcp_host_use(stack_tcp(node_stack(trio.b)), settings);
    user_start(&t.a, trio.a);
    user_start(&t.listener, trio.b);
    user_start(&t.b, trio.b);
    t.listener.accepts = &t.b;
    CHECK(user_listen(&t.listener, "0.0.0.0:80", false) == IO_OK);
    CHECK(user_connect(&t.a, "0.0.0.0:5000", "198.51.100.1:80", false) == IO_OK);
    net_run(trio.world, 100 * TIME_MS);
    iss = tcp_machine_of(t.a.tcp)->iss;
    user_close(&t.b, false);
    net_run(trio.world, 100 * TIME_MS);
    user_close(&t.a, false);
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_UINT("B is in TIME-WAIT", tcp_connection_count(trio.b->stack->tcp), 1);
    CHECK_ROW_UINT("A is not", tcp_connection_count(trio.a->stack->tcp), 0);
    user_start(&again, trio.a);
    CHECK(user_connect(&again, "0.0.0.0:5000", "198.51.100.1:80", false) == IO_OK);
    CHECK(seq_before(iss, tcp_machine_of(again.tcp)->iss));
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_TEXT("again", again.events->str, "connected");
    CHECK_ROW_UINT("the old one is gone", tcp_connection_count(trio.b->stack->tcp), 1);
    user_close(&again, true);
    net_run(trio.world, 100 * TIME_MS);
    user_end(&again);
    talkers_end(&t);
}

static void
test_time_wait_reopened(void)
{
    struct tcp_settings plain = tcp_settings_default;

    reopen_time_wait(&tcp_settings_default);
    plain.timestamps = false; /* then the sequence number says which is newer */
    net_run(trio.world, 5 * TIME_MIN);
    reopen_time_wait(&plain);
    tcp_host_use(trio.a->stack->tcp, &tcp_settings_default);
}

/* --- listeners -------------------------------------------------------------------------------------------------- */

/* Data and the end that came before somebody accepted are told to who does. */
static void
test_late_accept(void)
{
    struct talkers t;

    talkers_start(&t);
    t.listener.accepts = NULL;
    t.a.to_write = 700;
    t.a.shuts = true;
    net_run(trio.world, 300 * TIME_MS);
    CHECK_ROW_TEXT("the listener knows", t.listener.events->str, "accept");
    t.b.in_call = true;
    t.b.tcp = t.listener.tcp->ops->accept(t.listener.tcp, user_ready, &t.b);
    CHECK(t.listener.tcp->ops->accept(t.listener.tcp, user_ready, &t.b) == NULL);
    t.b.in_call = false;
    CHECK_ROW_TEXT("not inside the call", t.b.events->str, "");
    net_run(trio.world, 0);
    CHECK_ROW_TEXT("at the next turn", t.b.events->str, "readable");
    check_arrived("early data", &t.a, &t.b);
    CHECK(t.b.ended);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

static void
test_closed_before_told(void)
{
    struct talkers t;

    talkers_start(&t);
    t.listener.accepts = NULL;
    t.a.to_write = 700;
    net_run(trio.world, 300 * TIME_MS);
    t.b.tcp = t.listener.tcp->ops->accept(t.listener.tcp, user_ready, &t.b);
    user_close(&t.b, true);
    net_run(trio.world, TIME_S);
    CHECK_ROW_TEXT("nothing more comes", t.b.events->str, "");
    CHECK_ROW_TEXT("A hears", t.a.events->str, "connected failed:reset");
    talkers_end(&t);
}

/* Those who wait at a listener that closes are reset; those who were accepted are not. */
static void
test_listener_closes(void)
{
    struct talkers t;
    struct user second;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    t.listener.accepts = NULL;
    user_start(&second, trio.a);
    CHECK(user_connect(&second, "0.0.0.0:0", "198.51.100.1:80", false) == IO_OK);
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_TEXT("stands", second.events->str, "connected");
    user_close(&t.listener, false);
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_TEXT("reset", second.events->str, "connected failed:reset");
    t.a.to_write = 100;
    user_write(&t.a);
    net_run(trio.world, 100 * TIME_MS);
    check_arrived("the accepted one goes on", &t.a, &t.b);
    user_end(&second);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* A segment from `port`, as the wire carries it. */
static void
send_raw(uint16_t port, const char *to, const struct tcp_segment *segment)
{
    struct endpoint destination = net_endpoint(to);
    struct address source = net_address("192.0.2.77");
    struct tcp_segment whole = *segment;
    uint8_t bytes[200];
    size_t length;
    g_autoptr(GByteArray) packet = NULL;

    whole.source_port = port;
    whole.destination_port = destination.port;
    length = tcp_segment_header(&whole) + whole.data.length;
    CHECK(tcp_segment_write(&whole, source, destination.address, bytes, length));
    packet = net_build(&(struct net_template){ .source = source, .destination = destination.address,
                                               .protocol = PROTOCOL_TCP, .payload = { bytes, length } });
    net_arrive(trio.b_port, net_span(packet));
}

static void
send_syn(uint16_t port)
{
    struct tcp_segment syn = { .flags = TCP_SYN, .scale = TCP_NO_SCALE, .window = 65535 };

    send_raw(port, "198.51.100.1:80", &syn);
}

/* RFC 4987: a flood of SYNs that nobody completes takes bounded room, and does not keep others out. */
static void
test_syn_flood(void)
{
    struct talkers t;

    user_start(&t.a, trio.a);
    user_start(&t.listener, trio.b);
    user_start(&t.b, trio.b);
    t.listener.accepts = &t.b;
    CHECK(user_listen(&t.listener, "0.0.0.0:80", false) == IO_OK);
    for (unsigned i = 0; i < 10000; i++)
        send_syn((uint16_t)(1000 + i));
    CHECK_ROW_UINT("bounded", tcp_connection_count(trio.b->stack->tcp), 128);
    net_run(trio.world, 100 * TIME_MS);
    CHECK(user_connect(&t.a, "0.0.0.0:0", "198.51.100.1:80", false) == IO_OK);
    net_run(trio.world, 100 * TIME_MS);
    CHECK_ROW_TEXT("one of them is real", t.a.events->str, "connected");
    CHECK_ROW_TEXT("and accepted", t.listener.events->str, "accept");
    net_run(trio.world, 190 * TIME_S);
    CHECK_ROW_UINT("the others are given up", tcp_connection_count(trio.b->stack->tcp), 1);
    user_close(&t.a, true);
    net_run(trio.world, 100 * TIME_MS);
    talkers_end(&t);
}

/* Nobody accepts: so many wait, the next SYN is dropped with a reason, and comes again. */
static void
test_listen_queue(void)
{
    enum { MANY = 140 };
    struct user listener, users[MANY];
    unsigned connected = 0;

    user_start(&listener, trio.b);
    CHECK(user_listen(&listener, "0.0.0.0:80", false) == IO_OK);
    for (unsigned i = 0; i < MANY; i++) {
        user_start(&users[i], trio.a);
        CHECK(user_connect(&users[i], "0.0.0.0:0", "198.51.100.1:80", false) == IO_OK);
        net_run(trio.world, 100 * TIME_MS);
        connected += g_str_has_prefix(users[i].events->str, "connected");
    }
    CHECK_ROW_UINT("as many as wait", connected, 128);
    CHECK(node_dropped(trio.b, DROP_LISTEN_QUEUE_FULL) >= MANY - 128);
    for (unsigned i = 0; i < 20; i++) {
        struct io_tcp *tcp = listener.tcp->ops->accept(listener.tcp, user_ready, &listener);

        CHECK(tcp != NULL);
        if (tcp)
            tcp->ops->close(tcp, true);
    }
    net_run(trio.world, 70 * TIME_S);
    for (unsigned i = connected = 0; i < MANY; i++) {
        connected += g_str_has_prefix(users[i].events->str, "connected");
        user_end(&users[i]);
    }
    CHECK_ROW_UINT("now the rest", connected, MANY);
    user_end(&listener);
    net_run(trio.world, TIME_S);
}

/* --- segments from nowhere --------------------------------------------------------------------------------------- */

/* RFC 9293 sections 3.10.7.1 and 3.10.7.2 on the wire; MUST-57: a segment to a group is silently dropped. */
static void
test_stray_segments(void)
{
    static const struct {
        const char *name, *to;
        uint8_t flags;
        enum drop_reason reason;
        uint8_t answer; /* flags; 0: none */
        uint32_t seq, ack;
    } rows[] = {
        { "a SYN for nobody", "198.51.100.1:81", TCP_SYN, DROP_NO_CONNECTION, TCP_RST | TCP_ACK, 0, 1001 },
        { "an ACK for nobody", "198.51.100.1:81", TCP_ACK, DROP_NO_CONNECTION, TCP_RST, 5, 0 },
        { "a RST for nobody", "198.51.100.1:81", TCP_RST, DROP_NO_CONNECTION, 0, 0, 0 },
        { "an ACK for a listener", "198.51.100.1:80", TCP_ACK, DROP_NO_CONNECTION, TCP_RST, 5, 0 },
        { "a FIN for a listener", "198.51.100.1:80", TCP_FIN, DROP_NO_CONNECTION, 0, 0, 0 },
        { "a RST for a listener", "198.51.100.1:80", TCP_RST, DROP_NO_CONNECTION, 0, 0, 0 },
        { "a SYN for a group", "224.0.0.1:80", TCP_SYN, DROP_NO_CONNECTION, 0, 0, 0 },
    };
    struct user listener;

    user_start(&listener, trio.b);
    CHECK(user_listen(&listener, "0.0.0.0:80", false) == IO_OK);
    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        uint64_t before = node_dropped(trio.b, rows[i].reason);
        struct tcp_segment answer = { 0 };
        const struct net_seen *seen;

        net_tap_clear(&trio.tap);
        send_raw(1234, rows[i].to, &(struct tcp_segment){ .flags = rows[i].flags, .seq = 1000, .ack = 5,
                                                          .scale = TCP_NO_SCALE, .window = 65535 });
        CHECK_ROW_UINT(rows[i].name, node_dropped(trio.b, rows[i].reason), before + 1);
        net_run(trio.world, TIME_MS);
        seen = net_tap_at(&trio.tap, TRIO_B, CAPTURE_OUT, 0);
        CHECK_ROW(rows[i].name, (seen != NULL) == (rows[i].answer != 0));
        if (!seen)
            continue;
        CHECK_ROW(rows[i].name, net_checksums_good(net_span(seen->bytes)));
        CHECK_ROW(rows[i].name, tcp_segment_read(span_of(seen->bytes->data + 20, seen->bytes->len - 20), &answer) ==
                                    DROP_NONE);
        CHECK_ROW_UINT(rows[i].name, answer.flags, rows[i].answer);
        CHECK_ROW_UINT(rows[i].name, answer.seq, rows[i].seq);
        CHECK_ROW_UINT(rows[i].name, answer.ack, rows[i].ack);
        CHECK_ROW_UINT(rows[i].name, (uint32_t)answer.source_port << 16 | answer.destination_port,
                       (uint32_t)net_endpoint(rows[i].to).port << 16 | 1234);
    }
    user_end(&listener);
    net_trio_run(&trio);
}

/* A malformed option leaves no trace but its counter. */
static void
test_bad_option(void)
{
    static const uint8_t segment[24] = { 4, 210, 0, 80, [12] = 0x60, [13] = TCP_SYN, [20] = 2, [21] = 0 };
    struct address source = net_address("192.0.2.77"), destination = net_address("198.51.100.1");
    g_autoptr(GByteArray) packet = net_build(&(struct net_template){
        .source = source,
        .destination = destination,
        .protocol = PROTOCOL_TCP,
        .payload = { segment, sizeof segment },
    });
    uint16_t checksum = net_transport_checksum(net_span(packet));

    packet->data[36] = (uint8_t)(checksum >> 8);
    packet->data[37] = (uint8_t)checksum;
    net_arrive(trio.b_port, net_span(packet));
    CHECK_ROW_UINT("dropped", node_dropped(trio.b, DROP_BAD_TCP_OPTION), 1);
    CHECK_ROW_UINT("not answered", net_tap_count(&trio.tap, TRIO_B, CAPTURE_OUT), 0);
}

/* A listener is no stream. */
static void
test_listener_calls(void)
{
    struct user listener;
    enum io_result why = IO_OK;
    char bytes[4];

    user_start(&listener, trio.a);
    CHECK(user_listen(&listener, "198.51.100.1:80", false) == IO_NO_ADDRESS);
    CHECK(user_listen(&listener, "192.0.2.1:0", false) == IO_OK);
    CHECK(listener.tcp->ops->local(listener.tcp).port >= 49152);
    CHECK(endpoint_equal(listener.tcp->ops->peer(listener.tcp), (struct endpoint){ ADDRESS_NONE, 0 }));
    CHECK(listener.tcp->ops->read(listener.tcp, bytes, sizeof bytes, &why) == -1 && why == IO_UNSUPPORTED);
    CHECK(listener.tcp->ops->write(listener.tcp, bytes, sizeof bytes, &why) == -1 && why == IO_UNSUPPORTED);
    CHECK(listener.tcp->ops->accept(listener.tcp, user_ready, &listener) == NULL);
    listener.tcp->ops->shutdown(listener.tcp);
    user_end(&listener);
}

static void
test_ports_run_out(void)
{
    enum { DYNAMIC = 65536 - 49152 };
    struct user user;
    GPtrArray *listeners = g_ptr_array_new();

    user_start(&user, trio.a);
    for (unsigned i = 0; i < DYNAMIC; i++) {
        CHECK(user_listen(&user, "0.0.0.0:0", false) == IO_OK);
        g_ptr_array_add(listeners, user.tcp);
    }
    CHECK(user_listen(&user, "0.0.0.0:0", false) == IO_FULL);
    CHECK(user_connect(&user, "0.0.0.0:0", "198.51.100.1:80", false) == IO_FULL);
    for (unsigned i = 0; i < DYNAMIC; i++)
        ((struct io_tcp *)listeners->pdata[i])->ops->close(listeners->pdata[i], false);
    CHECK(user_listen(&user, "0.0.0.0:0", false) == IO_OK);
    g_ptr_array_free(listeners, TRUE);
    user_end(&user);
}

/* A world may end with sockets of every kind open; nobody is told (the sanitizer sees what is left). */
static void
test_world_ends(void)
{
    struct net_trio kept = trio;
    struct talkers t;

    net_trio_start(&trio);
    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    send_syn(999);
    t.a.to_write = 5;
    user_write(&t.a);
    CHECK(user_connect(&t.b, "0.0.0.0:0", "192.0.2.1:9", false) == IO_OK);
    world_free(trio.world);
    net_journal_end(&trio.journal);
    net_tap_end(&trio.tap);
    trio = kept;
    CHECK_ROW_TEXT("nobody is told", t.a.events->str, "connected");
    t.a.tcp = t.b.tcp = t.listener.tcp = NULL;
    talkers_end(&t);
}

/* --- the path --------------------------------------------------------------------------------------------------- */

static void
set_links(const struct link_options *options)
{
    wire_set(&port_link(trio.a_port)->up, options);
    wire_set(&port_link(trio.a_port)->down, options);
    wire_set(&port_link(trio.b_port)->up, options);
    wire_set(&port_link(trio.b_port)->down, options);
}

/* RFC 1191: the second link carries 600 bytes, and says so. */
static void
test_path_mtu(void)
{
    struct link_options narrow = trio.link;
    struct talkers t;

    narrow.mtu = 600;
    wire_set(&port_link(trio.b_port)->down, &narrow);
    talkers_start(&t);
    t.a.to_write = 200000;
    net_run(trio.world, 20 * TIME_S);
    check_arrived("through a narrow link", &t.a, &t.b);
    CHECK_ROW_UINT("learned", tcp_machine_of(t.a.tcp)->mss, 560);
    CHECK(node_dropped(trio.router, DROP_TOO_BIG) > 0);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* RFC 1191 section 7: a router that tells no MTU leaves it to be guessed, one plateau after the other. */
static void
test_mtu_guessed(void)
{
    /* 1492, 1006, 508, 296, 68 without headers of 40; 48 at least */
    static const unsigned mss[] = { 1452, 966, 468, 256, 48, 48 };
    struct talkers t;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    t.a.to_write = 50000;
    user_write(&t.a);
    for (size_t i = 0; i < G_N_ELEMENTS(mss); i++) {
        const struct tcp_machine *machine = tcp_machine_of(t.a.tcp);
        struct io_icmp icmp = { .local = t.a.tcp->ops->local(t.a.tcp), .peer = t.a.tcp->ops->peer(t.a.tcp),
                                .type = ICMP_UNREACHABLE, .code = ICMP_FRAGMENTATION_NEEDED };
        struct packet *packet = net_packet(trio.world, span_of(NULL, 0));

        CHECK(tcp_error(trio.a->stack->tcp, packet, &icmp, machine->snd_una));
        packet_deliver(trio.world, packet);
        CHECK_ROW_UINT("guess", machine->mss, mss[i]);
    }
    net_run(trio.world, 20 * TIME_S);
    check_arrived("in small pieces", &t.a, &t.b);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* An error that quotes what is not in flight is not believed (RFC 5927 section 4.1). */
static void
test_forged_error(void)
{
    static const struct {
        const char *name;
        uint32_t beyond; /* what the quoted number lies behind SND.UNA */
        uint8_t code;
        const char *events;
    } rows[] = {
        { "of an old segment", (uint32_t)-1, ICMP_PORT_UNREACHABLE, "" },
        { "of one to come", 1, ICMP_PORT_UNREACHABLE, "" },
        { "of the SYN", 0, ICMP_PORT_UNREACHABLE, "failed:refused" },
        { "of the SYN, from a router", 0, ICMP_HOST_UNREACHABLE, "failed:unreachable" },
        { "time exceeded", 0, 255, "" },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct link_options off = trio.link;
        struct user user;
        struct endpoint local, peer = net_endpoint("198.51.100.1:80");
        g_autoptr(GByteArray) payload = NULL, quoted = NULL, packet = NULL;
        uint32_t seq;

        off.off = true;
        wire_set(&port_link(trio.b_port)->down, &off);
        user_start(&user, trio.a);
        CHECK(user_connect(&user, "0.0.0.0:0", "198.51.100.1:80", false) == IO_OK);
        local = user.tcp->ops->local(user.tcp);
        seq = tcp_machine_of(user.tcp)->iss + rows[i].beyond;
        payload = net_tcp_payload(local, peer, span_of(NULL, 0));
        for (int byte = 0; byte < 4; byte++)
            payload->data[4 + byte] = (uint8_t)(seq >> (24 - 8 * byte));
        quoted = net_build(&(struct net_template){ .source = local.address, .destination = peer.address,
                                                   .protocol = PROTOCOL_TCP, .payload = net_span(payload) });
        packet = net_icmp(net_address("192.0.2.254"), local.address,
                          rows[i].code == 255 ? ICMP_TIME_EXCEEDED : ICMP_UNREACHABLE,
                          rows[i].code == 255 ? 0 : rows[i].code, 0, span_of(quoted->data, 28));
        net_arrive(trio.a_port, net_span(packet));
        CHECK_ROW_TEXT(rows[i].name, user.events->str, rows[i].events);
        user_end(&user);
    }
    CHECK_ROW_UINT("not believed", node_dropped(trio.a, DROP_NO_SOCKET), 2);
    net_run(trio.world, TIME_S);
}

/* A reader that stops, and later goes on: the window closes and opens again, and its opening may get lost. */
static void
test_slow_reader(void)
{
    struct talkers t;
    struct link_options off = trio.link;

    talkers_start(&t);
    t.b.reads = false;
    t.a.to_write = 3000000;
    t.a.shuts = true;
    net_run(trio.world, 20 * TIME_S);
    CHECK(tcp_machine_of(t.b.tcp)->in.used > tcp_settings_default.receive_buffer - 1460);
    CHECK(tcp_machine_of(t.b.tcp)->in.used <= tcp_settings_default.receive_buffer);
    CHECK_ROW_UINT("the window is closed", tcp_machine_of(t.a.tcp)->snd_wnd, 0);
    CHECK(!world_quiet(trio.world));
    off.off = true;
    wire_set(&port_link(trio.b_port)->up, &off);
    t.b.reads = true;
    user_read(&t.b);
    net_run(trio.world, TIME_S);
    wire_set(&port_link(trio.b_port)->up, &trio.link);
    net_run(trio.world, 80 * TIME_S);
    check_arrived("after all", &t.a, &t.b);
    CHECK(t.b.ended);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* Both windows are closed, and both sides probe: the acknowledgement that opens one again must get through at once. */
static void
test_both_windows_closed(void)
{
    struct talkers t;

    talkers_start(&t);
    t.a.reads = t.b.reads = false;
    t.a.to_write = t.b.to_write = 3000000;
    t.a.shuts = t.b.shuts = true;
    net_run(trio.world, 20 * TIME_S);
    CHECK_ROW_UINT("closed", tcp_machine_of(t.a.tcp)->snd_wnd, 0);
    CHECK_ROW_UINT("closed", tcp_machine_of(t.b.tcp)->snd_wnd, 0);
    t.b.reads = true;
    user_read(&t.b);
    net_run(trio.world, 5 * TIME_S);
    check_arrived("A to B", &t.a, &t.b);
    t.a.reads = true;
    user_read(&t.a);
    net_run(trio.world, 5 * TIME_S);
    check_arrived("B to A", &t.b, &t.a);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* One that never reads does not keep a run going for ever. */
static void
test_reader_never_reads(void)
{
    struct talkers t;

    talkers_start(&t);
    t.b.reads = false;
    t.a.to_write = 3000000;
    net_run(trio.world, 60 * TIME_S);
    CHECK(!world_quiet(trio.world));
    net_run(trio.world, 300 * TIME_S + 100 * TIME_MS);
    CHECK(trio.world->busy == 0);
    CHECK_ROW_TEXT("it stands all the same", state_of(&t.a), "ESTABLISHED");
    user_close(&t.a, true);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* Ten megabytes, and some in return, over links that lose 5 %, reorder and duplicate. */
static void
carry_ten_megabytes(const char *row)
{
    struct link_options bad = trio.link;
    struct talkers t;
    int64_t limit = 7200 * TIME_S;

    bad.loss = chance_of(0.05);
    bad.duplicate = chance_of(0.02);
    bad.reorder = chance_of(0.05);
    bad.jitter = 3 * TIME_MS;
    bad.delay = 2 * TIME_MS;
    trio.a_port->capture = trio.b_port->capture = trio.router_a->capture = trio.router_b->capture = NULL;
    trio.world->journal = NULL;
    set_links(&bad);
    talkers_start(&t);
    t.a.to_write = 10000000;
    t.b.to_write = 500000;
    t.a.shuts = t.b.shuts = true;
    while (trio.world->now < limit && !(t.a.ended && t.b.ended))
        world_step(trio.world, limit);
    check_arrived(row, &t.a, &t.b);
    check_arrived(row, &t.b, &t.a);
    CHECK_ROW(row, t.a.ended && t.b.ended);
    CHECK_ROW(row, trio.world->counts.dropped[DROP_LINK_LOSS] > 700);
    talkers_end(&t);
    net_run(trio.world, 300 * TIME_S);
    CHECK_ROW_UINT(row, tcp_connection_count(trio.a->stack->tcp), 0);
    CHECK_ROW_UINT(row, tcp_connection_count(trio.b->stack->tcp), 0);
}

static void
test_ten_megabytes(void)
{
    for (uint64_t seed = 1; seed <= 8; seed++) {
        g_autofree char *row = g_strdup_printf("seed %" PRIu64, seed);

        if (seed > 1) {
            net_trio_end(&trio);
            net_trio_start(&trio);
        }
        trio.world->seed = seed; /* the links' dice are made when they turn bad */
        carry_ten_megabytes(row);
    }
}

/* --- the journal and the switches -------------------------------------------------------------------------------- */

static const char *
nobody(const struct names *names, uint32_t number)
{
    (void)names, (void)number;
    return "?";
}

static void
test_journal(void)
{
    static const char *const wanted =
        "A CLOSED SYN-SENT, B LISTEN SYN-RECEIVED, A SYN-SENT ESTABLISHED, B SYN-RECEIVED ESTABLISHED, "
        "A ESTABLISHED FIN-WAIT-1, B ESTABLISHED CLOSE-WAIT, A FIN-WAIT-1 FIN-WAIT-2, B CLOSE-WAIT LAST-ACK, "
        "A FIN-WAIT-2 TIME-WAIT, B LAST-ACK CLOSED, ";
    const struct names names = { nobody, nobody };
    g_autoptr(GString) got = g_string_new(NULL), sentence = g_string_new(NULL);
    struct talkers t;

    talkers_start(&t);
    net_run(trio.world, 100 * TIME_MS);
    t.a.tcp->ops->shutdown(t.a.tcp);
    net_run(trio.world, 100 * TIME_MS);
    user_close(&t.b, false);
    net_run(trio.world, 100 * TIME_MS);
    for (guint i = 0; i < trio.journal.records->len; i++) {
        const struct record *record = &g_array_index(trio.journal.records, struct record, i);

        if (record->kind != &tcp_state_kind)
            continue;
        g_string_append_printf(got, "%s %s %s, ", net_node(trio.world, record->node)->name,
                               tcp_state_name((enum tcp_state)(record->detail >> 8)),
                               tcp_state_name((enum tcp_state)(record->detail & 255)));
        if (sentence->len == 0)
            record->kind->say(record, &names, sentence);
    }
    CHECK_ROW_TEXT("states", got->str, wanted);
    CHECK(g_str_has_prefix(sentence->str, "TCP connection 192.0.2.1:"));
    CHECK(g_str_has_suffix(sentence->str,
                           " -> 198.51.100.1:80 goes from CLOSED to SYN-SENT: it asks for a connection"));
    talkers_end(&t);
}

/* Every change that there can be has a sentence, with the states in it. */
static void
test_sentences(void)
{
    const struct names names = { nobody, nobody };

    for (int from = TCP_CLOSED; from <= TCP_TIME_WAIT; from++)
        for (int to = TCP_CLOSED; to <= TCP_TIME_WAIT; to++) {
            struct record record = { .kind = &tcp_state_kind, .detail = TCP_STATE_DETAIL(from, to),
                                     .rule = to == TCP_CLOSED && from == TCP_SYN_SENT ? IO_REFUSED : IO_OK };
            g_autoptr(GString) text = g_string_new(NULL);
            g_autofree char *change = g_strdup_printf(" goes from %s to %s: ", tcp_state_name((enum tcp_state)from),
                                                      tcp_state_name((enum tcp_state)to));

            tcp_state_kind.say(&record, &names, text);
            CHECK_ROW(text->str, strstr(text->str, change) != NULL);
            CHECK_ROW(text->str, g_str_has_suffix(text->str, "it failed (refused)") == (record.rule != IO_OK));
        }
}

/* A peer that is gone without a word is found out by keep-alives, and only by those. */
static void
test_keep_alive(void)
{
    struct link_options off = trio.link;
    struct talkers t;

    talkers_start(&t);
    net_run(trio.world, TIME_S);
    tcp_set_keep_alive(t.a.tcp, true);
    t.a.tcp->ops->prompt(t.a.tcp, true);
    CHECK(world_quiet(trio.world));
    off.off = true;
    set_links(&off);
    net_run(trio.world, 130 * TIME_MIN);
    CHECK_ROW_TEXT("it takes nine probes", t.a.events->str, "connected");
    net_run(trio.world, 3 * TIME_MIN);
    CHECK_ROW_TEXT("found out", t.a.events->str, "connected failed:timeout");
    CHECK_ROW_TEXT("the other knows nothing", state_of(&t.b), "ESTABLISHED");
    set_links(&trio.link);
    user_close(&t.b, true);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

/* --- callbacks -------------------------------------------------------------------------------------------------- */

struct suicide {
    struct io_tcp *tcp;
    unsigned calls;
};

static void
close_in_callback(void *owner, struct io_tcp *tcp, enum io_ready ready, enum io_result result)
{
    struct suicide *suicide = owner;

    (void)ready, (void)result;
    suicide->calls++;
    tcp->ops->close(tcp, true);
    suicide->tcp = NULL;
}

/* An owner may close in a callback, of whatever kind; nothing comes after it. */
static void
test_close_in_callback(void)
{
    struct talkers t;
    struct suicide connecting = { 0 }, refused = { 0 }, accepting = { 0 };
    struct endpoint any = { ADDRESS_NONE, 0 };
    struct endpoint peer = net_endpoint("198.51.100.1:80"), none = net_endpoint("198.51.100.1:9");
    struct endpoint port = net_endpoint("0.0.0.0:81"), there = net_endpoint("192.0.2.1:81");
    enum io_result why;
    struct user user;

    talkers_start(&t);
    user_start(&user, trio.b);
    connecting.tcp = t.a.io->ops->connect(t.a.io, &any, &peer, false, close_in_callback, &connecting, &why);
    refused.tcp = t.a.io->ops->connect(t.a.io, &any, &none, false, close_in_callback, &refused, &why);
    accepting.tcp = t.a.io->ops->listen(t.a.io, &port, false, close_in_callback, &accepting, &why);
    t.listener.accepts = NULL;
    user.tcp = user.io->ops->connect(user.io, &any, &there, false, user_ready, &user, &why);
    net_run(trio.world, TIME_S);
    CHECK_ROW_UINT("connected", connecting.calls, 1);
    CHECK_ROW_UINT("refused", refused.calls, 1);
    CHECK_ROW_UINT("accepting", accepting.calls, 1);
    CHECK_ROW_TEXT("reset with its listener", user.events->str, "connected failed:reset");
    user_end(&user);
    talkers_end(&t);
    net_run(trio.world, TIME_S);
}

void
suite_tcp_net(void)
{
    UNIT_SUITE("tcp net", set_up, tear_down, { "conversation", test_conversation },
               { "close delivers", test_close_delivers }, { "reset", test_reset }, { "in vain", test_in_vain },
               { "no route", test_no_route }, { "simultaneous open", test_simultaneous_open },
               { "to itself", test_to_itself }, { "binding", test_binding }, { "one pair once", test_one_pair_once },
               { "shared port", test_shared_port }, { "port again", test_port_again },
               { "TIME-WAIT reopened", test_time_wait_reopened }, { "late accept", test_late_accept },
               { "closed before told", test_closed_before_told }, { "listener closes", test_listener_closes },
               { "SYN flood", test_syn_flood }, { "listen queue", test_listen_queue },
               { "stray segments", test_stray_segments }, { "bad option", test_bad_option },
               { "listener calls", test_listener_calls }, { "ports run out", test_ports_run_out },
               { "world ends", test_world_ends }, { "MTU guessed", test_mtu_guessed }, { "sentences", test_sentences },
               { "path MTU", test_path_mtu },
               { "forged error", test_forged_error }, { "slow reader", test_slow_reader },
               { "both windows closed", test_both_windows_closed },
               { "reader never reads", test_reader_never_reads }, { "ten megabytes", test_ten_megabytes },
               { "journal", test_journal }, { "keep-alive", test_keep_alive },
               { "close in callback", test_close_in_callback });
}
