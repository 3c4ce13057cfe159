local lab = require "punchlab"

lab.title "One STUN exchange, seen on both sides of the NAT"
lab.about [[
A asks S: who am I? On the LAN the request comes from A's private address, on the internet from the NAT's public one, and
that is what S writes into its answer, twice: plainly in MAPPED-ADDRESS, and XORed with the magic cookie 0x2112A442 in
XOR-MAPPED-ADDRESS, because some boxes rewrite any four bytes that look like an address they know (RFC 8489 section 14.2).
Compare A-natA.pcap with natA-internet.pcap.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")

S:stun_server()

-- The four bytes of an IPv4 address as one number.
local function number(ip)
  local value = 0
  for byte in ip:gmatch "%d+" do value = value << 8 | tonumber(byte) end
  return value
end

A:spawn(function()
  local sock = A:udp(5000)
  local mapped, reply = sock:stun(S)
  if not mapped then
    lab.note(("there is no exchange through this box: %s"):format(reply))
    return lab.result("mapped", reply)
  end

  local own = lab.endpoint(A, sock.port)
  local cookie = 0x2112A442
  local ip, port = number(mapped.ip), mapped.port
  lab.note(("A's own address is %s; S saw %s"):format(own, mapped))
  lab.note(("MAPPED-ADDRESS carries the port as 0x%04X and the address as 0x%08X"):format(port, ip))
  lab.note(("XOR-MAPPED-ADDRESS carries the port as 0x%04X: 0x%04X xor 0x%04X, the cookie's first two bytes")
    :format(port ~ (cookie >> 16), port, cookie >> 16))
  lab.note(("and the address as 0x%08X: 0x%08X xor 0x%08X, the cookie"):format(ip ~ cookie, ip, cookie))

  lab.result("mapped", reply.mapped)
  lab.result("xor_mapped", reply.xor_mapped)
  lab.result("own", own)
  lab.result("rtt", reply.rtt)
  lab.expect(reply.mapped == reply.xor_mapped, "both attributes tell the same address")
  if type_a ~= "none" then
    lab.expect(mapped ~= own, "it is not the one that A knows as its own")
  end
end)
