-- Takes or keeps a reservation: a name that one process holds at a time, for as long as it asks again in time.
-- KEYS  reservation
-- ARGV  holder, time ms
-- Gives 1, or 0 when another holds it.
local held = redis.call('GET', KEYS[1])
if held and held ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
