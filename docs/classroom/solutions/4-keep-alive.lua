-- Exercise 4: keep the door open. A solution.
--
-- A has told a server R where it is reached. R calls after ten minutes. But A's NAT forgets a mapping that is idle for 60
-- seconds. Keep it alive; and spare the battery: at most 15 packets from A in all.
-- Try it with:  punchlab run 4-keep-alive.lua --explain
local lab = require "punchlab"

lab.title "Exercise 4: keep the door open"

local internet = lab.internet { delay = "20ms" }
local R   = internet:host("R", "198.51.100.1")
local nat = internet:nat("nat", "203.0.113.1", { lan = "10.0.0.0/24", timeout = "60s" })
local A   = nat:host("A", "10.0.0.2")

local server = R:udp(7000)
local registrar = lab.endpoint(R, 7000)

-- Called once, with A's socket. Send to the registrar for as long as `waiting()` is true.
local function keep(sock, waiting)
  while waiting() do
    sock:send(registrar, "here I am")
    lab.sleep "50s"                                     -- well below 60 s: a packet may be late
  end
end

-- Leave what follows as it is: it grades your work.
local sent = lab.watch { node = A, action = "sent" }
local called, answered = false, false

R:spawn(function()
  local _, from = server:recv "10s"
  local calls_at = lab.now() + 600
  while lab.now() < calls_at do
    local data, again = server:recv(calls_at - lab.now())
    if data then from = again end
  end
  called = true
  if from then server:send(from, "a call for you") end
end)

A:spawn(function()
  local sock = A:udp(5000)
  A:spawn(function() keep(sock, function() return not called end) end)
  local data = sock:recv "11min"
  answered = data == "a call for you"
end)

lab.at_end(function()
  lab.result("packets", #sent)
  lab.expect(answered, "the call reaches A after ten minutes")
  lab.expect(#sent <= 15, "A has sent 15 packets at most")
end)
