/* Theory of operation. A REGISTER is turned into wishes first: one a Contact, with the binding that is there already and
 * the expiry that would be granted. When all of them can be granted they are carried out, in their order; nothing can
 * fail any more then. Each binding stands in three places: the list of its user, kept in order of preference; the tree
 * of all users, in alphabetical order, for walking; and the tree of deadlines. */
#include "proto/sip/locations.h"

#include <string.h>

#include "proto/sip/lex.h"

struct place {
    char *user;
    GPtrArray *bindings; /* of struct entry */
};

struct entry {
    struct sip_binding binding; /* first */
    struct place *place;
    struct sip_uri uri; /* of binding.contact */
};

struct sip_locations {
    struct sip_locations_options options;
    GTree *users;     /* user -> struct place */
    GTree *deadlines; /* struct entry, by deadline, then number */
    unsigned count;
    uint64_t number;
};

struct wish {
    struct sip_name_addr contact;
    uint32_t seconds; /* 0: away with it */
    unsigned q;
    struct span instance; /* empty: not by flow */
    uint32_t reg_id;
    struct entry *entry; /* that is there already; NULL */
};

struct wishes {
    const struct sip_registration *what;
    struct span call_id;
    struct span path[SIP_CONTACTS_MOST];
    unsigned paths;
    struct wish wishes[SIP_CONTACTS_MOST];
    unsigned count;
    bool star;
};

static const struct {
    const char *word;
    unsigned status;
    const char *sentence;
} registerings[] = {
#define X(name, word, status, sentence) { word, status, sentence },
    SIP_REGISTERINGS(X)
#undef X
};

G_STATIC_ASSERT(G_N_ELEMENTS(registerings) == SIP_REGISTERING_COUNT);

const char *
sip_registering_word(enum sip_registering what)
{
    return registerings[what].word;
}

const char *
sip_registering_sentence(enum sip_registering what)
{
    return registerings[what].sentence;
}

unsigned
sip_registering_status(enum sip_registering what)
{
    return registerings[what].status;
}

/* --- life -------------------------------------------------------------------------------------------------------- */

static int
compare_users(gconstpointer a, gconstpointer b, gpointer unused)
{
    (void)unused;
    return strcmp(a, b);
}

static int
compare_deadlines(gconstpointer a, gconstpointer b, gpointer unused)
{
    const struct sip_binding *one = a, *other = b;

    (void)unused;
    if (one->until != other->until)
        return one->until < other->until ? -1 : 1;
    return one->number < other->number ? -1 : one->number > other->number;
}

static void
free_texts(struct entry *entry)
{
    g_free((char *)entry->binding.contact);
    g_free((char *)entry->binding.parameters);
    g_free((char *)entry->binding.path);
    g_free((char *)entry->binding.call_id);
    g_free((char *)entry->binding.instance);
}

static void
free_entry(gpointer data)
{
    free_texts(data);
    g_free(data);
}

static void
free_place(gpointer data)
{
    struct place *place = data;

    g_ptr_array_unref(place->bindings);
    g_free(place->user);
    g_free(place);
}

struct sip_locations *
sip_locations_new(const struct sip_locations_options *options)
{
    struct sip_locations *locations = g_new0(struct sip_locations, 1);

    locations->options = *options;
    locations->users = g_tree_new_full(compare_users, NULL, NULL, free_place);
    locations->deadlines = g_tree_new_full(compare_deadlines, NULL, NULL, NULL);
    return locations;
}

void
sip_locations_free(struct sip_locations *locations)
{
    if (!locations)
        return;
    g_tree_unref(locations->deadlines);
    g_tree_unref(locations->users);
    g_free(locations);
}

/* --- changes ----------------------------------------------------------------------------------------------------- */

static void
tell(const struct sip_locations *locations, const struct entry *entry, enum sip_binding_change change)
{
    if (locations->options.changed)
        locations->options.changed(locations->options.owner, &entry->binding, change);
}

static void
remove_entry(struct sip_locations *locations, struct entry *entry, enum sip_binding_change change)
{
    struct place *place = entry->place;

    tell(locations, entry, change);
    g_tree_remove(locations->deadlines, entry);
    locations->count--;
    g_ptr_array_remove(place->bindings, entry);
    if (place->bindings->len == 0)
        g_tree_remove(locations->users, place->user);
}

