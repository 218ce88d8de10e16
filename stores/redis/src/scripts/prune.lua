-- KEYS: index. ARGV: members whose session is not there. Those that were written within the last
-- one or two minutes stay, since their session may be on its way.
local minute = math.floor(millis() / 60000)
for _, member in ipairs(ARGV) do
  local score = redis.call('ZSCORE', KEYS[1], member)
  if score then
    local written = (score - math.floor(score)) * 2048
    if (minute - written) % 2048 >= 2 then redis.call('ZREM', KEYS[1], member) end
  end
end
return SAVED
