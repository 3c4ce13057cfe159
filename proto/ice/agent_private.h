/* What the files of the agent share: agent.c lives, tells and keeps time, agent_ports.c has sockets and data,
 * agent_gather.c candidates and servers, agent_network.c addresses, agent_relay.c allocations, agent_tcp.c connections,
 * agent_tcp_relay.c allocations for them, agent_probe.c connections to STUN servers, agent_sdp.c descriptions,
 * agent_update.c those after the selection. agent.h tells the theory.
 *
 * Whatever the world calls is bracketed by agent_enter and agent_leave: between them callbacks of the owner are noted,
 * and the last leave tells them; memory of a freed agent goes there. Within a bracket a port, relay or connection may
 * close itself, so that after handing on what came nothing of it is touched any more. */
#ifndef PROTO_ICE_AGENT_PRIVATE_H
#define PROTO_ICE_AGENT_PRIVATE_H

#include "core/base/journal.h"
#include "proto/ice/agent.h"
#include "proto/ice/transcript.h"
#include "proto/sdp/session.h"
#include "proto/stun/client.h"

#define NETWORK_SETTLES (100 * TIME_MS) /* after a change of addresses others may follow at once */

struct relay;

/* A UDP socket on one address, of one component. */
struct port {
    struct ice_agent *agent;
    struct io_udp *udp;
    struct endpoint at;
    uint8_t stream;
    uint16_t component;
    uint16_t local_preference;
    int number;           /* of the host candidate; -1: it has none */
    struct relay *relays; /* those that share the socket, and those that came by its address */
};

/* An allocation. */
struct relay {
    struct relay *next;
    struct port *port;
    struct turn_client *client;
    struct job *job; /* that asked for it; NULL once it is answered */
    unsigned server; /* of options.turn */
    int number;      /* of the relayed candidate; -1: none */
    bool releasing;
};

struct tcp_relay;

/* A local candidate over TCP. Active: it has no socket of its own. */
struct tcp_port {
    struct ice_agent *agent;
    enum ice_transport transport;
    struct endpoint at;
    uint8_t stream;
    uint16_t component;
    unsigned rank; /* of its address */
    int number;
    struct io_tcp *listener; /* NULL: active, or relayed */
    struct probe *probes;    /* connections to STUN servers */
    struct tcp_relay *relay; /* whose end it is; NULL: it is of the host */
};

/* A question to a server, about a port, or an allocation that is to be. */
struct job {
    struct ice_agent *agent;
    struct port *port; /* all three NULL: it has gone, or nobody waits for the answer any more */
    struct tcp_port *tcp;
    struct tcp_relay *tcp_relay;
    unsigned server; /* of the STUN servers, then of the TURN servers */
    bool asked, done;
    struct stun_transaction *transaction; /* of a Binding under way */
    struct probe *probe;                  /* over TCP: what it goes by */
};

struct connection;

/* Where the packets of a local candidate leave: by its number. */
enum way_kind { WAY_NONE, WAY_PORT, WAY_RELAY, WAY_TCP };

struct way {
    enum way_kind kind;
    union {
        struct port *port;
        struct relay *relay;
        struct tcp_port *tcp;
    };
};

/* The default destinations of a component that were told last. */
struct agent_defaults {
    struct endpoint own, peer;
    bool updated; /* the own were of the selected pair */
};

struct outlet {
    struct io_udp udp; /* first: it is what the owner holds */
    struct ice_agent *agent;
    unsigned stream, component;
    bool closed;
};

struct ice_agent {
    struct io *io;
    struct ice_agent_options options;
    ice_agent_told *told;
    void *owner;
    struct ice_session *session;
    struct stun_client *stun;
    struct io_timer alarm;
    bool armed, armed_busy;
    struct io_watch watch;
    unsigned calls; /* brackets that are open */
    bool freed, closing, closed;

