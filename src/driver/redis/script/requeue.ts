/** Moves one message at somebody's word, from where it lies to the list where it is to be taken from: wherever it goes, it is there once. */

import { entryLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 list it goes to, 5 bell of its queue, 6 due of its queue, 7 what it lies in: a list, the leases or the
 *       due times of a queue; for what Python holds the index, 8 started
 * ARGV  ready, leased, delayed or python; what it is known by: its envelope, or its field in unacked; envelope to put, or "" for
 *       unchanged; F front | B back; queue it goes to, step
 * returns 1, or 0 if it lies there no more
 *
 * A holder loses it here: what settles, renews or restores, ours and kombu's, does it by the entries that this takes away. What
 * is delayed stays so, under an id that names its new queue.
 */
export const requeueScript: Script = {
  name: "requeue",
  atFull: true,
  lua: `
${timeLua}
${ringLua}
${entryLua}
local mode, known, raw, side, queue = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
-- Wrong types fail here, before the first write: nothing that a script has written is rolled back.
redis.call('LLEN', KEYS[4])
redis.call('ZCARD', KEYS[6])
if mode == 'ready' then
  local gone
  if redis.call('TYPE', KEYS[7]).ok == 'zset' then gone = redis.call('ZREM', KEYS[7], known) else gone = redis.call('LREM', KEYS[7], -1, known) end
  if gone == 0 then return 0 end
  if raw == '' then raw = known end
else
  local score = redis.call('ZSCORE', KEYS[7], known)
  local value = score and redis.call('HGET', KEYS[1], known)
  if not value then return 0 end
  if raw == '' then
    local _, from = place(known)
    raw = cut(value, from)
  end
  if mode == 'delayed' then
    local id = string.format('%.0f', fences(KEYS[3], 1)) .. '.' .. ARGV[6] .. '.' .. queue
    redis.call('HSET', KEYS[1], id, wrap(raw, queue))
    redis.call('ZADD', KEYS[2], math.ceil(math.max(score, now) / 1000), id)
    redis.call('ZADD', KEYS[6], score, id)
  end
end
if mode ~= 'delayed' then redis.call(side == 'F' and 'RPUSH' or 'LPUSH', KEYS[4], raw) end
if mode ~= 'ready' then
  redis.call('HDEL', KEYS[1], known)
  redis.call('ZREM', KEYS[2], known)
  redis.call('ZREM', KEYS[7], known)
  redis.call('HDEL', KEYS[8], known)
end
ring(KEYS[5])
return 1`,
};
