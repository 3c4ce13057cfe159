local lab = require "punchlab"

lab.title "How long a mapping lives, and what keeps it alive"
lab.about [[
A mapping that nobody uses dies. First A keeps silent for longer than the NAT's lifetime: S, sending to the address that
it knows, reaches nobody. Then A sends a keep-alive every now and then, and S reaches A after the same time. At last the
longest silence that a mapping survives is found by bisection, each try with a fresh socket: hours of virtual time.]]

local lifetime = lab.param("lifetime", "2min", "how long the NAT keeps an idle UDP mapping")
local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local internet = lab.internet { delay = "0ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", timeout = lifetime })
local A  = na:host("A", "10.0.0.2", { delay = "0ms" })

local server = S:udp(3479)

-- A sends to S from a fresh socket, is silent for `silence` but for a keep-alive every `keepalive` seconds, and then S
-- sends to the address that it saw first. Does that reach A?
local function survives(silence, keepalive)
  local sock = A:udp()
  sock:send(lab.endpoint(S, 3479), "I am here")
  local _, seen = assert(server:recv("1s"))

  local till = lab.now() + silence
  while keepalive and lab.now() + keepalive < till do
    lab.sleep(keepalive)
    sock:send(lab.endpoint(S, 3479), "still here")
    assert(server:recv("1s"))
  end
  lab.sleep(till - lab.now())

  server:send(seen, "are you still there?")
  local reached = sock:recv("1s") ~= nil
  sock:close()
  return reached
end

A:spawn(function()
  local whole = lab.seconds(lifetime)

  local silent = survives(whole * 1.5)
  lab.note(("after %g s of silence S %s A"):format(whole * 1.5, silent and "still reaches" or "no longer reaches"))
  if type_a ~= "none" then lab.expect(not silent, "a mapping dies in silence") end

  local kept = survives(whole * 1.5, whole * 0.75)
  lab.note(("with a keep-alive each %g s it %s"):format(whole * 0.75, kept and "does" or "does not"))
  lab.expect(kept, "keep-alives keep it alive")

  lab.result("silence_kills", not silent)
  lab.result("keepalive_keeps", kept)
  if silent then return end                          -- nothing to find

  local lives, dies = 0, 1                           -- seconds; from here on nothing is known of the NAT's setting
  while survives(dies) do lives, dies = dies, dies * 2 end
  while dies - lives > 0.01 do
    local middle = (lives + dies) / 2
    if survives(middle) then lives = middle else dies = middle end
  end
  lab.note(("the longest silence that a mapping survived is %.2f s"):format(lives))
  lab.result("lifetime_found", math.floor(dies * 100 + 0.5) / 100)
end)
