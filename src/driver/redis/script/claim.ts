/** Takes messages from the queues and leases them, in one step: nothing is ever popped that is not leased when the script ends. */

import { factsField } from "./fact.ts";
import { entryLua, fairLua, fairStep, localsLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 session, 5 control; then for each queue: lease, due, bell, started, and a list a step
 * ARGV  sequence, most messages, byte budget, lease ms, session ttl ms, worker, number of queues, queues…, steps…
 * returns now ms, version of the facts, 1 if more is waiting, next due ms or "" (only told when nothing more is waiting), then id, envelope, …
 *
 * The same sequence again returns the same claim: its reply was lost. The first pop of a queue takes one message, which tells how
 * large they are, so that a hundred of 1 MB are never popped by accident.
 */
const lua = `
${localsLua}
${timeLua}
${ringLua}
${entryLua}
${fairLua}
local format = string.format
local unacked, index, session = KEYS[1], KEYS[2], KEYS[4]
local sequence, room, budget = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local deadline, seconds = ms_text(now + ARGV[4]), t[1]
local nq = tonumber(ARGV[7])
local before_steps = 7 + nq
local ns = #ARGV - before_steps
local function key(q, i) return KEYS[5 + (q - 1) * (4 + ns) + i] end
local facts = { 'HMGET', KEYS[5], '${factsField}' }
for q = 1, nq do facts[q + 3] = 'pause:' .. ARGV[7 + q] end
for q = 1, nq do facts[q + nq + 3] = 'fair:' .. ARGV[7 + q] end
local control = call(unpack(facts))
local out = { now_text, control[1] or '0', 0, '' }

local former = call('HGET', session, 'claim')
if former and former:sub(1, #sequence + 1) == sequence .. ' ' then
  for id in former:sub(#sequence + 2):gmatch('%S+') do
    local value = call('HGET', unacked, id)
    local _, queue = place(id)
    if value and queue then
      out[#out + 1] = id
      out[#out + 1] = cut(value, queue)
      for q = 1, nq do
        if ARGV[7 + q] == queue then call('ZADD', key(q, 1), 'XX', deadline, id) end
      end
      call('ZADD', index, 'XX', seconds, id)
    end
  end
  out[3] = 1
  return out
end

local open = {}
for q = 1, nq do
  if not control[q + 1] then open[#open + 1] = q end
end

-- Flat: a table a message would cost more than its commands.
local raws, from_queue, from_step, n, bytes = {}, {}, {}, 0, 0
local function take(q, s, most)
  local list, got_all = key(q, 4 + s), 0
  local chunk = 1
  while most > 0 and bytes < budget do
    if chunk > most then chunk = most end
    local got = call('RPOP', list, chunk)
    if not got then break end
    for i = 1, #got do
      local raw = got[i]
      n = n + 1
      raws[n], from_queue[n], from_step[n] = raw, q, s
      bytes = bytes + #raw
    end
    got_all = got_all + #got
    most = most - #got
    room = room - #got
    if #got < chunk then break end
    chunk = math.floor((budget - bytes) * n / bytes)
    if chunk > 100 then chunk = 100 elseif chunk < 1 then chunk = 1 end
  end
  return got_all
end
-- Of keys that take turns.
local function take_fair(q, most)
  local line, got_all = fair_keys(key(q, 2), ARGV[7 + q]), 0
  local chunk = 1
  while most > 0 and bytes < budget do
    if chunk > most then chunk = most end
    local got = call('ZPOPMIN', line, chunk)
    for i = 1, #got, 2 do
      n = n + 1
      raws[n], from_queue[n], from_step[n] = got[i], q, 1
      bytes = bytes + #got[i]
    end
    local count = #got / 2
    got_all, most, room = got_all + count, most - count, room - count
    if count < chunk then break end
    chunk = math.floor((budget - bytes) * n / bytes)
    if chunk > 100 then chunk = 100 elseif chunk < 1 then chunk = 1 end
  end
  return got_all
end
local share = #open > 0 and math.ceil(room / #open) or 0
local left = {}
for _, q in ipairs(open) do left[q] = share end
-- Half of a claim, so that neither waits for the other to be empty; of an odd one the last as it falls out.
for _, q in ipairs(open) do
  if control[q + nq + 1] then left[q] = left[q] - take_fair(q, math.floor((math.min(room, left[q]) + t[2] % 2) / 2)) end
end
for round = 1, #open > 1 and 2 or 1 do
  for s = 1, ns do
    for _, q in ipairs(open) do
      local most = room
      if round == 1 and left[q] < most then most = left[q] end
      left[q] = left[q] - take(q, s, most)
    end
  end
  if room <= 0 or bytes >= budget then break end
end

for _, q in ipairs(open) do
  if control[q + nq + 1] then
    take_fair(q, room)
    local line, turns, control_key = fair_keys(key(q, 2), ARGV[7 + q])
    local lowest = call('ZRANGE', line, 0, 0, 'WITHSCORES')[2]
    -- Who has had its last turn before those that wait is as one who never came.
    if lowest then
      call('ZREMRANGEBYSCORE', turns, '-inf', '(' .. lowest)
    else
      call('DEL', turns)
      call('HDEL', control_key, 'fair:' .. ARGV[7 + q])
      control[q + nq + 1] = false
    end
  end
end

if n > 0 then
  local first = fences(KEYS[3], n)
  local entries, scores, leases, holders, ids = {}, {}, {}, {}, {}
  local holder = 'claimed|' .. ARGV[6]
  for i = 1, n do
    local q, raw = from_queue[i], raws[i]
    local queue = ARGV[7 + q]
    local id = format('%.0f.%s.%s', first + i - 1, ARGV[before_steps + from_step[i]], queue)
    ids[i] = id
    entries[i * 2 - 1], entries[i * 2] = id, wrap(raw, queue)
    scores[i * 2 - 1], scores[i * 2] = seconds, id
    local of, by = leases[q], holders[q]
    if not of then
      of, by = {}, {}
      leases[q], holders[q] = of, by
    end
    of[#of + 1] = deadline
    of[#of + 1] = id
    by[#by + 1] = id
    by[#by + 1] = holder
    out[i * 2 + 3], out[i * 2 + 4] = id, raw
  end
  call('HSET', unacked, unpack(entries))
  call('ZADD', index, unpack(scores))
  for q, of in pairs(leases) do
    call('ZADD', key(q, 1), unpack(of))
    call('HSET', key(q, 4), unpack(holders[q]))
  end
  call('HSET', session, 'claim', sequence .. ' ' .. table.concat(ids, ' '))
  call('PEXPIRE', session, ARGV[5])
end
-- Last, and for the next claim: between two scripts it lies where a Python worker's BRPOP sees it, which may know what we do not.
for q = 1, nq do
  local due = call('ZRANGEBYSCORE', key(q, 2), '-inf', now_text, 'LIMIT', 0, 100)
  if #due > 0 then
    local moved, fair, bytes = {}, {}, 0
    for _, id in ipairs(due) do
      if bytes < 4194304 then
        local step, queue = place(id)
        local value = queue and call('HGET', unacked, id)
        if value then
          -- Its sender may have other steps than we: the one that serves it.
          local s = ns
          while s > 1 and tonumber(ARGV[before_steps + s]) > tonumber(step) do s = s - 1 end
          if step == '${String(fairStep)}' then fair[#fair + 1] = cut(value, queue) else call('LPUSH', key(q, 4 + s), cut(value, queue)) end
          bytes = bytes + #value
        end
        moved[#moved + 1] = id
      end
    end
    if #fair > 0 then
      put_fair(key(q, 2), ARGV[7 + q], fair)
      control[q + nq + 1] = '1'
    end
    call('HDEL', unacked, unpack(moved))
    call('ZREM', index, unpack(moved))
    call('ZREM', key(q, 2), unpack(moved))
  end
end
for _, q in ipairs(open) do
  local waiting = control[q + nq + 1] and 1 or 0
  for i = 5, 4 + ns do
    if waiting == 0 then waiting = call('LLEN', key(q, i)) end
  end
  if waiting > 0 then
    out[3] = 1
    ring(key(q, 3))
  end
end
if out[3] == 0 then
  for q = 1, nq do
    local next_due = call('ZRANGE', key(q, 2), 0, 0, 'WITHSCORES')[2]
    if next_due then
      local ms = tonumber(next_due)
      if out[4] == '' or ms < tonumber(out[4]) then out[4] = ms_text(ms) end
    end
  end
end
return out`;

export const claimScript: Script = { name: "claim", lua, atFull: true };
