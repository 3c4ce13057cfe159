local lab = require "punchlab"

lab.title "Consent: thirty seconds of silence, and nothing more is sent"
lab.about [[
Two peers talk, and the path dies without a word: a cable is pulled, a NAT forgets. Nobody sends a farewell. But
whoever sends to an address must be sure that it still wants what it gets, or ICE would be a way to flood strangers.
So a Binding request goes out every 4 to 6 seconds, and its answer is the peer's consent for 30 more (RFC 7675 section
5.1). When none has come for so long, the agent stops sending, whatever the application wants: send fails, and only a
restart would help. With back=10s the path comes back in time, and nobody has noticed.]]

local nat_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local nat_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local back  = lab.param("back", "never", "when the path comes back after its end: a duration, or never")

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

local agents, chosen = {}, {}
local lost = lab.watch { action = "ice-consent-lost" }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = S, turn = { server = relay, user = "alice", password = "secret" },
    }
    agents[me] = agent
    local channel = host:signal(S, me)
    chosen[me] = agent:connect(channel, other, "60s")
    channel:close()                                -- nobody restarts in this lesson
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  lab.sleep "20s"                                  -- a quiet call: only consent keeps the path and the mappings
  local fresh = agents.A:send "still there?" ~= nil
  nb:link { on = false }
  local cut = lab.now()
  if back ~= "never" then
    lab.at(cut + lab.seconds(back), function() nb:link { on = true } end)
  end
  lab.sleep "20s"
  local meanwhile = agents.A:send "hello?" ~= nil  -- nobody knows yet
  lab.sleep "20s"
  local sent, why = agents.A:send "hello??"

  local pair, after = chosen.A, "never"
  for _, record in ipairs(lost) do
    lab.note(record.node .. ": " .. record.text)
    if record.node == "A" then after = record.at - cut end
  end
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("consents", agents.A:counters().consents)
  lab.result("lost_after_s", after)
  lab.result("sends_after_20s", meanwhile)
  lab.result("sends_after_40s", sent and "yes" or why)
  lab.result("state_a", agents.A.state)
  lab.result("state_b", agents.B.state)

  lab.expect(fresh and meanwhile, "as long as consent holds, data goes out")
  if back == "never" then
    -- The last answer came at most 6 s, and the time there and back, before the cut.
    lab.expect(after ~= "never" and after > 23 and after <= 30, "consent ends 30 seconds after the last answer")
    lab.expect(not sent, "and then nothing is sent any more")
    lab.expect(agents.A.state == "failed" and agents.B.state == "failed", "both sides know")
  elseif lab.seconds(back) <= 20 then
    lab.expect(sent and after == "never", "who comes back in time has lost nothing")
  end
end)
