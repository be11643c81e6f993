-- Sends one form again and again; counts answers by status, and refusals that do not say when to come back.
-- Arguments: body, file to write the counts to.
local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

function init(arguments)
  wrk.method = "POST"
  wrk.body = arguments[1]
  wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
  if arguments[3] then wrk.headers["Host"] = arguments[3] end
  out = arguments[2]
  good, refused, silent, other = 0, 0, 0, 0
end

function response(status, headers)
  if status == 200 then
    good = good + 1
  elseif status == 503 or status == 429 then
    refused = refused + 1
    if not (headers["Retry-After"] or headers["retry-after"]) then silent = silent + 1 end
  else
    other = other + 1
  end
end

function done(summary, latency)
  local sums = { good = 0, refused = 0, silent = 0, other = 0 }
  for _, thread in ipairs(threads) do
    for name in pairs(sums) do sums[name] = sums[name] + thread:get(name) end
  end
  local file = assert(io.open(threads[1]:get("out"), "w"))
  file:write(string.format(
    '{"good":%d,"refused":%d,"silent":%d,"other":%d,"timeouts":%d,"broken":%d,"seconds":%f,"p99_ms":%f}',
    sums.good, sums.refused, sums.silent, sums.other, summary.errors.timeout,
    summary.errors.connect + summary.errors.read + summary.errors.write, summary.duration / 1e6,
    latency:percentile(99) / 1000))
  file:close()
end
