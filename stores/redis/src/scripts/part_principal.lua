-- The principal in bytes that the client made, or that stand from `from` on.
local function principal(bytes, from)
  if string.byte(bytes, from) == 1 then return string.sub(bytes, from + 1, from + 32) end
  return ''
end
