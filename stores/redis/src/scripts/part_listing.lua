-- Puts a session into the index of a principal. The score is the absolute deadline and a minute,
-- for the clocks of other servers. Behind the point it says in which minute it was written (of
-- 2048): the session follows its entry, and nobody may take the entry away in between.
local function enlist(index, member, absolute, now)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', string.format('(%.0f', now))
  local score = absolute + 60000 + (math.floor(now / 60000) % 2048) / 2048
  redis.call('ZADD', index, string.format('%.17g', score), member)
  local last = redis.call('ZREVRANGE', index, 0, 0, 'WITHSCORES')
  redis.call('PEXPIREAT', index, string.format('%.0f', math.floor(last[2]) + 1))
end
