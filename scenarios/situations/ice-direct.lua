local lab = require "punchlab"

lab.title "ICE finds the direct path between two NATs"
lab.about [[
Two ICE agents behind port-restricted NATs. Each asks a STUN server for its public address. A writes all its addresses
into a description (SDP) and posts it to a signalling server over HTTP; B takes it from there and answers with its own.
Then both check every pair of addresses. B's network is slow, so A's first check comes to B's NAT before B has sent
anything to A: it is dropped there, but on its way out it has opened A's own NAT. So B's check passes, A answers it and
checks again, by now through two open NATs: connected, and nobody relays.
    punchlab run situations/ice-direct --explain]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3", { delay = "150ms" })   -- a slow wireless link

S:stun_server()
local server = S:signal_server()

local checks_of_a, filtered = lab.watch { node = "A", action = "ice-check" }, lab.watch { reason = "filtered" }
local pair_of, checks = {}, 0

local function peer(host, me, other, controlling)
  host:spawn(function()
    local agent = host:ice { stun = S, controlling = controlling }
    local pair, why = agent:connect(host:signal(server, me), other, "1min")
    if pair then
      pair_of[me] = pair
      checks = checks + agent:counters().checks
      agent:send("hello from " .. me)
      lab.expect(agent:recv("5s") == "hello from " .. other, me .. " hears " .. other .. " over the pair")
      if controlling then lab.note("the story as A's agent tells it\n" .. (agent:transcript():gsub("%s+$", ""))) end
    else
      lab.note(me .. " is not connected: " .. why)
    end
    agent:close()
  end)
end

peer(A, "A", "B", true)
peer(B, "B", "A", false)

-- What became of A's first check towards B's public address: the node that dropped it, or nil.
local function fate_of_first_check()
  for _, check in ipairs(checks_of_a) do
    for _, drop in ipairs(filtered) do
      if drop.packet == check.packet then return drop.node end
    end
  end
end

lab.at_end(function()
  local pair = pair_of.A

  lab.result("connected", pair and pair_of.B and true or false)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", checks)
  lab.result("first_check_dropped_at", fate_of_first_check() or "none")
  if type_a == "port-restricted-cone" and type_b == "port-restricted-cone" then
    lab.expect(fate_of_first_check() == "natB", "A's first check is dropped at B's NAT, which B has not opened yet")
    lab.expect(pair and pair.path == "srflx", "the path goes from the one mapped address to the other")
  end
end)
