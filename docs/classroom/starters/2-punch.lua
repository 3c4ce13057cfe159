-- Exercise 2: punch a hole. Your name:
--
-- A and B sit behind NATs that let in only those to whom one has sent (port-restricted cones). Both know each other's public
-- endpoint already: it is in `mapped`. Let both hear each other.
-- Try it with:  punchlab run 2-punch.lua --explain
local lab = require "punchlab"

lab.title "Exercise 2: punch a hole"

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")
S:stun_server()

local mapped, heard = {}, {}

-- Called for A and for B, when both are known. `sock` is this host's socket, `peer` the other's public endpoint. Call
-- `got(data)` with what you receive.
local function talk(sock, peer, got)
  -- TODO:  sock:send(peer, "text")    local data = sock:recv("200ms")    nil when nothing came
end

-- Leave what follows as it is: it grades your work.
local drops = lab.watch { reason = "filtered" }

local function play(host, me, other)
  host:spawn(function()
    local sock = host:udp(5000)
    mapped[me] = assert(sock:stun(S))
    lab.wait(function() return mapped[other] end)
    if me == "B" then lab.sleep "50ms" end              -- B is a little later
    talk(sock, mapped[other], function(data) heard[me] = data end)
  end)
end
play(A, "A", "B")
play(B, "B", "A")

lab.at_end(function()
  lab.result("connected", heard.A and heard.B and true or false)
  lab.expect(#drops >= 1, "the first packet is dropped: somebody has to open the door")
  lab.expect(heard.A, "A hears B")
  lab.expect(heard.B, "B hears A")
end)
