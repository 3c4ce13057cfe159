#include "scenarios/runner/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BUFFER = 64 * 1024 };

void
terminal_begin(void)
{
    struct sigaction ignore = { .sa_handler = SIG_IGN };

    for (int fd = 0; fd <= 2; fd++) {
        /* For reading only: writing to a standard output that was closed shall still fail. */
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 2 ? O_WRONLY : O_RDONLY) != fd)
            _exit(2);
    }
    sigaction(SIGPIPE, &ignore, NULL);
    setvbuf(stdout, NULL, _IOFBF, BUFFER);
}

/* Nobody reads standard output any more, as behind `head`: the files are closed by now, so this ends us as it ends
 * everybody, by the signal. */
static void
obey_broken_pipe(void)
{
    struct sigaction action = { .sa_handler = SIG_DFL };
    struct pollfd output = { .fd = STDOUT_FILENO };

    if (poll(&output, 1, 0) != 1 || !(output.revents & POLLERR))
        return;
    sigaction(SIGPIPE, &action, NULL);
    raise(SIGPIPE);
}

bool
terminal_end(void)
{
    bool failed = ferror(stdout);

    errno = 0;
    if (fflush(stdout) != 0 || ferror(stdout))
        failed = true;
    if (!failed)
        return true;
    obey_broken_pipe();
    fprintf(stderr, "punchlab: cannot write to standard output%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
    return false;
}

static bool
locale_is_utf8(void)
{
    static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

    for (size_t i = 0; i < G_N_ELEMENTS(names); i++) {
        const char *value = g_getenv(names[i]);

        if (value && *value)
            return strcasestr(value, "utf-8") || strcasestr(value, "utf8");
    }
    return false;
}

struct terminal
terminal_of(FILE *stream)
{
    struct terminal terminal = { .interactive = isatty(fileno(stream)) };
    const char *no_color = g_getenv("NO_COLOR"), *term = g_getenv("TERM");
    struct winsize size;

    if (!terminal.interactive)
        return terminal;
    terminal.colour = !(no_color && *no_color) && term && strcmp(term, "dumb") != 0;
    terminal.unicode = locale_is_utf8();
    terminal.columns = ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col >= 40 ? size.ws_col : 80;
    return terminal;
}

void
terminal_styled(const struct terminal *terminal, enum terminal_style style, const char *text, GString *out)
{
    static const char *const codes[] = {
        [STYLE_PLAIN] = "0", [STYLE_STRONG] = "1", [STYLE_FAINT] = "2",
        [STYLE_GOOD] = "32", [STYLE_BAD] = "31",   [STYLE_WARM] = "33",
    };

    if (terminal->colour && style != STYLE_PLAIN)
        g_string_append_printf(out, "\033[%sm%s\033[0m", codes[style], text);
    else
        g_string_append(out, text);
}

/* Characters that reorder text around them: what stands there would not be what is read. */
static bool
turns_text(gunichar c)
{
    return c == 0x061c || c == 0x200e || c == 0x200f || (c >= 0x2028 && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069);
}

void
terminal_safe(const char *text, GString *out)
{
    const char *end = text + strlen(text);

    while (text < end) {
        gunichar c = g_utf8_get_char_validated(text, end - text);

        if (c == '\t') {
            g_string_append_c(out, ' ');
            text++;
        } else if (c == (gunichar)-1 || c == (gunichar)-2 || c < 0x20 || (c >= 0x7f && c < 0xa0)) {
            g_string_append_printf(out, "\\x%02x", (unsigned char)*text);
            text += c >= 0x80 && c < 0xa0 ? 2 : 1;
        } else if (turns_text(c)) {
            g_string_append_printf(out, "\\u%04x", c);
            text = g_utf8_next_char(text);
        } else {
            g_string_append_unichar(out, c);
            text = g_utf8_next_char(text);
        }
    }
}

void
terminal_safe_lines(const char *text, GString *out)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (char **line = lines; *line; line++) {
        if (line != lines)
            g_string_append_c(out, '\n');
        terminal_safe(*line, out);
    }
}

size_t
terminal_character_width(gunichar c)
{
    if (c < 0x300)
        return 1;
    return g_unichar_iszerowidth(c) ? 0 : g_unichar_iswide(c) ? 2 : 1;
}

size_t
terminal_width(const char *text)
{
    size_t width = 0;

    for (; *text; text = g_utf8_next_char(text))
        width += terminal_character_width(g_utf8_get_char(text));
    return width;
}

void
terminal_pad(const char *text, size_t column, GString *out)
{
    for (size_t width = terminal_width(text); width < column; width++)
        g_string_append_c(out, ' ');
}

size_t
terminal_fitting(const char *text, size_t columns)
{
    const char *at = text, *blank = NULL;

    for (size_t used = 0; *at; at = g_utf8_next_char(at)) {
        used += terminal_character_width(g_utf8_get_char(at));
        if (used > columns)
            break;
        if (*at == ' ' && at > text)
            blank = at;
    }
    if (!*at)
        return (size_t)(at - text);
    if (*at == ' ')
        blank = at;
    if (at == text && !blank) /* not even one: it is taken all the same, or nothing would ever end */
        at = g_utf8_next_char(at);
    return (size_t)((blank ? blank : at) - text);
}

void
terminal_broken(const char *text, size_t width, GPtrArray *lines)
{
    while (width > 0 && terminal_width(text) > width) {
        size_t length = terminal_fitting(text, width);

        g_ptr_array_add(lines, g_strndup(text, length));
        text += length;
        while (*text == ' ')
            text++;
        if (!*text)
            return;
    }
    g_ptr_array_add(lines, g_strdup(text));
}

char *
terminal_cut(const char *text, size_t width)
{
    if (terminal_width(text) <= width)
        return g_strdup(text);
    const char *end = text;

    for (size_t used = 0; *end; end = g_utf8_next_char(end)) {
        used += terminal_character_width(g_utf8_get_char(end));
        if (used + 1 > width)
            break;
    }
    g_autofree char *head = g_strndup(text, (gsize)(end - text));

    return g_strconcat(head, width > 0 ? "~" : "", NULL);
}
