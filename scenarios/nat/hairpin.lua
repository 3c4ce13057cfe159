local lab = require "punchlab"

lab.title "Two hosts behind one NAT call each other by the public address"
lab.about [[
A and B share a NAT, but all that each knows of the other is the address that STUN saw. A packet from inside to the NAT's
own outside address must turn round at the NAT: hairpinning. Without it the packet is dropped. With it the source matters:
it must become the external one (RFC 4787 REQ-9a), or B hears a stranger answer from an address that it never wrote to.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of the NAT")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local nat = internet:nat("nat", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", hairpin = "off" })
local A   = nat:host("A", "10.0.0.2")
local B   = nat:host("B", "10.0.0.3")

S:stun_server()

-- Both hear the other, and from the address that they were told? Also why A's last packet went nowhere.
local function try_to_connect()
  local mapped, heard, source, reason = {}, {}, {}, nil

  local function peer(host, me, other)
    return host:spawn(function()
      local sock = host:udp()
      mapped[me] = assert(sock:stun(S))
      lab.wait(function() return mapped[other] end)
      for i = 1, 3 do
        local watched = lab.watch { packet = sock:send(mapped[other], "punch " .. i) }
        local data, from = sock:recv("100ms")
        if data then heard[me], source[me] = true, from end
        if me == "A" then reason = watched[#watched].reason end
      end
      sock:close()
    end)
  end

  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  local as_told = source.A == mapped.B and source.B == mapped.A
  return heard.A and heard.B or false, as_told, reason
end

lab.spawn(function()
  lab.note "The NAT does not hairpin"
  local before, _, why = try_to_connect()
  lab.result("connected_before", before)
  lab.result("why", why or "connected")

  lab.note "It hairpins, and leaves the internal source address in the packet"
  nat:set { hairpin = "internal-source" }
  local heard, as_told = try_to_connect()
  lab.result("heard_with_internal_source", heard)
  lab.result("source_as_told_with_internal_source", as_told)

  lab.note "It hairpins as RFC 4787 asks: with the external source address"
  nat:set { hairpin = "external-source" }
  local after, right = try_to_connect()
  lab.result("connected_after", after and right)
  lab.result("connected", after and right)

  lab.expect(not before and why == "hairpin-off", "without hairpinning the packet is dropped")
  lab.expect(not as_told, "with the internal source, packets come from an address nobody was told")
  if type_a:find("symmetric", 1, true) then
    lab.expect(not (after and right), "a symmetric NAT uses another mapping for each peer, so hairpinning is of no use")
  else
    lab.expect(after and right, "with the external source both hear the other where they expect it")
  end
end)
