local lab = require "punchlab"

lab.title "A relay is no way into the network behind it"
lab.about [[
T stands with one foot on the internet and with the other in the network of its owner, where a database trusts whoever
is inside. A has an account at T. Could A have T relay to the database? Not by default: T refuses private peers, and
its own host, loopback, link-local addresses (where clouds keep their secrets), multicast and broadcast, with 403. Its
owner can allow a prefix, and a relay that does so and relays from the office lets A in: the database sees a packet of
T's. (RFC 8656 sections 10.2 and 21.)]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local office   = lab.network("office", "10.7.0.0/16")
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.50")
local D  = office:host("D", "10.7.0.5")            -- the database
T:attach(office, "10.7.0.1")

local users    = { alice = "secret" }
local careful  = T:turn_server { users = users, realm = "example.org" }
local careless = T:turn_server { users = users, realm = "example.org", port = 3479, relay = "10.7.0.1",
                                 allow = "10.7.0.0/16" }
local me       = { user = "alice", password = "secret" }

local database, seen = D:udp(5432), nil
D:spawn(function()
  local data, from = database:recv()
  seen = from
  database:send(from, "all there is about " .. data)
end, { background = true })

A:spawn(function()
  local relay, why = A:turn(careful, me)
  if not relay then
    lab.note("A gets no relay: " .. why)
    return
  end
  local peers = { public = B.ip, database = D.ip, own = T.ip, loopback = "127.0.0.1", metadata = "169.254.169.254",
                  multicast = "239.1.2.3", broadcast = "255.255.255.255" }
  local names = { "public", "database", "own", "loopback", "metadata", "multicast", "broadcast" }
  for _, name in ipairs(names) do
    -- A channel: a permission for T's own address alone may be had, since relayed addresses of others are there.
    local granted, _, detail = relay:channel(lab.endpoint(peers[name], 5432))
    lab.result(name, granted and "granted" or detail.code)
    lab.expect((granted == true) == (name == "public"), name .. (name == "public" and " is allowed" or " is refused"))
  end
  relay:send(database.own, "everybody")            -- and nothing goes there without
  local answer = relay:recv "1s"
  lab.result("database_answers", answer ~= nil)
  lab.expect(not answer, "T sends nothing to the database")
  relay:close()

  relay = assert(A:turn(careless, me))
  assert(relay:permit(D))
  relay:send(database.own, "everybody")
  answer = relay:recv "1s"
  lab.result("with_allow", answer ~= nil)
  lab.note(("with the office allowed, the database answers %s: %s"):format(seen, answer))
  lab.expect(answer and seen.ip == relay.relayed.ip, "a careless relay lets A in, under T's address")
  relay:close()
end)
