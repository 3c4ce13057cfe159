/* A slab: equal-sized objects from memory taken in large chunks and given back only at the end.
 *
 * After it has grown to what a run needs, taking and returning an object costs a few instructions and never reaches the
 * system's heap. Under AddressSanitizer a returned object is poisoned until it is taken again. */
#ifndef CORE_SIM_SLAB_H
#define CORE_SIM_SLAB_H

#include <stddef.h>
#include <stdint.h>

#include "core/sim/memory.h"

struct slab {
    void *free;          /* returned objects, linked through their first word */
    uint8_t *at, *end;   /* the rest of the newest chunk */
    void *chunks;
    size_t size;         /* of an object, rounded up to 16 bytes */
    size_t chunk_bytes;  /* of the next chunk: grows up to 1 MiB */
    size_t live;         /* objects out */
    struct memory *memory; /* that its chunks count in, as this kind; NULL: in none */
    enum memory_kind kind;
};

/* For objects of `size` bytes, 16-byte aligned. Takes no memory before the first object. */
void slab_init(struct slab *slab, size_t size);
/* Its chunks count in `memory` from now on. It has none yet. */
void slab_count_in(struct slab *slab, struct memory *memory, enum memory_kind kind);
/* Gives all memory back, objects still out included. */
void slab_clear(struct slab *slab);
/* An object with unspecified contents. */
void *slab_take(struct slab *slab);
void slab_return(struct slab *slab, void *object);
/* The bytes that the slab holds from the system. */
size_t slab_bytes(const struct slab *slab);

#endif
