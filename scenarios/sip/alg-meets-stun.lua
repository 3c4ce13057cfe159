local lab = require "punchlab"

lab.title "A gateway that helps meets a phone that has helped itself"
lab.about [[
A's phone has asked STUN, and says in its SIP and SDP where the NAT shows it: 203.0.113.x and a port. That is right, and an ALG
on the way has nothing to do. A good one sees an address that is not the sender's, and leaves it alone (RFC 8839 section 8). A
bad one (quirk public-address) takes its own outside address for one that wants rewriting: it opens another port, puts that into
m=, and waits for A to use it. A listens where it said. B's audio goes to the new port and ends at A as a port where nobody
listens: one of the two helpers would have been enough. Each case has a house of its own:
    stun_alone       no ALG
    stun_good        a good ALG
    stun_bad         the bad one: A hears nothing, and nobody is told why
    ice_bad          the same with ICE, whose checks don't believe what the description says until they have tried it
    local_two_good   no STUN, and two good ALGs in a row (a home's and a carrier's): each translates its own step
    stun_two_good    STUN, and two good ALGs: what STUN saw is the carrier's outside address, and foreign to the home's box
    stun_two_bad     two bad ones: the carrier's spoils it, for the home's is not asked
    generic          an ALG that knows no protocol, and translates its address wherever the bytes of one stand

The last one doesn't touch SIP, which is text. It spoils the answer of STUN itself: MAPPED-ADDRESS (RFC 3489) comes back with A's
private address, so that an old phone would register that; XOR-MAPPED-ADDRESS is not the same bytes, and is right. A's phone has
asked with FINGERPRINT, sees that the answer was tampered with, takes none, and does not register: it can't tell a box that means
well from one that does not. What it could do: ask over TLS, or without FINGERPRINT, or turn the ALG off, as RFC 4787 REQ-10
has it for all of them.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of the NATs")

local internet = lab.internet { delay = "20ms" }
local users = { alice = "secret", bob = "sesame" }
local GOOD, BAD = { "sip" }, { "sip:public-address" }

local CASES = {
  { "stun_alone",     contact = "stun" },
  { "stun_good",      contact = "stun",  home = GOOD },
  { "stun_bad",       contact = "stun",  home = BAD },
  { "ice_bad",        contact = "ice",   home = BAD },
  { "local_two_good", contact = "local", home = GOOD, carrier = GOOD },
  { "stun_two_good",  contact = "stun",  home = GOOD, carrier = GOOD },
  { "stun_two_bad",   contact = "stun",  home = BAD,  carrier = BAD },
  { "generic",        contact = "stun",  home = { "rewrite-addresses" } },
}

local function stage(n, case)
  local S = internet:host("S" .. n, "198.51.100." .. 10 + n)
  local B = internet:host("B" .. n, "198.51.100." .. 110 + n)
  local outside, address = internet, "203.0.113." .. n
  if case.carrier then
    outside = internet:nat("carrier" .. n, address, { type = type_a, ports = "random", lan = "100.64.0.0/10",
                                                     alg = case.carrier })
    address = "100.64.0.2"
  end
  local nat = outside:nat("nat" .. n, address, { type = type_a, ports = "random", lan = "10.0.0.0/24",
                                                alg = case.home or {} })
  local A = nat:host("A" .. n, "10.0.0.2")
  local stun = case.contact ~= "local" and S:stun_server() or nil
  local server = S:sip_server { domain = "example.com", users = users }
  local function phone(host, user, contact, port)
    -- With that many addresses a description does not fit into one packet of UDP (RFC 3261 section 18.1.1).
    return host:sip { user = user, password = users[user], registrar = server, contact = contact,
                      transport = case.contact == "ice" and "tcp" or "udp",
                      stun = contact ~= "local" and stun or nil, media = { port = port, interval = "100ms" } }
  end
  return A, B, S, phone(A, "alice", case.contact, 6000), phone(B, "bob", case.contact == "ice" and "ice" or "local", 7000)
end

-- A registers and calls B. What comes of it.
local function play(A, B, alice, bob)
  local registered, why = alice:register "10s"
  if not registered then return "no registration", why end
  assert(bob:register "10s")
  local answered
  B:spawn(function()
    answered = bob:accept "15s"
    if answered then answered:wait() end
  end)
  local call, reason = alice:call("bob", { timeout = "15s" })
  if not call then return "no call", reason end
  lab.sleep "5s"
  call:hangup()
  call:wait()
  lab.wait(function() return answered and answered.state == "ended" end, "5s")
  local mine, theirs = call:media(), answered:media()
  local here, there = mine.received.packets > 0, theirs.received.packets > 0
  local told = ("A says %s, B sends to %s"):format(mine.own, theirs.peer)
  return here and there and "both hear" or here and "B hears nothing" or there and "A hears nothing" or "nobody hears", told
end

local outcome, answer = {}, nil
for n, case in ipairs(CASES) do
  local A, B, S, alice, bob = stage(n, case)
  lab.spawn(function()
    local name, told = case[1], nil
    outcome[name], told = play(A, B, alice, bob)
    lab.note(("%s: %s (%s)"):format(name, outcome[name], told))
    if name ~= "generic" then return end
    local _, reply = A:udp():stun(S, { fingerprint = false })
    if type(reply) ~= "table" then return end
    lab.note(("STUN's answer, believed: MAPPED-ADDRESS %s, XOR-MAPPED-ADDRESS %s"):format(reply.mapped, reply.xor_mapped))
    answer = reply
    lab.expect(reply.mapped.ip == A.ip, "the generic ALG puts A's private address into MAPPED-ADDRESS")
    lab.expect(reply.xor_mapped.ip == "203.0.113." .. n, "and can't read XOR-MAPPED-ADDRESS")
  end)
end

-- Behind a symmetric NAT what STUN saw is wrong without any ALG; ALGs and checks know better.
local KNOWN = { ["full-cone"] = true, ["restricted-cone"] = true, ["port-restricted-cone"] = true, symmetric = true }
local STUN = type_a == "symmetric" and "A hears nothing" or "both hear"
local EXPECTED = {
  stun_alone = STUN, stun_good = STUN, stun_bad = "A hears nothing", ice_bad = "both hear", local_two_good = "both hear",
  stun_two_good = STUN, stun_two_bad = "A hears nothing", generic = "no registration",
}

lab.at_end(function()
  for _, case in ipairs(CASES) do
    local name = case[1]
    lab.result(name, outcome[name] or "nothing yet")
    if KNOWN[type_a] then lab.expect(outcome[name] == EXPECTED[name], ("%s: %s"):format(name, EXPECTED[name])) end
  end
  if not answer then return end
  lab.result("generic_mapped", answer.mapped)
  lab.result("generic_xor_mapped", answer.xor_mapped)
end)
