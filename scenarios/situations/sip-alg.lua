local lab = require "punchlab"

lab.title "The same phone call through a NAT that reads SIP"
lab.about [[
A's NAT has an application-level gateway for SIP. Where A's messages name A's private address (Via, Contact, and c=, m= and o=
of the description) it writes the NAT's, corrects Content-Length, and opens the ports that it has named: pinholes for RTP and
RTCP. In answers it puts back what A wrote, so that neither phone knows of it. A registers at S, calls B, holds the call and
takes it up again, and hangs up; then B calls A, through S to the port that stands in A's registration, and hangs up as well.
Both hear each other each time, and a few seconds after each call its pinholes are closed: they live as long as the dialog.
Compare situations/sip-no-alg: the same call when the NAT doesn't read. What becomes of it when an ALG reads badly is
sip/alg-quirks, and why RFC 4787 (REQ-10) has ALGs off unless somebody asks for them, sip/alg-meets-stun.]]

local type_a    = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local transport = lab.param("transport", "udp", "of SIP", { "udp", "tcp" })
local seconds   = lab.param("seconds", 5, "how long the two talk, each time")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", alg = { "sip" } })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.9")

local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame" } }
local alice = A:sip { user = "alice", password = "secret", registrar = server, transport = transport,
                      media = { port = 6000 } }
local bob   = B:sip { user = "bob", password = "sesame", registrar = server, transport = transport,
                      media = { port = 7000 } }

-- What the ALG does, as the journal tells it.
local box       = type_a ~= "none" and na or nil
local opened    = lab.watch { node = box, action = "pinhole-opened" }
local closed    = lab.watch { node = box, action = "pinhole-closed" }
local rewritten = lab.watch { node = box, action = "rewritten" }

-- One call from `from` to `to`; whether it stood, and how many packets each heard.
local function talk(from, host, to, whom, other)
  local answered
  other:spawn(function()
    answered = to:accept "10s"
  end)
  local call, why = from:call(whom, { timeout = "10s" })
  if not call then
    lab.note(("%s's call comes to nothing: %s"):format(host.name, why))
    return false, 0, 0
  end
  lab.wait(function() return answered end, "2s")
  lab.note(("the call of %s stands; %s says that it hears at %s, %s sends to %s"):format(
    host.name, A.name, host == A and call:media().own or answered:media().own,
    B.name, host == A and answered:media().peer or call:media().peer))
  lab.sleep(seconds / 2)
  assert(call:hold())                              -- a request within the dialog, with a description of its own
  lab.sleep "500ms"
  assert(call:resume())
  lab.sleep(seconds / 2)
  call:hangup()
  call:wait()
  if answered then answered:wait "5s" end
  return true, call:media().received.packets, answered and answered:media().received.packets or 0
end

lab.spawn(function()
  local there, here = alice:register "10s", bob:register "10s"
  lab.result("registered", there == true and here == true)
  if not (there and here) then return lab.result("established", false) end
  for _, binding in ipairs(server:bindings()) do
    lab.note(("S knows %s at %s"):format(binding.aor or binding.user, binding.contact))
  end

  local before = #opened
  local out, a_heard, b_heard = talk(alice, A, bob, "bob", B)
  lab.note(("%d pinholes were opened for the first call"):format(#opened - before))
  lab.sleep "10s"
  lab.note(("%d are closed, 10 s after it"):format(#closed))
  local first = #opened - before
  local gone = #closed

  local back, b_heard_too, a_heard_too = talk(bob, B, alice, "alice", A)
  lab.sleep "10s"

  lab.result("established", out and back)
  lab.result("audio_to_a", a_heard > 0 and a_heard_too > 0)
  lab.result("audio_to_b", b_heard > 0 and b_heard_too > 0)

  local places, seen = {}, {}
  for _, record in ipairs(rewritten) do
    for word in (record.text:match(" in (.-);") or record.text:match(" in (.*)$") or ""):gmatch "[%w-]+=?%w*" do
      if word ~= "and" and not seen[word] then
        seen[word] = true
        places[#places + 1] = word
      end
    end
  end
  lab.result("rewritten", places)
  lab.result("pinholes_first", first)
  lab.result("pinholes_opened", #opened)
  lab.result("pinholes_closed", #closed)
  lab.expect(out and back, "the call is set up both ways")
  lab.expect(a_heard > 0 and b_heard > 0, "both hear each other when A calls")
  lab.expect(a_heard_too > 0 and b_heard_too > 0, "and when B calls")
  if type_a ~= "none" then
    lab.expect(seen.Via and seen.Contact and seen["c="], "the ALG has rewritten Via, Contact and the description")
    lab.expect(first > 0 and gone >= first - 1, "the pinholes of the first call are closed after it")
  end
end)
