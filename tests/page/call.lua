-- A call out of a NAT whose gateway rewrites SIP: what the page marks in a message.
local lab = require "punchlab"

lab.title "A call through a gateway that reads SIP"
local internet = lab.internet { delay = "20ms" }
local nat = internet:nat("natA", "203.0.113.1", { lan = "10.0.0.0/24" })
local A = nat:host("A", "10.0.0.2")
local B = internet:host("B", "198.51.100.2")
nat:alg("sip", {})

local alice = A:sip { user = "alice", domain = "example.com" }
B:sip { user = "bob", domain = "example.com", auto_answer = true }
A:spawn(function()
  local call = assert(alice:call "sip:bob@B")
  lab.sleep "200ms"
  call:hangup()
  call:wait()
  lab.expect(call:media().received.packets > 0, "A hears B")
end)
