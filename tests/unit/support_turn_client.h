/* A TURN client on a host made of nothing (support_io.h), and the other side by hand: what the client asks is taken and
 * decoded, and the test says what the server answers.
 *
 *     turn_start(&options);
 *     CHECK(turn_asked(STUN_ALLOCATE));
 *     client_allocate(600);                               a success with all that belongs there
 *     fake_io_advance(turn.host, 540 * TIME_S);
 *     CHECK(turn_asked(STUN_REFRESH));
 *     turn_refuse(STUN_CODE_ALLOCATION_MISMATCH);
 *
 * Answers have integrity when `turn.key` is there. Nothing here needs CUnit but `turn_asked`. */
#ifndef TESTS_UNIT_SUPPORT_TURN_CLIENT_H
#define TESTS_UNIT_SUPPORT_TURN_CLIENT_H

#include "proto/turn/channel_data.h"
#include "proto/turn/client.h"
#include "tests/unit/support_io.h"

#define TURN_REALM "example.org"

struct turn_got {
    struct endpoint peer;
    char text[64];
};

struct turn_world {
    struct fake_io *host;
    struct turn_client *client;
    struct io_udp *relay;
    struct endpoint own, server, relayed, mapped, peer, other;
    const char *nonce;
    struct stun_key *key;                          /* NULL: an open server */
    GArray *news;                                  /* struct turn_client_news: all that was told */
    GArray *got;                                   /* struct turn_got: what came out of the relay */
    GArray *icmp;                                  /* struct io_icmp, likewise */
    void (*then)(const struct turn_client_news *); /* what the owner does when it is told; NULL: nothing */
    void (*deliver)(struct span message); /* how messages come from the server; NULL: as datagrams */
    unsigned dones;                                /* calls of turn_on_done, and what the last one said */
    struct turn_client_failure failure;
    struct endpoint done_peer;
    int64_t at;                          /* when the last request went */
    struct endpoint from, to;            /* its way */
    uint8_t request_bytes[2048];
    struct stun_message request;
    uint8_t answer_bytes[2048];
    struct stun_builder answer;
};

extern struct turn_world turn;

void turn_set_up(void);
void turn_tear_down(void);

/* A client with `options`, whose server is turn.server unless it says another. */
void turn_start(const struct turn_client_options *options);
void turn_login(const char *password); /* what the server expects of "alice" */

/* Takes the oldest message that the client has sent; whether it is a request (or indication) of this method. */
bool turn_asked(enum stun_method method);
/* Whether the request has the attribute; its number. */
bool turn_has(uint16_t type);
uint64_t turn_number(uint16_t type);
struct endpoint turn_endpoint(uint16_t type);

/* Begins an answer to that request; attributes go into turn.answer; then it is sent. */
void turn_begin(enum stun_class class);
void turn_send(void);
void turn_grant(void); /* a success without attributes */
void client_allocate(uint32_t lifetime);
void client_refresh(uint32_t lifetime);
void turn_refuse(enum stun_code code);
void turn_challenge(enum stun_code code, const char *nonce); /* 401 or 438 */

/* The whole way to an allocation of 600 s, and more. */
void turn_hold(const struct turn_client_options *options);
void client_permit(struct endpoint peer);
uint16_t client_bind(struct endpoint peer);

/* From the server: a Data indication, with ICMP where `icmp` is not 0 and else with data; ChannelData. */
void turn_data(struct endpoint peer, const char *text, uint64_t icmp);
void turn_channel(uint16_t number, const char *text);
/* From the client, through the relay. */
enum io_result turn_write(struct endpoint peer, const char *text);

void turn_on_done(void *owner, struct turn_client *client, struct endpoint peer,
                  const struct turn_client_failure *failure);
const struct turn_client_news *turn_told(void); /* the last news; one of zeros before the first */

#endif
