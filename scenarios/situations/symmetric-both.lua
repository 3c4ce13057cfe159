local lab = require "punchlab"

lab.title "Two symmetric NATs: STUN's answer is of no use"
lab.about [[
A symmetric NAT makes another mapping for each destination. What the STUN server saw is the mapping for the STUN server;
a packet to the peer leaves by a new one, from a port that nobody knows yet. Each peer therefore sends to a door that
lets in only S, and neither hears the other. Only a relay helps.]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "symmetric", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local mapped, heard = {}, {}
local last_of = {}                                 -- the packets that each sent, watched

local function peer(host, me, other)
  host:spawn(function()
    local sock = host:udp(5000)
    mapped[me] = assert(sock:stun(S))
    lab.note("S sees " .. me .. " as " .. tostring(mapped[me]))
    lab.wait(function() return mapped[other] end)

    local to = mapped[other]
    for i = 1, 5 do
      last_of[me] = lab.watch { packet = sock:send(to, "punch " .. i) }
      local data, from = sock:recv("200ms")
      if data then
        heard[me] = true
        to = from
      end
    end
  end)
end

peer(A, "A", "B")
peer(B, "B", "A")

-- The external port of `nat`'s mapping through which its host talks to `peer`'s address.
local function port_towards(nat, peer_ip)
  for _, mapping in ipairs(nat:mappings()) do
    for _, peer in ipairs(mapping.peers) do
      if peer.ip == peer_ip then return mapping.external.port end
    end
  end
end

-- What became of the last packet of a peer; nothing when the run is cut short before it sends any.
local function fate(peer)
  local watched = last_of[peer]
  return watched and watched[#watched] or {}
end

lab.at_end(function()
  local at_b, at_a = fate "A", fate "B"
  local a_for_b, b_for_a = port_towards(na, "203.0.113.2"), port_towards(nb, "203.0.113.1")

  lab.result("connected", heard.A and heard.B or false)
  lab.result("mapped_for_server_a", mapped.A or false)
  lab.result("mapped_for_server_b", mapped.B or false)
  lab.result("port_for_peer_a", a_for_b or false)
  lab.result("port_for_peer_b", b_for_a or false)
  lab.result("dropped_at_b", at_b.reason or false)
  lab.result("dropped_at_a", at_a.reason or false)
  if type_a == "symmetric" and type_b == "symmetric" then
    lab.expect(a_for_b and a_for_b ~= mapped.A.port, "natA uses another port towards B than towards S")
    lab.expect(b_for_a and b_for_a ~= mapped.B.port, "natB uses another port towards A than towards S")
    lab.expect(at_b.node == "natB" and at_b.reason == "filtered", "natB filters what A sends: that door is for S only")
    lab.expect(at_a.node == "natA" and at_a.reason == "filtered", "natA filters what B sends: that door is for S only")
    lab.expect(not heard.A and not heard.B, "neither hears the other")
  end
end)
