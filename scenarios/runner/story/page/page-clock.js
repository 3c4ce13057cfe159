/* Two times. The world's runs from 0 to hours in nanoseconds; the stage's is what somebody who looks has to wait, in
 * seconds. Where much happens the stage takes its time, where nothing happens it hurries.
 *
 * A knot ties a moment of the stage to the world: at stage time `s` the world's time is `t`, and `k` steps have been
 * taken. Steps of one instant have knots of their own, so that each can be seen. */
const Clock = (() => {
    const TENTH_MS = 1e5;

    /* How long the stage shows a stretch of the world's time: it grows with the number of its digits. */
    const stretch = (gap) => Math.min(1.7, 0.12 + 0.27 * Math.log10(1 + gap / TENTH_MS));

    /* How long a step stays before the next one of the same instant. */
    function stay(step) {
        if (step.note !== undefined) return 1.6;
        if (step.expectation) return 0.5;
        const record = step.record;
        if (record.verdict === 'drop') return 1.0;
        if (record.action === 'mapping-new' || record.action === 'mapping-expired') return 0.45;
        if (record.action === 'translated') return 0.3;
        if (record.action === 'sent') return 0.18;
        return 0.12;
    }

    /* Above this many seconds the whole is told faster: nobody waits for hours. */
    const LONGEST = 300;

    function build(model) {
        const times = new Set();
        for (const leg of model.legs) { times.add(leg.t0); times.add(leg.t1); }
        times.add(model.end);
        const marks = [...times].sort((a, b) => a - b);
        const from = model.data.window.from;
        const knots = [{ s: 0, t: from, k: 0 }];
        let mark = 0, s = 0, t = from, k = 0;
        const moveTo = (at) => {
            while (mark < marks.length && marks[mark] <= at) {
                const next = marks[mark++];
                if (next <= t) continue;
                s += stretch(next - t);
                t = next;
                knots.push({ s, t, k });
            }
            if (at > t) {
                s += stretch(at - t);
                t = at;
                knots.push({ s, t, k });
            }
        };
        for (const step of model.steps) {
            moveTo(step.at);
            k = step.index + 1;
            s += 0.02;
            knots.push({ s, t, k });
            s += stay(step);
            knots.push({ s, t, k });
        }
        const last = model.steps.length ? model.steps[model.steps.length - 1].at : from;
        if (model.data.window.to === null && model.end > last) moveTo(model.end);
        s += 0.4;
        knots.push({ s, t, k });
        const faster = s > LONGEST ? LONGEST / s : 1;
        for (const knot of knots) knot.s *= faster;
        const total = s * faster;
        const stepAt = new Float64Array(model.steps.length + 1);
        for (let i = knots.length - 1; i >= 0; i--) stepAt[knots[i].k] = knots[i].s;
        return { knots, total, stepAt, faster };
    }

    /* Where the world is at stage time s: {s, t, k}. */
    function at(clock, s) {
        const knots = clock.knots;
        const count = Model.bisect(knots, (knot) => knot.s <= s);
        const here = knots[Math.max(0, count - 1)], next = knots[count];
        if (!next || next.t === here.t) return { s, t: here.t, k: here.k };
        const part = (s - here.s) / (next.s - here.s);
        return { s, t: here.t + (next.t - here.t) * part, k: here.k };
    }

    /* The stage time at which the world's is t. */
    function of(clock, t) {
        const knots = clock.knots;
        const count = Model.bisect(knots, (knot) => knot.t <= t);
        const here = knots[Math.max(0, count - 1)], next = knots[count];
        if (!next || next.t === here.t) return here.s;
        return here.s + (next.s - here.s) * (t - here.t) / (next.t - here.t);
    }

    /* Which legs are on their way, found by slices of the stage's time. */
    function legIndex(model, clock) {
        const size = Math.max(0.25, clock.total / 4000), slices = [];
        for (const leg of model.legs) {
            const begin = clock.stepAt[Math.min(leg.k0, model.steps.length)];
            leg.s0 = Math.max(begin, leg.k0 ? 0 : of(clock, leg.t0));
            leg.s1 = Math.max(leg.s0, of(clock, leg.t1), clock.stepAt[Math.min(leg.k1, model.steps.length)]);
            for (let i = Math.floor(leg.s0 / size); i <= Math.floor(leg.s1 / size); i++)
                (slices[i] = slices[i] || []).push(leg);
        }
        return (now) => (slices[Math.floor(now.s / size)] || []).filter((leg) =>
            leg.k0 <= now.k && leg.t0 <= now.t && (now.t < leg.t1 || (leg.k1 > now.k && now.t <= leg.t1)));
    }

    return { build, at, of, legIndex };
})();
