/* A TURN server on a fake host, and clients who speak to it message by message. */
#ifndef TESTS_UNIT_SUPPORT_TURN_H
#define TESTS_UNIT_SUPPORT_TURN_H

#include "proto/stun/credentials.h"
#include "proto/turn/server.h"
#include "tests/unit/support_io.h"

#define TURN_REALM "example.org"
#define TURN_SERVER_AT "198.51.100.1:3478"
#define TURN_PEER "203.0.113.9:7000"

/* One client: where it speaks from and who it is. */
struct turn_speaker {
    struct endpoint at;
    struct stun_credentials *credentials;
    struct endpoint relayed; /* of the last Allocate that succeeded */
};

/* A request being written, and afterwards what came back. */
struct turn_ask {
    struct turn_speaker *speaker;
    struct stun_builder builder;
    struct stun_header header;
    unsigned sent; /* for the judge of credentials */
    uint8_t buffer[2048];
    uint8_t answer_bytes[4096];
    struct stun_message answer;
};

extern struct fake_io *turn_host;
extern struct turn_server *turn_under_test;

/* Server with users alice/secret and bob/hidden; `options` may be changed before. */
void turn_bench_open(struct turn_server_options *options);
/* What a server of these tests has, to be changed: no users yet. */
struct turn_server_options turn_bench_options(void);
/* Checks that nothing is left. */
void turn_bench_close(void);

struct endpoint turn_at(const char *text);
/* A client who has been challenged already, so that its next request proves itself. */
struct turn_speaker turn_speaker_new(const char *at, const char *user, const char *password);
void turn_speaker_clear(struct turn_speaker *speaker);

void turn_ask_begin(struct turn_ask *ask, struct turn_speaker *speaker, uint16_t method);
/* Proves and sends it; the error code, 0 for success, -1 when no answer came, -2 when it is not to be trusted. */
int turn_ask_send(struct turn_ask *ask);
/* The same bytes once more. */
int turn_ask_repeat(struct turn_ask *ask);

/* The halves of it, where the bytes travel otherwise. */
struct span turn_ask_seal(struct turn_ask *ask);
int turn_ask_judge(struct turn_ask *ask, struct span answer);

/* Whole requests. */
int turn_speaker_allocate(struct turn_speaker *speaker);
int turn_speaker_refresh(struct turn_speaker *speaker, uint32_t lifetime);
int turn_speaker_permit(struct turn_speaker *speaker, const char *peer);
int turn_speaker_bind(struct turn_speaker *speaker, unsigned number, const char *peer);

/* Data of a client. */
void turn_send_data(struct turn_speaker *speaker, const char *peer, const char *data);
void turn_send_channel(struct turn_speaker *speaker, unsigned number, const char *data);
/* A datagram of a peer arrives at the client's relayed address. */
bool turn_peer_says(struct turn_speaker *speaker, const char *peer, const char *data);

/* The next datagram that the server sends must be this one. */
bool turn_sent(const char *from, const char *to, const char *data);
/* The next must be a Data indication, or ChannelData on `channel`. */
bool turn_sent_data(struct turn_speaker *speaker, const char *peer, const char *data);
bool turn_sent_channel(struct turn_speaker *speaker, unsigned channel, const char *data);
/* Nothing was sent. */
bool turn_silent(void);

#endif
