/* Puts the page together: what the player's place means for each part of it, keys, panels, light and dark. */
const Page = (() => {
    const { el, byId } = Dom;
    const WIDE = '(min-width: 1700px)';
    let model, clock, flightsAt, pinned = null, tab = 'overview', latest = null, said = '';

    /* ---- how things stand */

    function flightOf(leg, now) {
        const form = leg.form === null ? null : model.data.form(leg.form);
        const part = leg.s1 > leg.s0 ? (now.s - leg.s0) / (leg.s1 - leg.s0) : 1;
        return { leg, name: model.packets[leg.packet], part: Math.min(1, Math.max(0, part)),
                 protocol: form ? Words.known(form.protocol) : 'ip', flow: form ? Packet.flowOf(form) : null };
    }

    function changeWords(record) {
        const parts = [];
        if (record.after_from) parts.push(`${record.from} ⇒ ${record.after_from}`);
        if (record.after_to) parts.push(`${record.to} ⇒ ${record.after_to}`);
        return parts.join(', ');
    }

    /* What has just been decided, and drops that are still warm. */
    function marksOf(now) {
        const marks = [];
        for (let k = now.k; k > Math.max(0, now.k - 60); k--) {
            const step = model.steps[k - 1], age = (now.s - clock.stepAt[k]) / (2.4 * Math.max(clock.faster, 0.25));
            if (age > 1 && k !== now.k) break;
            if (!step.record || step.record.packet < 0) continue;
            const record = step.record;
            if (record.verdict === 'drop') marks.push({ record, age: k === now.k ? Math.min(age, 0.7) : age, words: record.reason || 'dropped' });
            else if (record.action === 'translated' && age <= 0.75 && record.packet === packetAt(now.k) && !marks.some((one) => one.record.node === record.node))
                marks.push({ record, age, words: changeWords(record) });
        }
        return marks;
    }

    /* The packet that the last steps were about. */
    function packetAt(k) {
        for (let i = k; i > Math.max(0, k - 200); i--) {
            const record = model.steps[i - 1].record;
            if (record && record.packet >= 0) return record.packet;
        }
        return null;
    }

    function stateAt(now) {
        const step = now.k ? model.steps[now.k - 1] : null;
        return { ...now, step, predicting: Predict.isOn(), selected: pinned !== null ? pinned : packetAt(now.k),
                 flights: flightsAt(now).map((leg) => flightOf(leg, now)), marks: marksOf(now), row: Ladder.rowOf(now.k, step) };
    }

    /* Everything that is shown, as text: two states are the same when these are. */
    function serialise() {
        const state = stateAt(Player.here());
        return JSON.stringify({
            s: state.s, t: state.t, k: state.k, selected: state.selected, row: state.row,
            flights: state.flights.map((one) => [one.name, one.leg.from, one.leg.to, one.part, one.flow]),
            marks: state.marks.map((one) => [one.record.index, one.age]),
            tables: Tables.serialise(state), ice: IcePane.serialise(state), caption: captionOf(state),
        });
    }

    /* ---- the caption */

    function noteAt(k) {
        const count = Model.bisect(model.notes, (note) => note.index < k);
        return count ? model.notes[count - 1].note : '';
    }

    function captionOf(state) {
        if (!state.step) return { node: '', text: model.steps.length ? 'Nothing has happened yet. Play, or step with the arrow keys.' : 'Nothing happened in this run.', source: '' };
        const { record, note, expectation } = state.step;
        if (note !== undefined) return { node: 'script', text: note, source: '' };
        if (expectation) return { node: 'script', text: `${expectation.ok ? 'As expected' : 'EXPECTATION FAILED'}: ${expectation.text}`, source: '' };
        return { node: record.node, text: record.text, source: record.source || '', packet: record.name || '', dropped: record.verdict === 'drop' };
    }

    function updateCaption(state, moving) {
        const caption = captionOf(state), key = `${state.k}`;
        Dom.setText(byId('note'), noteAt(state.k));
        byId('note').hidden = !noteAt(state.k);
        const box = byId('caption');
        if (box.dataset.key !== key) {
            box.dataset.key = key;
            box.classList.toggle('is-dropped', !!caption.dropped);
            byId('caption-node').textContent = caption.node;
            byId('caption-words').replaceChildren(Dom.sentence(caption.text));
            byId('caption-source').textContent = caption.source;
        }
        /* A reader hears where the film comes to rest, not each frame. */
        if (!moving && said !== key) {
            said = key;
            byId('live').textContent = `${Words.time(state.t)}, ${caption.node}: ${caption.text}`;
        }
    }

    /* ---- all parts */

    function isShown(name) {
        return tab === name || (name === 'ladder' && window.matchMedia(WIDE).matches);
    }

    function show(now, how) {
        const state = stateAt(now);
        latest = state;
        Stage.update(state);
        Tables.update(state);
        if (isShown('ladder')) Ladder.update(state);
        if (isShown('packet') && (!how.playing || pinned !== null || performance.now() - lastPacket > 250)) {
            lastPacket = performance.now();
            Packet.update(state);
        }
        if (isShown('ice')) IcePane.update(state);
        updateCaption(state, how.playing || how.moving);
        Player.showAt(state);
        byId('pinned').hidden = pinned === null;
        if (pinned !== null) Dom.setText(byId('pinned-name'), model.packets[pinned]);
    }
    let lastPacket = 0;

    const refresh = () => Player.tell();

    /* ---- panels */

    function openTab(name, focus) {
        tab = name;
        for (const button of document.querySelectorAll('[role=tab]')) {
            const own = button.dataset.tab === name;
            button.setAttribute('aria-selected', String(own));
            button.tabIndex = own ? 0 : -1;
            if (own && focus) button.focus();
        }
        placePanels();
        if (model) refresh();
    }

    function placePanels() {
        const wide = window.matchMedia(WIDE).matches, narrow = window.matchMedia('(max-width: 860px)').matches;
        document.body.classList.toggle('wide', wide);
        if (wide && tab === 'ladder') { tab = 'packet'; openTab('packet'); return; }
        if (!narrow && tab === 'tables') { openTab('ladder'); return; }
        for (const panel of document.querySelectorAll('[role=tabpanel]'))
            panel.hidden = !(panel.dataset.tab === tab || (wide && panel.dataset.tab === 'ladder') || (!narrow && panel.dataset.tab === 'tables'));
        Ladder.resize();
    }

    function setUpTabs() {
        for (const button of document.querySelectorAll('[role=tab]')) {
            button.addEventListener('click', () => openTab(button.dataset.tab));
            button.addEventListener('keydown', (event) => {
                const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
                if (!move) return;
                event.preventDefault();
                event.stopPropagation();
                const all = [...document.querySelectorAll('[role=tab]')].filter((one) => one.offsetParent !== null);
                openTab(all[(all.indexOf(button) + move + all.length) % all.length].dataset.tab, true);
            });
        }
    }

    /* ---- choosing packets */

    function select(packet) {
        pinned = packet;
        if (tab === 'overview' || tab === 'tables') openTab('packet');
        refresh();
    }

    function selectRow(row) {
        if (row.step) { Player.jumpToStep(row.step.index); return; }
        pinned = row.packet;
        Player.jumpToStep(Math.max(0, row.k1 - 1));
    }

    function selectByName(name) {
        const number = model.numbers.get(name);
        if (number === undefined) return false;
        pinned = number;
        openTab('packet');
        Player.jumpToStep(model.records[number][0].step);
        return true;
    }

    function unpin() {
        pinned = null;
        refresh();
    }

    function goTo(step) {
        const record = model.steps[step].record;
        if (record && record.packet >= 0) pinned = record.packet;
        Player.jumpToStep(step);
        if (tab === 'overview') openTab('packet');
    }

    function nextDrop() {
        const k = Player.here().k;
        const drop = model.drops.find((step) => step.index >= k) || model.drops[0];
        if (drop) goTo(drop.index);
    }

    function setUpFind() {
        const input = byId('find'), list = byId('packet-names');
        for (const name of model.packets.slice(0, 500)) list.append(el('option', { value: name }));
        const look = () => {
            const found = selectByName(input.value.trim());
            input.setAttribute('aria-invalid', String(!found && input.value.trim() !== ''));
            return found;
        };
        input.addEventListener('change', look);
        input.addEventListener('keydown', (event) => {
            event.stopPropagation();
            if (event.key === 'Enter') look();
            if (event.key === 'Escape') input.blur();
        });
    }

    /* ---- keys */

    const keys = {
        ' ': () => Player.toggle(), k: () => Player.toggle(),
        ArrowRight: () => Player.step(1), ArrowLeft: () => Player.step(-1),
        l: () => Player.step(1), j: () => Player.step(-1),
        Home: () => { Player.pause(); Player.jump(0); }, End: () => { Player.pause(); Player.jump(clock.total); },
        '+': () => Player.changeSpeed(1), '=': () => Player.changeSpeed(1), '-': () => Player.changeSpeed(-1),
        d: nextDrop, p: () => togglePredict(), t: () => toggleTheme(), Escape: unpin,
        '/': () => byId('find').focus(), '?': () => openHelp(),
        1: () => openTab('overview'), 2: () => openTab('ladder'), 3: () => openTab('packet'),
        4: () => { if (!byId('tab-ice').hidden) openTab('ice'); },
    };

    function onKey(event) {
        if (event.ctrlKey || event.altKey || event.metaKey || byId('help').open) return;
        const predicted = Predict.key(event);
        if (predicted) {
            if (predicted !== 'leave') event.preventDefault();
            return;
        }
        const tag = event.target.tagName, typing = tag === 'INPUT' && event.target.type !== 'range' && event.target.type !== 'radio';
        if (typing || tag === 'SELECT') return;
        const pressing = (tag === 'BUTTON' || tag === 'SUMMARY') && (event.key === ' ' || event.key === 'Enter');
        const action = keys[event.key];
        if (!action || pressing) return;
        event.preventDefault();
        action();
    }

    function openHelp() {
        byId('help').showModal();
    }

    function togglePredict() {
        const button = byId('predict'), now = !Predict.isOn();
        Predict.setOn(now);
        button.setAttribute('aria-pressed', String(now));
        document.body.classList.toggle('predicting', now);
        Player.drawLine();
        if (now && tab === 'overview') openTab('ladder');
        refresh();
    }

    /* ---- light and dark */

    function themeNow() {
        return document.documentElement.dataset.theme || (window.matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light');
    }

    function toggleTheme() {
        document.documentElement.dataset.theme = themeNow() === 'dark' ? 'light' : 'dark';
        Player.drawLine();
    }

    /* ---- the beginning */

    function drawLegend() {
        const seen = new Set();
        for (const leg of model.legs) {
            if (leg.form !== null) seen.add(Words.known(model.data.form(leg.form).protocol));
            if (seen.size > 9) break;
        }
        const list = [...seen].sort((a, b) => Words.order(a) - Words.order(b));
        byId('legend').replaceChildren(...list.map((protocol) => el('li', {}, Packet.signOf(protocol), Words.protocolWord(protocol))));
    }

    function tellWindow() {
        const window_ = model.data.window, box = byId('window');
        const part = window_.to !== null || window_.from > 0;
        box.hidden = !part;
        if (!part) return;
        const from = Words.duration(window_.from).replace(/^0 ns$/, 'the beginning'), to = window_.to === null ? 'the end' : Words.duration(window_.to);
        box.textContent = `Shown: ${Words.count(window_.packets, 'packet')} of ${window_.of.toLocaleString('en')}, from ${from} to ${to}. ` +
            'The command “punchlab view” shows other parts: --from, --to, --packets.';
    }

    function resize() {
        const box = byId('stage');
        Stage.draw(box.clientWidth, box.clientHeight);
        placePanels();
        Player.drawLine();
        refresh();
    }

    function setUpParts(data) {
        model = Model.build(data);
        clock = Clock.build(model);
        flightsAt = Clock.legIndex(model, clock);
        document.title = `${model.run.title} - punchlab`;
        byId('title').textContent = model.run.title;
        byId('headline').textContent = Overview.headlineOf(model);
        Stage.setUp(byId('stage'), model, select);
        document.body.classList.toggle('no-tables', Tables.setUp(byId('panel-tables'), model) === 0);
        Ladder.setUp(byId('panel-ladder'), model, selectRow);
        Packet.setUp(byId('panel-packet'), model, goTo);
        byId('tab-ice').hidden = IcePane.setUp(byId('panel-ice'), model) === 0;
        Overview.setUp(byId('panel-overview'), model, goTo);
        Predict.setUp(byId('ask'), model, (step) => Player.goOn(step));
        Player.setUp(model, clock, show);
        byId('predict').disabled = Predict.questions().length === 0;
    }

    function start() {
        try {
            setUpParts(Data.read(byId('data').textContent));
        } catch (error) {
            byId('title').textContent = 'This page cannot be shown';
            byId('headline').textContent = String(error);
            throw error;
        }
        drawLegend();
        tellWindow();
        setUpTabs();
        setUpFind();
        byId('theme').addEventListener('click', toggleTheme);
        byId('help-open').addEventListener('click', openHelp);
        byId('predict').addEventListener('click', togglePredict);
        byId('unpin').addEventListener('click', unpin);
        byId('play').addEventListener('click', () => { if (Player.isPlaying() && tab === 'overview') openTab('ladder'); });
        document.addEventListener('keydown', onKey);
        new ResizeObserver(resize).observe(byId('stage'));
        window.matchMedia(WIDE).addEventListener('change', placePanels);
        window.matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => Player.drawLine());
        openTab('overview');
        resize();
        document.body.classList.add('ready');
    }

    document.addEventListener('DOMContentLoaded', start);

    /* For tests, and for who looks with the browser's tools. */
    return { serialise, selectByName, stateNow: () => latest, model: () => model, clock: () => clock,
             get player() { return Player; }, get predict() { return Predict; } };
})();
globalThis.punchlab = Page;
