#include "proto/ice/event.h"

#include <glib.h>

const char *
ice_pair_state_word(enum ice_pair_state state)
{
    static const char *const words[] = { "frozen", "waiting", "in-progress", "succeeded", "failed", "gone" };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == ICE_PAIR_STATES);
    return (unsigned)state < ICE_PAIR_STATES ? words[state] : "?";
}

const char *
ice_pair_state_name(enum ice_pair_state state)
{
    static const char *const names[] = { "Frozen", "Waiting", "In-Progress", "Succeeded", "Failed", "gone" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == ICE_PAIR_STATES);
    return (unsigned)state < ICE_PAIR_STATES ? names[state] : "?";
}

const char *
ice_state_word(enum ice_state state)
{
    static const char *const words[] = { "idle", "running", "completed", "failed" };

    G_STATIC_ASSERT(G_N_ELEMENTS(words) == ICE_STATES);
    return (unsigned)state < ICE_STATES ? words[state] : "?";
}

const char *
ice_state_name(enum ice_state state)
{
    static const char *const names[] = { "idle", "Running", "Completed", "Failed" };

    G_STATIC_ASSERT(G_N_ELEMENTS(names) == ICE_STATES);
    return (unsigned)state < ICE_STATES ? names[state] : "?";
}

static const struct {
    const char *word, *sentence, *source;
} whys[] = {
#define X(name, word, sentence, source) { word, sentence, source },
    ICE_WHYS(X)
#undef X
};
G_STATIC_ASSERT(G_N_ELEMENTS(whys) == ICE_WHY_COUNT);

const char *
ice_why_word(enum ice_why why)
{
    return (unsigned)why < ICE_WHY_COUNT ? whys[why].word : "?";
}

const char *
ice_why_sentence(enum ice_why why)
{
    return (unsigned)why < ICE_WHY_COUNT ? whys[why].sentence : "?";
}

const char *
ice_why_source(enum ice_why why)
{
    return (unsigned)why < ICE_WHY_COUNT ? whys[why].source : "";
}
