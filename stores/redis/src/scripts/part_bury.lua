-- A minute, and a second more for clocks that are set. Without memory for a tombstone the end
-- counts more than the tombstone.
local function bury(key, reason)
  local buried = redis.pcall('SET', key, NO_REVISION .. string.char(reason), 'PX', 61000)
  if buried.err then redis.call('DEL', key) end
end
