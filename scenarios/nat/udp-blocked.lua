local lab = require "punchlab"

lab.title "A network that blocks UDP, and what still gets out"
lab.about [[
Some networks let no UDP through, some let out nothing but TLS to port 443, and a guest network lets out nothing at all
before one has signed in. A tries what a real client tries, one after the other: STUN over UDP, over TCP to the same port,
and over TCP to port 443, which looks like the web to a firewall that knows only ports. Whatever works is how a relay could
be reached; a direct path to a peer, which needs UDP, is out of question where UDP is blocked.
How one learns of it differs too: a firewall that drops in silence costs a timeout, one that refuses is known at once.
    punchlab sweep nat/udp-blocked --vary nat_a=port-restricted-cone,udp-blocked,only-443,captive --format table]]

local type_a = lab.param("nat_a", "udp-blocked", "A's network: a NAT with one of the policies of firewalls, or without")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local nat = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A   = nat:host("A", "10.0.0.2")

S:stun_server()                              -- UDP and TCP 3478
S:stun_server { port = 443 }

-- Asks who one is. What came of it, and after how long.
local function over_udp()
  local sock = A:udp(nil, { errors = true })
  local began = lab.now()
  local mapped, why = sock:stun(S)
  sock:close()
  return mapped and "ok" or why, lab.now() - began
end

local function over_tcp(port)
  local began = lab.now()
  local sock, why = A:tcp_connect(lab.endpoint(S, port), { timeout = "10s" })
  local mapped
  if sock then
    mapped, why = sock:stun()
    sock:close()
  end
  return mapped and "ok" or why, lab.now() - began
end

A:spawn(function()
  local watched = lab.watch { reason = "policy" }
  local reached = "nothing"

  for _, way in ipairs {
    { "udp", over_udp }, { "tcp_3478", function() return over_tcp(3478) end }, { "tcp_443", function() return over_tcp(443) end },
  } do
    local what, took = way[2]()
    lab.note(way[1], what, string.format("after %.1f s", took))
    lab.result(way[1], what)
    if what == "ok" and reached == "nothing" then reached = way[1] end
  end
  lab.result("reached_by", reached)
  lab.result("denied_by_rule", #watched > 0)

  local wanted = { ["udp-blocked"] = "tcp_3478", ["only-443"] = "tcp_443", captive = "nothing" }
  lab.expect(reached == (wanted[type_a] or "udp"), "what gets out is what the policy says")
end)
