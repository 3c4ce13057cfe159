-- Exercise 1: build a home. Your name:
--
-- On the internet there is a STUN server S. Put a home there: a NAT called "home" with the public address 203.0.113.7, and
-- behind it a host called "A" with a private address. Then let A ask S how it is seen.
-- Try it with:  punchlab run 1-home.lua --explain
local lab = require "punchlab"

lab.title "Exercise 1: build a home"

local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
S:stun_server()

local A                     -- the host
local own, mapped           -- A's own endpoint, and the one that S sees

-- TODO: a NAT, a host behind it, and a task of that host that asks S:
--   local home = internet:nat("home", "...", { lan = "192.168.1.0/24" })
--   A = home:host("A", "...")
--   A:spawn(function() ... end)      sock = A:udp(5000)   sock.own   sock:stun(S)

-- Leave what follows as it is: it grades your work.
lab.at_end(function()
  lab.expect(A and A.ip:match "^192%.168%.1%.", "A has a private address, 192.168.1.x")
  lab.expect(own and own.ip:match "^192%.168%.1%.", "A knows its own endpoint")
  lab.expect(mapped and mapped.ip == "203.0.113.7", "S sees A at the NAT's public address")
end)
