local lab = require "punchlab"

lab.title "A relay by TCP where UDP is blocked"
lab.about [[
A's network lets no UDP out. A TURN client that may, asks first by UDP; when nothing has come for 7.5 seconds it asks
by TCP. The relayed address is one of UDP all the same: B, who sends to it, cannot tell the difference. Only A can: on
the way from A to T loss now means delay. (RFC 8656 sections 3.1 and 15.)]]

local type_a = lab.param("nat_a", "udp-blocked", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

local server = T:turn_server { users = { alice = "secret" }, realm = "example.org" }
local to_b, to_a = lab.mailbox(), lab.mailbox()
local heard = { A = 0, B = 0 }

B:spawn(function()
  local sock = B:udp(5000)
  to_a:put((assert(sock:stun(server))))
  local relayed = to_b:take()
  if not relayed then return end
  sock:send(relayed, "hello")
  for _ = 1, 5 do
    local data, from = sock:recv "5s"
    if not data then return end
    heard.B = heard.B + 1
    sock:send(from, data)
  end
end)

A:spawn(function()
  local me = { user = "alice", password = "secret", transport = "udp" }
  local relay, why = A:turn(server, me)
  lab.result("udp", relay and "ok" or why)
  if relay then relay:close() end

  me.transport = "udp-then-tcp"
  local began = lab.now()
  relay, why = A:turn(server, me)
  lab.result("transport", relay and relay.transport or false)
  lab.result("after_ms", math.floor((lab.now() - began) * 1000 + 0.5))
  if not relay then
    lab.note("no relay at all: " .. why)
    to_b:put(false)
    lab.result("relayed", false)
    lab.result("connected", false)
    return
  end

  local b = to_a:take()
  assert(relay:permit(b))
  to_b:put(relay.relayed)
  local _, from = relay:recv "5s"
  assert(relay:channel(from or b))
  for i = 1, 5 do
    relay:send(from or b, "over TCP and UDP " .. i)
    if relay:recv "5s" then heard.A = heard.A + 1 end
  end
  relay:close()
  lab.result("relayed", relay.relayed)
  lab.result("connected", heard.A > 0 and heard.B > 0)
  lab.expect(heard.A == 5 and heard.B == 5, "A and B hear each other over the relay")
  if type_a == "udp-blocked" then lab.expect(relay.transport == "tcp", "by TCP, since UDP is blocked") end
end)
