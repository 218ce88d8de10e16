-- KEYS: session. ARGV: 1 length of the lease. Returns the time and the value, or how long the
-- current lease still lasts. A token is the time in microseconds if that is more than one above
-- the last: a failover that loses the last token must not give it out again.
local value = redis.call('GETRANGE', KEYS[1], 0, 48)
local answer = obstacle(value)
if answer then return answer end
local now = millis()
local _, _, _, _, token, lease_end = numbers(value)
if lease_end > now then return { lease_end - now } end
token = math.max(token + 1, now * 1000)
redis.call('SETRANGE', KEYS[1], 32, struct.pack('>I8I8', token, now + ARGV[1]))
return { now, redis.call('GET', KEYS[1]) }
