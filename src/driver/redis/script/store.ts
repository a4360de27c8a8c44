/**
 * Results and checkpoints written outside of a settlement: guarded by the highest fence that was seen for the id, in `#` of its checkpoints.
 * Beside it may lie the ledger's row, see `ledger.ts`.
 */

import { dayMs, startFields } from "./ledger.ts";
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
  local known = redis.call('HMGET', points, '#', 'r', 'q')
  local highest, row = tonumber(known[1] or '0'), known[2]
  if is_final(old) then
    letter = 'F'
    if final and old == value then letter = 'M' end
  elseif highest > fence and (fence > 0 or row) then
    letter = 'X'
  else
    if ttl == '0' then redis.call('SET', meta, value) else redis.call('SET', meta, value, 'PX', ttl) end
    redis.call('PUBLISH', meta, value)
    local keep = ttl == '0' and '${dayMs}' or ttl
    if fence > highest then
      redis.call('HSET', points, '#', ARGV[i + 3])
      if not row then redis.call('PEXPIRE', points, keep) end
    end
    if row and final and known[3] then
      redis.call('HSET', points, 'r', 'd' .. row:sub(2))
    elseif row and final then
      redis.call('HDEL', points, ${startFields})
      if redis.call('HLEN', points) == 1 then redis.call('PEXPIRE', points, keep) end
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
local known = redis.call('HMGET', KEYS[2], '#', 'r')
if tonumber(known[1] or '0') > tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[2], '#', ARGV[1], '=' .. ARGV[2], ARGV[3])
-- A ledger's row beside it may have to live longer, or for ever.
local left = known[2] and redis.call('PTTL', KEYS[2]) or 0
if left >= 0 and (not known[2] or left < tonumber(ARGV[4])) then redis.call('PEXPIRE', KEYS[2], ARGV[4]) end
return 1`,
};

/**
 * KEYS  1 unacked (unused, as above), then for each id: result key, checkpoints key
 *
 * A ledger's row stays: who forgets a result does not thereby let a replaced worker write another.
 */
export const forgetScript: Script = {
  name: "forget",
  atFull: true,
  lua: `
for k = 2, #KEYS, 2 do
  local points = KEYS[k + 1]
  redis.call('DEL', KEYS[k])
  local fields = { '#', ${startFields}, 'q' }
  local row = redis.call('HMGET', points, unpack(fields))
  local left = row[2] and redis.call('PTTL', points)
  redis.call('DEL', points)
  if row[2] then
    for f = 1, #fields do
      if row[f] then redis.call('HSET', points, fields[f], row[f]) end
    end
    if left > 0 then redis.call('PEXPIRE', points, left) end
  end
end
return 1`,
};
