-- Takes what was published out of the outbox and gives the lease back.
-- Published is published, so the ids go even when the lease was lost; the lease only when it is still the holder's.
-- KEYS  lease, counter, outbox
-- ARGV  holder, counter ms, then the ids
-- Gives the number of entries left.
local lease, counter, outbox = KEYS[1], KEYS[2], KEYS[3]
for at = 3, #ARGV do
  redis.call('HDEL', outbox, ARGV[at])
end
if redis.call('GET', lease) == ARGV[1] then redis.call('DEL', lease) end
local left = redis.call('HLEN', outbox)
if left == 0 then redis.call('PEXPIRE', counter, ARGV[2]) end
return left
