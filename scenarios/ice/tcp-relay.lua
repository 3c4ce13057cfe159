local lab = require "punchlab"

lab.title "ICE over TCP alone, where nobody can be called: relayed candidates over TCP"
lab.about [[
A and B speak TCP only, and neither can be called: both firewalls let connections out and none in. What is left is an
address that can be called and is not theirs: a TURN server's. An allocation for TCP (RFC 6062) makes two candidates of
its address (RFC 6544). The passive one waits: the peer connects there, if its address is permitted, the server tells the
agent, and the agent fetches the connection by one of its own to the server. For the permission the peer's address outside
must be known; so each agent also signals what the server saw its connection come from, as a server-reflexive active
candidate. The active one calls: the server connects from there to a passive candidate of the peer's. Where a firewall
lets out nothing but port 443, a peer's relay at another port is out of reach, but the own server can call it:
--set nat_a=only-443 --set nat_b=only-443. Either way the two carry checks and data as any connection does, each message
behind its length (RFC 4571).]]

local nat_a  = lab.param("nat_a", "udp-blocked", "behaviour of A's box")
local nat_b  = lab.param("nat_b", "udp-blocked", "behaviour of B's box")
local policy = lab.param("policy", "all", "which candidates are used", { "all", "relay" })

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

local signalling = S:signal_server { port = 443 }
local relay = T:turn_server { port = 443, users = { alice = "secret" } }

local agents, chosen, heard = {}, {}, {}

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", udp = false, tcp = true, policy = policy, gather_timeout = "2s",
      turn = { server = relay, user = "alice", password = "secret", transport = "tcp" },
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(signalling, me), other, "60s")
    if not chosen[me] then return end
    agent:send("said by " .. me)
    heard[me] = agent:recv "2s"
  end)
end

-- The candidates of one kind that an agent has.
local function count(agent, type, transport)
  local found = 0
  for _, candidate in ipairs(agent:candidates()) do
    if candidate.type == type and candidate.transport == transport then found = found + 1 end
  end
  return found
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()

  local pair = chosen.A
  local over_relay = pair and chosen.B and (pair.path == "relay" or chosen.B.own.type == "relay")
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", over_relay and "relay" or pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("transport", pair and pair.own.transport or "none")
  lab.result("relayed", count(agents.A, "relay", "tcp"))
  lab.result("heard", heard.A == "said by B" and heard.B == "said by A")

  if nat_a ~= "captive" and nat_b ~= "captive" then    -- which lets nobody reach port 443
    lab.expect(pair and chosen.B, "they connect over TCP alone")
    lab.expect(heard.A == "said by B" and heard.B == "said by A", "and data goes both ways")
  end
  if pair and (policy == "relay" or nat_a ~= "none" and nat_b ~= "none") then
    lab.expect(over_relay, "where nobody can be called, over a relay")
  end
end)
