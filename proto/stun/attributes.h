/* The values of attributes: one decoder and one encoder for each layout of the registry (RFC 8489 section 14).
 *
 * A decoder takes a message as it is and borrows from it. Text is bytes: it should be UTF-8, but a peer may send what
 * it likes, so whoever shows it checks it. The encoders below `stun_attribute_write` are short forms for senders;
 * like all of the builder they fail stickily, also on a value that section 14 forbids to send. */
#ifndef PROTO_STUN_ATTRIBUTES_H
#define PROTO_STUN_ATTRIBUTES_H

#include "core/base/address.h"
#include "proto/stun/builder.h"

/* Two are registered; a list of more than this is refused. */
#define STUN_MAX_ALGORITHMS 8

/* ERROR-CODE: 300 to 699, and a phrase for people. ADDRESS-ERROR-CODE also says which of two addresses it is about. */
struct stun_error {
    uint16_t code;
    enum family family; /* FAMILY_NONE in ERROR-CODE */
    struct span phrase;
};

struct stun_algorithm {
    uint16_t number; /* enum stun_password_algorithm, or one we don't know */
    struct span parameters;
};

struct stun_algorithms {
    uint16_t count;
    struct stun_algorithm items[STUN_MAX_ALGORITHMS];
};

/* A decoded value: the member that `format` names. */
struct stun_value {
    uint16_t type;
    enum stun_format format;
    union {
        struct span bytes;                 /* RAW, WORDS, TEXT, PHRASE */
        struct endpoint endpoint;          /* ENDPOINT, XOR_ENDPOINT (as it was meant: not XORed) */
        struct stun_error error;           /* ERROR, FAMILY_ERROR */
        struct stun_types types;           /* TYPES */
        struct stun_algorithm algorithm;   /* ALGORITHM */
        struct stun_algorithms algorithms; /* ALGORITHMS */
        uint64_t number;                   /* U32, U64, PORT, BYTE, OCTET */
    };
};

/* Decodes one attribute. False when its value is malformed. */
bool stun_attribute_read(const struct stun_message *message, const struct stun_attribute *attribute,
                         struct stun_value *value);

/* Appends one attribute, by `value->type` and `value->format`. HMACs and fingerprints go out as the bytes they are. */
void stun_attribute_write(struct stun_builder *builder, const struct stun_value *value);

/* Finds and decodes the first attribute of `type`. */
enum stun_found { STUN_ABSENT, STUN_PRESENT, STUN_MALFORMED };
enum stun_found stun_message_get(const struct stun_message *message, uint16_t type, struct stun_value *value);

/* The family that REQUESTED-ADDRESS-FAMILY and its kin say: 1 is IPv4, 2 is IPv6. FAMILY_NONE for any other number. */
enum family stun_family_of(uint64_t number);
uint8_t stun_family_number(enum family family);

/* XORs or not, as `type` asks for. */
void stun_put_endpoint(struct stun_builder *builder, uint16_t type, struct endpoint endpoint);
void stun_put_text(struct stun_builder *builder, uint16_t type, struct span text);
void stun_put_number(struct stun_builder *builder, uint16_t type, uint64_t number);
void stun_put_flag(struct stun_builder *builder, uint16_t type);
/* With the phrase that the RFC recommends. */
void stun_put_error(struct stun_builder *builder, enum stun_code code);
/* ADDRESS-ERROR-CODE, likewise. */
void stun_put_family_error(struct stun_builder *builder, enum family family, enum stun_code code);
void stun_put_unknown(struct stun_builder *builder, const struct stun_types *unknown);
void stun_put_algorithm(struct stun_builder *builder, enum stun_password_algorithm algorithm);
void stun_put_algorithms(struct stun_builder *builder, const struct stun_algorithms *algorithms);

#endif
