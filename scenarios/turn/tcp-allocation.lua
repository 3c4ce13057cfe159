local lab = require "punchlab"

lab.title "TCP connections through a relay, in both directions"
lab.about [[
A cannot be called: its NAT is symmetric. It has an allocation for TCP (RFC 6062) at T, made over a TCP connection, the
control connection. When A asks to connect, T connects to the peer from A's relayed address, and A fetches the bytes by
a connection of its own, which it binds to that one: a data connection for each peer. When a peer that A has permitted
connects to the relayed address, T tells A of the attempt, and A fetches that the same way. Without a permission T
closes what comes.]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = "symmetric", lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")
local W  = internet:host("W", "198.51.100.80")     -- a server

local server = T:turn_server { users = { alice = "secret" }, realm = "example.org" }
local door   = lab.mailbox()
local shop   = W:tcp_listen(7000)

W:spawn(function()
  while true do
    local socket, from = shop:accept()
    socket:send("hello " .. tostring(from) .. "\n")
    socket:send((socket:recv() or ""):upper())
    socket:close()
  end
end, { background = true })

-- All that the peer still sends.
local function rest(socket)
  local all = ""
  while true do
    local data = socket:recv "5s"
    if not data then return all end
    all = all .. data
  end
end

A:spawn(function()
  local relay, why = A:turn(server, { user = "alice", password = "secret", transport = "tcp", peers = "tcp" })
  if not relay then
    lab.note("A gets no relay: " .. why)
    door:put(false)
    return
  end
  lab.result("relayed", relay.relayed)

  -- A calls.
  local socket = assert(relay:connect(shop.own))
  socket:send "bread"
  local said = rest(socket)
  lab.note(("W says %q"):format(said))
  lab.result("w_sees", said:match "hello (%S+)")
  lab.result("answer", said:match "\n(.*)")
  local _, refused, detail = relay:connect(lab.endpoint(W, 7001))
  lab.result("closed_port", detail and detail.code or refused)

  -- A is called.
  door:put(relay.relayed)
  local nobody, none = relay:accept "2s"
  lab.result("without_permission", nobody and "accepted" or none)
  assert(relay:permit(nb))
  door:put(relay.relayed)
  local caller, from = assert(relay:accept "5s")
  lab.result("caller", from)
  caller:send((rest(caller):reverse()))
  caller:close()
  lab.sleep "1s"
  relay:close()
end)

B:spawn(function()
  local relayed = door:take()
  local connected = false
  if relayed then
    local socket = B:tcp_connect(relayed)
    if socket then
      lab.result("before", (select(2, socket:recv "1s")) or "data")
      socket:close()
    end
    door:take()
    socket = B:tcp_connect(relayed)
    if socket then
      socket:send(("0123456789"):rep(1000))
      socket:shutdown()
      connected = rest(socket) == ("9876543210"):rep(1000)
    end
  end
  lab.result("connected", connected)
  if relayed then
    local results = lab.results
    lab.expect(results.w_sees == tostring(results.relayed), "W sees A's relayed address")
    lab.expect(results.answer == "BREAD", "bytes go both ways")
    lab.expect(results.closed_port == 447, "a peer that cannot be reached: 447")
    lab.expect(results.without_permission == "timeout", "A never hears of a caller without permission")
    lab.expect(connected, "a permitted caller gets through, and bytes go both ways")
  end
end)
