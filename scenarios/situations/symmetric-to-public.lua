local lab = require "punchlab"

lab.title "From behind a symmetric NAT to a public host"
lab.about [[
A sits behind a symmetric NAT; B has a public address. A's packet to the server S makes a mapping through which only S
may answer: when B tries that door, it is turned away. S tells A where B is; A's packet to B makes a second mapping, on
another port, and through that one B answers. Whoever can be sent to needs no hole.]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local B  = internet:host("B", "198.51.100.2")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")

S:stun_server()

local told_a, told_b = lab.mailbox(), lab.mailbox()      -- how S tells them: out of band
local for_server, for_peer, answered, refused

A:spawn(function()
  local sock = A:udp(5000)
  for_server = assert(sock:stun(S))
  lab.note("S sees A as " .. tostring(for_server))
  told_b:put(for_server)

  local b = told_a:take()                                -- S tells A B's address
  sock:send(b, "hello from A")
  answered = sock:recv("1s") ~= nil
end)

B:spawn(function()
  local sock = B:udp(6000)
  local door = told_b:take()
  lab.note "B tries the door that A opened for S"
  refused = lab.watch { packet = sock:send(door, "is this door mine?") }
  lab.sleep "200ms"

  told_a:put(lab.endpoint(B, 6000))
  local data, from = sock:recv("1s")
  if data then
    for_peer = from
    lab.note("B sees A as " .. tostring(from) .. ", and answers there")
    sock:send(from, "hello from B")
  end
end)

lab.at_end(function()
  local last = refused and refused[#refused] or {}       -- nothing when the run is cut short before
  lab.result("connected", answered or false)
  lab.result("mapped_for_server", for_server or false)
  lab.result("mapped_for_peer", for_peer or false)
  lab.result("wrong_door", last.reason or last.action or "not tried")
  lab.expect(answered, "B's answer reaches A")
  if type_a == "symmetric" then
    lab.expect(for_peer and for_server ~= for_peer, "A has one mapping for S and another for B")
    lab.expect(last.node == "natA" and last.reason == "filtered", "through the mapping for S only S may answer")
  end
end)
