local lab = require "punchlab"

lab.title "A mapping storm: a symmetric NAT has a new address for every server"
lab.about [[
Many applications list several STUN servers, to be on the safe side. Behind a cone NAT each tells the same address,
and ICE drops the copies (RFC 8445 section 5.1.3). A symmetric NAT makes a mapping of its own for each server, and
each becomes a candidate. None of them helps a peer behind a strict NAT, but all are signalled, paired and checked: by
the other side, which has to try them all, at one check in 50 ms, while each of this side's checks makes the NAT open
one more port. Compare
    punchlab run ice/mapping-storm --set servers=1
    punchlab sweep ice/mapping-storm --vary servers=1,2,4,8 --format table]]

local nat_a   = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local nat_b   = lab.param("nat_b", "symmetric", "behaviour of B's NAT")
local servers = lab.param("servers", 6, "STUN servers that A knows, 1 to 8")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
S:signal_server()
local relay = T:turn_server { users = { alice = "secret" } }
local stun = {}
for i = 1, servers do
  stun[i] = internet:host("stun" .. i, "198.51.100." .. 100 + i):stun_server()
end

local agents, chosen = {}, {}
local made = lab.watch { node = nat_a == "none" and A or na, action = "mapping-new", protocol = "udp" }
local checks = lab.watch { node = "B", action = "ice-check" }

local function peer(host, me, other, list)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = list, turn = { server = relay, user = "alice", password = "secret" },
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B", stun), peer(B, "B", "A", S)
  a:wait()
  b:wait()

  local reflexive, useless = 0, 0
  for _, candidate in ipairs(agents.A:candidates()) do
    if candidate.type == "srflx" then reflexive = reflexive + 1 end
  end
  for _, check in ipairs(checks) do
    if check.peer_type == "srflx" then useless = useless + 1 end
  end

  local pair = chosen.A
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("reflexive", reflexive)
  lab.result("mappings", #made)
  lab.result("checks_of_b_at_them", useless)

  lab.expect(pair and chosen.B, "they meet all the same")
  if nat_a == "symmetric" then
    -- The relay's server is one more that tells where it sees A.
    lab.expect(reflexive == servers + 1, "each server, the relay too, sees A at another port")
    lab.expect(#made > servers + 1, "and the checks make mappings of their own")
  elseif nat_a:find "cone" then
    lab.expect(reflexive == 1 and #made == 1, "a cone NAT has one address for all")
  end
end)
