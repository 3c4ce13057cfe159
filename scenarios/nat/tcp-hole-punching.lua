local lab = require "punchlab"

lab.title "TCP hole punching between two NATs"
lab.about [[
Both peers learn from a STUN server, over TCP, where the NAT has put their port 5000. Then each connects to the other from
that same port, and listens on it as well. A SYN that goes out opens the sender's own NAT; the first one to arrive finds
the other NAT shut. If that NAT keeps silent (RFC 5382 REQ-4 asks for six seconds), the other side's SYN comes through
the hole and meets a connection that is itself being opened: a simultaneous open. A NAT that answers with a RST or an
ICMP error instead tears the attempt down, and the peers try again, hoping for better timing.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local offset = lab.param("offset", "100ms", "how much later B sends its first SYN")
local answer = lab.param("answer", "drop", "what a NAT answers to an unwelcome SYN, at once unless it is drop",
                         { "drop", "icmp", "reset" })
local listen = lab.param("listen", true, "whether the peers listen too")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local quick = answer ~= "drop" and 0 or nil        -- no six seconds of silence
local na = internet:nat("natA", "203.0.113.1",
                        { type = type_a, lan = "10.0.0.0/24", filtered = answer, syn_wait = quick })
local nb = internet:nat("natB", "203.0.113.2",
                        { type = type_b, lan = "10.1.1.0/24", filtered = answer, syn_wait = quick })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local PORT = 5000
local mapped = {}                  -- what the server told each of them, exchanged out of band
local talked, how, attempts = {}, {}, { A = 0, B = 0 }

-- Says who one is, and hears who the other is: then they talk. Who comes second finds it done.
local function talk(socket, me, way)
  socket:send(me)
  local name = socket:recv("2s", { exactly = 1 })
  if name and not talked[me] then talked[me], how[me] = name, way end
end

local function peer(host, me, other, delay)
  if listen then
    local listener = host:tcp_listen(PORT)
    host:spawn(function()
      while true do
        local socket = listener:accept()
        talk(socket, me, "accept")
      end
    end, { background = true })
  end
  host:spawn(function()
    local server, why = host:tcp_connect(lab.endpoint(S, 3478), { from_port = PORT, timeout = "10s" })
    if not server then return lab.note(("%s cannot reach S: %s"):format(me, why)) end
    mapped[me] = server:stun()                     -- the connection stays open, and with it the mapping
    if not lab.wait(function() return mapped[other] end, "20s") then return end
    lab.sleep(delay)

    local deadline = lab.now() + 12
    while not talked[me] and lab.now() < deadline do
      attempts[me] = attempts[me] + 1
      local socket, why = host:tcp_connect(mapped[other], { from_port = PORT, timeout = "4s" })
      if socket then
        talk(socket, me, "connect")
      else
        lab.note(("%s's attempt %d: %s"):format(me, attempts[me], why))
        lab.wait(function() return talked[me] end, "200ms")
      end
    end
  end)
end

peer(A, "A", "B", 0)
peer(B, "B", "A", offset)

lab.at_end(function()
  lab.result("connected", talked.A == "B" and talked.B == "A")
  lab.result("way_a", how.A or "none")
  lab.result("way_b", how.B or "none")
  lab.result("attempts", attempts.A + attempts.B)
end)
