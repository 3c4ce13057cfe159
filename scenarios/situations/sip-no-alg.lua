local lab = require "punchlab"

lab.title "A phone call through a NAT: it rings, and one of them hears nothing"
lab.about [[
A's phone is behind a NAT, B's has a public address. A calls. SIP gets through: the NAT translates the headers, and answers
come back to the port that A's request came from (rport, RFC 3581). But the session description inside the INVITE says, in
c= and m=, where B shall send the audio: to 10.0.0.2, A's own address, because that is the one A knows. The NAT doesn't read
it. So A's audio reaches B, and B's goes to an address that means nothing on the internet: dropped, no route. The call stands,
and A hears silence. Compare situations/sip-alg, where the NAT reads SIP too, and situations/stun-register, where A finds out
its public address before it calls.]]

local type_a  = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local seconds = lab.param("seconds", 5, "how long the two talk")

local internet = lab.internet { delay = "20ms" }
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.9")

local alice = A:sip { user = "alice", domain = "example.com", media = { port = 6000 } }
local bob   = B:sip { user = "bob", domain = "example.com", media = { port = 7000 } }

local dropped = lab.watch { action = "dropped", node = internet, protocol = "udp" }

local answered
B:spawn(function()
  answered = bob:accept "10s"
  if answered then answered:wait() end
end)

A:spawn(function()
  local call, why = alice:call("sip:bob@B", { timeout = "10s" })
  lab.result("established", call ~= nil)
  if not call then
    lab.result("why", why)
    lab.result("audio_to_b", false)
    lab.result("audio_to_a", false)
    return lab.note(("A's call comes to nothing: %s"):format(why))
  end
  lab.note(("the call stands; B sends its audio to %s, as A's description says"):format(call:media().own))
  lab.sleep(seconds)
  call:hangup()
  call:wait()

  local mine, theirs = call:media(), answered:media()
  lab.note(("B heard %d packets of A's (%s), A heard %d of B's (%s)"):format(
    theirs.received.packets, theirs.received.quality, mine.received.packets, mine.received.quality))
  lab.result("audio_to_b", theirs.received.packets > 0)
  lab.result("audio_to_a", mine.received.packets > 0)
  lab.result("sent_to", tostring(theirs.peer))
  lab.result("dropped", #dropped)
  if #dropped > 0 then lab.result("drop_reason", dropped[1].reason) end
end)

lab.at_end(function()
  local r = lab.results
  if type_a == "udp-blocked" or type_a == "only-443" or type_a == "captive" then return end
  lab.expect(r.established, "the call is set up: SIP comes through the NAT")
  lab.expect(r.audio_to_b, "B hears A, who sends first and by the NAT")
  if type_a == "none" then
    lab.expect(r.audio_to_a, "without a NAT A's description is true, and A hears B")
  else
    lab.expect(not r.audio_to_a, "A hears nothing: its description names an address that is private")
    lab.expect(r.drop_reason == "no-route", "B's audio ends on the internet, where nobody has such an address")
  end
end)
