/* Blocks of ports (RFC 6888 REQ-14, RFC 7422). */
#include "nat/blocks.h"
#include "nat/pooling.h"
#include "tests/unit/support.h"
#include "tests/unit/support_nat.h"

#define Y "198.51.100.1:7000"

static struct nat_bench bench;

static void
tear_down(void)
{
    if (bench.world)
        nat_bench_close(&bench);
    bench.world = NULL;
}

static const char *
out(const char *from, const char *to)
{
    return nat_bench_udp(&bench, NAT_INSIDE, from, to);
}

static void
open_blocks(struct nat_block_options blocks, uint16_t low, uint16_t high, uint64_t pool)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.blocks = blocks;
    options.udp.port_low = options.icmp.port_low = low;
    options.udp.port_high = options.icmp.port_high = high;
    options.udp.timeout = 60 * TIME_S;
    nat_bench_open_pool(&bench, &options, pool);
}

/* RFC 7422 section 2: ports a user are the ports of an address divided by the ratio, and the factor of the dynamic
 * pool where there is one. The figures for a range from 1024 on are those of docs/nat.md. */
static void
test_ratio(void)
{
    static const struct {
        const char *name;
        uint64_t subscribers, addresses;
        uint16_t dynamic;
        uint32_t size, ratio, per_address, fixed;
    } rows[] = {
        { "1:1", 256, 256, 0, 64512, 1, 1, 1 },         { "1:4", 1024, 256, 0, 16128, 4, 4, 4 },
        { "1:16", 256, 16, 0, 4032, 16, 16, 16 },       { "1:64", 4096, 64, 0, 1008, 64, 64, 64 },
        { "1:256", 256, 1, 0, 252, 256, 256, 256 },     { "1:1024", 4096, 4, 0, 63, 1024, 1024, 1024 },
        { "rounded up", 257, 16, 0, 3794, 17, 17, 17 }, { "a dynamic pool", 256, 16, 4, 3225, 16, 20, 16 },
        { "too many", 200000, 1, 0, 1, 200000, 64512, 64512 },
    };

    for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
        struct nat_block_options options = { .deterministic = true, .dynamic = rows[i].dynamic };
        struct block_plan plan;

        CHECK_ROW(rows[i].name, block_plan_make(&options, (struct port_range){ 1024, 65535 }, rows[i].subscribers,
                                                rows[i].addresses, &plan));
        CHECK_ROW_INT(rows[i].name, plan.size, rows[i].size);
        CHECK_ROW_INT(rows[i].name, plan.ratio, rows[i].ratio);
        CHECK_ROW_INT(rows[i].name, plan.per_address, rows[i].per_address);
        CHECK_ROW_INT(rows[i].name, plan.fixed, rows[i].fixed);
    }
}

/* The lowest and highest port of each block are in it, those around are not. */
static void
test_plan_is_exact(void)
{
    struct block_plan plan;

    CHECK(block_plan_make(&(struct nat_block_options){ .size = 1000 }, (struct port_range){ 1024, 65535 }, 256, 1, &plan));
    CHECK_ROW_INT("in an address", plan.per_address, 64);
    for (uint32_t n = 0; n < plan.per_address; n++) {
        struct port_range ports = block_plan_ports(&plan, n);

        CHECK_ROW("low", block_plan_at(&plan, ports.low) == n && block_plan_at(&plan, (uint16_t)(ports.low - 1)) != n);
        CHECK_ROW("high", block_plan_at(&plan, ports.high) == n && block_plan_at(&plan, (uint16_t)(ports.high + 1)) != n);
    }
    CHECK_ROW_INT("what is left over", block_plan_at(&plan, 65500), 64);
    CHECK_ROW_INT("below", block_plan_at(&plan, 1023), 64);
}

/* Each subscriber's block is another's nowhere, and leads back to him from its first and last port (RFC 7422 section
 * 2.2: that is what a provider is asked). Nothing has to be written down: no record. */
static void
test_deterministic_inverse(void)
{
    bool seen[4][64] = { { false } };
    struct address inside = nat_endpoint("10.0.0.0").address, outside = nat_endpoint("203.0.113.1").address;

    open_blocks((struct nat_block_options){ .deterministic = true }, 1024, 65535, 4);
    CHECK_ROW_TEXT("made at first use", out("10.0.0.2:5000", Y), "out 203.0.113.1:3040 > 198.51.100.1:7000");
    for (uint64_t n = 0; n < 256; n++) {
        struct address host = address_add(inside, n), back;
        struct nat_block block;

        if (!CHECK_ROW("a block", nat_block_of(bench.nat, host, &block)))
            continue;
        uint64_t address = block.external.low - outside.low, index = (block.low - 1024u) / 1008;

        CHECK_ROW("its place", address == n / 64 && index == n % 64 && block.high == block.low + 1007);
        CHECK_ROW("nobody else's", !seen[address][index]);
        seen[address][index] = true;
        CHECK_ROW("back from the first",
                  nat_block_holder(bench.nat, (struct endpoint){ block.external, block.low }, &back) &&
                      address_equal(back, host));
        CHECK_ROW("back from the last",
                  nat_block_holder(bench.nat, (struct endpoint){ block.external, block.high }, &back) &&
                      address_equal(back, host));
    }
    struct address back;
    CHECK(!nat_block_holder(bench.nat, (struct endpoint){ outside, 1023 }, &back));
    CHECK_ROW_INT("granted", nat_bench_records(&bench, "nat-block-granted"), 0);
}

