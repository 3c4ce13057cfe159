local lab = require "punchlab"

lab.title "A lite agent: a server that answers checks and makes none"
lab.about [[
A media server on a public address needs no ICE to be found: everybody reaches it. But its peers want to find their
way to it, and to be sure that it wants their data. So it is lite (RFC 8445 section 2.5): it offers its own address
and nothing else, answers checks, and takes what the full agent nominates. A full agent that learns that its peer is
lite leads, whatever it believed before (section 6.1.1). All the work is on one side, so it works through any NAT of
A's: the server sees where A's checks come from. With nat_b it stands behind a NAT itself, which is what lite agents
must not do.]]

local nat_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local nat_b = lab.param("nat_b", "none", "what stands before the lite agent; a NAT makes it unreachable")
local offers = lab.param("offers", "B", "who offers, and so believes to lead", { "A", "B" })

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = nat_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = nat_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()
S:signal_server()

local agents, chosen, heard = {}, {}, {}
local roles = lab.watch { node = "A", action = "ice-role" }

local function peer(host, me, other, lite)
  return host:spawn(function()
    local agent = host:ice { controlling = me == offers, lite = lite, stun = not lite and S or nil }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
    if not chosen[me] then return end
    agent:send("media of " .. me)
    heard[me] = agent:recv "1s"
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B", false), peer(B, "B", "A", true)
  a:wait()
  b:wait()

  local pair = chosen.A
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("checks_of_b", agents.B:counters().checks)
  lab.result("candidates_of_b", #agents.B:candidates())
  lab.result("role_changes", #roles)
  lab.result("heard", heard.A == "media of B" and heard.B == "media of A")

  lab.expect(agents.B:counters().checks == 0, "a lite agent checks nothing")
  if nat_b == "none" then
    lab.expect(pair and chosen.B, "whoever can send to it reaches it")
    lab.expect(agents.A.controlling and not agents.B.controlling, "the full agent leads")
    lab.expect((#roles == 1) == (offers == "B"), "it changes its role when it had not believed to")
    lab.expect(heard.A == "media of B" and heard.B == "media of A", "data goes both ways")
  else
    lab.expect(not chosen.A, "behind a NAT its only candidate is of no use")
  end
end)
