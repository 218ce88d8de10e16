-- KEYS: session. ARGV: 1 lease token, 2 length of the lease from now on, 0 to give it back.
local value = redis.call('GETRANGE', KEYS[1], 0, 48)
local answer = obstacle(value)
if answer then return answer end
local now = millis()
local _, _, _, _, _, lease_end = numbers(value)
if lease_end <= now or string.sub(value, 33, 40) ~= ARGV[1] then return LEASED end
local later = 0
if ARGV[2] ~= '0' then later = now + ARGV[2] end
redis.call('SETRANGE', KEYS[1], 40, struct.pack('>I8', later))
return SAVED
