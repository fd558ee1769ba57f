-- Plays the pcap file that pktgen was started with (-s 0:FILE) on its first port, and writes what it counted to a file.
-- Run by scripts/pktgen/run, or by hand: pktgen EAL-FLAGS -- -P -m "[1:2].0" -s 0:FILE -f scripts/pktgen/play.lua
-- From the environment:
--   GL_COUNT    frames to send; 0: until the time is over (0)
--   GL_SECONDS  the time, at most (10)
--   GL_RATE     percent of the port's speed (100)
--   GL_RESULT   the file: JSON (none: the figures are only shown)

local port = "0"

local function setting(name, default)
  return tonumber(os.getenv(name) or default)
end

local count, seconds, rate = setting("GL_COUNT", 0), setting("GL_SECONDS", 10), setting("GL_RATE", 100)

local function statistics(kind)
  return pktgen.portStats(port, kind)[0]
end

-- pktgen reads the port's counters once a second.
local function settle()
  pktgen.delay(2500)
end

-- One sample a second, for as long as frames go out.
local function send()
  local samples = {}
  pktgen.start(port)
  for _ = 1, seconds do
    pktgen.delay(1000)
    local now = statistics("rate")
    samples[#samples + 1] = string.format('{"tx":%d,"rx":%d}', now.pkts_tx, now.pkts_rx)
    if pktgen.isSending(port)[0] ~= "y" then break end
  end
  pktgen.stop(port)
  return table.concat(samples, ",")
end

local function write_result(samples)
  local all = statistics("port")
  local text = string.format('{"sent":%d,"received":%d,"send_errors":%d,"receive_errors":%d,"missed":%d,"no_buffer":%d,"rates":[%s]}\n',
    all.opackets, all.ipackets, all.oerrors, all.ierrors, all.imissed, all.rx_nombuf, samples)
  local path = os.getenv("GL_RESULT")
  if path == nil then
    print(text)
    return
  end
  local file = assert(io.open(path .. ".part", "w"))
  file:write(text)
  file:close()
  assert(os.rename(path .. ".part", path))  -- whole, once it is there
end

pktgen.screen("off")
pktgen.set(port, "count", count)
pktgen.set(port, "rate", rate)
settle()
pktgen.clr()
settle()
local samples = send()
settle()
write_result(samples)
pktgen.quit()
