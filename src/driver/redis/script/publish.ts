/** Adds messages of one queue and priority. The one script that a full server refuses, before its first write. */

import { entryLua, fairLua, fairStep, localsLua, onceLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** Of one time in one call. For fewer a set would cost as much as keys. */
const fewest = 4;
/** Members of one set of ids. With more a server would stop for more than some milliseconds when it expires, so others get keys. */
const mostTogether = 50_000;
/** Ms by which an id's time may differ from the server's. Without it a sender whose clock stands still would fill one set for ever. */
const mostAway = 60_000;

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 bell, 5 due, from 6 on a list a step; then for each message with a nonce its `seen` key and its
 *       result key
 * ARGV  queue, step (the fair one: keys take turns), number of its list among KEYS, number of steps, most ready messages or 0, 1 if any message is delayed,
 *       window ms or ""; then for each message: envelope, nonce or "", window ms, due ms or ""
 * With a window in the seventh every message was made for this call, under an id of its own that tells when, and is its nonce. Then KEYS has, for
 * messages that stand one after the other and whose ids are of one time, the set of those; and ARGV number of such sets, how many messages each has,
 * and for each message its envelope, which ends in its id, and if any is delayed its due ms or "". Nothing can be stored under an id that is new.
 * returns a letter a message: A accepted (now or by an earlier try with this nonce), D duplicate, F queue full
 */
export const publishLua: string = `
${localsLua}
${timeLua}
${ringLua}
${entryLua}
${fairLua}
local queue, step, list, last, depth = ARGV[1], ARGV[2], KEYS[ARGV[3] + 0], 5 + ARGV[4], tonumber(ARGV[5])
local any_delayed = ARGV[6] == '1'
-- Wrong types fail here, before the first write: nothing that a script has written is rolled back.
call('LLEN', list)
call('LLEN', KEYS[4])
if any_delayed then
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
local letters, ready, later, moments, old = {}, {}, {}, {}, {}
local function is_delayed(due) return due ~= '' and tonumber(due) > now end
local function add(raw, due, delayed)
  if delayed then
    later[#later + 1] = raw
    moments[#moments + 1] = due
  else
    ready[#ready + 1] = raw
    room = room - 1
  end
end
local window = tonumber(ARGV[7])
if window then
  local runs, width, seen = tonumber(ARGV[8]), any_delayed and 2 or 1, KEYS[3]:sub(1, -6) .. 'seen:'
  local at, look = 9 + runs, {}
  for r = 1, runs do
    local set, n, ids, keys = KEYS[last + r], tonumber(ARGV[8 + r]), {}, {}
    for i = 1, n do
      local id = ARGV[at]:sub(-39, -4)
      ids[i], keys[i] = id, seen .. id
      at = at + width
    end
    local there = call('SMISMEMBER', set, unpack(ids))
    local away = n < ${String(fewest)} or math.abs(now - tonumber(set:sub(-10), 16) * 256) > ${String(mostAway)}
    local size = away and ${String(mostTogether)} or call('SCARD', set)
    local together = size < ${String(mostTogether)}
    look[r] = { set, n, ids, keys, there, together, size, together and call('EXISTS', unpack(keys)) > 0 }
  end
  at = 9 + runs
  for r = 1, runs do
    local set, n, ids, keys, there, together, size, clash = unpack(look[r])
    -- All of them are new, which is nearly always so.
    if together and not clash and room < 0 and width == 1 and call('SADD', set, unpack(ids)) == n then
      letters[#letters + 1] = string.rep('A', n)
      for i = at, at + n - 1 do ready[#ready + 1] = ARGV[i] end
      at = at + n
    else
      local given, fresh = {}, {}
      for i = 1, n do
        local id, key, due, letter, nonce = ids[i], keys[i], width == 2 and ARGV[at + 1] or '', 'A'
        local delayed = is_delayed(due)
        local no_room = room == 0 and not delayed
        if there[i] == 1 or given[id] then
          nonce = call('GET', key) or id
        elseif clash or no_room then
          nonce = call('GET', key)
        end
        if not nonce and not no_room and not together and not call('SET', key, id, 'NX', 'PX', ARGV[7]) then nonce = call('GET', key) end
        if nonce then
          if nonce ~= id then letter = 'D' end
        elseif no_room then
          letter = 'F'
        else
          if together then
            given[id] = true
            fresh[#fresh + 1] = id
          end
          add(ARGV[at], due, delayed)
        end
        letters[#letters + 1] = letter
        at = at + width
      end
      if #fresh > 0 then call('SADD', set, unpack(fresh)) end
    end
    if together and (size == 0 or call('PTTL', set) < window) then call('PEXPIRE', set, ms_text(math.ceil(window * 1.25))) end
  end
else
  ${onceLua}
  local k = last
  for i = 8, #ARGV, 4 do
    local raw, nonce, due, seen, former = ARGV[i], ARGV[i + 1], ARGV[i + 3]
    if nonce ~= '' then
      seen, former = KEYS[k + 1], KEYS[k + 2]
      k = k + 2
    end
    local delayed, letter, fresh, there = is_delayed(due), 'A', true
    if room == 0 and not delayed then
      fresh, there = false, seen and nonce_of(seen)
      if not there then letter = 'F' end
    elseif seen then
      fresh, there = begin_once(seen, nonce, ARGV[i + 2])
      if fresh then old[#old + 1] = former end
    end
    if there and there ~= nonce then letter = 'D' end
    if fresh then add(raw, due, delayed) end
    letters[#letters + 1] = letter
  end
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
