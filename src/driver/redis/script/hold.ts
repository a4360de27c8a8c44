/** What happens to a lease while its holder lives: user code starts, and the lease is renewed. */

import { timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, then for each queue: lease, started
 * ARGV  number of queues, then for each: number of entries, then id, text, …
 * returns how many were written; an id that is no longer leased is left out, or its mark would stay for ever: one that was put back for later
 * keeps its entry and its place in the index, and this call may come after that, when the server had forgotten the script
 */
export const startScript: Script = {
  name: "start",
  atFull: true,
  lua: `
local p, total = 2, 0
for q = 1, tonumber(ARGV[1]) do
  local n, ids, marks = tonumber(ARGV[p]), {}, {}
  for i = 1, n do ids[i] = ARGV[p + i * 2 - 1] end
  local leased = redis.call('ZMSCORE', KEYS[q * 2], unpack(ids))
  for i = 1, n do
    if leased[i] then
      marks[#marks + 1] = ids[i]
      marks[#marks + 1] = ARGV[p + i * 2]
    end
  end
  if #marks > 0 then redis.call('HSET', KEYS[1 + q * 2], unpack(marks)) end
  total = total + #marks / 2
  p = p + 1 + n * 2
end
return total`,
};

/**
 * KEYS  1 unacked, 2 index, then for each queue: lease, started
 * ARGV  lease ms, number of queues, then for each: number of ids, ids…
 * returns now ms, then the ids that are no longer held
 *
 * XX always: an entry that others took is never written again.
 */
export const renewScript: Script = {
  name: "renew",
  atFull: true,
  lua: `
${timeLua}
local deadline, seconds = ms_text(now + ARGV[1]), t[1]
local out, p = { now_text }, 3
for q = 1, tonumber(ARGV[2]) do
  local n = tonumber(ARGV[p])
  local lease, started = KEYS[1 + q * 2], KEYS[2 + q * 2]
  if n > 0 then
    local ids, scores, leases = {}, {}, {}
    for i = 1, n do
      local id = ARGV[p + i]
      ids[i] = id
      scores[i * 2 - 1], scores[i * 2] = seconds, id
      leases[i * 2 - 1], leases[i * 2] = deadline, id
    end
    redis.call('ZADD', KEYS[2], 'XX', unpack(scores))
    redis.call('ZADD', lease, 'XX', unpack(leases))
    local here, leased = redis.call('ZMSCORE', KEYS[2], unpack(ids)), redis.call('ZMSCORE', lease, unpack(ids))
    for i = 1, n do
      if not here[i] or not leased[i] then
        redis.call('ZREM', lease, ids[i])
        redis.call('HDEL', started, ids[i])
        out[#out + 1] = ids[i]
      end
    end
  end
  p = p + 1 + n
end
return out`,
};
