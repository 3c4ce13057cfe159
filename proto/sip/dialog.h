/* A dialog (RFC 3261 section 12): what two user agents have in common between INVITE and BYE. Pure: messages go in, the
 * headers of a request in the dialog come out. A dialog owns its texts.
 *
 * It is early when a provisional response with a To tag made it, confirmed when a 2xx did. The route set is the INVITE's
 * Record-Route, in its order at the server and reversed at the client (section 12.1); it changes once at most, at the
 * client, from early to confirmed. The remote target is the peer's Contact, and is refreshed by re-INVITE and UPDATE and
 * their 2xx (section 12.2). Where there is no Contact the address of the peer's From or To stands in. */
#ifndef PROTO_SIP_DIALOG_H
#define PROTO_SIP_DIALOG_H

#include "proto/sip/flow.h"
#include "proto/sip/print.h"

#define SIP_ROUTES_MOST 32 /* in a route set; a longer one makes no dialog */

/* Members are read-only for others. */
struct sip_dialog {
    bool server; /* we were called */
    bool confirmed;
    char *call_id, *local_tag, *remote_tag; /* the dialog's ID; the remote tag may be empty (RFC 2543) */
    char *local, *remote;                   /* From and To of our requests, with their tags */
    char *target;                           /* the remote target: a URI */
    GPtrArray *routes;                      /* char *: values of Route */
    uint32_t local_cseq, remote_cseq;       /* of each side's last request */
    bool has_remote_cseq;
};
typedef struct sip_dialog sip_dialog;

/* At the client: `request` is our INVITE, `response` a provisional one with a To tag, or a 2xx. NULL for a provisional one
 * without a tag, and when something in it cannot be read. */
struct sip_dialog *sip_dialog_of_response(const struct sip_message *request, const struct sip_message *response);
/* At the server: `tag` is the To tag that our responses have. NULL when something in it cannot be read. */
struct sip_dialog *sip_dialog_of_request(const struct sip_message *request, const char *tag);
void sip_dialog_free(struct sip_dialog *dialog);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sip_dialog, sip_dialog_free)

/* Whether a request of the peer's belongs to the dialog: Call-ID, To tag ours, From tag its (section 12.2.2). */
bool sip_dialog_has_request(const struct sip_dialog *dialog, const struct sip_message *request);
/* Whether a response to our INVITE does: the To tag is the peer's. */
bool sip_dialog_has_response(const struct sip_dialog *dialog, const struct sip_message *response);

/* A 2xx: the dialog is confirmed, and the route set and the target are the response's (section 13.2.2.4). */
void sip_dialog_confirm(struct sip_dialog *dialog, const struct sip_message *response);

/* A request of the peer's in the dialog. False: its CSeq is not higher than the last one's, and 500 is the answer (section
 * 12.2.2). ACK and CANCEL are not handed in. INVITE and UPDATE refresh the target. */
bool sip_dialog_take_request(struct sip_dialog *dialog, const struct sip_message *request);
/* A 2xx to our INVITE or UPDATE in the dialog: refreshes the target. */
void sip_dialog_take_refresh(struct sip_dialog *dialog, const struct sip_message *response);

/* The number of our next request; `sip_dialog_put` with ACK takes that of its INVITE. */
uint32_t sip_dialog_next(struct sip_dialog *dialog);

/* Writes a request line and Route, From, To, Call-ID, CSeq and Max-Forwards (section 12.2.1.1): with a strict router first
 * in the route set, its URI is the Request-URI and the target stands last among the routes. Contact and the rest are the
 * caller's. */
void sip_dialog_put(const struct sip_dialog *dialog, struct span method, uint32_t cseq, struct writer *out);
/* Its Request-URI: what digests are about. The caller frees it. */
char *sip_dialog_uri(const struct sip_dialog *dialog);

/* Where requests go: to the first route, else to the target. False: by no address that is known. */
bool sip_dialog_flow(const struct sip_dialog *dialog, const struct sip_names *names, struct sip_flow *flow);

#endif
