/** Ends deliveries: result, what follows, and the queue's entry, all in one step, and only for whoever still holds the lease. */

import { entryLua, finalLua, ringLua, timeLua } from "./parts.ts";
import type { Script } from "./script.ts";

/**
 * KEYS  1 unacked, 2 index, 3 fence, 4 session, 5 dead index; the others are named by number in ARGV
 * ARGV  slot, sequence, session ttl ms, n, n ids, then for each item:
 *       number of its arguments that follow,
 *       lease key, started key,
 *       result key or 0, and if not 0: meta, ttl ms or "0", final 0|1
 *       attempts key or 0, and if not 0: a record to add, or "" to drop the list
 *       op: A  acknowledge
 *           R  replace by another message: SEND
 *           Q  put back: list key, bell key, F front | B back, envelope or "" for unchanged
 *           P  put back for later: bell key, due key, due ms, queue, envelope or "" for unchanged
 *           D  dead letter: its key, attempts key, score ms, text before the stored attempts, own attempts, text after, ttl ms
 *       number of follow-ups, and for each: seen key or 0, nonce, window ms, SEND
 *       SEND = list key, bell key, due key, due ms or "", step, queue, envelope
 * returns a letter an item: S settled, L lost, F already final (op skipped, follow-ups sent), E a key has a wrong type (still held)
 *
 * What adds comes before what deletes: a script that fails half-way is not rolled back.
 */
const lua = `
local session, slot, sequence = KEYS[4], ARGV[1], ARGV[2]
local former = redis.call('HGET', session, slot)
if former and former:sub(1, #sequence + 1) == sequence .. ' ' then return former:sub(#sequence + 2) end
${timeLua}
${ringLua}
${entryLua}
${finalLua}
local unacked, index = KEYS[1], KEYS[2]
local n = tonumber(ARGV[4])
local ids = {}
for i = 1, n do ids[i] = ARGV[4 + i] end
local alive = redis.call('ZMSCORE', index, unpack(ids))
local p = 5 + n
local function arg() local value = ARGV[p] p = p + 1 return value end
local function key() return KEYS[tonumber(arg())] end
local bells = {}
local function works(reply) return not (type(reply) == 'table' and reply.err) end
local function send()
  local list, bell, due, at, step, queue, raw = key(), key(), key(), arg(), arg(), arg(), arg()
  if at ~= '' and tonumber(at) > now then
    local id = string.format('%.0f', fences(KEYS[3], 1)) .. '.' .. step .. '.' .. queue
    if not works(redis.pcall('ZADD', due, at, id)) then return false end
    redis.call('HSET', unacked, id, wrap(raw, queue))
    redis.call('ZADD', index, math.ceil(at / 1000), id)
  elseif not works(redis.pcall('LPUSH', list, raw)) then
    return false
  end
  bells[bell] = true
  return true
end
local letters, gone, forgotten, unleased, unstarted = {}, {}, {}, {}, {}
local function add(groups, name, id)
  local group = groups[name]
  if not group then group = {} groups[name] = group end
  group[#group + 1] = id
end
for i = 1, n do
  local id, letter = ids[i], 'S'
  local size = tonumber(arg())
  local after = p + size
  if not alive[i] then
    letter = 'L'
  else
    local lease, started = key(), key()
    local meta = key()
    if meta then
      local value, ttl, final = arg(), arg(), arg()
      local store = { 'SET', meta, value, 'NX' }
      if ttl ~= '0' then store[5] = 'PX' store[6] = ttl end
      local stored = redis.call(unpack(store))
      if not stored then
        local old = redis.pcall('GET', meta)
        if type(old) == 'string' and is_final(old) then
          letter = 'F'
        else
          store[4] = nil
          if ttl ~= '0' then store = { 'SET', meta, value, 'PX', ttl } end
          redis.call(unpack(store))
          stored = true
        end
      end
      if stored then redis.call('PUBLISH', meta, value) end
    end
    local attempts = key()
    if attempts then
      local record = arg()
      if record == '' then
        forgotten[#forgotten + 1] = attempts
      elseif works(redis.pcall('RPUSH', attempts, record)) then
        redis.call('LTRIM', attempts, -20, -1)
        redis.call('PEXPIRE', attempts, 604800000)
      end
    end
    local op, parked = arg(), false
    if op == 'R' then
      if letter == 'F' then p = p + 7 elseif not send() then letter = 'E' end
    elseif op == 'Q' then
      local list, bell, side, raw = key(), key(), arg(), arg()
      if letter ~= 'F' then
        if raw == '' then
          local _, queue = place(id)
          raw = cut(redis.call('HGET', unacked, id), queue)
        end
        if works(redis.pcall(side == 'F' and 'RPUSH' or 'LPUSH', list, raw)) then bells[bell] = true else letter = 'E' end
      end
    elseif op == 'P' then
      local bell, due, at, queue, raw = key(), key(), arg(), arg(), arg()
      if letter ~= 'F' then
        if works(redis.pcall('ZADD', due, at, id)) then
          parked = true
          if raw ~= '' then redis.call('HSET', unacked, id, wrap(raw, queue)) end
          redis.call('ZADD', index, math.ceil(math.max(at, now) / 1000), id)
          bells[bell] = true
        else
          letter = 'E'
        end
      end
    elseif op == 'D' then
      local letter_key, stored, score, head, own, tail, ttl = key(), key(), arg(), arg(), arg(), arg(), arg()
      if letter ~= 'F' then
        local list = redis.pcall('LRANGE', stored, 0, -1)
        if not works(list) then list = {} end
        if own ~= '' then list[#list + 1] = own end
        redis.call('SET', letter_key, head .. table.concat(list, ',') .. tail, 'PX', ttl)
        redis.call('ZADD', KEYS[5], score, letter_key)
        redis.call('ZREMRANGEBYSCORE', KEYS[5], '-inf', '(' .. ms_text(now - ttl))
        forgotten[#forgotten + 1] = stored
      end
    end
    if letter ~= 'E' then
      for _ = 1, tonumber(arg()) do
        local seen, nonce, window = key(), arg(), arg()
        if seen and not redis.call('SET', seen, nonce, 'NX', 'PX', window) then
          p = p + 7
        elseif not send() then
          if seen then redis.call('DEL', seen) end
          letter = 'E'
        end
      end
    end
    if letter ~= 'E' then
      add(unleased, lease, id)
      add(unstarted, started, id)
      if not parked then gone[#gone + 1] = id end
    end
  end
  p = after
  letters[i] = letter
end
for bell in pairs(bells) do ring(bell) end
if #gone > 0 then
  redis.call('ZREM', index, unpack(gone))
  redis.call('HDEL', unacked, unpack(gone))
end
if #forgotten > 0 then redis.call('DEL', unpack(forgotten)) end
for lease, of in pairs(unleased) do redis.call('ZREM', lease, unpack(of)) end
for started, of in pairs(unstarted) do redis.call('HDEL', started, unpack(of)) end
local text = table.concat(letters)
redis.call('HSET', session, slot, sequence .. ' ' .. text)
redis.call('PEXPIRE', session, ARGV[3])
return text`;

export const settleScript: Script = { name: "settle", lua, atFull: true };
