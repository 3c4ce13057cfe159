local lab = require "punchlab"

lab.title "Both peers at one relay, and the relay behind a NAT"
lab.about [[
A and B both have relayed addresses at T, and each sends from its own to the other's: a relay talks to itself. T stands
behind a 1:1 NAT, as machines in many clouds do: it has a private address and tells its clients the public one. That
NAT does not hairpin, so what T sent to its own public address would be lost. But T knows that this address is its own,
and passes the data on inside. (With relay_to_relay = false T refuses, as relays do that fear loops: then a peer
address of its own is 403.)]]

local type_a  = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local type_b  = lab.param("nat_b", "symmetric", "behaviour of B's NAT")
local allowed = lab.param("relay_to_relay", true, "whether T relays between its own clients")

local internet = lab.internet { delay = "20ms" }
local nt = internet:nat("natT", "198.51.100.10", { lan = "10.9.9.0/24", hairpin = "off" })
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local T  = nt:host("T", "10.9.9.10")
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

nt:forward { address = nt.ip, to = T }             -- all of its ports, as they are
T:turn_server { users = { alice = "secret", bob = "hidden" }, realm = "example.org", external = nt.ip,
                relay_to_relay = allowed }
local public = lab.endpoint(nt, 3478)

local relayed, heard, refused = {}, {}, {}

local function peer(host, me, other, user, password)
  return host:spawn(function()
    local relay, why = host:turn(public, { user = user, password = password })
    if not relay then
      lab.note(me .. " gets no relay: " .. why)
      return
    end
    relayed[me] = relay.relayed
    if not lab.wait(function() return relayed[other] end, "2min") then return end

    local granted, _, detail = relay:channel(relayed[other])
    if not granted then
      refused[me] = detail.code
      return
    end
    for i = 1, 5 do
      relay:send(relayed[other], "from " .. me .. " " .. i)
      local data, from = relay:recv "500ms"
      if data then heard[me] = from end
    end
    relay:close()
  end)
end

local tasks = { peer(A, "A", "B", "alice", "secret"), peer(B, "B", "A", "bob", "hidden") }

lab.spawn(function()
  for _, task in ipairs(tasks) do task:wait() end
  lab.result("relayed_a", relayed.A or false)
  lab.result("relayed_b", relayed.B or false)
  lab.result("connected", heard.A ~= nil and heard.B ~= nil)
  lab.result("a_hears", heard.A or false)
  lab.result("refused", refused.A or false)
  lab.result("hairpinned", nt:counters().hairpinned)
  if relayed.A and relayed.B then
    lab.expect(relayed.A.ip == nt.ip and relayed.B.ip == nt.ip, "clients are told T's public address")
    if allowed then
      lab.expect(heard.A == relayed.B and heard.B == relayed.A, "A and B hear each other's relayed addresses")
      lab.expect(nt:counters().hairpinned == 0, "and natT was not asked to hairpin")
    else
      lab.expect(refused.A == 403 and refused.B == 403, "T refuses to relay to itself")
    end
  end
end)
