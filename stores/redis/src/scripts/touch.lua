-- KEYS: session.
local value = redis.call('GETRANGE', KEYS[1], 0, 48)
local answer = obstacle(value)
if answer then return answer end
local _, expires, absolute, idle = numbers(value)
local later = math.min(millis() + idle, absolute)
if later > expires then
  redis.call('SETRANGE', KEYS[1], 8, struct.pack('>I8', later))
  redis.call('PEXPIREAT', KEYS[1], later - 1)
end
return SAVED
