local lab = require "punchlab"

lab.title "Two restricted NATs: the first packet opens the door, the second walks through"
lab.about [[
A restricted NAT lets in only those to whom its host has sent. A sends first: the packet opens A's own filter for B, and
is dropped at B's NAT, because B has not sent to A yet. Then B sends: its packet opens B's filter and passes A's, which
is open already. From then on both talk.]]

local type_a = lab.param("nat_a", "restricted-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "restricted-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local mapped, heard = {}, {}
local first                                        -- what became of A's first packet

A:spawn(function()
  local sock = A:udp(5000)
  mapped.A = assert(sock:stun(S))
  lab.wait(function() return mapped.B end)

  lab.note "A sends first: this opens A's NAT for B, and is to be dropped at B's NAT"
  first = lab.watch { packet = sock:send(mapped.B, "A knocks") }
  for i = 1, 2 do
    local data, from = sock:recv("200ms")
    if data then heard.A = true end
    sock:send(data and from or mapped.B, "A talks " .. i)
  end
end)

B:spawn(function()
  local sock = B:udp(5000)
  mapped.B = assert(sock:stun(S))
  lab.wait(function() return mapped.A end)

  lab.sleep "100ms"
  lab.note "B sends: A's NAT is open for it already"
  sock:send(mapped.A, "B knocks")
  for i = 1, 2 do
    local data, from = sock:recv("200ms")
    if data then heard.B = true end
    sock:send(data and from or mapped.A, "B talks " .. i)
  end
end)

lab.at_end(function()
  local last = first and first[#first] or {}         -- nothing when the run is cut short before
  lab.result("connected", heard.A and heard.B or false)
  lab.result("first_packet", last.reason or last.action or "not sent")
  lab.result("mapped_a", mapped.A or false)
  lab.result("mapped_b", mapped.B or false)
  if type_a == "restricted-cone" and type_b == "restricted-cone" then
    lab.expect(last.node == "natB" and last.reason == "filtered", "B's NAT filters A's first packet")
    lab.expect(heard.A and heard.B, "then both hear each other")
  end
end)