    struct outlet *outlets;                         /* streams x components */
    struct way *ways;                               /* session.locals_most */
    GPtrArray *ports;                               /* struct port */
    GPtrArray *tcp_ports;                           /* struct tcp_port, of the host */
    GPtrArray *tcp_relays;                          /* struct tcp_relay */
    GPtrArray *connections, *closed_connections;    /* struct connection */
    struct address known[ICE_AGENT_ADDRESSES_MOST]; /* that this generation was gathered on */
    size_t known_count;
    GPtrArray *jobs; /* struct job, in the order of asking */
    guint next_job;
    unsigned outstanding;
    int64_t next_start, gather_end, keep_at, network_at;
    bool gathering, gathered, described, released; /* of this generation; released: something may be closed */
    bool concluded;                                /* checks are over: gathering is too */
    uint64_t packet;                               /* that has come and is being handled; for the journal */
    bool has_check;                                /* `check` waits for the name of the packet that it leaves in */
    struct record check;
    bool remote_known, mismatch, watching, peer_ice2;
    struct agent_defaults *defaults; /* streams x components */
    GArray *named;                   /* pairs that the peer's offer says are selected: agent_update.c */
    bool agreeing;                   /* the owner has not heard yet what has become of them */
    uint32_t ended_streams; /* of the peer's: by bit */
    uint64_t sdp_id, sdp_version;
    char *described_as; /* the description before, to tell whether the version moves */
    char remote_ufrag[ICE_UFRAG_MOST + 1],
        stale_ufrag[ICE_UFRAG_MOST + 1]; /* the peer's, and that of before a restart */

    GArray *signalled; /* uint16_t: numbers of this generation's candidates, in the order of gathering */
    GArray *news;      /* struct ice_agent_news, to be told */
    struct ice_transcript *transcript;
    struct ice_agent_counters counters;
};

/* agent.c */

int64_t agent_now(const struct ice_agent *agent);
void agent_enter(struct ice_agent *agent);
/* `turn`: the world has called, so the owner can be told. Otherwise he is in the next turn. */
void agent_leave(struct ice_agent *agent, bool turn);
/* A new one to be filled; good until the next. */
struct ice_agent_news *agent_news(struct ice_agent *agent, enum ice_agent_event event);
/* Carries out what the machine orders, and what follows from it. After every input. */
void agent_pump(struct ice_agent *agent);
/* Offers a candidate to the machine; its number, or -1. The owner hears of one that is taken. */
int agent_add_candidate(struct ice_agent *agent, const struct ice_candidate *candidate);
/* Its socket is no more: takes it from the machine, with those that it is the base of. -1: nothing. */
void agent_remove_candidate(struct ice_agent *agent, int number);

/* agent_ports.c */

struct port *agent_port_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component,
                             uint16_t local_preference);
/* Closes it with all that hangs on it, and takes its candidates from the machine. */
void agent_port_drop(struct ice_agent *agent, struct port *port);
/* Makes a way out of a number, where there is one. */
void agent_way_set(struct ice_agent *agent, int number, struct way way);
/* Sends from a base; `peer` is filled in. */
enum io_result agent_send(struct ice_agent *agent, unsigned base, struct io_datagram *datagram);
/* Whether what comes to a base from there may be the peer's: of the path, or of a candidate that was signalled or
 * learned. */
bool agent_is_peers(const struct ice_agent *agent, int base, struct endpoint source);
/* STUN or data, that has come to a base. */
void agent_take(struct ice_agent *agent, int base, const struct io_datagram *datagram);
/* Closes what nothing uses any more. */
void agent_release_unused(struct ice_agent *agent);
void agent_outlets_open(struct ice_agent *agent);

/* agent_gather.c */

void agent_gather_begin(struct ice_agent *agent);
/* Starts what is due, and ends gathering when its time is over. */
void agent_gather_run(struct ice_agent *agent);
int64_t agent_gather_deadline(const struct ice_agent *agent);
/* Ends what is under way. */
void agent_gather_stop(struct ice_agent *agent);
/* For the ports from these on: a job for each server. */
void agent_queue_jobs(struct ice_agent *agent, guint first_port, guint first_tcp);
/* A job has its answer, or will have none. `failure` NULL: it has. */
void agent_job_done(struct job *job, const char *failure);
struct job *agent_queue_job(struct ice_agent *agent, struct port *port, struct tcp_port *tcp,
                            struct tcp_relay *tcp_relay, unsigned server);
/* Nobody waits for what is asked about this port or relay, of whatever kind (NULL: any), any more. */
void agent_jobs_cancel(struct ice_agent *agent, const void *port);
void agent_add_host(struct port *port);
/* What a server saw a port's packets come from. `index`: of the server among all. */
void agent_add_reflexive(struct port *port, struct endpoint mapped, struct endpoint server, unsigned index);
/* Asks the server of a job for a Binding. */
void agent_ask_binding(struct job *job, struct endpoint server);
struct stun_timer_options agent_gather_timer(const struct ice_agent *agent, unsigned rc, unsigned rm);
/* Every Tr, until the checks are over. */
void agent_keep_bindings(struct ice_agent *agent);

/* agent_network.c */

/* Sockets on all addresses that have none. */
void agent_open_addresses(struct ice_agent *agent);
void agent_network_changed(struct ice_agent *agent);
void agent_network_settled(struct ice_agent *agent);

