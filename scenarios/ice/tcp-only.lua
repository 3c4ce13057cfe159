local lab = require "punchlab"

lab.title "ICE where UDP is blocked: candidates over TCP"
lab.about [[
A's firewall lets no UDP out, as in many offices. ICE over TCP (RFC 6544) still finds a way, if one side can be
called: an active candidate connects out (its port is told as 9, since it does not matter), a passive one listens, and
each active one is paired with the passive ones of the other side. Checks go over the connection as over any path,
each message behind its length (RFC 4571). Here B stands on a public address, so A's active candidate reaches B's
passive one. If B is behind a NAT too, it depends on what that lets in. B asks a STUN server over TCP from the port that it
listens at, and so knows a server-reflexive passive candidate: with --set nat_b=full-cone anyone may call there. With
--set nat_b=port-restricted-cone nobody can be called, and the relay is left, which A reaches over TCP as well. What if the
relay is to carry TCP, too, tells ice/tcp-relay.]]

local nat_a = lab.param("nat_a", "udp-blocked", "behaviour of A's box")
local nat_b = lab.param("nat_b", "none", "behaviour of B's box")

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

local agents, chosen, heard = {}, {}, {}
local refused = lab.watch { node = nat_a == "none" and A or na, action = "dropped", protocol = "udp" }

local function peer(host, me, other)
  return host:spawn(function()
    local agent = host:ice {
      controlling = me == "A", stun = S, tcp = true, gather_timeout = "2s",
      turn = { server = relay, user = "alice", password = "secret", transport = "tcp" },
    }
    agents[me] = agent
    chosen[me] = agent:connect(host:signal(S, me), other, "60s")
    if not chosen[me] then return end
    agent:send("said by " .. me)
    heard[me] = agent:recv "1s"
  end)
end

lab.spawn(function()
  local a, b = peer(A, "A", "B"), peer(B, "B", "A")
  a:wait()
  b:wait()

  local pair = chosen.A
  lab.result("connected", pair ~= nil and chosen.B ~= nil)
  lab.result("path", pair and pair.path or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("checks", agents.A:counters().checks)
  lab.result("transport", pair and pair.own.transport or "none")
  lab.result("udp_refused", #refused)
  lab.result("connections", agents.A:counters().connections)
  lab.result("heard", heard.A == "said by B" and heard.B == "said by A")

  if nat_a ~= "only-443" and nat_a ~= "captive" then   -- those keep A from the signalling server too
    lab.expect(pair and chosen.B, "they connect without UDP")
    lab.expect(heard.A == "said by B" and heard.B == "said by A", "and data goes both ways")
  end
  if nat_a == "udp-blocked" then
    lab.expect(#refused > 0, "the firewall refuses what was tried with UDP")
    local open = nat_b == "none" or nat_b == "full-cone" or nat_b == "cgn"
    lab.expect(pair and (pair.own.transport == "tcp") == open, "who can be called is called directly")
  end
end)
