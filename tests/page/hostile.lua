-- A script that means ill: names, notes and payloads that a careless page would take for markup.
local lab = require "punchlab"

local markup = "</script><script>globalThis.hacked = true</script><img src=x onerror='globalThis.hacked = true'>"
lab.title("Hostile " .. markup)
lab.about("<!-- " .. markup .. " \u{2028} \u{2029} ]]> &lt;b&gt; {{data}} \u{202e}backwards")
lab.param("param", markup, "nothing good")

local internet = lab.internet { delay = "1ms" }
local S = internet:host("<b>S</b> | A.1", "198.51.100.1")
local nat = internet:nat("nat & 'quotes' \"", "203.0.113.1", { type = "symmetric", lan = "10.0.0.0/24" })
local A = nat:host("A</title>", "10.0.0.2")
local L = nat:host(string.rep("very-long-name-", 12), "10.0.0.3")

S:spawn(function()
  local sock = S:udp(7)
  for _ = 1, 3 do
    local data, from = sock:recv("1s")
    if data then sock:send(from, data) end
  end
end, { background = true })

A:spawn(function()
  local sock = A:udp(5000)
  lab.note(markup)
  lab.note("bytes that are no UTF-8: \xff\xfe\x80 and a NUL:\0 and a bell:\a")
  local payloads = { markup .. "\r\nsecond line </pre>", "\xff\x00\xc0\x80" .. string.rep("\xee", 400),
                     string.rep("long ", 200) .. "</textarea>" }
  for _, payload in ipairs(payloads) do
    sock:send("198.51.100.1:7", payload)
    sock:recv("1s")
  end
  sock:send("198.51.100.1:9", "nobody listens <i>there</i>")
  lab.sleep("100ms")
  lab.result(markup, markup)
  lab.result("bytes", "\xff\xfe")
  lab.expect(true, markup)
end)
L:spawn(function() L:udp(1):send("198.51.100.1:9", "from the long one") end)
