/** Leadership: one holder a name, under a number that only grows. */

import { timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 term
 * ARGV  "acquire" | "renew" | "release", holder, ttl ms, number of the term that is renewed or released
 * returns number and end ms of the term that is ours now, or nothing. The number outlives its holders, or it could not only grow.
 */
export const termScript: Script = {
  name: "term",
  atFull: true,
  lua: `
${timeLua}
local what, holder, ttl, mine = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4]
local held = redis.call('HMGET', KEYS[2], 'no', 'holder', 'until', 'ttl')
local number = tonumber(held[1] or '0')
local left = tonumber(held[3] or '0') - tonumber(now_text)
-- An end further away than its whole time was written before the clock was set back: its holder, if it lives, has renewed since.
local live = left > 0 and left <= tonumber(held[4] or '0')
local ours = live and held[2] == holder
if what == 'release' then
  if ours and held[1] == mine then redis.call('HSET', KEYS[2], 'until', '0') end
  return false
end
if what == 'renew' and not (ours and held[1] == mine) then return false end
if what == 'acquire' then
  if live and not ours then return false end
  if not ours then number = number + 1 end
end
local ends = string.format('%.0f', tonumber(now_text) + ttl)
redis.call('HSET', KEYS[2], 'no', string.format('%.0f', number), 'holder', holder, 'until', ends, 'ttl', ARGV[3])
return { string.format('%.0f', number), ends }`,
};