static struct place *
place_of(struct sip_locations *locations, const char *user)
{
    struct place *place = g_tree_lookup(locations->users, user);

    if (place)
        return place;
    place = g_new0(struct place, 1);
    place->user = g_strdup(user);
    place->bindings = g_ptr_array_new_with_free_func(free_entry);
    g_tree_insert(locations->users, place->user, place);
    return place;
}

static struct entry *
add_entry(struct sip_locations *locations, const char *user)
{
    struct entry *entry = g_new0(struct entry, 1);

    entry->place = place_of(locations, user);
    entry->binding.user = entry->place->user;
    g_ptr_array_add(entry->place->bindings, entry);
    locations->count++;
    return entry;
}

static int
compare_preference(gconstpointer a, gconstpointer b)
{
    const struct sip_binding *one = *(const struct sip_binding *const *)a,
                             *other = *(const struct sip_binding *const *)b;

    if (one->q != other->q)
        return one->q > other->q ? -1 : 1;
    return one->number > other->number ? -1 : one->number < other->number;
}

void
sip_locations_expire(struct sip_locations *locations, int64_t now)
{
    GTreeNode *node;

    while ((node = g_tree_node_first(locations->deadlines))) {
        struct entry *entry = g_tree_node_key(node);

        if (entry->binding.until > now)
            return;
        remove_entry(locations, entry, SIP_BINDING_EXPIRED);
    }
}

int64_t
sip_locations_deadline(const struct sip_locations *locations)
{
    GTreeNode *node = g_tree_node_first(locations->deadlines);

    return node ? ((const struct entry *)g_tree_node_key(node))->binding.until : TIME_NEVER;
}

void
sip_locations_flow_ended(struct sip_locations *locations, uint32_t connection)
{
    g_autoptr(GPtrArray) ended = g_ptr_array_new();

    for (GTreeNode *node = g_tree_node_first(locations->deadlines); node; node = g_tree_node_next(node)) {
        struct entry *entry = g_tree_node_key(node);

        if (sip_binding_is_outbound(&entry->binding) && sip_flow_is_stream(&entry->binding.flow) &&
            entry->binding.flow.connection == connection)
            g_ptr_array_add(ended, entry);
    }
    for (guint i = 0; i < ended->len; i++)
        remove_entry(locations, ended->pdata[i], SIP_BINDING_FLOW_ENDED);
}

void
sip_locations_forget(struct sip_locations *locations, const struct sip_binding *binding)
{
    remove_entry(locations, (struct entry *)binding, SIP_BINDING_FLOW_ENDED);
}

/* --- wishes ------------------------------------------------------------------------------------------------------ */

/* qvalue: 0, 1, or up to three digits after a point (section 25.1). */
static bool
read_q(struct sip_parameters parameters, unsigned *q)
{
    struct span value;
    struct reader reader;
    unsigned unit = 1000, sum;

    *q = 1000;
    if (!sip_parameter(parameters, "q", &value))
        return true;
    reader = reader_over(value);
    sum = (unsigned)(reader_u8(&reader) - '0') * unit;
    if (sum > 1000 || (reader_left(&reader) && reader_u8(&reader) != '.') || reader_left(&reader) > 3)
        return false;
    while (reader_left(&reader)) {
        unsigned digit = (unsigned)(reader_u8(&reader) - '0');

        if (digit > 9)
            return false;
        unit /= 10;
        sum += digit * unit;
    }
    *q = sum;
    return !reader_failed(&reader) && sum <= 1000;
}

/* RFC 5626 section 6: by flow only with both parameters, and when the user agent says that it can. */
static void
read_outbound(const struct sip_message *request, struct wish *wish)
{
    struct span instance, reg_id;

    if (!sip_parameter(wish->contact.parameters, "+sip.instance", &instance) || !instance.length ||
        !sip_parameter(wish->contact.parameters, "reg-id", &reg_id) ||
        !sip_number_decode(reg_id, INT32_MAX, &wish->reg_id) || wish->reg_id == 0 ||
        !sip_message_lists(request, SIP_HEADER_SUPPORTED, "outbound"))
        return;
    wish->instance = instance;
}

