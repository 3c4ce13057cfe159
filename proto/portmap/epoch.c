#include "proto/portmap/epoch.h"

static bool
hear(struct portmap_epoch *epoch, uint32_t server, int64_t now, bool valid)
{
    *epoch = (struct portmap_epoch){ true, server, now };
    return valid;
}

/* Two seconds and a sixteenth of leeway either way; and one second back, for packets that change places. */
bool
pcp_epoch_check(struct portmap_epoch *epoch, uint32_t server, int64_t now)
{
    int64_t ours = (now - epoch->at) / TIME_S, theirs = (int64_t)server - epoch->server;
    bool valid = theirs >= -1 && ours + 2 >= theirs - theirs / 16 && theirs + 2 >= ours - ours / 16;

    return hear(epoch, server, now, !epoch->heard || valid);
}

/* At least what was heard last and seven eighths of the time since, less two seconds. */
bool
nat_pmp_epoch_check(struct portmap_epoch *epoch, uint32_t server, int64_t now)
{
    int64_t elapsed = (now - epoch->at) / TIME_S;
    bool valid = (int64_t)server >= epoch->server + elapsed - elapsed / 8 - 2;

    return hear(epoch, server, now, !epoch->heard || valid);
}
