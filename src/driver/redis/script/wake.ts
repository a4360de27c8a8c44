/** Small steps around waiting: who watches a queue for producers that ring no bell, and passing a token on. */

import { ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), then for each queue: watch, bell
 * ARGV  who, ttl ms, "take" or "drop"
 * returns one 1 or 0 a queue: are we its watcher now? A dropped watch rings, so that another idle worker takes over at once.
 */
export const watchScript: Script = {
  name: "watch",
  atFull: true,
  lua: `
${timeLua}
${ringLua}
local out, ttl = {}, tonumber(ARGV[2])
for i = 2, #KEYS, 2 do
  local ends, holder = (redis.call('GET', KEYS[i]) or ''):match('^(%d+)|(.*)$')
  -- An end further away than its whole time was written before the clock was set back.
  local left = ends and tonumber(ends) - tonumber(now_text) or 0
  if left <= 0 or left > ttl then holder = false end
  local mine = holder == ARGV[1]
  if ARGV[3] == 'drop' then
    if mine then
      redis.call('DEL', KEYS[i])
      ring(KEYS[i + 1])
    end
    out[#out + 1] = 0
  elseif mine or not holder then
    redis.call('SET', KEYS[i], string.format('%.0f', tonumber(now_text) + ttl) .. '|' .. ARGV[1], 'PX', ttl)
    out[#out + 1] = 1
  else
    out[#out + 1] = 0
  end
end
return out`,
};

/**
 * KEYS  1 unacked (unused, as above), then bells
 * returns 1
 */
export const ringScript: Script = {
  name: "ring",
  atFull: true,
  lua: `
${ringLua}
for i = 2, #KEYS do ring(KEYS[i]) end
return 1`,
};
