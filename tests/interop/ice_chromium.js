// The page of tests/interop/ice_chromium.py: one peer connection with a data channel, which never opens, because the other
// side has ICE and no DTLS. What counts is iceConnectionState and the candidate pairs.
'use strict';

let connection, states;

function begin(servers, policy) {
    if (connection)
        connection.close();
    states = [];
    connection = new RTCPeerConnection({ iceServers: servers, iceTransportPolicy: policy });
    connection.oniceconnectionstatechange = () => states.push(connection.iceConnectionState);
}

// Resolves to the description when all candidates stand in it.
function described() {
    return new Promise(resolve => {
        const look = () => {
            if (connection.iceGatheringState === 'complete')
                resolve(connection.localDescription.sdp);
        };

        connection.onicegatheringstatechange = look;
        look();
    });
}

async function offer(servers, policy) {
    begin(servers, policy);
    connection.createDataChannel('data');
    await connection.setLocalDescription();
    return described();
}

async function takeAnswer(sdp) {
    await connection.setRemoteDescription({ type: 'answer', sdp });
}

async function answer(servers, policy, sdp) {
    begin(servers, policy);
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription();
    return described();
}

// Waits for `milliseconds` at most; the states so far, and the pair that is nominated and has succeeded, if any.
async function outcome(milliseconds) {
    const end = performance.now() + milliseconds;
    let pair = null;

    for (;;) {
        const stats = await connection.getStats();

        stats.forEach(entry => {
            if (entry.type === 'candidate-pair' && entry.state === 'succeeded' && entry.nominated)
                pair = { own: stats.get(entry.localCandidateId), peer: stats.get(entry.remoteCandidateId),
                         answered: entry.responsesReceived };
        });
        if (performance.now() > end || (pair && states.some(state => ['connected', 'completed'].includes(state))))
            return { states, pair };
        await new Promise(resolve => setTimeout(resolve, 50));
    }
}
