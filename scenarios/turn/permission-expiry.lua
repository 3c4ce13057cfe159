local lab = require "punchlab"

lab.title "A permission lives five minutes, whatever is sent"
lab.about [[
What comes to A's relayed address reaches A only from addresses that A has permitted. A permission is for an address,
not a port, and it lives for five minutes to the nanosecond. Data keeps neither permission nor channel alive, in no
direction: only the client's request does, and A's client repeats it by itself every four minutes. Here A makes its
client forget that for a while. B talks all the time, and A answers; in the sixth minute the relay T drops what both
say. (RFC 8656 section 9.)]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.50")

local server    = T:turn_server { users = { alice = "secret" }, realm = "example.org" }
local permitted = lab.watch { node = T, action = "turn-permitted" }
local ended     = lab.watch { node = T, action = "turn-permission-ended" }
local from_b    = lab.watch { node = T, reason = "no-permission", from = B }
local from_a    = lab.watch { node = T, reason = "no-permission", from = na }

local sock, other = B:udp(7000), B:udp(7001)
local heard = {}                                   -- when A has heard B last, by what B says
local relay

local function arrives_at(time, from, text)        -- B sends so that it is at T at this very time
  lab.at(time - 0.04, function() from:send(relay.relayed, text) end)
end

B:spawn(function()                                 -- B talks, for ever
  while true do
    lab.sleep "5s"
    if relay then sock:send(relay.relayed, "tick") end
  end
end, { background = true })

A:spawn(function()
  local why
  relay, why = A:turn(server, { user = "alice", password = "secret" })
  if not relay then
    lab.note("A gets no relay: " .. why)
    return
  end
  assert(relay:permit(B))
  relay:forget(B)                                  -- A's client will not ask again
  local start = permitted[1].at                    -- by T's clock
  arrives_at(start + 299.999999, sock, "in time")
  arrives_at(start + 299.999999, other, "from another port")
  arrives_at(start + 300, sock, "too late")

  while lab.now() < start + 360 do
    local data = relay:recv "5s"
    if data then heard[data] = lab.now() end
    relay:send(sock.own, "I am still here")        -- refreshes nothing
  end
  lab.note(("A last hears B's tick %.3f s after it permitted B"):format(heard.tick - start))

  assert(relay:permit(B))                          -- from now on the client keeps it alive
  local again = lab.now()
  while lab.now() < again + 720 do
    local data = relay:recv "5s"
    if data then heard[data] = lab.now() end
  end
  lab.note(("after another 12 minutes A heard B %.0f s ago"):format(lab.now() - heard.tick))
  lab.result("permission_lived", ended[1].at - start)
  lab.result("heard_in_time", heard["in time"] ~= nil)
  lab.result("heard_from_another_port", heard["from another port"] ~= nil)
  lab.result("heard_too_late", heard["too late"] ~= nil)
  lab.result("dropped_from_b", #from_b)
  lab.result("dropped_from_a", #from_a)
  lab.result("heard_when_kept", lab.now() - heard.tick < 6)
  lab.expect(heard["in time"] and heard["from another port"], "until the last moment all of B's ports are let in")
  lab.expect(not heard["too late"], "at 300 s none is")
  lab.expect(#from_b > 10 and #from_a > 10, "and T drops what both say until A asks again")
  lab.expect(lab.now() - heard.tick < 6, "a client that asks every four minutes loses nothing")
end)
