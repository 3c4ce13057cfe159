#include "proto/portmap/xml.h"

struct building {
    struct xml_node node; /* first, so that a node is its building */
    struct building *last;
    GString *text;
    unsigned depth;
};

struct xml {
    GPtrArray *nodes; /* struct building, in the document's order */
    struct building *root, *open;
};

static void
building_free(void *data)
{
    struct building *building = data;

    g_free((char *)building->node.name);
    g_string_free(building->text, TRUE);
    g_free(building);
}

static void
refuse(GError **error, const char *why)
{
    g_set_error_literal(error, G_MARKUP_ERROR, G_MARKUP_ERROR_INVALID_CONTENT, why);
}

static void
on_start(GMarkupParseContext *context, const char *name, const char **attributes, const char **values, void *user,
         GError **error)
{
    struct xml *xml = user;
    struct building *parent = xml->open, *building;
    const char *colon = strchr(name, ':');

    (void)context, (void)attributes, (void)values;
    if (xml->nodes->len >= XML_NODES || (parent && parent->depth + 1 >= XML_DEPTH) || (!parent && xml->root)) {
        refuse(error, "too many elements");
        return;
    }
    building = g_new0(struct building, 1);
    building->node.name = g_strdup(colon ? colon + 1 : name);
    building->node.parent = parent ? &parent->node : NULL;
    building->text = g_string_new(NULL);
    building->depth = parent ? parent->depth + 1 : 0;
    g_ptr_array_add(xml->nodes, building);
    if (!parent)
        xml->root = building;
    else if (parent->last)
        parent->last->node.next = &building->node;
    else
        parent->node.child = &building->node;
    if (parent)
        parent->last = building;
    xml->open = building;
}

static void
on_end(GMarkupParseContext *context, const char *name, void *user, GError **error)
{
    struct xml *xml = user;
    struct building *building = xml->open;

    (void)context, (void)name, (void)error;
    building->node.text = g_strstrip(building->text->str);
    xml->open = (struct building *)building->node.parent;
}

static void
on_text(GMarkupParseContext *context, const char *text, gsize length, void *user, GError **error)
{
    struct xml *xml = user;

    (void)context, (void)error;
    if (xml->open)
        g_string_append_len(xml->open->text, text, (gssize)length);
}

/* Comments, processing instructions, CDATA and document types come here as they stand; only the last are of harm. */
static void
on_passthrough(GMarkupParseContext *context, const char *text, gsize length, void *user, GError **error)
{
    (void)context, (void)user;
    if (length >= 9 && g_ascii_strncasecmp(text, "<!DOCTYPE", 9) == 0)
        refuse(error, "a document type");
}

struct xml *
xml_parse(struct span bytes)
{
    static const GMarkupParser parser = { on_start, on_end, on_text, on_passthrough, NULL };
    g_autoptr(xml) xml = g_new0(struct xml, 1);
    g_autoptr(GMarkupParseContext) context = NULL;
    bool fine;

    xml->nodes = g_ptr_array_new_with_free_func(building_free);
    if (bytes.length == 0 || bytes.length > XML_BYTES)
        return NULL;
    context = g_markup_parse_context_new(&parser, G_MARKUP_TREAT_CDATA_AS_TEXT, xml, NULL);
    fine = g_markup_parse_context_parse(context, (const char *)bytes.bytes, (gssize)bytes.length, NULL) &&
           g_markup_parse_context_end_parse(context, NULL) && xml->root;
    return fine ? g_steal_pointer(&xml) : NULL;
}

void
xml_free(struct xml *xml)
{
    if (!xml)
        return;
    g_ptr_array_unref(xml->nodes);
    g_free(xml);
}

const struct xml_node *
xml_root(const struct xml *xml)
{
    return &xml->root->node;
}

const struct xml_node *
xml_child(const struct xml_node *node, const char *name)
{
    const struct xml_node *child = node->child;

    return child && strcmp(child->name, name) != 0 ? xml_next(child, name) : child;
}

const struct xml_node *
xml_next(const struct xml_node *node, const char *name)
{
    do
        node = node->next;
    while (node && strcmp(node->name, name) != 0);
    return node;
}

const char *
xml_child_text(const struct xml_node *node, const char *name)
{
    const struct xml_node *child = xml_child(node, name);

    return child ? child->text : NULL;
}

/* The next node in the document's order that is still below `top`. */
static const struct xml_node *
following(const struct xml_node *node, const struct xml_node *top)
{
    if (node->child)
        return node->child;
    while (node != top && !node->next)
        node = node->parent;
    return node == top ? NULL : node->next;
}

const struct xml_node *
xml_find(const struct xml_node *node, const char *name)
{
    const struct xml_node *at = node;

    while (at && strcmp(at->name, name) != 0)
        at = following(at, node);
    return at;
}

void
xml_escape(GString *out, const char *text)
{
    g_autofree char *valid = g_utf8_make_valid(text, -1);

    for (const char *at = valid; *at; at++) {
        if ((unsigned char)*at < 0x20 && !strchr("\t\n\r", *at))
            continue;
        switch (*at) {
        case '&':
            g_string_append(out, "&amp;");
            break;
        case '<':
            g_string_append(out, "&lt;");
            break;
        case '>':
            g_string_append(out, "&gt;");
            break;
        case '"':
            g_string_append(out, "&quot;");
            break;
        case '\'':
            g_string_append(out, "&apos;");
            break;
        default:
            g_string_append_c(out, *at);
        }
    }
}

void
xml_element(GString *out, const char *name, const char *text)
{
    g_string_append_printf(out, "<%s>", name);
    xml_escape(out, text);
    g_string_append_printf(out, "</%s>", name);
}
