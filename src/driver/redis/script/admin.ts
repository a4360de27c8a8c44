/** Steps of the administration that must not be torn: emptying a queue, bringing a dead letter back. */

import { freeCallsLua } from "./call.ts";
import { ringLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 queues, 3 control
 * ARGV  lease ms, names of queues…
 * returns the longest lease that any worker uses, for those that must tell a long one from one written before the clock was set back
 */
export const joinScript: Script = {
  name: "join",
  atFull: true,
  lua: `
local longest = tonumber(redis.call('HGET', KEYS[3], 'lease') or '0')
if tonumber(ARGV[1]) > longest then redis.call('HSET', KEYS[3], 'lease', ARGV[1]) end
if #ARGV > 1 then redis.call('SADD', KEYS[2], unpack(ARGV, 2)) end
return longest`,
};

/**
 * KEYS  1 unacked, 2 due, 3 rows of keys, 4 what waits of keys that take turns, 5 their turns, then the lists of a queue
 * returns how many messages were removed
 */
export const purgeReadyScript: Script = {
  name: "purge-ready",
  atFull: true,
  lua: `
${freeCallsLua}
-- In this step, as nothing tells afterwards what is gone. 4 ms a thousand; the server stands still for so long.
free_calls(KEYS[3], 200000, function(field) return not (field and redis.call('ZSCORE', KEYS[2], field)) end)
local total = redis.call('ZCARD', KEYS[4])
redis.call('UNLINK', KEYS[4], KEYS[5])
for i = 6, #KEYS do
  total = total + redis.call('LLEN', KEYS[i])
  redis.call('UNLINK', KEYS[i])
end
return total`,
};

/**
 * KEYS  1 unacked, 2 index, 3 due, 4 rows of keys
 * ARGV  most in this call
 * returns how many were removed; call again until it is less than the limit
 */
export const purgeDelayedScript: Script = {
  name: "purge-delayed",
  atFull: true,
  lua: `
${freeCallsLua}
local ids = redis.call('ZRANGE', KEYS[3], 0, ARGV[1] - 1)
if #ids == 0 then return 0 end
if redis.call('EXISTS', KEYS[4]) == 1 then
  local there = {}
  for i = 1, #ids do there[ids[i]] = true end
  free_calls(KEYS[4], 10000, function(field) return field and there[field] end)
end
redis.call('HDEL', KEYS[1], unpack(ids))
redis.call('ZREM', KEYS[2], unpack(ids))
redis.call('ZREM', KEYS[3], unpack(ids))
return #ids`,
};

/**
 * KEYS  1 unacked, 2 dead index, 3 letter, 4 list, 5 bell, then result key and attempts key of the id, if it has one
 * ARGV  envelope
 * returns 1, or 0 if the letter is gone
 */
export const redriveScript: Script = {
  name: "redrive",
  atFull: true,
  lua: `
${ringLua}
if redis.call('EXISTS', KEYS[3]) == 0 then
  redis.call('ZREM', KEYS[2], KEYS[3])
  return 0
end
redis.call('LPUSH', KEYS[4], ARGV[1])
for i = 6, #KEYS do redis.call('DEL', KEYS[i]) end
redis.call('DEL', KEYS[3])
redis.call('ZREM', KEYS[2], KEYS[3])
ring(KEYS[5])
return 1`,
};

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 control
 * ARGV  field, value or "" to remove it
 * returns the new version
 */
export const controlScript: Script = {
  name: "control",
  atFull: true,
  lua: `
if ARGV[2] == '' then redis.call('HDEL', KEYS[2], ARGV[1]) else redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
return redis.call('HINCRBY', KEYS[2], 'v', 1)`,
};
