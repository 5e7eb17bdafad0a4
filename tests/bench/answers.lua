-- One thread has one connection and one attempt: wrk -t64 -c64 -s answers.lua URL -- PLAN ROUTE FIRST_SEQ
local threads = 0

function setup(thread)
  threads = threads + 1
  thread:set("place", threads)
end

function init(args)
  local own = dofile(args[1])[place]
  target = "/attempts/" .. own.attempt .. "/" .. args[2]
  seq = tonumber(args[3])
  epoch, items = own.epoch, own.items
  headers = {
    ["Cookie"] = own.cookie,
    ["X-CSRF-Token"] = own.csrf,
    ["Origin"] = own.origin,
    ["Accept"] = "application/json",
    ["Content-Type"] = "application/json",
  }
end

function request()
  seq = seq + 1
  local item = items[seq % #items + 1]
  local option = item.options[seq % #item.options + 1]
  local body = string.format(
    '{"epoch":%d,"seq":%d,"item":"%s","option":"%s","client_time":"%s"}',
    epoch, seq, item.id, option, os.date("!%Y-%m-%dT%H:%M:%S.000Z"))
  return wrk.format("POST", target, headers, body)
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"requests":%d,"us":%d,"refused":%d,"broken":%d,"p50_ms":%.2f,"p99_ms":%.2f}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1000, latency:percentile(99) / 1000))
end
