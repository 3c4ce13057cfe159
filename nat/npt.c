#include "nat/npt.h"

#include "core/net/checksum.h"

/* ---- one's complement, in 16 bits; there ffff is a zero */

static uint16_t
ones_add(uint16_t a, uint16_t b)
{
    return checksum_fold((uint64_t)a + b);
}

static uint16_t
ones_subtract(uint16_t a, uint16_t b)
{
    return ones_add(a, (uint16_t)~b);
}

/* ---- words of an address, from 0 */

static uint16_t
word_at(struct address address, unsigned n)
{
    return (uint16_t)((n < 4 ? address.high : address.low) >> (48 - n % 4 * 16));
}

static void
set_word(struct address *address, unsigned n, uint16_t word)
{
    uint64_t *half = n < 4 ? &address->high : &address->low;
    unsigned shift = 48 - n % 4 * 16;

    *half = (*half & ~(UINT64_C(0xffff) << shift)) | (uint64_t)word << shift;
}

/* The word that takes the adjustment, or -1. */
static int
adjustable(const struct npt *npt, struct address address)
{
    if (npt->length <= 48)
        return word_at(address, 3) != 0xffff ? 3 : -1;
    for (int n = 4; n < 8; n++)
        if (word_at(address, (unsigned)n) != 0xffff)
            return n;
    return -1;
}

/* ---- prefixes */

static bool
is_usable(struct prefix prefix)
{
    return !address_is_ipv4(prefix.address) && prefix.length <= NPT_LENGTH_MAX;
}

bool
npt_make(struct npt *npt, struct prefix internal, struct prefix external)
{
    if (!is_usable(internal) || !is_usable(external))
        return false;
    npt->length = internal.length > external.length ? internal.length : external.length;
    npt->internal = (struct prefix){ address_network(internal.address, internal.length), npt->length };
    npt->external = (struct prefix){ address_network(external.address, external.length), npt->length };
    npt->adjustment = ones_subtract(checksum_fold(checksum_address(npt->internal.address)),
                                    checksum_fold(checksum_address(npt->external.address)));
    return true;
}

static bool
translate(const struct npt *npt, struct prefix from, struct prefix to, uint16_t adjustment, struct address address,
          struct address *out)
{
    struct address mask = address_mask128(npt->length);
    uint16_t word;
    int n;

    if (!prefix_contains(from, address) || (n = adjustable(npt, address)) < 0)
        return false;
    address.high = (address.high & ~mask.high) | to.address.high;
    address.low = (address.low & ~mask.low) | to.address.low;
    word = ones_add(word_at(address, (unsigned)n), adjustment);
    set_word(&address, (unsigned)n, word == 0xffff ? 0 : word);
    *out = address;
    return true;
}

bool
npt_outbound(const struct npt *npt, struct address internal, struct address *external)
{
    return translate(npt, npt->internal, npt->external, npt->adjustment, internal, external);
}

bool
npt_inbound(const struct npt *npt, struct address external, struct address *internal)
{
    return translate(npt, npt->external, npt->internal, (uint16_t)~npt->adjustment, external, internal);
}
