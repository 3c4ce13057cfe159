local lab = require "punchlab"

lab.title "What kind of NAT is this? Behaviour discovery"
lab.about [[
A asks a STUN server with two addresses and two ports, and learns how its NAT behaves (RFC 5780). Does another destination
see another port? That is the mapping. Does an answer come in from an address that A never sent to? That is the filtering.
Does what A sends to its own public address come back? That is the hairpin. How long does a mapping live that nobody uses?
That is the lifetime. The words are those of RFC 4787; `class` is the name that RFC 3489 had for the pair of mapping and
filtering, and `rfc3489` what its own, simpler walk would have said. What can't be told is not guessed: the note says why.
Try any preset (punchlab nat lists them), or any behaviour for itself:
    punchlab run stun/behaviour-discovery --set nat=cgn
    punchlab matrix stun/behaviour-discovery --rows mapping=$d --cols filtering=$d --cell rfc3489
with d=endpoint-independent,address-dependent,address-and-port-dependent. Two to look at: `linux` makes a mapping for each
destination, but gives them all the same port where it can, and from outside that is endpoint-independent; and with
loss=0.05 every link loses one packet in twenty, yet what is found is the same.]]

local type_a = lab.param("nat", "port-restricted-cone", "behaviour of A's NAT: any preset")
local loss   = lab.param("loss", 0, "what share of packets each link loses, each way")

local function choose(name, ...)
  local value = lab.param(name, "as-type", name .. " of A's NAT", { "as-type", ... })
  return value ~= "as-type" and value or nil
end
local independent, by_address, by_both = "endpoint-independent", "address-dependent", "address-and-port-dependent"
local set = {
  mapping   = choose("mapping", independent, by_address, by_both),
  filtering = choose("filtering", independent, by_address, by_both),
  ports     = choose("ports", "preserve", "sequential", "random"),
  hairpin   = choose("hairpin", "off", "internal-source", "external-source"),
}

local internet = lab.internet { delay = "20ms", loss = loss }
local S  = internet:host("S", { "198.51.100.1", "198.51.100.2" })
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", mapping = set.mapping,
                                                 filtering = set.filtering, ports = set.ports, hairpin = set.hairpin })
local A  = na:host("A", "10.0.0.2", { loss = loss })

S:stun_server { alternate = "198.51.100.2" }

-- What the classic types set; with the parameters above, all that is known of the box beforehand.
local classic = {
  ["full-cone"]            = { mapping = independent, filtering = independent, ports = "preserve", hairpin = "off" },
  ["restricted-cone"]      = { mapping = independent, filtering = by_address, ports = "preserve", hairpin = "off" },
  ["port-restricted-cone"] = { mapping = independent, filtering = by_both, ports = "preserve", hairpin = "off" },
  ["symmetric"]            = { mapping = by_both, filtering = by_both, ports = "random", hairpin = "off" },
}

A:spawn(function()
  local found = assert(A:nat_check(S, { lifetime = "6min", fragments = false }))
  for _, sentence in ipairs(found.evidence) do lab.note(sentence) end

  for _, name in ipairs { "mapping", "filtering", "ports", "hairpin", "lifetime", "class", "rfc3489" } do
    local configured = set[name] or (classic[type_a] or {})[name]
    if not found[name] then lab.note(("%s: can't tell, because %s"):format(name, found.why[name])) end
    if found[name] and configured then
      lab.expect(found[name] == configured, ("%s: what the box was set to, %s"):format(name, configured))
    end
    local value = found[name]
    if name == "lifetime" and value then value = math.floor(value * 10) / 10 end
    lab.result(name, value or "can't tell")
  end
  if classic[type_a] and not (set.mapping or set.filtering) and found.class then
    lab.expect(found.class == type_a, "its classic name is that of the preset")
  end
  if classic[type_a] and found.lifetime then
    lab.expect(found.lifetime <= 300 + 0.3 and found.lifetime_end >= 300, "it lived for the preset's five minutes")
  end
end)
