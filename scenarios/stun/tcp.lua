local lab = require "punchlab"

lab.title "STUN over TCP: what is the same, and what is not"
lab.about [[
A asks S for its address over UDP, then over TCP from the same local port. The messages are the same bytes. But TCP is a
stream: where a message ends is told by the length in its header, and nothing else stands between two of them (RFC 8489
section 6.2.2). TCP repeats what is lost, so the client sends each request once and waits 39.5 s for the answer, which is as
long as seven requests over UDP take. The price is a handshake, a round trip before the first question. The mapping that
S sees is one of the NAT's for TCP, and says nothing of those for UDP, even where the port is the same number: two tables.
Then the ways to fail. A server that accepts and says nothing: the client gives up after 39.5 s. A port where nobody listens,
and a server that closes with the question unanswered: the client knows at once, where over UDP it would go on asking.
With nat_a=udp-blocked only TCP gets through.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")

S:stun_server()

-- Servers of the other kind: one that never answers, one that reads the question and resets the connection.
local mute, rude = S:tcp_listen(4000), S:tcp_listen(4001)
S:spawn(function() mute:accept() end, { background = true })
S:spawn(function()
  local socket = rude:accept()
  socket:recv(nil, { exactly = 20 })
  socket:reset()
end, { background = true })

-- What a Binding request over TCP ends in, and after how many ms.
local function ask(port)
  local begun = lab.now()
  local socket, why = A:tcp_connect(lab.endpoint(S, port), { timeout = "10s" })
  local mapped
  if socket then mapped, why = socket:stun() socket:close() end
  return mapped or why, math.floor((lab.now() - begun) * 1000 + 0.5)
end

A:spawn(function()
  local by_udp, reply = A:udp(5000):stun(S)
  lab.result("udp", by_udp or reply)
  lab.note(by_udp and ("over UDP S sees %s, after %.1f ms"):format(by_udp, reply.elapsed * 1000)
                   or ("over UDP there is no way: %s. So TCP is tried"):format(reply))

  local begun = lab.now()
  local socket, why = A:tcp_connect(lab.endpoint(S, 3478), { from_port = 5000, timeout = "10s" })
  if not socket then
    lab.note(("over TCP there is no way either: %s"):format(why))
    return lab.result("tcp", why)
  end
  local by_tcp, first = assert(socket:stun())
  local handshake = (lab.now() - begun - first.elapsed) * 1000
  lab.note(("over TCP S sees %s, after %.1f ms and %.1f ms for the handshake"):format(
    by_tcp, first.elapsed * 1000, handshake))
  for _, mapping in ipairs(na:mappings()) do
    lab.note(("the NAT has a mapping for %s: %s to %s"):format(mapping.protocol, mapping.internal, mapping.external))
  end
  lab.result("tcp", by_tcp)
  if by_udp then lab.expect(by_udp.ip == by_tcp.ip, "the address is the same") end

  -- Two requests in one piece, cut where no message ends: the server finds both by their lengths.
  local function request(name) return string.pack(">I2I2I4c12", 0x0001, 0, 0x2112A442, name) end
  local both = request "first asked!" .. request "second asked"
  socket:send(both:sub(1, 27))
  lab.sleep("100ms")
  socket:send(both:sub(28))
  local answers = 0
  for _ = 1, 2 do
    local header = assert(socket:recv("1s", { exactly = 20 }))
    local kind, length = string.unpack(">I2I2", header)
    socket:recv("1s", { exactly = length })
    if kind == 0x0101 then answers = answers + 1 end
  end
  socket:close()
  lab.result("answers_from_the_stream", answers)
  lab.expect(answers == 2, "both messages are found in the stream")

  for _, row in ipairs { { "silent", 4000 }, { "reset", 4001 }, { "nobody", 4002 } } do
    local name, port = table.unpack(row)
    local outcome, after = ask(port)
    lab.note(("%s: %s after %d ms"):format(name, outcome, after))
    lab.result(name, outcome)
    lab.result(name .. "_after_ms", after)
  end
end)
