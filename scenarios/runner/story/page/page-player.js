/* Playing: the buttons, the time line and the keys. Where the film is, is one number: the stage's time. */
const Player = (() => {
    const { el, byId } = Dom;
    const SPEEDS = [0.25, 0.5, 1, 2, 4, 8, 16];
    let model, clock, now = 0, playing = false, speed = 1, target = null, last = 0, resume = false, onMove = () => {};

    function setUp(theModel, theClock, move) {
        model = theModel;
        clock = theClock;
        onMove = move;
        const line = byId('line');
        line.max = String(clock.total);
        line.addEventListener('input', () => { pause(); jump(Number(line.value)); });
        byId('play').addEventListener('click', toggle);
        byId('back').addEventListener('click', () => step(-1));
        byId('forth').addEventListener('click', () => step(1));
        byId('first').addEventListener('click', () => { pause(); jump(0); });
        byId('last').addEventListener('click', () => { pause(); jump(clock.total); });
        const choice = byId('speed');
        for (const value of SPEEDS)
            choice.append(el('option', { value, text: `${value === 0.25 ? '¼' : value === 0.5 ? '½' : value}×`, selected: value === 1 }));
        choice.addEventListener('change', () => { speed = Number(choice.value); });
        drawLine();
    }

    const here = () => Clock.at(clock, now);

    function tell() {
        onMove(here(), { playing, moving: target !== null });
    }

    function jump(s) {
        target = null;
        now = Math.min(clock.total, Math.max(0, s));
        tell();
    }

    /* Directly behind step number k, counted from 0; -1 is before all. */
    function jumpToStep(k) {
        pause();
        jump(clock.stepAt[Math.min(model.steps.length, k + 1)]);
    }

    function pause() {
        if (!playing && target === null) return;
        playing = false;
        target = null;
        showPlaying();
        tell();
    }

    function play() {
        if (now >= clock.total - 1e-6) now = 0;
        playing = true;
        target = null;
        last = performance.now();
        showPlaying();
        requestAnimationFrame(frame);
        tell();
    }

    function toggle() {
        if (playing) pause();
        else play();
    }

    /* A step forth is played, a step back is a jump. */
    function step(by) {
        const from = target !== null ? Clock.at(clock, target).k : here().k;
        const k = Math.min(model.steps.length, Math.max(0, from + by));
        const goal = clock.stepAt[k];
        playing = false;
        showPlaying();
        if (by < 0 || reduced() || goal - now > 60) { jump(goal); return; }
        const stopAt = Predict.between(here().k, k);
        if (stopAt !== null) { jump(clock.stepAt[stopAt]); halt(stopAt); return; }
        target = goal;
        last = performance.now();
        requestAnimationFrame(frame);
        tell();
    }

    const reduced = () => window.matchMedia('(prefers-reduced-motion: reduce)').matches;

    /* The moment before a decision: its packet has come, nothing is told yet. */
    function halt(step) {
        resume = playing;
        playing = false;
        target = null;
        const before = clock.stepAt[step + 1] - 0.012 * clock.faster;
        now = Math.max(clock.stepAt[step], before);
        showPlaying();
        tell();
        Predict.stop(step);
    }

    /* After the answer: the decision is shown, and the film goes on if it ran. */
    function goOn(step) {
        jumpToStep(step);
        if (resume) play();
    }

    function frame(time) {
        if (!playing && target === null) return;
        const passed = Math.min(0.1, (time - last) / 1000);
        last = time;
        const from = here().k;
        if (target !== null) {
            /* However far it is, a step takes about a second. */
            now = Math.min(target, now + passed * Math.max(1, target - now) * 1.6);
            if (target - now < 0.004) { now = target; target = null; }
        } else {
            now = Math.min(clock.total, now + passed * speed);
        }
        const stopAt = Predict.between(from, here().k);
        if (stopAt !== null) { halt(stopAt); return; }
        if (now >= clock.total) { playing = false; target = null; showPlaying(); }
        tell();
        requestAnimationFrame(frame);
    }

    function showPlaying() {
        const button = byId('play');
        button.classList.toggle('is-playing', playing);
        button.setAttribute('aria-label', playing ? 'Pause' : 'Play');
    }

    /* ---- the time line: where how much happens */

    function drawLine() {
        const canvas = byId('density'), width = canvas.clientWidth, height = canvas.clientHeight;
        if (!width) return;
        const ratio = window.devicePixelRatio || 1, style = getComputedStyle(document.documentElement);
        canvas.width = width * ratio;
        canvas.height = height * ratio;
        const paint = canvas.getContext('2d');
        paint.scale(ratio, ratio);
        paint.clearRect(0, 0, width, height);
        const x = (s) => 8 + (width - 16) * (clock.total ? s / clock.total : 0);
        const slots = new Map();
        for (const one of model.steps) {
            const slot = Math.round(x(clock.stepAt[one.index + 1]));
            slots.set(slot, (slots.get(slot) || 0) + 1);
        }
        const most = Math.max(1, ...slots.values());
        paint.fillStyle = style.getPropertyValue('--line-density');
        for (const [slot, number] of slots) {
            const tall = 4 + 8 * Math.sqrt(number / most);
            paint.fillRect(slot, height / 2 - tall, 1.5, tall);
        }
        paint.fillStyle = style.getPropertyValue('--accent');
        for (const one of model.notes) {
            const at = x(clock.stepAt[one.index + 1]);
            paint.beginPath();
            paint.moveTo(at - 4, 0);
            paint.lineTo(at + 4, 0);
            paint.lineTo(at, 7);
            paint.fill();
        }
        paint.strokeStyle = style.getPropertyValue('--drop');
        paint.lineWidth = 2;
        if (Predict.isOn()) { drawTimes(x, width); return; }
        const crosses = model.drops.length > 400 ? model.drops.filter((one, index) => index % Math.ceil(model.drops.length / 400) === 0) : model.drops;
        for (const one of crosses) {
            const at = x(clock.stepAt[one.index + 1]), y = height - 6;
            paint.beginPath();
            paint.moveTo(at - 3.5, y - 3.5);
            paint.lineTo(at + 3.5, y + 3.5);
            paint.moveTo(at + 3.5, y - 3.5);
            paint.lineTo(at - 3.5, y + 3.5);
            paint.stroke();
        }
        drawTimes(x, width);
    }

    /* A few of the world's times below. */
    function drawTimes(x, width) {
        const box = byId('times'), wanted = Math.max(2, Math.floor(width / 110));
        box.replaceChildren();
        let free = -1, before = '';
        for (let i = 0; i <= wanted; i++) {
            const s = clock.total * i / wanted, at = Clock.at(clock, s);
            const text = Words.duration(Math.round(at.t / 1e5) * 1e5).replace(/^0 ns$/, '0'), left = x(s);
            const half = text.length * 3.2 + 4;
            if (left - half < free || text === before) continue;
            before = text;
            free = left + half;
            const mark = el('span', { text });
            mark.style.left = `${left}px`;
            box.append(mark);
        }
    }

    function showAt(state) {
        const line = byId('line');
        line.value = String(state.s);
        line.setAttribute('aria-valuetext', `${Words.time(state.t)}, step ${state.k} of ${model.steps.length}`);
        line.style.setProperty('--done', clock.total ? state.s / clock.total : 0);
        Dom.setText(byId('time'), Words.time(state.t));
        Dom.setText(byId('count'), `step ${state.k.toLocaleString('en')} of ${model.steps.length.toLocaleString('en')}`);
    }

    function changeSpeed(by) {
        const choice = byId('speed'), at = Math.min(SPEEDS.length - 1, Math.max(0, SPEEDS.indexOf(speed) + by));
        speed = SPEEDS[at];
        choice.value = String(speed);
    }

    return { setUp, play, pause, toggle, step, jump, jumpToStep, goOn, here, tell, drawLine, showAt, changeSpeed,
             isPlaying: () => playing, isMoving: () => playing || target !== null };
})();
