local lab = require "punchlab"

lab.title "A phone that asks STUN for its address, and needs no ALG"
lab.about [[
A's phone asks a STUN server, from its very SIP socket, as what the NAT shows it, and registers that address at S; and before it
answers a call it asks again from the sockets of its audio, and writes those addresses into the description. B, behind a NAT of
its own, does the same and calls A through S. No NAT reads anything: what the messages say is true already. Audio passes both
ways, because each phone sends to the other's public address, and by sending opens its own NAT for what comes from there.

That is true as long as the NAT shows everybody the address that STUN saw: mapping is endpoint-independent. A symmetric NAT
gives the audio another port towards the peer than towards the STUN server, so what the description says is wrong, and a filter
that knows ports refuses what comes. Try nat_a=symmetric: SIP still works, because S answers along the flow that A has opened,
and who hears whom depends on the filters. latch=follow shows how real phones mend it: they send to where the peer's
audio comes from, whatever the description says. Between symmetric and port-restricted or symmetric nothing helps but a relay
(sip/ice-call).]]

local type_a  = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local type_b  = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local latch   = lab.param("latch", "off", "whether phones send to where audio comes from", { "off", "follow" })
local seconds = lab.param("seconds", 5, "how long the two talk")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame" } }

local function phone(host, user, password)
  return host:sip { user = user, password = password, registrar = server, contact = "stun", stun = S,
                    media = { port = 6000, latch = latch } }
end
local alice, bob = phone(A, "alice", "secret"), phone(B, "bob", "sesame")

local filtered = lab.watch { action = "dropped", reason = "filtered" }
local ready, answered = false, nil

A:spawn(function()
  local registered, why = alice:register "10s"
  lab.result("registered", registered == true)
  ready = true
  if not registered then return lab.note(("A can't register: %s"):format(why)) end
  lab.note(("A's socket is %s; STUN told it %s, and that it has registered"):format(
    lab.endpoint(A, alice.port), alice.contact))
  answered = alice:accept "20s"
  if answered then answered:wait() end
end)

B:spawn(function()
  local registered = bob:register "10s"
  lab.wait(function() return ready end)
  local call, why = nil, "B can't register"
  if registered then call, why = bob:call("alice", { timeout = "15s" }) end
  lab.result("established", call ~= nil)
  if not call then return lab.note(("B's call comes to nothing: %s"):format(why)) end
  lab.wait(function() return answered end, "2s")
  lab.note(("A says that it hears at %s, B at %s"):format(call:media().peer, answered:media().peer))
  lab.sleep(seconds)
  call:hangup()
  call:wait()
  answered:wait "5s"
  local a, b = answered:media().received, call:media().received
  lab.note(("A heard %d packets (%s), B %d (%s)"):format(a.packets, a.quality, b.packets, b.quality))
  lab.result("audio_to_a", a.packets > 0)
  lab.result("audio_to_b", b.packets > 0)
  lab.result("filtered", #filtered)
end)

-- Whether the audio of one arrives at the other, from the words of RFC 4787: it must be sent to an address that is mapped for
-- it, and come from one that the receiver has sent to, as far as its filter looks.
local FILTER = { none = "nobody", ["full-cone"] = "nobody", ["restricted-cone"] = "addresses",
                 ["port-restricted-cone"] = "ports", symmetric = "ports" }
local function arrives(from, to)
  return to ~= "symmetric" and (from ~= "symmetric" or FILTER[to] ~= "ports")
end

lab.at_end(function()
  local r = lab.results
  if not (FILTER[type_a] and FILTER[type_b]) then return end  -- the named boxes have other words
  local to_a, to_b = arrives(type_b, type_a), arrives(type_a, type_b)
  if latch == "follow" then to_a, to_b = to_a or to_b, to_b or to_a end
  lab.expect(r.registered and r.established, "A is registered and called, whatever the NATs")
  lab.expect(r.audio_to_a == to_a, to_a and "A hears B" or "A does not hear B: what STUN saw is not where B's audio is let in")
  lab.expect(r.audio_to_b == to_b, to_b and "B hears A" or "B does not hear A: what STUN saw is not where A's audio is let in")
end)
