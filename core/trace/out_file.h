/* A file that is written from beginning to end: a stream with a buffer of a chosen size, and a close that tells.
 *
 * Writers put bytes into `stream` and ignore what that returns: the stream remembers a failure, and the flush or the
 * close reports it, so that a full disk is told and the code in between stays plain. */
#ifndef CORE_TRACE_OUT_FILE_H
#define CORE_TRACE_OUT_FILE_H

#include <glib.h>
#include <stdbool.h>
#include <stdio.h>

struct out_file {
    FILE *stream; /* NULL: closed */
    char *path, *buffer;
};

/* Makes or empties the file. */
bool out_file_open(struct out_file *file, const char *path, size_t buffer_bytes, GError **error);

/* Whether a write has failed so far, as far as the stream knows: what is in the buffer has not been tried. */
static inline bool
out_file_failed(const struct out_file *file)
{
    return file->stream && ferror(file->stream);
}

/* Writes out what is in the buffer; false when that or any write before it failed. */
bool out_file_flush(struct out_file *file, GError **error);

/* Flushes, closes and frees. The file is closed in any case, and closing it again does nothing and succeeds. */
bool out_file_close(struct out_file *file, GError **error);

/* Frees what is left when somebody else has closed the stream. */
void out_file_forget(struct out_file *file);

/* A GError "cannot write 'x': why" from an errno; 0 when it is not known any more. */
void out_file_error(GError **error, const char *what, const char *path, int code);

#endif
