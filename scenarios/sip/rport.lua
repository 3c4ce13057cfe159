local lab = require "punchlab"

lab.title "Where a SIP response goes without rport, and that nobody is there"
lab.about [[
Over UDP a response goes to the address that the request came from, but to the port that Via names (RFC 3261 section
18.2.2): 5060, where A's phone listens. A's NAT has another port for it outside, so S's answer to REGISTER comes to a port
of the NAT that is mapped to nobody, and is dropped. A sends its REGISTER again, ten times in 32 seconds, and S answers each
time; no answer arrives. To A it looks as if S were dead. Then A calls B directly, without S: B's phone rings, B answers and
says hello to nobody, because A has not heard a word of it, and gives up.

With rport in its Via (RFC 3581) A asks to be answered at the port that its request came from. S writes there which one that
was, so A learns its own outside address as well. A is registered, its call to B stands, and S reaches it for a call of B's.
Nothing else has changed.

With ports=preserve the NAT gives A the port 5060 outside as well, and all is well without rport, until somebody else in the
house has that port (neighbour=true), who gets A's answers then: phones without rport work for the first who buys one.]]

local type_a    = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local ports     = lab.param("ports", "random", "which ports the NAT gives", { "random", "sequential", "preserve" })
local neighbour = lab.param("neighbour", false, "whether somebody else's phone has used the ports of A's before")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local B  = internet:host("B", "198.51.100.9")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, ports = ports, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local N  = neighbour and type_a ~= "none" and na:host("N", "10.0.0.3")

local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame" } }
local bob = B:sip { user = "bob", password = "sesame", registrar = server, media = { port = 7000, interval = "100ms" } }

local function phone(rport)
  return A:sip { user = "alice", password = "secret", registrar = server, rport = rport, media = { port = 6000, interval = "100ms" } }
end
local function phone_without_server(rport)
  return A:sip { user = "alice", domain = "example.com", port = 5062, rport = rport, media = { port = 6002, interval = "100ms" } }
end

-- A calls B at B's own address. Whether the call stands for A, and how often B's phone has rung.
local function call_directly(rport)
  local alice = phone_without_server(rport)
  local rung = bob:counters().calls_in
  local other = B:spawn(function()
    local call = bob:accept("5s", { answer = false })
    if not call then return end
    call:answer()
    call:wait()                                    -- without an ACK B gives up after 32 s (RFC 3261 section 13.3.1.4)
  end)
  local call, why = alice:call("sip:bob@" .. B.ip, { timeout = "5s" })
  if call then
    lab.sleep "1s"
    call:hangup()
    call:wait()
  end
  other:wait()
  alice:stop()
  return call and true or why, bob:counters().calls_in - rung
end

local dropped = lab.watch { node = type_a ~= "none" and na or nil, action = "dropped", from = lab.endpoint(S, 5060) }
local misled  = N and lab.watch { node = N, action = "delivered", from = lab.endpoint(S, 5060) } or {}

lab.spawn(function()
  assert(bob:register "10s")
  for _, port in ipairs(N and { 5060, 5062 } or {}) do N:udp(port):send(lab.endpoint(S, 5060), "\r\n\r\n") end

  local alice = phone(false)
  local plain, why = alice:register "40s"
  alice:stop()
  local lost = #dropped + #misled
  lab.note(("without rport: %s"):format(plain and "A is registered" or "A hears nothing of S: " .. why))
  if #misled > 0 then lab.note(("%d answers came to A's neighbour"):format(#misled)) end
  if #dropped > 0 then
    lab.note(("%d answers, to %s, were dropped: %s"):format(#dropped, dropped[1].to, dropped[1].reason))
  end
  lab.result("registered_without", plain == true)
  lab.result("answers_lost", lost)
  local stands, rung = call_directly(false)
  lab.note(("A calls B: B's phone has rung %d time%s, A's call: %s"):format(
    rung, rung == 1 and "" or "s", stands == true and "stands" or stands))
  lab.result("call_without", stands)
  lab.result("rang_without", rung > 0)

  alice = phone(true)
  local registered = alice:register "40s"
  lab.note(("with rport: %s"):format(registered and "A is registered; S has seen it at " .. tostring(alice.mapped) or
                                     "A hears nothing of S"))
  lab.result("registered_with", registered == true)
  lab.result("seen_as", alice.mapped or "unknown")
  stands, rung = call_directly(true)
  lab.note(("A calls B: A's call: %s"):format(stands == true and "stands" or stands))
  lab.result("call_with", stands)
  local reached = A:spawn(function()
    local incoming = alice:accept "10s"
    if incoming then incoming:wait() end
  end)
  local call = bob:call("alice", { timeout = "10s" })
  lab.result("called_with", call ~= nil)
  if call then
    lab.sleep "1s"
    call:hangup()
    call:wait()
  end
  reached:wait()

  local kept = alice.mapped and alice.mapped.port == alice.port
  lab.expect(registered and stands == true and call, "with rport A is registered, calls, and is called")
  lab.expect(#dropped + #misled == lost, "and no answer of S's is lost")
  if kept then
    lab.expect(plain, "where the NAT keeps the port that Via names, A is registered without rport, too")
  else
    lab.expect(not plain and lost > 0, "where it does not, no answer arrives without rport")
    lab.expect(lab.results.call_without == "timeout" and lab.results.rang_without,
               "and A's calls ring at B, and come to nothing")
  end
end)
