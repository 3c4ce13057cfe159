local lab = require "punchlab"

lab.title "The packet that comes too early poisons the port"
lab.about [[
A NAT without a filter in front of its own ports, as netfilter's masquerade is when nobody added one, takes a packet that
comes unasked for a conversation with the router itself, and remembers it. The port is then in use for that sender: when
the host inside answers, it leaves from another port than STUN saw, which the sender's NAT does not let in. So whoever is
early spoils the punch for both. The cure: the first packets get a TTL that lasts through the own NAT only. They open it,
and never reach the other. Or the owner of the router adds the filter; then no early packet is remembered.]]

local type_a = lab.param("nat_a", "linux", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "linux", "behaviour of B's NAT")
local quirk  = lab.param("quirk", true, "whether the NATs lack that filter")

local quirks = quirk and { "early-inbound-poisons" } or {}
local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", quirks = quirks })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24", quirks = quirks })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

-- Both punch from a port of their own, B a little later than A; the first packet has this TTL. Whether both heard the
-- other, and from where B's packets came out.
local function punch(port, ttl)
  local mapped, heard, sent, out = {}, {}, {}, nil
  local watched = lab.watch { action = "translated" }

  local function peer(host, me, other, delay)
    return host:spawn(function()
      local sock = host:udp(port)
      mapped[me] = assert(sock:stun(S))
      lab.wait(function() return mapped[other] end)
      lab.sleep(delay)
      sock:send(mapped[other], "open the door", { ttl = ttl })
      sent[me] = true
      lab.wait(function() return sent[other] end)
      lab.sleep "100ms"
      for round = 1, 3 do
        local packet = sock:send(mapped[other], "punch " .. round)
        if sock:recv("200ms") then heard[me] = true end
        for _, record in ipairs(watched) do
          if me == "B" and record.packet == packet and record.node == "natB" then out = record.text:match("becomes (%S+)") end
        end
      end
      sock:close()
    end)
  end

  local a, b = peer(A, "A", "B", 0), peer(B, "B", "A", "100ms")
  a:wait()
  b:wait()
  out = out or tostring(mapped.B)                  -- no NAT, no other port
  lab.note(("STUN saw B as %s; B's packets to A leave as %s"):format(mapped.B, out))
  return heard.A and heard.B or false, out == tostring(mapped.B)
end

lab.spawn(function()
  lab.note "A is early: its first packet reaches B's NAT before B has sent anything"
  local before, kept = punch(5000, 64)
  lab.result("connected_before", before)
  lab.result("port_kept_before", kept)

  lab.note "Now the first packets die on the way, behind the own NAT"
  local after, kept_now = punch(5001, 2)
  lab.result("connected_after", after)
  lab.result("port_kept_after", kept_now)
  lab.result("connected", after)
  if quirk and type_a == "linux" and type_b == "linux" then
    lab.expect(not before and not kept, "an early packet makes B's NAT use another port, and nobody gets through")
  end
  if type_a == "linux" and type_b == "linux" then
    lab.expect(after and kept_now, "without an early packet the punch succeeds")
  end
end)
