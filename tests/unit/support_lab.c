#include "tests/unit/support_lab.h"

#include "core/net/net.h"
#include "core/net/stack.h"
#include "nat/presets.h"

struct lab *test_lab;

void
test_lab_begin(void)
{
    test_lab = lab_new(1);
}

void
test_lab_end(void)
{
    CHECK(net_balanced(test_lab->world));
    lab_free(test_lab);
    test_lab = NULL;
}

struct lab_network *
net_called(const char *name)
{
    for (guint i = 0; i < test_lab->networks->len; i++) {
        struct lab_network *network = test_lab->networks->pdata[i];

        if (strcmp(network->name, name) == 0)
            return network;
    }
    g_error("no network '%s'", name);
}

struct node *
node_called(const char *name)
{
    struct lab_node *node = lab_find(test_lab, name);

    if (!node)
        g_error("no node '%s'", name);
    return node->node;
}

struct lab_network *
make_internet(void)
{
    struct lab_network *network = lab_internet(test_lab, "internet", NULL, NULL, NULL);

    g_assert(network);
    return network;
}

struct node *
make_host(struct lab_network *network, const char *name, const char *addresses)
{
    g_autoptr(GError) error = NULL;
    struct node *made = lab_host(network, name, addresses, NULL, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

struct lab_network *
make_nat(struct lab_network *network, const char *name, const char *addresses, const char *type, const char *lan)
{
    g_autoptr(GError) error = NULL;
    const struct nat_preset *preset = nat_preset_find(type);
    struct lab_network *made = lab_nat(network, name, addresses, &preset->options, type, lan, NULL, NULL, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

struct lab_network *
make_firewall(struct lab_network *network, const char *name, const char *addresses, const char *lan)
{
    g_autoptr(GError) error = NULL;
    const struct nat_preset *preset = nat_preset_find("firewall");
    struct lab_network *made =
        lab_firewall(network, name, addresses, &preset->options, "firewall", lan, NULL, NULL, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

struct lab_network *
make_router(struct lab_network *network, const char *name, const char *addresses, const char *lan)
{
    g_autoptr(GError) error = NULL;
    struct lab_network *made = lab_router(network, name, addresses, lan, NULL, NULL, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

struct lab_interface *
make_attached(const char *node, struct lab_network *network, const char *addresses, bool make_default)
{
    g_autoptr(GError) error = NULL;
    struct lab_interface *made = lab_attach(lab_find(test_lab, node), network, addresses, NULL, make_default, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

struct address
read_address(const char *text)
{
    struct address read = ADDRESS_NONE;

    if (!address_parse(text, &read))
        g_error("%s", text);
    return read;
}

void
check_address(struct address got, const char *expected, const char *row)
{
    char text[ADDRESS_TEXT];

    CHECK_ROW_TEXT(row, address_format(got, text), expected);
}

static void
hear(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct listener *listener = owner;

    (void)udp;
    listener->from = datagram->peer;
    listener->heard++;
}

static const struct io_udp_events listener_events = { hear, NULL };

void
listen_at(struct listener *listener, const char *node, uint16_t port)
{
    struct io *io = node_io(node_called(node));
    enum io_result why = IO_OK;

    *listener = (struct listener){ 0 };
    listener->socket = io->ops->udp(io, &(struct endpoint){ .port = port }, &listener_events, listener, &why);
    CHECK(why == IO_OK);
}

enum io_result
say_to(struct listener *listener, const char *to, uint16_t port)
{
    struct endpoint peer = { read_address(to), port };
    struct io_datagram datagram = IO_DATAGRAM_TO(peer, span_of_text("hello"));

    return listener->socket->ops->send(listener->socket, &datagram);
}

void
run_for(int64_t time)
{
    world_run(test_lab->world, test_lab->world->now + time);
}

bool
reaches(const char *from, const char *to, const char *address)
{
    struct listener near, far;
    bool both;

    listen_at(&near, from, 5000);
    listen_at(&far, to, 7);
    (void)say_to(&near, address, 7);
    run_for(TIME_S);
    if (far.heard) {
        struct io_datagram answer = IO_DATAGRAM_TO(far.from, span_of_text("hello yourself"));

        (void)far.socket->ops->send(far.socket, &answer);
        run_for(TIME_S);
    }
    both = far.heard == 1 && near.heard == 1;
    near.socket->ops->close(near.socket);
    far.socket->ops->close(far.socket);
    return both;
}
