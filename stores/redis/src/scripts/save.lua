-- KEYS: session[, index]. ARGV: 1 body, 2 idle length, 3 absolute length, 4 member of the index,
-- 5 base revision, 6 lease token or nothing, 7 whether to give the lease back, 8 whether the
-- index has been written. Returns the former principal if there was another.
local value = redis.call('GETRANGE', KEYS[1], 0, 80)
local answer = obstacle(value)
if answer then return answer end
local refusal, now, revision, absolute, token, lease_end = admit(KEYS[1], value, ARGV[5], ARGV[6])
if refusal then return refusal end
local before, after = principal(value, 49), principal(ARGV[1], 1)
absolute = math.min(absolute, now + ARGV[3])
if after ~= '' and after ~= before then
  if KEYS[2] then enlist(KEYS[2], ARGV[4], absolute, now)
  elseif ARGV[8] == '0' then return UNLISTED end
end
if ARGV[7] == '1' then lease_end = 0 end
local expires = math.min(now + ARGV[2], absolute)
write(KEYS[1], revision + 1, expires, absolute, ARGV[2], token, lease_end, ARGV[1])
if before ~= '' and before ~= after then return before end
return SAVED