/* A subscriber's ports are all in his block, whatever the policy; those of two are apart. */
static void
test_deterministic_ports(void)
{
    for (uint8_t policy = 0; policy <= NAT_PORTS_RANDOM; policy++) {
        struct nat_options options = nat_preset_find("full-cone")->options;

        options.udp.ports = policy;
        options.blocks = (struct nat_block_options){ .size = 8, .deterministic = true };
        options.udp.port_low = 40000;
        options.udp.port_high = 42047; /* 256 blocks, one for each */
        nat_bench_open_pool(&bench, &options, 1);
        for (int i = 0; i < 9; i++) {
            g_autofree char *from = g_strdup_printf("10.0.0.3:%d", 5000 + i);
            const char *told = out(from, Y);

            if (i < 8)
                CHECK_ROW(nat_ports_words[policy], g_str_has_prefix(told, "out 203.0.113.1:400") &&
                                                       atoi(told + 16) >= 40024 && atoi(told + 16) <= 40031);
            else
                CHECK_ROW_TEXT(nat_ports_words[policy], told, "in icmp 3/13 10.0.0.1 > 10.0.0.3 [10.0.0.3:5008 > "
                                                              "198.51.100.1:7000] -no-port");
        }
        CHECK_ROW(nat_ports_words[policy], g_str_has_prefix(out("10.0.0.4:5000", Y), "out 203.0.113.1:4003"));
        tear_down();
    }
}

/* A block is granted with the first mapping, another when it is full, and released when it is empty; the journal tells
 * of that. */
