#include "scenarios/runner/cli/signals.h"

#include <signal.h>
#include <stddef.h>

static const int ours[] = { SIGINT, SIGTERM, SIGHUP };

/* A handler has no other place to write to. */
static volatile sig_atomic_t came;

static void
take(int number)
{
    came = number;
}

void
signals_catch(void)
{
    struct sigaction action = { .sa_handler = take, .sa_flags = (int)SA_RESETHAND }, before;

    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++) {
        /* What nohup and the like had ignored stays ignored. */
        if (sigaction(ours[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(ours[i], &action, NULL);
    }
}

bool
signals_came(void *unused)
{
    (void)unused;
    return came != 0;
}

void
signals_obey(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL };

    if (!came)
        return;
    sigaction(came, &action, NULL);
    raise(came);
}
