/* Two hosts with TCP sockets in all states, and somebody between them. The input decides, step by step: which user
 * calls what, which packets get lost, which segment is forged (its numbers near those that the connection expects, its
 * options anything), which ICMP error, how far time goes on.
 *
 * Whatever comes: no packet gets lost uncounted, every record can be said, no callback comes inside a call or after a
 * close, sequence numbers keep their order, buffers their bounds; and when all users have closed, all connections
 * end. */
#include <glib.h>

#include "core/base/cursor.h"
#include "core/net/checksum.h"
#include "core/net/icmp.h"
#include "core/net/net.h"
#include "core/net/node.h"
#include "core/net/stack_private.h"
#include "core/net/tcp_socket.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

enum { SOCKETS = 6, STEPS = 300, DATA_MOST = 3000 };

struct user {
    struct bench *bench;
    struct io_tcp *tcp;
    int host;
    bool listens;
};

struct bench {
    struct journal journal; /* first */
    struct world *world;
    struct node *hosts[2];
    struct port *ports[2];
    struct user users[SOCKETS];
    struct reader input;
    GString *said;
    struct fields fields;
    bool in_call;
};

/* ---- who listens */

static void
on_number(struct fields *fields, const char *name, int64_t value)
{
    (void)fields, (void)name, (void)value;
}

static void
on_text(struct fields *fields, const char *name, struct span value)
{
    (void)fields;
    g_assert(name && (value.bytes || !value.length));
}

static const char *
no_name(const struct names *names, uint32_t number)
{
    (void)names, (void)number;
    return "?";
}

static void
take(struct journal *journal, const struct record *record)
{
    static const struct names names = { no_name, no_name };
    struct bench *bench = (struct bench *)journal;

    g_string_truncate(bench->said, 0);
    record->kind->say(record, &names, bench->said);
    g_assert(bench->said->len > 0 && !strstr(bench->said->str, "(null)"));
    if (record->kind->fields)
        record->kind->fields(record, &names, &bench->fields);
}

/* ---- users */

static const uint8_t data[DATA_MOST];

static void
close_user(struct user *user, bool reset)
{
    struct io_tcp *tcp = user->tcp;

    user->tcp = NULL;
    if (tcp)
        tcp->ops->close(tcp, reset);
}

static void
read_some(struct user *user, size_t most)
{
    uint8_t bytes[4096];
    enum io_result why = IO_OK;
    ssize_t got;

    if (!user->tcp || user->listens)
        return;
    got = user->tcp->ops->read(user->tcp, bytes, MIN(most, sizeof bytes), &why);
    g_assert((got >= 0) == (why == IO_OK) && got <= (ssize_t)most);
}

static void ready(void *owner, struct io_tcp *tcp, enum io_ready event, enum io_result result);

static void
accept_one(struct user *listener)
{
    struct bench *bench = listener->bench;

    for (int i = 0; i < SOCKETS; i++) {
        struct user *user = &bench->users[i];

        if (user->host != listener->host || user->tcp)
            continue;
        user->listens = false;
        user->tcp = listener->tcp->ops->accept(listener->tcp, ready, user);
        return;
    }
}

/* What an owner does when he is told is up to the input too. */
static void
ready(void *owner, struct io_tcp *tcp, enum io_ready event, enum io_result result)
{
    struct user *user = owner;
    struct bench *bench = user->bench;
    uint8_t mood = reader_u8(&bench->input);

    g_assert(!bench->in_call && user->tcp == tcp);
    g_assert((event == IO_FAILED) == (result != IO_OK));
    g_assert((event == IO_ACCEPT) == user->listens);
    bench->in_call = true;
    if (mood % 16 == 1)
        close_user(user, mood & 16);
    else if (event == IO_ACCEPT && mood % 16 != 2)
        accept_one(user);
    else if (event == IO_READABLE && mood % 16 != 3)
        read_some(user, 1 + mood * 8);
    bench->in_call = false;
}

