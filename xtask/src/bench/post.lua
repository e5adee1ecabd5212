-- Posts every file of a folder in turn, as the field `file` of a form, and prints the figures as JSON in the last line.
local bodies, turn = {}, 0

function init(arguments)
  local listing = io.popen('ls "' .. arguments[1] .. '"')
  for name in listing:lines() do
    local file = io.open(arguments[1] .. '/' .. name, 'rb')
    bodies[#bodies + 1] = '--part\r\nContent-Disposition: form-data; name="file"; filename="' .. name
      .. '"\r\nContent-Type: image/jpeg\r\n\r\n' .. file:read('*a') .. '\r\n--part--\r\n'
    file:close()
  end
  listing:close()
  wrk.method = 'POST'
  wrk.headers['Content-Type'] = 'multipart/form-data; boundary=part'
end

function request()
  turn = turn % #bodies + 1
  return wrk.format(nil, nil, nil, bodies[turn])
end

function done(summary, latency)
  io.write(string.format('{"rate": %f, "p50": %f, "p99": %f, "refused": %d}\n',
    summary.requests / summary.duration * 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, summary.errors.status))
end
