'use strict';
/* The page of a run in a real browser: what is shown is held against the journal, which is read here and not taken from
 * the page. Each test gets a name; a failed one says what came. */
const fs = require('fs');
const path = require('path');
const { spawnSync } = require('child_process');
const { chromium } = require('playwright-core');

const BUILD = process.env.BUILD, WORK = path.join(BUILD, 'page'), SHOTS = path.join(WORK, 'shots');
const BROWSER = process.env.CHROMIUM || '/usr/bin/chromium';
const only = process.argv.slice(2);
const SIZES = { laptop: [1280, 720], projector: [1920, 1080], phone: [390, 844] };
const SCENARIOS = ['situations/full-cone-both', 'situations/restricted-both', 'situations/symmetric-both',
    'situations/symmetric-to-public', 'situations/turn-relay', 'situations/ice-direct', 'situations/ice-relay', 'situations/sip-alg', 'situations/sip-no-alg',
    'nat/double-nat', 'nat/cgn-ports', 'nat/nat64', 'nat/reboot', 'nat/ftp-alg', 'stun/tcp', 'stun/loss', 'sip/slipstream', 'ice/restart-on-network-change', 'tests/page/call.lua'];

let passed = 0, failed = 0, browser;

function check(name, held, got) {
    if (held) { passed++; return true; }
    failed++;
    const text = got === undefined ? '' : `: ${typeof got === 'string' ? got : JSON.stringify(got)}`;
    console.log(`FAILED ${name}${text.slice(0, 1200)}`);
    return false;
}

/* ---- runs */

function run(scenario, name, ...options) {
    const folder = path.join(WORK, 'runs', name || scenario);
    const made = spawnSync(path.join(BUILD, 'punchlab'), ['run', scenario, '--quiet', '--html', '--out', folder, ...options],
                           { encoding: 'utf8' });
    if (made.status === 2 || made.error) throw new Error(`${scenario}: ${made.stderr || made.error}`);
    return folder;
}

const reportOf = (folder) => JSON.parse(fs.readFileSync(path.join(folder, 'report.json'), 'utf8'));
const journalOf = (folder) => fs.readFileSync(path.join(folder, 'journal.jsonl'), 'utf8').split('\n').filter(Boolean).map((line) => JSON.parse(line));
const ns = (seconds) => Math.round(seconds * 1e9);

/* ---- pages */

