/** Results and checkpoints written outside of a settlement: guarded by the highest fence that was seen for the id. */

import { finalLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), then for each write: result key, checkpoints key
 * ARGV  for each: meta, ttl ms or "0", final 0|1, fence
 * returns a letter a write: S stored, M these very bytes are there already, F already final, X fenced
 */
export const commitScript: Script = {
  name: "commit",
  atFull: true,
  lua: `
${finalLua}
local letters, k = {}, 2
for i = 1, #ARGV, 4 do
  local value, ttl, final, fence = ARGV[i], ARGV[i + 1], ARGV[i + 2] == '1', tonumber(ARGV[i + 3])
  local meta, points = KEYS[k], KEYS[k + 1]
  k = k + 2
  local letter = 'S'
  local old = redis.pcall('GET', meta)
  if type(old) ~= 'string' then old = false end
  local highest = tonumber(redis.call('HGET', points, '#') or '0')
  if is_final(old) then
    letter = 'F'
    if final and old == value then letter = 'M' end
  elseif fence > 0 and highest > fence then
    letter = 'X'
  else
    if ttl == '0' then redis.call('SET', meta, value) else redis.call('SET', meta, value, 'PX', ttl) end
    redis.call('PUBLISH', meta, value)
    if fence > highest then
      redis.call('HSET', points, '#', ARGV[i + 3])
      redis.call('PEXPIRE', points, ttl == '0' and '86400000' or ttl)
    end
  end
  letters[#letters + 1] = letter
end
return table.concat(letters)`,
};

/**
 * KEYS  1 unacked (unused, as above), 2 checkpoints
 * ARGV  fence, name, value, ttl ms
 * returns 1 stored, 0 a higher fence has written
 */
export const checkpointScript: Script = {
  name: "checkpoint",
  atFull: true,
  lua: `
local highest = tonumber(redis.call('HGET', KEYS[2], '#') or '0')
if highest > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], '#', ARGV[1], '=' .. ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[2], ARGV[4])
return 1`,
};
