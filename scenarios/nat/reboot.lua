local lab = require "punchlab"

lab.title "A NAT that loses its state in the middle of a call"
lab.about [[
A and B talk through A's NAT. Then the NAT reboots: its mappings are gone, and what B sends to the address that it knows
ends there. A's next packet makes a new mapping, with another port when the NAT assigns ports at random, so B must notice
that A has moved and answer to the new address; asking STUN again tells A where it is now.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local B   = internet:host("B", "198.51.100.2")
local nat = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", ports = "random" })
local A   = nat:host("A", "10.0.0.2")

S:stun_server()

lab.spawn(function()
  local a, b = A:udp(5000), B:udp(6000)
  local to_b = lab.endpoint(B, 6000)

  a:send(to_b, "hello")
  local _, first = assert(b:recv("1s"))
  b:send(first, "hello yourself")
  local before = a:recv("1s") ~= nil
  lab.note("they talk; B knows A as " .. tostring(first))

  nat:reboot { down = "2s" }
  lab.note "the NAT reboots"
  lab.sleep "3s"

  local watched = lab.watch { packet = b:send(first, "are you there?") }
  local after = a:recv("1s") ~= nil
  local why = watched[#watched].reason

  local again = assert(a:stun(S))
  lab.note("A asks STUN again: it is " .. tostring(again) .. " now")
  a:send(to_b, "I have moved")
  local _, second = assert(b:recv("1s"))
  b:send(second, "I see")
  local cured = a:recv("1s") ~= nil

  lab.result("connected_before", before)
  lab.result("connected_after", after)
  lab.result("why", why or "connected")
  lab.result("reconnected", cured)
  lab.result("connected", cured)
  lab.result("mapped_before", first)
  lab.result("mapped_after", second)
  lab.expect(before, "they talk before the reboot")
  if type_a ~= "none" then
    lab.expect(not after and why == "no-mapping", "after it nothing reaches A: the mapping is gone")
    lab.expect(cured and first ~= second, "A's next packet makes a new mapping, and they talk again")
  end
end)
