/* Elements. What comes from the run goes in as text, never as markup. */
const Dom = (() => {
    const SVG = 'http://www.w3.org/2000/svg';

    function fill(node, props, children) {
        for (const [name, value] of Object.entries(props || {})) {
            if (value === undefined || value === null || value === false) continue;
            if (name === 'text') node.textContent = value;
            else if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
            else node.setAttribute(name, value === true ? '' : value);
        }
        for (const child of children) if (child !== null && child !== undefined) node.append(child);
        return node;
    }

    const el = (tag, props, ...children) => fill(document.createElement(tag), props, children);
    const svg = (tag, props, ...children) => fill(document.createElementNS(SVG, tag), props, children);
    const byId = (id) => document.getElementById(id);

    /* Changes text only where it differs: a reader is not told the same again. */
    function setText(node, text) {
        if (node.textContent !== text) node.textContent = text;
    }

    /* Text in which addresses stand out. */
    function sentence(text) {
        const out = document.createDocumentFragment();
        const address = /\[[0-9a-f:.]+\]:\d+|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b/g;
        let done = 0;
        for (const found of text.matchAll(address)) {
            out.append(text.slice(done, found.index), el('span', { class: 'address', text: found[0] }));
            done = found.index + found[0].length;
        }
        out.append(text.slice(done));
        return out;
    }

    /* A list of thousands of rows of one height, of which only those in sight are elements.
     * `options`: {height, count(), row(element, index), make()}. */
    function virtualList(scroller, options) {
        const space = el('div', { class: 'virtual-space' });
        const pool = new Map();
        scroller.append(space);

        function render() {
            const height = options.height, count = options.count();
            const first = Math.max(0, Math.floor(scroller.scrollTop / height) - 4);
            const last = Math.min(count, Math.ceil((scroller.scrollTop + scroller.clientHeight) / height) + 4);
            space.style.height = `${count * height}px`;
            const spare = [];
            for (const [index, row] of pool) {
                if (index >= first && index < last) continue;
                pool.delete(index);
                spare.push(row);
            }
            for (let index = first; index < last; index++) {
                let row = pool.get(index);
                if (!row) {
                    row = spare.pop() || options.make();
                    pool.set(index, row);
                    if (!row.parentNode) space.append(row);
                    row.style.transform = `translateY(${index * height}px)`;
                    row.dataset.index = index;
                }
                options.row(row, index);
            }
            for (const row of spare) row.remove();
        }

        /* Rows are in the order in which a reader meets them. */
        function settle() {
            const rows = [...pool.entries()].sort((a, b) => a[0] - b[0]);
            let before = null;
            for (const [, row] of rows) {
                const place = before ? before.nextSibling : space.firstChild;
                if (row !== place) space.insertBefore(row, place);
                before = row;
            }
        }

        function show(index) {
            const top = index * options.height, view = scroller.clientHeight;
            if (view === 0) return;
            if (top < scroller.scrollTop + options.height)
                scroller.scrollTop = Math.max(0, top - view * 0.3);
            else if (top + options.height * 2 > scroller.scrollTop + view)
                scroller.scrollTop = top - view * 0.6;
        }

        scroller.addEventListener('scroll', () => { render(); settle(); }, { passive: true });
        return {
            render() { render(); settle(); },
            show,
            focus(index) { show(index); render(); settle(); const row = pool.get(index); if (row) row.focus({ preventScroll: true }); },
        };
    }

    return { el, svg, byId, setText, sentence, virtualList };
})();
