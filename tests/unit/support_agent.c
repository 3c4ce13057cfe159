#include "tests/unit/support_agent.h"

#include <stdio.h>

#include "core/net/stack.h"
#include "nat/presets.h"
#include "proto/stun/server.h"

struct end end_a, end_b;

static struct stun_server *stun;
static struct turn_server *turn;
static struct stun_users *users;

void
agents_begin(void)
{
    test_lab_begin();
}

void
agents_end(void)
{
    end_close(&end_a);
    end_close(&end_b);
    stun_server_free(stun);
    turn_server_free(turn);
    stun_users_free(users);
    stun = NULL;
    turn = NULL;
    users = NULL;
    test_lab_end();
}

void
agents_again(void)
{
    agents_end();
    agents_begin();
}

static struct lab_network *
make_blocked(struct lab_network *internet, const char *name, const char *outside, const char *lan)
{
    g_autoptr(GError) error = NULL;
    const struct nat_preset *preset = nat_preset_find("udp-blocked");
    struct lab_network *made =
        lab_firewall(internet, name, outside, &preset->options, "udp-blocked", lan, NULL, NULL, &error);

    if (!made)
        g_error("%s", error->message);
    return made;
}

static void
place(struct lab_network *internet, const char *name, const char *nat, const char *outside, const char *lan,
      const char *inside)
{
    g_autofree char *box = g_strconcat("nat", name, NULL);

    if (!nat)
        make_host(internet, name, outside);
    else if (g_str_equal(nat, "udp-blocked"))
        make_host(make_blocked(internet, box, outside, g_str_equal(name, "A") ? "192.0.2.0/25" : "192.0.2.128/25"),
                  name, g_str_equal(name, "A") ? "192.0.2.2" : "192.0.2.130");
    else
        make_host(make_nat(internet, box, outside, nat, lan), name, inside);
}

void
agents_world(const char *nat_a, const char *nat_b)
{
    struct lab_network *internet = make_internet();

    make_host(internet, "S", "198.51.100.1");
    make_host(internet, "T", "198.51.100.2");
    place(internet, "A", nat_a, "203.0.113.1", "10.0.0.0/24", "10.0.0.2");
    place(internet, "B", nat_b, "203.0.113.2", "10.1.0.0/24", "10.1.0.2");
}

void
agents_servers(bool with_stun, bool with_turn)
{
    struct stun_server_options stun_options = STUN_SERVER_DEFAULTS;
    struct turn_server_options turn_options = TURN_SERVER_DEFAULTS;
    enum io_result why = IO_OK;

    if (with_stun)
        stun = stun_server_new(node_io(node_called("S")), &stun_options, &why);
    CHECK(why == IO_OK);
    if (!with_turn)
        return;
    users = stun_users_new("example.org");
    CHECK(stun_users_add(users, span_of_text("alice"), span_of_text("secret")));
    turn_options.users = users;
    turn = turn_server_new(node_io(node_called("T")), &turn_options, &why);
    CHECK(why == IO_OK);
}

const struct turn_server *
agents_turn(void)
{
    return turn;
}

void
agents_stop_turn(void)
{
    turn_server_free(turn);
    turn = NULL;
}

struct ice_agent_options
agents_options(bool with_stun, bool with_turn)
{
    struct ice_agent_options options = ICE_AGENT_DEFAULTS;

    options.transcript = 500;
    if (with_stun)
        CHECK(endpoint_parse(AGENT_STUN, &options.stun[options.stun_count++]));
    if (with_turn) {
        options.turn[0] = (struct ice_agent_turn){ .username = "alice", .password = "secret" };
        CHECK(endpoint_parse(AGENT_TURN, &options.turn[0].server));
        options.turn_count = 1;
    }
    return options;
}

static void
hear_state(struct end *end, const struct ice_agent_news *news)
{
    end->state = news->state;
    end->why = news->why;
    if (news->state == ICE_COMPLETED)
        end->completed_at = test_lab->world->now;
    if (news->state == ICE_FAILED) {
        end->failed++;
        end->failed_at = test_lab->world->now;
    }
}

static void
hear_candidate(struct end *end, const struct ice_candidate *candidate)
{
    GString *line = g_string_new(NULL);

    ice_agent_candidate_say(end->agent, candidate, line);
    g_ptr_array_add(end->lines, g_string_free(line, FALSE));
}

