/* What a NAT is, from what has been seen of it: a machine that is given evidence and answers in the words of RFC 4787,
 * or "can't tell", with the reason. It never guesses: a test that was lost, that the server does not serve, or that the
 * server may have lied about, proves nothing.
 *
 * The questions are those of RFC 5780 section 4, with what that leaves open closed: the mapping is looked at from
 * another socket than the filtering, because an answer that was admitted may change what comes after it; that nothing
 * came from the server's second address means something only if it can come, so that is shown afterwards: a control has
 * the server answer from there to the mapping by which it was asked there, which lets it in whatever the filter. Where
 * mappings depend on the destination only RESPONSE-PORT leads to that one, RFC 3489's RESPONSE-ADDRESS with a classic
 * server; one that serves neither leaves it open who was silent. What filters is the whole way, the server's own side
 * included. Beside it stands what the algorithm of RFC 3489 section 10.1 would have said, right or wrong.
 *
 * Silence is evidence only where it was not loss. A question is asked STUN_REQUESTS_FOR_SILENCE times, and what was
 * answered in the end tells how much is lost on the way; where that is more than four round trips in ten, silence means
 * nothing. A request that was followed by another before its answer could be there was not lost: a round trip takes as
 * long as the quickest answer did. Where each of two links loses 5 % each way, a round trip fails in 19 of 100 cases and all sixteen in 3 of
 * 10^12. At worst, when more is lost than the answers let see, one silence in some hundred thousand is wrong. A hairpin
 * is off only when each of 24 packets failed; where ports must be foretold for it, when STUN_HAIRPIN_PAIRS - 1 such
 * pairs were silent. */
#ifndef PROTO_STUN_CLASSIFY_H
#define PROTO_STUN_CLASSIFY_H

#include <glib.h>

#include "core/base/address.h"
#include "proto/stun/registry.h"

#define STUN_REQUESTS_FOR_SILENCE 16

/* What became of a question. */
enum stun_seen {
    STUN_SEEN_NOTHING,     /* it was not asked */
    STUN_SEEN_ANSWER,      /* from where it should come */
    STUN_SEEN_ASTRAY,      /* an answer from somewhere else: the server did not do what it was asked */
    STUN_SEEN_SILENCE,     /* no request was answered */
    STUN_SEEN_REFUSED,     /* an error response */
    STUN_SEEN_GARBLED,     /* a response that says nothing */
    STUN_SEEN_SPOILT,      /* responses that something on the way had changed: FINGERPRINT was wrong */
    STUN_SEEN_UNREACHABLE, /* an ICMP error, or the own host would not send */
};

/* The server's four places: which address and which port, or-ed. 0: those it is known by. */
enum stun_corner { STUN_CORNER_ADDRESS = 1, STUN_CORNER_PORT = 2, STUN_CORNER_BOTH = 3 };

/* The sockets that ask, each with a port of its own. */
enum stun_asker { STUN_ASKER_FILTERING, STUN_ASKER_MAPPING, STUN_ASKER_PADDED, STUN_ASKERS };

/* clang-format off */
/* In the order in which they are asked.
 *    name               asker      asks     answered by   sentence */
#define STUN_QUESTIONS(X) \
    X(FIRST,             FILTERING, 0,       0,       "the server is asked") \
    X(FROM_BOTH,         FILTERING, 0,       BOTH,    "it is asked to answer from its other address and port") \
    X(FROM_PORT,         FILTERING, 0,       PORT,    "it is asked to answer from its other port") \
    X(TO_BOTH,           FILTERING, BOTH,    BOTH,    "its other address and port are asked") \
    X(TO_PORT,           FILTERING, PORT,    PORT,    "its other port is asked") \
    X(CONTROL_BOTH,      FILTERING, 0,       BOTH,    "after that, it is asked again to answer from its other address and port") \
    X(CONTROL_PORT,      FILTERING, 0,       PORT,    "after that, it is asked again to answer from its other port") \
    X(FIRST_AGAIN,       FILTERING, 0,       0,       "the server is asked once more") \
    X(MAPPING,           MAPPING,   0,       0,       "another socket asks the server") \
    X(MAPPING_ADDRESS,   MAPPING,   ADDRESS, ADDRESS, "it asks the server's other address") \
    X(MAPPING_BOTH,      MAPPING,   BOTH,    BOTH,    "it asks the server's other address and port") \
    X(MAPPING_PORT,      MAPPING,   PORT,    PORT,    "it asks the server's other port") \
    X(MAPPING_AGAIN,     MAPPING,   0,       0,       "it asks the server once more") \
    X(PADDED,            PADDED,    0,       0,       "the server is asked with PADDING, to be answered with PADDING")

enum stun_question {
#define X(name, asker, asks, answered, sentence) STUN_QUESTION_##name,
    STUN_QUESTIONS(X)
#undef X
    STUN_QUESTION_COUNT
};
/* clang-format on */

struct stun_question_info {
    enum stun_asker asker;
    unsigned asks, answered; /* enum stun_corner, or-ed */
    const char *sentence;
};

const struct stun_question_info *stun_question_info(enum stun_question question);

