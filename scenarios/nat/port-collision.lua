local lab = require "punchlab"

lab.title "Two hosts, one port, a NAT that preserves ports"
lab.about [[
A NAT that preserves ports gives A's port 5000 the external port 5000, and programs come to rely on it. Then B next to A
uses port 5000 as well. The port is taken, so B gets another one (RFC 4787 section 4.2.1): a program that tells its peers
its own port instead of asking STUN sends them to A. With overloading (forbidden by REQ-3) B gets port 5000 too.]]

local type_a = lab.param("nat_a", "full-cone", "behaviour of the NAT")

local internet = lab.internet { delay = "20ms" }
local S   = internet:host("S", "198.51.100.1")
local P   = internet:host("P", "198.51.100.2")
local nat = internet:nat("nat", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local hosts = { A = nat:host("A", "10.0.0.2"), B = nat:host("B", "10.0.0.3") }

S:stun_server()

lab.spawn(function()
  local socks, mapped = {}, {}
  for _, name in ipairs { "A", "B" } do
    socks[name] = hosts[name]:udp(5000)
    mapped[name] = assert(socks[name]:stun(S))
    lab.note(("%s has port 5000; S sees it as %s"):format(name, mapped[name]))
    lab.result("mapped_" .. name:lower(), mapped[name])
  end

  -- Each opens its filter for P, which then calls B: first at the port that B believes it has, then where STUN saw it.
  local caller = P:udp(6000)
  for _, sock in pairs(socks) do sock:send(caller.own, "let P in") end
  lab.sleep "100ms"

  local function who_hears(to, text)
    caller:send(to, text)
    lab.sleep "100ms"
    local heard = {}
    for _, name in ipairs { "A", "B" } do
      while true do
        local data = socks[name]:recv(0)
        if not data then break end
        if data == text then heard[#heard + 1] = name end
      end
    end
    return table.concat(heard, " and ")
  end

  local believed = who_hears(lab.endpoint(nat.ip, 5000), "to B's own port")
  local told = who_hears(mapped.B, "to B's mapped port")
  lab.result("own_port_reaches", believed)
  lab.result("mapped_port_reaches", told)
  lab.result("connected", told == "B")
  if not type_a:find("symmetric", 1, true) then
    lab.expect(told == "B", "what STUN told B leads to B")
  end
end)
