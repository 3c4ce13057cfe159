/* The options that boxes keep: shared by those made alike, and by nobody who has changed. */
#include "nat/policy.h"

#include "nat/presets.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

static struct nat *
make_box(struct world *world, const char *name, const struct nat_options *options)
{
    return nat_new(node_new(world, name), options);
}

static void
test_shared(void)
{
    struct world *world = world_new(1), *other = world_new(1);
    const struct nat_options *cone = &nat_preset_find("full-cone")->options;
    struct nat_options changed = *cone;
    struct nat *one = make_box(world, "one", cone), *two = make_box(world, "two", cone);
    struct nat *three = make_box(world, "three", &nat_preset_find("symmetric")->options);
    struct nat *far = make_box(other, "one", cone);

    CHECK(nat_options(one) == nat_options(two));
    CHECK(nat_options(one) != nat_options(three));
    CHECK(nat_options(one) != nat_options(far)); /* worlds share nothing */
    changed.hairpin = NAT_HAIRPIN_INTERNAL_SOURCE;
    nat_set_options(one, &changed);
    CHECK(nat_options(one)->hairpin == NAT_HAIRPIN_INTERNAL_SOURCE);
    CHECK(nat_options(two)->hairpin == NAT_HAIRPIN_OFF);
    nat_set_options(one, nat_options(one)); /* its own */
    CHECK(nat_options(one)->hairpin == NAT_HAIRPIN_INTERNAL_SOURCE);
    CHECK(nat_options(make_box(world, "four", cone)) == nat_options(two));
    changed = *cone;
    changed.exempt = &changed.ipv6_prefix; /* of length 0: none */
    CHECK(nat_options(make_box(world, "five", &changed)) == nat_options(two));
    world_free(world);
    world_free(other);
}

/* Who has lists has them alone, and they outlive those that were given. */
static void
test_lists(void)
{
    struct world *world = world_new(1);
    struct nat_options options = nat_preset_find("cgn")->options;
    struct nat_port_timeout timeouts[] = { { 53, 20 * TIME_S } };
    struct nat *one, *two;

    options.port_timeouts = timeouts;
    options.port_timeout_count = 1;
    one = make_box(world, "one", &options);
    two = make_box(world, "two", &options);
    timeouts[0].port = 99;
    CHECK(nat_options(one) != nat_options(two));
    CHECK(nat_options(one)->port_timeouts[0].port == 53 && nat_options(two)->port_timeouts[0].port == 53);
    nat_set_options(one, nat_options(one));
    CHECK(nat_options(one)->port_timeouts[0].port == 53);
    world_free(world);
}

void
suite_nat_policy(void)
{
    UNIT_SUITE("nat: policy", NULL, NULL, { "shared by boxes made alike", test_shared }, { "lists", test_lists });
}
