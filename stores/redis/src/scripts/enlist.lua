-- KEYS: index. ARGV: 1 member, 2 absolute length.
local now = millis()
enlist(KEYS[1], ARGV[1], now + ARGV[2], now)
return SAVED
