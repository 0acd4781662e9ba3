-- Conversations that were marked some time ago and are still in the index, the oldest first.
-- KEYS  index
-- ARGV  age in microseconds, most to give
-- Gives tags.
local time = redis.call('TIME')
local latest = time[1] * 1000000 + time[2] - ARGV[1]
return redis.call('ZRANGE', KEYS[1], '-inf', string.format('%.0f', latest), 'BYSCORE', 'LIMIT', 0, ARGV[2])
