local lab = require "punchlab"

lab.title "When a STUN client asks again, and when it gives up"
lab.about [[
UDP loses packets, so a client that gets no answer asks again (RFC 8489 section 6.2.1): after 500 ms, the retransmission
timeout or RTO, then after twice as long each time, so that many clients do not make a crowded way worse. After the seventh
request it waits for 16 times the RTO, and gives up: requests at 0, 500, 1500, 3500, 7500, 15500 and 31500 ms, the end at
39500 ms. That is long for who waits at a telephone; ICE has shorter timers. By default all requests are lost on the last
link. With answered=3 the third arrives: the client has its address, but no round-trip time, because it can't know which of
its requests was answered. The seven look the same, with one transaction ID.]]

local type_a   = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local answered = lab.param("answered", 0, "which request arrives at S; 0: none",
                           { 0, 1, 2, 3, 4, 5, 6, 7 })

local faults = {}
for i = 1, answered > 0 and answered - 1 or 7 do faults[i] = { packet = i, lose = true } end

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1", { down = { faults = faults } })
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")

S:stun_server()

local function ms(seconds) return math.floor(seconds * 1000 + 0.5) end

A:spawn(function()
  local requests = lab.watch { node = A, action = "sent", protocol = "udp" }
  local mapped, reply = A:udp(5000):stun(S)
  local ended = ms(lab.now())

  local sent = {}
  for i, record in ipairs(requests) do
    sent[i] = ms(record.at)
    lab.note(("request %d at %5d ms"):format(i, sent[i]))
  end
  lab.note(("%s at %d ms"):format(mapped and "the answer comes" or "the client gives up", ended))
  lab.result("sent_ms", sent)
  lab.result("outcome", mapped or reply)
  lab.result("ended_ms", ended)

  local schedule, as_the_rfc = { 0, 500, 1500, 3500, 7500, 15500, 31500 }, true
  for i, at in ipairs(sent) do as_the_rfc = as_the_rfc and at == schedule[i] end
  lab.expect(as_the_rfc, "requests go out when RFC 8489 says")
  if mapped then
    lab.result("rtt_known", reply.rtt ~= nil)
    lab.expect((reply.rtt ~= nil) == (#sent == 1), "after a retransmission nobody knows the round-trip time")
  elseif reply == "unreachable" then
    lab.note "a box on the way says by ICMP that there is none: nothing was lost, and nothing is asked again"
    lab.expect(#sent == 1, "an ICMP error that is hard ends it at once")
  elseif answered == 0 then
    lab.expect(#sent == 7 and ended == 39500, "seven requests, and the end at 39500 ms")
  end
end)
