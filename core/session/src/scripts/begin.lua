-- Takes a conversation's lease for one turn, in order of arrival, and says whether the delivery is new.
-- KEYS  record, lease, counter, outbox, delivery marker, queue, waiters
-- ARGV  ticket, lease ms, waiter ms, counter ms
-- Gives {'new' | 'again', token, record, outbox}   the lease is the ticket's
--       {'done'}                                   committed before, and nothing for this caller to publish
--       {'busy', number of waiters ahead}          queued; ask again within the waiter time
local record, lease, counter, outbox, marker, queue, waiters =
  KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5], KEYS[6], KEYS[7]
local ticket, lease_ms, waiter_ms, counter_ms = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function leave(who)
  redis.call('ZREM', queue, who)
  redis.call('HDEL', waiters, who)
end

-- The waiter whose turn it is. The dead ahead of it are dropped; the absolute difference, because a failover may set
-- the clock back, and a time in the future must not keep a dead waiter for long.
local function head()
  while true do
    local first = redis.call('ZRANGE', queue, 0, 0)[1]
    if not first or first == ticket then return first end
    local seen = tonumber(redis.call('HGET', waiters, first))
    if seen and math.abs(now - seen) <= waiter_ms then return first end
    leave(first)
  end
end

local done = redis.call('EXISTS', marker) == 1
if done and redis.call('EXISTS', outbox) == 0 then
  leave(ticket)
  return {'done'}
end

local token
local held = redis.call('GET', lease)
if held then
  local number, holder = string.match(held, '^(%d+):(.+)$')
  -- Granted before, and the answer was lost.
  if holder == ticket then token = tonumber(number) end
else
  local first = head()
  if not first or first == ticket then
    token = redis.call('INCR', counter)
    -- While the outbox holds entries of earlier tokens, the counter must outlive them.
    if redis.call('EXISTS', outbox) == 0 then redis.call('PEXPIRE', counter, counter_ms) end
  end
end

if token then
  leave(ticket)
  redis.call('SET', lease, string.format('%.0f:%s', token, ticket), 'PX', lease_ms)
  return {done and 'again' or 'new', token, redis.call('GET', record), redis.call('HVALS', outbox)}
end

-- Whoever holds the lease, or is next to, publishes what is in the outbox.
if done then
  leave(ticket)
  return {'done'}
end

if not redis.call('ZSCORE', queue, ticket) then
  local last = redis.call('ZRANGE', queue, -1, -1, 'WITHSCORES')[2]
  redis.call('ZADD', queue, last and last + 1 or 1, ticket)
end
redis.call('HSET', waiters, ticket, now)
-- Nobody asking means nobody waiting: the queue must not outlive its waiters.
redis.call('PEXPIRE', queue, 2 * waiter_ms)
redis.call('PEXPIRE', waiters, 2 * waiter_ms)
return {'busy', redis.call('ZRANK', queue, ticket)}
