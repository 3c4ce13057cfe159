local lab = require "punchlab"

lab.title "Symmetric to port-restricted: the pair that STUN alone cannot join"
lab.about [[
A's NAT takes a new port for each destination, so the port that STUN told A is not the one that B will see. B sends to
the port that it was told and opens its own NAT for that one only; A's packets come from another and are filtered. A
could answer to where B's packets come from, but none of them gets in: they knock at a port that was opened for the
STUN server. Whichever side moves first, each knows the wrong port of A's. Had either NAT been more lenient, one
packet would have passed and ICE would have learned the right port from it (a peer-reflexive candidate): try
nat_b=restricted-cone. So a relay has to be there, whose address is the same for everyone. Try
    punchlab run ice/symmetric-to-port-restricted --set turn=false
to see that without it every pair fails, after the 39.5 s that RFC 8863 asks for.]]

local nat_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local nat_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local turn  = lab.param("turn", true, "whether the peers have a relay")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
S:signal_server()
local relay = T:turn_server { users = { alice = "secret" } }

local agents, chosen = {}, {}
-- What each box refuses of the other one's: without a box there is only the host.
local at_a = lab.watch { node = nat_a == "none" and A or na, action = "dropped", from = nb.ip }
local at_b = lab.watch { node = nat_b == "none" and B or nb, action = "dropped", from = na.ip }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = S, turn = turn and { server = relay, user = "alice", password = "secret" } or nil,
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
  end)
end

-- The ports of A's NAT: what the server saw, and what B would have had to know.
local function reflexive(agent)
  for _, candidate in ipairs(agent:candidates()) do
    if candidate.type == "srflx" then return candidate.endpoint end
  end
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()

  local pair = chosen.A
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("mapped_for_server", reflexive(agents.A) or "none")
  lab.result("mapped_for_peer", at_b[1] and at_b[1].from or "as told, or never refused")
  lab.result("refused_at_a", at_a[1] and at_a[1].reason or "nothing")
  lab.result("refused_at_b", at_b[1] and at_b[1].reason or "nothing")

  if nat_a == "symmetric" and nat_b == "port-restricted-cone" then
    lab.expect(at_b[1] and at_b[1].from ~= reflexive(agents.A), "B's NAT refuses a port that nobody had told")
    lab.expect(at_a[1] and at_a[1].to == reflexive(agents.A), "A's refuses what B sends to the one that was told")
    lab.expect((pair ~= nil) == turn, "only a relay joins them")
    if pair then lab.expect(pair.path == "relay", "and the data goes that way") end
  end
end)