struct stun_sight {
    enum stun_seen seen;
    struct endpoint asked, from; /* `from`: of ANSWER and ASTRAY */
    struct endpoint local;       /* the socket's, its address by route */
    struct endpoint mapped;      /* of ANSWER and ASTRAY: what the server saw, by XOR-MAPPED-ADDRESS if it was there */
    bool rewritten, compared;    /* MAPPED-ADDRESS said something else; both were there */
    bool padded;                 /* the answer had PADDING that made it a large one */
    uint16_t code;               /* of REFUSED */
    unsigned requests;           /* sent in all */
    int64_t elapsed;             /* since the first of them, nanoseconds */
};

#define STUN_MOST_ALLOCATIONS 8

/* Fresh sockets, one after another, to the server: which port each gets. */
struct stun_allocation {
    bool answered;
    struct endpoint local, mapped;
    unsigned requests;               /* sent in all */
    int64_t elapsed;                 /* since the first of them */
};

/* Pairs of sockets at most that are tried by what is foretold of their ports. */
#define STUN_HAIRPIN_PAIRS 4

/* Two sockets, each sending to what the other is mapped to. */
struct stun_hairpin_sight {
    bool tried;
    bool heard;
    bool unsteady;                   /* asked again after a silence, the server did not say the same, or it says one
                                        endpoint of both */
    unsigned foretold;               /* further pairs whose ports were foretold rightly, of which nothing was heard */
    struct endpoint from;            /* of `heard`: whom it came from, as its receiver saw it */
    struct endpoint local, mapped;   /* of `heard`: the sender's own endpoint, and what the server called it */
};

/* How long mappings lasted that nothing was sent through. */
struct stun_lifetime_sight {
    bool tried;
    bool served;                     /* RESPONSE-PORT leads to the other socket at once */
    enum stun_seen response;         /* to that: ASTRAY came to the one that asked; NOTHING: there was no mapping */
    bool contradictory;              /* an older one was alive and a younger one was not */
    int64_t alive_for;               /* nanoseconds; 0: none was alive at all */
    int64_t dead_by;                 /* TIME_NEVER: all that were tried were alive */
};

struct stun_evidence {
    bool has_other;
    bool classic;                    /* told by CHANGED-ADDRESS only: a server of RFC 3489 */
    struct endpoint other;           /* OTHER-ADDRESS or CHANGED-ADDRESS, fit or not; none: there was neither */
    int64_t interval;                /* between the requests of a question; 0: whatever was sent again was lost */
    struct stun_sight sights[STUN_QUESTION_COUNT];
    unsigned allocations;
    struct stun_allocation allocation[STUN_MOST_ALLOCATIONS];
    struct stun_hairpin_sight hairpin;
    struct stun_lifetime_sight lifetime;
};

enum stun_behaviour {
    STUN_ENDPOINT_INDEPENDENT,
    STUN_ADDRESS_DEPENDENT,
    STUN_ADDRESS_AND_PORT_DEPENDENT,
    STUN_NO_TRANSLATION, /* of mappings only */
};
enum stun_port_allocation { STUN_PORTS_PRESERVE, STUN_PORTS_SEQUENTIAL, STUN_PORTS_RANDOM };
enum stun_hairpinning { STUN_HAIRPIN_OFF, STUN_HAIRPIN_INTERNAL_SOURCE, STUN_HAIRPIN_EXTERNAL_SOURCE };
enum stun_fragments { STUN_FRAGMENTS_PASS, STUN_FRAGMENTS_DROPPED };
enum stun_alg { STUN_ALG_NONE, STUN_ALG_REWRITES };
enum stun_class_name {
    STUN_CLASS_OPEN,
    STUN_CLASS_FIREWALL,
    STUN_CLASS_FULL_CONE,
    STUN_CLASS_RESTRICTED_CONE,
    STUN_CLASS_PORT_RESTRICTED_CONE,
    STUN_CLASS_SYMMETRIC,
};

/* A value of one of the enums above, or -1: can't tell, because of `why`, which follows those words. */
struct stun_finding {
    int value;
    const char *why;
};

struct stun_findings {
    struct stun_finding mapping;    /* enum stun_behaviour */
    struct stun_finding filtering;  /* the same */
    struct stun_finding ports;      /* enum stun_port_allocation */
    int step;                       /* of SEQUENTIAL */
    struct stun_finding hairpin;    /* enum stun_hairpinning */
    struct stun_finding lifetime;   /* 0: of `alive_for` to `dead_by` */
    int64_t alive_for, dead_by;     /* nanoseconds; TIME_NEVER: no end was seen */
    struct stun_finding fragments;  /* enum stun_fragments */
    struct stun_finding alg;        /* enum stun_alg */
    struct stun_finding class;      /* enum stun_class_name: RFC 3489's name for this mapping and filtering */
    struct stun_finding walk;       /* the same: what RFC 3489's own algorithm says */
};

void stun_classify(const struct stun_evidence *evidence, struct stun_findings *findings);

/* The words: "endpoint-independent", "preserve", "full-cone", "symmetric-udp-firewall", ... */
const char *stun_behaviour_word(int behaviour);
const char *stun_port_allocation_word(int allocation);
const char *stun_hairpinning_word(int hairpinning);
const char *stun_fragments_word(int fragments);
const char *stun_alg_word(int alg);
const char *stun_class_word(int class);

/* How many pieces of evidence there are, and the n-th as one sentence. */
unsigned stun_evidence_count(const struct stun_evidence *evidence);
void stun_evidence_say(const struct stun_evidence *evidence, unsigned n, GString *out);

#endif
