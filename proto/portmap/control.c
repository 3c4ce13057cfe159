#include "proto/portmap/control.h"

const char *const portmap_via_words[] = { "pcp", "nat-pmp", "upnp", NULL };
G_STATIC_ASSERT(G_N_ELEMENTS(portmap_via_words) == PORTMAP_VIAS + 1);

static const struct {
    const char *word, *sentence;
} results[] = {
#define X(name, word, sentence) { word, sentence },
    PORTMAP_RESULTS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(results) == PORTMAP_RESULT_COUNT);

const char *
portmap_result_word(enum portmap_result result)
{
    return results[result].word;
}

const char *
portmap_result_sentence(enum portmap_result result)
{
    return results[result].sentence;
}
