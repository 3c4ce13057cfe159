local lab = require "punchlab"

lab.title "A box that rewrites addresses, and what STUN does about it"
lab.about [[
A's NAT means well: it looks for its own address in whatever comes in, and puts A's there, so that old programs which carry
addresses in their data may work. STUN's answer is such data. S writes down twice whom it sees: in MAPPED-ADDRESS plainly,
which the NAT changes back to A's private address, and in XOR-MAPPED-ADDRESS, whose bytes are not the address's and pass (RFC
8489 section 14.2). FINGERPRINT and MESSAGE-INTEGRITY are made over all of the answer, so whoever has asked for one of them
sees that it was tampered with, and ignores it. nat_check compares the two addresses and tells that there is such a box
(RFC 5780 section 3.6). At last the ALG is switched off. Compare natA-internet.pcap with A-natA.pcap.]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", alg = { "rewrite-addresses" } })
local A  = na:host("A", "10.0.0.2")

S:stun_server()
S:stun_server { port = 3479, users = { alice = "secret" }, mechanism = "short-term" }

-- What becomes of a request to S; `timeout` with a text says that answers came, and why none would do.
local function ask(what, port, options)
  local sock = A:udp()
  local mapped, reply, detail = sock:stun(lab.endpoint(S, port), options)
  lab.note(("%s: %s"):format(what, mapped and "A is seen as " .. tostring(mapped) or
                                   reply .. (detail and detail.text and ", " .. detail.text or "")))
  return mapped, reply, sock
end

A:spawn(function()
  -- Two requests are enough here: every answer comes back, and what is wrong with it does not get better.
  local user = { user = "alice", password = "secret", mechanism = "short-term", fingerprint = false, requests = 2 }

  local mapped, reply, sock = ask("nothing protects the answer", 3478, { fingerprint = false })
  if not mapped then return lab.result("mapped", reply) end
  lab.note(("MAPPED-ADDRESS says %s, XOR-MAPPED-ADDRESS %s; A's socket is at %s"):format(
    reply.mapped, reply.xor_mapped, lab.endpoint(A, sock.port)))
  lab.result("mapped", reply.mapped)
  lab.result("xor_mapped", reply.xor_mapped)
  if type_a ~= "none" then
    lab.expect(reply.mapped.ip == A.ip, "MAPPED-ADDRESS comes back with A's private address: the NAT has put it there")
    lab.expect(reply.xor_mapped.ip == na.ip, "XOR-MAPPED-ADDRESS has the public one")
  end

  local printed, why = ask("with FINGERPRINT", 3478, { requests = 2 })
  lab.result("with_fingerprint", printed and "answered" or why)

  local proven, reason = ask("with MESSAGE-INTEGRITY", 3479, user)
  lab.result("with_integrity", proven and "answered" or reason)

  local check = assert(A:nat_check(S, { lifetime = 0 }))
  lab.note(("nat_check finds: alg %s, as %s"):format(check.alg or check.why.alg, check.evidence[1]))
  lab.result("alg", check.alg)

  if type_a ~= "none" then
    lab.expect(not printed and not proven, "protected answers are ignored, because they were changed on the way")
    lab.expect(check.alg == "rewrites-addresses", "nat_check tells of the ALG")
    na:alg("rewrite-addresses", false)
  end
  lab.note "the ALG is switched off"
  local _, plain = ask("with FINGERPRINT", 3478, { requests = 2 })
  local after = ask("with MESSAGE-INTEGRITY", 3479, user)
  lab.expect(plain.mapped == plain.xor_mapped, "without the ALG both attributes tell the same address")
  lab.result("alg_off", after ~= nil and plain.mapped == plain.xor_mapped)
end)
