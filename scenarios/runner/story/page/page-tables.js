/* The tables beside the drawing: what each NAT and each relay knows just now. */
const Tables = (() => {
    const { el, setText } = Dom;
    const MOST = 60; /* rows of a table that are drawn */
    let model, views = [];

    const behaviourWords = (node) => {
        const behaviour = node.behaviour || {}, words = [];
        if (behaviour.mapping && behaviour.mapping !== 'none') words.push(['mapping', behaviour.mapping]);
        if (behaviour.filtering) words.push(['filtering', behaviour.filtering]);
        if (behaviour.timeout) words.push(['forgets after', Words.duration(behaviour.timeout * 1e9)]);
        return words;
    };

    function card(node, heads, words, caption) {
        const body = el('tbody'), more = el('p', { class: 'more', hidden: true }), empty = el('p', { class: 'empty' });
        const table = el('table', { 'aria-label': caption },
            el('thead', {}, el('tr', {}, ...heads.map((head) => el('th', { scope: 'col', text: head })))), body);
        const view = { node, body, more, empty, table, rows: [],
            box: el('section', { class: 'card', 'data-node': node.name },
                el('h3', {}, el('span', { text: node.name }), el('span', { class: 'card-type', text: node.type || '' })),
                words.length ? el('dl', { class: 'behaviour' }, ...words.map(([name, value]) => el('div', {}, el('dt', { text: name }), ' ', el('dd', { text: value })))) : null,
                table, empty, more) };
        return view;
    }

    function setUp(container, theModel) {
        model = theModel;
        views = [];
        const grid = el('div', { class: 'cards' });
        for (const node of model.topology.nodes.values()) {
            if (node.behaviour) {
                const translates = node.behaviour.mapping !== 'none';
                const heads = translates ? ['inside', 'outside', 'until'] : ['inside', 'until'];
                const view = card(node, heads, behaviourWords(node), `What ${node.name} remembers`);
                view.sort = translates ? 'nat' : 'firewall';
                views.push(view);
            }
        }
        for (const node of model.topology.nodes.values()) {
            if (!model.allocations.has(node.name)) continue;
            const view = card(node, ['client', 'relayed at', 'until'], [['a', 'relay']], `What the relay ${node.name} keeps`);
            view.sort = 'relay';
            views.push(view);
        }
        grid.append(...views.map((view) => view.box));
        container.append(grid);
        return views.length;
    }

    /* "203.0.113.2": what the filter looks at of a peer. */
    function asSeen(peers, node) {
        const filtering = (node.behaviour || {}).filtering;
        if (filtering === 'endpoint-independent') return ['anyone'];
        if (!peers.length) return [];
        if (filtering !== 'address-dependent') return peers;
        return [...new Set(peers.map((peer) => peer.replace(/:\d+$/, '')))];
    }

    function untilCell(row, t) {
        if (row.expires === null) return { text: '', part: 0 };
        const left = row.expires - t;
        if (left > 1e15) return { text: 'for good', part: 1 };
        const whole = row.expires - (row.since === undefined || row.since === null ? t : row.since);
        return { text: left <= 0 ? 'now' : Words.duration(Math.round(left / 1e6) * 1e6), part: whole > 0 ? left / whole : 0 };
    }

    function rowsOf(view, state) {
        if (view.sort === 'relay') {
            const rows = Model.allocationsAt(model, view.node.name, state.k).map((one) => ({
                cells: [one.client, one.relayed], lets: ['relays what comes from', one.peers], until: untilCell(one, state.t), fresh: one.fresh }));
            return { rows: rows.slice(-MOST), count: rows.length };
        }
        const table = Model.mappingsAt(model, view.node.name, state.k, MOST);
        return { count: table.count, rows: table.rows.map((row) => {
            const connections = row.connections.map((one) => `${one.remote} ${one.state}`);
            const peers = connections.length ? connections : [...new Set([...asSeen(row.peers, view.node), ...row.holes])];
            const cells = [row.protocol === 'udp' ? row.internal : `${row.internal} ${row.protocol}`];
            if (view.sort === 'nat') cells.push(row.external);
            return { cells, lets: [connections.length ? 'connections' : 'lets in', peers], until: untilCell(row, state.t), fresh: row.fresh, touched: row.touched };
        }) };
    }

    /* "lets in 198.51.100.1, 203.0.113.2 and 3 more": the latest ones. */
    function fillLets(cell, [word, peers]) {
        const more = peers.length - 3, key = `${word} ${peers.join(' ')}`;
        if (cell.shown === key) return;
        cell.shown = key;
        cell.replaceChildren(`${word} `, peers.length ? el('span', { class: 'address', text: peers.slice(-3).join(', ') }) : 'nobody yet',
                             more > 0 ? ` and ${more} more` : '');
    }

    function updateView(view, state) {
        const { rows, count } = rowsOf(view, state);
        while (view.rows.length < rows.length) {
            const bar = el('span', { class: 'life' }), word = el('span', {});
            const cells = view.sort === 'firewall' ? 1 : 2, lets = el('td', { class: 'lets', colspan: cells + 1 });
            const row = { tr: el('tr'), second: el('tr', { class: 'second' }, lets), lets, word, bar,
                          cells: Array.from({ length: cells }, () => el('td', { class: 'address' })) };
            row.tr.append(...row.cells, el('td', { class: 'until' }, word, bar));
            view.body.append(row.tr, row.second);
            view.rows.push(row);
        }
        view.rows.forEach((row, index) => {
            const now = rows[index];
            row.tr.hidden = row.second.hidden = !now;
            if (!now) return;
            row.cells.forEach((cell, at) => setText(cell, now.cells[at] || ''));
            fillLets(row.lets, now.lets);
            setText(row.word, now.until.text);
            row.bar.style.setProperty('--left', Math.max(0, Math.min(1, now.until.part)).toFixed(3));
            row.tr.classList.toggle('fresh', !!now.fresh);
            row.second.classList.toggle('fresh', !!now.fresh);
            if (now.fresh && !row.wasFresh && window.innerWidth > 860) row.second.scrollIntoView({ block: 'nearest' });
            row.wasFresh = !!now.fresh;
            row.tr.classList.toggle('touched', !!now.touched && !now.fresh);
        });
        view.table.hidden = rows.length === 0;
        view.empty.hidden = rows.length !== 0;
        setText(view.empty, view.sort === 'relay' ? 'relays for nobody' : 'remembers nothing');
        view.more.hidden = count <= rows.length;
        setText(view.more, `and ${(count - rows.length).toLocaleString('en')} earlier ones`);
        view.box.classList.toggle('acting', !!state.step && !!state.step.record && state.step.record.node === view.node.name);
    }

    function update(state) {
        for (const view of views) updateView(view, state);
    }

    /* For who compares states: what the tables say. */
    const serialise = (state) => views.map((view) => ({ node: view.node.name, sort: view.sort,
        rows: rowsOf(view, state).rows.map((row) => [...row.cells, ...row.lets[1]]) }));

    return { setUp, update, serialise };
})();
