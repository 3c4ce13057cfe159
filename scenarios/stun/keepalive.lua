local lab = require "punchlab"

lab.title "How long a mapping lives, and what keeps it alive"
lab.about [[
A mapping that nobody uses dies. First A keeps silent for longer than the NAT's lifetime: S, sending to the address that
it knows, reaches nobody. Then A sends a keep-alive every now and then, and S reaches A after the same time. At last the
longest silence that a mapping survives is found by bisection, each try with a fresh socket: hours of virtual time. It is
known to 10 ms then, or to a hundredth of what is found where that is less.]]

local lifetime = lab.param("lifetime", "2min", "how long the NAT keeps an idle UDP mapping")
local type_a = lab.param("nat_a", "port-restricted-cone", "behaviour of A's NAT")

local whole = lab.seconds(lifetime)
assert(whole >= 1e-6, "the lifetime is " .. lifetime .. "; accepted: 1us or more, which a keep-alive can meet")

local internet = lab.internet { delay = "0ms" }
local S  = internet:host("S", "198.51.100.1")
local na = internet:nat("natA", "203.0.113.1", { type = type_a, lan = "10.0.0.0/24", timeout = lifetime })
local A  = na:host("A", "10.0.0.2", { delay = "0ms" })

local server = S:udp(3479)

-- A sends to S from a fresh socket, is silent for `silence` but for a keep-alive every `keepalive` seconds, and in the
-- last nanosecond of it S sends to the address that it saw first. Does that reach A? Nil where A does not reach S at all.
local function survives(silence, keepalive)
  local sock = A:udp()
  sock:send(lab.endpoint(S, 3479), "I am here")
  local heard, seen = server:recv("1s")
  if not heard then return nil end

  local till = lab.now() + silence
  while keepalive and lab.now() + keepalive < till do
    lab.sleep(keepalive)
    sock:send(lab.endpoint(S, 3479), "still here")
    assert(server:recv("1s"))
  end
  lab.sleep(till - lab.now() - 1e-9)

  server:send(seen, "are you still there?")
  local reached = sock:recv("1s") ~= nil
  sock:close()
  return reached
end

A:spawn(function()
  local silent = survives(whole * 1.5)
  if silent == nil then
    lab.note "nothing that A sends reaches S: there is no mapping to keep alive"
    return lab.result("silence_kills", "blocked")
  end
  lab.note(("after %g s of silence S %s A"):format(whole * 1.5, silent and "still reaches" or "no longer reaches"))
  if type_a ~= "none" then lab.expect(not silent, "a mapping dies in silence") end

  local kept = survives(whole * 1.5, whole * 0.75)
  lab.note(("with a keep-alive each %g s it %s"):format(whole * 0.75, kept and "does" or "does not"))
  lab.expect(kept, "keep-alives keep it alive")

  lab.result("silence_kills", not silent)
  lab.result("keepalive_keeps", kept)
  if silent then return end                          -- nothing to find

  -- From here on nothing is known of the NAT's setting. Silences are counted in parts of a second.
  local parts, lives, dies = 100, 0, 100
  while parts < 1e9 and not survives(dies / parts) do parts = parts * 100 end
  while survives(dies / parts) do lives, dies = dies, dies * 2 end
  while dies - lives > 1 do
    local middle = (lives + dies) // 2
    if survives(middle / parts) then lives = middle else dies = middle end
  end
  lab.note(("the longest silence that a mapping survived is %g s"):format(lives / parts))
  lab.result("lifetime_found", lives / parts)
end)
