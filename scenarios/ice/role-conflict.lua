local lab = require "punchlab"

lab.title "Both want to lead: a role conflict, and how it ends"
lab.about [[
One ICE agent is controlling: it chooses the pair that carries the data. The other is controlled. As a rule who offers
controls, but two who call each other at the same moment both believe to have offered. Nothing breaks: each check says
which role its sender has, with a random number, the tiebreaker. The first check that arrives at an agent of the same
role tells of the conflict. The agent with the larger number gets its way: it either answers 487 Role Conflict, and
the sender of the check changes its role and asks again, or changes its own and goes on (RFC 8445 section 7.3.1.1).
See
    punchlab run ice/role-conflict --explain
and look for "Role Conflict". With both=controlled nobody leads, and the same rule finds a leader.]]

local nat_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local nat_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local both  = lab.param("both", "controlling", "the role that both begin with", { "controlling", "controlled" })

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local relay = T:turn_server { users = { alice = "secret" } }

local agents, chosen, told = {}, {}, {}            -- descriptions are exchanged out of band
local roles = lab.watch { action = "ice-role" }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = both == "controlling", stun = S, turn = { server = relay, user = "alice", password = "secret" },
    }
    agents[me] = agent
    agent:gather()
    told[me] = agent:local_sdp()
    lab.wait(function() return told[other] end)
    agent:remote_sdp(told[other])
    chosen[me] = agent:wait "60s"
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()

  local refused, changed = 0, 0
  for _, record in ipairs(roles) do
    lab.note(record.node .. ": " .. record.text)
    if record.refuses then refused = refused + 1 else changed = changed + 1 end
  end

  local pair = chosen.A
  lab.result("connected", chosen.A ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("answers_487", refused)
  lab.result("role_changes", changed)
  lab.result("leads", agents.A.controlling and "A" or "B")

  lab.expect(agents.A.controlling ~= agents.B.controlling, "in the end one leads and one follows")
  lab.expect(changed == 1, "one of them has changed its role, and only once")
  lab.expect(chosen.A and chosen.B and chosen.A.own.endpoint == chosen.B.peer.endpoint
             and chosen.A.peer.endpoint == chosen.B.own.endpoint, "both use the same pair")
end)
