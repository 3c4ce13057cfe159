local lab = require "punchlab"

lab.title "A channel that is kept for half an hour"
lab.about [[
A channel lives ten minutes, its permission five, the allocation ten; data keeps none of them alive. A's client
refreshes each in time. Every request carries the server's nonce, and a nonce expires, here after seven minutes: the
server then refuses a request with 438 (Stale Nonce) and the client repeats it with the new one that comes with the
refusal. Nobody who listens to the call hears any of this. (RFC 8656 sections 5, 8, 9, 12; RFC 8489 section 9.2.)]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local nonce  = lab.param("nonce_lifetime", "7min", "how long a nonce of the server is good")
local length = lab.param("length", "30min", "how long A and B talk")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.50")

local server = T:turn_server { users = { alice = "secret" }, realm = "example.org", nonce_lifetime = nonce }
local stale     = lab.watch { node = T, action = "turn-refused", text = "438" }
local bound     = lab.watch { node = A, action = "turn-bound" }
local permitted = lab.watch { node = A, action = "turn-permitted" }
local refreshed = lab.watch { node = T, action = "turn-refreshed" }
local unbound   = lab.watch { node = T, action = "turn-unbound" }

local peer = B:udp(7000)

B:spawn(function()
  while true do
    local data, from = peer:recv()
    peer:send(from, data)
  end
end, { background = true })

A:spawn(function()
  local relay, why = A:turn(server, { user = "alice", password = "secret" })
  if not relay then
    lab.note("A gets no relay: " .. why)
    return
  end
  assert(relay:channel(peer.own))
  local till, sent, heard = lab.now() + lab.seconds(length), 0, 0
  while lab.now() < till do
    relay:send(peer.own, "tick")
    sent = sent + 1
    if relay:recv "1s" then heard = heard + 1 end
    lab.sleep "10s"
  end
  local counters = relay:counters()
  relay:close()
  for _, refusal in ipairs(stale) do lab.note(("at %.0f s: %s"):format(refusal.at, refusal.text)) end

  lab.result("sent", sent)
  lab.result("lost", sent - heard)
  lab.result("by_channel", counters.sent_channel)
  lab.result("stale_nonces", #stale)
  lab.result("channel_refreshes", #bound - 1)
  lab.result("permission_refreshes", #permitted)
  lab.result("allocation_refreshes", #refreshed)
  lab.expect(heard == sent and counters.sent_channel == sent, "nothing is lost, and all goes over the channel")
  lab.expect(#unbound == 0, "the channel is never unbound")
  if lab.seconds(length) > 1200 then
    lab.expect(#bound > 1, "the channel is refreshed")
    if lab.seconds(nonce) < 540 then lab.expect(#stale > 0, "some request meets a stale nonce") end
  end
end)
