/**
 * One call to one account, in Lua inside the server: what {@link QuotaAccount} does, line by line where it matters.
 *
 * Keys: the account, a hash, and the epoch of its shard, `name settlesAtMs runId`. Fields of the account: `m`, what is
 * known of the whole; `s:<untilMs>`, what was used; `l:<node>`, leases, `high low seq untilMs rememberedUntilMs`. Amounts are
 * pairs of limbs (limbs.ts). Most calls read two fields and write two: all of them are read only when something ends, or
 * when it is asked when something fits.
 *
 * Answers `lost` when the server has no epoch, `unknown epoch` or `ok epoch granted lease used leasedByOthers otherNodes
 * fitsAtMs isSettling`.
 */
export const ACCOUNT_SCRIPT = `
local LIMB, NEVER, REMEMBERED = 1e15, 9007199254740991, 60
local key = KEYS[1]
local node, seq, clock, leaseMs = ARGV[1], tonumber(ARGV[2]), ARGV[3], tonumber(ARGV[4])
local recall, channel, id, covers = ARGV[5], ARGV[6], ARGV[7], ARGV[8]
local capacityH, capacityL = tonumber(ARGV[9]), tonumber(ARGV[10])
local backH, backL = tonumber(ARGV[11]), tonumber(ARGV[12])
local needH, needL = tonumber(ARGV[13]), tonumber(ARGV[14])
local wantH, wantL = tonumber(ARGV[15]), tonumber(ARGV[16])
local charges, seeds = tonumber(ARGV[17]), tonumber(ARGV[18])

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
local fields, changed, isWhole = {}, {}, false
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
  if summary then redis.call('DEL', key) end
  isWhole = true
  coversMs = tonumber(covers)
end
if latest > now then now = latest end

local function get(field)
  local value = fields[field]
  if value == nil and not isWhole then
    value = redis.call('HGET', key, field)
    fields[field] = value
  end
  return value
end
local function put(field, value)
  fields[field] = value
  changed[field] = true
end
local function readAll()
  if isWhole then return end
  isWhole = true
  local all = redis.call('HGETALL', key)
  for at = 1, #all, 2 do
    if fields[all[at]] == nil then fields[all[at]] = all[at + 1] end
  end
end
local function enter(untilText, h, l)
  local untilMs = tonumber(untilText)
  if (h == 0 and l == 0) or (untilMs ~= 0 and untilMs <= now) then return end
  local field = 's:' .. untilText
  local before = get(field)
  local sumH, sumL = h, l
  if before then
    local known = numbers(before)
    sumH, sumL = add(known[1], known[2], h, l)
  end
  put(field, pair(sumH, sumL))
  usedH, usedL = add(usedH, usedL, h, l)
  if untilMs == 0 then
    forever = (sumH == 0 and sumL == 0) and 0 or 1
  else
    nextEnd = math.min(nextEnd, untilMs)
    lastEnd = math.max(lastEnd, untilMs)
  end
end

if isNew then
  local at = 19 + charges * 4
  for _ = 1, seeds do
    enter(ARGV[at], tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]))
    at = at + 3
  end
end

-- Drops what no longer counts.
if now >= nextEnd then
  readAll()
  nextEnd = NEVER
  for field, value in pairs(fields) do
    local kind = string.sub(field, 1, 2)
    if value and kind == 's:' then
      local untilMs = tonumber(string.sub(field, 3))
      if untilMs ~= 0 then
        if untilMs <= now then
          local known = numbers(value)
          usedH, usedL = sub(usedH, usedL, known[1], known[2])
          put(field, false)
        else
          nextEnd = math.min(nextEnd, untilMs)
        end
      end
    elseif value and kind == 'l:' then
      local known = numbers(value)
      local h, l, untilMs, remembered = known[1], known[2], known[4], known[5]
      if untilMs <= now or remembered <= now then
        if positive(h, l) then
          leasedH, leasedL = sub(leasedH, leasedL, h, l)
          nodes = nodes - 1
        end
      end
      if remembered <= now then
        put(field, false)
      elseif untilMs <= now then
        if positive(h, l) then put(field, string.format('0 0 %.17g %.17g %.17g', known[3], untilMs, remembered)) end
        nextEnd = math.min(nextEnd, remembered)
      else
        nextEnd = math.min(nextEnd, untilMs)
      end
    end
  end
end

-- This node's lease, and those of all others.
local leaseField = 'l:' .. node
local leaseH, leaseL, leaseSeq = 0, 0, 0
local stored = get(leaseField)
if stored then
  local known = numbers(stored)
  leaseH, leaseL, leaseSeq = known[1], known[2], known[3]
end
local othersH, othersL = sub(leasedH, leasedL, leaseH, leaseL)
local otherNodes = nodes - (positive(leaseH, leaseL) and 1 or 0)
local grantedH, grantedL, isSettling = 0, 0, '0'
local seqText = ARGV[2]
if seq > leaseSeq then
  local at = 19
  for _ = 1, charges do
    local h, l, settledMs = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 1])
    if settledMs == 0 or settledMs >= coversMs then enter(ARGV[at], h, l) end
    if positive(h, l) then leaseH, leaseL = sub(leaseH, leaseL, h, l) end
    at = at + 4
  end
  leaseH, leaseL = sub(leaseH, leaseL, backH, backL)
  if leaseH < 0 then leaseH, leaseL = 0, 0 end
  local freeH, freeL = sub(capacityH, capacityL, usedH, usedL)
  freeH, freeL = sub(freeH, freeL, othersH, othersL)
  freeH, freeL = sub(freeH, freeL, leaseH, leaseL)
  if positive(needH, needL) and now < tonumber(settlesAt) then
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
put(leaseField, string.format('%.0f %.0f %s %.17g %.17g', leaseH, leaseL, seqText, now + leaseMs, remembered))

-- When what was not granted fits, if nothing is added.
local fitsAt = string.format('%.17g', now)
if less(grantedH, grantedL, needH, needL) then
  local overH, overL = add(usedH, usedL, needH, needL)
  overH, overL = sub(overH, overL, capacityH, capacityL)
  if less(capacityH, capacityL, needH, needL) then
    fitsAt = '0'
  elseif positive(overH, overL) then
    readAll()
    local ends = {}
    for field, value in pairs(fields) do
      if value and string.sub(field, 1, 2) == 's:' and field ~= 's:0' then
        ends[#ends + 1] = { tonumber(string.sub(field, 3)), value, string.sub(field, 3) }
      end
    end
    table.sort(ends, function(one, other) return one[1] < other[1] end)
    local allH, allL = add(overH, overL, leasedH, leasedL)
    local shedH, shedL = 0, 0
    fitsAt = '0'
    for _, slot in ipairs(ends) do
      local known = numbers(slot[2])
      shedH, shedL = add(shedH, shedL, known[1], known[2])
      if fitsAt == '0' and not less(shedH, shedL, overH, overL) then fitsAt = slot[3] end
      if not less(shedH, shedL, allH, allL) then
        fitsAt = slot[3]
        break
      end
    end
  end
end

for field in pairs(changed) do
  if fields[field] then redis.call('HSET', key, field, fields[field]) else redis.call('HDEL', key, field) end
end
redis.call('HSET', key, 'm', string.format('%s %.17g %.17g %.17g %.0f %.0f %.0f %.0f %.0f %.0f %.17g', epoch, now, nextEnd,
  lastEnd, usedH, usedL, leasedH, leasedL, nodes, forever, coversMs))
if forever == 1 then
  redis.call('PERSIST', key)
else
  redis.call('PEXPIRE', key, string.format('%.0f', math.max(1, lastEnd - now)))
end
if recall == '1' and less(grantedH, grantedL, needH, needL) and positive(othersH, othersL) then
  redis.call('PUBLISH', channel, id)
end
return { 'ok', epoch, pair(grantedH, grantedL), pair(leaseH, leaseL), pair(usedH, usedL), pair(othersH, othersL),
  string.format('%.0f', otherNodes), fitsAt, isSettling }
`;
