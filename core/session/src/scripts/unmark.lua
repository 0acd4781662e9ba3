-- Takes a conversation out of the index, unless somebody marked it after the caller's mark.
-- KEYS  index
-- ARGV  tag, mark
if tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1])) == tonumber(ARGV[2]) then
  return redis.call('ZREM', KEYS[1], ARGV[1])
end
return 0