/* agent_relay.c */

void agent_relay_ask(struct job *job);
enum io_result agent_relay_send(struct relay *relay, struct io_datagram *datagram);
/* A check is about to go from there: its permission is asked for. */
void agent_relay_permit(struct relay *relay, struct address peer);
void agent_relay_bind(struct relay *relay, struct endpoint peer);
void agent_relay_release(struct relay *relay);
/* Silently, with its candidate. */
void agent_relay_drop(struct relay *relay);

/* agent_tcp.c */

void agent_tcp_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component, unsigned rank);
/* Closes those whose address is not in the list. */
void agent_tcp_keep(struct ice_agent *agent, const struct io_address *list, size_t count);
enum io_result agent_tcp_send(struct tcp_port *port, struct io_datagram *datagram);
void agent_tcp_renew(struct ice_agent *agent);
void agent_tcp_release(struct ice_agent *agent);
void agent_tcp_close_all(struct ice_agent *agent);
/* Frees what was closed within a bracket. */
void agent_tcp_bury(struct ice_agent *agent);
void agent_tcp_close_connections(struct tcp_port *port);
/* A connection with `peer` is being made for a relayed candidate. False: there is one, or no room for more. */
bool agent_tcp_expect(struct tcp_port *port, struct endpoint peer);
/* It is there, or, NULL, will not come. Of one that nobody waits for any more `tcp` is closed. */
void agent_tcp_made(struct tcp_port *port, struct endpoint peer, struct io_tcp *tcp);
/* What a server saw an address' connections come from, without the port that each has for itself: RFC 6544 section 5.2.
 * `index`: of the server among all. */
void agent_add_active_reflexive(struct ice_agent *agent, struct address address, unsigned stream, unsigned component,
                                struct endpoint mapped, struct endpoint server, unsigned index);

/* agent_tcp_relay.c */

/* For each TURN server that is reached over TCP one that there is not yet, to be asked for by `_queue`. */
void agent_tcp_relays_open(struct ice_agent *agent, struct address address, uint8_t stream, uint16_t component,
                           unsigned rank);
void agent_tcp_relays_queue(struct ice_agent *agent, unsigned server);
struct endpoint agent_tcp_relay_from(const struct tcp_relay *relay);
void agent_tcp_relay_ask(struct job *job);
/* As turn_client_connect: IO_AGAIN, and agent_tcp_made follows. */
enum io_result agent_tcp_relay_connect(struct tcp_port *port, struct endpoint peer);
/* The peer may come from each address that it has signalled. */
void agent_tcp_relays_permit(struct ice_agent *agent);
void agent_tcp_relays_renew(struct ice_agent *agent);
void agent_tcp_relays_stop(struct ice_agent *agent);
/* Drops those whose address is not in the list. */
void agent_tcp_relays_keep(struct ice_agent *agent, const struct io_address *list, size_t count);
void agent_tcp_relays_release(struct ice_agent *agent);
void agent_tcp_relays_drop(struct ice_agent *agent);

/* agent_update.c */

static inline struct agent_defaults *
agent_defaults_of(const struct ice_agent *agent, unsigned stream, unsigned component)
{
    return &agent->defaults[stream * agent->options.session.components + component - 1];
}

void agent_update_init(struct ice_agent *agent);
/* A generation begins. */
void agent_update_clear(struct ice_agent *agent);
/* The own candidate of the selected pair, if that is one for UDP; NULL. */
const struct ice_candidate *agent_selected_local(const struct ice_agent *agent, unsigned stream, unsigned component);
/* Whether a description of the stream tells what is selected and nothing else. */
bool agent_is_concluded(const struct ice_agent *agent, unsigned stream);
/* The controlling agent's a=remote-candidates. */
void agent_put_remote_candidates(const struct ice_agent *agent, unsigned stream, GString *out);
void agent_note_own_defaults(struct ice_agent *agent, unsigned stream, unsigned component, struct endpoint at);
enum sdp_fault agent_check_remote_candidates(const struct sdp_session *session, unsigned stream,
                                             struct sdp_error *where);
/* The peer's description of this generation, with or without a=remote-candidates. */
void agent_take_update(struct ice_agent *agent, const struct sdp_session *session);
/* Tells the owner once the pairs that are named are there, or can't be. */
void agent_settle_update(struct ice_agent *agent);

/* agent_probe.c */

void agent_probe_ask(struct job *job, struct endpoint server);
void agent_probe_close(struct probe *probe);
void agent_probes_close(struct tcp_port *port);

#endif
