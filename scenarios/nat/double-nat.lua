local lab = require "punchlab"

lab.title "Two homes under one carrier-grade NAT"
lab.about [[
A and B each have a NAT at home, and their provider puts both behind one more, the CGN. STUN tells both the CGN's public
address. When A sends to B's, the packet goes up to the CGN and has to turn round there and come down again: hairpinning.
A CGN that does not hairpin keeps two neighbours apart who could each talk to the whole world (RFC 6888, RFC 4787 REQ-9).]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's home NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's home NAT")
local type_c = lab.param("cgn", "cgn", "behaviour of the provider's NAT")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local cgn = internet:nat("cgn", "203.0.113.1", { type = type_c, lan = "100.64.0.0/10", hairpin = "off" })
local na  = cgn:nat("natA", "100.64.0.11", { type = type_a, lan = "10.0.0.0/24" })
local nb  = cgn:nat("natB", "100.64.0.12", { type = type_b, lan = "10.1.1.0/24" })
local A   = na:host("A", "10.0.0.2")
local B   = nb:host("B", "10.1.1.3")

S:stun_server()

local reason                                       -- why the last packet that A sent went nowhere

-- Both ask STUN from fresh sockets, then send to each other's public address. Do both hear the other?
local function try_to_connect()
  local mapped, heard = {}, {}

  local function peer(host, me, other)
    return host:spawn(function()
      local sock = host:udp()
      mapped[me] = assert(sock:stun(S))
      lab.wait(function() return mapped[other] end)
      local to = mapped[other]
      for i = 1, 5 do
        local watched = lab.watch { packet = sock:send(to, "punch " .. i) }
        local data, from = sock:recv("200ms")
        if data then heard[me], to = true, from end
        if me == "A" then reason = watched[#watched].reason end
      end
      sock:close()
    end)
  end

  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  lab.note(("S saw A as %s and B as %s: one address for both homes"):format(mapped.A, mapped.B))
  return heard.A and heard.B or false
end

lab.spawn(function()
  lab.note "The CGN does not hairpin"
  local before = try_to_connect()
  lab.result("connected_before", before)
  lab.result("why", reason or "connected")

  lab.note "Now it does"
  cgn:set { hairpin = "external-source" }
  local after = try_to_connect()
  lab.result("connected_after", after)
  lab.result("connected", after)

  lab.expect(not before, "without hairpinning the neighbours cannot meet")
  if type_a == "port-restricted-cone" and type_b == "port-restricted-cone" and type_c == "cgn" then
    lab.expect(after, "with it they can")
  end
end)
