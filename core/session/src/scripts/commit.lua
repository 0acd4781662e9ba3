-- Stores record, delivery and outbox in one step, if the lease is still the holder's. `mark` must have been called.
-- KEYS  record, lease, counter, outbox, delivery marker
-- ARGV  holder, lease ms, record ms (0 deletes the record), record, marker ms, then id and entry of each publication
-- Gives 1, or 0 when the lease is another's: nothing was stored.
local record, lease, counter, outbox, marker = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
if redis.call('GET', lease) ~= ARGV[1] then return 0 end

redis.call('PEXPIRE', lease, ARGV[2])
if ARGV[3] == '0' then
  redis.call('DEL', record)
else
  redis.call('SET', record, ARGV[4], 'PX', ARGV[3])
end
for at = 6, #ARGV, 2 do
  redis.call('HSET', outbox, ARGV[at], ARGV[at + 1])
end
-- Its tokens order the outbox, so the counter may not start anew before that is empty.
if #ARGV > 5 then redis.call('PERSIST', counter) end
redis.call('SET', marker, '', 'PX', ARGV[5])
return 1
