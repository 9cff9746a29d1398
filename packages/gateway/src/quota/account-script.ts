/**
 * One call to one account, in Lua inside the server: what {@link QuotaAccount} does, line by line where it matters.
 *
 * Keys: the account, a hash; the epoch of its shard, `name settlesAtMs runId`; when what is in the account ends, its
 * fields by their instants; and the accounts of which the node has a lease. Fields of the account: `m`, what is known of the
 * whole; `s:<untilMs>`, what was used; `l:<node>`, leases, `high low seq untilMs rememberedUntilMs segment offset`, where the
 * last two are of its journal. Amounts are pairs of limbs (limbs.ts). A call costs what it
 * says and what ended since the last one, however much is in the account; asked when something fits, it reads what ends until then.
 *
 * Answers `lost` when the server has no epoch, `unknown epoch` or `ok epoch granted lease used leasedByOthers otherNodes
 * fitsAtMs… isSettling`, of which `fitsAtMs` is for the need and for each of the asides.
 */
export const ACCOUNT_SCRIPT = `
local LIMB, NEVER, REMEMBERED = 1e15, 9007199254740991, 60
local key, ends, accounts = KEYS[1], KEYS[3], KEYS[4]
local node, seq, clock, leaseMs = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local recall, channel, id, covers = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local capacityH, capacityL = tonumber(ARGV[9]), tonumber(ARGV[10])
local backH, backL = tonumber(ARGV[11]), tonumber(ARGV[12])
local needH, needL = tonumber(ARGV[13]), tonumber(ARGV[14])
local wantH, wantL = tonumber(ARGV[15]), tonumber(ARGV[16])
local charges, seeds, asides = tonumber(ARGV[17]), tonumber(ARGV[18]), tonumber(ARGV[19])
local statesH, statesL = tonumber(ARGV[20]), tonumber(ARGV[21])
local place = ARGV[22] == '' and '' or ' ' .. ARGV[22] .. ' ' .. ARGV[23]

local function add(ah, al, bh, bl)
  local h, l = ah + bh, al + bl
  if l >= LIMB then return h + 1, l - LIMB end
  return h, l
end
local function sub(ah, al, bh, bl)
  local h, l = ah - bh, al - bl
  if l < 0 then return h - 1, l + LIMB end
  return h, l
end
local function less(ah, al, bh, bl) return ah < bh or (ah == bh and al < bl) end
local function positive(h, l) return h > 0 or (h == 0 and l > 0) end
local function pair(h, l) return string.format('%.0f %.0f', h, l) end
local function numbers(text)
  local found = {}
  for word in string.gmatch(text, '%S+') do found[#found + 1] = tonumber(word) end
  return found
end

local mark = redis.call('GET', KEYS[2])
if not mark then return { 'lost' } end
local epoch, settlesAt = string.match(mark, '^(%S+) (%S+)')
local now
if clock == '' then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
else
  now = tonumber(clock)
end

-- What is known of the account. What an earlier epoch knew counts for nothing.
local latest, nextEnd, lastEnd, usedH, usedL, leasedH, leasedL, nodes, forever, coversMs = 0, NEVER, 0, 0, 0, 0, 0, 0, 0, 0
local isNew = true
local summary = redis.call('HGET', key, 'm')
if summary then
  local ofEpoch, rest = string.match(summary, '^(%S+) (.*)$')
  if ofEpoch == epoch then
    local known = numbers(rest)
    latest, nextEnd, lastEnd, usedH, usedL = known[1], known[2], known[3], known[4], known[5]
    leasedH, leasedL, nodes, forever, coversMs = known[6], known[7], known[8], known[9], known[10]
    isNew = false
  end
end
if isNew then
  if seeds < 0 then return { 'unknown', epoch } end
  if summary then redis.call('DEL', key, ends) end
  coversMs = tonumber(covers)
end
if latest > now then now = latest end

local function put(field, value, endsAt)
  redis.call('HSET', key, field, value)
  if endsAt then redis.call('ZADD', ends, endsAt, field) end
end
local function drop(field)
  redis.call('HDEL', key, field)
  redis.call('ZREM', ends, field)
end
local function enter(untilText, h, l)
  local untilMs = tonumber(untilText)
  if (h == 0 and l == 0) or (untilMs ~= 0 and untilMs <= now) then return end
  local field = 's:' .. untilText
  local before = redis.call('HGET', key, field)
  local sumH, sumL = h, l
  if before then
    local known = numbers(before)
    sumH, sumL = add(known[1], known[2], h, l)
  end
  put(field, pair(sumH, sumL), untilMs ~= 0 and untilText)
  usedH, usedL = add(usedH, usedL, h, l)
  if untilMs == 0 then
    forever = (sumH == 0 and sumL == 0) and 0 or 1
  else
    nextEnd = math.min(nextEnd, untilMs)
    lastEnd = math.max(lastEnd, untilMs)
  end
end

if isNew then
  local at = 24 + charges * 4
  for _ = 1, seeds do
    enter(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
    at = at + 3
  end
end

-- Drops what no longer counts.
if now >= nextEnd then
  for _, field in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', string.format('%.0f', now))) do
    local known = numbers(redis.call('HGET', key, field))
    if string.sub(field, 1, 2) == 's:' then
      usedH, usedL = sub(usedH, usedL, known[1], known[2])
      drop(field)
    else
      local h, l, untilMs, remembered = known[1], known[2], known[4], known[5]
      if positive(h, l) then
        leasedH, leasedL = sub(leasedH, leasedL, h, l)
        nodes = nodes - 1
      end
      if remembered <= now then
        drop(field)
      else
        local was = known[6] and string.format(' %.0f %.0f', known[6], known[7]) or ''
        put(field, string.format('0 0 %.17g %.17g %.17g', known[3], untilMs, remembered) .. was, string.format('%.0f', remembered))
      end
    end
  end
  local first = redis.call('ZRANGE', ends, 0, 0, 'WITHSCORES')
  nextEnd = first[2] and tonumber(first[2]) or NEVER
end

-- This node's lease, and those of all others.
local leaseField = 'l:' .. node
local leaseH, leaseL, leaseSeq = 0, 0, 0
local isListed = false
local stored = redis.call('HGET', key, leaseField)
if stored then
  local known = numbers(stored)
  leaseH, leaseL, leaseSeq = known[1], known[2], known[3]
  isListed = positive(leaseH, leaseL)
end
local othersH, othersL = sub(leasedH, leasedL, leaseH, leaseL)
local otherNodes = nodes - (positive(leaseH, leaseL) and 1 or 0)
local grantedH, grantedL, isSettling = 0, 0, '0'
local seqText = ARGV[2]
if seq > leaseSeq then
  local at = 24
  for _ = 1, charges do
    local h, l, settledMs = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 1])
    if settledMs == 0 or settledMs >= coversMs then enter(ARGV[at], h, l) end
    if positive(h, l) then leaseH, leaseL = sub(leaseH, leaseL, h, l) end
    at = at + 4
  end
  leaseH, leaseL = sub(leaseH, leaseL, backH, backL)
  if statesH or leaseH < 0 then leaseH, leaseL = 0, 0 end
  local freeH, freeL = sub(capacityH, capacityL, usedH, usedL)
  freeH, freeL = sub(freeH, freeL, othersH, othersL)
  freeH, freeL = sub(freeH, freeL, leaseH, leaseL)
  if statesH then
    if positive(freeH, freeL) then
      grantedH, grantedL = statesH, statesL
      if less(freeH, freeL, grantedH, grantedL) then grantedH, grantedL = freeH, freeL end
    end
  elseif now < tonumber(settlesAt) then
    isSettling = '1'
  elseif positive(freeH, freeL) and not less(freeH, freeL, needH, needL) then
    if less(needH, needL, wantH, wantL) then grantedH, grantedL = wantH, wantL else grantedH, grantedL = needH, needL end
    if less(freeH, freeL, grantedH, grantedL) then grantedH, grantedL = freeH, freeL end
  end
  leaseH, leaseL = add(leaseH, leaseL, grantedH, grantedL)
else
  seqText = string.format('%.17g', leaseSeq)
end
leasedH, leasedL = add(othersH, othersL, leaseH, leaseL)
nodes = otherNodes + (positive(leaseH, leaseL) and 1 or 0)
local remembered = now + leaseMs * REMEMBERED
nextEnd = math.min(nextEnd, now + leaseMs)
lastEnd = math.max(lastEnd, remembered)
put(leaseField, string.format('%.0f %.0f %s %.17g %.17g', leaseH, leaseL, seqText, now + leaseMs, remembered) .. place,
  string.format('%.0f', now + leaseMs))

-- Whatever a node holds, or spent and did not report, is in a lease: should it be gone, its journal tells from here on.
if place ~= '' then
  if not positive(leaseH, leaseL) then
    if stored then redis.call('SREM', accounts, id) end
  elseif not isListed then
    redis.call('SADD', accounts, id)
    redis.call('PEXPIRE', accounts, 604800000)
  end
end

-- When what was not granted fits, if nothing is added: once so much is shed and the leases stay; if that never comes, and
-- they do not.
local nowText = string.format('%.0f', now)
local fitsAt = { nowText }
if less(grantedH, grantedL, needH, needL) then
  local sheds = {}
  local at = 24 + charges * 4 + math.max(0, seeds) * 3
  for index = 1, asides + 1 do
    local h, l = needH, needL
    if index > 1 then
      h, l = tonumber(ARGV[at]), tonumber(ARGV[at + 1])
      at = at + 2
    end
    local overH, overL = add(usedH, usedL, h, l)
    overH, overL = sub(overH, overL, capacityH, capacityL)
    if less(capacityH, capacityL, h, l) then
      fitsAt[index] = '0'
    elseif positive(overH, overL) then
      fitsAt[index] = '0'
      local allH, allL = add(overH, overL, leasedH, leasedL)
      sheds[#sheds + 1] = { overH, overL, index }
      sheds[#sheds + 1] = { allH, allL, index }
    else
      fitsAt[index] = nowText
    end
  end
  table.sort(sheds, function(one, other) return less(one[1], one[2], other[1], other[2]) end)
  local shedH, shedL, due, from = 0, 0, 1, 0
  while sheds[due] do
    local fields = redis.call('ZRANGE', ends, from, from + 255)
    if #fields == 0 then break end
    from = from + #fields
    local values = redis.call('HMGET', key, unpack(fields))
    for slot = 1, #fields do
      if string.sub(fields[slot], 1, 2) == 's:' then
        local known = numbers(values[slot])
        shedH, shedL = add(shedH, shedL, known[1], known[2])
        while sheds[due] and not less(shedH, shedL, sheds[due][1], sheds[due][2]) do
          fitsAt[sheds[due][3]] = string.sub(fields[slot], 3)
          due = due + 1
        end
      end
    end
  end
end

redis.call('HSET', key, 'm', string.format('%s %.17g %.17g %.17g %.0f %.0f %.0f %.0f %.0f %.0f %.17g', epoch, now, nextEnd,
  lastEnd, usedH, usedL, leasedH, leasedL, nodes, forever, coversMs))
if forever == 1 then
  redis.call('PERSIST', key)
  redis.call('PERSIST', ends)
else
  local restMs = string.format('%.0f', math.max(1, lastEnd - now))
  redis.call('PEXPIRE', key, restMs)
  redis.call('PEXPIRE', ends, restMs)
end
if recall == '1' and less(grantedH, grantedL, needH, needL) and positive(othersH, othersL) then
  redis.call('PUBLISH', channel, id)
end
return { 'ok', epoch, pair(grantedH, grantedL), pair(leaseH, leaseL), pair(usedH, usedL), pair(othersH, othersL),
  string.format('%.0f', otherNodes), table.concat(fitsAt, ' '), isSettling }
`;
