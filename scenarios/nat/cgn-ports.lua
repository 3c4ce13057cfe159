local lab = require "punchlab"

lab.title "A customer of a carrier-grade NAT runs out of ports"
lab.about [[
A provider's NAT gives each customer a share of the ports of a public address, so that one of them can't use up what the
others need (RFC 6888 REQ-4). A customer who opens one connection after another meets that limit: his packets are
refused, with an ICMP error that applications take seriously (3/13), while his neighbour surfs on. When his old mappings have died of silence he may go on.]]

local type_a  = lab.param("nat_a", "cgn", "behaviour of the provider's NAT")
local ports   = lab.param("ports", 200, "ports that each customer may use")
local timeout = lab.param("lifetime", "60s", "lifetime of an idle mapping")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local cgn = internet:nat("cgn", "203.0.113.1",
                         { type = type_a, lan = "100.64.0.0/10", timeout = timeout, limits = { per_host = ports, answer = "icmp" } })
local greedy = cgn:host("greedy", "100.64.0.2")
local modest = cgn:host("modest", "100.64.0.3")

S:stun_server()

lab.spawn(function()
  local exhausted_at, reason
  for i = 1, ports + 10 do
    local mapped, why = greedy:udp():stun(S)
    if not mapped then
      exhausted_at, reason = i - 1, why
      break
    end
  end
  lab.note(("after %s mappings the next socket is told '%s'"):format(exhausted_at, reason))
  lab.result("exhausted_at", exhausted_at or "never")
  lab.result("told", reason or "nothing")

  local neighbour = modest:udp():stun(S) ~= nil
  lab.result("neighbour_served", neighbour)

  lab.sleep(timeout)
  local again = greedy:udp():stun(S) ~= nil
  lab.result("served_again", again)
  lab.expect(exhausted_at == ports, "the customer gets the ports that are his")
  lab.expect(neighbour, "his neighbour gets one")
  lab.expect(again, "after the lifetime of a mapping he gets one again")
end)
