local lab = require "punchlab"

lab.title "Nomination: one side chooses, and the word gets lost"
lab.about [[
A and B have two ways to each other: a cable (IPv6) that is slow to answer, and a radio (IPv4) that is quick but less
wanted. The radio's pair works first and the cable's has the higher priority, so left alone the two might settle on
different ones. That is why one side chooses: the controlling agent repeats the check of its pair with the flag
USE-CANDIDATE (RFC 8445 section 8.1.1). The flag is in a Binding request like any other, so it may be lost, and so may
its answer. Then the two differ for a while: B has been told, and A doesn't know it. A asks again after its RTO, B
answers once more, and they agree. Try
    --set lose=request          nobody knows anything until A asks again
    --set aggressive=true       every check carries the flag (RFC 5245): B's choice moves when a better pair works
    --set cable=30ms            the cable is quick enough to be waited for]]

local lose       = lab.param("lose", "answer", "what is lost of the first nomination", { "nothing", "request", "answer" })
local aggressive = lab.param("aggressive", false, "whether A nominates with every check")
local slow       = lab.param("cable", "100ms", "delay of each end of the cable; of the radio it is 20ms")

local internet = lab.internet { delay = "20ms" }
local S = internet:host("S", "198.51.100.1")
local A = internet:host("A", "203.0.113.1")
local B = internet:host("B", "203.0.113.2")
local cable = lab.network("cable", "2001:db8:c::/64", { delay = slow })
local plug = { A = A:attach(cable, "2001:db8:c::a"), B = B:attach(cable, "2001:db8:c::b") }

S:stun_server()
S:signal_server()

local agents, chosen, hosts = {}, {}, { A = A, B = B }
local selected = {
  A = lab.watch { node = "A", action = "ice-selected" },
  B = lab.watch { node = "B", action = "ice-selected" },
}

-- What leaves the host now, or has just left, by the way on which this record's pair goes, is lost.
local cuts = 0
local function cut(record)
  cuts = cuts + 1
  if cuts > 1 then return end
  local way = record.from.ip:find(":", 1, true) and plug[record.node] or hosts[record.node]
  way:link { on = false }
  lab.at(lab.now() + 0.001, function() way:link { on = true } end)
end

local asked = 0
lab.watch({ node = "A", action = "ice-check" }, function(record)
  if record.why ~= "nominating" then return end
  asked = asked + 1
  if lose == "request" then cut(record) end
end)
lab.watch({ node = "B", action = "ice-nominated" }, function(record)
  if lose == "answer" then cut(record) end
end)

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice { controlling = me == "A", stun = S, aggressive = aggressive and me == "A" }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
  end)
end

local function way(endpoint)
  return endpoint.ip:find(":", 1, true) and "cable" or "radio"
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()
  lab.sleep "2s"

  local pair = chosen.A
  local of_a, of_b = selected.A, selected.B
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("way_a", way(agents.A.own))
  lab.result("way_b", way(agents.B.own))
  lab.result("nominations_sent", asked)
  lab.result("choices_of_b", #of_b)
  lab.result("b_knew_before_a_ms", math.floor((of_a[#of_a].at - of_b[#of_b].at) * 1000 + 0.5))

  lab.expect(agents.A.own == agents.B.peer and agents.A.peer == agents.B.own, "in the end both use the same pair")
  if not aggressive then
    lab.expect(#of_b == 1, "B has been told once and for all")
    lab.expect(asked == (lose == "nothing" and 1 or 2), "what was lost is asked again")
  end
end)
