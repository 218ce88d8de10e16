-- KEYS: session[, index]. ARGV: 1 body, 2 idle length, 3 absolute length, 4 member of the index.
if redis.call('EXISTS', KEYS[1]) == 1 then return TAKEN end
local now = millis()
local absolute = now + ARGV[3]
if KEYS[2] then enlist(KEYS[2], ARGV[4], absolute, now) end
write(KEYS[1], 1, math.min(now + ARGV[2], absolute), absolute, ARGV[2], 0, 0, ARGV[1])
return SAVED
