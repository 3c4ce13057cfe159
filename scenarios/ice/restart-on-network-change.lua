local lab = require "punchlab"

lab.title "A phone leaves the house: restart on another network"
lab.about [[
A talks to B from the wireless network at home and walks out of it. Its address is gone, with all candidates, and no
check can repair that. So A gathers on the mobile network and restarts ICE (RFC 8445 section 9): another user fragment
and password, new candidates, an offer and an answer over the signalling server, new checks. It is the same agent in
the same role, and the data stream goes on where it was. Nobody hears anything for as long as gathering, signalling
and checking take. With restart=false nobody does anything about it: after 30 seconds both sides know that the path is
dead.]]

local nat_a   = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT at home")
local nat_b   = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local cell    = lab.param("mobile", "cgn", "behaviour of the mobile network's NAT")
local restart = lab.param("restart", true, "whether A restarts when it has moved")

local internet = lab.internet { delay = "20ms" }
local S      = internet:host("S", "198.51.100.1")
local T      = internet:host("T", "198.51.100.10")
local home   = internet:nat("home", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb     = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local mobile = internet:nat("mobile", "203.0.113.3", { type = cell, lan = "100.64.0.0/10" })
local B      = nb:host("B", "10.1.1.3")
-- The phone and its watch: a network that leads nowhere, and stays.
local A      = lab.network("watch", "fd00:a::/64"):host("A", "fd00:a::1")
local wlan   = A:attach(home, "10.0.0.5", { default = true })

S:stun_server()
S:signal_server()
local relay = T:turn_server { users = { alice = "secret" } }

local agents, chosen, over = {}, {}, false
local restarts = lab.watch { action = "ice-restarted" }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = S, turn = { server = relay, user = "alice", password = "secret" },
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
  end)
end

-- Speaks 50 times a second until the call is over.
local function speak(agent)
  while not over do
    agent:send "voice"
    lab.sleep "20ms"
  end
end

-- When something was heard last, and the longest silence.
local function listen(agent)
  local heard = { last = lab.now(), gap = 0 }
  agent:recv(0)
  lab.spawn(function()
    while true do
      if not agent:recv() then return end
      heard.gap = math.max(heard.gap, lab.now() - heard.last)
      heard.last = lab.now()
    end
  end, { background = true })
  return heard
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  local before = chosen.A
  A:spawn(function() speak(agents.A) end)
  B:spawn(function() speak(agents.B) end)
  local at_a, at_b = listen(agents.A), listen(agents.B)
  lab.sleep "5s"

  local moved = lab.now()
  local radio = A:attach(mobile, "100.64.0.5", { default = true, delay = "40ms" })
  wlan:remove()
  local pair, other
  if restart then
    agents.A:restart()
    pair = agents.A:wait "30s"
    lab.wait(function() return #restarts == 2 end, "30s")
    other = agents.B:wait "30s"
    lab.sleep "2s"
  else
    lab.sleep "40s"
  end
  over = true

  lab.result("connected", pair ~= nil and other ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("path_before", before and before.path or "none")
  lab.result("restarts", #restarts)
  lab.result("silence_at_a_ms", math.floor(math.max(at_a.gap, lab.now() - at_a.last) * 1000 + 0.5))
  lab.result("silence_at_b_ms", math.floor(math.max(at_b.gap, lab.now() - at_b.last) * 1000 + 0.5))
  lab.result("state_b", agents.B.state)

  lab.expect(before, "they talk from A's home")
  if restart then
    lab.expect(pair and other, "and from the mobile network, after a restart of both sides")
    lab.expect(pair and (pair.own.type == "relay" or pair.own.base.ip == radio.ip), "A sends from its new address")
    lab.expect(at_a.last > moved and at_b.last > moved, "data goes on in both directions")
    lab.expect(agents.A.controlling and not agents.B.controlling, "the roles are what they were")
  else
    lab.expect(agents.B.state == "failed", "without a restart the call is over")
  end
end)
