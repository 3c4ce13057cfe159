local lab = require "punchlab"

lab.title "Two families, one of them broken"
lab.about [[
A and B have IPv4 and IPv6. IPv6 goes first, since nothing translates it. But often it only seems to work: the
addresses are there, and packets vanish on the way. Who tried one family to the end before the other would wait for
its timeouts, 39.5 seconds. ICE gives the families alternating priorities instead (RFC 8421 section 4): with N4 and N6
addresses, IPv6 has a head start of (N4 + N6) / N4 checks, then they take turns. Checks go out every 50 ms and none
waits for another's answer, so the family that works is late by these few steps only; and once it works, the preferred
one has 200 ms more, not longer.
    punchlab sweep ice/dual-stack --vary broken=none,ipv6,ipv4 --format table]]

local nat_a  = lab.param("nat_a", "port-restricted-cone", "what A's box does with IPv4")
local nat_b  = lab.param("nat_b", "port-restricted-cone", "what B's box does with IPv4")
local broken = lab.param("broken", "ipv6", "the family whose packets vanish between the peers", { "none", "ipv4", "ipv6" })

local TA, WAIT = 0.05, 0.2    -- RFC 8445 section 14.2; how long the controlling agent waits for better pairs

local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
local T = internet:host("T", "198.51.100.10")

-- The line that A's provider sells is to carry both families, and loses one on the way to B and back, without a word.
local lost = { none = {}, ipv4 = { "203.0.113.100" }, ipv6 = { "2001:db8:b::/64", "2001:db8:f0::/64" } }
local rules = {}
for _, prefix in ipairs(lost[broken]) do
  rules[#rules + 1] = { action = "deny", direction = "out", address = prefix }
  rules[#rules + 1] = { action = "deny", direction = "in", from = prefix }
end
rules[#rules + 1] = { action = "allow" }
local line = internet:firewall("line", { "203.0.113.9", "2001:db8:e::1" },
                               { lan = { "203.0.113.0/29", "2001:db8:f::/64" }, rules = rules })

local na = line:nat("boxA", { "203.0.113.5", "2001:db8:f::5" },
                    { type = nat_a, lan = { "10.0.0.0/24", "2001:db8:a::/64" } })
local nb = internet:nat("boxB", { "203.0.113.100", "2001:db8:f0::2" },
                        { type = nat_b, lan = { "10.1.1.0/24", "2001:db8:b::/64" } })
local A  = na:host("A", { "10.0.0.2", "2001:db8:a::2" })
local B  = nb:host("B", { "10.1.1.3", "2001:db8:b::3" })

S:stun_server()
S:signal_server()
local relay = T:turn_server { users = { alice = "secret" } }

local function family(endpoint)
  return endpoint.ip:find(":", 1, true) and "ipv6" or "ipv4"
end

-- One call; `families` keeps an agent to some. A's agent, and both pairs.
local function call(name, families)
  local agents, chosen = {}, {}

  local function peer(host, me, other)
    return host:spawn(function()
      local agent = host:ice {
        controlling = me == "A", ipv4 = families.ipv4, ipv6 = families.ipv6, stun = S,
        turn = { server = relay, user = "alice", password = "secret" },
      }
      agents[me] = agent
      chosen[me] = agent:connect(host:signal(S, me .. name), other .. name, "60s")
    end)
  end

  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  return agents.A, chosen.A, chosen.B
end

lab.spawn(function()
  lab.note "With both families"
  local checks = lab.watch { node = "A", action = "ice-check" }
  local agent, pair, other = call("-both", {})
  local n4, n6, first, later, start = 0, 0, nil, nil, 0
  for _, candidate in ipairs(agent:candidates()) do
    if candidate.type == "host" then
      if family(candidate.endpoint) == "ipv4" then n4 = n4 + 1 else n6 = n6 + 1 end
    end
  end
  for _, check in ipairs(checks) do
    first = first or check
    if family(check.from) ~= family(first.from) then later = later or check end
    if not later and check.why == "ordinary" then start = start + 1 end   -- others answer the peer's, and nominate
  end
  local count = agent:counters().checks
  agent:close()

  lab.note "With the family that works alone"
  local only, alone = call("-one", broken == "ipv6" and { ipv6 = false } or { ipv4 = false })
  only:close()

  lab.result("connected", pair ~= nil and other ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", count)
  lab.result("family", pair and family(pair.own.endpoint) or "none")
  lab.result("first_family", first and family(first.from) or "none")
  lab.result("head_start", start)
  lab.result("alone_ms", alone and math.floor(alone.after * 1000 + 0.5) or -1)

  lab.expect(pair and other, "they connect")
  lab.expect(pair and family(pair.own.endpoint) ~= broken, "on the family that works")
  if n6 > 0 and n4 > 0 and alone then
    local head_start = (n4 + n6) // n4
    lab.expect(first and family(first.from) == "ipv6" and start <= head_start,
               "IPv6 begins, and its head start is no longer than that of RFC 8421")
    lab.expect(pair and pair.after <= alone.after + head_start * TA + WAIT,
               "the broken family costs the head start and what the better pair is waited for, no more")
  end
end)
