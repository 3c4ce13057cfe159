/* ICE: each agent's candidates and pairs, as they stand just now. */
const IcePane = (() => {
    const { el, setText } = Dom;
    const types = { host: 'host', srflx: 'server-reflexive', prflx: 'peer-reflexive', relay: 'relayed' };
    const signs = { frozen: '❄', waiting: '…', 'in-progress': '↻', succeeded: '✓', failed: '✗', gone: '–', new: '·' };
    let model, views = [];

    function setUp(container, theModel) {
        model = theModel;
        views = [];
        for (const agent of model.agents.values()) {
            const view = { agent, state: el('span', { class: 'agent-state' }), candidates: el('ul', { class: 'candidates' }),
                           pairs: el('tbody'), shown: '' };
            view.table = el('table', { class: 'pairs', 'aria-label': `Pairs of ${agent.node}` },
                el('thead', {}, el('tr', {}, ...['', 'own', 'peer', 'state'].map((text, index) =>
                    el('th', { scope: 'col', text: index ? text : 'pair' })))), view.pairs);
            container.append(el('section', { class: 'agent' }, el('h3', {}, agent.node, ' ', view.state),
                el('h4', { text: 'Candidates' }), view.candidates, el('h4', { text: 'Pairs' }),
                el('div', { class: 'scroll-x', tabindex: 0, role: 'region', 'aria-label': `Pairs of ${agent.node}` }, view.table)));
            views.push(view);
        }
        return views.length;
    }

    const whose = (candidates, local) => candidates.filter((one) => one.local === local);

    function candidateItem(one) {
        return el('li', { class: `candidate candidate-${one.type}` }, el('span', { class: 'candidate-type', text: types[one.type] || one.type }),
                  el('span', { class: 'address', text: `${one.address}${one.protocol === 'tcp' ? ' tcp' : ''}` }));
    }

    function rank(pair) {
        return pair.selected ? 0 : pair.nominated ? 1 : pair.state === 'succeeded' ? 2 : pair.state === 'in-progress' ? 3
            : pair.state === 'waiting' ? 4 : pair.state === 'frozen' ? 5 : pair.state === 'failed' ? 6 : 7;
    }

    function pairRow(pair) {
        const marks = [pair.selected ? 'selected' : pair.nominated ? 'nominated' : pair.valid ? 'valid' : ''].filter(Boolean);
        return el('tr', { class: `pair pair-${pair.state}${pair.selected ? ' pair-selected' : ''}${pair.changed ? ' fresh' : ''}` },
            el('th', { scope: 'row', text: pair.number }),
            el('td', {}, el('span', { class: 'pair-type', text: pair.ownType }), el('span', { class: 'address', text: pair.own })),
            el('td', {}, el('span', { class: 'pair-type', text: pair.peerType }), el('span', { class: 'address', text: pair.peer })),
            el('td', { class: 'pair-state' }, el('span', { 'aria-hidden': 'true', class: 'pair-sign', text: signs[pair.state] || '·' }),
                ` ${pair.state}`, ...marks.map((mark) => el('strong', { text: ` ${mark}` }))));
    }

    function updateView(view, state) {
        const now = Model.agentAt(view.agent, state.k), shown = JSON.stringify(now);
        if (view.shown === shown) return;
        view.shown = shown;
        setText(view.state, now.state);
        view.state.className = `agent-state agent-${now.state}`;
        const own = whose(now.candidates, true), peer = whose(now.candidates, false);
        view.candidates.replaceChildren(
            el('li', {}, el('strong', { text: 'own' }), el('ul', {}, ...own.map(candidateItem))),
            el('li', {}, el('strong', { text: 'of the peer' }), el('ul', {}, ...peer.map(candidateItem))));
        const pairs = [...now.pairs].sort((a, b) => rank(a) - rank(b) || a.number - b.number);
        view.pairs.replaceChildren(...pairs.map(pairRow));
    }

    function update(state) {
        for (const view of views) updateView(view, state);
    }

    const serialise = (state) => views.map((view) => Model.agentAt(view.agent, state.k));

    return { setUp, update, serialise };
})();