static void
open_user(struct user *user)
{
    struct bench *bench = user->bench;
    uint8_t what = reader_u8(&bench->input);
    struct io *io = node_io(bench->hosts[user->host]);
    struct endpoint local = { ADDRESS_NONE, (uint16_t)(what & 1 ? 100 + (what >> 1 & 3) : 0) };
    struct endpoint peer = { node_address(bench->hosts[what & 128 ? user->host : !user->host], FAMILY_IPV4),
                             (uint16_t)(100 + (what >> 3 & 3)) };
    enum io_result why = IO_OK;

    user->listens = what & 32;
    if (user->listens)
        user->tcp = io->ops->listen(io, &local, what & 64, ready, user, &why);
    else
        user->tcp = io->ops->connect(io, &local, &peer, what & 64, ready, user, &why);
    g_assert((user->tcp == NULL) == (why != IO_OK));
}

static void
use(struct bench *bench)
{
    uint8_t what = reader_u8(&bench->input);
    struct user *user = &bench->users[(what & 7) % SOCKETS];
    enum io_result why = IO_OK;
    ssize_t taken;

    bench->in_call = true;
    if (!user->tcp) {
        open_user(user);
    } else if (user->listens) {
        if (what & 8)
            close_user(user, false);
        else
            accept_one(user);
    } else {
        size_t length = 1 + reader_u16(&bench->input) % DATA_MOST;

        switch (what >> 3 & 7) {
        case 0:
        case 1:
            taken = user->tcp->ops->write(user->tcp, data, length, &why);
            g_assert(taken <= (ssize_t)length && (taken >= 0) == (why == IO_OK));
            break;
        case 2:
            read_some(user, length);
            break;
        case 3:
            user->tcp->ops->shutdown(user->tcp);
            break;
        case 4:
            close_user(user, false);
            break;
        case 5:
            close_user(user, true);
            break;
        case 6:
            user->tcp->ops->prompt(user->tcp, length & 1);
            break;
        default:
            tcp_set_keep_alive(user->tcp, length & 1);
        }
    }
    bench->in_call = false;
}

/* ---- forgers */

static void
arrive(struct bench *bench, int host, struct packet *packet)
{
    packet->name = PACKET_NAME(0, bench->world->counts.sent);
    port_receive(bench->ports[host], packet);
}

/* A segment to the connection of `user` from its peer, with numbers near those that fit. */
static void
forge(struct bench *bench)
{
    struct user *user = &bench->users[reader_u8(&bench->input) % SOCKETS];
    struct node *host = bench->hosts[user->host];
    uint8_t options[40], options_length = reader_u8(&bench->input) % 11 * 4;
    uint16_t length = reader_u16(&bench->input) % 1400;
    struct endpoint local = { node_address(host, FAMILY_IPV4), (uint16_t)(100 + length % 4) };
    struct endpoint peer = { node_address(bench->hosts[!user->host], FAMILY_IPV4), 100 };
    uint32_t seq = (uint32_t)(int8_t)reader_u8(&bench->input), ack = (uint32_t)(int8_t)reader_u8(&bench->input);
    uint8_t flags = reader_u8(&bench->input), header = (uint8_t)(TCP_HEADER + options_length);
    struct packet *packet = packet_new(bench->world, (size_t)header + length);
    struct writer writer = writer_over(packet->data, packet->length);
    uint64_t sum;

    if (flags & 64) { /* far off */
        seq *= 1000;
        ack *= 1000;
    }
    if (user->tcp && !user->listens) {
        const struct tcp_machine *machine = tcp_machine_of(user->tcp);

        local = user->tcp->ops->local(user->tcp);
        peer = user->tcp->ops->peer(user->tcp);
        seq += machine->rcv_nxt;
        ack += machine->snd_una;
        if (flags & 128)
            ack = machine->snd_nxt;
    }
    for (unsigned i = 0; i < options_length; i++)
        options[i] = reader_u8(&bench->input);
    writer_u16(&writer, peer.port);
    writer_u16(&writer, local.port);
    writer_u32(&writer, seq);
    writer_u32(&writer, ack);
    writer_u8(&writer, (uint8_t)(header / 4 << 4));
    writer_u8(&writer, flags & 63);
    writer_u16(&writer, reader_u16(&bench->input));
    writer_u32(&writer, 0);
    writer_span_put(&writer, span_of(options, options_length));
    writer_zeros(&writer, length);
    g_assert(!writer_failed(&writer));
    sum = checksum_add(checksum_pseudo(peer.address, local.address, PROTOCOL_TCP, packet->length), packet_span(packet));
    writer_patch_u16(&writer, 16, (uint16_t)~checksum_fold(sum));
    ip_build(packet, &(struct ip_template){ .source = peer.address, .destination = local.address,
                                            .protocol = PROTOCOL_TCP, .ttl = 64 });
    arrive(bench, user->host, packet);
}

