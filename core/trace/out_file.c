#include "core/trace/out_file.h"

#include <errno.h>
#include <stdio_ext.h>

void
out_file_error(GError **error, const char *what, const char *path, int code)
{
    g_set_error(error, G_FILE_ERROR, (gint)g_file_error_from_errno(code), "cannot %s '%s': %s", what, path,
                code ? g_strerror(code) : "not everything could be written");
}

bool
out_file_open(struct out_file *file, const char *path, size_t buffer_bytes, GError **error)
{
    FILE *stream = fopen(path, "wbe");

    *file = (struct out_file){ 0 };
    if (!stream) {
        out_file_error(error, "write", path, errno);
        return false;
    }
    *file = (struct out_file){ stream, g_strdup(path), g_malloc(buffer_bytes) };
    setvbuf(stream, file->buffer, _IOFBF, buffer_bytes);
    __fsetlocking(stream, FSETLOCKING_BYCALLER); /* no other thread has this stream */
    return true;
}

bool
out_file_flush(struct out_file *file, GError **error)
{
    errno = 0;
    if (fflush(file->stream) == 0 && !ferror(file->stream))
        return true;
    out_file_error(error, "write", file->path, errno);
    return false;
}

void
out_file_forget(struct out_file *file)
{
    g_free(file->path);
    g_free(file->buffer);
    *file = (struct out_file){ 0 };
}

bool
out_file_close(struct out_file *file, GError **error)
{
    bool good;

    if (!file->stream)
        return true;
    good = out_file_flush(file, error);
    if (fclose(file->stream) != 0 && good) {
        out_file_error(error, "write", file->path, errno);
        good = false;
    }
    out_file_forget(file);
    return good;
}