static void
test_grant_and_release(void)
{
    open_blocks((struct nat_block_options){ .size = 2 }, 40000, 40005, 1);
    CHECK_ROW_TEXT("first", out("10.0.0.2:5000", Y), "out 203.0.113.1:40000 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("another's", out("10.0.0.3:5000", Y), "out 203.0.113.1:40002 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("in the block", out("10.0.0.2:5001", Y), "out 203.0.113.1:40001 > 198.51.100.1:7000");
    CHECK_ROW_INT("two grants", nat_bench_records(&bench, "nat-block-granted"), 2);
    CHECK_ROW_TEXT("a second block", out("10.0.0.2:5002", Y), "out 203.0.113.1:40004 > 198.51.100.1:7000");
    g_autofree char *granted = nat_bench_sentence(&bench, "nat-block-granted");
    CHECK_ROW_TEXT("said", granted, "ports 40004 to 40005 of 203.0.113.1 are granted to 10.0.0.2");
    CHECK_ROW_TEXT("no third", out("10.0.0.4:5000", Y),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.4 [10.0.0.4:5000 > 198.51.100.1:7000] -no-port");

    nat_bench_until(&bench, 30 * TIME_S);
    out("10.0.0.2:5001", Y);
    nat_bench_until(&bench, 60 * TIME_S);
    CHECK_ROW_INT("released when empty, and only then", nat_bench_records(&bench, "nat-block-released"), 2);
    CHECK_ROW_TEXT("to somebody else", out("10.0.0.4:5000", Y), "out 203.0.113.1:40002 > 198.51.100.1:7000");
    g_autofree char *released = nat_bench_sentence(&bench, "nat-block-released");
    CHECK_ROW_TEXT("said", released, "ports 40004 to 40005 of 203.0.113.1 are 10.0.0.2's no more: it has no mapping there");
    nat_bench_until(&bench, 200 * TIME_S);
    CHECK_ROW_INT("all released", nat_bench_records(&bench, "nat-block-released"), 4);
}

/* RFC 6888 REQ-4: no more than so many blocks a host; REQ-14 for UDP and ICMP together. */
static void
test_quota(void)
{
    open_blocks((struct nat_block_options){ .size = 2, .per_host = 1 }, 40000, 40009, 1);
    out("10.0.0.2:5000", Y);
    CHECK_ROW_TEXT("ICMP in the same", nat_bench_echo(&bench, NAT_INSIDE, false, "10.0.0.2", "198.51.100.1", 7),
                   "out echo 203.0.113.1 > 198.51.100.1 id 40000");
    out("10.0.0.2:5001", Y);
    CHECK_ROW_TEXT("no second", out("10.0.0.2:5002", Y),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.2 [10.0.0.2:5002 > 198.51.100.1:7000] -mapping-limit");
    CHECK_ROW_INT("one grant", nat_bench_records(&bench, "nat-block-granted"), 1);
    CHECK_ROW_TEXT("others get theirs", out("10.0.0.3:5002", Y), "out 203.0.113.1:40002 > 198.51.100.1:7000");
}

/* RFC 7422's dynamic pool: who needs more than his own gets a further block of the same address, which is told. */
static void
test_dynamic_pool(void)
{
    open_blocks((struct nat_block_options){ .size = 1, .deterministic = true, .per_host = 2 }, 40000, 40257, 1);
    CHECK_ROW_TEXT("his own", out("10.0.0.2:5000", Y), "out 203.0.113.1:40002 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("a further one", out("10.0.0.2:5001", Y), "out 203.0.113.1:40256 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("the quota", out("10.0.0.2:5002", Y),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.2 [10.0.0.2:5002 > 198.51.100.1:7000] -mapping-limit");
    CHECK_ROW_INT("told", nat_bench_records(&bench, "nat-block-granted"), 1);
    struct address holder;
    CHECK(nat_block_holder(bench.nat, nat_endpoint("203.0.113.1:40256"), &holder) &&
          address_equal(holder, nat_endpoint("10.0.0.2").address));
    CHECK(!nat_block_holder(bench.nat, nat_endpoint("203.0.113.1:40257"), &holder));
}

/* RFC 6888 REQ-8: a block that was released rests too. */
static void
test_rest(void)
{
    struct nat_options options = nat_preset_find("full-cone")->options;

    options.blocks.size = 4;
    options.udp.port_low = 40000;
    options.udp.port_high = 40003;
    options.udp.timeout = 60 * TIME_S;
    options.port_hold = 120 * TIME_S;
    nat_bench_open_pool(&bench, &options, 1);
    out("10.0.0.2:5000", Y);
    nat_bench_until(&bench, 180 * TIME_S - 1);
    CHECK_ROW_TEXT("rests", out("10.0.0.3:5000", Y),
                   "in icmp 3/13 10.0.0.1 > 10.0.0.3 [10.0.0.3:5000 > 198.51.100.1:7000] -no-port");
    nat_bench_until(&bench, 180 * TIME_S);
    CHECK_ROW_TEXT("has rested", out("10.0.0.3:5000", Y), "out 203.0.113.1:40000 > 198.51.100.1:7000");
}

/* Blocks that become others while mappings are there: these stay, and no port is given twice. */
static void
test_changes(void)
{
    struct nat_options options;

    open_blocks((struct nat_block_options){ .size = 2 }, 40000, 40007, 1);
    out("10.0.0.2:5000", Y);
    options = *nat_options(bench.nat);
    options.blocks.size = 4;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("past the old one", out("10.0.0.3:5000", Y), "out 203.0.113.1:40001 > 198.51.100.1:7000");
    CHECK_ROW_TEXT("stays", out("10.0.0.2:5000", Y), "out 203.0.113.1:40000 > 198.51.100.1:7000");
    options.blocks.size = 0;
    nat_set_options(bench.nat, &options);
    CHECK_ROW_TEXT("none", out("10.0.0.4:40006", Y), "out 203.0.113.1:40006 > 198.51.100.1:7000");
    nat_forget(bench.nat);
}

/* A port that port control asks for must be in the asker's block. */
static void
test_explicit(void)
{
    struct nat_map_request request = { .protocol = PROTOCOL_UDP, .origin = NAT_ORIGIN_PCP, .prefer_failure = true,
                                       .internal = nat_endpoint("10.0.0.2:80"),
                                       .external = { ADDRESS_NONE, 40002 }, .lifetime = 60 * TIME_S };
    struct nat_mapping_view view;

    open_blocks((struct nat_block_options){ .size = 2 }, 40000, 40009, 1);
    out("10.0.0.3:5000", Y);
    out("10.0.0.2:5000", Y);
    CHECK_ROW_INT("another's", nat_map_explicit(bench.nat, &(struct nat_map_request){
        .protocol = PROTOCOL_UDP, .origin = NAT_ORIGIN_PCP, .prefer_failure = true,
        .internal = nat_endpoint("10.0.0.2:80"), .external = { ADDRESS_NONE, 40001 }, .lifetime = TIME_S }, &view),
        NAT_MAP_TAKEN);
    request.external.port = 40003;
    CHECK_ROW_INT("his own", nat_map_explicit(bench.nat, &request, &view), NAT_MAP_OK);
    CHECK_ROW_INT("his own", view.external.port, 40003);
}

void
suite_nat_blocks(void)
{
    UNIT_SUITE("nat: blocks of ports", NULL, tear_down, { "ratio", test_ratio }, { "plan", test_plan_is_exact },
               { "deterministic, back again", test_deterministic_inverse },
               { "deterministic ports", test_deterministic_ports }, { "grant and release", test_grant_and_release },
               { "quota", test_quota }, { "dynamic pool", test_dynamic_pool }, { "rest", test_rest },
               { "changes", test_changes }, { "explicit mappings", test_explicit });
}
