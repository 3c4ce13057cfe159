#include "proto/http/output.h"

void
http_output_open(struct http_output *output)
{
    *output = (struct http_output){ .bytes = g_byte_array_new() };
}

void
http_output_close(struct http_output *output)
{
    g_clear_pointer(&output->bytes, g_byte_array_unref);
}

void
http_output_put(struct http_output *output, struct span bytes)
{
    if (bytes.length)
        g_byte_array_append(output->bytes, bytes.bytes, (guint)bytes.length);
}

enum io_result
http_output_flush(struct http_output *output, struct io_tcp *tcp)
{
    while (http_output_waits(output)) {
        enum io_result why = IO_OK;
        ssize_t taken =
            tcp->ops->write(tcp, output->bytes->data + output->sent, output->bytes->len - output->sent, &why);

        if (taken <= 0)
            return taken == 0 ? IO_AGAIN : why;
        output->sent += (size_t)taken;
    }
    g_byte_array_set_size(output->bytes, 0);
    output->sent = 0;
    return IO_OK;
}
