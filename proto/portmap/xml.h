/* Small XML documents of strangers, read into a tree: the descriptions and the SOAP messages of UPnP.
 *
 * GLib's GMarkup does the reading. It knows no entities but the five and the numeric ones, and resolves nothing from
 * outside; a document type declaration, and whatever passes the limits, is refused here. Names are kept without their
 * namespace prefix: a prefix means nothing by itself, and devices write what they like. */
#ifndef PROTO_PORTMAP_XML_H
#define PROTO_PORTMAP_XML_H

#include <glib.h>

#include "core/base/span.h"

#define XML_BYTES 65536
#define XML_DEPTH 16
#define XML_NODES 1024

struct xml;
typedef struct xml xml;

struct xml_node {
    const char *name; /* without prefix */
    const char *text; /* directly in it, without blanks at its ends */
    const struct xml_node *parent, *child, *next;
};

/* NULL when it is no well-formed document within the limits. */
struct xml *xml_parse(struct span bytes);
void xml_free(struct xml *xml);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(xml, xml_free)

const struct xml_node *xml_root(const struct xml *xml);
/* The first child of that name; the next sibling of that name. NULL when there is none. */
const struct xml_node *xml_child(const struct xml_node *node, const char *name);
const struct xml_node *xml_next(const struct xml_node *node, const char *name);
/* The text of the first child of that name; NULL when there is none. */
const char *xml_child_text(const struct xml_node *node, const char *name);
/* The first node of that name at or below `node`, in the document's order. */
const struct xml_node *xml_find(const struct xml_node *node, const char *name);

/* Appends `text` with the five characters escaped; what cannot stand in XML is left out. */
void xml_escape(GString *out, const char *text);
/* Appends "<name>text</name>". */
void xml_element(GString *out, const char *name, const char *text);

#endif
