-- Before two peers can look for a way to each other they must tell each other where they are, and they cannot yet. So
-- both go to a server that everybody reaches: a message waits there in a mailbox until its receiver asks for it (a long
-- poll over HTTP). That passes any NAT that lets TCP out, because both asked first; a packet from one to the other
-- doesn't. What A knows of itself is of no use to B, and what a STUN server told A helps once A has sent to B as well.
local lab = require "punchlab"

lab.title "An offer and an answer through a signalling server"
lab.about [[
A sends B its own address and the one that STUN told it. B answers with its own two. Then each tries both.
]]
local nat_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local nat_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local server = S:signal_server()

local function describe(sock)
  local mapped = sock:stun(S, { timeout = "1s" })
  return ("own %s\nmapped %s\n"):format(sock.own, mapped or sock.own)
end

-- Sends to both addresses of the peer, and for a second on to where it was heard from, or else the mapped one. Whether it
-- was heard, and what became of the first packet to each.
local function try(sock, description)
  local own, to = description:match("own (%S+)\nmapped (%S+)\n")
  local w_own = lab.watch { packet = sock:send(own, "to your own address") }
  local w_mapped = lab.watch { packet = sock:send(to, "to your mapped address") }
  local heard = false
  for _ = 1, 5 do
    local data, from = sock:recv("200ms")
    if data then heard, to = true, from end
    sock:send(to, "again")
  end
  return heard, w_own[#w_own], w_mapped[#w_mapped]
end

B:spawn(function()
  local channel, sock = B:signal(server, "B"), B:udp(5000)
  local offer, from = channel:recv("5s")
  if not offer then return end
  lab.result("offer_from", from)
  local answer = describe(sock)
  B:spawn(function() channel:send(from, answer) end)
  local heard, to_own, to_mapped = try(sock, offer)
  lab.result("b_heard", heard)
  lab.result("to_own_address", to_own.reason or to_own.action)
  lab.result("to_mapped_address", to_mapped.reason or to_mapped.action)
end)

A:spawn(function()
  local channel, sock = A:signal(server, "A"), A:udp(5000)
  lab.expect(channel:send("B", describe(sock)), "the server takes the offer, whether B is there or not")
  local answer, from = channel:recv("5s")
  lab.result("answer_from", from)
  if answer then lab.result("a_heard", (try(sock, answer))) end
end)

lab.at_end(function()
  lab.result("connected", lab.results.a_heard and lab.results.b_heard or false)
  lab.expect(lab.results.answer_from == "B", "offer and answer pass both NATs through the server")
  lab.expect(server:counters().taken == 2 and server:counters().repeated == 0, "each was taken once")
end)
