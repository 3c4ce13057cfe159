/* A box for tests of port control: keeps mappings in a small table, and says no as a test wants it. Nothing here needs
 * CUnit, so that fuzz targets use it too. */
#ifndef TESTS_UNIT_SUPPORT_PORTMAP_H
#define TESTS_UNIT_SUPPORT_PORTMAP_H

#include "proto/portmap/control.h"

struct fake_mapping {
    enum portmap_via via;
    uint8_t protocol;
    struct endpoint internal, external;
    uint32_t lifetime;
};

struct fake_box {
    struct portmap_control control; /* what the servers get */
    struct address external;        /* none: the box has no network */
    GArray *mappings;               /* struct fake_mapping */
    uint16_t taken;                 /* an external port that somebody else has; 0: none */
    uint16_t next;                  /* the port that is given when the suggested one will not do; counts up */
    enum portmap_result say;        /* PORTMAP_OK: as the table has it; else the answer to all */
    unsigned maps, unmaps;
};

void fake_box_open(struct fake_box *box, const char *external);
void fake_box_close(struct fake_box *box);
/* A box that has forgotten all. */
void fake_box_forget(struct fake_box *box);
/* The mapping of an internal endpoint, "10.0.0.2:5000"; NULL when there is none. */
const struct fake_mapping *fake_box_find(const struct fake_box *box, uint8_t protocol, const char *internal);

#endif
