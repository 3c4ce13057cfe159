/* What a trace costs: records of a full run folder against the bare calls of libpcap. */
#include "tests/bench/bench_trace.h"

#include <pcap/pcap.h>
#include <stdio.h>

#include "core/net/segment.h"
#include "core/trace/pcap_file.h"
#include "core/trace/recorder.h"
#include "core/trace/tracer.h"

enum { RECORDS = 1000000, DECISIONS = 100000, PORTS = 8, PACKET_BYTES = 60 };

static const uint8_t packet_bytes[PACKET_BYTES] = { 0x45 };

static void
say(const struct record *record, const struct names *names, GString *out)
{
    (void)names;
    g_string_append(out, "translated ");
    flow_say(&record->before, out);
}

static const struct record_kind kind = { "bench", "translated", "RFC 4787 section 4.1", say, NULL };

struct run {
    struct world *world;
    struct port *ports[PORTS];
    struct tracer *tracer;
};

static void
run_begin(struct run *run, const char *folder, unsigned parts)
{
    struct node *node;
    struct segment *lan;

    run->world = world_new(1);
    node = node_new(run->world, "A");
    lan = segment_new(run->world, "lan");
    run->tracer = tracer_open(run->world, folder, parts, NULL);
    for (int i = 0; i < PORTS; i++) {
        run->ports[i] = node_sit(node, lan);
        tracer_add(run->tracer, run->ports[i], "A", "lan", NULL);
    }
}

static void
run_end(struct run *run, const char *folder)
{
    tracer_free(run->tracer);
    world_free(run->world);
    bench_folder_empty(folder);
}

static void
capture(const struct port *port, int64_t at)
{
    port->capture->packet(port->capture, port->capture_number, 1, CAPTURE_OUT, at, PACKET_NAME(1, 1),
                          span_of(packet_bytes, PACKET_BYTES));
}

/* Copies at eight interfaces in turns, to one pcap each. */
static double
ours_pcap(void *context)
{
    struct run run;
    double begun;

    run_begin(&run, context, TRACER_PCAP);
    begun = bench_clock();
    for (int64_t i = 0; i < RECORDS; i++)
        capture(run.ports[i % PORTS], i * 1000);
    tracer_close(run.tracer, NULL);
    begun = bench_clock() - begun;
    run_end(&run, context);
    return begun / RECORDS * 1e9;
}

static pcap_dumper_t *
dumper_open(pcap_t *pcap, const char *folder, int number, char *buffer, size_t size)
{
    g_autofree char *path = g_strdup_printf("%s/%d.pcap", folder, number);
    FILE *stream = fopen(path, "wb");

    setvbuf(stream, buffer, _IOFBF, size);
    return pcap_dump_fopen(pcap, stream);
}

double
bench_bare_pcap(const char *folder, unsigned records, unsigned bytes)
{
    enum { BUFFER = 1024 * 1024 };
    static const uint8_t packet[1500];
    pcap_t *pcap = pcap_open_dead_with_tstamp_precision(DLT_RAW, TRACE_SNAPSHOT, PCAP_TSTAMP_PRECISION_NANO);
    struct pcap_pkthdr header = { .caplen = bytes, .len = bytes };
    g_autofree char *buffers = g_malloc(PORTS * BUFFER);
    pcap_dumper_t *dumpers[PORTS];
    double begun;

    g_assert(bytes <= sizeof packet);
    for (int i = 0; i < PORTS; i++)
        dumpers[i] = dumper_open(pcap, folder, i, buffers + (size_t)i * BUFFER, BUFFER);
    begun = bench_clock();
    for (unsigned i = 0; i < records; i++) {
        header.ts.tv_usec = i;
        pcap_dump((u_char *)dumpers[i % PORTS], &header, packet);
    }
    for (int i = 0; i < PORTS; i++)
        pcap_dump_close(dumpers[i]);
    begun = bench_clock() - begun;
    pcap_close(pcap);
    bench_folder_empty(folder);
    return begun;
}

static double
bare_pcap(void *context)
{
    return bench_bare_pcap(context, RECORDS, PACKET_BYTES) / RECORDS * 1e9;
}

/* Each decision: a copy in, a record, a copy out. */
static double
decision_cost(char *folder, unsigned parts)
{
    struct record record = { .kind = &kind, .node = 1, .packet = PACKET_NAME(1, 1), .size = PACKET_BYTES, .ttl = 64 };
    struct run run;
    double begun;

    record.before = (struct flow){ address_ipv4(0x0a000002), address_ipv4(0xc6336401), 5000, 3478, PROTOCOL_UDP };
    record.after = record.before;
    run_begin(&run, folder, parts);
    begun = bench_clock();
    for (int64_t i = 0; i < DECISIONS; i++) {
        record.at = i * 1000;
        capture(run.ports[0], record.at);
        journal_take(run.world->journal, &record);
        capture(run.ports[1], record.at);
    }
    tracer_close(run.tracer, NULL);
    begun = bench_clock() - begun;
    run_end(&run, folder);
    return begun / DECISIONS * 1e9;
}

static double
ours_pcapng(void *context)
{
    return decision_cost(context, TRACER_PCAPNG);
}

static double
ours_journal(void *context)
{
    return decision_cost(context, TRACER_JOURNAL);
}

static double
ours_everything(void *context)
{
    return decision_cost(context, TRACER_ALL);
}

void
bench_trace(struct bench *bench)
{
    g_autofree char *folder = bench_folder();

    bench_compare(bench, "pcap: a record, 8 interfaces", "ns", BENCH_LESS, 100, ours_pcap, bare_pcap, folder);
    bench_compare(bench, "all.pcapng: a decision and two copies", "ns", BENCH_LESS, 0, ours_pcapng, NULL, folder);
    bench_compare(bench, "journal.jsonl: a decision", "ns", BENCH_LESS, 0, ours_journal, NULL, folder);
    bench_compare(bench, "all three: a decision and two copies", "ns", BENCH_LESS, 0, ours_everything, NULL, folder);
    bench_folder_remove(folder);
}
