-- KEYS: from, to[, index]. ARGV: as for save, of which 7 and 8 are not looked at. Returns the
-- former principal if there was one.
local value = redis.call('GETRANGE', KEYS[1], 0, 80)
local answer = obstacle(value)
if answer then return answer end
local refusal, now, revision, _, token = admit(KEYS[1], value, ARGV[5], ARGV[6])
if refusal then return refusal end
if redis.call('EXISTS', KEYS[2]) == 1 then return TAKEN end
local absolute = now + ARGV[3]
if KEYS[3] then enlist(KEYS[3], ARGV[4], absolute, now) end
local expires = math.min(now + ARGV[2], absolute)
write(KEYS[2], revision + 1, expires, absolute, ARGV[2], token, 0, ARGV[1])
bury(KEYS[1], 1)
local before = principal(value, 49)
if before ~= '' then return before end
return SAVED
