/* Predict: before a NAT or a firewall decides, the film stops and asks what it will do. */
const Predict = (() => {
    const { el, byId } = Dom;
    let model, panel, on = false, asked = null, score, answered = new Map(), onEnd = () => {};
    let questions = new Map();

    const isDecision = (record) => (record.verdict === 'pass' || record.verdict === 'drop') &&
        /^nat-(outbound|inbound|prefix)/.test(record.kind) && record.packet >= 0 && record.from && record.to;

    /* Once for each sort of decision: the same box, the same ends, the same outcome need no second question. */
    function collect() {
        const seen = new Set();
        questions = new Map();
        for (const step of model.steps) {
            const record = step.record;
            if (!record || !isDecision(record)) continue;
            const key = [record.node, record.from, record.to, record.after_from, record.after_to, record.verdict, record.reason].join('\n');
            if (seen.has(key)) continue;
            seen.add(key);
            questions.set(firstOf(record), record);
        }
    }

    /* Where the box begins to tell of this packet: a mapping that it makes for it would give the answer away. */
    function firstOf(record) {
        const first = model.records[record.packet].find((one) => one.node === record.node && one.at === record.at &&
                                                                one.step !== undefined);
        return first ? first.step : record.step;
    }

    function setUp(container, theModel, end) {
        model = theModel;
        onEnd = end;
        score = { right: 0, asked: 0 };
        panel = el('section', { class: 'predict', hidden: true, 'aria-labelledby': 'predict-question' });
        container.append(panel);
        collect();
    }

    /* A number that is the same for the same question each time. */
    function hash(text) {
        let value = 2166136261;
        for (let i = 0; i < text.length; i++) value = Math.imul(value ^ text.charCodeAt(i), 16777619) >>> 0;
        return value;
    }

    const outcomeOf = (record) => record.verdict === 'drop' ? 'drop'
        : record.after_from || record.after_to ? `${record.after_from || record.from} → ${record.after_to || record.to}` : 'unchanged';

    function otherPort(end, by) {
        const colon = end.lastIndexOf(':');
        const port = (Number(end.slice(colon + 1)) + by) % 65536 || 1024;
        return `${end.slice(0, colon)}:${port}`;
    }

    const withPort = (end) => /:\d+$/.test(end) && !/^[0-9a-f:]+$/i.test(end);

    /* The answers: what happened, that nothing is changed, that it is dropped, and translations that might be thought of. */
    function answersOf(record) {
        const right = outcomeOf(record), all = ['unchanged', 'drop'], inbound = /inbound/.test(record.kind);
        if (!all.includes(right)) all.push(right);
        const mappings = (model.mappings.get(record.node) || []).filter((one) => one.protocol === record.protocol && one.k <= firstOf(record));
        for (const mapping of mappings.slice(-6)) {
            all.push(inbound ? `${record.from} → ${mapping.internal}` : `${mapping.external} → ${record.to}`);
        }
        const face = model.topology.nodes.get(record.node).interfaces.find((one) => !one.inside);
        const outside = face && face.addresses[0] ? face.addresses[0].split('-')[0] : null;
        if (!inbound && outside && withPort(record.from)) {
            const join = (port) => outside.includes(':') ? `[${outside}]:${port}` : `${outside}:${port}`;
            const port = record.from.slice(record.from.lastIndexOf(':') + 1);
            all.push(`${join(port)} → ${record.to}`);
            if (record.after_from && withPort(record.after_from)) all.push(`${otherPort(record.after_from, 1)} → ${record.to}`);
            else all.push(`${join(1 + (hash(record.from) % 60000))} → ${record.to}`);
        } else if (inbound && record.after_to && withPort(record.after_to)) {
            all.push(`${record.from} → ${otherPort(record.after_to, 1)}`);
        }
        const unchanged = `${record.from} → ${record.to}`;
        const unique = [...new Set(all)].filter((one) => one !== unchanged);
        const fixed = ['drop', 'unchanged'], others = unique.filter((one) => !fixed.includes(one));
        const kept = others.filter((one) => one === right).concat(others.filter((one) => one !== right).slice(0, 3));
        kept.sort((a, b) => hash(a + record.index) - hash(b + record.index));
        return [...kept, 'unchanged', 'drop'];
    }

    function wordsOf(answer) {
        if (answer === 'drop') return ['It is dropped', ''];
        if (answer === 'unchanged') return ['It goes on as it is', ''];
        return ['It goes on as', answer];
    }

    /* ---- asking */

    function ask(step, record) {
        asked = { step, record, done: false };
        const answers = answersOf(record);
        const inbound = /inbound/.test(record.kind);
        const form = el('form', { onsubmit: (event) => { event.preventDefault(); check(form); } });
        const fieldset = el('fieldset', {}, el('legend', { id: 'predict-question' },
            `${record.name} comes to ${record.node} from ${inbound ? 'outside' : 'inside'}. What will ${record.node} do?`),
            el('p', { class: 'address predict-flow', text: `${record.from} → ${record.to}` }));
        answers.forEach((answer, index) => {
            const [words, flow] = wordsOf(answer);
            fieldset.append(el('label', { class: 'answer' },
                el('input', { type: 'radio', name: 'answer', value: answer, 'data-number': index + 1 }),
                el('kbd', { 'aria-hidden': 'true', text: index + 1 }), el('span', { text: words }), flow ? el('span', { class: 'address', text: flow }) : null));
        });
        form.append(fieldset, el('div', { class: 'predict-buttons' },
            el('button', { type: 'submit', class: 'primary', text: 'That is my answer' }),
            el('button', { type: 'button', text: 'Skip', onclick: () => finish() })));
        panel.replaceChildren(form);
        panel.hidden = false;
        document.body.classList.add('asking');
        const first = panel.querySelector('input');
        first.focus();
    }

    function check(form) {
        const chosen = form.querySelector('input:checked');
        if (!chosen || asked.done) return;
        const right = chosen.value === outcomeOf(asked.record), record = asked.record;
        asked.done = true;
        if (!answered.has(asked.step)) {
            score.asked++;
            if (right) score.right++;
        }
        answered.set(asked.step, right);
        const [words, flow] = wordsOf(outcomeOf(record));
        const next = el('button', { type: 'button', class: 'primary', text: 'Go on', onclick: () => finish() });
        panel.replaceChildren(el('div', { class: `verdict ${right ? 'right' : 'wrong'}`, role: 'status' },
            el('p', { class: 'verdict-head', text: right ? '✓ Right.' : '✗ Not this time.' }),
            el('p', {}, el('strong', { text: `${words} ` }), flow ? el('span', { class: 'address', text: flow }) : '', record.reason ? ` (${record.reason})` : ''),
            el('p', { class: 'why' }, 'Why: ', Dom.sentence(record.text)),
            record.source ? el('p', { class: 'source', text: record.source }) : null,
            el('p', { class: 'score-line', text: `${score.right} of ${score.asked} right so far` })),
            el('div', { class: 'predict-buttons' }, next));
        tellScore();
        next.focus();
    }

    function finish() {
        const step = asked ? asked.record.step : null;
        if (asked && !answered.has(asked.step)) answered.set(asked.step, null);
        asked = null;
        panel.hidden = true;
        panel.replaceChildren();
        document.body.classList.remove('asking');
        if (step !== null) onEnd(step);
    }

    function close() {
        if (asked) { asked = null; panel.hidden = true; panel.replaceChildren(); document.body.classList.remove('asking'); }
    }

    function tellScore() {
        const place = byId('score');
        place.hidden = !on;
        Dom.setText(place, score.asked ? `${score.right} / ${score.asked}` : `${questions.size} to predict`);
        place.setAttribute('aria-label', score.asked ? `${score.right} of ${score.asked} predictions right` : `${questions.size} questions`);
    }

    function setOn(value) {
        on = value;
        if (on) { score = { right: 0, asked: 0 }; answered = new Map(); }
        else close();
        tellScore();
    }

    /* The first question between two steps, the later included; null without one. */
    function between(from, to) {
        if (!on) return null;
        for (let k = from; k < to; k++)
            if (questions.has(k) && !answered.has(k)) return k;
        return null;
    }

    function stop(step) {
        ask(step, questions.get(step));
    }

    function key(event) {
        if (!asked) return false;
        if (/^[1-9]$/.test(event.key) && !asked.done) {
            const input = panel.querySelector(`input[data-number="${event.key}"]`);
            if (input) { input.checked = true; input.focus(); }
            return true;
        }
        if (event.key === 'Enter' && !asked.done && event.target.tagName !== 'BUTTON') { check(panel.querySelector('form')); return true; }
        if (event.key === 'Escape') { finish(); return true; }
        /* Arrows move between the answers; nothing steps meanwhile. */
        return event.key !== 'Tab' && event.key !== '?' && event.target.tagName !== 'BUTTON' ? 'leave' : false;
    }

    return { setUp, setOn, between, stop, key, close, isOn: () => on, isAsking: () => !!asked,
             outcomeOf, score: () => ({ ...score }), questions: () => [...questions.keys()] };
})();
