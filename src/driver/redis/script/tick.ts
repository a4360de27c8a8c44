/** The step a scheduler needs: a tick fires once, with all its messages, whoever believes to lead. Also in two steps, for messages elsewhere. */

import { entryLua, localsLua, onceLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * `leads(term, number, holder)`; `earlier(ticks, tick, id)`: what became of it before, or nothing; `store(…)`: it has fired.
 * fired: a sorted set of ticks in the order of firing. ticks: a hash of tick = id, "b" and tick = id of one that is begun, "dropped" = the
 * last one that was too many. So far below that all have fired; what is older still comes of a clock that was set back.
 */
const ticksLua = `
local function leads(term, number, holder)
  local held = call('HMGET', term, 'no', 'holder', 'until')
  return held[1] == number and held[2] == holder and tonumber(held[3]) > t[1] * 1000 + t[2] / 1000
end
local function earlier(ticks, tick, id)
  local known = call('HGET', ticks, tick)
  if known then return known == id and 'mine-already' or 'fired-before' end
  local dropped, at = tonumber(call('HGET', ticks, 'dropped') or ''), tonumber(tick)
  if dropped and at <= dropped and at > dropped - 604800000 then return 'fired-before' end
end
local function store(fired, ticks, tick, id)
  local last = call('ZRANGE', fired, -1, -1, 'WITHSCORES')
  call('ZADD', fired, ms_text(math.max(now, tonumber(last[2] or '0') + 1)), tick)
  call('HSET', ticks, tick, id)
  call('HDEL', ticks, 'b' .. tick)
  local old = call('ZRANGE', fired, 0, -1001)
  if #old > 0 then
    call('HSET', ticks, 'dropped', old[#old])
    call('HDEL', ticks, unpack(old))
    call('ZREM', fired, unpack(old))
  end
end`;

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 term, 5 fired, 6 ticks, 7 queues; for each queue its bell, due and a list a step; for each message
 *       with a nonce its `seen` key and its result key
 * ARGV  number of the term, holder, tick ms, id of the first message or "", number of steps, most ready messages in a queue or 0, number
 *       of queues, their names; then for each message: number of its queue, step, number of that step, nonce or "", window ms, due ms or "",
 *       envelope
 * returns "fired", "mine-already", "fired-before", "not-leader", or "full " and the name of a queue, where nothing has happened
 */
export const fireScript: Script = {
  name: "fire",
  atFull: false,
  lua: `
${localsLua}
${timeLua}
${ringLua}
${entryLua}
${onceLua}
${ticksLua}
local fired, ticks, tick, id = KEYS[5], KEYS[6], ARGV[3], ARGV[4]
local steps, depth, queues = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local before = earlier(ticks, tick, id)
if before then return before end
if not leads(KEYS[4], ARGV[1], ARGV[2]) then return 'not-leader' end
-- Wrong types fail here, before the first write: nothing that a script has written is rolled back.
call('HLEN', KEYS[1])
call('ZCARD', KEYS[2])
call('ZCARD', fired)
call('SCARD', KEYS[7])
for q = 1, queues do
  local bell, ready = 8 + (q - 1) * (steps + 2), 0
  call('LLEN', KEYS[bell])
  call('ZCARD', KEYS[bell + 1])
  for i = 1, steps do ready = ready + call('LLEN', KEYS[bell + 1 + i]) end
  if depth > 0 and ready >= depth then return 'full ' .. ARGV[7 + q] end
end
-- A server whose memory is used up refuses the first write, and no later one.
store(fired, ticks, tick, id)
local seen, woken = 8 + queues * (steps + 2), {}
for i = 8 + queues, #ARGV, 7 do
  local q, step, nonce, due, raw = tonumber(ARGV[i]), ARGV[i + 1], ARGV[i + 3], ARGV[i + 5], ARGV[i + 6]
  local bell, queue, fresh = 8 + (q - 1) * (steps + 2), ARGV[7 + q], true
  if nonce ~= '' then
    fresh = begin_once(KEYS[seen], nonce, ARGV[i + 4])
    -- An id that its owner uses again after the window: with the old result in place the new run could never store one.
    if fresh then call('DEL', KEYS[seen + 1]) end
    seen = seen + 2
  end
  if fresh and due ~= '' and tonumber(due) > now then
    local claim = string.format('%.0f', fences(KEYS[3], 1)) .. '.' .. step .. '.' .. queue
    call('HSET', KEYS[1], claim, wrap(raw, queue))
    call('ZADD', KEYS[2], math.ceil(due / 1000), claim)
    call('ZADD', KEYS[bell + 1], due, claim)
  elseif fresh then
    call('LPUSH', KEYS[bell + 1 + ARGV[i + 2]], raw)
  end
  if fresh and not woken[q] then
    woken[q] = true
    call('SADD', KEYS[7], queue)
    ring(KEYS[bell])
  end
end
return 'fired'`,
};

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 term, 3 fired, 4 ticks
 * ARGV  number of the term, holder, tick ms, id of the first message or ""
 * returns "begun", "begun-before", "mine-already", "fired-before" or "not-leader"
 */
export const beginTickScript: Script = {
  name: "begin-tick",
  atFull: true,
  lua: `
${localsLua}
${timeLua}
${ticksLua}
local ticks, tick = KEYS[4], ARGV[3]
local before = earlier(ticks, tick, ARGV[4])
if before then return before end
if not leads(KEYS[2], ARGV[1], ARGV[2]) then return 'not-leader' end
if call('HSETNX', ticks, 'b' .. tick, ARGV[4]) == 0 then return 'begun-before' end
-- Too many that nobody ended: the oldest go.
if call('HLEN', ticks) - call('ZCARD', KEYS[3]) > 1000 then
  local begun = {}
  for _, field in ipairs(call('HKEYS', ticks)) do
    if field:sub(1, 1) == 'b' then begun[#begun + 1] = tonumber(field:sub(2)) end
  end
  table.sort(begun)
  for i = 1, #begun - 1000 do call('HDEL', ticks, 'b' .. ms_text(begun[i])) end
end
return 'begun'`,
};

/**
 * KEYS  1 unacked (unused, for servers without allow-oom), 2 fired, 3 ticks
 * ARGV  tick ms, id of the first message or ""
 */
export const doneTickScript: Script = {
  name: "done-tick",
  atFull: true,
  lua: `
${localsLua}
${timeLua}
${ticksLua}
if not earlier(KEYS[3], ARGV[1], ARGV[2]) then store(KEYS[2], KEYS[3], ARGV[1], ARGV[2]) end
return 1`,
};

/**
 * KEYS  1 fired, 2 ticks
 * ARGV  most
 * returns ticks, newest first, and their ids
 */
export const firedScript: Script = {
  name: "fired",
  atFull: false,
  lua: `
local ticks = redis.call('ZREVRANGE', KEYS[1], 0, ARGV[1] - 1)
if #ticks == 0 then return { {}, {} } end
return { ticks, redis.call('HMGET', KEYS[2], unpack(ticks)) }`,
};
