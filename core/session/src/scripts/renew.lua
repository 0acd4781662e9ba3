-- Keeps a lease for another period.
-- KEYS  lease
-- ARGV  holder, lease ms
-- Gives 1, or 0 when the lease is another's or nobody's: it is never taken anew here.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
