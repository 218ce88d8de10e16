-- Shared by all scripts. A session's value begins with six big-endian 64-bit numbers: revision,
-- expiry, absolute deadline, idle length, lease token, end of the lease. After them come the
-- bytes that the client made: a byte that says whether a principal follows, its 32 bytes, ...
-- Times are this server's, in milliseconds. A revision of zero makes a tombstone; the byte after
-- it is the reason.
--
-- Redis lets a key live through the millisecond that it was told, so it is told one less: a key
-- that is there is a session that has not expired.
local MISSING, SAVED, LEASED, UNLISTED, FOREIGN, TAKEN, ENDED = 0, 1, 2, 3, 4, 5, 16
local NO_REVISION = string.rep('\0', 8)

local function millis()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

local function numbers(value)
  return struct.unpack('>I8I8I8I8I8I8', value)
end

-- What stands in the way of any work on a session: it is missing, ended, or not ours.
local function obstacle(value)
  if value == '' then return MISSING end
  if string.sub(value, 1, 8) == NO_REVISION and #value == 9 then
    return ENDED + string.byte(value, 9)
  end
  if #value < 49 then return FOREIGN end
end
