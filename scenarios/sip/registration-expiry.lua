local lab = require "punchlab"

lab.title "A registration outlives the NAT's mapping: the phone is registered, and does not ring"
lab.about [[
A registers for an hour, and then has nothing to say. S knows A as 203.0.113.1:5060, A knows that it is registered, and
both are right; but A's NAT forgets the mapping after two minutes without a packet from inside, and B's call ends there, as
that of anybody unasked. B hears it ring nowhere. That lasts until A happens to say something, or the hour is nearly over. Cures:
    cure=expires    A registers for a minute, so that its refreshes keep the mapping: 60 s are the least that S grants (423),
                    and for a NAT that forgets after 30 s that is too long
    cure=keepalive  something small on the same socket every 25 s, which S answers: here a STUN request
    cure=outbound   RFC 5626, which has that, and names the flow, so that a phone with two of them is called by one that lives
    cure=alg        the NAT reads SIP, and keeps a pinhole as long as the registration that it has read

That registrations expire is a cure, too. C's battery is empty, and C has said no farewell. S rings it in vain, and B waits,
until C's registration is over; from then on S says at once that C is not there (480).]]

local type_a  = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local timeout = lab.param("timeout", "2min", "how long A's NAT keeps an idle mapping")
local cure    = lab.param("cure", "none", "what is done about it", { "none", "expires", "keepalive", "outbound", "alg" })
local silence = lab.param("silence", "10min", "how long nobody says anything")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local B  = internet:host("B", "198.51.100.9")
local C  = internet:host("C", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", {
  type = type_a, lan = "10.0.0.0/24", timeout = { udp = timeout, udp_stream = timeout }, alg = cure == "alg" and { "sip" } or {},
})
local A  = na:host("A", "10.0.0.2")

-- A phone's options, and how many seconds apart its packets are at most.
local CURES = {
  none      = { {}, math.huge },
  expires   = { { expires = "1min" }, 54 },        -- refreshed a tenth before the end
  keepalive = { { keepalive = "25s" }, 25 },
  outbound  = { { outbound = true }, 30 },
  alg       = { {}, 0 },
}
local options, apart = table.unpack(CURES[cure])

local server = S:sip_server { domain = "example.com", users = { alice = "secret", bob = "sesame", carol = "basil" } }
local function phone(host, user, password, more)
  local all = { user = user, password = password, registrar = server, media = { interval = "100ms" } }
  for key, value in pairs(more) do all[key] = value end
  return host:sip(all)
end
local alice = phone(A, "alice", "secret", options)
local bob   = phone(B, "bob", "sesame", {})
local carol = phone(C, "carol", "basil", { expires = "5min" })

-- B calls somebody: "answered", or what B notices instead.
local function call(whom)
  local began = lab.now()
  local standing, why, detail = bob:call(whom, { timeout = "8s" })
  local outcome = standing and "answered" or detail and detail.code or why
  lab.note(("B calls %s: %s, after %.1f s"):format(whom, outcome, lab.now() - began))
  if standing then
    lab.sleep "1s"
    standing:hangup()
    standing:wait()
  end
  return outcome
end

for _, there in ipairs { { A, alice }, { C, carol } } do
  local host, telephone = table.unpack(there)
  host:spawn(function()
    while true do
      local incoming = telephone:accept()
      if not incoming then return end
      incoming:wait()
    end
  end, { background = true })
end

local box     = type_a ~= "none" and na or nil
local dropped = lab.watch { node = box, action = "dropped", from = lab.endpoint(S, 5060) }

lab.spawn(function()
  assert(bob:register "10s" and carol:register "10s")
  local registered = alice:register "10s"
  lab.result("registered", registered == true)
  if not registered then return end
  local binding = server:bindings()[1]
  lab.note(("S knows A at %s, for %.0f s"):format(binding.from, binding.expires))
  lab.result("called_at_once", call "alice")
  carol:stop()
  C:link { on = false }
  lab.note "C's battery is empty"
  lab.result("gone_phone", call "carol")

  lab.sleep(silence)
  lab.note(("%s later A is %sregistered, as A and S know; its NAT has %d mapping(s)"):format(
    silence, alice.registered and "" or "not ", #na:mappings()))
  local before = #dropped
  lab.result("called_later", call "alice")
  lab.result("refused_by_nat", #dropped > before and dropped[before + 1].reason or "nothing")
  lab.result("expired_phone", call "carol")

  local r = lab.results
  lab.expect(r.called_at_once == "answered", "A rings as long as its mapping is fresh")
  if type_a == "none" or lab.seconds(timeout) > math.min(apart, lab.seconds(silence) + 20) then
    lab.expect(r.called_later == "answered", "and later, too: something has kept the way to A open")
  elseif apart == math.huge and lab.seconds(timeout) < lab.seconds(silence) then
    lab.expect(r.called_later == "timeout" and alice.registered, "A is registered all the time, and does not ring any more")
    lab.expect(r.refused_by_nat == "no-mapping", "because its NAT has forgotten the mapping")
  end
  lab.expect(r.gone_phone == "timeout", "a phone that is gone is called in vain, as long as it is registered")
  if lab.seconds(silence) >= 300 then
    lab.expect(r.expired_phone == 480, "once its registration is over, S says that it is not there")
  end
end)