static struct entry *
find_entry(const struct place *place, const struct wish *wish)
{
    for (guint i = 0; place && i < place->bindings->len; i++) {
        struct entry *entry = place->bindings->pdata[i];
        const struct sip_binding *binding = &entry->binding;

        if (sip_binding_is_outbound(binding) != (wish->instance.length > 0))
            continue;
        if (wish->instance.length ? binding->reg_id == wish->reg_id && sip_text_is(wish->instance, binding->instance)
                                  : sip_uri_equal(&entry->uri, &wish->contact.uri))
            return entry;
    }
    return NULL;
}

static bool
is_same_wish(const struct wish *a, const struct wish *b)
{
    if (a->instance.length || b->instance.length)
        return a->reg_id == b->reg_id && span_equal(a->instance, b->instance);
    return sip_uri_equal(&a->contact.uri, &b->contact.uri);
}

/* Section 10.3 item 7, and how much is granted. */
static bool
grant(const struct sip_locations *locations, struct wish *wish)
{
    if (wish->seconds > 0 && wish->seconds < 3600 && wish->seconds < locations->options.expires_least)
        return false;
    wish->seconds = MIN(wish->seconds, locations->options.expires_most);
    return true;
}

static size_t
text_of(const struct wishes *wishes, const struct wish *wish)
{
    size_t sum = wish->contact.text.length + wishes->call_id.length;

    for (unsigned i = 0; i < wishes->paths; i++)
        sum += wishes->path[i].length + 2;
    return sum;
}

static enum sip_registering
add_wish(const struct sip_locations *locations, const struct place *place, struct wishes *wishes, struct span value)
{
    struct wish *wish = &wishes->wishes[wishes->count];

    if (wishes->star)
        return SIP_REGISTERING_STAR;
    if (wishes->count == SIP_CONTACTS_MOST)
        return SIP_REGISTERING_MANY;
    if (!sip_name_addr_decode(value, &wish->contact))
        return SIP_REGISTERING_CONTACT;
    if (wish->contact.star) {
        wishes->star = true;
        return wishes->count ? SIP_REGISTERING_STAR : SIP_REGISTERING_DONE;
    }
    if (!wish->contact.uri.sip || text_of(wishes, wish) > SIP_BINDING_TEXT ||
        !read_q(wish->contact.parameters, &wish->q))
        return SIP_REGISTERING_CONTACT;
    read_outbound(wishes->what->request, wish);
    wish->seconds = sip_contact_expires(wishes->what->request, &wish->contact, locations->options.expires);
    wish->entry = find_entry(place, wish);
    for (unsigned i = 0; i < wishes->count; i++)
        if (is_same_wish(&wishes->wishes[i], wish))
            return SIP_REGISTERING_TWICE;
    wishes->count++;
    return grant(locations, wish) ? SIP_REGISTERING_DONE : SIP_REGISTERING_BRIEF;
}

static enum sip_registering
read_path(struct wishes *wishes)
{
    struct sip_values walk = sip_values_of(wishes->what->request, SIP_HEADER_PATH);
    struct sip_name_addr hop;
    struct span value;

    while (sip_values_next(&walk, &value)) {
        if (wishes->paths == SIP_CONTACTS_MOST || !sip_name_addr_decode(value, &hop) || !hop.brackets || !hop.uri.sip)
            return SIP_REGISTERING_PATH;
        wishes->path[wishes->paths++] = value;
    }
    return SIP_REGISTERING_DONE;
}

/* A REGISTER without a Contact of use asks for all to be removed when it has a star, and for nothing otherwise. */
static enum sip_registering
read_wishes(const struct sip_locations *locations, const struct place *place, struct wishes *wishes)
{
    struct sip_values walk = sip_values_of(wishes->what->request, SIP_HEADER_CONTACT);
    struct span value;
    enum sip_registering what = read_path(wishes);

    while (what == SIP_REGISTERING_DONE && sip_values_next(&walk, &value))
        what = add_wish(locations, place, wishes, value);
    return what;
}

/* --- whether they can be granted ----------------------------------------------------------------------------------- */

/* Section 10.3 item 6 and 7: of one Call-ID only what comes later counts. */
static bool
is_old(const struct entry *entry, const struct wishes *wishes)
{
    return sip_text_is(wishes->call_id, entry->binding.call_id) && wishes->what->request->cseq <= entry->binding.cseq;
}

