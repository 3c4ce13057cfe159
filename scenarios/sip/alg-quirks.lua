local lab = require "punchlab"

lab.title "A phone call through gateways that read SIP badly: what the user notices"
lab.about [[
A's NAT reads SIP, and does it wrong, in one of the ways in which real boxes do (docs/nat.md, "The ALG sip"). The same evening
is played behind a box without a fault and behind one of each kind. A registers at S. A calls B, and they talk. A calls B
again and only listens, for more than a minute, as one does who waits in a queue. At last B calls A. Each kind of
box has the house in which its fault shows: SIP goes over TCP where messages run into each other (content-length) or end in
the middle of a segment (breaks-on-segments); A's phone helps itself with STUN (public-address); A lives in a flat, behind a
NAT of its own that leaves Contact alone, and the house's NAT makes the outside address of it, with the port that it had, which
is the neighbour's (register). With box=good the same houses have boxes without a fault: all is well in each, so it is not the
house.

S calls whom the registered Contact names, by the book of RFC 3261. With flows=true it answers along the flow of the
registration (RFC 5626), as most registrars do now, because there are such boxes.

Each result says what A notices first of one kind of box:
    all well           all calls stand, and both hear each other to the end
    no registration    the phone says that it has no line
    no ring            A calls, and nothing comes of it
    one-way audio      the call stands, and one of them hears nothing
    silence in a call  the call stands, and A hears B no more
    no calls in        A can call, and nobody can call A
    wrong phone        who calls A is answered by the neighbour's phone, that nobody has this number
    hangs              the call can't be ended: the phone at the other end goes on]]

local QUIRKS = { "none", "content-length", "private-contact", "first-line", "breaks-on-segments", "register",
                 "short-pinhole", "public-address" }
local box     = lab.param("box", "bad", "whether the boxes have their faults", { "bad", "good" })
local flows   = lab.param("flows", false, "whether S answers along the flow of the registration (RFC 5626)")
local seconds = lab.param("seconds", 70, "how long A listens")

local internet = lab.internet { delay = "20ms" }
local users = { alice = "secret", bob = "sesame", carol = "basil" }
local PACE = "100ms"                                -- of media: ten packets a second are enough to hear something
local OVER_TCP = { ["content-length"] = true, ["breaks-on-segments"] = true }

local function quirks(of)
  return { quirk = of ~= "none" and box == "bad" and of or {} }
end

-- Hosts and phones for one kind of box, apart from those of all others. The ports of the boxes are drawn, because a wrong one is
-- right by accident where a box keeps them; but in the house with the flats the neighbour's is kept.
local function stage(n, quirk)
  local S = internet:host("S" .. n, "198.51.100." .. 10 + n)
  local B = internet:host("B" .. n, "198.51.100." .. 110 + n)
  local flats = quirk == "register"
  local nat = internet:nat("nat" .. n, "203.0.113." .. n, { lan = "10.0.0.0/24", ports = flats and "preserve" or "random" })
  nat:alg("sip", quirks(quirk))
  local inside, N = nat, nil
  if flats then
    N = nat:host("N" .. n, "10.0.0.3")
    inside = nat:nat("flat" .. n, "10.0.0.9", { lan = "192.168.1.0/24" })
    inside:alg("sip", quirks "private-contact")
  end
  local A = inside:host("A" .. n)
  local helped = quirk == "public-address"
  local transport = OVER_TCP[quirk] and "tcp" or "udp"
  if helped then S:stun_server() end
  local server = S:sip_server { domain = "example.com", users = users, flows = flows }
  return {
    A = A, B = B, server = server,
    alice = A:sip { user = "alice", password = users.alice, registrar = server, transport = transport,
                    contact = helped and "stun" or "local", stun = helped and S or nil,
                    media = { port = 6000, interval = PACE } },
    bob   = B:sip { user = "bob", password = users.bob, registrar = server, transport = transport,
                    media = { port = 7000, interval = PACE } },
    neighbour = N and N:sip { user = "carol", password = users.carol, registrar = server },
  }
end

local SOUND = "all well"

-- Who listens sends nothing but an empty packet now and then, which keeps its NAT's mapping (RFC 6263).
local SILENT = { direction = "recvonly", keepalive = "1s", interval = PACE }

-- One call, and what is wrong with it. `listens`: the caller says nothing.
local function talk(from, to, host, whom, time, listens)
  local answered
  local other = host:spawn(function()
    answered = to:accept "15s"
    if answered then answered:wait() end
  end)
  local call, why, detail = from:call(whom, { timeout = "10s", media = listens and SILENT or nil })
  if not call then
    other:stop()
    return nil, detail and detail.code and ("%s, %d"):format(why, detail.code) or why
  end
  lab.sleep(time)
  local ended = lab.now()
  local bye = answered and answered.state == "standing"
  call:hangup()
  call:wait "40s"
  lab.sleep "1s"
  local hung = answered and answered.state ~= "ended"
  if hung then answered:hangup() end
  other:stop()

  local mine = call:media().received
  local theirs = answered and answered:media().received or { packets = 0 }
  if mine.packets == 0 then return "one-way audio", "who called hears nothing" end
  if not listens and theirs.packets == 0 then return "one-way audio", "who is called hears nothing" end
  if mine.last_at < ended - 1 then
    return "silence in a call", ("nothing comes after %.0f s"):format(mine.last_at - mine.first_at)
  end
  if hung or not bye then return "hangs", "the other end has not heard of the hang-up" end
  return SOUND
end

local function evening(has)
  if has.neighbour then has.neighbour:register "10s" end
  local registered, why = has.alice:register "10s"
  if not registered or not has.bob:register "10s" then return "no registration", why end
  local what, reason = talk(has.alice, has.bob, has.B, "bob", 5)
  if what ~= SOUND then return what or "no ring", reason end
  what, reason = talk(has.alice, has.bob, has.B, "bob", seconds, true)
  if what ~= SOUND then return what or "no ring", reason end
  what, reason = talk(has.bob, has.alice, has.A, "alice", 5)
  if has.neighbour and has.neighbour:counters().requests > 0 then return "wrong phone", reason end
  return what or "no calls in", reason
end

local houses = {}
for n, quirk in ipairs(QUIRKS) do
  local has = stage(n, quirk)
  houses[n] = has
  lab.spawn(function()
    has.noticed, has.why = evening(has)
    lab.note(("%s: %s%s"):format(quirk, has.noticed, has.why and " (" .. has.why .. ")" or ""))
  end)
end

local NOTICED = {
  none = SOUND, ["content-length"] = "no ring", ["private-contact"] = "no calls in", ["first-line"] = "one-way audio",
  ["breaks-on-segments"] = "no registration", register = "wrong phone", ["short-pinhole"] = "silence in a call",
  ["public-address"] = "one-way audio",
}
if flows then NOTICED["private-contact"], NOTICED.register = SOUND, SOUND end
if seconds <= 60 then NOTICED["short-pinhole"] = SOUND end

lab.at_end(function()
  for n, quirk in ipairs(QUIRKS) do
    local noticed, expected = houses[n].noticed or "nothing yet", box == "good" and SOUND or NOTICED[quirk]
    lab.result((quirk:gsub("-", "_")), noticed)
    lab.expect(noticed == expected, ("%s: %s"):format(quirk, expected))
  end
end)
