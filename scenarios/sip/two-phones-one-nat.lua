local lab = require "punchlab"

lab.title "Two phones in one house: the nearest peer is the hardest to reach"
lab.about [[
A and B are on one LAN, behind one NAT, and A calls B through S, out on the internet. What do they tell each other?
    contact=local  their own addresses. Anywhere else that is the mistake of situations/sip-no-alg; here it is the truth, and
                   audio crosses the LAN and never sees the NAT
    contact=stun   what STUN has seen: ports of the NAT that both stand behind. So the audio goes to the NAT, and has to turn
                   round there (hairpinning, RFC 4787 REQ-9, must). With hairpin=off neither hears the other, though all the
                   world could hear both; and behind a symmetric NAT what STUN saw is of no use here either
    contact=ice    all of these, and checks that find the LAN (path host), whatever the NAT can do
With alg=true the NAT reads SIP. As the call goes out it writes its own address over A's private one; as it comes back in to B it
finds a port of its own there, and writes whom that is mapped to. So media of two phones behind one box needn't turn round,
not even with STUN. (An ALG that reads only what goes out would send contact=local to the hairpin as well.)
    punchlab matrix sip/two-phones-one-nat --rows hairpin --cols contact --cell heard]]

local TYPES = { "full-cone", "restricted-cone", "port-restricted-cone", "symmetric", "symmetric-sequential", "rfc4787", "cgn",
                "linux", "linux-random", "pf", "libalias" }
local type_n  = lab.param("nat", "port-restricted-cone", "behaviour of the NAT", TYPES)
local contact = lab.param("contact", "stun", "what the phones say of themselves", { "local", "stun", "ice" })
local hairpin = lab.param("hairpin", "off", "whether the NAT turns packets round, and what source they then have",
                          { "off", "internal-source", "external-source" })
local alg     = lab.param("alg", false, "whether the NAT reads SIP")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local nat = internet:nat("nat", "203.0.113.1", { type = type_n, lan = "10.0.0.0/24", hairpin = hairpin,
                                               alg = alg and { "sip" } or {} })
local A   = nat:host("A", "10.0.0.2")
local B   = nat:host("B", "10.0.0.3")

S:stun_server()
local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame" } }

local function phone(host, user, password)
  return host:sip { user = user, password = password, registrar = server, contact = contact,
                    stun = contact ~= "local" and S or nil, media = { port = 6000 } }
end
local alice, bob = phone(A, "alice", "secret"), phone(B, "bob", "sesame")

local dropped = lab.watch { node = nat, action = "dropped", protocol = "udp" }
local answered

B:spawn(function()
  assert(bob:register "10s")
  answered = bob:accept "20s"
  if answered then answered:wait() end
end)

A:spawn(function()
  local registered = alice:register "10s" and bob:wait "10s"
  lab.result("registered", registered == true)
  local call, why = alice:call("bob", { timeout = "15s" })
  lab.result("established", call ~= nil)
  if not call then return lab.note(("A's call comes to nothing: %s"):format(why)) end
  lab.sleep "5s"
  call:hangup()
  call:wait()
  lab.wait(function() return answered and answered.state == "ended" end, "5s")

  local mine, theirs = call:media(), answered:media()
  lab.note(("A says that it hears at %s, and sends to %s; B at %s, to %s"):format(mine.own, mine.peer, theirs.own, theirs.peer))
  local a, b = mine.received.packets > 0, theirs.received.packets > 0
  local turned = mine.pair and mine.pair.path ~= "host" or not mine.pair and nat:counters().hairpinned > 0
  local way = not (a or b) and "nowhere" or turned and "hairpin" or "lan"
  lab.note(("A hears %d packets, B %d; audio goes by: %s"):format(mine.received.packets, theirs.received.packets, way))
  lab.result("audio_to_a", a)
  lab.result("audio_to_b", b)
  lab.result("heard", a and b and "both" or a and "A" or b and "B" or "nobody")
  lab.result("way", way)
  lab.result("drop_reason", #dropped > 0 and not (a and b) and dropped[#dropped].reason or "none")
end)

-- Whether what STUN saw holds for a neighbour as well.
local INDEPENDENT = { ["full-cone"] = true, ["restricted-cone"] = true, ["port-restricted-cone"] = true, rfc4787 = true,
                      cgn = true }

lab.at_end(function()
  local r = lab.results
  lab.expect(r.registered and r.established, "both are registered, and the call stands")
  if contact ~= "stun" then
    lab.expect(r.heard == "both" and r.way == "lan", "both hear each other, across the LAN")
  elseif alg then
    lab.expect(r.heard == "both" and r.way == "lan", "the ALG leads both to the LAN, and they hear each other")
  elseif hairpin == "off" then
    lab.expect(r.heard == "nobody", "what STUN has seen leads to a box that doesn't turn packets round: nobody hears anything")
  elseif INDEPENDENT[type_n] then
    lab.expect(r.heard == "both" and r.way == "hairpin", "the box turns packets round, and both hear each other")
  end
end)
