'use strict';
/* Reads what the page carries (scenarios/runner/story/page.h tells its form) into plain objects. */
const Data = (() => {
    const NS = 1e9;

    /* One record: its fields by name, the sentence put together, and where it stands. */
    function record(raw, index, data) {
        const names = data.shapes[raw[2]];
        const made = { index, at: raw[0], packet: raw[1] };
        const own = [];
        for (let i = 0; i < names.length; i++) {
            const name = data.values[names[i]], value = data.values[raw[3 + i]];
            own.push(value);
            if (name === 'packet') made.name = value;
            else if (name !== 'at' && name !== 'index') made[name] = value;
        }
        made.text = String(made.text).replace(/\u0001([A-Za-z])/g, (all, letter) => {
            const value = own[letter.charCodeAt(0) - 65];
            return value === undefined ? all : String(value);
        });
        return made;
    }

    /* A form: {protocol, summary, fields: [[path, value]]}, made when somebody asks. */
    function formsOf(data) {
        const made = new Map();
        const whole = (number) => {
            const raw = data.forms[number];
            if (raw[0] >= 0) return raw;
            const copy = whole(-1 - raw[0]).slice();
            for (let i = 1; i + 1 < raw.length; i += 2) copy[1 + raw[i]] = raw[i + 1];
            return copy;
        };
        return (number) => {
            let form = made.get(number);
            if (form) return form;
            const raw = whole(number), names = data.shapes[raw[0]];
            form = { number, protocol: data.values[raw[1]], summary: data.values[raw[2]], fields: [] };
            for (let i = 0; i < names.length; i++)
                form.fields.push([data.values[names[i]], data.values[raw[3 + i]]]);
            made.set(number, form);
            return form;
        };
    }

    /* [{at, interface, out, packet, form}], in order of time. */
    function copiesOf(flat) {
        const copies = [];
        let at = 0;
        for (let i = 0; i + 4 < flat.length; i += 5) {
            at += flat[i];
            copies.push({ at, interface: flat[i + 1], out: flat[i + 2] === 1, packet: flat[i + 3], form: flat[i + 4] });
        }
        return copies;
    }

    function read(text) {
        const data = JSON.parse(text);
        return {
            run: data.run,
            window: data.window,
            packets: data.packets,
            interfaces: data.interfaces,
            records: data.records.map((raw, index) => record(raw, index, data)),
            copies: copiesOf(data.copies),
            form: formsOf(data),
        };
    }

    return { read, NS };
})();
