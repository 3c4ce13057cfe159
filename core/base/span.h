/* A borrowed run of bytes. Whoever hands out a span says how long it stays good. */
#ifndef CORE_BASE_SPAN_H
#define CORE_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const uint8_t *bytes;
    size_t length;
};

static inline struct span
span_of(const void *bytes, size_t length)
{
    return (struct span){ bytes, length };
}

/* The bytes of a C string, without its NUL. */
static inline struct span
span_of_text(const char *text)
{
    return span_of(text, strlen(text));
}

static inline bool
span_equal(struct span a, struct span b)
{
    return a.length == b.length && (a.length == 0 || memcmp(a.bytes, b.bytes, a.length) == 0);
}

/* Compares in a time that depends on the lengths only: for secrets and what proves them. */
static inline bool
span_equal_secret(struct span a, struct span b)
{
    uint8_t difference = 0;

    if (a.length != b.length)
        return false;
    for (size_t i = 0; i < a.length; i++)
        difference |= a.bytes[i] ^ b.bytes[i];
    return difference == 0;
}

#endif
