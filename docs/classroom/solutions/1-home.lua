-- Exercise 1: build a home. A solution.
local lab = require "punchlab"

lab.title "Exercise 1: build a home"

local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
S:stun_server()

local A                     -- the host
local own, mapped           -- A's own endpoint, and the one that S sees

local home = internet:nat("home", "203.0.113.7", { lan = "192.168.1.0/24" })
A = home:host("A", "192.168.1.2")
A:spawn(function()
  local sock = A:udp(5000)
  own = sock.own
  mapped = sock:stun(S)
end)

-- Leave what follows as it is: it grades your work.
lab.at_end(function()
  lab.expect(A and A.ip:match "^192%.168%.1%.", "A has a private address, 192.168.1.x")
  lab.expect(own and own.ip:match "^192%.168%.1%.", "A knows its own endpoint")
  lab.expect(mapped and mapped.ip == "203.0.113.7", "S sees A at the NAT's public address")
end)
