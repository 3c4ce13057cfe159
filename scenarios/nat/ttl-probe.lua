local lab = require "punchlab"

lab.title "A punch that dies on the way"
lab.about [[
The first packet of a punch is only meant to open the sender's own NAT. If it gets as far as the peer's NAT it comes
unasked, and that box may answer with an ICMP error, which some programs take for a refusal, or do worse. So the first
packet is sent with a TTL that lasts through the own NAT and no further. A finds that TTL as traceroute does: the first
one at which somebody beyond its own NAT complains.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24", filtered = "icmp" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

-- The TTL that lasts through the own NAT, whose inside address is the first that complains.
local function ttl_through_own_nat()
  for ttl = 1, 8 do
    local _, reason, detail = A:ping(S, { ttl = ttl })
    if reason ~= "ttl-exceeded" then return nil end
    if detail.from ~= "10.0.0.1" then return ttl, detail.from end
  end
end

-- A knocks first with `ttl`, then B, then A answers. What A was told about its first packet, and whether they talk.
local function punch(ttl)
  local a, b = A:udp(nil, { errors = true }), B:udp()
  local a_mapped, b_mapped = assert(a:stun(S)), assert(b:stun(S))
  local watched = lab.watch { packet = a:send(b_mapped, "knock", { ttl = ttl }) }
  local _, told, detail = a:recv("200ms")
  if told ~= "timeout" then lab.note(("A is told '%s' by %s"):format(told, detail.from)) end
  local last = watched[#watched]

  b:send(a_mapped, "knock")
  local data, from = a:recv("200ms")
  if data then a:send(from, "hello") end
  local answered = b:recv("200ms") ~= nil
  a:close()
  b:close()
  return told, last.node, data ~= nil and answered
end

A:spawn(function()
  local ttl, router = ttl_through_own_nat()
  lab.note(("a TTL of %s lasts through natA; then %s complains"):format(ttl, router))
  lab.result("ttl", ttl or "none")

  lab.note "First with the usual TTL"
  local told, where, connected = punch(64)
  lab.result("told_with_full_ttl", told)
  lab.result("full_ttl_ended_at", where)
  lab.result("connected_with_full_ttl", connected)

  lab.note "Now with the short one"
  told, where, connected = punch(ttl)
  lab.result("told_with_low_ttl", told)
  lab.result("low_ttl_ended_at", where)
  lab.result("connected", connected)
  lab.expect(where ~= "natB", "the short-lived packet never reaches B's NAT")
end)
