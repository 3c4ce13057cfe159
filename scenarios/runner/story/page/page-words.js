/* Times, protocols and other things as words and signs. */
const Words = (() => {
    /* The colour goes by the name (page.css), the sign by the shape: nobody has to tell colours apart. */
    const protocols = {
        stun: { word: 'STUN', shape: 'circle' },
        ice: { word: 'ICE check', shape: 'ring' },
        turn: { word: 'TURN', shape: 'diamond' },
        udp: { word: 'UDP data', shape: 'triangle' },
        tcp: { word: 'TCP', shape: 'square' },
        http: { word: 'HTTP', shape: 'hexagon' },
        icmp: { word: 'ICMP', shape: 'plus' },
        portmap: { word: 'port control', shape: 'pentagon' },
        sdp: { word: 'SDP', shape: 'hexagon' },
        sip: { word: 'SIP', shape: 'star' },
        rtp: { word: 'RTP', shape: 'arrow' },
        rtcp: { word: 'RTCP', shape: 'bow' },
        ip: { word: 'IP', shape: 'circle' },
    };
    const shapes = {
        circle: 'M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0Z',
        ring: 'M-8 0a8 8 0 1 0 16 0a8 8 0 1 0 -16 0ZM-3.4 0a3.4 3.4 0 1 1 6.8 0a3.4 3.4 0 1 1 -6.8 0Z',
        diamond: 'M0 -9.5L9.5 0L0 9.5L-9.5 0Z',
        triangle: 'M0 -9L9 7L-9 7Z',
        square: 'M-7.5 -7.5H7.5V7.5H-7.5Z',
        hexagon: 'M-8.5 0L-4.2 -7.6H4.2L8.5 0L4.2 7.6H-4.2Z',
        pentagon: 'M0 -9L8.6 -2.8L5.3 7.3H-5.3L-8.6 -2.8Z',
        plus: 'M-3 -8.5H3V-3H8.5V3H3V8.5H-3V3H-8.5V-3H-3Z',
        star: 'M0 -9.5L2.6 -3.3L9.3 -2.9L4.2 1.4L5.8 7.9L0 4.4L-5.8 7.9L-4.2 1.4L-9.3 -2.9L-2.6 -3.3Z',
        bow: 'M-9 -7L0 -1.5L9 -7V7L0 1.5L-9 7Z',
        arrow: 'M-8 -7L8 0L-8 7L-4 0Z',
    };
    const known = (protocol) => protocols[protocol] ? protocol : 'ip';

    const sign = (protocol) => shapes[protocols[known(protocol)].shape];
    const protocolWord = (protocol) => protocols[protocol] ? protocols[protocol].word : protocol;
    const order = (protocol) => Object.keys(protocols).indexOf(known(protocol));

    /* 80200000 is "80.200 ms", 5000000000 "5.000 s". */
    function time(ns) {
        const seconds = ns / 1e9;
        if (seconds < 1) return `${(ns / 1e6).toFixed(3)} ms`;
        if (seconds < 600) return `${seconds.toFixed(4)} s`;
        const minutes = Math.floor(seconds / 60);
        if (minutes < 120) return `${minutes} min ${(seconds - minutes * 60).toFixed(1)} s`;
        return `${Math.floor(minutes / 60)} h ${minutes % 60} min ${Math.floor(seconds % 60)} s`;
    }

    /* "20 ms", "1.5 s", "5 min": round and short. */
    function duration(ns) {
        const trim = (value, digits) => String(Number(value.toFixed(digits)));
        if (ns < 1e3) return `${ns} ns`;
        if (ns < 1e6) return `${trim(ns / 1e3, 1)} µs`;
        if (ns < 1e9) return `${trim(ns / 1e6, 2)} ms`;
        if (ns < 120e9) return `${trim(ns / 1e9, ns < 10e9 ? 1 : 0)} s`;
        if (ns < 7200e9) return `${trim(ns / 60e9, 1)} min`;
        return `${trim(ns / 3600e9, 1)} h`;
    }

    /* "source_port" is "source port". */
    const label = (name) => name.replace(/_/g, ' ');

    const count = (number, one, many) => `${number.toLocaleString('en')} ${number === 1 ? one : many || one + 's'}`;

    return { sign, protocolWord, known, order, time, duration, label, count };
})();
