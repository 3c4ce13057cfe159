-- More packets than a page shows, and more hosts than a drawing: whether the page stays smooth.
local lab = require "punchlab"

lab.title "A crowd behind one NAT"
local hosts = lab.param("hosts", 30, "how many send")
local packets = lab.param("packets", 340, "how many each sends")

local internet = lab.internet { delay = "5ms" }
local S = internet:host("S", "198.51.100.1")
local nat = internet:nat("nat", "203.0.113.1", { type = "port-restricted-cone", lan = "10.0.0.0/16" })
S:sink(9)
for i = 1, hosts do
  nat:host("h" .. i):traffic { to = "198.51.100.1:9", packets = packets, size = 100, interval = "10ms" }
end
