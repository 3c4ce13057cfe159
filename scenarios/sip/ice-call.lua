local lab = require "punchlab"

lab.title "A phone call with ICE: whatever the NATs, both hear each other"
lab.about [[
The call of situations/stun-register, behind the same NATs, but the descriptions name more than one address: each phone tells
its own, the one that STUN sees and one at a TURN server (a=candidate lines in the SDP, RFC 8839), and the phones try
all pairs before any audio goes (RFC 8445). So nobody has to know what the NATs do. The path is direct wherever there is one
(host: nobody translates; srflx: to what STUN saw; prflx: to what only a check has shown, as with a symmetric NAT), and goes
over the relay otherwise:
    punchlab matrix sip/ice-call --cell path
SIP itself goes by S, along the connection that each phone has opened by its REGISTER (RFC 5626). It goes over TCP, because a
description with that many addresses does not fit into one packet of UDP (RFC 3261 section 18.1.1), which is as well where UDP
is blocked; there the relay is reached over TCP, too. Once the pair is chosen the caller tells it in one more INVITE, so
that whoever reads c= and m= on the way reads the truth (RFC 8839 section 4.4.1.2.2).]]

local TYPES = { "none", "full-cone", "restricted-cone", "port-restricted-cone", "symmetric", "symmetric-sequential",
                "rfc4787", "cgn", "linux", "linux-random", "pf", "libalias", "firewall", "udp-blocked" }
local type_a  = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT", TYPES)
local type_b  = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT", TYPES)
local seconds = lab.param("seconds", 5, "how long the two talk")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local relay  = T:turn_server { users = { alice = "secret", bob = "sesame" } }
local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame" } }

-- A phone finds out first whether UDP comes through at all. Waits.
local function phone(host, user, password)
  local probe = host:udp()
  local udp = probe:stun(S, { timeout = "2s" }) ~= nil
  probe:close()
  if not udp then lab.note(("UDP does not pass for %s: the relay is reached over TCP"):format(host.name)) end
  return host:sip {
    user = user, password = password, registrar = server, transport = "tcp", contact = "ice",
    stun = udp and S or nil, media = { port = 6000 },
    turn = { server = relay, user = user, password = password, transport = udp and "udp" or "tcp" },
  }
end

local ready, answered, here, there = false, nil, nil, nil

A:spawn(function()
  local alice = phone(A, "alice", "secret")
  here = alice:register "10s"
  lab.result("registered", here == true)
  ready = true
  if not here then return end
  answered = alice:accept "2min"
  if answered then answered:wait() end
end)

B:spawn(function()
  local bob = phone(B, "bob", "sesame")
  there = bob:register "10s"
  lab.wait(function() return ready end)
  local call, why = nil, "B can't register"
  if there then call, why = bob:call("alice", { timeout = "2min" }) end
  lab.result("established", call ~= nil)
  if not call then return lab.note(("B's call comes to nothing: %s"):format(why)) end
  lab.wait(function()
    return answered and call:media().ice ~= "running" and answered:media().ice ~= "running"
  end, "1min")
  local pair = call:media().pair
  if pair then
    lab.note(("B's checks have chosen %s (%s) to %s (%s)"):format(pair.own.endpoint, pair.own.type,
                                                                  pair.peer.endpoint, pair.peer.type))
  end
  lab.sleep(seconds)
  call:hangup()
  call:wait()
  if answered then answered:wait "5s" end

  local a, b = answered and answered:media() or { received = { packets = 0 } }, call:media()
  -- Each knows for sure whether it goes by its own relay; the peer's may look peer-reflexive.
  local path = pair and (a.pair and a.pair.own.type == "relay" and "relay" or pair.path) or "none"
  lab.note(("A heard %d packets (%s), B %d (%s), path %s"):format(a.received.packets, a.received.quality,
                                                                  b.received.packets, b.received.quality, path))
  lab.result("path", path)
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("audio_to_a", a.received.packets > 0)
  lab.result("audio_to_b", b.received.packets > 0)
end)

lab.at_end(function()
  local r = lab.results
  lab.expect(r.registered and r.established, "A is registered and called, whatever the NATs")
  lab.expect(r.audio_to_a and r.audio_to_b, "both hear each other, whatever the NATs")
  local direct = r.path ~= "relay"
  if type_a == "none" and type_b == "none" then lab.expect(r.path == "host", "without NATs nothing stands between them") end
  if type_a == "symmetric" and (type_b == "symmetric" or type_b == "port-restricted-cone") or
     type_b == "symmetric" and type_a == "port-restricted-cone" then
    lab.expect(not direct, "between symmetric and a filter that knows ports nothing helps but a relay")
  end
end)
