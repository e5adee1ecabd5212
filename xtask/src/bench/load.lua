-- Sends requests with the photos of a folder in turn: predictions, or with the argument `mixed` requests of many kinds, good
-- and bad. Prints the figures as JSON in the last line.
local photos, kinds, threads, number, turn = {}, {}, {}, 0, 0
statuses = {}

local function post(path, body)
  return wrk.format('POST', path, { ['Content-Type'] = 'multipart/form-data; boundary=part' }, body .. '--part--\r\n')
end

local function photo()
  number = number % #photos + 1
  return photos[number]
end

local function predict() return post('/predict', photo()) end

local function mix()
  local predict = function() return post('/predict?top_k=5', photo()) end
  kinds = {
    predict, predict, predict, predict,
    function() return post('/predict/batch', photo() .. photo()) end,
    function() return post('/explain', photo()) end,
    function() return post('/resize?width=300&height=200', photo()) end,
    function() return post('/predict', photo():sub(1, 2000) .. '\r\n') end,
    function() return post('/predict', 'no photo') end,
    function() return wrk.format('GET', '/') end,
    function() return wrk.format('GET', '/metrics') end,
    function() return wrk.format('GET', '/health') end,
    function() return wrk.format('GET', '/nothing') end,
  }
  -- Only here, because it slows the load.
  function response(status)
    statuses[tostring(status)] = (statuses[tostring(status)] or 0) + 1
  end
end

function setup(thread)
  threads[#threads + 1] = thread
end

function init(arguments)
  local listing = io.popen('ls "' .. arguments[1] .. '"')
  for name in listing:lines() do
    local file = io.open(arguments[1] .. '/' .. name, 'rb')
    photos[#photos + 1] = '--part\r\nContent-Disposition: form-data; name="file"; filename="' .. name
      .. '"\r\nContent-Type: image/jpeg\r\n\r\n' .. file:read('*a') .. '\r\n'
    file:close()
  end
  listing:close()
  kinds = { predict }
  if arguments[2] == 'mixed' then mix() end
end

function request()
  turn = turn % #kinds + 1
  return kinds[turn]()
end

function done(summary, latency)
  local counts = {}
  for _, thread in ipairs(threads) do
    for status, count in pairs(thread:get('statuses')) do
      counts[#counts + 1] = string.format('"%s": %d', status, count)
    end
  end
  local errors = summary.errors
  io.write(string.format('{"rate": %f, "p50": %f, "p99": %f, "refused": %d, "broken": %d, "statuses": {%s}}\n',
    summary.requests / summary.duration * 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout, table.concat(counts, ', ')))
end
