/* The messages of connectivity checks: what a Binding request, its success and its error response carry in ICE
 * (RFC 8445 sections 7.1, 7.2.2 and 7.3; RFC 7675 section 5.1 for consent).
 *
 * Pure: a check is a plain value, written into the caller's buffer and read from a decoded message. Credentials are
 * short-term (RFC 8489 section 9.1): a request has USERNAME "receiver's ufrag:sender's ufrag" and is keyed, as its
 * response is, with the receiver's password. MESSAGE-INTEGRITY (SHA-1) and FINGERPRINT are mandatory. A message is
 * verified here, once, and nowhere else. */
#ifndef PROTO_ICE_CHECK_H
#define PROTO_ICE_CHECK_H

#include "proto/stun/auth.h"
#include "proto/stun/integrity.h"

#define ICE_UFRAG_LEAST 4 /* RFC 8839 section 5.4 */
#define ICE_UFRAG_MOST 256
#define ICE_PWD_LEAST 22
#define ICE_PWD_MOST 256

/* Room for each message that is written here: two ufrags of the greatest length included. */
#define ICE_MESSAGE_BYTES 768

/* What a request says. */
struct ice_check {
    struct stun_id id;
    uint32_t priority;   /* PRIORITY */
    uint64_t tiebreaker; /* of ICE-CONTROLLING or ICE-CONTROLLED */
    bool controlling;    /* which of the two */
    bool has_role;       /* read: false when it has neither, as before RFC 5245 */
    bool use_candidate;  /* USE-CANDIDATE */
};

/* A check; no bytes when it doesn't fit. `key` is made of the receiver's password. */
struct span ice_check_write(const struct ice_check *check, struct span receiver, struct span sender,
                            const struct stun_key *key, void *buffer, size_t capacity);

/* The agent that a request is for, if it has a USERNAME of the right form: its first part. Empty otherwise. For owners
 * of a socket that several agents share. */
struct span ice_check_receiver(const struct stun_message *message);

/* How a request was found. `code` is 0: it is proven, and `check` holds what it says; else the code of the error
 * response:
 *   400  no MESSAGE-INTEGRITY or no USERNAME (RFC 8489 section 9.1.3); no PRIORITY or one of 0, or a malformed
 * attribute
 *   401  the USERNAME is not for `ufrag`, or the integrity is wrong
 *   420  an attribute that must be understood is not
 * `seal` protects the response: its key is NULL when the request proves nothing. */
struct ice_proof {
    bool drop; /* no answer at all: FINGERPRINT is missing or wrong (RFC 8489 section 7) */
    uint16_t code;
    struct stun_seal seal;
    struct ice_check check;
    struct stun_types unknown; /* of 420 */
};

/* Proves a Binding request for the agent whose ufrag and key (of its own password) these are. */
void ice_check_read(const struct stun_message *message, struct span ufrag, const struct stun_key *key,
                    struct ice_proof *proof);

/* The response to `request`: XOR-MAPPED-ADDRESS = `mapped` when `proof->code` is 0, else ERROR-CODE. */
struct span ice_answer_write(const struct stun_header *request, const struct ice_proof *proof, struct endpoint mapped,
                             void *buffer, size_t capacity);

/* What a response says, when it is the peer's. */
enum ice_answer_kind {
    ICE_ANSWER_SUCCESS,
    ICE_ANSWER_ERROR,
    ICE_ANSWER_UNPROVEN, /* integrity or fingerprint missing or wrong: as if it had not come (RFC 8489 section 9.1.4) */
    ICE_ANSWER_MALFORMED, /* proven, but it lacks XOR-MAPPED-ADDRESS or ERROR-CODE, or demands what is not understood */
};

struct ice_answer {
    enum ice_answer_kind kind;
    struct endpoint mapped; /* of SUCCESS */
    uint16_t code;          /* of ERROR */
};

/* `key` is that of the request. */
struct ice_answer ice_answer_read(const struct stun_message *message, const struct stun_key *key);

/* A keepalive: a Binding indication with FINGERPRINT and nothing else (RFC 8445 section 11). */
struct span ice_keepalive_write(const struct stun_id *id, void *buffer, size_t capacity);

#endif
