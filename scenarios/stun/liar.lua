local lab = require "punchlab"

lab.title "A STUN server that lies, and a client that is not taken in"
lab.about [[
To find out what a NAT lets in, a client asks the server to answer from its other address (CHANGE-REQUEST, RFC 5780 section
7.2). If that answer comes, the NAT admits strangers, and with an endpoint-independent mapping that is a full cone. But some
servers ignore the request and answer from where they were asked. A naive client takes any answer for the awaited one: to
it every NAT is a full cone, and the calls that rely on it fail. The other one looks at where the answer came from. It was
no stranger, so it proves nothing; what the filter does can't be told by this server. With lies=false the server does as
it is asked, and both are right.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local lies   = lab.param("lies", true, "whether the server ignores CHANGE-REQUEST")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", { "198.51.100.1", "198.51.100.2" })
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local A  = na:host("A", "10.0.0.2")

S:stun_server { alternate = "198.51.100.2", ignore_change = lies }

-- A Binding request by hand: type, length, magic cookie, transaction ID; CHANGE-REQUEST with the flags for both address
-- and port (RFC 8489 section 5, RFC 5780 section 7.2).
local request = string.pack(">I2I2I4c12 I2I2I4", 0x0001, 8, 0x2112A442, "naive client", 0x0003, 4, 4 | 2)

A:spawn(function()
  local sock, from = A:udp(), nil
  for _ = 1, 5 do                                     -- silence must not be loss
    sock:send(lab.endpoint(S, 3478), request)
    local answer, sender = sock:recv("1s")
    if answer then from = from or sender end
  end
  lab.note(from and ("the answer comes from %s, and it was asked to come from another address"):format(from)
                or "no answer comes from the other address")
  lab.result("naive", from and "lets anyone in" or "filters")
  lab.result("answered_from", from or "nobody")

  local found = assert(A:nat_check(S, { lifetime = 0, fragments = false }))
  for _, name in ipairs { "mapping", "filtering", "class" } do
    lab.result(name, found[name] or "can't tell")
  end
  lab.result("why", found.why.filtering or "")
  if lies then
    lab.expect(not found.filtering, "who was lied to does not say what the filter does")
    lab.expect(not found.class, "and does not give the NAT a name")
  else
    lab.expect(found.filtering, "an honest server tells")
  end
end)
