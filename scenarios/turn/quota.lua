local lab = require "punchlab"

lab.title "How much one user may have of a relay"
lab.about [[
A relay costs its owner bandwidth, ports and memory, so it sets limits: how many allocations a user may have at a time
(beyond them: 486, Allocation Quota Reached), how many all may have together (508, Insufficient Capacity), how many
bytes a second an allocation relays (beyond: dropped silently). One who asks from many ports is one user. An allocation
that is released, or that its client abandons and that runs out, makes room. (RFC 8656 sections 5 and 7.2.)]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local quota  = lab.param("quota", 3, "allocations of one user")
local total  = lab.param("total", 5, "allocations of all users")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.50")

local server = T:turn_server { users = { alice = "secret", bob = "hidden" }, realm = "example.org", quota = quota,
                               total_quota = total, bandwidth = "16kbit/s" }
local over = lab.watch { node = T, reason = "over-bandwidth" }

-- Allocations until one is refused: a list, and the code of the refusal.
local function take_all(host, user, password)
  local relays = {}
  while true do
    local relay, why, detail = host:turn(server, { user = user, password = password })
    if not relay then return relays, detail and detail.code or why end
    relays[#relays + 1] = relay
  end
end

A:spawn(function()
  local of_alice, user_refusal = take_all(A, "alice", "secret")
  local of_bob, total_refusal = take_all(B, "bob", "hidden")
  lab.note(("alice gets %d, then %s; bob gets %d, then %s"):format(#of_alice, user_refusal, #of_bob, total_refusal))
  lab.result("alice_gets", #of_alice)
  lab.result("alice_is_told", user_refusal)
  lab.result("bob_gets", #of_bob)
  lab.result("bob_is_told", total_refusal)
  if #of_alice == 0 then return end

  -- One second's worth at once, no more.
  local relay, sink = of_alice[1], B:sink(9)
  assert(relay:permit(B))
  for _ = 1, 10 do relay:send(lab.endpoint(B, 9), ("x"):rep(400)) end
  lab.sleep "1s"
  lab.result("bytes_let_through", sink.bytes)
  lab.result("datagrams_dropped", #over)

  relay:close()
  lab.sleep "1s"
  relay = A:turn(server, { user = "alice", password = "secret" })
  lab.result("after_release", relay ~= nil)
  lab.expect(#of_alice == math.min(quota, total), "alice gets what one user may have")
  lab.expect(#of_alice + #of_bob == math.min(total, 2 * quota), "bob gets the rest, up to the same")
  lab.expect(relay, "what is released can be had again")
  lab.expect(sink.bytes == 2000 and #over == 5, "an allocation passes a second's worth of its bandwidth at once")
end)
