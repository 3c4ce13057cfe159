local lab = require "punchlab"

lab.title "Hole punching between two NATs"
lab.about [[
A and B each sit behind a NAT. Both learn their public address from a STUN server, exchange it, and then send to each
other from the same socket, again and again. An outbound packet opens the sender's own NAT for the answer: that is the
hole. Whoever hears something answers to the address that it came from, which may be another one than STUN saw.
It connects unless one NAT is symmetric and the other symmetric or port-restricted. Try it as a matrix:
    punchlab matrix nat/hole-punching
The classic names are four of nine pairs of mapping and filtering. All of them against each other:
    d=endpoint-independent,address-dependent,address-and-port-dependent
    punchlab matrix nat/hole-punching --rows mapping_a=$d --rows filtering_a=$d --cols mapping_b=$d --cols filtering_b=$d]]

local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")
local type_b = lab.param("nat_b", "port-restricted-cone", "behaviour of B's NAT")

local dependences = { "as-type", "endpoint-independent", "address-dependent", "address-and-port-dependent" }
local function choose(name, help)
  local value = lab.param(name, "as-type", help, dependences)
  return value ~= "as-type" and value or nil
end
local mapping_a, filtering_a = choose("mapping_a", "mapping of A's NAT"), choose("filtering_a", "filtering of A's NAT")
local mapping_b, filtering_b = choose("mapping_b", "mapping of B's NAT"), choose("filtering_b", "filtering of B's NAT")

local internet = lab.internet { delay = "20ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24",
                                             mapping = mapping_a, filtering = filtering_a })
local nb = internet:nat("natB", "203.0.113.2", { type = type_b, lan = "10.1.1.0/24",
                                             mapping = mapping_b, filtering = filtering_b })
local A  = na:host("A", "10.0.0.2")
local B  = nb:host("B", "10.1.1.3")

S:stun_server()

local mapped = {}            -- what STUN told each of them, exchanged out of band
local heard = {}

local function peer(host, me, other)
  host:spawn(function()
    local sock = host:udp(5000)
    local seen, why = sock:stun(S)
    if not seen then return lab.note(("%s learns nothing from S: %s"):format(me, why)) end
    mapped[me] = seen
    if not lab.wait(function() return mapped[other] end, "1min") then return end

    local to = mapped[other]
    for round = 1, 10 do
      sock:send(to, "punch " .. round)
      local deadline = lab.now() + 0.2
      while lab.now() < deadline do
        local data, from = sock:recv(deadline - lab.now())
        if data then
          heard[me] = true
          if from ~= to then                       -- a mapping that STUN could not know: answer there from now on
            to = from
            sock:send(to, "answer")
          end
        end
      end
    end
  end)
end

peer(A, "A", "B")
peer(B, "B", "A")

lab.at_end(function()
  lab.result("connected", heard.A and heard.B or false)
  lab.result("mapped_a", mapped.A or false)
  lab.result("mapped_b", mapped.B or false)
end)
