/* What other benchmarks want of bench_trace.c. */
#ifndef TESTS_BENCH_BENCH_TRACE_H
#define TESTS_BENCH_BENCH_TRACE_H

#include "tests/bench/bench.h"

/* Seconds that libpcap alone takes to write so many records of `bytes` each to eight files in turns, through large
 * buffers, in `folder`, which is empty afterwards. */
double bench_bare_pcap(const char *folder, unsigned records, unsigned bytes);

#endif
