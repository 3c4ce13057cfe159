-- Exercise 3: predict. A solution.
--
-- A asks two servers S and T for its public endpoint, from one socket, and then T sends to each of the endpoints that were
-- seen. What happens depends on A's NAT. Fill in the table before you run it; then
--   punchlab run 3-predict.lua --explain
-- shows who was right, and why.
local lab = require "punchlab"

lab.title "Exercise 3: predict"

local prediction = {
  -- Does T see the same port as S? Does a packet from T come in at the port that S saw? true or false.
  ["full-cone"]            = { same_port = true, comes_in = true },
  ["restricted-cone"]      = { same_port = true, comes_in = true },
  ["port-restricted-cone"] = { same_port = true, comes_in = false },
  ["symmetric"]            = { same_port = false, comes_in = false },
}

-- Leave what follows as it is: it grades your work.
local kinds = { "full-cone", "restricted-cone", "port-restricted-cone", "symmetric" }
local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
local T = internet:host("T", "198.51.100.2")
S:stun_server()
T:stun_server()
local stranger = T:udp(9999)                            -- T's other port: A has never sent to it

local found = {}
for i, kind in ipairs(kinds) do
  local nat = internet:nat("nat" .. i, "203.0.113." .. i, { type = kind, lan = "10.0." .. i .. ".0/24" })
  local A = nat:host("A" .. i, "10.0." .. i .. ".2")
  A:spawn(function()
    local sock = A:udp(5000)
    local seen_by_s = assert(sock:stun(S))
    local seen_by_t = assert(sock:stun(T))
    stranger:send(seen_by_s, "hello from T, port 9999")
    found[kind] = { same_port = seen_by_s.port == seen_by_t.port, comes_in = sock:recv "1s" ~= nil }
  end)
end

lab.at_end(function()
  for _, kind in ipairs(kinds) do
    local said, is = prediction[kind], found[kind]
    lab.expect(is and said.same_port == is.same_port, kind .. ": the same port for S and for T")
    lab.expect(is and said.comes_in == is.comes_in, kind .. ": what comes in from another port of T")
  end
end)
