/* STUN over TCP (RFC 8489 section 6.2.2): a `struct io_udp` whose datagrams are the messages on one connection.
 *
 * So an engine that speaks over UDP speaks over TCP too: clients and servers send messages, and get them whole,
 * whatever the segments were. What differs is told by the owner's `ended`: the peer has closed, the connection has
 * failed, or something came that is no message (framing.h), after which there is no place to go on from. Then nothing
 * more comes, and the owner closes the socket.
 *
 * Messages that are sent before the connection stands go when it does. What TCP does not take at once waits, up to a
 * bound beyond which `send` says IO_FULL; while anything waits nothing is read, so that a peer who takes no answers
 * gets no more questions answered. A message of ChannelData is padded on its way out. */
#ifndef PROTO_STUN_STREAM_H
#define PROTO_STUN_STREAM_H

#include "core/base/io.h"
#include "proto/stun/framing.h"

struct stun_stream;

struct stun_stream_events {
    struct io_udp_events udp; /* `datagram` gets each message; `icmp` is never called */
    /* `why`: IO_CLOSED at the peer's FIN; the failure; IO_OK for a `fault`. */
    void (*ended)(void *owner, struct io_udp *udp, enum io_result why, enum stun_fault fault);
    /* All that came whole has been handed out, and a part of the next message is there. NULL: not interested. */
    void (*partial)(void *owner, struct io_udp *udp);
};

struct stun_stream_options {
    enum stun_channels channels; /* ChannelData too */
    size_t most;                 /* the longest message that is taken */
    size_t backlog;              /* bytes that may wait to be sent */
};

/* A STUN message of any length, and a few answers. */
#define STUN_STREAM_DEFAULTS ((struct stun_stream_options){ .most = STUN_HEADER_BYTES + 65532, .backlog = 65536 })

/* Takes over `tcp`, connected or connecting, and hears its events from now on. Nobody has read from it. Closing the
 * socket closes the connection, with what was sent still delivered. */
struct io_udp *stun_stream_take(struct io_tcp *tcp, const struct stun_stream_options *options,
                                const struct stun_stream_events *events, void *owner);

/* Closes it with a RST. */
void stun_stream_reset(struct io_udp *udp);

/* Ends the stream without closing the connection, which goes to the caller: from here on it carries something else (RFC
 * 6062 section 5.4). `received` gets what has come and was not handed out, `unsent` what TCP has not taken yet. The
 * caller sets who hears the events, and does not wait for one to begin: those there were have been heard already. */
struct io_tcp *stun_stream_release(struct io_udp *udp, GByteArray **received, GByteArray **unsent);

struct endpoint stun_stream_peer(const struct io_udp *udp);

#endif
