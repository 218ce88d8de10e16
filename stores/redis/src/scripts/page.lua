-- KEYS: index. ARGV: 1 lowest score, 2 how many. Returns members and scores.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('(%.0f', millis()))
return redis.call('ZRANGEBYSCORE', KEYS[1], ARGV[1], '+inf', 'WITHSCORES', 'LIMIT', 0, ARGV[2])
