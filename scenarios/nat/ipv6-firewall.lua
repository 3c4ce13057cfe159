local lab = require "punchlab"

lab.title "IPv6 without NAT, and still closed: two peers behind firewalls"
lab.about [[
With IPv6 every host has an address that everybody can name, so nobody has to ask STUN who he is. But the box at home
still lets in only what answers something: a stateful firewall (RFC 6092). B's first packet is filtered by A's box
although the address is right; A's own packet to B opens the way, and the other way round. It is the same hole punching as
between NATs, and it always works, because what a peer sends from is what it told.
IPv4 stands beside it behind the same boxes, with a mapping that can differ for each destination. Try
    punchlab matrix nat/ipv6-firewall --cell connected_ipv4       and --cell connected
    punchlab run nat/ipv6-firewall --set ipv6_a=open              A's box lets IPv6 pass]]

local policies = { "firewall", "open" }
local type_a = lab.param("nat_a", "symmetric", "what A's box does with IPv4")
local type_b = lab.param("nat_b", "symmetric", "what B's box does with IPv4")
local ipv6_a = lab.param("ipv6_a", "firewall", "what A's box does with IPv6", policies)
local ipv6_b = lab.param("ipv6_b", "firewall", "what B's box does with IPv6", policies)

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("boxA", { "203.0.113.1", "2001:db8:f::1" },
                        { type = type_a, ipv6 = ipv6_a, lan = { "10.0.0.0/24", "2001:db8:a::/64" } })
local nb = internet:nat("boxB", { "203.0.113.2", "2001:db8:f::2" },
                        { type = type_b, ipv6 = ipv6_b, lan = { "10.1.1.0/24", "2001:db8:b::/64" } })
local A  = na:host("A", { "10.0.0.2", "2001:db8:a::2" })
local B  = nb:host("B", { "10.1.1.3", "2001:db8:b::3" })

S:stun_server()

-- Each tells the other an endpoint, sends there five times, and answers to where packets come from.
local function try(learn)
  local told, heard, moved = {}, {}, false

  local function peer(host, me, other)
    return host:spawn(function()
      local sock = host:udp(5000)
      told[me] = learn(host, sock)
      lab.wait(function() return told[other] end)
      local to = told[other]
      for i = 1, 5 do
        sock:send(to, "punch " .. i)
        local data, from = sock:recv("200ms")
        if data then
          heard[me] = true
          if from ~= to then moved, to = true, from end
        end
      end
      sock:close()
    end)
  end

  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  return heard.A and heard.B or false, moved, told
end

-- The address of a host in this family: a box of type none leaves it only the one for outside.
local function ipv6_of(host)
  for _, ip in ipairs(host.ips) do
    if ip:find(":", 1, true) then return ip end
  end
end

lab.spawn(function()
  lab.note "First, somebody who is not expected: B sends to A's address"
  local a, b = A:udp(7000), B:udp(7000)
  local watched = lab.watch { packet = b:send(lab.endpoint(ipv6_of(A), 7000), "hello?") }
  local uninvited = a:recv("200ms") ~= nil
  local why = watched[#watched].reason or "delivered"

  lab.note "Then both tell each other where they are, and send at once"
  local connected, moved, told = try(function(host) return lab.endpoint(ipv6_of(host), 5000) end)

  lab.note "The same by IPv4, where they have to ask STUN"
  local ipv4 = try(function(_, sock) return assert(sock:stun(S)) end)

  lab.result("connected", connected)
  lab.result("first_packet", why)
  lab.result("as_told", not moved)
  lab.result("told_a", told.A)
  lab.result("connected_ipv4", ipv4)
  if type_a ~= "none" and type_b ~= "none" then
    lab.expect(uninvited == (ipv6_a == "open"), "a firewall keeps out who has not been sent to")
    lab.expect(uninvited or why == "filtered", "and that is the reason")
  end
  lab.expect(connected, "two firewalls are always opened by sending from both sides")
  lab.expect(not moved, "and nobody comes from another address than he told")
end)
