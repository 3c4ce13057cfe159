/* UDP sockets for scripts. What arrives is kept until the script takes it; a socket that is forgotten stays open until
 * the run ends, so that nothing depends on when Lua's collector runs. */
#ifndef SCENARIOS_RUNNER_LUA_SOCKET_H
#define SCENARIOS_RUNNER_LUA_SOCKET_H

#include "core/net/stack.h"
#include "scenarios/runner/lua/node_words.h"
#include "scenarios/runner/lua/open.h"
#include "scenarios/runner/lua/stun_words.h"

struct arrival; /* a datagram or an ICMP error that waits to be taken */

/* Who shares a socket with the script, and is offered what arrives before it: true, it was his (rtp_words.c). He goes before
 * the socket does, or is told. */
struct socket_guest {
    bool (*datagram)(struct socket_guest *guest, struct io_udp *udp, const struct io_datagram *datagram);
    void (*ended)(struct socket_guest *guest);
};

struct socket_handle {
    struct handle handle;
    struct script *script;
    struct open_thing open;
    struct lab_node *host;
    struct io *io;
    struct io_udp *udp;           /* NULL: closed */
    struct endpoint own;          /* as it was opened; the address none when it has all of the host's */
    bool errors;                  /* ICMP errors end recv */
    struct arrival *first, *last;
    size_t waiting_bytes;         /* of what waits to be taken */
    struct waits readers;
    struct stun_inquiries stun;
    struct socket_guest *guest;   /* NULL: none */
};

extern const struct type socket_type;

/* host:udp(port or nil, {ip=, errors=}). */
int socket_word_udp(struct script *script, lua_State *L);

/* --- for handles that are sockets and more (relay.c), and begin with struct socket_handle */

/* Nothing can be sent or received yet. */
void socket_begin(struct socket_handle *socket, struct script *script, struct lab_node *host, bool errors);
/* What arrives on `udp` waits in the socket from now on. Its owner closes it. */
void socket_hear(struct socket_handle *socket, struct io_udp *udp);
/* And what is sent goes there. */
void socket_take(struct socket_handle *socket, struct io_udp *udp);
/* Nothing can any more, and what waited is dropped. */
void socket_end(struct socket_handle *socket);

/* Sends, and pays for it; for `return`: the packet's name, or nil and the reason. */
int socket_send(lua_State *L, struct io_udp *udp, struct io_datagram *datagram);
/* The same in two parts, for who has reasons of its own. */
enum io_result socket_try(lua_State *L, struct io_udp *udp, struct io_datagram *datagram);
int socket_push_sent(lua_State *L, const struct io_datagram *datagram);

int socket_word_send(struct script *script, lua_State *L);
int socket_word_recv(struct script *script, lua_State *L);

/* socket:stun(server, {}) (stun_words.c). */
int socket_word_stun(struct script *script, lua_State *L);

/* Meets a limit when scripts have too many packets under way to send more. */
void socket_check_room(lua_State *L);

/* nil, the word for `result`; raises for what is the script's mistake. */
int push_io_failure(lua_State *L, enum io_result result);
/* The reason that an ICMP error is to a script: "refused", "unreachable", "too-big", "ttl-exceeded". */
const char *icmp_reason_word(const struct io_icmp *icmp);
/* {from=, to=, type=, code=, mtu=}, pushed. */
void push_icmp_detail(lua_State *L, const struct io_icmp *icmp);

/* "A.3", pushed. */
void push_packet_name(lua_State *L, uint64_t packet);

#endif
