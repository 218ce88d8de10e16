-- KEYS: session. ARGV: 1 reason, 2 the only principal whose session may be ended, or nothing.
-- Returns the principal if there was one.
local value = redis.call('GETRANGE', KEYS[1], 0, 80)
local answer = obstacle(value)
if answer then return answer end
local owner = principal(value, 49)
if ARGV[2] ~= '' and owner ~= ARGV[2] then return MISSING end
bury(KEYS[1], ARGV[1])
if owner ~= '' then return owner end
return SAVED
