local lab = require "punchlab"

lab.title "ICE between two homes under one carrier-grade NAT"
lab.about [[
A and B each have a NAT at home, and one more, the provider's CGN, stands before both. Each candidate fails or works
for a reason of its own: the host candidates are addresses of two homes, which nobody else can reach; the
server-reflexive ones are both of the CGN, so that a check has to turn round there, which it does only if it hairpins;
the relay is far away and always works. ICE finds out by trying. The address that a home has inside the CGN,
100.64.0.0/10, would do too, but no candidate tells of it, because no STUN server stands there: with inner=true one
does. Compare
    --set hairpin=external-source       the CGN hairpins: no relay needed
    --set hairpin=internal-source       it does, but packets come from a private address: B's NAT sent to another
    --set inner=true                    a STUN server of the provider's inside: the short way]]

local nat_a   = lab.param("nat_a", "port-restricted-cone", "behaviour of A's home NAT")
local nat_b   = lab.param("nat_b", "port-restricted-cone", "behaviour of B's home NAT")
local cgn     = lab.param("cgn", "cgn", "behaviour of the provider's NAT")
local hairpin = lab.param("hairpin", "off", "whether it hairpins", { "off", "internal-source", "external-source" })
local inner   = lab.param("inner", false, "whether a STUN server stands inside")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local T   = internet:host("T", "198.51.100.10")
local box = internet:nat("cgn", "203.0.113.1", { type = cgn, lan = "100.64.0.0/10", hairpin = hairpin })
local I   = box:host("I", "100.64.0.3")
local na  = box:nat("natA", "100.64.0.11", { type = nat_a, lan = "10.0.0.0/24" })
local nb  = box:nat("natB", "100.64.0.12", { type = nat_b, lan = "10.1.1.0/24" })
local A   = na:host("A", "10.0.0.2")
local B   = nb:host("B", "10.1.1.3")

S:stun_server()
I:stun_server()
S:signal_server()
local relay = T:turn_server { users = { alice = "secret" } }

local agents, chosen = {}, {}
local refused = lab.watch { node = box, action = "dropped" }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = inner and { S, I } or S,
      turn = { server = relay, user = "alice", password = "secret" },
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()

  local turned = "none refused"
  for _, record in ipairs(refused) do
    if record.reason:find "hairpin" then turned = record.reason end
  end

  local pair = chosen.A
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("at_the_cgn", turned)
  lab.result("rtt_ms", pair and pair.rtt and math.floor(pair.rtt * 1000 + 0.5) or -1)

  lab.expect(pair and chosen.B, "they meet")
  if nat_a == "port-restricted-cone" and nat_b == "port-restricted-cone" and cgn == "cgn" then
    lab.expect((pair.path == "relay") == (hairpin ~= "external-source" and not inner),
               "by the relay where nothing shorter works")
    lab.expect(not inner or pair.rtt < 0.02, "the way inside the provider's network is the shortest")
  end
end)
