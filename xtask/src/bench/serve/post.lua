-- Posts every file of a folder in turn, as the field `file` of a form.
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
