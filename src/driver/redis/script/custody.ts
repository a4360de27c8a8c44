/** Messages kept while their runs go on: the bytes under a key of their own, the ends of their leases in `held`, the rest in the ledger's row. */

import { dayMs, finishedLua, rowLua, startFields } from "./ledger.ts";
import { timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Field of `control`: the longest lease that any worker keeps a message under. */
const longestField = "held";

/**
 * KEYS  1 unacked, 2 held, 3 control, then for each: checkpoints key, hold key
 * ARGV  lease ms, then for each: id, fence, queue, envelope
 * returns a letter for each: H held, X fenced
 */
export const takeScript: Script = {
  name: "take",
  atFull: true,
  lua: `
${timeLua}
${rowLua}
local lease, letters, k = tonumber(ARGV[1]), {}, 4
if tonumber(redis.call('HGET', KEYS[3], '${longestField}') or '0') < lease then
  redis.call('HSET', KEYS[3], '${longestField}', ARGV[1])
end
for i = 2, #ARGV, 4 do
  local points, hold = KEYS[k], KEYS[k + 1]
  k = k + 2
  local known = redis.call('HMGET', points, 'r', 'm')
  local state, _, _, fence = read(known[1])
  if state == 'b' and fence == ARGV[i + 1] and not known[2] then
    redis.call('SET', hold, ARGV[i + 3])
    redis.call('HSET', points, 'q', ARGV[i + 2])
    redis.call('PERSIST', points)
    redis.call('ZADD', KEYS[2], ms_text(now + lease), ARGV[i])
    letters[#letters + 1] = 'H'
  else
    letters[#letters + 1] = 'X'
  end
end
return table.concat(letters)`,
};

/**
 * KEYS  1 unacked, 2 held, then for each: checkpoints key
 * ARGV  lease ms, then for each: id, fence
 * returns a letter for each: H held for longer, X another's or gone
 */
export const renewHoldScript: Script = {
  name: "renew holds",
  atFull: true,
  lua: `
${timeLua}
${rowLua}
local deadline, letters, k = ms_text(now + ARGV[1]), {}, 3
for i = 2, #ARGV, 2 do
  local known = redis.call('HMGET', KEYS[k], 'r', 'q', 'm')
  k = k + 1
  local _, _, _, fence = read(known[1])
  local ours = fence == ARGV[i + 1] and known[2] and not known[3]
  if ours then redis.call('ZADD', KEYS[2], deadline, ARGV[i]) end
  letters[#letters + 1] = ours and 'H' or 'X'
end
return table.concat(letters)`,
};

/**
 * KEYS  1 unacked, 2 held, 3 control
 * ARGV  lease ms, most ids
 * returns now ms, then ids whose lease is over
 *
 * A deadline further away than two of the longest leases was written before the clock was set back: it is lowered, or what a dead worker
 * kept would wait for the clock to catch up.
 */
export const overdueScript: Script = {
  name: "overdue",
  atFull: true,
  lua: `
${timeLua}
local longest = math.max(tonumber(redis.call('HGET', KEYS[3], '${longestField}') or '0'), tonumber(ARGV[1]))
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '(' .. ms_text(now + 2 * longest), '+inf', 'LIMIT', 0, 100)) do
  redis.call('ZADD', KEYS[2], 'XX', ms_text(now + longest), id)
end
return { now_text, unpack(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now_text, 'LIMIT', 0, ARGV[2])) }`,
};

/**
 * KEYS  1 unacked, 2 held, then for each: checkpoints key, hold key
 * ARGV  lease ms, byte budget, then for each: id, name for its copy if it has none
 * returns for each that is given back: id, fence, queue, name of the copy, envelope
 */
export const giveScript: Script = {
  name: "give",
  atFull: true,
  lua: `
${timeLua}
${rowLua}
local deadline, room, out, k = ms_text(now + ARGV[1]), tonumber(ARGV[2]), {}, 3
for i = 3, #ARGV, 2 do
  local id, points, hold = ARGV[i], KEYS[k], KEYS[k + 1]
  k = k + 2
  local score = room > 0 and redis.call('ZSCORE', KEYS[2], id)
  if score and tonumber(score) <= now then
    local known = redis.call('HMGET', points, 'r', 'q', 'm')
    local _, _, _, fence = read(known[1])
    local raw = redis.call('GET', hold)
    if fence and known[2] and raw then
      local copy = known[3] or ARGV[i + 1]
      redis.call('HSET', points, 'm', copy)
      redis.call('ZADD', KEYS[2], deadline, id)
      room = room - #raw
      for _, part in ipairs({ id, fence, known[2], copy, raw }) do out[#out + 1] = part end
    else
      -- Evicted, or deleted by a stranger: there is nothing left to give back.
      redis.call('ZREM', KEYS[2], id)
    end
  end
end
return out`,
};

/**
 * KEYS  1 unacked, 2 held, then for each: checkpoints key, hold key
 * ARGV  for each: id, fence
 */
export const releaseScript: Script = {
  name: "release",
  atFull: true,
  lua: `
${rowLua}
${finishedLua}
local k = 3
for i = 1, #ARGV, 2 do
  local points, hold = KEYS[k], KEYS[k + 1]
  k = k + 2
  local known = redis.call('HMGET', points, 'r', 'q')
  local state, _, _, fence = read(known[1])
  if known[2] and fence == ARGV[i + 1] then
    redis.call('DEL', hold)
    redis.call('ZREM', KEYS[2], ARGV[i])
    redis.call('HDEL', points, 'q')
    if state == 'f' then
      keep_finished(points)
    elseif state == 'd' then
      redis.call('HDEL', points, ${startFields})
      if redis.call('HLEN', points) == 1 then redis.call('PEXPIRE', points, ${dayMs}) else keep(points) end
    else
      keep(points)
    end
  end
end
return 1`,
};
