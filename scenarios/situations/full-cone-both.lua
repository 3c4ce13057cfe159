local lab = require "punchlab"

lab.title "Two full-cone NATs: everybody may call"
lab.about [[
A full-cone NAT gives a host one public address for all destinations and lets anybody send to it. So the addresses that
the STUN server saw are good for everyone: A and B exchange them and talk at once; not one packet is dropped.]]

local type_a = lab.param("nat_a", "full-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "full-cone", "behaviour of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24" })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24" })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local mapped, heard = {}, {}
local first                                        -- what became of A's first packet

local function peer(host, me, other)
  host:spawn(function()
    local sock = host:udp(5000)
    mapped[me] = assert(sock:stun(S))
    lab.note(me .. " learns from S that the world sees it as " .. tostring(mapped[me]))
    lab.wait(function() return mapped[other] end)

    for i = 1, 3 do
      local name = sock:send(mapped[other], "hello " .. i .. " from " .. me)
      if me == "A" and i == 1 then first = lab.watch { packet = name } end
      if sock:recv("200ms") then heard[me] = true end
    end
  end)
end

peer(A, "A", "B")
peer(B, "B", "A")

lab.at_end(function()
  local last = first and first[#first] or {}         -- nothing when the run is cut short before
  lab.result("connected", heard.A and heard.B or false)
  lab.result("first_packet", last.reason or last.action or "not sent")
  lab.result("mapped_a", mapped.A or false)
  lab.result("mapped_b", mapped.B or false)
  if type_a == "full-cone" and type_b == "full-cone" then
    lab.expect(heard.A and heard.B, "both hear each other")
    lab.expect(last.action == "delivered", "the very first packet arrives")
  end
end)
