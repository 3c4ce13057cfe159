/* Memory comes in chunks, linked so that they can be given back. A chunk is handed out from its start; what is
 * returned goes to a list and is handed out again before the chunk's rest, last returned first: it is warm. */
#include "core/sim/slab.h"

#include <glib.h>

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define POISON(address, size) __asan_poison_memory_region(address, size)
#define UNPOISON(address, size) __asan_unpoison_memory_region(address, size)
#else
#define POISON(address, size) ((void)(address), (void)(size))
#define UNPOISON(address, size) ((void)(address), (void)(size))
#endif

#define OBJECT_ALIGNMENT 16
#define CACHE_LINE 64
#define FIRST_CHUNK_BYTES 4096
#define LARGEST_CHUNK_BYTES (1024 * 1024)

struct chunk {
    struct chunk *older;
    size_t bytes; /* this header included */
};

void
slab_init(struct slab *slab, size_t size)
{
    size_t rounded = (MAX(size, 1) + OBJECT_ALIGNMENT - 1) / OBJECT_ALIGNMENT * OBJECT_ALIGNMENT;

    *slab = (struct slab){ .size = rounded, .chunk_bytes = FIRST_CHUNK_BYTES };
}

void
slab_count_in(struct slab *slab, struct memory *memory, enum memory_kind kind)
{
    g_assert(!slab->chunks);
    slab->memory = memory;
    slab->kind = kind;
}

void
slab_clear(struct slab *slab)
{
    struct memory *memory = slab->memory;
    struct chunk *chunk = slab->chunks;

    while (chunk) {
        struct chunk *older = chunk->older;

        if (memory)
            memory_give(memory, slab->kind, chunk->bytes);
        UNPOISON(chunk, chunk->bytes);
        g_free(chunk);
        chunk = older;
    }
    *slab = (struct slab){
        .size = slab->size, .chunk_bytes = FIRST_CHUNK_BYTES, .memory = memory, .kind = slab->kind
    };
}

/* The first object starts on a cache line, so that objects of whole lines never straddle one. */
static void
add_chunk(struct slab *slab)
{
    size_t bytes = MAX(slab->chunk_bytes, sizeof(struct chunk) + CACHE_LINE + slab->size);
    struct chunk *chunk = g_malloc(bytes);
    uint8_t *first = (uint8_t *)(chunk + 1);

    first += -(uintptr_t)first % CACHE_LINE;
    *chunk = (struct chunk){ .older = slab->chunks, .bytes = bytes };
    slab->chunks = chunk;
    slab->at = first;
    slab->end = (uint8_t *)chunk + bytes;
    slab->chunk_bytes = MIN(slab->chunk_bytes * 2, LARGEST_CHUNK_BYTES);
    POISON(first, (size_t)(slab->end - first));
    if (slab->memory)
        memory_take(slab->memory, slab->kind, bytes);
}

void *
slab_take(struct slab *slab)
{
    void *object = slab->free;

    slab->live++;
    if (object) {
        UNPOISON(object, slab->size);
        slab->free = *(void **)object;
        return object;
    }
    if ((size_t)(slab->end - slab->at) < slab->size)
        add_chunk(slab);
    object = slab->at;
    slab->at += slab->size;
    UNPOISON(object, slab->size);
    return object;
}

void
slab_return(struct slab *slab, void *object)
{
    g_assert(slab->live > 0);
    slab->live--;
    *(void **)object = slab->free;
    slab->free = object;
    POISON(object, slab->size);
}

size_t
slab_bytes(const struct slab *slab)
{
    size_t bytes = 0;

    for (const struct chunk *chunk = slab->chunks; chunk; chunk = chunk->older)
        bytes += chunk->bytes;
    return bytes;
}
