#include "core/trace/pcap_file.h"

#include <pcap/pcap.h>

#include "core/base/time.h"
#include "core/trace/out_file.h"

struct pcap_file {
    struct out_file out; /* its stream is the dumper's */
    pcap_t *pcap;
    pcap_dumper_t *dumper;
};

struct pcap_file *
pcap_file_open(const char *path, size_t buffer_bytes, GError **error)
{
    struct pcap_file *file = g_new0(struct pcap_file, 1);

    if (!out_file_open(&file->out, path, buffer_bytes, error)) {
        g_free(file);
        return NULL;
    }
    file->pcap = pcap_open_dead_with_tstamp_precision(DLT_RAW, TRACE_SNAPSHOT, PCAP_TSTAMP_PRECISION_NANO);
    g_assert(file->pcap);
    file->dumper = pcap_dump_fopen(file->pcap, file->out.stream);
    if (file->dumper)
        return file;

    g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_IO, "cannot write '%s': %s", path, pcap_geterr(file->pcap));
    pcap_close(file->pcap);
    out_file_close(&file->out, NULL);
    g_free(file);
    return NULL;
}

void
pcap_file_packet(struct pcap_file *file, int64_t at, struct span bytes)
{
    struct pcap_pkthdr header = {
        .ts = { .tv_sec = TRACE_EPOCH_S + at / TIME_S, .tv_usec = at % TIME_S }, /* nanoseconds, as was asked for */
        .caplen = (bpf_u_int32)bytes.length,
        .len = (bpf_u_int32)bytes.length,
    };

    pcap_dump((u_char *)file->dumper, &header, bytes.bytes);
}

/* pcap_dump_close says nothing of failure: what can fail is done before it. */
bool
pcap_file_close(struct pcap_file *file, GError **error)
{
    bool good = out_file_flush(&file->out, error);

    pcap_dump_close(file->dumper);
    pcap_close(file->pcap);
    out_file_forget(&file->out);
    g_free(file);
    return good;
}

bool
pcap_file_failed(const struct pcap_file *file)
{
    return out_file_failed(&file->out);
}
