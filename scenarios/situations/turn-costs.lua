local lab = require "punchlab"

lab.title "What a relay costs, and what gets lost in it"
lab.about [[
A and B exchange the same media three times: straight through a punched hole, over A's relay in Send and Data
indications, and over a channel. Counted are the bytes of IP that each way moves: on A's own line, where a relay's
headers show (36 bytes in an indication, 4 in a channel), and at the relay T, through which everything goes twice, in
and out.

Then what does not get through. An ICMP error about B's closed port comes to T, not to A: A hears of it only since RFC
8656 has an attribute for it; the old relay O (RFC 5766) keeps it to itself. And a TTL ends at T: what T sends is a
packet of its own, with a fresh one. So no TTL stops a loop of two relays. We build one: X, who for a moment holds the
addresses of the relays L and M, allocates at each in the name of the other. What comes to the one allocation then goes
to the other and back again, with nobody else taking part, until the permissions run out that nobody refreshes. (RFC
8656 section 21.1.7: without X's trick the nonce, which is good only at the address that it was sent to, keeps one from
such allocations.) L's bandwidth limit keeps the loop small meanwhile: of ten packets it lets some go on.]]

local packets   = lab.param("packets", 100, "how many packets of media each side sends, 50 a second")
local size      = lab.param("size", 160, "bytes of media in a packet")
local with_icmp = lab.param("icmp", true, "whether relay T tells its clients of ICMP errors (RFC 8656 section 11.5)")
assert(packets >= 1, "packets is " .. packets .. "; accepted: 1 or more")
assert(size >= 40, "the size is " .. size .. "; accepted: 40 bytes or more, which say when they were sent")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10", { delay = "30ms" })
local O  = internet:host("O", "198.51.100.11")
local na = internet:nat("natA", "203.0.113.1", { lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")
local P  = internet:host("P", "198.51.100.50")     -- a peer without a NAT, which answers with ICMP errors

local users = { alice = "secret" }
local me    = { user = "alice", password = "secret", errors = true }
local relay_t = T:turn_server { users = users, realm = "example.org", icmp = with_icmp }
local relay_o = O:turn_server { users = users, realm = "example.org", icmp = false }

-- All IP packets that `node` sends and is given: their bytes, from now on.
local function meter(node)
  local lists = { lab.watch { node = node, action = "sent" }, lab.watch { node = node, action = "delivered" } }
  return function()
    local bytes = 0
    for _, list in ipairs(lists) do
      for _, record in ipairs(list) do bytes = bytes + record.size end
    end
    return bytes
  end
end

-- Both sides send their media; what A's line and T have moved, and how long a packet was on its way on average.
local function call(a, to_b, b, to_a)
  local of_a, of_t = meter(A), meter(T)
  local late, count = 0, 0

  local function talk(host, from, to)
    return host:spawn(function()
      for _ = 1, packets do
        local head = ("media of %.9f "):format(lab.now())
        from:send(to, head .. ("m"):rep(size - #head))
        lab.sleep "20ms"
      end
    end)
  end
  local function listen(host, sock)
    return host:spawn(function()
      while true do
        local data = sock:recv "1s"
        if not data then return end
        late, count = late + lab.now() - tonumber(data:match "[%d.]+"), count + 1
      end
    end)
  end
  local tasks = { talk(A, a, to_b), talk(B, b, to_a), listen(A, a), listen(B, b) }
  for _, task in ipairs(tasks) do task:wait() end
  lab.expect(count == 2 * packets, "all packets arrive, in both directions")
  return of_a(), of_t(), late / count
end

-- --- the same media three times

local function media()
  local a, b = A:udp(5000), B:udp(5000)
  local a_at, b_at = assert(a:stun(relay_t)), assert(b:stun(relay_t))
  a:send(b_at, "punch")
  lab.sleep "200ms"
  b:send(a_at, "punch")
  lab.sleep "200ms"
  a:send(b_at, "punch")
  lab.sleep "200ms"
  while a:recv(0) or b:recv(0) do end
  local direct, _, direct_delay = call(a, b_at, b, a_at)

  local relay = assert(A:turn(relay_t, me))
  b:send(relay.relayed, "let T in")                -- B's NAT, too, has to know T's relayed address
  assert(relay:permit(b_at))
  local by_send = call(relay, b_at, b, relay.relayed)
  assert(relay:channel(b_at))
  local by_channel, through, relay_delay = call(relay, b_at, b, relay.relayed)

  lab.note(("direct: %d bytes on A's line for %d packets of %d bytes"):format(direct, 2 * packets, size))
  lab.note(("in indications: %d bytes; over a channel: %d bytes, and %d through the relay"):format(
           by_send, by_channel, through))
  lab.result("relay_bytes", through)
  lab.result("direct_bytes", direct)
  lab.result("overhead_send", (by_send - direct) / (2 * packets))
  lab.result("overhead_channel", (by_channel - direct) / (2 * packets))
  lab.result("added_delay_ms", math.floor((relay_delay - direct_delay) * 1000 * 10 + 0.5) / 10)
  relay:close()
end

-- --- ICMP, TTL

-- A sends to a port of P's where nobody listens. Does it hear of it?
local function tells_errors(server)
  local relay = assert(A:turn(server, me))
  local nobody = lab.endpoint(P, 9)
  assert(relay:permit(nobody))
  relay:send(nobody, "anybody there?")
  local _, why = relay:recv "2s"
  relay:close()
  return why == "refused"
end

-- A sends with TTL 9. What has P of it?
local function keeps_ttl()
  local relay, peer = assert(A:turn(relay_t, me)), P:udp(7000)
  assert(relay:permit(peer.own))
  local sent = lab.watch { node = A, action = "sent", to = relay_t }
  local plain = A:udp()
  plain:send(peer.own, "by itself", { ttl = 9 })
  local _, _, direct = peer:recv "2s"
  relay:send(peer.own, "over the relay", { ttl = 9 })
  local data, _, relayed = peer:recv "2s"
  lab.note(("with TTL 9 P has %d left of a packet that came straight, %s of one that was relayed"):format(
           direct.ttl, data and tostring(relayed.ttl) or "nothing"))
  relay:close()
  return data and relayed.ttl < 9 or false
end

-- --- a loop of two relays

local L    = internet:host("L", "198.51.100.30")
local M    = internet:host("M", "198.51.100.31")
local X    = internet:host("X", "198.51.100.66")
local l, m = "198.51.100.20", "198.51.100.21"      -- where L and M relay, but for the moments in which X has them

local function relay_at(host, address)
  return host:turn_server { users = users, realm = "example.org", bandwidth = "4kbit/s", ip = address, relay = address,
                            ports = { 50000, 50000 } }
end

-- X takes `address` for a moment, allocates at `server` from its port 3478, binds a channel to `peer`, sends.
local function allocate_as(address, server, peer, count)
  local there = X:attach(internet, address, { default = true })
  local relay = assert(X:turn(server, { user = "alice", password = "secret", ip = address, from_port = 3478 }))
  assert(relay:channel(peer))
  for _ = 1, count do relay:send(peer, ("l"):rep(200)) end
  lab.sleep "30ms"
  there:remove()                                   -- so nobody is there any more who would refresh anything
end

local function loop()
  local there   = { default = true, delay = "230ms" }   -- so that a round takes a second
  local passed  = lab.watch { node = M, action = "delivered", from = lab.endpoint(l, 50000) }
  local limited = lab.watch { node = L, reason = "over-bandwidth" }
  local ended   = lab.watch { node = M, reason = "no-permission" }

  local of_m = M:attach(internet, m, { default = true })
  local relay_m = relay_at(M, m)
  allocate_as(l, relay_m, lab.endpoint(l, 50000), 0)
  of_m:remove()

  L:attach(internet, l, there)
  local relay_l = relay_at(L, l)
  allocate_as(m, relay_l, lab.endpoint(m, 50000), 10)
  M:attach(internet, m, there)

  lab.wait(function() return #ended > 0 end, "10min")
  local rounds, last = 0, nil
  for _, record in ipairs(passed) do
    if record.at ~= last then rounds, last = rounds + 1, record.at end
  end
  lab.note(("of 10 packets %d went on after the first round: the loop went round %d times until %s ended it"):format(
           10 - #limited, rounds, ended[1] and ended[1].reason or "nothing"))
  lab.result("loop_rounds", rounds)
  lab.result("loop_ended_by", ended[1] and ended[1].reason or false)
  lab.expect(rounds > 64, "the loop outlives every TTL")
  lab.expect(#limited > 0, "its relays' bandwidth limit thins it out")
  lab.expect(#ended > 0, "and it ends with the permissions, which nobody refreshes")
end

lab.spawn(function()
  media()
  local told, told_by_old = tells_errors(relay_t), tells_errors(relay_o)
  lab.result("icmp_relayed", told)
  lab.result("icmp_relayed_rfc5766", told_by_old)
  local kept = keeps_ttl()
  lab.result("ttl_preserved", kept)
  lab.expect(told == with_icmp and not told_by_old, "an ICMP error reaches the client only in RFC 8656's attribute")
  lab.expect(not kept, "no TTL crosses a relay")
  loop()
end)
