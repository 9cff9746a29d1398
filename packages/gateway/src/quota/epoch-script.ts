/**
 * Says which memory a shard of the server has, and begins a new one where the old is lost or may be out of date: the mark
 * is gone, or was made by another run of the server (one that was restarted from an older dump, or a replica that took over
 * without the last writes). Accounts of an earlier epoch count for nothing.
 *
 * For a while after that nothing is granted to who needs it, so that all nodes first state what they hold. Who knew no earlier
 * memory does not bring that about, unless it could not have known: `?`.
 *
 * Key: the mark. Arguments: a new name, the name last known ('' for none), how long to settle, the channel, the shard, the clock.
 */
export const EPOCH_SCRIPT = `
local fresh, last, settleMs, channel, shard, clock = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5], ARGV[6]
local now
if clock == '' then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
else
  now = tonumber(clock)
end
local run = string.match(redis.call('INFO', 'server'), 'run_id:(%w+)') or '-'
local mark = redis.call('GET', KEYS[1])
local name, settlesAt, ofRun
if mark then name, settlesAt, ofRun = string.match(mark, '^(%S+) (%S+) (%S+)$') end
local function write(nameNow, settles)
  redis.call('SET', KEYS[1], string.format('%s %.0f %s', nameNow, settles, run))
end
if name == nil or ofRun ~= run then
  local mayHaveLost = mark or last ~= ''
  write(fresh, mayHaveLost and now + settleMs or 0)
  if mayHaveLost then redis.call('PUBLISH', channel, shard) end
  return fresh
end
-- A gateway that started on an empty server made the mark, and then comes one that knew more.
if settlesAt == '0' and last ~= '' and last ~= '?' and last ~= name then write(name, now + settleMs) end
return name
`;
