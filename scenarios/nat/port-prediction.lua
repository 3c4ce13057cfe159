local lab = require "punchlab"

lab.title "Guessing the next port of a symmetric NAT"
lab.about [[
A symmetric NAT gives each destination a port of its own, so the port that a STUN server saw is not the one that a peer
will see. But if the NAT hands them out one after another, several servers see a pattern, and the next port can be
guessed (RFC 5128 section 3.5). Each side asks three servers, works out the step and tells the other its next ports;
then both send to what the other announced. With random ports there is no pattern, and no guess is right.
A neighbour who opens mappings of his own meanwhile (noise) spoils the count; a wider window makes up for it.]]

local type_a = lab.param("nat_a", "symmetric-sequential", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local window = lab.param("window", 4, "how many ports each side announces")
local noise  = lab.param("noise", 0, "mappings that a neighbour of A opens between the servers and the peer")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")
local neighbour = noise > 0 and na:host("neighbour", "10.0.0.3")

local servers = {}
for i = 1, 3 do servers[i] = S:stun_server { port = 3477 + i } end

-- The ports of `sock` that the servers saw, and the step between them: nil where there is none.
local function measure(sock)
  local seen = {}
  for i, server in ipairs(servers) do seen[i] = assert(sock:stun(server)) end
  local step = seen[2].port - seen[1].port
  if seen[3].port - seen[2].port ~= step or math.abs(step) > 16 then step = nil end
  return seen[3], step
end

-- The endpoints where a peer should try: the one that is known, or the next ones in the row.
local function announce(last, step)
  if step == 0 then return { last } end
  local ports = {}
  for i = 1, window do
    local port = last.port + i * (step or 1)
    if port < 65536 then ports[#ports + 1] = lab.endpoint(last.ip, port) end
  end
  return ports
end

local announced, heard, probes = {}, {}, 0

local function peer(host, me, other)
  host:spawn(function()
    local sock = host:udp(5000)
    local last, step = measure(sock)
    lab.note(("%s's NAT: last port %d, %s"):format(me, last.port, step and "step " .. step or "no pattern"))
    if me == "A" then lab.result("step", step or "none") end
    if me == "A" and neighbour then
      for i = 1, noise do neighbour:udp():send(lab.endpoint(S, 9), "noise " .. i) end
      lab.sleep "10ms"
    end
    announced[me] = announce(last, step)
    lab.wait(function() return announced[other] end)

    for round = 1, 3 do
      for _, to in ipairs(announced[other]) do
        sock:send(to, "punch")
        if not heard[me] then probes = probes + 1 end
      end
      local deadline = lab.now() + 0.3
      while lab.now() < deadline do
        local data, from = sock:recv(deadline - lab.now())
        if data then
          heard[me] = true
          if data == "punch" then sock:send(from, "answer") end
        end
      end
      if heard[me] then break end
    end
  end)
end

peer(A, "A", "B")
peer(B, "B", "A")

lab.at_end(function()
  lab.result("connected", heard.A and heard.B or false)
  lab.result("probes", probes)
end)