static void
told(void *owner, struct ice_agent *agent, const struct ice_agent_news *news)
{
    struct end *end = owner;

    CHECK(agent == end->agent);
    switch (news->event) {
    case ICE_AGENT_CANDIDATE:
        hear_candidate(end, &news->candidate);
        break;
    case ICE_AGENT_GATHERED:
        end->gathered++;
        end->gathered_at = test_lab->world->now;
        break;
    case ICE_AGENT_STATE:
        hear_state(end, news);
        break;
    case ICE_AGENT_SELECTED:
        end->selected++;
        end->path[news->component - 1] = news->path;
        break;
    case ICE_AGENT_CONSENT_LOST:
        end->lost++;
        end->why = news->why;
        end->lost_at = test_lab->world->now;
        break;
    case ICE_AGENT_NETWORK:
        end->network++;
        end->told_before = end->lines->len + end->gathered;
        break;
    case ICE_AGENT_RESTARTED:
        end->restarted++;
        end->told_before = end->lines->len + end->gathered;
        break;
    case ICE_AGENT_AGREED:
        end->agreed += news->state == ICE_COMPLETED;
        end->disagreed += news->state == ICE_FAILED;
        break;
    case ICE_AGENT_CLOSED:
        end->closed++;
        break;
    }
}

static void
hear_data(void *owner, struct io_udp *udp, const struct io_datagram *datagram)
{
    struct end *end = owner;
    unsigned component = udp == ice_agent_component(end->agent, 0, 1) ? 0 : 1;

    end->heard[component]++;
    g_snprintf(end->last[component], sizeof end->last[component], "%.*s", (int)datagram->data.length,
               (const char *)datagram->data.bytes);
    if (end->free_when_heard) {
        ice_agent_free(end->agent);
        end->agent = NULL;
    }
}

static const struct io_udp_events data_events = { hear_data, NULL };

void
end_open(struct end *end, const char *node, const struct ice_agent_options *options)
{
    end->lines = g_ptr_array_new_with_free_func(g_free);
    end->agent = ice_agent_new(node_io(node_called(node)), options, told, end);
    for (unsigned i = 1; i <= MIN(options->session.components, AGENT_COMPONENTS); i++) {
        struct io_udp *udp = ice_agent_component(end->agent, 0, i);

        udp->events = &data_events;
        udp->owner = end;
    }
}

void
end_close(struct end *end)
{
    ice_agent_free(end->agent);
    if (end->lines)
        g_ptr_array_unref(end->lines);
    *end = (struct end){ .agent = NULL };
}

bool
end_describe(struct end *from, struct end *to)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    bool taken;

    ice_agent_description(from->agent, text);
    g_ptr_array_set_size(from->lines, 0);
    taken = ice_agent_take_description(to->agent, span_of_text(text->str), &error);
    CHECK_ROW(error ? error->message : "taken", taken);
    return taken;
}

void
end_trickle(struct end *from, struct end *to, bool backwards)
{
    for (guint i = 0; i < from->lines->len; i++) {
        const char *line = from->lines->pdata[backwards ? from->lines->len - 1 - i : i];

        CHECK_ROW(line, ice_agent_take_candidate(to->agent, 0, span_of_text(line), NULL));
    }
    g_ptr_array_set_size(from->lines, 0);
}

bool
end_say(struct end *end, unsigned component, const char *text)
{
    struct io_udp *udp = ice_agent_component(end->agent, 0, component);
    struct io_datagram datagram = IO_DATAGRAM_TO(((struct endpoint){ ADDRESS_NONE, 0 }), span_of_text(text));

    return udp->ops->send(udp, &datagram) == IO_OK;
}

void
ends_connect(struct end *a, struct end *b, const struct ice_agent_options *options, int64_t time)
{
    struct ice_agent_options controlled = *options;

    controlled.session.controlling = false;
    end_open(a, "A", options);
    end_open(b, "B", &controlled);
    ice_agent_gather(a->agent);
    ice_agent_gather(b->agent);
    while ((!a->gathered || !b->gathered) && world_step(test_lab->world, 30 * TIME_S))
        ;
    CHECK(a->gathered == 1 && b->gathered == 1);
    if (end_describe(a, b))
        end_describe(b, a);
    run_for(time);
}

void
ends_check(const char *row, struct end *a, struct end *b, unsigned components)
{
    CHECK_ROW_TEXT(row, ice_state_word(a->state), "completed");
    CHECK_ROW_TEXT(row, ice_state_word(b->state), "completed");
    for (unsigned i = 1; i <= components; i++) {
        g_autofree char *from_a = g_strdup_printf("from A on %u", i), *from_b = g_strdup_printf("from B on %u", i);

        CHECK_ROW(row, end_say(a, i, from_a));
        CHECK_ROW(row, end_say(b, i, from_b));
        run_for(TIME_S);
        CHECK_ROW_TEXT(row, b->last[i - 1], from_a);
        CHECK_ROW_TEXT(row, a->last[i - 1], from_b);
    }
}

void
ends_show(const char *row)
{
    g_autoptr(GString) text = g_string_new(NULL);

    if (!g_getenv("SHOW"))
        return;
    ice_agent_transcript(end_a.agent, text);
    g_string_append_c(text, '\n');
    ice_agent_transcript(end_b.agent, text);
    printf("--- %s\n%s\n", row, text->str);
}
