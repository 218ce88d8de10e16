-- Checks the right to write: 1 base revision, 2 lease token or nothing. Returns an answer if
-- there is none, else the numbers of the session.
local function admit(key, value, base, token)
  local now = millis()
  local revision, _, absolute, _, last_token, lease_end = numbers(value)
  if token == '' then
    if lease_end > now then return LEASED end
  elseif lease_end <= now or string.sub(value, 33, 40) ~= token then
    return LEASED
  end
  if string.sub(value, 1, 8) ~= base then return { now, redis.call('GET', key) } end
  return nil, now, revision, absolute, last_token, lease_end
end
