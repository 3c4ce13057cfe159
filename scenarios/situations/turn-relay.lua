local lab = require "punchlab"

lab.title "Two symmetric NATs and a relay between them"
lab.about [[
Where both NATs are symmetric no hole can be punched (situations/symmetric-both). So A asks the TURN server T to relay:
T opens an address of its own for A and tells it, XOR-RELAYED-ADDRESS. What B sends there goes on to A, and what A
hands to T goes on to B, who sees it come from T. Both only ever talk to T, and so the doors that their NATs open are
the right ones. T lets in nobody whom A has not named: first A permits B's address. Later it binds a channel to B, so
that each packet carries four bytes of header instead of 36.]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "symmetric", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

local server = T:turn_server { users = { alice = "secret" }, realm = "example.org" }
local to_b   = lab.mailbox()                       -- how A tells B where to send, and B where it is: out of band
local to_a   = lab.mailbox()

local permitted = lab.watch { node = T, action = "turn-permitted" }
local bound     = lab.watch { node = T, action = "turn-bound" }
local relayed   = lab.watch { node = T, action = "relayed" }
local unwanted  = lab.watch { node = T, reason = "no-permission" }

local heard = { A = 0, B = 0 }
local where, from_whom, counters

A:spawn(function()
  local relay, why, detail = A:turn(server, { user = "alice", password = "secret" })
  if not relay then
    lab.note("no relay: " .. (detail and detail.text or why))
    to_b:put(false)
    return
  end
  where = relay.relayed
  lab.note("T relays for A at " .. tostring(where) .. " and sees A as " .. tostring(relay.mapped))
  to_b:put(where)

  local b = to_a:take()
  if not b then return end
  lab.sleep "100ms"                                -- B's first packet comes too early
  assert(relay:permit(b))                          -- a permission is for an address: all of B's ports
  to_b:put "permitted"

  local data, from = relay:recv "2s"
  if not data then return end
  heard.A, from_whom = heard.A + 1, from
  relay:send(from, "in a Send indication")
  relay:recv "2s"
  assert(relay:channel(from))
  for i = 1, 3 do
    relay:send(from, "by channel " .. i)
    if relay:recv "2s" then heard.A = heard.A + 1 end
  end
  counters = relay:counters()
  relay:close()
end)

B:spawn(function()
  local sock = B:udp(5000)
  local mapped, why = sock:stun(server)            -- a TURN server answers STUN as well
  local relay = to_b:take()
  if not mapped then lab.note("B cannot reach T: " .. why) end
  to_a:put(relay and mapped or false)
  if not (relay and mapped) then return end

  lab.note("T sees B as " .. tostring(mapped))
  sock:send(relay, "may I come in?")
  to_b:take()
  sock:send(relay, "now I may")
  for i = 1, 4 do
    local data, from = sock:recv "2s"
    if not data then return end
    heard.B = heard.B + 1
    sock:send(from, "I have heard: " .. data)
  end
end)

lab.at_end(function()
  local counted = counters or { sent_channel = 0, sent_indication = 0 }

  lab.result("connected", heard.A > 0 and heard.B > 0)
  lab.result("path", heard.A > 0 and heard.B > 0 and "relay" or "none")
  lab.result("relayed", where or false)
  lab.result("b_as_seen_by_a", from_whom or false)
  lab.result("before_the_permission", unwanted[1] and unwanted[1].reason or false)
  lab.result("permissions", #permitted)
  lab.result("channels", #bound)
  lab.result("sent_by_indication", counted.sent_indication)
  lab.result("sent_by_channel", counted.sent_channel)
  if counters then
    lab.expect(heard.A > 0 and heard.B == 4, "A and B hear each other over the relay")
    lab.expect(#unwanted == 1, "what B sends before it is permitted ends at T")
    lab.expect(from_whom and from_whom.port ~= where.port, "A is told which peer a packet comes from")
    lab.expect(#relayed == counted.sent_indication + counted.sent_channel + counted.received_indication +
               counted.received_channel, "all that A and B exchange goes through T")
  end
end)
