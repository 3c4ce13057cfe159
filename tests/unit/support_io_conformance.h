/* The conformance suite of the io seam (core/base/io.h): what holds for every implementation of `struct io`, written
 * once.
 *
 * A test file of an implementation makes two hosts that reach each other, says what they can do, and adds the tests:
 *
 *     static void set_up(void) { ... io_conformance_begin(&pair); }
 *     static void tear_down(void) { io_conformance_end(); ... }
 *     unit_suite_add("io of a simulated host", set_up, tear_down, io_conformance_tests, io_conformance_test_count);
 *
 * A test whose capability is missing passes without a check. Times are checked as "not before, and then soon", so that
 * the suite runs over a real clock too. */
#ifndef TESTS_UNIT_SUPPORT_IO_CONFORMANCE_H
#define TESTS_UNIT_SUPPORT_IO_CONFORMANCE_H

#include "core/base/io.h"
#include "tests/unit/support.h"

enum io_capability {
    IO_CAN_STREAM = 1 << 0, /* listen and connect; without it both must say IO_UNSUPPORTED */
    IO_CAN_MARK = 1 << 1,   /* TTL, DSCP and ECN of what arrives are told, and no router lies between the hosts */
    IO_CAN_MULTICAST = 1 << 2,  /* a group joined at one host hears the other */
    IO_CAN_KEEP_ORDER = 1 << 3, /* nothing between the hosts loses or reorders datagrams */
    IO_CAN_TELL_TIME = 1 << 4,  /* time passes in `run` only: timers fire to the nanosecond */
    IO_CAN_TELL_DF = 1 << 5,    /* DF of what arrives is told */
};

struct io_pair {
    struct io *a, *b;
    struct address a_address, b_address;
    struct address no_address;                      /* one that neither host has */
    struct address group;                           /* to join, with IO_CAN_MULTICAST */
    unsigned can;                                   /* enum io_capability */
    void (*run)(struct io_pair *pair, unsigned ms); /* lets this much time pass, with all that falls due */
    void (*settle)(struct io_pair *pair); /* lets what is under way arrive; NULL: `run` for 300 ms does */
    void (*change)(struct io_pair *pair, bool add); /* gives host A one more address, or takes it; NULL: can't */
    uint64_t (*busy)(struct io_pair *pair);         /* busy timers armed, at both hosts; NULL: nobody counts */
};

extern const struct unit_test io_conformance_tests[];
extern const size_t io_conformance_test_count;
/* The same for streams, to be added where IO_CAN_STREAM is. */
extern const struct unit_test io_stream_tests[];
extern const size_t io_stream_test_count;

/* Between these two, `pair` is what the tests run over. */
void io_conformance_begin(struct io_pair *pair);
void io_conformance_end(void);
/* For the files of the suite: that pair. */
struct io_pair *io_conformance_pair(void);

#endif
