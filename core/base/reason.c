#include "core/base/reason.h"

#include <glib.h>

static const struct {
    const char *word, *sentence, *source;
} reasons[] = {
#define X(name, word, sentence, source) { word, sentence, source },
    DROP_REASONS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(reasons) == DROP_REASON_COUNT);
/* Records carry a reason in one byte. */
G_STATIC_ASSERT(DROP_REASON_COUNT <= UINT8_MAX);

const char *
drop_reason_word(enum drop_reason reason)
{
    g_assert((unsigned)reason < DROP_REASON_COUNT);
    return reasons[reason].word;
}

const char *
drop_reason_sentence(enum drop_reason reason)
{
    g_assert((unsigned)reason < DROP_REASON_COUNT);
    return reasons[reason].sentence;
}

const char *
drop_reason_source(enum drop_reason reason)
{
    g_assert((unsigned)reason < DROP_REASON_COUNT);
    return reasons[reason].source;
}