/* The bytes of a segment as they come from the input. */
static void
forge_raw(struct bench *bench)
{
    int host = reader_u8(&bench->input) & 1;
    struct span bytes = reader_span(&bench->input, reader_u8(&bench->input) % 80);
    size_t length = bytes.length;
    struct packet *packet;
    uint16_t sum;

    if (length < TCP_HEADER)
        return; /* the header check sees to those */
    packet = packet_new(bench->world, length);
    memcpy(packet->data, bytes.bytes, length);
    packet->data[16] = packet->data[17] = 0;
    sum = (uint16_t)~checksum_fold(checksum_add(checksum_pseudo(node_address(bench->hosts[!host], FAMILY_IPV4),
                                                                node_address(bench->hosts[host], FAMILY_IPV4),
                                                                PROTOCOL_TCP, (uint32_t)length),
                                                packet_span(packet)));
    packet->data[16] = (uint8_t)(sum >> 8);
    packet->data[17] = (uint8_t)sum;
    ip_build(packet, &(struct ip_template){ .source = node_address(bench->hosts[!host], FAMILY_IPV4),
                                            .destination = node_address(bench->hosts[host], FAMILY_IPV4),
                                            .protocol = PROTOCOL_TCP, .ttl = 64 });
    arrive(bench, host, packet);
}

/* An ICMP error about a segment of `user`. */
static void
forge_error(struct bench *bench)
{
    struct user *user = &bench->users[reader_u8(&bench->input) % SOCKETS];
    uint8_t type = reader_u8(&bench->input), code = reader_u8(&bench->input) % 16;
    uint16_t info = reader_u16(&bench->input);
    int8_t off = (int8_t)reader_u8(&bench->input);
    const struct tcp_machine *machine;
    struct io_icmp icmp = { .type = type, .code = code, .info = info };
    struct packet *packet;
    struct stack *stack = node_stack(bench->hosts[user->host]);

    if (!user->tcp || user->listens)
        return;
    machine = tcp_machine_of(user->tcp);
    icmp.local = user->tcp->ops->local(user->tcp);
    icmp.peer = user->tcp->ops->peer(user->tcp);
    packet = packet_new(bench->world, 0);
    if (tcp_error(stack_tcp(stack), packet, &icmp, machine->snd_una + (uint32_t)off))
        packet_deliver(bench->world, packet);
    else
        packet_drop(stack->node, packet, DROP_NO_SOCKET);
}

static void
set_link(struct bench *bench)
{
    uint8_t what = reader_u8(&bench->input);
    struct link_options options = link_defaults;
    struct link *link = port_link(bench->ports[0]);

    options.delay = TIME_MS * (what & 15);
    options.loss = what & 16 ? chance_of(0.3) : 0;
    options.duplicate = what & 32 ? chance_of(0.3) : 0;
    options.reorder = what & 64 ? chance_of(0.3) : 0;
    options.off = what == 255;
    wire_set(what & 128 ? &link->up : &link->down, &options);
}

/* ---- all of it */

