-- Exercise 5: when only a relay helps. A solution.
--
-- Both NATs are symmetric: no hole can be punched. T is a TURN server, and A has an account there. Let B's text reach A.
-- Try it with:  punchlab run 5-relay.lua --explain
local lab = require "punchlab"

lab.title "Exercise 5: when only a relay helps"

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = "symmetric", lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = "symmetric", lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")
local server = T:turn_server { users = { alice = "secret" }, realm = "example.org" }

-- How the two tell each other where they are; it stands for signalling.
local to_a, to_b = lab.mailbox(), lab.mailbox()
local heard

A:spawn(function()
  local relay = assert(A:turn(server, { user = "alice", password = "secret" }))
  local b = to_a:take "10s"
  assert(relay:permit(b))                               -- T lets in nobody whom A has not named
  to_b:put(relay.relayed)
  heard = relay:recv "5s"
end)

-- Leave what follows as it is: it grades your work.
local through_t = lab.watch { node = T, action = "relayed" }

B:spawn(function()
  local sock = B:udp(5000)
  local seen = assert(sock:stun(server))
  to_a:put(seen)                                        -- where B is, as T sees it
  local where = to_b:take "10s"
  for i = 1, 5 do
    if where then sock:send(where, "hello from B") end
    lab.sleep "300ms"
  end
end)

lab.at_end(function()
  lab.expect(heard == "hello from B", "A hears B")
  lab.expect(#through_t >= 1, "and it came through the relay")
end)
