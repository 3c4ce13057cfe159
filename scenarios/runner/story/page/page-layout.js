/* Where things stand in the drawing, from the topology alone.
 *
 * A network is a band (an internet) or a bus (what is inside of a box); what is attached to it hangs below it, but for
 * hosts on an internet, which stand above. A box is a frame around its insides with its name on the upper edge, the line
 * between inside and outside, so boxes nest. Of a crowd on one network some are drawn and the rest is one thing. */
const Layout = (() => {
    const CROWD = 18;              /* members of a network that are drawn one by one */
    const GAP = 26, ROW_GAP = 26, BAND = 34, RISE = 50, DOOR = 30, PAD = 14;
    const LONGEST = 24;            /* characters of a name that are drawn */
    const HOST = { width: 104, height: 46 };

    /* Where a node stands: on the network of its first interface, or, when it has several, on the busiest. */
    function homeOf(model, node, busy) {
        const outer = node.interfaces.filter((face) => !face.inside);
        let best = outer[0];
        for (const face of outer.slice(1))
            if ((busy.get(`${node.name}\n${face.network}`) || 0) > (busy.get(`${node.name}\n${best.network}`) || 0)) best = face;
        return best;
    }

    function members(model) {
        const lists = model.topology.networks.map(() => []), busy = new Map();
        for (const leg of model.legs) {
            for (const name of [leg.from, leg.to]) {
                const key = `${name}\n${leg.network}`;
                busy.set(key, (busy.get(key) || 0) + 1);
            }
        }
        for (const node of model.topology.nodes.values())
            for (const network of standsOn(model, node, busy))
                if (lists[network]) lists[network].push(node);
        return lists;
    }

    /* A host that comes and goes stands on each network that it has talked on; it is seen where it is just then. */
    function standsOn(model, node, busy) {
        const home = homeOf(model, node, busy), moves = model.topology.changes.some((one) => one.node === node.name && one.what !== 'readdressed');
        if (!home) return [];
        if (!moves || node.kind !== 'host') return [home.network];
        const others = node.interfaces.map((face) => face.network).filter((network) => busy.get(`${node.name}\n${network}`));
        return [...new Set([home.network, ...others])];
    }

    /* The busiest of a crowd, in their own order, and one for all the rest. */
    function thin(list, busy) {
        if (list.length <= CROWD) return list;
        const boxes = list.filter((node) => node.kind !== 'host').slice(0, CROWD);
        const rest = list.filter((node) => !boxes.includes(node));
        const chosen = new Set([...rest].sort((a, b) => (busy.get(b.name) || 0) - (busy.get(a.name) || 0))
            .slice(0, Math.max(0, CROWD - 1 - boxes.length)));
        const left = rest.filter((node) => !chosen.has(node));
        return [...list.filter((node) => boxes.includes(node) || chosen.has(node)),
                { crowd: left.map((node) => node.name), kind: 'crowd', name: '', interfaces: left[0].interfaces }];
    }

    function textWidth(text, size) {
        return Math.min(text.length, LONGEST) * size;
    }

    /* A name as the drawing has room for it. */
    const clip = (text) => text.length > LONGEST ? `${text.slice(0, LONGEST - 1)}…` : text;

    function hostItem(node) {
        const addresses = node.crowd ? [] : node.interfaces.filter((face) => !face.inside).flatMap((face) => face.addresses);
        const longest = Math.max(textWidth(node.crowd ? '+ 9999 more' : node.name, 8.4),
                                 ...addresses.slice(0, 2).map((text) => textWidth(text, 6.7)));
        const lines = Math.min(2, Math.max(1, addresses.length));
        return { node, type: 'host', width: Math.max(HOST.width, longest + 24), height: HOST.height + (lines - 1) * 14 };
    }

    /* Items in rows: boxes side by side, hosts in a block. */
    function pack(items, most) {
        const rows = [];
        let row = [], width = 0;
        for (const item of items) {
            if (row.length && width + item.width > most) {
                rows.push(row);
                row = [];
                width = 0;
            }
            row.push(item);
            width += item.width + GAP;
        }
        if (row.length) rows.push(row);
        return rows.map((list) => ({
            items: list,
            width: list.reduce((sum, one) => sum + one.width, 0) + GAP * (list.length - 1),
            height: Math.max(...list.map((one) => one.height)),
        }));
    }

    function build(model, aspect) {
        const networks = model.topology.networks, lists = members(model), busy = new Map();
        for (const leg of model.legs) {
            busy.set(leg.from, (busy.get(leg.from) || 0) + 1);
            if (leg.to) busy.set(leg.to, (busy.get(leg.to) || 0) + 1);
        }
        const places = new Map();  /* node name -> {x, y, item, ports: Map(network -> {x, y, side})} */
        const spots = new Map();   /* node name, line end, network -> the same, of each network that the node stands on */
        const lines = new Map();   /* network number -> {x0, x1, y, kind} */
        const frames = [], wide = aspect > 1 ? 1500 : 640;

        const itemOf = (node) => node.kind === 'host' || node.kind === 'crowd' ? hostItem(node) : boxItem(node);

        function boxItem(node) {
            const insides = networks.map((network, number) => ({ network, number }))
                .filter((one) => one.network.kind === 'inside' && one.network.box === node.name);
            const parts = insides.map((one) => {
                const rows = pack(thin(lists[one.number], busy).map(itemOf), wide * 0.6);
                return { ...one, rows, width: Math.max(130, ...rows.map((row) => row.width)),
                         height: rows.reduce((sum, row) => sum + row.height + ROW_GAP, 0) };
            });
            const outside = node.interfaces.find((face) => !face.inside);
            const text = Math.max(textWidth(node.name, 8) + textWidth(node.type || node.kind, 6.8) + 44,
                                  ...(outside ? outside.addresses.slice(0, 2).map((one) => textWidth(one, 6.7) + 40) : [0]));
            const width = Math.max(text, parts.reduce((sum, part) => sum + part.width + PAD * 2, 0));
            const inner = Math.max(34, ...parts.map((part) => part.height));
            return { node, type: 'box', parts, width, height: DOOR + 30 + inner + PAD, door: DOOR };
        }

        function placeHost(item, x, y, network, above) {
            const place = { x: x + item.width / 2, y: y + item.height / 2, item, left: x, top: y, ports: new Map() };
            place.ports.set(network, { x: place.x, y: above ? y + item.height : y });
            for (const name of item.node.crowd || [item.node.name]) {
                if (!places.has(name)) places.set(name, place);
                spots.set(`${name}\n${network}`, place);
            }
            return place;
        }

        function placeRow(row, x, y, network, spread) {
            let at = x;
            for (const item of row.items) {
                placeItem(item, at, y, network);
                at += item.width + GAP + spread;
            }
        }

        function placeItem(item, x, y, network) {
            if (item.type === 'host') { placeHost(item, x, y, network, false); return; }
            const place = { x: x + item.width / 2, y: y + DOOR / 2, item, left: x, top: y, ports: new Map() };
            places.set(item.node.name, place);
            place.ports.set(network, { x: place.x, y });
            frames.push({ node: item.node, x, y: y + DOOR / 2, width: item.width, height: item.height - DOOR / 2,
                          depth: 0 });
            const total = item.parts.reduce((sum, part) => sum + part.width + PAD * 2, 0);
            let at = x + (item.width - total) / 2;
            for (const part of item.parts) {
                placePart(part, place, at + PAD, y + DOOR + 30);
                at += part.width + PAD * 2;
            }
        }

        /* An inside: a bus below the door, rows below the bus. */
        function placePart(part, box, x, y) {
            const center = x + part.width / 2;
            box.ports.set(part.number, { x: box.item.parts.length > 1 ? center : box.x, y: box.top + DOOR });
            lines.set(part.number, { x0: center, x1: center, y: y - 8, kind: 'bus' });
            let top = y;
            for (const row of part.rows) {
                top += ROW_GAP / 2;
                placeRow(row, center - row.width / 2, top, part.number, 0);
                top += row.height + ROW_GAP / 2;
            }
        }

        /* A root: an internet's band, or a bus of its own. */
        function placeRoot(number, x, y) {
            const network = networks[number], items = thin(lists[number], busy).map(itemOf);
            const internet = network.kind === 'internet';
            const hosts = internet ? items.filter((item) => item.type === 'host') : [];
            const boxes = items.filter((item) => !hosts.includes(item));
            const above = boxes.length ? hosts : hosts.slice(0, Math.ceil(hosts.length / 2));
            const below = boxes.length ? boxes : hosts.filter((item) => !above.includes(item));
            const upper = pack(above, wide), lower = pack(below, wide);
            const natural = Math.max(240, ...[...upper, ...lower].map((row) => row.width));
            const height = upper.reduce((sum, row) => sum + row.height + 8, 0) + lower.reduce((sum, row) => sum + row.height + 14, 0) +
                BAND + (upper.length ? RISE : 0) + (lower.length ? RISE : 0);
            const slots = Math.max(1, ...[...upper, ...lower].map((row) => row.items.length));
            const spread = Math.max(0, Math.min(220, (height * aspect - natural) / (slots + 1)));
            const width = natural + spread * Math.max(1, slots);
            let top = y;
            const centered = (row) => x + (width - row.width - spread * (row.items.length - 1)) / 2;
            for (const row of upper) {
                let at = centered(row);
                for (const item of row.items) {
                    placeHost(item, at, top + row.height - item.height, number, true);
                    at += item.width + GAP + spread;
                }
                top += row.height + 8;
            }
            if (upper.length) top += RISE - 8;
            lines.set(number, { x0: x, x1: x + width, y: top + BAND / 2, kind: internet ? 'band' : 'bus', name: network.name,
                                height: BAND });
            if (internet) places.set(network.name, { x: x + width / 2, y: top + BAND / 2, item: { type: 'band', node: network },
                                                     left: x, top, ports: new Map() });
            top += BAND + RISE;
            if (!lower.length) top -= RISE;
            for (const row of lower) {
                placeRow(row, centered(row), top, number, spread);
                top += row.height + 14;
            }
            return { width, height: top - y };
        }

        let x = 0, bottom = 0;
        networks.forEach((network, number) => {
            if (network.kind === 'inside' || network.kind === 'none' || (network.kind === 'lan' && !lists[number].length)) return;
            const size = placeRoot(number, x, 0);
            x += size.width + 60;
            bottom = Math.max(bottom, size.height);
        });
        const width = Math.max(200, x - 60), height = Math.max(120, bottom);

        /* Buses reach as far as who hangs on them; interfaces that are not a node's first get a line from its side. */
        for (const node of model.topology.nodes.values()) {
            const place = places.get(node.name);
            if (!place) continue;
            for (const face of node.interfaces) {
                const line = lines.get(face.network), spot = spots.get(`${node.name}\n${face.network}`);
                if (!line) continue;
                if (spot && spot !== place) {
                    if (line.kind === 'bus') {
                        line.x0 = Math.min(line.x0, spot.x);
                        line.x1 = Math.max(line.x1, spot.x);
                    }
                    continue;
                }
                if (!place.ports.has(face.network)) {
                    const right = (line.x0 + line.x1) / 2 > place.x;
                    const half = place.item.width / 2 || 60;
                    place.ports.set(face.network, { x: place.x + (right ? half : -half), y: place.y, side: true });
                }
                if (line.kind === 'bus') {
                    const port = place.ports.get(face.network);
                    if (port.side && line.y > place.top - 400 && !face.inside) continue;
                    line.x0 = Math.min(line.x0, port.x);
                    line.x1 = Math.max(line.x1, port.x);
                }
            }
        }

        /* Where a node stands on a network, or else where it stands at all. */
        function placeOn(name, network) {
            return spots.get(`${name}\n${network}`) || places.get(name);
        }

        /* The point of a network's line to which a node is linked. */
        function attach(network, name) {
            const line = lines.get(network), place = placeOn(name, network);
            if (!line) return place ? { x: place.x, y: place.y } : null;
            const port = place && place.ports.get(network);
            const x = Math.min(Math.max(port ? port.x : (line.x0 + line.x1) / 2, line.x0), line.x1);
            const half = line.kind === 'band' ? BAND / 2 : 0;
            const above = port && port.y < line.y;
            return { x, y: line.y + (port ? (above ? -half : half) : 0) };
        }

        return { places, spots, placeOn, lines, frames, attach, width, height };
    }

    /* The way of a leg as points; through an internet's router it goes on inside the band. */
    function path(layout, model, leg) {
        const isBand = (name) => { const place = layout.places.get(name); return place && place.item.type === 'band'; };
        /* Beside the edge, so that nothing is covered. */
        const end = (name) => {
            const place = layout.placeOn(name, leg.network);
            if (!place) return null;
            const port = place.ports.get(leg.network);
            if (!port) return { x: place.x, y: place.y };
            if (port.side) return port;
            return { x: port.x, y: port.y + (port.y < place.y ? -11 : 11) };
        };
        const from = layout.places.get(leg.from), to = leg.to ? layout.places.get(leg.to) : null;
        const points = [];
        const network = leg.network;
        const line = layout.lines.get(network);
        const middle = (one, other) => {
            const a = layout.attach(network, one), b = other ? layout.attach(network, other) : a;
            return { x: (a.x + b.x) / 2, y: line ? line.y : a.y };
        };
        if (network === null || !line) {
            if (from) points.push({ x: from.x, y: from.y });
            if (to) points.push({ x: to.x, y: to.y });
        } else if (isBand(leg.from) && !leg.to) {
            /* Lost on the way down: in the middle of that link. */
            const a = layout.attach(network, leg.member), b = end(leg.member), source = leg.before ? leg.before.from : null;
            if (source) points.push(middle(source, leg.member));
            if (a && b) points.push(a, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        } else if (isBand(leg.from)) {
            const source = leg.before ? leg.before.from : null;
            if (source) points.push(middle(source, leg.to));
            points.push(layout.attach(network, leg.to), end(leg.to));
        } else if (leg.to && isBand(leg.to)) {
            points.push(end(leg.from), layout.attach(network, leg.from));
            points.push(middle(leg.from, leg.after ? leg.after.to || leg.after.member : null));
        } else if (leg.to) {
            points.push(end(leg.from), layout.attach(network, leg.from), layout.attach(network, leg.to), end(leg.to));
        } else {
            const a = end(leg.from), b = layout.attach(network, leg.from);
            if (a && b) points.push(a, { x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
        }
        return points.filter((one) => one);
    }

    /* The point that lies `part` of the way along. */
    function along(points, part) {
        if (points.length === 0) return null;
        const lengths = [];
        let total = 0;
        for (let i = 1; i < points.length; i++) {
            const length = Math.hypot(points[i].x - points[i - 1].x, points[i].y - points[i - 1].y);
            lengths.push(length);
            total += length;
        }
        let left = total * Math.min(1, Math.max(0, part));
        for (let i = 1; i < points.length; i++) {
            const length = lengths[i - 1];
            if (left <= length && length > 0) {
                const share = left / length;
                return { x: points[i - 1].x + (points[i].x - points[i - 1].x) * share,
                         y: points[i - 1].y + (points[i].y - points[i - 1].y) * share };
            }
            left -= length;
        }
        return points[points.length - 1];
    }

    return { build, path, along, clip };
})();
