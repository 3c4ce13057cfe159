/* The drawing: who stands where, and the packets on their way. */
const Stage = (() => {
    const { svg } = Dom;
    let model, root, layout, layers, flights = [], marks = [], labels = [], fixed = [], lastActing = [], onSelect = () => {};
    let nodeViews = new Map(), standing = new Map(); /* where those who move stand now */

    const linkWords = (face) => {
        const words = [];
        for (const [wire, sign] of [[face.up, '↑'], [face.down, '↓']]) {
            if (!wire) continue;
            const parts = [];
            if (wire.delay >= 0.0005) parts.push(Words.duration(wire.delay * 1e9));
            if (wire.jitter) parts.push(`± ${Words.duration(wire.jitter * 1e9)}`);
            if (wire.loss) parts.push(`loses ${Number((wire.loss * 100).toFixed(1))} %`);
            if (wire.rate) parts.push(`${wire.rate >= 1e6 ? wire.rate / 1e6 + ' Mbit/s' : wire.rate / 1e3 + ' kbit/s'}`);
            if (wire.faults) parts.push(Words.count(wire.faults, 'fault'));
            if (wire.off) parts.push('off');
            words.push([sign, parts.join(', ')]);
        }
        if (words.length === 2 && words[0][1] === words[1][1]) return words[0][1] ? [words[0][1]] : [];
        return words.filter((one) => one[1]).map((one) => one.join(' '));
    };

    function setUp(container, theModel, select) {
        model = theModel;
        onSelect = select;
        root = svg('svg', { class: 'stage', role: 'img', 'aria-labelledby': 'stage-title', preserveAspectRatio: 'xMidYMid meet' },
                   svg('title', { id: 'stage-title', text: describe() }));
        container.append(root);
        layers = {};
        for (const name of ['frames', 'links', 'nodes', 'marks', 'packets'])
            root.append(layers[name] = svg('g', { class: `layer-${name}` }));
    }

    /* The drawing in words. */
    function describe() {
        const parts = [];
        for (const node of model.topology.nodes.values()) {
            const outer = node.interfaces.find((face) => !face.inside);
            if (!outer) continue;
            const network = model.topology.networks[outer.network];
            const where = network.kind === 'inside' ? `inside ${network.box}` : `on ${network.name}`;
            parts.push(`${node.name}, ${node.kind}${node.type ? ' ' + node.type : ''} ${where}, ${outer.addresses.join(', ')}`);
        }
        return `The network: ${parts.slice(0, 40).join('; ')}${parts.length > 40 ? '; and others' : ''}.`;
    }

    /* ---- what does not move */

    function drawBand(number, line) {
        const half = line.height / 2;
        layers.frames.append(svg('rect', { class: 'band', x: line.x0 - 14, y: line.y - half, width: line.x1 - line.x0 + 28,
                                           height: line.height, rx: half }),
                             svg('text', { class: 'band-name', x: line.x0 + 6, y: line.y + 4.5, text: line.name }));
    }

    function drawFrame(frame) {
        const routed = frame.node.kind === 'router';
        layers.frames.append(svg('rect', { class: `frame frame-${frame.node.kind}`, x: frame.x, y: frame.y,
                                           width: frame.width, height: frame.height, rx: 12,
                                           'stroke-dasharray': routed ? '2 5' : null }));
    }

    function drawLinks() {
        for (const [number, line] of layout.lines) {
            if (line.kind === 'bus' && line.x1 > line.x0)
                layers.links.append(svg('line', { class: 'link', x1: line.x0, x2: line.x1, y1: line.y, y2: line.y }));
            if (line.kind === 'bus' && line.name)
                layers.links.append(svg('text', { class: 'link-words', x: line.x0, y: line.y - 6, text: line.name }));
        }
        const crowds = new Set();
        for (const node of model.topology.nodes.values()) {
            const home = layout.places.get(node.name);
            if (!home || home.item.type === 'band' || (home.item.node.crowd && crowds.has(home))) continue;
            if (home.item.node.crowd) crowds.add(home);
            const view = nodeViews.get(node.name);
            node.interfaces.forEach((face, index) => {
                const place = layout.placeOn(node.name, face.network), port = place.ports.get(face.network);
                const end = layout.attach(face.network, node.name);
                /* A host that moves has no lines across the drawing. */
                if (!port || !end || (view.spots.length > 1 && port.side)) return;
                const link = svg('path', { class: 'link', d: `M${port.x} ${port.y}L${end.x} ${end.y}` });
                layers.links.append(link);
                view.links[index] = link;
                const words = linkWords(face), low = Math.max(port.y, end.y), high = Math.min(port.y, end.y);
                if (low - high > 24)
                    words.forEach((word, row) => layers.links.append(svg('text', { class: 'link-words', x: port.x + 15,
                        y: (low + high) / 2 + 4 + (row - (words.length - 1) / 2) * 13, text: word })));
            });
        }
    }

    function texts(group, lines, x, y, css) {
        const made = lines.map((line, index) => svg('text', { class: css, x, y: y + index * 14, 'text-anchor': 'middle', text: line }));
        group.append(...made);
        return made;
    }

    function shorten(addresses) {
        return addresses.length > 2 ? [addresses[0], `+ ${addresses.length - 1} more`] : addresses;
    }

    function drawHost(node, place) {
        const { item } = place, crowd = item.node.crowd;
        const group = svg('g', { class: `node node-${crowd ? 'crowd' : 'host'}`, 'data-node': node.name });
        const faces = node.interfaces.filter((face) => !face.inside);
        group.append(svg('rect', { x: place.left, y: place.top, width: item.width, height: item.height, rx: 9 }),
                     svg('text', { class: 'node-name', x: place.x, y: place.top + 19, 'text-anchor': 'middle',
                                   text: crowd ? `+ ${crowd.length.toLocaleString('en')} more` : Layout.clip(node.name) }),
                     svg('title', { text: crowd ? crowd.slice(0, 40).join(', ') : node.name }));
        const addresses = crowd ? [] : texts(group, shorten(faces.flatMap((face) => face.addresses)), place.x, place.top + 35, 'address');
        layers.nodes.append(group);
        fixed.push({ x: place.left, y: place.top, width: item.width, height: item.height });
        return { group, addresses, place, faces };
    }

    function drawBox(node, place) {
        const group = svg('g', { class: `node node-box node-${node.kind}`, 'data-node': node.name });
        const name = Layout.clip(node.name), words = `${node.type || node.kind}`;
        const width = Math.min(place.item.width - 10, name.length * 9 + words.length * 6.6 + 40);
        const left = place.x - width / 2;
        place.doorHalf = width / 2;
        group.append(svg('rect', { class: 'door', x: left, y: place.top, width, height: place.item.door, rx: 7 }));
        const text = svg('text', { class: 'node-name', x: place.x, y: place.top + 19.5, 'text-anchor': 'middle' },
                         svg('tspan', { text: name }), svg('tspan', { class: 'node-type', dx: 7, text: words }));
        group.append(text);
        const outside = node.interfaces.filter((face) => !face.inside), inside = node.interfaces.filter((face) => face.inside);
        const addresses = shorten(outside.flatMap((face) => face.addresses)).map((address, index) =>
            svg('text', { class: 'address', x: place.x - 15, y: place.top - 7 - index * 13, 'text-anchor': 'end', text: address }));
        group.append(...addresses);
        inside.forEach((face) => {
            const port = place.ports.get(face.network);
            if (port && face.addresses.length)
                group.append(svg('text', { class: 'address address-inside', x: port.x + 15, y: port.y + 15, text: face.addresses[0] }));
        });
        layers.nodes.append(group);
        fixed.push({ x: left, y: place.top, width, height: place.item.door });
        return { group, addresses, place, faces: outside };
    }

    function draw(width, height) {
        layout = Layout.build(model, width / Math.max(1, height));
        for (const layer of Object.values(layers)) layer.replaceChildren();
        nodeViews = new Map();
        flights = [];
        marks = [];
        fixed = [];
        const pad = 26;
        root.setAttribute('viewBox', `${-pad} ${-pad} ${layout.width + pad * 2} ${layout.height + pad * 1.6}`);
        for (const frame of layout.frames) drawFrame(frame);
        for (const [number, line] of layout.lines) if (line.kind === 'band') drawBand(number, line);
        const drawn = new Map();
        for (const node of model.topology.nodes.values()) {
            const places = new Set([layout.places.get(node.name), ...node.interfaces.map((face) => layout.spots.get(`${node.name}\n${face.network}`))]);
            const view = { spots: [], links: [] };
            for (const place of places) {
                if (!place || place.item.type === 'band') continue;
                if (!drawn.has(place)) drawn.set(place, place.item.type === 'box' ? drawBox(node, place) : drawHost(node, place));
                view.spots.push(drawn.get(place));
            }
            if (view.spots.length) nodeViews.set(node.name, view);
        }
        standing = new Map();
        drawLinks();
    }

    /* ---- what moves */

    function flightView() {
        const name = svg('text', { class: 'packet-name', y: -13, 'text-anchor': 'middle' });
        const sign = svg('path', { class: 'sign' });
        const label = svg('g', { class: 'flow' }, svg('rect', { rx: 5 }), svg('text', { y: 26, 'text-anchor': 'middle' }));
        const group = svg('g', { class: 'packet' }, sign, name, label);
        group.addEventListener('click', () => onSelect(group.packet));
        layers.packets.append(group);
        return { group, name, sign, label, shown: '' };
    }

    const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height;

    /* Text on a plate near `at`: right, left, below or above it, wherever nothing of this moment is, and within the drawing.
     * False when there is no room. */
    function placeLabel(label, text, at, away) {
        const [plate, words] = label.children, width = text.length * 6.7 + 14, height = 19;
        const y = at.y - height / 2;
        const spots = [[at.x + away, y], [at.x - away - width, y], [at.x - width / 2, at.y + 16], [at.x - width / 2, at.y - 46],
                       [at.x - width + 30, at.y + 38], [at.x - 30, at.y + 38]];
        const boxes = spots.map(([left, top]) => ({ x: left, y: top, width, height }))
            .filter((one) => one.x >= -24 && one.x + width <= layout.width + 24 && !labels.some((other) => overlap(one, other)));
        const box = boxes.find((one) => !fixed.some((other) => overlap(one, other))) || boxes[0];
        if (!box) return false;
        labels.push(box);
        if (words.textContent !== text) words.textContent = text;
        plate.setAttribute('x', box.x - at.x);
        plate.setAttribute('y', box.y - at.y);
        plate.setAttribute('width', width);
        plate.setAttribute('height', height);
        words.setAttribute('x', box.x - at.x + width / 2);
        words.setAttribute('y', box.y - at.y + 13);
        return true;
    }

    function updateFlights(state) {
        const list = state.flights;
        while (flights.length < list.length) flights.push(flightView());
        flights.forEach((view, index) => {
            const flight = list[index];
            view.group.style.display = flight ? '' : 'none';
            if (!flight) return;
            const points = Layout.path(layout, model, flight.leg);
            const at = Layout.along(points, flight.part);
            if (!at) { view.group.style.display = 'none'; return; }
            view.group.setAttribute('transform', `translate(${at.x.toFixed(2)} ${at.y.toFixed(2)})`);
            view.group.packet = flight.leg.packet;
            if (view.shown !== flight.protocol + flight.name) {
                view.shown = flight.protocol + flight.name;
                view.group.setAttribute('class', `packet p-${flight.protocol}`);
                view.sign.setAttribute('d', Words.sign(flight.protocol));
                view.name.textContent = Layout.clip(flight.name);
            }
            view.group.classList.toggle('selected', flight.leg.packet === state.selected);
            view.name.style.display = list.length > 24 ? 'none' : '';
            const labelled = flight.flow && (list.length <= 3 || flight.leg.packet === state.selected);
            labels.push({ x: at.x - 12, y: at.y - 24, width: 24, height: 34 });
            const placed = labelled && placeLabel(view.label, `${flight.flow.from} → ${flight.flow.to}`, at, 16);
            view.label.style.display = placed ? '' : 'none';
        });
    }

    function markView() {
        const group = svg('g', { class: 'mark' }, svg('path', { class: 'mark-sign' }),
                          svg('g', { class: 'flow' }, svg('rect', { rx: 5 }), svg('text', { 'text-anchor': 'middle' })));
        group.addEventListener('click', () => onSelect(group.packet));
        layers.marks.append(group);
        return group;
    }

    /* Where something has been decided: at the node's door, or on the link that lost it. */
    function placeOfRecord(record) {
        const place = standing.get(record.node) || layout.places.get(record.node);
        if (record.kind === 'link-dropped') {
            const leg = (model.legsByPacket[record.packet] || []).find((one) => one.lost === record);
            const points = leg ? Layout.path(layout, model, leg) : [];
            if (points.length) return points[points.length - 1];
        }
        if (!place) return null;
        if (record.verdict !== 'drop')
            return { x: place.x + (place.item.type === 'box' ? place.doorHalf || 0 : 0), y: place.item.type === 'box' ? place.top + place.item.door / 2 : place.y };
        const leg = (model.legsByPacket[record.packet] || []).find((one) => one.to === record.node && one.t1 === record.at);
        const points = leg ? Layout.path(layout, model, leg) : [];
        return points.length ? points[points.length - 1] : { x: place.x, y: place.y };
    }

    function updateMarks(state) {
        while (marks.length < state.marks.length) marks.push(markView());
        marks.forEach((group, index) => {
            const mark = state.marks[index];
            const at = mark && placeOfRecord(mark.record);
            group.style.display = at ? '' : 'none';
            if (!at) return;
            const dropped = mark.record.verdict === 'drop';
            group.packet = mark.record.packet;
            group.setAttribute('class', `mark mark-${dropped ? 'dropped' : mark.record.action}`);
            group.setAttribute('transform', `translate(${at.x} ${at.y})`);
            group.style.opacity = mark.age < 0.7 ? 1 : Math.max(0.15, 1 - (mark.age - 0.7) * 1.4);
            group.firstChild.setAttribute('d', dropped ? 'M-10 -10L10 10M10 -10L-10 10' : '');
            const placed = mark.words && placeLabel(group.lastChild, mark.words, at, dropped ? 17 : 6);
            group.lastChild.style.display = placed ? '' : 'none';
        });
    }

    function updateNodes(state) {
        const acting = state.step && state.step.record ? nodeViews.get(state.step.record.node) : null;
        const spots = acting ? acting.spots.map((spot) => spot.group) : [];
        for (const group of lastActing) if (!spots.includes(group)) group.classList.remove('acting');
        for (const group of spots) group.classList.add('acting');
        lastActing = spots;
        for (const name of model.topology.moving) updateMoving(name, state.t);
    }

    /* One whose interfaces come and go: which are there, with which addresses, and where it so stands. */
    function updateMoving(name, t) {
        const node = model.topology.nodes.get(name), view = nodeViews.get(name);
        if (!node || !view) return;
        const now = [], here = new Set();
        node.interfaces.forEach((face, index) => {
            const addresses = Model.addressesAt(model, node, face, t);
            if (view.links[index]) view.links[index].style.display = addresses ? '' : 'none';
            if (!addresses || face.inside) return;
            now.push(...addresses);
            here.add(layout.spots.get(`${name}\n${face.network}`));
        });
        const lines = shorten(now);
        for (const spot of view.spots) {
            const there = view.spots.length === 1 || here.has(spot.place);
            spot.group.classList.toggle('away', !there);
            if (there && view.spots.length > 1) standing.set(name, spot.place);
            spot.addresses.forEach((text, index) => Dom.setText(text, lines[index] || ''));
        }
    }

    function update(state) {
        labels = [];
        updateNodes(state);
        updateMarks(state);
        updateFlights(state);
    }

    return { setUp, draw, update };
})();
