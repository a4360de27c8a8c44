/**
 * Keys that calls have: who stands for each, by the rules of `port/call-law.ts`, each in the step that stores, begins or ends its message.
 *
 * A row is a hash that expires with its key: id, b begun, f first call ms, w end of the period ms, n the one that waits behind it; of the one that
 * waits: r its field in `unacked` while it is delayed, l what took its place; of one that has begun and was put back: o that field, or "" where it lies
 * in a list. Messages in lists are not looked for, since lists are long: what took
 * the place of one lies in its row until it begins, and a Python worker runs the first.
 */

import { entryLua, fairLua, fairStep, finalLua, localsLua, onceLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/** `live(row, ms)`: the row lives at least so long. */
const liveLua = `
local function live(row, ms)
  if redis.call('PTTL', row) < ms then redis.call('PEXPIRE', row, string.format('%.0f', math.max(1, ms))) end
end`;

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 bell, 5 due, 6 its list, 7 row, 8 rows of the queue, 9 seen, 10 result key of the name in seen, 11 facts, from 12 on a list a step
 * ARGV  queue, step, most ready messages or 0, nonce or "", window ms, due ms or "", envelope, id, "start", "end" or period ms, life ms,
 *       join | replace | after, quiet ms or "", its limit ms, id whose place it takes or "", result key without an id,
 *       name of a fact that revokes without an id
 * returns a letter: A accepted (now or by an earlier try with this nonce), D duplicate, F queue full, J another stands for it, R one waits that it may
 *         replace, G what it was to replace waits no more; then the id of J and R
 */
export const publishCallScript: Script = {
  name: "publish-call",
  atFull: false,
  lua: `
${localsLua}
${timeLua}
${ringLua}
${entryLua}
${finalLua}
${fairLua}
${onceLua}
${liveLua}
local queue, step, depth, nonce, due, raw, own = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], tonumber(ARGV[6]), ARGV[7], ARGV[8]
local hold, life, conflict, quiet, most, replaces = ARGV[9], tonumber(ARGV[10]), ARGV[11], tonumber(ARGV[12]), tonumber(ARGV[13]), ARGV[14]
local row, period = KEYS[7], tonumber(hold)
if nonce ~= '' then
  local there = nonce_of(KEYS[9])
  if there then return { there == nonce and 'A' or 'D' } end
end
-- Wrong types fail here, before the first write: nothing that a script has written is rolled back.
call('LLEN', KEYS[6])
call('LLEN', KEYS[4])
call('HLEN', KEYS[1])
call('ZCARD', KEYS[2])
call('ZCARD', KEYS[5])
local known = call('HMGET', row, 'id', 'b', 'f', 'w', 'n', 'r')
local id, first, free, behind, ref = known[1], tonumber(known[3] or '0'), tonumber(known[4] or ''), known[5], known[6]
-- It has ended, or is not to begin, in a way that no one told the row of.
local function over(of, begun)
  local result = redis.pcall('GET', ARGV[15] .. of)
  if type(result) == 'string' and is_final(result) then return true end
  return not begun and (call('HGET', KEYS[11], ARGV[16] .. of) or '') ~= ''
end
if behind and over(behind, false) then
  behind, ref = false, false
  call('HDEL', row, 'n', 'r', 'l')
  if free and free <= now then id = false end
end
if id and not free and not behind and over(id, known[2]) then id = false end
local waits = behind or (not known[2] and not free and id)
local fresh = not id or (conflict == 'replace' and not waits)
if not fresh and conflict == 'join' then return { 'J', id } end
if fresh or not waits then
  if replaces ~= '' then return { 'G' } end
elseif replaces == '' then
  return { 'R', waits }
elseif replaces ~= waits then
  return { 'G' }
end
local put = fresh or not waits
if fresh then
  if quiet then due = now + quiet end
elseif put then
  due = free or now + life
else
  due = quiet and math.min(now + quiet, first + most)
end
local delayed = due and due > now
if put and depth > 0 and not delayed then
  local room = depth - call('ZCARD', (fair_keys(KEYS[5], queue)))
  for i = 12, #KEYS do room = room - call('LLEN', KEYS[i]) end
  if room <= 0 then return { 'F' } end
end
if nonce ~= '' then
  call('SET', KEYS[9], nonce, 'PX', ARGV[5])
  call('DEL', KEYS[10])
end
if put then
  local field = ''
  if delayed then
    field = string.format('%.0f', fences(KEYS[3], 1)) .. '.' .. step .. '.' .. queue
    call('HSET', KEYS[1], field, wrap(raw, queue))
    call('ZADD', KEYS[2], math.ceil(due / 1000), field)
    call('ZADD', KEYS[5], ms_text(math.ceil(due)), field)
  elseif step == '${String(fairStep)}' then
    put_fair(KEYS[5], queue, { raw })
  else
    call('LPUSH', KEYS[6], raw)
  end
  if fresh then
    call('DEL', row)
    local from = delayed and due or now
    call('HSET', row, 'id', own, 'f', now_text)
    if period then
      call('HSET', row, 'w', ms_text(from + period))
      live(row, from + period - now)
    else
      live(row, from + life - now)
    end
  else
    call('HSET', row, 'n', own)
    call('HDEL', row, 'l')
    live(row, due + life - now)
  end
  if field == '' then call('HDEL', row, 'r') else call('HSET', row, 'r', field) end
elseif ref and call('ZSCORE', KEYS[5], ref) then
  call('HSET', KEYS[1], ref, wrap(raw, queue))
  call('HDEL', row, 'l')
  if due then
    call('ZADD', KEYS[5], ms_text(math.ceil(due)), ref)
    call('ZADD', KEYS[2], math.ceil(due / 1000), ref)
  end
  live(row, (due or now) + life - now)
else
  call('HSET', row, 'l', raw)
  live(row, life)
end
call('ZREMRANGEBYSCORE', KEYS[8], '-inf', now_text)
call('ZADD', KEYS[8], ms_text(now + call('PTTL', row)), row)
ring(KEYS[4])
return { 'A' }`,
};

/**
 * KEYS  1 unacked, 2 index, then a row an item
 * ARGV  for each item: its field in unacked, id, "start", "end" or period ms, life ms
 * returns for each the envelope as it is now, or "" if it is no longer held
 */
export const beginCallScript: Script = {
  name: "begin-call",
  atFull: true,
  lua: `
${timeLua}
${entryLua}
${liveLua}
local out = {}
for i = 3, #KEYS do
  local at, row = (i - 3) * 4, KEYS[i]
  local field, id, hold, life = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
  local value = redis.call('ZSCORE', KEYS[2], field) and redis.call('HGET', KEYS[1], field)
  local _, queue = place(field)
  if not value then
    out[i - 2] = ''
  else
    local known = redis.call('HMGET', row, 'id', 'n', 'l', 'b')
    local period, latest = tonumber(hold), false
    if known[2] == id then
      latest = known[3]
      redis.call('DEL', row)
      redis.call('HSET', row, 'id', id, 'b', '1', 'f', now_text)
      if period then redis.call('HSET', row, 'w', ms_text(now + period)) end
      live(row, period or life)
    elseif known[1] == id and not period then
      if not known[4] then latest = known[3] end
      if hold == 'start' then
        redis.call('DEL', row)
      else
        if known[4] then redis.call('HDEL', row, 'o') else redis.call('HDEL', row, 'l', 'r') end
        redis.call('HSET', row, 'b', '1')
        live(row, life)
      end
    end
    if latest then
      value = wrap(latest, queue)
      redis.call('HSET', KEYS[1], field, value)
    end
    out[i - 2] = cut(value, queue)
  end
end
return out`,
};

/**
 * For `settle`. `end_call(row, due, bell, index, id, hold, life)`: it has ended for good; what waited for that is due now, and true is
 * answered. `keep_call(row, id, hold, ms)`: it is tried again, and its key lives for so long.
 */
export const endCallLua: string = `
${liveLua}
local function end_call(row, due, index, id, hold, life)
  local known = call('HMGET', row, 'id', 'n', 'r', 'w')
  if known[2] == id then
    call('HDEL', row, 'n', 'r', 'l')
    if known[4] then call('PEXPIRE', row, string.format('%.0f', math.max(1, known[4] - now))) end
    return false
  end
  if known[1] ~= id or tonumber(hold) then return false end
  if not known[2] then
    call('DEL', row)
    return false
  end
  call('HSET', row, 'id', known[2], 'f', now_text)
  call('HDEL', row, 'n', 'b', 'o')
  live(row, tonumber(life))
  if not known[3] or not call('ZSCORE', due, known[3]) then return false end
  call('ZADD', due, now_text, known[3])
  call('ZADD', index, t[1], known[3])
  return true
end
local function keep_call(row, id, hold, ms)
  if not tonumber(hold) and call('HGET', row, 'id') == id then live(row, tonumber(ms)) end
end`;

/** `lay_call(row, id, field)`: its message was put back, delayed under this field in `unacked`, or "" into a list. A purge asks for that. */
export const layCallLua = `
local function lay_call(row, id, field)
  local known = redis.call('HMGET', row, 'id', 'n', 'b')
  local name = known[2] == id and 'r'
  if not name and known[1] == id then name = known[3] and 'o' or not known[2] and 'r' end
  if not name then return end
  if field == '' and name == 'r' then redis.call('HDEL', row, 'r') else redis.call('HSET', row, name, field) end
end`;

/** For a purge. `free_calls(rows, most, gone)`: keys, among so many, of what waits and is gone; `gone(field)` is told its field in `unacked`, or false. */
export const freeCallsLua = `
local function free_calls(rows, most, gone)
  for _, row in ipairs(redis.call('ZRANGE', rows, 0, most - 1)) do
    local known = redis.call('HMGET', row, 'id', 'b', 'w', 'n', 'r', 'o')
    local own, next = known[6], known[4]
    if not known[2] then own = known[5] or '' end
    if next and gone(known[5]) then
      redis.call('HDEL', row, 'n', 'r', 'l')
      next = false
    end
    if not known[1] then
      redis.call('ZREM', rows, row)
    elseif not next and not known[3] and own and gone(own ~= '' and own) then
      redis.call('DEL', row)
      redis.call('ZREM', rows, row)
    end
  end
end`;
