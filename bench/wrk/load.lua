-- One script for both sides. Its first argument is a Lua file that returns what to send, its second where to write.
--   { kind = "single",   requests = {{method, path, headers, body}, …} }
--   { kind = "exchange", authorize = {{method, path, headers}, …}, token = {method, path, headers, body}, redirect = … }
--   { kind = "refresh",  token = {method, path, headers, body}, tokens = {…} }
-- "exchange" and "refresh" are chains: what an answer gives is what a later request presents.

local threads = {}

function setup(thread)
  table.insert(threads, thread)
end

local function formatted(request)
  return wrk.format(request[1], request[2], request[3], request[4])
end

local function escaped(text)
  return (text:gsub("[^%w%-%._~]", function(c) return string.format("%%%02X", string.byte(c)) end))
end

function init(arguments)
  plan = dofile(arguments[1])
  out = arguments[2]
  finished, unexpected, example = 0, 0, ""
  waiting, first, last = {}, 1, 0
  ready, turn = {}, 0
  for number, request in ipairs(plan.requests or plan.authorize or {}) do ready[number] = formatted(request) end
  for _, token in ipairs(plan.tokens or {}) do put(token) end
  if plan.kind == "single" then response = nil end
end

local function in_turn()
  turn = turn % #ready + 1
  return ready[turn]
end

local function take()
  local value = waiting[first]
  if value then
    waiting[first] = nil
    first = first + 1
  end
  return value
end

function put(value)
  last = last + 1
  waiting[last] = value
end

local function token_request(presented)
  local token = plan.token
  return wrk.format(token[1], token[2], token[3], token[4] .. escaped(presented))
end

function request()
  if plan.kind == "single" then return in_turn() end
  local presented = take()
  if presented then return token_request(presented) end
  if plan.kind == "refresh" then error("no refresh token is left: answers were lost") end
  return in_turn()
end

function response(status, headers, body)
  if status == 303 and plan.kind == "exchange" then
    local location = headers["Location"] or headers["location"] or ""
    local code = location:match("[?&]code=([^&]+)")
    if code and location:sub(1, #plan.redirect) == plan.redirect then return put(code) end
  elseif status == 200 and plan.kind == "exchange" then
    if body:find('"id_token"', 1, true) then finished = finished + 1 return end
  elseif status == 200 and plan.kind == "refresh" then
    local token = body:match('"refresh_token"%s*:%s*"([^"]+)"')
    if token then finished = finished + 1 return put(token) end
  end
  unexpected = unexpected + 1
  if example == "" then example = string.format("%d %s %s", status, headers["Location"] or "", body:sub(1, 200)) end
end

function done(summary, latency, requests)
  local finished, unexpected, example = 0, 0, ""
  for _, thread in ipairs(threads) do
    finished = finished + thread:get("finished")
    unexpected = unexpected + thread:get("unexpected")
    if example == "" then example = thread:get("example") end
  end
  local errors = summary.errors
  local file = assert(io.open(threads[1]:get("out"), "w"))
  file:write(string.format(
    '{"requests": %d, "finished": %d, "unexpected": %d, "refused": %d, "broken": %d, "seconds": %f, ' ..
    '"p50_ms": %f, "p99_ms": %f, "example": "%s"}\n',
    summary.requests, finished, unexpected, errors.status, errors.connect + errors.read + errors.write + errors.timeout,
    summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    (example:gsub('[^%w%p ]', ' '):gsub('["\\]', "'"))))
  file:close()
end
