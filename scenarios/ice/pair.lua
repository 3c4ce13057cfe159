local lab = require "punchlab"

lab.title "Two ICE agents behind any two NATs"
lab.about [[
A and B are ICE agents: each gathers its own address, the one that a STUN server sees and one at a TURN server, they tell
each other all three through a signalling server, check every pair, and take the best that works. So they always connect.
The path is direct wherever one exists (host: nobody translates; srflx: to the address that STUN saw; prflx: to one that
only the peer's check has shown, as with a symmetric NAT), and goes over the relay otherwise:
    punchlab matrix ice/pair --cell path
plays every preset and firewall against every other. The classic names are four of nine pairs of mapping and filtering. All of them against each other:
    d=endpoint-independent,address-dependent,address-and-port-dependent
    punchlab matrix ice/pair --cell path --rows mapping_a=$d --rows filtering_a=$d --cols mapping_b=$d --cols filtering_b=$d
Where UDP is blocked the relay is reached over TCP, at a port that is let out: 443, or as a last resort 53. Should checks
fail on a very bad day, they begin anew, once (RFC 8445 section 9). connect_ms is the time from the (last) start of the
checks to the selection, setup_ms all that A has waited, to find servers, gather and signal too.]]

local TYPES = { "none", "full-cone", "restricted-cone", "port-restricted-cone", "symmetric", "symmetric-sequential",
                "rfc4787", "cgn", "linux", "linux-random", "pf", "libalias", "firewall", "udp-blocked", "only-443",
                "captive" }
local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT", TYPES)
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT", TYPES)

local dependences = { "as-type", "endpoint-independent", "address-dependent", "address-and-port-dependent" }
local function choose(name, help)
  local value = lab.param(name, "as-type", help, dependences)
  return value ~= "as-type" and value or nil
end
local mapping_a, filtering_a = choose("mapping_a", "mapping of A's NAT"), choose("filtering_a", "filtering of A's NAT")
local mapping_b, filtering_b = choose("mapping_b", "mapping of B's NAT"), choose("filtering_b", "filtering of B's NAT")

local loss    = lab.param("loss", 0.0, "share of packets that each peer's link loses, either way")
local delay   = lab.param("delay", "20ms", "delay of each link")
local jitter  = lab.param("jitter", "0ms", "jitter of each peer's link")
local trickle = lab.param("trickle", false, "whether candidates are signalled as they are found (RFC 8838)")
local wait    = lab.param("relay_after", "2s", "how long a relay that works waits for a direct path")
local policy  = lab.param("policy", "all", "which candidates are used", { "all", "relay" })

local internet = lab.internet { delay = delay, jitter = jitter, loss = loss }
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24",
                                             mapping = mapping_a, filtering = filtering_a })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24",
                                             mapping = mapping_b, filtering = filtering_b })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

-- What policies let out is TLS, or names alone. So there is a TURN server for each, which is the STUN server, too, and both
-- ports lead to the signalling server.
local PORTS = { 443, 53 }
local front = internet:nat("front", "198.51.100.20", { jitter = 0, loss = 0, lan = "192.168.0.0/24" })
local web   = front:host("web", "192.168.0.2")
local servers = {}
web:signal_server()
for i, port in ipairs(PORTS) do
  local T = internet:host("T" .. port, "198.51.100." .. 9 + i, { jitter = 0, loss = 0 })
  T:turn_server { port = port, users = { alice = "secret" } }
  servers[port] = lab.endpoint(T, port)
  front:forward { protocol = "tcp", port = port, to = lab.endpoint(web, 8080) }
end

-- What a client finds out before it asks others: the first port that lets it out over TCP, and whether UDP passes there.
local function way_out(host)
  for _, port in ipairs(PORTS) do
    local sock = host:tcp_connect(lab.endpoint(front, port), { timeout = "10s" })
    if sock then
      sock:close()
      local probe = host:udp()
      local mapped = probe:stun(servers[port], { timeout = "4s" })
      probe:close()
      return port, mapped ~= nil
    end
  end
end

local pair_of, checks, setup_ms = {}, 0, false

-- A connection to a relay may have stood still for longer than checks last (39.5 s). The one who offers begins anew.
local function connect(agent, channel, me, other, controlling)
  local pair, why, detail = agent:connect(channel, other, "2min")
  if why ~= "unreachable" then return pair, why, detail end
  lab.note(me .. " begins anew: " .. (detail and detail.text or why))
  if controlling then agent:restart() else lab.wait(function() return agent.state ~= "failed" end, "1min") end
  return agent:wait("2min")
end

local function peer(host, me, other, controlling)
  host:spawn(function()
    local began = lab.now()
    local port, udp = way_out(host)
    if not port then return lab.note(me .. " reaches no server") end
    local agent = host:ice {
      stun = udp and servers[port] or {}, controlling = controlling, trickle = trickle, policy = policy,
      turn = { server = servers[port], user = "alice", password = "secret", transport = udp and "udp" or "tcp" },
      gather_timeout = "40s", nominate_relay = wait,
    }
    local pair, why, detail = connect(agent, host:signal(lab.endpoint(front, port), me), me, other, controlling)
    if not pair then return lab.note(me, why, detail and detail.text or "") end

    pair_of[me] = pair
    if controlling then setup_ms = math.floor((lab.now() - began) * 1000 + 0.5) end
    agent:send("hello from " .. me)
    lab.expect(agent:recv("10s") == "hello from " .. other or loss > 0, me .. " hears " .. other)
    checks = checks + agent:counters().checks
    lab.wait(function() return pair_of[other] end, "1min")
    agent:close()
  end)
end

peer(A, "A", "B", true)
peer(B, "B", "A", false)

-- Each knows for sure whether it goes by its own relay. The peer's may look peer-reflexive, if a check came from there sooner
-- than the trickled candidate.
local function path(a, b)
  return b.own.type == "relay" and "relay" or a.path
end

lab.at_end(function()
  local pair = pair_of.A
  local connected = pair and pair_of.B and true or false

  lab.result("connected", connected)
  lab.result("path", connected and path(pair, pair_of.B) or "none")
  lab.result("own_type", pair and pair.own.type or "none")
  lab.result("peer_type", pair and pair.peer.type or "none")
  lab.result("connect_ms", pair and math.floor(pair.after * 1000 + 0.5) or false)
  lab.result("setup_ms", setup_ms)
  lab.result("checks", checks)
  lab.expect(connected, "ICE connects them")
end)

