/* Where FTP names an address: pure, over one line of the control connection.
 *
 *   PORT h1,h2,h3,h4,p1,p2        a command (RFC 959 section 4.1.2)
 *   227 ... h1,h2,h3,h4,p1,p2     its like among the replies; whether there are brackets nobody knows (RFC 1123 section
 *                                 4.1.2.6), so the six numbers are sought
 *   EPRT |1|address|port|         a command, for both families (RFC 2428 section 2), with any delimiter
 *   229 ... (|||port|)            the answer to EPSV: the address is that of the control connection (section 3)
 *
 * Telnet's commands may stand in front (RFC 959 section 5.3.1, RFC 854), and are passed over. What is not understood
 * names nothing. */
#ifndef NAT_ALG_FTP_TEXT_H
#define NAT_ALG_FTP_TEXT_H

#include <glib.h>

#include "core/base/address.h"
#include "core/base/span.h"

enum ftp_form { FTP_NOTHING, FTP_PORT, FTP_PASV, FTP_EPRT, FTP_EPSV, FTP_FORMS };

extern const char *const ftp_form_words[]; /* "PORT", "227", "EPRT", "229" */

struct ftp_place {
    enum ftp_form form;
    size_t at, count;      /* what is to be replaced, in the line */
    struct endpoint named; /* of FTP_EPSV without an address */
    char delimiter;        /* of FTP_EPRT */
};

/* What a whole line, its CRLF included, names. */
struct ftp_place ftp_find(struct span line, bool from_client);

/* What stands there instead, to name `endpoint`, which is of the family of what was named. */
enum { FTP_TEXT = ADDRESS_TEXT + 16 };
struct span ftp_write(const struct ftp_place *place, struct endpoint endpoint, char text[FTP_TEXT]);

/* Whether a line asks for encryption (AUTH, RFC 4217 section 4), and whether a reply has that code. */
bool ftp_asks_for_encryption(struct span line);
bool ftp_has_code(struct span line, const char *code);

#endif