static enum sip_registering
check_star(const struct place *place, const struct wishes *wishes)
{
    uint32_t seconds;

    if (!sip_number_decode(sip_message_value(wishes->what->request, SIP_HEADER_EXPIRES), UINT32_MAX, &seconds) ||
        seconds != 0)
        return SIP_REGISTERING_STAR;
    for (guint i = 0; place && i < place->bindings->len; i++)
        if (is_old(place->bindings->pdata[i], wishes))
            return SIP_REGISTERING_OLD;
    return SIP_REGISTERING_DONE;
}

static unsigned
count_vias(const struct sip_message *request)
{
    struct sip_values walk = sip_values_of(request, SIP_HEADER_VIA);
    struct span value;
    unsigned count = 0;

    while (sip_values_next(&walk, &value))
        count++;
    return count;
}

/* RFC 5626 section 6: one flow a request; and the proxy next to the user agent, if there is one, has said "ob" in the
 * Path that it was the first to add, which is the last one. */
static enum sip_registering
check_flows(const struct wishes *wishes)
{
    struct sip_name_addr first;
    struct span value;
    unsigned flows = 0;

    for (unsigned i = 0; i < wishes->count; i++)
        flows += wishes->wishes[i].instance.length && wishes->wishes[i].seconds;
    if (flows == 0)
        return SIP_REGISTERING_DONE;
    if (flows > 1)
        return SIP_REGISTERING_FLOWS;
    if (count_vias(wishes->what->request) == 1)
        return SIP_REGISTERING_DONE;
    if (!wishes->paths || !sip_name_addr_decode(wishes->path[wishes->paths - 1], &first) ||
        !sip_parameter(first.uri.parameters, "ob", &value))
        return SIP_REGISTERING_FIRST_HOP;
    return SIP_REGISTERING_DONE;
}

static enum sip_registering
check_limits(const struct sip_locations *locations, const struct place *place, const struct wishes *wishes)
{
    unsigned more = 0, fewer = 0, there = place ? place->bindings->len : 0;

    for (unsigned i = 0; i < wishes->count; i++) {
        const struct wish *wish = &wishes->wishes[i];

        if (wish->entry && is_old(wish->entry, wishes))
            return SIP_REGISTERING_OLD;
        more += !wish->entry && wish->seconds;
        fewer += wish->entry && !wish->seconds;
    }
    if (more && there + more - fewer > locations->options.per_user)
        return SIP_REGISTERING_MANY;
    if (more && locations->count + more - fewer > locations->options.total)
        return SIP_REGISTERING_FULL;
    return SIP_REGISTERING_DONE;
}

/* --- carried out --------------------------------------------------------------------------------------------------- */

static char *
text(struct span span)
{
    return span.length ? g_strndup((const char *)span.bytes, span.length) : g_strdup("");
}

/* All parameters but expires, which is ours to say. */
static char *
parameters_text(struct span left)
{
    GString *out = g_string_new(NULL);
    struct span name, value, before = left;

    while (sip_parameter_next(&left, &name, &value)) {
        if (!sip_text_is_nocase(name, "expires"))
            g_string_append_len(out, (const char *)before.bytes, (gssize)(before.length - left.length));
        before = left;
    }
    return g_string_free(out, FALSE);
}

static char *
path_text(const struct wishes *wishes)
{
    GString *out = g_string_new(NULL);

    for (unsigned i = 0; i < wishes->paths; i++) {
        g_string_append(out, i ? ", " : "");
        g_string_append_len(out, (const char *)wishes->path[i].bytes, (gssize)wishes->path[i].length);
    }
    return g_string_free(out, FALSE);
}

static void
fill(struct sip_locations *locations, struct entry *entry, const struct wishes *wishes, const struct wish *wish)
{
    struct sip_binding *binding = &entry->binding;

    free_texts(entry);
    binding->contact = text(wish->contact.uri.text);
    binding->parameters = parameters_text(wish->contact.parameters.text);
    binding->path = path_text(wishes);
    binding->call_id = text(wishes->call_id);
    binding->instance = text(wish->instance);
    binding->reg_id = wish->reg_id;
    binding->cseq = wishes->what->request->cseq;
    binding->flow = wishes->what->flow;
    binding->q = wish->q;
    binding->until = time_add(wishes->what->now, (int64_t)wish->seconds * TIME_S);
    binding->number = ++locations->number;
    (void)sip_uri_decode(span_of_text(binding->contact), &entry->uri);
}

