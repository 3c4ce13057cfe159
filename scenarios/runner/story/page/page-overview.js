/* What a run comes to: the answer before the film. */
const Overview = (() => {
    const { el } = Dom;
    let model;

    const makerOf = (name) => name.slice(0, name.lastIndexOf('.'));

    /* Drops that are alike: the same node, the same reason. */
    function dropGroups() {
        const groups = new Map();
        for (const step of model.drops) {
            const key = `${step.record.node}\n${step.record.reason}`;
            if (!groups.has(key)) groups.set(key, { node: step.record.node, reason: step.record.reason || 'dropped', steps: [] });
            groups.get(key).steps.push(step);
        }
        return [...groups.values()];
    }

    /* Who talked to whom: [{a, b, delivered, dropped}], the ends being hosts. */
    function talks() {
        const all = new Map();
        model.records.forEach((records, packet) => {
            const maker = makerOf(model.packets[packet]);
            const delivered = records.find((one) => one.action === 'delivered'), dropped = records.find((one) => one.verdict === 'drop');
            if (!delivered && !dropped) return;
            const other = delivered ? delivered.node : targetOf(records[0].to, 0);
            if (!other || other === maker) return;
            const names = [...model.topology.nodes.keys()];
            const [a, b] = [maker, other].sort((x, y) => names.indexOf(x) - names.indexOf(y)), key = `${a}\n${b}`;
            if (!all.has(key)) all.set(key, { a, b, delivered: 0, dropped: 0, words: new Set() });
            const talk = all.get(key);
            if (delivered) talk.delivered++;
            else talk.dropped++;
            const leg = model.legsByPacket[packet].find((one) => one.form !== null);
            if (leg) talk.words.add(Words.protocolWord(model.data.form(leg.form).protocol));
        });
        return [...all.values()].sort((a, b) => b.delivered + b.dropped - a.delivered - a.dropped);
    }

    /* Whom a packet was meant for: who has the address, or who has the mapping there. */
    function targetOf(end, depth) {
        const address = String(end || '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
        for (const node of model.topology.nodes.values()) {
            if (!node.interfaces.some((face) => face.addresses.includes(address))) continue;
            const mapping = (model.mappings.get(node.name) || []).find((one) => one.external === end && one.internal !== end);
            return (mapping && depth < 8 && targetOf(mapping.internal, depth + 1)) || node.name;
        }
        return null;
    }

    /* Lines that were broken for the file's sake are one; those that are set in stay lines, as commands are. */
    const flow = (text) => text.replace(/[ \t]*\n(?![ \t])/g, ' ').replace(/\n[ \t]+/g, '\n    ');

    /* A long text begins; the rest is there for who wants it, so that the answers stay in sight. */
    function aboutParts(text) {
        const parts = text.split(/\n\s*\n/).map(flow), begin = parts[0];
        const end = begin.length > 320 ? begin.slice(0, 320).lastIndexOf('. ') + 1 : begin.length;
        const first = begin.slice(0, end > 80 ? end : begin.length), rest = [begin.slice(first.length).trim(), ...parts.slice(1)].filter(Boolean);
        const made = [el('p', { class: 'about', text: first })];
        if (rest.length)
            made.push(el('details', {}, el('summary', { text: 'more about it' }), ...rest.map((part) => el('p', { class: 'about', text: part }))));
        return made;
    }

    const plain = (value) => value === true ? 'yes' : value === false ? 'no' : Array.isArray(value) ? value.map(plain).join(', ') : String(value);

    function headline() {
        const run = model.run, parts = [];
        const failed = run.expectations.filter((one) => !one.ok).length, all = run.expectations.length;
        if (run.error) parts.push('An error ended the run.');
        else if (all && !failed) parts.push(all === 1 ? 'As expected.' : `All ${all} expectations held.`);
        else if (failed) parts.push(`${failed} of ${Words.count(all, 'expectation')} failed.`);
        /* A relay drops what has arrived: no packet's end, but the end of what it carried. */
        const ended = Object.values(run.packets.dropped).reduce((sum, one) => sum + one, 0);
        const whole = model.data.window.to === null && model.data.window.from === 0;
        const dropped = whole ? Math.max(ended, model.drops.length) : ended;
        const groups = dropGroups(), where = groups.length && groups.length < 3 ? ` (${groups.map((one) => `${one.reason} at ${one.node}`).join(', ')})` : '';
        parts.push(`${Words.count(run.packets.sent, 'packet')}, ${dropped ? `${dropped.toLocaleString('en')} dropped${where}` : 'none dropped'}, in ${Words.duration(model.end)}.`);
        return parts.join(' ');
    }

    function expectationItem(one) {
        return el('li', { class: one.ok ? 'held' : 'failed' }, el('span', { 'aria-hidden': 'true', text: one.ok ? '✓ ' : '✗ ' }),
                  el('span', { class: 'sr', text: one.ok ? 'held: ' : 'failed: ' }), one.text);
    }

    function dropItem(group, onStep) {
        const first = group.steps[0], record = first.record, count = group.steps.length;
        return el('li', {}, el('button', { type: 'button', class: 'drop-item', onclick: () => onStep(first.index) },
            el('span', { class: 'drop-head' }, el('b', { text: `✕ ${record.name || ''}` }), ` at ${group.node}: ${group.reason}`,
                count > 1 ? el('span', { class: 'faint', text: ` and ${Words.count(count - 1, 'more', 'more')}` }) : null),
            el('span', { class: 'drop-words' }, Dom.sentence(record.text))));
    }

    function table(title, rows) {
        return rows.length ? [el('h3', { text: title }), el('dl', { class: 'pairs-list' },
            ...rows.flatMap(([name, value]) => [el('dt', { text: name }), el('dd', { text: value })]))] : [];
    }

    function setUp(container, theModel, onStep) {
        model = theModel;
        const run = model.run, groups = dropGroups(), conversations = talks();
        const content = [];
        if (run.about) content.push(...aboutParts(run.about.trim()));
        if (run.error) content.push(el('p', { class: 'failed', text: `${run.error.file ? `${run.error.file}:${run.error.line}: ` : ''}${run.error.message}` }));
        if (run.expectations.length)
            content.push(el('h3', { text: 'Expectations' }), el('ul', { class: 'expectations' }, ...run.expectations.map(expectationItem)));
        if (conversations.length)
            content.push(el('h3', { text: 'Who talked to whom' }), el('ul', { class: 'talks' }, ...conversations.slice(0, 12).map((one) =>
                el('li', {}, el('b', { text: `${one.a} and ${one.b}` }), `: ${one.delivered.toLocaleString('en')} arrived`,
                    one.dropped ? el('span', { class: 'dropped', text: `, ${one.dropped.toLocaleString('en')} did not` }) : '',
                    el('span', { class: 'faint', text: `  ${[...one.words].slice(0, 4).join(', ')}` })))));
        content.push(el('h3', { text: 'What was dropped, where and why' }));
        content.push(groups.length ? el('ul', { class: 'drops' }, ...groups.slice(0, 20).map((group) => dropItem(group, onStep)))
                                   : el('p', { class: 'empty', text: 'Nothing: every packet arrived.' }));
        if (run.waiting && run.waiting.length)
            content.push(el('h3', { text: 'Left waiting' }), el('ul', {}, ...run.waiting.map((one) =>
                el('li', { class: 'failed', text: `${one.task}, line ${one.line}, on ${one.on}` }))));
        content.push(...table('Results', Object.entries(run.results).map(([name, value]) => [name, plain(value)])));
        content.push(...table('Parameters', Object.entries(run.params).map(([name, value]) => [name, plain(value)])));
        content.push(el('p', { class: 'faint', text: `${run.scenario}, seed ${run.seed}` }));
        container.append(...content);
    }

    /* The headline is asked for before the panel is made: it needs the model only. */
    function headlineOf(theModel) {
        model = theModel;
        return headline();
    }

    return { setUp, headlineOf };
})();
