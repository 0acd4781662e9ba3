-- Gives up whatever a ticket has: its place in the queue, or the lease.
-- KEYS  lease, queue, waiters
-- ARGV  ticket
local lease, queue, waiters, ticket = KEYS[1], KEYS[2], KEYS[3], ARGV[1]
redis.call('ZREM', queue, ticket)
redis.call('HDEL', waiters, ticket)
local held = redis.call('GET', lease)
if held and string.match(held, '^%d+:(.+)$') == ticket then redis.call('DEL', lease) end
return 1
