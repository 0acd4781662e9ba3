-- Takes the lease of a conversation whose outbox was left behind.
-- KEYS  lease, counter, outbox, queue, waiters
-- ARGV  ticket, lease ms, waiter ms
-- Gives {'granted', token, outbox}
--       {'empty'}     nothing to publish and nobody who might commit: the index may forget it
--       {'alive'}     somebody holds the lease or waits for it, and will publish
local lease, counter, outbox, queue, waiters = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local ticket, lease_ms, waiter_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])

local token
local held = redis.call('GET', lease)
if held then
  local number, holder = string.match(held, '^(%d+):(.+)$')
  -- Granted before, and the answer was lost.
  if holder ~= ticket then return {'alive'} end
  token = tonumber(number)
else
  local time = redis.call('TIME')
  local now = time[1] * 1000 + math.floor(time[2] / 1000)
  for _, seen in ipairs(redis.call('HVALS', waiters)) do
    if math.abs(now - seen) <= waiter_ms then return {'alive'} end
  end
  redis.call('DEL', queue, waiters)
  if redis.call('EXISTS', outbox) == 0 then return {'empty'} end
  token = redis.call('INCR', counter)
end
redis.call('SET', lease, string.format('%.0f:%s', token, ticket), 'PX', lease_ms)
return {'granted', token, redis.call('HVALS', outbox)}
