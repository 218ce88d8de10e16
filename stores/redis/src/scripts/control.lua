-- KEYS: row. ARGV: 1 expected version or nothing, 2 value. Returns the row on a conflict. A row
-- has no end of life.
local version = redis.call('GETRANGE', KEYS[1], 0, 7)
if version ~= ARGV[1] then
  if version == '' then return MISSING end
  return redis.call('GET', KEYS[1])
end
local number = 1
if version ~= '' then number = struct.unpack('>I8', version) + 1 end
redis.call('SET', KEYS[1], struct.pack('>I8', number) .. ARGV[2])
return SAVED
