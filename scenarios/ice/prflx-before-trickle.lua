local lab = require "punchlab"

lab.title "A check comes before its candidate: peer-reflexive first, signalled later"
lab.about [[
With trickle ICE candidates are signalled one by one, and checks begin at once. The network is often quicker than the
signalling: B's check arrives at A while the line that tells of B's candidate is still on its way. A does not throw it
away. It is proven by the password of A's description, so where it came from is a candidate, learned from the check:
peer-reflexive (RFC 8445 section 7.3.1.3). A checks back, and connects on it. It might be B's relay, as long as more
candidates are to come, so A waits for a better one as long as it would with a relay: here half a second. When the line comes at last, it tells A
nothing new but what the candidate is: type, foundation and priority are replaced, and the pair stays (RFC 8838
section 11). With behind=0s the line is as quick as the check.]]

local nat_a  = lab.param("nat_a", "none", "behaviour of A's NAT")
local nat_b  = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")
local behind = lab.param("behind", "2s", "how long each of B's candidates takes to A by signalling")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
local relay = T:turn_server { users = { alice = "secret" } }

local agents, chosen, told = {}, {}, {}            -- signalling is out of band, and slow on purpose
local news = lab.watch { node = "A", action = "ice-candidate", text = "remote candidate" }

-- Each candidate is handed to the other side that long after it was gathered.
local function trickle(me, other, delay)
  repeat
    local line = agents[me]:candidate()
    lab.at(lab.now() + delay, function() agents[other]:add_candidate(line) end)
  until line == "end-of-candidates"
end

local function peer(host, me, other, delay)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", trickle = true, stun = S, turn = { server = relay, user = "alice", password = "secret" },
      nominate_relay = "500ms",
    }
    agents[me] = agent
    told[me] = agent:local_sdp()                   -- without a candidate: they follow
    lab.wait(function() return told[other] end)
    agent:remote_sdp(told[other])
    host:spawn(function() trickle(me, other, delay) end)
    host:spawn(function() agent:gather() end)
    chosen[me] = agent:wait "60s"
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B", 0), peer(B, "B", "A", lab.seconds(behind))
  a:wait()
  b:wait()
  local pair = chosen.A
  lab.sleep(lab.seconds(behind) + 1)

  local first, then_ = "none", "none"
  for _, record in ipairs(news) do
    if pair and record.to == pair.peer.endpoint and record.taken then
      if first == "none" then first = record.why else then_ = record.why end
      lab.note(record.text)
    end
  end

  local later = agents.A:wait(0)
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("peer_type_later", later and later.peer.type or "none")
  lab.result("learned", first)
  lab.result("completed", then_)

  lab.expect(pair and chosen.B, "they connect")
  if nat_a == "none" and nat_b == "port-restricted-cone" and lab.seconds(behind) >= 1 then
    lab.expect(pair.peer.type == "prflx", "A connects on a candidate that nobody had told")
    lab.expect(later.peer.type == "srflx", "which the signalling names in the end")
    lab.expect(later.peer.endpoint == pair.peer.endpoint, "at the same place")
  end
end)
