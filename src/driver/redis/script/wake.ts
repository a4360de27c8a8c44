/**
 * Small steps around waiting: the look of an idle consumer, which is all that it asks while there is nothing to do; who watches a queue for
 * producers that ring no bell; and passing a token on.
 */

import { factsField } from "./fact.ts";
import { ringLua, timeLua, turnLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** `holder_of(key, ttl)`: who watches, or false. An end further away than its whole time was written before the clock was set back. */
const holderLua = `
local function holder_of(key, ttl)
  local ends, holder = (redis.call('GET', key) or ''):match('^(%d+)|(.*)$')
  local left = ends and tonumber(ends) - tonumber(now_text) or 0
  return left > 0 and left <= ttl and holder
end`;

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 control, 3 joins; then for each queue: watch, sweep, due, and a list a step
 * ARGV  who, ttl of a watch ms, pause between sweeps ms, number of steps, queues…
 * returns now ms, version of the facts, 1 if joins are looked after, 1 if a claim would find something, next due ms or ""; then for each
 * queue: 1 if we are its watcher now, and 0 if the turn to sweep is ours or the ms until it is free
 *
 * Takes the watch and the turn where they are free, and no message.
 */
export const lookScript: Script = {
  name: "look",
  atFull: true,
  lua: `
${timeLua}
${turnLua}
${holderLua}
local who, ttl, pause, ns = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local nq = #ARGV - 4
local fields = { 'HMGET', KEYS[2], '${factsField}' }
for q = 1, nq do fields[q + 3], fields[q + nq + 3] = 'pause:' .. ARGV[4 + q], 'fair:' .. ARGV[4 + q] end
local control = redis.call(unpack(fields))
local out, lists, soonest = { now_text, control[1] or '0', redis.call('EXISTS', KEYS[3]), 0, '' }, {}
for q = 1, nq do
  local k = 4 + (q - 1) * (3 + ns)
  local holder = holder_of(KEYS[k], ttl)
  local mine = not holder or holder == who
  if mine then redis.call('SET', KEYS[k], ms_text(tonumber(now_text) + ttl) .. '|' .. who, 'PX', ARGV[2]) end
  out[#out + 1] = mine and 1 or 0
  out[#out + 1] = turn(KEYS[k + 1], pause)
  local due = tonumber(redis.call('ZRANGE', KEYS[k + 2], 0, 0, 'WITHSCORES')[2] or '')
  if due and (not soonest or due < soonest) then soonest = due end
  if not control[q + 1] then
    if control[q + nq + 1] then out[4] = 1 end
    for i = k + 3, k + 2 + ns do lists[#lists + 1] = KEYS[i] end
  end
end
if (soonest and soonest <= now) or (#lists > 0 and redis.call('EXISTS', unpack(lists)) > 0) then out[4] = 1 end
if soonest then out[5] = ms_text(soonest) end
return out`,
};

/**
 * KEYS  1 unacked (unused, as above), then for each queue: watch, bell
 * ARGV  who, ttl of a watch ms
 * returns 1. A watch that is given up rings, so that another idle consumer takes it at once.
 */
export const dropWatchScript: Script = {
  name: "drop watch",
  atFull: true,
  lua: `
${timeLua}
${ringLua}
${holderLua}
for i = 2, #KEYS, 2 do
  if holder_of(KEYS[i], tonumber(ARGV[2])) == ARGV[1] then
    redis.call('DEL', KEYS[i])
    ring(KEYS[i + 1])
  end
end
return 1`,
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
