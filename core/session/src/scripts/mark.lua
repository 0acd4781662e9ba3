-- Notes in the index that a conversation's outbox may soon hold something.
-- KEYS  index
-- ARGV  tag
-- Gives the mark: microseconds, and higher than the tag's last one whatever the clock does, so that a mark names one
-- turn.
local time = redis.call('TIME')
local mark = time[1] * 1000000 + time[2]
local last = tonumber(redis.call('ZSCORE', KEYS[1], ARGV[1]))
if last and last >= mark then mark = last + 1 end
redis.call('ZADD', KEYS[1], string.format('%.0f', mark), ARGV[1])
return mark
