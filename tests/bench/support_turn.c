#include "tests/bench/support_turn.h"

#include <glib.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/live/sockaddr.h"
#include "proto/stun/attributes.h"
#include "tests/bench/support_load.h"

enum { TRIES = 3 };

int
turn_load_socket(struct endpoint server, int type, unsigned host)
{
    struct timeval patience = { .tv_sec = 1 };
    struct endpoint own = { address_ipv4(INADDR_LOOPBACK - 1 + host), 0 };
    union live_sockaddr name;
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    if (fd < 0 || bind(fd, &name.any, live_sockaddr_write(&name, AF_INET, own, 0)) != 0 ||
        connect(fd, &name.any, live_sockaddr_write(&name, AF_INET, server, 0)) != 0)
        g_error("load: a client's socket");
    return fd;
}

/* The success response to `request`, in `buffer`. Over TCP it comes alone, and as a whole. */
static bool
ask(int fd, struct span request, uint8_t buffer[LOAD_MESSAGE], struct stun_message *answer)
{
    for (int i = 0; i < TRIES; i++) {
        ssize_t length = send(fd, request.bytes, request.length, MSG_NOSIGNAL);

        if (length >= 0)
            length = recv(fd, buffer, LOAD_MESSAGE, 0);
        if (length > 0 && stun_message_decode(span_of(buffer, (size_t)length), answer) == STUN_FAULT_NONE)
            return answer->header.class == STUN_SUCCESS;
    }
    return false;
}

static void
begin(struct stun_builder *builder, uint8_t buffer[LOAD_MESSAGE], uint16_t method)
{
    struct stun_header header = { STUN_REQUEST, method, STUN_COOKIE, { { 1 } } };

    stun_builder_begin(builder, buffer, LOAD_MESSAGE, &header);
}

bool
turn_load_allocate(int fd, struct endpoint *relayed)
{
    uint8_t buffer[LOAD_MESSAGE];
    struct stun_builder builder;
    struct stun_message answer;
    struct stun_value value;

    begin(&builder, buffer, STUN_ALLOCATE);
    stun_put_number(&builder, STUN_REQUESTED_TRANSPORT, PROTOCOL_UDP);
    stun_put_number(&builder, STUN_LIFETIME, 3600);
    if (!ask(fd, stun_builder_finish(&builder), buffer, &answer) ||
        stun_message_get(&answer, STUN_XOR_RELAYED_ADDRESS, &value) != STUN_PRESENT)
        return false;
    *relayed = value.endpoint;
    return true;
}

static bool
ask_for_peer(int fd, uint16_t method, struct endpoint peer)
{
    uint8_t buffer[LOAD_MESSAGE];
    struct stun_builder builder;
    struct stun_message answer;

    begin(&builder, buffer, method);
    if (method == STUN_CHANNEL_BIND)
        stun_put_number(&builder, STUN_CHANNEL_NUMBER, TURN_LOAD_CHANNEL);
    stun_put_endpoint(&builder, STUN_XOR_PEER_ADDRESS, peer);
    return ask(fd, stun_builder_finish(&builder), buffer, &answer);
}

bool
turn_load_bind(int fd, struct endpoint peer)
{
    return ask_for_peer(fd, STUN_CHANNEL_BIND, peer);
}

bool
turn_load_permit(int fd, struct endpoint peer)
{
    return ask_for_peer(fd, STUN_CREATE_PERMISSION, peer);
}
