/* Rates as people write them: "10Mbit/s". */
#ifndef CORE_BASE_RATE_H
#define CORE_BASE_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_UNITS "bit/s kbit/s Mbit/s Gbit/s"

/* Digits with perhaps a fraction, and one of RATE_UNITS; exact, cut to whole bits a second. False when it is none. */
bool rate_parse(const char *text, uint64_t *bits_per_second);

#endif