static void
carry_out(struct sip_locations *locations, const struct wishes *wishes, const struct wish *wish)
{
    struct entry *entry = wish->entry;

    if (!wish->seconds) {
        if (entry)
            remove_entry(locations, entry, SIP_BINDING_REMOVED);
        return;
    }
    if (entry)
        g_tree_remove(locations->deadlines, entry);
    else
        entry = add_entry(locations, wishes->what->user);
    fill(locations, entry, wishes, wish);
    g_tree_insert(locations->deadlines, entry, entry);
    g_ptr_array_sort(entry->place->bindings, compare_preference);
    tell(locations, entry, wish->entry ? SIP_BINDING_REFRESHED : SIP_BINDING_MADE);
}

static void
remove_all(struct sip_locations *locations, const char *user)
{
    struct place *place;

    while ((place = g_tree_lookup(locations->users, user)))
        remove_entry(locations, place->bindings->pdata[place->bindings->len - 1], SIP_BINDING_REMOVED);
}

enum sip_registering
sip_locations_register(struct sip_locations *locations, const struct sip_registration *what, bool *outbound)
{
    struct wishes wishes = { .what = what, .call_id = sip_message_value(what->request, SIP_HEADER_CALL_ID) };
    struct place *place;
    enum sip_registering result;

    *outbound = false;
    sip_locations_expire(locations, what->now);
    place = g_tree_lookup(locations->users, what->user);
    result = read_wishes(locations, place, &wishes);
    if (result == SIP_REGISTERING_DONE && wishes.star)
        result = check_star(place, &wishes);
    if (result == SIP_REGISTERING_DONE)
        result = check_flows(&wishes);
    if (result == SIP_REGISTERING_DONE)
        result = check_limits(locations, place, &wishes);
    if (result != SIP_REGISTERING_DONE)
        return result;

    if (wishes.star)
        remove_all(locations, what->user);
    for (unsigned i = 0; i < wishes.count; i++) {
        carry_out(locations, &wishes, &wishes.wishes[i]);
        *outbound = *outbound || wishes.wishes[i].instance.length;
    }
    return SIP_REGISTERING_DONE;
}

/* --- looking up -------------------------------------------------------------------------------------------------- */

const struct sip_binding *const *
sip_locations_find(const struct sip_locations *locations, const char *user, unsigned *count)
{
    const struct place *place = g_tree_lookup(locations->users, user);

    *count = place ? place->bindings->len : 0;
    return place ? (const struct sip_binding *const *)place->bindings->pdata : NULL;
}

unsigned
sip_locations_count(const struct sip_locations *locations)
{
    return locations->count;
}

const struct sip_binding *
sip_locations_next(const struct sip_locations *locations, const struct sip_binding *after)
{
    GTreeNode *node = g_tree_node_first(locations->users);
    const struct place *place;
    guint i = 0;

    if (after) {
        place = ((const struct entry *)after)->place;
        (void)g_ptr_array_find(place->bindings, after, &i);
        if (i + 1 < place->bindings->len)
            return place->bindings->pdata[i + 1];
        node = g_tree_node_next(g_tree_lookup_node(locations->users, place->user));
    }
    if (!node)
        return NULL;
    place = g_tree_node_value(node);
    return place->bindings->pdata[0];
}

uint32_t
sip_binding_seconds(const struct sip_binding *binding, int64_t now)
{
    return binding->until <= now ? 0 : (uint32_t)((binding->until - now + TIME_S - 1) / TIME_S);
}

bool
sip_user_of(const struct sip_uri *uri, char user[SIP_USER_BYTES])
{
    struct writer out = writer_over(user, SIP_USER_BYTES - 1);

    if (!uri->sip || !uri->user.length || !sip_unescape(uri->user, &out))
        return false;
    user[writer_length(&out)] = 0;
    for (size_t i = 0; i < writer_length(&out); i++)
        if (g_ascii_iscntrl(user[i]))
            return false;
    return true;
}
