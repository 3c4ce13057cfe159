local lab = require "punchlab"

lab.title "FTP through a NAT, with and without a gateway that reads it"
lab.about [[
In FTP's active mode the client names an address and a port, on the control connection, and the server connects there to
hand over the file (PORT, RFC 959; EPRT, RFC 2428). Behind a NAT it names its private address, where nobody gets. An
application-level gateway in the box reads the line, opens a port for the server alone, and names that instead: the line
becomes longer or shorter, so that all sequence numbers behind it change. Then the line comes in two segments, is lost and
sent again with other boundaries, and is read all the same. A client that names somebody else's address (the bounce attack,
RFC 2577) gets nothing opened. At last a gateway that takes each segment for itself, and leaves the numbers alone.]]

local type_a = lab.param("nat", "port-restricted-cone", "behaviour of the NAT")
local loss   = lab.param("loss", 0.1, "what the client's link loses while the lossy transfers run")

local internet = lab.internet { delay = "10ms" }
local server = internet:host("S", "198.51.100.1")
local victim = internet:host("V", "198.51.100.9")
local nat    = internet:nat("nat", "203.0.113.17", { type = type_a, lan = "10.0.0.0/24" })
local A      = nat:host("A", "10.0.0.2")

local FILE = ("the quick brown fox jumps over the lazy dog\r\n"):rep(40)

-- One line of a connection, without its end; what follows waits in `buffers`.
local buffers = {}
local function read_line(socket, timeout)
  local buffer = buffers[socket] or ""
  while not buffer:find("\r\n", 1, true) do
    local data, why = socket:recv(timeout or "60s")
    if not data then return nil, why end
    buffer = buffer .. data
  end
  local line, rest = buffer:match("^(.-)\r\n(.*)$")
  buffers[socket] = rest
  return line
end

-- The server: where PORT and EPRT say, it connects from port 20.
local function where(line)
  local a, b, c, d, high, low = line:match("^PORT (%d+),(%d+),(%d+),(%d+),(%d+),(%d+)$")
  if a then return ("%s.%s.%s.%s"):format(a, b, c, d), tonumber(high) * 256 + tonumber(low) end
  local ip, port = line:match("^EPRT |1|([%d.]+)|(%d+)|$")
  if ip then return ip, tonumber(port) end
end

local function serve(control)
  local ip, port
  control:send("220 ready\r\n")
  while true do
    local line = read_line(control)
    if not line then break end
    local new_ip, new_port = where(line)
    if new_ip then
      ip, port = new_ip, new_port
      control:send("200 ok\r\n")
    elseif line == "RETR file" and ip then
      local data = server:tcp_connect(lab.endpoint(ip, port), { from_port = 20, timeout = "4s" })
      if data then
        control:send("150 here it comes\r\n")
        data:send(FILE)
        data:close()
        control:send("226 done\r\n")
      else
        control:send("425 cannot connect\r\n")
      end
      ip = nil
    elseif line == "QUIT" then
      control:send("221 bye\r\n")
      break
    else
      control:send("500 what?\r\n")
    end
  end
  control:close()
end

local listener = server:tcp_listen(21)
server:spawn(function()
  while true do
    local control = listener:accept()
    server:spawn(function() serve(control) end, { background = true })
  end
end, { background = true })

-- The client: names `address` in PORT or EPRT, and tells how much of the file it gets. `pieces`: the command goes in
-- two segments, cut in the midst of the address; the second waits for the first to be acknowledged (Nagle), and comes with
-- what is sent again.
local next_port = 40000
local function fetch(options)
  next_port = next_port + 1
  local port = next_port
  local data = A:tcp_listen(port)
  local control = A:tcp_connect("198.51.100.1:21", { timeout = "20s" })
  if not control then return 0, "no control connection" end
  local got = 0
  A:spawn(function()
    local socket = data:accept("60s")
    if not socket then return end
    while true do
      local piece = socket:recv("30s")
      if not piece then break end
      got = got + #piece
    end
    socket:close()
  end)

  read_line(control)
  local address = options.names or "10.0.0.2"
  local command = options.extended and ("EPRT |1|%s|%d|\r\n"):format(address, port)
                  or ("PORT %s,%d,%d\r\n"):format(address:gsub("%.", ","), port // 256, port % 256)
  local reply
  if options.pieces then
    local cut = command:find("0", 1, true)
    control:send(command:sub(1, cut))
    control:send(command:sub(cut + 1))
  else
    control:send(command)
  end
  reply = read_line(control, "30s")
  if reply then
    control:send("RETR file\r\n")
    reply = read_line(control, "30s")
  end
  if reply and reply:find("^150") then reply = read_line(control, "60s") end
  if reply then
    control:send("QUIT\r\n")
    read_line(control, "30s")
  end
  control:close()
  lab.wait(function() return got == #FILE end, reply and reply:find("^226") and "60s" or "1s")
  data:close()
  return got, reply or "no answer"
end

local function case(name, options)
  local got, reply = fetch(options or {})
  lab.note(("%s: %s, %d of %d bytes"):format(name, reply, got, #FILE))
  return got == #FILE
end

A:spawn(function()
  local without = case("without an ALG")
  lab.result("without_alg", without)

  nat:alg("ftp")
  local active = case("with the ALG")
  local extended = case("EPRT", { extended = true })
  local pieces = case("in two segments", { pieces = true })
  lab.result("with_alg", active)
  lab.result("eprt", extended)
  lab.result("two_segments", pieces)
  lab.expect(active and extended and pieces, "what the ALG reads arrives")

  A:link { loss = loss }
  local good, tries = 0, 6
  for i = 1, tries do
    if case("on a lossy link, " .. i, { pieces = i % 2 == 0, extended = i % 2 == 1 and i > 1 }) then good = good + 1 end
  end
  A:link { loss = 0 }
  lab.result("lossy", good)
  lab.expect(good > 0, "files arrive over a lossy link too")

  local opened = lab.watch { node = nat, action = "pinhole-opened" }
  local bounce = case("bounce", { names = "198.51.100.9" })
  lab.result("bounce", bounce)
  lab.expect(not bounce and #opened == 0, "nothing is opened for another's address")

  nat:alg("ftp", { quirk = "breaks-on-segments" })
  local naive = case("a gateway that leaves the numbers alone")
  lab.result("naive", naive)
end)
