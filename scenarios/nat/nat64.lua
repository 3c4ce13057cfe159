local lab = require "punchlab"

lab.title "A phone that has only IPv6, and peers that have only IPv4"
lab.about [[
A's provider gives it IPv6 and nothing else; a NAT64 in the network (RFC 6146) makes IPv4 of what A sends to addresses
that stand for IPv4 ones: 64:ff9b:: with the IPv4 address in its last 32 bits (RFC 6052). A resolver writes such addresses
for names that have no IPv6 one; here box:synthesize does. What comes back is translated too, headers, checksums, ICMP
and what it quotes.
A speaks STUN over it and learns an IPv4 address: its mapping at the NAT64, which filters like any other. So B, behind a
NAT of its own, and A punch holes as two NATs would. But the address that B tells is an IPv4 one, and A cannot send there:
it has to be synthesised first. An application that passes addresses as text and does not know that fails on such networks.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "how the NAT64 maps and filters")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local n6 = internet:nat("nat64", "203.0.113.1", { type = type_a, ipv6 = "nat64", lan = "2001:db8:a::/64" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = n6:host("A", "2001:db8:a::2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

-- What a resolver would make of an IPv4 address for a host in A's network: nothing else than that, where there is no
-- NAT64 at all (type none).
local function for_a(where)
  if type_a == "none" then return where end
  return n6:synthesize(where)
end

local mapped, heard, literal = {}, {}, nil

local function peer(host, me, other, server, reach)
  host:spawn(function()
    local sock = host:udp(5000)
    mapped[me] = assert(sock:stun(server))
    lab.wait(function() return mapped[other] end)
    local to = mapped[other]
    if me == "A" then
      local sent, why = sock:send(to, "to the address as it was told")
      literal = sent and "sent" or why
    end
    to = reach(to)
    for i = 1, 10 do
      sock:send(to, "punch " .. i)
      local data, from = sock:recv("200ms")
      if data then heard[me], to = true, from end
    end
  end)
end

peer(A, "A", "B", lab.endpoint(for_a(S.ip), 3478), for_a)
peer(B, "B", "A", S, function(where) return where end)

lab.at_end(function()
  local connected = heard.A and heard.B or false

  lab.result("connected", connected)
  lab.result("server_as_seen_by_a", lab.endpoint(for_a(S.ip), 3478))
  lab.result("mapped_a", mapped.A or false)
  lab.result("mapped_b", mapped.B or false)
  lab.result("literal_address", literal or "not tried")
  if type_a ~= "none" then
    lab.expect(literal == "no-route", "an IPv4 address means nothing to a host that has IPv6 only")
  end
  if type_a == "port-restricted-cone" and type_b == "port-restricted-cone" then
    lab.expect(connected, "a NAT64 is punched like any NAT of its mapping and filtering")
  end
end)
