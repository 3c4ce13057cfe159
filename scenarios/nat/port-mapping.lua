-- Asking instead of punching: a host has its NAT forward a port to it, by PCP (RFC 6887), NAT-PMP (RFC 6886) or UPnP.
-- A stranger then reaches it without having been spoken to first. With a second NAT around the first (depth = 2) the
-- answer is as friendly, and of no use: the port is open on the inner NAT, whose address nobody outside can reach.
local lab = require "punchlab"

lab.title "A port mapped on request"
lab.about [[
A asks its NAT for a mapping and tells S the external endpoint. S, to whom A has sent nothing, sends there.
]]
local via = lab.param("via", "pcp", "the protocol that A asks by", { "pcp", "nat-pmp", "upnp" })
local protocol = lab.param("protocol", "udp", "what is mapped", { "udp", "tcp" })
local speaks = lab.param("speaks", "pcp nat-pmp upnp", "what the NAT answers")
local depth = lab.param("depth", 1, "how many NATs stand around A", { 1, 2 })
local nat_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
local outside = internet
if depth == 2 then
  outside = internet:nat("isp", "203.0.113.1", { type = "cgn", lan = "100.64.0.0/10" })
end
local home = outside:nat("home", depth == 2 and "100.64.0.2" or "203.0.113.1",
                         { type = nat_a, lan = "10.0.0.0/24", port_control = speaks })
local A = home:host("A", "10.0.0.2")

local mapping, reason, detail, answered
A:spawn(function()
  local sock = protocol == "udp" and A:udp(5000) or A:tcp_listen(5000)
  mapping, reason, detail = A:map_port {
    protocol = protocol, port = 5000, external = 6000, via = via, lifetime = "1h",
  }
  lab.result("mapped", mapping and mapping.external or false)
  if not mapping then
    lab.result("reason", reason)
    lab.note(("no mapping: %s %s"):format(reason, detail and detail.text or ""))
    return
  end
  lab.result("by", mapping.via)
  lab.note(("%s says that A is at %s"):format(home.name, mapping.external))
  local reached, from
  if protocol == "udp" then
    reached, from = sock:recv("2s")
    if reached then sock:send(from, "you found me") end
  else
    reached = sock:accept("2s")
    if reached then reached:send("you found me") end
  end
  lab.result("reached", reached ~= nil)
  lab.wait(function() return answered ~= nil end, "2s")
  mapping:stop()
  lab.result("given_back", mapping:wait("5s") or false)
end)

S:spawn(function()
  if lab.wait(function() return mapping or reason end) == mapping then
    local sock
    if protocol == "udp" then
      sock = S:udp(7000)
      sock:send(mapping.external, "hello, whoever you are")
    else
      sock = S:tcp_connect(mapping.external, { timeout = "1s" })
    end
    answered = sock and sock:recv("1s") or false
    lab.result("answered", answered and true)
  end
end)

lab.at_end(function()
  if depth == 1 and speaks == "pcp nat-pmp upnp" and nat_a ~= "none" and nat_a ~= "udp-blocked" then
    lab.expect(lab.results.reached, "S reaches A through the mapping")
    lab.expect(#home:mappings() == 0, "the mapping is given back")
  end
end)
