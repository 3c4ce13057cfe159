/* How the NAT's arrays grow: by half while they are small, then by a sixteenth, so that little is held in vain. */
#ifndef NAT_ARRAY_H
#define NAT_ARRAY_H

#include <stdint.h>

static inline uint32_t
array_room(uint32_t capacity)
{
    return capacity < 8 ? 8 : capacity + capacity / (capacity < 1024 ? 2 : 16);
}

#endif