/* Opens a run's page; `page.faults` collects what must not be: messages, errors, requests for anything else. */
async function open(folder, size = 'laptop', options = {}) {
    const [width, height] = SIZES[size];
    const context = await browser.newContext({ viewport: { width, height }, ...options });
    const page = await context.newPage(), url = `file://${path.join(folder, 'report.html')}`;
    page.faults = [];
    page.on('console', (message) => page.faults.push(`console ${message.type()}: ${message.text()}`));
    page.on('pageerror', (error) => page.faults.push(`error: ${error.stack || error}`));
    page.on('dialog', (dialog) => { page.faults.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
    page.on('request', (request) => { if (request.url() !== url) page.faults.push(`request: ${request.url()}`); });
    await page.goto(url);
    await page.waitForSelector('body.ready', { timeout: 20000 });
    return page;
}

const close = (page) => page.context().close();
const still = (page) => page.waitForFunction(() => !punchlab.player.isMoving(), null, { timeout: 30000 });
const stepNow = (page) => page.evaluate(() => punchlab.player.here().k);
const steps = (page) => page.evaluate(() => punchlab.model().steps.length);
const goTo = (page, step) => page.evaluate((to) => punchlab.player.jumpToStep(to), step);
/* What the model says is shown, and what stands in the tables, the caption and the drawing. */
const stateOf = (page) => page.evaluate(() => punchlab.serialise() + [...document.querySelectorAll(
    '#panel-tables, .caption, .layer-nodes, #time, #count')].map((one) => one.innerText || one.textContent).join('\n') +
    [...document.querySelectorAll('.packet')].filter((one) => one.style.display !== 'none').map((one) => one.getAttribute('transform')).sort());

/* ---- tests */

const tests = {};

tests['loads from disk, small, without a word or a request'] = async () => {
    for (const scenario of SCENARIOS) {
        const folder = run(scenario), page = await open(folder);
        const bytes = fs.statSync(path.join(folder, 'report.html')).size;
        check(`${scenario}: under 2 MB`, bytes < 2e6, bytes);
        await page.keyboard.press('End');
        for (const tab of ['ladder', 'packet', 'overview']) await page.click(`#tab-${tab}`);
        if (await page.isVisible('#tab-ice')) await page.click('#tab-ice');
        check(`${scenario}: no console message, no request`, page.faults.length === 0, page.faults);
        check(`${scenario}: the title`, (await page.textContent('h1')) === reportOf(folder).title);
        await close(page);
    }
};

tests['a folder copied elsewhere shows the same'] = async () => {
    const folder = run('situations/restricted-both'), copy = path.join(WORK, 'runs', 'copy'), before = fs.readFileSync(path.join(folder, 'report.html'));
    fs.rmSync(copy, { recursive: true, force: true });
    fs.mkdirSync(copy, { recursive: true });
    for (const file of ['report.json', 'journal.jsonl', 'all.pcapng']) fs.copyFileSync(path.join(folder, file), path.join(copy, file));
    const viewed = spawnSync(path.join(BUILD, 'punchlab'), ['view', copy], { encoding: 'utf8' });
    check('view: prints the path', viewed.stdout === `${path.join(copy, 'report.html')}\n`, viewed.stdout + viewed.stderr);
    check('view: the same bytes as run --html', before.equals(fs.readFileSync(path.join(copy, 'report.html'))));
};

tests['play reaches the end'] = async () => {
    for (const scenario of ['situations/restricted-both', 'situations/symmetric-both', 'nat/reboot']) {
        const page = await open(run(scenario));
        await page.selectOption('#speed', '16');
        await page.click('#play');
        check(`${scenario}: it plays`, await page.evaluate(() => punchlab.player.isPlaying()));
        await page.waitForFunction(() => !punchlab.player.isPlaying(), null, { timeout: 60000 });
        check(`${scenario}: to the last step`, await stepNow(page) === await steps(page), await stepNow(page));
        const report = reportOf(run(scenario));
        const time = await page.evaluate(() => punchlab.player.here().t);
        check(`${scenario}: at the time of the end`, Math.abs(time - ns(report.virtual_seconds)) < 2, time);
        check(`${scenario}: silently`, page.faults.length === 0, page.faults);
        await close(page);
    }
};

tests['a step forth and back gives the same state'] = async () => {
    for (const scenario of SCENARIOS) {
        const page = await open(run(scenario)), count = await steps(page);
        const places = Array.from({ length: 8 }, (unused, at) => Math.floor(at * (count - 2) / 8));
        for (const place of places) {
            await goTo(page, place);
            const before = await stateOf(page);
            await page.keyboard.press('ArrowRight');
            await still(page);
            const k = await stepNow(page);
            check(`${scenario}: step ${place} forth is one step`, k === place + 2, k);
            await page.keyboard.press('ArrowLeft');
            await still(page);
            const after = await stateOf(page);
            check(`${scenario}: step ${place} forth and back`, before === after, `\n${before}\n${after}`);
        }
        /* All places once from the beginning, then from the end. */
        const seen = [];
        for (const place of places) { await goTo(page, place); seen.push(await stateOf(page)); }
        await page.keyboard.press('End');
        for (const place of [...places].reverse()) {
            await goTo(page, place);
            const now = await stateOf(page);
            check(`${scenario}: step ${place} from behind`, now === seen[places.indexOf(place)]);
        }
        await close(page);
    }
};

tests["each packet's way is the journal's"] = async () => {
    for (const scenario of SCENARIOS) {
        const folder = run(scenario), page = await open(folder), journal = journalOf(folder);
        const packets = new Map();
        for (const record of journal) {
            if (!record.packet) continue;
            if (!packets.has(record.packet)) packets.set(record.packet, []);
            packets.get(record.packet).push(record);
        }
        check(`${scenario}: all packets`, (await page.evaluate(() => punchlab.model().packets.length)) === packets.size);
        let wrong = 0;
        const chosen = [...packets.keys()].filter((name, at) => at % Math.ceil(packets.size / 120) === 0);
        for (const name of chosen) {
            await page.evaluate((one) => punchlab.selectByName(one), name);
            const way = await page.$$eval('.way-step', (items) => items.map((item) => ({ ...item.dataset, text: item.textContent })));
            const records = packets.get(name);
            const good = way.length === records.length && way.every((item, at) => {
                const record = records[at];
                return Number(item.at) === ns(record.at) && item.node === record.node && item.kind === record.kind &&
                    item.reason === record.reason && item.from === record.from && item.to === record.to &&
                    item.afterFrom === record.after_from && item.afterTo === record.after_to && item.text.includes(record.text);
            });
            if (!good && wrong++ === 0) check(`${scenario}: the way of ${name}`, false, way);
        }
        check(`${scenario}: the ways of ${chosen.length} packets`, wrong === 0, wrong);
        /* What travels in the drawing passes the nodes that told of it, in their order. */
        const legs = await page.evaluate(() => punchlab.model().legsByPacket.map((list) => list.map((leg) => [leg.from, leg.to, leg.t0, leg.t1])));
        const names = await page.evaluate(() => punchlab.model().packets);
        let lost = 0;
        names.forEach((name, number) => {
            const nodes = packets.get(name).filter((record) => record.size).map((record) => record.node);
            let at = 0;
            for (const [from, to] of legs[number]) {
                while (at < nodes.length && nodes[at] === from) at++;
                while (at < nodes.length && nodes[at] === to) at++;
            }
            if (at !== nodes.length && nodes.some((node) => node !== nodes[0]) && packets.get(name).some((record) => record.kind === 'packet-sent')) lost++;
        });
        check(`${scenario}: the drawing leads packets past who told of them`, lost === 0, lost);
        await close(page);
    }
};

tests['what NATs remember at the end is what the report says'] = async () => {
    for (const scenario of SCENARIOS) {
        const folder = run(scenario), page = await open(folder), report = reportOf(folder);
        await page.keyboard.press('End');
        for (const [name, nat] of Object.entries(report.nats)) {
            const rows = await page.evaluate((node) => Model.mappingsAt(punchlab.model(), node, punchlab.model().steps.length, 1e9)
                .rows.map((row) => `${row.protocol} ${row.internal} ${row.external}`).sort(), name);
            const expected = nat.mappings.map((one) => `${one.protocol} ${one.internal} ${one.external}`).sort();
            check(`${scenario}: mappings of ${name}`, JSON.stringify(rows) === JSON.stringify(expected), { rows, expected });
        }
        await close(page);
    }
    /* And they are to be read in the table. */
    const page = await open(run('situations/restricted-both'));
    await page.keyboard.press('End');
    const card = await page.textContent('.card[data-node=natA]');
    for (const word of ['10.0.0.2:5000', '203.0.113.1:5000', '198.51.100.1', '203.0.113.2', 'address-dependent'])
        check(`the card of natA has ${word}`, card.includes(word), card);
    await close(page);

    const alg = await open(run('situations/sip-alg')), opened = journalOf(run('situations/sip-alg')).find((one) => one.kind === 'nat-pinhole-opened');
    await goTo(alg, await alg.evaluate(() => punchlab.model().steps.find((one) => one.record && one.record.kind === 'nat-pinhole-opened').index));
    const holes = await alg.textContent('.card[data-node=natA]');
    check('a pinhole is in the table', holes.includes(opened.external) && holes.includes(`${opened.remote ? opened.remote.replace(/:0$/, '') : 'anyone'} (pinhole)`), holes);
    await close(alg);
};

tests['a dropped packet stops where it is dropped and says why'] = async () => {
    for (const scenario of ['situations/restricted-both', 'situations/symmetric-both', 'nat/double-nat']) {
        const folder = run(scenario), page = await open(folder), drops = journalOf(folder).filter((one) => one.verdict === 'drop');
        await page.keyboard.press('d');
        const first = drops[0];
        const caption = await page.textContent('#caption');
        check(`${scenario}: the caption`, caption.includes(first.node) && caption.includes(first.text), caption);
        const mark = await page.$('.mark-dropped');
        check(`${scenario}: the mark names the reason`, mark && (await mark.textContent()) === first.reason, mark && await mark.textContent());
        const at = await (await page.$('.mark-dropped .mark-sign')).boundingBox();
        const node = await (await page.$(`.node[data-node="${first.node}"] rect`)).boundingBox();
        const gap = Math.max(node.x - at.x - at.width, at.x - node.x - node.width, node.y - at.y - at.height, at.y - node.y - node.height);
        check(`${scenario}: it stands at ${first.node}`, gap < 20, gap);
        check(`${scenario}: the packet does not go on`, (await page.$$eval('.packet', (all) => all.filter((one) => one.style.display !== 'none')
            .map((one) => one.querySelector('.packet-name').textContent))).every((name) => name !== first.packet));
        const overview = await page.textContent('#panel-overview');
        check(`${scenario}: the overview tells it`, overview.includes(first.reason) && overview.includes(first.text), overview);
        await close(page);
    }
};

tests['a packet that a link loses ends on that link'] = async () => {
    const folder = run('stun/loss'), page = await open(folder), lost = journalOf(folder).find((one) => one.kind === 'link-dropped');
    await page.keyboard.press('d');
    check('the caption', (await page.textContent('#caption')).includes(lost.text));
    const mark = await (await page.$('.mark-dropped .mark-sign')).boundingBox();
    const ends = await page.$$eval('.node rect', (all) => all.map((one) => one.getBoundingClientRect()).map((one) => [one.left, one.top, one.right, one.bottom]));
    check('the mark is on no node', ends.every(([left, top, right, bottom]) => mark.x + mark.width / 2 < left || mark.x + mark.width / 2 > right ||
        mark.y + mark.height / 2 < top || mark.y + mark.height / 2 > bottom), { mark, ends });
    await page.click('#tab-ladder');
    check('the ladder says so', (await page.textContent('.ladder-row.current')).includes(lost.reason));
    await close(page);
};

tests['a translated packet changes its label at the NAT'] = async () => {
    const folder = run('situations/restricted-both'), page = await open(folder), journal = journalOf(folder);
    const out = journal.find((one) => one.kind === 'nat-outbound' && one.packet === 'A.2');
    await page.evaluate(() => punchlab.selectByName('A.2'));
    const labels = await page.evaluate(async () => {
        const model = punchlab.model(), legs = model.legsByPacket[model.numbers.get('A.2')], seen = [];
        for (const leg of legs) {
            punchlab.player.jump((leg.s0 + leg.s1) / 2);
            seen.push([...document.querySelectorAll('.packet')].filter((one) => one.style.display !== 'none' && one.querySelector('.packet-name').textContent === 'A.2')
                .map((one) => one.querySelector('.flow text').textContent).join());
        }
        return seen;
    });
    check('before', labels[0] === `${out.from} → ${out.to}`, labels);
    check('after', labels[1] === `${out.after_from} → ${out.to}`, labels);
    await page.click('#tab-packet');
    const changed = await page.$$eval('.fields .changed', (rows) => rows.map((row) => row.textContent));
    check('the fields that changed', changed.length === 1 && changed[0].includes('source') && changed[0].includes('203.0.113.1'), changed);
    const heads = await page.$$eval('.fields thead th', (all) => all.map((one) => one.textContent));
    check('before and after', JSON.stringify(heads) === '["field","as A sent it","after natA"]', heads);
    await close(page);
};

tests['ICE: pairs stand as the journal says'] = async () => {
    const folder = run('situations/ice-direct'), page = await open(folder), journal = journalOf(folder);
    await page.keyboard.press('End');
    await page.click('#tab-ice');
    for (const node of ['A', 'B']) {
        const last = new Map();
        for (const record of journal.filter((one) => one.node === node && one.kind === 'ice-pair')) last.set(record.pair, record.is);
        const selected = journal.filter((one) => one.node === node && one.kind === 'ice-selected').pop();
        const rows = await page.$$eval('.agent', (agents, name) => [...agents.find((one) => one.querySelector('h3').textContent.startsWith(name)).querySelectorAll('.pair')]
            .map((row) => ({ number: Number(row.querySelector('th').textContent), state: row.querySelector('.pair-state').textContent })), node);
        check(`${node}: each pair`, rows.length === last.size && rows.every((row) => row.state.includes(last.get(row.number))), rows);
        check(`${node}: the selected one comes first`, rows[0].number === selected.pair && rows[0].state.includes('selected'), rows[0]);
    }
    await close(page);
};

tests['a message of text is compared line by line'] = async () => {
    const folder = run('tests/page/call.lua', 'call'), page = await open(folder), journal = journalOf(folder);
    const lines = await page.evaluate(() => Packet.difference('a\nc=IN IP4 10.0.0.2\nm=audio 5000\nz', 'a\nc=IN IP4 203.0.113.1\nm=audio 5000\nz')
        .map((one) => one.sign + one.text));
    check('lines', JSON.stringify(lines) === '[" a","-c=IN IP4 10.0.0.2","+c=IN IP4 203.0.113.1"," m=audio 5000"," z"]', lines);
    /* An INVITE that the gateway rewrote, and FTP's PORT. */
    const rewritten = journal.find((one) => one.node === 'natA' && String(one.kind).startsWith('alg-') && one.packet === 'A.1');
    check('the gateway has told of it', !!rewritten, journal.slice(0, 6));
    await page.evaluate(() => punchlab.selectByName('A.1'));
    const read = () => page.$$eval('.message .line', (all) => all.map((line) => [line.className, line.textContent]));
    const invite = await read();
    const of = (list, css) => list.filter(([one]) => one.includes(css)).map(([, text]) => text);
    check('the start line stays', invite[0][0] === 'line' && invite[0][1].includes('INVITE sip:bob@B SIP/2.0'), invite[0]);
    for (const name of ['Via: SIP/2.0/UDP ', 'Contact: <sip:alice@', 'c=IN IP4 '])
        check(`${name}is marked`, of(invite, 'removed').some((text) => text.includes(`removed: ${name}10.0.0.2`)) &&
            of(invite, 'added').some((text) => text.includes(`added: ${name}203.0.113.1`)), invite);
    check('nothing else is', of(invite, 'removed').length === of(invite, 'added').length && of(invite, 'removed').length < invite.length / 2, invite);
    await close(page);

    const ftp = await open(run('nat/ftp-alg')), port = journalOf(run('nat/ftp-alg')).find((one) => one.kind === 'alg-ftp' && one.form === 'PORT');
    await ftp.evaluate((name) => punchlab.selectByName(name), port.packet);
    const command = await ftp.$$eval('.message .line', (all) => all.map((line) => [line.className, line.textContent]));
    const spelt = (end) => end.replace(/[.:]/g, ',').replace(/,(\d+)$/, (all, number) => `,${number >> 8},${number & 255}`);
    check('PORT before', of(command, 'removed').some((text) => text.includes(`PORT ${spelt(port.old)}`)), { command, port });
    check('PORT after', of(command, 'added').some((text) => text.includes(`PORT ${spelt(port.new)}`)), { command, port });
    await close(ftp);
};

/* The questions that a class is asked, worked out from the journal. */
function decisionsOf(journal) {
    const seen = new Set();
    return journal.filter((one) => {
        if (!/^nat-(outbound|inbound|prefix)/.test(one.kind) || !['pass', 'drop'].includes(one.verdict) || !one.packet) return false;
        const key = [one.node, one.from, one.to, one.after_from, one.after_to, one.verdict, one.reason].join('|');
        return !seen.has(key) && seen.add(key);
    });
}

function answerTo(record) {
    if (record.verdict === 'drop') return 'drop';
    return record.after_from || record.after_to ? `${record.after_from || record.from} → ${record.after_to || record.to}` : 'unchanged';
}

tests['predict asks before each decision and grades'] = async () => {
    for (const scenario of ['situations/restricted-both', 'situations/symmetric-both']) {
        const folder = run(scenario), page = await open(folder), decisions = decisionsOf(journalOf(folder));
        await page.selectOption('#speed', '16');
        await page.click('#predict');
        await page.click('#play');
        let asked = 0, right = 0;
        for (const record of decisions) {
            if (!check(`${scenario}: it asks about ${record.packet}`, await page.waitForSelector('.predict form', { timeout: 30000 }).catch(() => null))) break;
            const question = await page.textContent('.predict legend');
            check(`${scenario}: question ${asked + 1}`, question.startsWith(`${record.packet} comes to ${record.node} `), question);
            const state = await page.evaluate(() => punchlab.stateNow());
            check(`${scenario}: before it is told`, state.t <= ns(record.at) + 1 && !(await page.textContent('#caption')).includes(record.text));
            const card = await page.textContent(`.card[data-node="${record.node}"]`);
            const known = decisions.slice(0, asked).some((one) => one.node === record.node && one.after_from === record.after_from);
            if (record.after_from && !known) check(`${scenario}: the table gives nothing away`, !card.includes(record.after_from), card);
            const values = await page.$$eval('.predict input', (all) => all.map((one) => one.value));
            check(`${scenario}: the answer is among them`, values.includes(answerTo(record)) && values.length >= 3, { values, answer: answerTo(record) });
            const wrong = asked % 2 === 1, choice = wrong ? values.find((value) => value !== answerTo(record)) : answerTo(record);
            await page.check(`.predict input[value="${choice}"]`);
            await page.click('.predict button[type=submit]');
            asked++;
            if (!wrong) right++;
            check(`${scenario}: graded ${wrong ? 'wrong' : 'right'}`, await page.isVisible(wrong ? '.verdict.wrong' : '.verdict.right'));
            check(`${scenario}: why`, (await page.textContent('.verdict .why')).includes(record.text));
            check(`${scenario}: the score`, (await page.textContent('#score')) === `${right} / ${asked}`, await page.textContent('#score'));
            await page.click('.predict-buttons .primary');
        }
        await page.waitForFunction(() => !punchlab.player.isPlaying(), null, { timeout: 60000 });
        check(`${scenario}: no question is left`, !(await page.isVisible('.predict')) && await stepNow(page) === await steps(page));
        check(`${scenario}: silently`, page.faults.length === 0, page.faults);
        await close(page);
    }
};

tests['everything by the keyboard'] = async () => {
    const page = await open(run('situations/restricted-both')), press = (key) => page.keyboard.press(key);
    const count = await steps(page);
    await press('Space');
    check('space plays', await page.evaluate(() => punchlab.player.isPlaying()));
    await press('Space');
    check('space pauses', !(await page.evaluate(() => punchlab.player.isPlaying())));
    await press('End');
    check('End', await stepNow(page) === count);
    await press('Home');
    check('Home', await stepNow(page) === 0);
    for (let i = 0; i < 3; i++) { await press('ArrowRight'); await still(page); }
    check('arrow right', await stepNow(page) === 3, await stepNow(page));
    await press('ArrowLeft');
    check('arrow left', await stepNow(page) === 2);
    await press('d');
    check('d: the drop', (await page.textContent('#caption')).includes('dropped as filtered'));
    await press('Escape');
    check('Esc: follows again', !(await page.isVisible('#pinned')));
    await press('/');
    await page.keyboard.type('B.2');
    await press('Enter');
    check('/: finds a packet', (await page.textContent('.packet-title')).startsWith('B.2'), await page.textContent('.packet-title'));
    await press('Escape');
    await press('2');
    check('2: the ladder', await page.isVisible('#panel-ladder'));
    await press('?');
    check('?: the help', await page.evaluate(() => document.getElementById('help').open));
    await press('Escape');
    check('Esc closes it', !(await page.evaluate(() => document.getElementById('help').open)));
    await press('t');
    check('t: the other light', await page.evaluate(() => document.documentElement.dataset.theme) === 'dark');
    await press('+');
    check('+: faster', await page.inputValue('#speed') === '2');
    await press('p');
    check('p: predict', await page.getAttribute('#predict', 'aria-pressed') === 'true');
    await press('Home');
    await press('Space');
    await page.waitForSelector('.predict form', { timeout: 30000 });
    await press('1');
    check('1: an answer', await page.isChecked('.predict input[data-number="1"]'));
    await press('Enter');
    check('Enter: it is graded', await page.isVisible('.verdict'));
    await press('Enter');
    check('Enter: goes on', !(await page.isVisible('.verdict')));
    await page.evaluate(() => punchlab.player.pause());
    await press('p');
    /* Tab reaches all there is, and shows where it is. */
    const reached = new Set();
    await page.evaluate(() => { document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex'); });
    for (let i = 0; i < 60; i++) {
        await press('Tab');
        const at = await page.evaluate(() => {
            const one = document.activeElement, style = getComputedStyle(one);
            return { id: one.id || one.className, seen: style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0, body: one === document.body };
        });
        if (at.body) break;
        reached.add(at.id);
        if (!at.seen) check(`the focus is seen on ${at.id}`, false);
    }
    for (const id of ['play', 'back', 'forth', 'line', 'speed', 'predict', 'theme', 'find', 'tab-ladder', 'ladder-rows', 'panel-tables'])
        check(`Tab reaches ${id}`, reached.has(id), [...reached]);
    /* In the ladder the arrows choose rows. */
    await press('Home');
    await page.focus('.ladder-rows');
    for (let i = 0; i < 3; i++) await press('ArrowDown');
    const row = await page.evaluate(() => Number(document.activeElement.dataset.index));
    check('arrow down in the ladder', row >= 2, row);
    await press('Enter');
    const name = await page.evaluate((at) => { const one = punchlab.model().rows[at]; return one.step ? null : punchlab.model().packets[one.packet]; }, row);
    check('Enter chooses the packet', (await page.textContent('#pinned-name')) === name, name);
    await close(page);
};

tests['a screen reader has a table and hears where the film rests'] = async () => {
    const folder = run('situations/restricted-both'), page = await open(folder);
    await page.click('#tab-ladder');
    const table = await page.evaluate(() => ({ role: document.querySelector('.ladder').getAttribute('role'), rows: Number(document.querySelector('.ladder').getAttribute('aria-rowcount')),
        model: punchlab.model().rows.length, first: document.querySelector('.ladder-row').textContent,
        places: [...document.querySelectorAll('.ladder-row')].map((row) => Number(row.getAttribute('aria-rowindex'))) }));
    check('a table of all rows', table.role === 'table' && table.rows === table.model + 1, table);
    check('a row in words', table.first.includes('A.1') && table.first.includes('from A to natA'), table.first);
    check('rows in their order', table.places.every((one, at) => at === 0 || one === table.places[at - 1] + 1), table.places);
    await page.keyboard.press('d');
    const said = await page.textContent('#live'), drop = journalOf(folder).find((one) => one.verdict === 'drop');
    check('the drop is said', said.includes(drop.node) && said.includes(drop.text), said);
    await close(page);
};

tests['runs of which little was captured, or that end badly'] = async () => {
    for (const nodes of ['A', 'S', 'natB']) {
        const folder = run('situations/restricted-both', `only-${nodes}`, '--trace', nodes), page = await open(folder);
        const drop = journalOf(folder).find((one) => one.verdict === 'drop');
        await page.click('#tab-ladder');
        for (let step = 0; step < await steps(page); step++) await goTo(page, step);
        const legs = await page.evaluate((name) => punchlab.model().legsByPacket[punchlab.model().numbers.get(name)].map((leg) => [leg.from, leg.to]), drop.packet);
        check(`only ${nodes} traced: ${drop.packet} gets to ${drop.node}`, legs.length > 0 && legs[legs.length - 1][1] === drop.node, legs);
        check(`only ${nodes} traced: silently`, page.faults.length === 0, page.faults);
        await close(page);
    }
    const scripts = { nothing: 'lab.title "Nothing"', alone: 'lab.internet {}:host("A", "198.51.100.1")',
        error: 'local A = lab.internet {}:host("A", "198.51.100.1") A:spawn(function() A:udp(5):send("198.51.100.2:9", "x") lab.sleep("1s") error("boom <b>") end)',
        stuck: 'local A = lab.internet {}:host("A", "198.51.100.1") A:spawn(function() A:udp(5):recv() end) lab.expect(false, "this fails")' };
    for (const [name, script] of Object.entries(scripts)) {
        const file = path.join(WORK, `${name}.lua`), folder = path.join(WORK, 'runs', name);
        fs.writeFileSync(file, `local lab = require "punchlab"\n${script}\n`);
        spawnSync(path.join(BUILD, 'punchlab'), ['run', file, '--quiet', '--html', '--out', folder]);
        const page = await open(folder), said = `${await page.textContent('#headline')} ${await page.textContent('#panel-overview')}`;
        await page.keyboard.press('Space');
        await page.keyboard.press('ArrowRight');
        await page.keyboard.press('d');
        await page.keyboard.press('End');
        check(`${name}: silently`, page.faults.length === 0, page.faults);
        if (name === 'error') check('error: is told', said.includes('An error ended the run') && said.includes('boom <b>'), said);
        if (name === 'stuck') check('stuck: is told', said.includes('1 of 1 expectation failed') && said.includes('Left waiting'), said);
        await close(page);
    }
};

tests['nothing serious for axe'] = async () => {
    const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');
    const look = async (page, name) => {
        const found = await page.evaluate(async () => (await axe.run(document)).violations
            .filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => [one.id, one.nodes.slice(0, 3).map((node) => `${node.html.slice(0, 160)} ${node.failureSummary}`)]));
        check(`axe: ${name}`, found.length === 0, found);
    };
    for (const size of Object.keys(SIZES)) {
        for (const colorScheme of ['light', 'dark']) {
            for (const scenario of ['situations/restricted-both', 'situations/ice-relay']) {
                const page = await open(run(scenario), size, { colorScheme, bypassCSP: true });
                await page.addScriptTag({ content: axe });
                await look(page, `${scenario} ${size} ${colorScheme}, overview`);
                await page.keyboard.press('d');
                await look(page, `${scenario} ${size} ${colorScheme}, packet`);
                if (await page.isVisible('#tab-ladder')) await page.click('#tab-ladder');
                await look(page, `${scenario} ${size} ${colorScheme}, ladder`);
                if (await page.isVisible('#tab-ice')) { await page.click('#tab-ice'); await look(page, `${scenario} ${size} ${colorScheme}, ICE`); }
                await page.click('#predict');
                await page.keyboard.press('Home');
                await page.evaluate(() => document.activeElement.blur());
                await page.keyboard.press('Space');
                await page.waitForSelector('.predict form', { timeout: 30000 });
                await look(page, `${scenario} ${size} ${colorScheme}, a question`);
                await page.keyboard.press('Escape');
                await page.click('#help-open');
                await look(page, `${scenario} ${size} ${colorScheme}, help`);
                await close(page);
            }
        }
    }
};

tests['what a script or a peer says is text'] = async () => {
    const folder = run('tests/page/hostile.lua', 'hostile'), page = await open(folder), report = reportOf(folder);
    await page.click('#tab-ladder');
    const count = await steps(page);
    for (let step = 0; step < count; step++) await goTo(page, step);
    for (const name of await page.evaluate(() => punchlab.model().packets)) {
        await page.evaluate((one) => punchlab.selectByName(one), name);
        check(`the way of ${name}`, (await page.$$('.way-step')).length > 0);
    }
    check('nothing of it ran', !(await page.evaluate(() => globalThis.hacked)));
    check('nothing of it became an element', (await page.$$('img, iframe, object, b > script, main script')).length === 0 && (await page.$$('script')).length === 2);
    check('the title is text', (await page.textContent('h1')) === report.title && (await page.title()).startsWith(report.title));
    check('no message', page.faults.length === 0, page.faults);
    const node = await page.$$eval('.node', (all) => all.map((one) => one.dataset.node));
    check('names are whole', node.includes('A</title>') && node.includes('<b>S</b> | A.1') && node.some((one) => one.length > 150), node);
    await page.keyboard.press('2');
    check('payloads are shown', (await page.textContent('.ladder-rows')).includes('nobody listens <i>there</i>'));
    check('the page is as wide as the window', await page.evaluate(() => document.documentElement.scrollWidth <= window.innerWidth));
    await close(page);
};

tests['ten thousand packets stay smooth, and more are told'] = async () => {
    const folder = run('tests/page/crowd.lua', 'crowd');
    const begin = Date.now(), page = await open(folder), loaded = Date.now() - begin;
    check('loads in time', loaded < 15000, loaded);
    check('says what is shown', (await page.textContent('#window')).startsWith('Shown: 10,000 packets of 10,200'), await page.textContent('#window'));
    check('shows ten thousand', (await page.evaluate(() => punchlab.model().packets.length)) === 10000);
    await page.click('#tab-ladder');
    await page.selectOption('#speed', '4');
    await page.click('#play');
    const frames = await page.evaluate(() => new Promise((done) => {
        const gaps = [];
        let last = performance.now();
        const frame = (now) => {
            gaps.push(now - last);
            last = now;
            if (gaps.length < 150) requestAnimationFrame(frame);
            else done(gaps.sort((a, b) => a - b));
        };
        requestAnimationFrame(frame);
    }));
    /* A machine that does other things meanwhile is slow at times; the middle tells. */
    check('a picture in time', frames[75] < 50, { middle: frames[75], worst: frames[149] });
    check('few elements', (await page.evaluate(() => document.querySelectorAll('*').length)) < 6000);
    const back = await page.evaluate(() => { const from = performance.now(); for (let i = 0; i < 40; i++) punchlab.player.jump(Math.random() * punchlab.clock().total); return (performance.now() - from) / 40; });
    check('any place at once', back < 100, back);
    await close(page);

    const later = spawnSync(path.join(BUILD, 'punchlab'), ['view', folder, '--from', '1s', '--packets', '500'], { encoding: 'utf8' });
    check('another part', later.status === 0, later.stderr);
    const part = await open(folder);
    check('of which is told', (await part.textContent('#window')).includes('500 packets of 10,200, from 1 s'), await part.textContent('#window'));
    await part.keyboard.press('1');
    const mappings = await part.evaluate(() => Model.mappingsAt(punchlab.model(), 'nat', 0, 1e9).rows.length);
    check('what was mapped before is known', mappings === 30, mappings);
    await close(part);
};

tests['pictures at three sizes'] = async () => {
    fs.mkdirSync(SHOTS, { recursive: true });
    for (const size of Object.keys(SIZES)) {
        for (const scenario of SCENARIOS) {
            const page = await open(run(scenario), size), name = `${scenario.replace('/', '-')}-${size}`;
            await page.screenshot({ path: path.join(SHOTS, `${name}-1-start.png`) });
            const count = await steps(page);
            await page.evaluate(() => document.getElementById('tab-ladder').click());
            await goTo(page, Math.floor(count * 0.6));
            await page.screenshot({ path: path.join(SHOTS, `${name}-2-ladder.png`) });
            await page.evaluate((at) => punchlab.selectByName(punchlab.model().packets[at]), 3);
            await page.screenshot({ path: path.join(SHOTS, `${name}-3-packet.png`) });
            const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
            check(`${name}: as wide as the window`, wide <= 0, wide);
            check(`${name}: silently`, page.faults.length === 0, page.faults);
            await close(page);
        }
    }
};

/* ---- */

async function main() {
    if (!fs.existsSync(BROWSER)) { console.error(`there is no ${BROWSER}`); process.exit(1); }
    browser = await chromium.launch({ executablePath: BROWSER, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
    for (const [name, test] of Object.entries(tests)) {
        if (only.length && !only.some((word) => name.includes(word))) continue;
        const begin = Date.now(), before = failed;
        try {
            await test();
        } catch (error) {
            check(name, false, error.stack);
        }
        console.log(`${failed === before ? 'ok    ' : 'FAILED'} ${name} (${((Date.now() - begin) / 1000).toFixed(1)} s)`);
    }
    await browser.close();
    console.log(`${passed} passed, ${failed} failed`);
    process.exit(failed === 0 && passed > 0 ? 0 : 1);
}

main();
