/* What happened, ready to be asked "how do things stand after step k?".
 *
 * A step is one record of the journal, one note or one expectation of the script, in order. Nothing is played again from
 * the beginning: whatever changes keeps its history, and how it stands is looked up there by bisection. */
const Model = (() => {
    /* The number of elements for which `before` holds; they come first. */
    function bisect(list, before) {
        let low = 0, high = list.length;
        while (low < high) {
            const middle = (low + high) >> 1;
            if (before(list[middle])) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    /* ---- who and where */

    function topologyOf(run) {
        const nodes = new Map(), traces = new Map();
        const networks = run.topology.networks;
        for (const node of run.topology.nodes) nodes.set(node.name, node);
        for (const node of run.topology.nodes) {
            node.interfaces.forEach((face, number) => {
                const network = networks[face.network];
                if (!network) return;
                const link = network.kind === 'internet' ? `${face.network}/${node.name}/${number}` : `${face.network}`;
                if (face.trace) traces.set(face.trace, { node: node.name, network: face.network, link, member: node.name });
                if (face.far_trace) traces.set(face.far_trace, { node: network.name, network: face.network, link, member: node.name });
            });
        }
        const changes = run.topology.changes || [], byFace = new Map();
        for (const change of changes) {
            const key = `${change.node}\n${change.interface}`;
            if (!byFace.has(key)) byFace.set(key, []);
            byFace.get(key).push({ ...change, at: Math.round(change.at * Data.NS) });
        }
        return { nodes, networks, traces, changes, byFace, moving: [...new Set(changes.map((one) => one.node))] };
    }

    /* ---- steps */

    const isAsked = (record) => record.kind === 'packet-sent' && !record.cause;

    /* A note was made by a task, and what the task sent then came after it. */
    function placeOf(at, steps) {
        const first = bisect(steps, (step) => step.at < at);
        for (let i = first; i < steps.length && steps[i].at === at; i++)
            if (isAsked(steps[i].record)) return i;
        return bisect(steps, (step) => step.at <= at);
    }

    function stepsOf(data, run) {
        const told = data.records.slice(data.window.records);
        const steps = told.map((record) => ({ at: record.at, record }));
        const end = data.window.to === null ? Infinity : data.window.to;
        const said = [];
        const add = (at, what) => {
            if (at < data.window.from || at >= end) return;
            said.push({ at, place: placeOf(at, steps), ...what });
        };
        for (const note of run.notes || []) add(Math.round(note.at * Data.NS), { note: note.text });
        for (const expectation of run.expectations || [])
            add(Math.round(expectation.at * Data.NS), { expectation });
        said.sort((a, b) => a.place - b.place);
        const all = [];
        let next = 0;
        for (let i = 0; i <= steps.length; i++) {
            while (next < said.length && said[next].place <= i) all.push(said[next++]);
            if (i < steps.length) all.push(steps[i]);
        }
        all.forEach((step, index) => { step.index = index; if (step.record) step.record.step = index; });
        return all;
    }

    /* ---- legs: a packet from one node to the next */

    function pair(events, legs, records) {
        const open = [];
        for (const event of events) {
            if (event.out) {
                const leg = { packet: event.packet, from: event.node, to: null, network: event.network, link: event.link, member: event.member,
                              t0: event.at, t1: null, form: event.form };
                open.push(leg);
                legs.push(leg);
                continue;
            }
            const fits = (leg) => leg.link === event.link && leg.from !== event.node;
            let leg = open.find((one) => fits(one) && one.to === null);
            if (!leg) {
                const sent = open.filter(fits).pop(); /* to all: one went out, several came in */
                leg = sent ? { ...sent } : unseen(event, records);
                if (!leg) continue;
                legs.push(leg);
            }
            leg.to = event.node;
            leg.t1 = event.at;
        }
    }

    /* What came in where nobody saw it leave: from who told of it last. */
    function unseen(event, records) {
        const last = records.filter((one) => one.size && one.node !== event.node && one.at <= event.at).pop();
        return last ? { packet: event.packet, from: last.node, network: event.network, link: event.link, t0: last.at, form: event.form } : null;
    }

    /* Where nothing was captured the records alone tell from where to where a packet went. */
    function guess(records, packet, legs) {
        const seen = legs.filter((leg) => leg.packet === packet);
        let last = null;
        for (const record of records) {
            const gap = last && last.node !== record.node && record.size;
            if (gap && !seen.some((leg) => (leg.from === last.node && leg.t0 >= last.at) || (leg.to === record.node && leg.t1 === record.at)))
                legs.push({ packet, from: last.node, to: record.node, network: null, link: null, t0: last.at, t1: record.at,
                            form: seen.length ? seen[seen.length - 1].form : null });
            if (record.size) last = record;
        }
    }

    function legsOf(data, topology, perPacket) {
        const events = data.packets.map(() => []);
        for (const copy of data.copies) {
            const where = topology.traces.get(data.interfaces[copy.interface]);
            if (where) events[copy.packet].push({ ...copy, ...where });
        }
        const legs = [];
        events.forEach((list, packet) => {
            const own = [];
            pair(list, own, perPacket[packet]);
            guess(perPacket[packet], packet, own);
            for (const leg of own) legs.push(leg);
        });
        return legs;
    }

    /* What a node told of a packet at that instant: its last word about where it goes, else its last word. */
    function decisive(records, node, at) {
        const there = records.filter((one) => one.node === node && one.at === at);
        return there.filter((one) => one.verdict).pop() || there.pop();
    }

    /* The steps between which a leg is to be seen: from the record that sent it to the one that took it. */
    function anchorLegs(legs, steps, perPacket) {
        for (const leg of legs) {
            const records = perPacket[leg.packet];
            const sender = decisive(records, leg.from, leg.t0);
            const lost = leg.to === null && records.find((one) => one.verdict === 'drop' && one.at >= leg.t0 &&
                                                                   one.node === leg.from);
            leg.k0 = sender ? sender.step + 1 : bisect(steps, (step) => step.at < leg.t0);
            const next = leg.to === null && !lost && records.find((one) => one.size && one.at >= leg.t0 && one.node !== leg.from);
            if (next) { /* nobody saw it come in */
                leg.to = next.node;
                leg.t1 = next.at;
            }
            if (lost) leg.lost = lost;
            if (leg.t1 === null) leg.t1 = lost ? Math.max(lost.at, leg.t0) : leg.t0;
            const taker = leg.to && decisive(records, leg.to, leg.t1);
            leg.k1 = taker ? taker.step + 1 : bisect(steps, (step) => step.at < leg.t1);
        }
        legs.sort((a, b) => a.k0 - b.k0 || a.t0 - b.t0);
        legs.forEach((leg, index) => { leg.index = index; });
    }

    /* The rows of the ladder: legs, where one through an internet's router counts as one. */
    function rowsOf(legs, topology, steps) {
        const rows = [], byPacket = new Map();
        const isRouter = (name) => (topology.nodes.get(name) || {}).kind === 'internet';
        for (const leg of legs) {
            const list = byPacket.get(leg.packet) || [];
            const before = isRouter(leg.from) &&
                list.find((row) => row.to === leg.from && row.t1 === leg.t0 && !row.joined);
            if (before) {
                before.joined = true;
                before.legs.push(leg);
                before.to = leg.to;
                before.t1 = leg.t1;
                before.k1 = leg.k1;
                before.lost = leg.lost;
                leg.row = before;
                leg.before = before.legs[0];
                before.legs[0].after = leg;
                continue;
            }
            const row = { packet: leg.packet, from: leg.from, to: leg.to, t0: leg.t0, t1: leg.t1, k0: leg.k0, k1: leg.k1,
                          lost: leg.lost, legs: [leg] };
            leg.row = row;
            list.push(row);
            byPacket.set(leg.packet, list);
            rows.push(row);
        }
        for (const step of steps)
            if (step.note !== undefined || step.expectation)
                rows.push({ step, t0: step.at, k0: step.index + 1, k1: step.index + 1 });
        rows.sort((a, b) => a.k0 - b.k0 || a.t0 - b.t0);
        rows.forEach((row, index) => { row.index = index; });
        return rows;
    }

    /* ---- things with a history: what holds after step k is the last of its changes up to there */

    function change(thing, k, values) {
        thing.history.push({ k, ...values });
    }

    function latest(thing, k) {
        const count = bisect(thing.history, (one) => one.k <= k);
        return count ? thing.history[count - 1] : null;
    }

    /* Mappings that somebody asked for let anybody in. */
    const isAskedFor = (origin) => ['pcp', 'nat-pmp', 'upnp', 'forward'].includes(origin);

    const isEnd = (kind) => /^nat-mapping-(expired|forgotten|removed|destroyed)$/.test(kind);

    /* Mappings of NATs and firewalls: {node, id, protocol, internal, external, k, end, history of {expires, why}, peers}. */
    function mappingsOf(records, kOf) {
        const all = new Map(), alive = new Map();
        for (const record of records) {
            if (record.mapping === undefined || !record.internal || !String(record.kind).startsWith('nat-')) continue;
            const k = kOf(record), key = `${record.node}\n${record.mapping}`;
            let mapping = alive.get(key);
            if (record.kind === 'nat-mapping-new' || !mapping) {
                if (isEnd(record.kind) || record.verdict === 'drop') continue;
                mapping = { node: record.node, id: record.mapping, protocol: record.protocol, internal: record.internal,
                            external: record.external, k, end: Infinity, endWhy: '', history: [], peers: [],
                            connections: new Map(), pinholes: new Map(), asked: isAskedFor(record.origin) };
                alive.set(key, mapping);
                if (!all.has(record.node)) all.set(record.node, []);
                all.get(record.node).push(mapping);
            }
            if (isEnd(record.kind)) {
                mapping.end = k;
                mapping.endWhy = record.action;
                alive.delete(key);
                continue;
            }
            const last = mapping.history[mapping.history.length - 1];
            if (record.expires !== undefined && record.verdict !== 'drop') {
                const expires = Math.round(record.expires * Data.NS);
                change(mapping, k, { expires, at: record.at, refreshed: !!last && expires > last.expires });
            }
            if (record.pinhole !== undefined) {
                const pinhole = mapping.pinholes.get(record.pinhole) || { history: [] };
                mapping.pinholes.set(record.pinhole, pinhole);
                change(pinhole, k, { lets: /closed$/.test(record.kind) ? null : record.remote ? record.remote.replace(/:0$/, '') : 'anyone' });
            }
            if (record.opens && record.to) mapping.peers.push({ k, peer: record.to });
            if (record.connection !== undefined && record.remote) {
                const connection = mapping.connections.get(record.connection) || { remote: record.remote, history: [] };
                mapping.connections.set(record.connection, connection);
                change(connection, k, { state: record.state || 'over' });
            }
        }
        return all;
    }

    /* What relays keep: {node, id, client, relayed, k, end, history of {expires}, peers: [{k, end, word}]}. */
    function allocationsOf(records, kOf) {
        const all = new Map();
        const find = (record) => (all.get(record.node) || []).filter((one) => one.id === record.allocation).pop();
        for (const record of records) {
            if (record.allocation === undefined) continue;
            const k = kOf(record);
            if (record.kind === 'turn-allocated') {
                if (!all.has(record.node)) all.set(record.node, []);
                all.get(record.node).push({ node: record.node, id: record.allocation, client: record.from,
                    relayed: record.relayed || record.after_from, k, end: Infinity, history: [], peers: [] });
            }
            const allocation = find(record);
            if (!allocation) continue;
            if (record.lifetime !== undefined)
                change(allocation, k, { expires: record.at + record.lifetime * Data.NS, at: record.at });
            if (record.kind === 'turn-allocation-ended') allocation.end = k;
            else if (record.peer && /-ended$|unbound/.test(record.kind))
                allocation.peers.filter((one) => one.peer === record.peer).forEach((one) => { one.end = k; });
            else if (record.peer)
                allocation.peers.push({ k, end: Infinity, peer: record.peer, channel: record.channel });
        }
        return all;
    }

    /* ICE agents, by node: {candidates, pairs, states}. */
    function agentsOf(records, kOf) {
        const agents = new Map();
        const of = (node) => {
            if (!agents.has(node)) agents.set(node, { node, candidates: [], pairs: new Map(), states: { history: [] } });
            return agents.get(node);
        };
        for (const record of records) {
            const kind = String(record.kind);
            if (!kind.startsWith('ice-')) continue;
            const k = kOf(record), agent = of(record.node);
            if (kind === 'ice-local-candidate' || kind === 'ice-remote-candidate') {
                const local = kind === 'ice-local-candidate';
                agent.candidates.push({ k, local, type: record.type, address: record.to, base: local ? record.from : '',
                    protocol: record.protocol, component: record.component, why: record.why, taken: record.taken,
                    priority: record.priority });
            } else if (record.pair !== undefined) {
                const key = `${record.stream}/${record.component}/${record.pair}`;
                let pair = agent.pairs.get(key);
                if (!pair) {
                    pair = { key, number: record.pair, component: record.component, own: record.from, peer: record.to,
                             ownType: record.own_type, peerType: record.peer_type, k, history: [] };
                    agent.pairs.set(key, pair);
                }
                const last = pair.history.length ? pair.history[pair.history.length - 1] : { state: 'new' };
                const next = { state: last.state, valid: last.valid, nominated: last.nominated, selected: last.selected,
                               why: record.why };
                if (record.is) next.state = record.is;
                if (kind === 'ice-check' && last.state !== 'succeeded') next.state = 'in-progress';
                if (kind === 'ice-valid-pair') next.valid = true;
                if (kind === 'ice-nominated') next.nominated = true;
                if (kind === 'ice-selected') next.selected = true;
                change(pair, k, next);
            } else if (kind === 'ice-session') {
                change(agent.states, k, { state: record.state, why: record.why });
            }
        }
        return agents;
    }

    /* ---- the whole */

    function build(data) {
        const run = data.run, topology = topologyOf(run), steps = stepsOf(data, run);
        const carried = data.window.records;
        const perPacket = data.packets.map(() => []);
        for (const record of data.records) if (record.packet >= 0) perPacket[record.packet].push(record);
        const kOf = (record) => record.index < carried ? 0 : record.step + 1;
        const legs = legsOf(data, topology, perPacket);
        anchorLegs(legs, steps, perPacket);
        const legsByPacket = data.packets.map(() => []);
        for (const leg of legs) legsByPacket[leg.packet].push(leg);
        const rows = rowsOf(legs, topology, steps);
        for (const packet of perPacket.keys()) legsByPacket[packet].sort((a, b) => a.t0 - b.t0);
        return {
            data, run, topology, steps, legs, rows, legsByPacket,
            packets: data.packets,
            records: perPacket,
            numbers: new Map(data.packets.map((name, number) => [name, number])),
            mappings: mappingsOf(data.records, kOf),
            allocations: allocationsOf(data.records, kOf),
            agents: agentsOf(data.records, kOf),
            notes: steps.filter((step) => step.note !== undefined),
            drops: steps.filter((step) => step.record && step.record.verdict === 'drop'),
            end: Math.max(Math.round((run.virtual_seconds || 0) * Data.NS), steps.length ? steps[steps.length - 1].at : 0),
        };
    }

    /* The rows of a table of mappings after step k, oldest first. */
    function mappingsAt(model, node, k, most) {
        const all = model.mappings.get(node) || [], rows = [];
        let count = 0;
        for (let i = all.length - 1; i >= 0; i--) {
            const mapping = all[i];
            if (mapping.k > k || mapping.end <= k) continue;
            count++;
            if (rows.length >= most) continue;
            const last = latest(mapping, k), peers = [];
            for (const one of mapping.peers) if (one.k <= k && !peers.includes(one.peer)) peers.push(one.peer);
            const holes = mapping.asked ? ['anyone'] : [];
            for (const one of mapping.pinholes.values()) {
                const now = latest(one, k);
                if (now && now.lets) holes.push(`${now.lets} (pinhole)`);
            }
            const connections = [];
            for (const one of mapping.connections.values()) {
                const state = latest(one, k);
                if (state && state.state !== 'over') connections.push({ remote: one.remote, state: state.state });
            }
            rows.unshift({ id: mapping.id, protocol: mapping.protocol, internal: mapping.internal,
                external: mapping.external, peers, holes, connections, expires: last ? last.expires : null,
                since: last ? last.at : null, fresh: mapping.k === k, touched: !!last && last.k === k });
        }
        return { rows, count };
    }

    function allocationsAt(model, node, k) {
        return (model.allocations.get(node) || []).filter((one) => one.k <= k && one.end > k).map((one) => {
            const last = latest(one, k);
            return { id: one.id, client: one.client, relayed: one.relayed, expires: last ? last.expires : null,
                fresh: one.k === k,
                peers: one.peers.filter((peer) => peer.k <= k && peer.end > k)
                    .map((peer) => peer.channel === undefined ? peer.peer
                        : `${peer.peer} on 0x${Number(peer.channel).toString(16)}`) };
        });
    }

    function agentAt(agent, k) {
        const pairs = [];
        for (const pair of agent.pairs.values()) {
            const now = latest(pair, k);
            if (now) pairs.push({ number: pair.number, component: pair.component, own: pair.own, peer: pair.peer,
                ownType: pair.ownType, peerType: pair.peerType, changed: now.k === k, ...now });
        }
        const state = latest(agent.states, k);
        return {
            node: agent.node,
            state: state ? state.state : 'idle',
            candidates: agent.candidates.filter((one) => one.k <= k && one.taken),
            pairs,
        };
    }

    /* How an address set of an interface stands at a time; null where the interface is not there. */
    function addressesAt(model, node, face, t) {
        let here = face.addresses, there = true;
        const changes = model.topology.byFace.get(`${node.name}\n${face.label}`) || [];
        for (let i = changes.length - 1; i >= 0; i--) {
            if (changes[i].at <= t) {
                there = changes[i].what !== 'removed';
                return there ? (changes[i].after.length ? changes[i].after : here) : null;
            }
            here = changes[i].before.length ? changes[i].before : here;
            there = changes[i].what !== 'attached';
        }
        return there ? here : null;
    }

    return { build, bisect, latest, mappingsAt, allocationsAt, agentAt, addressesAt };
})();
