// One end of a WebRTC data channel, for chromium_turn.py, which carries descriptions from one to the other. Relayed
// candidates only. What is given and returned is JSON.
'use strict';

var connection, channel, echoed = 0, opened;

function begin(server) {
    connection = new RTCPeerConnection({ iceServers: [server], iceTransportPolicy: 'relay' });
    connection.ondatachannel = event => {   // the answering end sends all back
        channel = event.channel;
        channel.binaryType = 'arraybuffer';
        channel.onmessage = message => { echoed++; channel.send(message.data); };
    };
}

// All candidates are in the description when gathering is complete.
async function described(description) {
    await connection.setLocalDescription(description);
    await new Promise(resolve => {
        const look = () => connection.iceGatheringState === 'complete' && resolve();
        connection.onicegatheringstatechange = look;
        look();
    });
    return connection.localDescription.toJSON();
}

async function offer(server) {
    begin(server);
    channel = connection.createDataChannel('trial');
    channel.binaryType = 'arraybuffer';
    opened = new Promise((resolve, reject) => {
        channel.onopen = resolve;
        connection.onconnectionstatechange = () =>
            connection.connectionState === 'failed' && reject(new Error('the connection has failed'));
    });
    opened.catch(() => {});     // it is asked for later
    return described(await connection.createOffer());
}

async function answer(server, description) {
    begin(server);
    await connection.setRemoteDescription(description);
    return described(await connection.createAnswer());
}

async function accept(description) {
    await connection.setRemoteDescription(description);
    await opened;
    return true;
}

// `count` messages of `size` bytes go there and come back, in order and as they were: how many.
async function exchange(count, size) {
    let sent = 0, good = 0;
    const make = n => Uint8Array.from({ length: size }, (_, at) => (at * 7 + n) & 255);
    const finished = new Promise(resolve => {
        channel.onmessage = message => {
            const bytes = new Uint8Array(message.data), wanted = make(good);
            if (bytes.length !== size || bytes.some((byte, at) => byte !== wanted[at]))
                resolve();
            else if (++good === count)
                resolve();
            else if (sent < count)
                channel.send(make(sent++));
        };
    });
    while (sent < Math.min(count, 8))
        channel.send(make(sent++));
    await finished;
    return good;
}

// The kinds of the candidates of the pair in use, and the server's transport.
async function pair() {
    const stats = await connection.getStats();
    const transport = [...stats.values()].find(entry => entry.type === 'transport');
    const used = stats.get(transport.selectedCandidatePairId);
    const local = stats.get(used.localCandidateId), remote = stats.get(used.remoteCandidateId);
    return { local: local.candidateType, remote: remote.candidateType, by: local.relayProtocol,
             addresses: [local.address, remote.address] };
}

function end() {
    connection.close();
}
