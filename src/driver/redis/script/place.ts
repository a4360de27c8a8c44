/** Slots, and who stands in line for one, in Lua; `port/rate-law.ts` has the law. A place that comes free is kept for the first in line. */

import { fairLua, fineTimeLua, ringLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Whoever stands in line looks far more often than this, ms. */
const lineFor = 3_600_000;

/**
 * `read_place(text)`: until, lease, claim. Of a key: a hash of holder = "until lease claim"; a sorted set of the ids in line; a hash that says under
 * which id of `unacked` the message of each is delayed, nothing while it is on its way there, and "~score" for one that was not found when its
 * turn came, lest it lose its place by that.
 */
export const placeLua: string = `
local function read_place(text, now)
  local till, lease, claim = text:match('^(%S+) (%S+) ?(%S*)$')
  local left = tonumber(till) - now
  -- Some scripts know the time in whole milliseconds only.
  return left > 0 and left <= tonumber(lease) + 1 and left or nil, claim
end
local function stand(line, parked, id, score)
  if not redis.call('ZSCORE', line, id) then
    local last = redis.call('ZREVRANGE', line, 0, 0, 'WITHSCORES')[2]
    redis.call('ZADD', line, score or (last and string.format('%.0f', last + 1)) or '1', id)
  end
  redis.call('PEXPIRE', line, ${String(lineFor)})
  redis.call('PEXPIRE', parked, ${String(lineFor)})
end`;

/** `now`: milliseconds with a fraction; `ours`, `sep`: how keys begin, and what stands between a queue and its step. */
const lineLua = `
${ringLua}
${fairLua}
${placeLua}
local function keys_of(slots)
  local name = slots:sub(#ours + 7)
  return ours .. 'line:' .. name, ours .. 'parked:' .. name
end
local function keep_place(slots, holder, lease, claim)
  redis.call('HSET', slots, holder, ms(now + lease) .. ' ' .. ms(lease) .. ' ' .. claim)
  if redis.call('PTTL', slots) < lease then redis.call('PEXPIRE', slots, string.format('%.0f', lease + 1000)) end
end
local function live(slots, own)
  local all = redis.call('HGETALL', slots)
  local count, soonest, mine = 0, math.huge, false
  for i = 1, #all, 2 do
    local left = read_place(all[i + 1], now)
    if not left then
      redis.call('HDEL', slots, all[i])
    else
      count = count + 1
      if all[i] == own then mine = true end
      soonest = math.min(soonest, left)
    end
  end
  return count, soonest, mine
end
-- To the front of its queue.
local function call_message(id)
  local step, queue = id:match('^%d+%.(%d+)%.(.*)$')
  local due = ours .. 'due:' .. queue
  if not redis.call('ZSCORE', due, id) then return false end
  local value = redis.call('HGET', KEYS[1], id)
  if value then
    local raw = value:sub(2, -8 - #queue)
    if raw:find('"celeriac.fair":', 1, true) then
      put_first(due, queue, raw)
    else
      redis.call('RPUSH', ours:sub(1, -10) .. queue .. (step == '0' and '' or sep .. step), raw)
    end
    redis.call('HDEL', KEYS[1], id)
  end
  redis.call('ZREM', KEYS[2], id)
  redis.call('ZREM', due, id)
  ring(ours .. 'bell:' .. queue)
  return value
end
local function advance(slots, limit, lease)
  local line, parked = keys_of(slots)
  local called, free = {}, 0
  for looked = 1, 1000 do
    local first = redis.call('ZRANGE', line, 0, 0, 'WITHSCORES')
    local id = first[1]
    if not id then
      if looked > 1 then redis.call('DEL', parked) end
      return
    end
    if looked == 1 then free = limit - live(slots) end
    if free <= 0 then return end
    local at = redis.call('HGET', parked, id)
    redis.call('ZREM', line, id)
    if at and not call_message(at) then
      redis.call('HSET', parked, id, '~' .. first[2])
    else
      redis.call('HDEL', parked, id)
      keep_place(slots, id, lease, '')
      free = free - 1
    end
  end
end
local function give_place(slots, holder, claim, limit, lease)
  local text = redis.call('HGET', slots, holder)
  if text then
    local _, has = read_place(text, now)
    if claim == '*' or has == claim then redis.call('HDEL', slots, holder) end
  end
  advance(slots, limit, lease)
end
local function take_place(slots, limit, lease, holder, claim, in_line)
  local line, parked = keys_of(slots)
  local stands = redis.call('ZSCORE', line, holder)
  local at = redis.call('HGET', parked, holder)
  if at then
    redis.call('HDEL', parked, holder)
    if at:sub(1, 1) == '~' and in_line then
      stand(line, parked, holder, at:sub(2))
      stands = true
    end
  end
  advance(slots, limit, lease)
  local count, soonest, mine = live(slots, holder)
  local ahead = 0
  if not mine and count < limit then ahead = redis.call('ZCARD', line) end
  if mine or count + ahead < limit then
    keep_place(slots, holder, lease, claim)
    return 0
  end
  if in_line then stand(line, parked, holder) end
  if count == 0 then soonest = lease end
  local behind = math.floor((redis.call('ZRANK', line, holder) or redis.call('ZCARD', line)) / math.max(1, limit))
  return math.max(1, math.ceil(math.min(soonest + behind * lease, math.max(soonest, longest_line))))
end`;

export const takePlaceLua: string = lineLua;

/**
 * KEYS  1 unacked, 2 index, then slots
 * ARGV  how our keys begin, separator, then for each: holder, claim or "*" for any, limit, lease ms
 */
export const giveLimitsScript: Script = {
  name: "give-limits",
  atFull: true,
  lua: `
${fineTimeLua}
local ours, sep = ARGV[1], ARGV[2]
${lineLua}
for i = 3, #KEYS do
  local at = (i - 3) * 4 + 3
  give_place(KEYS[i], ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]))
end`,
};

/**
 * KEYS  1 unacked (unused), then for each key: slots, line
 * returns for each a list: how many wait, then the holders
 */
export const lookPlacesScript: Script = {
  name: "look-places",
  atFull: true,
  lua: `
${fineTimeLua}
${placeLua}
local told = {}
for i = 2, #KEYS, 2 do
  local one = { redis.call('ZCARD', KEYS[i + 1]) }
  local all = redis.call('HGETALL', KEYS[i])
  for j = 1, #all, 2 do
    if read_place(all[j + 1], now) then one[#one + 1] = all[j] end
  end
  told[#told + 1] = one
end
return told`,
};
