local lab = require "punchlab"

lab.title "The birthday trick: many doors, many knocks"
lab.about [[
A's symmetric NAT gives random ports, so nobody can tell the one that it will use towards B. But A may open many sockets
that all send to B, each with a port of its own, and B may knock at many ports of A's NAT. One knock at one open door is
enough, and the chance that some pair meets grows like that of two people in a room who share a birthday: with 256 doors,
174 knocks meet one with even odds. One run is one throw of the dice; many seeds show the rate:
    punchlab sweep nat/birthday --vary guesses=64,174,512 --seeds 100]]

local type_a  = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local type_b  = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local sockets = lab.param("sockets", 256, "doors that A opens")
local guesses = lab.param("guesses", 174, "ports at which B knocks")

local LOW, HIGH = 1024, 65535   -- where the NAT's ports are

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local b_mapped, doors_open
local connected = false

A:spawn(function()
  lab.wait(function() return b_mapped end)
  local heard = 0
  for _ = 1, sockets do
    local door = A:udp()
    door:send(b_mapped, "door")
    A:spawn(function()
      while true do
        local data, from = door:recv()
        heard = heard + 1
        door:send(from, "come in")
      end
    end, { background = true })
  end
  lab.sleep "200ms"
  doors_open = true
  lab.sleep "1s"
  lab.result("hits", heard)
end)

B:spawn(function()
  local sock = B:udp(6000)
  b_mapped = assert(sock:stun(S))
  lab.wait(function() return doors_open end)
  local tried = {}
  for _ = 1, guesses do
    local port
    repeat port = lab.random(LOW, HIGH) until not tried[port]
    tried[port] = true
    sock:send(lab.endpoint(na.ip, port), "knock")
  end
  local deadline = lab.now() + 1
  while not connected and lab.now() < deadline do
    local data = sock:recv(deadline - lab.now())
    connected = data == "come in"
  end
end)

lab.at_end(function()
  -- Each knock is at a port that was not tried before, so it misses all doors with chance 1 - doors / ports left.
  local miss = 1
  for i = 0, guesses - 1 do miss = miss * math.max(0, 1 - sockets / (HIGH - LOW + 1 - i)) end
  lab.result("connected", connected)
  lab.result("formula", math.floor((1 - miss) * 10000 + 0.5) / 10000)
end)
