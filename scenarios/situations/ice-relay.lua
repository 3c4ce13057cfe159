local lab = require "punchlab"

lab.title "ICE between two symmetric NATs: only the relay is left"
lab.about [[
Two ICE agents behind symmetric NATs. STUN tells each a public address, but that mapping is for the STUN server alone:
a check to the peer leaves by another one, from a port that nobody knows, and what comes to the announced port is dropped.
Each agent also has an address at a TURN server, and that is the same for everybody: a check to it arrives by whatever
mapping it left, and TURN lets it through since its owner has asked for permission for the other's address. ICE waits a
while for something better, and takes the relay.
    punchlab run situations/ice-relay --explain
    punchlab run situations/ice-relay --set nat_a=full-cone          one friendly NAT is enough: direct]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "symmetric", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local server = S:signal_server()
local turn = { server = T:turn_server { users = { alice = "secret" } }, user = "alice", password = "secret" }

local filtered = lab.watch { reason = "filtered" }
local mapped, pair_of, checks = {}, {}, 0

-- What STUN told the agent.
local function reflexive(agent)
  for _, candidate in ipairs(agent:candidates()) do
    if candidate.server == lab.endpoint(S, 3478) then return candidate.endpoint end
  end
end

local function peer(host, me, other, controlling)
  host:spawn(function()
    local agent = host:ice { stun = S, turn = turn, controlling = controlling }
    local pair, why = agent:connect(host:signal(server, me), other, "1min")
    mapped[me] = reflexive(agent)
    if pair then
      pair_of[me] = pair
      checks = checks + agent:counters().checks
      agent:send("hello from " .. me)
      lab.expect(agent:recv("5s") == "hello from " .. other, me .. " hears " .. other .. " over the pair")
      if controlling then lab.note("the story as A's agent tells it\n" .. (agent:transcript():gsub("%s+$", ""))) end
    else
      lab.note(me .. " is not connected: " .. why)
    end
    agent:close()
  end)
end

peer(A, "A", "B", true)
peer(B, "B", "A", false)

-- Whether a NAT dropped what came to the address that STUN had told its host.
local function was_of_no_use(endpoint)
  for _, drop in ipairs(filtered) do
    if endpoint and drop.to == endpoint then return true end
  end
  return false
end

lab.at_end(function()
  local pair = pair_of.A

  lab.result("connected", pair and pair_of.B and true or false)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", checks)
  if type_a == "symmetric" and type_b == "symmetric" then
    lab.expect(was_of_no_use(mapped.A), "natA drops what B sends to the address that STUN told A")
    lab.expect(was_of_no_use(mapped.B), "natB drops what A sends to the address that STUN told B")
    lab.expect(pair and pair.path == "relay", "the relay carries it")
  end
end)
