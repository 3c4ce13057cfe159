local lab = require "punchlab"

lab.title "A pair of ports for RTP and RTCP"
lab.about [[
Old phones send RTP to an even port and RTCP to the next one. A relayed address is any port of the relay's, unless the
client asks for an even one, and for the next one to be kept for it (EVEN-PORT with the R bit): the answer then has a
token with which another allocation, within 30 seconds, gets that port (RESERVATION-TOKEN). A token is good once, and
not for ever. (RFC 8656 section 7.)]]

local type_a = lab.param("nat_a", "symmetric", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local T  = internet:host("T", "198.51.100.10")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = internet:host("B", "198.51.100.50")

local server = T:turn_server { users = { alice = "secret" }, realm = "example.org" }

local function ask(options)
  options.user, options.password = "alice", "secret"
  local relay, why, detail = A:turn(server, options)
  return relay, detail and detail.code or why
end

A:spawn(function()
  local rtp, why = ask { even_port = "pair" }
  if not rtp then
    lab.note("A gets no relay: " .. why)
    return
  end
  local rtcp = assert(ask { token = rtp.token })
  lab.note(("RTP at %s, RTCP at %s: the token was %s"):format(rtp.relayed, rtcp.relayed, rtp.token))
  local _, again = ask { token = rtp.token }

  local late = assert(ask { even_port = "pair" })
  lab.sleep "31s"
  local _, expired = ask { token = late.token }
  local even = assert(ask { even_port = true })

  -- B answers RTP from its own pair of ports.
  local sender, reporter = B:udp(6000), B:udp(6001)
  assert(rtp:permit(B))
  assert(rtcp:permit(B))
  sender:send(rtp.relayed, "RTP")
  reporter:send(lab.endpoint(rtp.relayed.ip, rtp.relayed.port + 1), "RTCP")
  local media, report = rtp:recv "1s", rtcp:recv "1s"

  lab.result("rtp_port", rtp.relayed.port)
  lab.result("rtcp_port", rtcp.relayed.port)
  lab.result("token_again", again)
  lab.result("token_after_31s", expired)
  lab.result("even_alone", even.relayed.port % 2 == 0 and even.token == nil)
  lab.result("connected", media == "RTP" and report == "RTCP")
  lab.expect(rtp.relayed.port % 2 == 0 and rtcp.relayed.port == rtp.relayed.port + 1, "an even port and the next one")
  lab.expect(again == 508 and expired == 508, "a token is good once, for 30 s: 508 otherwise")
  lab.expect(media == "RTP" and report == "RTCP", "B reaches both")
  for _, relay in ipairs { rtp, rtcp, late, even } do relay:close() end
end)
