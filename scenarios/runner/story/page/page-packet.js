/* One packet: its way, who decided what and why, and its fields as they were before and after each change. */
const Packet = (() => {
    const { el, svg } = Dom;
    const flows = new Map();
    let model, box, onStep = () => {}, shown = '';

    /* The ends that a form names: {from, to}; with ports where it has them. */
    function flowOf(form) {
        let flow = flows.get(form.number);
        if (flow !== undefined) return flow;
        const value = (pattern) => { const found = form.fields.find(([path]) => pattern.test(path)); return found && found[1]; };
        const source = value(/^IPv[46]\/source$/), destination = value(/^IPv[46]\/destination$/);
        const join = (address, port) => port === undefined ? address : address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
        flow = source === undefined ? null : {
            from: join(source, value(/^(UDP|TCP)\/source_port$/)),
            to: join(destination, value(/^(UDP|TCP)\/destination_port$/)),
        };
        flows.set(form.number, flow);
        return flow;
    }

    function setUp(container, theModel, step) {
        model = theModel;
        onStep = step;
        box = el('div', { class: 'packet-pane' });
        container.append(box);
    }

    /* ---- forms that differ by more than a hop's work */

    const isHopWork = (path) => /(^|\/)(ttl|hop_limit|checksum)$/.test(path);

    function sameForm(a, b) {
        if (a.fields.length !== b.fields.length) return false;
        return a.fields.every(([path, value], index) => path === b.fields[index][0] &&
            (isHopWork(path) || JSON.stringify(value) === JSON.stringify(b.fields[index][1])));
    }

    /* [{form, by}]: the packet as it was sent, and as each node that changed it sent it on. */
    function stagesOf(packet) {
        const stages = [];
        for (const leg of model.legsByPacket[packet]) {
            if (leg.form === null) continue;
            const form = model.data.form(leg.form);
            if (stages.some((one) => sameForm(one.form, form))) continue;
            stages.push({ form, by: leg.from, k: leg.k0 });
        }
        return stages;
    }

    /* ---- fields */

    function valueText(value) {
        if (value === undefined) return '';
        if (value === null || typeof value !== 'object') return value === true ? 'yes' : value === false ? 'no' : String(value);
        if (value.hex !== undefined)
            return `${value.hex.replace(/(..)(?=.)/g, '$1 ')}${value.of ? ` … (${value.of} bytes)` : ''}` || '(no bytes)';
        return JSON.stringify(value);
    }

    const isMessage = (path, value) => /(^|\/)text$/.test(path) && typeof value === 'string' && value.includes('\n');

    /* Rows of all forms side by side: fields are matched by path, and by which of that path it is. */
    function fieldRows(stages) {
        const keys = [], values = new Map();
        stages.forEach((stage, column) => {
            const seen = new Map();
            let last = -1;
            for (const [path, value] of stage.form.fields) {
                const number = seen.get(path) || 0, key = `${path}\n${number}`;
                seen.set(path, number + 1);
                if (!values.has(key)) {
                    values.set(key, { path, cells: [] });
                    keys.splice(last + 1, 0, key);
                }
                last = keys.indexOf(key);
                values.get(key).cells[column] = value;
            }
        });
        return keys.map((key) => values.get(key));
    }

    function fieldTable(stages) {
        const body = el('tbody'), columns = stages.length;
        let group = null;
        for (const row of fieldRows(stages)) {
            if (row.cells.some((value) => typeof value === 'string' && value.includes('\n'))) continue;
            const parts = row.path.split('/'), name = parts.pop(), layer = parts.join(' › ');
            if (layer !== group) {
                group = layer;
                body.append(el('tr', { class: 'layer' }, el('th', { scope: 'colgroup', colspan: columns + 1, text: layer || 'Packet' })));
            }
            const texts = Array.from({ length: columns }, (unused, at) => valueText(row.cells[at]));
            const changed = texts.some((text) => text !== texts[0]);
            body.append(el('tr', { class: changed && !isHopWork(row.path) ? 'changed' : changed ? 'worn' : null },
                el('th', { scope: 'row', text: Words.label(name) }),
                ...texts.map((text, at) => el('td', { class: at && text !== texts[at - 1] ? 'is-changed' : null },
                    el('span', { text: text || '—' }),
                    at && text !== texts[at - 1] ? el('span', { class: 'sr', text: ' (changed)' }) : null))));
        }
        return el('div', { class: 'scroll-x', tabindex: 0, role: 'region', 'aria-label': 'Fields of the packet' },
            el('table', { class: 'fields' },
            el('thead', {}, el('tr', {}, el('th', { scope: 'col', text: 'field' }),
                ...stages.map((stage, at) => el('th', { scope: 'col', text: at ? `after ${stage.by}` : `as ${stage.by} sent it` })))), body));
    }

    /* ---- messages of text, with the lines that something on the way has changed */

    /* [{sign, text}] by the longest common subsequence of lines. */
    function difference(before, after) {
        const a = before.split('\n'), b = after.split('\n');
        if (a.length * b.length > 4e6) return [...a.map((text) => ({ sign: '-', text })), ...b.map((text) => ({ sign: '+', text }))];
        const table = Array.from({ length: a.length + 1 }, () => new Uint32Array(b.length + 1));
        for (let i = a.length - 1; i >= 0; i--)
            for (let j = b.length - 1; j >= 0; j--)
                table[i][j] = a[i] === b[j] ? table[i + 1][j + 1] + 1 : Math.max(table[i + 1][j], table[i][j + 1]);
        const out = [];
        let i = 0, j = 0;
        while (i < a.length || j < b.length) {
            if (i < a.length && j < b.length && a[i] === b[j]) { out.push({ sign: ' ', text: a[i] }); i++; j++; }
            else if (j >= b.length || (i < a.length && table[i + 1][j] >= table[i][j + 1])) out.push({ sign: '-', text: a[i++] });
            else out.push({ sign: '+', text: b[j++] });
        }
        return out;
    }

    function messagesOf(stages) {
        const parts = [];
        const of = (stage) => {
            const found = stage.form.fields.find(([path, value]) => isMessage(path, value));
            return found ? found[1].replace(/\r/g, '') : null;
        };
        const first = of(stages[0]);
        if (first === null) return parts;
        let before = first, changed = false;
        for (const stage of stages.slice(1)) {
            const text = of(stage);
            if (text === null || text === before) continue;
            changed = true;
            parts.push(messageView(`The message, as ${stage.by} changed it`, difference(before, text)));
            before = text;
        }
        if (!changed) parts.push(messageView('The message', first.split('\n').map((text) => ({ sign: ' ', text }))));
        return parts;
    }

    function messageView(title, lines) {
        const words = { '+': 'added: ', '-': 'removed: ' };
        return el('section', { class: 'message' }, el('h4', { text: title }),
            el('pre', { tabindex: 0, 'aria-label': title }, ...lines.map((line) =>
                el('span', { class: line.sign === '+' ? 'line added' : line.sign === '-' ? 'line removed' : 'line' },
                    el('span', { class: 'line-sign', 'aria-hidden': 'true', text: line.sign }),
                    words[line.sign] ? el('span', { class: 'sr', text: words[line.sign] }) : null,
                    `${line.text}\n`))));
    }

    /* ---- the way */

    function wayItem(record) {
        const dropped = record.verdict === 'drop';
        const item = el('button', { type: 'button', class: `way-step${dropped ? ' dropped' : ''}`, 'data-step': record.step, 'data-at': record.at,
                                    'data-node': record.node, 'data-kind': record.kind, 'data-reason': record.reason || null,
                                    'data-from': record.from || null, 'data-to': record.to || null,
                                    'data-after-from': record.after_from || null, 'data-after-to': record.after_to || null,
                                    onclick: () => onStep(record.step) },
            el('span', { class: 'way-time', text: Words.time(record.at) }),
            el('span', { class: 'way-node', text: record.node }),
            el('span', { class: 'way-words' }, Dom.sentence(record.text),
                record.rule ? el('span', { class: 'rule', text: `rule: ${record.rule}` }) : null,
                record.source ? el('span', { class: 'source', text: record.source }) : null));
        return el('li', {}, item);
    }

    function signOf(protocol) {
        const picture = svg('svg', { class: 'sign-icon', viewBox: '-11 -11 22 22', width: 22, height: 22, 'aria-hidden': 'true' },
                            svg('path', { class: 'sign', d: Words.sign(protocol) }));
        return el('span', { class: `p-${Words.known(protocol)}` }, picture);
    }

    /* While somebody is to predict, nothing of what comes after step `limit` is told. */
    function draw(packet, limit) {
        const name = model.packets[packet];
        const records = model.records[packet].filter((one) => one.step === undefined || one.step < limit);
        const stages = stagesOf(packet).filter((one) => one.k <= limit);
        const first = stages[0] ? stages[0].form : null;
        const causes = records.find((one) => one.cause);
        const cause = causes && model.numbers.get(causes.cause);
        const last = records[records.length - 1] || {};
        const dropped = records.find((one) => one.verdict === 'drop'), arrived = records.find((one) => one.action === 'delivered');
        const hidden = limit !== Infinity && !dropped && !arrived;
        const fate = hidden ? 'on its way' : dropped ? `dropped at ${dropped.node}: ${dropped.reason}` : arrived ? `delivered to ${arrived.node}` : `last seen at ${last.node}`;
        box.replaceChildren(
            el('h3', { class: 'packet-title' }, first ? signOf(first.protocol) : '', el('span', { text: name }),
                el('span', { class: `fate ${dropped ? 'dropped' : ''}`, text: `${dropped ? '✕ ' : arrived ? '✓ ' : ''}${fate}` })),
            el('p', { class: 'packet-summary' }, first ? `${Words.protocolWord(first.protocol)}: ${first.summary}` : '',
                cause !== undefined ? el('span', {}, '; caused by ', el('button', { type: 'button', class: 'link-button',
                    text: causes.cause, onclick: () => onStep(model.records[cause][0].step) })) : null),
            el('h4', { text: 'Its way' }),
            el('ol', { class: 'way' }, ...records.filter((one) => one.step !== undefined).map(wayItem)),
            ...(stages.length ? [...messagesOf(stages), el('h4', { text: stages.length > 1 ? 'Its fields, before and after' : 'Its fields' }), fieldTable(stages)]
                : [el('p', { class: 'empty', text: 'Its bytes were not captured.' })]));
    }

    function update(state) {
        const packet = state.selected;
        const limit = state.predicting ? state.k : Infinity;
        const key = packet === null ? 'none' : `${packet} ${limit === Infinity ? '' : limit}`;
        if (key !== shown) {
            shown = key;
            if (packet === null) box.replaceChildren(el('p', { class: 'empty', text: 'No packet yet. Play, step, or choose one in the ladder.' }));
            else draw(packet, limit);
            if (box.parentNode) box.parentNode.scrollTop = 0;
        }
        if (packet === null) return;
        for (const item of box.querySelectorAll('.way-step'))
            item.classList.toggle('current', !!state.step && item.dataset.step === String(state.step.index));
    }

    return { setUp, update, flowOf, signOf, stagesOf, difference };
})();
