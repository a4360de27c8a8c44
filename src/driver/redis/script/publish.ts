/** Adds messages of one queue and priority. The one script that a full server refuses, before its first write. */

import { entryLua, fairLua, fairStep, localsLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 bell, 5 due, from 6 on a list a step; then for each message with a nonce its `seen` key and its
 *       result key
 * ARGV  queue, step (the fair one: keys take turns), number of its list among KEYS, number of steps, most ready messages or 0, 1 if any message is delayed,
 *       window ms or "", where an id begins in a `seen` key; then for each message: envelope, nonce or "", window ms, due ms or ""
 * With a window in the seventh every message was made for this call, at once and under an id of its own, which is its nonce. Then each has
 * one key, `seen`, and one argument, its envelope: nothing can be stored under an id that is new.
 * returns a letter a message: A accepted (now or by an earlier try with this nonce), D duplicate, F queue full
 */
export const publishLua: string = `
${localsLua}
${timeLua}
${ringLua}
${entryLua}
${fairLua}
local queue, step, list, last, depth = ARGV[1], ARGV[2], KEYS[ARGV[3] + 0], 5 + ARGV[4], tonumber(ARGV[5])
-- Wrong types fail here, before the first write: nothing that a script has written is rolled back.
call('LLEN', list)
call('LLEN', KEYS[4])
if ARGV[6] == '1' then
  call('HLEN', KEYS[1])
  call('ZCARD', KEYS[2])
  call('ZCARD', KEYS[5])
end
local room = -1
if depth > 0 then
  room = depth
  for i = 6, last do room = room - call('LLEN', KEYS[i]) end
  if call('HEXISTS', select(3, fair_keys(KEYS[5], queue)), 'fair:' .. queue) == 1 then room = room - call('ZCARD', (fair_keys(KEYS[5], queue))) end
  if room < 0 then room = 0 end
end
local letters, ready, later, moments, old, k = {}, {}, {}, {}, {}, last
local plain, from = ARGV[7] ~= '', ARGV[8] + 0
for i = 9, #ARGV, plain and 1 or 4 do
  local raw, nonce, window, due, seen, former = ARGV[i], nil, ARGV[7], ''
  if plain then
    k = k + 1
    seen = KEYS[k]
    nonce = seen:sub(from)
  else
    nonce, window, due = ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
    if nonce ~= '' then
      seen, former = KEYS[k + 1], KEYS[k + 2]
      k = k + 2
    end
  end
  local delayed = due ~= '' and tonumber(due) > now
  local letter, fresh = 'A', true
  if room == 0 and not delayed then
    fresh = false
    local nonce_there = seen and call('GET', seen)
    if not nonce_there then letter = 'F' elseif nonce_there ~= nonce then letter = 'D' end
  elseif seen then
    if not call('SET', seen, nonce, 'NX', 'PX', window) then
      fresh = false
      if call('GET', seen) ~= nonce then letter = 'D' end
    elseif former then
      old[#old + 1] = former
    end
  end
  if fresh and delayed then
    later[#later + 1] = raw
    moments[#moments + 1] = due
  elseif fresh then
    ready[#ready + 1] = raw
    room = room - 1
  end
  letters[#letters + 1] = letter
end
-- An id that its owner uses again after the window: with the old result in place the new run could never store one.
if #old > 0 then call('DEL', unpack(old)) end
if #later > 0 then
  local first = fences(KEYS[3], #later)
  local values, index, due = {}, {}, {}
  for i, raw in ipairs(later) do
    local id = string.format('%.0f', first + i - 1) .. '.' .. step .. '.' .. queue
    local at = 2 * i - 1
    values[at], values[at + 1] = id, wrap(raw, queue)
    index[at], index[at + 1] = math.ceil(moments[i] / 1000), id
    due[at], due[at + 1] = moments[i], id
  end
  call('HSET', KEYS[1], unpack(values))
  call('ZADD', KEYS[2], unpack(index))
  call('ZADD', KEYS[5], unpack(due))
end
if #ready > 0 then
  if step == '${String(fairStep)}' then put_fair(KEYS[5], queue, ready) else call('LPUSH', list, unpack(ready)) end
end
if #ready + #later > 0 then ring(KEYS[4]) end
return table.concat(letters)`;

export const publishScript: Script = { name: "publish", lua: publishLua, atFull: false };
