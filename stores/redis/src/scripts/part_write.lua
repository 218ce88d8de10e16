local function write(key, revision, expires, absolute, idle, token, lease_end, body)
  local head = struct.pack('>I8I8I8I8I8I8', revision, expires, absolute, idle, token, lease_end)
  redis.call('SET', key, head .. body, 'PXAT', expires - 1)
end
