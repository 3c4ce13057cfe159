/* The ladder: a column a node, a row a packet's leg, from top to bottom as time goes. To a screen reader it is a table. */
const Ladder = (() => {
    const { el, svg } = Dom;
    const HEIGHT = 48, TIME = 84, COLUMNS = 12;
    let model, scroller, head, list, columns, columnOf, width = 0, state = null, onSelect = () => {};

    /* Left to right as in the drawing: an inside before its box, who stands on the internet in the middle. */
    function columnsOf() {
        const used = new Map();
        for (const row of model.rows) {
            if (row.step) continue;
            for (const name of [row.from, row.to || row.legs[row.legs.length - 1].member])
                if (name) used.set(name, (used.get(name) || 0) + 1);
        }
        const within = (box) => {
            const inner = [];
            for (const node of model.topology.nodes.values()) {
                const outer = node.interfaces.find((face) => !face.inside);
                const network = outer && model.topology.networks[outer.network];
                if (network && network.kind === 'inside' && network.box === box.name) inner.push(...tree(node));
            }
            return inner;
        };
        const tree = (node) => node.kind === 'host' ? [node.name] : [...within(node), node.name];
        const left = [], middle = [], right = [];
        const boxes = [];
        for (const node of model.topology.nodes.values()) {
            const outer = node.interfaces.find((face) => !face.inside);
            const network = outer && model.topology.networks[outer.network];
            if (!network) { middle.push(node.name); continue; }
            if (network.kind === 'inside') continue;
            if (node.kind === 'host') middle.push(node.name);
            else boxes.push(tree(node));
        }
        const half = Math.ceil(boxes.length / 2);
        boxes.forEach((names, index) => {
            if (index < half) left.push(...names);
            else right.push(...names.reverse());
        });
        let all = [...left, ...middle, ...right].filter((name) => used.has(name));
        let others = [];
        if (all.length > COLUMNS) {
            const busiest = new Set([...all].sort((a, b) => used.get(b) - used.get(a)).slice(0, COLUMNS - 1));
            others = all.filter((name) => !busiest.has(name));
            all = all.filter((name) => busiest.has(name));
        }
        return { all: others.length ? [...all, `+${others.length}`] : all, others };
    }

    function setUp(container, theModel, select) {
        model = theModel;
        onSelect = select;
        const { all, others } = columnsOf();
        columns = all;
        columnOf = new Map(all.map((name, index) => [name, index]));
        for (const name of others) columnOf.set(name, all.length - 1);
        head = el('div', { class: 'ladder-head', role: 'row', 'aria-rowindex': 1 });
        scroller = el('div', { class: 'ladder-rows', role: 'rowgroup', tabindex: 0, 'aria-label': 'Packets in order of time' });
        container.append(el('div', { class: 'ladder', role: 'table', 'aria-label': 'The ladder: each packet from node to node',
                                     'aria-rowcount': model.rows.length + 1 },
            el('div', { role: 'rowgroup' }, head), scroller));
        list = Dom.virtualList(scroller, { height: HEIGHT, count: () => model.rows.length, make, row: fillRow });
        scroller.addEventListener('keydown', onKey);
    }

    const xOf = (index) => TIME + (index + 0.5) * (width - TIME - 8) / columns.length;

    function drawHead() {
        head.replaceChildren(el('span', { class: 'ladder-time', role: 'columnheader', text: 'time' }));
        const cell = el('span', { role: 'columnheader', class: 'ladder-names' }, el('span', { class: 'sr', text: 'packet' }));
        columns.forEach((name, index) => {
            const node = model.topology.nodes.get(name);
            const label = el('span', { class: `ladder-name ladder-${node ? node.kind : 'others'}`, 'aria-hidden': 'true', text: name });
            label.style.left = `${xOf(index)}px`;
            label.style.maxWidth = `${(width - TIME - 8) / columns.length - 4}px`;
            cell.append(label);
        });
        head.append(cell);
    }

    function make() {
        const row = el('div', { class: 'ladder-row', role: 'row', tabindex: -1 });
        const view = {
            time: el('span', { class: 'ladder-time', role: 'cell' }),
            words: el('span', { class: 'ladder-words' }),
            said: el('span', { class: 'sr' }),
            picture: svg('svg', { 'aria-hidden': 'true', height: HEIGHT }),
        };
        view.lives = svg('path', { class: 'lives' });
        view.line = svg('path', { class: 'arrow' });
        view.tip = svg('path', { class: 'tip' });
        view.sign = svg('path', { class: 'sign' });
        view.picture.append(view.lives, view.line, view.tip, view.sign);
        row.append(view.time, el('span', { class: 'ladder-cell', role: 'cell' }, view.picture, view.words, view.said));
        row.view = view;
        row.addEventListener('click', () => choose(Number(row.dataset.index)));
        return row;
    }

    function choose(index) {
        const row = model.rows[index];
        if (row) onSelect(row);
    }

    function fillNote(element, view, row) {
        const expectation = row.step.expectation;
        const text = expectation ? `${expectation.ok ? '✓ as expected' : '✗ failed'}: ${expectation.text}` : row.step.note;
        element.classList.add('is-note');
        Dom.setText(view.words, text);
        Dom.setText(view.said, '');
        view.words.style.cssText = '';
        for (const part of [view.line, view.tip, view.sign]) part.setAttribute('d', '');
        element.classList.toggle('failed', !!expectation && !expectation.ok);
    }

    function fillRow(element, index) {
        const row = model.rows[index], view = element.view;
        const now = state ? state.k : 0;
        element.setAttribute('aria-rowindex', index + 2);
        element.classList.toggle('future', row.k0 > now);
        const current = state && state.row === index;
        element.classList.toggle('current', !!current);
        if (current) element.setAttribute('aria-current', 'step');
        else element.removeAttribute('aria-current');
        element.classList.toggle('selected', !!state && !row.step && row.packet === state.selected);
        if (element.drawn === `${index} ${width}`) return;
        element.drawn = `${index} ${width}`;
        view.lives.setAttribute('d', columns.map((name, at) => `M${xOf(at).toFixed(1)} 0V${HEIGHT}`).join(''));
        view.picture.setAttribute('width', width);
        Dom.setText(view.time, Words.time(row.t0));
        element.className = element.className.replace(/\bp-\w+|\bis-\w+|\bfailed\b/g, '').trim();
        if (row.step) { fillNote(element, view, row); return; }
        fillLeg(element, view, row);
    }

    function fillLeg(element, view, row) {
        const form = row.legs[0].form === null ? null : model.data.form(row.legs[row.legs.length - 1].form);
        const protocol = form ? Words.known(form.protocol) : 'ip', name = model.packets[row.packet];
        const dropped = row.lost || droppedAtEnd(row);
        const a = columnOf.get(row.from), b = row.to !== null ? columnOf.get(row.to) : undefined;
        const x1 = xOf(a === undefined ? 0 : a);
        const away = a !== undefined && a + 1 < columns.length ? 1 : -1;
        /* What a link lost ends on the way to who is at the link's other end. */
        const toward = b === undefined ? columnOf.get(row.legs[row.legs.length - 1].member) : undefined;
        const x2 = toward !== undefined && toward !== a ? x1 + (xOf(toward) - x1) * 0.75 : b === undefined ? x1 + away * 0.45 * (width - TIME) / columns.length : a === b ? x1 + 26 : xOf(b);
        const way = x2 >= x1 ? 1 : -1, y = 26;
        element.classList.add(`p-${protocol}`);
        if (dropped) element.classList.add('is-dropped');
        view.line.setAttribute('d', `M${x1} ${y}H${x2 - way * (dropped ? 7 : 2)}`);
        view.tip.setAttribute('d', dropped ? `M${x2 - 6} ${y - 6}l12 12M${x2 + 6} ${y - 6}l-12 12` : `M${x2} ${y}l${-way * 9} -4.5v9Z`);
        view.sign.setAttribute('d', Words.sign(protocol));
        view.sign.setAttribute('transform', `translate(${x1 + way * 14} ${y}) scale(0.62)`);
        const what = form ? form.summary : '', reason = dropped ? ` ✕ ${dropped.reason || 'dropped'} ` : '';
        const flow = form ? Packet.flowOf(form) : null;
        view.words.replaceChildren(el('b', { text: name }), dropped ? el('em', { text: reason }) : '', ` ${what}`,
                                   flow ? el('small', { class: 'address', text: `${flow.from} → ${flow.to}` }) : '');
        const left = Math.min(x1, x2), right = Math.max(x1, x2);
        if (left < width * 0.55) view.words.style.cssText = `left:${left + 4}px;right:2px;text-align:left`;
        else view.words.style.cssText = `left:${TIME}px;right:${Math.max(2, width - right + 4)}px;text-align:right`;
        Dom.setText(view.said, `, from ${row.from} to ${row.to === null ? 'nowhere' : row.to}`);
    }

    /* Whether who got it dropped it. */
    function droppedAtEnd(row) {
        return model.records[row.packet].find((one) => one.verdict === 'drop' && one.node === row.to && one.at === row.t1);
    }

    function onKey(event) {
        const index = Number((event.target.closest('.ladder-row') || { dataset: {} }).dataset.index);
        const move = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 }[event.key];
        if (move) {
            const next = Math.max(0, Math.min(model.rows.length - 1, Number.isNaN(index) ? (state ? state.row : 0) : index + move));
            list.focus(next);
        } else if ((event.key === 'Enter' || event.key === ' ') && !Number.isNaN(index)) {
            choose(index);
        } else {
            return;
        }
        event.preventDefault();
        event.stopPropagation();
    }

    function resize() {
        const next = scroller.clientWidth;
        if (next === width || next === 0) return;
        width = next;
        drawHead();
        list.render();
    }

    /* The row that a step is about: its leg that has begun or ended last, or the last row before it. */
    function rowOf(k, step) {
        if (step && step.record && step.record.packet >= 0) {
            const legs = model.legsByPacket[step.record.packet].filter((leg) => leg.k0 <= k);
            const leg = legs[legs.length - 1];
            if (leg) return leg.row.index;
        }
        return Math.max(0, Model.bisect(model.rows, (row) => row.k0 <= k) - 1);
    }

    function update(next) {
        const moved = !state || state.row !== next.row;
        state = next;
        if (scroller.clientHeight === 0) return;
        resize();
        if (moved) list.show(state.row);
        list.render();
    }

    return { setUp, update, resize, rowOf, droppedAtEnd };
})();
