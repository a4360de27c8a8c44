/**
 * Giving back what a dead worker held, in two steps: the text that goes back is made in TypeScript, where marks can be spliced into
 * an envelope without touching another byte.
 */

import { layCallLua } from "./call.ts";
import { entryLua, fairLua, ringLua, timeLua, turnLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Control field with the longest lease that any worker uses. */
const longestField = "lease";

/**
 * KEYS  1 unacked, 2 index, 3 lease, 4 started, 5 sweep, 6 control
 * ARGV  1 to ask for the turn or 0 to go on with it, pause until the next sweep ms, most entries, byte budget, lease of the asker ms
 * returns 0 if it is our turn or the ms until the next one is free, now ms, then id, start text or "", envelope, …
 *
 * Takes nothing. A deadline further away than two leases, of the longest that any worker uses, was written before the clock was set back: it
 * is lowered, or its task would wait for the clock to catch up.
 */
export const expiredScript: Script = {
  name: "expired",
  atFull: true,
  lua: `
${timeLua}
${entryLua}
${turnLua}
local free = ARGV[1] == '1' and turn(KEYS[5], tonumber(ARGV[2])) or 0
if free > 0 then return { free, now_text } end
local lease = math.max(tonumber(ARGV[5]), tonumber(redis.call('HGET', KEYS[6], '${longestField}') or '0'))
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '(' .. ms_text(now + 2 * lease), '+inf', 'LIMIT', 0, 100)) do
  redis.call('ZADD', KEYS[3], 'XX', ms_text(now + lease), id)
end
local out, bytes = { 0, now_text }, 0
for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', now_text, 'LIMIT', 0, ARGV[3])) do
  if bytes < tonumber(ARGV[4]) then
    local value = redis.call('HGET', KEYS[1], id)
    local _, queue = place(id)
    if value and queue then
      out[#out + 1] = id
      out[#out + 1] = redis.call('HGET', KEYS[4], id) or ''
      out[#out + 1] = cut(value, queue)
      bytes = bytes + #value
    else
      redis.call('ZREM', KEYS[3], id)
      redis.call('HDEL', KEYS[4], id)
    end
  end
end
return out`,
};

/**
 * KEYS  1 unacked, 2 index, 3 lease, 4 started, 5 list, 6 bell, 7 attempts, 8 due, 9 the row of its key, if it stands for one
 * ARGV  id, envelope to put back or "" for unchanged, attempt record or "", 1 where keys take turns or 0, task id
 * returns 1 if it was put back to the front, 0 if it was renewed, settled or taken meanwhile
 */
export const givebackScript: Script = {
  name: "giveback",
  atFull: true,
  lua: `
${timeLua}
${ringLua}
${entryLua}
${fairLua}
${layCallLua}
local id, raw, record = ARGV[1], ARGV[2], ARGV[3]
local deadline = redis.call('ZSCORE', KEYS[3], id)
if not deadline or tonumber(deadline) > now then return 0 end
local value = redis.call('HGET', KEYS[1], id)
if not value then return 0 end
local _, queue = place(id)
if raw == '' then raw = cut(value, queue) end
if ARGV[4] == '1' then put_first(KEYS[8], queue, raw) else redis.call('RPUSH', KEYS[5], raw) end
if record ~= '' then
  redis.call('RPUSH', KEYS[7], record)
  redis.call('LTRIM', KEYS[7], -20, -1)
  redis.call('PEXPIRE', KEYS[7], 604800000)
end
redis.call('ZREM', KEYS[2], id)
redis.call('HDEL', KEYS[1], id)
redis.call('ZREM', KEYS[3], id)
redis.call('HDEL', KEYS[4], id)
if KEYS[9] then lay_call(KEYS[9], ARGV[5], '') end
ring(KEYS[6])
return 1`,
};