static void
check_machine(const struct tcp_machine *machine)
{
    const struct tcp_settings *settings = machine->settings;

    if (machine->state == TCP_CLOSED || machine->state < TCP_ESTABLISHED)
        return;
    g_assert(seq_up_to(machine->snd_una, machine->snd_nxt));
    g_assert(seq_up_to(machine->rcv_nxt, machine->rcv_adv));
    g_assert(machine->in.used <= settings->receive_buffer && machine->out.used <= settings->send_buffer);
    g_assert(machine->rcv_adv - machine->rcv_nxt <= settings->receive_buffer + 1);
    g_assert(machine->cwnd > 0 && machine->mss >= TCP_MSS_MIN);
    g_assert(seq_up_to(machine->snd_una, machine->rtx_nxt) && seq_up_to(machine->rtx_nxt, machine->rtx_end));
    g_assert(seq_up_to(machine->rtx_end, machine->snd_nxt));
    for (uint32_t i = 0; i < machine->behind.count; i++)
        g_assert(seq_before(i ? machine->behind.runs[i - 1].right : machine->rcv_nxt, machine->behind.runs[i].left));
    for (uint32_t i = 0; i < machine->sacked.count; i++)
        g_assert(seq_up_to(machine->snd_una, machine->sacked.runs[i].left) &&
                 seq_up_to(machine->sacked.runs[i].right, machine->snd_nxt));
    if (tcp_machine_busy(machine, machine->heard_at))
        g_assert(tcp_machine_deadline(machine) != TIME_NEVER); /* who is busy wakes up again */
}

static void
advance(struct bench *bench)
{
    static const int64_t spans[] = { TIME_MS, 10 * TIME_MS, 100 * TIME_MS, TIME_S, 10 * TIME_S, 100 * TIME_S,
                                     30 * TIME_MIN, 180 * TIME_MIN };
    uint8_t what = reader_u8(&bench->input);

    world_run(bench->world, bench->world->now + spans[what % G_N_ELEMENTS(spans)] * (what >> 5));
}

static void
step(struct bench *bench)
{
    switch (reader_u8(&bench->input) % 8) {
    case 0:
    case 1:
        use(bench);
        break;
    case 2:
    case 3:
        forge(bench);
        break;
    case 4:
        forge_error(bench);
        break;
    case 5:
        set_link(bench);
        break;
    case 6:
        forge_raw(bench);
        break;
    default:
        advance(bench);
    }
    for (int i = 0; i < SOCKETS; i++)
        if (bench->users[i].tcp && !bench->users[i].listens)
            check_machine(tcp_machine_of(bench->users[i].tcp));
    g_assert(net_balanced(bench->world));
}

static void
start(struct bench *bench)
{
    struct port *port;

    bench->journal.take = take;
    bench->said = g_string_new(NULL);
    bench->fields.number = on_number;
    bench->fields.text = on_text;
    bench->world = world_new(1);
    bench->world->journal = &bench->journal;
    bench->hosts[0] = node_new(bench->world, "A");
    bench->hosts[1] = node_new(bench->world, "B");
    port = bench->ports[0] = node_connect(bench->hosts[0], bench->hosts[1], &link_defaults, &link_defaults);
    bench->ports[1] = port_peer(port);
    node_add_address(bench->hosts[0], bench->ports[0], address_ipv4(0xc0000201), 1, 24);
    node_add_address(bench->hosts[1], bench->ports[1], address_ipv4(0xc6336401), 1, 24);
    node_set_default(bench->hosts[0], bench->ports[0], ADDRESS_NONE);
    node_set_default(bench->hosts[1], bench->ports[1], ADDRESS_NONE);
    for (int i = 0; i < SOCKETS; i++)
        bench->users[i] = (struct user){ .bench = bench, .host = i & 1 };
}

static void
end(struct bench *bench)
{
    struct link *link = port_link(bench->ports[0]);

    wire_set(&link->up, &link_defaults);
    wire_set(&link->down, &link_defaults);
    bench->input = reader_over(span_of(NULL, 0)); /* its readers give 0 from here on */
    bench->in_call = true;
    for (int i = 0; i < SOCKETS; i++)
        close_user(&bench->users[i], false);
    bench->in_call = false;
    world_run(bench->world, bench->world->now + 60 * TIME_MIN);
    g_assert(world_quiet(bench->world) && net_balanced(bench->world));
    for (int i = 0; i < 2; i++)
        g_assert(tcp_connection_count(stack_tcp(node_stack(bench->hosts[i]))) == 0);
    world_free(bench->world);
    g_string_free(bench->said, TRUE);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    struct bench bench = { .input = reader_over(span_of(bytes, length)) };

    start(&bench);
    for (int i = 0; i < STEPS && reader_left(&bench.input) > 0; i++)
        step(&bench);
    end(&bench);
    return 0;
}
